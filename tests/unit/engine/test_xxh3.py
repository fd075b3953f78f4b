"""XXH3 against the reference library, over every way that lengths go."""

import random

import pytest
import xxhash
from redpoll.engine.xxh3 import digest


@pytest.mark.parametrize("lengths", [range(17), range(17, 129), range(129, 241), range(241, 1100, 7), (4096, 100_001)])
def test_it_is_the_reference(lengths: range) -> None:
    chance = random.Random(3)
    for length in lengths:
        text = chance.randbytes(length)
        assert digest(text) == xxhash.xxh3_64_intdigest(text), length
