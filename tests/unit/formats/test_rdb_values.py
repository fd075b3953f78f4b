"""Values of every type that RDB ever had, put together by hand, into the engine; and what damaged ones are told."""

import struct
from collections.abc import Sequence

import pytest
from redpoll.engine.keyspace import Keyspace
from redpoll.formats.crc64 import checksum
from redpoll.formats.payload import BadPayload, dump, restore

from redpoll import commands
from tests import rdb_builder as build

commands.load()
FAR = 4102444800000
NOW = 1700000000000


def sealed(body: bytes, version: int = 11) -> bytes:
    body += version.to_bytes(2, "little")
    return body + checksum(body).to_bytes(8, "little")


@pytest.fixture
def keyspace() -> Keyspace:
    return Keyspace(1, now=NOW)


@pytest.fixture
def db(keyspace: Keyspace):
    return keyspace.databases[0]


def loaded(db, kind: int, body: bytes, version: int = 11):
    """What a payload holds: (type, contents), checked against what it is written as and read again."""
    restore(db, b"k", sealed(bytes([kind]) + body, version))
    found = db.contents(b"k")
    if found[0] == "zset":
        found = ("zset", [word if place % 2 == 0 else float(word) for place, word in enumerate(found[1])])
    again = dump(db, b"k")
    restore(db, b"again", again)
    assert db.contents(b"again") == db.contents(b"k")
    assert dump(db, b"again") == again
    return found


def refused(db, kind: int, body: bytes, version: int = 11) -> str:
    with pytest.raises(BadPayload) as caught:
        restore(db, b"bad", sealed(bytes([kind]) + body, version))
    assert db.contents(b"bad") is None
    return str(caught.value)


# Strings


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"\x00", b""),
        (b"\x05hello", b"hello"),
        (b"\x40\x05hello", b"hello"),
        (b"\x80\x00\x00\x00\x05hello", b"hello"),
        (b"\x81" + bytes(7) + b"\x05hello", b"hello"),
        (b"\xc0\xff", b"-1"),
        (b"\xc1\x00\x80", b"-32768"),
        (b"\xc2\xff\xff\xff\x7f", b"2147483647"),
        (b"\xc3\x09\x40\x46\x01cc\xe0\x39\x00\x01cc", b"c" * 70),
        (build.string(b"x" * 5000), b"x" * 5000),
    ],
)
def test_strings(db, body: bytes, text: bytes) -> None:
    assert loaded(db, 0, body) == ("string", [text])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "it ends too early"),
        (b"\x05hell", "a length that reaches beyond the end"),
        (b"\x80\xff\xff\xff\xffx", "a length that reaches beyond the end"),
        (b"\x81\xff\xff\xff\xff\xff\xff\xff\xffx", "a length that reaches beyond the end"),
        (b"\x82\x00\x00\x00\x01x", "a length in an unknown encoding"),
        (b"\xc1\x00", "it ends too early"),
        (b"\xc4x", "a string in an unknown encoding"),
        (b"\xc3\x09\x40\x47\x01cc\xe0\x39\x00\x01cc", "a compressed string that is damaged"),
        (
            b"\xc3\x09\x81\x00\x00\x00\xff\xff\xff\xff\xff\x01cc\xe0\x39\x00\x01cc",
            "a compressed string that is damaged",
        ),
        (b"\xc3\x00\x05", "a compressed string that is damaged"),
    ],
)
def test_damaged_strings(db, body: bytes, reason: str) -> None:
    assert refused(db, 0, body).startswith(reason)


@pytest.mark.parametrize("kind", [6, 7, 8, 33, 34, 100, 242, 255])
def test_types_that_cannot_be_read(db, kind: int) -> None:
    assert "a type" in refused(db, kind, b"\x00" * 30) or "a module" in refused(db, kind, b"\x00" * 30)


def test_payloads_that_are_none(db) -> None:
    for payload in (
        b"",
        b"x" * 9,
        sealed(b"\x00\x01v", 17),
        sealed(b"\x00\x01v", 79),
        sealed(b"\x00\x01v")[:-1] + b"x",
    ):
        with pytest.raises(BadPayload, match="the version or the checksum is wrong"):
            restore(db, b"k", payload)
    for version in (1, 9, 16, 80):
        restore(db, b"k", sealed(b"\x00\x01v", version))
    restore(db, b"k", b"\x00\x01v\x0b\x00" + bytes(8))
    with pytest.raises(BadPayload, match="a collection without elements"):
        restore(db, b"k", sealed(b""))


# Lists

