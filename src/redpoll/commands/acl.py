"""ACL: users and their rules, and what was refused. `call.server.access` holds both."""

from typing import Any

from redpoll import errors
from redpoll.commands import declare
from redpoll.commands.declare import command, container
from redpoll.commands.flags import ADMIN, CATEGORIES, LOADING, NOSCRIPT, STALE
from redpoll.engine.numbers import read_int64
from redpoll.errors import CommandError
from redpoll.wire.values import ReplySet

_FLAGS = NOSCRIPT | LOADING | STALE
_MOST_BITS = 4096
_DEFAULT_BITS = 256
_DEFAULT_ENTRIES = 10

container(
    "ACL",
    summary="Manage users and what they may do.",
    group="server",
    since="6.0.0",
    complexity="Depends on the subcommand",
)


def _too_many(call: Any, most: int) -> None:
    if len(call.args) > most:
        raise CommandError(errors.subcommand_arity("ACL", call.args[1].decode("latin-1")))


@command("ACL CAT [category]", since="6.0.0", flags=_FLAGS, complexity="O(1)")
def acl_cat(call: Any) -> list[bytes]:
    """List the categories, or the commands of one."""
    _too_many(call, 3)
    if len(call.args) == 2:
        return [name.encode() for name in CATEGORIES]
    category = call.args[2].decode("latin-1").lower()
    if category not in CATEGORIES:
        raise CommandError(errors.unknown_category(call.args[2].decode("latin-1")))
    everything = [each for top in call.server.command_table.values() for each in (top, *top.subcommands.values())]
    return [each.name.encode() for each in everything if category in each.categories]


@command(
    "ACL DELUSER username [username ...]",
    since="6.0.0",
    flags=ADMIN | _FLAGS,
    complexity="O(1) for each user",
    tips="request_policy:all_nodes response_policy:all_succeeded",
)
def acl_deluser(call: Any) -> int:
    """Delete users and close their connections."""
    if b"default" in call.args[2:]:
        raise CommandError(errors.DEFAULT_USER_STAYS)
    return sum(call.server.access.delete_user(name, call.connection) for name in dict.fromkeys(call.args[2:]))


@command("ACL DRYRUN username command [arg [arg ...]]", since="7.0.0", flags=ADMIN | _FLAGS, complexity="O(1)")
def acl_dryrun(call: Any) -> str | bytes:
    """Tell whether a user could run a command, without running it."""
    access, words = call.server.access, call.args[3:]
    account = access.users.get(call.args[2])
    if account is None:
        raise CommandError(errors.user_not_found(call.args[2].decode("latin-1")))
    found = declare.lookup(words, call.server.command_table)
    if found is None:
        raise CommandError(errors.command_not_found(words[0].decode("latin-1")))
    if not declare.fits(found.arity, len(words)):
        raise CommandError(errors.wrong_arity(found.name))
    refusal = access.would_refuse(account, found, words, call.db.index)
    return "OK" if refusal is None else refusal.encode("latin-1")


