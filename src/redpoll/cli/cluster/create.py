"""`create`: a cluster from empty nodes."""

from __future__ import annotations

import math
import random

from redpoll.cli.cluster import log
from redpoll.cli.cluster.check import check_cluster
from redpoll.cli.cluster.node import SLOTS, ClusterFailed, Node, load_node, must_be_empty, parse_address
from redpoll.cli.cluster.nodes import Cluster, meet, replicate, wait_for_agreement

_FEWEST_PRIMARIES = 3
_SWAPS_A_NODE = 500
_TOGETHER_COSTS = 10000


def create(options, addresses: list[str]) -> bool:
    """Make a cluster of the nodes; False if it did not come to be."""
    nodes = [_empty_node(options, address) for address in addresses]
    replicas = max(options.cluster_replicas, 0)
    count = len(nodes) // (replicas + 1)
    if count < _FEWEST_PRIMARIES:
        raise ClusterFailed(
            "*** ERROR: Invalid configuration for cluster creation.\n"
            "*** Redis Cluster requires at least 3 master nodes.\n"
            f"*** This is not possible with {len(nodes)} nodes and {replicas} replicas per node.\n"
            f"*** At least {_FEWEST_PRIMARIES * (replicas + 1)} nodes are required."
        )
    log.info(f">>> Performing hash slots allocation on {len(nodes)} nodes...\n")
    primaries, rest = spread(nodes, count)
    for index, (node, slots) in enumerate(zip(primaries, allocate(count), strict=True)):
        node.slots = set(slots)
        log.say(f"Master[{index}] -> Slots {slots.start} - {slots.stop - 1}\n")
    assign_replicas(primaries, rest, replicas)
    _separate(nodes)
    for node in nodes:
        log.say(node.describe(planned=True))
    if not log.confirmed("Can I set the above configuration?", options):
        return True
    _configure(nodes)
    check_cluster(Cluster.load(options, nodes[0].host, nodes[0].port))
    return True


def _empty_node(options, address: str) -> Node:
    place = parse_address(address)
    if place is None:
        log.complain(f"Invalid address format: {address}")
        raise ClusterFailed
    node = load_node(options, *place)
    must_be_empty(node)
    return node


def allocate(count: int) -> list[range]:
    """Return shares of all slots for so many nodes, in order."""
    share = SLOTS / count
    found, first = [], 0
    for index in range(count):
        end = SLOTS if index == count - 1 else math.floor((index + 1) * share + 0.5)
        found.append(range(first, end))
        first = end
    return found


def spread(nodes: list[Node], count: int) -> tuple[list[Node], list[Node]]:
    """Return the primaries to be and the others, hosts in turn, so that no host has more of either than it must."""
    by_host: dict[str, list[Node]] = {}
    for node in nodes:
        by_host.setdefault(node.host, []).append(node)
    queues = [list(group) for group in by_host.values()]
    ordered = []
    while any(queues):
        ordered += [queue.pop(0) for queue in queues if queue]
    primaries, rest = ordered[:count], ordered[count:]
    # Shifted by one, replicas fall to other hosts than their primaries' more often.
    return primaries, rest[1:] + rest[:1]


def assign_replicas(primaries: list[Node], rest: list[Node], replicas: int) -> None:
    """Give every primary its replicas, on other hosts where possible, then spread what is left over."""
    left = list(rest)
    for primary in primaries:
        for _ in range(replicas):
            if left:
                _assign(primary, left)
    if left:
        log.say("Adding extra replicas...\n")
    while left:
        for primary in primaries[: len(left)]:
            _assign(primary, left)


def _assign(primary: Node, left: list[Node]) -> None:
    replica = next((node for node in left if node.host != primary.host), left[0])
    left.remove(replica)
    replica.primary_id = primary.id
    log.say(f"Adding replica {replica.address} to {primary.address}\n")


def _separate(nodes: list[Node]) -> None:
    """Let replicas follow primaries of other hosts than theirs, as far as there are."""
    if not penalty(nodes):
        return
    log.info(">>> Trying to optimize slaves allocation for anti-affinity\n")
    improve(nodes, random.Random())
    left = penalty(nodes)
    if not left:
        log.good("[OK] Perfect anti-affinity obtained!\n")
    elif left >= _TOGETHER_COSTS:
        log.warning("[WARNING] Some slaves are in the same host as their master\n")
    else:
        log.warning("[WARNING] Some slaves of the same master are in the same host\n")


def penalty(nodes: list[Node]) -> int:
    """Return what it costs that replicas share a host with their primary, or with others of the same primary."""
    hosts = {node.id: node.host for node in nodes}
    groups = [(node.primary_id, node.host) for node in nodes if node.is_replica]
    together = sum(hosts[primary_id] == host for primary_id, host in groups)
    return together * _TOGETHER_COSTS + len(groups) - len(set(groups))


def improve(nodes: list[Node], chance: random.Random) -> None:
    """Swap the primaries of two replicas again and again, and keep what separates hosts no worse than before."""
    replicas = [node for node in nodes if node.is_replica]
    best = penalty(nodes)
    # Hosts that cannot be separated at all need no trying.
    hopeless = len({node.host for node in nodes}) == 1 or len(replicas) < 2
    for _ in range(0 if hopeless else _SWAPS_A_NODE * len(nodes)):
        if not best:
            return
        one, other = chance.sample(replicas, 2)
        one.primary_id, other.primary_id = other.primary_id, one.primary_id
        now = penalty(nodes)
        if now > best:
            one.primary_id, other.primary_id = other.primary_id, one.primary_id
        else:
            best = now


def _configure(nodes: list[Node]) -> None:
    for node in nodes:
        if node.slots:
            node.must("CLUSTER", "ADDSLOTS", *sorted(node.slots))
    log.info(">>> Nodes configuration updated\n")
    log.info(">>> Assign a different config epoch to each node\n")
    for epoch, node in enumerate(nodes, 1):
        node.call("CLUSTER", "SET-CONFIG-EPOCH", epoch)
    log.info(">>> Sending CLUSTER MEET messages to join the cluster\n")
    for node in nodes[1:]:
        meet(node, nodes[0])
    wait_for_agreement(nodes)
    by_id = {node.id: node for node in nodes}
    for node in nodes:
        if node.is_replica:
            replicate(node, by_id[node.primary_id])
