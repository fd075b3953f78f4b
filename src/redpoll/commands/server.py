"""SHUTDOWN."""

from typing import Any

from redpoll import errors
from redpoll.commands.declare import command
from redpoll.commands.flags import ADMIN, ALLOW_BUSY, LOADING, NO_MULTI, NOSCRIPT, STALE
from redpoll.errors import CommandError
from redpoll.wire import values

_SHUTDOWN_WORDS = frozenset((b"NOSAVE", b"SAVE", b"NOW", b"FORCE", b"SAFE", b"FAILOVER", b"ABORT"))


@command(
    "SHUTDOWN [([NOSAVE | SAVE]=save-selector [NOW] [FORCE] [SAFE] [FAILOVER])=save-selector-block "
    "| ABORT]=abort-selector",
    group="server",
    since="1.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY,
    complexity="O(N) when saving, where N is the number of keys; else O(1)",
    added={"7.0.0": "NOW FORCE ABORT", "9.0.0": "SAFE FAILOVER"},
)
def shutdown(call: Any) -> Any:
    """Save the data and stop the server."""
    words = [word.upper() for word in call.args[1:]]
    if not _SHUTDOWN_WORDS.issuperset(words) or {b"SAVE", b"NOSAVE"} <= set(words):
        raise CommandError(errors.SYNTAX)
    if b"ABORT" in words:
        if len(words) > 1:
            raise CommandError(errors.SYNTAX)
        raise CommandError(errors.NO_SHUTDOWN)
    call.server.shut_down(
        save=True if b"SAVE" in words else False if b"NOSAVE" in words else None,
        now=b"NOW" in words,
        force=b"FORCE" in words,
    )
    return values.NO_REPLY
