"""The histogram against a list of all values."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from redpoll.benchmark.histogram import Histogram

from redpoll.benchmark.report import levels, steps

TIMES = st.one_of(
    st.integers(min_value=0, max_value=5000),
    st.integers(min_value=0, max_value=(1 << 40) - 1),
    st.integers(min_value=0, max_value=40).map(lambda power: (1 << power) - 1),
)
LISTS = st.lists(TIMES, min_size=1, max_size=80)


def filled(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


def near(told: int, value: int) -> bool:
    return value <= told <= value + value // 1024


@given(LISTS)
def test_figures(values: list[int]) -> None:
    histogram = filled(values)
    assert (histogram.count, histogram.min, histogram.max) == (len(values), min(values), max(values))
    assert histogram.mean == sum(values) / len(values)


@given(LISTS, st.floats(min_value=0, max_value=100))
def test_percentiles(values: list[int], percentile: float) -> None:
    ordered = sorted(values)
    rank = max(1, min(len(values), math.floor(percentile / 100 * len(values) + 0.5)))
    assert near(filled(values).at(percentile), ordered[rank - 1])


@given(LISTS)
def test_buckets_hold_all(values: list[int]) -> None:
    buckets = filled(values).buckets()
    assert [value for value, _ in buckets] == sorted({value for value, _ in buckets})
    at = 0
    ordered = sorted(values)
    for highest, count in buckets:
        assert count > 0
        assert all(near(highest, value) for value in ordered[at : at + count])
        at += count
    assert at == len(values)


@given(LISTS, LISTS)
def test_adding_and_taking_apart(first: list[int], second: list[int]) -> None:
    histogram = filled(first)
    before = histogram.copy()
    histogram.add(filled(second))
    assert histogram.buckets() == filled(first + second).buckets()
    assert histogram.total == sum(first + second)
    lately = histogram.since(before)
    assert lately.buckets() == filled(second).buckets()
    assert lately.total == sum(second)


def test_without_values() -> None:
    histogram = Histogram()
    assert (histogram.count, histogram.min, histogram.max, histogram.mean, histogram.at(50)) == (0, 0, 0, 0.0, 0)
    assert list(levels(histogram)) == []


def test_times_that_are_beyond_all_buckets() -> None:
    histogram = filled([1 << 50, -5])
    assert histogram.at(100) == (1 << 40) - 1
    assert histogram.at(0) == 0


@given(LISTS)
def test_levels_halve_the_way(values: list[int]) -> None:
    told = list(levels(filled(values)))
    assert told[0][0] == 0.0
    assert told[-1] == (100.0, max(values), len(values))
    assert [level for level, _, _ in told[:-1]] == [100.0 - 100.0 / 2**power for power in range(len(told) - 1)]
    for level, value, seen in told:
        assert seen >= level / 100 * len(values)
        assert seen == sum(each <= value for each in values)


@given(LISTS)
def test_steps_count_what_is_below(values: list[int]) -> None:
    values = [value % 20_000_000 for value in values]
    told = list(steps(filled(values)))
    assert told[-1][1] == len(values)
    for at, seen in told:
        assert abs(seen - sum(value <= at for value in values)) <= sum(abs(value - at) <= at / 1000 for value in values)
