"""FUNCTION: libraries of functions, and the function that runs."""

from typing import Any

from redpoll import errors
from redpoll.commands.declare import command, container
from redpoll.commands.flags import ALLOW_BUSY, DENYOOM, NOSCRIPT, WRITE
from redpoll.commands.script import flushes_at_once
from redpoll.errors import CommandError

container(
    "FUNCTION",
    group="scripting",
    since="7.0.0",
    summary="Commands on libraries of functions.",
    help_since="7.0.0",
)


def _text(word: bytes) -> str:
    return word.decode("utf-8", "surrogateescape")


@command(
    "FUNCTION DELETE library-name",
    since="7.0.0",
    flags=WRITE | NOSCRIPT,
    complexity="O(1)",
    tips="request_policy:all_shards response_policy:all_succeeded",
)
def function_delete(call: Any) -> str:
    """Delete a library."""
    if not call.server.functions.libraries.delete(call.args[2]):
        raise CommandError(errors.NO_SUCH_LIBRARY)
    call.count_change()
    return "OK"


@command(
    "FUNCTION DUMP",
    since="7.0.0",
    flags=NOSCRIPT,
    complexity="O(N) where N is the number of functions",
)
def function_dump(call: Any) -> bytes:
    """Return all libraries in a payload that FUNCTION RESTORE takes."""
    payload: bytes = call.server.functions.dump()
    return payload


@command(
    "FUNCTION FLUSH [ASYNC | SYNC]",
    since="7.0.0",
    flags=WRITE | NOSCRIPT,
    complexity="O(N) where N is the number of functions",
    tips="request_policy:all_shards response_policy:all_succeeded",
)
def function_flush(call: Any) -> str:
    """Delete all libraries."""
    if len(call.args) > 3:
        raise CommandError(errors.subcommand_arity("FUNCTION", _text(call.args[1])))
    call.server.functions.libraries.flush(flushes_at_once(call, errors.FUNCTION_FLUSH_OPTION))
    call.count_change()
    return "OK"


@command(
    "FUNCTION KILL",
    since="7.0.0",
    flags=NOSCRIPT | ALLOW_BUSY,
    complexity="O(1)",
    tips="request_policy:all_shards response_policy:one_succeeded",
)
def function_kill(call: Any) -> str:
    """End the function that runs, if it has written nothing."""
    call.server.scripts.kill(True)
    return "OK"


@command(
    "FUNCTION LIST [LIBRARYNAME library-name-pattern:string] [WITHCODE]",
    since="7.0.0",
    flags=NOSCRIPT,
    complexity="O(N) where N is the number of functions",
    tips="nondeterministic_output_order",
)
def function_list(call: Any) -> list[Any]:
    """Return what libraries and functions there are."""
    pattern, with_code = None, False
    words = iter(call.args[2:])
    for word in words:
        if word.upper() == b"WITHCODE" and not with_code:
            with_code = True
        elif word.upper() == b"LIBRARYNAME" and pattern is None:
            pattern = next(words, None)
            if pattern is None:
                raise CommandError(errors.NO_LIBRARY_NAME)
        else:
            raise CommandError(errors.unknown_list_argument(_text(word)))
    described: list[Any] = call.server.functions.describe(pattern, with_code)
    return described


@command(
    "FUNCTION LOAD [REPLACE] function-code",
    since="7.0.0",
    flags=WRITE | DENYOOM | NOSCRIPT,
    complexity="O(1), and what running the library's text takes",
    tips="request_policy:all_shards response_policy:all_succeeded",
)
def function_load(call: Any) -> bytes:
    """Load a library, and return its name."""
    replacing = False
    for word in call.args[2:-1]:
        if word.upper() != b"REPLACE":
            raise CommandError(errors.unknown_load_option(_text(word)))
        replacing = True
    name: bytes = call.server.functions.libraries.load(call.args[-1], replacing)
    call.count_change()
    return name


@command(
    "FUNCTION RESTORE serialized-value [FLUSH | APPEND | REPLACE]=policy",
    since="7.0.0",
    flags=WRITE | DENYOOM | NOSCRIPT,
    complexity="O(N) where N is the number of functions in the payload",
    tips="request_policy:all_shards response_policy:all_succeeded",
)
def function_restore(call: Any) -> str:
    """Load all libraries of a payload."""
    if len(call.args) > 4:
        raise CommandError(errors.subcommand_arity("FUNCTION", _text(call.args[1])))
    policy = _text(call.args[3]).upper() if len(call.args) > 3 else "APPEND"
    if policy not in ("FLUSH", "APPEND", "REPLACE"):
        raise CommandError(errors.RESTORE_POLICY)
    call.server.functions.restore(call.args[2], policy)
    call.count_change()
    return "OK"


@command(
    "FUNCTION STATS",
    since="7.0.0",
    flags=NOSCRIPT | ALLOW_BUSY,
    complexity="O(1)",
    tips="nondeterministic_output request_policy:all_shards response_policy:special",
)
def function_stats(call: Any) -> dict[bytes, Any]:
    """Return which function runs, and how many there are."""
    stats: dict[bytes, Any] = call.server.functions.stats()
    return stats
