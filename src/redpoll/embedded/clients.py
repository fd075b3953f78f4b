"""Clients of redis-py and valkey-py whose connections lead into a store of this process.

`family("redis")` makes the classes from whatever version of redis-py is installed (5 and newer), `family("valkey")`
those of valkey-py; there is one set of each. They derive from the library's own, and change three things:

- a connection has no socket but a session. Commands go to it as Python values and replies come back as such; all that
  libraries do with connections (pools, pipelines, Pub/Sub, MONITOR, locks, scripts, client side caching) goes through
  that. When another process has the store, the very same connection is one to that process's Unix socket.
- `execute_command` of a client takes a short way (`fast.pyx`) when an idle connection lies in the pool, and the
  library's own way otherwise. Replies run through the library's own callbacks either way.
- pools and clients know URLs of stores.

Whoever has changed what happens on the way, by a class of his own that overrides `parse_response` or by wrapping
`execute_command` as instrumentation does, gets the library's own way.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import importlib
import inspect
import math
import types
from functools import cache
from typing import Any

from redpoll.embedded import options
from redpoll.embedded.fast import SLOW, Fast
from redpoll.embedded.local_socket import LocalSocket
from redpoll.embedded.replies import Decoding, PushReply
from redpoll.embedded.session import NOTHING, Session, SessionClosed
from redpoll.embedded.store import Store, StoreClosed, StoreError, open_store

CLOSED = "Connection closed by server."
_UNSET: Any = object()
# Of connections to a network, which a store has not.
_NETWORK = """
    host port socket_connect_timeout socket_keepalive socket_keepalive_options socket_type socket_read_size
    unix_socket_path ssl ssl_context ssl_keyfile ssl_certfile ssl_cert_reqs ssl_include_verify_flags
    ssl_exclude_verify_flags ssl_ca_certs ssl_ca_path ssl_ca_data ssl_check_hostname ssl_password ssl_validate_ocsp
    ssl_validate_ocsp_stapled ssl_ocsp_context ssl_ocsp_expected_cert ssl_min_version ssl_ciphers
""".split()  # noqa: SIM905 - as a list it fills a page


class NoLock:
    """A lock that nobody has to wait for."""

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        pass


class Packed(list):
    """Commands that need not be packed: tuples of Python values."""


def find_store(store: Any, url: str | None = None) -> tuple[Store, dict[str, Any]]:
    """The store that a client's arguments mean, and the options for clients that a URL brings."""
    where = store if store is not None else url
    if isinstance(where, Store):
        return where, {}
    if isinstance(where, str) and options.is_url(where):
        address = options.parse_url(where)
        return open_store(address), dict(address.client)
    return open_store(where), {}


