"""A store of this very process in a server's place, for transcripts: `--peer embedded`.

Connections are `tests/resp.py`'s, with a session's bytes instead of a socket's; commands go in as Python values, as a
client's do.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.resp import Connection

if TYPE_CHECKING:
    from tests.peers import Target


class LocalConnection(Connection):
    """A connection without a socket."""

    def __init__(self, store: Any, timeout: float) -> None:
        from redpoll.embedded.local_socket import LocalSocket

        self.session = store.session()
        self.socket = LocalSocket(self.session, timeout)  # type: ignore[assignment]
        self.protocol = 2
        self.last_attributes: dict | None = None
        self._buffer = b""
        self._changing_protocol = False

    def send(self, *words: bytes | str | int | float) -> None:
        """Send one command and do not wait."""
        # Not split at spaces, as a first word that names a command and a subcommand would be.
        if isinstance(words[0], bytes) and b" " in words[0]:
            super().send(*words)
        else:
            self.session.send(words)


class EmbeddedServer:
    """What `tests/peers.py`'s `Server` is, for a store."""

    host = "127.0.0.1"
    port = 0

    def __init__(self, target: Target, options: dict[str, str]) -> None:
        from redpoll.embedded import Store

        self.target = target
        self.options = options
        self.folder = Path(tempfile.mkdtemp(prefix="redpoll-test-"))
        directives: dict[str, Any] = {"dir": str(self.folder), "save": ""}
        for name, value in options.items():
            words = shlex.split(value)
            directives[name.replace("-", "_")] = words if len(words) > 1 else (words or [""])[0]
        self.store = Store(**directives)

    def __repr__(self) -> str:
        return "<embedded store>"

    @property
    def pid(self) -> int:
        """The process it lives in."""
        return os.getpid()

    def connect(self, timeout: float = 10.0) -> Connection:
        """Begin a session."""
        return LocalConnection(self.store, timeout)

    def is_alive(self) -> bool:
        """Tell whether it is open."""
        return not self.store.closed

    def log(self) -> str:
        """Return nothing: log lines are records of Python's."""
        return ""

    def flush(self) -> None:
        """Empty all databases."""
        with self.connect() as connection:
            reply = connection.call("FLUSHALL")
        assert reply == "OK", reply

    def stop(self, seconds: float = 10.0) -> int:
        """Close it."""
        del seconds
        self.store.close()
        return 0

    def failure(self, what: str) -> Exception:
        """Return an exception that says what is wrong."""
        return AssertionError(f"the embedded store {what}")
