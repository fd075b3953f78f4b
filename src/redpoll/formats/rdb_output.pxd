"""A growing buffer of RDB: lengths, strings, numbers. See rdb_output.pyx."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef struct Output:
    char* data                       # of the C library
    size_t length
    size_t capacity
    bint compressing                 # strings that LZF makes shorter
    # Instead of compressing, texts that are worth a try are marked by where their length stands, and it: whoever
    # gets the bytes compresses them.
    bint marking
    uint64_t* marks
    size_t mark_count
    size_t mark_room
    bint valkey                      # for Valkey where it has a type of its own
    int version                      # the oldest version of RDB that knows all that was written
    # How a key's last access is told: 0, RDB_IDLE or RDB_FREQUENCY; and what that is reckoned by.
    int access
    uint32_t clock
    uint32_t lfu_decay_time

cdef void output_init(Output* out) noexcept nogil
cdef void output_free(Output* out) noexcept nogil
cdef void mark_text(Output* out, uint64_t position, uint64_t length) noexcept nogil
cdef void output_reserve_slowly(Output* out, size_t size) noexcept nogil

cdef inline void output_reserve(Output* out, size_t size) noexcept nogil:
    """Room for `size` more bytes."""
    if out.capacity - out.length < size:
        output_reserve_slowly(out, size)

cdef inline void put_byte(Output* out, uint8_t byte) noexcept nogil:
    output_reserve(out, 1)
    out.data[out.length] = <char>byte
    out.length += 1

cdef inline void needs_version(Output* out, int version) noexcept nogil:
    if version > out.version:
        out.version = version

# An empty buffer that takes texts as another one does.
cdef void output_init_as(Output* out, const Output* other) noexcept nogil
# All of another buffer, with its marks.
cdef void put_output(Output* out, const Output* other) noexcept nogil
# The same of a stretch that cuts no text; `mark` is the first mark in it, and moved on past the last.
cdef void put_output_some(Output* out, const Output* other, size_t begin, size_t end, size_t* mark) noexcept nogil
cdef void put_bytes(Output* out, const char* bytes, size_t size) noexcept nogil
# Little endian.
cdef void put_fixed64(Output* out, uint64_t value) noexcept nogil
cdef void put_length(Output* out, uint64_t length) noexcept nogil
# A string; one that is a number or can be compressed is written so.
cdef void put_text(Output* out, const char* text, size_t length) noexcept nogil
# A string that is known not to be a short number.
cdef void put_block(Output* out, const char* text, size_t length) noexcept nogil
cdef void put_integer(Output* out, int64_t value) noexcept nogil
cdef void put_aux(Output* out, const char* name, const char* text, size_t length) noexcept nogil
# Version and checksum behind a payload that begins at `start`.
cdef void put_footer(Output* out, size_t start) noexcept nogil
