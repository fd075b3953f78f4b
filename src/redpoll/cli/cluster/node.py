"""One node of a cluster: what it says of itself, what it is asked and told.

A line of `CLUSTER NODES`:

    <id> <address> <flags> <primary or -> <ping> <pong> <epoch> <link> [<slots> ...]

    address   <host>:<port>@<bus port>[,<name>]
    slots     <slot> | <first>-<last> | [<slot>->-<target's id>] (migrating) | [<slot>-<-<source's id>] (importing)
"""

from __future__ import annotations

import socket

from redpoll.cli.cluster import log
from redpoll.cli.connection import ConnectFailed, Connection, open_connection, reason
from redpoll.cli.info import parse_info
from redpoll.cli.numbers import leading_integer
from redpoll.cli.replies import ConnectionLost, ErrorReply, ProtocolError

SLOTS = 16384
_BUS_OFFSET = 10000
_FEWEST_FIELDS = 8


class ClusterFailed(Exception):
    """A step could not be done; the text, unless it was printed already or is empty, is still to be printed."""


class Refused(ClusterFailed):
    """A node answered with an error, which is `message`."""

    def __init__(self, node: Node, reply: ErrorReply) -> None:
        self.message = text(reply)
        super().__init__(f"Node {node.address} replied with error:\n{self.message}")


