"""The CLIENT command: connections looked at, named, held back and closed."""

from typing import Any

from redpoll import errors
from redpoll.commands.client_filters import Filters
from redpoll.commands.declare import command, container
from redpoll.commands.flags import ADMIN, ALLOW_BUSY, LOADING, NOSCRIPT, STALE
from redpoll.errors import CommandError
from redpoll.wire import values

# Bits of a connection's gate; see server/connection.pxd.
_REPLY_OFF, _REPLY_SKIP_NEXT, _REPLY_SKIP, _NO_TOUCH = 4, 8, 16, 32

container(
    "CLIENT",
    summary="Look at connections and change them.",
    group="connection",
    since="2.4.0",
    complexity="Depends on the subcommand",
    help_since="5.0.0",
)


def _is_on(word: bytes) -> bool:
    if word.lower() not in (b"on", b"off"):
        raise CommandError(errors.SYNTAX)
    return word.lower() == b"on"


@command("CLIENT CACHING <YES | NO>=mode", since="6.0.0", flags=NOSCRIPT | LOADING | STALE, complexity="O(1)")
def client_caching(call: Any) -> str:
    """Say whether the next command's keys are tracked, under OPTIN or OPTOUT."""
    tracking = call.connection.tracking
    if tracking is None:
        raise CommandError(errors.CACHING_WITHOUT_TRACKING)
    word = call.args[2].lower()
    if word not in (b"yes", b"no"):
        raise CommandError(errors.SYNTAX)
    if word == b"yes" and not tracking.opt_in:
        raise CommandError(errors.CACHING_YES)
    if word == b"no" and not tracking.opt_out:
        raise CommandError(errors.CACHING_NO)
    tracking.caching = True
    return "OK"


@command(
    "CLIENT CAPA capability [capability ...]",
    since="8.0.0",
    flags=NOSCRIPT | LOADING | STALE | ALLOW_BUSY,
    complexity="O(1)",
)
def client_capa(call: Any) -> str:
    """Tell the server what this client is able to do."""
    call.connection.capabilities.update("r" for word in call.args[2:] if word.lower() == b"redirect")
    return "OK"


@command("CLIENT GETNAME", since="2.6.9", flags=NOSCRIPT | LOADING | STALE, complexity="O(1)")
def client_getname(call: Any) -> bytes | None:
    """Return this connection's name."""
    return call.connection.name or None


@command("CLIENT GETREDIR", since="6.0.0", flags=NOSCRIPT | LOADING | STALE, complexity="O(1)")
def client_getredir(call: Any) -> int:
    """Return to which connection invalidations are redirected."""
    tracking = call.connection.tracking
    return -1 if tracking is None else int(tracking.redirect)


@command("CLIENT ID", since="5.0.0", flags=NOSCRIPT | LOADING | STALE, complexity="O(1)")
def client_id(call: Any) -> int:
    """Return this connection's number."""
    number: int = call.connection.id
    return number


@command("CLIENT IMPORT-SOURCE <ON | OFF>", since="8.1.0", flags=NOSCRIPT | LOADING | STALE, complexity="O(1)")
def client_import_source(call: Any) -> str:
    """Mark this connection as the source of an import."""
    wanted = _is_on(call.args[2])
    if wanted and not call.server.config.import_mode:
        raise CommandError(errors.IMPORT_SOURCE_OUTSIDE)
    call.connection.import_source = wanted
    return "OK"


@command(
    "CLIENT INFO",
    since="6.2.0",
    flags=NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="nondeterministic_output",
)
def client_info(call: Any) -> values.Verbatim:
    """Describe this connection."""
    return values.Verbatim(f"{call.server.clients.describe(call.connection)}\n".encode("latin-1"))


