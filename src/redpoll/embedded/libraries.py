"""A client library, redis-py (5 and newer) or valkey-py: what is taken from it, and where versions differ.

Only what is asked for is imported: who never uses asyncio's clients does not pay for them.
"""

from __future__ import annotations

import copy
import importlib
import inspect
import sys
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

#: What the mixins of this room, which know a library only once it is imported, derive from as type checkers see it.
Unknown: Any = object


class Library:
    """The library `name`: `redis` or `valkey`. Raises ImportError when it is not installed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.base: Any = importlib.import_module(name)
        self.client: Any = importlib.import_module(f"{name}.client")
        self.connection: Any = importlib.import_module(f"{name}.connection")
        self.errors: Any = self.base.exceptions
        self.client_name = "Redis" if name == "redis" else "Valkey"
        self.client_class: Any = getattr(self.base, self.client_name)
        found = getattr(self.connection, "time", None)
        self.clock: Callable[[], float] = found if callable(found) else time.monotonic

    @cached_property
    def async_client(self) -> Any:
        """The module of asyncio's client."""
        return importlib.import_module(f"{self.name}.asyncio.client")

    @cached_property
    def async_connection(self) -> Any:
        """The module of asyncio's connections."""
        return importlib.import_module(f"{self.name}.asyncio.connection")

    @cached_property
    def async_client_class(self) -> Any:
        """The client for asyncio."""
        return getattr(self.async_client, self.client_name)

    @cached_property
    def makes_sets(self) -> bool:
        """Whether its parser makes a set of a set, as older ones do, and not a list: one is shown to it."""
        parsers = importlib.import_module(f"{self.name}._parsers")
        usual: Any = self.connection.DefaultParser
        try:
            # hiredis, or the one for RESP3 of those that are written in Python.
            parser = (usual if usual is parsers._HiredisParser else parsers._RESP3Parser)(100)
            parser.on_connect(_Shown())
            return isinstance(parser.read_response(), set)
        except Exception:
            return False

    def facts(self, given: dict[str, Any]) -> dict[str, Any]:
        """What a connection is to be told besides what is `given`.

        The library's name and version, where it would look the version up on the disk for each connection.
        """
        if self._driver_info is None or not given.keys().isdisjoint(("driver_info", "lib_name", "lib_version")):
            return {}
        return {"driver_info": self._driver_info(lib_version=self.base.__version__)}

    @cached_property
    def _driver_info(self) -> Any:
        try:
            found: Any = importlib.import_module(f"{self.name}.driver_info").DriverInfo
            found(lib_version=self.base.__version__)
        except (ImportError, TypeError):
            return None
        return found

    @property
    def measures(self) -> bool:
        """Whether its own metrics are switched on: they are taken on its own way only."""
        providers: Any = sys.modules.get(f"{self.name}.observability.providers")
        return providers is not None and bool(providers.get_observability_instance().is_enabled())

    def usual_retry(self, client_class: Any) -> Any:
        """How often a client of its own tries again, unless it is told."""
        parameter = inspect.signature(client_class.__init__).parameters.get("retry")
        return copy.deepcopy(parameter.default) if parameter is not None else None


class _Shown:
    """A connection, and the socket in it, with a set to be read."""

    decode_responses = False
    encoding, encoding_errors = "utf-8", "strict"
    socket_timeout = None

    @property
    def encoder(self) -> Any:
        return self

    @property
    def _sock(self) -> Any:
        return self

    def recv(self, _size: int) -> bytes:
        return b"~1\r\n:1\r\n"

    def recv_into(self, buffer: Any, *_: Any) -> int:
        shown = self.recv(0)
        buffer[: len(shown)] = shown
        return len(shown)

    def settimeout(self, _seconds: float | None) -> None:
        pass


def handle_push(parser: Any, message: list[Any]) -> Any:
    """Hand a message that came out of turn to whoever waits for it; what is to be given to who reads."""
    if not hasattr(parser, "handle_push_response"):
        return message
    try:
        return parser.handle_push_response(message)
    except TypeError:
        # As older versions had it: (response, disable_decoding, push_request).
        return parser.handle_push_response(message, False, True)
