"""HyperLogLogs: after the same commands the strings have the bytes of real servers; estimates are near the truth."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.peers import Server
from tests.property.test_strings import changes, flat, words
from tests.resp import Connection

SETTINGS = settings(max_examples=60)
KEYS = st.sampled_from(["a", "b", "c"])
ELEMENTS = st.one_of(
    st.integers(0, 50).map(str),
    st.integers(0, 10**6).map(str),
    st.binary(max_size=20),
    st.integers(1, 40).map(lambda size: b"x" * size),
)
MANY = st.tuples(st.integers(0, 10**6), st.sampled_from([30, 200, 900])).map(
    lambda pair: tuple(b"e%d" % number for number in range(pair[0], pair[0] + pair[1]))
)
# Runs as they come: most strings of them are damaged, some are whole.
DAMAGED = st.binary(max_size=24).map(lambda runs: b"HYLL\1\0\0\0" + b"\0" * 7 + b"\x80" + runs)
WHOLE = st.lists(st.integers(0, 255), max_size=60).map(lambda runs: whole(runs))
REQUESTS = st.one_of(
    words("PFADD", KEYS, st.lists(ELEMENTS, max_size=6)),
    words("PFADD", KEYS, MANY),
    words("PFCOUNT", KEYS),
    words("PFCOUNT", KEYS, KEYS, KEYS),
    words("PFMERGE", KEYS, KEYS),
    words("PFMERGE", KEYS, KEYS, KEYS, KEYS),
    words("PFDEBUG", "DECODE", KEYS),
    words("PFDEBUG", "ENCODING", KEYS),
    words("PFDEBUG", "TODENSE", KEYS),
    words("PFDEBUG", "GETREG", KEYS),
    words("SET", KEYS, DAMAGED),
    words("SET", KEYS, WHOLE),
    words("SETRANGE", KEYS, "4", st.sampled_from(["\0", "\1", "\2"])),
    words("SETRANGE", KEYS, st.integers(16, 12303).map(str), st.binary(min_size=1, max_size=2)),
    words("DEL", KEYS),
).map(flat)


def whole(codes: list[int]) -> bytes:
    """A sparse string with runs of these first bytes, as far as there are registers, and zeros behind them."""
    runs, left = b"", 16384
    for code in codes:
        length = (code & 3) + 1 if code & 128 else (code & 63) + 1
        if code & 0xC0 == 0x40 or length > left:
            continue
        runs += bytes([code])
        left -= length
    if left:
        runs += bytes([0x40 | (left - 1) >> 8, (left - 1) & 255])
    return b"HYLL\1\0\0\0" + b"\0" * 7 + b"\x80" + runs


@SETTINGS
@given(requests=st.lists(REQUESTS, min_size=1, max_size=20), limit=st.sampled_from([0, 30, 200, 3000]))
def test_strings_are_those_of_real_servers(
    server: Server, peer_server: Server, requests: list[tuple], limit: int
) -> None:
    with server.connect() as ours, peer_server.connect() as theirs:
        for connection in (ours, theirs):
            connection.call("FLUSHALL")
            connection.call("CONFIG", "SET", "hll-sparse-max-bytes", limit)
        before = changes(ours), changes(theirs)
        for request in requests:
            assert ours.call(*request) == theirs.call(*request), request
            for key in "abc":
                assert ours.call("GET", key) == theirs.call("GET", key), request
        assert changes(ours) - before[0] == changes(theirs) - before[1]
        for connection in (ours, theirs):
            connection.call("CONFIG", "SET", "hll-sparse-max-bytes", 3000)


@pytest.mark.parametrize("wide", ["ON", "OFF"])
def test_dense_ones_merge_alike(server: Server, peer_server: Server, wide: str) -> None:
    chance = random.Random(7)
    with server.connect() as ours, peer_server.connect() as theirs:
        ours.call("PFDEBUG", "SIMD", wide)
        registers = [bytes(chance.randrange(256) for _ in range(12288)) for _ in range(3)]
        for connection in (ours, theirs):
            connection.call("FLUSHALL")
            for key, packed in zip("abc", registers, strict=True):
                connection.call("SET", key, b"HYLL" + b"\0" * 11 + b"\x80" + packed)
            connection.call("PFADD", "d", *(f"e{number}" for number in range(500)))
            connection.call("PFMERGE", "e", "a", "b", "c", "d")
            connection.call("PFMERGE", "d", "a")
        for key in "de":
            assert ours.call("GET", key) == theirs.call("GET", key)
            assert ours.call("PFCOUNT", key) == theirs.call("PFCOUNT", key)
        assert ours.call("PFCOUNT", "a", "b", "c", "d") == theirs.call("PFCOUNT", "a", "b", "c", "d")
        ours.call("PFDEBUG", "SIMD", "ON")


@pytest.mark.parametrize("count", [1, 10, 100, 1_000, 10_000, 50_000])
def test_estimates_are_near(client: Connection, count: int) -> None:
    for first in range(0, count, 1000):
        client.call("PFADD", "h", *(f"element:{number}" for number in range(first, min(count, first + 1000))))
    error = abs(client.call("PFCOUNT", "h") - count)
    # Four times the standard error.
    assert error <= max(1, count * 4 * 1.04 / 128)
    assert client.call("PFCOUNT", "h", "missing") == client.call("PFCOUNT", "h")
    for first in range(0, count, 1000):
        client.call("SADD", "s", *(f"element:{number}" for number in range(first, min(count, first + 1000))))
    assert client.call("SUNIONCARD", "1", "s", "APPROX") == client.call("PFCOUNT", "h")
