"""`call` and `set-timeout`: the same to every node."""

from __future__ import annotations

from redpoll.cli import render
from redpoll.cli.cluster import log
from redpoll.cli.cluster.node import ClusterFailed, Node, Refused
from redpoll.cli.cluster.nodes import Cluster
from redpoll.cli.numbers import leading_integer

_LEAST_MILLISECONDS = 100


def call_all(options, host: str, port: int, words: list[str]) -> bool:
    """Run a command on every node, or on all primaries, or on all replicas."""
    cluster = Cluster.load(options, host, port)
    log.info(">>> Calling")
    log.say("".join(f" {word}" for word in words) + "\n")
    for node in cluster.nodes:
        if options.cluster_only_masters and node.is_replica:
            continue
        if options.cluster_only_replicas and not node.is_replica:
            continue
        try:
            reply = node.call(*words)
        except ClusterFailed:
            log.say(f"{node.address}: Failed!\n")
            continue
        log.say(f"{node.address}: {render.raw(reply).decode('utf-8', 'surrogateescape')}\n")
    return True


def set_timeout(options, host: str, port: int, value: str) -> bool:
    """Set cluster-node-timeout of all nodes, for good."""
    milliseconds = leading_integer(value)
    if milliseconds < _LEAST_MILLISECONDS:
        log.complain("Setting a node timeout of less than 100 milliseconds is a bad idea.")
        return False
    cluster = Cluster.load(options, host, port)
    log.info(">>> Reconfiguring node timeout in every cluster node...\n")
    well = sum([_set_timeout(node, milliseconds) for node in cluster.nodes])
    log.info(f">>> New node timeout set. {well} OK, {len(cluster.nodes) - well} ERR.\n")
    return True


def _set_timeout(node: Node, milliseconds: int) -> bool:
    try:
        node.must("CONFIG", "SET", "cluster-node-timeout", milliseconds)
        node.must("CONFIG", "REWRITE")
    except ClusterFailed as problem:
        message = problem.message if isinstance(problem, Refused) else str(problem)
        log.error(f"ERR setting node-timeout for {node.address}: {message}\n")
        return False
    log.warning(f"*** New timeout set for {node.address}\n")
    return True
