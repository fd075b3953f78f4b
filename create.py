"""`create`: a cluster from empty nodes."""

from __future__ import annotations

import time

from redpoll.cli.cluster import log
from redpoll.cli.cluster.check import check_cluster
from redpoll.cli.cluster.nodes import SLOTS, Cluster, ClusterFailed, Node, load_node, parse_address, show_node, text

_JOIN_SECONDS = 60.0


def create(options, addresses: list[str]) -> bool:
    """Make a cluster of the nodes; False if it did not come to be."""
    nodes = [_empty_node(options, address) for address in addresses]
    replicas = options.cluster_replicas
    primary_count = len(nodes) // (replicas + 1)
    if primary_count < 3:
        log.error(
            "*** ERROR: Invalid configuration for cluster creation.\n"
            "*** Redis Cluster requires at least 3 master nodes.\n"
            f"*** This is not possible with {len(nodes)} nodes and {replicas} replicas per node.\n"
            f"*** At least {3 * (replicas + 1)} nodes are required.\n"
        )
        return False
    log.info(f">>> Performing hash slots allocation on {len(nodes)} nodes...\n")
    primaries, rest = spread(nodes, primary_count)
    for index, (node, slots) in enumerate(zip(primaries, allocate(primary_count), strict=True)):
        node.slots = set(slots)
        log.say(f"Master[{index}] -> Slots {slots.start} - {slots.stop - 1}\n")
    assign_replicas(primaries, rest, replicas)
    if replicas:
        _tell_affinity(nodes)
    for node in nodes:
        _show_planned(node)
    if not log.confirmed("Can I set the above configuration?", options):
        return True
    _configure(nodes)
    cluster = Cluster.load(options, nodes[0].host, nodes[0].port)
    check_cluster(cluster)
    return True


def _empty_node(options, address: str) -> Node:
    place = parse_address(address)
    if place is None:
        log.complain(f"Invalid address format: {address}")
        raise ClusterFailed
    node = load_node(options, place[0], place[1])
    if place[2]:
        node.bus_port = place[2]
    if not node.is_empty():
        log.error(
            f"[ERR] Node {node.address} is not empty. Either the node already knows other nodes "
            "(check with CLUSTER NODES) or contains some key in database 0.\n"
        )
        raise ClusterFailed
    return node


def allocate(count: int) -> list[range]:
    """Return shares of all slots for so many nodes, in order."""
    share = SLOTS / count
    found, first, cursor = [], 0, 0.0
    for index in range(count):
        last = SLOTS - 1 if index == count - 1 else min(SLOTS - 1, int(cursor + share - 1 + 0.5))
        last = max(last, first)
        found.append(range(first, last + 1))
        first = last + 1
        cursor += share
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
    # The next replica goes to the first primary: on one host this starts with the node after the next.
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
            for primary in primaries:
                if left:
                    _assign(primary, left)


def _assign(primary: Node, left: list[Node]) -> None:
    elsewhere = (node for node in left if node.host != primary.host)
    replica = next(elsewhere, left[0])
    left.remove(replica)
    replica.primary_id = primary.id
    primary.replicas += 1
    log.say(f"Adding replica {replica.address} to {primary.address}\n")


def _tell_affinity(nodes: list[Node]) -> None:
    improve(nodes)
    together, beside = penalties(nodes)
    if not together and not beside:
        return
    log.info(">>> Trying to optimize slaves allocation for anti-affinity\n")
    if together:
        log.warning("[WARNING] Some slaves are in the same host as their master\n")
    else:
        log.warning("[WARNING] Some slaves of the same master are in the same host\n")


def penalties(nodes: list[Node]) -> tuple[int, int]:
    """Return how many replicas share a host with their primary, and how many with a replica of the same."""
    hosts = {node.id: node.host for node in nodes}
    replicas = [node for node in nodes if node.is_replica]
    together = sum(hosts[node.primary_id] == node.host for node in replicas)
    groups = [(node.primary_id, node.host) for node in replicas]
    return together, len(groups) - len(set(groups))


def improve(nodes: list[Node]) -> None:
    """Swap the primaries of two replicas as long as that separates hosts better."""
    replicas = [node for node in nodes if node.is_replica]
    best = penalties(nodes)
    improved = True
    while improved and best != (0, 0):
        improved = False
        for index, one in enumerate(replicas):
            for other in replicas[index + 1 :]:
                one.primary_id, other.primary_id = other.primary_id, one.primary_id
                now = penalties(nodes)
                if now < best:
                    best, improved = now, True
                else:
                    one.primary_id, other.primary_id = other.primary_id, one.primary_id


def _show_planned(node: Node) -> None:
    if node.is_replica:
        log.say(f"S: {node.id} {node.address}\n   replicates {node.primary_id}\n")
    else:
        replicas, node.replicas = node.replicas, 0
        show_node(node)
        node.replicas = replicas


def _configure(nodes: list[Node]) -> None:
    for node in nodes:
        if node.slots:
            node.must("CLUSTER", "ADDSLOTS", *sorted(node.slots))
    log.info(">>> Nodes configuration updated\n")
    log.info(">>> Assign a different config epoch to each node\n")
    for epoch, node in enumerate(nodes, 1):
        node.call("CLUSTER", "SET-CONFIG-EPOCH", epoch)
    log.info(">>> Sending CLUSTER MEET messages to join the cluster\n")
    first = nodes[0]
    for node in nodes[1:]:
        meet(node, first)
    wait_for_agreement(nodes, len(nodes))
    for node in nodes:
        if node.is_replica:
            _replicate(node)


def meet(node: Node, other: Node) -> None:
    """Introduce a node to another. Raises `ClusterFailed`."""
    bus = [other.bus_port] if other.bus_port and other.bus_port != other.port + 10000 else []
    node.must("CLUSTER", "MEET", other.host, other.port, *bus)


def _replicate(node: Node) -> None:
    """A node can follow only whom it has heard of: word of nodes spreads from one to the next."""
    deadline = time.monotonic() + _JOIN_SECONDS
    while "Unknown node" in text(reply := node.call("CLUSTER", "REPLICATE", node.primary_id)):
        if time.monotonic() > deadline:
            raise ClusterFailed(f"[ERR] Node {node.address} replied with error:\n{text(reply)}")
        time.sleep(0.1)


def wait_for_agreement(nodes: list[Node], known: int = 0) -> None:
    """Wait until all see the same configuration, and know of so many nodes. Raises `ClusterFailed`."""
    log.say("Waiting for the cluster to join\n")
    deadline = time.monotonic() + _JOIN_SECONDS
    while True:
        if len({node.configuration() for node in nodes}) == 1 and all(_knows(node, known) for node in nodes):
            log.say("\n")
            return
        if time.monotonic() > deadline:
            log.say("\n")
            raise ClusterFailed(
                "[ERR] The nodes do not see each other. Every node must reach every other's cluster bus port, which "
                "is mostly the port plus 10000."
            )
        log.say(".")
        time.sleep(0.25)


def _knows(node: Node, count: int) -> bool:
    if not count:
        return True
    lines = text(node.must("CLUSTER", "NODES")).splitlines()
    return len(lines) >= count and not any("handshake" in line for line in lines)
