"""`rebalance`: every primary as many slots as its weight says."""

from __future__ import annotations

import math

from redpoll.cli.cluster import log
from redpoll.cli.cluster.atomic import is_wanted, move_ranges
from redpoll.cli.cluster.check import check_cluster
from redpoll.cli.cluster.move import MoveFailed, Mover
from redpoll.cli.cluster.node import SLOTS, ClusterFailed, Node, Refused
from redpoll.cli.cluster.nodes import Cluster
from redpoll.cli.numbers import leading_float


def rebalance(options, host: str, port: int) -> bool:
    """Move slots where a node is further from its share than the threshold."""
    cluster = Cluster.load(options, host, port)
    weights = _weights(cluster)
    total = sum(weights.values())
    check_cluster(cluster, quiet=True)
    if cluster.errors:
        log.error("*** Please fix your cluster problems before rebalancing\n")
        return False
    shares = [Share(node, weight, total) for node, weight in weights.items()]
    if not any(share.is_over(options.cluster_threshold) for share in shares):
        log.warning(
            f"*** No rebalancing needed! All nodes are within the {options.cluster_threshold:.2f}% threshold.\n"
        )
        return True
    level(shares)
    shares.sort(key=lambda share: share.balance)
    log.info(f">>> Rebalancing across {len(shares)} nodes. Total weight = {total:.2f}\n")
    if options.verbose:
        for share in shares:
            log.say(f"{share.node.address} balance is {share.balance} slots\n")
    atomic = is_wanted(cluster)
    return all(_move(cluster, *move, atomic=atomic) for move in plan_moves(shares))


def _weights(cluster: Cluster) -> dict[Node, float]:
    """Return the weights of the primaries that are to have slots. Raises `ClusterFailed`."""
    weights = dict.fromkeys(cluster.primaries, 1.0)
    for word in cluster.options.cluster_weights or []:
        name, separator, weight = word.partition("=")
        if not separator:
            raise ClusterFailed(f"*** invalid input {word}")
        node = cluster.by_prefix(name)
        if node is None:
            raise ClusterFailed(f"*** No such master node {name}")
        weights[node] = leading_float(weight)
        if not math.isfinite(weights[node]):
            raise ClusterFailed(f"*** invalid weight {weight}: it has to be a number, such as 1.5")
    if not cluster.options.cluster_use_empty:
        return {node: weight for node, weight in weights.items() if node.slots}
    return weights


class Share:
    """What a node should have of the slots; `balance` is how many it has too many, or below 0 too few."""

    def __init__(self, node: Node, weight: float, total: float) -> None:
        self.node, self.weight = node, weight
        self.expected = int(weight / total * SLOTS) if total else 0
        self.balance = len(node.slots) - self.expected

    def is_over(self, threshold: float) -> bool:
        """Tell whether it is further from its share than so many percent of what it has."""
        if threshold <= 0:
            return False
        if self.node.slots:
            return abs(100 - 100 * self.expected / len(self.node.slots)) > threshold
        return self.expected > 1


def level(shares: list[Share]) -> None:
    """Let nodes that lack slots take what rounding down has left over, so that the balances add up to 0."""
    over = sum(share.balance for share in shares)
    takers = [share for share in shares if share.balance <= 0 and share.weight > 0]
    while over > 0 and takers:
        for share in takers[:over]:
            share.balance -= 1
            over -= 1


def plan_moves(shares: list[Share]) -> list[tuple[Node, Node, list[int]]]:
    """Return which slots go from whom to whom; the shares are in the order of their balances."""
    left = [abs(share.balance) for share in shares]
    slots = [sorted(share.node.slots) for share in shares]
    low, high, moves = 0, len(shares) - 1, []
    while low < high:
        count = min(left[low], left[high])
        if count and shares[low].balance < 0 < shares[high].balance:
            moves.append((shares[high].node, shares[low].node, slots[high][:count]))
            del slots[high][:count]
        left[low] -= count
        left[high] -= count
        low += not left[low]
        high -= not left[high]
    return moves


def _move(cluster: Cluster, source: Node, target: Node, slots: list[int], *, atomic: bool) -> bool:
    log.say(f"Moving {len(slots)} slots from {source.address} to {target.address}\n")
    mover = Mover(cluster)
    try:
        if cluster.options.cluster_simulate:
            log.say("#" * len(slots))
        elif atomic:
            move_ranges(cluster.options, source, target, slots, quiet=True)
            log.say("#" * len(slots))
        else:
            for slot in slots:
                mover.move(slot, source, target, quiet=True)
                log.say("#")
    except (Refused, MoveFailed) as failure:
        if failure.message:
            log.error(f"*** clusterManagerMoveSlot: {failure.message}\n")
        return False
    log.say("\n")
    return True
