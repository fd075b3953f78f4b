"""Who debugs scripts, and the process that a debugged script runs in.

`SCRIPT DEBUG SYNC` debugs a script where it is: the server waits with it. `SCRIPT DEBUG YES` holds nobody up: the
process forks, and its child has a copy of the data in which the script may change what it likes. The child is there for
that one script: it owns nothing but the client's socket, never comes back to the loop, and ends with `os._exit`. The
parent closes its end of the socket without a word, and reaps the child some time later.

What makes the fork safe: it is done on the loop's thread, in the middle of a command, when no other thread is at work
for this one; I/O threads sleep, and those that write files, free memory or map it share nothing with the loop that is
not given up in the child before anything else happens there (`Persistence.after_fork`; the threads of `engine/` have
their own handlers of forks). All descriptors are closed there, so that clients whose connections the parent closes
notice, and the parent's ports can be listened on again.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from typing import Any

from redpoll import errors
from redpoll.errors import CommandError
from redpoll.server.logs import Role

_SEND_SECONDS = 5.0
_LOOK_MS = 200
_READ_BYTES = 65536
_GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR | select.POLLNVAL


class ClientLink:
    """A client's connection, read from and written to while the loop does not run. `release` ends its use."""

    def __init__(self, connection: Any, server: Any) -> None:
        self._secure = connection.secure
        self._server = server
        self._not_yet: tuple[type[OSError], ...] = (BlockingIOError,)
        if self._secure is not None:
            # Imported already, by whoever set up TLS; for others it would take long.
            import ssl

            self._not_yet += (ssl.SSLWantReadError, ssl.SSLWantWriteError)
        # The descriptor stays the connection's.
        self._socket = socket.socket(fileno=connection.fd)
        self._readable, self._writable, self._closing = select.poll(), select.poll(), select.poll()
        self._readable.register(connection.fd, select.POLLIN)
        self._writable.register(connection.fd, select.POLLOUT)
        self._closing.register(connection.fd, select.POLLRDHUP)

    def release(self) -> None:
        """Let go of the connection."""
        self._socket.detach()

    def read(self) -> bytes:
        """Wait for bytes; none: the client has closed the connection, or the server is to end."""
        while not self.must_end():
            try:
                return self._receive()
            except self._not_yet:
                self._readable.poll(_LOOK_MS)
            except (OSError, ValueError):
                break
        return b""

    def _receive(self) -> bytes:
        if self._secure is not None:
            return bytes(self._secure.read(_READ_BYTES))
        return self._socket.recv(_READ_BYTES, socket.MSG_DONTWAIT)

    def write(self, data: bytes) -> None:
        """Send bytes; those that cannot be sent within some seconds are lost."""
        view = memoryview(data)
        until = time.monotonic() + _SEND_SECONDS
        while view:
            try:
                sent = self._send(view)
            except self._not_yet:
                left = until - time.monotonic()
                if left <= 0:
                    return
                self._writable.poll(left * 1000)
            except (OSError, ValueError):
                return
            else:
                view = view[sent:]

    def _send(self, data: memoryview) -> int:
        if self._secure is not None:
            return int(self._secure.send(data))
        return self._socket.send(data, socket.MSG_DONTWAIT)

    def must_end(self) -> bool:
        """Whether the server is to end."""
        return bool(self._server.ending)

    def has_gone(self) -> bool:
        """Whether the client has closed the connection, or the server is to end."""
        return self.must_end() or any(event & _GONE for _, event in self._closing.poll(0))


class Debugging:
    """The clients of one server that debug, and its children."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.modes: dict[int, str] = {}
        self.children: set[int] = set()

    def choose(self, connection: Any, mode: str) -> None:
        """SCRIPT DEBUG: "yes", "sync" or "no". Raises `CommandError`."""
        if connection.pending_output:
            raise CommandError(errors.SCRIPT_DEBUG_PIPELINED)
        if self._server.loop.guard is not None and mode != "no":
            raise CommandError(errors.SCRIPT_DEBUG_IN_STORE)
        if mode == "no":
            self.forget(connection)
        else:
            self.modes[connection.id] = mode

    def forget(self, connection: Any) -> None:
        """A client debugs no more."""
        self.modes.pop(connection.id, None)

    # The process of a session

    def fork(self, connection: Any) -> bool:
        """Fork; True in the child, which has nothing but this connection. Raises `CommandError`."""
        try:
            child = os.fork()
        except OSError as error:
            raise CommandError(errors.debugger_cannot_fork(os.strerror(error.errno or 0))) from error
        if child:
            self.children.add(child)
            return False
        self._become_child(connection.fd)
        return True

    def _become_child(self, kept: int) -> None:
        server = self._server
        for number in (signal.SIGINT, signal.SIGTERM):
            # They are for the parent, which ends its children.
            signal.signal(number, signal.SIG_IGN)
        self.children.clear()
        server.persistence.after_fork()
        server.log.close()
        server.log.pid, server.log.role = os.getpid(), Role.CHILD
        spared = {0, 1, 2, server.log.stdout, kept}
        for name in os.listdir("/proc/self/fd"):
            if int(name) not in spared:
                with contextlib.suppress(OSError):
                    os.close(int(name))
        server.log.notice("Redpoll forked for debugging eval")

    def cron(self, _now_ms: int) -> None:
        """Look after children, if there are any."""
        if self.children:
            self.reap()

    def reap(self) -> None:
        """Take note of children that have ended."""
        for child in list(self.children):
            if self._has_ended(child, os.WNOHANG):
                self.children.discard(child)

    def end_all(self) -> None:
        """The server stops, and its children with it."""
        for child in self.children:
            self._server.log.warning(f"Killing debugging session {child}")
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            self._has_ended(child, 0)
        self.children.clear()

    @staticmethod
    def _has_ended(child: int, options: int) -> bool:
        try:
            return os.waitpid(child, options)[0] == child
        except ChildProcessError:
            return True
