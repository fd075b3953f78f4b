"""Values and keys of the engine to RDB.

By the encoding of a value, what follows its key:

    string                    0     a string
    hash      listpack       16     the listpack as a string
              fields          4     count, then field and value in turn
    set       intset         11     the intset as a string
              listpack       20     the listpack as a string
              table           2     count, then the members
    zset      listpack       17     the listpack as a string
              tree            5     count, then from the highest: member and score (a double, 8 bytes)
    list      listpack       18     1, 2, the listpack as a string
              nodes          18     count of nodes, then for each: 1 and an element, or 2 and a listpack, as a string

Everything is told in the order in which the engine holds it, so that a value read back and written again is the same.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from redpoll.engine.entry cimport (
    ENC_INTEGER, ENC_LISTPACK, FLAG_EXPIRES, TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STRING, TYPE_ZSET, Entry, entry_clock,
    entry_encoding, entry_expiry, entry_integer, entry_key, entry_key_length, entry_type, entry_value, string_text,
)
from redpoll.engine.listpack cimport listpack_size
from redpoll.formats.rdb cimport (
    RDB_EXPIRY_MS, RDB_FREQUENCY, RDB_HASH_LISTPACK, RDB_IDLE, RDB_LIST_QUICKLIST_2, RDB_SET_LISTPACK, RDB_STRING,
    RDB_VERSION_SETS, RDB_ZSET_LISTPACK,
)
from redpoll.formats.rdb_output cimport (
    Output, needs_version, put_block, put_byte, put_fixed64, put_integer, put_length, put_text,
)

cdef enum:
    CLOCK_MASK = 0xFFFFFF
    NODE_PACKED = 2


cdef void put_access(Output* out, const Entry* e) noexcept nogil:
    cdef uint32_t clock = entry_clock(e)
    cdef uint32_t counter, loss
    if out.access == RDB_IDLE:
        put_byte(out, RDB_IDLE)
        put_length(out, (out.clock - clock) & CLOCK_MASK)
    elif out.access == RDB_FREQUENCY:
        counter = clock & 255
        loss = ((out.clock - (clock >> 8)) & 0xFFFF) // out.lfu_decay_time if out.lfu_decay_time else 0
        put_byte(out, RDB_FREQUENCY)
        put_byte(out, 0 if loss >= counter else <uint8_t>(counter - loss))


cdef int type_of(Output* out, const Entry* e) noexcept nogil:
    """The type of RDB that a value is written as."""
    cdef int type = entry_type(e)
    if type == TYPE_STRING:
        return RDB_STRING
    if entry_encoding(e) == ENC_LISTPACK:
        if type == TYPE_HASH:
            return RDB_HASH_LISTPACK
        if type == TYPE_SET:
            needs_version(out, RDB_VERSION_SETS)
            return RDB_SET_LISTPACK
        if type == TYPE_ZSET:
            return RDB_ZSET_LISTPACK
        return RDB_LIST_QUICKLIST_2
    return -1


cdef void write_string(Output* out, const Entry* e) noexcept nogil:
    cdef char scratch[24]
    cdef size_t length
    cdef const char* text
    if entry_encoding(e) == ENC_INTEGER:
        put_integer(out, entry_integer(e))
        return
    text = string_text(e, scratch, &length)
    put_text(out, text, length)


cdef bint begin_value(Output* out, const Entry* e, Progress* progress) noexcept nogil:
    """What is in one piece is written at once: whether it is whole then."""
    cdef void* value
    progress.entry = e
    progress.left = progress.at = 0
    progress.place = NULL
    if entry_type(e) == TYPE_STRING:
        write_string(out, e)
        return True
    value = entry_value(e)
    if entry_encoding(e) == ENC_LISTPACK:
        if entry_type(e) == TYPE_LIST:
            put_length(out, 1)
            put_length(out, NODE_PACKED)
        put_block(out, <const char*>value, listpack_size(<const uint8_t*>value))
        return True
    return True


cdef bint write_entry_begin(Output* out, const Entry* e, Progress* progress) noexcept nogil:
    if e.flags & FLAG_EXPIRES:
        put_byte(out, RDB_EXPIRY_MS)
        put_fixed64(out, <uint64_t>entry_expiry(e))
    if out.access:
        put_access(out, e)
    put_byte(out, <uint8_t>type_of(out, e))
    put_text(out, entry_key(e), entry_key_length(e))
    return begin_value(out, e, progress)


cdef bint write_entry_some(Output* out, Progress* progress, size_t bytes) noexcept nogil:
    return True


cdef void write_entry(Output* out, const Entry* e) noexcept nogil:
    cdef Progress progress
    if not write_entry_begin(out, e, &progress):
        write_entry_some(out, &progress, <size_t>-1)


cdef void write_value(Output* out, const Entry* e) noexcept nogil:
    cdef Progress progress
    put_byte(out, <uint8_t>type_of(out, e))
    if not begin_value(out, e, &progress):
        write_entry_some(out, &progress, <size_t>-1)
