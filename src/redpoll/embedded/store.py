"""A store: Redpoll in this process.

    with Store() as store:                    # in memory
        store.execute("SET", "greeting", "hello")
        client = store.client()               # a redis.Redis without a socket
    with Store("app.rdb") as store: ...       # in a file, saved when it is closed

Stores of the same file are one within a process, and one among processes: the first that opens it has it, and serves
the others through a Unix socket (`sharing.py`). Stores in memory belong to whoever made them, unless they have a name.

Threads, forks and the end of the process: commands run in the thread that calls, one at a time (`server/guard.pyx`);
forks wait for the command that runs, and the child of one has a copy of what was in memory, and is one of the others
for what is in a file; what is still open when the interpreter ends is closed, and so saved, before.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from redpoll.embedded import options
from redpoll.embedded.fast import Door
from redpoll.embedded.host import HostedServer
from redpoll.embedded.replies import Decoding, ReplyError
from redpoll.embedded.session import Session, plain
from redpoll.embedded.sharing import Claim, Guest, find_host
from redpoll.errors import CommandError
from redpoll.server.access import AccessError
from redpoll.server.config import Config, ConfigError
from redpoll.server.listeners import ListenError
from redpoll.server.server import StartError

if TYPE_CHECKING:
    import redis

_TRIES = 5
"""How often a command that lost the process that served it looks for the next one."""


class StoreError(Exception):
    """A store that cannot be opened, saved or served; the text says why and what to do."""


class StoreClosed(ConnectionError):
    """A store that is closed already."""


class Store:
    """A store in this process, in memory or in the file `path`.

    `appendonly` keeps a log of every change beside the file (`app.aof/` for `app.rdb`), so that not even a process
    that is killed loses what was acknowledged; None: if there is one already. `share`: other processes that open the
    file are served. Everything else is a directive of the server: `Store(maxmemory="64mb")`.

    Raises `StoreError`. `Store` always makes a new one; `open_store` finds one that is open already.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        appendonly: bool | str | None = None,
        share: bool = True,
        **directives: Any,
    ) -> None:
        self._closed = True
        if _ended:
            raise StoreError("The interpreter is about to end; nothing can be opened any more.")
        self.path = os.path.realpath(os.fspath(path)) if path is not None else ""
        self.name = ""
        self._appendonly = options.read_flag(appendonly)
        self._share = share
        self._directives = directives
        self._uses = 1
        self._changing = threading.RLock()
        self._closed = False
        self._server: HostedServer | None = None
        self._door: Door | None = None
        self._guest: Guest | None = None
        self._claim = Claim(self.path) if self.path else None
        if self._claim is not None:
            _check_folder(self.path)
            with _as_store_error(f"{self.path} cannot be opened"):
                if find_host(self._claim):
                    _ALL.add(self)
                    return
        self._begin()
        _ALL.add(self)

    def __repr__(self) -> str:
        where = self.path or (f"memory/{self.name}" if self.name else "memory")
        state = "closed" if self._closed else "served by another process" if self._server is None else "open"
        return f"<redpoll.Store {where}, {state}>"

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            if not self._closed:
                self._abandon()

    # Having it

    def _begin(self) -> None:
        """Have the store in this process. Raises `StoreError`; the claim is given up then."""
        try:
            server = HostedServer(self._configuration())
            with server.loop.guard:
                try:
                    server.access.load_at_start()
                except AccessError as error:
                    raise StoreError(str(error)) from error
                self._load(server)
            self._await_log(server)
            if self._claim is not None and self._share:
                where = self._claim.socket_path()
                with server.loop.guard:
                    server.listen_unix(where, 0o600)
                self._claim.announce(where)
        except BaseException:
            if self._claim is not None:
                self._claim.release()
            raise
        self._server = server
        self._door = Door(lambda: Session(server))
        # A plain attribute, so that the shortest way is short.
        self.execute = self._door.execute  # type: ignore[method-assign]

    def _configuration(self) -> Config:
        config = Config()
        # What is not asked for is not there: no port, and in memory nothing to save.
        config.__dict__.update(port=0, protected_mode=False, logfile="", daemonize=False)
        words = options.directive_words(self._directives)
        if self.path:
            folder, name = os.path.split(self.path)
            log = f"{os.path.splitext(name)[0]}.aof"
            config.__dict__.update(dir=folder, dbfilename=name, appenddirname=log, appendfilename=log)
        elif "save" not in self._directives:
            config.__dict__.update(save=())
        try:
            if words:
                config.load(words)
        except ConfigError as error:
            raise StoreError(str(error)) from error
        if not self.path and self._appendonly:
            raise StoreError("appendonly keeps a log beside a file: give the store a path.")
        config.__dict__.update(appendonly=False)
        return config

    def _load(self, server: HostedServer) -> None:
        """What was saved, from the log if there is one. Raises `StoreError`."""
        if not self.path:
            return
        config = server.config
        has_log = os.path.exists(os.path.join(config.dir, config.appenddirname, f"{config.appendfilename}.manifest"))
        logging = has_log if self._appendonly is None else self._appendonly
        with _as_store_error(f"{self.path} cannot be loaded"):
            config.__dict__.update(appendonly=logging and has_log)
            server.load()
            if logging and not has_log:
                # The log begins with what the file holds.
                config.__dict__.update(appendonly=True)
                server.persistence.log.switch(True)

    @staticmethod
    def _await_log(server: HostedServer) -> None:
        """A log that is begun counts once its first base is there. Raises `StoreError`."""
        persistence = server.persistence
        if persistence.log.state == "starting":
            with server.loop.guard:
                server.loop.pass_time()
        while persistence.log.state == "starting":
            if not persistence.log.last_rewrite_ok:
                raise StoreError("The append-only log could not be begun; the log `redpoll` says why.")
            time.sleep(0.0005)

    def _host(self) -> HostedServer:
        """The server, once this process has the store. Raises `StoreError`, or that another process has it."""
        server = self._server
        if server is None:
            where = self.link()
            if where:
                raise StoreError(f"{self.path} is open in another process, which serves this one; ask there.")
            server = self._server
            assert server is not None
        return server

    def link(self) -> str:
        """The Unix socket of the process that has the store; empty: this one has it, by now at least.

        Raises `StoreClosed`, `StoreError`.
        """
        if self._closed:
            raise StoreClosed("this store is closed")
        if self._server is not None:
            return ""
        with self._changing:
            # Another thread may have been first.
            if self.closed:
                raise StoreClosed("this store is closed")
            if self.is_host:
                return ""
            assert self._claim is not None
            with _as_store_error(f"{self.path} cannot be opened"):
                where = find_host(self._claim)
            if not where:
                self._begin()
            return where

    @property
    def is_host(self) -> bool:
        """Whether this process has the store, and is not served by another one."""
        return self._server is not None

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._closed

    @property
    def server(self) -> HostedServer:
        """The server inside, for those who know their way about it."""
        return self._host()

    def session(
        self,
        protocol: int = 2,
        decoding: Decoding | None = None,
        encode: Callable[[Any], bytes] = plain,
        utf8: bool = True,
    ) -> Session:
        """Return a new session, the counterpart of a connection. Raises `StoreError` where another process has it."""
        return Session(self._host(), protocol, decoding, encode, utf8)

    # Commands

    def execute(self, *words: Any) -> Any:
        """Run a command and return its reply: `store.execute("SET", "key", 1)`.

        Words are bytes, str, int and float. The reply has the types of RESP2: bytes, int, list, None. Raises
        `ReplyError` for an error reply, ConnectionError when the process that served this one has ended meanwhile:
        whether the command was done is not known then.
        """
        for _ in range(_TRIES):
            where = self.link()
            if not where:
                return self.execute(*words)
            if self._guest is None:
                try:
                    self._guest = Guest(where)
                except OSError:
                    continue
            try:
                return self._guest.execute(_plain_words(words))
            except ConnectionError:
                self._guest.close()
                self._guest = None
                raise
        raise StoreError(f"{self.path}: whoever has it open ends again and again.")

    def client(self, **kwargs: Any) -> redis.Redis:
        """Return a `redis.Redis` of this store; it takes the arguments of one that make sense without a network."""
        from redpoll.embedded.clients import Redis

        return Redis(self, **kwargs)

    def async_client(self, **kwargs: Any) -> Any:
        """Return a `redis.asyncio.Redis` of this store."""
        from redpoll.embedded.clients import AsyncRedis

        return AsyncRedis(self, **kwargs)

    # Upkeep

    def save(self) -> None:
        """Write the file now. Raises `StoreError`."""
        server = self._host()
        if not self.path:
            raise StoreError("This store is in memory only.")
        with server.loop.guard:
            self._save(server)

    def _save(self, server: HostedServer) -> None:
        server.persistence.stop_saving()
        try:
            server.persistence.save()
        except CommandError as error:
            raise StoreError(f"{self.path} could not be written; the log `redpoll` says why.") from error

    def reset(self) -> None:
        """Empty it and put it into the state that it began with, in microseconds: for tests.

        Sessions stay, as unused ones: no database but 0, no subscriptions, nothing watched. Directives that were
        changed stay changed.
        """
        server = self._host()
        with server.loop.guard:
            server.keyspace.flush(range(len(server.keyspace.databases)), False)
            for connection in list(server.loop.connections.values()):
                if connection.db_index:
                    connection.select(server.keyspace.databases[0])
                if connection.watched is not None:
                    server.transactions.end(connection)
                if connection.subscriptions is not None:
                    server.pubsub.forget(connection)

    def pass_time(self) -> None:
        """See to what is due by now, as the next command would: keys that expired, clients whose wait is over."""
        server = self._server
        if server is not None:
            with server.loop.guard:
                server.loop.pass_time()
            server.loop.wake()

    def serve(self, port: int = 0, host: str = "127.0.0.1", *, unixsocket: str = "") -> str:
        """Let other processes, in whatever language, in: listen on a port, 0: a free one; return the URL.

        With `unixsocket`, listen there instead. Raises `StoreError`.
        """
        server = self._host()
        with server.loop.guard:
            try:
                if unixsocket:
                    server.listen_unix(os.path.abspath(unixsocket))
                    return f"unix://{os.path.abspath(unixsocket)}"
                server.listen_tcp([host], port)
                listener = server.listeners[-1]
                listener.port = listener.sock.getsockname()[1]
            except ListenError as error:
                raise StoreError(str(error)) from error
        return f"redis://{f'[{host}]' if ':' in host else host}:{listener.port}"

    @property
    def ports(self) -> list[int]:
        """The ports that `serve` listens on."""
        return [one.port for one in self._server.listeners if one.name == "tcp"] if self._server is not None else []

    # The end

    def retain(self) -> Store:
        """One more user: `release` closes the store when the last one calls it."""
        self._uses += 1
        return self

    def release(self) -> None:
        """Undo `retain`, or the opening."""
        with _REGISTERING:
            self._uses -= 1
            last = self._uses <= 0
        if last:
            self.close()

    def close(self) -> None:
        """Save it, if it is in a file, and let go of everything. Raises `StoreError`, and stays open, if it cannot."""
        with self._changing:
            if self._closed:
                return
            server = self._server
            if server is not None:
                server.end_attendance()
                with server.loop.guard:
                    if self.path and server.persistence.changes_since_save:
                        self._save(server)
                    self._end(server)
            self._leave()
        with _REGISTERING:
            for registry, key in ((_FILES, self.path), (_NAMED, self.name)):
                if key and registry.get(key) is self:
                    del registry[key]

    def _end(self, server: HostedServer) -> None:
        """Close sessions, sockets and files; the guard is held."""
        server.close()
        server.loop.release_descriptors()
        server.keyspace.flush(range(len(server.keyspace.databases)), False)

    def _leave(self) -> None:
        self._closed = True
        self._server = self._door = None
        self.__dict__.pop("execute", None)
        if self._guest is not None:
            self._guest.close()
            self._guest = None
        if self._claim is not None:
            self._claim.release()

    def _abandon(self) -> None:
        """Nobody can reach it any more: from a finalizer, so in any thread, perhaps in the middle of something."""
        server = self._server
        if server is None or server.loop.guard.mine:
            return
        self.close()

    def _after_fork(self) -> None:
        """In the child of a fork: a copy of what was in memory, but a guest of what is in a file."""
        self._changing = threading.RLock()
        server = self._server
        if self._guest is not None:
            self._guest.close()
            self._guest = None
        if self._claim is not None:
            self._claim.after_fork()
        if server is None:
            return
        server.after_fork()
        if self.path:
            for connection in list(server.loop.connections.values()):
                server.loop.close(connection)
            self._server = self._door = None
            self.__dict__.pop("execute", None)


