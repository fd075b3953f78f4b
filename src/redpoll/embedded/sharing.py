"""One file, several processes: who has the store, and how the others reach it.

Beside `app.rdb` lie, while somebody has it open,

    app.rdb.lock    locked (flock) by the process that has the store; its one line is the path of
    app.rdb.sock    the Unix socket at which it serves the others (in the temporary folder, if the path is too long)

The kernel gives the lock up when its process ends, however that happens, and whoever needs the store next takes it,
loads the file and serves from then on.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from typing import Any

from redpoll.embedded.replies import ReplyError

_LONGEST_SOCKET_PATH = 100
_START_SECONDS = 30.0
_LOOK_SECONDS = 0.01


class Claim:
    """The right to have a file's store, in one process at a time."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock_path = f"{path}.lock"
        self._descriptor = -1

    def take(self) -> bool:
        """Claim it; whether this process has it now. Raises OSError when the lock file cannot be made."""
        while self._descriptor < 0:
            descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return False
            # Whoever had it before may have removed this very file since it was opened.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.stat(self._lock_path), os.fstat(descriptor)):
                    self._descriptor = descriptor
                    continue
            os.close(descriptor)
        return True

    def socket_path(self) -> str:
        """Where this process would serve others."""
        beside = f"{self.path}.sock"
        if len(os.fsencode(beside)) <= _LONGEST_SOCKET_PATH:
            return beside
        import hashlib
        import tempfile

        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:20]
        return os.path.join(tempfile.gettempdir(), f"redpoll-{os.getuid()}-{digest}.sock")

    def announce(self, socket_path: str) -> None:
        """Tell others where they are served."""
        data = os.fsencode(socket_path) + b"\n"
        os.pwrite(self._descriptor, data, 0)
        os.ftruncate(self._descriptor, len(data))

    def announced(self) -> str:
        """Where whoever has the store serves; empty: it does not say."""
        try:
            with open(self._lock_path, "rb") as file:
                return os.fsdecode(file.readline().rstrip(b"\n"))
        except OSError:
            return ""

    def release(self) -> None:
        """Give it up; the next process may have it at once."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.unlink(self._lock_path)
            os.close(self._descriptor)
            self._descriptor = -1

    def after_fork(self) -> None:
        """In the child of a fork: it is the parent's."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def find_host(claim: Claim) -> str:
    """The socket of the process that has the store, or "" when this one has just claimed it.

    Waits while somebody is on the way of opening or closing it. Raises TimeoutError.
    """
    deadline = time.monotonic() + _START_SECONDS
    while not claim.take():
        path = claim.announced()
        if path and _answers(path):
            return path
        if time.monotonic() > deadline:
            raise TimeoutError(f"{claim.path} is locked by a process that does not serve it; its lock is {path or '?'}")
        time.sleep(_LOOK_SECONDS)
    return ""


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


class Guest:
    """`execute` in a process that another one serves: a plain client of its socket."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._socket.connect(path)
        except BaseException:
            self._socket.close()
            raise
        self._file = self._socket.makefile("rb")

    def execute(self, words: tuple[bytes, ...]) -> Any:
        """Send a command and read its reply. Raises ConnectionError, and `ReplyError`."""
        parts = [b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)]
        try:
            self._socket.sendall(b"".join(parts))
            reply = self._read()
        except ConnectionError:
            raise
        except OSError as error:
            raise ConnectionError(str(error)) from error
        if isinstance(reply, ReplyError):
            raise reply
        return reply

    def _read(self) -> Any:
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the process that has the store has ended")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            return ReplyError(rest.decode("utf-8", "replace"))
        number = int(rest)
        if kind == b":":
            return number
        if number < 0:
            return None
        if kind == b"*":
            return [self._read() for _ in range(number)]
        data = self._file.read(number + 2)
        if len(data) < number + 2:
            raise ConnectionError("the process that has the store has ended")
        return data[:-2]

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()
