"""Sorted sets against a sorted list, packed and as a tree, through every threshold between."""

import random
from bisect import bisect_left, bisect_right

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redpoll.engine.sorted_set import SortedMembers

from tests.memory import settled

ONLY_NEW, ONLY_EXISTING, ONLY_HIGHER, ONLY_LOWER, INCREMENT = 1, 2, 4, 8, 16
NOTHING, ADDED, UPDATED, SAME, NOT_A_NUMBER = 0, 1, 2, 4, 8

SCORES = st.one_of(
    st.integers(-3, 3).map(float),
    st.sampled_from([0.0, -0.0, 1.5, -2.25, 1e300, -1e300, float("inf"), float("-inf"), 2.0**53, 2.0**60, 1e-7]),
    st.floats(allow_nan=False),
)
MEMBERS = st.one_of(
    st.integers(-5, 200).map(lambda number: b"%d" % number),
    st.sampled_from([b"", b"a", b"aa", b"ab", b"b\0", b"b", b"x" * 63, b"x" * 64, b"x" * 65, b"y" * 300]),
    st.binary(max_size=3),
)
CONDITIONS = st.sampled_from(
    [0, 0, 0, ONLY_NEW, ONLY_EXISTING, ONLY_HIGHER, ONLY_LOWER, ONLY_HIGHER | ONLY_EXISTING, INCREMENT]
    + [INCREMENT | ONLY_NEW, INCREMENT | ONLY_EXISTING, INCREMENT | ONLY_LOWER]
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), MEMBERS, SCORES, CONDITIONS),
        st.tuples(st.just("put"), MEMBERS, SCORES, CONDITIONS),
        st.tuples(st.just("remove"), MEMBERS),
        st.tuples(st.just("ranks"), st.integers(0, 50), st.integers(0, 20)),
    ),
    max_size=150,
)


class Model:
    """The same by a dictionary."""

    def __init__(self) -> None:
        self.scores: dict[bytes, float] = {}

    def put(self, member: bytes, score: float, conditions: int) -> tuple[int, float | None]:
        before = self.scores.get(member)
        if before is None:
            if conditions & ONLY_EXISTING:
                return NOTHING, None
            self.scores[member] = score
            return ADDED, score
        if conditions & ONLY_NEW:
            return NOTHING, None
        if conditions & INCREMENT:
            score += before
            if score != score:
                return NOT_A_NUMBER, None
        if (conditions & ONLY_HIGHER and score <= before) or (conditions & ONLY_LOWER and score >= before):
            return NOTHING, None
        if score == before:
            return SAME, score
        self.scores[member] = score
        return UPDATED, score

    def items(self) -> list[tuple[bytes, float]]:
        return sorted(self.scores.items(), key=lambda pair: (pair[1], pair[0]))


def agree(members: SortedMembers, model: Model, asked: list[bytes]) -> None:
    members.check()
    items = model.items()
    assert members.items() == items
    assert members.items(max(len(items) - 1, 0), backwards=True) == items[::-1]
    assert len(members) == len(items)
    scores = [score for _, score in items]
    ranks = {member: rank for rank, (member, _) in enumerate(items)}
    for member in asked:
        assert members.rank(member) == ranks.get(member)
        assert members.score(member) == model.scores.get(member)
    for score in {*scores[::7], 0.0, 2.0}:
        assert members.before(score, False) == bisect_left(scores, score)
        assert members.before(score, True) == bisect_right(scores, score)


def run(members: SortedMembers, model: Model, step: tuple) -> None:
    name, *words = step
    if name == "put":
        assert members.put(*words) == model.put(*words)
    elif name == "remove":
        assert members.remove(words[0]) == (model.scores.pop(words[0], None) is not None)
    else:
        rank = min(words[0], len(model.scores))
        gone = model.items()[rank : rank + words[1]]
        members.remove_ranks(rank, len(gone))
        for member, _ in gone:
            del model.scores[member]


@pytest.mark.parametrize("entries", [0, 8, 10_000])
@settings(max_examples=60)
@given(steps=STEPS)
def test_it_is_a_sorted_list(entries: int, steps: list[tuple]) -> None:
    members, model = SortedMembers(entries, 64), Model()
    for step in steps:
        run(members, model, step)
    agree(members, model, [step[1] for step in steps if step[0] != "ranks"])
    if any(step[0] == "put" and len(step[1]) > 64 and step[1] in model.scores for step in steps):
        assert not members.is_packed


