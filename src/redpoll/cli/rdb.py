"""`--rdb` and `--functions-rdb`: an RDB file, fetched as a replica would.

After SYNC a server sends newlines while it saves, then one of

    $<length>\\r\\n<that many bytes>
    $EOF:<40 characters>\\r\\n<bytes><the same 40 characters>
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

from redpoll.cli.connection import Connection
from redpoll.cli.numbers import human_bytes
from redpoll.cli.progress import Progress
from redpoll.cli.replies import ConnectionLost, ErrorReply
from redpoll.cli.session import Session

_AT_ONCE = 1 << 16
_MARK = 40


class TransferFailed(Exception):
    """The file did not come whole; the text says why."""


def replconf(connection: Connection, tell: Callable[[str], None], name: str, value: str) -> bool:
    """Tell the server something about us; False when it refuses. `tell(line)` says what happens."""
    tell(f"sending REPLCONF {name} {value}")
    reply = connection.call(b"REPLCONF", name.encode(), value.encode())
    if isinstance(reply, ErrorReply):
        tell(f"REPLCONF {name} error: {reply.decode('utf-8', 'replace')}")
        return False
    return True


def begin_sync(connection: Connection, *, sent: bool = False) -> tuple[int, bytes]:
    """Ask for the data and return how long they are, or -1 and the mark they end with. Raises `TransferFailed`."""
    if not sent:
        connection.send_raw(b"SYNC\r\n")
    line = b""
    while not line:
        line = _read_line(connection)
    if line.startswith(b"+"):  # PSYNC's answer comes before
        line = b""
        while not line:
            line = _read_line(connection)
    if line.startswith(b"-"):
        raise TransferFailed(f"SYNC with master failed: {line.decode('utf-8', 'replace')}")
    if line.startswith(b"$EOF:"):
        return -1, line[5 : 5 + _MARK]
    return int(line[1:] or b"0"), b""


def payload(connection: Connection, length: int, mark: bytes):
    """Yield the bytes of the data, without the mark. Raises `ConnectionLost`."""
    if length >= 0:
        while length:
            chunk = connection.reader.read_up_to(min(length, _AT_ONCE))
            length -= len(chunk)
            yield chunk
        return
    held = b""
    while True:
        held += connection.reader.read_up_to(_AT_ONCE)
        if held.endswith(mark):
            if len(held) > _MARK:
                yield held[:-_MARK]
            return
        if len(held) > _MARK:
            yield held[:-_MARK]
            held = held[-_MARK:]


def _read_line(connection: Connection) -> bytes:
    line = b""
    while (byte := connection.reader.read_up_to(1)) != b"\n":
        line += byte
    return line.rstrip(b"\r")


def fetch_rdb(session: Session) -> int:
    """Fetch the file that the options name; returns the exit code."""
    connection, options = session.connection, session.options
    assert connection is not None
    try:
        replconf(connection, session.tell, "capa", "eof")
        replconf(connection, session.tell, "rdb-only", "1")
        if options.functions_only and not replconf(connection, session.tell, "rdb-filter-only", "functions"):
            session.tell("Failed requesting functions only RDB from server, aborting")
            return 1
        save_rdb(connection, session.tell, options.file, Progress(session.out))
    except ConnectionLost:
        session.tell("I/O Error reading RDB payload from socket")
        return 1
    except (TransferFailed, OSError) as failure:
        session.tell(str(failure))
        return 1
    return 0


def save_rdb(connection: Connection, tell: Callable[[str], None], path: str, progress: Progress) -> None:
    """SYNC into a file (`-`: the standard output). `tell(line)` says what happens.

    Raises `TransferFailed`, `ConnectionLost`, `OSError`.
    """
    length, mark = begin_sync(connection)
    if mark:
        tell(f"SYNC sent to master, writing bytes of bulk transfer until EOF marker to '{path}'")
    else:
        tell(f"SYNC sent to master, writing {length} bytes to '{path}'")
    to_output = path == "-"
    try:
        file = os.fdopen(os.dup(1), "wb") if to_output else open(path, "wb")  # noqa: SIM115
    except OSError as error:
        raise TransferFailed(f"Error opening '{path}': {error.strerror}") from error
    written = 0
    with file, contextlib.closing(progress):
        for chunk in payload(connection, length, mark):
            file.write(chunk)
            written += len(chunk)
            progress.show(100 * written / length if length > 0 else None, f"{human_bytes(written)} received")
        file.flush()
        if not to_output and path != "/dev/null":
            os.fsync(file.fileno())
    connection.close()
    if mark:
        tell(f"Transfer finished with success after {written} bytes")
    else:
        tell("Transfer finished with success.")