ITEMS = [b"a", 1, -1, 300, b"x" * 70, 1 << 40, b"", -70000, 12, 13, b"y" * 20000, 8_000_000]
AS_TEXT = [b"%d" % item if isinstance(item, int) else item for item in ITEMS]


def test_lists(db) -> None:
    expected = ("list", AS_TEXT)
    assert loaded(db, 1, build.length(len(ITEMS)) + build.strings(*ITEMS)) == expected
    assert loaded(db, 10, build.string(build.ziplist(ITEMS))) == expected
    assert loaded(db, 10, build.string(build.ziplist(ITEMS, wide=True))) == expected
    halves = build.string(build.ziplist(ITEMS[:5])) + build.string(build.ziplist(ITEMS[5:]))
    assert loaded(db, 14, build.length(2) + halves) == expected
    nodes = b"\x02" + build.string(build.listpack(ITEMS[:10])) + b"\x01" + build.string(ITEMS[10])
    nodes += b"\x02" + build.string(build.listpack(ITEMS[11:]))
    assert loaded(db, 18, build.length(3) + nodes) == expected


def test_damaged_lists(db) -> None:
    assert "without elements" in refused(db, 1, b"\x00")
    assert "without elements" in refused(db, 18, b"\x01\x02" + build.string(build.listpack([])))
    assert "an unknown kind" in refused(db, 18, b"\x01\x03\x01a")
    assert "an empty element" in refused(db, 18, b"\x01\x01\x00")
    assert "beyond the end" in refused(db, 1, b"\x80\x7f\xff\xff\xff\x01a")
    assert "a listpack" in refused(db, 18, b"\x01\x02" + build.string(build.listpack([1])[:-1] + b"\x00"))


def test_damaged_ziplists(db) -> None:
    good = build.ziplist([b"abc", 1000, b"d" * 100])
    for place, byte in ((0, 1), (4, 3), (8, 9), (10, 5), (11, 0x7F), (len(good) - 1, 0)):
        bad = good[:place] + bytes([byte]) + good[place + 1 :]
        assert refused(db, 10, build.string(bad)).startswith("a ziplist that is damaged"), place
    assert refused(db, 10, build.string(good[:9])).startswith("a ziplist")


# Sets


def test_sets(db) -> None:
    name, found = loaded(db, 2, build.length(3) + build.strings(b"a", b"b", 17))
    assert (name, sorted(found)) == ("set", [b"17", b"a", b"b"])
    for numbers in ([1, 2, 3], [-40000, 5, 40000], [-(1 << 40), 0, 1 << 62]):
        assert loaded(db, 11, build.string(build.intset(numbers))) == ("set", [b"%d" % n for n in numbers])
    assert loaded(db, 20, build.string(build.listpack([b"a", b"b", 17]))) == ("set", [b"a", b"b", b"17"])
    large = [b"member %d" % i for i in range(300)]
    for kind, body in (
        (2, build.length(300) + build.strings(*large)),
        (20, build.string(build.listpack(large))),
    ):
        name, found = loaded(db, kind, body)
        assert sorted(found) == sorted(large)
        assert db.describe(b"k")["encoding"] == "hashtable"
    name, found = loaded(db, 11, build.string(build.intset(range(1000))))
    assert len(found) == 1000


def test_damaged_sets(db) -> None:
    assert "comes twice" in refused(db, 2, build.length(2) + build.strings(b"a", b"a"))
    assert "comes twice" in refused(db, 20, build.string(build.listpack([b"a", b"b", b"a"])))
    assert "comes twice" in refused(db, 20, build.string(build.listpack([b"m%d" % (i % 299) for i in range(300)])))
    assert "an intset" in refused(db, 11, build.string(build.intset([2, 1])))
    assert "an intset" in refused(db, 11, build.string(build.intset([1, 1])))
    assert "an intset" in refused(db, 11, build.string(build.intset([1, 2])[:-1]))
    assert "an intset" in refused(db, 11, build.string(b"\x03" + build.intset([1, 2])[1:]))
    assert "without elements" in refused(db, 2, b"\x00")
    assert "without elements" in refused(db, 20, build.string(build.listpack([])))


# Sorted sets

SCORES = [(b"d", float("-inf")), (b"a", 1.0), (b"b", 1.0), (b"c", 2.5), (b"e", float("inf"))]


