"""DEBUG: what tests of servers and clients use to look inside, and to bring rare things about."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

import redpoll.engine.table_shapes as table_shapes
from redpoll import errors
from redpoll.commands.dataset_digest import EMPTY, digest_of_all, digest_of_value
from redpoll.commands.declare import command
from redpoll.commands.flags import ADMIN, LOADING, NOSCRIPT, PROTECTED, STALE
from redpoll.errors import CommandError
from redpoll.formats.payload import verify_checksums
from redpoll.wire import values

#: Functions that add to DEBUG OBJECT what they know of a key's value; each takes the database and the key.
OBJECT_DETAILS: list[Callable[[Any, bytes], str]] = []
_SUBCOMMANDS: dict[str, tuple[Callable[..., Any], int, int]] = {}


def _subcommand(
    usage: str, *, least: int = 0, most: int | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a subcommand; its function takes the call and the words behind its own name."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        _SUBCOMMANDS[usage] = (function, least, least if most is None else most)
        return function

    return register


subcommand = _subcommand


@command(
    "DEBUG subcommand [argument [argument ...]]",
    group="server",
    since="1.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE | PROTECTED,
    complexity="Depends on the subcommand",
    syscmd=True,
)
def debug(call: Any) -> Any:
    """Tools for debugging and for tests."""
    allowed = call.server.config.enable_debug_command
    if allowed == "no" or (allowed == "local" and not call.server.clients.is_local(call.connection)):
        raise CommandError(errors.DEBUG_NOT_ALLOWED)
    words = call.args[2:]
    name = call.args[1].decode("latin-1").upper()
    for usage, (function, least, most) in _SUBCOMMANDS.items():
        if usage.partition(" ")[0] == name and least <= len(words) <= most:
            return function(call, *words)
    raise CommandError(errors.subcommand_arity("DEBUG", call.args[1].decode("latin-1")))


@_subcommand("HELP")
def _help(_call: Any) -> list[str]:
    """Print this help."""
    lines = ["DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"]
    for usage, (function, _, _) in sorted(_SUBCOMMANDS.items()):
        if usage != "HELP":
            lines += [usage, f"    {(function.__doc__ or '').partition(chr(10))[0]}"]
    return [*lines, "HELP", "    Print this help."]


@_subcommand("SLEEP <seconds>", least=1)
def _sleep(_call: Any, seconds: bytes) -> str:
    """Block the server for so many seconds, decimals allowed."""
    try:
        duration = float(seconds)
    except ValueError:
        duration = 0.0
    time.sleep(max(duration, 0.0))
    return "OK"


@_subcommand("SET-ACTIVE-EXPIRE <0|1>", least=1)
def _set_active_expire(call: Any, wanted: bytes) -> str:
    """Switch the removal of expired keys that nobody asks for off or on."""
    call.server.loop.active_expire = wanted == b"1"
    return "OK"


@_subcommand("OBJECT <key>", least=1, most=2)
def _object(call: Any, key: bytes, *_fast: bytes) -> str:
    """Show how a key's value is stored."""
    found = call.db.describe(key)
    if found is None:
        raise CommandError(errors.NO_SUCH_KEY)
    return (
        f"Value at:0x{found['address']:x} refcount:{found['references']} encoding:{found['encoding']} "
        f"serializedlength:{found['length']} lru:{found['clock']} lru_seconds_idle:{found['idle']}"
        + "".join(details(call.db, key) for details in OBJECT_DETAILS)
    )


@_subcommand("DIGEST")
def _digest(call: Any) -> str:
    """Return a digest of all data, the same for the same data in any order."""
    return digest_of_all(call.server.keyspace.databases).hex()


@_subcommand("DIGEST-VALUE <key> [<key> ...]", least=1, most=1 << 20)
def _digest_value(call: Any, *keys: bytes) -> list[str]:
    """Return the digest of each key's value, zeros for a missing one."""
    return [(digest_of_value(call.db, key) or EMPTY).hex() for key in keys]


@_subcommand("POPULATE <count> [<prefix>] [<size>]", least=1, most=3)
def _populate(call: Any, count: bytes, prefix: bytes = b"key", size: bytes = b"") -> str:
    """Make so many keys named prefix:number, with values of this size, where there are none yet."""
    length = call.parse_integer(size) if size else 0
    for number in range(call.parse_integer(count)):
        key = b"%s:%d" % (prefix, number)
        if call.db.expiry(key) is None:
            value = b"value:%d" % number
            call.db.put(key, value[:length].ljust(length, b"\0") if length else value)
            call.mark(8, "set", key)
    return "OK"


