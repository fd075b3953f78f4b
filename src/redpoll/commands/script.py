"""SCRIPT: the scripts that the server keeps, and the one that runs."""

from typing import Any

from redpoll import errors
from redpoll.commands.declare import command, container
from redpoll.commands.flags import ALLOW_BUSY, NOSCRIPT, STALE
from redpoll.errors import CommandError

_DEBUG_MODES = (b"YES", b"SYNC", b"NO")

container(
    "SCRIPT",
    group="scripting",
    since="2.6.0",
    summary="Commands on scripts.",
    help_since="5.0.0",
)


def flushes_at_once(call: Any, refusal: str) -> bool:
    """Read `[ASYNC | SYNC]` behind a subcommand. Raises `CommandError`, with the text `refusal`."""
    words = [word.upper() for word in call.args[2:]]
    if not words:
        return not call.server.config.lazyfree_lazy_user_flush
    if words not in ([b"SYNC"], [b"ASYNC"]):
        raise CommandError(refusal)
    return words == [b"SYNC"]


@command(
    "SCRIPT DEBUG <YES | SYNC | NO>=mode",
    since="3.2.0",
    flags=NOSCRIPT,
    complexity="O(1)",
)
def script_debug(call: Any) -> str:
    """Choose how scripts of this connection are debugged."""
    mode = call.args[2].upper()
    if mode not in _DEBUG_MODES:
        raise CommandError(errors.SCRIPT_DEBUG_OPTION)
    call.server.scripts.debugging.choose(call.connection, mode.decode().lower())
    return "OK"


@command(
    "SCRIPT EXISTS sha1 [sha1 ...]",
    since="2.6.0",
    flags=NOSCRIPT,
    complexity="O(N) where N is the number of scripts asked for",
    tips="request_policy:all_shards response_policy:agg_logical_and",
)
def script_exists(call: Any) -> list[int]:
    """Tell which scripts the server has, by their SHA-1."""
    find = call.server.scripts.cache.text_of
    return [int(find(digest) is not None) for digest in call.args[2:]]


@command(
    "SCRIPT FLUSH [ASYNC | SYNC]",
    since="2.6.0",
    flags=NOSCRIPT,
    complexity="O(N) where N is the number of scripts",
    tips="request_policy:all_nodes response_policy:all_succeeded",
    added={"6.2.0": "flush-type"},
)
def script_flush(call: Any) -> str:
    """Forget all scripts."""
    call.server.scripts.cache.flush(flushes_at_once(call, errors.SCRIPT_FLUSH_OPTION))
    return "OK"


@command(
    "SCRIPT KILL",
    since="2.6.0",
    flags=NOSCRIPT | ALLOW_BUSY,
    complexity="O(1)",
    tips="request_policy:all_shards response_policy:one_succeeded",
)
def script_kill(call: Any) -> str:
    """End the script that runs, if it has written nothing."""
    call.server.scripts.kill(False)
    return "OK"


@command(
    "SCRIPT LOAD script",
    since="2.6.0",
    flags=NOSCRIPT | STALE,
    complexity="O(N) where N is the length of the script",
    tips="request_policy:all_nodes response_policy:all_succeeded",
)
def script_load(call: Any) -> bytes:
    """Keep a script, and return its SHA-1."""
    digest: bytes = call.server.scripts.cache.load(call.args[2])
    return digest


@command(
    "SCRIPT SHOW sha1",
    since="8.0.0",
    flags=NOSCRIPT | STALE,
    complexity="O(1)",
)
def script_show(call: Any) -> bytes:
    """Return the text of a script."""
    text: bytes | None = call.server.scripts.cache.text_of(call.args[2])
    if text is None:
        raise CommandError(errors.NO_SCRIPT_TO_SHOW)
    return text