class Node:
    """Where a node is, what is known of it, and a connection to it once that is wanted."""

    def __init__(self, options, host: str, port: int, bus_port: int = 0) -> None:
        self.options = options
        self.host, self.port, self.bus_port = host, port, bus_port
        self.id = ""
        self.flags: list[str] = []
        self.primary_id = ""
        self.epoch = 0
        self.slots: set[int] = set()
        self.migrating: dict[int, str] = {}
        self.importing: dict[int, str] = {}
        self.replicas = 0
        self.link_state = ""  # in the eyes of who told of it
        self._link: Connection | None = None
        self._has_databases: bool | None = None
        self._selected = 0

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"

    @property
    def is_replica(self) -> bool:
        """Whether it follows another."""
        return bool(self.primary_id)

    @property
    def own_bus_port(self) -> int:
        """The cluster bus's port, if it is not where others expect it; otherwise 0."""
        return self.bus_port if self.bus_port != self.port + _BUS_OFFSET else 0

    def numeric_host(self) -> str:
        """Return its host as an address, as nodes must name each other. Raises `ClusterFailed`."""
        try:
            return str(socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0][4][0])
        except OSError as problem:
            log.complain(f"Invalid IP address or hostname specified: {self.host}")
            raise ClusterFailed from problem

    # -- asking and telling --------------------------------------------------------

    def connect(self) -> bool:
        """Connect and log in; what fails is printed."""
        if self._link is not None:
            return True
        try:
            self._link = open_connection(self.options, host=self.host, port=self.port)
            if self.options.password is not None:
                user = [self.options.user] if self.options.user is not None else []
                self.must("AUTH", *user, self.options.password)
        except ConnectFailed as problem:
            log.complain(f"Could not connect to Redis at {self.address}: {problem}")
            return False
        except ClusterFailed as problem:
            log.error(f"{problem}\n")
            self.close()
            return False
        return True

    def close(self) -> None:
        """Drop the connection."""
        if self._link is not None:
            self._link.close()
        self._link = None
        self._selected = 0

    def adopt(self, link: Connection) -> None:
        """Use a connection that somebody else has made."""
        self._link = link

    def connection(self) -> Connection:
        """Return the connection. Raises `ClusterFailed` where there can be none."""
        if not self.connect():
            raise ClusterFailed
        assert self._link is not None
        return self._link

    def call(self, *words: str | bytes | int):
        """Send a command and return its reply. Raises `ClusterFailed` where the node cannot be reached."""
        return self.call_many([list(words)])[0]

    def call_many(self, requests: list[list]) -> list:
        """Send commands at once and return their replies. Raises `ClusterFailed`."""
        link = self.connection()
        try:
            return link.call_many([list(map(_as_bytes, words)) for words in requests])
        except (ConnectionLost, ProtocolError) as problem:
            self.close()
            raise ClusterFailed(f"Node {self.address}: {reason(problem)}") from problem

    def must(self, *words: str | bytes | int):
        """Send a command and return its reply. Raises `Refused`, `ClusterFailed`."""
        reply = self.call(*words)
        if isinstance(reply, ErrorReply):
            raise Refused(self, reply)
        return reply

    def info(self) -> dict[str, str]:
        """Return the fields of INFO."""
        return parse_info(self.must("INFO"))

    def is_clustered(self) -> bool:
        """Tell whether the node is in cluster mode."""
        return self.info().get("cluster_enabled") == "1"

    def is_empty(self) -> bool:
        """Tell whether it has no keys and knows no other nodes."""
        if _databases(self.info()):
            return False
        return parse_info(self.must("CLUSTER", "INFO")).get("cluster_known_nodes") == "1"

    def databases(self) -> list[int]:
        """Return the databases that may have keys: a cluster of Valkey 9 may have others than 0."""
        if self._has_databases is None:
            setting = self.call("CONFIG", "GET", "cluster-databases")
            self._has_databases = isinstance(setting, list) and leading_integer(text((setting or [0])[-1])) > 1
        return _databases(self.info()) if self._has_databases else [0]

    def select(self, database: int) -> None:
        """Choose the database of what follows."""
        if database != self._selected:
            self.must("SELECT", database)
            self._selected = database

    def count_keys(self, slot: int) -> int:
        """Return how many keys of a slot it holds."""
        return self.must("CLUSTER", "COUNTKEYSINSLOT", slot)

    def set_slot(self, slot: int, *state: str) -> None:
        """Tell it a slot's state: `importing <id>`, `migrating <id>`, `node <id>`, `STABLE`."""
        self.must("CLUSTER", "SETSLOT", slot, *state)

    def own(self, slot: int, *, stable: bool = False) -> None:
        """Make it a slot's owner in its own eyes, under an epoch that wins over others'."""
        requests: list[list] = [["CLUSTER", "DELSLOTS", slot], ["CLUSTER", "ADDSLOTS", slot]]
        if stable:
            requests.append(["CLUSTER", "SETSLOT", slot, "STABLE"])
        # At once, so that gossip does not give the slot back in between.
        replies = self.call_many([["MULTI"], *requests, ["CLUSTER", "BUMPEPOCH"], ["EXEC"]])[-1]
        if isinstance(replies, ErrorReply):
            raise Refused(self, replies)
        if isinstance(replies[1], ErrorReply):
            raise Refused(self, replies[1])
        self.slots.add(slot)

    # -- what it says of itself ----------------------------------------------------

    def seen(self) -> list[Node]:
        """Return all nodes as this one sees them."""
        return [read_node(self.options, line) for line in text(self.must("CLUSTER", "NODES")).splitlines()]

    def load(self) -> list[Node]:
        """Read CLUSTER NODES: what it says of the node itself is taken over, the others are returned."""
        others = []
        for seen in self.seen():
            if "myself" not in seen.flags:
                others.append(seen)
                continue
            for name in ("id", "flags", "primary_id", "epoch", "slots", "migrating", "importing"):
                setattr(self, name, getattr(seen, name))
            self.bus_port = self.bus_port or seen.bus_port
        return others

    def configuration(self) -> str:
        """Return who owns what, in this node's eyes, in a form that is equal where nodes agree."""
        owners = []
        for line in text(self.must("CLUSTER", "NODES")).splitlines():
            fields = line.split(" ")
            taken = sorted(slot for slot in fields[_FEWEST_FIELDS:] if not slot.startswith("["))
            if taken:
                owners.append(f"{fields[0]}:{','.join(taken)}")
        return "|".join(sorted(owners))

    def describe(self, indent: int = 0, *, planned: bool = False) -> str:
        """Return its lines of a report; a replica that is only `planned` has no slots to speak of yet."""
        space = " " * indent
        kind = "S" if self.is_replica else "M"
        lines = [f"{space}{kind}: {self.id} {self.address}"]
        if not (planned and self.is_replica):
            flags = ",".join(flag for flag in self.flags if flag != "myself")
            lines.append(f"{space}   slots:{slot_names(self.slots)} ({len(self.slots)} slots) {flags}")
        if self.is_replica:
            lines.append(f"{space}   replicates {self.primary_id}")
        elif self.replicas:
            lines.append(f"{space}   {self.replicas} additional replica(s)")
        return "\n".join(lines) + "\n"


