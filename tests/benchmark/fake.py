"""A server that answers what a test wants and keeps the bytes of each connection, for benchmark programs.

`answers` maps a command's name in lower case to the bytes of its reply; all others are answered by `+OK`.
`before_reply` is called with the number of requests so far before each reply; what it does (waiting for
something, say) holds up that connection alone.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterable

from tests.listener import Listener, RequestHandler
from tests.peers import PeerMissing, find_tool

OURS = [sys.executable, "-m", "redpoll.benchmark"]


def bulk(text: bytes) -> bytes:
    """Return a bulk string."""
    return b"$%d\r\n%b\r\n" % (len(text), text)


def _setting(name: bytes, value: bytes) -> bytes:
    return b"*2\r\n" + bulk(name) + bulk(value)


SAVE, APPENDONLY = _setting(b"save", b"900 1 300 10"), _setting(b"appendonly", b"no")


class _Handler(RequestHandler):
    server: FakeServer

    def handle(self) -> None:
        received = bytearray()
        with self.server.lock:
            self.server.streams.append(received)
        try:
            while True:
                words, raw = self.read_request()
                if not words:
                    return
                received += raw
                self.server.requests.append(words)
                if self.server.before_reply is not None:
                    self.server.before_reply(len(self.server.requests))
                reply = self._answer(words)
                if reply is None:
                    return
                self.wfile.write(reply)
        except OSError:
            return

    def _answer(self, words: list[bytes]) -> bytes | None:
        name = words[0].lower()
        if name == b"config" and b"config" not in self.server.answers:
            return SAVE if words[2] == b"save" else APPENDONLY
        return self.server.answers.get(name, b"+OK\r\n")


class FakeServer(Listener):
    """Listens on a free port of the loopback."""

    def __init__(self, answers: dict[bytes, bytes | None] | None = None) -> None:
        self.answers: dict[bytes, bytes | None] = dict(answers or {})
        self.requests: list[list[bytes]] = []
        self.streams: list[bytearray] = []
        self.lock = threading.Lock()
        self.before_reply: Callable[[int], None] | None = None
        super().__init__(_Handler)

    @property
    def asked(self) -> list[list[bytes]]:
        """The requests that came, but for those for settings."""
        return [words for words in self.requests if words[0] != b"CONFIG"]

    def forget(self) -> None:
        """Begin anew with what is kept."""
        self.requests.clear()
        self.streams.clear()

    def loads(self) -> list[bytes]:
        """Return the streams of connections that did more than ask for settings."""
        return [bytes(stream) for stream in self.streams if b"CONFIG" not in stream and stream]


def call(
    program: list[str], words: Iterable[str | bytes], given: bytes = b"", seconds: float = 120
) -> subprocess.CompletedProcess:
    """Run a benchmark program to its end."""
    return subprocess.run([*program, *words], input=given, capture_output=True, timeout=seconds, check=False)


def theirs() -> list[str]:
    """Return the command line of the real `redis-benchmark`; raises `PeerMissing`."""
    return [find_tool("redis-benchmark")]


__all__ = ["OURS", "FakeServer", "PeerMissing", "bulk", "call", "theirs"]
