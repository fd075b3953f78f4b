"""Two equal clusters of real nodes: one for `redis-cli --cluster`, one for `redpoll-cli --cluster`.

Nodes are named by their numbers: `{0}` in a command line is the first one's `host:port`, `{port0}` its port,
`{id0}` its ID. In what the clients print addresses and IDs are turned into `node0` and `<id0>`, so that both can
be compared; dots, one a second of waiting, are left out; and as a node tells of others in an order of its own, what is
said of nodes one after the other is sorted.
"""

from __future__ import annotations

import difflib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

from tests import peers
from tests.peers import Server
from tests.resp import Connection, ErrorReply

OURS = [sys.executable, "-m", "redpoll.cli"]
WAIT_SECONDS = 60.0
NODE_TIMEOUT = 3000  # busy machines have nodes that answer late; news spreads in less than half of it
THREE = ("0-5460", "5461-10922", "10923-16383")
_ABOUT_A_NODE = re.compile(
    r"^ *[MS]: .*\n(?:^ +(?:slots|replicates|\d+ additional).*\n)+"  # check
    r"|^node\d \(.*\n"  # info
    r"|^node\d: .*\n(?:\n)?"  # call
    r"|^(?:ERR setting|\*\*\* New timeout).*\n"  # set-timeout
    r"|^\[WARNING\] Node node\d has.*\n"  # open slots
    r"|^ +node\d\n"  # owners
    r"|^\*\*\* Found keys about slot.*\n"  # fix
    r"|(?:^|(?<=accept\): ))>>> Covering slot \d+ with.*\n"
    r"|^Migrating .* to node\d: OK\n"  # import
    r"|^>>> Node node\d -> Saving.*\n"  # backup
    r"|^SYNC sent.*\nTransfer.*\n",
    re.MULTILINE,
)


class Output(NamedTuple):
    """What a client printed, with its nodes named by number, and its exit code."""

    code: int
    text: str
    errors: str


