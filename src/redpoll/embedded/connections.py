"""Connections of client libraries that have no socket but a session.

Commands go to it as Python values and replies come back as such; all that libraries do with connections (pools,
pipelines, Pub/Sub, MONITOR, locks, scripts, client side caching) goes through that. When another process has the
store, the very same connection is one to that process's Unix socket.
"""

from __future__ import annotations

from typing import Any

from redpoll.embedded import options
from redpoll.embedded.libraries import Library, Unknown, handle_push
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


class Link(Unknown):
    """What connections of both kinds have in common."""

    library: Library
    host = "embedded"
    port = 0
    _session: Session | None = None
    _reply_errors: tuple[type[Exception], ...]
    _broken: type[Exception]

    def __init__(self, store: Any = None, **kwargs: Any) -> None:
        for word in _NETWORK:
            kwargs.pop(word, None)
        kwargs.setdefault("socket_timeout", None)
        kwargs.pop("path", None)
        # Alone it has nobody who would keep a store for it.
        self._store, _ = find_store(store, kwargs.pop("url", None) or "redpoll://memory")
        super().__init__(path="", **kwargs, **self.library.facts(kwargs))

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
                    self.library.makes_sets,
                ),
                encoder.encode,
                encoder.encoding.lower() in ("utf-8", "utf8") and encoder.encoding_errors == "strict",
            )
        except (StoreError, StoreClosed, SessionClosed) as error:
            raise self._broken(str(error)) from error
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
                session.send_all(command)
            else:
                if isinstance(command, (str, bytes)):
                    command = [command]
                session.feed(b"".join(part.encode() if isinstance(part, str) else bytes(part) for part in command))
        except SessionClosed as error:
            raise self._broken(CLOSED) from error

    def _receive(self, session: Session, decoding: bool) -> Any:
        """What has arrived, or `NOTHING`; error replies that mean a broken connection are raised."""
        try:
            reply = session.receive(decoding)
        except SessionClosed as error:
            raise self._broken(CLOSED) from error
        # As libraries' parsers see to it, that the first of several replies is such an error suffices.
        first: Any = reply[0] if type(reply) is list and reply else reply
        if isinstance(first, self._broken):
            raise first
        return reply

    def pack_commands(self, commands: Any) -> Any:
        return Packed(tuple(command) for command in commands)

    def repr_pieces(self) -> list[tuple[str, Any]]:
        pieces = [("store", self._store), ("db", self.db)]
        if self.client_name:
            pieces.append(("client_name", self.client_name))
        return pieces

    def _host_error(self) -> str:
        return repr(self._store)


class ThreadLink(Link):
    """A connection into a store: `store` is a `Store`, a URL of one, a path, or None for the one of this process."""

    def _connect(self) -> Any:
        self.path = self._open()
        if self.path:
            return super()._connect()
        return LocalSocket(self._session)  # type: ignore[arg-type]

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
                command = super(Link, self).pack_commands(command)
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

    def can_read(self, timeout: float | None = 0) -> bool:
        if not self._sock:
            self.connect()
        session = self._session
        if session is None:
            return bool(super().can_read(timeout))
        there = session.wait(timeout)
        if there and session.closed and not session.take(1, True):
            self.disconnect()
            raise self._broken(CLOSED)
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
                        raise self.library.errors.TimeoutError(f"Timeout reading from {self._host_error()}")
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
            self.next_health_check = self.library.clock() + self.health_check_interval
        if isinstance(reply, self._reply_errors):
            try:
                raise reply
            finally:
                del reply  # an exception refers to its frame, which would refer to it
        return reply
