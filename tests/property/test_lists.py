"""Lists: against a model through all sizes of nodes, and against real servers, encodings included."""

import random
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.peers import Server
from tests.resp import NULL_ARRAY

SETTINGS = settings(max_examples=150)
# From one element a node, which makes trees of many levels, to nodes that hold everything.
FILLS = st.sampled_from([0, 1, 2, 3, 16, 128, -1, -2, -5])
INTEGERS = st.one_of(
    st.integers(-3, 130),
    st.integers(-5000, 5000),
    st.integers(-(2**63) - 1, 2**63),
    st.sampled_from([2**15, -(2**15), 2**23 - 1, 2**31, 2**63 - 1, -(2**63)]),
).map(lambda number: b"%d" % number)
ELEMENTS = st.one_of(
    st.sampled_from([b"a", b"b", b"c", b"", b"007", b"-0"]),
    INTEGERS,
    st.binary(max_size=20),
    st.integers(60, 70).map(lambda size: b"p" * size),
    st.integers(120, 132).map(lambda size: b"q" * size),
    st.integers(4080, 4100).map(lambda size: b"r" * size),
    st.integers(8180, 8200).map(lambda size: b"s" * size),
    st.integers(16300, 70_000).map(lambda size: b"t" * size),
)
SMALL = st.one_of(st.sampled_from([b"a", b"b", b"c"]), INTEGERS, st.binary(max_size=30))
# Where in a list, as a fraction of its length.
PLACES = st.floats(0, 1, width=32)
ENDS = st.sampled_from(["LEFT", "RIGHT"])
STEPS = st.one_of(
    st.tuples(st.just("push"), ENDS, st.lists(ELEMENTS, min_size=1, max_size=6)),
    st.tuples(st.just("push"), ENDS, st.lists(SMALL, min_size=1, max_size=200)),
    st.tuples(st.just("many"), ENDS, st.integers(100, 5000)),
    st.tuples(st.just("pop"), ENDS, PLACES),
    st.tuples(st.just("pop one"), ENDS),
    st.tuples(st.just("set"), PLACES, ELEMENTS),
    st.tuples(st.just("insert"), st.booleans(), PLACES, ELEMENTS),
    st.tuples(st.just("remove"), st.integers(-3, 3), PLACES),
    st.tuples(st.just("remove text"), st.integers(-3, 3), SMALL),
    st.tuples(st.just("trim"), PLACES, PLACES),
    st.tuples(st.just("move"), ENDS, ENDS),
    st.tuples(st.just("move many"), ENDS, ENDS, PLACES, st.sampled_from(["OBO", "BULK"])),
    st.tuples(st.just("range"), PLACES, PLACES),
    st.tuples(st.just("index"), PLACES),
    st.tuples(st.just("find"), SMALL, st.sampled_from([1, 2, -1, -2]), st.integers(0, 4), st.integers(0, 50)),
    st.tuples(st.just("copy")),
)


