"""What clients of both kinds, of threads and of asyncio, have in common: how they find the short way into a store."""

from __future__ import annotations

import functools
import types
from typing import Any

from redpoll.embedded import options
from redpoll.embedded.connections import find_store
from redpoll.embedded.fast import Fast
from redpoll.embedded.libraries import Library, Unknown
from redpoll.embedded.methods import MAKERS
from redpoll.embedded.pools import waits_for_room
from redpoll.embedded.store import Store

# Attributes by which somebody may change how commands are run.
_ON_THE_WAY = ("connection", "execute_command", "parse_response")


class Short(Unknown):
    """What clients of both kinds have in common."""

    library: Library
    plain_class: Any
    own_class: Any
    pool_class: Any
    pipeline_class: Any
    callbacks_class: Any
    _fast: Fast | None = None
    _owned: Store | None = None
    _tell: Fast | None = None
    _made = False
    _was_warned = False
    for_tasks = False

    def __init__(self, store: Any = None, **kwargs: Any) -> None:
        own_pool = kwargs.get("connection_pool") is None
        if own_pool:
            kwargs = self._with_pool(store, kwargs)
        elif store is not None:
            raise TypeError("give a client a store or a connection_pool, not both")
        super().__init__(**kwargs)
        self.auto_close_connection_pool = own_pool
        self._made = True
        self._choose_way()

    def _with_pool(self, store: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        """What the library's own client is to be made with: a pool of connections made with these arguments."""
        kwargs.pop("connection_pool", None)
        rest = {"single_connection_client": kwargs.pop("single_connection_client", False)}
        for key in ("event_dispatcher", "auto_close_connection_pool"):
            if key in kwargs:
                rest[key] = kwargs.pop(key)
        if not isinstance(store, Store):
            store, given = find_store(store, kwargs.pop("url", None))
            kwargs = {**given, **kwargs}
            if not store.name:
                self._owned = store
        kwargs.setdefault("retry", self.library.usual_retry(self.plain_class))
        return {**rest, "connection_pool": self.pool_class(store=store, **kwargs)}

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in _ON_THE_WAY and self._made:
            self._choose_way()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name in _ON_THE_WAY:
            self._choose_way()

    def _choose_way(self) -> None:
        """Open the short way if there is one, for methods too unless somebody has an `execute_command` of his own."""
        self._fast = self._tell = None
        if self._may_be_short():
            self._shorten()
            if type(self).execute_command is self.own_class.execute_command and "execute_command" not in vars(self):
                self._tell = self._fast

    def _may_be_short(self) -> bool:
        """Whether nothing is asked for, and nothing overridden, that only the library's own way does."""
        pool: Any = self.connection_pool
        return (
            issubclass(pool.connection_class, self.pool_class.usual_class)
            and getattr(self, "connection", None) is None
            and not getattr(self, "single_connection_client", False)
            and getattr(pool, "cache", None) is None
            and isinstance(getattr(pool, "_available_connections", None), list)
            and not waits_for_room(type(pool))
            and type(self).parse_response is self.plain_class.parse_response
            and "parse_response" not in vars(self)
            and isinstance(self.plain_class.execute_command, types.FunctionType)
            and not self.library.measures
        )

    def _shorten(self) -> None:
        client = self.library.client
        callbacks = self.response_callbacks
        if not isinstance(callbacks, self.callbacks_class):
            callbacks = self.callbacks_class({})
            dict.update(callbacks, self.response_callbacks)
            self.response_callbacks: Any = callbacks
        self._fast = Fast(self.connection_pool, callbacks, client.NEVER_DECODE, client.EMPTY_RESPONSE, self.for_tasks)
        callbacks.known = self._fast.known

    def pipeline(self, transaction: Any = True, shard_hint: Any = None) -> Any:
        if self._fast is None:
            return super().pipeline(transaction, shard_hint)
        made = self.pipeline_class(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        made._fast = self._fast
        return made

    @classmethod
    def from_url(cls, url: str, **kwargs: Any) -> Any:
        """Make a client from a store's URL, or any other that the library knows."""
        if not options.is_url(url):
            return super().from_url(url, **kwargs)
        return cls(url, **kwargs)

    @property
    def store(self) -> Store:
        """The store that its commands go to."""
        found: Store = self.connection_pool.connection_kwargs["store"]
        return found

    def _let_go(self) -> None:
        owned, self._owned = self._owned, None
        if owned is not None:
            owned.release()


class Unit(Unknown):
    """What pipelines of both kinds have in common: commands are run one by one, as there is nothing to send."""

    library: Library
    plain_class: Any
    link_class: Any
    _fast: Fast
    _tell: Fast | None = None
    _was_warned = False

    def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        if (self.watching or args[0] == "WATCH") and not self.explicit_transaction:
            return self.immediate_execute_command(*args, **kwargs)
        self.command_stack.append((args, kwargs))
        return self

    def _borrow(self, commands: Any) -> Any:
        """A connection for these commands out of the pool; None: the library's own way has to be gone."""
        if not commands or self.connection is not None or self.watching or self.scripts:
            return None
        if not isinstance(self.plain_class.execute, types.FunctionType):
            # Somebody looks on.
            return None
        link = self._fast.take()
        if link is not None and not self._leads_here(link, commands, self._is_unit()):
            self._fast.give_back(link)
            return None
        return link

    def _leads_here(self, connection: Any, commands: Any, transaction: bool) -> bool:
        """Whether the short way is open for these commands."""
        return isinstance(connection, self.link_class) and self._fast.may_run(connection, commands, transaction)

    def _results(self, commands: Any, results: list[Any], raise_on_error: bool) -> list[Any]:
        if raise_on_error and not self._fast.is_plain(results):
            self.raise_first_error(commands, results)
        return results

    def _outcome(self, commands: Any, replies: list[Any], raise_on_error: bool) -> list[Any]:
        """The results of a transaction; `replies` are those of MULTI, of the commands, and of EXEC."""
        errors = self.library.errors
        refused = self._fast.refused(commands, replies)
        for number, error in refused.items():
            if number >= 0 and isinstance(error, errors.ResponseError):
                self.annotate_exception(error, number + 1, commands[number][0])
        results = replies[-1]
        if isinstance(results, errors.ExecAbortError) and refused:
            raise next(iter(refused.values())) from results
        if isinstance(results, Exception):
            raise results
        self.watching = False
        if results is None:
            raise errors.WatchError("Watched variable changed.")
        for number, error in refused.items():
            results.insert(max(number, 0), error)
        if raise_on_error:
            self.raise_first_error(commands, results)
        return self._fast.finish_all(commands, results)


# Methods that do nothing but say a command's name: how many words follow it, -1: as many as are given.
_PLAIN_METHODS: dict[str, int] = {
    "get": 1, "ttl": 1, "delete": -1, "exists": -1,
    "hget": 2, "hgetall": 1, "hexists": 2, "hkeys": 1, "hvals": 1, "hlen": 1, "hdel": -1,
    "sadd": -1, "srem": -1, "sismember": 2, "smembers": 1, "scard": 1,
    "lpush": -1, "rpush": -1, "llen": 1, "lindex": 2, "lrange": 3, "lset": 3, "ltrim": 3, "rpoplpush": 2,
    "zscore": 2, "zcard": 1, "zcount": 3, "zrem": -1, "lmove": 4, "xlen": 1, "xack": -1, "xdel": -1,
}  # fmt: skip
_COMMANDS = {"delete": "DEL"}


def short_methods(plain_class: Any, make: Any) -> dict[str, Any]:
    """Methods of clients (`telling`) or pipelines (`noting`) in one step, where the library's own take several."""
    made: dict[str, Any] = {}
    for name, maker in MAKERS.items():
        plain = getattr(plain_class, name)
        made[name] = functools.wraps(plain)(maker(plain))
    for name, count in _PLAIN_METHODS.items():
        plain = getattr(plain_class, name)
        made[name] = functools.wraps(plain)(make(plain, _COMMANDS.get(name, name.upper()), count))
    return made


class Callbacks(Unknown):
    """A client's callbacks; what was learned from them is forgotten when they change."""

    known: dict[Any, Any] | None = None

    def _forget(self) -> None:
        if self.known is not None:
            self.known.clear()

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self._forget()

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._forget()

    def update(self, data: Any) -> None:
        super().update(data)
        self._forget()
