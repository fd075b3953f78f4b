"""INFO: the server's state as text; `call.server.info(sections)` makes it."""

from typing import Any

from redpoll.commands.declare import command
from redpoll.commands.flags import LOADING, STALE
from redpoll.wire import values


@command(
    "INFO [section [section ...]]",
    group="server",
    flags=LOADING | STALE,
    complexity="O(1)",
    tips="nondeterministic_output request_policy:all_shards response_policy:special",
    since="1.0.0",
    categories="dangerous",
    history=(("7.0.0", "Added several sections in one call."),),
)
def info(call: Any) -> values.Verbatim:
    """Return information and statistics about the server."""
    return values.Verbatim(call.server.info(call.args[1:]).encode(errors="surrogateescape"))
