"""The state of a connection: who it is, which protocol it speaks, and its end."""

from typing import Any

from redpoll import errors
from redpoll.commands.client import checked_name
from redpoll.commands.declare import command
from redpoll.commands.flags import (
    ADMIN,
    ALLOW_BUSY,
    FAST,
    FOR_SUBSCRIBERS,
    LOADING,
    NO_AUTH,
    NOSCRIPT,
    RUNS_IN_MULTI,
    STALE,
)
from redpoll.errors import CommandError
from redpoll.wire.values import NO_REPLY

_UNAUTHENTICATED = 1
_ALWAYS = RUNS_IN_MULTI | FOR_SUBSCRIBERS


@command(
    "AUTH [username] password",
    group="connection",
    since="1.0.0",
    flags=NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY,
    complexity="O(N) where N is the number of the user's passwords",
    added={"6.0.0": "username"},
)
def auth(call: Any) -> Any:
    """Authenticate the connection."""
    access, words = call.server.access, call.args[1:]
    if len(words) > 2:
        raise CommandError(errors.SYNTAX)
    if len(words) == 1 and access.users.default.user.no_password:
        raise CommandError(errors.AUTH_WITHOUT_PASSWORD)
    if not access.may_try(call):
        return NO_REPLY
    access.log_in(call, *(words if len(words) == 2 else (b"default", words[0])))
    return "OK"


@command(
    "HELLO [protover [AUTH username password] [SETNAME clientname]]=arguments",
    group="connection",
    since="6.0.0",
    flags=NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY,
    complexity="O(1)",
    history=(("6.2.0", "The version may be left out."),),
)
def hello(call: Any) -> Any:
    """Agree on the protocol version, authenticate and name the connection."""
    words = call.args[1:]
    version = 0
    if words:
        try:
            version = call.parse_integer(words[0])
        except CommandError:
            raise CommandError(errors.not_in_range("Protocol version")) from None
        if version not in (2, 3):
            raise CommandError(errors.NO_PROTO)
    credentials: tuple[bytes, bytes] | None = None
    name: bytes | None = None
    at = 1
    while at < len(words):
        option = words[at].upper()
        if option == b"AUTH" and at + 2 < len(words):
            credentials = words[at + 1], words[at + 2]
            at += 3
        elif option == b"SETNAME" and at + 1 < len(words):
            name = checked_name(words[at + 1])
            at += 2
        else:
            raise CommandError(errors.hello_syntax(words[at].decode("latin-1")))
    if credentials is not None:
        if not call.server.access.may_try(call):
            return NO_REPLY
        call.server.access.log_in(call, *credentials)
    elif call.connection.gate & _UNAUTHENTICATED:
        raise CommandError(errors.HELLO_WITHOUT_AUTH)
    if name is not None:
        call.connection.name = name
    if version:
        call.connection.resp = version
    server = call.server
    facts = {
        b"server": b"redis",
        b"version": server.redis_version.encode(),
        b"proto": call.connection.resp,
        b"id": call.connection.id,
        b"mode": b"standalone",
        b"role": b"master",
        b"modules": [],
    }
    if server.config.availability_zone:
        facts[b"availability_zone"] = server.config.availability_zone.encode()
    return facts


@command(
    "QUIT",
    group="connection",
    since="1.0.0",
    flags=NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | _ALWAYS,
    complexity="O(1)",
    deprecated="7.2.0",
    replaced_by="closing the connection",
    arity=-1,
)
def quit_(call: Any) -> str:
    """Close the connection."""
    call.connection.closing_reason = "QUIT"
    call.server.loop.close_after_reply(call.connection)
    return "OK"


@command(
    "RESET",
    group="connection",
    since="6.2.0",
    flags=NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | _ALWAYS,
    complexity="O(1)",
)
def reset(call: Any) -> str:
    """Put the connection into the state it began with."""
    call.server.clients.reset(call.connection)
    return "RESET"


@command(
    "MONITOR",
    group="server",
    since="1.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1) for each command served",
)
def monitor(call: Any) -> str:
    """Stream every command that the server runs."""
    call.server.clients.start_monitoring(call.connection)
    return "OK"
