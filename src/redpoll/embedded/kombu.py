"""Celery and Kombu over a store of this process: a broker and a result backend without a server.

    import redpoll.embedded.kombu                    # makes the URLs known

    app = Celery(broker="redpoll://memory", backend="redpoll://memory")

The path of the URL is a database, as for Redis (`redpoll://memory/1`). Another store is named in the transport's
options, `broker_transport_options={"store": "redpoll:///var/lib/jobs.rdb"}`: workers in other processes find that too.
"""

from __future__ import annotations

import importlib
from typing import Any

from redpoll.embedded.clients import Connection

STORE = "redpoll://memory"
_transports: Any = importlib.import_module("kombu.transport")
_plain: Any = importlib.import_module("kombu.transport.redis")


class Channel(_plain.Channel):
    """A channel whose connections are sessions."""

    connection_class = Connection
    connection_class_ssl = Connection
    from_transport_options = (*_plain.Channel.from_transport_options, "store")
    store: Any = STORE

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        return {**super()._connparams(asynchronous), "store": self.store, "socket_timeout": None}


class Transport(_plain.Transport):
    """Kombu's transport for Redis, into a store."""

    Channel = Channel


_transports.TRANSPORT_ALIASES.setdefault("redpoll", f"{__name__}:Transport")

try:
    _backends: Any = importlib.import_module("celery.app.backends")
    _backend: Any = importlib.import_module("celery.backends.redis")
except ImportError:  # Kombu alone
    pass
else:

    class Backend(_backend.RedisBackend):
        """Celery's result backend for Redis, into a store."""

        def __init__(self, *args: Any, url: str | None = None, **kwargs: Any) -> None:
            database = (url or "").rpartition("/")[2]
            super().__init__(*args, url=f"redis://127.0.0.1/{database if database.isdigit() else 0}", **kwargs)
            self.connparams.update(connection_class=Connection, store=STORE, socket_timeout=None)

    _backends.BACKEND_ALIASES.setdefault("redpoll", f"{__name__}:Backend")
