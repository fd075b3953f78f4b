"""Clients that write and note what was acknowledged, and what must be there of it after a crash.

Each client writes numbered steps: every third a transaction of two keys and a counter, the others one key and a list.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.peers import Server, Target, find, start
from tests.resp import Connection, ConnectionClosed, ErrorReply, encode

_PIPELINE = 8


def target(environment: dict[str, str] | None = None) -> Target:
    """Redpoll with this in its environment."""
    plain = find("redpoll")
    if not environment:
        return plain
    return dataclasses.replace(
        plain, command=("env", *(f"{name}={value}" for name, value in environment.items()), *plain.command)
    )


def launch(environment: dict[str, str] | None = None, **options: str | int) -> Server:
    """Start it."""
    return start(target(environment), **options)


def kill(server: Server) -> None:
    """At once, as a crash."""
    server.process.kill()
    server.process.wait()


def pipeline(client: Connection, requests: list[tuple[object, ...]]) -> list[Any]:
    """The replies to several requests that are sent together."""
    client.send_raw(b"".join(encode(*words) for words in requests))  # type: ignore[arg-type]
    return [client.read() for _ in requests]


class Writer(threading.Thread):
    """Writes as fast as it is answered; `acknowledged` holds (step, moment), the moment being what `clock` says."""

    def __init__(self, server: Server, name: str, clock: Callable[[], Any] = time.monotonic, first: int = 0) -> None:
        super().__init__(daemon=True)
        self.server, self.label, self.clock = server, name, clock
        self.step = first
        self.acknowledged: list[tuple[int, Any]] = []
        self.refused: list[str] = []
        self.stopping = False

    def run(self) -> None:
        try:
            with self.server.connect(timeout=30) as client:
                while not self.stopping:
                    steps = range(self.step, self.step + _PIPELINE)
                    self.step += _PIPELINE
                    requests = [words for step in steps for words in requests_of(self.label, step)]
                    replies = pipeline(client, requests)
                    bad = [str(reply) for reply in replies if isinstance(reply, ErrorReply)]
                    if bad:
                        self.refused += bad
                        time.sleep(0.005)
                        continue
                    moment = self.clock()
                    self.acknowledged += [(step, moment) for step in steps]
        except (OSError, ConnectionClosed):
            pass


def requests_of(label: str, step: int) -> list[tuple[object, ...]]:
    """What one step sends."""
    if step % 3:
        return [("SET", f"{label}:k:{step}", "x" * (step % 50)), ("RPUSH", f"{label}:list:{step % 5}", step)]
    return [
        ("MULTI",), ("SET", f"{label}:a:{step}", step), ("INCR", f"{label}:units"),
        ("HSET", f"{label}:hash:{step % 7}", step, step), ("SET", f"{label}:b:{step}", step), ("EXEC",),
    ]  # fmt: skip


def check(client: Connection, label: str, acknowledged: set[int], most: int) -> None:
    """Everything acknowledged is there, once, and every transaction is whole or absent."""
    steps = range(most)
    units = 0
    for first in range(0, most, 200):
        some = steps[first : first + 200]
        replies = pipeline(
            client,
            [
                ("EXISTS", f"{label}:k:{step}") if step % 3 else ("MGET", f"{label}:a:{step}", f"{label}:b:{step}")
                for step in some
            ],
        )
        for step, reply in zip(some, replies, strict=True):
            if step % 3:
                assert reply or step not in acknowledged, f"{label}: step {step} was acknowledged and is lost"
                continue
            assert reply in ([None, None], [b"%d" % step] * 2), f"{label}: half of the transaction {step}: {reply}"
            units += reply[0] is not None
            assert reply[0] is not None or step not in acknowledged, f"{label}: transaction {step} is lost"
    assert int(client.call("GET", f"{label}:units") or 0) == units, f"{label}: a transaction was applied twice"
    pushed = [int(word) for i in range(5) for word in client.call("LRANGE", f"{label}:list:{i}", 0, -1)]
    assert len(pushed) == len(set(pushed)), f"{label}: an element was pushed twice"
    assert {step for step in acknowledged if step % 3} <= set(pushed)
