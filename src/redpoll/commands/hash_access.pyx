"""How commands on hashes get at one: opened from its entry, and put back after a change."""

from libc.stdint cimport int64_t

from redpoll.commands.call cimport EVENT_GENERIC, Call, check_type
from redpoll.engine.blob cimport Blob
from redpoll.engine.entry cimport EMBED_MAX, TYPE_HASH, Entry, entry_set_value
from redpoll.engine.fields cimport (
    FieldValue, Hash, fields_length, fields_open, fields_set, is_hash_with_times,
)
from redpoll.engine.keyspace cimport due_time
from redpoll.engine.listpack cimport Element
from redpoll.engine.numbers cimport digits_int64, format_int64
from redpoll.wire.output cimport Out
from redpoll.wire.reply cimport reply_blob, reply_bulk, reply_integer_text


cdef inline Entry** opened(Call call, Entry** slot, size_t word, Hash* h) except? NULL:
    h.now = due_time(call.keyspace)
    if slot == NULL:
        return NULL
    check_type(slot, TYPE_HASH)
    fields_open(h, slot[0])
    if is_hash_with_times(h.encoding):
        slot = call.db.purge_fields(slot, call.hash_of(word))
        if slot != NULL:
            fields_open(h, slot[0])
    return slot


cdef Entry** hash_to_read(Call call, size_t word, Hash* h) except? NULL:
    return opened(call, call.read(word), word, h)


cdef Entry** hash_to_write(Call call, size_t word, Hash* h) except? NULL:
    h.most_entries = call.keyspace.hash_max_listpack_entries
    h.most_value = call.keyspace.hash_max_listpack_value
    return opened(call, call.write(word), word, h)


cdef bint hash_done(Call call, Entry** slot, size_t word, Hash* h) noexcept:
    entry_set_value(slot[0], h.encoding, h.value)
    if fields_length(h):
        return False
    call.db.remove(slot, call.hash_of(word))
    return True


cdef void tell_gone(Call call, size_t word) noexcept:
    call.also(EVENT_GENERIC, b"del", word)


cdef Entry** hash_made(Call call, size_t word, Hash* h) noexcept:
    return call.db.put_value(NULL, call.argv[word].ptr, call.argv[word].len, call.hash_of(word), TYPE_HASH,
                             h.encoding, h.value, -1)


cdef bint set_word(Call call, Hash* h, size_t field, size_t value, int64_t expiry) noexcept:
    cdef const char* text = call.argv[value].ptr
    cdef size_t length = call.argv[value].len
    cdef Blob* blob = NULL
    if length > EMBED_MAX and call.long_count:
        blob = call.take_blob(value)
    return fields_set(h, call.argv[field].ptr, call.argv[field].len, text, length, blob, expiry)


cdef void reply_element(Out* out, const Element* element) noexcept nogil:
    if element.text == NULL:
        reply_integer_text(out, element.integer)
    else:
        reply_bulk(out, element.text, element.length)


cdef void reply_field_value(Out* out, const FieldValue* value) noexcept nogil:
    if value.blob != NULL:
        reply_blob(out, value.blob)
    else:
        reply_element(out, &value.text)


cdef size_t element_length(const Element* element) noexcept nogil:
    return element.length if element.text != NULL else digits_int64(element.integer)


cdef const char* element_text(const Element* element, char* scratch, size_t* length) noexcept nogil:
    if element.text == NULL:
        length[0] = format_int64(scratch, element.integer)
        return scratch
    length[0] = element.length
    return element.text
