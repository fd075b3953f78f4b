"""Every change of a key, told to those who want to hear of it: blocked clients, notifications, watchers.

Commands tell the keyspace (`Call.changed`), which calls this only while somebody listens.
"""

from collections.abc import Callable
from typing import Any

Listener = Callable[[int, bytes, bytes, int], None]
"""Called with the event's class, its name, the key and the database's index, right after the change."""

EXPIRED = 256
EVICTED = 512


class Changes:
    """The listeners of one keyspace; the feed hears of keys that expire or are evicted, as no command says so."""

    def __init__(self, keyspace: Any, feed: Any, eviction: Any) -> None:
        self._keyspace = keyspace
        self._feed = feed
        eviction.observer = self._evicted
        self._listeners: list[Listener] = []
        keyspace.change_watcher = self._tell
        keyspace.observer = self._expired

    def listen(self, listener: Listener) -> None:
        """Call `listener` for every change from now on."""
        self._listeners.append(listener)
        self.refresh()

    def stop(self, listener: Listener) -> None:
        """Undo `listen`."""
        self._listeners.remove(listener)
        self.refresh()

    def refresh(self) -> None:
        """Have the keyspace tell what somebody wants to hear, and nothing else."""
        self._keyspace.watching_changes = bool(self._listeners)
        self._keyspace.observing = bool(self._listeners) or self._keyspace.propagating

    def _tell(self, kind: int, event: bytes, key: bytes, database: int) -> None:
        for listener in tuple(self._listeners):
            listener(kind, event, key, database)

    def _expired(self, database: int, key: bytes) -> None:
        if self._keyspace.propagating:
            self._feed.tell([b"DEL", key], database)
        self._tell(EXPIRED, b"expired", key, database)

    def _evicted(self, database: int, key: bytes) -> None:
        if self._keyspace.propagating:
            self._feed.tell([b"DEL", key], database)
        self._tell(EVICTED, b"evicted", key, database)
