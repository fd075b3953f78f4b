"""What a store can be told: a path or a URL, and directives.

| URL                                       | store                                                         |
|-------------------------------------------|---------------------------------------------------------------|
| `redpoll://`                              | in memory, of the caller's own                                |
| `redpoll://memory`, `redpoll://memory/jobs` | in memory, one of each name in this process                 |
| `redpoll:///var/lib/app.rdb`              | in a file; other processes that open it share it              |
| `redpoll:app.rdb`                         | the same, from the working directory on                       |

What follows `?` are options of the client (`db=2`, `decode_responses=yes`) and directives of the store
(`appendonly=yes`, `maxmemory=64mb`), told apart by their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

SCHEME = "redpoll"

_NO = ("0", "f", "false", "n", "no", "off")
# Options of clients and how their texts are read.
_FLAG, _NUMBER, _SECONDS, _TEXT = "flag", "number", "seconds", "text"
CLIENT_OPTIONS = {
    "db": _NUMBER,
    "protocol": _NUMBER,
    "max_connections": _NUMBER,
    "decode_responses": _FLAG,
    "legacy_responses": _FLAG,
    "retry_on_timeout": _FLAG,
    "single_connection_client": _FLAG,
    "health_check_interval": _SECONDS,
    "socket_timeout": _SECONDS,
    "timeout": _SECONDS,
    "encoding": _TEXT,
    "encoding_errors": _TEXT,
    "client_name": _TEXT,
    "username": _TEXT,
    "password": _TEXT,
}


class Address(NamedTuple):
    """Where a store is: in a file (`path`), or in memory under a `name`, or of the caller's own (neither)."""

    path: str = ""
    name: str = ""
    client: Mapping[str, Any] = {}
    directives: Mapping[str, Any] = {}


def is_url(text: object) -> bool:
    """Whether a text is a URL of a store."""
    return isinstance(text, str) and text.startswith(f"{SCHEME}:")


def parse_url(url: str) -> Address:
    """Take a URL apart. Raises ValueError."""
    from urllib.parse import parse_qsl, unquote, urlsplit  # most stores have no URL

    parts = urlsplit(url)
    if parts.scheme != SCHEME:
        raise ValueError(f"{url!r} is no URL of a store: they begin with {SCHEME}:")
    client: dict[str, Any] = {}
    directives: dict[str, Any] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        key = name.replace("-", "_")
        if key in CLIENT_OPTIONS:
            client[key] = _read(key, value)
        else:
            directives[key] = value
    if parts.username:
        client["username"] = unquote(parts.username)
    if parts.password:
        client["password"] = unquote(parts.password)
    host = (parts.hostname or "").lower()
    path = unquote(parts.path)
    if host == "memory":
        return Address("", path.strip("/") or "memory", client, directives)
    if host:
        raise ValueError(
            f"{url!r}: a store has no host. It is {SCHEME}://memory, or a file, with three slashes: "
            f"{SCHEME}:///{host}{path}"
        )
    return Address(path if path.strip("/") else "", "", client, directives)


def read_flag(value: bool | str | None) -> bool | None:
    """A flag that may be a word of a URL."""
    return value.lower() not in _NO if isinstance(value, str) else value


def _read(name: str, value: str) -> Any:
    kind = CLIENT_OPTIONS[name]
    try:
        if kind is _NUMBER:
            return int(value)
        if kind is _SECONDS:
            return float(value)
    except ValueError:
        raise ValueError(f"Invalid value for '{name}' in a store's URL: {value!r}") from None
    return read_flag(value) if kind is _FLAG else value


def directive_words(directives: Mapping[str, Any]) -> list[str]:
    """Directives as a server's command line has them: `maxmemory="64mb"`, `appendonly=True`, `save=[(60, 1)]`."""
    words: list[str] = []
    for name, value in directives.items():
        if value is None:
            continue
        words.append("--" + name.replace("_", "-"))
        if isinstance(value, bool):
            words.append("yes" if value else "no")
        elif isinstance(value, (list, tuple)):
            flat = [part for item in value for part in (item if isinstance(item, (list, tuple)) else (item,))]
            words.extend([str(part) for part in flat] or [""])
        elif isinstance(value, str) and name in ("save", "client_output_buffer_limit", "bind"):
            words.extend(value.split() or [""])
        else:
            words.append(str(value))
    return words
