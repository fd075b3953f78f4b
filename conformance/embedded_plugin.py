"""redis-py's own tests with a store in their own process in the place of a server: a plugin for pytest.

The fixtures of those tests make their clients through the names of `redis` in their conftest modules. Those names lead
to clients of one store here, without a socket. What tests make for themselves, by a host and a port, comes to the same
store by the port that it serves.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

import redpoll
import redpoll.asyncio

#: Whether clients have one connection of their own, as those fixtures want it, and so go the library's own way; else
#: they have a pool, and go the short one. Asyncio's fixtures make both.
SINGLE = os.environ.get("REDPOLL_SINGLE") == "1"
_OF_SOCKETS = ("host", "port", "connection_class")


class Names:
    """A module, some of whose names lead elsewhere."""

    def __init__(self, module: Any, **others: Any) -> None:
        self.__dict__.update(others)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


class Pooled(redpoll.Redis):
    """A client that stays one of a pool."""

    def client(self) -> Any:
        """Return itself, not one with a connection of its own."""
        return super().client() if SINGLE else self


def _pools_of(pool_class: Any, store: Any) -> Any:
    def make(**options: Any) -> Any:
        if "SSL" in getattr(options.get("connection_class"), "__name__", ""):
            pytest.skip("without a socket there is no TLS")
        return pool_class(store=store, **{name: value for name, value in options.items() if name not in _OF_SOCKETS})

    return make


def pytest_configure(config: pytest.Config) -> None:
    """Begin the store."""
    store = redpoll.Store(enable_debug_command="yes", enable_protected_configs="yes", save="")
    store.serve()
    config.stash[_STORE] = store
    config.option.redis_url = f"redis://127.0.0.1:{store.ports[0]}/0"


_STORE = pytest.StashKey[Any]()


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Any:
    """Lead the names elsewhere: modules of tests take functions out of their conftest, which look names up when called."""
    store = session.config.stash[_STORE]
    result = yield
    plain = sys.modules.get("tests.conftest")
    if plain is not None:
        names = Names(plain.redis, Redis=Pooled, ConnectionPool=_pools_of(redpoll.ConnectionPool, store))
        plain.redis = names  # type: ignore[attr-defined]
    tasks = sys.modules.get("tests.test_asyncio.conftest")
    if tasks is not None:
        own = redpoll.asyncio
        names = Names(tasks.redis, Redis=own.Redis, ConnectionPool=_pools_of(own.ConnectionPool, store))
        tasks.redis = names  # type: ignore[attr-defined]
    return result


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close the store."""
    config.stash[_STORE].close()
