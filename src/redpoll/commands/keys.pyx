"""Commands on keys whatever they hold: existence, deletion, names, copies, databases."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp, strlen

from redpoll.commands.call cimport EVENT_GENERIC, Call, native
from redpoll.engine.entry cimport (
    Entry, entry_copy, entry_expiry, entry_free_shell, entry_key, entry_key_length, entry_type,
    entry_with_key, type_name,
)
from redpoll.engine.keyspace cimport Database
from redpoll.wire.reply cimport reply_bulk, reply_integer, reply_null, reply_ok, reply_status

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, FAST, LOADING, READONLY, STALE, WRITE
from redpoll.errors import CommandError


cdef int delete(Call call) except -1:
    cdef size_t i
    cdef int64_t deleted = 0
    cdef Entry** slot
    for i in range(1, call.argc):
        slot = call.find(i)
        if slot != NULL:
            call.db.remove(slot, call.hash_of(i))
            call.changed(EVENT_GENERIC, b"del", i)
            deleted += 1
    reply_integer(call.out, deleted)
    return 0

declare(
    "DEL key [key ...]", native(delete), summary="Delete keys.", group="generic", since="1.0.0", flags=WRITE,
    complexity="O(N) where N is the number of keys, plus the elements of collections", keys="RM delete",
    tips="request_policy:multi_shard response_policy:agg_sum",
)
# What is large is freed in the background either way, so the two are one.
declare(
    "UNLINK key [key ...]", native(delete), summary="Delete keys, and free their values in the background.",
    group="generic", since="4.0.0", flags=WRITE | FAST, complexity="O(1) for each key; memory is freed later",
    keys="RM delete", tips="request_policy:multi_shard response_policy:agg_sum",
)


cdef int exists(Call call) except -1:
    # Asking whether a key exists is no access.
    cdef size_t i
    cdef int64_t found = 0
    for i in range(1, call.argc):
        found += call.peek(i) != NULL
    reply_integer(call.out, found)
    return 0


cdef int touch(Call call) except -1:
    cdef size_t i
    cdef int64_t found = 0
    for i in range(1, call.argc):
        found += call.read(i) != NULL
    reply_integer(call.out, found)
    return 0

declare(
    "EXISTS key [key ...]", native(exists), summary="Count how many of the keys exist.", group="generic",
    since="1.0.0", flags=READONLY | FAST, complexity="O(N) where N is the number of keys", keys="RO",
    tips="request_policy:multi_shard response_policy:agg_sum", history=(("3.0.3", "Takes several keys."),),
)
declare(
    "TOUCH key [key ...]", native(touch), summary="Mark keys as accessed and count those that exist.",
    group="generic", since="3.2.1", flags=READONLY | FAST, complexity="O(N) where N is the number of keys", keys="RO",
    tips="request_policy:multi_shard response_policy:agg_sum",
)


cdef int type_of(Call call) except -1:
    # Looking at the type is no access.
    cdef Entry** slot = call.peek(1)
    cdef const char* name
    if slot == NULL:
        reply_status(call.out, b"none", 4)
    else:
        name = type_name(slot[0])
        reply_status(call.out, name, strlen(name))
    return 0

declare(
    "TYPE key", native(type_of), summary="Name the type of the value at a key.", group="generic", since="1.0.0",
    flags=READONLY | FAST, complexity="O(1)", keys="RO",
)


cdef bint same_words(Call call, size_t one, size_t other) noexcept:
    return (call.argv[one].len == call.argv[other].len
            and memcmp(call.argv[one].ptr, call.argv[other].ptr, call.argv[one].len) == 0)


cdef int rename_to(Call call, bint only_new) except -1:
    cdef Entry** slot = call.write(1)
    cdef Entry** target
    cdef Entry* moved
    cdef int before = -1
    if slot == NULL:
        raise CommandError(errors.NO_SUCH_KEY)
    if same_words(call, 1, 2):
        if only_new:
            reply_integer(call.out, 0)
        else:
            reply_ok(call.out)
        return 0
    target = call.find(2)
    if target != NULL:
        if only_new:
            reply_integer(call.out, 0)
            return 0
        before = entry_type(target[0])
        call.db.remove(target, call.hash_of(2))
        slot = call.find(1)
    moved = call.db.detach(slot, call.hash_of(1))
    slot = call.db.attach(entry_with_key(moved, call.argv[2].ptr, call.argv[2].len), call.hash_of(2))
    entry_free_shell(moved)
    call.changed(EVENT_GENERIC, b"rename_from", 1)
    call.changed(EVENT_GENERIC, b"rename_to", 2)
    if before >= 0:
        call.replaced(call.db, 2, before, entry_type(slot[0]))
    if only_new:
        reply_integer(call.out, 1)
    else:
        reply_ok(call.out)
    return 0


cdef int rename(Call call) except -1:
    return rename_to(call, False)

declare(
    "RENAME key newkey", native(rename), summary="Rename a key, over any key of the new name.", group="generic",
    since="1.0.0", flags=WRITE, complexity="O(1)", keys=("RW access delete", "OW update"),
)


cdef int renamenx(Call call) except -1:
    return rename_to(call, True)

declare(
    "RENAMENX key newkey", native(renamenx), summary="Rename a key unless the new name is taken.", group="generic",
    since="1.0.0", flags=WRITE | FAST, complexity="O(1)", keys=("RW access delete", "OW insert"),
    history=(("3.2.0", "No error if both names are the same."),),
)


cdef Database database_at(Call call, size_t word, object not_a_number):
    """The database whose number is at a word."""
    cdef int64_t number
    try:
        call.integer(word, &number)
    except CommandError:
        raise CommandError(not_a_number) from None
    if not 0 <= number < len(call.keyspace.databases):
        raise CommandError(errors.DB_INDEX)
    return call.keyspace.databases[number]


cdef int copy(Call call) except -1:
    cdef Database target = call.db
    cdef bint replace = False
    cdef size_t i = 3
    cdef Entry** slot
    cdef Entry** there
    cdef Entry* made
    cdef uint64_t hash
    cdef int before = -1
    while i < call.argc:
        if call.word_is(i, b"REPLACE", 7):
            replace = True
        elif call.word_is(i, b"DB", 2) and i + 1 < call.argc:
            i += 1
            target = database_at(call, i, errors.NOT_AN_INTEGER)
        else:
            raise CommandError(errors.SYNTAX)
        i += 1
    if target is call.db and same_words(call, 1, 2):
        raise CommandError(errors.SAME_OBJECT)
    slot = call.read(1)
    if slot == NULL:
        reply_integer(call.out, 0)
        return 0
    hash = call.hash_of(2)
    there = target.find(call.argv[2].ptr, call.argv[2].len, hash)
    if there != NULL:
        if not replace:
            reply_integer(call.out, 0)
            return 0
        before = entry_type(there[0])
        target.remove(there, hash)
        slot = call.find(1)
    made = entry_copy(slot[0], call.argv[2].ptr, call.argv[2].len)
    target.attach(made, hash)
    call.changed_in(target, EVENT_GENERIC, b"copy_to", 2)
    if before >= 0:
        call.replaced(target, 2, before, entry_type(made))
    reply_integer(call.out, 1)
    return 0

declare(
    "COPY source destination [DB destination-db] [REPLACE]", native(copy),
    summary="Copy the value of a key to another key.", group="generic", since="6.2.0", flags=WRITE | DENYOOM,
    complexity="O(N) where N is the number of elements; O(1) for a string", keys=("RO access", "OW update"),
)


cdef int move(Call call) except -1:
    cdef Database target = database_at(call, 2, errors.NOT_AN_INTEGER)
    cdef Entry** slot
    cdef uint64_t hash = call.hash_of(1)
    if target is call.db:
        raise CommandError(errors.SAME_OBJECT)
    slot = call.write(1)
    if slot == NULL or target.find(call.argv[1].ptr, call.argv[1].len, hash) != NULL:
        reply_integer(call.out, 0)
        return 0
    target.attach(call.db.detach(slot, hash), hash)
    call.changed(EVENT_GENERIC, b"move_from", 1)
    call.changed_in(target, EVENT_GENERIC, b"move_to", 1)
    reply_integer(call.out, 1)
    return 0

declare(
    "MOVE key db", native(move), summary="Move a key to another database.", group="generic", since="1.0.0",
    flags=WRITE | FAST, complexity="O(1)", keys="RW access update",
)


cdef int randomkey(Call call) except -1:
    cdef Entry* e
    cdef int tries = 0
    while True:
        e = call.db.random_entry()
        if e == NULL:
            reply_null(call.out)
            return 0
        # With nothing but expired keys that must not be deleted here, one of them has to do.
        tries += 1
        if entry_expiry(e) < 0 or entry_expiry(e) >= call.keyspace.now or (tries > 100 and not call.keyspace.expiring):
            reply_bulk(call.out, entry_key(e), entry_key_length(e))
            return 0
        call.db.find(entry_key(e), entry_key_length(e), call.db.hash_of(entry_key(e), entry_key_length(e)))

declare(
    "RANDOMKEY", native(randomkey), summary="Return some key of the database.", group="generic", since="1.0.0",
    flags=READONLY, complexity="O(1)",
    tips="request_policy:all_shards response_policy:special nondeterministic_output",
)


cdef int dbsize(Call call) except -1:
    reply_integer(call.out, call.db.table.used)
    return 0

declare(
    "DBSIZE", native(dbsize), summary="Count the keys of the database.", group="server", since="1.0.0",
    flags=READONLY | FAST, complexity="O(1)", categories="keyspace",
    tips="request_policy:all_shards response_policy:agg_sum",
)


cdef int select(Call call) except -1:
    call.connection.select(database_at(call, 1, errors.NOT_AN_INTEGER))
    reply_ok(call.out)
    return 0

declare(
    "SELECT index", native(select), summary="Work on another database from now on.", group="connection",
    since="1.0.0", flags=LOADING | STALE | FAST, complexity="O(1)",
)


cdef bint lazily(Call call) except -1:
    """Whether a flush frees in the background: as its word says, else as the configuration does."""
    if call.argc > 2:
        raise CommandError(errors.SYNTAX)
    if call.argc == 2:
        if call.word_is(1, b"ASYNC", 5):
            return True
        if call.word_is(1, b"SYNC", 4):
            return False
        raise CommandError(errors.SYNTAX)
    return call.server.config.lazyfree_lazy_user_flush


cdef int flush(Call call, indices) except -1:
    cdef bint later = lazily(call)
    call.changes += 1
    call.server.changes.flushing(indices)
    # At least one, so that an empty flush is saved and replicated too.
    call.keyspace.dirty += max(<uint64_t>call.keyspace.flush(indices, later), <uint64_t>1)
    call.server.changes.flushed(indices)
    reply_ok(call.out)
    return 0


cdef int flushdb(Call call) except -1:
    return flush(call, [call.db.index])

declare(
    "FLUSHDB [ASYNC | SYNC]", native(flushdb), summary="Delete all keys of the database.", group="server",
    since="1.0.0", flags=WRITE, complexity="O(N) where N is the number of keys in the database",
    categories="keyspace dangerous", tips="request_policy:all_shards response_policy:all_succeeded",
    added={"4.0.0": "ASYNC", "6.2.0": "SYNC"},
)


cdef int flushall(Call call) except -1:
    flush(call, range(len(call.keyspace.databases)))
    if not call.keyspace.replaying:
        call.server.persistence.flushed()
    return 0

declare(
    "FLUSHALL [ASYNC | SYNC]", native(flushall), summary="Delete all keys of all databases.", group="server",
    since="1.0.0", flags=WRITE, complexity="O(N) where N is the number of keys in all databases",
    categories="keyspace dangerous", tips="request_policy:all_shards response_policy:all_succeeded",
    added={"4.0.0": "ASYNC", "6.2.0": "SYNC"},
)


cdef int swapdb(Call call) except -1:
    cdef Database one = database_at(call, 1, errors.INVALID_FIRST_DB)
    cdef Database other = database_at(call, 2, errors.INVALID_SECOND_DB)
    if one is not other:
        call.server.changes.swapping(one.index, other.index)
        call.keyspace.swap(one.index, other.index)
        call.server.changes.flushed((one.index, other.index))
    call.changes += 1
    call.keyspace.dirty += 1
    reply_ok(call.out)
    return 0

declare(
    "SWAPDB index1 index2", native(swapdb), summary="Exchange two databases.", group="server", since="4.0.0",
    flags=WRITE | FAST, complexity="O(N) where N is the number of clients that watch or wait for keys of the two",
    categories="keyspace dangerous",
)
