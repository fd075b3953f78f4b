"""Who may write the snapshot file: two servers that save into one would each undo the other's.

The lock is a `flock` on the file itself, so there is no second file, and it ends with the process. A server with save
points takes it at the start, any other when it saves; a new file is locked before it takes the name. Servers that share
a directory and not the name never meet, and those that only read take no lock.
"""

from __future__ import annotations

import fcntl
import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class SavedElsewhere(Exception):
    """Another server saves into the file; the text says what to do."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"Another server saves into {path.absolute()}. Each of the two would overwrite what the other saved: give "
            'this one another dir or dbfilename, or have it save nothing (save "").'
        )


class SnapshotLock:
    """One server's lock on its snapshot file, held from the loop's thread or by an errand."""

    def __init__(self) -> None:
        self._descriptor = -1
        self._busy = threading.RLock()

    def take(self, path: Path) -> None:
        """Hold the file of that name, if there is one; another one is let go. Raises `SavedElsewhere`."""
        with self._busy:
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                # There is none, or none that can be read: writing it will tell.
                self.release()
                return
            if self._descriptor >= 0 and os.path.samestat(os.fstat(descriptor), os.fstat(self._descriptor)):
                os.close(descriptor)
                return
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                raise SavedElsewhere(path) from None
            except OSError:
                # A file system that knows no locks.
                os.close(descriptor)
                return
            self.release()
            self._descriptor = descriptor

    def replace(self, temporary: Path, path: Path) -> None:
        """Give a file its name, in place of the one that is held. Raises `OSError`."""
        with self._busy:
            descriptor = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
            try:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    pass
                os.replace(temporary, path)
            except BaseException:
                os.close(descriptor)
                raise
            self.release()
            self._descriptor = descriptor

    def release(self) -> None:
        """Let go."""
        with self._busy:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
