"""The same for valkey-py: `redpoll.embedded.valkey.connect()` returns a `valkey.Valkey`."""

from __future__ import annotations

from typing import Any

from redpoll.embedded import _opened
from redpoll.embedded.clients import family

_made = family("valkey")
Valkey = _made.Redis
AsyncValkey = _made.AsyncRedis
Connection = _made.Connection
AsyncConnection = _made.AsyncConnection
ConnectionPool = _made.ConnectionPool
BlockingConnectionPool = _made.BlockingConnectionPool
AsyncConnectionPool = _made.AsyncConnectionPool
AsyncBlockingConnectionPool = _made.AsyncBlockingConnectionPool


def _connected(kind: Any, where: Any, options: dict[str, Any]) -> Any:
    own = {
        name: options.pop(name, default)
        for name, default in (("appendonly", None), ("share", True), ("directives", None))
    }
    store, given, owned = _opened(where, own["appendonly"], own["share"], own["directives"])
    made = kind(store, **{**given, **options})
    if owned:
        made._owned = store
    return made


def connect(where: Any = None, **options: Any) -> Any:
    """Return a `valkey.Valkey` whose commands run in this process; see `redpoll.connect`."""
    return _connected(Valkey, where, options)


def connect_async(where: Any = None, **options: Any) -> Any:
    """Return a `valkey.asyncio.Valkey` whose commands run in this process; see `redpoll.asyncio.connect`."""
    return _connected(AsyncValkey, where, options)
