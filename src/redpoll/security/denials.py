"""The log of what was refused, as `ACL LOG` tells it; the counters of INFO."""

from collections import deque
from collections.abc import Iterator
from itertools import islice

GROUPED_MS = 60_000
_LOOKED_THROUGH = 10

COMMAND, KEY, CHANNEL, AUTH, DATABASE = "command", "key", "channel", "auth", "database"
REASONS = (COMMAND, KEY, CHANNEL, AUTH, DATABASE)


class Entry:
    """The same thing refused so many times within a minute of each other. Times are Unix milliseconds.

    `context` is `toplevel`, `multi`, `lua` or `module`; `client` is the client's line of CLIENT LIST, the last time.
    """

    def __init__(
        self, number: int, reason: str, context: str, what: bytes, user: bytes, client: bytes, now_ms: int
    ) -> None:
        self.id = number
        self.reason = reason
        self.context = context
        self.object = what
        self.user = user
        self.client = client
        self.created_ms = self.updated_ms = now_ms
        self.count = 1

    def same(self, reason: str, context: str, what: bytes, user: bytes) -> bool:
        """Whether it is of the same thing."""
        return (self.reason, self.context, self.object, self.user) == (reason, context, what, user)


class Denials:
    """The newest entries first, at most `limit`."""

    def __init__(self, limit: int = 128) -> None:
        self.limit = limit
        self.counts = dict.fromkeys(REASONS, 0)
        self._entries: deque[Entry] = deque()
        self._next_id = 0

    def __len__(self) -> int:
        return len(self._entries)

    def newest(self, count: int) -> Iterator[Entry]:
        """Up to so many."""
        return islice(self._entries, count)

    def note(self, reason: str, context: str, what: bytes, user: bytes, *, client: bytes, now_ms: int) -> None:
        """Something was refused."""
        self.counts[reason] += 1
        for entry in islice(self._entries, _LOOKED_THROUGH):
            if now_ms - entry.updated_ms <= GROUPED_MS and entry.same(reason, context, what, user):
                entry.count += 1
                entry.client = client
                entry.updated_ms = now_ms
                self._entries.remove(entry)
                self._entries.appendleft(entry)
                break
        else:
            self._entries.appendleft(Entry(self._next_id, reason, context, what, user, client, now_ms))
            self._next_id += 1
        while len(self._entries) > self.limit:
            self._entries.pop()

    def reset(self) -> None:
        """Forget the entries."""
        self._entries.clear()

    def reset_counts(self) -> None:
        """CONFIG RESETSTAT."""
        self.counts = dict.fromkeys(REASONS, 0)
