"""A few rounds of `crash.py`, at each run of the tests; `make crash` runs hundreds."""

from pathlib import Path

import pytest

from tests.faults import crash


@pytest.mark.parametrize("seed", range(2))
def test_kills(tmp_path: Path, seed: int) -> None:
    crash.run_round(seed, 0.8, tmp_path)


@pytest.mark.parametrize("seed", range(2))
def test_power_cuts(tmp_path: Path, seed: int) -> None:
    crash.run_on_disk(seed, 0.5, tmp_path, 3)
