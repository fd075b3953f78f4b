"""`fix`: closing slots that a broken move left open, and giving slots an owner that have none, or more than one."""

from __future__ import annotations

import random

from redpoll.cli.cluster import log
from redpoll.cli.cluster.check import check
from redpoll.cli.cluster.move import Mover
from redpoll.cli.cluster.node import ClusterFailed, Node, Refused, slot_names
from redpoll.cli.cluster.nodes import Cluster
from redpoll.cli.cluster.open_slots import OpenSlot, with_most_keys
from redpoll.cli.replies import ErrorReply


def fix(options, host: str, port: int) -> bool:
    """Check a cluster and mend what can be mended; False if something is wrong still."""
    return check(options, host, port, Fixer)


class Fixer:
    """Mends what a check of a cluster finds."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def close_slots(self, slots: list[int]) -> bool:
        """Close slots that are migrating or importing."""
        self._must_see_all("open slots")
        return all(self._close(slot) for slot in slots)

    def _close(self, slot: int) -> bool:
        log.info(f">>> Fixing open slot {slot}\n")
        return _well(OpenSlot(self.cluster, slot).close)

    def cover_slots(self, slots: list[int]) -> bool:
        """Give slots that nobody serves to nodes: those that have keys of them, otherwise any."""
        self._must_see_all("slots coverage")
        log.info(">>> Fixing slots coverage...\n")
        return _well(lambda: self._cover(slots)) and all(
            any(slot in node.slots for node in self.cluster.primaries) for slot in slots
        )

    def choose_owner(self, slot: int, nodes: list[Node]) -> bool:
        """Let the node with the most keys have a slot that several claim."""
        log.info(f">>> Fixing multiple owners for slot {slot}...\n")
        return _well(lambda: self._choose_owner(slot, nodes))

    def _must_see_all(self, what: str) -> None:
        """Go no further while primaries cannot be reached, unless told to: their slots would go to others."""
        missing = self.cluster.unreachable_primaries
        if not missing or self.cluster.options.cluster_unreachable:
            return
        log.warning(
            f"*** Fixing {what} with {missing} unreachable masters is dangerous: redis-cli will assume that slots "
            "about masters that are not reachable are not covered, and will try to reassign them to the reachable "
            "nodes. This can cause data loss and is rarely what you want to do. If you really want to proceed use the "
            "--cluster-fix-with-unreachable-masters option.\n"
        )
        raise ClusterFailed

    # -- slots without an owner ----------------------------------------------------

    def _cover(self, slots: list[int]) -> None:
        holders = self._find_holders(slots)
        nowhere = [slot for slot in slots if not holders[slot]]
        if self._wants(nowhere, "have no keys across the cluster", "covering with a random node"):
            for slot in nowhere:
                _give(slot, random.choice(self.cluster.primaries))
        once = [slot for slot in slots if len(holders[slot]) == 1]
        if self._wants(once, "have keys in just one node", "covering with those nodes"):
            for slot in once:
                _give(slot, holders[slot][0])
        often = [slot for slot in slots if len(holders[slot]) > 1]
        if self._wants(often, "have keys in multiple nodes", "moving keys into a single node"):
            for slot in often:
                self._gather(slot, holders[slot])

    def _find_holders(self, slots: list[int]) -> dict[int, list[Node]]:
        holders: dict[int, list[Node]] = {slot: [] for slot in slots}
        for node in self.cluster.primaries:
            counts = node.call_many([["CLUSTER", "COUNTKEYSINSLOT", slot] for slot in slots])
            for slot, count in zip(slots, counts, strict=True):
                if isinstance(count, ErrorReply):
                    raise Refused(node, count)
                if count:
                    holders[slot].append(node)
        return holders

    def _wants(self, slots: list[int], which: str, how: str) -> bool:
        if not slots:
            return False
        log.say(f"The following uncovered slots {which}:\n{slot_names(slots)}\n")
        return log.confirmed(f"Fix these slots by {how}?", self.cluster.options, by_hand=True)

    def _gather(self, slot: int, nodes: list[Node]) -> None:
        target = with_most_keys(nodes, slot)
        assert target is not None
        log.info(f">>> Covering slot {slot} moving keys to {target.address}\n")
        target.own(slot, stable=True)
        for source in nodes:
            if source is not target:
                source.set_slot(slot, "node", target.id)
                self._hand_over(slot, source, target)

    # -- slots with more than one ----------------------------------------------------

    def _choose_owner(self, slot: int, nodes: list[Node]) -> None:
        owner = with_most_keys(nodes, slot)
        assert owner is not None
        log.info(f">>> Setting slot {slot} owner: {owner.address}\n")
        owner.own(slot)
        for node in self.cluster.primaries:
            if node is owner:
                continue
            if slot in node.slots:
                # Nobody gives a slot of its own away while it has keys of it.
                node.call("CLUSTER", "DELSLOTS", slot)
                node.slots.discard(slot)
            node.set_slot(slot, "node", owner.id)
            if node.count_keys(slot):
                self._hand_over(slot, node, owner)

    def _hand_over(self, slot: int, node: Node, owner: Node) -> None:
        """Move keys of a slot to its owner; only while a node imports the slot it hands out keys of another's."""
        node.set_slot(slot, "importing", owner.id)
        Mover(self.cluster, mending=True).move_keys(slot, node, owner)
        node.set_slot(slot, "STABLE")


def _give(slot: int, node: Node) -> None:
    log.info(f">>> Covering slot {slot} with {node.address}\n")
    node.own(slot)


def _well(step) -> bool:
    """Run a step; what fails is printed."""
    try:
        step()
    except ClusterFailed as problem:
        if str(problem):
            log.error(f"{problem}\n")
        return False
    return True
