"""Failures on purpose, for tests of programs that have to live with them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

INJECTED = "ERR injected by a test"


class Fault:
    """Something that is to happen to commands: to those of a name, or all, from the `nth` on, so many `times`."""

    def __init__(self, act: Callable[[Any], str | None], command: str, nth: int, times: int | None) -> None:
        self.act = act
        self.command = command
        self.nth = nth
        self.times = times

    def strikes(self, name: str) -> bool:
        """Count a command that is about to run; whether it is hit."""
        if self.command and name.partition("|")[0] != self.command and name != self.command:
            return False
        self.nth -= 1
        if self.nth > 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    @property
    def over(self) -> bool:
        """Whether it hits nobody any more."""
        return self.times is not None and self.times <= 0


class Faults:
    """What is planned for the commands of one store. `command` is a lower-case name, empty: all."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.planned: list[Fault] = []
        self.struck = 0

    def fail(self, error: str = INJECTED, *, command: str = "", nth: int = 1, times: int | None = 1) -> None:
        """Answer with an error instead of running the command; `times=None`: from then on always."""
        self._plan(lambda _connection: error, command, nth, times)

    def drop(self, *, command: str = "", nth: int = 1, times: int | None = 1) -> None:
        """Close the connection instead of running the command."""

        def act(connection: Any) -> str:
            self._server.loop.close(connection)
            return "ERR dropped"

        self._plan(act, command, nth, times)

    def slow(self, seconds: float, *, command: str = "", nth: int = 1, times: int | None = 1) -> None:
        """Run the command only after so long; as in a real server, nobody else is served meanwhile."""

        def act(_connection: Any) -> None:
            time.sleep(seconds)

        self._plan(act, command, nth, times)

    def drop_connections(self) -> None:
        """Close all connections now."""
        loop = self._server.loop
        with loop.guard:
            for connection in list(loop.connections.values()):
                loop.close(connection)

    def clear(self) -> None:
        """Plan nothing any more."""
        self.planned.clear()
        self.struck = 0
        self._server.check_refusals()

    def _plan(self, act: Callable[[Any], str | None], command: str, nth: int, times: int | None) -> None:
        self.planned.append(Fault(act, command.lower(), nth, times))
        self._server.check_refusals()

    def strike(self, connection: Any, name: str) -> str | None:
        """A command is about to run: what it is answered instead, or None."""
        for fault in list(self.planned):
            if not fault.strikes(name):
                continue
            self.struck += 1
            if fault.over:
                self.planned.remove(fault)
                self._server.check_refusals()
            text = fault.act(connection)
            if text is not None:
                return text
        return None
