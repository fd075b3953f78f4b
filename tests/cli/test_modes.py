"""Modes of the command line with a whole server: both clients print the same where what they print is the server's."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from redpoll.persistence import check_rdb
from tests import peers
from tests.peers import Server

OURS = [sys.executable, "-m", "redpoll.cli"]
LIBRARY = "#!lua name=mine\nredis.register_function('f', function() return 1 end)"
_FIGURES = re.compile(r"-?\d+(?:\.\d+)?")


@pytest.fixture(scope="module")
def filled() -> Iterator[Server]:
    """A server with keys of every type; which are asked for most is known."""
    with peers.running("redpoll", maxmemory_policy="allkeys-lfu", enable_debug_command="yes") as server:
        with server.connect() as client:
            for number in range(30):
                client.call("SET", f"key{number}", "v" * number)
            for number in range(20):
                client.call("RPUSH", f"list{number % 3}", number)
                client.call("HSET", "hash", number, 1)
                client.call("ZADD", "zset", number, number)
                client.call("XADD", "stream", f"{number + 1}-1", "a", "b")
            client.call("SADD", "set", *range(25))
            client.call("SET", 'qu"ote\n', "x")
            client.call("FUNCTION", "LOAD", LIBRARY)
        yield server


def run(client: list[str], server: Server, words: tuple[str, ...], given: bytes = b"", **more: str) -> tuple:
    """Run a client to its end: exit code, output, error output."""
    environment = {name: value for name, value in os.environ.items() if "CLI_" not in name} | {"TERM": "dumb"} | more
    done = subprocess.run(
        [*client, "-p", str(server.port), *words],
        input=given, capture_output=True, env=environment, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


@contextlib.contextmanager
def started(client: list[str], server: Server, *words: str) -> Iterator[subprocess.Popen]:
    """Run a client that does not end by itself."""
    process = subprocess.Popen(
        [*client, "-p", str(server.port), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.communicate()


def read_until(process: subprocess.Popen, text: str, seconds: float = 20.0) -> str:
    """Return what a client printed up to the line with a text."""
    assert process.stdout is not None
    deadline, seen = time.monotonic() + seconds, b""
    while text.encode() not in seen or not seen.endswith(b"\n"):
        left = max(0.0, deadline - time.monotonic())
        ready = select.select([process.stdout], [], [], left)[0]
        byte = os.read(process.stdout.fileno(), 1) if ready else b""
        assert byte, f"{text!r} was not printed:\n{seen.decode()}"
        seen += byte
    return seen.decode("utf-8", "replace")


@pytest.mark.parametrize(
    "words",
    [
        ("--scan",),
        ("--scan", "--pattern", "key1*"),
        ("--scan", "--quoted-pattern", '"key\\x31*"'),
        ("--scan", "--no-raw"),
        ("--scan", "--json"),
        ("--scan", "--csv", "--pattern", "list?"),
        ("--scan", "-i", "0.001"),
        ("-3", "--json", "HGETALL", "hash"),
        ("-3", "--quoted-json", "HGETALL", "hash"),
        ("-3", "--no-raw", "HGETALL", "hash"),
        ("--no-raw", "XRANGE", "stream", "-", "3"),
        ("--csv", "LRANGE", "list0", "0", "-1"),
        ("-n", "3", "DBSIZE"),
        ("-r", "3", "-i", "0.001", "PING"),
        ("-e", "GET", "hash"),
        ("GET", "hash"),
    ],
    ids=" ".join,
)
def test_what_ends(theirs: list[str], filled: Server, words: tuple[str, ...]) -> None:
    assert run(OURS, filled, words) == run(theirs, filled, words)


def told(text: str) -> list[str]:
    """Return lines in order, without shares of the work: the other client counts them by pages of SCAN."""
    return sorted(re.sub(r"^\[[\d.]+%\] ", "", line) for line in text.splitlines())


@pytest.mark.parametrize("mode", ["--bigkeys", "--memkeys", "--hotkeys"])
def test_keys_that_stand_out(theirs: list[str], filled: Server, mode: str) -> None:
    ours, other = run(OURS, filled, (mode,)), run(theirs, filled, (mode,))
    assert ours[0] == other[0] == 0
    # The other client tells of types in an order of its own.
    assert told(ours[1]) == told(other[1])


def test_samples_of_memory(theirs: list[str], filled: Server) -> None:
    words = ("--memkeys-samples", "0")
    assert told(run(OURS, filled, words)[1]) == told(run(theirs, filled, words)[1])


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("return {KEYS[1], ARGV[1], ARGV[2]}", ("a", ",", "b", "c")),
        ("return {KEYS[1], ARGV[1] or 'none'}", ("a", "b")),
        ("return redis.error_reply('ERR mine')", ()),
        ("return foo bar", ()),
        ("return {1, {2, {'x'}}}", ()),
    ],
)
def test_scripts(theirs: list[str], filled: Server, tmp_path: Path, script: str, words: tuple[str, ...]) -> None:
    path = tmp_path / "script.lua"
    path.write_text(script)
    for form in ((), ("--no-raw",), ("-e",)):
        line = (*form, "--eval", str(path), *words)
        assert run(OURS, filled, line) == run(theirs, filled, line)


@pytest.mark.parametrize(
    "given", [b"", b"SET a 1\r\nGET a\r\n", b"SET a 1\r\nNOSUCH\r\nHGET a\r\n", b"*1\r\n$4\r\nPING\r\n"]
)
def test_the_pipe(theirs: list[str], make_server: Any, given: bytes) -> None:
    server = make_server()
    assert run(OURS, server, ("--pipe",), given) == run(theirs, server, ("--pipe",), given)


@pytest.fixture
def primary(make_server: Any) -> Server:
    """A server that replicas may follow."""
    server = make_server("redis70", repl_diskless_sync_delay=0)
    with server.connect() as client:
        for number in range(38):
            client.call("SET", number, number)
        client.call("FUNCTION", "LOAD", LIBRARY)
    return server


def test_a_file_that_cannot_be_written(theirs: list[str], primary: Server) -> None:
    words = ("--rdb", "/nonexistent/file")
    assert run(OURS, primary, words) == run(theirs, primary, words)


def test_files_are_fetched_whole(theirs: list[str], primary: Server, tmp_path: Path) -> None:
    told = []
    for name, client in (("ours", OURS), ("theirs", theirs)):
        path = tmp_path / name
        done = run(client, primary, ("--rdb", str(path)))
        told.append((done[0], _FIGURES.sub("#", done[1] + done[2].replace(str(path), "path"))))
        report = check_rdb.check(str(path), 0)
        assert (report.error, report.keys, len(report.reader.functions)) == (None, 38, 1)
        done = run(client, primary, ("--functions-rdb", str(path)))
        told.append((done[0], _FIGURES.sub("#", done[1] + done[2].replace(str(path), "path"))))
        report = check_rdb.check(str(path), 0)
        assert (report.error, report.keys, len(report.reader.functions)) == (None, 0, 1)
    assert told[:2] == told[2:]


def test_a_file_to_the_standard_output(primary: Server, tmp_path: Path) -> None:
    done = subprocess.run([*OURS, "-p", str(primary.port), "--rdb", "-"], capture_output=True, timeout=60, check=True)
    path = tmp_path / "file"
    path.write_bytes(done.stdout)
    report = check_rdb.check(str(path), 0)
    assert (report.error, report.keys) == (None, 38)


def test_latency_off_the_terminal(theirs: list[str], filled: Server) -> None:
    for form in ((), ("--csv",), ("--raw",)):
        line = (*form, "--latency", "-i", "0.05")
        ours, other = run(OURS, filled, line), run(theirs, filled, line)
        assert _FIGURES.sub("#", ours[1]) == _FIGURES.sub("#", other[1])


@pytest.mark.parametrize("form", [("--no-raw",), ("--raw",), ("--csv",)])
def test_messages_and_what_others_do(theirs: list[str], filled: Server, form: tuple[str, ...]) -> None:
    seen = []
    for command in (OURS, theirs):
        with (
            started(["stdbuf", "-oL", *command], filled, *form, "SUBSCRIBE", "news") as client,
            filled.connect() as other,
        ):
            deadline = time.monotonic() + 30
            while other.call("PUBLISH", "news", "hello") != 1:
                assert time.monotonic() < deadline
            seen.append(read_until(client, "hello"))
    assert seen[0] == seen[1]
    with started(OURS, filled, *form, "MONITOR") as client, filled.connect() as other:
        read_until(client, "OK")
        other.call("ECHO", "to be seen")
        assert "ECHO" in read_until(client, "to be seen")


def test_encrypted(theirs: list[str], make_server: Any, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    for name in ("server", "client"):
        issued = authority.issue_cert("localhost", "127.0.0.1", common_name=name)
        issued.private_key_pem.write_to_path(tmp_path / f"{name}.key")
        issued.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.crt")
    port = peers.free_port()
    server = make_server(
        tls_port=port, tls_cert_file=tmp_path / "server.crt", tls_key_file=tmp_path / "server.key",
        tls_ca_cert_file=tmp_path / "ca.crt",
    )  # fmt: skip
    with server.connect() as client:
        client.call("ACL", "SETUSER", "joe", "on", ">pw", "~*", "+@all")
    pair = ("--cert", str(tmp_path / "client.crt"), "--key", str(tmp_path / "client.key"))
    trust = ("--cacert", str(tmp_path / "ca.crt"))
    at = ("-p", str(port))
    lines: list[tuple[str, ...]] = [
        (*at, "--tls", *trust, *pair, "PING"),
        (*at, "--tls", "--insecure", *pair, "PING"),
        (*at, "--tls", *trust, *pair, "--sni", "localhost", "-3", "--user", "joe", "-a", "pw", "ACL", "WHOAMI"),
        ("--no-auth-warning", "-u", f"rediss://joe:pw@127.0.0.1:{port}/2", *trust, *pair, "ACL", "WHOAMI"),
        (*at, "--tls", *trust, *pair, "--user", "joe", "-a", "wrong", "--no-auth-warning", "PING"),
    ]
    for line in lines:
        assert run(OURS, server, line) == run(theirs, server, line)
    assert run(OURS, server, (*at, "--tls", *pair, "PING"))[0] == 1  # an authority that nobody knows


def test_percentiles_of_latency(filled: Server) -> None:
    words = ("--latency", "--latency-percentiles", "50,99.9", "-i", "0.05")
    figure = r"\d+\.\d{3}"
    forms = {
        ("--no-raw",): rf"min: {figure}, max: {figure}, avg: {figure} \(\d+ samples\), p50: {figure}, p99\.9: {figure}",
        ("--raw",): rf"{figure} {figure} {figure} \d+ {figure} {figure}\n",
        ("--csv",): rf"{figure},{figure},{figure},\d+,{figure},{figure}\n",
        ("--json",): rf'\{{"min": {figure}, "max": {figure}, "avg": {figure}, "count": \d+, '
        rf'"percentiles": \{{"50": {figure}, "99\.9": {figure}\}}\}}\n',
    }
    for form, pattern in forms.items():
        if form == ("--no-raw",):
            with started(OURS, filled, *form, *words[:3], "--latency-history", "-i", "0.05") as client:
                assert re.search(pattern, read_until(client, "seconds range"))
        else:
            assert re.fullmatch(pattern, run(OURS, filled, (*form, *words))[1])
    assert run(OURS, filled, ("--latency", "--latency-percentiles", "50,101"))[0] == 1


def test_how_many_hot_keys(filled: Server) -> None:
    output = run(OURS, filled, ("--hotkeys", "--hotkeys-count", "2"))[1]
    assert output.count("hot key found with counter") == 2
    assert run(OURS, filled, ("--hotkeys", "--hotkeys-count", "0"))[1].count("hot key found with counter") == 0
