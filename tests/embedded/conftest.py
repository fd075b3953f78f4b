"""Stores and clients as fixtures."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

redis = pytest.importorskip("redis")


@pytest.fixture
def store() -> Iterator[Any]:
    """A store in memory."""
    from redpoll.embedded import Store

    with Store() as one:
        yield one


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def client(request: pytest.FixtureRequest, store: Any) -> Iterator[Any]:
    """A `redis.Redis` of it, in both protocols."""
    one = store.client(protocol=request.param)
    yield one
    one.close()


@pytest.fixture
def run_python(tmp_path: Path) -> Callable[..., str]:
    """Run a program in a process of its own; what it printed."""

    def run(program: str, *arguments: str, seconds: float = 60, status: int = 0) -> str:
        file = tmp_path / "program.py"
        file.write_text(textwrap.dedent(program))
        done = subprocess.run(
            [sys.executable, "-W", "error::ResourceWarning", str(file), *arguments],
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        assert done.returncode == status, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run