def test_sorted_sets(db) -> None:
    expected = ("zset", [word for pair in SCORES for word in pair])
    text = {1.0: b"1", 2.5: b"2.5"}
    old = b"".join(
        build.string(member)
        + (b"\xfe" if score == float("inf") else b"\xff" if score == float("-inf") else build.string(text[score]))
        for member, score in reversed(SCORES)
    )
    assert loaded(db, 3, build.length(5) + old) == expected
    binary = b"".join(build.string(member) + struct.pack("<d", score) for member, score in reversed(SCORES))
    assert loaded(db, 5, build.length(5) + binary) == expected
    packed = [word for member, score in SCORES for word in (member, int(score) if score == 1 else b"%g" % score)]
    assert loaded(db, 12, build.string(build.ziplist(packed))) == expected
    assert loaded(db, 17, build.string(build.listpack(packed))) == expected
    assert loaded(db, 17, build.string(build.listpack([b"z", 3, b"a", 1, b"b", 1])))[1] == [
        b"a", 1.0, b"b", 1.0, b"z", 3.0,
    ]  # fmt: skip
    many = [word for i in range(300) for word in (b"m%d" % i, i)]
    assert loaded(db, 17, build.string(build.listpack(many)))[1][:2] == [b"m0", 0.0]
    assert db.describe(b"k")["encoding"] == "skiplist"


def test_damaged_sorted_sets(db) -> None:
    assert "no number" in refused(db, 3, b"\x01\x01a\xfd")
    assert "no number" in refused(db, 3, b"\x01\x01a\x01x")
    assert "no number" in refused(db, 5, b"\x01\x01a" + struct.pack("<d", float("nan")))
    assert "comes twice" in refused(db, 5, b"\x02" + 2 * (b"\x01a" + bytes(8)))
    assert "no number" in refused(db, 17, build.string(build.listpack([b"a", b"nan"])))
    assert "no number" in refused(db, 17, build.string(build.listpack([b"a", b"x"])))
    assert "without a score" in refused(db, 17, build.string(build.listpack([b"a"])))
    assert "comes twice" in refused(db, 17, build.string(build.listpack([b"a", 1, b"a", 2])))
    assert "without elements" in refused(db, 5, b"\x00")


# Hashes


def hash_of(found) -> dict[bytes, bytes]:
    name, words = found
    assert name == "hash"
    return dict(zip(words[::2], words[1::2], strict=True))


PAIRS = {b"f": b"v", b"n": b"17", b"empty": b"", b"l": b"x" * 60}


def test_hashes(db) -> None:
    flat = [word for pair in PAIRS.items() for word in pair]
    assert hash_of(loaded(db, 4, build.length(4) + build.strings(*flat))) == PAIRS
    assert hash_of(loaded(db, 9, build.string(build.zipmap(PAIRS)))) == PAIRS
    assert hash_of(loaded(db, 9, build.string(build.zipmap(PAIRS, unused=3)))) == PAIRS
    long = {b"k" * 300: b"v" * 500}
    assert hash_of(loaded(db, 9, build.string(build.zipmap(long)))) == long
    assert hash_of(loaded(db, 13, build.string(build.ziplist(flat)))) == PAIRS
    assert hash_of(loaded(db, 16, build.string(build.listpack(flat)))) == PAIRS
    many = {b"f%d" % i: b"%d" % i for i in range(600)}
    words = [word for pair in many.items() for word in pair]
    for kind, body in ((4, build.length(600) + build.strings(*words)), (16, build.string(build.listpack(words)))):
        assert hash_of(loaded(db, kind, body)) == many
        assert db.describe(b"k")["encoding"] == "hashtable"


def test_hashes_with_times(db) -> None:
    body = (
        build.length(2)
        + build.length(0)
        + build.strings(b"a", 1)
        + build.length(FAR)
        + build.strings(b"b", b"x" * 2000)
    )
    assert hash_of(loaded(db, 22, body)) == {b"a": b"1", b"b": b"x" * 2000}
    valkey = build.length(2) + build.strings(b"a", 1) + build.fixed(-1) + build.strings(b"b", b"y") + build.fixed(FAR)
    assert hash_of(loaded(db, 22, valkey, 80)) == {b"a": b"1", b"b": b"y"}
    assert dump(db, b"k", valkey=True)[:-10] in (
        b"\x16" + build.length(2) + b"\x01a\xc0\x01" + build.fixed(-1) + build.strings(b"b", b"y") + build.fixed(FAR),
        b"\x16" + build.length(2) + build.strings(b"b", b"y") + build.fixed(FAR) + b"\x01a\xc0\x01" + build.fixed(-1),
    )
    body = build.fixed(FAR) + build.length(3) + build.length(6) + build.strings(b"a", 1)
    body += build.length(0) + build.strings(b"b", 2) + build.length(1) + build.strings(b"c", 3)
    assert hash_of(loaded(db, 24, body)) == {b"a": b"1", b"b": b"2", b"c": b"3"}
    pack = build.listpack([b"c", 3, FAR, b"a", 1, FAR + 5, b"b", 2, 0])
    assert hash_of(loaded(db, 25, build.fixed(FAR) + build.string(pack))) == {b"a": b"1", b"b": b"2", b"c": b"3"}
    assert dump(db, b"k")[:-10] == b"\x19" + build.fixed(FAR) + build.string(pack)
    assert hash_of(loaded(db, 23, build.string(pack))) == {b"a": b"1", b"b": b"2", b"c": b"3"}
    unordered = build.listpack([b"b", 2, 0, b"a", 1, FAR + 5, b"c", 3, FAR])
    assert hash_of(loaded(db, 25, build.fixed(FAR) + build.string(unordered))) == {b"a": b"1", b"b": b"2", b"c": b"3"}


