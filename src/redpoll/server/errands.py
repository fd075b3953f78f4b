"""Work that may take its time over the disk, done one piece after another by a thread, and on the loop what follows.

The loop goes on meanwhile. An errand may use files, and nothing that belongs to the loop.
"""

from __future__ import annotations

import collections
import os
import queue
import signal
import threading
from collections.abc import Callable
from typing import Any

Work = Callable[[], None]
Then = Callable[[OSError | None], None]


def _outcome(work: Work) -> OSError | None:
    try:
        work()
    except OSError as problem:
        return problem
    except Exception as problem:
        return OSError(0, f"{type(problem).__name__}: {problem}")
    return None


class Errands:
    """One server's errands, in the order in which they were given."""

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self._wanted: queue.SimpleQueue[tuple[Work, Then] | None] = queue.SimpleQueue()
        self._done: collections.deque[tuple[Then, OSError | None]] = collections.deque()
        self._thread: threading.Thread | None = None
        self._event = -1
        self.waiting = 0

    def run(self, work: Work, then: Then) -> None:
        """Do `work` soon; then `then` is told on the loop's thread why it failed, or None.

        Where the loop has no thread of its own, as in an embedded store, both are done at once.
        """
        if self._loop.guard is not None:
            then(_outcome(work))
            return
        if self._thread is None:
            self._begin()
        self.waiting += 1
        self._wanted.put((work, then))

    def finish(self) -> None:
        """Wait until everything is done, and what follows too."""
        while self.waiting:
            thread = self._thread
            assert thread is not None
            self._wanted.put(None)
            thread.join()
            self._thread = None
            # What follows may give further ones.
            self._collect()

    def close(self) -> None:
        """Finish, and end the thread."""
        self.finish()
        if self._thread is not None:
            self._wanted.put(None)
            self._thread.join()
            self._thread = None
        if self._event >= 0:
            self._loop.unwatch(self._event)
            os.close(self._event)
            self._event = -1

    def _begin(self) -> None:
        if self._event < 0:
            self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            self._loop.watch(self._event, self._collect)
        self._thread = threading.Thread(target=self._serve, args=(self._event,), name="errands", daemon=True)
        # Signals are for the loop's thread, whose wait they end.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            self._thread.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _serve(self, event: int) -> None:
        while (errand := self._wanted.get()) is not None:
            work, then = errand
            self._done.append((then, _outcome(work)))
            os.eventfd_write(event, 1)

    def _collect(self) -> None:
        try:
            os.eventfd_read(self._event)
        except BlockingIOError:
            pass
        while self._done:
            then, error = self._done.popleft()
            self.waiting -= 1
            self._loop.guarded("What follows an errand", then, error)
