"""`-I`: connections that only exist."""

from __future__ import annotations

import contextlib
import selectors

from redpoll.benchmark.runner import FILES_BESIDES, allow_files
from redpoll.benchmark.target import Refused, Target


def wait_idle(target: Target) -> int:
    """Open all connections and wait for ever. Raises `Refused` when the server does not want them."""
    options = target.options
    nodes = target.places()
    allow_files(options.clients + FILES_BESIDES)
    print(f"Creating {options.clients} idle connections and waiting forever (Ctrl+C when done)", flush=True)
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as opened:
        for number in range(options.clients):
            connection = target.open(nodes[number % len(nodes)])
            opened.callback(connection.close)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        while True:
            for key, _ in selector.select():
                data = key.data.socket.recv(4096)
                if data.startswith(b"-"):
                    raise Refused(f"Error from server: {data[1:].decode('utf-8', 'replace').strip()}")
                if not data:
                    raise Refused("Error: Server closed the connection")