class Model:
    """A list of bytes, and what each step does to it and should answer."""

    def __init__(self) -> None:
        self.elements: list[bytes] = []

    def at(self, place: float) -> int:
        """The index that a fraction means, of a list that is not empty."""
        return min(int(place * len(self.elements)), len(self.elements) - 1)

    def requests(self, step: Sequence) -> Iterator[tuple[tuple, object]]:
        """Requests with their replies; the model has changed when each is taken."""
        kind, *words = step
        if kind in ("push", "many"):
            yield self.push(*words)
        elif kind == "pop one":
            yield self.pop_one(*words)
        elif self.elements:
            yield from getattr(self, kind.replace(" ", "_"))(*words)

    def push(self, end: str, what: list[bytes] | int) -> tuple[tuple, object]:
        new = [b"%d" % (number * number * 7919 % 100_003) for number in range(what)] if isinstance(what, int) else what
        if end == "LEFT":
            self.elements[:0] = new[::-1]
        else:
            self.elements += new
        return (f"{end[0]}PUSH", "l", *new), len(self.elements)

    def taken(self, end: str, count: int) -> list[bytes]:
        if end == "LEFT":
            taken, self.elements = self.elements[:count], self.elements[count:]
            return taken
        rest = len(self.elements) - count
        taken, self.elements = self.elements[rest:], self.elements[:rest]
        return taken[::-1]

    def pop_one(self, end: str) -> tuple[tuple, object]:
        return (f"{end[0]}POP", "l"), self.taken(end, 1)[0] if self.elements else None

    def pop(self, end: str, place: float) -> Iterator[tuple[tuple, object]]:
        count = self.at(place) + 1
        yield (f"{end[0]}POP", "l", count), self.taken(end, count)

    def set(self, place: float, element: bytes) -> Iterator[tuple[tuple, object]]:
        index = self.at(place)
        self.elements[index] = element
        yield ("LSET", "l", index if index % 2 else index - len(self.elements), element), "OK"

    def insert(self, after: bool, place: float, element: bytes) -> Iterator[tuple[tuple, object]]:
        pivot = self.elements[self.at(place)]
        self.elements.insert(self.elements.index(pivot) + after, element)
        yield ("LINSERT", "l", "AFTER" if after else "BEFORE", pivot, element), len(self.elements)

    def remove(self, count: int, place: float) -> Iterator[tuple[tuple, object]]:
        yield from self.remove_text(count, self.elements[self.at(place)])

    def remove_text(self, count: int, text: bytes) -> Iterator[tuple[tuple, object]]:
        most = abs(count) or len(self.elements)
        order = self.elements if count >= 0 else self.elements[::-1]
        kept = []
        removed = 0
        for element in order:
            if element == text and removed < most:
                removed += 1
            else:
                kept.append(element)
        self.elements = kept if count >= 0 else kept[::-1]
        yield ("LREM", "l", count, text), removed

    def trim(self, one: float, other: float) -> Iterator[tuple[tuple, object]]:
        start, stop = sorted((self.at(one), self.at(other)))
        self.elements = self.elements[start : stop + 1]
        yield ("LTRIM", "l", start, stop), "OK"

    def move(self, source: str, target: str) -> Iterator[tuple[tuple, object]]:
        (element,) = self.taken(source, 1)
        self.elements.insert(0 if target == "LEFT" else len(self.elements), element)
        yield ("LMOVE", "l", "l", source, target), element

    def move_many(self, source: str, target: str, place: float, order: str) -> Iterator[tuple[tuple, object]]:
        count = self.at(place) + 1
        block = self.taken(source, count)
        if source == "RIGHT":
            block = block[::-1]
        if order == "OBO" and source == target:
            block = block[::-1]
        self.elements = block + self.elements if target == "LEFT" else self.elements + block
        yield ("LMOVEM", "l", "l", source, target, "COUNT", count, order), block
        # To another list and back.
        moved = [*(self.elements if target == "LEFT" else self.elements[::-1])][:count]
        rest = self.elements[count:] if target == "LEFT" else self.elements[: len(self.elements) - count]
        yield ("LMOVEM", "l", "aside", target, "LEFT", "EXACTLY", count, "OBO"), moved[::-1]
        self.elements = moved[::-1] + rest
        yield ("LMOVEM", "aside", "l", "RIGHT", "LEFT", "COUNT", count, "BULK"), moved[::-1]

    def range(self, one: float, other: float) -> Iterator[tuple[tuple, object]]:
        start, stop = sorted((self.at(one), self.at(other)))
        yield ("LRANGE", "l", start, stop), self.elements[start : stop + 1]

    def index(self, place: float) -> Iterator[tuple[tuple, object]]:
        index = self.at(place)
        yield ("LINDEX", "l", index), self.elements[index]
        yield ("LINDEX", "l", index - len(self.elements)), self.elements[index]

    def find(self, text: bytes, rank: int, count: int, most: int) -> Iterator[tuple[tuple, object]]:
        order = range(len(self.elements)) if rank > 0 else range(len(self.elements) - 1, -1, -1)
        found = [index for index in [*order][: most or None] if self.elements[index] == text][abs(rank) - 1 :]
        yield ("LPOS", "l", text, "RANK", rank, "COUNT", count, "MAXLEN", most), found[: count or None]
        yield ("LPOS", "l", text, "RANK", rank, "MAXLEN", most), found[0] if found else None

    def copy(self) -> Iterator[tuple[tuple, object]]:
        yield ("COPY", "l", "copy", "REPLACE"), 1
        yield ("LRANGE", "copy", 0, -1), self.elements


