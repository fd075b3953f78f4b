"""Redpoll in your process, for asyncio: `r = redpoll.asyncio.connect()`, then `await r.set("key", 1)`."""

from __future__ import annotations

import os
from typing import Any

from redpoll.embedded import _opened
from redpoll.embedded.clients import (
    AsyncBlockingConnectionPool as BlockingConnectionPool,
)
from redpoll.embedded.clients import (
    AsyncConnection as Connection,
)
from redpoll.embedded.clients import (
    AsyncConnectionPool as ConnectionPool,
)
from redpoll.embedded.clients import (
    AsyncRedis as Redis,
)
from redpoll.embedded.store import Store, StoreClosed, StoreError


def connect(
    where: str | os.PathLike[str] | Store | None = None,
    *,
    appendonly: bool | None = None,
    share: bool = True,
    directives: dict[str, Any] | None = None,
    **client: Any,
) -> Redis:
    """Return a `redis.asyncio.Redis` whose commands run in this process; see `redpoll.connect`.

    Commands run at once, in the thread of the event loop. Those that wait for a key suspend, and may be cancelled:
    what they waited for is left to others then.
    """
    store, given, owned = _opened(where, appendonly, share, directives)
    made = Redis(store, **{**given, **client})
    if owned:
        made._owned = store
    return made


def from_url(url: str, **kwargs: Any) -> Redis:
    """Return a client for a store's URL; other URLs (`redis://…`) are redis-py's."""
    found: Any = connect(url, **kwargs) if url.startswith("redpoll:") else Redis.from_url(url, **kwargs)
    client: Redis = found
    return client


__all__ = [
    "BlockingConnectionPool",
    "Connection",
    "ConnectionPool",
    "Redis",
    "Store",
    "StoreClosed",
    "StoreError",
    "connect",
    "from_url",
]
