"""`add-node` and `del-node`: nodes that join and leave."""

from __future__ import annotations

from redpoll.cli.cluster import log
from redpoll.cli.cluster.check import check_cluster
from redpoll.cli.cluster.node import ClusterFailed, Node, Refused, must_be_clustered, must_be_empty
from redpoll.cli.cluster.nodes import Cluster, meet, replicate, wait_for_agreement


def add_node(options, new: tuple[str, int, int], existing: tuple[str, int, int]) -> bool:
    """Make a node part of a cluster, as a primary without slots or as a replica."""
    node = Node(options, *new)
    log.info(f">>> Adding node {node.address} to cluster {existing[0]}:{existing[1]}\n")
    cluster = Cluster.load(options, existing[0], existing[1])
    if not check_cluster(cluster):
        return False
    primary = _primary_for(node, cluster)
    if not node.connect():
        raise ClusterFailed(f"[ERR] Sorry, can't connect to node {node.address}")
    must_be_clustered(node)
    node.load()
    must_be_empty(node)
    if primary is None:
        _copy_functions(cluster.entry, node)
    log.info(f">>> Send CLUSTER MEET to node {node.address} to make it join the cluster.\n")
    meet(node, cluster.entry)
    if primary is not None:
        wait_for_agreement([*cluster.nodes, node])
        log.info(f">>> Configure node as replica of {primary.address}.\n")
        replicate(node, primary)
    log.good("[OK] New node added correctly.\n")
    return True


def _primary_for(node: Node, cluster: Cluster) -> Node | None:
    """Return whom a new node is to follow, if it is to follow anyone."""
    options = cluster.options
    if not options.cluster_replica:
        return None
    if options.cluster_master_id:
        primary = cluster.by_id(options.cluster_master_id)
        if primary is None:
            raise ClusterFailed(f"[ERR] No such master ID {options.cluster_master_id}")
        return primary
    primary = cluster.fewest_replicas()
    log.say(f"Automatically selected master {primary.address}\n")
    return primary


def _copy_functions(source: Node, target: Node) -> None:
    """Give a primary the functions that all of the cluster have. Raises `ClusterFailed`."""
    log.info(">>> Getting functions from cluster\n")
    try:
        functions = source.must("FUNCTION", "DUMP")
    except Refused as refused:
        log.info(
            ">>> Failed retrieving Functions from the cluster, skip this step as Redis version do not support "
            f"function command (error = '{refused.message}')\n"
        )
        return
    log.info(f">>> Send FUNCTION LIST to {target.address} to verify there is no functions in it\n")
    try:
        present = target.must("FUNCTION", "LIST")
    except Refused as refused:
        raise ClusterFailed(f">>> Failed on CLUSTER LIST (error = '{refused.message}')") from refused
    if present:
        raise ClusterFailed(
            ">>> New node already contains functions and can not be added to the cluster. "
            "Use FUNCTION FLUSH and try again."
        )
    log.info(f">>> Send FUNCTION RESTORE to {target.address}\n")
    try:
        target.must("FUNCTION", "RESTORE", functions)
    except Refused as refused:
        raise ClusterFailed(f">>> Failed loading functions to the new node (error = '{refused.message}')") from refused


def delete_node(options, host: str, port: int, name: str) -> bool:
    """Let the others forget a node, and the node everything; False if it has slots."""
    log.info(f">>> Removing node {name} from cluster {host}:{port}\n")
    cluster = Cluster.load(options, host, port)
    node = cluster.by_id(name)
    if node is None:
        raise ClusterFailed(f"[ERR] No such node ID {name}")
    if node.slots:
        raise ClusterFailed(f"[ERR] Node {node.address} is not empty! Reshard data away and try again.")
    log.info(">>> Sending CLUSTER FORGET messages to the cluster...\n")
    for other in cluster.nodes:
        if other is node:
            continue
        if other.primary_id == node.id:
            primary = cluster.fewest_replicas(without=node)
            log.info(f">>> {other.address} as replica of {primary.address}\n")
            other.must("CLUSTER", "REPLICATE", primary.id)
            primary.replicas += 1
        other.must("CLUSTER", "FORGET", node.id)
    log.info(">>> Sending CLUSTER RESET SOFT to the deleted node.\n")
    node.must("CLUSTER", "RESET", "SOFT")
    return True