@command("ACL GENPASS [bits]", since="6.0.0", flags=_FLAGS, complexity="O(1)")
def acl_genpass(call: Any) -> bytes:
    """Make up a password that is hard to guess."""
    _too_many(call, 3)
    bits = _DEFAULT_BITS
    if len(call.args) == 3:
        bits = call.parse_integer(call.args[2])
        if not 0 < bits <= _MOST_BITS:
            raise CommandError(errors.GENPASS_BITS)
    made: bytes = call.server.access.random_digits((bits + 3) // 4)
    return made


@command(
    "ACL GETUSER username",
    since="6.0.0",
    flags=ADMIN | _FLAGS,
    complexity="O(N) where N is the number of the user's rules",
    history=(
        ("6.2.0", "Tells channel patterns."),
        ("7.0.0", "Tells selectors; patterns are given as rules."),
        ("9.1.0", "Tells databases where not all are allowed."),
    ),
)
def acl_getuser(call: Any) -> dict[bytes, Any] | None:
    """Describe a user's rules."""
    account = call.server.access.users.get(call.args[2])
    if account is None:
        return None
    user = account.user
    return {
        b"flags": ReplySet(user.flags()),
        b"passwords": list(user.passwords),
        **_selector(user.root),
        b"selectors": [_selector(each) for each in user.selectors],
    }


def _selector(selector: Any) -> dict[bytes, bytes]:
    told = {
        b"commands": selector.commands_text(),
        b"keys": selector.keys_text(),
        b"channels": selector.channels_text(),
    }
    # Valkey's rules: who has none of them need not know.
    if not selector.all_databases:
        told[b"databases"] = selector.databases_text() if selector.databases else b""
    return told


@command("ACL LIST", since="6.0.0", flags=ADMIN | _FLAGS, complexity="O(N) where N is the number of users")
def acl_list(call: Any) -> list[bytes]:
    """List all users with their rules."""
    lines: list[bytes] = call.server.access.users.lines()
    return lines


@command("ACL LOAD", since="6.0.0", flags=ADMIN | _FLAGS, complexity="O(N) where N is the number of users")
def acl_load(call: Any) -> str:
    """Read the users anew from the ACL file."""
    call.server.access.load_file(call.connection)
    return "OK"


@command(
    "ACL LOG [count | RESET]=operation",
    since="6.0.0",
    flags=ADMIN | _FLAGS,
    complexity="O(N) where N is the number of entries returned",
    history=(("7.2.0", "Entries have an ID and the times they came and changed."),),
)
def acl_log(call: Any) -> str | list[dict[bytes, Any]]:
    """List refused commands and logins, or forget them."""
    _too_many(call, 3)
    log = call.server.access.log
    count = _DEFAULT_ENTRIES
    if len(call.args) == 3:
        if call.args[2].lower() == b"reset":
            log.reset()
            return "OK"
        number = read_int64(call.args[2])
        if number is None:
            raise CommandError(errors.NOT_AN_INTEGER)
        count = max(number, 0)
    now_ms = call.server.unix_us() // 1000
    return [
        {
            b"count": entry.count,
            b"reason": entry.reason.encode(),
            b"context": entry.context.encode(),
            b"object": entry.object,
            b"username": entry.user,
            b"age-seconds": (now_ms - entry.updated_ms) / 1000,
            b"client-info": entry.client,
            b"entry-id": entry.id,
            b"timestamp-created": entry.created_ms,
            b"timestamp-last-updated": entry.updated_ms,
        }
        for entry in log.newest(count)
    ]


@command(
    "ACL SAVE",
    since="6.0.0",
    flags=ADMIN | _FLAGS,
    complexity="O(N) where N is the number of users",
    tips="request_policy:all_nodes response_policy:all_succeeded",
)
def acl_save(call: Any) -> str:
    """Write the users to the ACL file."""
    call.server.access.save_file()
    return "OK"


@command(
    "ACL SETUSER username [rule [rule ...]]",
    since="6.0.0",
    flags=ADMIN | _FLAGS,
    complexity="O(N) where N is the number of rules",
    tips="request_policy:all_nodes response_policy:all_succeeded",
    history=(
        ("6.2.0", "Takes channel patterns."),
        ("7.0.0", "Takes selectors and key permissions."),
        ("9.1.0", "Takes rules of databases."),
    ),
)
def acl_setuser(call: Any) -> str:
    """Create a user or change its rules."""
    call.server.access.set_user(call.args[2], call.args[3:], call.connection)
    return "OK"


@command("ACL USERS", since="6.0.0", flags=ADMIN | _FLAGS, complexity="O(N) where N is the number of users")
def acl_users(call: Any) -> list[bytes]:
    """List the names of all users."""
    names: list[bytes] = call.server.access.users.names()
    return names


@command("ACL WHOAMI", since="6.0.0", flags=_FLAGS, complexity="O(1)")
def acl_whoami(call: Any) -> bytes:
    """Return the user that this connection is authenticated as."""
    name: bytes = call.connection.user.encode("latin-1")
    return name
