"""`backup`: an RDB file of every primary, and who has what in `nodes.json`."""

from __future__ import annotations

import os
import sys

from redpoll.cli.cluster import log
from redpoll.cli.cluster.check import check_cluster
from redpoll.cli.cluster.node import Node, runs
from redpoll.cli.cluster.nodes import Cluster
from redpoll.cli.progress import Progress
from redpoll.cli.rdb import TransferFailed, save_rdb
from redpoll.cli.replies import ConnectionLost


def back_up(options, host: str, port: int, folder: str) -> bool:
    """Write the files into a folder that is there."""
    cluster = Cluster.load(options, host, port)
    well = check_cluster(cluster)
    errors = 0 if well else len(cluster.errors)
    for node in cluster.primaries:
        log.info(f">>> Node {node.address} -> Saving RDB...\n")
        if not _save(node, os.path.join(folder, f"redis-node-{node.host}-{node.port}-{node.id}.rdb")):
            return False
    path = os.path.join(folder, "nodes.json")
    log.info(f"Saving cluster configuration to: {path}\n")
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write("[\n" + ",\n".join(describe(node, errors) for node in cluster.nodes) + "\n]")
    except OSError:
        log.error(f"Could not save nodes to: {path}\n")
        log.good("[ERR] Failed to back cluster!\n")
        return False
    if not well:
        log.warning(
            "*** Cluster seems to have some problems, please be aware of it if you're going to restore this backup.\n"
        )
    log.good(f"[OK] Backup created into: {folder}\n")
    return True


def describe(node: Node, errors: int) -> str:
    """Return what a backup says of a node, as JSON; `errors`: how many the cluster had."""
    facts = [
        ("name", f'"{node.id}"'),
        ("host", f'"{node.host}"'),
        ("port", str(node.port)),
        ("replicate", f'"{node.primary_id}"' if node.is_replica else "null"),
        ("slots", "[" + ",".join(f"[{first},{last}]" for first, last in runs(node.slots)) + "]"),
        ("slots_count", str(len(node.slots))),
        ("flags", '"' + ",".join(flag for flag in node.flags if flag != "myself") + '"'),
        ("current_epoch", str(node.epoch)),
    ]
    if errors:
        facts.append(("cluster_errors", str(errors)))
    for name, slots in (("migrating", node.migrating), ("importing", node.importing)):
        if slots:
            facts.append((name, "{" + ",".join(f'"{slot}": "{other}"' for slot, other in slots.items()) + "}"))
    return "  {\n" + ",\n".join(f'    "{name}": {value}' for name, value in facts) + "\n  }"


def _save(node: Node, path: str) -> bool:
    connection = node.connection()
    try:
        save_rdb(connection, log.complain, path, Progress(sys.stdout.buffer))
    except ConnectionLost:
        log.complain("I/O Error reading RDB payload from socket")
        return False
    except (TransferFailed, OSError) as failure:
        log.complain(str(failure))
        return False
    finally:
        # After SYNC it takes no commands.
        node.close()
    return True
