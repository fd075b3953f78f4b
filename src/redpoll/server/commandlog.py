"""The command logs: which commands were slow, which had a large request, which a large reply.

A log keeps the newest entries only. An entry holds no more of a command than its limits let
through, so that one huge command costs the log little: at most `max_args` words, the last of
which then tells how many are missing, and `max_word_len` bytes of each word. Whoever adds an
entry replaces secrets among the words before.
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple


class Entry(NamedTuple):
    """One logged command."""

    id: int
    """Counts all entries that the log ever took."""
    unix_time: int
    """When it ran, in seconds."""
    value: int
    """Microseconds of a slow command, bytes of a large request or reply."""
    words: tuple[bytes, ...]
    """Name and arguments, cut to the log's limits."""
    address: bytes
    """The client's address and port."""
    client_name: bytes
    """Name that the client gave itself, or empty."""
    word_count: int
    """How many words the command had before they were cut."""


class CommandLog:
    """A ring of the newest entries of one kind.

    `threshold` is the value from which on a command is logged; below zero, or with `max_len`
    zero, the log takes nothing. All settings may change at any time; a smaller `max_len` takes
    effect with the next entry, as in Redis.
    """

    __slots__ = (
        "_entries",
        "_next_id",
        "count",
        "max_args",
        "max_len",
        "max_word_len",
        "threshold",
        "value_max",
        "value_sum",
    )

    def __init__(self, max_len: int = 128, *, threshold: int = -1, max_args: int = 32, max_word_len: int = 128) -> None:
        self.max_len = max_len
        self.threshold = threshold
        self.max_args = max_args
        self.max_word_len = max_word_len
        self._entries: deque[Entry] = deque()  # newest first
        self._next_id = 0
        self.count = self.value_sum = self.value_max = 0

    def __len__(self) -> int:
        return len(self._entries)

    def wants(self, value: int) -> bool:
        """Whether a command with this duration or size belongs into the log."""
        return value >= self.threshold >= 0 and self.max_len > 0

    def add(
        self, value: int, words: Sequence[bytes], *, unix_time: int, address: bytes = b"", client_name: bytes = b""
    ) -> None:
        """Log a command; the oldest entries make room."""
        entries = self._entries
        entries.appendleft(Entry(self._next_id, unix_time, value, self._cut(words), address, client_name, len(words)))
        self._next_id += 1
        while len(entries) > self.max_len:
            entries.pop()
        self.count += 1
        self.value_sum += value
        self.value_max = max(self.value_max, value)

    def newest(self, count: int) -> list[Entry]:
        """Up to `count` entries, the newest first; all when `count` is -1."""
        return list(self._entries if count == -1 else islice(self._entries, count))

    def reset(self) -> None:
        """Forget the entries; ids go on counting."""
        self._entries.clear()

    def reset_statistics(self) -> None:
        """Zero `count`, `value_sum` and `value_max`, which cover all entries, dropped ones too."""
        self.count = self.value_sum = self.value_max = 0

    def _cut(self, words: Sequence[bytes]) -> tuple[bytes, ...]:
        total = len(words)
        kept = total if total <= self.max_args else self.max_args - 1
        limit = self.max_word_len
        shown = [
            bytes(word) if len(word) <= limit else b"%b... (%d more bytes)" % (word[:limit], len(word) - limit)
            for word in islice(words, kept)
        ]
        if kept < total:
            shown.append(b"... (%d more arguments)" % (total - kept))
        return tuple(shown)


class CommandLogs:
    """The three logs of a server."""

    __slots__ = ("large_reply", "large_request", "slow")

    def __init__(self) -> None:
        self.slow = CommandLog(threshold=10_000)
        self.large_request = CommandLog(threshold=1 << 20)
        self.large_reply = CommandLog(threshold=1 << 20)

    def named(self, name: bytes) -> CommandLog | None:
        """The log that a client calls `slow`, `large-request` or `large-reply`, in any case."""
        match name.lower():
            case b"slow":
                return self.slow
            case b"large-request":
                return self.large_request
            case b"large-reply":
                return self.large_reply
        return None
