"""The commands of `--cluster`, what they take, and the choice between them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from redpoll.cli.cluster import log
from redpoll.cli.cluster.node import ClusterFailed, parse_address
from redpoll.cli.numbers import leading_integer

_ENTRY = "<host:port> or <host> <port> - separated by either colon or space"
_INVALID_ENTRY = (
    "[ERR] Invalid arguments: you need to pass either a valid address (ie. 120.0.0.1:7000) "
    "or space separated IP and port (ie. 120.0.0.1 7000)"
)


class Command(NamedTuple):
    """`least` and `most` count arguments; `takes` says how they are handed on: see `_read`."""

    place: str  # module and function
    takes: str
    least: int
    most: int | None
    arguments: str
    options: tuple[str, ...] = ()


_COMMANDS = {
    "create": Command("create.create", "words", 1, None, "host1:port1 ... hostN:portN", ("replicas <arg>",)),
    "check": Command("check.check", "entry", 1, None, _ENTRY, ("search-multiple-owners",)),
    "info": Command("check.info", "entry", 1, None, _ENTRY),
    "fix": Command(
        "fix.fix", "entry", 1, None, _ENTRY, ("search-multiple-owners", "fix-with-unreachable-masters")
    ),
    "reshard": Command(
        "reshard.reshard", "entry", 1, None, _ENTRY,
        ("from <arg>", "to <arg>", "slots <arg>", "yes", "timeout <arg>", "pipeline <arg>", "replace",
         "use-atomic-slot-migration"),
    ),
    "rebalance": Command(
        "rebalance.rebalance", "entry", 1, None, _ENTRY,
        ("weight <node1=w1...nodeN=wN>", "use-empty-masters", "timeout <arg>", "simulate", "pipeline <arg>",
         "threshold <arg>", "replace", "use-atomic-slot-migration"),
    ),
    "add-node": Command(
        "membership.add_node", "two addresses", 2, 2, "new_host:new_port existing_host:existing_port",
        ("slave", "master-id <arg>"),
    ),
    "del-node": Command("membership.delete_node", "address, word", 2, 2, "host:port node_id"),
    "call": Command(
        "everywhere.call_all", "address, words", 2, None, "host:port command arg arg .. arg",
        ("only-masters", "only-replicas"),
    ),
    "set-timeout": Command("everywhere.set_timeout", "address, word", 2, 2, "host:port milliseconds"),
    "import": Command(
        "importing.import_keys", "entry", 1, None, "host:port",
        ("from <arg>", "from-user <arg>", "from-pass <arg>", "from-askpass", "copy", "replace"),
    ),
    "backup": Command("backup.back_up", "address, word", 2, 2, "host:port backup_directory"),
    "help": Command("", "", 0, None, ""),
}  # fmt: skip


def run_cluster_command(options) -> int:
    """Run what the options say and return the exit code."""
    name, arguments = options.cluster_command, options.cluster_arguments
    command = _COMMANDS.get(name)
    if command is None:
        log.complain("Unknown --cluster subcommand")
        return 1
    if len(arguments) < command.least or (command.most is not None and len(arguments) > command.most):
        log.complain("[ERR] Wrong number of arguments for specified --cluster sub command")
        return 1
    if name == "help":
        log.say(help_text())
        return 1  # as redis-cli: it is no success of any command
    read = _read(command.takes, arguments)
    if read is None:
        log.complain(_INVALID_ENTRY)
        return 1
    try:
        return 0 if _find(command)(options, *read) else 1
    except ClusterFailed as problem:
        if str(problem):
            log.error(f"{problem}\n")
    except KeyboardInterrupt:
        log.say("\n")
    return 1


def _find(command: Command) -> Callable[..., bool]:
    module, function = command.place.split(".")
    return getattr(import_module(f"redpoll.cli.cluster.{module}"), function)


def _read(takes: str, arguments: list[str]) -> tuple | None:
    """Return the arguments as a command wants them; None where they name no place."""
    if takes == "words":
        return (arguments,)
    if takes == "entry" and len(arguments) > 1:
        host, port = arguments[0], leading_integer(arguments[1])
        return (host, port) if host and port else None
    first = parse_address(arguments[0])
    if first is None:
        return None
    if takes == "two addresses":
        second = parse_address(arguments[1])
        return (first, second) if second else None
    rest = {"entry": (), "address, word": tuple(arguments[1:]), "address, words": (arguments[1:],)}
    return (*first[:2], *rest[takes])


def help_text() -> str:
    """Return what `--cluster help` prints."""
    lines = ["Cluster Manager Commands:"]
    for name, command in _COMMANDS.items():
        lines.append(f"  {name:<15}{command.arguments}")
        lines += [f"{'':17}--cluster-{option}" for option in command.options]
    anywhere = [
        "check", "fix", "reshard", "del-node", "set-timeout", "info", "rebalance", "call", "import", "backup"
    ]  # fmt: skip
    lines += [
        "",
        f"For {', '.join(anywhere)} you can specify the host and port of any working node in the cluster.",
        "",
        "Cluster Manager Options:",
        "  --cluster-yes  Automatic yes to cluster commands prompts",
        "",
    ]
    return "\n".join(lines) + "\n"