def _plain_words(words: tuple[Any, ...]) -> tuple[bytes, ...]:
    if isinstance(words[0], str):
        words = (*words[0].encode().split(), *words[1:])
    return tuple(plain(word) for word in words)


def _check_folder(path: str) -> None:
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise StoreError(f"{folder} is no folder: make it first.")


@contextlib.contextmanager
def _as_store_error(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, StartError) as error:
        raise StoreError(f"{what}: {error}") from error
    except Exception as error:
        if type(error).__name__ == "LogError":
            raise StoreError(f"{what}: {error}") from error
        raise


# All stores of this process

_ALL: weakref.WeakSet[Store] = weakref.WeakSet()
_FILES: dict[str, Store] = {}
_NAMED: dict[str, Store] = {}
_REGISTERING = threading.RLock()


def open_store(where: str | os.PathLike[str] | options.Address | None = None, **kwargs: Any) -> Store:
    """Return the store of a path or a URL, opened if it is not open yet; without either, a new one in memory.

    Whoever calls this calls `release` when it is done. Raises `StoreError`, ValueError for a bad URL.
    """
    address = where if isinstance(where, options.Address) else _address(where)
    kwargs = {**address.directives, **kwargs}
    if not address.path and not address.name:
        return Store(**kwargs)
    registry = _FILES if address.path else _NAMED
    key = os.path.realpath(address.path) if address.path else address.name
    with _REGISTERING:
        store = registry.get(key)
        if store is not None and not store.closed:
            return store.retain()
        store = Store(address.path or None, **kwargs)
        store.name = address.name
        registry[key] = store
        return store


