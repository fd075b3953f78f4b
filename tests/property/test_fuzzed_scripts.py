"""Random Lua programs, of which tests/fuzz/scripts.py makes more for longer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fuzz.scripts import FAILED_ONCE, OPTIONS, Program, run
from tests.peers import Server


@pytest.mark.parametrize("part", range(4))
def test_programs_leave_the_server_as_it_was(make_server: Callable[..., Server], part: int) -> None:
    runner = run(make_server(**OPTIONS), range(part * 100, part * 100 + 100))
    # Some fail and some are killed, but most of the grammar is Lua that runs.
    assert 10 < runner.errors < 90


def test_programs_that_went_wrong_once(make_server: Callable[..., Server]) -> None:
    run(make_server(**OPTIONS), FAILED_ONCE)


def test_a_number_is_a_program() -> None:
    assert Program(5).text == Program(5).text
    assert len({Program(number).text for number in range(50)}) > 45
