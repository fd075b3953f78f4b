"""SLOWLOG and COMMANDLOG: read and reset the command logs at `call.server.command_logs`."""

from typing import Any

from redpoll import errors
from redpoll.commands.integers import parse_integer
from redpoll.errors import CommandError

_DEFAULT_COUNT = 10
_COMMANDLOG_COLUMNS = 6  # Valkey's entries end before the word count that Redis 8.10 brought


def slowlog_get(call: Any) -> list[list[Any]]:
    """Return the newest entries of the slow log, ten unless told otherwise."""
    if len(call.args) > 3:
        raise CommandError(errors.subcommand_arity(call.args[1].decode(errors="replace"), "slowlog"))
    count = _count(call.args[2]) if len(call.args) == 3 else _DEFAULT_COUNT
    return _replies(call.server.command_logs.slow, count)


def slowlog_len(call: Any) -> int:
    """Return the number of entries in the slow log."""
    return len(call.server.command_logs.slow)


def slowlog_reset(call: Any) -> str:
    """Empty the slow log."""
    call.server.command_logs.slow.reset()
    return "OK"


def commandlog_get(call: Any) -> list[list[Any]]:
    """Return the newest entries of one of the command logs."""
    count = _count(call.args[2])
    return _replies(_log(call, call.args[3]), count, _COMMANDLOG_COLUMNS)


def commandlog_len(call: Any) -> int:
    """Return the number of entries in one of the command logs."""
    return len(_log(call, call.args[2]))


def commandlog_reset(call: Any) -> str:
    """Empty one of the command logs."""
    _log(call, call.args[2]).reset()
    return "OK"


def _count(word: bytes) -> int:
    count = parse_integer(word)
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
