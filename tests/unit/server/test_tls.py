"""TLS: handshakes, certificates and what is wrong with them, records of any size, renewal while serving."""

from __future__ import annotations

import contextlib
import os
import random
import select
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from redpoll.server import openssl
from redpoll.server.tls import first_certificate, parse_certificate, user_of
from tests import peers
from tests.resp import encode


class Files:
    """An authority, a server's certificate, a client's, all in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(folder / "ca.crt")
        self.renew()
        self.issue("client", self.authority)

    def renew(self) -> None:
        """Another certificate for the server, in the same files."""
        self.issue("server", self.authority)

    def issue(self, name: str, authority: trustme.CA) -> None:
        """A certificate and its key, named after its common name."""
        issued = authority.issue_cert("localhost", "127.0.0.1", common_name=name)
        issued.private_key_pem.write_to_path(self.folder / f"{name}.key")
        issued.cert_chain_pems[0].write_to_path(self.folder / f"{name}.crt")

    def options(self, port: int) -> dict[str, str | int]:
        """How a server is started with them."""
        return {
            "tls-port": port,
            "tls-cert-file": str(self.folder / "server.crt"),
            "tls-key-file": str(self.folder / "server.key"),
            "tls-ca-cert-file": str(self.folder / "ca.crt"),
        }

    def context(self, client: str | None = "client") -> ssl.SSLContext:
        """What a client connects with; None: it shows no certificate."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.crt"))
        if client:
            context.load_cert_chain(self.folder / f"{client}.crt", self.folder / f"{client}.key")
        return context


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("certificates"))


def connect(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=20), server_hostname="localhost")


