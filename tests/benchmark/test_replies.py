"""Replies are counted right, whatever they are and wherever they are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redpoll.benchmark.skipper import count_replies

LINES = st.sampled_from([b"+OK", b"+", b"+QUEUED", b":1", b":-42", b":1234567890123", b"_", b"#t", b"#f", b",1.5",
                         b",inf",
                         b"(3492890328409238509324850943850943825024385"]).map(lambda line: line + b"\r\n")  # fmt: skip
ERRORS = st.sampled_from([b"-ERR no\r\n", b"!8\r\nERR \r\nno\r\n"])
BULKS = st.tuples(st.sampled_from(b"$="), st.binary(max_size=40)).map(
    lambda pair: b"%c%d\r\n%b\r\n" % (pair[0], len(pair[1]), pair[1])
)
NULLS = st.sampled_from([b"$-1\r\n", b"*-1\r\n", b"*0\r\n", b"%0\r\n", b"~0\r\n"])


def aggregates(values: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    several = st.lists(values, max_size=4)
    pairs = st.lists(st.tuples(values, values).map(b"".join), max_size=3)
    attributes = st.tuples(pairs, values).map(lambda pair: b"|%d\r\n%b%b" % (len(pair[0]), b"".join(pair[0]), pair[1]))
    return st.one_of(
        several.map(lambda items: b"*%d\r\n%b" % (len(items), b"".join(items))),
        several.map(lambda items: b"~%d\r\n%b" % (len(items), b"".join(items))),
        pairs.map(lambda items: b"%%%d\r\n%b" % (len(items), b"".join(items))),
        attributes,
    )


VALUES = st.recursive(st.one_of(LINES, BULKS, NULLS), aggregates, max_leaves=12)
PUSHES = st.lists(VALUES, min_size=1, max_size=3).map(lambda items: b">%d\r\n%b" % (len(items), b"".join(items)))
# What comes, whether it counts, and whether it is an error.
REPLIES = st.one_of(
    VALUES.map(lambda value: (value, 1, 0)),
    ERRORS.map(lambda value: (value, 1, 1)),
    PUSHES.map(lambda value: (value, 0, 0)),
)


@given(st.lists(REPLIES, max_size=12), st.lists(st.integers(min_value=1, max_value=30), max_size=60))
def test_counts(replies: list[tuple[bytes, int, int]], cuts: list[int]) -> None:
    stream = b"".join(reply for reply, _, _ in replies)
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(stream[at : at + cut])
        at += cut
    pieces.append(stream[at:])
    found, errors, text = count_replies(pieces)
    assert found == sum(counts for _, counts, _ in replies)
    assert errors == sum(error for _, _, error in replies)
    first = next((reply for reply, _, error in replies if error), b"")
    assert text == {b"": b"", b"-": b"ERR no", b"!": b"ERR \r\nno"}[first[:1]]


def test_every_cut() -> None:
    stream = b"+OK\r\n:12\r\n$5\r\nhe\nlo\r\n*2\r\n$-1\r\n%1\r\n+a\r\n,1\r\n>1\r\n+x\r\n|1\r\n+k\r\n+v\r\n$0\r\n\r\n"
    stream += b"-E x\r\n#t\r\n"
    for cut in range(len(stream) + 1):
        assert count_replies([stream[:cut], stream[cut:]]) == (7, 1, b"E x")
    assert count_replies([stream[at : at + 1] for at in range(len(stream))]) == (7, 1, b"E x")


def test_incomplete_replies_do_not_count() -> None:
    assert count_replies([b"*3\r\n:1\r\n:2\r\n"]) == (0, 0, b"")
    assert count_replies([b"$5\r\nhello\r"]) == (0, 0, b"")


@pytest.mark.parametrize("stream", [b"HTTP/1.1 400\r\n", b"+OK\r\nX", b"$x\r\n", b"$99999999999999999\r\n", b"\r\n"])
def test_what_is_no_resp(stream: bytes) -> None:
    with pytest.raises(ValueError, match="no RESP"):
        count_replies([stream])


def test_a_long_error_is_cut() -> None:
    assert count_replies([b"-" + b"x" * 5000 + b"\r\n+OK\r\n"]) == (2, 1, b"x" * 480)
