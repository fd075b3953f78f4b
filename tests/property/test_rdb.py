"""Payloads and files that are damaged at random: refused, or values like any others; never anything else."""

import os
import random
from pathlib import Path

import pytest
from redpoll.engine.keyspace import Keyspace
from redpoll.formats.crc64 import checksum
from redpoll.formats.payload import BadPayload, dump, restore
from redpoll.persistence.rdb_load import load
from redpoll.persistence.rdb_reader import DamagedFile, RdbReader

from redpoll import commands
from tests import rdb_builder as build
from tests.unit.formats import test_rdb_values as known

commands.load()
ROUNDS = int(os.environ.get("REDPOLL_FUZZ_ROUNDS", "4000"))

FLAT = [word for pair in known.PAIRS.items() for word in pair]
BODIES: dict[str, bytes] = {
    "list": b"\x01" + build.length(4) + build.strings(b"a", 1, b"x" * 70, -5),
    "list of a ziplist": b"\x0a" + build.string(build.ziplist(known.ITEMS[:8])),
    "list of ziplists": b"\x0e\x02" + 2 * build.string(build.ziplist(known.ITEMS[:8])),
    "list of nodes": b"\x12\x02\x02"
    + build.string(build.listpack(known.ITEMS[:8]))
    + b"\x01"
    + build.string(b"z" * 90),
    "set": b"\x02" + build.length(3) + build.strings(b"a", b"b", 17),
    "intset": b"\x0b" + build.string(build.intset([-5, 3, 70000])),
    "packed set": b"\x14" + build.string(build.listpack([b"a", b"b", 17])),
    "old sorted set": b"\x03\x02\x01a\x031.5\x01b\xfe",
    "sorted set": b"\x05\x02\x01a" + bytes(8) + b"\x01b" + bytes(6) + b"\xf0?",
    "ziplist sorted set": b"\x0c" + build.string(build.ziplist([b"a", 1, b"b", b"2.5"])),
    "packed sorted set": b"\x11" + build.string(build.listpack([b"a", 1, b"b", b"2.5"])),
    "hash": b"\x04\x04" + build.strings(*FLAT),
    "zipmap": b"\x09" + build.string(build.zipmap(known.PAIRS, unused=2)),
    "ziplist hash": b"\x0d" + build.string(build.ziplist(FLAT)),
    "packed hash": b"\x10" + build.string(build.listpack(FLAT)),
    "hash with times": b"\x18"
    + build.fixed(known.FAR)
    + b"\x02\x06"
    + build.strings(b"a", 1)
    + b"\0"
    + build.strings(b"b", 2),
    "packed hash with times": b"\x19"
    + build.fixed(known.FAR)
    + build.string(build.listpack([b"c", 3, known.FAR, b"b", 2, 0])),
    "template": b"\x1d\x02" + build.strings(b"age", b"name") + build.string(build.listpack([42, b"x"])),
    "array": b"\x1c"
    + known.array_body(
        (0, 1, b"\xff" * 8),
        (3, 2, bytes(6) + b"\xf8\x3f"),
        (4, 3, build.string(b"short")),
        *((100 + number, 0, build.string(b"a text of some length")) for number in range(12)),
        (2**40, 0, build.string(b"z" * 90)),
        inserted=4,
    ),
    "string": b"\x00\xc3\x09\x40\x46\x01cc\xe0\x39\x00\x01cc",
} | {
    f"stream {kind}": bytes([kind])
    + known.stream_body(
        kind,
        pending=["1-1", "2-2", "5-0"][: 3 if kind == 27 else 1],
        owned=["1-1", "5-0"][: 1 + (kind == 27)],
        given_back=["2-2"],
    )
    for kind in (15, 19, 21, 26, 27)
}


def damaged(source: random.Random, body: bytes) -> bytes:
    """The bytes with one to four changes: some other, gone, doubled, or a length of extremes."""
    raw = bytearray(body)
    for _ in range(source.randrange(1, 5)):
        at = source.randrange(len(raw)) if raw else 0
        way = source.randrange(6)
        if way == 0 and raw:
            raw[at] = source.randrange(256)
        elif way == 1 and raw:
            raw[at] ^= 1 << source.randrange(8)
        elif way == 2:
            del raw[at : at + source.randrange(1, 9)]
        elif way == 3:
            raw[at:at] = raw[at : at + source.randrange(1, 20)]
        elif way == 4:
            raw[at : at + 1] = source.choice(
                (b"\x80\xff\xff\xff\xff", b"\x81" + b"\xff" * 8, b"\x40\x00", b"\xc3\x01\x7f\xff")
            )
        elif raw:
            raw[at] = source.choice((0, 1, 127, 128, 253, 254, 255))
    return bytes(raw)


