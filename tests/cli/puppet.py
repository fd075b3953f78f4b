"""A server that says what it is told to: `SAY <bytes>` is answered by those bytes, so that every reply can be shown.

| request                  | answer                                                      |
|--------------------------|-------------------------------------------------------------|
| `SAY bytes`, `INFO bytes` and others of `_SAYING` | the bytes (`@0@` in them is a zero)      |
| `ARGS word ...`          | the words, as an array                                      |
| `CLOSE`                  | none: the connection is closed                              |
| `AUTH … bad`, `SELECT 99` | an error                                                   |
| `HELLO 3`                | a map; an error from a puppet that is `old`                 |
| `COMMAND DOCS`           | an empty array                                              |
| others                   | an error                                                    |
"""

from __future__ import annotations

from tests.listener import Listener, RequestHandler

_SAYING = {b"say", b"info", b"lolwut", b"subscribe", b"client", b"cluster", b"latency", b"memory"}
_OK = {b"auth", b"select", b"ping", b"asking"}


class _Handler(RequestHandler):
    server: Puppet

    def handle(self) -> None:
        while words := self.read_request()[0]:
            if words != [b"COMMAND", b"DOCS"]:
                self.server.requests.append(words)
            name = words[0].lower()
            if name == b"close":
                return
            self.wfile.write(self._answer(name, words[1:]))

    def _answer(self, name: bytes, words: list[bytes]) -> bytes:
        if name == b"args":
            return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
        if name in _SAYING and words:
            return words[-1].replace(b"@0@", b"\0")
        if name == b"command":
            return b"*0\r\n"
        if (name == b"auth" and words[-1] == b"bad") or (name == b"select" and words[-1] == b"99"):
            return b"-ERR the puppet does not want to\r\n"
        if name == b"hello":
            return b"-ERR unknown command 'HELLO'\r\n" if self.server.old else b"%1\r\n+proto\r\n:3\r\n"
        return b"+OK\r\n" if name in _OK else b"-ERR unknown command '%b'\r\n" % name


class Puppet(Listener):
    """Listens on a free port of the loopback; `requests` holds what was asked, each as its words."""

    def __init__(self, *, old: bool = False) -> None:
        self.old = old
        self.requests: list[list[bytes]] = []
        super().__init__(_Handler)
