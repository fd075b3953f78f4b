"""Replies as they are written in transcripts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.notation import Context, Mismatch, NotationError, format_reply, parse_quoted, parse_replies, quote
from tests.resp import NULL_ARRAY, BigNumber, Double, ErrorReply, Push, SetReply, Status, Verbatim

LEAVES = st.one_of(
    st.binary(max_size=20),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.none(),
    st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=20).map(Status),
    st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=20).map(ErrorReply),
    st.floats(allow_nan=False).map(lambda value: Double(repr(value))),
    st.integers().map(BigNumber),
    st.binary(max_size=10).map(lambda text: Verbatim(text, "txt")),
)
REPLIES = st.recursive(
    LEAVES,
    lambda inside: st.one_of(
        st.lists(inside, max_size=6),
        st.lists(inside, max_size=4).map(SetReply),
        st.lists(inside, max_size=4).map(Push),
        st.dictionaries(st.binary(max_size=5), inside, max_size=4),
    ),
    max_leaves=20,
)


def matches(text: str, reply: object, protocol: int = 3, saved: dict | None = None) -> bool:
    """Tell whether a text describes a reply."""
    (expected,) = parse_replies(text)
    try:
        expected.match(reply, Context(protocol, {} if saved is None else saved))
    except Mismatch:
        return False
    return True


@given(REPLIES)
def test_what_is_written_is_read_again(reply: object) -> None:
    assert matches(format_reply(reply), reply)


@given(REPLIES, REPLIES)
def test_two_replies_match_only_when_they_are_written_alike(one: object, other: object) -> None:
    assert matches(format_reply(one), other) == (format_reply(one) == format_reply(other))


@given(st.binary())
def test_quoted_bytes_are_read_again(data: bytes) -> None:
    text = quote(data)
    assert parse_quoted(text, 0) == (data, len(text))


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("+OK", Status("OK")),
        ("-ERR no such thing: [1, 2]", ErrorReply("ERR no such thing: [1, 2]")),
        ("-5", -5),
        ("(integer) 5", 5),
        ('"x"*3', b"xxx"),
        ('["a", [1, null], true]', [b"a", [1, None], True]),
        ("[\n  1,\n  2,\n]", [1, 2]),
        ('{"a": 1, "b": [2]}', {b"a": 1, b"b": [2]}),
        ('any-order ~["b", "a"]', SetReply([b"a", b"b"])),
        ('any-order {"b": 2, "a": 1}', {b"a": 1, b"b": 2}),
        ('any-order-pairs ["b", "2", "a", "1"]', [b"a", b"1", b"b", b"2"]),
        ("[1, ...]", [1, 2, 3]),
        ("90..100", 95),
        ("-5..-1", -3),
        ("<near 1.5 0.1>", Double("1.55")),
        ("<near 1.5 0.1>", b"1.45"),
        (r"<re:\d+>", b"123"),
        (r"-<re:ERR .*>", ErrorReply("ERR what")),
        ("<length 3>", b"abc"),
        ("<array>", [1]),
        ("null-array", None),
    ],
)
def test_matching(text: str, reply: object) -> None:
    assert matches(text, reply)


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("+OK", b"OK"),
        ("+OK", Status("OK ")),
        ("-ERR a", ErrorReply("ERR")),
        ("1", True),
        ("1", b"1"),
        ("true", 1),
        ("null", NULL_ARRAY),
        ("(double) 1", Double("1.0")),
        ('["a"]', SetReply([b"a"])),
        ('["a", "b"]', [b"b", b"a"]),
        ("[1]", [1, 2]),
        ("[1, 2]", [1]),
        ("any-order [1, 1]", [1, 2]),
        ('any-order-pairs ["a", "1", "b", "2"]', [b"a", b"2", b"b", b"1"]),
        ('{"a": 1}', {b"a": 2}),
        ('{"a": 1, "b": 2}', {b"b": 2, b"a": 1}),
        ("90..100", 101),
        ("90..100", b"95"),
        ("<near 1.5 0.1>", b"1.7"),
        (r"<re:\d+>", b"123a"),
        (r"-<re:.*>", Status("OK")),
    ],
)
def test_not_matching(text: str, reply: object) -> None:
    assert not matches(text, reply)


@pytest.mark.parametrize(
    ("text", "in_resp2"),
    [
        ('{"a": 1}', [b"a", 1]),
        ('~["a"]', [b"a"]),
        ('>["a"]', [b"a"]),
        ("(double) 1.5", b"1.5"),
        ("(big) 12", b"12"),
        ('(verbatim txt) "a"', b"a"),
        ("true", 1),
        ("null-array", NULL_ARRAY),
    ],
)
def test_what_stands_for_resp3_in_resp2(text: str, in_resp2: object) -> None:
    assert matches(text, in_resp2, protocol=2)
    assert not matches(text, in_resp2, protocol=3)


def test_saved_replies_are_compared() -> None:
    saved: dict = {}
    assert matches("<save x>", b"one", saved=saved)
    assert matches("<same x>", b"one", saved=saved)
    assert not matches("<same x>", b"two", saved=saved)


def test_a_difference_deep_inside_says_where() -> None:
    (expected,) = parse_replies('[1, {"a": [2, "b"]}]')
    with pytest.raises(Mismatch) as caught:
        expected.match([1, {b"a": [2, b"c"]}], Context(3))
    assert str(caught.value) == 'at [1]["a"][1]: expected "b", received "c"'


@pytest.mark.parametrize(
    "text", ['"abc', "[1, 2", "[1 2]", '{"a" 1}', "nothing", "<what>", "1 2", "[..., 1]", "any-order 1"]
)
def test_what_is_no_reply_is_refused(text: str) -> None:
    with pytest.raises(NotationError):
        parse_replies(text)
