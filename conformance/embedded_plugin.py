"""redis-py's own tests with a store in their own process in the place of a server: a plugin for pytest.

The fixtures of those tests make their clients through the names of `redis` in their conftest modules. Those names lead
to clients of one store here, without a socket. What tests make for themselves, by a host and a port, comes to the same
store by the port that it serves.
"""

from __future__ import annotations

import contextlib
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import redpoll
import redpoll.asyncio

# Clients have a pool, and so go the short way; only those of tests that ask for it have one connection of their own, as
# those fixtures would have it. Asyncio's fixtures make both.
_single = False
REASONS = Path(__file__).with_name("redis_py_reasons.toml")
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
        return super().client() if _single else self


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
    with contextlib.suppress(redpoll.StoreError):
        # Some tests know no port but this one.
        store.serve(6379)
    config.stash[_STORE] = store
    config.option.redis_url = f"redis://127.0.0.1:{store.ports[0]}/0"


_STORE = pytest.StashKey[Any]()


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Any:
    """Lead the names elsewhere: tests take functions out of their conftest, which look names up when called."""
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


def _is_among(item: pytest.Item, kind: str) -> bool:
    """Whether a test is in a group of redis_py_reasons.toml that is marked so."""
    groups = tomllib.loads(REASONS.read_text(encoding="utf-8")).values()
    return any(re.search(name, item.nodeid) for group in groups if group.get(kind) for name in group["tests"])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Give the test the client that it asks for."""
    global _single
    _single = _is_among(item, "single")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that would hold up all others."""
    left_out = [item for item in items if _is_among(item, "skip")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close the store."""
    config.stash[_STORE].close()
