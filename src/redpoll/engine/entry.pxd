"""Layout of an entry: a key with its value, in one allocation.

    offset  bytes
    0       1    type (low four bits) and encoding (high four bits)
    1       1    flags
    2       2    length of the value when it is embedded
    4       4    length of the key (low byte; 255: in the long-key field) and the access clock (24 bits above)
    8       8    time of expiry, unix milliseconds          only with FLAG_EXPIRES
    ..      8    payload: an integer or a pointer           only when the value is not embedded
    ..      8    length of the key                          only with FLAG_LONG_KEY
    ..      n    the key
    ..      m    the value                                  only when it is embedded

Whoever holds an `Entry*` holds it until the next change of its key, which may move the entry.
The same layout serves the members of hashes, sets and sorted sets.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from redpoll.engine.blob cimport Blob

cdef enum Type:             # the numbers are those of RDB files
    TYPE_STRING = 0
    TYPE_LIST = 1
    TYPE_SET = 2
    TYPE_ZSET = 3
    TYPE_HASH = 4
    TYPE_MODULE = 5
    TYPE_STREAM = 6
    TYPE_ARRAY = 7

cdef enum Encoding:
    ENC_EMBEDDED = 0
    ENC_INTEGER = 1
    ENC_BLOB = 2
    ENC_LISTPACK = 3        # from here on the payload is a pointer that engine/value knows what to do with
    ENC_INTSET = 4
    ENC_TABLE = 5           # sets
    ENC_TREE = 6            # sorted sets
    ENC_QUICKLIST = 7
    ENC_STREAM = 8
    ENC_ARRAY = 9
    ENC_FIELDS = 10         # hashes
    ENC_PACKED_FIELDS = 11  # small hashes with fields that expire
    ENC_SCORE = 15          # a member of a sorted set: the payload is its score, a double

cdef enum:
    FLAG_EXPIRES = 1
    FLAG_FILED = 2          # the index of expiry has a record of this key at or before its time
    FLAG_LONG_KEY = 4
    FLAG_MUTATED = 8        # changed in place: encoding is told as `raw`, however short it is
    FLAG_GENERATION = 16    # which making of the index FLAG_FILED speaks of
    FLAG_SAVED = 32         # which snapshot, the even or the odd ones, has this entry or need not have it

    ENTRY_HEADER = 8
    LONG_KEY = 255
    EMBED_MAX = 960         # longer values hang off a pointer

cdef struct Entry:
    uint8_t kind
    uint8_t flags
    uint16_t value_length
    uint32_t key_and_clock

cdef inline int entry_type(const Entry* e) noexcept nogil:
    return e.kind & 15

cdef inline int entry_encoding(const Entry* e) noexcept nogil:
    return e.kind >> 4

cdef inline size_t expiry_bytes(const Entry* e) noexcept nogil:
    return (e.flags & FLAG_EXPIRES) << 3

cdef inline size_t payload_bytes(const Entry* e) noexcept nogil:
    return 8 if e.kind >> 4 else 0

cdef inline void* entry_payload(const Entry* e) noexcept nogil:
    """Where the integer or pointer is."""
    return <char*>e + ENTRY_HEADER + expiry_bytes(e)

cdef inline size_t entry_key_length(const Entry* e) noexcept nogil:
    cdef size_t length = e.key_and_clock & 255
    if length == LONG_KEY:
        length = (<uint64_t*>(<char*>e + ENTRY_HEADER + expiry_bytes(e) + payload_bytes(e)))[0]
    return length

cdef inline char* entry_key(const Entry* e) noexcept nogil:
    return <char*>e + ENTRY_HEADER + expiry_bytes(e) + payload_bytes(e) + ((e.flags & FLAG_LONG_KEY) << 1)

cdef inline char* entry_embedded(const Entry* e) noexcept nogil:
    return entry_key(e) + entry_key_length(e)

cdef inline size_t entry_size(const Entry* e) noexcept nogil:
    return (ENTRY_HEADER + expiry_bytes(e) + payload_bytes(e) + ((e.flags & FLAG_LONG_KEY) << 1)
            + entry_key_length(e) + e.value_length)

cdef inline int64_t entry_expiry(const Entry* e) noexcept nogil:
    """Unix milliseconds, or -1."""
    if e.flags & FLAG_EXPIRES:
        return (<int64_t*>(<char*>e + ENTRY_HEADER))[0]
    return -1

cdef inline uint32_t entry_clock(const Entry* e) noexcept nogil:
    return e.key_and_clock >> 8

cdef inline void entry_set_clock(Entry* e, uint32_t clock) noexcept nogil:
    e.key_and_clock = (e.key_and_clock & 255) | (clock << 8)

cdef inline int64_t entry_integer(const Entry* e) noexcept nogil:
    return (<int64_t*>entry_payload(e))[0]

cdef inline void* entry_value(const Entry* e) noexcept nogil:
    """What hangs off an entry."""
    return (<void**>entry_payload(e))[0]

cdef inline void entry_set_value(Entry* e, int encoding, void* value) noexcept nogil:
    """A new value, or the old one moved or in another encoding; the entry must have a payload already."""
    e.kind = <uint8_t>((e.kind & 15) | (encoding << 4))
    (<void**>entry_payload(e))[0] = value

cdef inline Blob* entry_blob(const Entry* e) noexcept nogil:
    return (<Blob**>entry_payload(e))[0]

# An entry without a value yet: `value_length` bytes are left for an embedded one, or a payload is for the caller
# to set.
cdef Entry* entry_new(int type, int encoding, const char* key, size_t key_length, size_t value_length,
                      int64_t expiry) noexcept nogil
# The same key, clock and flags in a new shape; the old block is freed, what its payload points to is not.
cdef Entry* entry_reshape(Entry* e, int type, int encoding, size_t value_length, int64_t expiry) noexcept nogil
# Frees the entry and what hangs off it.
cdef void entry_free(Entry* e) noexcept nogil
# Frees what hangs off the entry; its payload dangles then.
cdef void entry_free_value(Entry* e) noexcept nogil
# Frees the entry alone.
cdef void entry_free_shell(Entry* e) noexcept nogil
# Bytes that the entry and its value occupy; `samples` as in engine/value.
cdef size_t entry_memory(const Entry* e, size_t samples) noexcept nogil

# A string's text, wherever it is; an integer is printed into `scratch` (24 bytes).
cdef const char* string_text(const Entry* e, char* scratch, size_t* length) noexcept nogil
cdef size_t string_length(const Entry* e) noexcept nogil
# The same value and expiry under another key, in a new entry. What hangs off it is shared until the old shell is freed.
cdef Entry* entry_with_key(const Entry* e, const char* key, size_t key_length) noexcept nogil
# A copy under another key; a blob is shared by counting.
cdef Entry* entry_copy(const Entry* e, const char* key, size_t key_length) noexcept nogil
# The word for an encoding, as OBJECT ENCODING answers it.
cdef const char* encoding_name(const Entry* e) noexcept nogil
# The word for a type, as TYPE answers it.
cdef const char* type_name(const Entry* e) noexcept nogil