@_subcommand("RELOAD [MERGE] [NOFLUSH] [NOSAVE]", most=1 << 10)
def _reload(call: Any, *options: bytes) -> str:
    """Save, empty all databases, and load what was saved.

    NOSAVE loads what is there already; NOFLUSH keeps what is in memory, and MERGE lets the file's keys replace it.
    """
    words = {word.upper() for word in options}
    if not words <= {b"MERGE", b"NOFLUSH", b"NOSAVE"}:
        raise CommandError(errors.RELOAD_OPTIONS)
    persistence = call.server.persistence
    try:
        persistence.reload(saving=b"NOSAVE" not in words, flushing=b"NOFLUSH" not in words, replacing=b"MERGE" in words)
    except persistence.LoadError as error:
        call.server.log.warning(str(error))
        raise CommandError(errors.RELOAD_FAILED) from error
    return "OK"


@_subcommand("LOADAOF")
def _load_log(call: Any) -> Any:
    """Write what there is of the append-only log, empty all databases, and load it."""
    persistence, client = call.server.persistence, call.connection.id
    job = _loading.get(client)
    if job is None:
        job = _loading[client] = persistence.reload_log()
    if not job.done:
        # Commands cannot be replayed while this one runs.
        if call.wait_for_time(0, lambda: "OK", 1):
            return values.NO_REPLY
        job.error = "in a transaction"
    del _loading[client]
    if job.error:
        call.server.log.warning(job.error)
        raise CommandError(errors.LOAD_LOG_FAILED)
    return "OK"


# What clients wait for that sent DEBUG LOADAOF, by their IDs.
_loading: dict[int, Any] = {}


@_subcommand("AOF-FLUSH-SLEEP <microsec>", least=1)
def _flush_slowly(call: Any, microseconds: bytes) -> str:
    """Have every write of the append-only log take so much longer."""
    call.server.persistence.log.slow_down(call.parse_integer(microseconds))
    return "OK"


@_subcommand("SET-SKIP-CHECKSUM-VALIDATION <0|1>", least=1)
def _skip_checksums(_call: Any, wanted: bytes) -> str:
    """Take RESTORE's payloads whatever their checksum says."""
    verify_checksums(wanted != b"1")
    return "OK"


@_subcommand("PROTOCOL <type>", least=1)
def _protocol(_call: Any, kind: bytes) -> Any:
    """Answer a value of a protocol type: string, integer, double, null, array, set, map, attrib, push, verbatim."""
    answers: dict[bytes, Any] = {
        b"string": b"Hello World",
        b"integer": 12345,
        b"double": 3.141,
        b"null": None,
        b"array": [0, 1, 2],
        b"set": values.ReplySet((0, 1, 2)),
        b"map": values.Map(((0, False), (1, True), (2, False))),
        b"push": values.Push((b"server-cpu-usage", 42)),
        b"verbatim": values.Verbatim(b"This is a verbatim\nstring"),
        b"true": True,
        b"false": False,
        b"bignum": values.BigNumber(1234567999999999999999999999999999999),
    }
    name = kind.lower()
    if name == b"attrib":
        _call.reply_attribute({b"key-popularity": [b"key:123", 90]})
        return b"Some real reply following the attribute"
    if name not in answers:
        raise CommandError(
            "ERR Wrong protocol type name. Please use one of the following: "
            "string|integer|double|null|array|set|map|attrib|push|verbatim|true|false"
        )
    return answers[name]


@_subcommand("ERROR <string>", least=1)
def _error(_call: Any, text: bytes) -> Any:
    """Answer an error with this text, code included."""
    raise CommandError(text.decode("latin-1"))


@_subcommand("LOG <message>", least=1)
def _log(call: Any, message: bytes) -> str:
    """Write a message to the log."""
    call.server.log.warning(f"DEBUG LOG: {message.decode('utf-8', 'replace')}")
    return "OK"


@_subcommand("LEAK <string>", least=1)
def _leak(_call: Any, text: bytes) -> str:
    """Leak memory, so that a leak checker has something to find."""
    _LEAKED.append(text)
    return "OK"


_LEAKED: list[bytes] = []


@_subcommand("SEGFAULT")
def _segfault(_call: Any) -> None:
    """Crash the server as an invalid memory access does."""
    os.kill(os.getpid(), signal.SIGSEGV)


@_subcommand("PANIC")
def _panic(call: Any) -> None:
    """Crash the server as a failed check does."""
    call.server.log.warning("DEBUG PANIC called")
    os.abort()


@_subcommand("ASSERT")
def _assert(call: Any) -> None:
    """Crash the server as a failed assertion does."""
    call.server.log.warning("DEBUG ASSERT called")
    os.abort()