def _as_bytes(word: str | bytes | int) -> bytes:
    return word if isinstance(word, bytes) else str(word).encode("utf-8", "surrogateescape")


def _databases(info: dict[str, str]) -> list[int]:
    return sorted(int(name[2:]) for name in info if name[:2] == "db" and name[2:].isdigit())


def text(reply) -> str:
    """Return a reply's bytes as text."""
    return reply.decode("utf-8", "surrogateescape") if isinstance(reply, bytes) else str(reply)


def runs(slots) -> list[tuple[int, int]]:
    """Return the first and last of each run of consecutive slots."""
    found: list[tuple[int, int]] = []
    for slot in sorted(slots):
        if found and found[-1][1] == slot - 1:
            found[-1] = (found[-1][0], slot)
        else:
            found.append((slot, slot))
    return found


def slot_names(slots) -> str:
    """Return runs of slots as reports have them."""
    return ",".join(f"[{first}-{last}]" if first != last else f"[{first}]" for first, last in runs(slots))


def parse_address(address: str) -> tuple[str, int, int] | None:
    """Return host, port and bus port (0: not given) of `host:port[@bus port]`; None if it is none."""
    place, _, bus = address.partition("@")
    host, _, port = place.rpartition(":")
    if not host or not leading_integer(port):
        return None
    return host, leading_integer(port), leading_integer(bus)


def read_node(options, line: str) -> Node:
    """Return the node of a line of CLUSTER NODES. Raises `ClusterFailed`."""
    fields = line.split(" ")
    if len(fields) < _FEWEST_FIELDS:
        raise ClusterFailed("Error: invalid CLUSTER NODES reply")
    place, _, rest = fields[1].partition("@")
    host, _, port = place.rpartition(":")
    node = Node(options, host, leading_integer(port), leading_integer(rest))
    node.id, node.flags = fields[0], fields[2].split(",")
    node.primary_id = "" if fields[3] == "-" else fields[3]
    node.epoch, node.link_state = leading_integer(fields[6]), fields[7]
    for word in fields[_FEWEST_FIELDS:]:
        _read_slots(node, word)
    return node


def _read_slots(node: Node, word: str) -> None:
    for arrow, open_slots in (("->-", node.migrating), ("-<-", node.importing)):
        slot, found, other = word.strip("[]").partition(arrow)
        if found:
            open_slots[int(slot)] = other
            return
    first, _, last = word.partition("-")
    node.slots.update(range(int(first), int(last or first) + 1))


def load_node(options, host: str, port: int, bus_port: int = 0) -> Node:
    """Return a node that has told of itself. Raises `ClusterFailed`."""
    node = Node(options, host, port, bus_port)
    node.connection()
    must_be_clustered(node)
    node.load()
    return node


def must_be_clustered(node: Node) -> None:
    """Make sure that a node is in cluster mode. Raises `ClusterFailed`."""
    try:
        clustered = node.is_clustered()
    except Refused as refused:
        raise ClusterFailed(f"[ERR] Node {node.address} {refused.message}") from refused
    if not clustered:
        raise ClusterFailed(f"[ERR] Node {node.address} is not configured as a cluster node.")


def must_be_empty(node: Node) -> None:
    """Make sure that a node has no keys and no other nodes. Raises `ClusterFailed`."""
    if not node.is_empty():
        raise ClusterFailed(
            f"[ERR] Node {node.address} is not empty. Either the node already knows other nodes "
            "(check with CLUSTER NODES) or contains some key in database 0."
        )
