"""Rates, error codes, duration buckets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redpoll.server.stats import (
    ERRORS_DISABLED,
    MAX_ERROR_CODES,
    MAX_NANOSECONDS,
    RATE_SAMPLES,
    ErrorStatistics,
    Rate,
    bound_microseconds,
    bucket_ceiling,
    cumulative_by_power,
    percentiles,
)


def test_a_steady_counter_has_its_rate():
    rate = Rate()
    for tick in range(RATE_SAMPLES + 1):
        rate.sample(tick * 50, 1000 + tick * 100)
    assert rate.average() == 500


def test_rates_forget_after_sixteen_samples():
    rate = Rate()
    rate.sample(0, 0)
    rate.sample(16_000, 100)
    assert rate.average() == 10_000
    for tick in range(RATE_SAMPLES):
        rate.sample(16_000, 200 + tick * 100)
    assert rate.average() == 0


def test_a_clock_that_stands_still_is_no_sample():
    rate = Rate()
    rate.sample(0, 0)
    rate.sample(100, 0)
    assert rate.average() == 0
    rate.sample(160, 100)
    assert rate.average() == 100


def test_a_rate_for_another_counter():
    rate = Rate(per=1)
    for tick in range(RATE_SAMPLES + 1):
        rate.sample(tick * 250, tick * 10)
    assert rate.average() == 25


def test_rate_reset():
    rate = Rate()
    rate.sample(0, 0)
    rate.sample(1600, 100)
    rate.reset()
    assert rate.average() == 0
    rate.sample(5000, 200)
    assert rate.average() == 0


def test_errors_are_counted_by_code():
    errors = ErrorStatistics()
    for text in ("ERR syntax error", "WRONGTYPE Operation …", "ERR x", "NOAUTH"):
        assert errors.add(text)
    assert errors.counts == {"ERR": 2, "WRONGTYPE": 1, "NOAUTH": 1}
    assert errors.total == 4


def test_too_many_codes_close_the_table():
    errors = ErrorStatistics()
    for number in range(MAX_ERROR_CODES):
        assert errors.add(f"E{number} x")
    assert errors.add("E0 again")
    assert not errors.add("ONEMORE x")
    assert errors.counts == {ERRORS_DISABLED: 1}
    assert errors.add("ERR x")
    assert errors.counts == {ERRORS_DISABLED: 1}
    assert errors.total == MAX_ERROR_CODES + 3
    errors.reset()
    errors.add("ERR x")
    assert (errors.counts, errors.total) == ({"ERR": 1}, 1)


# What real servers show: `LATENCY HISTOGRAM` and `INFO latencystats` after commands of known duration.
def test_bounds_of_the_powers():
    assert [bound_microseconds(power) for power in range(10, 31)] == [
        *(1, 2, 4, 8, 16, 33, 66, 132, 264, 528, 1056, 2113, 4227, 8454, 16908, 33816, 67633, 135266, 270532),
        *(541065, 1073741),
    ]


@pytest.mark.parametrize(
    ("microseconds", "shown"),
    [
        (0, 0.0),
        (1, 1.003),
        (3, 3.007),
        (8, 8.031),
        (17, 17.023),
        (32, 32.127),
        (344, 344.063),
        (1_000_000, 1002438.655),
    ],
)
def test_percentiles_show_the_top_of_the_bucket(microseconds, shown):
    assert percentiles([(microseconds * 1000, 1)], [50.0]) == [shown]


def test_percentiles():
    buckets = [(1000 * microseconds, 1) for microseconds in range(1, 101)]
    assert percentiles(buckets, [0, 50, 99, 100]) == [1.003, 50.175, 99.327, 100.351]
    assert percentiles([], [50]) == [0.0]


def test_durations_over_a_second_count_as_one():
    assert percentiles([(5 * MAX_NANOSECONDS, 1)], [99]) == [1002438.655]
    assert list(cumulative_by_power([(5 * MAX_NANOSECONDS, 2)])) == [(1073741, 2)]


def test_only_doublings_with_durations_are_shown():
    assert list(cumulative_by_power([(1000, 2), (9000, 1), (40_000_000, 3)])) == [(1, 2), (16, 3), (67633, 6)]


@given(st.integers(0, MAX_NANOSECONDS))
def test_buckets_are_narrow(value):
    ceiling = bucket_ceiling(value)
    assert value <= ceiling <= value + value // 128
    assert bucket_ceiling(ceiling) == ceiling


@given(st.dictionaries(st.integers(0, MAX_NANOSECONDS), st.integers(1, 5), max_size=50))
def test_histograms_are_cumulative_and_complete(counts):
    shown = list(cumulative_by_power(sorted(counts.items())))
    assert shown == sorted(set(shown))
    assert (shown[-1][1] if shown else 0) == sum(counts.values())
    limits = {bound_microseconds(power): bucket_ceiling(1 << power) for power in range(10, 31)}
    for bound, cumulative in shown:
        assert cumulative == sum(count for value, count in counts.items() if value <= limits[bound])
