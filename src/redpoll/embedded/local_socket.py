"""The face of a session that looks like a connected socket, for whoever reads and writes bytes, or polls."""

from __future__ import annotations

from typing import Any

from redpoll.embedded.session import Session, SessionClosed

_PEEK = 2  # MSG_PEEK


class LocalSocket:
    """A stream of bytes to and from a session. `None` as timeout: reading waits as long as it takes; 0: not at all."""

    def __init__(self, session: Session, timeout: float | None = None) -> None:
        self._session = session
        self._timeout = timeout

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Give it bytes. Raises BrokenPipeError when the session has ended."""
        del flags
        try:
            self._session.feed(bytes(data))
        except SessionClosed as error:
            raise BrokenPipeError(str(error)) from error

    def send(self, data: Any, flags: int = 0) -> int:
        """As `sendall`, all of it at once."""
        self.sendall(data, flags)
        return len(data)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Up to so many bytes, none when the session has ended. Raises TimeoutError, BlockingIOError."""
        if not self._session.wait(self._timeout):
            if self._timeout == 0:
                raise BlockingIOError(11, "Resource temporarily unavailable")
            raise TimeoutError("timed out")
        return bytes(self._session.take(size, bool(flags & _PEEK)))

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        """As `recv`, into a buffer; how many bytes."""
        view = memoryview(buffer).cast("B")
        data = self.recv(size or len(view), flags)
        view[: len(data)] = data
        return len(data)

    def fileno(self) -> int:
        """A descriptor that can be read while there is something to `recv`."""
        return int(self._session.fileno())

    def settimeout(self, seconds: float | None) -> None:
        """How long `recv` waits."""
        self._timeout = seconds

    def gettimeout(self) -> float | None:
        """How long `recv` waits."""
        return self._timeout

    def setblocking(self, blocking: bool) -> None:
        """Whether `recv` waits."""
        self._timeout = None if blocking else 0

    def setsockopt(self, *_: Any) -> None:
        """There is no network to set anything of."""

    def getpeername(self) -> str:
        """What stands in an address's place."""
        return "embedded"

    def getsockname(self) -> str:
        """What stands in an address's place."""
        return "embedded"

    def shutdown(self, how: int) -> None:
        """End the session."""
        del how
        self._session.close()

    def close(self) -> None:
        """End the session."""
        self._session.close()