def test_hashes_of_templates(db) -> None:
    body = build.length(2) + build.strings(b"age", b"name") + build.string(build.listpack([42, b"x"]))
    assert hash_of(loaded(db, 29, body)) == {b"age": b"42", b"name": b"x"}
    assert hash_of(loaded(db, 31, build.length(2) + build.strings(b"age", 42, b"name", b"x"))) == {
        b"age": b"42", b"name": b"x",
    }  # fmt: skip
    assert "not there" in refused(db, 30, build.string(build.listpack([1, b"x"])))
    assert "not there" in refused(db, 32, build.length(1) + build.strings(b"x"))
    assert "does not fit" in refused(db, 29, build.length(1) + build.strings(b"a") + build.string(build.listpack([])))


def test_damaged_hashes(db) -> None:
    assert "comes twice" in refused(db, 4, build.length(2) + build.strings(b"a", 1, b"a", 2))
    assert "comes twice" in refused(db, 16, build.string(build.listpack([b"a", 1, b"a", 2])))
    assert "comes twice" in refused(db, 9, build.string(b"\x02" + build.zipmap({b"a": b"b"})[1:-1] * 2 + b"\xff"))
    assert "without a value" in refused(db, 16, build.string(build.listpack([b"a"])))
    assert "without a value" in refused(db, 25, build.fixed(FAR) + build.string(build.listpack([b"a", 1])))
    assert "cannot be" in refused(db, 25, build.fixed(FAR) + build.string(build.listpack([b"a", 1, b"x"])))
    assert "cannot be" in refused(db, 25, build.fixed(FAR) + build.string(build.listpack([b"a", 1, -1])))
    assert "cannot be" in refused(db, 24, build.fixed(-1) + build.length(1) + build.length(5) + build.strings(b"a", 1))
    assert "a zipmap" in refused(db, 9, build.string(b"\x01\x05a\xff"))
    assert "a zipmap" in refused(db, 9, build.string(build.zipmap(PAIRS)[:-1]))
    assert "without elements" in refused(db, 4, b"\x00")
    assert "without elements" in refused(db, 9, build.string(b"\x00\xff"))


# Streams

NODE = build.stream_node("1-1", [("1-1", {b"f": 1}), ("1-2", {b"f": b"x"}), ("5-0", {b"g": 2, b"h": 3})], ["1-2"])
ENTRIES = ("stream", [b"1-1", b"f", b"1", b"5-0", b"g", b"2", b"h", b"3"])


def stream_body(
    kind: int, *, pending: list[str], owned: list[str], given_back: Sequence[str] = (), node: bytes = NODE
) -> bytes:
    body = build.length(1) + node + build.length(2) + build.id_lengths("9-9")
    if kind != 15:
        body += build.id_lengths("1-1") + build.id_lengths("1-2") + build.length(3)
    body += build.length(1) + build.string(b"group") + build.id_lengths("5-0")
    if kind != 15:
        body += build.length(2)
    body += build.length(len(pending))
    for one in pending:
        body += build.stream_id(one) + build.fixed(NOW) + build.length(3)
    body += build.length(1) + build.string(b"alice") + build.fixed(NOW)
    if kind not in (15, 19):
        body += build.fixed(NOW - 5)
    body += build.length(len(owned)) + b"".join(map(build.stream_id, owned))
    if kind == 27:
        body += build.length(len(given_back)) + b"".join(map(build.stream_id, given_back))
    if kind in (26, 27):
        body += build.length(100) + build.length(50) + build.length(1) + build.string(b"producer") + build.length(2)
        body += build.string(b"one") + build.id_lengths("1-1") + build.string(b"two") + build.id_lengths("5-0")
        body += build.length(7) + build.length(1)
    return body


