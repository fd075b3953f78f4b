"""COMMAND: what the declarations tell about every command.

`call.server.command_table` holds the commands of this server by the names it knows them under.
"""

from collections.abc import Iterable
from typing import Any

from redpoll import errors
from redpoll.commands import declare, usage
from redpoll.commands.declare import Command, command, container
from redpoll.commands.flags import LOADING, STALE, flag_names
from redpoll.engine.glob import matches
from redpoll.errors import CommandError
from redpoll.wire.values import ReplySet

_FLAGS = LOADING | STALE


def _command(call: Any) -> list[Any]:
    return [info(each) for each in call.server.command_table.values()]


container(
    "COMMAND",
    handler=_command,
    arity=-1,
    group="server",
    since="2.8.13",
    flags=_FLAGS,
    categories="connection",
    complexity="O(N) where N is the number of commands",
    summary="Describe all commands.",
    tips="nondeterministic_output_order",
    help_since="5.0.0",
)


@command("COMMAND COUNT", since="2.8.13", flags=_FLAGS, complexity="O(1)")
def command_count(call: Any) -> int:
    """Count the commands."""
    return len(call.server.command_table)


@command(
    "COMMAND INFO [command-name [command-name ...]]",
    since="2.8.13",
    flags=_FLAGS,
    complexity="O(N) where N is the number of commands asked for",
    tips="nondeterministic_output_order",
    history=(("7.0.0", "Without names, describes all commands."),),
)
def command_info(call: Any) -> list[Any]:
    """Describe commands, or all of them."""
    names = call.args[2:]
    if not names:
        return _command(call)
    table = call.server.command_table
    return [None if found is None else info(found) for found in (declare.find(name, table) for name in names)]


@command(
    "COMMAND DOCS [command-name [command-name ...]]",
    since="7.0.0",
    flags=_FLAGS,
    complexity="O(N) where N is the number of commands asked for",
    tips="nondeterministic_output_order",
)
def command_docs(call: Any) -> dict[bytes, Any]:
    """Document commands, or all of them."""
    names = call.args[2:]
    table = call.server.command_table
    asked: Iterable[Command | None] = (declare.find(name, table) for name in names) if names else table.values()
    return {found.name.encode(): docs(found) for found in asked if found is not None}


@command(
    "COMMAND LIST [FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
    since="7.0.0",
    flags=_FLAGS,
    complexity="O(N) where N is the number of commands",
    tips="nondeterministic_output_order",
)
def command_list(call: Any) -> list[bytes]:
    """List the names of all commands, or of those that pass a filter."""
    words = call.args[2:]
    everything = [each for top in call.server.command_table.values() for each in (top, *top.subcommands.values())]
    if not words:
        return [each.name.encode() for each in everything]
    if len(words) != 3 or words[0].upper() != b"FILTERBY":
        raise CommandError(errors.SYNTAX)
    by, value = words[1].upper(), words[2].decode("latin-1").lower()
    if by == b"MODULE":
        found = [each for each in everything if each.module == value]
    elif by == b"ACLCAT":
        found = [each for each in everything if value in each.categories]
    elif by == b"PATTERN":
        found = [each for each in everything if matches(words[2], each.name.encode(), True)]
    else:
        raise CommandError(errors.SYNTAX)
    return [each.name.encode() for each in found]


@command(
    "COMMAND GETKEYS command [arg [arg ...]]",
    since="2.8.13",
    flags=_FLAGS,
    complexity="O(N) where N is the number of words",
)
def command_getkeys(call: Any) -> list[bytes]:
    """Return which words of a request are keys."""
    words = call.args[2:]
    return [words[position] for position, _ in _keys(call, words)]


@command(
    "COMMAND GETKEYSANDFLAGS command [arg [arg ...]]",
    since="7.0.0",
    flags=_FLAGS,
    complexity="O(N) where N is the number of words",
)
def command_getkeysandflags(call: Any) -> list[Any]:
    """Return which words of a request are keys, and what is done to each."""
    words = call.args[2:]
    return [[words[position], ReplySet(flags)] for position, flags in _keys(call, words)]


def _keys(call: Any, words: list[bytes]) -> list[declare.KeyPlace]:
    found = declare.lookup(words, call.server.command_table)
    if found is None:
        raise CommandError(errors.NO_SUCH_COMMAND)
    return declare.get_keys(found, words)


# -- replies ---------------------------------------------------------------------------------------


def info(described: Command) -> list[Any]:
    """One entry of `COMMAND INFO`."""
    subcommands = [info(each) for each in described.subcommands.values()]
    return [
        described.name.encode(),
        described.arity,
        ReplySet(flag_names(described.flags)),
        described.first_key,
        described.last_key,
        described.key_step,
        ReplySet(f"@{category}" for category in described.categories),
        ReplySet(tip.encode() for tip in described.tips),
        ReplySet(_key_spec(spec) for spec in described.key_specs),
        subcommands or ReplySet(),
    ]


_BEGIN = {"index": (b"index",), "keyword": (b"keyword", b"startfrom"), "unknown": ()}
_FIND = {"range": (b"lastkey", b"keystep", b"limit"), "keynum": (b"keynumidx", b"firstkey", b"keystep"), "unknown": ()}


def _key_spec(spec: usage.KeySpec) -> dict[bytes, Any]:
    return {
        b"flags": ReplySet(spec.flags),
        b"begin_search": _search(_BEGIN, spec.begin),
        b"find_keys": _search(_FIND, spec.find),
    }


def _search(fields: dict[str, tuple[bytes, ...]], search: tuple[Any, ...]) -> dict[bytes, Any]:
    kind, *values = search
    values = [value.encode() if isinstance(value, str) else value for value in values]
    return {b"type": kind.encode(), b"spec": dict(zip(fields[kind], values, strict=True))}


def docs(described: Command) -> dict[bytes, Any]:
    """One entry of `COMMAND DOCS`."""
    flags = [name for name, is_set in (("deprecated", described.deprecated), ("syscmd", described.syscmd)) if is_set]
    reply: dict[bytes, Any] = {
        b"summary": described.summary.encode(),
        b"since": described.since.encode(),
        b"group": described.group.encode(),
        b"complexity": described.complexity.encode(),
        b"module": described.module.encode(),
        b"doc_flags": ReplySet(flags),
        b"deprecated_since": described.deprecated.encode(),
        b"replaced_by": described.replaced_by.encode(),
        b"history": ReplySet([version.encode(), change.encode()] for version, change in described.history),
        b"arguments": [_argument(argument) for argument in described.arguments],
        b"subcommands": {each.name.encode(): docs(each) for each in described.subcommands.values()},
    }
    return {name: value for name, value in reply.items() if value}


def _argument(argument: usage.Argument) -> dict[bytes, Any]:
    reply: dict[bytes, Any] = {b"name": argument.name.encode(), b"type": argument.kind.encode()}
    if argument.kind not in ("oneof", "block"):
        reply[b"display_text"] = (argument.shown or argument.name).encode()
    if argument.key_spec is not None:
        reply[b"key_spec_index"] = argument.key_spec
    if argument.token is not None:
        reply[b"token"] = argument.token.encode()
    if argument.since is not None:
        reply[b"since"] = argument.since.encode()
    if argument.deprecated_since is not None:
        reply[b"deprecated_since"] = argument.deprecated_since.encode()
    if argument.flags:
        reply[b"flags"] = ReplySet(argument.flags)
    if argument.arguments:
        reply[b"arguments"] = [_argument(each) for each in argument.arguments]
    return reply
