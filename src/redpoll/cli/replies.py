"""Replies with their exact types, and a reader that makes them from bytes.

| on the wire          | in Python                                            |
|----------------------|------------------------------------------------------|
| `+` status           | `Status`                                             |
| `-`, `!` error       | `ErrorReply`, a value as any other                   |
| `:` integer          | `int`                                                |
| `$` bulk string      | `bytes`                                              |
| `$-1`, `*-1`, `_`    | `None`                                               |
| `*` array            | `list`                                               |
| `%` map              | `Map`: keys and values in turn, as sent              |
| `~` set, `>` push    | `SetReply`, `Push`                                   |
| `,` double           | `Double`: the text as sent                           |
| `(` big number       | `BigNumber`: the text as sent                        |
| `=` verbatim string  | `Verbatim`: the text without its format              |
| `#` boolean          | `bool`                                               |
| `\\|` attributes      | left out                                             |
"""

from __future__ import annotations

_AT_ONCE = 1 << 16


class Status(bytes):
    """A status, such as OK."""


class ErrorReply(bytes):
    """A whole error text."""

    @property
    def code(self) -> bytes:
        """The first word."""
        return self.partition(b" ")[0]


class Double(bytes):
    """A floating-point number, as the server wrote it."""


class BigNumber(bytes):
    """An integer of any size, as the server wrote it."""


class Verbatim(bytes):
    """A text that is meant to be shown as it is."""


class Map(list):
    """Keys and values in turn."""


class SetReply(list):
    """Members in the order received."""


class Push(list):
    """A message that answers no request."""


class ProtocolError(Exception):
    """What came is not RESP."""


class ConnectionLost(Exception):
    """The connection ended where a reply was due."""


class Incomplete(Exception):
    """What has come so far ends within a reply."""


def encode(words: list[bytes]) -> bytes:
    """Return a request as clients send it: an array of bulk strings."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        parts.append(b"$%d\r\n%b\r\n" % (len(word), word))
    return b"".join(parts)


class ReplyReader:
    """Reads replies from bytes that `receive(count)` returns, which are empty at the end."""

    def __init__(self, receive) -> None:
        self._receive = receive
        self._buffer = bytearray()
        self._position = 0

    def waiting(self) -> bool:
        """Tell whether bytes have been received that no reply has used yet."""
        return self._position < len(self._buffer)

    def read(self):
        """Return the next reply or push. Raises `ConnectionLost`, `ProtocolError` and what `receive` raises."""
        if self._position > _AT_ONCE:
            del self._buffer[: self._position]
            self._position = 0
        return self._read()

    def read_line(self) -> bytes:
        """Return bytes up to the next line's end, without it."""
        while (end := self._buffer.find(b"\r\n", self._position)) < 0:
            self._more()
        line = bytes(self._buffer[self._position : end])
        self._position = end + 2
        return line

    def read_up_to(self, count: int) -> bytes:
        """Return at least one byte and at most `count`; those that are there already come first."""
        if not self.waiting():
            self._buffer.clear()
            self._position = 0
            self._more()
        chunk = bytes(self._buffer[self._position : self._position + count])
        self._position += len(chunk)
        return chunk

    def _more(self, wanted: int = _AT_ONCE) -> None:
        data = self._receive(wanted)
        if not data:
            raise ConnectionLost
        self._buffer += data

    def _read_exactly(self, count: int) -> bytes:
        end = self._position + count
        while len(self._buffer) < end:
            self._more(max(_AT_ONCE, min(end - len(self._buffer), 1 << 24)))
        data = bytes(self._buffer[self._position : end])
        self._position = end
        return data

    def _read(self):
        line = self.read_line()
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            return self._bulk(rest)
        if kind == b"+":
            return Status(rest)
        if kind == b":":
            return self._integer(rest)
        if kind == b"*":
            return self._elements(rest, list)
        if kind == b"-":
            return ErrorReply(rest)
        return self._read_newer(kind, rest)

    def _read_newer(self, kind: bytes, rest: bytes):
        if kind == b"%":
            return self._elements(rest, Map, 2)
        if kind == b"_":
            return None
        if kind == b",":
            return Double(rest)
        if kind == b"#":
            return rest == b"t"
        if kind == b"~":
            return self._elements(rest, SetReply)
        if kind == b">":
            return self._elements(rest, Push)
        if kind == b"=":
            return Verbatim((self._bulk(rest) or b"")[4:])
        if kind == b"(":
            return BigNumber(rest)
        if kind == b"!":
            return ErrorReply(self._bulk(rest) or b"")
        if kind == b"|":
            self._elements(rest, Map, 2)
            return self._read()
        shown = kind.decode("latin-1") if b" " <= kind <= b"~" else f"\\x{kind[0]:02x}" if kind else "\\r"
        raise ProtocolError(f'Protocol error, got "{shown}" as reply type byte')

    def _bulk(self, rest: bytes) -> bytes | None:
        length = self._integer(rest)
        if length < 0:
            return None
        data = self._read_exactly(length + 2)
        return data[:-2]

    def _elements(self, rest: bytes, kind, each: int = 1):
        count = self._integer(rest)
        if count < 0:
            return None
        return kind([self._read() for _ in range(count * each)])

    def _integer(self, text: bytes) -> int:
        try:
            return int(text)
        except ValueError:
            raise ProtocolError("Bad integer value") from None


class ReplyStream:
    """Replies from bytes as they come, for whoever must not wait."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> list:
        """Return the replies that are whole now."""
        pieces = [self._held + data]
        size = len(pieces[0])
        self._held = b""

        def receive(_: int) -> bytes:
            if not pieces:
                raise Incomplete
            return pieces.pop()

        reader, found = ReplyReader(receive), []
        start = 0
        whole = pieces[0]
        while start < size:
            try:
                found.append(reader._read())
            except Incomplete:
                break
            start = reader._position
        self._held = whole[start:]
        return found


class Fields:
    """A map, or the flat array that it is in RESP2, read by names; what is not there, or of another type, is empty."""

    def __init__(self, reply) -> None:
        pairs = reply if isinstance(reply, list) else []
        self._values: dict = dict(zip(pairs[::2], pairs[1::2], strict=False))

    def items(self):
        """Return all names, as texts, and their values."""
        return [(_text(name), value) for name, value in self._values.items()]

    def text(self, name: bytes) -> str:
        """Return a value as a text."""
        value = self._values.get(name)
        return "" if value is None else _text(value)

    def elements(self, name: bytes) -> list:
        """Return a value that is an array, a set or a map."""
        value = self._values.get(name)
        return value if isinstance(value, list) else []


def _text(value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
