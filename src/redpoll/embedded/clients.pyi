"""Clients of redis-py over a store of this process, as type checkers see them; see clients.py."""

import os
from typing import Any, TypeAlias

import redis
import redis.asyncio

from redpoll.embedded.store import Store

Where: TypeAlias = Store | str | os.PathLike[str] | None

class Connection(redis.UnixDomainSocketConnection):
    host: str
    port: int
    def __init__(self, store: Where = ..., **kwargs: Any) -> None: ...

class AsyncConnection(redis.asyncio.UnixDomainSocketConnection):
    def __init__(self, store: Where = ..., **kwargs: Any) -> None: ...

class ConnectionPool(redis.ConnectionPool):
    def __init__(self, connection_class: Any = ..., *, store: Where = ..., **kwargs: Any) -> None: ...

class BlockingConnectionPool(redis.BlockingConnectionPool):
    def __init__(
        self, max_connections: int = ..., timeout: float | None = ..., *, store: Where = ..., **kwargs: Any
    ) -> None: ...

class AsyncConnectionPool(redis.asyncio.ConnectionPool):
    def __init__(self, connection_class: Any = ..., *, store: Where = ..., **kwargs: Any) -> None: ...

class AsyncBlockingConnectionPool(redis.asyncio.BlockingConnectionPool):
    def __init__(
        self, max_connections: int = ..., timeout: float | None = ..., *, store: Where = ..., **kwargs: Any
    ) -> None: ...

class Redis(redis.Redis):
    _owned: Store | None
    def __init__(self, store: Where = ..., **kwargs: Any) -> None: ...
    @property
    def store(self) -> Store: ...

class AsyncRedis(redis.asyncio.Redis):
    _owned: Store | None
    def __init__(self, store: Where = ..., **kwargs: Any) -> None: ...
    @property
    def store(self) -> Store: ...

class Family:
    def __getattr__(self, name: str) -> Any: ...

def family(library: str) -> Family: ...
