"""Reading RDB from memory or from a stream, checked: see rdb_input.pyx."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from redpoll.engine.blob cimport Blob

cdef struct Source

# Brings at least `needed` bytes between `at` and `end`; False: there are no more.
ctypedef bint (*refill_t)(Source* source, size_t needed) noexcept nogil

# Memory that grows, for a text that is not in one piece in the buffer or has to outlast the next read.
cdef struct Scratch:
    char* data
    size_t room

# A string as it was read: good until the next read, unless it was kept.
cdef struct Text:
    const char* text
    size_t length
    bint is_integer                  # it was written as this number; `text` is its digits
    int64_t integer
    char digits[24]

cdef struct Source:
    const uint8_t* at                # what is read next
    const uint8_t* end
    const uint8_t* start             # the beginning of the buffer,
    uint64_t offset                  # which is here in the whole
    uint64_t total                   # bytes of the whole, 0: not known
    refill_t refill                  # NULL: all is in memory
    void* context                    # of `refill`
    uint8_t* buffer
    size_t buffer_room
    bint counting                    # the checksum is made of what is read
    const uint8_t* counted           # up to here
    uint64_t crc
    const char* reason               # why reading failed, NULL while it did not
    uint64_t failed_at
    Scratch packed
    Scratch unpacked
    Scratch kept
    Scratch kept_too
    Scratch key

cdef void source_of_memory(Source* source, const char* bytes, size_t size) noexcept nogil
# Reads through `refill`, `buffer_room` bytes at a time.
cdef void source_of_stream(Source* source, refill_t refill, void* context, size_t buffer_room) noexcept nogil
cdef void source_free(Source* source) noexcept nogil
# Remember why reading cannot go on; always False.
cdef bint source_fail(Source* source, const char* reason) noexcept nogil
# The checksum of all that has been read so far.
cdef uint64_t source_checksum(Source* source) noexcept nogil

cdef inline uint64_t source_position(const Source* source) noexcept nogil:
    return source.offset + (source.at - source.start)

cdef bint source_need_slowly(Source* source, size_t size) noexcept nogil
cdef inline bint source_need(Source* source, size_t size) noexcept nogil:
    """Whether `size` more bytes are there in one piece; for sizes up to half the buffer."""
    if <size_t>(source.end - source.at) >= size:
        return True
    return source_need_slowly(source, size)

cdef bint source_byte(Source* source, uint8_t* byte) noexcept nogil
cdef bint source_fixed32(Source* source, uint64_t* value) noexcept nogil       # little endian
cdef bint source_fixed64(Source* source, uint64_t* value) noexcept nogil
cdef bint source_length(Source* source, uint64_t* length) noexcept nogil
# A count of things that take `least` bytes each at the least; refused when there is not enough left for them.
cdef bint source_count(Source* source, uint64_t* count, size_t least) noexcept nogil
# Into the caller's memory.
cdef bint source_bytes(Source* source, char* to, size_t size) noexcept nogil
cdef bint source_text(Source* source, Text* text) noexcept nogil
# As `source_text`, but the text is good until the next one is kept.
cdef bint source_text_kept(Source* source, Text* text) noexcept nogil
# Another one besides.
cdef bint source_text_kept_too(Source* source, Text* text) noexcept nogil
# The same in a place of its own, good until the next key.
cdef bint source_key(Source* source, Text* text) noexcept nogil
# A string that is large becomes a blob at once; else `blob` is NULL and `text` has it.
cdef bint source_value(Source* source, Text* text, Blob** blob, size_t large) noexcept nogil
cdef bint source_skip_text(Source* source) noexcept nogil
