"""HOTKEYS: find the keys that cost most; `call.server.hot_keys` does."""

from typing import Any

from redpoll import errors
from redpoll.commands.declare import command, container
from redpoll.commands.flags import ADMIN, NOSCRIPT
from redpoll.engine.numbers import read_int64
from redpoll.errors import CommandError

_METRICS = (b"CPU", b"NET")
_MOST_KEYS = 64
_DEFAULT_KEYS = 10
_MOST_SECONDS = 1_000_000_000

container(
    "HOTKEYS",
    summary="Find the keys that cost most.",
    group="server",
    since="8.6.0",
    complexity="Depends on the subcommand",
    help_since="8.6.1",
)


@command(
    "HOTKEYS GET",
    since="8.6.0",
    flags=ADMIN | NOSCRIPT,
    complexity="O(K) where K is the number of keys returned",
)
def hotkeys_get(call: Any) -> list[dict[bytes, Any]] | None:
    """Return the hottest keys found and how they were measured."""
    session = call.server.hot_keys.current()
    return None if session is None else [session.report(call.server.unix_us() // 1000)]


@command("HOTKEYS RESET", since="8.6.0", flags=ADMIN | NOSCRIPT, complexity="O(1)")
def hotkeys_reset(call: Any) -> str:
    """Forget what was measured."""
    session = call.server.hot_keys.current()
    if session is not None and session.active:
        raise CommandError(errors.HOTKEYS_GOING_ON)
    call.server.hot_keys.reset()
    return "OK"


@command(
    "HOTKEYS START METRICS (count [CPU] [NET])=metrics [COUNT k:integer] [DURATION seconds] "
    "[SAMPLE ratio:integer] [SLOTS (count slot [slot ...])=slots]",
    since="8.6.0",
    flags=ADMIN | NOSCRIPT,
    complexity="O(1)",
    arity=-2,
)
def hotkeys_start(call: Any) -> str:
    """Begin to measure what keys cost."""
    session = call.server.hot_keys.current()
    if session is not None and session.active:
        raise CommandError(errors.HOTKEYS_STARTED)
    words = call.args
    if len(words) < 4 or words[2].upper() != b"METRICS":
        raise CommandError(errors.HOTKEYS_NO_METRICS)
    wanted = read_int64(words[3])
    if wanted is None or not 0 < wanted <= len(_METRICS):
        raise CommandError(errors.HOTKEYS_METRICS_COUNT)
    metrics = [word.upper() for word in words[4 : 4 + wanted]]
    for name in _METRICS:
        if metrics.count(name) > 1:
            raise CommandError(errors.metric_twice(name.decode()))
    if len(metrics) != wanted:
        raise CommandError(errors.HOTKEYS_METRICS_MISMATCH)
    if not set(metrics) & set(_METRICS):
        raise CommandError(errors.HOTKEYS_UNKNOWN_METRICS)
    count, seconds, sample = _DEFAULT_KEYS, 0, 1
    at = 4 + wanted
    while at < len(words):
        option = words[at].upper()
        if at + 1 >= len(words):
            raise CommandError(errors.SYNTAX)
        number = read_int64(words[at + 1])
        if option == b"COUNT":
            if number is None or not 1 <= number <= _MOST_KEYS:
                raise CommandError(errors.HOTKEYS_COUNT)
            count = number
        elif option == b"DURATION":
            if number is None or not 0 <= number <= _MOST_SECONDS:
                raise CommandError(errors.HOTKEYS_DURATION)
            seconds = number
        elif option == b"SAMPLE":
            if number is None or number < 1:
                raise CommandError(errors.HOTKEYS_SAMPLE)
            sample = number
        elif option == b"SLOTS":
            raise CommandError(errors.HOTKEYS_SLOTS)
        else:
            raise CommandError(errors.SYNTAX)
        at += 2
    call.server.hot_keys.start(
        cpu=b"CPU" in metrics, net=b"NET" in metrics, count=count, sample=sample, seconds=seconds
    )
    return "OK"


@command("HOTKEYS STOP", since="8.6.0", flags=ADMIN | NOSCRIPT, complexity="O(1)")
def hotkeys_stop(call: Any) -> str:
    """Stop measuring and keep the result."""
    session = call.server.hot_keys.current()
    if session is None or not session.active:
        raise CommandError(errors.HOTKEYS_NOT_STARTED)
    call.server.hot_keys.stop()
    return "OK"
