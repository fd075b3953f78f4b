"""Fixtures for tests of programs that use Redis; pytest finds them as soon as Redpoll is installed.

    def test_counts(redpoll):                  # a redis.Redis with a clean store, without a server
        redpoll.incr("hits")
        assert redpoll.get("hits") == b"1"

| fixture            | is                                                                                      |
|--------------------|-----------------------------------------------------------------------------------------|
| `redpoll`          | a `redis.Redis`; its store is empty at the beginning of each test                       |
| `redpoll_store`    | that store: `execute`, `client(decode_responses=True)`, `serve`                         |
| `redpoll_async`    | a `redis.asyncio.Redis` of it                                                           |
| `redpoll_server`   | a store with a real port: `.port`, `.url`, `.client()`, `.async_client()`, `.faults`    |
| `redpoll_url`      | that port's URL, `redis://127.0.0.1:…`                                                  |
| `redpoll_clock`    | the time: `redpoll_clock.advance(60)` has keys expire without waiting for it            |
| `redpoll_faults`   | failures: `.fail(nth=3)`, `.drop(command="get")`, `.slow(0.2)`, `.drop_connections()`   |

One store serves all tests of a process and is emptied between them, which takes microseconds. One whose configuration a
test has changed is thrown away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

_STORES = pytest.StashKey[dict[str, Any]]()


class Clock:
    """The time of day as all stores of this process see it."""

    def __init__(self) -> None:
        self._moved_us = 0

    def advance(self, seconds: float) -> None:
        """Move it on; what is due by then happens: keys expire, waiting clients time out."""
        from redpoll.embedded import store
        from redpoll.server import clock

        self._moved_us += int(seconds * 1_000_000)
        clock.move(self._moved_us)
        for one in list(store._ALL):
            one.pass_time()

    @property
    def now(self) -> float:
        """The time, Unix seconds."""
        from redpoll.server import clock

        return clock.unix_us() / 1_000_000

    def reset(self) -> None:
        """Go back to the system's time."""
        from redpoll.server import clock

        self._moved_us = 0
        clock.move(0)


class RealServer:
    """A store that listens on a port."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.url = store.serve()
        self.host = "127.0.0.1"
        self.port = store.ports[0]

    def client(self, **kwargs: Any) -> Any:
        """Return a `redis.Redis` that is connected to the port by a socket."""
        import redis

        return redis.Redis(host=self.host, port=self.port, **kwargs)

    def async_client(self, **kwargs: Any) -> Any:
        """Return a `redis.asyncio.Redis` that connects to the port by a socket."""
        import redis.asyncio

        return redis.asyncio.Redis(host=self.host, port=self.port, **kwargs)

    @property
    def faults(self) -> Any:
        """Failures that are to happen to commands of whoever comes by the port, as `redpoll_faults`."""
        return self.store.server.faults


class _Kept:
    """A store that tests share, and what its configuration was."""

    def __init__(self) -> None:
        from redpoll.embedded import Store

        self.store = Store()
        self.config = dict(self.store.server.config.__dict__)
        self.server: RealServer | None = None

    @property
    def usable(self) -> bool:
        return not self.store.closed and self.store.server.config.__dict__ == self.config


def _clean(config: pytest.Config, name: str) -> _Kept:
    stores = config.stash.setdefault(_STORES, {})
    kept = stores.get(name)
    if kept is not None and not kept.usable:
        kept.store.close()
        kept = None
    if kept is None:
        kept = stores[name] = _Kept()
    kept.store.reset()
    if kept.store.server.faults.struck or kept.store.server.faults.planned:
        kept.store.server.faults.clear()
    return kept


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close what tests left."""
    for kept in config.stash.get(_STORES, {}).values():
        kept.store.close()


@pytest.fixture
def redpoll_store(request: pytest.FixtureRequest) -> Any:
    """A `redpoll.Store` in memory, empty."""
    return _clean(request.config, "memory").store


@pytest.fixture
def redpoll(redpoll_store: Any) -> Iterator[Any]:
    """A `redis.Redis` whose commands run in this process, on an empty store."""
    client = redpoll_store.client()
    yield client
    client.close()


@pytest.fixture
def redpoll_async(redpoll_store: Any) -> Any:
    """A `redis.asyncio.Redis` whose commands run in this process, on the same store as `redpoll`'s."""
    return redpoll_store.async_client()


@pytest.fixture
def redpoll_server(request: pytest.FixtureRequest) -> Any:
    """A server with a real port, and empty."""
    kept = _clean(request.config, "server")
    if kept.server is None:
        kept.server = RealServer(kept.store)
        kept.config = dict(kept.store.server.config.__dict__)
    return kept.server


@pytest.fixture
def redpoll_url(redpoll_server: Any) -> str:
    """The URL of `redpoll_server`."""
    return str(redpoll_server.url)


@pytest.fixture
def redpoll_clock() -> Iterator[Clock]:
    """The time of day, to be moved; it is right again after the test."""
    clock = Clock()
    yield clock
    clock.reset()


@pytest.fixture
def redpoll_faults(redpoll_store: Any) -> Iterator[Any]:
    """Failures that are to happen to commands of `redpoll`, `redpoll_async` and `redpoll_store`."""
    faults = redpoll_store.server.faults
    yield faults
    faults.clear()
