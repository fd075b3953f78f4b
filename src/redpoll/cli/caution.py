"""Asking before a command that is easily regretted, on a server that looks as if others depended on it."""

from __future__ import annotations

from collections.abc import Callable

from redpoll.cli.info import parse_info
from redpoll.cli.preferences import preferences_of
from redpoll.cli.replies import ConnectionLost, ErrorReply, ProtocolError

MANY_KEYS = 10_000
MANY_CLIENTS = 10


def danger_of(words: list[bytes]) -> str:
    """What a command does that is easily regretted; empty: nothing."""
    upper = [word.upper() for word in words]
    name, second = upper[0], upper[1] if len(upper) > 1 else b""
    if name == b"FLUSHALL":
        return "deletes every key of every database"
    if name == b"FLUSHDB":
        return "deletes every key of this database"
    if name == b"KEYS":
        return "looks at every key while everybody waits (SCAN does it in steps)"
    if name == b"SHUTDOWN" and second != b"ABORT":
        return "stops the server"
    if name == b"SWAPDB":
        return "changes what all clients of two databases see"
    if (name, second) in ((b"FUNCTION", b"FLUSH"), (b"SCRIPT", b"FLUSH")):
        return "deletes all that is loaded, which clients may count on"
    if name == b"DEBUG" and second in (
        b"SEGFAULT",
        b"PANIC",
        b"OOM",
        b"CRASH-AND-RECOVER",
        b"RESTART",
        b"SLEEP",
        b"FLUSHALL",
    ):
        return "hurts the server on purpose"
    if (name, second) in (
        (b"CLUSTER", b"RESET"),
        (b"CLUSTER", b"FLUSHSLOTS"),
        (b"REPLICAOF", second),
        (b"SLAVEOF", second),
    ):
        return "changes what this server is to others"
    return ""


def looks_like_production(info: dict[str, str]) -> str:
    """Why others may depend on a server, by its INFO; empty: nothing says so."""
    keys = sum(int(_field(value, "keys")) for name, value in info.items() if name[:2] == "db" and name[2:].isdigit())
    if keys > MANY_KEYS:
        return f"it holds {keys:,} keys"
    if int(info.get("connected_slaves") or 0):
        return f"{info['connected_slaves']} replicas follow it"
    if info.get("role") == "slave":
        return "it is a replica"
    if info.get("cluster_enabled") == "1":
        return "it is a node of a cluster"
    clients = int(info.get("connected_clients") or 0)
    if clients > MANY_CLIENTS:
        return f"{clients} clients are connected"
    return ""


def confirmed(session, words: list[bytes], ask: Callable[[str], str]) -> bool:
    """Whether to go on with a command: asks the user where that is wise."""
    danger = danger_of(words)
    if not danger:
        return True
    always = session.options.confirming
    preferences = preferences_of(session)
    if always is False or (always is None and not preferences.confirm):
        return True
    why = "" if always or preferences.confirm_everywhere else looks_like_production(_info(session))
    if not (always or preferences.confirm_everywhere or why):
        return True
    name = " ".join(word.decode("utf-8", "replace") for word in words[:2])
    looks = f", and this looks like a server in use ({why})" if why else ""
    answer = ask(f"{name} {danger}{looks}.\nGo on? [y/N] (`:set noconfirm` ends these questions) ")
    return answer.strip().lower() in ("y", "yes")


def _info(session) -> dict[str, str]:
    try:
        reply = session.ask(b"INFO")
    except (ConnectionLost, ProtocolError):
        session.disconnect()
        return {}
    if not isinstance(reply, bytes) or isinstance(reply, ErrorReply):
        return {}
    return parse_info(reply)


def _field(text: str, name: str) -> str:
    return dict(part.partition("=")[::2] for part in text.split(",")).get(name) or "0"