@command(
    "CLIENT KILL <ip:port=old-format | <[ID client-id [client-id ...]] | "
    "[TYPE <NORMAL | MASTER | PRIMARY | SLAVE | REPLICA | PUBSUB>=client-type] | [USER username] | "
    "[ADDR ip:port=addr] | [LADDR ip:port=laddr] | [SKIPME <YES | NO>] | [MAXAGE maxage] | [NAME name] | "
    "[IDLE idle] | [FLAGS flags] | [LIB-NAME lib-name] | [LIB-VER lib-ver] | [DB db] | [CAPA capa] | [IP ip] "
    "| [NOT-TYPE <NORMAL | MASTER | PRIMARY | SLAVE | REPLICA | PUBSUB>=not-client-type] | "
    "[NOT-ID not-client-id [not-client-id ...]] | [NOT-USER not-username] | [NOT-ADDR ip:port=not-addr] | "
    "[NOT-LADDR ip:port=not-laddr] | [NOT-NAME not-name] | [NOT-FLAGS not-flags] | "
    "[NOT-LIB-NAME not-lib-name] | [NOT-LIB-VER not-lib-ver] | [NOT-DB not-db] | [NOT-CAPA not-capa] | "
    "[NOT-IP not-ip]>=new-format ...>=filter",
    since="2.4.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(N) where N is the number of connections",
    added={
        "2.8.12": "ID TYPE",
        "3.2.0": "MASTER",
        "5.0.0": "REPLICA",
        "6.2.0": "LADDR",
        "8.0.0": "PRIMARY MAXAGE",
        "9.0.0": "NAME IDLE FLAGS LIB-NAME LIB-VER DB CAPA IP NOT-TYPE NOT-ID NOT-USER NOT-ADDR NOT-LADDR NOT-NAME "
        "NOT-FLAGS NOT-LIB-NAME NOT-LIB-VER NOT-DB NOT-CAPA NOT-IP",
    },
    dropped={"2.8.12": "old-format"},
)
def client_kill(call: Any) -> str | int:
    """Close connections."""
    clients = call.server.clients
    if len(call.args) == 3:
        address = call.args[2].decode("latin-1")
        for connection in clients:
            if connection.address == address:
                clients.kill(connection, call.connection)
                return "OK"
        raise CommandError(errors.NO_SUCH_CLIENT)
    filters = Filters(call, call.args[2:], skip_me=True)
    met = [connection for connection in clients if filters.passes(connection)]
    for connection in met:
        clients.kill(connection, call.connection)
    return len(met)


@command(
    "CLIENT LIST [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>=client-type] [ID client-id [client-id ...]] "
    "[USER username] [ADDR ip:port=addr] [LADDR ip:port=laddr] [SKIPME <YES | NO>] [MAXAGE maxage] "
    "[NAME name] [IDLE idle] [FLAGS flags] [LIB-NAME lib-name] [LIB-VER lib-ver] [DB db] [CAPA capa] [IP ip] "
    "[NOT-TYPE <NORMAL | MASTER | REPLICA | PUBSUB>=not-client-type] "
    "[NOT-ID not-client-id [not-client-id ...]] [NOT-USER not-username] [NOT-ADDR ip:port=not-addr] "
    "[NOT-LADDR ip:port=not-laddr] [NOT-NAME not-name] [NOT-FLAGS not-flags] [NOT-LIB-NAME not-lib-name] "
    "[NOT-LIB-VER not-lib-ver] [NOT-DB not-db] [NOT-CAPA not-capa] [NOT-IP not-ip]",
    since="2.4.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(N) where N is the number of connections",
    tips="nondeterministic_output",
    added={
        "5.0.0": "TYPE",
        "6.2.0": "ID",
        "8.1.0": "USER ADDR LADDR SKIPME MAXAGE",
        "9.0.0": "NAME IDLE FLAGS LIB-NAME LIB-VER DB CAPA IP NOT-TYPE NOT-ID NOT-USER NOT-ADDR NOT-LADDR NOT-NAME "
        "NOT-FLAGS NOT-LIB-NAME NOT-LIB-VER NOT-DB NOT-CAPA NOT-IP",
    },
    history=(
        ("2.8.12", "Field id."),
        ("6.0.0", "Field user."),
        ("6.2.0", "Fields argv-mem, tot-mem, laddr and redir."),
        ("7.0.0", "Fields resp, multi-mem, rbs and rbp."),
        ("7.0.3", "Field ssub."),
        ("7.2.0", "Fields lib-name and lib-ver."),
        ("7.4.0", "Field watch."),
        ("8.0.0", "Field io-thread."),
    ),
)
def client_list(call: Any) -> values.Verbatim:
    """Describe all connections, or those that pass filters."""
    clients = call.server.clients
    filters = Filters(call, call.args[2:], skip_me=False, bad_id=errors.INVALID_CLIENT_ID)
    lines = [clients.describe(connection) + "\n" for connection in clients if filters.passes(connection)]
    return values.Verbatim("".join(lines).encode("latin-1"))