@pytest.mark.parametrize("name", BODIES)
def test_damaged_payloads(name: str) -> None:
    source = random.Random(name)
    db = Keyspace(1, now=known.NOW).databases[0]
    restore(db, b"k", known.sealed(BODIES[name]))
    restored = 0
    for _ in range(ROUNDS):
        version = 80 if source.randrange(8) == 0 else 11
        try:
            restore(db, b"k", known.sealed(damaged(source, BODIES[name]), version))
        except BadPayload:
            continue
        restored += 1
        again = dump(db, b"k")
        restore(db, b"again", again)
        assert db.contents(b"again") == db.contents(b"k")
        assert dump(db, b"again") == again
        assert db.memory(b"k") > 0
    assert restored < ROUNDS
    db.delete(b"k")
    db.delete(b"again")


def file_of_all() -> bytes:
    raw = b"REDIS0011\xfa\x09redis-ver\x057.2.0\xfe\x00\xfb\x40\x80\x02\xf5\x05#!lua"
    for number, (name, body) in enumerate(BODIES.items()):
        if number % 3 == 0:
            raw += b"\xfc" + build.fixed(known.FAR)
        if number % 4 == 0:
            raw += b"\xf8" + build.length(1000)
        raw += body[:1] + build.string(name.encode()) + body[1:]
    return raw + b"\xff"


def load_bytes(tmp_path: Path, raw: bytes, *, verifying: bool = True):
    path = tmp_path / "x.rdb"
    path.write_bytes(raw)
    keyspace = Keyspace(16, now=known.NOW)
    with path.open("rb", buffering=0) as file:
        return keyspace, load(
            keyspace, RdbReader(keyspace, file.fileno(), name="x.rdb", size=len(raw), verifying=verifying)
        )


def test_a_file_of_everything(tmp_path: Path) -> None:
    raw = file_of_all()
    keyspace, loaded = load_bytes(tmp_path, raw + checksum(raw).to_bytes(8, "little"))
    assert loaded.keys == len(BODIES) == len(keyspace.databases[0])
    assert loaded.functions == [b"#!lua"]
    assert loaded.aux == {b"redis-ver": b"7.2.0"}
    for name, body in BODIES.items():
        restore(keyspace.databases[1], name.encode(), known.sealed(body))
        assert keyspace.databases[0].contents(name.encode()) == keyspace.databases[1].contents(name.encode())


def test_every_cut_of_a_file_is_refused(tmp_path: Path) -> None:
    raw = file_of_all()
    raw += checksum(raw).to_bytes(8, "little")
    for cut in range(0, len(raw), 7):
        with pytest.raises(DamagedFile):
            load_bytes(tmp_path, raw[:cut])


def test_every_flipped_byte_of_a_file_is_refused(tmp_path: Path) -> None:
    raw = file_of_all()
    raw += checksum(raw).to_bytes(8, "little")
    source = random.Random(8)
    for at in range(0, len(raw), 5):
        with pytest.raises(DamagedFile):
            load_bytes(tmp_path, raw[:at] + bytes([raw[at] ^ (1 << source.randrange(8))]) + raw[at + 1 :])


def test_damaged_files_without_a_checksum(tmp_path: Path) -> None:
    source = random.Random(9)
    raw = file_of_all()
    whole = 0
    reasons: list[tuple[int, str]] = []
    for _ in range(2 * ROUNDS):
        bad = raw[:9] + damaged(source, raw[9:]) + bytes(8)
        try:
            load_bytes(tmp_path, bad, verifying=False)
            whole += 1
        except DamagedFile as error:
            reasons.append((error.offset, error.reason))
    assert whole < 2 * ROUNDS
    assert all(0 <= offset <= 2 * len(raw) and reason for offset, reason in reasons)
