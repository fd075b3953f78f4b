"""The libraries of scripts against Python's json, struct and integers, and against hostile input."""

import json
import math
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from redpoll.scripting.libraries.probes import Lua, LuaError

#: Builds a Lua value from JSON, so that values come into Lua by one tested way only.
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
KEYS = st.text(max_size=6).filter(lambda key: "\0" not in key)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(KEYS, inner, max_size=20),
    max_leaves=40,
)


@pytest.fixture(scope="module")
def lua() -> Iterator[Lua]:
    state = Lua()
    yield state
    state.close()
    assert state.used == 0


def without_empty(value: Any) -> Any:
    """A value as it comes back: Lua has one empty table for arrays and objects."""
    if isinstance(value, list):
        return [without_empty(item) for item in value] or {}
    if isinstance(value, dict):
        return {key: without_empty(item) for key, item in value.items()}
    return value


def near(one: Any, other: Any) -> bool:
    """Whether two values are the same but for the digits that 14 places leave out."""
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(near, one, other))
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(near(one[key], other[key]) for key in one)
    if isinstance(one, int | float) and not isinstance(one, bool):
        return not isinstance(other, bool) and math.isclose(one, other, rel_tol=1e-13, abs_tol=1e-320)
    return type(one) is type(other) and bool(one == other)


# cjson


@given(value=VALUES)
def test_json_goes_through_lua_and_back(lua: Lua, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False).encode()
    (back,) = lua.run(b"return cjson.encode(cjson.decode(...))", text)
    assert near(without_empty(value), json.loads(back))


@given(value=VALUES)
def test_json_with_escapes_is_read_as_json_without(lua: Lua, value: Any) -> None:
    plain = json.dumps(value, ensure_ascii=False).encode()
    escaped = json.dumps(value, ensure_ascii=True, indent=1).encode()
    code = b"local a, b = ... return cmsgpack.pack(cjson.decode(a)) == cmsgpack.pack(cjson.decode(b))"
    assert lua.run(code, plain, escaped) == [True]


@given(text=st.binary(max_size=60))
def test_any_bytes_are_quoted_so_that_they_come_back(lua: Lua, text: bytes) -> None:
    (quoted,) = lua.run(b"return cjson.encode(...)", text)
    assert not any(byte < 32 or byte == 127 for byte in quoted)
    assert json.loads(quoted.decode("latin-1")) == text.decode("latin-1")
    assert lua.run(b"return cjson.decode(...)", quoted) == [text]


JSON_PIECES = st.sampled_from(
    [*'[]{}:,"\\/ue0159ad-+.tfn x\0\n\x01', "true", "false", "null", '"a"', "\\u", "\\ud83d", "nan", "inf", "0x"]
)


@given(text=st.lists(JSON_PIECES, max_size=12).map("".join) | st.text(max_size=12))
@example('"\\ud83d')
@example('"\\ud83d\\u')
@example('"\\')
@example("-")
def test_whatever_json_python_takes_is_taken_and_the_rest_is_refused_with_a_place(lua: Lua, text: str) -> None:
    raw = text.encode()
    try:
        value = json.loads(text)
        assume("Infinity" not in text and "NaN" not in text)
    except ValueError:
        value = ...
    except RecursionError:
        return
    try:
        (packed,) = lua.run(b"local v = cjson.decode(...) return cjson.encode(v)", raw)
    except LuaError as error:
        message = str(error)
        # Halves of surrogate pairs are no text; Python lets them pass.
        known = "unicode escape" in message or value is ...
        assert known, (text, message)
        assert any(words in message for words in ("Expected", "Cannot serialise", "UTF-16")), message
        return
    if value is not ...:
        assert near(without_empty(value), json.loads(packed)), text


def test_json_nesting_ends_before_the_stack_does(lua: Lua) -> None:
    for setting in (b"cjson.decode_max_depth(2147483647)", b""):
        for opening in (b"[", b'{"a":'):
            with pytest.raises(LuaError, match="too many nested"):
                lua.run(setting + b" local v = cjson.decode(...)", opening * 100_000)
    lua.run(b"cjson.decode_max_depth(1000)")
    nest = b"local t = {} for i = 1, 100000 do t = {t} end cjson.encode_max_depth(2147483647) return cjson.encode(t)"
    with pytest.raises(LuaError, match="excessive nesting"):
        lua.run(nest)
    lua.run(b"cjson.encode_max_depth(1000)")


def test_libraries_of_their_own_have_settings_of_their_own(lua: Lua) -> None:
    code = b"local own = cjson.new() own.encode_number_precision(3) return own.encode(1/3), cjson.encode(1/3)"
    assert lua.run(code) == [b"0.333", b"0.33333333333333"]


# cmsgpack


