"""Stand-in."""
from types import SimpleNamespace
from typing import Any


class Clients:
    """Who is connected."""

    def __init__(self, server: Any) -> None:
        self.server = server

    def opened(self, connection: Any) -> None: ...
    def client_closed(self, connection: Any) -> None: ...
    def cron(self, now_ms: int) -> None: ...
    def password_changed(self) -> None: ...
    def postpone(self, connection: Any) -> None: ...
    def tell_monitors(self, *a: Any) -> None: ...
    def notable_command(self, *a: Any) -> None: ...

    def describe(self, connection: Any) -> str:
        return f"id={connection.id} addr={connection.address}"

    def is_local(self, connection: Any) -> bool:
        return True

    def figures(self) -> Any:
        return SimpleNamespace(connected_clients=len(self.server.loop.connections))
