"""INFO: the server's state as text; `call.server.info(sections)` makes it."""

from typing import Any

from redpoll import values


def info(call: Any) -> values.Verbatim:
    """Return information and statistics about the server."""
    return values.Verbatim(call.server.info(call.args[1:]).encode(errors="surrogateescape"))
