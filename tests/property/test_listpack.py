"""Listpacks against a list: every operation, every width of integers and lengths, and bytes that were tampered with."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from redpoll.engine.probes import Pack

import redpoll.engine.memory as allocator
from tests.memory import settled

SETTINGS = settings(max_examples=300)
# The limits of every integer encoding, and one beyond.
WIDTHS = [bound + step for bits in (7, 12, 15, 23, 31, 63) for bound in (2**bits, -(2**bits)) for step in (-1, 0, 1)]
INTEGERS = st.one_of(
    st.sampled_from([width for width in WIDTHS if -(2**63) <= width < 2**63]),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-5000, 5000),
)
NOT_INTEGERS = [b"", b"-", b"-0", b"+1", b"007", b" 1", b"1 ", b"1.0", b"9223372036854775808", b"-9223372036854775809"]
# Lengths around the limits of string encodings, and of back lengths (127, 16,382), whose bodies are 1, 2 or 5 longer.
LENGTHS = [0, 1, 62, 63, 64, 65, 124, 125, 126, 127, 128, 129, 4094, 4095, 4096, 4097, *range(16375, 16390)]
TEXTS = st.one_of(
    st.binary(max_size=20),
    INTEGERS.map(lambda number: b"%d" % number),
    st.sampled_from(NOT_INTEGERS),
    st.sampled_from(LENGTHS).map(lambda length: b"x" * length),
)
PLACES = st.sampled_from(["before", "after", "replace"])
INDICES = st.integers(0, 2**16)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), TEXTS),
        st.tuples(st.just("append_integer"), INTEGERS),
        st.tuples(st.just("append_pair"), TEXTS, TEXTS),
        st.tuples(st.just("prepend"), TEXTS),
        st.tuples(st.just("put"), INDICES, TEXTS, PLACES),
        st.tuples(st.just("put_integer"), INDICES, INTEGERS, PLACES),
        st.tuples(st.just("remove"), INDICES, st.integers(0, 4)),
        st.tuples(st.just("split"), INDICES),
        st.tuples(st.just("join"), st.lists(TEXTS, max_size=4)),
    ),
    max_size=40,
)


def put_into(model: list[bytes], index: int, text: bytes, place: str) -> None:
    if place == "replace":
        model[index] = text
    else:
        model.insert(index + (place == "after"), text)


def packed(texts: list[bytes]) -> Pack:
    pack = Pack()
    for text in texts:
        pack.append(text)
    return pack


def check(pack: Pack, model: list[bytes]) -> None:
    assert pack.forwards() == model
    assert pack.backwards() == model[::-1]
    assert len(pack) == len(model)
    raw = pack.raw()
    assert Pack.valid(raw)
    assert len(raw) == 7 + sum(Pack.cost(text) for text in model)
    assert raw == Pack.built(model)
    for index in range(-len(model) - 2, len(model) + 2):
        wanted = model[index] if -len(model) <= index < len(model) else None
        assert pack.at(index) == wanted


@SETTINGS
@given(STEPS)
def test_it_holds_what_a_list_holds(steps: list[tuple]) -> None:
    pack, model = Pack(), []
    for name, *words in steps:
        if name == "append":
            pack.append(words[0])
            model.append(words[0])
        elif name == "append_integer":
            pack.append_integer(words[0])
            model.append(b"%d" % words[0])
        elif name == "append_pair":
            pack.append_pair(*words)
            model += words
        elif name == "prepend":
            pack.prepend(words[0])
            model.insert(0, words[0])
        elif name == "join":
            pack.join(packed(words[0]))
            model += words[0]
        elif model:
            index = words[0] % len(model)
            if name == "put":
                assert pack.put(index, words[1], words[2]) == words[1]
                put_into(model, index, words[1], words[2])
            elif name == "put_integer":
                assert pack.put_integer(index, words[1], words[2]) == b"%d" % words[1]
                put_into(model, index, b"%d" % words[1], words[2])
            elif name == "remove":
                following = pack.remove(index, words[1])
                del model[index : index + words[1]]
                assert following == (model[index] if index < len(model) else None)
            else:
                rest = pack.split(index)
                check(rest, model[index:])
                del model[index:]
        assert pack.forwards() == model
    check(pack, model)
    copy = pack.copy()
    pack.append(b"more")
    check(copy, model)


def is_canonical(text: bytes) -> bool:
    try:
        number = int(text)
    except ValueError:
        return False
    return b"%d" % number == text and -(2**63) <= number < 2**63


@SETTINGS
@given(st.lists(TEXTS, min_size=1, max_size=12), TEXTS, st.integers(1, 3))
def test_finding(texts: list[bytes], wanted: bytes, step: int) -> None:
    pack = packed(texts)
    for text in (wanted, *texts):
        for start in range(len(texts)):
            places = [place for place in range(start, len(texts), step) if texts[place] == text]
            assert pack.find(start, text, step) == (places[0] if places else None)
    for index, text in enumerate(texts):
        assert pack.is_integer(index) == is_canonical(text)
        for other in (wanted, *texts):
            assert pack.equals(index, other) == (text == other)


def test_all_lengths_near_limits() -> None:
    for length in LENGTHS:
        texts = [b"before", b"x" * length, b"after"]
        check(packed(texts), texts)


def test_the_largest_back_lengths() -> None:
    # Bodies around 2,097,151, where the back length takes a fourth byte.
    for length in (2097144, 2097145, 2097146, 2097147, 2097150):
        texts = [b"1", b"x" * length, b"2"]
        check(packed(texts), texts)


def test_more_elements_than_the_header_can_tell() -> None:
    pack, model = Pack(), []
    for number in range(65_530):
        pack.append_integer(number)
        model.append(b"%d" % number)
    for number in range(12):
        pack.append_pair(b"a%d" % number, b"b")
        model += [b"a%d" % number, b"b"]
        assert len(pack) == len(model)
    assert Pack.valid(pack.raw())
    assert [pack.at(index) for index in (0, -1, 40_000, 65_540, -65_541)] == [
        model[index] for index in (0, -1, 40_000, 65_540, -65_541)
    ]
    assert pack.at(len(model)) is pack.at(-len(model) - 1) is None
    while len(model) > 65_530:
        pack.remove(3, 2)
        del model[3:5]
        assert len(pack) == len(model)
    assert Pack.valid(pack.raw())
    assert pack.forwards() == model
    rest = pack.split(10)
    assert (len(pack), len(rest)) == (10, len(model) - 10)
    rest.join(rest.copy())
    assert len(rest) == 2 * (len(model) - 10)
    assert Pack.valid(rest.raw())


@SETTINGS
@given(st.lists(TEXTS, max_size=6), st.integers(0, 2**20), st.integers(0, 255), st.integers(-3, 3))
@example([b"1"], 6, 0xFF, 0)
@example([b"x" * 70], 7, 0xFF, 0)
@example([b"x" * 5000], 8, 0xFF, 0)
def test_bytes_that_were_tampered_with_are_refused_or_read_safely(
    texts: list[bytes], place: int, byte: int, cut: int
) -> None:
    """Whatever is called valid can be read from both ends, and agrees with itself."""
    raw = bytearray(packed(texts).raw())
    raw[place % len(raw)] = byte
    if cut < 0:
        raw = raw[:cut]
    else:
        raw += b"\xff" * cut
    tampered = bytes(raw)
    if Pack.valid(tampered):
        pack = Pack(tampered)
        forwards = pack.forwards()
        assert forwards == pack.backwards()[::-1]
        assert len(pack) == len(forwards)


@SETTINGS
@given(st.binary(max_size=60))
def test_arbitrary_bytes(raw: bytes) -> None:
    framed = (7 + len(raw)).to_bytes(4, "little") + len(raw).to_bytes(2, "little") + raw + b"\xff"
    for tampered in (raw, framed):
        if Pack.valid(tampered):
            pack = Pack(tampered)
            assert pack.forwards() == pack.backwards()[::-1]


def test_a_wrong_count_is_refused() -> None:
    raw = bytearray(packed([b"a", b"b"]).raw())
    raw[4] = 3
    assert not Pack.valid(bytes(raw))


def test_what_fits() -> None:
    pack = packed([b"x" * 1000])
    assert pack.fits(1000, 2)
    assert pack.fits(2**29, 1)
    assert not pack.fits(2**30, 1)
    assert not pack.fits(10, 2**30)
    assert not pack.fits(2**30 - 1000, 1)


def test_memory_is_back_where_it_was() -> None:
    before = settled()
    pack = Pack()
    for number in range(3000):
        pack.append(b"%d" % (number * number))
    assert pack.memory() <= allocator.used() - before
    for _ in range(900):
        pack.remove(5, 3)
    del pack
    assert settled() == before
