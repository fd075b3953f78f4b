"""Redpoll in your process: `redis.Redis` clients without a server, a socket or a protocol between.

    import redpoll

    r = redpoll.connect()                      # a redis.Redis, in memory
    r = redpoll.connect("app.rdb")             # in a file that closing saves, shared among processes
    r = redpoll.connect("redpoll://memory")    # in memory, the same store for all of this process

    store = redpoll.Store()                    # the store itself
    store.execute("INCR", "hits")              # the shortest way in
    store.serve(port=6379)                     # let other processes and languages in

`python -m redpoll.embedded` shows it at work.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redpoll.embedded.clients import (
        AsyncConnection,
        AsyncConnectionPool,
        AsyncRedis,
        BlockingConnectionPool,
        Connection,
        ConnectionPool,
        Redis,
    )
    from redpoll.embedded.store import ReplyError, Store, StoreClosed, StoreError, close_all, open_store

# Imported when first asked for: whoever runs tests has this package as a plugin and may not want a store at all.
_OF_STORES = ("ReplyError", "Store", "StoreClosed", "StoreError", "close_all", "open_store")
_OF_CLIENTS = (
    "Redis",
    "Connection",
    "ConnectionPool",
    "BlockingConnectionPool",
    "AsyncRedis",
    "AsyncConnection",
    "AsyncConnectionPool",
    "AsyncBlockingConnectionPool",
)


def connect(
    where: str | os.PathLike[str] | Store | None = None,
    *,
    appendonly: bool | None = None,
    share: bool = True,
    directives: dict[str, Any] | None = None,
    **client: Any,
) -> Redis:
    """Return a `redis.Redis` whose commands run in this process.

    `where` is nothing (a store in memory of its own), a path (a store in that file), a URL (`redpoll://memory`,
    `redpoll:///var/lib/app.rdb?db=1`) or a `Store`. `appendonly` and `share` are explained at `Store`; `directives` are
    the server's (`{"maxmemory": "64mb"}`); everything else goes to `redis.Redis` (`decode_responses=True`, `db=1` …).

    What is opened here is closed with the client, and so saved. Raises `StoreError`, ValueError for a bad URL,
    ImportError when redis-py is not installed.
    """
    from redpoll.embedded.clients import Redis

    store, given, owned = _opened(where, appendonly, share, directives)
    made: Redis = Redis(store, **{**given, **client})
    if owned:
        made._owned = store
    return made


def _opened(
    where: Any, appendonly: bool | None, share: bool, directives: dict[str, Any] | None
) -> tuple[Store, dict[str, Any], bool]:
    """The store, the options for clients that a URL brings, and whether the store is to be released."""
    from redpoll.embedded import options
    from redpoll.embedded.store import Store, open_store

    if isinstance(where, Store):
        return where, {}, False
    kwargs: dict[str, Any] = dict(directives or {})
    if appendonly is not None:
        kwargs["appendonly"] = appendonly
    if not share:
        kwargs["share"] = False
    if isinstance(where, str) and options.is_url(where):
        address = options.parse_url(where)
        # A named store is the process's own, and stays when a client goes.
        return open_store(address, **kwargs), dict(address.client), not address.name
    return open_store(where, **kwargs), {}, True


def from_url(url: str, **kwargs: Any) -> Redis:
    """Return a client for a store's URL; other URLs (`redis://…`) are redis-py's."""
    from redpoll.embedded.clients import Redis

    found: Any = connect(url, **kwargs) if url.startswith("redpoll:") else Redis.from_url(url, **kwargs)
    client: Redis = found
    return client


def __getattr__(name: str) -> Any:
    if name in _OF_STORES:
        return getattr(importlib.import_module("redpoll.embedded.store"), name)
    if name in _OF_CLIENTS:
        return getattr(importlib.import_module("redpoll.embedded.clients"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "AsyncConnection",
    "AsyncConnectionPool",
    "AsyncRedis",
    "BlockingConnectionPool",
    "Connection",
    "ConnectionPool",
    "Redis",
    "ReplyError",
    "Store",
    "StoreClosed",
    "StoreError",
    "close_all",
    "connect",
    "from_url",
    "open_store",
]
