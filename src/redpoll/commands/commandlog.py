"""SLOWLOG and COMMANDLOG: read and reset the command logs at `call.server.command_logs`."""

from typing import Any

from redpoll import errors
from redpoll.commands.declare import command, container
from redpoll.commands.flags import ADMIN, LOADING, STALE
from redpoll.engine.numbers import read_int64
from redpoll.errors import CommandError

_DEFAULT_COUNT = 10
_COMMANDLOG_COLUMNS = 6  # Valkey's entries end before the word count that Redis 8.10 brought


container("SLOWLOG", group="server", since="2.2.12", help_since="6.2.0", summary="Read and reset the slow log.")
container("COMMANDLOG", group="server", since="8.1.0", summary="Read and reset the command logs.")


@command(
    "SLOWLOG GET [count]",
    group="server",
    flags=ADMIN | LOADING | STALE,
    complexity="O(N) where N is the number of entries returned",
    tips="request_policy:all_nodes nondeterministic_output",
    since="2.2.12",
    history=(
        ("4.0.0", "Added address, port and name of the client."),
        ("8.10.0", "Added the original argument count."),
    ),
)
def slowlog_get(call: Any) -> list[list[Any]]:
    """Return the newest entries of the slow log, ten unless told otherwise."""
    if len(call.args) > 3:
        raise CommandError(errors.subcommand_arity("SLOWLOG", call.args[1].decode(errors="replace")))
    count = _count(call.args[2]) if len(call.args) == 3 else _DEFAULT_COUNT
    return _replies(call.server.command_logs.slow, count)


@command(
    "SLOWLOG LEN",
    group="server",
    flags=ADMIN | LOADING | STALE,
    complexity="O(1)",
    tips="request_policy:all_nodes response_policy:agg_sum nondeterministic_output",
    since="2.2.12",
)
def slowlog_len(call: Any) -> int:
    """Return the number of entries in the slow log."""
    return len(call.server.command_logs.slow)


@command(
    "SLOWLOG RESET",
    group="server",
    flags=ADMIN | LOADING | STALE,
    complexity="O(N) where N is the number of entries in the slow log",
    tips="request_policy:all_nodes response_policy:all_succeeded",
    since="2.2.12",
)
def slowlog_reset(call: Any) -> str:
    """Empty the slow log."""
    call.server.command_logs.slow.reset()
    return "OK"


@command(
    "COMMANDLOG GET count <SLOW | LARGE-REQUEST | LARGE-REPLY>=type",
    group="server",
    flags=ADMIN | LOADING | STALE,
    complexity="O(N) where N is the number of entries returned",
    tips="request_policy:all_nodes nondeterministic_output",
    since="8.1.0",
)
def commandlog_get(call: Any) -> list[list[Any]]:
    """Return the newest entries of one of the command logs."""
    count = _count(call.args[2])
    return _replies(_log(call, call.args[3]), count, _COMMANDLOG_COLUMNS)


@command(
    "COMMANDLOG LEN <SLOW | LARGE-REQUEST | LARGE-REPLY>=type",
    group="server",
    flags=ADMIN | LOADING | STALE,
    complexity="O(1)",
    tips="request_policy:all_nodes response_policy:agg_sum nondeterministic_output",
    since="8.1.0",
)
def commandlog_len(call: Any) -> int:
    """Return the number of entries in one of the command logs."""
    return len(_log(call, call.args[2]))


@command(
    "COMMANDLOG RESET <SLOW | LARGE-REQUEST | LARGE-REPLY>=type",
    group="server",
    flags=ADMIN | LOADING | STALE,
    complexity="O(N) where N is the number of entries in the log",
    tips="request_policy:all_nodes response_policy:all_succeeded",
    since="8.1.0",
)
def commandlog_reset(call: Any) -> str:
    """Empty one of the command logs."""
    _log(call, call.args[2]).reset()
    return "OK"


def _count(word: bytes) -> int:
    count: int | None = read_int64(word)
    if count is None or count < -1:
        raise CommandError(errors.LOG_COUNT)
    return count


def _log(call: Any, name: bytes) -> Any:
    log = call.server.command_logs.named(name)
    if log is None:
        raise CommandError(errors.LOG_TYPE)
    return log


def _replies(log: Any, count: int, columns: int | None = None) -> list[list[Any]]:
    return [
        [entry.id, entry.unix_time, entry.value, entry.words, entry.address, entry.client_name, entry.word_count][
            :columns
        ]
        for entry in log.newest(count)
    ]