@SETTINGS
@given(fill=FILLS, depth=st.sampled_from([0, 0, 1, 2]), steps=st.lists(STEPS, min_size=1, max_size=40))
def test_they_do_as_a_list_does(server: Server, fill: int, depth: int, steps: list[tuple]) -> None:
    model = Model()
    with server.connect() as client:
        client.call("FLUSHALL")
        client.call("CONFIG", "SET", "list-max-listpack-size", fill, "list-compress-depth", depth)
        try:
            for step in steps:
                for request, reply in model.requests(step):
                    assert client.call(*map(_word, request)) == reply, (step, [str(word)[:40] for word in request])
                assert client.call("LLEN", "l") == len(model.elements), step
            assert client.call("LRANGE", "l", "0", "-1") == model.elements
            assert client.call("EXISTS", "l", "aside") == bool(model.elements)
        finally:
            client.call("CONFIG", "SET", "list-max-listpack-size", "-2", "list-compress-depth", "0")


def _word(word: object) -> object:
    return str(word) if isinstance(word, int) else word


@SETTINGS
@given(
    fill=FILLS,
    steps=st.lists(STEPS.filter(lambda step: step[0] not in ("move many", "many")), min_size=1, max_size=15),
)
def test_encodings_are_those_of_real_servers(
    server: Server, peer_server: Server, fill: int, steps: list[tuple]
) -> None:
    if peer_server.target.name == "redis70":
        pytest.skip("has quicklists only")
    model = Model()
    with server.connect() as ours, peer_server.connect() as theirs:
        for connection in (ours, theirs):
            connection.call("FLUSHALL")
            connection.call("CONFIG", "SET", "list-max-listpack-size", str(fill))
        try:
            for step in steps:
                for request, _ in model.requests(step):
                    words = [*map(_word, request)]
                    assert ours.call(*words) == theirs.call(*words), step
                encodings = [connection.call("OBJECT", "ENCODING", "l") for connection in (ours, theirs)]
                assert encodings[0] == encodings[1], step
        finally:
            for connection in (ours, theirs):
                connection.call("CONFIG", "SET", "list-max-listpack-size", "-2")


KEYS = st.sampled_from(["a", "b", "c"])
NUMBERS = st.one_of(st.integers(-8, 8).map(str), st.sampled_from(["x", "", "1.5", "9223372036854775807"]))


def words(*parts: st.SearchStrategy | str) -> st.SearchStrategy[tuple]:
    """A request made of words and strategies of words."""
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts))


def flat(request: Sequence) -> tuple:
    """A request with the words of tuples and lists within it in their place."""
    found: list = []
    for part in request:
        found += flat(part) if isinstance(part, tuple | list) else [part]
    return tuple(found)


SIDES = st.sampled_from(["LEFT", "RIGHT", "left", "FOO"])
POSITIONS = st.lists(
    st.one_of(
        words("RANK", NUMBERS),
        words("COUNT", NUMBERS),
        words("MAXLEN", NUMBERS),
        st.just(("FOO", "1")),
        st.just(("RANK",)),
    ),
    max_size=3,
)
REQUESTS = st.one_of(
    words(st.sampled_from(["LPUSH", "RPUSH", "LPUSHX", "RPUSHX"]), KEYS, st.lists(SMALL, max_size=4)),
    words(st.sampled_from(["LPOP", "RPOP"]), KEYS),
    words(st.sampled_from(["LPOP", "RPOP"]), KEYS, NUMBERS),
    words("LLEN", KEYS),
    words("LINDEX", KEYS, NUMBERS),
    words("LSET", KEYS, NUMBERS, SMALL),
    words("LRANGE", KEYS, NUMBERS, NUMBERS),
    words("LTRIM", KEYS, NUMBERS, NUMBERS),
    words("LREM", KEYS, NUMBERS, SMALL),
    words("LINSERT", KEYS, st.sampled_from(["BEFORE", "after", "FOO"]), SMALL, SMALL),
    words("LPOS", KEYS, SMALL, POSITIONS),
    words("LMOVE", KEYS, KEYS, SIDES, SIDES),
    words("RPOPLPUSH", KEYS, KEYS),
    words("LMPOP", NUMBERS, st.lists(KEYS, max_size=3), SIDES),
    words("LMPOP", NUMBERS, st.lists(KEYS, max_size=3), SIDES, "COUNT", NUMBERS),
    words(st.sampled_from(["BLPOP", "BRPOP"]), st.lists(KEYS, min_size=1, max_size=3), st.sampled_from(["0.001", "x"])),
    words("BLMOVE", KEYS, KEYS, SIDES, SIDES, "0.001"),
    words("BLMPOP", "0.001", NUMBERS, st.lists(KEYS, max_size=3), SIDES, "COUNT", NUMBERS),
    words("SET", KEYS, "text"),
    words("DEL", KEYS),
    words("OBJECT", "ENCODING", KEYS),
).map(flat)


