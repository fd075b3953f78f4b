"""SORT against a model, for lists of all sizes, by elements and by patterns."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.peers import running
from tests.resp import Connection

NUMBERS = st.one_of(
    st.integers(-20, 20).map(lambda number: b"%d" % number),
    st.integers(-(2**63), 2**63 - 1).map(lambda number: b"%d" % number),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: repr(number).encode()),
    st.sampled_from([b"-0", b"0.0", b"1.0", b"01", b"1e0", b"inf", b"-inf"]),
)
# Many that begin alike, or end where others go on, with zeros too: what sorting eight bytes at a time may get wrong.
LETTERS = st.one_of(
    st.binary(max_size=3),
    st.builds(
        lambda part, times, rest: part * times + rest,
        st.sampled_from([b"a", b"\0", b"ab", b"\xff", b"12345678"]),
        st.integers(0, 20),
        st.binary(max_size=2),
    ),
    NUMBERS,
)


@pytest.fixture(scope="module")
def client() -> Iterator[Connection]:
    """A connection to a server of these tests' own."""
    with running("redpoll") as server, server.connect() as connection:
        yield connection


def _many(elements: list[bytes], size: int, seed: int) -> list[bytes]:
    """The elements, and many more of their kind."""
    if not elements:
        return elements
    chance = random.Random(seed)
    return [chance.choice(elements) for _ in range(size)] + elements


def _range(found: list[bytes], offset: int, limit: int) -> list[bytes]:
    offset = max(offset, 0)
    return found[offset:] if limit < 0 else found[offset : offset + limit]


def _store(client: Connection, elements: list[bytes]) -> None:
    client.call("FLUSHALL")
    if elements:
        client.call("RPUSH", "l", *elements)


@settings(max_examples=120)
@given(
    st.lists(NUMBERS, max_size=60), st.integers(0, 300), st.integers(0, 99), st.integers(-2, 90), st.integers(-2, 90)
)
def test_numbers(client: Connection, elements: list[bytes], size: int, seed: int, offset: int, limit: int) -> None:
    """Numbers are in their order, equal ones in that of their bytes."""
    elements = _many(elements, size, seed)
    _store(client, elements)
    right = sorted(elements, key=lambda element: (float(element), element))
    assert client.call("SORT", "l") == right
    assert client.call("SORT", "l", "LIMIT", offset, limit, "DESC") == _range(right[::-1], offset, limit)


@settings(max_examples=120)
@given(
    st.lists(LETTERS, max_size=60), st.integers(0, 300), st.integers(0, 99), st.integers(-2, 90), st.integers(-2, 90)
)
def test_letters(client: Connection, elements: list[bytes], size: int, seed: int, offset: int, limit: int) -> None:
    """Texts are in the order of their bytes, whatever the source is."""
    elements = _many(elements, size, seed)
    _store(client, elements)
    right = sorted(elements)
    assert client.call("SORT", "l", "ALPHA", "LIMIT", offset, limit) == _range(right, offset, limit)
    assert client.call("SORT", "l", "ALPHA", "DESC", "STORE", "d") == len(right)
    assert client.call("LRANGE", "d", 0, -1) == right[::-1]
    if elements:
        client.call("SADD", "s", *elements)
        client.call("ZADD", "z", *[word for element in elements for word in (b"1", element)])
    distinct = sorted(set(elements))
    assert client.call("SORT", "s", "ALPHA") == distinct
    assert client.call("SORT", "z", "ALPHA", "DESC") == distinct[::-1]
    assert client.call("SORT", "s", "BY", "nosort", "STORE", "d") == len(distinct)
    assert client.call("LRANGE", "d", 0, -1) == distinct
    assert sorted(client.call("SORT", "s", "BY", "nosort")) == distinct


@settings(max_examples=80)
@given(
    st.lists(LETTERS.filter(lambda text: text != b""), max_size=40, unique=True),
    st.lists(NUMBERS, min_size=1, max_size=10),
    st.integers(0, 99),
    st.booleans(),
    st.booleans(),
)
def test_patterns(
    client: Connection, elements: list[bytes], values: list[bytes], seed: int, fields: bool, descending: bool
) -> None:
    """Elements are sorted by what keys or fields hold; some hold nothing, some the same."""
    chance = random.Random(seed)
    _store(client, elements)
    held = {element: chance.choice(values) for element in elements if chance.random() < 0.8}
    for element, value in held.items():
        if fields:
            client.call("HSET", b"h" + element, "f", value)
        else:
            client.call("SET", b"h" + element, value)
    pattern = "h*->f" if fields else "h*"
    order = ["DESC"] if descending else []

    right = sorted(elements, key=lambda element: (float(held.get(element, b"0")), element), reverse=descending)
    assert client.call("SORT", "l", "BY", pattern, *order) == right
    right = sorted(elements, key=lambda element: (element in held, held.get(element, b"")), reverse=descending)
    assert client.call("SORT", "l", "BY", pattern, "ALPHA", *order) == right
    found = client.call("SORT", "l", "BY", pattern, "ALPHA", *order, "GET", pattern, "GET", "#")
    assert found == [word for element in right for word in (held.get(element), element)]
    client.call("SORT", "l", "BY", "nosort", *order, "GET", pattern, "STORE", "d")
    assert client.call("LRANGE", "d", 0, -1) == [
        held.get(element, b"") for element in (elements[::-1] if descending else elements)
    ]
