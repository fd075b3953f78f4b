"""The request parser alone: what was encoded comes out, however it is cut; mutations of every kind of input."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redpoll.wire.reader import RequestReader

from tests.fuzz import parser as fuzz
from tests.resp import encode

WORD = st.one_of(
    st.binary(max_size=12), st.sampled_from([0, 9, 10, 99, 100, 999, 1000, 32_767, 32_768, 33_000]).map(bytes)
)
REQUESTS = st.lists(st.lists(WORD, min_size=1, max_size=14), max_size=6)


@settings(max_examples=150)
@given(requests=REQUESTS, cuts=st.lists(st.floats(0, 1), max_size=20), room=st.sampled_from([1, 3, 64]))
def test_requests_come_out_as_they_went_in(requests: list[list[bytes]], cuts: list[float], room: int) -> None:
    data = b"".join(encode(*words) for words in requests)
    places = [0, *sorted(int(cut * len(data)) for cut in cuts), len(data)]
    reader = RequestReader(room=room)
    found = []
    for start, end in itertools.pairwise(places):
        found += reader.feed(data[start:end])
    assert (found, reader.error) == (requests, None)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"*x\r\n", "Protocol error: invalid multibulk length"),
        (b"*2147483648\r\n", "Protocol error: invalid multibulk length"),
        (b"*1\r\n:3\r\n", "Protocol error: expected '$', got ':'"),
        (b"*1\r\n$-1\r\n", "Protocol error: invalid bulk length"),
        (b"*1\r\n$70001\r\n", "Protocol error: invalid bulk length"),
        (b"*1\r\n$\r\n", "Protocol error: invalid bulk length"),
        (b'GET "a\r\n', "Protocol error: unbalanced quotes in request"),
        (b"GET 'a'b\r\n", "Protocol error: unbalanced quotes in request"),
        (b"*" + b"1" * 70_000, "Protocol error: too big mbulk count string"),
        (b"*1\r\n$" + b"1" * 70_000, "Protocol error: too big bulk count string"),
        (b"x" * 70_000, "Protocol error: too big inline request"),
    ],
)
def test_errors(data: bytes, error: str) -> None:
    reader = RequestReader(longest_word=70_000)
    assert reader.feed(b"PING\r\n" + data) == [[b"PING"]]
    assert reader.error == error
    assert reader.feed(b"PING\r\n") == []


def test_strangers_may_send_little() -> None:
    for data, error in (
        (b"*11\r\n", "Protocol error: unauthenticated multibulk length"),
        (b"*1\r\n$16385\r\n", "Protocol error: unauthenticated bulk length"),
    ):
        reader = RequestReader(trusted=False)
        assert reader.feed(data) == []
        assert reader.error == error
    reader = RequestReader(trusted=False)
    assert reader.feed(encode(*["a"] * 10)) == [[b"a"] * 10]


def test_mutated_inputs() -> None:
    chance = random.Random(2)
    for data in (*fuzz.SEEDS, *fuzz.FAILED_ONCE):
        fuzz.check(data)
    for _ in range(3000):
        fuzz.check(fuzz.mutated(chance, fuzz.SEEDS))