@_subcommand("RESTART [<milliseconds>]", most=1)
def _restart(call: Any, *_delay: bytes) -> None:
    """End the process as a planned restart does; whoever supervises it starts it again."""
    call.server.stop("DEBUG RESTART called")


@_subcommand("HTSTATS <dbid> [full]", least=1, most=2)
def _htstats(call: Any, index: bytes, *full: bytes) -> values.Verbatim:
    """Show the shape of a database's table and of its index of expiry."""
    number = call.parse_integer(index)
    databases = call.server.keyspace.databases
    if not 0 <= number < len(databases):
        raise CommandError("ERR Out of range database")
    shape = databases[number].shape()
    text = (
        f"[Dictionary HT]\n{_table_text(shape, full)}"
        f"[Expires HT]\n number of elements: {shape['expires']}\n records: {shape['expiry_records']}\n"
    )
    return values.Verbatim(text.encode())


def _table_text(shape: dict[str, int], full: Sequence[bytes]) -> str:
    """Facts of a table, as other servers word them where they have the like; a bucket has seven slots."""
    text = (
        f"Hash table 0 stats (main hash table):\n table size: {shape['buckets'] * 7}\n"
        f" number of elements: {shape['entries']}\n"
    )
    if [word.lower() for word in full] != [b"full"]:
        return text
    return text + (
        f" different slots: {shape['buckets']}\n chained buckets: {shape['chained']}\n"
        f" max chain length: {shape['longest_chain']}\n"
    )


@_subcommand("HTSTATS-KEY <key> [full]", least=1, most=2)
def _htstats_key(call: Any, key: bytes, *full: bytes) -> values.Verbatim:
    """Show the shape of the table that a key's value is stored in."""
    if call.db.expiry(key) is None:
        raise CommandError(errors.NO_SUCH_KEY)
    shape = table_shapes.shape(call.db, key)
    if shape is None:
        raise CommandError(errors.NOT_A_TABLE)
    return values.Verbatim(_table_text(shape, full).encode())


@_subcommand("SDSLEN <key>", least=1)
def _sdslen(call: Any, key: bytes) -> str:
    """Show the lengths of a key and its string value, and the room that they have."""
    value = call.db.get(key)
    if value is None:
        raise CommandError(errors.NO_SUCH_KEY)
    return (
        f"key_sds_len:{len(key)}, key_sds_avail:0, key_zmalloc: {len(key)}, "
        f"val_sds_len:{len(value)}, val_sds_avail:0, val_zmalloc: {call.db.memory(key)}"
    )


@_subcommand("SET-DISABLE-DENY-SCRIPTS <0|1>", least=1)
def _set_disable_deny_scripts(call: Any, wanted: bytes) -> str:
    """Let scripts call commands that they must not call."""
    call.server.scripts.host.unrestricted = wanted == b"1"
    return "OK"


@_subcommand("STRUCTSIZE")
def _structsize(_call: Any) -> str:
    """Show the sizes of the engine's structures."""
    return "bits:64 entry:8 bucket:64 blob:24"


@_subcommand("CHANGE-REPL-ID")
def _change_repl_id(call: Any) -> str:
    """Change the replication id."""
    call.server.source.replication.master_replid = os.urandom(20).hex()
    return "OK"


@_subcommand("CONFIG-REWRITE-FORCE-ALL")
def _config_rewrite_force_all(call: Any) -> str:
    """As CONFIG REWRITE, but with every directive, those at their defaults too."""
    call.server.config.rewrite()
    return "OK"


@_subcommand("PAUSE-CRON <0|1>", least=1)
def _pause_cron(call: Any, wanted: bytes) -> str:
    """Stop periodic work, or let it go on."""
    call.server.cron_paused = wanted == b"1"
    return "OK"


@_subcommand("DICT-RESIZING <0|1>", least=1)
def _dict_resizing(call: Any, wanted: bytes) -> str:
    """Let tables grow and shrink, or keep them as they are."""
    for db in call.server.keyspace.databases:
        db.freeze(wanted == b"0")
    return "OK"


@_subcommand("REPLYBUFFER <PEAK-RESET-TIME|RESIZING> <value>", least=2)
def _replybuffer(_call: Any, _what: bytes, _value: bytes) -> str:
    """Accepted for tests of other servers: reply buffers are taken from a pool here and have no size of their own."""
    return "OK"


@_subcommand("CLIENT-ENFORCE-REPLY-LIST <0|1>", least=1)
def _client_enforce_reply_list(_call: Any, _wanted: bytes) -> str:
    """Accepted: replies are always lists of chunks here."""
    return "OK"