def wait_until(condition: Callable[[], Any], what: str) -> None:
    """Wait for something that happens by itself."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {WAIT_SECONDS:g} seconds"
        time.sleep(0.02)


class Nodes:
    """Servers in cluster mode on this machine."""

    def __init__(self, name: str, count: int, each: Callable[[], dict] = dict, **options: str | int) -> None:
        """`each` returns more options, for one node at a time."""
        settings: dict[str, str | int] = {
            "cluster_enabled": "yes", "cluster_node_timeout": NODE_TIMEOUT, "cluster_config_file": "nodes.conf",
            "enable_debug_command": "yes", "repl_diskless_sync_delay": 0, "hz": 100,
            "cluster_allow_replica_migration": "no", "cluster_require_full_coverage": "no",
        }  # fmt: skip
        self.servers: list[Server] = []
        self.clients: list[Connection] = []
        self.names: dict[str, str] = {}  # more that words may name
        try:
            for _ in range(count):
                self.servers.append(peers.start(name, **{**settings, **options, **each()}))
        except BaseException:
            self.stop()
            raise
        self.clients = [server.connect(WAIT_SECONDS) for server in self.servers]

    def stop(self) -> None:
        """End the servers."""
        for client in self.clients:
            client.close()
        for server in self.servers:
            server.stop()

    def call(self, number: int, *words: bytes | str | int) -> Any:
        """Send a node a command; an error fails the test."""
        reply = self.clients[number].call(*words)
        assert not isinstance(reply, ErrorReply), (words, reply)
        return reply

    def port(self, number: int) -> int:
        """Where a node is reached: over TLS, if it has a port for that."""
        server = self.servers[number]
        return int(server.options.get("tls-port", server.port))

    def id(self, number: int) -> str:
        """A node's ID."""
        return self.call(number, "CLUSTER", "MYID").decode()

    def lines(self, number: int) -> list[list[str]]:
        """CLUSTER NODES of a node, in words."""
        return [line.split(" ") for line in self.call(number, "CLUSTER", "NODES").decode().splitlines()]

    def slots(self, number: int) -> str:
        """A node's slots in its own eyes, as CLUSTER NODES has them."""
        return " ".join(next(line[8:] for line in self.lines(number) if "myself" in line[2]))

    def keys(self, number: int) -> int:
        """How many keys a node has."""
        return self.call(number, "DBSIZE")

    # -- forming -------------------------------------------------------------------

    def reset(self) -> None:
        """Let every node forget its keys, functions, others and its ID."""
        for number, client in enumerate(self.clients):
            client.call("FLUSHALL")
            client.call("FUNCTION", "FLUSH")
            self.call(number, "CLUSTER", "RESET", "HARD")
            # So long a node waits, of a cluster that is whole now, until it takes writes.
            self.call(number, "CONFIG", "SET", "cluster-node-timeout", 500)

    def form(self, slots: tuple[str, ...], replicas: dict[int, int]) -> None:
        """Make a cluster: the first nodes are primaries with these slots, others follow one; the rest is alone."""
        if self._is_formed(slots, replicas):
            for number in range(len(slots)):
                self.call(number, "FLUSHALL")
            return
        self.reset()
        members = [*range(len(slots)), *replicas]
        for number in members:
            self.call(number, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            if number < len(slots) and slots[number]:
                for run in slots[number].split(" "):
                    first, _, last = run.partition("-")
                    self.call(number, "CLUSTER", "ADDSLOTSRANGE", first, last or first)
        for place, number in enumerate(members):
            for other in members[place + 1 :]:
                self.call(number, "CLUSTER", "MEET", "127.0.0.1", self.port(other))
        wait_until(lambda: all(self._knows(number, len(members)) for number in members), "the meeting of all nodes")
        for replica, primary in replicas.items():
            self.call(replica, "CLUSTER", "REPLICATE", self.id(primary))
        wait_until(lambda: self.agree(members), "agreement")
        for number in range(len(self.clients)):
            self.call(number, "CONFIG", "SET", "cluster-node-timeout", NODE_TIMEOUT)
        for replica in replicas:
            wait_until(lambda: b"master_link_status:up" in self.call(replica, "INFO", "replication"), "replication")  # noqa: B023

    def wait_for_replicas(self, number: int) -> None:
        """Until a node's replicas have what was written to it."""
        count = len(self.call(number, "CLUSTER", "REPLICAS", self.id(number)))
        written = self.call(number, "WAIT", count, int(WAIT_SECONDS * 1000))
        assert written >= count, f"{written} of {count} replicas have what was written"

    def _is_formed(self, slots: tuple[str, ...], replicas: dict[int, int]) -> bool:
        """Tell whether the cluster is such already."""
        members = [*range(len(slots)), *replicas]
        return (
            all(self._knows(number, len(members) if number in members else 1) for number in range(len(self.clients)))
            and all(self.slots(number) == text for number, text in enumerate(slots))
            and all(self.id(primary) == self._primary(replica) for replica, primary in replicas.items())
            and self.agree(members)
        )

    def _primary(self, number: int) -> str:
        return next(line[3] for line in self.lines(number) if "myself" in line[2])

    def _knows(self, number: int, count: int) -> bool:
        lines = self.lines(number)
        return len(lines) == count and all(line[7] == "connected" and "handshake" not in line[2] for line in lines)

    def agree(self, members: list[int]) -> bool:
        """Tell whether these nodes know the same of each other, and serve it."""
        views = set()
        for number in members:
            lines = [(line[0], line[3], *line[8:]) for line in self.lines(number)]
            views.add(tuple(sorted(line for line in lines)))
        return len(views) == 1 and all(
            b"cluster_state:ok" in self.call(number, "CLUSTER", "INFO") for number in members
        )

    # -- the clients -----------------------------------------------------------------

    def fill(self, word: str) -> str:
        """Put addresses and IDs where a word names them."""
        for name, value in self.names.items():
            word = word.replace(name, value)
        word = re.sub(r"\{(\d)\}", lambda found: f"127.0.0.1:{self.port(int(found[1]))}", word)
        word = re.sub(r"\{port(\d)\}", lambda found: str(self.port(int(found[1]))), word)
        return re.sub(r"\{id(\d)\}", lambda found: self.id(int(found[1])), word)

    def name(self, text: str, ids: list[str]) -> str:
        """Put numbers where a text has addresses and IDs."""
        for number, name in enumerate(ids):
            port = self.port(number)
            text = text.replace(name, f"<id{number}>").replace(f"{name[:8]}...", f"<id{number}>...")
            text = re.sub(rf"\b127\.0\.0\.1:{port}\b", f"node{number}", text)
            text = re.sub(rf"\b{port}\b", f"<port{number}>", text)
        for name, value in self.names.items():
            text = text.replace(value, name)
        text = re.sub(r"node\d(?:,node\d)+", lambda found: ",".join(sorted(found[0].split(","))), text)
        return _in_order(re.sub(r"(Waiting for the cluster to join\n)\.*\n", r"\1\n", text))

    def run(self, client: list[str], words: tuple[str, ...], typed: str, environment: dict[str, str]) -> Output:
        """Run a client with options and `--cluster` command line."""
        ids = [self.id(number) for number in range(len(self.servers))]
        done = subprocess.run(
            [*client, *map(self.fill, words)],
            input=self.fill(typed).encode(),
            capture_output=True,
            env={name: value for name, value in os.environ.items() if "CLI_" not in name} | environment,
            timeout=WAIT_SECONDS,
            check=False,
        )
        shown = [self.name(output.decode(), ids) for output in (done.stdout, done.stderr)]
        return Output(done.returncode, *shown)


class Pair:
    """`ours` and `theirs`, treated alike and at the same time."""

    def __init__(self, name: str, count: int) -> None:
        self._threads = ThreadPoolExecutor(2)
        self.their_client = [peers.find_tool("redis-cli")]
        self.our_client = OURS
        self.ours, self.theirs = self._threads.map(lambda _: Nodes(name, count), range(2))

    def stop(self) -> None:
        """End all servers."""
        for nodes in (self.ours, self.theirs):
            nodes.stop()
        self._threads.shutdown()

    def each(self, action: Callable[[Nodes], Any]) -> Any:
        """Do something to both; returns what it returned for ours."""
        return next(iter(list(self._threads.map(action, (self.ours, self.theirs)))))

    def form(self, *slots: str, replicas: dict[int, int] | None = None) -> None:
        """Make the same cluster of both, unless they are such already."""
        self.each(lambda nodes: nodes.form(slots or THREE, replicas or {}))

    def run(self, *words: str, typed: str = "") -> Output:
        """Run our client on our cluster."""
        return self.ours.run(self.our_client, ("--cluster", *words), typed, {"TERM": "dumb"})

    def same(self, *words: str, before: tuple[str, ...] = (), typed: str = "", **environment: str) -> Output:
        """Run both clients with `--cluster` and these words; they must do alike. Returns what ours did."""
        line = (*before, "--cluster", *words)
        environment = {"TERM": "dumb", **environment}
        ours = self._threads.submit(self.ours.run, self.our_client, line, typed, environment)
        theirs = self.theirs.run(self.their_client, line, typed, environment)
        both = [show(output).splitlines() for output in (ours.result(), theirs)]
        if both[0] != both[1]:
            difference = "\n".join(difflib.unified_diff(*both, "ours", "theirs", n=99, lineterm=""))
            pytest.fail(f"{' '.join(line)} differs:\n{difference}", pytrace=False)
        return theirs


def _in_order(text: str) -> str:
    """Sort what is said of one node after the other."""

    def sort(found: re.Match[str]) -> str:
        return "".join(
            sorted(_ABOUT_A_NODE.findall(found[0]), key=lambda about: (re.findall(r"(?:node|port)\d", about), about))
        )

    return re.sub(f"(?:{_ABOUT_A_NODE.pattern}){{2,}}", sort, text, flags=re.MULTILINE)


def show(output: Output) -> str:
    """Return an output as a text that is easily compared."""
    return f"exit code {output.code}\n--- output ---\n{output.text}--- errors ---\n{output.errors}"
