"""Walking over all keys: what `--scan`, `--bigkeys` and their relatives share, and `--scan` itself."""

from __future__ import annotations

import time
from collections.abc import Iterator

from redpoll.cli.numbers import leading_integer
from redpoll.cli.quoting import quote
from redpoll.cli.render import STANDARD
from redpoll.cli.replies import ConnectionLost, ErrorReply
from redpoll.cli.session import Session


class ScanFailed(Exception):
    """The server does not let its keys be walked over; the text says why."""


def scan(session: Session, cursor: int = 0) -> Iterator[tuple[int, list[bytes]]]:
    """Yield pages of keys, each with the cursor that leads on (0 at the end), minding pattern and count."""
    options = session.options
    while True:
        words = [b"SCAN", b"%d" % cursor]
        if options.pattern is not None:
            words += [b"MATCH", options.pattern]
        if options.scan_count:
            words += [b"COUNT", b"%d" % options.scan_count]
        reply = call(session, words)
        if isinstance(reply, ErrorReply):
            raise ScanFailed(reply.decode("utf-8", "replace"))
        if not isinstance(reply, list) or len(reply) != 2 or not isinstance(reply[1], list):
            raise ScanFailed("not what SCAN answers")
        cursor = leading_integer(reply[0].decode("ascii", "replace"))
        yield cursor, reply[1]
        if not cursor:
            return


def call(session: Session, words: list[bytes]):
    """Send a command; a connection that was lost is made anew once."""
    try:
        return session.ask(*words)
    except ConnectionLost:
        session.disconnect()
        try:
            return session.ask(*words)
        except ConnectionLost:
            raise ScanFailed("I/O error") from None


def list_keys(session: Session) -> int:
    """Print every key, one a line, quoted where replies are for people."""
    try:
        for _, keys in scan(session, session.options.cursor):
            for key in keys:
                session.out.write((quote(key) if session.form == STANDARD else key) + b"\n")
            session.out.flush()
            if session.options.interval:
                time.sleep(session.options.interval)
    except ScanFailed as failure:
        session.tell(f"SCAN error: {failure}")
        return 1
    return 0


class Sampler:
    """Keys of a whole database with their share done, a rest every hundred pages, and an end at Ctrl-C."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.sampled = 0
        self.bytes_of_names = 0
        self.cursor = session.options.cursor
        self.cancelled = False
        self.total = self._count_keys()

    def _count_keys(self) -> int:
        reply = call(self.session, [b"DBSIZE"])
        if isinstance(reply, ErrorReply):
            raise ScanFailed(f"Couldn't determine DBSIZE: {reply.decode('utf-8', 'replace')}")
        return reply if isinstance(reply, int) else 0

    def pages(self) -> Iterator[list[bytes]]:
        """Yield pages of keys, until the end or Ctrl-C."""
        import signal

        def cancel(*_: object) -> None:
            self.cancelled = True

        before = signal.signal(signal.SIGINT, cancel)
        try:
            for number, (cursor, keys) in enumerate(scan(self.session, self.session.options.cursor), 1):
                yield keys
                self.cursor = cursor
                if self.session.options.interval and number % 100 == 0:
                    time.sleep(self.session.options.interval)
                if self.cancelled:
                    return
        except ScanFailed as failure:
            raise ScanFailed(f"SCAN error: {failure}") from failure
        finally:
            signal.signal(signal.SIGINT, before)

    @property
    def percent(self) -> float:
        """How much of the database has been seen."""
        return 100 * self.sampled / self.total if self.total else 0.0

    def told(self) -> str:
        """Say how far it is."""
        return f"{self.sampled} of {self.total} keys"

    def count(self, key: bytes) -> None:
        """Count a key as seen."""
        self.sampled += 1
        self.bytes_of_names += len(key)


def name_of(session: Session, key: bytes) -> bytes:
    """Return a key as it is printed within a line: between quotes, with escapes for what is no plain ASCII."""
    return quote(key)
