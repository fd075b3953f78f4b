"""Who may connect, and from where: addresses, sockets, limits, idle clients, protected mode."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from tests.peers import free_port
from tests.resp import Connection, ConnectionClosed
from tests.unit.server.test_stopping import until


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_several_addresses(make_server) -> None:
    server = make_server(bind="127.0.0.1 127.0.0.2" + (" ::1" if has_ipv6() else " -::1"))
    for host in ("127.0.0.1", "127.0.0.2", *(["::1"] if has_ipv6() else [])):
        with Connection(server.port, host) as client:
            assert client.call("PING") == "PONG"
            info = client.call("CLIENT", "INFO").decode()
            local = f"[{host}]:{server.port}" if ":" in host else f"{host}:{server.port}"
            assert f" laddr={local} " in info
    with pytest.raises(OSError):
        Connection(server.port, "127.0.0.3")


def test_addresses_change_while_it_runs(make_server) -> None:
    server = make_server()
    port = free_port()
    with server.connect() as client:
        assert client.call("CONFIG", "SET", "bind", "127.0.0.1 127.0.0.2", "port", port) == "OK"
        with Connection(port, "127.0.0.2") as other:
            assert other.call("PING") == "PONG"
        with pytest.raises(OSError):
            Connection(server.port)
        assert client.call("CONFIG", "SET", "port", server.port) == "OK"


@pytest.mark.parametrize(("wanted", "mode"), [("700", 0o700), ("777", 0o777), ("0", None)])
def test_a_unix_socket(make_server, tmp_path: Path, wanted: str, mode: int | None) -> None:
    path = tmp_path / "socket"
    group = os.getgid()
    server = make_server(unixsocket=path, unixsocketperm=wanted, unixsocketgroup=group)
    found = path.stat()
    assert stat.S_ISSOCK(found.st_mode)
    if mode is not None:
        assert stat.S_IMODE(found.st_mode) == mode
    assert found.st_gid == group
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        sock.sendall(b"PING\r\nCLIENT INFO\r\n")
        text = b""
        while text.count(b"\n") < 4:
            text += sock.recv(4096)
    assert text.startswith(b"+PONG\r\n$")
    assert f" addr={path}:0 laddr={path}:0 ".encode() in text
    assert b" flags=U " in text
    server.stop()
    assert not path.exists()


def test_a_socket_that_was_left_behind(make_server, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    make_server(unixsocket=path)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        sock.sendall(b"PING\r\n")
        assert sock.recv(100) == b"+PONG\r\n"


def test_no_more_clients_than_there_may_be(make_server) -> None:
    server = make_server(maxclients="3")
    clients = []
    until(lambda: len(clients) == 3 or add(clients, server))
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        assert sock.recv(1000) == b"-ERR max number of clients reached\r\n"
        assert sock.recv(1000) == b""
    assert b"rejected_connections:" in clients[0].call("INFO", "stats")
    assert clients[0].call("CONFIG", "SET", "maxclients", "4") == "OK"
    with server.connect() as more:
        assert more.call("PING") == "PONG"
    for client in clients:
        client.close()


def add(clients: list[Connection], server) -> bool:
    client = server.connect()
    try:
        assert client.call("PING") == "PONG"
    except (ConnectionClosed, OSError, AssertionError):
        client.close()
    else:
        clients.append(client)
    return False


def test_idle_clients_are_closed_but_not_those_who_wait(make_server) -> None:
    server = make_server(timeout="1")
    with server.connect() as idle, server.connect() as waiting, server.connect() as subscriber:
        waiting.send("BLPOP", "nothing", "0")
        assert subscriber.call("SUBSCRIBE", "c") == [b"subscribe", b"c", 1]
        assert idle.call("PING") == "PONG"
        assert idle.is_closed_by_server()
        with server.connect() as client:
            assert client.call("PUBLISH", "c", "m") == 1
            assert client.call("RPUSH", "nothing", "v") == 1
        assert subscriber.read() == [b"message", b"c", b"m"]
        assert waiting.read() == [b"nothing", b"v"]


@pytest.mark.parametrize(("directive", "option", "seconds"), [("77", socket.TCP_KEEPIDLE, 77), ("0", None, 0)])
def test_silent_peers_are_probed(make_server, directive: str, option: int | None, seconds: int) -> None:
    server = make_server(tcp_keepalive=directive)
    with server.connect() as client:
        descriptor = int(client.call("CLIENT", "INFO").decode().partition(" fd=")[2].partition(" ")[0])
        # A copy of the server's own end.
        process = os.pidfd_open(server.pid)
        copy = pidfd_getfd(process, descriptor)
        os.close(process)
        with socket.socket(fileno=copy) as sock:
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == int(option is not None)
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
            if option is not None:
                assert sock.getsockopt(socket.IPPROTO_TCP, option) == seconds


def pidfd_getfd(process: int, descriptor: int) -> int:
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    copy = library.syscall(438, process, descriptor, 0)
    if copy < 0:
        pytest.skip(f"another process's descriptor cannot be had here: {os.strerror(ctypes.get_errno())}")
    return int(copy)


@pytest.fixture
def outside() -> str:
    """An address of this host that is not its loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this host has no address but its loopback")
        address = probe.getsockname()[0]
    if address.startswith("127."):
        pytest.skip("this host has no address but its loopback")
    return address


def test_protected_mode(make_server, outside: str) -> None:
    server = make_server(bind=f"127.0.0.1 {outside}")
    with socket.create_connection((outside, server.port), source_address=(outside, 0)) as sock:
        assert sock.recv(10_000).startswith(b"-DENIED Redpoll is in protected mode: no password is set")
        assert sock.recv(1000) == b""
    with server.connect() as client:
        assert client.call("CONFIG", "SET", "protected-mode", "no") == "OK"
        with Connection(server.port, outside) as other:
            assert other.call("PING") == "PONG"
        assert client.call("CONFIG", "SET", "protected-mode", "yes", "requirepass", "secret") == "OK"
        with Connection(server.port, outside) as other:
            assert str(other.call("PING")).startswith("NOAUTH ")
            assert other.call("AUTH", "secret") == "OK"
