"""The commands of `--cluster`, what they take, and the choice between them."""

from __future__ import annotations

from redpoll.cli.cluster import log
from redpoll.cli.cluster.nodes import ClusterFailed, parse_address

_ENTRY = "host:port | host port"

# Name: least number of arguments (below 0: at least so many), what they are, the options that matter to it.
_COMMANDS: dict[str, tuple[int, str, tuple[str, ...]]] = {
    "create": (-1, "host:port ...", ("--cluster-replicas <number>",)),
    "check": (-1, _ENTRY, ("--cluster-search-multiple-owners",)),
    "info": (-1, _ENTRY, ()),
    "fix": (-1, _ENTRY, ("--cluster-search-multiple-owners", "--cluster-fix-with-unreachable-masters")),
    "reshard": (
        -1, _ENTRY,
        ("--cluster-from <id>[,<id>...] | all", "--cluster-to <id>", "--cluster-slots <number>", "--cluster-yes",
         "--cluster-timeout <milliseconds>", "--cluster-pipeline <keys>", "--cluster-replace"),
    ),
    "rebalance": (
        -1, _ENTRY,
        ("--cluster-weight <id>=<weight> ...", "--cluster-use-empty-masters", "--cluster-timeout <milliseconds>",
         "--cluster-simulate", "--cluster-pipeline <keys>", "--cluster-threshold <percent>", "--cluster-replace"),
    ),
    "add-node": (2, "new-host:port existing-host:port", ("--cluster-slave", "--cluster-master-id <id>")),
    "del-node": (-2, "host:port node-id", ()),
    "call": (-2, "host:port command [argument ...]", ("--cluster-only-masters", "--cluster-only-replicas")),
    "set-timeout": (2, "host:port milliseconds", ()),
    "import": (
        -1, _ENTRY,
        ("--cluster-from <host:port>", "--cluster-from-user <name>", "--cluster-from-pass <password>",
         "--cluster-from-askpass", "--cluster-copy", "--cluster-replace"),
    ),
    "backup": (2, "host:port folder", ()),
    "help": (0, "", ()),
}  # fmt: skip


def run_cluster_command(options) -> int:
    """Run what the options say and return the exit code."""
    name, arguments = options.cluster_command, options.cluster_arguments
    if name not in _COMMANDS:
        log.complain("Unknown --cluster subcommand")
        return 1
    wanted = _COMMANDS[name][0]
    if len(arguments) < -wanted or (wanted > 0 and len(arguments) != wanted):
        log.complain("[ERR] Wrong number of arguments for specified --cluster sub command")
        return 1
    if name == "help":
        log.say(_help())
        return 1  # as the other tool, whose scripts may ask
    try:
        return 0 if _run(name, options, arguments) else 1
    except ClusterFailed as problem:
        if str(problem):
            log.error(f"{problem}\n")
        return 1


def _run(name: str, options, arguments: list[str]) -> bool:
    if name == "create":
        from redpoll.cli.cluster.create import create

        return create(options, arguments)
    if name == "add-node":
        from redpoll.cli.cluster.membership import add_node

        return add_node(options, arguments)
    host, port, rest = _entry(arguments)
    return _run_on(name, options, host, port, rest)


def _run_on(name: str, options, host: str, port: int, rest: list[str]) -> bool:
    from redpoll.cli.cluster import backup, check, fix, importing, membership, rebalance, reshard

    plain = {
        "check": check.check, "info": check.info, "fix": fix.fix, "reshard": reshard.reshard,
        "rebalance": rebalance.rebalance, "import": importing.import_keys,
    }  # fmt: skip
    if name in plain:
        return plain[name](options, host, port)
    if not rest:
        log.complain("[ERR] Wrong number of arguments for specified --cluster sub command")
        return False
    if name == "call":
        return membership.call_all(options, host, port, rest)
    one = {"del-node": membership.del_node, "set-timeout": membership.set_timeout, "backup": backup.back_up}
    return one[name](options, host, port, rest[0])


def _entry(arguments: list[str]) -> tuple[str, int, list[str]]:
    """Return the node to begin with and the arguments behind it."""
    place = parse_address(arguments[0])
    if place is not None:
        return place[0], place[1], arguments[1:]
    if len(arguments) > 1 and arguments[1].isdigit():
        return arguments[0], int(arguments[1]), arguments[2:]
    log.complain(
        "[ERR] Invalid arguments: you need to pass either a valid address (ie. 120.0.0.1:7000) or space separated IP "
        "and port (ie. 120.0.0.1 7000)"
    )
    raise ClusterFailed


def _help() -> str:
    lines = ["Cluster Manager Commands:"]
    for name, (_, arguments, options) in _COMMANDS.items():
        lines.append(f"  {name:<14} {arguments}".rstrip())
        lines += [f"{'':17}{option}" for option in options]
    lines += ["", "Any working node of the cluster will do for host and port, except for create.", ""]
    lines += ["  --cluster-yes  answer yes to all questions"]
    return "\n".join(lines) + "\n"
