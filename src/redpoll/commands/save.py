"""SAVE and LASTSAVE."""

from typing import Any

from redpoll.commands.declare import command
from redpoll.commands.flags import ADMIN, FAST, LOADING, NO_ASYNC_LOADING, NO_MULTI, NOSCRIPT, STALE


@command(
    "SAVE",
    group="server",
    since="1.0.0",
    flags=ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI,
    complexity="O(N) where N is the number of keys in all databases",
)
def save(call: Any) -> str:
    """Save the data to the RDB file before answering."""
    call.server.persistence.save()
    return "OK"


@command(
    "LASTSAVE",
    group="server",
    since="1.0.0",
    flags=LOADING | STALE | FAST,
    complexity="O(1)",
    categories="admin dangerous",
    tips="nondeterministic_output",
)
def lastsave(call: Any) -> int:
    """Return the Unix time of the last successful save."""
    return int(call.server.persistence.last_save_ms // 1000)
