"""INFO keysizes and the hashes of INFO keyspace: what real servers tell of the same keys; and large databases."""

from __future__ import annotations

import re

import pytest

from tests.resp import Connection
from tests.unit.server.test_stopping import until


def fill(client: Connection) -> None:
    """Keys of all types, encodings and sizes."""
    for size in (0, 1, 2, 3, 44, 45, 1000, 1024, 40_000):
        client.call("SET", f"text:{size}", "x" * size)
    client.call("SET", "number", "1234567")
    for size in (1, 2, 100, 200, 3000):
        names = [f"member:{number}" for number in range(size)]
        client.call("RPUSH", f"list:{size}", *names)
        client.call("SADD", f"set:{size}", *names)
        client.call("SADD", f"numbers:{size}", *range(size))
        client.call("ZADD", f"zset:{size}", *[word for number in range(size) for word in (number, names[number])])
        client.call("HSET", f"hash:{size}", *[word for name in names for word in (name, "v")])
    client.call("XADD", "stream", "*", "f", "v")


def told(client: Connection) -> list[str]:
    """The lines of the section, in any order."""
    text = client.call("INFO", "keysizes").decode()
    return sorted(line for line in text.split("\r\n") if "distrib" in line)


def test_sizes_are_those_of_a_real_server(make_server) -> None:
    with make_server().connect() as own, make_server("redis82").connect() as real:
        for client in (own, real):
            fill(client)
        assert told(own) == told(real)
        for client in (own, real):
            client.call("SELECT", "3")
            client.call("RPUSH", "l", "a", "b", "c")
        assert told(own) == told(real)
        for client in (own, real):
            client.call("FLUSHALL")
        assert told(own) == told(real) == []


def test_hashes_with_times_are_those_of_a_real_server(make_server) -> None:
    with make_server().connect() as own, make_server("redis82").connect() as real:
        for client in (own, real):
            fill(client)
            for key in ("hash:1", "hash:100", "hash:3000"):
                client.call("HEXPIRE", key, "10000", "FIELDS", "1", "member:0")
        shown = [re.findall(rb"subexpiry=(\d+)", client.call("INFO", "keyspace")) for client in (own, real)]
        assert shown[0] == shown[1] == [b"3"]
        # Redis finds out about this only when the field would have expired.
        own.call("HPERSIST", "hash:100", "FIELDS", "1", "member:0")
        assert b"subexpiry=2" in own.call("INFO", "keyspace")


def test_memory_is_told_where_it_is_asked_for(make_server) -> None:
    with make_server().connect() as client:
        fill(client)
        assert not [line for line in told(client) if "lists_sizes" in line]
        assert client.call("CONFIG", "SET", "key-memory-histograms", "yes") == "OK"
        for kind in ("lists", "sets", "zsets", "hashes"):
            (line,) = [line for line in told(client) if f"_{kind}_sizes" in line]
            counted = sum(int(part.partition("=")[2]) for part in line.partition(":")[2].split(","))
            assert counted == (10 if kind == "sets" else 5)


@pytest.mark.parametrize("size", [1, 30])
def test_a_large_database_is_walked_through_meanwhile(make_server, size: int) -> None:
    server = make_server(hz="500", enable_debug_command="yes")
    with server.connect() as client:
        client.call("DEBUG", "POPULATE", "60000", "key", str(size))
        bound = 1 << (size.bit_length() - 1)
        line = f"db0_distrib_strings_sizes:{bound}="
        until(lambda: f"{line}60000\r\n" in client.call("INFO", "keysizes").decode())
        client.call("FLUSHALL")
        assert "distrib" not in client.call("INFO", "keysizes").decode()
        client.call("SET", "k", "v")
        assert "db0_distrib_strings_sizes:1=1\r\n" in client.call("INFO", "keysizes").decode()


def test_threads_tell_of_their_work(make_server) -> None:
    server = make_server(io_threads="3")
    clients = [server.connect() for _ in range(20)]
    for _ in range(20):
        for client in clients:
            client.send("PING")
        for client in clients:
            assert client.read() == "PONG"
    text = clients[0].call("INFO", "threads").decode()
    found = re.findall(r"io_thread_(\d):clients=(\d+),reads=(\d+),writes=(\d+)", text)
    assert [number for number, *_ in found] == ["0", "1", "2"]
    assert sum(int(reads) for _, _, reads, _ in found) >= 400
    assert sum(int(clients) for _, clients, _, _ in found) == 20
    for client in clients:
        client.close()
