"""The MEMORY command."""

from typing import Any

from redpoll import errors
from redpoll.commands.declare import command, container
from redpoll.commands.flags import READONLY
from redpoll.errors import CommandError
from redpoll.wire import values

_SAMPLES = 5  # elements of a large collection that are looked at, if not told otherwise

container(
    "MEMORY",
    summary="Look at how memory is used.",
    group="server",
    since="4.0.0",
    complexity="Depends on the subcommand",
)


@command(
    "MEMORY DOCTOR",
    since="4.0.0",
    complexity="O(1)",
    tips="nondeterministic_output request_policy:all_shards response_policy:special",
)
def memory_doctor(call: Any) -> values.Verbatim:
    """Report problems with memory."""
    return values.Verbatim(call.server.memory_report().encode())


@command(
    "MEMORY MALLOC-STATS",
    since="4.0.0",
    complexity="Depends on the allocator",
    tips="nondeterministic_output request_policy:all_shards response_policy:special",
)
def memory_malloc_stats(call: Any) -> values.Verbatim:
    """Return the allocator's statistics."""
    return values.Verbatim(call.server.allocator_report().encode())


@command(
    "MEMORY PURGE",
    since="4.0.0",
    complexity="Depends on the allocator",
    tips="request_policy:all_shards response_policy:all_succeeded",
)
def memory_purge(call: Any) -> str:
    """Ask the allocator to give memory back."""
    call.server.purge_memory()
    return "OK"


@command(
    "MEMORY STATS",
    since="4.0.0",
    complexity="O(1)",
    tips="nondeterministic_output request_policy:all_shards response_policy:special",
)
def memory_stats(call: Any) -> dict[bytes, Any]:
    """Return in detail what memory is used for."""
    figures: dict[bytes, Any] = call.server.memory_figures()
    return figures


@command(
    "MEMORY USAGE key [SAMPLES count]",
    since="4.0.0",
    flags=READONLY,
    complexity="O(N) where N is the number of samples",
    keys="RO",
)
def memory_usage(call: Any) -> int | None:
    """Estimate the memory of a key with its value."""
    words = call.args[3:]
    samples = _SAMPLES
    while words:
        if words[0].upper() != b"SAMPLES" or len(words) < 2:
            raise CommandError(errors.SYNTAX)
        samples = call.parse_integer(words[1])
        if samples < 0:
            raise CommandError(errors.SYNTAX)
        words = words[2:]
    used: int | None = call.db.memory(call.args[2], samples)
    return used