@cache
def family(library: str) -> types.SimpleNamespace:
    """The classes over `redis` or `valkey`. Raises ImportError when that library is not installed."""
    base = importlib.import_module(library)
    client = importlib.import_module(f"{library}.client")
    connection = importlib.import_module(f"{library}.connection")
    async_base = importlib.import_module(f"{library}.asyncio")
    async_connection = importlib.import_module(f"{library}.asyncio.connection")
    errors = base.exceptions
    name = "Redis" if library == "redis" else "Valkey"
    plain_client: Any = getattr(base, name)
    plain_async_client: Any = getattr(async_base, name)
    sets = makes_sets(library)

    class Shared:
        """What connections of both kinds have in common."""

        host = "embedded"
        port = 0
        _session: Session | None = None
        _reply_errors = (errors.ResponseError,)
        _broken = errors.ConnectionError

        def _prepare(self, store: Any, kwargs: dict[str, Any]) -> None:
            for word in _NETWORK:
                kwargs.pop(word, None)
            kwargs.setdefault("socket_timeout", None)
            kwargs.pop("path", None)
            # Alone it has nobody who would keep a store for it.
            self._store, _ = find_store(store, kwargs.pop("url", None) or "redpoll://memory")

        def _use_encoder(self) -> None:
            encoder: Any = self.encoder
            self._encode = encoder.encode
            self._utf8 = encoder.encoding.lower() in ("utf-8", "utf8") and encoder.encoding_errors == "strict"

        def _open(self) -> str:
            """Begin a session; or the path of the socket to connect to."""
            try:
                where = self._store.link()
                if where:
                    return where
                encoder: Any = self.encoder
                self._session = self._store.session(
                    2,
                    Decoding(
                        encoder.decode_responses,
                        encoder.encoding,
                        encoder.encoding_errors,
                        self._parser.parse_error,
                        sets,
                    ),
                )
            except (StoreError, StoreClosed, SessionClosed) as error:
                raise errors.ConnectionError(str(error)) from error
            return ""

        def _hang_up(self) -> bool:
            session, self._session = self._session, None
            if session is None:
                return False
            session.close()
            return True

        def _send(self, session: Session, command: Any) -> None:
            try:
                if type(command) is Packed:
                    session.send_all(command, self._encode, self._utf8)
                else:
                    if isinstance(command, (str, bytes)):
                        command = [command]
                    session.feed(b"".join(part.encode() if isinstance(part, str) else bytes(part) for part in command))
            except SessionClosed as error:
                raise errors.ConnectionError(CLOSED) from error

        def repr_pieces(self) -> list[tuple[str, Any]]:
            pieces = [("store", self._store), ("db", self.db)]
            if self.client_name:
                pieces.append(("client_name", self.client_name))
            return pieces

        def _host_error(self) -> str:
            return repr(self._store)

        def _receive(self, session: Session, decoding: bool) -> Any:
            """What has arrived, or `NOTHING`; error replies that mean a broken connection are raised."""
            try:
                reply = session.receive(decoding)
            except SessionClosed as error:
                raise errors.ConnectionError(CLOSED) from error
            if isinstance(reply, errors.ConnectionError):
                raise reply
            return reply

    class Connection(Shared, connection.UnixDomainSocketConnection):
        """A connection into a store: `store` is a `Store`, a URL of one, a path, or None for a new one in memory."""

        def __init__(self, store: Any = None, **kwargs: Any) -> None:
            self._prepare(store, kwargs)
            super().__init__(path="", **kwargs)
            self._use_encoder()

        def _connect(self) -> Any:
            self.path = self._open()
            if self.path:
                return super()._connect()
            return LocalSocket(self._session)

        def disconnect(self, *args: Any, **kwargs: Any) -> None:
            self._hang_up()
            super().disconnect(*args, **kwargs)

        def _forget(self) -> None:
            self.disconnect()

        def send_packed_command(self, command: Any, check_health: bool = True) -> None:
            if not self._sock:
                self.connect()
            session = self._session
            if session is None:
                if type(command) is Packed:
                    command = super().pack_commands(command)
                super().send_packed_command(command, check_health)
                return
            if check_health:
                self.check_health()
            try:
                self._send(session, command)
            except BaseException:
                self.disconnect()
                raise

        def send_command(self, *args: Any, **kwargs: Any) -> None:
            self.send_packed_command(Packed((args,)), check_health=kwargs.get("check_health", True))

        def pack_commands(self, commands: Any) -> Any:
            return Packed(tuple(command) for command in commands)

        def can_read(self, timeout: float | None = 0) -> bool:
            if not self._sock:
                self.connect()
            session = self._session
            if session is None:
                return super().can_read(timeout)
            there = session.wait(timeout)
            if there and session.closed and not session.take(1, True):
                self.disconnect()
                raise errors.ConnectionError(CLOSED)
            return there

        def read_response(
            self,
            disable_decoding: bool = False,
            *,
            timeout: Any = _UNSET,
            disconnect_on_error: bool = True,
            push_request: bool | None = False,
            **kwargs: Any,
        ) -> Any:
            session = self._session
            if session is None:
                if timeout is not _UNSET:
                    kwargs["timeout"] = timeout
                return super().read_response(
                    disable_decoding, disconnect_on_error=disconnect_on_error, push_request=push_request, **kwargs
                )
            limit = self.socket_timeout if timeout is _UNSET else timeout
            decoding = session.decoding.decoding and not disable_decoding
            try:
                while True:
                    reply = self._receive(session, decoding)
                    if reply is NOTHING:
                        if not session.wait(limit):
                            raise errors.TimeoutError(f"Timeout reading from {self._host_error()}")
                        continue
                    if type(reply) is PushReply:
                        reply = handle_push(self._parser, list(reply))
                        if not push_request:
                            continue
                    break
            except BaseException:
                if disconnect_on_error:
                    self.disconnect()
                raise
            if self.health_check_interval:
                self.next_health_check = clock() + self.health_check_interval
            if isinstance(reply, errors.ResponseError):
                try:
                    raise reply
                finally:
                    del reply  # an exception refers to its frame, which would refer to it
            return reply

    clock = (
        connection.time if callable(getattr(connection, "time", None)) else importlib.import_module("time").monotonic
    )

    def handle_push(parser: Any, message: list[Any]) -> Any:
        if not hasattr(parser, "handle_push_response"):
            return message
        try:
            return parser.handle_push_response(message)
        except TypeError:
            # As older versions had it: (response, disable_decoding, push_request).
            return parser.handle_push_response(message, False, True)

    class AsyncConnection(Shared, async_connection.UnixDomainSocketConnection):
        """The same for asyncio. It belongs to no event loop: whoever waits in it waits in his own."""

        def __init__(self, store: Any = None, **kwargs: Any) -> None:
            self._prepare(store, kwargs)
            super().__init__(path="", **kwargs)
            self._use_encoder()

        def __del__(self, *args: Any, **kwargs: Any) -> None:
            if not self._hang_up() and hasattr(super(), "__del__"):
                super().__del__(*args, **kwargs)

        def _close(self) -> None:
            if not self._hang_up():
                super()._close()

        def _forget(self) -> None:
            self._hang_up()
            self._reader = None
            self._parser.on_disconnect()

        @property
        def is_connected(self) -> bool:
            return self._session is not None or super().is_connected

        async def _connect(self) -> None:
            self.path = self._open()
            if self.path:
                await super()._connect()
            else:
                # Parsers refuse to begin without one, and never read from it.
                self._reader = object()

        async def disconnect(self, *args: Any, **kwargs: Any) -> None:
            if self._session is not None:
                self._forget()
                if hasattr(self, "reset_should_reconnect"):
                    self.reset_should_reconnect()
                if hasattr(self, "_reset_himport_state"):
                    self._reset_himport_state()
                return
            await super().disconnect(*args, **kwargs)

        async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
            if not self.is_connected:
                await self.connect()
            session = self._session
            if session is None:
                if type(command) is Packed:
                    command = super().pack_commands(command)
                await super().send_packed_command(command, check_health)
                return
            if check_health:
                await self.check_health()
            try:
                self._send(session, command)
            except BaseException:
                await self.disconnect(nowait=True)
                raise

        async def send_command(self, *args: Any, **kwargs: Any) -> None:
            await self.send_packed_command(Packed((args,)), check_health=kwargs.get("check_health", True))

        def pack_commands(self, commands: Any) -> Any:
            return Packed(tuple(command) for command in commands)

        async def can_read(self) -> bool:
            session = self._session
            if session is None:
                return bool(await super().can_read())
            return self._has_something(session)

        async def can_read_destructive(self) -> bool:
            session = self._session
            if session is None:
                return bool(await super().can_read_destructive())
            return self._has_something(session)

        def _has_something(self, session: Session) -> bool:
            if session.closed and not session.take(1, True):
                raise errors.ConnectionError(CLOSED)
            return session.pending

        async def process_invalidation_messages(self) -> None:
            while self._session is not None and self._session.pending:
                await self.read_response(push_request=True)

        async def read_response(
            self,
            disable_decoding: bool = False,
            timeout: float | None = None,
            *,
            disconnect_on_error: bool = True,
            push_request: bool | None = False,
        ) -> Any:
            session = self._session
            if session is None:
                return await super().read_response(
                    disable_decoding, timeout, disconnect_on_error=disconnect_on_error, push_request=push_request
                )
            limit = None if timeout == math.inf else self.socket_timeout if timeout is None else timeout
            decoding = session.decoding.decoding and not disable_decoding
            try:
                while True:
                    reply = self._receive(session, decoding)
                    if reply is NOTHING:
                        if not await wait_for_news(session, limit):
                            if timeout is not None:
                                return None
                            raise errors.TimeoutError(f"Timeout reading from {self._host_error()}")
                        continue
                    if type(reply) is PushReply:
                        reply = handle_push(self._parser, list(reply))
                        if asyncio.iscoroutine(reply):
                            reply = await reply
                        if not push_request:
                            continue
                    break
            except BaseException:
                if disconnect_on_error:
                    await self.disconnect(nowait=True)
                raise
            if self.health_check_interval:
                self.next_health_check = asyncio.get_running_loop().time() + self.health_check_interval
            if isinstance(reply, errors.ResponseError):
                raise reply from None
            return reply

    class Pooled:
        """What pools of both kinds have in common."""

        def __init__(self, connection_class: Any = None, *, store: Any = None, **kwargs: Any) -> None:
            usual = self._usual_class()
            connection_class = connection_class or usual
            if issubclass(connection_class, usual):
                store, given = find_store(store, kwargs.pop("url", None))
                kwargs = {**given, **kwargs, "store": store}
            if not self._blocks():
                kwargs.pop("timeout", None)
            super().__init__(connection_class=connection_class, **kwargs)

        @classmethod
        def _blocks(cls) -> bool:
            return any(each.__name__ == "BlockingConnectionPool" for each in cls.__mro__)

        @classmethod
        def from_url(cls, url: str, **kwargs: Any) -> Any:
            """Make a pool from a store's URL, or any other that the library knows."""
            if not options.is_url(url):
                return super().from_url(url, **kwargs)
            return cls(store=url, **kwargs)

    class ConnectionPool(Pooled, connection.ConnectionPool):
        """A pool of connections into a store."""

        @staticmethod
        def _usual_class() -> Any:
            return Connection

    class BlockingConnectionPool(Pooled, connection.BlockingConnectionPool):
        """A pool whose users wait for a connection when all are taken."""

        def __init__(self, max_connections: int = 50, timeout: float | None = 20, **kwargs: Any) -> None:
            kwargs.setdefault("connection_class", None)
            super().__init__(max_connections=max_connections, timeout=timeout, **kwargs)

        @staticmethod
        def _usual_class() -> Any:
            return Connection

    class AsyncConnectionPool(Pooled, async_connection.ConnectionPool):
        """A pool of connections into a store, for asyncio, and for several event loops at a time."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            # One of asyncio's would belong to the event loop that first waits for it. What it guards does not suspend.
            self._lock = NoLock()

        @staticmethod
        def _usual_class() -> Any:
            return AsyncConnection

    class AsyncBlockingConnectionPool(Pooled, async_connection.BlockingConnectionPool):
        """The same, whose users wait for a connection when all are taken."""

        def __init__(self, max_connections: int = 50, timeout: float | None = 20, **kwargs: Any) -> None:
            kwargs.setdefault("connection_class", None)
            super().__init__(max_connections=max_connections, timeout=timeout, **kwargs)

        @staticmethod
        def _usual_class() -> Any:
            return AsyncConnection

    class Callbacks(client.CaseInsensitiveDict):
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

    class Short:
        """What clients of both kinds have in common."""

        _fast: Fast | None = None
        _owned: Store | None = None

        def _begin(self, store: Any, pool_class: Any, kwargs: dict[str, Any]) -> None:
            """Make the pool, or take the one given; `kwargs` is what the library's own client is to be made with."""
            pool = kwargs.get("connection_pool")
            own_pool = pool is None
            if own_pool:
                single = kwargs.pop("single_connection_client", False)
                rest = {
                    key: kwargs.pop(key) for key in ("event_dispatcher", "auto_close_connection_pool") if key in kwargs
                }
                kwargs.pop("connection_pool", None)
                if not isinstance(store, Store):
                    store, given = find_store(store, kwargs.pop("url", None))
                    kwargs.update({**given, **kwargs})
                    if not store.name:
                        self._owned = store
                kwargs.setdefault("retry", self._usual_retry())
                pool = pool_class(store=store, **kwargs)
                kwargs.clear()
                kwargs.update(rest, connection_pool=pool, single_connection_client=single)
            elif store is not None:
                raise TypeError("give a client a store or a connection_pool, not both")

        def _settle(self, own_pool: bool, plain: Any, conn_class: Any) -> None:
            """Once the library's own `__init__` is done."""
            self.auto_close_connection_pool = own_pool
            pool: Any = self.connection_pool
            if (
                issubclass(pool.connection_class, conn_class)
                and not self._uses_one_connection()
                and getattr(pool, "cache", None) is None
                and isinstance(getattr(pool, "_available_connections", None), list)
                and not pool._blocks()
                and type(self).parse_response is plain.parse_response
                and isinstance(plain.execute_command, types.FunctionType)
            ):
                callbacks = Callbacks({})
                dict.update(callbacks, self.response_callbacks)
                self.response_callbacks = callbacks
                self._fast = Fast(pool, callbacks, client.NEVER_DECODE, client.EMPTY_RESPONSE)
                callbacks.known = self._fast.known

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

    class Client(Short, plain_client):
        """A client of a store here: `Redis()`, `Redis("app.rdb")`, `Redis("redpoll://memory")`, `Redis(store)`.

        Takes what the library's own client takes and makes sense without a network. What it opened it closes.
        """

        def __init__(self, store: Any = None, **kwargs: Any) -> None:
            own_pool = kwargs.get("connection_pool") is None
            self._begin(store, ConnectionPool, kwargs)
            super().__init__(**kwargs)
            self._settle(own_pool, plain_client, Connection)

        def _uses_one_connection(self) -> bool:
            return self.connection is not None

        @staticmethod
        def _usual_retry() -> Any:
            return usual_retry(plain_client)

        def execute_command(self, *args: Any, **options: Any) -> Any:
            fast = self._fast
            if fast is not None:
                result = fast.run(args, options)
                if result is not SLOW:
                    return result
            return super().execute_command(*args, **options)

        @functools.wraps(plain_client.set)
        def set(self, name: Any, value: Any, ex: Any = None, *args: Any, **kwargs: Any) -> Any:
            # The library's own takes longer to look at its many options than the store to run the command.
            if not args and not kwargs:
                if ex is None:
                    return self.execute_command("SET", name, value)
                if type(ex) is int:
                    return self.execute_command("SET", name, value, "EX", ex)
            return super().set(name, value, ex, *args, **kwargs)

        def pipeline(self, transaction: Any = True, shard_hint: Any = None) -> Any:
            if self._fast is None:
                return super().pipeline(transaction, shard_hint)
            made = Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
            made._fast = self._fast
            return made

        def close(self) -> None:
            super().close()
            self._let_go()

    class Pipeline(client.Pipeline):
        """A pipeline whose commands are run one by one, as there is nothing to send."""

        _fast: Fast

        @staticmethod
        def _run(way: Any, connection: Any, commands: Any) -> Any:
            if not isinstance(connection, Connection):
                return SLOW
            try:
                return way(connection, commands)
            except SessionClosed as error:
                connection.disconnect()
                raise errors.ConnectionError(CLOSED) from error

        def _execute_pipeline(self, connection: Any, commands: Any, raise_on_error: bool) -> Any:
            responses = self._run(self._fast.run_all, connection, commands)
            if responses is SLOW:
                return super()._execute_pipeline(connection, commands, raise_on_error)
            if raise_on_error:
                self.raise_first_error(commands, responses)
            return responses

        def _execute_transaction(self, connection: Any, commands: Any, raise_on_error: bool) -> Any:
            unit = self._run(self._fast.run_unit, connection, commands)
            if unit is SLOW:
                return super()._execute_transaction(connection, commands, raise_on_error)
            refused, reply = unit
            for number, error in refused.items():
                if number >= 0 and isinstance(error, errors.ResponseError):
                    self.annotate_exception(error, number + 1, commands[number][0])
            if isinstance(reply, errors.ExecAbortError) and refused:
                raise next(iter(refused.values()))
            if isinstance(reply, Exception):
                raise reply
            self.watching = False
            if reply is None:
                raise errors.WatchError("Watched variable changed.")
            for number, error in refused.items():
                reply.insert(number, error)
            if raise_on_error:
                self.raise_first_error(commands, reply)
            return [
                self._fast.finished(one, args[0], given) for one, (args, given) in zip(reply, commands, strict=True)
            ]

    class AsyncClient(Short, plain_async_client):
        """The same for asyncio. Commands run at once, in the thread of the event loop; only those that wait suspend."""

        def __init__(self, store: Any = None, **kwargs: Any) -> None:
            own_pool = kwargs.get("connection_pool") is None
            self._begin(store, AsyncConnectionPool, kwargs)
            super().__init__(**kwargs)
            self._settle(own_pool, plain_async_client, AsyncConnection)

        def _uses_one_connection(self) -> bool:
            return bool(self.single_connection_client)

        @staticmethod
        def _usual_retry() -> Any:
            return usual_retry(plain_async_client)

        async def execute_command(self, *args: Any, **options: Any) -> Any:
            fast = self._fast
            if fast is None or fast.callback_of(args[0]) is SLOW:
                return await super().execute_command(*args, **options)
            link = fast.take() or await self._fetch()
            if link is None:
                return await super().execute_command(*args, **options)
            try:
                reply = fast.begin(link, args, options)
                if reply is NOTHING:
                    reply = await self._wait_in(link, not options or client.NEVER_DECODE not in options)
            except SessionClosed:
                reply = fast.broken(link)
            finally:
                fast.give_back(link)
            if reply is SLOW:
                return await super().execute_command(*args, **options)
            result = fast.end(reply, args[0], options)
            return await result if asyncio.iscoroutine(result) else result

        @functools.wraps(plain_async_client.set)
        def set(self, name: Any, value: Any, ex: Any = None, *args: Any, **kwargs: Any) -> Any:
            if not args and not kwargs:
                if ex is None:
                    return self.execute_command("SET", name, value)
                if type(ex) is int:
                    return self.execute_command("SET", name, value, "EX", ex)
            return super().set(name, value, ex, *args, **kwargs)

        async def _fetch(self) -> Any:
            """A connection of this process, connected if it was not; None: the pool has to see to it."""
            pool: Any = self.connection_pool
            if pool._available_connections:
                link = pool._available_connections.pop()
            elif len(pool._in_use_connections) < pool.max_connections:
                link = pool.make_connection()
            else:
                return None
            try:
                if not link.is_connected:
                    await link.connect()
                if link._session is not None and link._session.idle:
                    return link
            except BaseException:
                fast: Any = self._fast
                fast.give_back(link)
                raise
            pool._available_connections.append(link)
            return None

        async def _wait_in(self, link: Any, decoding: bool) -> Any:
            """The reply of a command that waits for a key; given up, it leaves what it waited for to others."""
            session: Session = link._session
            decoding = decoding and session.decoding.decoding
            pool: Any = self.connection_pool
            pool._in_use_connections.add(link)
            try:
                while True:
                    if not await wait_for_news(session, link.socket_timeout):
                        raise errors.TimeoutError(f"Timeout reading from {link._host_error()}")
                    reply = session.come(decoding)
                    if reply is not NOTHING:
                        return reply
            except SessionClosed as error:
                await link.disconnect(nowait=True)
                raise errors.ConnectionError(CLOSED) from error
            except BaseException:
                if not session.give_up():
                    link._hang_up()
                raise
            finally:
                pool._in_use_connections.discard(link)

        async def aclose(self, close_connection_pool: bool | None = None) -> None:
            await super().aclose(close_connection_pool)
            self._let_go()

        async def close(self, close_connection_pool: bool | None = None) -> None:
            await self.aclose(close_connection_pool)

    for made, called in (
        (Connection, "Connection"),
        (AsyncConnection, "AsyncConnection"),
        (ConnectionPool, "ConnectionPool"),
        (BlockingConnectionPool, "BlockingConnectionPool"),
        (AsyncConnectionPool, "AsyncConnectionPool"),
        (AsyncBlockingConnectionPool, "AsyncBlockingConnectionPool"),
        (Client, name),
        (AsyncClient, f"Async{name}"),
    ):
        made.__name__ = made.__qualname__ = called
        made.__module__ = __name__ if library == "redis" else "redpoll.embedded.valkey"
    return types.SimpleNamespace(
        Connection=Connection,
        AsyncConnection=AsyncConnection,
        ConnectionPool=ConnectionPool,
        BlockingConnectionPool=BlockingConnectionPool,
        AsyncConnectionPool=AsyncConnectionPool,
        AsyncBlockingConnectionPool=AsyncBlockingConnectionPool,
        Redis=Client,
        AsyncRedis=AsyncClient,
    )


