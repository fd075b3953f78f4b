"""Whole ranges of slots, moved by the servers themselves at one stroke.

| servers      | when                                | who is told, what                                              |
|--------------|-------------------------------------|----------------------------------------------------------------|
| Redis 8.4    | always, if all nodes are such       | target: CLUSTER MIGRATION IMPORT first last ...                |
| Valkey 9.0   | --cluster-use-atomic-slot-migration | source: CLUSTER MIGRATESLOTS SLOTSRANGE first last ... NODE id |

Both go on by themselves; how far they are is told by CLUSTER MIGRATION STATUS, or by CLUSTER GETSLOTMIGRATIONS.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from redpoll.cli.cluster import log
from redpoll.cli.cluster.node import ClusterFailed, Node, runs, text
from redpoll.cli.cluster.nodes import Cluster
from redpoll.cli.numbers import leading_integer
from redpoll.cli.replies import Fields

_POLL_SECONDS = 0.1
_LONGEST_SECONDS = 3600.0
_DONE = {"success", "completed"}
_FAILED = {"failed", "canceled"}


def is_wanted(cluster: Cluster) -> bool:
    """Tell whether slots are to be moved so: as was asked for, or because all servers can."""
    return cluster.options.cluster_atomic or all(_is_redis_with_it(node) for node in cluster.nodes)


def _is_redis_with_it(node: Node) -> bool:
    about = node.info()
    major, _, rest = about.get("redis_version", "").partition(".")
    return "valkey_version" not in about and (leading_integer(major), leading_integer(rest)) >= (8, 4)


def move_ranges(options, source: Node, target: Node, slots: list[int], *, quiet: bool = False) -> None:
    """Move slots and wait until they have moved. Raises `ClusterFailed`."""
    if not quiet:
        shown = ",".join(f"{first}-{last}" for first, last in runs(slots))
        log.say(f"Moving slots {shown} from {source.address} to {target.address}: ")
    move = (_ValkeyMove if options.cluster_atomic and not _is_redis_with_it(target) else _RedisMove)(source, target)
    try:
        move.start([edge for run in runs(slots) for edge in run])
        _wait(move.state, move.cancel, (options.cluster_timeout or 0) / 1000 or _LONGEST_SECONDS)
    finally:
        if not quiet:
            log.say("\n")
    source.slots.difference_update(slots)
    target.slots.update(slots)


def _wait(look: Callable[[], tuple[str, str]], cancel: Callable[[], None], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        state, reason = look()
        if state in _DONE:
            return
        if state in _FAILED:
            raise ClusterFailed(f"Atomic slot migration {state}: {reason}")
        if time.monotonic() > deadline:
            cancel()
            raise ClusterFailed(f"Atomic slot migration was canceled as it took longer than {seconds:g} seconds")
        time.sleep(_POLL_SECONDS)


class _RedisMove:
    """The target imports; both sides have to be through."""

    def __init__(self, source: Node, target: Node) -> None:
        self.source, self.target = source, target
        self.task = ""

    def start(self, edges: list[int]) -> None:
        self.task = text(self.target.must("CLUSTER", "MIGRATION", "IMPORT", *edges))

    def state(self) -> tuple[str, str]:
        found = ("", "")
        for node in (self.target, self.source):
            tasks = node.must("CLUSTER", "MIGRATION", "STATUS", "ID", self.task)
            found = _state(Fields(tasks[0]), b"last_error") if tasks else ("", "")
            if found[0] not in _DONE:
                break
        return found

    def cancel(self) -> None:
        self.target.call("CLUSTER", "MIGRATION", "CANCEL", "ID", self.task)


class _ValkeyMove:
    """The source exports; its newest job is the one that was not there before."""

    def __init__(self, source: Node, target: Node) -> None:
        self.source, self.target = source, target
        self.before = set(self._jobs())

    def _jobs(self) -> dict[str, Fields]:
        jobs = map(Fields, self.source.must("CLUSTER", "GETSLOTMIGRATIONS"))
        return {job.text(b"name"): job for job in jobs}

    def start(self, edges: list[int]) -> None:
        self.source.must("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", *edges, "NODE", self.target.id)

    def state(self) -> tuple[str, str]:
        for name, job in self._jobs().items():
            if name not in self.before and job.text(b"target_node") == self.target.id:
                return _state(job, b"message")
        return "", ""

    def cancel(self) -> None:
        self.source.call("CLUSTER", "CANCELSLOTMIGRATIONS")


def _state(job: Fields, reason: bytes) -> tuple[str, str]:
    return job.text(b"state").lower(), job.text(reason)