@command("CLIENT NO-EVICT <ON | OFF>", since="7.0.0", flags=ADMIN | NOSCRIPT | LOADING | STALE, complexity="O(1)")
def client_no_evict(call: Any) -> str:
    """Exempt this connection from client eviction."""
    call.connection.no_evict = _is_on(call.args[2])
    return "OK"


@command("CLIENT NO-TOUCH <ON | OFF>", since="7.2.0", flags=NOSCRIPT | LOADING | STALE, complexity="O(1)")
def client_no_touch(call: Any) -> str:
    """Say whether this connection's commands count as access to keys."""
    if _is_on(call.args[2]):
        call.connection.gate |= _NO_TOUCH
    else:
        call.connection.gate &= ~_NO_TOUCH
    return "OK"


@command(
    "CLIENT PAUSE timeout [WRITE | ALL]=mode",
    since="3.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    added={"6.2.0": "mode"},
)
def client_pause(call: Any) -> str:
    """Hold back the commands of all clients for a while."""
    everything = True
    if len(call.args) == 4:
        mode = call.args[3].lower()
        if mode not in (b"write", b"all"):
            raise CommandError(errors.PAUSE_MODE)
        everything = mode == b"all"
    try:
        milliseconds = call.parse_integer(call.args[2])
    except CommandError:
        raise CommandError(errors.not_in_range("timeout")) from None
    if milliseconds < 0:
        raise CommandError(errors.NEGATIVE_TIMEOUT)
    if milliseconds > (1 << 63) - 1 - call.now_ms:
        raise CommandError(errors.TIMEOUT_RANGE)
    call.server.clients.pause(milliseconds, everything, call.now_ms)
    return "OK"


@command("CLIENT REPLY <ON | OFF | SKIP>=action", since="3.2.0", flags=NOSCRIPT | LOADING | STALE, complexity="O(1)")
def client_reply(call: Any) -> Any:
    """Switch replies to this connection on or off."""
    mode = call.args[2].lower()
    if mode == b"on":
        # The reply of this very command is the first one that goes out again.
        call.connection.gate &= ~(_REPLY_OFF | _REPLY_SKIP)
        call.server.loop.send(call.connection, "OK")
    elif mode == b"off":
        call.connection.gate |= _REPLY_OFF
    elif mode == b"skip":
        if not call.connection.gate & _REPLY_OFF:
            call.connection.gate |= _REPLY_SKIP_NEXT
    else:
        raise CommandError(errors.SYNTAX)
    return values.NO_REPLY


@command(
    "CLIENT SETINFO <LIB-NAME libname | LIB-VER libver>=attr",
    since="7.2.0",
    flags=NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="request_policy:all_nodes response_policy:all_succeeded",
)
def client_setinfo(call: Any) -> str:
    """Tell the name or version of the client library."""
    option, value = call.args[2].lower(), call.args[3]
    if option not in (b"lib-name", b"lib-ver"):
        raise CommandError(errors.unrecognized_option(call.args[2].decode("latin-1")))
    if any(not 0x21 <= byte <= 0x7E for byte in value):
        raise CommandError(errors.bad_client_info(call.args[2].decode("latin-1")))
    if option == b"lib-name":
        call.connection.library_name = value
    else:
        call.connection.library_version = value
    return "OK"


