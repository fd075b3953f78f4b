"""`check` and `info`: do nodes agree, are slots open, are all of them served."""

from __future__ import annotations

from redpoll.cli.cluster import log
from redpoll.cli.cluster.nodes import SLOTS, Cluster, ClusterFailed, Node, show_nodes


def info(options, host: str, port: int) -> bool:
    """Print a line a primary."""
    show_summary(Cluster.load(options, host, port))
    return True


def check(options, host: str, port: int) -> bool:
    """Check a cluster; False if something is wrong."""
    cluster = Cluster.load(options, host, port)
    show_summary(cluster)
    check_cluster(cluster)
    return not cluster.errors


def show_summary(cluster: Cluster) -> None:
    """Print keys, slots and replicas of the primaries."""
    keys = 0
    for node in cluster.primaries:
        size = node.must("DBSIZE")
        keys += size
        log.say(
            f"{node.address} ({node.id[:8]}...) -> {size} keys | {len(node.slots)} slots | {node.replicas} slaves.\n"
        )
    log.good(f"[OK] {keys} keys in {len(cluster.primaries)} masters.\n")
    log.say(f"{keys / SLOTS:.2f} keys per slot on average.\n")


def check_cluster(cluster: Cluster, *, quiet: bool = False, fixing: bool = False) -> bool:
    """Look for what is wrong, print it, keep it in the cluster's errors, and mend it where `fixing`."""
    from redpoll.cli.cluster import fix

    log.info(f">>> Performing Cluster Check (using node {cluster.nodes[0].address})\n")
    if not quiet:
        show_nodes(cluster)
    _check_agreement(cluster)
    log.info(">>> Check for open slots...\n")
    well = True
    opened = _check_open_slots(cluster)
    if opened and fixing:
        well = all([fix.fix_open_slot(cluster, slot) for slot in sorted(opened)])
    log.info(">>> Check slots coverage...\n")
    missing = set(range(SLOTS)).difference(*(node.slots for node in cluster.nodes))
    if not missing:
        log.good(f"[OK] All {SLOTS} slots covered.\n")
    else:
        cluster.add_error(f"[ERR] Not all {SLOTS} slots are covered by nodes.\n")
        if fixing:
            well = fix.fix_coverage(cluster, missing) and well
    if cluster.options.cluster_search_owners:
        well = _check_owners(cluster, fixing) and well
    return well


def _check_agreement(cluster: Cluster) -> None:
    views = {node.configuration() for node in cluster.nodes}
    if len(views) > 1:
        cluster.add_error("[ERR] Nodes don't agree about configuration!")
    else:
        log.good("[OK] All nodes agree about slots configuration.\n")


def _check_open_slots(cluster: Cluster) -> set[int]:
    opened: set[int] = set()
    for node in cluster.nodes:
        for slots, state in ((node.migrating, "migrating"), (node.importing, "importing")):
            if slots:
                names = ",".join(map(str, slots))
                cluster.add_error(f"[WARNING] Node {node.address} has slots in {state} state {names}.")
                opened.update(slots)
    if opened:
        log.error(f"[WARNING] The following slots are open: {','.join(map(str, sorted(opened)))}.\n")
    return opened


def _check_owners(cluster: Cluster, fixing: bool) -> bool:
    from redpoll.cli.cluster import fix

    log.info(">>> Check for multiple slot owners...\n")
    owners: dict[int, list[Node]] = {}
    for node in cluster.nodes:
        for slot in node.slots:
            owners.setdefault(slot, []).append(node)
    shared = {slot: nodes for slot, nodes in sorted(owners.items()) if len(nodes) > 1}
    if not shared:
        log.good("[OK] No multiple owners found.\n")
        return True
    well = True
    for slot, nodes in shared.items():
        cluster.add_error(f"[WARNING] Slot {slot} has {len(nodes)} owners:")
        log.warning("".join(f"    {node.address}\n" for node in nodes))
        if fixing:
            try:
                fix.choose_owner(slot, nodes)
            except ClusterFailed as problem:
                log.error(f"Failed to fix multiple owners for slot {slot}\n{problem}\n")
                well = False
    return well
