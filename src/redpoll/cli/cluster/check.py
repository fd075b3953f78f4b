"""`check` and `info`: do nodes agree, are slots open, are all of them served."""

from __future__ import annotations

from typing import Protocol

from redpoll.cli.cluster import log
from redpoll.cli.cluster.node import SLOTS, ClusterFailed, Node, Refused, text
from redpoll.cli.cluster.nodes import Cluster
from redpoll.cli.replies import ErrorReply


class Mender(Protocol):
    """Mends what a check finds; each answers whether that went well."""

    def close_slots(self, slots: list[int]) -> bool:
        """Close slots that are migrating or importing."""

    def cover_slots(self, slots: list[int]) -> bool:
        """Give slots an owner that have none."""

    def choose_owner(self, slot: int, nodes: list[Node]) -> bool:
        """Leave a slot to one of those that claim it."""


def info(options, host: str, port: int) -> bool:
    """Print a line a primary."""
    show_summary(Cluster.load(options, host, port))
    return True


def check(options, host: str, port: int, mender: type | None = None) -> bool:
    """Check a cluster; False if something is wrong, or still is after mending."""
    cluster = Cluster.load(options, host, port)
    show_summary(cluster)
    return check_cluster(cluster, mender=mender(cluster) if mender else None)


def show_summary(cluster: Cluster) -> None:
    """Print keys, slots and replicas of the primaries."""
    keys = 0
    for node in cluster.primaries:
        try:
            size = node.must("DBSIZE")
        except Refused as refused:
            log.error(f"{refused}\n")
            size = 0
        keys += size
        log.say(
            f"{node.address} ({node.id[:8]}...) -> {size} keys | {len(node.slots)} slots | {node.replicas} slaves.\n"
        )
    log.good(f"[OK] {keys} keys in {len(cluster.primaries)} masters.\n")
    log.say(f"{keys / SLOTS:.2f} keys per slot on average.\n")


def check_cluster(cluster: Cluster, *, quiet: bool = False, mender: Mender | None = None) -> bool:
    """Look for what is wrong, print and keep it, and have it mended; tell whether all is well then."""
    log.info(f">>> Performing Cluster Check (using node {cluster.entry.address})\n")
    if not quiet:
        for node in cluster.nodes:
            log.say(node.describe())
    well = _check_agreement(cluster)
    log.info(">>> Check for open slots...\n")
    if slots := _open_slots(cluster):
        well = bool(mender and mender.close_slots(slots))
    log.info(">>> Check slots coverage...\n")
    if slots := sorted(set(range(SLOTS)).difference(*(node.slots for node in cluster.nodes))):
        cluster.add_error(f"[ERR] Not all {SLOTS} slots are covered by nodes.\n")
        well = bool(mender and mender.cover_slots(slots))
    else:
        log.good(f"[OK] All {SLOTS} slots covered.\n")
    if cluster.options.cluster_search_owners:
        well = _check_owners(cluster, mender) and well
    return well


def _check_agreement(cluster: Cluster) -> bool:
    if len({node.configuration() for node in cluster.nodes}) > 1:
        cluster.add_error("[ERR] Nodes don't agree about configuration!")
        return False
    log.good("[OK] All nodes agree about slots configuration.\n")
    return True


def _open_slots(cluster: Cluster) -> list[int]:
    found: dict[int, None] = {}
    for node in cluster.nodes:
        for slots, state in ((node.migrating, "migrating"), (node.importing, "importing")):
            if slots:
                cluster.add_error(
                    f"[WARNING] Node {node.address} has slots in {state} state {','.join(map(str, slots))}."
                )
                found.update(dict.fromkeys(slots))
    if found:
        log.error(f"[WARNING] The following slots are open: {','.join(map(str, found))}.\n")
    return list(found)


def _check_owners(cluster: Cluster, mender: Mender | None) -> bool:
    """Look for slots that several have, or have keys of."""
    log.info(">>> Check for multiple slot owners...\n")
    claims: list[list[Node]] = [[] for _ in range(SLOTS)]
    for node in cluster.primaries:
        for slot in _claimed(node):
            claims[slot].append(node)
    well, left = True, 0
    for slot, nodes in enumerate(claims):
        if len(nodes) < 2:
            continue
        log.error(f"[WARNING] Slot {slot} has {len(nodes)} owners:\n")
        log.error("".join(f"    {node.address}\n" for node in nodes))
        if mender and mender.choose_owner(slot, nodes):
            continue
        well = False
        left += 1
        if mender:
            log.error(f"Failed to fix multiple owners for slot {slot}\n")
            break
    if not left:
        log.good("[OK] No multiple owners found.\n")
    return well


def _claimed(node: Node) -> list[int]:
    """Return the slots that a node owns or has keys of."""
    counts = node.call_many([["CLUSTER", "COUNTKEYSINSLOT", slot] for slot in range(SLOTS)])
    if isinstance(counts[0], ErrorReply):
        raise ClusterFailed(f"Node {node.address} replied with error:\n{text(counts[0])}")
    return [slot for slot, count in enumerate(counts) if count or slot in node.slots]
