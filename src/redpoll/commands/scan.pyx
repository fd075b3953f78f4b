"""KEYS and SCAN: walking through a database without a Python object for a key."""

from libc.stdint cimport int64_t, uint64_t

from redpoll.commands.call cimport Call, native
from redpoll.commands.scan_options cimport read_pattern, read_scan_option
from redpoll.engine.entry cimport Entry, entry_expiry, entry_key, entry_key_length, entry_type
from redpoll.engine.glob cimport glob_match
from redpoll.engine.numbers cimport format_uint64, parse_uint64_lenient
from redpoll.engine.table cimport table_buckets, table_scan, table_visit_bucket
from redpoll.wire.output cimport Out, out_init, out_splice
from redpoll.wire.reply cimport reply_array, reply_bulk

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import READONLY
from redpoll.errors import CommandError

cdef enum:
    ANY_TYPE = -1
    NO_TYPE = -2
    STEPS_A_KEY = 10         # buckets that SCAN looks at for a key it was asked for, at the most


cdef struct Walk:
    Out* out
    const char* pattern      # NULL: every key
    size_t pattern_length
    int type
    int64_t now
    uint64_t seen            # entries visited
    uint64_t shown


cdef void show(void* context, Entry* e) noexcept nogil:
    """Write a key that passes the filters."""
    cdef Walk* walk = <Walk*>context
    walk.seen += 1
    if walk.type != ANY_TYPE and entry_type(e) != walk.type:
        return
    if walk.pattern != NULL and not glob_match(
            walk.pattern, walk.pattern_length, entry_key(e), entry_key_length(e), False):
        return
    if 0 <= entry_expiry(e) < walk.now:
        return
    reply_bulk(walk.out, entry_key(e), entry_key_length(e))
    walk.shown += 1


cdef int keys(Call call) except -1:
    cdef Out found
    cdef Walk walk
    cdef size_t i
    out_init(&found)
    walk.out = &found
    walk.type = ANY_TYPE
    walk.now = call.keyspace.now
    walk.seen = walk.shown = 0
    read_pattern(call, 1, &walk.pattern, &walk.pattern_length)
    for i in range(table_buckets(&call.db.table)):
        table_visit_bucket(&call.db.table, i, show, &walk)
    reply_array(call.out, walk.shown)
    out_splice(call.out, &found)
    return 0

declare(
    "KEYS pattern", native(keys), summary="Return all keys whose names match a pattern.", group="generic",
    since="1.0.0", flags=READONLY, complexity="O(N) where N is the number of keys in the database",
    categories="dangerous", tips="request_policy:all_shards nondeterministic_output_order",
)


cdef dict TYPES = {
    b"string": 0, b"list": 1, b"set": 2, b"zset": 3, b"hash": 4, b"stream": 6, b"array": 7,
}


cdef int scan(Call call) except -1:
    cdef unsigned long long cursor
    cdef uint64_t at
    cdef int64_t wanted = 10
    cdef int64_t steps
    cdef size_t i = 2
    cdef Walk walk
    cdef Out found
    cdef char text[24]
    if not parse_uint64_lenient(call.argv[1].ptr, call.argv[1].len, &cursor):
        raise CommandError(errors.INVALID_CURSOR)
    walk.pattern = NULL
    walk.type = ANY_TYPE
    walk.now = call.keyspace.now
    walk.seen = walk.shown = 0
    while i < call.argc:
        if call.word_is(i, b"NOVALUES", 8):
            raise CommandError(errors.NOVALUES_ELSEWHERE)
        if i + 1 < call.argc and call.word_is(i, b"TYPE", 4):
            walk.type = TYPES.get(call.word(i + 1).lower(), NO_TYPE)
        else:
            read_scan_option(call, i, &walk.pattern, &walk.pattern_length, &wanted)
        i += 2
    out_init(&found)
    walk.out = &found
    at = cursor
    steps = wanted * STEPS_A_KEY if wanted < (1 << 50) else wanted
    while True:
        at = table_scan(&call.db.table, at, show, &walk)
        steps -= 1
        if at == 0 or steps <= 0 or <int64_t>walk.seen >= wanted:
            break
    reply_array(call.out, 2)
    reply_bulk(call.out, text, format_uint64(text, at))
    reply_array(call.out, walk.shown)
    out_splice(call.out, &found)
    return 0

declare(
    "SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]", native(scan),
    summary="Walk through the keys of the database step by step.", group="generic", since="2.8.0", flags=READONLY,
    complexity="O(1) a call, O(N) for the whole where N is the number of keys",
    tips="nondeterministic_output request_policy:special response_policy:special", added={"6.0.0": "TYPE"},
)
