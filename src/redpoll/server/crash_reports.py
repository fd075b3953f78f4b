"""What every thread was doing, for the log: when the process crashes, or when a turn of the loop takes too long.

Whoever reports has just crashed or is stuck, so nothing is used but a descriptor that is open already: `faulthandler`
tells what Python was doing, `crash_trace` which compiled functions a crash was in.
"""

from __future__ import annotations

import faulthandler
import os

from redpoll.server.crash_trace import install, remove
from redpoll.server.logs import Log
from redpoll.version import VERSION


class CrashReports:
    """Those of one process."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._descriptor = -1
        self._watching = False

    def enable(self, wanted: bool) -> None:
        """`crash-log-enabled`: report crashes, or let the process die without a word."""
        remove()
        if wanted:
            faulthandler.enable(self._open(), all_threads=True)
            install(self._open(), VERSION.encode())
        else:
            faulthandler.disable()

    def watch(self, milliseconds: int, hz: int) -> None:
        """`watchdog-period`, called `hz` times a second: report unless it is called again in time; 0: do not."""
        if milliseconds:
            self._watching = True
            # A shorter time than twice that would report turns that are as they should be.
            faulthandler.dump_traceback_later(max(milliseconds, 2000 // max(hz, 1)) / 1000, file=self._open())
        elif self._watching:
            self._watching = False
            faulthandler.cancel_dump_traceback_later()

    def close(self) -> None:
        """Report nothing more."""
        self.watch(0, 1)
        if self._descriptor >= 0:
            self.enable(False)
            if self._descriptor != self._log.stdout:
                os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> int:
        if self._descriptor < 0:
            self._descriptor = self._log.stdout
            if self._log.path:
                self._descriptor = os.open(self._log.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        return self._descriptor