@pytest.mark.parametrize("kind", [15, 19, 21, 26, 27])
def test_streams(db, kind: int) -> None:
    pending = ["1-1", "5-0"] if kind != 27 else ["1-1", "2-2", "5-0"]
    body = stream_body(kind, pending=pending, owned=["1-1", "5-0"], given_back=["2-2"])
    name, _ = loaded(db, kind, body)
    assert name == "stream"
    if kind in (21, 26, 27):
        assert dump(db, b"k")[:-10] == bytes([kind]) + body


def test_damaged_streams(db) -> None:
    good = {"pending": ["1-1"], "owned": ["1-1"]}
    assert "a stream's node" in refused(db, 21, stream_body(21, **good, node=NODE.replace(b"\x81g", b"\x82g")))
    assert "number of entries" in refused(
        db, 21, stream_body(21, **good, node=build.stream_node("1-1", [("1-1", {b"f": 1})]))
    )
    assert "not pending" in refused(db, 21, stream_body(21, pending=[], owned=["1-1"]))
    assert "not pending" in refused(db, 21, stream_body(21, pending=["1-1"], owned=["1-1", "1-1"]))
    assert "nobody's" in refused(db, 21, stream_body(21, pending=["1-1"], owned=[]))
    assert "out of order" in refused(db, 21, stream_body(21, pending=["5-0", "1-1"], owned=["1-1", "5-0"]))
    whole = stream_body(21, **good)
    for cut in range(0, len(whole) - 1, 3):
        refused(db, 21, whole[:cut])


# Arrays


def array_body(*values: tuple[int, int, bytes], inserted: int | None = None) -> bytes:
    """Index, kind of value and its bytes."""
    body = build.length(len(values)) + (b"\x00" if inserted is None else b"\x01" + build.length(inserted))
    return body + b"".join(build.length(index) + bytes([kind]) + raw for index, kind, raw in values)


def test_arrays(db) -> None:
    body = array_body(
        (0, 1, (-1).to_bytes(8, "little", signed=True)),
        (1, 1, (2**63 - 1).to_bytes(8, "little")),
        (2, 2, struct.pack("<d", 1.5)),
        (3, 2, struct.pack("<d", 42.0)),
        (4, 2, struct.pack("<d", 1e100)),
        (5, 3, build.string(b"short")),
        (6, 3, build.string(b"")),
        (7, 3, build.string(b"1.50")),
        (8, 3, build.string(b"007")),
        (5000, 0, build.string(b"a longer text")),
        (2**40, 0, build.string(b"x" * 5000)),
        (2**64 - 2, 0, build.string(b"y" * 1024)),
        inserted=2**64 - 2,
    )
    assert loaded(db, 28, body, 14) == (
        "array",
        [
            *(0, b"-1", 1, b"9223372036854775807", 2, b"1.5", 3, b"42.0", 4, b"1e+100", 5, b"short", 6, b""),
            *(7, b"1.50", 8, b"007", 5000, b"a longer text", 2**40, b"x" * 5000, 2**64 - 2, b"y" * 1024),
        ],
    )
    assert dump(db, b"k")[:2] == b"\x1c\x0c"
    assert loaded(db, 28, array_body((7, 3, build.string(b"v")), inserted=7), 14) == ("array", [7, b"v"])
    assert dump(db, b"k")[:-10] == b"\x1c" + array_body((7, 3, build.string(b"v")), inserted=7)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\x01\x02\x00\x03\x01v", "an array's last insertion is neither there nor missing"),
        (b"\x01\x01" + build.length(2**64 - 1) + b"\x00\x03\x01v", "an array's index that cannot be"),
        (array_body((2**64 - 1, 3, b"\x01v")), "an array's index that cannot be"),
        (array_body((5, 3, b"\x01v"), (5, 3, b"\x01v")), "an array's index that cannot be"),
        (array_body((5, 3, b"\x01v"), (4, 3, b"\x01v")), "an array's index that cannot be"),
        (array_body((5, 4, b"\x01v")), "an array's value of an unknown kind"),
        (array_body((5, 2, struct.pack("<d", float("nan")))), "an array's number that is not finite"),
        (array_body((5, 2, struct.pack("<d", float("inf")))), "an array's number that is not finite"),
    ],
)
def test_damaged_arrays(db, body: bytes, reason: str) -> None:
    assert refused(db, 28, body, 14).startswith(reason)


def test_arrays_of_nothing(db) -> None:
    assert refused(db, 28, b"\x00\x00", 14)
