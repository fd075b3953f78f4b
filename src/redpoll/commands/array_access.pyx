"""What commands on arrays share; see array_access.pxd."""

from libc.stdint cimport uint64_t

from redpoll.commands.call cimport EVENT_ARRAY, EVENT_GENERIC, Call, check_type
from redpoll.engine.array cimport NO_INDEX, Array, ArrayWalk, array_new, array_walk, array_walk_next
from redpoll.engine.array_slice cimport Limits
from redpoll.engine.array_word cimport (
    LONG_WORD, WORD_BLOB, WORD_SCRATCH, WORD_TAG, Word, word_blob, word_of, word_of_blob, word_text,
)
from redpoll.engine.blob cimport Blob
from redpoll.engine.entry cimport ENC_ARRAY, TYPE_ARRAY, Entry, entry_set_value, entry_value
from redpoll.engine.keyspace cimport Keyspace
from redpoll.engine.numbers cimport format_uint64, parse_uint64
from redpoll.wire.output cimport Out, out_write
from redpoll.wire.reply cimport reply_blob, reply_bulk, reply_header, reply_null

from redpoll import errors
from redpoll.errors import CommandError


cdef const Array* array_to_read(Call call) except? NULL:
    cdef Entry** slot = call.read(1)
    check_type(slot, TYPE_ARRAY)
    return <const Array*>entry_value(slot[0]) if slot != NULL else NULL


cdef Array* array_to_write(Call call, Entry*** slot) except? NULL:
    slot[0] = call.write(1)
    check_type(slot[0], TYPE_ARRAY)
    return <Array*>entry_value(slot[0][0]) if slot[0] != NULL else NULL


cdef Array* array_made(Call call) noexcept:
    cdef Array* array = array_new(call.keyspace.array_slice_size)
    call.db.put_value(NULL, call.argv[1].ptr, call.argv[1].len, call.hash_of(1), TYPE_ARRAY, ENC_ARRAY, array, -1)
    return array


cdef void array_moved(Entry** slot, Array* array) noexcept:
    entry_set_value(slot[0], ENC_ARRAY, array)


cdef void array_removed_from(Call call, Entry** slot, const char* event) noexcept:
    cdef bint gone = (<const Array*>entry_value(slot[0])).count == 0
    if gone:
        call.db.remove(slot, call.hash_of(1))
    call.changed(EVENT_ARRAY, event, 1)
    if gone:
        call.also(EVENT_GENERIC, b"del", 1)


cdef Limits array_limits(Call call) noexcept:
    cdef Keyspace keyspace = call.keyspace
    cdef Limits limits
    limits.sparse_most = keyspace.array_sparse_kmax
    limits.dense_least = keyspace.array_sparse_kmin
    return limits


cdef uint64_t index_at(Call call, size_t word) except? 0:
    cdef unsigned long long index
    if not parse_uint64(call.argv[word].ptr, call.argv[word].len, &index) or index == NO_INDEX:
        raise CommandError(errors.ARRAY_INDEX)
    return index


cdef Word word_at(Call call, size_t word) noexcept:
    cdef Blob* blob
    if call.argv[word].len >= LONG_WORD and call.long_count:
        blob = call.take_blob(word)
        if blob != NULL:
            return word_of_blob(blob)
    return word_of(call.argv[word].ptr, call.argv[word].len)


cdef void reply_unsigned(Out* out, uint64_t value) noexcept nogil:
    cdef char text[24]
    cdef size_t length
    if value <= <uint64_t>0x7FFFFFFFFFFFFFFF:
        reply_header(out, c":", value)
        return
    length = format_uint64(text, value)
    if out.resp == 2:
        reply_bulk(out, text, length)
        return
    out_write(out, b"(", 1)
    out_write(out, text, length)
    out_write(out, b"\r\n", 2)


cdef void reply_word(Out* out, Word word) noexcept nogil:
    cdef char scratch[WORD_SCRATCH]
    cdef const char* text
    cdef size_t length
    if word & WORD_TAG == WORD_BLOB:
        reply_blob(out, word_blob(word))
        return
    text = word_text(word, scratch, &length)
    reply_bulk(out, text, length)


cdef void reply_range(Out* out, const Array* array, uint64_t low, uint64_t high, bint back) noexcept nogil:
    cdef ArrayWalk walk
    cdef uint64_t found, missing
    cdef uint64_t left = high - low + 1
    cdef Word word
    array_walk(&walk, array, low, high, back)
    while array_walk_next(&walk, &found, &word):
        missing = left - (found - low + 1) if back else left - (high - found + 1)
        left -= missing + 1
        while missing:
            reply_null(out)
            missing -= 1
        reply_word(out, word)
    while left:
        reply_null(out)
        left -= 1