@settings(max_examples=60)
@given(st.dictionaries(MEMBERS, SCORES, max_size=200), st.integers(0, 150))
def test_building_at_once(scores: dict[bytes, float], entries: int) -> None:
    members, model = SortedMembers(entries, 64), Model()
    model.scores = scores
    members.build(list(scores.items()))
    agree(members, model, list(scores)[:20])
    assert members.is_packed == (len(scores) <= entries and max(map(len, scores), default=0) <= 64)


@settings(max_examples=60)
@given(st.sets(MEMBERS, max_size=200), st.lists(MEMBERS, max_size=10), st.sampled_from([0, 1000]))
def test_order_by_text_where_scores_are_the_same(texts: set[bytes], asked: list[bytes], entries: int) -> None:
    members = SortedMembers(entries, 1000)
    for text in texts:
        members.put(text, 5.0)
    ordered = sorted(texts)
    members.check()
    for text in asked:
        assert members.before_text(text, False) == bisect_left(ordered, text)
        assert members.before_text(text, True) == bisect_right(ordered, text)


def same_score(source: random.Random) -> float:
    return 1.0


def few_scores(source: random.Random) -> float:
    return float(source.randrange(50))


def any_score(source: random.Random) -> float:
    return source.uniform(-1e6, 1e6)


@pytest.mark.parametrize("score_of", [same_score, few_scores, any_score])
def test_a_tree_of_several_levels(score_of) -> None:
    source = random.Random(7)
    members, model = SortedMembers(0, 0), Model()
    # Growth, a swing, and shrinking to nothing; ranges are taken out at every size.
    for adding in (0.95, 0.5, 0.1):
        for turn in range(6_000):
            if source.random() < adding:
                run(members, model, ("put", b"%d" % source.randrange(12_000), score_of(source), 0))
            else:
                run(members, model, ("remove", b"%d" % source.randrange(12_000)))
            if turn % 2_000 == 1_999:
                some = source.randrange(300)
                gone = model.items()[1_000 : 1_000 + some]
                members.remove_ranks(min(1_000, len(model.scores)), len(gone))
                for member, _ in gone:
                    del model.scores[member]
                agree(members, model, [b"%d" % number for number in range(0, 12_000, 700)])
    while model.scores:
        run(members, model, ("ranks", source.randrange(1 + len(model.scores) // 2), 150))
        members.check()
    assert len(members) == 0


@pytest.mark.parametrize("direction", [1, -1])
def test_what_comes_in_order_fills_its_leaves(direction: int) -> None:
    members = SortedMembers(0, 0)
    for number in range(20_000):
        members.put(b"%05d" % number, float(direction * number))
    members.check()
    # A member alone takes 24 bytes here, its place in the table up to 17, in a full leaf 16.
    assert members.memory() / 20_000 < 24 + 17 + 16 * 1.1


def test_what_comes_in_any_order_fills_its_leaves_well() -> None:
    source = random.Random(1)
    members = SortedMembers(0, 0)
    for number in range(50_000):
        members.put(b"%05d" % number, source.random())
    members.check()
    shape = members.shape()
    assert shape["members"] / shape["leaves"] / 62 > 0.78
    assert abs(members.memory(100) - members.memory()) < members.memory() // 50


@pytest.mark.parametrize("at_front", [True, False])
def test_a_queue_keeps_the_tree_small(at_front: bool) -> None:
    members = SortedMembers(0, 0)
    for number in range(30_000):
        members.put(b"%05d" % number, float(number))
        if number >= 200:
            members.remove_ranks(0 if at_front else 100, 1)
    members.check()
    assert len(members) == 200
    assert members.memory() < 200 * 24 + 40_000


def test_scores_and_texts_in_any_order_are_sorted_when_built() -> None:
    source = random.Random(3)
    for size in (1, 2, 17, 100, 1_100, 5_000):
        for spread in (1, 3, 10**9):
            scores = {b"%d" % source.randrange(10**9): float(source.randrange(-spread, spread)) for _ in range(size)}
            members, model = SortedMembers(0, 0), Model()
            model.scores = scores
            members.build(list(scores.items()))
            agree(members, model, list(scores)[:5])


def test_memory_is_back_where_it_was() -> None:
    before = settled()
    members = SortedMembers(0, 0)
    for number in range(40_000):
        members.put(b"%d" % number, float(number % 1_000))
    del members
    assert settled() == before
