"""Where the load goes: a server or a cluster, how connections to it begin, and what it says of itself."""

from __future__ import annotations

import contextlib
import copy
import socket

from redpoll.benchmark import cluster
from redpoll.cli.connection import ConnectFailed, Connection, open_connection, reason
from redpoll.cli.replies import ConnectionLost, ErrorReply, ProtocolError, encode


class Refused(Exception):
    """The run cannot go on; the text is for people."""


class Target:
    """One server, or all chosen nodes of a cluster."""

    def __init__(self, options, *, host: str | None = None, port: int | None = None) -> None:
        self.options = copy.copy(options)
        if host is not None:
            self.options.host, self.options.port, self.options.socket = host, port, ""
        self.nodes: list[cluster.Node] = []

    @property
    def name(self) -> str:
        """Where it is, for people."""
        return self.options.socket or f"{self.options.host}:{self.options.port}"

    def places(self) -> list[cluster.Node | None]:
        """Return the nodes, or None alone for the one server."""
        return [*self.nodes] or [None]

    # -- connections ---------------------------------------------------------------

    def greeting(self) -> list[list[bytes]]:
        """Return what each connection says first."""
        options, words = self.options, []
        if options.password is not None:
            user = [options.user] if options.user is not None else []
            words.append([b"AUTH", *user, options.password])
        if options.tracking:
            words.append([b"CLIENT", b"TRACKING", b"on"])
        if options.database and not options.cluster:
            words.append([b"SELECT", b"%d" % options.database])
        if options.resp3:
            words.append([b"HELLO", b"3"])
        if options.read_from != "no":
            words.append([b"READONLY"])
        return words

    def prefix(self) -> bytes:
        """Return the same as bytes, for connections that the load makes itself."""
        return b"".join(map(encode, self.greeting()))

    def open(self, node: cluster.Node | None = None) -> Connection:
        """Return a connection that has said its greeting. Raises `Refused`."""
        try:
            if node is None:
                connection = open_connection(self.options)
            else:
                connection = open_connection(self.options, host=node.host, port=node.port, unix=False)
        except ConnectFailed as failure:
            place = self.name if node is None else f"{node.host}:{node.port}"
            raise Refused(f"Could not connect to Redis at {place}: {failure}") from None
        try:
            for reply in connection.call_many(self.greeting()):
                if isinstance(reply, ErrorReply):
                    raise Refused(f"Error from server: {reply.decode('utf-8', 'replace')}")
        except (ConnectionLost, ProtocolError) as error:
            connection.close()
            raise Refused(f"Error: {reason(error)}") from None
        except Refused:
            connection.close()
            raise
        return connection

    def open_socket(self, node: cluster.Node | None = None) -> socket.socket:
        """Return the socket of such a connection."""
        return self.open(node).socket

    def tell(self, commands: list[list[bytes]]) -> None:
        """Send commands once to each node. Raises `Refused`."""
        for node in self.places():
            with contextlib.closing(self.open(node)) as connection:
                for reply in connection.call_many(commands):
                    if isinstance(reply, ErrorReply):
                        raise Refused(f"Error from server: {reply.decode('utf-8', 'replace')}")

    # -- what it says of itself ----------------------------------------------------

    def find_nodes(self) -> None:
        """Ask for a cluster's nodes. Raises `Refused`."""
        connection = self.open()
        try:
            self.nodes = cluster.chosen(cluster.nodes_of(connection, self.options.host), self.options.read_from)
        except (ConnectionLost, ProtocolError, cluster.ClusterFailed) as failure:
            why = str(failure) or "Server closed the connection"
            raise Refused(f"Failed to fetch cluster configuration from {self.name}\n{why}") from None
        finally:
            connection.close()

    def settings(self, node: cluster.Node | None = None) -> dict[str, str] | None:
        """Return the settings that a report tells, or None if the server does not say. Raises `Refused`."""
        connection = self.open(node)
        try:
            replies = connection.call_many([[b"CONFIG", b"GET", b"save"], [b"CONFIG", b"GET", b"appendonly"]])
        except (ConnectionLost, ProtocolError):
            return None
        finally:
            connection.close()
        found = {}
        for name, reply in zip(("save", "appendonly"), replies, strict=True):
            if not isinstance(reply, list) or len(reply) != 2 or not isinstance(reply[1], bytes):
                return None
            found[name] = reply[1].decode("utf-8", "replace")
        return found
