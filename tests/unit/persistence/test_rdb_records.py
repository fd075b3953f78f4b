"""RDB files of every version, and every record that stands in one beside its keys."""

import os
import struct

import pytest
from redpoll.engine.keyspace import Keyspace
from redpoll.formats.crc64 import checksum
from redpoll.persistence.rdb_load import Loaded, load
from redpoll.persistence.rdb_reader import DamagedFile, RdbReader

from redpoll import commands
from tests import rdb_builder as build
from tests.unit.formats.test_rdb_values import FAR, NOW, SCORES, stream_body

commands.load()

# What each version of Redis and Valkey may write, and the first version of RDB that has it.
KINDS: dict[int, tuple[int, bytes]] = {
    0: (1, build.string(b"text")),
    1: (1, build.length(2) + build.strings(b"a", b"b")),
    2: (1, build.length(2) + build.strings(b"a", b"b")),
    3: (1, build.length(1) + build.string(b"a") + build.string(b"1.5")),
    4: (1, build.length(2) + build.strings(b"f", b"v", b"g", b"w")),
    9: (2, build.string(build.zipmap({b"f": b"v"}))),
    10: (2, build.string(build.ziplist([b"a", 1]))),
    11: (2, build.string(build.intset([1, 2]))),
    12: (2, build.string(build.ziplist([b"a", 1]))),
    13: (4, build.string(build.ziplist([b"f", b"v"]))),
    14: (7, build.length(1) + build.string(build.ziplist([b"a", 1]))),
    5: (8, build.length(1) + build.string(b"a") + struct.pack("<d", SCORES[0][1])),
    15: (9, stream_body(15, pending=["1-1"], owned=["1-1"])),
    16: (10, build.string(build.listpack([b"f", b"v"]))),
    17: (10, build.string(build.listpack([b"a", 1]))),
    18: (10, build.length(1) + b"\x02" + build.string(build.listpack([b"a", 1]))),
    19: (10, stream_body(19, pending=["1-1"], owned=["1-1"])),
    20: (11, build.string(build.listpack([b"a", 1]))),
    21: (11, stream_body(21, pending=["1-1"], owned=["1-1"])),
    22: (12, build.length(1) + build.length(FAR) + build.strings(b"f", b"v")),
    23: (12, build.string(build.listpack([b"f", b"v", FAR]))),
    24: (12, build.fixed(FAR) + build.length(1) + build.length(1) + build.strings(b"f", b"v")),
    25: (12, build.fixed(FAR) + build.string(build.listpack([b"f", b"v", FAR]))),
    26: (13, stream_body(26, pending=["1-1"], owned=["1-1"])),
    27: (14, stream_body(27, pending=["1-1", "2-2"], owned=["1-1"], given_back=["2-2"])),
}
CHECKSUM_SINCE = 5


def file_of(body: bytes, version: int = 11, magic: bytes = b"") -> bytes:
    """A file with these records, its end and its checksum."""
    raw = (magic or b"REDIS%04d" % version) + body + b"\xff"
    return raw + checksum(raw).to_bytes(8, "little") if version >= CHECKSUM_SINCE else raw


def read(raw: bytes) -> tuple[Keyspace, Loaded]:
    keyspace = Keyspace(16, now=NOW)
    descriptor = os.memfd_create("rdb")
    try:
        os.write(descriptor, raw)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return keyspace, load(keyspace, RdbReader(keyspace, descriptor, size=len(raw)))
    finally:
        os.close(descriptor)


def key_of(name: bytes, kind: int = 0, body: bytes = b"\x01v") -> bytes:
    return bytes([kind]) + build.string(name) + body


def refused(raw: bytes) -> str:
    with pytest.raises(DamagedFile) as caught:
        read(raw)
    return str(caught.value)


@pytest.mark.parametrize("version", range(1, 17))
def test_every_version_of_redis(version: int) -> None:
    """With all kinds of values that there were by then; the first ones have no checksum."""
    kinds = {kind: body for kind, (since, body) in KINDS.items() if since <= version}
    raw = file_of(b"\xfe\x00" + b"".join(key_of(b"%d" % kind, kind, body) for kind, body in kinds.items()), version)
    keyspace, loaded = read(raw)
    assert (loaded.version, loaded.keys, loaded.empty) == (version, len(kinds), 0)
    assert sorted(keyspace.databases[0].live_keys()) == sorted(b"%d" % kind for kind in kinds)
    assert keyspace.databases[0].contents(b"1") == ("list", [b"a", b"b"])


@pytest.mark.parametrize("version", range(80, 90))
def test_every_version_of_valkey(version: int) -> None:
    hash_ = build.length(2) + build.strings(b"a", 1) + build.fixed(-1) + build.strings(b"b", b"y") + build.fixed(FAR)
    keyspace, loaded = read(file_of(key_of(b"h", 22, hash_), version, b"VALKEY%03d" % version))
    assert (loaded.version, loaded.keys) == (version, 1)
    kind, words = keyspace.databases[0].contents(b"h")
    assert (kind, dict(zip(words[::2], words[1::2], strict=True))) == ("hash", {b"a": b"1", b"b": b"y"})


@pytest.mark.parametrize("version", [0, 17, 79, 90, 9999])
def test_versions_that_are_not_known(version: int) -> None:
    assert f"RDB version {version:04d} is not known" in refused(file_of(b"", version))


