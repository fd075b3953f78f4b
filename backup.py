"""`backup`: an RDB file of every primary, and who has what in `nodes.json`."""

from __future__ import annotations

import json
import os

from redpoll.cli.cluster import log
from redpoll.cli.cluster.check import check_cluster
from redpoll.cli.cluster.nodes import Cluster, Node, ranges
from redpoll.cli.rdb import TransferFailed, replconf, save_rdb
from redpoll.cli.replies import ConnectionLost


class _Teller:
    """What fetching a file wants of a session."""

    @staticmethod
    def tell(line: str) -> None:
        log.complain(line)


def back_up(options, host: str, port: int, folder: str) -> bool:
    """Write the files into a folder that is there."""
    cluster = Cluster.load(options, host, port)
    check_cluster(cluster)
    had_errors = bool(cluster.errors)
    well = all([_save(node, folder) for node in cluster.primaries])
    path = os.path.join(folder, "nodes.json")
    log.say(f"Saving cluster configuration to: {path}\n")
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(json.dumps([describe(node) for node in cluster.nodes], indent=2) + "\n")
    except OSError as error:
        log.error(f"Could not save nodes to: {path} ({error.strerror})\n")
        well = False
    if not well:
        log.error("[ERR] Failed to back cluster!\n")
        return False
    if had_errors:
        log.warning("*** Something is wrong with the cluster (see above): mind it when you restore this backup.\n")
    log.good(f"[OK] Backup created into: {folder}\n")
    return True


def describe(node: Node) -> dict[str, object]:
    """Return what a backup says of a node."""
    about: dict[str, object] = {
        "name": node.id,
        "host": node.host,
        "port": node.port,
        "replicate": node.primary_id or None,
        "slots": [list(run) for run in ranges(node.slots)],
        "slots_count": len(node.slots),
        "flags": ",".join(node.flags),
        "current_epoch": node.epoch,
    }
    if node.migrating:
        about["migrating"] = {str(slot): other for slot, other in node.migrating.items()}
    if node.importing:
        about["importing"] = {str(slot): other for slot, other in node.importing.items()}
    return about


def _save(node: Node, folder: str) -> bool:
    log.info(f">>> Node {node.address} -> Saving RDB...\n")
    path = os.path.join(folder, f"redis-node-{node.host}-{node.port}-{node.id}.rdb")
    node.close()
    if not node.connect() or node.link is None:
        return False
    teller = _Teller()
    try:
        replconf(node.link, teller, "capa", "eof")  # type: ignore[arg-type]
        replconf(node.link, teller, "rdb-only", "1")  # type: ignore[arg-type]
        save_rdb(node.link, teller, path)  # type: ignore[arg-type]
    except (TransferFailed, ConnectionLost, OSError) as problem:
        log.complain(str(problem) or "I/O Error reading RDB payload from socket")
        return False
    finally:
        node.close()
    return True
