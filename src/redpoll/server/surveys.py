"""How large values are, for INFO's `keysizes`.

A small database is walked through when somebody asks, a large one in slices afterwards, so that who asks again finds
out. As long as somebody does, it is walked through again and again.
"""

from __future__ import annotations

import time
from typing import Any

from redpoll.engine.survey import Survey

AT_ONCE = 20_000  # keys
FRESH_MS = 10_000  # a walk that has ended is not begun anew before
WANTED_MS = 300_000  # nobody has asked for so long: nobody walks
SLICE_SECONDS = 0.001
_BUCKETS = 256
# As INFO names them, in the order of the types' numbers.
_ITEMS = ("strings_sizes", "lists_items", "sets_items", "zsets_items", "hashes_items")
_SIZES = ("", "lists_sizes", "sets_sizes", "zsets_sizes", "hashes_sizes")


def distributions(survey: Survey) -> dict[str, dict[int, int]]:
    """What a survey has counted, by INFO's names."""
    found: dict[str, dict[int, int]] = dict(zip(_ITEMS, survey.lengths, strict=True))
    if survey.weighing:
        found |= {name: counted for name, counted in zip(_SIZES, survey.weights, strict=True) if name}
    return found


class Surveys:
    """Those of one server."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._finished: dict[int, tuple[int, Survey]] = {}  # by database: when, and what was found
        self._walking: dict[int, Survey] = {}
        self._asked_ms = 0

    def of(self, db: Any) -> Survey:
        """What is known of a database: as it is now if it is small, else by the last walk, or the first so far."""
        now_ms = self._server.keyspace.now
        if len(db) <= AT_ONCE:
            self._walking.pop(db.index, None)
            self._finished.pop(db.index, None)
            survey = self._begin(db)
            while survey.advance(_BUCKETS):
                pass
            return survey
        self._asked_ms = now_ms
        finished = self._finished.get(db.index)
        if db.index not in self._walking and (finished is None or now_ms - finished[0] >= FRESH_MS):
            self._walking[db.index] = self._begin(db)
        return finished[1] if finished is not None else self._walking[db.index]

    def cron(self, now_ms: int) -> None:
        """Walk on, for a moment."""
        if not self._walking:
            return
        if now_ms - self._asked_ms > WANTED_MS:
            self._walking.clear()
            return
        until = time.monotonic() + SLICE_SECONDS
        index, survey = next(iter(self._walking.items()))
        while survey.advance(_BUCKETS):
            if time.monotonic() >= until:
                return
        del self._walking[index]
        self._finished[index] = (now_ms, survey)

    def _begin(self, db: Any) -> Survey:
        return Survey(db, self._server.config.key_memory_histograms)
