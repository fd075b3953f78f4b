"""Pools of connections into a store, which know its URLs."""

from __future__ import annotations

from typing import Any

from redpoll.embedded import options
from redpoll.embedded.connections import find_store
from redpoll.embedded.libraries import Unknown


class Pool(Unknown):
    """A pool of connections into a store; `usual_class` is the class of those connections."""

    usual_class: Any

    def __init__(self, connection_class: Any = None, *, store: Any = None, **kwargs: Any) -> None:
        connection_class = connection_class or self.usual_class
        if issubclass(connection_class, self.usual_class):
            store, given = find_store(store, kwargs.pop("url", None))
            kwargs = {**given, **kwargs, "store": store}
        if not waits_for_room(type(self)):
            kwargs.pop("timeout", None)
        super().__init__(connection_class=connection_class, **kwargs)

    @classmethod
    def from_url(cls, url: str, **kwargs: Any) -> Any:
        """Make a pool from a store's URL, or any other that the library knows."""
        if not options.is_url(url):
            return super().from_url(url, **kwargs)
        return cls(store=url, **kwargs)


def waits_for_room(pool_class: type) -> bool:
    """Whether the users of such a pool wait for a connection when all are taken."""
    return any(each.__name__ == "BlockingConnectionPool" for each in pool_class.__mro__)


class BlockingPool(Pool):
    """A pool whose users wait for a connection when all are taken."""

    def __init__(self, max_connections: int = 50, timeout: float | None = 20, **kwargs: Any) -> None:
        kwargs.setdefault("connection_class", None)
        super().__init__(max_connections=max_connections, timeout=timeout, **kwargs)


class TaskPool(Pool):
    """A pool of connections into a store, for asyncio, and for several event loops at a time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # One of asyncio's would belong to the event loop that first waits for it. What it guards does not suspend.
        self._lock = NoLock()


class NoLock:
    """A lock of asyncio that nobody has to wait for."""

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        pass
