"""`reshard`: a number of slots from some nodes to one."""

from __future__ import annotations

import math

from redpoll.cli.cluster import log
from redpoll.cli.cluster.atomic import is_wanted, move_ranges
from redpoll.cli.cluster.check import check_cluster
from redpoll.cli.cluster.move import MoveFailed, Mover
from redpoll.cli.cluster.node import SLOTS, ClusterFailed, Node, Refused
from redpoll.cli.cluster.nodes import Cluster
from redpoll.cli.numbers import leading_integer

_INSTRUCTIONS = """\
Please enter all the source node IDs.
  Type 'all' to use all the nodes as source nodes for the hash slots.
  Type 'done' once you entered all the source nodes IDs.
"""


def reshard(options, host: str, port: int) -> bool:
    """Ask for what the options do not say, show the plan, and carry it out."""
    cluster = Cluster.load(options, host, port)
    check_cluster(cluster)
    if cluster.errors:
        log.complain("*** Please fix your cluster problems before resharding")
        return False
    count = options.cluster_slots or _ask_count()
    target = _primary(cluster, options.cluster_to or _ask("What is the receiving node ID? "))
    sources = _named_sources(cluster, target) if options.cluster_from else _ask_sources(cluster, target)
    if not sources:
        log.complain("*** No source nodes given, operation aborted.")
        return False
    plan = plan_moves(sources, max(count, 0))
    _show(count, sources, target, plan)
    if not options.cluster_yes:
        answer = log.ask("Do you want to proceed with the proposed reshard plan (yes/no)? ")
        if answer != "yes":
            return False
    return _carry_out(cluster, plan, target)


def _carry_out(cluster: Cluster, plan: list[tuple[Node, int]], target: Node) -> bool:
    mover = Mover(cluster)
    try:
        if is_wanted(cluster):
            for source in dict.fromkeys(source for source, _ in plan):
                move_ranges(cluster.options, source, target, [slot for owner, slot in plan if owner is source])
            return True
        for source, slot in plan:
            mover.move(slot, source, target)
    except (Refused, MoveFailed) as failure:
        if failure.message:
            log.error(f"clusterManagerMoveSlot failed: {failure.message}\n")
        return False
    return True


def plan_moves(sources: list[Node], count: int) -> list[tuple[Node, int]]:
    """Return whose slots move: of each node in proportion to what it has, of the largest first and rounded up."""
    ordered = sorted(sources, key=lambda node: -len(node.slots))
    total = sum(len(node.slots) for node in ordered)
    plan: list[tuple[Node, int]] = []
    rest: list[tuple[Node, int]] = []
    for index, node in enumerate(ordered):
        share = count * len(node.slots) / total if total else 0
        wanted = min(math.floor(share) if index else math.ceil(share), count - len(plan))
        slots = sorted(node.slots)
        plan += [(node, slot) for slot in slots[:wanted]]
        rest += [(node, slot) for slot in slots[wanted:]]
    # Rounding down leaves a few.
    return plan + rest[: count - len(plan)]


def _ask(question: str) -> str:
    """Ask until there is an answer. Raises `ClusterFailed` at the input's end."""
    while True:
        answer = log.ask(question)
        if answer is None:
            raise ClusterFailed
        if answer:
            return answer


def _ask_count() -> int:
    while True:
        count = leading_integer(_ask(f"How many slots do you want to move (from 1 to {SLOTS})? "))
        if 0 < count <= SLOTS:
            return count


def _primary(cluster: Cluster, name: str) -> Node:
    """Return the primary of an ID. Raises `ClusterFailed`."""
    node = cluster.by_id(name)
    if node is None or node.is_replica:
        raise ClusterFailed(f"*** The specified node ({name}) is not known or not a master, please retry.")
    return node


def _add_source(found: list[Node], cluster: Cluster, name: str, target: Node) -> None:
    node = _primary(cluster, name)
    if node is target:
        log.error("*** It is not possible to use the target node as source node.\n")
    elif node not in found:
        found.append(node)


def _named_sources(cluster: Cluster, target: Node) -> list[Node]:
    found: list[Node] = []
    for name in cluster.options.cluster_from.split(","):
        if name == "all":
            return _all_but(cluster, target)
        if name:
            _add_source(found, cluster, name, target)
    return found


def _ask_sources(cluster: Cluster, target: Node) -> list[Node]:
    log.say(_INSTRUCTIONS)
    found: list[Node] = []
    while (answer := _ask(f"Source node #{len(found) + 1}: ")) != "done":
        if answer == "all":
            return _all_but(cluster, target)
        _add_source(found, cluster, answer, target)
    return found


def _all_but(cluster: Cluster, target: Node) -> list[Node]:
    return [node for node in cluster.primaries if node is not target]


def _show(count: int, sources: list[Node], target: Node, plan: list[tuple[Node, int]]) -> None:
    log.say(f"\nReady to move {count} slots.\n  Source nodes:\n")
    log.say("".join(node.describe(4) for node in sources))
    log.say(f"  Destination node:\n{target.describe(4)}  Resharding plan:\n")
    log.say("".join(f"    Moving slot {slot} from {node.id}\n" for node, slot in plan))
