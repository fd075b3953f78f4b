"""A server parts of which raise: `python -m tests.faults.broken NAMES …`, with names of `FAULTS` and commas between.

What follows the names is the server's command line. A part raises the first time that it is called, or always.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import redpoll.server.persistence as persistence
from redpoll import commands
from redpoll.__main__ import main
from redpoll.commands import declare
from redpoll.server.clients import Clients
from redpoll.server.debugging import Debugging
from redpoll.server.listeners import Acceptor
from redpoll.server.persistence import Persistence
from redpoll.server.server import Server


def text(name: str) -> str:
    """What the log has when a part of that name has raised."""
    return f"RuntimeError: the part '{name}' is broken on purpose"


def breaking(owner: type, method: str, *, always: bool = False, afterwards: bool = False) -> Callable[[str], None]:
    """Have a method raise, instead of what it does, or after it."""

    def install(name: str) -> None:
        whole = getattr(owner, method)
        raised = False

        def broken(*arguments: Any, **options: Any) -> Any:
            nonlocal raised
            if raised and not always:
                return whole(*arguments, **options)
            raised = True
            if afterwards:
                whole(*arguments, **options)
            raise RuntimeError(f"the part '{name}' is broken on purpose")

        setattr(owner, method, broken)

    return install


def breaking_snapshots(name: str) -> None:
    """Have a snapshot raise when it is to be taken on."""

    class Broken:
        def __init__(self, *arguments: Any, **options: Any) -> None:
            self._saver = Saver(*arguments, **options)

        def __getattr__(self, attribute: str) -> Any:
            return getattr(self._saver, attribute)

        def advance(self, _steps: int) -> bool:
            raise RuntimeError(f"the part '{name}' is broken on purpose")

    Saver, persistence.Saver = persistence.Saver, Broken  # noqa: N806 a class under its own name


def answering_half(_name: str) -> None:
    """Have TIME answer what no reply can be made of, and have that noticed in the middle of the reply."""
    commands.load()
    declare.REGISTRY["time"].handler = lambda _call: [b"half", object()]


FAULTS: dict[str, Callable[[str], None]] = {
    "cron": breaking(Clients, "cron", always=True),
    "deadline": breaking(Server, "deadline"),
    "accepting": breaking(Acceptor, "_take"),
    "welcome": breaking(Server, "welcome", always=True),
    "farewell": breaking(Debugging, "forget", always=True),
    "errand": breaking(Persistence, "_named", afterwards=True),
    "turn's end": breaking(Server, "turn_ended"),
    "protocol error": breaking(Server, "protocol_error", always=True),
    "query limit": breaking(Server, "log_client", always=True),
    "limit on clients": breaking(Clients, "keep_within_memory", always=True),
    "figures": breaking(Clients, "figures", always=True),
    "monitors": breaking(Server, "tell_monitors", always=True),
    "snapshot": breaking_snapshots,
    "half a reply": answering_half,
    "signal": breaking(Server, "_stop_by_signal"),
}

if __name__ == "__main__":
    for fault in sys.argv[1].split(","):
        FAULTS[fault](fault)
    sys.exit(main(sys.argv[2:]))