@SETTINGS
@given(requests=st.lists(REQUESTS, min_size=1, max_size=25))
def test_they_answer_as_real_servers(server: Server, peer_server: Server, requests: list[tuple]) -> None:
    with server.connect() as ours, peer_server.connect() as theirs:
        ours.call("FLUSHALL")
        theirs.call("FLUSHALL")
        for request in requests:
            answers = ours.call(*request), theirs.call(*request)
            if request[0] != "OBJECT" or peer_server.target.name != "redis70":
                assert answers[0] == answers[1], request


def test_indexes_and_cuts_in_a_tree_of_three_levels(server: Server) -> None:
    with server.connect() as client:
        client.call("CONFIG", "SET", "list-max-listpack-size", "2")
        try:
            block = [b"%d" % number for number in range(10_000)]
            for _ in range(20):
                client.call("RPUSH", "l", *block)
        finally:
            client.call("CONFIG", "SET", "list-max-listpack-size", "-2")
        assert client.call("LLEN", "l") == 200_000
        for index in (0, 1, 99_999, 100_000, 123_456, 199_999):
            assert client.call("LINDEX", "l", str(index)) == b"%d" % (index % 10_000)
        assert client.call("LTRIM", "l", "50001", "-50001") == "OK"
        assert client.call("LLEN", "l") == 99_999
        assert client.call("LINDEX", "l", "0") == b"1"
        assert client.call("LINDEX", "l", "-1") == b"9999"
        assert client.call("LPOP", "l", "90000")[-1] == b"0"
        assert client.call("LRANGE", "l", "0", "-1") == block[1:]
        assert client.call("LPOP", "l", "100000") == block[1:]
        assert client.call("LPOP", "l", "1") is NULL_ARRAY


def elements_of_all_sizes(count: int, seed: int) -> list[bytes]:
    draw = random.Random(seed)
    sizes = (0, 1, 9, 10, 31, 32, 33, 63, 64, 65, 99, 100, 127, 128, 300)
    whole = (0, 9, 10, 99, 100, 127, 128, 4095, 4096, 10**8, 10**9 - 1, 10**9, 2**31, 2**63 - 1)

    def one() -> bytes:
        if draw.random() < 0.3:
            number = draw.choice(whole)
            return b"%d" % draw.choice((number, -number))
        return draw.randbytes(draw.choice(sizes))

    return [one() for _ in range(count)]


@pytest.mark.parametrize("fill", ["-2", "-5", "3"])
def test_replies_of_many_elements_end_chunks_anywhere(server: Server, fill: str) -> None:
    with server.connect() as client:
        client.call("CONFIG", "SET", "list-max-listpack-size", fill)
        try:
            for seed in range(8):
                elements = elements_of_all_sizes(2000, seed)
                client.call("DEL", "l")
                client.call("RPUSH", "l", *elements)
                # What stands before shifts where the chunks end.
                for shift in range(0, 120, 7):
                    client.send("ECHO", "x" * shift)
                    client.send("LRANGE", "l", "0", "-1")
                    client.send("LRANGE", "l", str(shift), "1500")
                    assert client.read() == b"x" * shift
                    assert client.read() == elements
                    assert client.read() == elements[shift:1501]
        finally:
            client.call("CONFIG", "SET", "list-max-listpack-size", "-2")


def test_a_turn_with_many_bytes_of_replies(server: Server) -> None:
    # More than a turn keeps to itself: some is sent amid the turn, and all comes in order.
    elements = elements_of_all_sizes(1000, 1)
    with server.connect() as client, server.connect() as other:
        client.call("FLUSHALL")
        client.call("RPUSH", "l", *elements)
        for each in (client, other):
            for number in range(200):
                each.send("LRANGE", "l", str(number), "-1")
                each.send("ECHO", str(number))
            each.send("QUIT")
        for each in (other, client):
            for number in range(200):
                assert each.read() == elements[number:]
                assert each.read() == b"%d" % number
            assert each.read() == "OK"
