"""What scripted servers share: a free port of the loopback, a thread for each connection, requests cut into words."""

from __future__ import annotations

import socketserver
import threading
from typing import Self


class RequestHandler(socketserver.StreamRequestHandler):
    """One connection."""

    def read_request(self) -> tuple[list[bytes], bytes]:
        """The words of the next request, and its bytes; no words at the end of the connection."""
        line = self.rfile.readline()
        if line and not line.startswith(b"*"):
            return line.split(), line
        raw, words = [line], []
        for _ in range(int(line[1:]) if line else 0):
            length = self.rfile.readline()
            word = self.rfile.read(int(length[1:]) + 2)
            raw += [length, word]
            words.append(word[:-2])
        return words, b"".join(raw)


class Listener(socketserver.ThreadingTCPServer):
    """Listens until it is closed, or its block ends."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handler: type[RequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in between is no news."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server_address[1]

    def close(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()
        self._thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
