"""Glob patterns; the tables are what real servers answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redpoll.engine import glob


def model(pattern, text):
    """Stars, question marks and plain bytes, by dynamic programming."""
    reachable = {0}
    for byte in pattern:
        if byte == ord("*"):
            reachable = set(range(min(reachable), len(text) + 1)) if reachable else set()
        else:
            reachable = {at + 1 for at in reachable if at < len(text) and byte in (ord("?"), text[at])}
    return len(text) in reachable if text else not pattern


@given(st.text("ab*?", max_size=12).map(str.encode), st.text("ab", max_size=12).map(str.encode))
def test_stars_and_question_marks(pattern, text):
    assert glob.matches(pattern, text) == model(pattern, text)


@given(st.binary(max_size=20))
def test_a_literal_pattern_matches_itself_alone(text):
    if glob.literal(text):
        assert glob.matches(text, text)
        assert not glob.matches(text, text + b"x")
    escaped = b"".join(b"\\" + bytes([byte]) for byte in text)
    assert glob.matches(escaped, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [(b"*", b"x"), (b"h?llo", b"hello"), (b"h*llo", b"heeeello"), (b"h[ae]llo", b"hallo"), (b"h[^e]llo", b"hbllo")]
    + [(b"[a-c]", b"b"), (b"[c-a]", b"b"), (b"[a-]", b"]"), (b"[a", b"a"), (b"[^", b"x"), (b"[\\", b"\\")]
    + [(b"\\*", b"*"), (b"a\\", b"a\\"), (b"[\\]]", b"]"), (b"[^]", b"x"), (b"[a-\xff]", b"\x10"), (b"", b"")]
    + [(b"***a***", b"a"), (b"*a?", b"aab"), (b"*[ab]c", b"aacbc"), (b"[^a]*", b"b"), (b"a*\\", b"ab\\")],
)
def test_matches(pattern, text):
    assert glob.matches(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [(b"*", b""), (b"**", b""), (b"", b"x"), (b"h[^e]llo", b"hello"), (b"[", b"["), (b"[]", b"]"), (b"?", b"")]
    + [(b"\\*", b"a"), (b"[a-\xff]", b"\xf0\x90"), (b"abc", b"ab"), (b"ab", b"abc"), (b"*b", b"ba"), (b"[]a]", b"a")],
)
def test_does_not_match(pattern, text):
    assert not glob.matches(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [(b"MAX*", b"maxmemory", True), (b"[A-Z]*", b"m", True), (b"[M]", b"m", True), (b"\\M", b"m", True)]
    + [(b"[\\M]", b"m", False), (b"[^M]", b"m", False), (b"*M", b"am", True), (b"[@-\\]]", b"a", False)],
)
def test_ignoring_case(pattern, text, expected):
    assert glob.matches(pattern, text, nocase=True) == expected


def test_hostile_patterns_end_soon():
    assert not glob.matches(b"*a" * 900 + b"*b", b"a" * 20000)
    assert not glob.matches(b"*?" * 40 + b"b", b"a" * 5000)


def test_more_than_a_thousand_stars_match_nothing():
    text = b"a" * 3000
    assert glob.matches(b"a*" * 1001, text)
    assert not glob.matches(b"a*" * 1002, text)
    assert glob.matches(b"*a" * 1000, text)
    assert not glob.matches(b"*a" * 1001, text)
