"""DUMP and RESTORE between servers: every value in every encoding goes from each to each and back."""

import pytest

from tests.conftest import missing
from tests.data import rdb_values
from tests.peers import PeerMissing, Pool, Server
from tests.resp import Connection, ErrorReply

REAL = ("redis70", "redis82", "valkey91")
NEWEST = {"redis70": 10, "redis82": 12, "valkey91": 11}
"""The newest version of RDB that each can take from Redpoll."""


def fields_expire(server: Server) -> bool:
    return server.target.name != "redis70"


def make(connection: Connection, server: Server, family: str) -> dict[str, bytes]:
    """Make the values of a family, and return their payloads."""
    payloads = {}
    for command in rdb_values.BEFORE:
        connection.call(*command)
    for key, commands in rdb_values.values(fields_expire(server)):
        if key.startswith(family) and "expires" not in key:
            for command in commands:
                reply = connection.call(*command)
                assert not isinstance(reply, ErrorReply), (command, reply)
            payload = connection.call("DUMP", key)
            assert isinstance(payload, bytes)
            payloads[key] = payload
    return payloads


def server_of(pool: Pool, name: str) -> Server:
    try:
        return pool.get(name)
    except PeerMissing as problem:
        missing(problem)
        raise


def contents(connection: Connection, key: str) -> object:
    """What is compared: a digest; of hashes with times all fields, as servers digest them differently."""
    if "times" not in key:
        return connection.call("DEBUG", "DIGEST-VALUE", key)
    words = connection.call("HGETALL", key)
    assert isinstance(words, list)
    times = connection.call("HPEXPIRETIME", key, "FIELDS", len(words) // 2, *words[::2])
    assert isinstance(times, list)
    return sorted(zip(words[::2], words[1::2], times, strict=True))


@pytest.mark.parametrize("family", rdb_values.FAMILIES)
@pytest.mark.parametrize("name", REAL)
def test_what_a_real_server_dumps_is_restored_here(make_server, name: str, family: str) -> None:
    theirs = make_server(name, enable_debug_command="yes")
    ours = make_server(enable_debug_command="yes")
    with theirs.connect() as there, ours.connect() as here:
        payloads = make(there, theirs, family)
        for key, payload in payloads.items():
            assert here.call("RESTORE", key, 0, payload) == "OK", key
            assert here.call("OBJECT", "ENCODING", key), key
            assert contents(here, key) == contents(there, key), key
        for key in payloads:
            back = here.call("DUMP", key)
            if back[-10] > NEWEST[name]:
                # Packed sets, streams as they are now; and for Valkey, Redis's hashes with times.
                assert isinstance(there.call("RESTORE", f"back:{key}", 0, back), ErrorReply)
                continue
            assert there.call("RESTORE", f"back:{key}", 0, back) == "OK", key
            assert contents(there, f"back:{key}") == contents(there, key), key


@pytest.mark.parametrize("family", rdb_values.FAMILIES)
def test_the_same_value_has_the_same_bytes(make_server, family: str) -> None:
    theirs = make_server("redis82", enable_debug_command="yes")
    ours = make_server(enable_debug_command="yes")
    with theirs.connect() as there, ours.connect() as here:
        expected = make(there, theirs, family)
        made = make(here, ours, family)
    for key in expected:
        if not key.endswith("_unordered") and key != "stream:groups":
            assert made[key][:-10] == expected[key][:-10], key
