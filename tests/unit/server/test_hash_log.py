"""What commands on hashes leave in the append-only log: words that mean the same whenever they are replayed."""

from pathlib import Path
from typing import Any

import pytest

from tests.peers import PeerMissing, ServerFailed, start
from tests.resp import Connection


def logged(folder: Path) -> list[list[bytes]]:
    """The commands in the incremental file."""
    commands = []
    data = b"".join(path.read_bytes() for path in sorted(folder.glob("appendonlydir/*.incr.aof")))
    at = 0
    while at < len(data):
        end = data.index(b"\r\n", at)
        words, at = [], end + 2
        for _ in range(int(data[data.rindex(b"*", 0, end) + 1 : end])):
            end = data.index(b"\r\n", at)
            size = int(data[at + 1 : end])
            words.append(data[end + 2 : end + 2 + size])
            at = end + 4 + size
        commands.append(words)
    return commands


def outcome(connection: Connection, key: str) -> list[tuple[Any, ...]]:
    """Fields, values and times of a hash."""
    pairs = connection.call("HGETALL", key)
    fields = pairs[::2]
    times = connection.call("HPEXPIRETIME", key, "FIELDS", len(fields), *fields) if fields else []
    return sorted(zip(fields, pairs[1::2], times, strict=True))


SCRIPT = """
HSET a x 1 y 2 z 3
HEXPIRE a 1000 FIELDS 2 x y
HEXPIRE a 500 GT FIELDS 2 x nothing
HEXPIRE a 2000 GT FIELDS 2 x z
HPERSIST a FIELDS 2 y z
HEXPIRE a 0 FIELDS 1 z
HINCRBYFLOAT a x 0.1
HINCRBYFLOAT a y 0.1
HSETEX b EX 1000 FIELDS 2 x 1 y 2
HSETEX b FNX PX 100000 FIELDS 1 z 3
HSETEX b FXX KEEPTTL FIELDS 1 x 9
HSETEX b XX FIELDS 1 y 8
HSETEX b PXAT 1 FIELDS 1 y 7
HGETEX b EX 5000 FIELDS 2 x nothing
HGETEX b PERSIST FIELDS 1 z
HGETEX b FIELDS 1 z
HGETDEL b FIELDS 2 z nothing
HSET c old 1
HIMPORT PREPARE u p q
HIMPORT SET c u 1 2
HIMPORT SET d u 3 4
HSET gone f 1
HPEXPIRE gone 0 FIELDS 1 f
HMSET e f 1
HSETNX e g 2
HINCRBY e f 3
HDEL e g
"""

RELATIVE = {b"HEXPIRE", b"HPEXPIRE", b"HINCRBYFLOAT", b"HGETEX", b"HGETDEL", b"HIMPORT"}


def test_the_log_replays_to_the_same_hashes(tmp_path: Path) -> None:
    server = start("redpoll", dir=str(tmp_path), appendonly="yes", appendfsync="always")
    try:
        with server.connect() as connection:
            for line in SCRIPT.strip().splitlines():
                connection.call(*line.split())
            before = {key: outcome(connection, key) for key in "abcde"}
            assert connection.call("EXISTS", "gone") == 0
    finally:
        server.stop()
    commands = logged(tmp_path)
    assert commands
    for words in commands:
        assert words[0].upper() not in RELATIVE
        assert not {b"EX", b"PX", b"FNX", b"FXX", b"NX", b"XX"} & set(words[2:3])
    assert [b"HSET", b"a", b"x", b"1.1"] in commands
    assert [b"HDEL", b"b", b"z", b"nothing"] in commands
    for target in ("redpoll", "redis82", "valkey91"):
        try:
            replayed = start(target, dir=str(tmp_path), appendonly="yes")
        except PeerMissing:
            continue
        except ServerFailed as failure:
            pytest.fail(str(failure))
        try:
            with replayed.connect() as connection:
                assert {key: outcome(connection, key) for key in "abcde"} == before
                assert connection.call("EXISTS", "gone") == 0
        finally:
            replayed.stop()