def packed(value: Any) -> bytes:
    """MessagePack by the book, for what tests need."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, float) and value.is_integer() and -(2**63) <= value < 2**63:
        value = int(value)
    if isinstance(value, int):
        if 0 <= value < 128:
            return bytes([value])
        if -32 <= value < 0:
            return struct.pack("b", value)
        for code, letter in zip(b"\xcc\xcd\xce\xcf" if value > 0 else b"\xd0\xd1\xd2\xd3", "BHIQ", strict=True):
            try:
                return bytes([code]) + struct.pack(">" + (letter if value > 0 else letter.lower()), value)
            except struct.error:
                continue
    if isinstance(value, float):
        try:
            short = struct.pack(">f", value)
            if struct.unpack(">f", short)[0] == value:
                return b"\xca" + short
        except OverflowError:
            pass
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        raw = value.encode()
        return head(len(raw), 0xA0, 32, {1: 0xD9, 2: 0xDA, 4: 0xDB}) + raw
    return head(len(value), 0x90, 16, {2: 0xDC, 4: 0xDD}) + b"".join(map(packed, value))


def head(length: int, small: int, below: int, codes: dict[int, int]) -> bytes:
    if length < below:
        return bytes([small | length])
    for size, code in codes.items():
        if length < 256**size:
            return bytes([code]) + length.to_bytes(size, "big")
    raise ValueError(length)


REPACK = b"local v = cmsgpack.unpack(...) local p = cmsgpack.pack(v) return p"

# Arrays without null in them: Lua's tables have no places that hold nil.
PACKABLE = st.recursive(
    st.booleans() | NUMBERS | st.text(max_size=300),
    lambda inner: st.lists(inner, min_size=1, max_size=40),
    max_leaves=60,
)


@given(value=PACKABLE)
@example(value=["x" * 31, "x" * 32, "x" * 255, "x" * 256, "x" * 65535, "x" * 65536])
@example(value=list(range(1, 16)))
@example(value=list(range(1, 17)))
def test_packed_is_messagepack_and_comes_back(lua: Lua, value: Any) -> None:
    assume(depth(value) <= 16)
    expected = packed(value)
    assert lua.run(REPACK, expected) == [expected]


@pytest.mark.parametrize("length", [15, 16, 65535, 65536])
def test_long_arrays_and_maps(lua: Lua, length: int) -> None:
    array = packed(list(range(1, length + 1)))
    assert lua.run(REPACK, array) == [array]
    pairs = b"".join(packed(number) + b"\xc2" for number in range(length))
    code = b"local s = ... local p = cmsgpack.pack(cmsgpack.unpack(s)) return p:sub(1, 5), #p == #s"
    map_head = head(length, 0x80, 16, {2: 0xDE, 4: 0xDF})
    begin, same_length = lua.run(code, map_head + pairs)
    assert begin.startswith(map_head)
    assert same_length


def depth(value: Any) -> int:
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(numbers=st.lists(NUMBERS, min_size=1, max_size=20))
def test_several_values_one_by_one_or_all_at_once(lua: Lua, numbers: list[float]) -> None:
    data = b"".join(map(packed, numbers))
    assert lua.run(b"return cmsgpack.unpack(...)", data) == numbers
    code = b"""
    local data, offset, values, value = ..., 0, {}
    while offset ~= -1 do
        offset, value = cmsgpack.unpack_one(data, offset)
        values[#values + 1] = value
    end
    return unpack(values)"""
    assert lua.run(code, data) == numbers
    assert lua.run(b"local d, n = ... return select('#', cmsgpack.unpack_limit(d, n))", data, 3) == [
        1 + min(3, len(numbers))
    ]


@given(data=st.binary(max_size=40))
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\xdf\xff\xff\xff\xff\x01")
@example(b"\xdb\xff\xff\xff\xff")
@example(b"\x81\xc0\x01")
@example(b"\x81\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\x01")
def test_any_bytes_are_unpacked_or_refused(lua: Lua, data: bytes) -> None:
    texts = (b"Missing bytes in input.", b"Bad data format in input.", b"table index is nil", b"table index is NaN")
    for call in (b"unpack(...)", b"unpack_one(...)", b"unpack_limit(..., 2)"):
        (error,) = lua.run(
            b"local data = ... local ok, e = pcall(function(...) return cmsgpack."
            + call
            + b" end, data) return ok or e",
            data,
        )
        assert error is True or error.endswith(texts)


@given(value=PACKABLE)
def test_every_part_of_packed_is_refused(lua: Lua, value: Any) -> None:
    data = packed(value)
    for end in range(1, min(len(data), 40)):
        with pytest.raises(LuaError, match="Missing bytes"):
            lua.run(b"return (cmsgpack.unpack(...))", data[:end])


def test_packed_nesting_ends_before_the_stack_does(lua: Lua) -> None:
    for nest in (b"\x91", b"\x81\x01", b"\x81"):
        with pytest.raises(LuaError):
            lua.run(b"local a = cmsgpack.unpack(...)", nest * 100_000)


# bit


WORDS = st.integers(-(2**51), 2**51)


def signed(number: int) -> int:
    return (number + 2**31) % 2**32 - 2**31


@given(one=WORDS, other=WORDS, count=st.integers(0, 100))
def test_bits_are_those_of_integers(lua: Lua, one: int, other: int, count: int) -> None:
    low, n = one % 2**32, count % 32
    expected = {
        b"tobit(a)": one,
        b"bnot(a)": ~one,
        b"band(a, b)": one & other,
        b"bor(a, b)": one | other,
        b"bxor(a, b)": one ^ other,
        b"bxor(a, b, n)": one ^ other ^ count,
        b"lshift(a, n)": one << n,
        b"rshift(a, n)": low >> n,
        b"arshift(a, n)": signed(one) >> n,
        b"rol(a, n)": low << n | low >> (32 - n),
        b"ror(a, n)": low >> n | low << (32 - n),
        b"bswap(a)": int.from_bytes(low.to_bytes(4, "little"), "big"),
    }
    code = b"local a, b, n = ... return " + b", ".join(b"bit." + call for call in expected)
    assert lua.run(code, one, other, count) == [signed(value) for value in expected.values()]


@given(number=WORDS, digits=st.integers(-20, 20))
def test_tohex(lua: Lua, number: int, digits: int) -> None:
    (text,) = lua.run(b"return bit.tohex(...)", number, digits)
    whole = f"{number % 2**32:08x}" if digits >= 0 else f"{number % 2**32:08X}"
    assert text.decode() == whole[8 - min(abs(digits), 8) :]


# struct

FORMATS = {"b": 1, "B": 1, "h": 2, "H": 2, "i": 4, "I": 4, "l": 8, "L": 8, "f": 4, "d": 8}


@st.composite
def structures(draw: st.DrawFn) -> tuple[str, list[float]]:
    letters = draw(st.lists(st.sampled_from(list(FORMATS)), max_size=12))
    values: list[float] = []
    for letter in letters:
        if letter in "fd":
            values.append(draw(st.floats(width=32 if letter == "f" else 64, allow_nan=False)))
            continue
        bits = min(FORMATS[letter] * 8, 53)
        least = -(2 ** (bits - 1)) if letter.islower() else 0
        values.append(draw(st.integers(least, 2 ** (bits - (letter.islower())) - 1)))
    return "".join(letters), values


@given(structure=structures(), order=st.sampled_from("<>"))
def test_structures_are_pythons(lua: Lua, structure: tuple[str, list[float]], order: str) -> None:
    letters, values = structure
    # Python's l is of four bytes where it is told the order.
    python = order + letters.replace("l", "q").replace("L", "Q")
    expected = struct.pack(python, *values)
    code = f"return struct.pack('{order}{letters}', ...)".encode()
    assert lua.run(code, *values) == [expected]
    assert lua.run(f"return struct.size('{order}{letters}')".encode()) == [len(expected)]
    assert lua.run(f"return struct.unpack('{order}{letters}', ...)".encode(), expected) == [
        *values,
        len(expected) + 1,
    ]


@given(structure=structures())
def test_aligned_structures_are_cs(lua: Lua, structure: tuple[str, list[float]]) -> None:
    letters, values = structure
    expected = struct.pack("@" + letters, *values)
    assert lua.run(f"return struct.pack('!{letters}', ...)".encode(), *values) == [expected]


@given(
    pattern=st.text("<>!=bBhHlLTiIfdsxc 0123456789z", max_size=12),
    data=st.binary(max_size=40),
    place=st.integers(0, 50),
)
@example("!8bl", b"", 1)
@example("c0", b"abc", 1)
@example("bc0", b"\xff", 1)
@example("c2147483647", b"", 1)
@example("i32", b"\x00" * 32, 1)
def test_any_format_is_read_or_refused(lua: Lua, pattern: str, data: bytes, place: int) -> None:
    for code in (
        b"return struct.unpack(...)",
        b"local f, s = ... return struct.pack(f, 1, s, 3, s, 5, 6, 7, 8)",
        b"return struct.size((...))",
    ):
        try:
            results = lua.run(code, pattern.encode(), data, place)
        except LuaError:
            continue
        if code.startswith(b"return struct.unpack"):
            assert results[-1] <= max(len(data), place - 1) + 1


def test_memory_is_given_back() -> None:
    state = Lua()
    state.run(b"local s = string.rep('x', 1000000) cjson.encode({s, s}) cmsgpack.pack({s, s}) struct.pack('s', s)")
    with pytest.raises(LuaError):
        state.run(b"cjson.encode({string.rep('x', 1000000), print})")
    assert state.used > 0
    state.close()
    assert state.used == 0
