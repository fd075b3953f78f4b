"""HOTKEYS: which keys cost most processor time and network traffic, found while commands run.

A summary keeps the sums of a bounded number of keys. When there are twice as many as it wants to keep, the smaller half
is dropped, and its greatest sum is what a new key begins with: so a key that matters is never missing, and a sum is too
high by that much at the most (the bound of "Space-Saving", Metwally, Agrawal and El Abbadi, 2005, taken in batches).
"""

import resource
import sys
from collections.abc import Sequence
from typing import Any

from redpoll.commands import declare
from redpoll.errors import CommandError

_KEPT = 4096


class Summary:
    """Sums by key, the greatest of them exact enough."""

    def __init__(self, kept: int = _KEPT) -> None:
        self.kept = kept
        self.floor = 0
        self._sums: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._sums)

    def add(self, key: bytes, amount: int) -> None:
        """So much more for a key."""
        sums = self._sums
        known = sums.get(key)
        if known is None:
            if len(sums) >= 2 * self.kept:
                self._drop()
                sums = self._sums
            known = self.floor
        sums[key] = known + amount

    def _drop(self) -> None:
        ordered = sorted(self._sums.items(), key=lambda pair: -pair[1])
        self.floor = ordered[self.kept][1]
        self._sums = dict(ordered[: self.kept])

    def greatest(self, count: int) -> list[tuple[bytes, int]]:
        """So many keys with the greatest sums, the greatest first."""
        return sorted(self._sums.items(), key=lambda pair: (-pair[1], pair[0]))[:count]

    @property
    def memory(self) -> int:
        """What it occupies, about."""
        return sys.getsizeof(self._sums) + sum(sys.getsizeof(key) + 32 for key in self._sums)


class Session:
    """One time of looking."""

    def __init__(self, *, cpu: bool, net: bool, count: int, sample: int, start_ms: int, end_ms: int) -> None:
        self.cpu = cpu
        self.net = net
        self.count = count
        self.sample = sample
        self.start_ms = start_ms
        #: When it ends by itself; 0: it does not.
        self.end_ms = end_ms
        self.stopped_ms = 0
        self.by_time = Summary()
        self.by_bytes = Summary()
        self.nanoseconds = 0
        self.bytes = 0
        self._usage = _processor_times()
        self.used = (0, 0)
        self._seen = 0

    @property
    def active(self) -> bool:
        """Whether it goes on."""
        return not self.stopped_ms

    def note(self, command: Any, words: Sequence[bytes], nanoseconds: int, size: int, *, inner: bool) -> None:
        """A command has run; `inner`: within EXEC, whose time holds its own."""
        self.bytes += size
        if not inner:
            self.nanoseconds += nanoseconds
        self._seen += 1
        if self._seen % self.sample or not command.key_specs:
            return
        try:
            places = declare.get_keys(command, words)
        except CommandError:
            return
        for at, _ in places:
            if self.cpu:
                self.by_time.add(words[at], nanoseconds // len(places))
            if self.net:
                self.by_bytes.add(words[at], size // len(places))

    def stop(self, now_ms: int) -> None:
        """End it; what it found stays."""
        self.stopped_ms = now_ms
        self.used = self.processor_times()

    def processor_times(self) -> tuple[int, int]:
        """User and system milliseconds since it began, until it stopped."""
        if self.stopped_ms and self.used != (0, 0):
            return self.used
        user, system = _processor_times()
        return user - self._usage[0], system - self._usage[1]

    def report(self, now_ms: int) -> dict[bytes, Any]:
        """What HOTKEYS GET tells."""
        told: dict[bytes, Any] = {
            b"tracking-active": int(self.active),
            b"sample-ratio": self.sample,
            b"selected-slots": [[0, 16383]],
            b"all-commands-all-slots-us": self.nanoseconds // 1000,
            b"net-bytes-all-commands-all-slots": self.bytes,
            b"collection-start-time-unix-ms": self.start_ms,
            b"collection-duration-ms": (self.stopped_ms or now_ms) - self.start_ms,
        }
        if self.cpu:
            user, system = self.processor_times()
            told |= {b"total-cpu-time-user-ms": user, b"total-cpu-time-sys-ms": system}
        if self.net:
            told[b"total-net-bytes"] = self.bytes
        if self.cpu:
            found = self.by_time.greatest(self.count)
            told[b"by-cpu-time-us"] = [part for key, total in found for part in (key, total // 1000)]
        if self.net:
            told[b"by-net-bytes"] = [part for pair in self.by_bytes.greatest(self.count) for part in pair]
        return told


def _processor_times() -> tuple[int, int]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return int(used.ru_utime * 1000), int(used.ru_stime * 1000)


class HotKeys:
    """The session of a server, if there is one."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.session: Session | None = None

    def start(self, *, cpu: bool, net: bool, count: int, sample: int, seconds: int) -> None:
        """Begin a session, in place of one that has stopped."""
        now_ms = self._now_ms()
        end_ms = now_ms + seconds * 1000 if seconds else 0
        self.session = Session(cpu=cpu, net=net, count=count, sample=sample, start_ms=now_ms, end_ms=end_ms)
        self._server.dispatcher.watch_all(self)

    def stop(self) -> None:
        """End the session."""
        if self.session is not None and self.session.active:
            self.session.stop(self._now_ms())
            self._server.dispatcher.watch_all(None)

    def reset(self) -> None:
        """Forget it."""
        self.session = None

    def current(self) -> Session | None:
        """The session, which may have ended by now."""
        session = self.session
        if session is not None and session.active and session.end_ms and self._now_ms() >= session.end_ms:
            self.stop()
        return session

    def note(self, command: Any, words: list[bytes], nanoseconds: int, size: int, inner: bool) -> None:
        """Told by the dispatcher: a command has run."""
        session = self.current()
        if session is not None and session.active:
            session.note(command, words, nanoseconds, size, inner=inner)

    def _now_ms(self) -> int:
        now_us: int = self._server.unix_us()
        return now_us // 1000
