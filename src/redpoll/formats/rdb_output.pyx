"""A growing buffer of RDB.

It belongs to whoever made it, is not counted as the server's memory, as it is short-lived, and several can be filled
by several threads. A failed allocation ends the process, as in the engine.
"""

from libc.stdio cimport fprintf, stderr
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport abort, free, realloc
from libc.string cimport memcpy, memmove, memset, strlen

from redpoll.engine.numbers cimport format_int64, parse_int64
from redpoll.formats.crc64 cimport crc64
from redpoll.formats.lzf cimport lzf_compress
from redpoll.formats.rdb cimport RDB_AUX, RDB_VERSION_FIRST

cdef enum:
    FIRST_CAPACITY = 256
    NUMBER_MOST = 11             # characters of an integer of 32 bits
    COMPRESS_ABOVE = 20
    COMPRESSION_GAIN = 4         # bytes that compression has to save


cdef void output_init(Output* out) noexcept nogil:
    memset(out, 0, sizeof(Output))
    out.compressing = True
    out.version = RDB_VERSION_FIRST
    out.lfu_decay_time = 1


cdef void output_free(Output* out) noexcept nogil:
    free(out.data)
    free(out.marks)
    out.data = NULL
    out.marks = NULL
    out.mark_count = out.mark_room = 0
    out.length = out.capacity = 0


cdef void output_init_as(Output* out, const Output* other) noexcept nogil:
    out[0] = other[0]
    out.data = NULL
    out.marks = NULL
    out.mark_count = out.mark_room = 0
    out.length = out.capacity = 0


cdef void put_output(Output* out, const Output* other) noexcept nogil:
    cdef size_t mark = 0
    put_output_some(out, other, 0, other.length, &mark)


cdef void put_output_some(Output* out, const Output* other, size_t begin, size_t end, size_t* mark) noexcept nogil:
    cdef size_t before = out.length
    if end > begin:
        put_bytes(out, other.data + begin, end - begin)
    while mark[0] < other.mark_count and other.marks[mark[0]] < end:
        mark_text(out, before + other.marks[mark[0]] - begin, other.marks[mark[0] + 1])
        mark[0] += 2
    needs_version(out, other.version)


cdef void mark_text(Output* out, uint64_t position, uint64_t length) noexcept nogil:
    if out.mark_count == out.mark_room:
        out.mark_room = out.mark_room * 2 + 64
        out.marks = <uint64_t*>realloc(out.marks, out.mark_room * sizeof(uint64_t))
        if out.marks == NULL:
            fprintf(stderr, b"Out of memory: no room for a snapshot's marks.\n")
            abort()
    out.marks[out.mark_count] = position
    out.marks[out.mark_count + 1] = length
    out.mark_count += 2


cdef void output_reserve_slowly(Output* out, size_t size) noexcept nogil:
    cdef size_t wanted = out.length + size
    if wanted < 2 * out.capacity:
        wanted = 2 * out.capacity
    if wanted < FIRST_CAPACITY:
        wanted = FIRST_CAPACITY
    out.data = <char*>realloc(out.data, wanted)
    if out.data == NULL:
        fprintf(stderr, b"Out of memory: no %zu bytes for a snapshot.\n", wanted)
        abort()
    out.capacity = wanted


cdef void put_bytes(Output* out, const char* bytes, size_t size) noexcept nogil:
    output_reserve(out, size)
    memcpy(out.data + out.length, bytes, size)
    out.length += size


cdef void put_fixed64(Output* out, uint64_t value) noexcept nogil:
    output_reserve(out, 8)
    memcpy(out.data + out.length, &value, 8)
    out.length += 8


cdef void put_length(Output* out, uint64_t length) noexcept nogil:
    cdef uint8_t* p
    cdef int i, size
    output_reserve(out, 9)
    p = <uint8_t*>out.data + out.length
    if length < 64:
        p[0] = <uint8_t>length
        out.length += 1
        return
    if length < 16384:
        p[0] = <uint8_t>(0x40 | (length >> 8))
        p[1] = <uint8_t>length
        out.length += 2
        return
    size = 4 if length <= <uint64_t>0xFFFFFFFF else 8
    p[0] = 0x80 if size == 4 else 0x81
    for i in range(size):
        p[1 + i] = <uint8_t>(length >> (8 * (size - 1 - i)))
    out.length += 1 + size


cdef inline bint put_short_integer(Output* out, int64_t value) noexcept nogil:
    """An integer of at most 32 bits; whether it is one."""
    cdef uint8_t* p
    cdef int size
    if value < -<int64_t>0x80000000 or value > 0x7FFFFFFF:
        return False
    output_reserve(out, 5)
    p = <uint8_t*>out.data + out.length
    if -128 <= value < 128:
        p[0] = 0xC0
        size = 1
    elif -32768 <= value < 32768:
        p[0] = 0xC1
        size = 2
    else:
        p[0] = 0xC2
        size = 4
    memcpy(p + 1, &value, size)
    out.length += 1 + size
    return True


cdef void put_integer(Output* out, int64_t value) noexcept nogil:
    cdef char digits[24]
    if not put_short_integer(out, value):
        put_block(out, digits, format_int64(digits, value))


cdef void put_text(Output* out, const char* text, size_t length) noexcept nogil:
    cdef long long value
    if length <= NUMBER_MOST and parse_int64(text, length, &value) and put_short_integer(out, value):
        return
    put_block(out, text, length)


cdef void put_block(Output* out, const char* text, size_t length) noexcept nogil:
    cdef size_t made, at
    if out.compressing and length > COMPRESS_ABOVE:
        # Compressed in place, behind room for its head, which is moved up if it turns out shorter.
        at = out.length
        output_reserve(out, length + 19)
        made = lzf_compress(text, length, out.data + at + 19, length - COMPRESSION_GAIN)
        if made:
            put_byte(out, 0xC3)
            put_length(out, made)
            put_length(out, length)
            moved(out, at + 19, made)
            return
    if out.marking and length > COMPRESS_ABOVE:
        mark_text(out, out.length, length)
    put_length(out, length)
    put_bytes(out, text, length)


cdef inline void moved(Output* out, size_t position, size_t size) noexcept nogil:
    """Append what lies further on in the buffer, beyond its length."""
    memmove(out.data + out.length, out.data + position, size)
    out.length += size


cdef void put_aux(Output* out, const char* name, const char* text, size_t length) noexcept nogil:
    put_byte(out, RDB_AUX)
    put_text(out, name, strlen(name))
    put_text(out, text, length)


cdef void put_footer(Output* out, size_t start) noexcept nogil:
    put_byte(out, <uint8_t>(out.version & 255))
    put_byte(out, <uint8_t>(out.version >> 8))
    put_fixed64(out, crc64(0, out.data + start, out.length - start))
