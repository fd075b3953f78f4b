"""A line at the bottom of a terminal that says how far long work is."""

from __future__ import annotations

import os
import sys
import time
from typing import BinaryIO

_EVERY_SECONDS = 0.1
_WIDTH = 30


class Progress:
    """Shows a share on the error output, if that and `out` are terminals; what is printed through it stays above."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._shown = False
        self._on = sys.stderr.isatty() and out.isatty() and os.environ.get("TERM") != "dumb"
        self._last = 0.0

    def print(self, text: str) -> None:
        """Print above the line."""
        self.close()
        self._out.write(text.encode("utf-8", "surrogateescape"))
        self._out.flush()

    def show(self, percent: float | None, text: str) -> None:
        """Show the share (None: nobody knows it) and a text, unless something was shown a moment ago."""
        now = time.monotonic()
        if not self._on or now - self._last < _EVERY_SECONDS:
            return
        self._last = now
        bar = ""
        if percent is not None:
            percent = min(100.0, percent)
            bar = f"[{'=' * round(percent / 100 * _WIDTH):<{_WIDTH}}] {percent:5.1f}%  "
        sys.stderr.write(f"\r\x1b[K{bar}{text}")
        sys.stderr.flush()
        self._shown = True

    def close(self) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False
