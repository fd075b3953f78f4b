"""Making, reshaping and freeing entries; the layout is in entry.pxd."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from redpoll.engine.blob cimport Blob, blob_memory, blob_release
from redpoll.engine.memory cimport KIND_ENTRY, allocate, block_size, release
from redpoll.engine.numbers cimport format_int64
from redpoll.engine.value cimport value_copy, value_free, value_memory

cdef enum:
    EMBSTR_MAX = 44          # the longest string that Redis tells as embedded


cdef Entry* entry_new(int type, int encoding, const char* key, size_t key_length, size_t value_length,
                      int64_t expiry) noexcept nogil:
    cdef bint long_key = key_length >= LONG_KEY
    cdef size_t size = ENTRY_HEADER + key_length + value_length
    cdef Entry* e
    if expiry >= 0:
        size += 8
    if encoding != ENC_EMBEDDED:
        size += 8
    if long_key:
        size += 8
    e = <Entry*>allocate(size, KIND_ENTRY)
    e.kind = <uint8_t>(type | (encoding << 4))
    e.flags = (FLAG_EXPIRES if expiry >= 0 else 0) | (FLAG_LONG_KEY if long_key else 0)
    e.value_length = <uint16_t>value_length
    e.key_and_clock = LONG_KEY if long_key else <uint32_t>key_length
    if expiry >= 0:
        (<int64_t*>(<char*>e + ENTRY_HEADER))[0] = expiry
    if long_key:
        (<uint64_t*>(<char*>e + ENTRY_HEADER + expiry_bytes(e) + payload_bytes(e)))[0] = key_length
    memcpy(entry_key(e), key, key_length)
    return e


cdef Entry* entry_reshape(Entry* e, int type, int encoding, size_t value_length, int64_t expiry) noexcept nogil:
    cdef uint8_t kind = <uint8_t>(type | (encoding << 4))
    cdef Entry* made
    if e.kind == kind and e.value_length == value_length and (expiry >= 0) == ((e.flags & FLAG_EXPIRES) != 0):
        if expiry >= 0:
            (<int64_t*>(<char*>e + ENTRY_HEADER))[0] = expiry
        return e
    made = entry_new(type, encoding, entry_key(e), entry_key_length(e), value_length, expiry)
    made.flags |= e.flags & (FLAG_FILED | FLAG_GENERATION | FLAG_MUTATED | FLAG_SAVED)
    made.key_and_clock = (made.key_and_clock & 255) | (e.key_and_clock & ~<uint32_t>255)
    release(e, entry_size(e), KIND_ENTRY)
    return made


cdef void entry_free(Entry* e) noexcept nogil:
    entry_free_value(e)
    release(e, entry_size(e), KIND_ENTRY)


cdef void entry_free_value(Entry* e) noexcept nogil:
    cdef int encoding = entry_encoding(e)
    if encoding == ENC_BLOB:
        blob_release(entry_blob(e))
    elif ENC_LISTPACK <= encoding < ENC_SCORE:
        value_free(encoding, entry_value(e))


cdef void entry_free_shell(Entry* e) noexcept nogil:
    release(e, entry_size(e), KIND_ENTRY)


cdef size_t entry_memory(const Entry* e, size_t samples) noexcept nogil:
    cdef size_t total = block_size(entry_size(e))
    cdef int encoding = entry_encoding(e)
    if encoding == ENC_BLOB:
        total += blob_memory(entry_blob(e))
    elif ENC_LISTPACK <= encoding < ENC_SCORE:
        total += value_memory(encoding, entry_value(e), samples)
    return total


cdef const char* string_text(const Entry* e, char* scratch, size_t* length) noexcept nogil:
    cdef int encoding = entry_encoding(e)
    cdef Blob* blob
    if encoding == ENC_EMBEDDED:
        length[0] = e.value_length
        return entry_embedded(e)
    if encoding == ENC_INTEGER:
        length[0] = format_int64(scratch, entry_integer(e))
        return scratch
    blob = entry_blob(e)
    length[0] = blob.length
    return blob.data


cdef size_t string_length(const Entry* e) noexcept nogil:
    cdef char scratch[24]
    cdef size_t length
    string_text(e, scratch, &length)
    return length


cdef Entry* entry_with_key(const Entry* e, const char* key, size_t key_length) noexcept nogil:
    cdef Entry* made = entry_new(entry_type(e), entry_encoding(e), key, key_length, e.value_length, entry_expiry(e))
    made.flags |= e.flags & FLAG_MUTATED
    made.key_and_clock = (made.key_and_clock & 255) | (e.key_and_clock & ~<uint32_t>255)
    if payload_bytes(e):
        memcpy(entry_payload(made), entry_payload(e), 8)
    else:
        memcpy(entry_embedded(made), entry_embedded(e), e.value_length)
    return made


cdef Entry* entry_copy(const Entry* e, const char* key, size_t key_length) noexcept nogil:
    cdef Entry* made = entry_with_key(e, key, key_length)
    cdef int encoding = entry_encoding(e)
    if encoding == ENC_BLOB:
        # Both hold the same bytes until one of them changes.
        entry_blob(made).references += 1
    elif ENC_LISTPACK <= encoding < ENC_SCORE:
        entry_set_value(made, encoding, value_copy(encoding, entry_value(e)))
    return made


cdef const char* encoding_name(const Entry* e) noexcept nogil:
    cdef int encoding = entry_encoding(e)
    if encoding == ENC_INTEGER:
        return b"int"
    if encoding == ENC_LISTPACK:
        return b"listpack"
    if encoding == ENC_INTSET:
        return b"intset"
    if encoding == ENC_TABLE or encoding == ENC_FIELDS:
        return b"hashtable"
    if encoding == ENC_PACKED_FIELDS:
        return b"listpackex"
    if encoding == ENC_TREE:
        return b"skiplist"
    if encoding == ENC_QUICKLIST:
        return b"quicklist"
    if encoding == ENC_STREAM:
        return b"stream"
    if encoding == ENC_ARRAY:
        return b"sliced-array"
    if e.flags & FLAG_MUTATED or string_length(e) > EMBSTR_MAX:
        return b"raw"
    return b"embstr"


cdef const char* type_name(const Entry* e) noexcept nogil:
    cdef int type = entry_type(e)
    if type == TYPE_STRING:
        return b"string"
    if type == TYPE_LIST:
        return b"list"
    if type == TYPE_SET:
        return b"set"
    if type == TYPE_ZSET:
        return b"zset"
    if type == TYPE_HASH:
        return b"hash"
    if type == TYPE_STREAM:
        return b"stream"
    if type == TYPE_ARRAY:
        return b"array"
    return b"module"
