"""Moving a slot with its keys from one node to another.

The target imports the slot, the source migrates it, keys go over by MIGRATE a pipeline at a time, then both, and all others,
learn of the new owner. Clients are served all the while.
"""

from __future__ import annotations

from redpoll.cli.cluster import log
from redpoll.cli.cluster.nodes import Cluster, ClusterFailed, Node, text
from redpoll.cli.replies import ErrorReply


def move_slot(
    cluster: Cluster, slot: int, source: Node, target: Node, *, opened: bool = False, cold: bool = False,
    fixing: bool = False, tell_others: bool = True, progress=None,
) -> None:  # fmt: skip
    """Move a slot. `opened`: source and target know already; `cold`: keys alone. Raises `ClusterFailed`."""
    if progress is None:
        log.say(f"Moving slot {slot} from {source.address} to {target.address}: ")
    if not opened and not cold:
        target.must("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.must("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
    move_keys(cluster.options, slot, source, target, fixing=fixing, progress=progress)
    if progress is None:
        log.say("\n")
    if cold:
        return
    # The target first: would only the source know, nobody would serve the slot.
    _set_owner(slot, target, target)
    _set_owner(slot, source, target, forgiving="Please use SETSLOT only with masters")
    if tell_others:
        for node in cluster.primaries:
            if node is not target and node is not source:
                _set_owner(slot, node, target, forgiving="Please use SETSLOT only with masters")
    source.slots.discard(slot)
    source.migrating.pop(slot, None)
    target.importing.pop(slot, None)
    target.slots.add(slot)


def _set_owner(slot: int, node: Node, owner: Node, forgiving: str = "") -> None:
    reply = node.call("CLUSTER", "SETSLOT", slot, "NODE", owner.id)
    # A node that lost its last slot may have become a replica of the new owner.
    if isinstance(reply, ErrorReply) and not (forgiving and forgiving in text(reply)):
        raise ClusterFailed(f"Node {node.address} replied with error:\n{text(reply)}")


def move_keys(options, slot: int, source: Node, target: Node, *, fixing: bool = False, progress=None) -> int:
    """Migrate all keys of a slot and return their number. Raises `ClusterFailed`."""
    moved = 0
    replace = options.cluster_replace
    while keys := source.must("CLUSTER", "GETKEYSINSLOT", slot, options.cluster_pipeline):
        reply = source.call(*_migrate(options, target, keys, replace=replace))
        if isinstance(reply, ErrorReply):
            replace = _recover(options, slot, source, target, keys, reply, fixing=fixing)
            continue
        moved += len(keys)
        (progress or log.say)("." * len(keys))
    return moved


def _recover(options, slot: int, source: Node, target: Node, keys: list, reply: ErrorReply, *, fixing: bool) -> bool:
    """Find out what to do about a MIGRATE that failed; returns whether to replace keys from now on."""
    message = text(reply)
    if "BUSYKEY" in message and not options.cluster_replace:
        if not fixing:
            raise ClusterFailed(f"Node {source.address} replied with error:\n{message}")
        log.warning("*** Checking key values on both nodes...\n")
        differing = different_keys(source, target, keys)
        if not differing:
            return True
        names = "".join(f"    - {text(key)}\n" for key in differing)
        raise ClusterFailed(
            f"*** Found {len(differing)} key(s) in both source node and target node having different values.\n"
            f"    Source node: {source.address}\n    Target node: {target.address}\n    Keys(s):\n{names}"
            "Make them equal by hand and try again, or let --cluster-replace decide for the source."
        )
    if fixing and "MOVED" in message or "ASK" in message.split(" ")[:1]:
        # The target does not serve the slot yet.
        log.warning(f"*** Slot was not served, setting owner to node {target.address}.\n")
        target.must("CLUSTER", "SETSLOT", slot, "NODE", target.id)
        return options.cluster_replace
    raise ClusterFailed(f"Node {source.address} replied with error:\n{message}")


def different_keys(source: Node, target: Node, keys: list) -> list:
    """Return the keys whose values both nodes have, and not the same."""
    theirs = target.call_many([["ASKING"]] + [["DEBUG", "DIGEST-VALUE", key] for key in keys])[1:]
    ours = source.call_many([["DEBUG", "DIGEST-VALUE", key] for key in keys])
    nothing = b"0" * 40

    def digest(reply) -> bytes:
        value = reply[0] if isinstance(reply, list) and reply else reply
        if isinstance(reply, ErrorReply):
            raise ClusterFailed(f"Values cannot be compared: {text(reply)}")
        return value

    return [
        key
        for key, one, other in zip(keys, ours, theirs, strict=True)
        if digest(other) != nothing and digest(one) != digest(other)
    ]


def _migrate(options, target: Node, keys: list, *, replace: bool) -> list:
    words: list = ["MIGRATE", target.host, target.port, "", 0, options.cluster_timeout]
    if replace:
        words.append("REPLACE")
    if options.password is not None:
        words += ["AUTH2", options.user, options.password] if options.user else ["AUTH", options.password]
    return [*words, "KEYS", *keys]
