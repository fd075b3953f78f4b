"""`activedefrag`: when entries are moved together, and how much of the time that may take."""

from __future__ import annotations

from typing import Any

import redpoll.engine.memory as allocator
from redpoll.engine.compaction import Compaction

_LOOK_MS = 1000


class Defragmentation:
    """One server's passes."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.compaction = Compaction(server.keyspace)
        self._look_at_ms = 0

    def cron(self, now_ms: int) -> None:
        """Begin a pass where there is enough to gain, and set how fast it goes."""
        config, compaction, loop = self._server.config, self.compaction, self._server.loop
        if not config.activedefrag:
            if compaction.running:
                compaction.end()
            loop.compaction = None
            return
        if compaction.running or now_ms < self._look_at_ms:
            return
        loop.compaction = None
        self._look_at_ms = now_ms + _LOOK_MS
        slack, used = allocator.slack(), allocator.used()
        percent = slack * 100 // max(used, 1)
        if slack < config.active_defrag_ignore_bytes or percent < config.active_defrag_threshold_lower:
            return
        lower, upper = config.active_defrag_threshold_lower, config.active_defrag_threshold_upper
        least, most = config.active_defrag_cycle_min, config.active_defrag_cycle_max
        reach = min(1.0, (percent - lower) / max(upper - lower, 1))
        compaction.share = max(1, round(least + (most - least) * reach))
        compaction.slice_us = config.active_defrag_cycle_us or 500
        if compaction.begin():
            loop.compaction = compaction
            self._server.log.verbose(f"Defragmentation: {slack} bytes lie between blocks, {percent}% of what is used")

    def figures(self) -> dict[str, int]:
        """What INFO stats shows."""
        compaction = self.compaction
        return {
            "active_defrag_hits": compaction.hits,
            "active_defrag_misses": compaction.misses,
            "active_defrag_key_hits": compaction.key_hits,
            "active_defrag_key_misses": compaction.key_misses,
            "total_active_defrag_time": compaction.spent_us // 1000,
        }
