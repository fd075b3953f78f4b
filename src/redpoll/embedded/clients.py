"""Clients of redis-py and valkey-py whose commands run in a store of this process.

`family("redis")` has the classes over whatever version of redis-py is installed (5 and newer), `family("valkey")`
those over valkey-py; each class is made once, when it is first asked for. They derive from the library's own, and
change three things:

- a connection has no socket but a session (`connections.py`, `async_connections.py`).
- `execute_command` of a client, and pipelines, take a short way (`short.py`, `fast.pyx`) when an idle connection lies
  in the pool, and the library's own way otherwise. Replies run through the library's own callbacks either way.
- pools and clients know URLs of stores.

Whoever has changed what happens on the way, by a class of his own that overrides `parse_response` or by wrapping
`execute_command` as instrumentation does, gets the library's own way.
"""

from __future__ import annotations

import importlib
import threading
from typing import Any

from redpoll.embedded.libraries import Library
from redpoll.embedded.methods import noting, telling
from redpoll.embedded.short import short_methods


class Family:
    """The classes over one library, by the names that `_MAKERS` has. Raises ImportError without the library."""

    def __init__(self, name: str) -> None:
        self.library = Library(name)

    def __getattr__(self, name: str) -> Any:
        maker = _MAKERS.get(name)
        if maker is None:
            raise AttributeError(name)
        with _MAKING:
            # Another thread may have been first.
            if name not in self.__dict__:
                self.__dict__[name] = maker(self)
        return self.__dict__[name]

    def derive(self, name: str, ours: Any, theirs: Any, **attributes: Any) -> Any:
        """A class of ours over one of the library's."""
        shown = name.replace("Redis", self.library.client_name)
        module = __name__ if self.library.name == "redis" else "redpoll.embedded.valkey"
        own = {"__doc__": ours.__doc__, "__module__": module, "__qualname__": shown, "library": self.library}
        return type(shown, (ours, theirs), {**own, **attributes})


def _connection(made: Family, name: str, ours: Any, theirs: Any) -> Any:
    errors = made.library.errors
    return made.derive(name, ours, theirs, _reply_errors=(errors.ResponseError,), _broken=errors.ConnectionError)


def _client(made: Family, name: str, ours: Any, theirs: Any, pool: Any, pipeline: Any, make: Any) -> Any:
    return made.derive(
        name,
        ours,
        theirs,
        plain_class=theirs,
        own_class=ours,
        pool_class=pool,
        pipeline_class=pipeline,
        callbacks_class=made.Callbacks,
        **short_methods(theirs, make),
    )


def _ours(module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"redpoll.embedded.{module}"), name)


_MAKERS: dict[str, Any] = {
    "Callbacks": lambda made: made.derive(
        "Callbacks", _ours("short", "Callbacks"), made.library.client.CaseInsensitiveDict
    ),
    "Connection": lambda made: _connection(
        made, "Connection", _ours("connections", "ThreadLink"), made.library.connection.UnixDomainSocketConnection
    ),
    "ConnectionPool": lambda made: made.derive(
        "ConnectionPool",
        _ours("pools", "Pool"),
        made.library.connection.ConnectionPool,
        usual_class=made.Connection,
    ),
    "BlockingConnectionPool": lambda made: made.derive(
        "BlockingConnectionPool",
        _ours("pools", "BlockingPool"),
        made.library.connection.BlockingConnectionPool,
        usual_class=made.Connection,
    ),
    "Pipeline": lambda made: made.derive(
        "Pipeline",
        _ours("thread_clients", "ThreadPipeline"),
        made.library.client.Pipeline,
        plain_class=made.library.client.Pipeline,
        link_class=made.Connection,
        **short_methods(made.library.client.Pipeline, noting),
    ),
    "Redis": lambda made: _client(
        made,
        "Redis",
        _ours("thread_clients", "ThreadClient"),
        made.library.client_class,
        made.ConnectionPool,
        made.Pipeline,
        telling,
    ),
    "AsyncConnection": lambda made: _connection(
        made,
        "AsyncConnection",
        _ours("async_connections", "TaskLink"),
        made.library.async_connection.UnixDomainSocketConnection,
    ),
    "AsyncConnectionPool": lambda made: made.derive(
        "AsyncConnectionPool",
        _ours("pools", "TaskPool"),
        made.library.async_connection.ConnectionPool,
        usual_class=made.AsyncConnection,
    ),
    "AsyncBlockingConnectionPool": lambda made: made.derive(
        "AsyncBlockingConnectionPool",
        _ours("pools", "BlockingPool"),
        made.library.async_connection.BlockingConnectionPool,
        usual_class=made.AsyncConnection,
    ),
    "AsyncPipeline": lambda made: made.derive(
        "AsyncPipeline",
        _ours("async_clients", "TaskPipeline"),
        made.library.async_client.Pipeline,
        plain_class=made.library.async_client.Pipeline,
        link_class=made.AsyncConnection,
        **short_methods(made.library.async_client.Pipeline, noting),
    ),
    "AsyncRedis": lambda made: _client(
        made,
        "AsyncRedis",
        _ours("async_clients", "TaskClient"),
        made.library.async_client_class,
        made.AsyncConnectionPool,
        made.AsyncPipeline,
        _ours("async_clients", "asking"),
    ),
}


_MAKING = threading.RLock()
_families: dict[str, Family] = {}


def family(library: str) -> Family:
    """The classes over `redis` or `valkey`. Raises ImportError when that library is not installed."""
    with _MAKING:
        if library not in _families:
            _families[library] = Family(library)
        return _families[library]


def __getattr__(name: str) -> Any:
    if name not in _MAKERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(family("redis"), name)
    return found
