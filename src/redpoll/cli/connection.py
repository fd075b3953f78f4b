"""A blocking connection to a server."""

from __future__ import annotations

import contextlib
import socket

from redpoll.cli.replies import ConnectionLost, ErrorReply, ProtocolError, Push, ReplyReader, encode

_KEEPALIVE_SECONDS = 15
_FAMILIES = {0: (socket.AF_INET, socket.AF_INET6), 4: (socket.AF_INET,), 6: (socket.AF_INET6,)}
_MULTIPATH_TCP = 262  # IPPROTO_MPTCP


class ConnectFailed(Exception):
    """No connection came to be; the text is the reason."""


class Connection:
    """Sends requests and reads replies; `pushed` is called with each message that comes in between."""

    def __init__(self, link: socket.socket, pushed=None) -> None:
        self.socket = link
        self.pushed = pushed
        self.reader = ReplyReader(self._receive)

    def close(self) -> None:
        """Close it; nothing more can be read."""
        with contextlib.suppress(OSError):
            self.socket.close()

    def waiting(self) -> bool:
        """Tell whether bytes are here already that the socket would tell nothing of."""
        pending = getattr(self.socket, "pending", None)  # of TLS
        return self.reader.waiting() or bool(pending and pending())

    def send(self, words: list[bytes]) -> None:
        """Send one request."""
        self.send_raw(encode(words))

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are. Raises `ConnectionLost`."""
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise ConnectionLost(error.strerror or str(error)) from error

    def read_any(self):
        """Return the next reply or push."""
        return self.reader.read()

    def read(self):
        """Return the next reply; pushes on the way are handed to `pushed`."""
        while True:
            reply = self.reader.read()
            if not isinstance(reply, Push):
                return reply
            if self.pushed is not None:
                self.pushed(reply)

    def call(self, *words: bytes):
        """Send a request and return its reply; errors are replies."""
        self.send(list(words))
        return self.read()

    def call_many(self, requests: list[list[bytes]]) -> list:
        """Send requests at once and return their replies."""
        self.send_raw(b"".join([encode(words) for words in requests]))
        return [self.read() for _ in requests]

    def _receive(self, count: int) -> bytes:
        try:
            return self.socket.recv(count)
        except OSError as error:
            raise ConnectionLost(error.strerror or str(error)) from error


def open_connection(options, *, host: str = "", port: int = -1, unix: bool = True) -> Connection:
    """Connect to where the options say, or to another host and port. Raises `ConnectFailed`."""
    try:
        if options.socket and unix and not host:
            link = _connect_unix(options.socket, options.timeout)
        else:
            link = _connect_tcp(options, host or options.host, options.port if port < 0 else port)
    except OSError as error:
        raise ConnectFailed(error.strerror or str(error)) from error
    if options.tls:
        from redpoll.cli.tls import secure

        link = secure(link, options)
    return Connection(link)


def _connect_unix(path: str, timeout: float) -> socket.socket:
    link = socket.socket(socket.AF_UNIX)
    try:
        link.settimeout(timeout or None)
        link.connect(path)
        link.settimeout(None)
    except OSError:
        link.close()
        raise
    return link


def _connect_tcp(options, host: str, port: int) -> socket.socket:
    failure: OSError = OSError("no address")
    for index, family in enumerate(_FAMILIES[options.family]):
        try:
            places = socket.getaddrinfo(host, port & 0xFFFF, family, socket.SOCK_STREAM)
        except socket.gaierror as error:
            if not index or not isinstance(failure, socket.gaierror):
                failure = failure if index and not isinstance(failure, socket.gaierror) else error
            continue
        for _, _, _, _, address in places:
            try:
                return _connect_address(options, family, address)
            except OSError as error:
                failure = error
        if not isinstance(failure, socket.gaierror):
            break
    raise failure


def _connect_address(options, family: int, address) -> socket.socket:
    link = socket.socket(family, socket.SOCK_STREAM, _MULTIPATH_TCP if options.multipath else 0)
    try:
        link.settimeout(options.timeout or None)
        link.connect(address)
        link.settimeout(None)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_SECONDS)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEPALIVE_SECONDS // 3)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    except OSError:
        link.close()
        raise
    return link


def reason(error: Exception) -> str:
    """Return in words why a connection ended."""
    if isinstance(error, ProtocolError):
        return str(error)
    return str(error) or "Server closed the connection"


def introduce(connection: Connection, options, database: int, tell) -> bool:
    """Log in, choose the database and the protocol; `tell(line)` says what failed, and the answer is False then."""
    if options.password is not None:
        user = [options.user] if options.user is not None else []
        reply = connection.call(b"AUTH", *user, options.password)
        if isinstance(reply, ErrorReply):
            tell(f"AUTH failed: {reply.decode('utf-8', 'replace')}")
            return False
    if options.client_name is not None:
        connection.call(b"CLIENT", b"SETNAME", options.client_name)
    if database:
        reply = connection.call(b"SELECT", b"%d" % database)
        if isinstance(reply, ErrorReply):
            tell(f"SELECT {database} failed: {reply.decode('utf-8', 'replace')}")
            return False
    if (options.resp3 or options.resp3_by_format) and not options.resp2:
        reply = connection.call(b"HELLO", b"3")
        if isinstance(reply, ErrorReply):
            tell(f"HELLO 3 failed: {reply.decode('utf-8', 'replace')}")
            return not options.resp3
    return True
