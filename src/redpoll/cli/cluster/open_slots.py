"""Closing a slot that a broken move left open.

| who migrates | who imports                   | what is done                                                    |
|--------------|-------------------------------|-----------------------------------------------------------------|
| one          | one                           | 1: the move is brought to its end                               |
| nobody       | one or more                   | 2: their keys go to the owner, they forget the slot             |
| one          | more, all without keys of it  | 3: the move goes to whom it was meant for, or is called off     |
| one          | nobody                        | 4: called off, if it is the owner's or has no keys              |
| otherwise    |                               | nothing: somebody has to look at it                             |

A node that has keys of a slot which it neither owns nor migrates counts as importing. Owners are made one first.
"""

from __future__ import annotations

from redpoll.cli.cluster import log
from redpoll.cli.cluster.move import Mover
from redpoll.cli.cluster.node import ClusterFailed, Node
from redpoll.cli.cluster.nodes import Cluster, names


def with_most_keys(nodes: list[Node], slot: int) -> Node | None:
    """Return the primary that has the most keys of a slot, the first one where none has any."""
    primaries = [node for node in nodes if not node.is_replica]
    return max(primaries, key=lambda node: node.count_keys(slot), default=None)


class OpenSlot:
    """One open slot, who owns it, who migrates it away, and who imports it."""

    def __init__(self, cluster: Cluster, slot: int) -> None:
        self.cluster, self.slot = cluster, slot
        self.mover = Mover(cluster, mending=True)
        self.owners = self._find_owners()
        self.owner = self.owners[0] if len(self.owners) == 1 else None
        self.migrating = [node for node in cluster.primaries if slot in node.migrating]
        self.importing = self._find_importing()

    def _find_owners(self) -> list[Node]:
        owners = []
        for node in self.cluster.primaries:
            if self.slot in node.slots:
                owners.append(node)
            elif node.count_keys(self.slot):
                log.warning(f"*** Found keys about slot {self.slot} in non-owner node {node.address}!\n")
                owners.append(node)
        return owners

    def _find_importing(self) -> list[Node]:
        importing = []
        for node in self.cluster.primaries:
            if node in self.migrating:
                continue
            if self.slot in node.importing:
                importing.append(node)
            elif node is not self.owner and node.count_keys(self.slot):
                log.warning(f"*** Found keys about slot {self.slot} in node {node.address}!\n")
                importing.append(node)
        return importing

    def close(self) -> None:
        """Close it. Raises `ClusterFailed`."""
        was_migrating, was_importing = names(self.migrating), names(self.importing)
        if was_migrating:
            log.say(f"Set as migrating in: {was_migrating}\n")
        if was_importing:
            log.say(f"Set as importing in: {was_importing}\n")
        owner = self.owner or self._choose_owner()
        self._leave_it_to(owner)
        if not self._close_by_case(owner):
            raise ClusterFailed(
                "[ERR] Sorry, redis-cli can't fix this slot yet (work in progress). Slot is set as migrating in "
                f"{was_migrating}, as importing in {was_importing}, owner is {owner.address}"
            )

    def _choose_owner(self) -> Node:
        log.info(">>> No single clear owner for the slot, selecting an owner by # of keys...\n")
        owner = with_most_keys(self.cluster.nodes, self.slot)
        if owner is None:
            raise ClusterFailed("[ERR] Can't select a slot owner. Impossible to fix.")
        log.warning(f"*** Configuring {owner.address} as the slot owner\n")
        owner.set_slot(self.slot, "STABLE")
        owner.own(self.slot)
        self.migrating = [node for node in self.migrating if node is not owner]
        self.importing = [node for node in self.importing if node is not owner]
        return owner

    def _leave_it_to(self, owner: Node) -> None:
        """Make all owners but one import the slot, so that their keys follow."""
        for node in self.owners:
            if node is owner:
                continue
            if self.slot in node.slots:
                # Nobody gives a slot of its own away while it has keys of it.
                node.call("CLUSTER", "DELSLOTS", self.slot)
                node.slots.discard(self.slot)
            # So that it knows of an owner, without which it does not hand its keys out.
            node.set_slot(self.slot, "node", owner.id)
            node.set_slot(self.slot, "importing", owner.id)
            self.importing = [one for one in self.importing if one is not node] + [node]
            self.migrating = [one for one in self.migrating if one is not node]

    def _close_by_case(self, owner: Node) -> bool:
        if not self.migrating and self.importing:
            self._gather(owner)
            return True
        if len(self.migrating) != 1:
            return False
        source = self.migrating[0]
        if len(self.importing) == 1:
            target = self.importing[0]
            log.info(f">>> Case 1: Moving slot {self.slot} from {source.address} to {target.address}\n")
            self.mover.move(self.slot, source, target)
            return True
        if self.importing:
            return self._choose_importing(source)
        if source is not owner and source.count_keys(self.slot):
            return False
        log.info(f">>> Case 4: Closing slot {self.slot} on {source.address}\n")
        source.set_slot(self.slot, "STABLE")
        return True

    def _gather(self, owner: Node) -> None:
        log.info(f">>> Case 2: Moving all the {self.slot} slot keys to its owner {owner.address}\n")
        for node in self.importing:
            if node is not owner:
                self.mover.move_keys(self.slot, node, owner)
                log.info(f">>> Setting {self.slot} as STABLE in {node.address}\n")
                node.set_slot(self.slot, "STABLE")
        # No move has told them.
        for node in self.cluster.primaries:
            if node is not owner:
                node.set_slot(self.slot, "node", owner.id)

    def _choose_importing(self, source: Node) -> bool:
        if any(node.count_keys(self.slot) for node in self.importing):
            return False
        wanted = source.migrating.get(self.slot)
        target = next((node for node in self.importing if node.id == wanted), None)
        if target is not None:
            log.info(
                f">>> Case 3: Moving slot {self.slot} from {source.address} to {target.address} "
                "and closing it on all the other importing nodes.\n"
            )
            self.mover.move(self.slot, source, target)
        else:
            log.info(f">>> Case 3: Closing slot {self.slot} on both migrating and importing nodes.\n")
            source.set_slot(self.slot, "STABLE")
        for node in self.importing:
            if node is not target:
                node.set_slot(self.slot, "STABLE")
        return True
