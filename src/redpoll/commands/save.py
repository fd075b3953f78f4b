"""Saving: SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF, WAITAOF."""

from typing import Any

from redpoll import errors
from redpoll.commands.declare import command
from redpoll.commands.flags import ADMIN, BLOCKING, FAST, LOADING, NO_ASYNC_LOADING, NO_MULTI, NOSCRIPT, STALE
from redpoll.errors import CommandError
from redpoll.wire.values import NO_REPLY


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


@command(
    "BGSAVE [SCHEDULE | CANCEL]=operation",
    group="server",
    since="1.0.0",
    flags=ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
    complexity="O(1); the saving itself is O(N) in the background",
    added={"3.2.2": "SCHEDULE", "8.1.0": "CANCEL"},
)
def bgsave(call: Any) -> str:
    """Save the data to the RDB file in the background."""
    persistence = call.server.persistence
    word = call.args[1].upper() if len(call.args) == 2 else b""
    if len(call.args) > 2 or word not in (b"", b"SCHEDULE", b"CANCEL"):
        raise CommandError(errors.SYNTAX)
    if word == b"CANCEL":
        if persistence.saving and not persistence.log.rewriting:
            persistence.stop_saving()
            return "Background saving cancelled"
        if persistence.scheduled:
            persistence.scheduled = False
            return "Scheduled background saving cancelled"
        raise CommandError(errors.NOTHING_TO_CANCEL)
    if not call.may_block or (persistence.log.rewriting and word == b"SCHEDULE"):
        # Within a transaction the moment would not be what follows it.
        persistence.scheduled = True
        return "Background saving scheduled"
    persistence.save_in_background()
    return "Background saving started"


@command(
    "BGREWRITEAOF",
    group="server",
    since="1.0.0",
    flags=ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
    complexity="O(1); the rewriting itself is O(N) in the background",
)
def bgrewriteaof(call: Any) -> str:
    """Write the append-only log anew, as short as it can be, in the background."""
    persistence = call.server.persistence
    log = persistence.log
    if log.rewriting:
        raise CommandError(errors.REWRITE_ACTIVE)
    if persistence.saving or log.is_busy or not call.may_block:
        log.rewrite_scheduled = True
        return "Background append only file rewriting scheduled"
    if not log.rewrite():
        raise CommandError(errors.REWRITE_FAILED)
    return "Background append only file rewriting started"


@command(
    "WAITAOF numlocal numreplicas timeout",
    group="generic",
    since="7.2.0",
    flags=BLOCKING,
    complexity="O(1)",
    categories="-keyspace connection",
    tips="request_policy:all_shards response_policy:agg_min",
)
def waitaof(call: Any) -> Any:
    """Wait until the changes of this connection are on the disk, here and on replicas."""
    local, replicas = (call.parse_integer(word) for word in call.args[1:3])
    if not 0 <= local <= 1:
        raise CommandError(errors.out_of_bounds(0, 1))
    if replicas < 0:
        raise CommandError(errors.NOT_POSITIVE)
    timeout_ms = call.milliseconds(3)
    log = call.server.persistence.log
    if local and log.state == "off":
        raise CommandError(errors.WAITAOF_WITHOUT_LOG)

    def reached() -> list[int]:
        return [int(log.state != "off" and log.has_synced(call.connection)), 0]

    now = reached()
    if now[0] >= local and now[1] >= replicas:
        return now
    return NO_REPLY if call.wait_for_time(timeout_ms, reached, 2) else now