def _address(where: str | os.PathLike[str] | None) -> options.Address:
    if where is None:
        return options.Address()
    if isinstance(where, str) and options.is_url(where):
        return options.parse_url(where)
    return options.Address(path=os.fspath(where))


@atexit.register
def _end() -> None:
    """The interpreter ends: nobody opens anything any more."""
    global _ended
    _ended = True
    close_all()


_ended = False


def close_all() -> None:
    """Close every store of this process; done anyway when the interpreter ends."""
    for store in list(_ALL):
        with contextlib.suppress(StoreError):
            store.close()


_held: list[HostedServer] = []


def _before_fork() -> None:
    # No command of another thread may be in its middle: the child would have half of it.
    for store in list(_ALL):
        server = store._server
        if server is not None and not server.loop.guard.mine:
            server.loop.guard.__enter__()
            _held.append(server)


def _after_fork_in_parent() -> None:
    """Let go of what `_before_fork` took."""
    while _held:
        _held.pop().loop.guard.__exit__()


def _after_fork_in_child() -> None:
    global _REGISTERING
    _REGISTERING = threading.RLock()
    for store in list(_ALL):
        store._after_fork()
    _after_fork_in_parent()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)

__all__ = ["ReplyError", "Store", "StoreClosed", "StoreError", "close_all", "open_store"]
