"""HSCAN: walking through a hash step by step."""

from libc.stdint cimport int64_t, uint64_t

from redpoll.commands.call cimport Call, native
from redpoll.commands.hash_access cimport element_text, hash_to_read, reply_element, reply_field_value
from redpoll.commands.scan_options cimport read_scan_option
from redpoll.engine.entry cimport ENC_FIELDS, Entry
from redpoll.engine.fields cimport FieldValue, Hash, fields_scan, fields_visit
from redpoll.engine.glob cimport glob_match
from redpoll.engine.listpack cimport Element
from redpoll.engine.numbers cimport format_uint64, parse_uint64_lenient
from redpoll.wire.output cimport Out, out_init, out_splice
from redpoll.wire.reply cimport reply_array, reply_bulk

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import READONLY
from redpoll.errors import CommandError

cdef enum:
    STEPS_A_FIELD = 10       # buckets that are looked at for a field that was asked for, at the most


cdef struct Walk:
    Out* out
    const char* pattern      # NULL: every field
    size_t pattern_length
    bint values
    size_t shown             # fields and values


cdef void show(void* context, const Element* field, const FieldValue* value) noexcept nogil:
    cdef Walk* walk = <Walk*>context
    cdef char scratch[24]
    cdef const char* text
    cdef size_t length
    if walk.pattern != NULL:
        text = element_text(field, scratch, &length)
        if not glob_match(walk.pattern, walk.pattern_length, text, length, False):
            return
    reply_element(walk.out, field)
    walk.shown += 1
    if walk.values:
        reply_field_value(walk.out, value)
        walk.shown += 1


cdef int read_scan(Call call, Walk* walk, int64_t* wanted) except -1:
    cdef size_t i = 3
    while i < call.argc:
        if call.word_is(i, b"NOVALUES", 8):
            walk.values = False
            i += 1
            continue
        read_scan_option(call, i, &walk.pattern, &walk.pattern_length, wanted)
        i += 2
    return 0


cdef uint64_t walk_on(const Hash* h, uint64_t cursor, int64_t wanted, Walk* walk) noexcept:
    """Show some fields, all of them when the hash is packed; the next cursor."""
    cdef size_t seen = 0
    cdef int64_t steps = wanted * STEPS_A_FIELD if wanted < (<int64_t>1 << 50) else wanted
    if h.encoding != ENC_FIELDS:
        fields_visit(h, show, walk)
        return 0
    while True:
        cursor = fields_scan(h, cursor, show, walk, &seen)
        steps -= 1
        if cursor == 0 or steps <= 0 or <int64_t>seen >= wanted:
            return cursor


cdef int hscan(Call call) except -1:
    cdef Hash h
    cdef Walk walk
    cdef Out found
    cdef unsigned long long start
    cdef uint64_t cursor = 0
    cdef int64_t wanted = 10
    cdef Entry** slot
    cdef char text[24]
    if not parse_uint64_lenient(call.argv[2].ptr, call.argv[2].len, &start):
        raise CommandError(errors.INVALID_CURSOR)
    slot = hash_to_read(call, 1, &h)
    walk.pattern = NULL
    walk.values = True
    walk.shown = 0
    out_init(&found)
    found.resp = call.out.resp
    walk.out = &found
    if slot != NULL:
        # The words are looked at only when there is something to walk through; so does Redis.
        read_scan(call, &walk, &wanted)
        cursor = walk_on(&h, start, wanted, &walk)
    reply_array(call.out, 2)
    reply_bulk(call.out, text, format_uint64(text, cursor))
    reply_array(call.out, walk.shown)
    out_splice(call.out, &found)
    return 0

declare(
    "HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]", native(hscan),
    summary="Walk through the fields of a hash step by step.", group="hash", since="2.8.0", flags=READONLY,
    complexity="O(1) a call, O(N) for the whole where N is the number of fields", tips="nondeterministic_output",
)
