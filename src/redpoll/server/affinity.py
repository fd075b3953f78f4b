"""Which processors threads run on: `server-cpulist` and `bio-cpulist`.

Threads that compiled code starts do not say who they are, so they are known by what they are not: neither the thread
that runs commands nor one of those that read and write for it.
"""

from __future__ import annotations

import os

_TASKS = "/proc/self/task"


def processors(text: str) -> set[int]:
    """The numbers that `0-3,8` or `0-7:2` stands for. Raises `ValueError`."""
    found: set[int] = set()
    for part in text.replace(" ", "").split(","):
        reach, _, step = part.partition(":")
        first, dash, last = reach.partition("-")
        found.update(range(int(first), int(last if dash else first) + 1, int(step or 1)))
    if not found:
        raise ValueError(f"'{text}' names no processor")
    return found


def threads() -> set[int]:
    """The process's threads, as the kernel numbers them."""
    try:
        return {int(name) for name in os.listdir(_TASKS)}
    except OSError:
        return {os.getpid()}


class Affinity:
    """The threads of one server. Lists that are empty, or name what is not there, leave things as they are."""

    def __init__(self, for_commands: str, for_others: str) -> None:
        self._commands = for_commands
        self._others = for_others
        self._own: set[int] = set()
        self._seen: set[int] = set()
        self.problems: list[str] = []

    def begin(self) -> None:
        """Before the I/O threads are started, by the thread that runs commands: they are where it is."""
        if self._commands:
            self._pin(0, "server-cpulist", self._commands)
        if self._others:
            self._seen = threads()
            self._own = {os.getpid()}

    def started(self) -> None:
        """The I/O threads are there now; the others, before and to come, go elsewhere."""
        if self._others:
            self._own |= threads() - self._seen
            self._seen = set()
            self.look()

    def look(self) -> None:
        """See to threads that have come since."""
        if not self._others:
            return
        now = threads()
        for thread in now - self._seen - self._own:
            self._pin(thread, "bio-cpulist", self._others)
        self._seen = now

    def _pin(self, thread: int, directive: str, text: str) -> None:
        try:
            os.sched_setaffinity(thread, processors(text))
        except ProcessLookupError:
            pass  # it has ended
        except (OSError, ValueError) as error:
            problem = f"{directive} '{text}' cannot be followed: {error}"
            if problem not in self.problems:
                self.problems.append(problem)
