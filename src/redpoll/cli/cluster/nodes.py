"""All nodes of a cluster, each as it sees itself."""

from __future__ import annotations

import time

from redpoll.cli.cluster import log
from redpoll.cli.cluster.node import ClusterFailed, Node, Refused, load_node

_POLL_SECONDS = 0.1
_DOT_SECONDS = 1.0
_PATIENCE_SECONDS = 20.0
_UNUSABLE = {"noaddr", "fail"}


class Cluster:
    """The nodes that can be reached, the one that was asked first; and what is wrong with them."""

    def __init__(self, options, nodes: list[Node], unreachable_primaries: int = 0) -> None:
        self.options = options
        self.nodes = nodes
        self.unreachable_primaries = unreachable_primaries
        self.errors: list[str] = []
        self._count_replicas()

    @classmethod
    def load(cls, options, host: str, port: int) -> Cluster:
        """Ask a node for all others, and each of those about itself. Raises `ClusterFailed`."""
        entry = load_node(options, host, port)
        nodes, unreachable = [entry], 0
        for seen in entry.load():
            node = _reach(seen)
            if node is not None:
                nodes.append(node)
            elif not seen.is_replica:
                unreachable += 1
        return cls(options, nodes, unreachable)

    def _count_replicas(self) -> None:
        for node in self.nodes:
            if not node.is_replica:
                continue
            primary = self.by_id(node.primary_id)
            if primary is None:
                log.warning(f"*** WARNING: {node.address} claims to be slave of unknown node ID {node.primary_id}.\n")
            else:
                primary.replicas += 1

    @property
    def entry(self) -> Node:
        """The node that was asked for the others."""
        return self.nodes[0]

    @property
    def primaries(self) -> list[Node]:
        """Nodes that follow none."""
        return [node for node in self.nodes if not node.is_replica]

    def by_id(self, name: str) -> Node | None:
        """Return the node of an ID."""
        return next((node for node in self.nodes if node.id == name.lower()), None)

    def by_prefix(self, name: str) -> Node | None:
        """Return the first primary whose ID begins so."""
        return next((node for node in self.primaries if node.id.startswith(name.lower())), None)

    def fewest_replicas(self, without: Node | None = None) -> Node:
        """Return the primary that needs a replica most. Raises `ClusterFailed` where there is none."""
        primaries = [node for node in self.primaries if node is not without]
        if not primaries:
            raise ClusterFailed("[ERR] No master could take a replica")
        return min(primaries, key=lambda node: node.replicas)

    def add_error(self, message: str) -> None:
        """Note and print what is wrong."""
        self.errors.append(message)
        log.error(f"{message}\n")


def _reach(seen: Node) -> Node | None:
    """Return a node that another one told of, as it sees itself; None if it is of no use."""
    if not seen.host or not seen.port or not seen.connect():
        return None
    try:
        seen.load()
    except Refused as problem:
        log.error(f"{problem}\n")
        log.error(f"[ERR] Unable to load info for node {seen.address}\n")
        return None
    except ClusterFailed:
        log.error(f"[ERR] Unable to load info for node {seen.address}\n")
        return None
    return None if _UNUSABLE.intersection(seen.flags) else seen


def wait_for_agreement(nodes: list[Node]) -> None:
    """Wait until all see the same configuration, however long that takes; say whom others do not reach."""
    log.say("Waiting for the cluster to join\n")
    last_dot, begun = 0.0, time.monotonic()
    while len({node.configuration() for node in nodes}) > 1:
        now = time.monotonic()
        if now - last_dot >= _DOT_SECONDS:
            log.say(".")
            last_dot = now
        if now - begun >= _PATIENCE_SECONDS:
            log.say("\n")
            _tell_unreachable(nodes)
            begun = now
        time.sleep(_POLL_SECONDS)
    log.say("\n")


def _tell_unreachable(nodes: list[Node]) -> None:
    from_whom: dict[tuple[str, int], list[str]] = {}
    for node in nodes:
        for seen in node.seen():
            if "handshake" in seen.flags or seen.link_state == "disconnected":
                from_whom.setdefault((seen.address, seen.bus_port), []).append(node.address)
    if not from_whom:
        return
    log.error(f"Warning: {len(from_whom)} node(s) may be unreachable\n")
    for (address, bus_port), others in from_whom.items():
        if bus_port:
            log.error(f" - The port {bus_port} of node {address} may be unreachable from:\n")
        else:
            log.error(f" - Node {address} may be unreachable from:\n")
        log.error("".join(f"   {other}\n" for other in others))
    log.error(
        "Cluster bus ports must be reachable by every node.\n"
        "Remember that cluster bus ports are different from standard instance ports.\n"
    )


def meet(node: Node, other: Node) -> None:
    """Introduce a node to another. Raises `ClusterFailed`."""
    bus = [other.own_bus_port] if other.own_bus_port else []
    node.must("CLUSTER", "MEET", other.numeric_host(), other.port, *bus)


def replicate(node: Node, primary: Node, seconds: float = 60.0) -> None:
    """Make a node follow a primary, as soon as it has heard of it. Raises `ClusterFailed`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            node.must("CLUSTER", "REPLICATE", primary.id)
        except Refused as refused:
            if "Unknown node" not in refused.message or time.monotonic() > deadline:
                raise
            time.sleep(_POLL_SECONDS)
        else:
            return


def names(nodes: list[Node]) -> str:
    """Return addresses, one after the other."""
    return ",".join(node.address for node in nodes)
