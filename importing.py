"""`import`: the keys of a server that is no cluster."""

from __future__ import annotations

from redpoll.cli.cluster import log
from redpoll.cli.cluster.check import check_cluster
from redpoll.cli.cluster.nodes import Cluster, ClusterFailed, Node, parse_address, text
from redpoll.cli.numbers import leading_integer
from redpoll.cli.options import Options
from redpoll.cli.replies import ErrorReply


def import_keys(options, host: str, port: int) -> bool:
    """Migrate every key of database 0; with --cluster-copy the other server keeps it."""
    if not options.cluster_from:
        log.complain("[ERR] Option '--cluster-from' is required for subcommand 'import'.")
        return False
    place = parse_address(options.cluster_from)
    if place is None:
        log.complain("[ERR] Invalid --cluster-from host. You need to pass a valid address (ie. 120.0.0.1:7000).")
        return False
    log.info(f">>> Importing data from {options.cluster_from} to cluster {host}:{port}\n")
    cluster = Cluster.load(options, host, port)
    if not check_cluster(cluster) or cluster.errors:
        return False
    source = Node(_source_options(options), place[0], place[1])
    if not source.connect():
        return False
    if source.is_clustered():
        log.error("[ERR] The source node should not be a cluster node.\n")
        return False
    size = source.must("DBSIZE")
    log.warning(f"*** Importing {size} keys from DB 0\n")
    owners = {slot: node for node in cluster.primaries for slot in node.slots}
    cursor = -1
    while cursor:
        reply = source.must("SCAN", max(cursor, 0), "COUNT", 1000)
        cursor = leading_integer(text(reply[0]))
        for key in reply[1]:
            _migrate(options, source, owners, key)
    return True


def _source_options(options) -> Options:
    """Return options for the other server: its own user and password."""
    other = Options()
    other.tls, other.verify, other.ca_file, other.ca_folder = False, True, "", ""
    if options.cluster_from_password is not None:
        other.password = options.cluster_from_password.encode()
    if options.cluster_from_user is not None:
        other.user = options.cluster_from_user.encode()
    if options.cluster_from_ask:
        from redpoll.cli.__main__ import ask_password

        other.password = ask_password("Please input import source node password: ")
    return other


def _migrate(options, source: Node, owners: dict[int, Node], key: bytes) -> None:
    target = owners.get(key_slot(key))
    if target is None:
        raise ClusterFailed(f"Nobody serves the slot of {text(key)}")
    log.say(f"Migrating {text(key)} to {target.address}: ")
    words: list = ["MIGRATE", target.host, target.port, key, 0, options.cluster_timeout]
    words += ["COPY"] * options.cluster_copy + ["REPLACE"] * options.cluster_replace
    if options.password is not None:
        words += ["AUTH2", options.user, options.password] if options.user else ["AUTH", options.password]
    reply = source.call(*words)
    if isinstance(reply, ErrorReply):
        raise ClusterFailed(f"Source {source.address} replied with error:\n{text(reply)}")
    log.say("OK\n")


def key_slot(key: bytes) -> int:
    """Return the slot of a key: CRC16 (XMODEM) of it, or of what stands between its first braces, if something does."""
    start = key.find(b"{")
    if start >= 0:
        end = key.find(b"}", start + 1)
        if end > start + 1:
            key = key[start + 1 : end]
    crc = 0
    for byte in key:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return crc & 16383
