"""`import`: the keys of a server that is no cluster."""

from __future__ import annotations

import copy
import os

from redpoll.cli.cluster import log
from redpoll.cli.cluster.check import check_cluster
from redpoll.cli.cluster.move import migrate_command
from redpoll.cli.cluster.node import ClusterFailed, Node, Refused, parse_address, text
from redpoll.cli.cluster.nodes import Cluster
from redpoll.cli.connection import ConnectFailed, introduce, open_connection, reason
from redpoll.cli.numbers import leading_integer
from redpoll.cli.replies import ConnectionLost, ErrorReply, ProtocolError

_KEYS_A_SCAN = 1000


def import_keys(options, host: str, port: int) -> bool:
    """Migrate every key of database 0; with --cluster-copy the other server keeps it."""
    if not options.cluster_from:
        log.complain("[ERR] Option '--cluster-from' is required for subcommand 'import'.")
        return False
    place = parse_address(options.cluster_from)
    if place is None:
        log.complain("[ERR] Invalid --cluster-from host. You need to pass a valid address (ie. 120.0.0.1:7000).")
        return False
    log.info(f">>> Importing data from {place[0]}:{place[1]} to cluster {host}:{port}\n")
    cluster = Cluster.load(options, host, port)
    if not check_cluster(cluster):
        return False
    source = Node(_source_options(options), place[0], place[1])
    if not _introduce(source):
        return False
    try:
        if source.is_clustered():
            log.error("[ERR] The source node should not be a cluster node.\n")
            return False
        log.warning(f"*** Importing {source.must('DBSIZE')} keys from DB 0\n")
        _migrate_all(options, source, {slot: node for node in cluster.primaries for slot in node.slots})
    except Refused as refused:
        log.error(f"Source {source.address} replied with error:\n{refused.message}\n")
        return False
    return True


def _source_options(options):
    """Return options for the other server: its own user and password."""
    other = copy.copy(options)
    other.user = other.password = other.client_name = None
    other.resp3 = other.resp3_by_format = False
    if options.cluster_from_password is not None:
        other.password = os.fsencode(options.cluster_from_password)
    if options.cluster_from_user is not None:
        other.user = os.fsencode(options.cluster_from_user)
    return other


def _introduce(source: Node) -> bool:
    """Connect to the other server; what fails is printed."""
    try:
        link = open_connection(source.options, host=source.host, port=source.port)
        well = introduce(link, source.options, 0, log.complain)
    except ConnectFailed as problem:
        log.complain(f"Could not connect to Redis at {source.address}: {problem}.")
        return False
    except (ConnectionLost, ProtocolError) as problem:
        log.complain(f"Could not connect to Redis at {source.address}: {reason(problem)}.")
        return False
    source.adopt(link)
    return well


def _migrate_all(options, source: Node, owners: dict[int, Node]) -> None:
    cursor = -1
    while cursor:
        reply = source.must("SCAN", max(cursor, 0), "COUNT", _KEYS_A_SCAN)
        cursor = leading_integer(text(reply[0]))
        for key in reply[1]:
            _migrate(options, source, owners.get(key_slot(key)), key)


def _migrate(options, source: Node, target: Node | None, key: bytes) -> None:
    if target is None:
        raise ClusterFailed(f"Nobody serves the slot of {text(key)}")
    log.say(f"Migrating {text(key)} to {target.address}: ")
    modes = ["COPY"] * options.cluster_copy + ["REPLACE"] * options.cluster_replace
    reply = source.call(*migrate_command(options, target, 0, [key], *modes))
    if isinstance(reply, ErrorReply):
        raise Refused(source, reply)
    log.say("OK\n")


def key_slot(key: bytes) -> int:
    """Return a key's slot: CRC16 (XMODEM) of it, or of what stands between its first braces, if something does."""
    start = key.find(b"{")
    end = key.find(b"}", start + 1)
    if start >= 0 and end > start + 1:
        key = key[start + 1 : end]
    crc = 0
    for byte in key:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return crc & 16383