@command(
    "CLIENT SETNAME connection-name",
    since="2.6.9",
    flags=NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="request_policy:all_nodes response_policy:all_succeeded",
)
def client_setname(call: Any) -> str:
    """Name this connection."""
    call.connection.name = checked_name(call.args[2])
    return "OK"


def checked_name(name: bytes) -> bytes:
    """A name that a connection may have; raises for one that would break CLIENT LIST's lines."""
    if any(not 0x21 <= byte <= 0x7E for byte in name):
        raise CommandError(errors.BAD_CLIENT_NAME)
    return name


@command(
    "CLIENT TRACKING <ON | OFF>=status [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] "
    "[OPTIN] [OPTOUT] [NOLOOP]",
    since="6.0.0",
    flags=NOSCRIPT | LOADING | STALE,
    complexity="O(1), and O(N) for N prefixes",
)
def client_tracking(call: Any) -> str:
    """Switch client-side caching on or off for this connection."""
    words = call.args
    chosen: dict[bytes, bool] = dict.fromkeys((b"BCAST", b"OPTIN", b"OPTOUT", b"NOLOOP"), False)
    prefixes: list[bytes] = []
    redirect = 0
    at = 3
    while at < len(words):
        option = words[at].upper()
        if option == b"REDIRECT" and at + 1 < len(words):
            if redirect:
                raise CommandError(errors.ONE_REDIRECT)
            at += 1
            redirect = call.parse_integer(words[at])
            if call.server.clients.by_id(redirect) is None:
                raise CommandError(errors.NO_REDIRECT_CLIENT)
        elif option == b"PREFIX" and at + 1 < len(words):
            at += 1
            prefixes.append(words[at])
        elif option in chosen:
            chosen[option] = True
        else:
            raise CommandError(errors.SYNTAX)
        at += 1
    if _is_on(words[2]):
        if prefixes and not chosen[b"BCAST"]:
            raise CommandError(errors.PREFIX_WITHOUT_BCAST)
        call.server.tracking.start(
            call.connection,
            broadcast=chosen[b"BCAST"],
            opt_in=chosen[b"OPTIN"],
            opt_out=chosen[b"OPTOUT"],
            no_loop=chosen[b"NOLOOP"],
            redirect=redirect,
            prefixes=prefixes,
        )
    else:
        call.server.tracking.stop(call.connection)
    return "OK"


@command("CLIENT TRACKINGINFO", since="6.2.0", flags=NOSCRIPT | LOADING | STALE, complexity="O(1)")
def client_trackinginfo(call: Any) -> dict[bytes, Any]:
    """Describe how this connection tracks keys."""
    tracking = call.connection.tracking
    if tracking is None:
        return {b"flags": values.ReplySet((b"off",)), b"redirect": -1, b"prefixes": []}
    return {
        b"flags": values.ReplySet(tracking.flags()),
        b"redirect": tracking.redirect,
        b"prefixes": list(tracking.prefixes),
    }


@command(
    "CLIENT UNBLOCK client-id [TIMEOUT | ERROR]=unblock-type",
    since="5.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(log N) where N is the number of connections",
)
def client_unblock(call: Any) -> int:
    """Wake a connection that waits in a blocking command."""
    if len(call.args) > 4:
        raise CommandError(errors.subcommand_arity("CLIENT", call.args[1].decode("latin-1")))
    if len(call.args) == 4 and call.args[3].lower() not in (b"timeout", b"error"):
        raise CommandError(errors.UNBLOCK_REASON)
    waiting = call.server.clients.by_id(call.parse_integer(call.args[2]))
    if waiting is None:
        return 0
    by_error = len(call.args) == 4 and call.args[3].lower() == b"error"
    return int(call.server.blocking.unblock(waiting, errors.UNBLOCKED if by_error else None))


@command(
    "CLIENT UNPAUSE",
    since="6.2.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(N) where N is the number of paused clients",
)
def client_unpause(call: Any) -> str:
    """End a pause of the clients."""
    call.server.clients.unpause()
    return "OK"
