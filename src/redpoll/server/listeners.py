"""Listening sockets: TCP on several addresses, a Unix socket, and who may come in."""

import contextlib
import os
import socket
from typing import Any

from redpoll.server.encrypted import Secure
from redpoll.server.tls import TlsError

PROTECTED_REPLY = (
    b"-DENIED Redpoll is in protected mode: no password is set for the default user, and connections from other "
    b"hosts are refused. To open it to the network, set a password (requirepass, or CONFIG SET requirepass from this "
    b"host) or an ACL; or, on a network that you trust, turn protected-mode off.\r\n"
)
TOO_MANY_REPLY = b"-ERR max number of clients reached\r\n"


class ListenError(Exception):
    """An address that cannot be listened on; the text says which and why."""


class Listener:
    """One listening socket, with the words that INFO has for it."""

    def __init__(self, sock: socket.socket, name: str, address: str, port: int) -> None:
        self.sock = sock
        self.name = name
        self.address = address
        self.port = port


def open_tcp(
    addresses: list[str], port: int, backlog: int, mptcp: bool = False, *, tls: bool = False
) -> list[Listener]:
    """Listen on every address; one led by `-` may be missing on this host. Raises `ListenError`."""
    name = "tls" if tls else "tcp"
    opened: list[Listener] = []
    try:
        for asked in addresses:
            optional = asked.startswith("-")
            address = asked[1:] if optional else asked
            try:
                opened.append(Listener(_open_one(address, port, backlog, mptcp), name, address, port))
            except OSError as error:
                if optional:
                    continue
                raise ListenError(
                    f"Could not create server TCP listening socket {address}:{port}: {error.strerror}"
                ) from error
        if addresses and not opened:
            raise ListenError(f"None of the addresses {' '.join(addresses)} could be listened on, port {port}")
    except ListenError:
        close_all(opened)
        raise
    return opened


def _open_one(address: str, port: int, backlog: int, mptcp: bool) -> socket.socket:
    host = {"*": "0.0.0.0", "::*": "::"}.get(address, address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    protocol = getattr(socket, "IPPROTO_MPTCP", 262) if mptcp else 0
    sock = socket.socket(family, socket.SOCK_STREAM, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.listen(backlog)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def open_unix(path: str, permissions: int, group: str, backlog: int) -> Listener:
    """Listen on a Unix socket, in place of one that is there already. Raises `ListenError`."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
        if permissions:
            os.chmod(path, permissions)
        if group:
            import grp

            os.chown(path, -1, int(group) if group.isdigit() else grp.getgrnam(group).gr_gid)
        sock.listen(backlog)
        sock.setblocking(False)
    except (OSError, KeyError) as error:
        sock.close()
        raise ListenError(f"Failed opening Unix socket {path}: {error}") from error
    return Listener(sock, "unix", path, 0)


def close_all(listeners: list[Listener]) -> None:
    """Stop listening, and remove Unix sockets from the file system."""
    for listener in listeners:
        listener.sock.close()
        if listener.name == "unix":
            with contextlib.suppress(OSError):
                os.unlink(listener.address)
    listeners.clear()


def is_local(host: str) -> bool:
    """Whether an address is this host's own loopback."""
    import ipaddress

    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def shown(address: Any) -> str:
    """A socket address as `host:port`, with brackets around IPv6."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Acceptor:
    """Takes new connections off a listener: refuses those over the limit or from outside, tunes the rest."""

    def __init__(self, server: Any, listener: Listener) -> None:
        self._server = server
        self._listener = listener

    def __call__(self) -> None:
        """Accept what waits, up to `max-new-connections-per-cycle`; `max-new-tls-…` for handshakes, which cost more."""
        config = self._server.config
        tls = self._listener.name == "tls"
        for _ in range(config.max_new_tls_connections_per_cycle if tls else config.max_new_connections_per_cycle):
            try:
                sock, address = self._listener.sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._server.log.warning(f"Error accepting a connection: {error.strerror}")
                return
            try:
                self._take(sock, address)
            except (OSError, TlsError) as error:
                self._server.log.verbose(f"A connection was lost while it was accepted: {error}")
                sock.close()

    def _take(self, sock: socket.socket, address: Any) -> None:
        server = self._server
        server.connections_received += 1
        if len(server.loop.connections) >= server.config.maxclients:
            server.connections_rejected += 1
            self._turn_away(sock, TOO_MANY_REPLY)
            return
        unix = self._listener.name == "unix"
        if server.protected and not unix and not is_local(address[0]):
            server.connections_rejected += 1
            self._turn_away(sock, PROTECTED_REPLY)
            return
        if unix:
            peer = local = f"{self._listener.address}:0"
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            keep_alive(sock, server.config.tcp_keepalive)
            if server.config.socket_mark_id:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, server.config.socket_mark_id)
            peer, local = shown(address), shown(sock.getsockname())
        if self._listener.name == "tls":
            sock.setblocking(False)
            # From here on the descriptor is that of the wrapper.
            wrapped = server.tls.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            connection = server.loop.add(wrapped.fileno(), Secure(wrapped))
        else:
            connection = server.loop.add(sock.detach())
        connection.address = peer
        connection.local_address = local
        connection.unix_socket = unix
        try:
            server.welcome(connection)
        except BaseException:
            # Nobody has said what it may do, so it may do nothing.
            server.loop.close(connection)
            raise

    def _turn_away(self, sock: socket.socket, reply: bytes) -> None:
        if self._listener.name == "tls":
            # A text in the clear would be taken for a broken handshake.
            sock.close()
            return
        with contextlib.suppress(OSError):
            sock.send(reply, socket.MSG_DONTWAIT)
        sock.close()


def keep_alive(sock: socket.socket, seconds: int) -> None:
    """Have the kernel probe a silent peer after so many seconds; 0: never."""
    if not seconds:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, seconds)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(seconds // 3, 1))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
