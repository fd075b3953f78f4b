"""`fix`: closing slots that a broken move left open, and giving slots an owner that have none, or more than one."""

from __future__ import annotations

import random

from redpoll.cli.cluster import log
from redpoll.cli.cluster.check import check_cluster, show_summary
from redpoll.cli.cluster.move import move_slot
from redpoll.cli.cluster.nodes import Cluster, ClusterFailed, Node


def fix(options, host: str, port: int) -> bool:
    """Check a cluster and mend what can be mended; False if something was wrong at the start or could not be mended."""
    cluster = Cluster.load(options, host, port)
    show_summary(cluster)
    return check_cluster(cluster, fixing=True)


def _dares(cluster: Cluster, what: str) -> bool:
    """Refuse while primaries cannot be reached, unless told not to: their slots would go to others."""
    missing = cluster.unreachable_primaries
    if not missing or cluster.options.cluster_unreachable:
        return True
    log.warning(
        f"*** Fixing {what} with {missing} unreachable masters is dangerous: what they serve would be taken for\n"
        "    unserved and given to others, and may be lost. --cluster-fix-with-unreachable-masters does it all the same.\n"
    )
    return False


# -- open slots --------------------------------------------------------------------


def fix_open_slot(cluster: Cluster, slot: int) -> bool:
    """Close a slot that is migrating or importing somewhere."""
    if not _dares(cluster, "open slots"):
        return False
    log.info(f">>> Fixing open slot {slot}\n")
    try:
        return _close(cluster, slot)
    except ClusterFailed as problem:
        log.error(f"{problem}\n" if str(problem) else "")
        return False


def _close(cluster: Cluster, slot: int) -> bool:
    owners = [node for node in cluster.primaries if slot in node.slots]
    owner = owners[0] if len(owners) == 1 else None
    migrating = [node for node in cluster.primaries if slot in node.migrating]
    importing = [node for node in cluster.primaries if slot in node.importing]
    for node in cluster.primaries:
        if node not in migrating and node not in importing and node is not owner and _count_keys(node, slot):
            log.warning(f"*** Found keys about slot {slot} in node {node.address}!\n")
            importing.append(node)
    log.say(f"Set as migrating in: {','.join(node.address for node in migrating)}\n")
    log.say(f"Set as importing in: {','.join(node.address for node in importing)}\n")
    if owner is None:
        owner = _elect_owner(cluster, slot, owners)
        migrating = [node for node in migrating if node is not owner]
        importing = [node for node in [*importing, *owners] if node is not owner]
    return _close_by_case(cluster, slot, owner, migrating, list(dict.fromkeys(importing)))


def _elect_owner(cluster: Cluster, slot: int, owners: list[Node]) -> Node:
    log.info(">>> No single clear owner for the slot, selecting an owner by # of keys...\n")
    owner = max(owners or cluster.primaries, key=lambda node: _count_keys(node, slot), default=None)
    if owner is None:
        raise ClusterFailed("[ERR] Can't select a slot owner. Impossible to fix.")
    log.warning(f"*** Configuring {owner.address} as the slot owner\n")
    owner.must("CLUSTER", "SETSLOT", slot, "STABLE")
    _own(owner, slot)
    for node in owners:
        if node is not owner:
            node.must("CLUSTER", "DELSLOTS", slot)
            node.slots.discard(slot)
            node.must("CLUSTER", "SETSLOT", slot, "IMPORTING", owner.id)
    return owner


def _close_by_case(cluster: Cluster, slot: int, owner: Node, migrating: list[Node], importing: list[Node]) -> bool:
    if len(migrating) == 1 and len(importing) == 1:
        source, target = migrating[0], importing[0]
        log.info(f">>> Case 1: Moving slot {slot} from {source.address} to {target.address}\n")
        move_slot(cluster, slot, source, target, opened=True, fixing=True)
    elif not migrating and importing:
        log.info(f">>> Case 2: Moving all the {slot} slot keys to its owner {owner.address}\n")
        for node in importing:
            if node is not owner:
                move_slot(cluster, slot, node, owner, cold=True, fixing=True)
                _settle(node, slot)
    elif len(migrating) == 1 and importing:
        _close_many_importing(cluster, slot, migrating[0], importing)
    elif len(migrating) == 1 and not _count_keys(migrating[0], slot):
        log.info(f">>> Case 4: Closing slot {slot} on {migrating[0].address}\n")
        _settle(migrating[0], slot)
    elif len(migrating) == 1:
        # Nobody imports what this one migrates: it keeps its keys.
        log.info(f">>> Setting {slot} as STABLE in {migrating[0].address}\n")
        _settle(migrating[0], slot)
    else:
        names = [",".join(node.address for node in nodes) for nodes in (migrating, importing)]
        log.error(
            f"[ERR] Slot {slot} cannot be fixed: it is migrating in {names[0]}, importing in {names[1]}, "
            f"its owner is {owner.address}\n"
        )
        return False
    return True


