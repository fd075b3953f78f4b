"""Values and keys of the engine to RDB.

How a value is told follows from its encoding, and stands with its family (rdb_hash.pyx …): packed values go out as they
are, others element by element, in the order in which the engine holds them. A string is just a string.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from redpoll.engine.entry cimport (
    ENC_INTEGER, FLAG_EXPIRES, TYPE_ARRAY, TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM, TYPE_ZSET, Entry, entry_clock,
    entry_encoding, entry_expiry, entry_integer, entry_key, entry_key_length, string_text,
)
from redpoll.formats.progress cimport Progress, progress_begin
from redpoll.formats.rdb cimport RDB_ARRAY, RDB_EXPIRY_MS, RDB_FREQUENCY, RDB_IDLE, RDB_LIST_QUICKLIST_2, RDB_STRING
from redpoll.formats.rdb_array cimport array_begin, array_guard, array_more
from redpoll.formats.rdb_hash cimport hash_begin, hash_guard, hash_more, hash_type
from redpoll.formats.rdb_list cimport list_begin, list_guard, list_more
from redpoll.formats.rdb_output cimport Output, put_byte, put_fixed64, put_integer, put_length, put_text
from redpoll.formats.rdb_set cimport set_begin, set_guard, set_more, set_type
from redpoll.formats.rdb_stream cimport stream_begin, stream_guard, stream_more, stream_type
from redpoll.formats.rdb_zset cimport zset_begin, zset_guard, zset_more, zset_type

cdef enum:
    CLOCK_MASK = 0xFFFFFF


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


cdef int type_of(Output* out, Progress* progress) noexcept nogil:
    """The type of RDB that a value is written as."""
    cdef int type = progress.type
    if type == TYPE_HASH:
        return hash_type(out, progress)
    if type == TYPE_LIST:
        return RDB_LIST_QUICKLIST_2
    if type == TYPE_SET:
        return set_type(out, progress)
    if type == TYPE_ZSET:
        return zset_type(out, progress)
    if type == TYPE_STREAM:
        return stream_type(out, progress)
    if type == TYPE_ARRAY:
        return RDB_ARRAY
    return RDB_STRING


cdef void write_string(Output* out, const Entry* e) noexcept nogil:
    cdef char scratch[24]
    cdef size_t length
    cdef const char* text
    if entry_encoding(e) == ENC_INTEGER:
        put_integer(out, entry_integer(e))
        return
    text = string_text(e, scratch, &length)
    put_text(out, text, length)


cdef bint begin_value(Output* out, Progress* progress) noexcept nogil:
    """What is in one piece is written at once: whether it is whole then."""
    cdef int type = progress.type
    if type == TYPE_HASH:
        return hash_begin(out, progress)
    if type == TYPE_LIST:
        return list_begin(out, progress)
    if type == TYPE_SET:
        return set_begin(out, progress)
    if type == TYPE_ZSET:
        return zset_begin(out, progress)
    if type == TYPE_STREAM:
        return stream_begin(out, progress)
    if type == TYPE_ARRAY:
        return array_begin(out, progress)
    write_string(out, progress.entry)
    return True


cdef inline void put_head(Output* out, const Entry* e, int rdb_type) noexcept nogil:
    if e.flags & FLAG_EXPIRES:
        put_byte(out, RDB_EXPIRY_MS)
        put_fixed64(out, <uint64_t>entry_expiry(e))
    if out.access:
        put_access(out, e)
    put_byte(out, <uint8_t>rdb_type)
    put_text(out, entry_key(e), entry_key_length(e))


cdef bint write_entry_begin(Output* out, const Entry* e, Progress* progress) noexcept nogil:
    progress_begin(progress, e)
    progress.out = out
    put_head(out, e, type_of(out, progress))
    return begin_value(out, progress)


cdef void write_string_head(Output* out, const Entry* e) noexcept nogil:
    put_head(out, e, RDB_STRING)


cdef bint write_entry_some(Output* out, Progress* progress, size_t bytes) noexcept nogil:
    cdef int type = progress.type
    cdef size_t until = out.length + bytes if bytes < <size_t>-1 - out.length else <size_t>-1
    if type == TYPE_HASH:
        return hash_more(out, progress, until)
    if type == TYPE_LIST:
        return list_more(out, progress, until)
    if type == TYPE_SET:
        return set_more(out, progress, until)
    if type == TYPE_ZSET:
        return zset_more(out, progress, until)
    if type == TYPE_STREAM:
        return stream_more(out, progress, until)
    if type == TYPE_ARRAY:
        return array_more(out, progress, until)
    return True


cdef bint write_entry_guard(Progress* progress) noexcept nogil:
    cdef int type = progress.type
    if type == TYPE_HASH:
        return hash_guard(progress)
    if type == TYPE_LIST:
        return list_guard(progress)
    if type == TYPE_SET:
        return set_guard(progress)
    if type == TYPE_ZSET:
        return zset_guard(progress)
    if type == TYPE_STREAM:
        return stream_guard(progress)
    if type == TYPE_ARRAY:
        return array_guard(progress)
    return False


cdef void write_entry(Output* out, const Entry* e) noexcept nogil:
    cdef Progress progress
    if not write_entry_begin(out, e, &progress):
        write_entry_some(out, &progress, <size_t>-1)


cdef void write_value(Output* out, const Entry* e) noexcept nogil:
    cdef Progress progress
    progress_begin(&progress, e)
    put_byte(out, <uint8_t>type_of(out, &progress))
    if not begin_value(out, &progress):
        write_entry_some(out, &progress, <size_t>-1)
