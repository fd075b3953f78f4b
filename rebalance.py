"""`rebalance`: every primary as many slots as its weight says."""

from __future__ import annotations

from redpoll.cli.cluster import log
from redpoll.cli.cluster.check import check_cluster
from redpoll.cli.cluster.move import move_slot
from redpoll.cli.cluster.nodes import SLOTS, Cluster, ClusterFailed, Node
from redpoll.cli.numbers import leading_float


def rebalance(options, host: str, port: int) -> bool:
    """Move slots where a node is further from its share than the threshold."""
    cluster = Cluster.load(options, host, port)
    _set_weights(cluster)
    involved = [node for node in cluster.primaries if node.weight >= 0]
    total = sum(node.weight for node in involved)
    check_cluster(cluster, quiet=True)
    if cluster.errors:
        log.complain("*** Please fix your cluster problems before rebalancing")
        return False
    if not total or not measure(involved, total, options.cluster_threshold):
        log.warning(
            f"*** No rebalancing needed! All nodes are within the {options.cluster_threshold:.2f}% threshold.\n"
        )
        return True
    log.info(f">>> Rebalancing across {len(involved)} nodes. Total weight = {total:.2f}\n")
    for source, target, count in plan_moves(involved):
        log.say(f"Moving {count} slots from {source.address} to {target.address}\n")
        slots = sorted(source.slots)[:count]
        for slot in slots:
            if options.cluster_simulate:
                source.slots.discard(slot)
                target.slots.add(slot)
            else:
                move_slot(cluster, slot, source, target, progress=lambda _: None)
            log.say("#")
        log.say("\n")
    return True


def _set_weights(cluster: Cluster) -> None:
    options = cluster.options
    for word in options.cluster_weights or []:
        name, _, weight = word.partition("=")
        node = cluster.by_prefix(name)
        if node is None:
            raise ClusterFailed(f"*** No such master node {name}")
        node.weight = leading_float(weight)
    named = {word.partition("=")[0] for word in options.cluster_weights or []}
    for node in cluster.primaries:
        if not node.slots and not options.cluster_use_empty and not any(node.id.startswith(name) for name in named):
            node.weight = -1.0  # stays empty


def measure(nodes: list[Node], total: float, threshold: float) -> bool:
    """Set each node's balance (slots too many, or too few below 0); tell whether one is over the threshold."""
    over = False
    for node in nodes:
        expected = int(SLOTS / total * node.weight)
        node.balance = len(node.slots) - expected
        if threshold and node.slots:
            difference = abs(100 - 100 * expected / len(node.slots))
            over |= difference > threshold
        elif threshold and expected > 1 and not node.slots:
            over = True
        else:
            over |= bool(node.balance)
    # Shares were rounded down: nodes that lack slots take what is over.
    while (rest := sum(node.balance for node in nodes)) > 0:
        for node in nodes:
            if node.balance <= 0 and rest > 0 and node.weight:
                node.balance -= 1
                rest -= 1
        if all(node.balance > 0 or not node.weight for node in nodes):
            break
    return over


def plan_moves(nodes: list[Node]) -> list[tuple[Node, Node, int]]:
    """Return who gives whom how many slots, from the balances."""
    ordered = sorted(nodes, key=lambda node: node.balance)
    balance = {id(node): node.balance for node in ordered}
    low, high, moves = 0, len(ordered) - 1, []
    while low < high:
        target, source = ordered[low], ordered[high]
        count = min(-balance[id(target)], balance[id(source)])
        if count > 0:
            moves.append((source, target, count))
            balance[id(target)] += count
            balance[id(source)] -= count
        if balance[id(target)] >= 0:
            low += 1
        if balance[id(source)] <= 0:
            high -= 1
    return moves
