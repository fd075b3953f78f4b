"""Fixtures of the command line's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.tmux import Screen
from tests.conftest import missing
from tests.peers import PeerMissing, find_tool


@pytest.fixture(scope="module")
def theirs() -> list[str]:
    """The other client's command."""
    try:
        return [find_tool("redis-cli")]
    except PeerMissing as problem:
        missing(problem)
        raise


@pytest.fixture
def screens(tmp_path: Path) -> Iterator[Callable[..., Screen]]:
    """Return what starts a command with an environment on a screen of its own."""
    opened: list[Screen] = []

    def start(command: list[str], environment: dict[str, str]) -> Screen:
        folder = tmp_path / f"screen{len(opened)}"
        folder.mkdir()
        try:
            one = Screen(folder, command, environment)
        except PeerMissing as problem:
            missing(problem)
        opened.append(one)
        return one

    yield start
    for one in opened:
        one.close()