def makes_sets(library: str) -> bool:
    """Whether the library's parser makes a set of a set, as older ones do, and not a list: one is shown to it."""

    class Told:
        encoder = socket_timeout = None

        @property
        def _sock(self) -> Any:
            return self

        def recv(self, _size: int) -> bytes:
            return b"~1\r\n:1\r\n"

        def settimeout(self, _seconds: float | None) -> None:
            pass

    try:
        parser = importlib.import_module(f"{library}._parsers")._RESP3Parser(100)
        parser.on_connect(Told())
        return isinstance(parser.read_response(), set)
    except Exception:
        return False


def usual_retry(client: Any) -> Any:
    """How often a library's own client tries again, unless it is told."""
    parameter = inspect.signature(client.__init__).parameters.get("retry")
    return copy.deepcopy(parameter.default) if parameter is not None else None


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def wait_for_news(session: Session, limit: float | None) -> bool:
    """Suspend until something arrived in a session, or for so many seconds; whether something did."""
    loop = asyncio.get_running_loop()
    end = None if limit is None else loop.time() + limit
    while True:
        future: asyncio.Future[None] = loop.create_future()

        def signal(future: asyncio.Future[None] = future) -> None:
            loop.call_soon_threadsafe(_wake, future)

        there, due = session.notify(signal)
        if there:
            return True
        times = [] if due is None else [loop.time() + due]
        if end is not None:
            if end <= loop.time():
                session.ignore()
                return False
            times.append(end)
        timer = loop.call_at(min(times), _wake, future) if times else None
        try:
            await future
        except BaseException:
            session.ignore()
            raise
        finally:
            if timer is not None:
                timer.cancel()
        if due is not None:
            session.pass_time()
        if session.invited:
            return True


def __getattr__(name: str) -> Any:
    found = getattr(family("redis"), name, None)
    if found is None:
        raise AttributeError(name)
    globals()[name] = found
    return found