def test_times_and_last_accesses() -> None:
    far_s = 2**31 - 1  # it is a signed number of four bytes
    keyspace, loaded = read(
        file_of(
            b"\xfd" + struct.pack("<I", far_s) + key_of(b"seconds")
            + b"\xfc" + build.fixed(FAR) + key_of(b"milliseconds")
            + b"\xfd" + struct.pack("<I", NOW // 1000 - 5) + key_of(b"gone")
            + b"\xfd" + struct.pack("<i", -5) + key_of(b"before 1970")
            + b"\xfc" + build.fixed(-2) + key_of(b"just before")
            + b"\xf9\x07" + key_of(b"frequency")
            + b"\xf8" + build.length(5) + b"\xfc" + build.fixed(FAR) + key_of(b"idle")
            + key_of(b"plain")
        )
    )  # fmt: skip
    db = keyspace.databases[0]
    assert (loaded.keys, loaded.expired) == (5, 3)
    assert [db.expiry(name) for name in (b"seconds", b"milliseconds", b"frequency", b"idle", b"plain")] == [
        far_s * 1000, FAR, -1, FAR, -1,
    ]  # fmt: skip
    assert db.describe(b"idle")["idle"] == 5


def test_databases_their_sizes_and_their_slots() -> None:
    body = b"\xfe\x00\xfb\x02\x01" + b"\xf4" + build.length(866) + b"\x01\x00" + key_of(b"one") + key_of(b"two")
    body += b"\xfe" + build.length(9) + b"\xfb\x40\xff\x00" + key_of(b"nine")
    keyspace, loaded = read(file_of(body, 12))
    assert loaded.keys == 3
    assert (len(keyspace.databases[0]), len(keyspace.databases[9])) == (2, 1)
    assert "only 16" in refused(file_of(b"\xfe\x10" + key_of(b"k")))


def test_functions_and_facts() -> None:
    _, loaded = read(file_of(b"\xfa" + build.strings(b"name", 17) + b"\xf5" + build.string(b"#!lua name=a\n")))
    assert (loaded.aux, loaded.functions) == ({b"name": b"17"}, [b"#!lua name=a\n"])
    assert "release candidate of Redis 7.0" in refused(file_of(b"\xf6" + build.strings(b"a", b"LUA") + b"\x00\x01x"))


def module_number(name: str, version: int = 1) -> int:
    """The number that stands for a module's type."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    number = 0
    for letter in name:
        number = number << 6 | letters.index(letter)
    return number << 10 | version


def test_data_of_modules() -> None:
    """Beside the keys it is left out with a warning; a key of a module's type is refused by its name."""
    number = module_number("ReJSON-RL", 3)
    data = (
        b"\x01" + build.length(5) + b"\x02" + build.length(1 << 40) + b"\x03" + struct.pack("<f", 1.5)
        + b"\x04" + struct.pack("<d", 2.5) + b"\x05" + build.string(b"text") + b"\x00"
    )  # fmt: skip
    for when in (1, 2):
        aux = b"\xf7" + build.length(number) + build.length(2) + build.length(when) + data
        _, loaded = read(file_of(aux + key_of(b"k")))
        assert loaded.keys == 1
        assert [warning for warning in loaded.warnings if "ReJSON-RL" in warning]
    assert "data of a module that is damaged" in refused(file_of(b"\xf7" + build.length(number) + b"\x02\x01\x07"))
    for kind in (6, 7):
        told = refused(file_of(key_of(b"document", kind, build.length(number) + data)))
        assert f"in key b'document' (type {kind})" in told
        assert "a value of a module that is not loaded" in told
    assert "a key with data of a module" in refused(file_of(b"\xf3\x01" + key_of(b"k"), 13))


def test_an_import_of_slots_that_was_under_way() -> None:
    ranges = b"\xf3" + build.string(b"job") + build.length(2) + b"".join(map(build.length, (0, 99, 300, 16383)))
    _, loaded = read(file_of(ranges + key_of(b"k"), 80, b"VALKEY080"))
    assert loaded.keys == 1


def test_hashes_that_share_their_fields() -> None:
    """A template once, then hashes that name its number."""
    body = b"\xf2" + build.length(7) + build.length(2) + build.strings(b"age", b"name")
    body += b"\xf2" + build.length(8) + build.length(1) + build.strings(b"x")
    body += key_of(b"one", 30, build.string(build.listpack([7, 42, b"Ann"])))
    body += key_of(b"two", 32, build.length(7) + build.strings(43, b"Bob"))
    body += key_of(b"three", 30, build.string(build.listpack([8, b"y"])))
    keyspace, _ = read(file_of(body, 16))
    found = {name: keyspace.databases[0].contents(name)[1] for name in (b"one", b"two", b"three")}
    assert found == {
        b"one": [b"age", b"42", b"name", b"Ann"],
        b"two": [b"age", b"43", b"name", b"Bob"],
        b"three": [b"x", b"y"],
    }
    assert "not there" in refused(file_of(body + key_of(b"four", 32, build.length(9) + build.strings(1)), 16))


@pytest.mark.parametrize("record", [0xEF, 0xF1])
def test_records_that_are_not_known(record: int) -> None:
    assert "does not know" in refused(file_of(bytes([record]) + b"\x01k\x01v"))


def test_a_key_that_comes_twice() -> None:
    assert "in key b'k' (type 0): a key that was there already" in refused(file_of(key_of(b"k") + key_of(b"k")))
