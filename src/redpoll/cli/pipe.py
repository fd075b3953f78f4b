"""`--pipe`: the standard input goes to the server as it is; replies are counted, errors printed.

The end is found by an ECHO of random bytes behind everything: its reply is the last one.
"""

from __future__ import annotations

import os
import select
import stat
import sys
import time

from redpoll.cli.numbers import human_bytes
from redpoll.cli.progress import Progress
from redpoll.cli.replies import ErrorReply, ProtocolError, ReplyStream, encode
from redpoll.cli.session import Session

_AT_ONCE = 1 << 17


class Transfer:
    """What has been sent and what has come back."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.replies = self.errors = self.read = 0
        self.stream = ReplyStream()
        self.mark = os.urandom(20)
        self.done = False

    def take(self, data: bytes, session: Session) -> None:
        """Count the replies in bytes that came."""
        for reply in self.stream.feed(data):
            if type(reply) is bytes and reply == self.mark:
                self.progress.print("Last reply received from server.\n")
                self.done = True
                self.replies -= 1
            elif isinstance(reply, ErrorReply):
                self.errors += 1
                self.progress.close()
                session.tell(reply.decode("utf-8", "surrogateescape"))
            self.replies += 1


def send_input(session: Session) -> int:
    """Transfer the standard input; returns 1 if a reply was an error or the end did not come."""
    connection = session.connection
    assert connection is not None
    link, source = connection.socket, sys.stdin.fileno()
    link.setblocking(False)
    progress, size = Progress(session.out), _size(source)
    transfer, waiting, at_end = Transfer(progress), memoryview(b""), False
    silent_since = time.monotonic()
    while True:
        if not waiting and not at_end:
            chunk = os.read(source, _AT_ONCE)
            at_end = not chunk
            transfer.read += len(chunk)
            waiting = memoryview(chunk or b"\r\n" + encode([b"ECHO", transfer.mark]))
            if at_end:
                progress.print("All data transferred. Waiting for the last reply...\n")
                silent_since = time.monotonic()
        pending = getattr(link, "pending", None)
        readable, writable = (
            ([link], []) if pending and pending() else select.select([link], [link] if waiting else [], [], 1.0)[:2]
        )
        try:
            if writable:
                waiting = waiting[_send(link, waiting) :]
            if readable and (data := _receive(link)) is not None:
                if not data:
                    return 1
                silent_since = time.monotonic()
                transfer.take(data, session)
        except (OSError, ProtocolError) as error:
            progress.close()
            session.tell(f"Error talking to the server: {error}")
            return 1
        if transfer.done:
            break
        sent = transfer.read - (0 if at_end else len(waiting))
        progress.show(100 * sent / size if size else None, f"{human_bytes(sent)} sent, {transfer.replies} replies")
        if at_end and not waiting and _too_silent(session, silent_since):
            progress.close()
            return 1
    session.write(b"errors: %d, replies: %d\n" % (transfer.errors, transfer.replies))
    return 1 if transfer.errors else 0


def _size(source: int) -> int:
    """Return how much there is to read, or 0 if nobody knows."""
    about = os.fstat(source)
    return about.st_size if stat.S_ISREG(about.st_mode) else 0


def _too_silent(session: Session, since: float) -> bool:
    limit = session.options.pipe_timeout
    if not limit or time.monotonic() - since <= limit:
        return False
    session.tell(f"No replies for {limit} seconds: exiting.")
    return True


def _send(link, data: memoryview) -> int:
    try:
        return link.send(data[:_AT_ONCE])
    except BlockingIOError:
        return 0
    except OSError as error:
        if type(error).__name__ in ("SSLWantReadError", "SSLWantWriteError"):
            return 0
        raise


def _receive(link) -> bytes | None:
    try:
        return link.recv(_AT_ONCE)
    except BlockingIOError:
        return None
    except OSError as error:
        if type(error).__name__ in ("SSLWantReadError", "SSLWantWriteError"):
            return None
        raise
