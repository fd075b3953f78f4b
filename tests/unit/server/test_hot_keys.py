"""Sums of many keys in bounded memory."""

import random

from redpoll.server.hot_keys import Summary


def test_few_keys_are_exact() -> None:
    summary = Summary(10)
    for _ in range(3):
        summary.add(b"a", 2)
    summary.add(b"b", 5)
    assert summary.greatest(9) == [(b"a", 6), (b"b", 5)]


def test_what_matters_is_never_missing_nor_too_small() -> None:
    chance = random.Random(1)
    summary = Summary(50)
    true = dict.fromkeys((b"hot%d" % number for number in range(5)), 0)
    for number in range(20_000):
        if chance.random() < 0.3:
            key = b"hot%d" % chance.randrange(5)
            true[key] += 7
            summary.add(key, 7)
        else:
            summary.add(b"cold%d" % number, 1)
    assert len(summary) <= 100
    found = dict(summary.greatest(5))
    assert set(found) == set(true)
    assert all(true[key] <= total <= true[key] + summary.floor for key, total in found.items())
