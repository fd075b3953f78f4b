"""Redpoll: Redis for Python people."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from redpoll.version import VERSION

if TYPE_CHECKING:
    from redpoll.embedded import (
        Connection,
        ConnectionPool,
        Redis,
        ReplyError,
        Store,
        StoreClosed,
        StoreError,
        connect,
        from_url,
        open_store,
    )

__version__ = VERSION

# What lives in this process is imported when it is first asked for, so that the tools start quickly.
_OF_EMBEDDED = (
    "Connection",
    "ConnectionPool",
    "BlockingConnectionPool",
    "Redis",
    "ReplyError",
    "Store",
    "StoreClosed",
    "StoreError",
    "connect",
    "from_url",
    "open_store",
)


def __getattr__(name: str) -> Any:
    if name in _OF_EMBEDDED:
        return getattr(importlib.import_module("redpoll.embedded"), name)
    if name == "asyncio":
        return importlib.import_module("redpoll.asyncio")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_OF_EMBEDDED, "asyncio"})


__all__ = [
    "Connection",
    "ConnectionPool",
    "Redis",
    "ReplyError",
    "Store",
    "StoreClosed",
    "StoreError",
    "__version__",
    "connect",
    "from_url",
    "open_store",
]
