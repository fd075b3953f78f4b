"""`reshard`: a number of slots from some nodes to one."""

from __future__ import annotations

from redpoll.cli.cluster import log
from redpoll.cli.cluster.check import check_cluster
from redpoll.cli.cluster.move import move_slot
from redpoll.cli.cluster.nodes import SLOTS, Cluster, ClusterFailed, Node
from redpoll.cli.numbers import leading_integer


def reshard(options, host: str, port: int) -> bool:
    """Ask for what the options do not say, show the plan, and carry it out."""
    cluster = Cluster.load(options, host, port)
    check_cluster(cluster)
    if cluster.errors:
        log.complain("*** Please fix your cluster problems before resharding")
        return False
    count = options.cluster_slots
    while count <= 0 or count > SLOTS:
        answer = log.ask(f"How many slots do you want to move (from 1 to {SLOTS})? ")
        if not answer:
            return False
        count = leading_integer(answer)
    target = _ask_target(cluster)
    sources = _ask_sources(cluster, target)
    plan = plan_moves(sources, count)
    _show(count, sources, target, plan)
    if not options.cluster_yes and log.ask("Do you want to proceed with the proposed reshard plan (yes/no)? ") != "yes":
        return True
    for source, slot in plan:
        move_slot(cluster, slot, source, target)
    return True


def plan_moves(sources: list[Node], count: int) -> list[tuple[Node, int]]:
    """Return whose slots move: of each node in proportion to what it has, of the largest first and rounded up."""
    ordered = sorted(sources, key=lambda node: -len(node.slots))
    total = sum(len(node.slots) for node in ordered)
    plan: list[tuple[Node, int]] = []
    for index, node in enumerate(ordered):
        share = count * len(node.slots) / total if total else 0
        wanted = int(-(-share // 1)) if index == 0 else int(share)
        for slot in sorted(node.slots)[:wanted]:
            if len(plan) < count:
                plan.append((node, slot))
    # Rounding down may leave a few.
    taken = {slot for _, slot in plan}
    for node in ordered:
        for slot in sorted(node.slots):
            if len(plan) >= count:
                return plan
            if slot not in taken:
                plan.append((node, slot))
    return plan


def _ask_target(cluster: Cluster) -> Node:
    name = cluster.options.cluster_to
    while True:
        if not name:
            name = log.ask("What is the receiving node ID? ")
            if not name:
                raise ClusterFailed
        node = _primary(cluster, name)
        if node is not None:
            return node
        if cluster.options.cluster_to:
            raise ClusterFailed
        name = ""


def _primary(cluster: Cluster, name: str) -> Node | None:
    node = cluster.by_id(name)
    if node is None or node.is_replica:
        log.error(f"*** The specified node ({name}) is not known or not a master, please retry.\n")
        return None
    return node


def _ask_sources(cluster: Cluster, target: Node) -> list[Node]:
    everything = [node for node in cluster.primaries if node is not target and node.slots]
    names = cluster.options.cluster_from
    if names == "all":
        return everything
    found: list[Node] = []
    if names:
        for name in names.split(","):
            node = _primary(cluster, name)
            if node is None:
                raise ClusterFailed
            found.append(node)
    else:
        log.say(
            "Please enter all the source node IDs.\n"
            "  Type 'all' to use all the nodes as source nodes for the hash slots.\n"
            "  Type 'done' once you entered all the source nodes IDs.\n"
        )
        while (answer := log.ask(f"Source node #{len(found) + 1}: ")) and answer != "done":
            if answer == "all":
                return everything
            node = _primary(cluster, answer)
            if node is not None:
                found.append(node)
    if not found:
        raise ClusterFailed("*** No source nodes given, operation aborted.")
    if target in found:
        raise ClusterFailed("*** Target node is also listed among the source nodes!")
    return found


def _show(count: int, sources: list[Node], target: Node, plan: list[tuple[Node, int]]) -> None:
    log.say(f"\nReady to move {count} slots.\n  Source nodes:\n")
    for node in sources:
        _show_indented(node)
    log.say("  Destination node:\n")
    _show_indented(target)
    log.say("  Resharding plan:\n")
    log.say("".join(f"    Moving slot {slot} from {node.id}\n" for node, slot in plan))


def _show_indented(node: Node) -> None:
    log.say(f"    M: {node.id} {node.address}\n       slots:{node.slot_names()} ({len(node.slots)} slots) master\n")
    if node.replicas:
        log.say(f"       {node.replicas} additional replica(s)\n")
