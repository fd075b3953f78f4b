"""`add-node` and `del-node`: nodes that join and leave; `set-timeout` and `call`: a word to all nodes."""

from __future__ import annotations

from redpoll.cli import render
from redpoll.cli.cluster import log
from redpoll.cli.cluster.check import check_cluster
from redpoll.cli.cluster.create import meet, wait_for_agreement
from redpoll.cli.cluster.nodes import Cluster, ClusterFailed, Node, load_node, parse_address, text
from redpoll.cli.replies import ErrorReply

_LEAST_TIMEOUT = 100


def add_node(options, arguments: list[str]) -> bool:
    """Make a node part of a cluster, as a primary without slots or as a replica."""
    new, existing = parse_address(arguments[0]), parse_address(arguments[1])
    if new is None or existing is None:
        raise ClusterFailed(f"Invalid address format: {arguments[0 if new is None else 1]}")
    log.info(f">>> Adding node {arguments[0]} to cluster {arguments[1]}\n")
    cluster = Cluster.load(options, existing[0], existing[1])
    check_cluster(cluster)
    primary = _primary_for(cluster)
    node = Node(options, new[0], new[1], new[2])
    if not node.connect():
        log.error(f"[ERR] Sorry, can't connect to node {node.address}\n")
        return False
    node = load_node(options, new[0], new[1])
    if not node.is_empty():
        log.error(
            f"[ERR] Node {node.address} is not empty. Either the node already knows other nodes "
            "(check with CLUSTER NODES) or contains some key in database 0.\n"
        )
        return False
    entry = cluster.nodes[0]
    if primary is None and not _copy_functions(entry, node):
        return False
    log.info(f">>> Send CLUSTER MEET to node {node.address} to make it join the cluster.\n")
    meet(node, entry)
    if primary is not None:
        wait_for_agreement([*cluster.nodes, node])
        log.info(f">>> Configure node as replica of {primary.address}.\n")
        _replicate(node, primary)
    log.good("[OK] New node added correctly.\n")
    return True


def _replicate(node: Node, primary: Node) -> None:
    from redpoll.cli.cluster.create import _replicate as replicate

    node.primary_id = primary.id
    replicate(node)


def _primary_for(cluster: Cluster) -> Node | None:
    options = cluster.options
    if not options.cluster_replica:
        return None
    if options.cluster_master_id:
        primary = cluster.by_id(options.cluster_master_id)
        if primary is None:
            log.error(f"[ERR] No such master ID {options.cluster_master_id}\n")
            raise ClusterFailed
        return primary
    primary = cluster.fewest_replicas()
    if primary is not None:
        log.say(f"Automatically selected master {primary.address}\n")
    return primary


def _copy_functions(source: Node, target: Node) -> bool:
    """Give a primary the functions that all of the cluster have; False if it has others."""
    log.info(">>> Getting functions from cluster\n")
    functions = source.call("FUNCTION", "DUMP")
    if isinstance(functions, ErrorReply):
        log.info(f">>> No functions are taken over: this server has none (error = '{text(functions)}')\n")
        return True
    log.info(f">>> Send FUNCTION LIST to {target.address} to verify there is no functions in it\n")
    present = target.must("FUNCTION", "LIST")
    if present:
        log.error("[ERR] The new node has functions already. FUNCTION FLUSH them and try again.\n")
        return False
    log.info(f">>> Send FUNCTION RESTORE to {target.address}\n")
    target.must("FUNCTION", "RESTORE", functions)
    return True


def del_node(options, host: str, port: int, name: str) -> bool:
    """Let the others forget a node, and the node everything; False if it has slots."""
    log.info(f">>> Removing node {name} from cluster {host}:{port}\n")
    cluster = Cluster.load(options, host, port)
    node = cluster.by_id(name)
    if node is None:
        log.error(f"[ERR] No such node ID {name}\n")
        return False
    if node.slots:
        log.error(f"[ERR] Node {node.address} is not empty! Reshard data away and try again.\n")
        return False
    log.info(">>> Sending CLUSTER FORGET messages to the cluster...\n")
    for other in cluster.nodes:
        if other is node:
            continue
        if other.primary_id == node.id:
            primary = min((one for one in cluster.primaries if one is not node), key=lambda one: one.replicas)
            log.info(f">>> {other.address} as replica of {primary.address}\n")
            other.must("CLUSTER", "REPLICATE", primary.id)
        other.must("CLUSTER", "FORGET", name)
    log.info(">>> Sending CLUSTER RESET SOFT to the deleted node.\n")
    node.must("CLUSTER", "RESET", "SOFT")
    return True


def set_timeout(options, host: str, port: int, value: str) -> bool:
    """Set cluster-node-timeout of all nodes, for good."""
    milliseconds = int(value) if value.isdigit() else 0
    if milliseconds < _LEAST_TIMEOUT:
        log.complain("Setting a node timeout of less than 100 milliseconds is a bad idea.")
        return False
    cluster = Cluster.load(options, host, port)
    log.info(">>> Reconfiguring node timeout in every cluster node...\n")
    well = 0
    for node in cluster.nodes:
        reply = node.call("CONFIG", "SET", "cluster-node-timeout", milliseconds)
        if not isinstance(reply, ErrorReply):
            reply = node.call("CONFIG", "REWRITE")
        if isinstance(reply, ErrorReply):
            log.error(f"ERR setting node-timeout for {node.address}: {text(reply)}\n")
        else:
            well += 1
            log.warning(f"*** New timeout set for {node.address}\n")
    log.info(f">>> New node timeout set. {well} OK, {len(cluster.nodes) - well} ERR.\n")
    return True


def call_all(options, host: str, port: int, words: list[str]) -> bool:
    """Run a command on every node, or on all primaries, or on all replicas."""
    cluster = Cluster.load(options, host, port)
    log.info(f">>> Calling {' '.join(words)}\n")
    for node in cluster.nodes:
        if (options.cluster_only_masters and node.is_replica) or (
            options.cluster_only_replicas and not node.is_replica
        ):
            continue
        try:
            reply = node.call(*words)
        except ClusterFailed:
            log.error(f"{node.address}: Failed!\n")
            continue
        log.say(f"{node.address}: {render.raw(reply).decode('utf-8', 'surrogateescape')}\n")
    return True
