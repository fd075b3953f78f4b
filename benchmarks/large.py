"""Collections of any size, made quickly: for benchmarks of what is done with large ones."""

import socket
from collections.abc import Callable, Iterator

from benchmarks import servers

KEY = "collection"
_WORDS_A_COMMAND = 1000
_BYTES_AT_ONCE = 1 << 16


def member(number: int) -> str:
    """A member, field or value: the same bytes for the same number."""
    return f"member:{number:010}"


def _grouped(
    name: str, words: Callable[[int], tuple[str, ...]], start: int, end: int, a_command: int
) -> Iterator[bytes]:
    for first in range(start, end, a_command):
        numbers = range(first, min(first + a_command, end))
        yield servers.request(name, KEY, *(word for number in numbers for word in words(number)))


def growth(kind: str, start: int, end: int) -> Iterator[bytes]:
    """Requests that let a collection of `start` members grow to `end`."""
    if kind == "list":
        return _grouped("RPUSH", lambda n: (member(n),), start, end, _WORDS_A_COMMAND)
    if kind == "hash":
        return _grouped("HSET", lambda n: (member(n), str(n)), start, end, _WORDS_A_COMMAND // 2)
    if kind == "set":
        return _grouped("SADD", lambda n: (member(n),), start, end, _WORDS_A_COMMAND)
    if kind == "zset":
        # Scores in no order, so that the tree is as it grows in use.
        return _grouped("ZADD", lambda n: (str(n * 7919 % 10_000_019), member(n)), start, end, _WORDS_A_COMMAND // 2)
    if kind == "stream":
        return (servers.request("XADD", KEY, f"{n + 1}-0", "f", member(n)) for n in range(start, end))
    return (
        servers.request("ARSET", KEY, str(n), *map(member, range(n, min(n + _WORDS_A_COMMAND, end))))
        for n in range(start, end, _WORDS_A_COMMAND)
    )


KINDS = ("list", "hash", "set", "zset", "stream", "array")


def send(sock: socket.socket, requests: Iterator[bytes]) -> None:
    """Send requests and wait for all their replies."""
    batch: list[bytes] = []
    size = 0
    for request in requests:
        batch.append(request)
        size += len(request)
        if size >= _BYTES_AT_ONCE:
            finish(sock, b"".join(batch))
            batch, size = [], 0
    finish(sock, b"".join(batch))


def finish(sock: socket.socket, requests: bytes) -> None:
    """Send requests, and read until the reply to a last one has come."""
    sock.sendall(requests + b"*2\r\n$4\r\nPING\r\n$11\r\nend of that\r\n")
    tail = b""
    while not tail.endswith(b"$11\r\nend of that\r\n"):
        received = sock.recv(1 << 20)
        if not received:
            raise ConnectionError("the server is gone")
        tail = (tail + received)[-32:]
