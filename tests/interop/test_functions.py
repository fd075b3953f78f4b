"""Functions beside real servers: payloads and files both ways, and what others see while a function runs."""

import shutil
import time
from pathlib import Path

import pytest

from tests.peers import PeerMissing, Pool, Server
from tests.resp import Connection, ErrorReply

REAL = ("redis70", "redis82", "valkey91")
LIBRARIES = [
    f"#!lua name=lib{number}\n-- {'x' * 100 * number}\n"
    f"redis.register_function('f{number}', function(keys, args) return {{{number}, keys[1], args[1]}} end)"
    for number in range(1, 5)
]
SPIN = (
    "#!lua name=spin\n"
    "redis.register_function('spin', function() while true do end end)\n"
    "redis.register_function('catch', function() while true do pcall(function() while true do end end) end end)\n"
    "redis.register_function('writing', function(keys) redis.call('SET', keys[1], 'v')\n"
    "  repeat local found = redis.call('GET', keys[1]) until found ~= 'v' end)"
)


def load_all(connection: Connection) -> None:
    connection.call("FUNCTION", "FLUSH")
    for code in LIBRARIES:
        assert isinstance(connection.call("FUNCTION", "LOAD", code), bytes)


def check_all(connection: Connection) -> None:
    for number in range(1, 5):
        assert connection.call("FCALL", f"f{number}", "1", "k", "a") == [number, b"k", b"a"]
    listed = connection.call("FUNCTION", "LIST", "WITHCODE")
    assert isinstance(listed, list)
    assert sorted(one[7] for one in listed) == [code.encode() for code in LIBRARIES]


@pytest.mark.parametrize("name", REAL)
def test_payloads_go_both_ways(server_pool: Pool, name: str) -> None:
    try:
        theirs = server_pool.get(name)
    except PeerMissing as problem:
        pytest.skip(str(problem))
    ours = server_pool.get("redpoll")
    for source, target in ((theirs, ours), (ours, theirs)):
        with source.connect() as one, target.connect() as other:
            load_all(one)
            payload = one.call("FUNCTION", "DUMP")
            assert other.call("FUNCTION", "RESTORE", payload, "FLUSH") == "OK"
            check_all(other)


@pytest.mark.parametrize("name", REAL[1:])
def test_files_go_both_ways(make_server, tmp_path: Path, name: str) -> None:
    for source, target in ((name, "redpoll"), ("redpoll", name)):
        one, other = make_server(source), make_server(target, enable_debug_command="yes")
        with one.connect() as connection:
            load_all(connection)
            connection.call("SET", "key", "value")
            assert connection.call("SAVE") == "OK"
        with other.connect() as connection:
            shutil.copy(one.folder / "dump.rdb", other.folder / "dump.rdb")
            assert connection.call("DEBUG", "RELOAD", "NOSAVE") == "OK"
            check_all(connection)
            assert connection.call("GET", "key") == b"value"


@pytest.mark.parametrize("preamble", [False, True])
def test_the_log_keeps_functions(make_server, tmp_path: Path, preamble: bool) -> None:
    server = make_server(dir=str(tmp_path), appendonly="yes")
    with server.connect() as connection:
        load_all(connection)
        connection.call("FUNCTION", "LOAD", SPIN)
        connection.call("FUNCTION", "DELETE", "spin")
        connection.call("FLUSHALL")
        connection.call("FCALL", "f1", "0")
        if preamble:
            assert not isinstance(connection.call("BGREWRITEAOF"), ErrorReply)
            deadline = time.monotonic() + 20
            while b"aof_rewrite_in_progress:1" in connection.call("INFO", "persistence"):
                assert time.monotonic() < deadline
    server.stop()
    again = make_server(dir=str(tmp_path), appendonly="yes")
    with again.connect() as connection:
        check_all(connection)


def wait_until_busy(connection: Connection) -> None:
    deadline = time.monotonic() + 20
    while connection.call("PING") == "PONG":
        assert time.monotonic() < deadline


def test_a_slow_function_is_told_of_and_killed(networked_server: Server) -> None:
    busy = "BUSY "
    with networked_server.connect() as caller, networked_server.connect() as other:
        other.call("CONFIG", "SET", "busy-reply-threshold", "20")
        other.call("FUNCTION", "LOAD", "REPLACE", SPIN)
        for name in ("spin", "catch"):
            caller.send("FCALL", name, "1", "k", "a b")
            wait_until_busy(other)
            stats = other.call("FUNCTION", "STATS")
            assert isinstance(stats, list)
            running = stats[1]
            assert running[:4] == [b"name", name.encode(), b"command", [b"FCALL", name.encode(), b"1", b"k", b"a b"]]
            assert running[4] == b"duration_ms"
            assert running[5] >= 15
            for words in (["GET", "k"], ["SCRIPT", "KILL"], ["FUNCTION", "LIST"], ["FCALL", "x", "0"]):
                assert str(other.call(*words)).startswith(busy)
            assert other.call("FUNCTION", "KILL") == "OK"
            assert "killed by user" in str(caller.read())
            assert other.call("FUNCTION", "STATS")[1] is None
        assert str(other.call("FUNCTION", "KILL")).startswith("NOTBUSY")
        caller.send("EVAL", "while true do end", "0")
        wait_until_busy(other)
        assert str(other.call("FUNCTION", "STATS")).startswith(busy)
        assert str(other.call("FUNCTION", "KILL")).startswith(busy)
        assert other.call("SCRIPT", "KILL") == "OK"
        assert "killed by user" in str(caller.read())
        other.call("CONFIG", "SET", "busy-reply-threshold", "5000")
        other.call("FUNCTION", "FLUSH")


def test_a_function_that_wrote_cannot_be_killed(make_server) -> None:
    server = make_server(busy_reply_threshold="20")
    with server.connect() as caller, server.connect() as other:
        other.call("FUNCTION", "LOAD", SPIN)
        caller.send("FCALL", "writing", "1", "k")
        wait_until_busy(other)
        assert str(other.call("FUNCTION", "KILL")).startswith("UNKILLABLE")
        other.send("SHUTDOWN", "NOSAVE")
        assert server.process.wait(20) == 0


def test_info_tells_of_functions(any_server: Server) -> None:
    with any_server.connect() as connection:
        load_all(connection)
        text = connection.call("INFO", "memory")
        assert isinstance(text, bytes)
        facts = dict(line.split(b":", 1) for line in text.split(b"\r\n") if b":" in line)
        assert facts[b"number_of_functions"] == b"4"
        if b"number_of_libraries" in facts:
            assert facts[b"number_of_libraries"] == b"4"
        assert int(facts[b"used_memory_vm_functions"]) > 10_000
        assert int(facts[b"used_memory_functions"]) > 1_000
        connection.call("FUNCTION", "FLUSH")
