"""The examples of docs/benchmark.md and of --help run as they stand, with fewer requests."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from redpoll.benchmark.usage import USAGE
from tests.benchmark.fake import OURS
from tests.peers import Server

TEXT = (Path(__file__).parents[2] / "docs" / "benchmark.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^ +redpoll-benchmark ?(.*)$", TEXT + USAGE.partition("\nExamples\n")[2], re.MULTILINE)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 15


def quickly(example: str, port: int) -> list[str]:
    """The words of an example, for a short run on a server of the tests."""
    words = shlex.split(example)
    for name, value in (("-p", None), ("-n", "300"), ("--duration", "0.1"), ("--rounds", "1")):
        if name in words:
            at = words.index(name)
            words[at : at + 2] = [name, value] if value else []
    if "--duration" not in words and "-n" not in words:
        words = ["-n", "300", *words]
    words = [re.sub(r"^127\.0\.0\.1:\d+$", f"127.0.0.1:{port}", word) for word in words]
    return ["-p", str(port), *words]


@pytest.mark.parametrize("example", [example for example in EXAMPLES if "--cluster" not in example])
def test_example(example: str, server: Server, tmp_path: Path) -> None:
    (tmp_path / "products.csv").write_text("id,name\n1,pen\n2,cup\n", encoding="utf-8")
    done = subprocess.run(
        [*OURS, *quickly(example, server.port)], capture_output=True, cwd=tmp_path, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
