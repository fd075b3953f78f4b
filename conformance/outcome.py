"""What became of the tests of others' suites, file by file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """What became of one file's tests; `failures`: by test, what it said."""

    file: str
    passed: int = 0
    skipped: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    aborted: str = ""


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """Counts of each file and of all, as lines of a Markdown table."""
    lines = ["| file | passed | failed | skipped | |", "|---|---|---|---|---|"]
    lines += [
        f"| {one.file} | {one.passed} | {len(one.failures)} | {one.skipped} | {'ended early' if one.aborted else ''} |"
        for one in outcomes
    ]
    passed = sum(one.passed for one in outcomes)
    failed = sum(len(one.failures) for one in outcomes)
    skipped = sum(one.skipped for one in outcomes)
    return [*lines, f"| **all** | **{passed}** | **{failed}** | **{skipped}** | |"]