def read(sock: ssl.SSLSocket, size: int) -> bytes:
    """So many bytes, or fewer at the end."""
    parts = []
    while size and (part := sock.recv(min(size, 1 << 20))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def ask(sock: ssl.SSLSocket, *words: bytes | str | int, reply: bytes) -> None:
    sock.sendall(encode(*words))
    assert read(sock, len(reply)) == reply


#: Redpoll where OpenSSL cannot be asked directly.
WITHOUT_LIBRARY = peers.Target(
    "redpoll",
    "redpoll",
    (),
    (
        sys.executable,
        "-c",
        """import sys; from redpoll.server import openssl; openssl.do_without()
from redpoll.__main__ import main; sys.exit(main())""",
    ),
)


@pytest.fixture(params=["openssl", "ssl"])
def tls_server(request: pytest.FixtureRequest, make_server: Callable[..., Any], files: Files) -> Callable[..., Any]:
    target = "redpoll" if request.param == "openssl" else WITHOUT_LIBRARY

    def start(**options: str | int) -> Any:
        port = peers.free_port()
        given = {name.replace("_", "-"): value for name, value in options.items()}
        server = make_server(target, **files.options(port) | given)
        server.tls_port = port
        server.asks_openssl = target == "redpoll"
        return server

    return start


only_with_library = pytest.mark.parametrize("tls_server", ["openssl"], indirect=True)


def test_the_library_is_found() -> None:
    """Where this fails the server still works, but slower, and some directives do nothing."""
    assert openssl.available()


def test_commands_over_tls(tls_server: Callable[..., Any], files: Files) -> None:
    server = tls_server()
    with connect(server.tls_port, files.context()) as sock:
        assert sock.version() == "TLSv1.3"
        ask(sock, "SET", "key", "value", reply=b"+OK\r\n")
        ask(sock, "GET", "key", reply=b"$5\r\nvalue\r\n")


@pytest.mark.parametrize("mode", ["YES", "SYNC"])
def test_a_script_is_debugged_over_tls(tls_server: Callable[..., Any], files: Files, mode: str) -> None:
    server = tls_server()
    with connect(server.tls_port, files.context()) as sock:
        ask(sock, "SCRIPT", "DEBUG", mode, reply=b"+OK\r\n")
        first = b"*2\r\n+* Stopped at 1, stop reason = step over\r\n+-> 1   local a = 1\r\n"
        ask(sock, "EVAL", "local a = 1\nreturn a", "0", reply=first)
        ask(sock, "maxlen", reply=b"*1\r\n+<value> replies are truncated at 256 bytes.\r\n")
        ask(sock, "c", reply=b"*1\r\n+<endsession>\r\n:1\r\n")
        assert sock.recv(1) == b""
    with connect(server.tls_port, files.context()) as sock:
        ask(sock, "PING", reply=b"+PONG\r\n")


def test_a_pipeline_longer_than_a_record(tls_server: Callable[..., Any], files: Files) -> None:
    """More is decrypted at once than the loop has asked for, and nobody tells it that there is more."""
    server = tls_server()
    with connect(server.tls_port, files.context()) as sock:
        count = 20_000
        sock.sendall(encode("PING") * count)
        assert read(sock, 7 * count) == b"+PONG\r\n" * count


def test_values_of_many_records(tls_server: Callable[..., Any], files: Files) -> None:
    server = tls_server()
    value = os.urandom(3_000_001)
    with connect(server.tls_port, files.context()) as sock:
        ask(sock, "SET", "big", value, reply=b"+OK\r\n")
        sock.sendall(encode("GET", "big") * 4)
        expected = b"$%d\r\n%s\r\n" % (len(value), value)
        assert read(sock, 4 * len(expected)) == 4 * expected


def test_records_cut_anywhere(tls_server: Callable[..., Any], files: Files) -> None:
    """Requests of all sizes in pieces of all sizes: what one read brings ends in the middle of both."""
    server = tls_server()
    chance = random.Random(1)
    sizes = [chance.choice((1, 40, 900, 16_000, 16_384, 20_000, 33_000, 70_000)) for _ in range(300)]
    sent = b"".join(encode("ECHO", b"%d" % number * size) for number, size in enumerate(sizes))
    parts = [b"%d" % number * size for number, size in enumerate(sizes)]
    expected = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
    with connect(server.tls_port, files.context()) as sock, connect(server.tls_port, files.context()) as other:
        received = bytearray()
        sock.setblocking(False)
        at = 0
        piece = b""
        deadline = time.monotonic() + 60
        while len(received) < len(expected) and time.monotonic() < deadline:
            idle = True
            if at < len(sent):
                # What was not taken has to be offered again as it was.
                piece = piece or sent[at : at + chance.choice((7, 500, 16_384, 100_000))]
                with contextlib.suppress(ssl.SSLWantWriteError, ssl.SSLWantReadError):
                    at += sock.send(piece)
                    piece = b""
                    idle = False
            with contextlib.suppress(ssl.SSLWantReadError):
                received += sock.recv(1 << 20)
                idle = False
            if idle:
                select.select([sock], [sock] if at < len(sent) else [], [], 5)
        assert received == expected
        ask(other, "PING", reply=b"+PONG\r\n")


def test_commands_behind_one_that_waits(tls_server: Callable[..., Any], files: Files) -> None:
    server = tls_server()
    with connect(server.tls_port, files.context()) as sock, connect(server.tls_port, files.context()) as other:
        value = b"v" * 30_000
        sock.sendall(encode("PING") * 500 + encode("BLPOP", "list", 0) + encode("ECHO", value) * 20)
        assert read(sock, 7 * 500) == b"+PONG\r\n" * 500
        ask(other, "RPUSH", "list", "x", reply=b":1\r\n")
        expected = b"*2\r\n$4\r\nlist\r\n$1\r\nx\r\n" + (b"$30000\r\n%s\r\n" % value) * 20
        assert read(sock, len(expected)) == expected


def test_a_sender_that_never_stops_stalls_nobody(tls_server: Callable[..., Any], files: Files) -> None:
    server = tls_server()
    with connect(server.tls_port, files.context()) as busy, connect(server.tls_port, files.context()) as quick:
        ask(busy, "CLIENT", "REPLY", "OFF", reply=b"")
        stop = threading.Event()

        def send() -> None:
            with contextlib.suppress(OSError):
                while not stop.is_set():
                    busy.sendall(encode("SET", "k", "v" * 1000) * 200)

        sender = threading.Thread(target=send)
        sender.start()
        try:
            for _ in range(20):
                ask(quick, "PING", reply=b"+PONG\r\n")
        finally:
            stop.set()
            sender.join()


def test_a_reader_that_takes_its_time_stalls_nobody(tls_server: Callable[..., Any], files: Files) -> None:
    server = tls_server()
    with connect(server.tls_port, files.context()) as slow, connect(server.tls_port, files.context()) as quick:
        value = b"x" * 1_000_000
        ask(slow, "SET", "big", value, reply=b"+OK\r\n")
        slow.sendall(encode("GET", "big") * 30)
        for _ in range(10):
            ask(quick, "PING", reply=b"+PONG\r\n")
        expected = (b"$%d\r\n%s\r\n" % (len(value), value)) * 30
        assert read(slow, len(expected)) == expected


def test_bytes_one_by_one(tls_server: Callable[..., Any], files: Files) -> None:
    server = tls_server()
    with connect(server.tls_port, files.context()) as sock:
        for byte in encode("ECHO", "drop by drop"):
            sock.sendall(bytes([byte]))
        assert read(sock, 19) == b"$12\r\ndrop by drop\r\n"


def test_the_end_is_told(tls_server: Callable[..., Any], files: Files) -> None:
    server = tls_server()
    context = files.context()
    sock = context.wrap_socket(
        socket.create_connection(("127.0.0.1", server.tls_port), timeout=20),
        server_hostname="localhost",
        suppress_ragged_eofs=False,
    )
    ask(sock, "QUIT", reply=b"+OK\r\n")
    assert sock.recv(1) == b""
    sock.close()


@pytest.mark.parametrize("auth", ["yes", "optional", "no"])
def test_clients_without_a_certificate(tls_server: Callable[..., Any], files: Files, auth: str) -> None:
    server = tls_server(tls_auth_clients=auth)
    if auth == "yes":
        with pytest.raises((ssl.SSLError, ConnectionError)), connect(server.tls_port, files.context(None)) as sock:
            # In TLS 1.3 the client is done before the server has seen its certificate.
            ask(sock, "PING", reply=b"+PONG\r\n")
    else:
        with connect(server.tls_port, files.context(None)) as sock:
            ask(sock, "PING", reply=b"+PONG\r\n")


@pytest.mark.parametrize("auth", ["yes", "optional"])
def test_clients_of_another_authority(tls_server: Callable[..., Any], files: Files, auth: str) -> None:
    server = tls_server(tls_auth_clients=auth)
    files.issue("stranger", trustme.CA())
    with pytest.raises((ssl.SSLError, ConnectionError)), connect(server.tls_port, files.context("stranger")) as sock:
        ask(sock, "PING", reply=b"+PONG\r\n")


def test_users_by_certificate(tls_server: Callable[..., Any], files: Files) -> None:
    server = tls_server(tls_auth_clients_user="CN")
    files.issue("nobody", files.authority)
    with connect(server.tls_port, files.context()) as sock:
        ask(sock, "ACL", "WHOAMI", reply=b"$7\r\ndefault\r\n")
        ask(sock, "ACL", "SETUSER", "client", "on", "+acl|whoami", reply=b"+OK\r\n")
    with connect(server.tls_port, files.context()) as sock:
        ask(sock, "ACL", "WHOAMI", reply=b"$6\r\nclient\r\n")
        ask(sock, "GET", "k", reply=b"-NOPERM User client has no permissions to run the 'get' command\r\n")
    with connect(server.tls_port, files.context("nobody")) as sock:
        ask(sock, "ACL", "WHOAMI", reply=b"$7\r\ndefault\r\n")
    with server.connect() as client:
        assert b"acl_access_denied_tls_cert:2\r\n" in client.call("INFO", "stats")


def test_what_is_no_tls_is_closed(tls_server: Callable[..., Any], files: Files) -> None:
    server = tls_server()
    with socket.create_connection(("127.0.0.1", server.tls_port), timeout=20) as plain:
        plain.sendall(b"PING\r\n")
        with contextlib.suppress(ConnectionResetError):
            while plain.recv(100):
                pass
    with connect(server.tls_port, files.context()) as sock:
        ask(sock, "PING", reply=b"+PONG\r\n")


def test_old_versions_are_refused(tls_server: Callable[..., Any], files: Files) -> None:
    server = tls_server(tls_protocols="TLSv1.3")
    context = files.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(server.tls_port, context)
    with connect(server.tls_port, files.context()) as sock:
        ask(sock, "PING", reply=b"+PONG\r\n")


@only_with_library
@pytest.mark.parametrize("suite", ["TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"])
def test_suites_of_tls_1_3(tls_server: Callable[..., Any], files: Files, suite: str) -> None:
    server = tls_server(tls_ciphersuites=suite)
    with connect(server.tls_port, files.context()) as sock:
        assert sock.cipher()[0] == suite
        refused = (
            b"-ERR CONFIG SET failed (possibly related to argument 'tls-ciphersuites') - "
            b"Unable to update TLS configuration. Check server logs.\r\n"
        )
        ask(sock, "CONFIG", "SET", "tls-ciphersuites", "TLS_NOTHING", reply=refused)
        ask(sock, "CONFIG", "SET", "tls-ciphersuites", "TLS_AES_256_GCM_SHA384", reply=b"+OK\r\n")
    with connect(server.tls_port, files.context()) as sock:
        assert sock.cipher()[0] == "TLS_AES_256_GCM_SHA384"
    assert "TLS_NOTHING" in server.log()


@pytest.mark.parametrize("tls_server", ["ssl"], indirect=True)
def test_what_this_python_has_no_way_for_is_told(tls_server: Callable[..., Any]) -> None:
    server = tls_server(tls_session_cache_size=100)
    with server.connect() as client:
        assert client.call("PING") == "PONG"
    assert "'tls-session-cache-size' is kept, but" in server.log()
    server = tls_server(tls_session_caching="no")
    with server.connect() as client:
        assert client.call("PING") == "PONG"
    assert "'tls-session-caching' is kept, but" in server.log()
    if not hasattr(ssl.SSLContext, "set_ciphersuites"):
        with pytest.raises(peers.ServerFailed, match="tls-ciphersuites TLS_AES_256_GCM_SHA384: this Python"):
            tls_server(tls_ciphersuites="TLS_AES_256_GCM_SHA384")


def resumed(port: int, context: ssl.SSLContext, session: ssl.SSLSession | None) -> tuple[bool, ssl.SSLSession | None]:
    """Whether a connection could take up a session again, and the one that it ends with."""
    link = socket.create_connection(("127.0.0.1", port), timeout=20)
    with context.wrap_socket(link, server_hostname="localhost", session=session) as sock:
        # In TLS 1.3 the ticket comes with the first reply.
        ask(sock, "PING", reply=b"+PONG\r\n")
        reused, taken = bool(sock.session_reused), sock.session
        # Sessions that end without a word are forgotten.
        sock.unwrap().close()
        return reused, taken


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("tickets", [True, False])
@pytest.mark.parametrize("caching", ["yes", "no"])
def test_sessions_are_taken_up_again(
    tls_server: Callable[..., Any], files: Files, version: ssl.TLSVersion, tickets: bool, caching: str
) -> None:
    if not tickets and version == ssl.TLSVersion.TLSv1_3:
        pytest.skip("TLS 1.3 resumes by tickets alone")
    server = tls_server(tls_session_caching=caching, tls_session_cache_timeout=77)
    context = files.context()
    context.maximum_version = version
    if not tickets:
        context.options |= ssl.OP_NO_TICKET
    first, session = resumed(server.tls_port, context, None)
    assert not first
    if caching == "no" and version == ssl.TLSVersion.TLSv1_3:
        assert session is None or not session.has_ticket
        return
    again, _ = resumed(server.tls_port, context, session)
    # `ssl` itself has no way to forget sessions of TLS 1.2.
    assert again == (caching == "yes" or not server.asks_openssl)


@only_with_library
def test_how_long_and_how_many_sessions_are_remembered(tls_server: Callable[..., Any], files: Files) -> None:
    server = tls_server(tls_session_cache_timeout=77, tls_session_cache_size=1)
    _, session = resumed(server.tls_port, files.context(), None)
    assert session is not None
    assert session.ticket_lifetime_hint == 77
    context = files.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET
    _, older = resumed(server.tls_port, context, None)
    _, newer = resumed(server.tls_port, context, None)
    assert resumed(server.tls_port, context, newer)[0]
    assert not resumed(server.tls_port, context, older)[0]


def test_a_session_taken_up_again_is_the_same_user(tls_server: Callable[..., Any], files: Files) -> None:
    server = tls_server(tls_auth_clients_user="CN")
    with server.connect() as client:
        assert client.call("ACL", "SETUSER", "client", "on", "+acl|whoami", "+ping") == "OK"
    context = files.context()
    _, session = resumed(server.tls_port, context, None)
    link = socket.create_connection(("127.0.0.1", server.tls_port), timeout=20)
    with context.wrap_socket(link, server_hostname="localhost", session=session) as sock:
        assert sock.session_reused
        ask(sock, "ACL", "WHOAMI", reply=b"$6\r\nclient\r\n")


def test_plain_and_tls_side_by_side(tls_server: Callable[..., Any], files: Files) -> None:
    server = tls_server()
    with connect(server.tls_port, files.context()) as sock:
        ask(sock, "SET", "shared", "1", reply=b"+OK\r\n")
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as plain:
        plain.sendall(encode("GET", "shared"))
        assert plain.recv(100) == b"$1\r\n1\r\n"


def test_a_renewed_certificate_is_used(tmp_path: Path, make_server: Callable[..., Any]) -> None:
    own = Files(tmp_path)
    port = peers.free_port()
    make_server(**own.options(port))
    with connect(port, own.context()) as old:
        before = old.getpeercert(binary_form=True)
        own.renew()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with connect(port, own.context()) as new:
                if new.getpeercert(binary_form=True) != before:
                    break
        else:
            pytest.fail("the old certificate is still shown")
        # Who came before stays.
        ask(old, "PING", reply=b"+PONG\r\n")


def test_a_broken_renewal_changes_nothing(tmp_path: Path, make_server: Callable[..., Any]) -> None:
    own = Files(tmp_path)
    port = peers.free_port()
    make_server(**own.options(port))
    with connect(port, own.context()) as sock:
        (tmp_path / "server.crt").write_text("this is no certificate")
        wanted = (
            b"-ERR CONFIG SET failed (possibly related to argument 'tls-auth-clients') - "
            b"Unable to update TLS configuration. Check server logs.\r\n"
        )
        ask(sock, "CONFIG", "SET", "tls-auth-clients", "no", reply=wanted)
        ask(sock, "CONFIG", "GET", "tls-auth-clients", reply=b"*2\r\n$16\r\ntls-auth-clients\r\n$3\r\nyes\r\n")
    with connect(port, own.context()) as sock:
        ask(sock, "PING", reply=b"+PONG\r\n")


def test_turned_on_while_running(make_server: Callable[..., Any], files: Files) -> None:
    server = make_server()
    port = peers.free_port()
    with server.connect() as client:
        options = files.options(port)
        tls_port = options.pop("tls-port")
        assert client.call("CONFIG", "SET", *[word for pair in options.items() for word in pair]) == "OK"
        assert client.call("CONFIG", "SET", "tls-port", tls_port) == "OK"
        with connect(port, files.context()) as sock:
            ask(sock, "PING", reply=b"+PONG\r\n")
        info = client.call("INFO", "tls")
        serial = first_certificate(str(files.folder / "server.crt")).serial
        assert f"tls_server_cert_serial:{serial}".encode() in info
        assert b"name=tls,bind=" in client.call("INFO", "server")
        assert client.call("CONFIG", "SET", "tls-port", 0) == "OK"
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


@pytest.mark.parametrize("damage", [b"", b"0", b"\x30\x82\xff\xff\x30", bytes(40)])
def test_certificates_that_are_none(damage: bytes, tmp_path: Path) -> None:
    with pytest.raises((ValueError, IndexError)):
        parse_certificate(damage)
    (tmp_path / "bad.crt").write_bytes(b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----")
    assert first_certificate(str(tmp_path / "bad.crt")) is None
    assert first_certificate("") is None


def test_serial_and_validity_are_those_that_ssl_reads(files: Files) -> None:
    context = ssl.create_default_context(cafile=str(files.folder / "ca.crt"))
    expected = context.get_ca_certs()[0]
    found = first_certificate(str(files.folder / "ca.crt"))
    assert found is not None
    assert found.serial.lstrip("0") == str(expected["serialNumber"]).lstrip("0")
    assert found.expires == ssl.cert_time_to_seconds(str(expected["notAfter"]))


def test_names_in_certificates() -> None:
    peer = {
        "subject": ((("organizationName", "o"),), (("commonName", "alice"),)),
        "subjectAltName": (("DNS", "a"), ("URI", "urn:alice")),
    }
    assert user_of(peer, "CN") == "alice"
    assert user_of(peer, "URI") == "urn:alice"
    assert user_of({}, "CN") is None
    assert user_of({"subject": ()}, "URI") is None
