"""Strings, counters and bitmaps: the same requests to Redpoll and to real servers, and bits against a model."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.peers import Server

SETTINGS = settings(max_examples=120)
KEYS = st.sampled_from(["a", "b", "c", "long-key" * 40])
INTEGERS = st.one_of(
    st.integers(-3, 3),
    st.integers(-(2**63) - 1, 2**63),
    st.sampled_from([2**63 - 1, -(2**63), 2**32, 10**18]),
).map(str)
NUMBERS = st.one_of(
    INTEGERS,
    st.floats(width=32).map(repr),
    st.sampled_from(["0x10", "+1", " 1", "1 ", "1e3", "-0", "01", "1.", ".5", "", "inf", "nan", "1e-30", "3.0"]),
)
VALUES = st.one_of(
    INTEGERS,
    NUMBERS,
    st.binary(max_size=12),
    st.integers(40, 70).map(lambda size: b"y" * size),
    st.integers(900, 70_000).map(lambda size: b"z" * size),
)
OFFSETS = st.one_of(st.integers(-12, 12), st.integers(-70, 70), st.integers(-1000, 1000)).map(str)
BITS = st.one_of(st.integers(0, 40), st.integers(0, 700), st.sampled_from([-1, 2**32])).map(str)
UNITS = st.sampled_from([(), ("BYTE",), ("BIT",), ("bit",), ("FOO",)])


def words(*parts: st.SearchStrategy | str) -> st.SearchStrategy[tuple]:
    """A request made of words and strategies of words."""
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts))


def options(*choices: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(choices), max_size=3).map(lambda some: tuple(word for one in some for word in one))


# Times far off, so that nothing expires on one server only.
SET_OPTIONS = options(
    ("NX",),
    ("xx",),
    ("GET",),
    ("KEEPTTL",),
    ("EX", "5000"),
    ("px", "900000"),
    ("EXAT", "33000000000"),
    ("EX", "0"),
    ("PX",),
    ("EX", "x"),
    ("PXAT", "33000000000000"),
    ("EX", "9223372036854775807"),
    ("PERSIST",),
)
GETEX_OPTIONS = options(("EX", "5000"), ("PX", "900000"), ("PERSIST",), ("EXAT", "33000000000"), ("KEEPTTL",), ("EX",))
FIELD_TYPES = st.one_of(
    st.tuples(st.sampled_from("iu"), st.integers(1, 64)).map(lambda pair: f"{pair[0]}{pair[1]}"),
    st.sampled_from(["u0", "i65", "u64", "x8", "u08", "u", ""]),
)
FIELD_OFFSETS = st.one_of(st.integers(0, 200).map(str), st.integers(0, 20).map(lambda at: f"#{at}"), st.just("#-1"))
OVERFLOWS = st.sampled_from(["WRAP", "SAT", "FAIL", "sat"])
FIELD_STEPS = st.one_of(
    words("GET", FIELD_TYPES, FIELD_OFFSETS),
    words("SET", FIELD_TYPES, FIELD_OFFSETS, INTEGERS),
    words("INCRBY", FIELD_TYPES, FIELD_OFFSETS, INTEGERS),
    words("OVERFLOW", OVERFLOWS),
)


def flat(request: Sequence) -> tuple:
    """A request with the words of tuples and lists within it in their place."""
    found: list = []
    for part in request:
        found += flat(part) if isinstance(part, tuple | list) else [part]
    return tuple(found)


REQUESTS = st.one_of(
    words("SET", KEYS, VALUES),
    words("SET", KEYS, VALUES, SET_OPTIONS),
    words("SETNX", KEYS, VALUES),
    words("SETEX", KEYS, st.sampled_from(["100", "0", "-1", "x"]), VALUES),
    words("GETSET", KEYS, VALUES),
    words("GETDEL", KEYS),
    words("GETEX", KEYS, GETEX_OPTIONS),
    words("MSET", KEYS, VALUES, KEYS, VALUES),
    words("MSETNX", KEYS, VALUES, KEYS, VALUES),
    words("MGET", KEYS, KEYS, KEYS),
    words("APPEND", KEYS, VALUES),
    words("STRLEN", KEYS),
    words("GETRANGE", KEYS, OFFSETS, OFFSETS),
    words("SUBSTR", KEYS, OFFSETS, OFFSETS),
    words("SETRANGE", KEYS, OFFSETS, VALUES),
    words(st.sampled_from(["INCR", "DECR"]), KEYS),
    words(st.sampled_from(["INCRBY", "DECRBY"]), KEYS, INTEGERS),
    words("INCRBYFLOAT", KEYS, NUMBERS),
    words("SETBIT", KEYS, BITS, st.sampled_from(["0", "1", "2"])),
    words("GETBIT", KEYS, BITS),
    words("BITCOUNT", KEYS),
    words("BITCOUNT", KEYS, OFFSETS, OFFSETS, UNITS),
    words("BITPOS", KEYS, st.sampled_from(["0", "1"])),
    words("BITPOS", KEYS, st.sampled_from(["0", "1", "2"]), OFFSETS, OFFSETS, UNITS),
    words("BITPOS", KEYS, st.sampled_from(["0", "1"]), OFFSETS),
    words("BITOP", st.sampled_from(["AND", "or", "XOR", "FOO"]), KEYS, st.lists(KEYS, min_size=1, max_size=4)),
    words("BITOP", "NOT", KEYS, KEYS),
    words("BITFIELD", KEYS, st.lists(FIELD_STEPS, max_size=4)),
    words("BITFIELD_RO", KEYS, st.lists(FIELD_STEPS, max_size=2)),
    words("LCS", KEYS, KEYS, st.sampled_from([("LEN",), ("IDX",), (), ("IDX", "MINMATCHLEN", "2", "WITHMATCHLEN")])),
    words("TTL", KEYS),
    words("OBJECT", "ENCODING", KEYS),
    words("DEL", KEYS),
).map(flat)


def changes(connection) -> int:
    """What the server counts as changes since it started."""
    info = connection.call("INFO", "persistence").decode()
    return int(info.partition("rdb_changes_since_last_save:")[2].partition("\r\n")[0])


def tells_otherwise(request: tuple, peer: Server) -> bool:
    """Whether versions of real servers differ among themselves here, or time may tell on one server only."""
    if request[0] == "OBJECT":
        return True
    if request[0] in ("BITCOUNT", "BITPOS"):
        return peer.target.name == "redis70" and "FOO" in request
    if request[0] == "GETEX":
        # Valkey reads the time of a missing key too.
        return peer.target.product == "valkey"
    if request[0] == "LCS":
        return peer.target.name == "redis70"
    return request[0] == "TTL"


@SETTINGS
@given(requests=st.lists(REQUESTS, min_size=1, max_size=25))
def test_they_answer_as_real_servers(server: Server, peer_server: Server, requests: list[tuple]) -> None:
    with server.connect() as ours, peer_server.connect() as theirs:
        ours.call("FLUSHALL")
        theirs.call("FLUSHALL")
        before = changes(ours), changes(theirs)
        for request in requests:
            answers = ours.call(*request), theirs.call(*request)
            if not tells_otherwise(request, peer_server):
                assert answers[0] == answers[1], request
            elif request[0] == "TTL":
                assert abs(answers[0] - answers[1]) <= 1, request
        assert ours.call("MGET", "a", "b", "c") == theirs.call("MGET", "a", "b", "c")
        assert changes(ours) - before[0] == changes(theirs) - before[1]


def bits_of(text: bytes) -> list[int]:
    return [byte >> (7 - bit) & 1 for byte in text for bit in range(8)]


TEXTS = st.lists(
    st.one_of(st.binary(max_size=40), st.integers(0, 9000).map(lambda size: bytes([size % 251]) * size)),
    min_size=2,
    max_size=4,
)


@SETTINGS
@given(texts=TEXTS)
def test_bitop_is_what_its_operations_say(server: Server, texts: list[bytes]) -> None:
    longest = max(map(len, texts))
    first, *others = (int.from_bytes(text.ljust(longest, b"\0"), "big") for text in texts)
    union, more, intersection = 0, 0, first
    odd, once = first, first
    for other in others:
        union |= other
        intersection &= other
        odd ^= other
        more |= once & other
        once |= other
    results = {
        "AND": intersection,
        "OR": first | union,
        "XOR": odd,
        "DIFF": first & ~union,
        "DIFF1": union & ~first,
        "ANDOR": first & union,
        "ONE": once & ~more,
    }
    with server.connect() as client:
        client.call("FLUSHALL")
        keys = [f"k{number}" for number in range(len(texts))]
        for key, text in zip(keys, texts, strict=True):
            client.call("SET", key, text)
        for operation, result in results.items():
            assert client.call("BITOP", operation, "to", *keys) == longest, operation
            assert client.call("GET", "to") == (result.to_bytes(longest, "big") if longest else None), operation
        assert client.call("BITOP", "XOR", keys[0], *keys) == longest
        assert client.call("GET", keys[0]) == (odd.to_bytes(longest, "big") if longest else None)


@SETTINGS
@given(
    text=st.one_of(st.binary(max_size=300), st.integers(0, 300).map(lambda size: b"\xff" * size)),
    width=st.integers(1, 64),
    offset=st.integers(0, 2000),
    value=st.integers(-(2**63), 2**63 - 1),
    signed=st.booleans(),
)
def test_a_field_is_the_bits_it_covers(
    server: Server, text: bytes, width: int, offset: int, value: int, signed: bool
) -> None:
    if width == 64:
        signed = True
    kind = f"{'i' if signed else 'u'}{width}"
    bits = bits_of(text)
    bits += [0] * max(0, offset + width - len(bits))
    bits += [0] * (-len(bits) % 8)
    before = int("".join(map(str, bits[offset : offset + width])), 2)
    if signed and before >> (width - 1):
        before -= 1 << width
    bits[offset : offset + width] = [value >> (width - 1 - place) & 1 for place in range(width)]
    after = int("".join(map(str, bits)), 2).to_bytes(len(bits) // 8, "big")
    with server.connect() as client:
        client.call("SET", "k", text)
        assert client.call("BITFIELD", "k", "GET", kind, offset) == [before]
        assert client.call("BITFIELD", "k", "SET", kind, offset, value) == [before]
        assert client.call("GET", "k") == after
        assert client.call("BITCOUNT", "k") == sum(bits)
        assert client.call("BITCOUNT", "k", offset, offset + width - 1, "BIT") == sum(bits[offset : offset + width])
        for bit in (0, 1):
            found = client.call("BITPOS", "k", bit, offset, len(bits) - 1, "BIT")
            assert found == (bits.index(bit, offset) if bit in bits[offset:] else -1)
