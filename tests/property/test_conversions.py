"""What scripts return becomes replies, and replies become what scripts see: against a model in plain Python.

A value is a pair of a kind and what it holds; `literal` writes it as Lua, `expected` says what reply it becomes.
The same values go to real servers, so that the model itself is tested.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.peers import PeerMissing, Server, find, start
from tests.resp import BigNumber, Connection, Double, ErrorReply, SetReply, Status, Verbatim

SETTINGS = settings(max_examples=120)

Value = tuple[str, Any]

#: Fields that make a table something else than an array: the first that is there and holds the right type.
ORDER = ("err", "ok", "double", "big_number", "map", "set")

TEXTS = st.binary(max_size=12)
LINES = st.text("ABz 019:-\r\n", min_size=1, max_size=12).map(str.encode)
NUMBERS = (
    st.integers(-(2**53), 2**53)
    | st.floats(-1e15, 1e15, allow_nan=False)
    | st.sampled_from([0.5, -0.5, 2.9999, -2.9999, 1e18, -1e18, 2.0**62])
)


def with_digits(fields: dict[str, Value]) -> dict[str, Value]:
    """What is said to be a big number is one, if it is a text; in RESP3 it would be no reply otherwise."""
    if fields.get("big_number", ("", None))[0] == "text":
        return {**fields, "big_number": ("digits", len(fields["big_number"][1]))}
    return fields


KEYS = (st.tuples(st.just("text"), TEXTS)) | st.tuples(st.just("number"), st.integers(-99, 99))
SINGLE = st.one_of(
    st.tuples(st.just("nil"), st.none()),
    st.tuples(st.just("function"), st.none()),
    st.tuples(st.just("bool"), st.booleans()),
    st.tuples(st.just("number"), NUMBERS),
    st.tuples(st.just("text"), TEXTS),
    st.tuples(st.just("ok"), LINES),
    st.tuples(st.just("err"), LINES),
    st.tuples(st.just("double"), st.floats(allow_nan=False, width=64)),
    st.tuples(st.just("big_number"), st.integers(-(10**30), 10**30)),
    st.tuples(st.just("verbatim_string"), st.tuples(st.text("abcm", min_size=3, max_size=3), TEXTS)),
)
VALUES = st.recursive(
    SINGLE,
    lambda inner: st.one_of(
        st.tuples(st.just("list"), st.lists(inner, max_size=6)),
        st.tuples(st.just("map"), st.dictionaries(KEYS, inner, max_size=3)),
        st.tuples(st.just("set"), st.sets(KEYS, max_size=3)),
        st.tuples(st.just("several"), st.dictionaries(st.sampled_from(ORDER), inner).map(with_digits)),
    ),
    max_leaves=12,
)


def quoted(text: bytes) -> str:
    """A string of Lua."""
    return '"' + "".join(f"\\{byte:03d}" for byte in text) + '"'


def number(value: float) -> str:
    """A number of Lua."""
    if value in (float("inf"), float("-inf")):
        return "(1/0)" if value > 0 else "(-1/0)"
    return str(value) if isinstance(value, int) else f"{value:.17g}"


def literal(value: Value) -> str:
    """A value in Lua."""
    kind, held = value
    match kind:
        case "nil":
            return "nil"
        case "function":
            return "print_nothing"
        case "bool":
            return "true" if held else "false"
        case "number":
            return number(held)
        case "text":
            return quoted(held)
        case "digits":
            return f"'{held}'"
        case "ok" | "err":
            return f"{{{kind}={quoted(held)}}}"
        case "double":
            return f"{{double={number(held)}}}"
        case "big_number":
            return f"{{big_number={quoted(b'%d' % held)}}}"
        case "verbatim_string":
            return f"{{verbatim_string={{format='{held[0]}', string={quoted(held[1])}}}}}"
        case "list":
            return "{" + ", ".join(map(literal, held)) + "}"
        case "map":
            return "{map={" + ", ".join(f"[{literal(key)}]={literal(item)}" for key, item in held.items()) + "}}"
        case "set":
            return "{set={" + ", ".join(f"[{literal(key)}]=true" for key in held) + "}}"
    return "{" + ", ".join(f"{name}={literal(item)}" for name, item in held.items()) + "}"


def expected(value: Value, protocol: int, spoken: int) -> Any:
    """The reply to a client of a protocol, where the script speaks one too; `literal` reads alike."""
    kind, held = value
    match kind:
        case "nil" | "function":
            return None
        case "bool":
            if spoken == 3:
                return held if protocol == 3 else int(held)
            return 1 if held else None
        case "number":
            return int(held)
        case "text":
            return held
        case "ok":
            return Status(line(held))
        case "err":
            return ErrorReply(line(held.rstrip(b"\r\n")))
        case "double":
            return float(held)
        case "big_number":
            return BigNumber(held) if protocol == 3 else b"%d" % held
        case "verbatim_string":
            return Verbatim(held[1], held[0]) if protocol == 3 else held[1]
        case "list":
            return expected_list(held, protocol, spoken)
        case "map":
            pairs = [
                (expected(key, protocol, spoken), expected(item, protocol, spoken))
                for key, item in held.items()
                if item[0] != "nil"
            ]
            return Pairs(pairs, protocol)
        case "set":
            return Members([expected(key, protocol, spoken) for key in held], protocol)
    return expected_of_fields(held, protocol, spoken)


def expected_list(values: list[Value], protocol: int, spoken: int) -> list[Any]:
    """An array ends before its first nil."""
    replies = []
    for value in values:
        if value[0] == "nil":
            break
        replies.append(expected(value, protocol, spoken))
    return replies


def expected_of_fields(fields: dict[str, Value], protocol: int, spoken: int) -> Any:
    """A table of several such fields; what holds a value of another type than its name wants is none."""
    for name in ORDER:
        kind, held = fields.get(name, ("nil", None))
        if name in ("err", "ok") and kind == "text":
            return Status(line(held)) if name == "ok" else ErrorReply(line(held.rstrip(b"\r\n")))
        if name == "double" and kind == "number":
            return float(held)
        if name == "big_number" and kind == "digits":
            return BigNumber(held) if protocol == 3 else b"%d" % held
        if name in ("map", "set") and is_table(kind):
            return Inner(name, fields[name], protocol, spoken)
    return []


def is_table(kind: str) -> bool:
    return kind not in ("nil", "function", "bool", "number", "text", "digits")


def line(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape").replace("\r", " ").replace("\n", " ")


class Pairs:
    """A map in any order, flat in RESP2."""

    def __init__(self, pairs: list[tuple[Any, Any]], protocol: int) -> None:
        self.pairs, self.protocol = pairs, protocol

    def matches(self, reply: Any) -> bool:
        """Whether a reply is this."""
        if self.protocol == 3:
            found = list(reply.items()) if isinstance(reply, dict) else None
        else:
            found = list(zip(reply[::2], reply[1::2], strict=True)) if type(reply) is list else None
        if found is None or len(found) != len(self.pairs):
            return False
        left = list(self.pairs)
        for key, item in found:
            same = [pair for pair in left if alike(pair[0], key) and alike(pair[1], item)]
            if not same:
                return False
            left.remove(same[0])
        return True


class Members:
    """A set in any order, an array in RESP2."""

    def __init__(self, members: list[Any], protocol: int) -> None:
        self.members, self.protocol = members, protocol

    def matches(self, reply: Any) -> bool:
        """Whether a reply is this."""
        if type(reply) is not (SetReply if self.protocol == 3 else list):
            return False
        return sorted(map(repr, reply)) == sorted(map(repr, self.members))


class Inner:
    """A map or set of a table that was made for something else: as many items as it has fields."""

    def __init__(self, name: str, table: Value, protocol: int, spoken: int) -> None:
        self.name, self.protocol = name, protocol
        self.count = len(fields_of(table))
        del spoken

    def matches(self, reply: Any) -> bool:
        """Whether a reply is this."""
        kind: type = list
        if self.protocol == 3:
            kind = dict if self.name == "map" else SetReply
        size = 2 * self.count if self.name == "map" and self.protocol == 2 else self.count
        return type(reply) is kind and len(reply) == size


def fields_of(table: Value) -> list[Any]:
    """What a table has that is not nil."""
    kind, held = table
    if kind == "list":
        return [item for item in held if item[0] != "nil"]
    if kind == "several":
        return [item for item in held.values() if item[0] != "nil"]
    return [held]


def alike(wanted: Any, reply: Any) -> bool:
    """Whether a reply is what the model wants, type for type."""
    if isinstance(wanted, Pairs | Members | Inner):
        return wanted.matches(reply)
    if type(wanted) is list:
        return type(reply) is list and len(reply) == len(wanted) and all(map(alike, wanted, reply))
    if type(wanted) is float:
        return (isinstance(reply, Double) or type(reply) is bytes) and float(reply) == wanted
    if isinstance(wanted, Verbatim) and isinstance(reply, Verbatim):
        return wanted == reply and wanted.format == reply.format
    return type(reply) is type(wanted) and bool(reply == wanted)


@pytest.fixture(scope="module", params=["redpoll", "redis70", "redis82", "valkey91"])
def both(request: pytest.FixtureRequest) -> Iterator[dict[int, Connection]]:
    """Two connections to one server, by their protocol."""
    chosen = [name for word in request.config.getoption("--peer") for name in word.split(",")]
    if chosen and request.param not in chosen:
        pytest.skip("another server was asked for")
    try:
        server: Server = start(find(request.param), enable_debug_command="yes")
    except PeerMissing as missing:
        pytest.skip(str(missing))
    connections = {2: server.connect(60), 3: server.connect(60)}
    connections[3].call("HELLO", "3")
    yield connections
    for connection in connections.values():
        connection.close()
    server.stop()


@SETTINGS
@given(value=VALUES, protocol=st.sampled_from([2, 3]), spoken=st.sampled_from([2, 3]))
def test_values_become_replies(both: dict[int, Connection], value: Value, protocol: int, spoken: int) -> None:
    code = f"local print_nothing = tostring redis.setresp({spoken}) return {literal(value)}"
    reply = both[protocol].call("EVAL", code, "0")
    assert alike(expected(value, protocol, spoken), reply), (code, reply)


# Replies as scripts see them

TELL = """
local function tell(value)
    local kind = type(value)
    if kind == 'string' then return 's' .. #value .. ':' .. value end
    if kind == 'number' then return string.format('%.17g', value) end
    if kind ~= 'table' then return tostring(value) end
    local parts = {}
    for key, item in pairs(value) do
        if key ~= 'ignore_error_stats_update' and key ~= 'source' and key ~= 'line' then
            parts[#parts + 1] = tell(key) .. '=' .. tell(item)
        end
    end
    table.sort(parts)
    return '{' .. table.concat(parts, ',') .. '}'
end
redis.setresp(tonumber(ARGV[1]))
return tell(redis.pcall(unpack(ARGV, 2)))
"""

FIELD = st.binary(max_size=6)
SCORE = st.floats(-1e6, 1e6, allow_nan=False).map(lambda score: score + 0.0)
DATA = st.fixed_dictionaries(
    {
        "string": st.none() | TEXTS,
        "list": st.lists(FIELD, max_size=5),
        "hash": st.dictionaries(FIELD, FIELD, max_size=4),
        "set": st.sets(FIELD, max_size=4),
        "zset": st.dictionaries(FIELD, SCORE, max_size=4),
        "number": st.integers(-(2**53), 2**53),
    }
)


def told(value: Any) -> bytes:
    """What `tell` says of a value: bytes, numbers, None, booleans, lists, dicts with bytes or numbers as keys."""
    if isinstance(value, bytes):
        return b"s%d:%b" % (len(value), value)
    if value is None:
        return b"nil"
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int | float):
        return f"{value:.17g}".encode()
    if isinstance(value, list):
        # What is nil is not there.
        value = {place: item for place, item in enumerate(value, 1) if item is not None}
    return b"{" + b",".join(sorted(told(key) + b"=" + told(item) for key, item in value.items())) + b"}"


def seen(data: dict[str, Any], spoken: int) -> list[tuple[list[Any], Any]]:
    """Commands, and what they give a script that speaks a protocol."""
    null = None if spoken == 3 else False

    def double(score: float) -> Any:
        return {b"double": score} if spoken == 3 else f"{score:.17g}".encode()

    pairs = sorted(data["zset"].items(), key=lambda item: (item[1], item[0]))
    flat: list[Any] = [part for pair in pairs for part in (pair[0], double(pair[1]))]
    nested: list[Any] = [[member, double(score)] for member, score in pairs]
    fields = [part for pair in data["hash"].items() for part in pair]
    values = [*data["hash"].values(), null]
    return [
        (["ECHO", data["string"] or b""], data["string"] or b""),
        (["GET", "string"], null if data["string"] is None else data["string"]),
        (["SET", "other", "v"], {b"ok": b"OK"}),
        (["STRLEN", "string"], len(data["string"] or b"")),
        (["INCRBY", "counter", data["number"]], data["number"]),
        (["DEL", "counter", "other"], 2),
        (["LRANGE", "list", 0, -1], data["list"]),
        (["LPOP", "missing"], null),
        (["HMGET", "hash", *data["hash"], "missing-field"], values),
        (["HGETALL", "hash"], {b"map": data["hash"]} if spoken == 3 else fields),
        (["SMISMEMBER", "set", "x", *data["set"]], [int(b"x" in data["set"]), *[1] * len(data["set"])]),
        (["ZRANGE", "zset", 0, -1, "WITHSCORES"], nested if spoken == 3 else flat),
        (["ZMSCORE", "zset", "missing-member"], [null]),
        (["ZSCORE", "zset", pairs[0][0] if pairs else "none"], double(pairs[0][1]) if pairs else null),
        (["LPUSH", "string-key", "x"], {b"err": b"WRONGTYPE Operation against a key holding the wrong kind of value"}),
        *([(["SMEMBERS", "set"], {b"set": dict.fromkeys(data["set"], True)})] if spoken == 3 else []),
    ]


def fill(connection: Connection, data: dict[str, Any]) -> None:
    """Put the data into an empty server."""
    connection.call("FLUSHALL")
    connection.call("SET", "string-key", "v")
    if data["string"] is not None:
        connection.call("SET", "string", data["string"])
    for name, add, words in (
        ("list", "RPUSH", data["list"]),
        ("hash", "HSET", [part for pair in data["hash"].items() for part in pair]),
        ("set", "SADD", list(data["set"])),
        ("zset", "ZADD", [part for member, score in data["zset"].items() for part in (repr(score), member)]),
    ):
        if words:
            connection.call(add, name, *words)


@settings(SETTINGS, max_examples=40)
@given(data=DATA, protocol=st.sampled_from([2, 3]), spoken=st.sampled_from([2, 3]))
def test_replies_become_values(both: dict[int, Connection], data: dict[str, Any], protocol: int, spoken: int) -> None:
    connection = both[protocol]
    fill(connection, data)
    for words, value in seen(data, spoken):
        reply = connection.call("EVAL", TELL, "0", str(spoken), *words)
        if spoken == 2 and words[0] in ("ZRANGE", "ZSCORE") and data["zset"]:
            # The digits of a score are another matter.
            assert told_floats(reply) == told_floats(told(value)), (words, reply)
        else:
            assert reply == told(value), (words, reply)


def told_floats(text: bytes) -> list[Any]:
    """What was told, in its pieces, numbers as such."""
    pieces: list[Any] = []
    for piece in text.replace(b"{", b",").replace(b"}", b",").replace(b"=", b",").replace(b":", b",").split(b","):
        try:
            pieces.append(float(piece))
        except ValueError:
            pieces.append(piece if not piece.startswith(b"s") else b"s")
    return sorted(pieces, key=repr)


@settings(SETTINGS, max_examples=40)
@given(data=DATA, protocol=st.sampled_from([2, 3]))
def test_scripts_hand_replies_on(both: dict[int, Connection], data: dict[str, Any], protocol: int) -> None:
    """A script that speaks its client's protocol gives it what the command would have."""
    connection = both[protocol]
    fill(connection, data)
    code = f"redis.setresp({protocol}) return redis.pcall(unpack(ARGV))"
    for words, _ in seen(data, protocol):
        if words[0] in ("INCRBY", "SET", "DEL") or (protocol == 3 and words[0] in ("HMGET", "ZMSCORE")):
            # Those change something; in these a nil ends the array.
            continue
        replies = [connection.call("EVAL", code, "0", *words), connection.call(*words)]
        if words[0] == "SMEMBERS":
            replies = [(type(reply), sorted(reply)) for reply in replies]
        assert replies[0] == replies[1], words
