"""A cluster as the load sees it: its nodes, and tags that send keys to each of them."""

from __future__ import annotations

import binascii
import functools
import itertools
from dataclasses import dataclass, field

from redpoll.cli.replies import ErrorReply

SLOTS = 16384
_LETTERS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class ClusterFailed(Exception):
    """What was asked is no cluster, or says something odd; the text tells."""


@dataclass
class Node:
    """One node: where it is, and the slots that keys for it may have."""

    name: str
    host: str
    port: int
    slots: list[int] = field(default_factory=list)
    primary: str | None = None  # whose replica it is


@functools.cache
def tags() -> list[bytes]:
    """Return three letters for each slot that have a key with them in braces belong there."""
    found: list[bytes | None] = [None] * SLOTS
    missing = SLOTS
    for letters in itertools.product(_LETTERS, repeat=3):
        tag = bytes(letters)
        slot = binascii.crc_hqx(tag, 0) % SLOTS
        if found[slot] is None:
            found[slot] = tag
            missing -= 1
            if not missing:
                break
    return [tag for tag in found if tag is not None]


def tags_of(node: Node) -> bytes:
    """Return the tags of all slots of a node, one behind the other."""
    table = tags()
    return b"".join(table[slot] for slot in node.slots)


def nodes_of(connection, fallback: str) -> list[Node]:
    """Return all nodes that a server knows; `fallback` is its own address. Raises `ClusterFailed`."""
    reply = connection.call(b"CLUSTER", b"NODES")
    if isinstance(reply, ErrorReply) or not isinstance(reply, bytes):
        raise ClusterFailed(
            reply.decode("utf-8", "replace") if isinstance(reply, bytes) else "no answer to CLUSTER NODES"
        )
    found = {}
    for line in reply.decode("utf-8", "replace").splitlines():
        node, usable = _read_node(line, fallback)
        if usable:
            found[node.name] = node
    for node in found.values():
        if node.primary in found:
            node.slots = found[node.primary].slots
    return list(found.values())


def _read_node(line: str, fallback: str) -> tuple[Node, bool]:
    words = line.split(" ")
    if len(words) < 8:
        raise ClusterFailed(f"CLUSTER NODES says: {line}")
    flags = words[2].split(",")
    place = words[1].split(",")[0].partition("@")[0]
    host, _, port = place.rpartition(":")
    node = Node(words[0], host.strip("[]") or fallback, int(port or 0))
    if "slave" in flags:
        node.primary = words[3]
    for word in words[8:]:
        if word.startswith("["):
            continue
        first, _, last = word.partition("-")
        node.slots += range(int(first), int(last or first) + 1)
    return node, not {"fail", "noaddr", "handshake"}.intersection(flags)


def chosen(nodes: list[Node], read_from: str) -> list[Node]:
    """Return the nodes with slots that the load goes to: primaries, replicas or all. Raises `ClusterFailed`."""
    wanted = [
        node for node in nodes if node.slots and (read_from == "all" or (node.primary is None) == (read_from == "no"))
    ]
    if not wanted:
        raise ClusterFailed("no node of that kind has slots")
    return wanted
