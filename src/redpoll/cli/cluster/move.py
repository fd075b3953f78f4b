"""Moving a slot with its keys from one node to another.

The target imports the slot, the source migrates it, keys go over by MIGRATE a pipeline at a time, then both, and all
others, learn of the new owner. Clients are served all the while.
"""

from __future__ import annotations

from redpoll.cli.cluster import log
from redpoll.cli.cluster.node import ClusterFailed, Node, Refused, text
from redpoll.cli.cluster.nodes import Cluster
from redpoll.cli.replies import ErrorReply

_TOOK_ITS_PRIMARY = "ERR Please use SETSLOT only with masters."
_MILLISECONDS = 60000
_NO_DIGEST = b"0" * 40


class MoveFailed(ClusterFailed):
    """Keys could not be moved; what there is to say of it was printed, `message` is the node's."""

    def __init__(self, message: str = "") -> None:
        super().__init__()
        self.message = message


class Mover:
    """Moves slots; `mending`: the owner may be unknown to the source, values that differ are the user's to judge."""

    def __init__(self, cluster: Cluster, *, mending: bool = False) -> None:
        self.cluster, self.options = cluster, cluster.options
        self.mending = mending

    def move(self, slot: int, source: Node, target: Node, *, quiet: bool = False) -> None:
        """Move a slot with its keys. Raises `ClusterFailed`."""
        target.set_slot(slot, "importing", source.id)
        source.set_slot(slot, "migrating", target.id)
        self.move_keys(slot, source, target, quiet=quiet)
        # The target first: would only the source know, nobody would serve the slot.
        target.set_slot(slot, "node", target.id)
        for node in [source, *(node for node in self.cluster.primaries if node not in (source, target))]:
            try:
                node.set_slot(slot, "node", target.id)
            except Refused as refused:
                # Who has just lost its last slot may follow the new owner already.
                if not refused.message.startswith(_TOOK_ITS_PRIMARY):
                    raise
        source.slots.discard(slot)
        target.slots.add(slot)

    def move_keys(self, slot: int, source: Node, target: Node, *, quiet: bool = False) -> None:
        """Move the keys of a slot and nothing else. Raises `ClusterFailed`."""
        if not quiet:
            log.say(f"Moving slot {slot} from {source.address} to {target.address}: ")
        try:
            for database in source.databases():
                source.select(database)
                while keys := self._keys(slot, source):
                    self._migrate(slot, source, target, database, keys)
                    if not quiet:
                        log.say("." * len(keys))
                source.select(0)
        finally:
            if not quiet:
                log.say("\n")

    def _keys(self, slot: int, source: Node) -> list:
        try:
            return source.must("CLUSTER", "GETKEYSINSLOT", slot, self.options.cluster_pipeline)
        except Refused as refused:
            log.error(f"{refused}\n")
            raise MoveFailed(refused.message) from refused

    def _migrate(self, slot: int, source: Node, target: Node, database: int, keys: list) -> None:
        reply = source.call(*migrate_command(self.options, target, database, keys))
        if not isinstance(reply, ErrorReply):
            return
        is_busy = b"BUSYKEY" in reply
        if is_busy:
            self._judge_target_keys(source, target, database, keys)
        elif self._has_owner(slot, source):
            self._give_up(source, reply)
        elif self.mending:
            log.warning(f"*** Slot was not served, setting owner to node {target.address}.\n")
            source.set_slot(slot, "node", target.id)
        reply = source.call(*migrate_command(self.options, target, database, keys, *["REPLACE"] * is_busy))
        if isinstance(reply, ErrorReply):
            self._give_up(source, reply)

    @staticmethod
    def _give_up(source: Node, reply: ErrorReply) -> None:
        refused = Refused(source, reply)
        log.say("\n")
        log.error(f"{refused}\n")
        raise MoveFailed(refused.message)

    @staticmethod
    def _has_owner(slot: int, node: Node) -> bool:
        """Tell whether a node knows who serves a slot."""
        return any(first <= slot <= last for first, last, *_ in node.must("CLUSTER", "SLOTS"))

    def _judge_target_keys(self, source: Node, target: Node, database: int, keys: list) -> None:
        """See whether keys that the target has too may be replaced. Raises `MoveFailed` if not."""
        log.warning("\n*** Target key exists\n")
        if not self.options.cluster_replace:
            log.warning("*** Checking key values on both nodes...\n")
            try:
                different = different_keys(source, target, database, keys)
            except Refused as refused:
                log.error(f"{refused}\n")
                log.error("*** Value check failed!\n")
                raise MoveFailed from refused
            if different:
                _tell_different(source, target, different)
                raise MoveFailed
        log.warning("*** Replacing target keys...\n")


def different_keys(source: Node, target: Node, database: int, keys: list) -> list:
    """Return the keys whose values both nodes have, and not the same. Raises `Refused`."""
    digests = []
    for node in (source, target):
        node.select(database)
        digests.append(node.must("DEBUG", "DIGEST-VALUE", *keys))
    target.select(0)
    return [
        key for key, one, other in zip(keys, *digests, strict=True) if _NO_DIGEST not in (one, other) and one != other
    ]


def _tell_different(source: Node, target: Node, keys: list) -> None:
    log.error(
        f"*** Found {len(keys)} key(s) in both source node and target node having different values.\n"
        f"    Source node: {source.address}\n    Target node: {target.address}\n    Keys(s):\n"
    )
    log.error("".join(f"    - {text(key)}\n" for key in keys))
    log.error(
        "Please fix the above key(s) manually and try again or relaunch the command \n"
        "with --cluster-replace option to force key overriding.\n"
    )


def migrate_command(options, target: Node, database: int, keys: list, *modes: str) -> list:
    """Return a MIGRATE of keys, under the name that the target knows us by."""
    words: list = ["MIGRATE", target.host, target.port, "", database, options.cluster_timeout or _MILLISECONDS]
    words += modes
    if options.password is not None:
        words += ["AUTH2", options.user, options.password] if options.user else ["AUTH", options.password]
    return [*words, "KEYS", *keys]
