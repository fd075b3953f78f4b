"""A small client that hides nothing: words go out as given, replies come back with their exact type.

| on the wire          | in Python                                       |
|----------------------|-------------------------------------------------|
| `+` status           | `Status` (a `str`)                              |
| `-`, `!` error       | `ErrorReply` (a `str`), returned, never raised  |
| `:` integer          | `int`                                           |
| `$` bulk string      | `bytes`                                         |
| `$-1`, `_` null      | `None`                                          |
| `*-1`                | `NULL_ARRAY`                                    |
| `*` array            | `list`                                          |
| `%` map              | `dict`                                          |
| `~` set              | `SetReply` (a `list`, in the order received)    |
| `,` double           | `Double` (a `float` that keeps its text)        |
| `#` boolean          | `bool`                                          |
| `(` big number       | `BigNumber` (an `int`)                          |
| `=` verbatim string  | `Verbatim` (a `bytes` with its `format`)        |
| `>` push             | `Push` (a `list`)                               |

A type that the connection's protocol version does not have is a `ProtocolError`.
"""

from __future__ import annotations

import select
import socket
from typing import Any


class ProtocolError(Exception):
    """The server sent something that is not RESP, or not in the version agreed on."""


class ConnectionClosed(Exception):
    """The server closed the connection where a reply was due."""


class Status(str):
    """A status reply, such as OK."""

    __slots__ = ()


class ErrorReply(str):
    """A whole error text."""

    __slots__ = ()


class BigNumber(int):
    """An integer of any size, from `(`."""


class Double(float):
    """A double; `text` is how the server wrote it."""

    text: str

    def __new__(cls, text: str) -> Double:
        """Read it from the server's text."""
        value = super().__new__(cls, text)
        value.text = text
        return value


class Verbatim(bytes):
    """A verbatim string's text; `format` is its three letters."""

    format: str

    def __new__(cls, text: bytes, format: str) -> Verbatim:  # noqa: A002
        """Join a text with its format."""
        value = super().__new__(cls, text)
        value.format = format
        return value


class SetReply(list):
    """A set's members in the order received."""


class Push(list):
    """An out-of-band message."""


class NullArray:
    """The type of `NULL_ARRAY`."""

    def __repr__(self) -> str:
        return "NULL_ARRAY"


NULL_ARRAY = NullArray()

_ONLY_RESP3 = b"_#,(!=%~>|"


def encode(*words: bytes | str | int | float) -> bytes:
    """Return a command as the array of bulk strings that clients send."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


class Connection:
    """One connection. `protocol` follows successful HELLOs and RESETs that went through `call`."""

    def __init__(self, port: int, host: str = "127.0.0.1", timeout: float = 10.0) -> None:
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.protocol = 2
        self.last_attributes: dict | None = None
        self._buffer = b""
        self._changing_protocol = False

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    def send(self, *words: bytes | str | int | float) -> None:
        """Send one command and do not wait."""
        self.socket.sendall(encode(*words))

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def call(self, *words: bytes | str | int | float) -> Any:
        """Send one command and return its reply; errors are returned as `ErrorReply`."""
        self.send(*words)
        return self.read_reply_to(words)

    def read_reply_to(self, words: tuple | list) -> Any:
        """Read the reply of a command that was sent, minding that it may change the protocol."""
        name = words[0] if isinstance(words[0], bytes) else str(words[0]).encode()
        if name.upper() not in (b"HELLO", b"RESET"):
            return self.read()
        self._changing_protocol = True
        try:
            reply = self.read()
        finally:
            self._changing_protocol = False
        if name.upper() == b"RESET":
            self.protocol = 2
        elif not isinstance(reply, ErrorReply) and len(words) > 1:
            self.protocol = int(words[1])
        return reply

    def read(self) -> Any:
        """Read the next reply or push message."""
        line = self._line()
        kind, rest = line[:1], line[1:]
        self._check_version(kind, line)
        match kind:
            case b"+":
                return Status(rest.decode("utf-8", "surrogateescape"))
            case b"-":
                return ErrorReply(rest.decode("utf-8", "surrogateescape"))
            case b":":
                return self._integer(rest)
            case b"$":
                return None if rest == b"-1" else self._bulk(rest)
            case b"*":
                return NULL_ARRAY if rest == b"-1" else self._items(rest)
            case b"_":
                return None
            case b"#":
                if rest not in (b"t", b"f"):
                    raise ProtocolError(f"boolean {rest!r}")
                return rest == b"t"
            case b",":
                return Double(rest.decode())
            case b"(":
                return BigNumber(rest)
            case b"!":
                return ErrorReply(self._bulk(rest).decode("utf-8", "surrogateescape"))
            case b"=":
                text = self._bulk(rest)
                if text[3:4] != b":":
                    raise ProtocolError(f"verbatim string without a format: {text!r}")
                return Verbatim(text[4:], text[:3].decode())
            case b"%":
                return self._map(rest)
            case b"~":
                return SetReply(self._items(rest))
            case b">":
                return Push(self._items(rest))
            case b"|":
                self.last_attributes = self._map(rest)
                return self.read()
        raise ProtocolError(f"not the beginning of a reply: {line!r}")

    def is_silent(self, seconds: float) -> bool:
        """Tell whether nothing arrives for a while (a close counts as something)."""
        return not self._buffer and not select.select([self.socket], [], [], seconds)[0]

    def has_data(self) -> bool:
        """Tell whether something arrived that nobody read yet."""
        if self._buffer:
            return True
        if not select.select([self.socket], [], [], 0)[0]:
            return False
        try:
            return self.socket.recv(1, socket.MSG_PEEK) != b""
        except ConnectionResetError:
            return False

    def is_closed_by_server(self) -> bool:
        """Tell whether the server closes the connection without sending anything more."""
        try:
            return not self._buffer and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _check_version(self, kind: bytes, line: bytes) -> None:
        if self._changing_protocol:
            return
        if self.protocol == 2 and kind in _ONLY_RESP3:
            raise ProtocolError(f"{line!r} is RESP3, and the connection speaks RESP2")
        if self.protocol == 3 and line in (b"$-1", b"*-1"):
            raise ProtocolError(f"{line!r} is RESP2's null, and the connection speaks RESP3")

    def _items(self, count: bytes) -> list:
        return [self.read() for _ in range(self._integer(count))]

    def _map(self, count: bytes) -> dict:
        result: dict = {}
        for _ in range(self._integer(count)):
            key = self.read()
            key = tuple(key) if isinstance(key, list) else key
            if key in result:
                raise ProtocolError(f"map with key {key!r} twice")
            result[key] = self.read()
        return result

    @staticmethod
    def _integer(text: bytes) -> int:
        digits = text[1:] if text[:1] in b"+-" else text
        if not digits.isdigit():
            raise ProtocolError(f"not an integer: {text!r}")
        return int(text)

    def _bulk(self, length: bytes) -> bytes:
        size = self._integer(length)
        self._fill(size + 2)
        data, end = self._buffer[:size], self._buffer[size : size + 2]
        self._buffer = self._buffer[size + 2 :]
        if end != b"\r\n":
            raise ProtocolError(f"bulk string of {size} bytes ends with {end!r}")
        return data

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._receive()
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        return line

    def _fill(self, size: int) -> None:
        if len(self._buffer) >= size:
            return
        chunks = [self._buffer]
        have = len(self._buffer)
        while have < size:
            self._buffer = b""
            self._receive()
            chunks.append(self._buffer)
            have += len(self._buffer)
        self._buffer = b"".join(chunks)

    def _receive(self) -> None:
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            raise ConnectionClosed("the server closed the connection")
        self._buffer += data