def _close_many_importing(cluster: Cluster, slot: int, source: Node, importing: list[Node]) -> None:
    wanted = cluster.by_id(source.migrating.get(slot, ""))
    if wanted is not None and wanted in importing:
        log.info(
            f">>> Case 3: Moving slot {slot} from {source.address} to {wanted.address} and closing it elsewhere.\n"
        )
        move_slot(cluster, slot, source, wanted, opened=True, fixing=True)
        keeper = wanted
    else:
        log.info(f">>> Case 3: Closing slot {slot} on both migrating and importing nodes.\n")
        _settle(source, slot)
        keeper = source
    for node in importing:
        if node is not keeper:
            move_slot(cluster, slot, node, keeper, cold=True, fixing=True)
            _settle(node, slot)


def _settle(node: Node, slot: int) -> None:
    node.must("CLUSTER", "SETSLOT", slot, "STABLE")
    node.migrating.pop(slot, None)
    node.importing.pop(slot, None)


def _own(node: Node, slot: int) -> None:
    """Make a node the owner in its own eyes, under an epoch that wins over others."""
    node.call("CLUSTER", "DELSLOTS", slot)
    node.must("CLUSTER", "ADDSLOTS", slot)
    node.must("CLUSTER", "BUMPEPOCH")
    node.slots.add(slot)


def _count_keys(node: Node, slot: int) -> int:
    return node.must("CLUSTER", "COUNTKEYSINSLOT", slot)


# -- slots without an owner, or with more than one -----------------------------------


def fix_coverage(cluster: Cluster, missing: set[int]) -> bool:
    """Give slots that nobody serves to nodes: those that have keys of them, otherwise any."""
    if not _dares(cluster, "slots coverage"):
        return False
    log.info(">>> Fixing slots coverage...\n")
    holders = {slot: _holders(cluster, slot) for slot in sorted(missing)}
    nowhere = [slot for slot, nodes in holders.items() if not nodes]
    once = [slot for slot, nodes in holders.items() if len(nodes) == 1]
    often = [slot for slot, nodes in holders.items() if len(nodes) > 1]
    well = True
    try:
        if _wanted(cluster, nowhere, "have no keys across the cluster", "covering with a random node"):
            for slot in nowhere:
                _cover(slot, random.choice(cluster.primaries))
        elif nowhere:
            well = False
        if _wanted(cluster, once, "have keys in just one node", "covering with those nodes"):
            for slot in once:
                _cover(slot, holders[slot][0])
        elif once:
            well = False
        if _wanted(cluster, often, "have keys in multiple nodes", "moving keys into a single node"):
            for slot in often:
                _gather(cluster, slot, holders[slot])
        elif often:
            well = False
    except ClusterFailed as problem:
        log.error(f"{problem}\n" if str(problem) else "")
        return False
    return well


def _wanted(cluster: Cluster, slots: list[int], which: str, how: str) -> bool:
    if not slots:
        return False
    log.say(f"The following uncovered slots {which}:\n{','.join(map(str, slots))}\n")
    return log.confirmed(f"Fix these slots by {how}?", cluster.options)


def _holders(cluster: Cluster, slot: int) -> list[Node]:
    return [node for node in cluster.primaries if _count_keys(node, slot)]


def _cover(slot: int, node: Node) -> None:
    log.info(f">>> Covering slot {slot} with {node.address}\n")
    node.must("CLUSTER", "ADDSLOTS", slot)
    node.must("CLUSTER", "BUMPEPOCH")
    node.slots.add(slot)


def _gather(cluster: Cluster, slot: int, nodes: list[Node]) -> None:
    target = max(nodes, key=lambda node: _count_keys(node, slot))
    log.info(f">>> Covering slot {slot} moving keys to {target.address}\n")
    _own(target, slot)
    target.must("CLUSTER", "SETSLOT", slot, "STABLE")
    for source in nodes:
        if source is not target:
            # The source answers for keys of the slot only while it is the target's importer.
            source.must("CLUSTER", "SETSLOT", slot, "NODE", target.id)
            source.must("CLUSTER", "SETSLOT", slot, "IMPORTING", target.id)
            move_slot(cluster, slot, source, target, cold=True, fixing=True)
            _settle(source, slot)


def choose_owner(slot: int, nodes: list[Node]) -> None:
    """Let the node with the most keys have a slot that several claim. Raises `ClusterFailed`."""
    log.info(f">>> Fixing multiple owners for slot {slot}...\n")
    owner = max(nodes, key=lambda node: _count_keys(node, slot))
    log.info(f">>> Setting slot {slot} owner: {owner.address}\n")
    _own(owner, slot)
    owner.must("CLUSTER", "SETSLOT", slot, "STABLE")
    for node in nodes:
        if node is not owner:
            node.must("CLUSTER", "SETSLOT", slot, "NODE", owner.id)
            node.slots.discard(slot)
