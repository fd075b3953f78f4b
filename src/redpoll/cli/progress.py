"""A line at the bottom of a terminal that says how far long work is."""

from __future__ import annotations

import os
import sys
import time

_EVERY_SECONDS = 0.1
_WIDTH = 30


class Progress:
    """Shows a sampler's share on the error output, if that is a terminal; lines printed through it stay above."""

    def __init__(self, session, sampler) -> None:
        self.session, self.sampler = session, sampler
        self._shown = False
        self._on = sys.stderr.isatty() and session.out.isatty() and os.environ.get("TERM") != "dumb"
        self._last = 0.0

    def print(self, text: str) -> None:
        """Print above the line."""
        self._clear()
        self.session.write(text.encode("utf-8", "surrogateescape"))

    def show(self) -> None:
        """Show the share, unless it was shown a moment ago."""
        now = time.monotonic()
        if not self._on or now - self._last < _EVERY_SECONDS:
            return
        self._last = now
        percent = min(100.0, self.sampler.percent)
        bar = "=" * round(percent / 100 * _WIDTH)
        sys.stderr.write(
            f"\r\x1b[K[{bar:<{_WIDTH}}] {percent:5.1f}%  {self.sampler.sampled} of {self.sampler.total} keys"
        )
        sys.stderr.flush()
        self._shown = True

    def close(self) -> None:
        """Take the line away."""
        self._clear()

    def _clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False
