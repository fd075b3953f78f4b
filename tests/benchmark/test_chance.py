"""Numbers by chance are as likely as they should be."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redpoll.benchmark.chance import even_numbers, twelve_digits, zipf_numbers

DRAWS = 200_000


@given(st.integers(min_value=0, max_value=10**12 - 1))
def test_twelve_digits(value: int) -> None:
    assert twelve_digits(value) == b"%012d" % value


@given(st.integers(min_value=1, max_value=10**12), st.integers(min_value=0, max_value=2**64 - 1))
def test_even_numbers_are_below(count: int, seed: int) -> None:
    assert all(0 <= number < count for number in even_numbers(count, seed, 50))


def test_even_numbers_are_even() -> None:
    seen = Counter(even_numbers(10, 3, DRAWS))
    assert all(abs(seen[number] / DRAWS - 0.1) < 0.005 for number in range(10))


@pytest.mark.parametrize("exponent", [0.5, 0.99, 1.0, 1.3, 2.5])
def test_zipf(exponent: float) -> None:
    count = 1000
    seen = Counter(zipf_numbers(count, exponent, 11, DRAWS))
    weights = [1 / k**exponent for k in range(1, count + 1)]
    total = sum(weights)
    assert min(seen) >= 1
    assert max(seen) <= count
    for rank in (1, 2, 3, 10, 50):
        wanted = weights[rank - 1] / total
        assert abs(seen[rank] / DRAWS - wanted) < 5 * (wanted / DRAWS) ** 0.5 + 1e-5
    upper = sum(weights[99:]) / total
    assert abs(sum(times for rank, times in seen.items() if rank >= 100) / DRAWS - upper) < 0.005


@pytest.mark.parametrize("count", [1, 2, 10**12])
def test_zipf_of_few_and_of_many(count: int) -> None:
    numbers = zipf_numbers(count, 0.99, 5, 1000)
    assert all(1 <= number <= count for number in numbers)
    assert (len(set(numbers)) > 500) == (count > 2)
