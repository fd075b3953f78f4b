"""The bytes of a listpack's elements, read and written; their encodings are listed in listpack.pxd.

Whoever reads knows that the element is whole, whoever writes that there is room: ELEMENT_MOST bytes besides the text.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from redpoll.engine.numbers cimport parse_int64

cdef enum:
    ELEMENT_MOST = 20        # bytes around a text at the most: encoding, back length, and room to spare

# An element as it is read: a text, or an integer when `text` is NULL.
cdef struct Element:
    const char* text
    size_t length
    int64_t integer

cdef inline size_t back_size(size_t body) noexcept nogil:
    """Bytes that the back length of a body of so many bytes takes."""
    # The limits, one short of what would fit, are those that every writer of the format has used.
    if body <= 127:
        return 1
    if body < 16383:
        return 2
    if body < 2097151:
        return 3
    if body < 268435455:
        return 4
    return 5


cdef inline size_t write_back(uint8_t* to, size_t body) noexcept nogil:
    cdef size_t size = back_size(body)
    cdef size_t i = size
    while i > 1:
        i -= 1
        to[i] = <uint8_t>((body & 127) | 128)
        body >>= 7
    to[0] = <uint8_t>(body & 127)
    return size


cdef inline size_t body_size(const uint8_t* p) noexcept nogil:
    """Encoding and data of an element that is known to be whole."""
    cdef uint8_t first = p[0]
    cdef uint32_t length
    if first < 0x80:
        return 1
    if first < 0xC0:
        return 1 + (first & 63)
    if first < 0xE0:
        return 2
    if first < 0xF0:
        return 2 + ((<size_t>(first & 15) << 8) | p[1])
    if first == 0xF0:
        memcpy(&length, p + 1, 4)
        return 5 + <size_t>length
    if first == 0xF1:
        return 3
    if first == 0xF2:
        return 4
    if first == 0xF3:
        return 5
    return 9


cdef inline size_t element_size(const uint8_t* p) noexcept nogil:
    cdef size_t body = body_size(p)
    return body + back_size(body)


cdef inline size_t write_integer(uint8_t* to, int64_t value) noexcept nogil:
    """The body of an integer; how many bytes it takes (9 at most)."""
    cdef uint64_t raw = <uint64_t>value
    if 0 <= value <= 127:
        to[0] = <uint8_t>value
        return 1
    if -4096 <= value <= 4095:
        raw &= 8191
        to[0] = <uint8_t>(0xC0 | (raw >> 8))
        to[1] = <uint8_t>raw
        return 2
    if -32768 <= value <= 32767:
        to[0] = 0xF1
        memcpy(to + 1, &raw, 2)
        return 3
    if -8388608 <= value <= 8388607:
        to[0] = 0xF2
        memcpy(to + 1, &raw, 3)
        return 4
    if -2147483648 <= value <= 2147483647:
        to[0] = 0xF3
        memcpy(to + 1, &raw, 4)
        return 5
    to[0] = 0xF4
    memcpy(to + 1, &raw, 8)
    return 9


cdef inline size_t write_text_head(uint8_t* to, size_t length) noexcept nogil:
    cdef uint32_t wide
    if length < 64:
        to[0] = <uint8_t>(0x80 | length)
        return 1
    if length < 4096:
        to[0] = <uint8_t>(0xE0 | (length >> 8))
        to[1] = <uint8_t>length
        return 2
    to[0] = 0xF0
    wide = <uint32_t>length
    memcpy(to + 1, &wide, 4)
    return 5


cdef inline void listpack_get(const uint8_t* p, Element* read) noexcept nogil:
    cdef uint8_t first = p[0]
    cdef uint32_t wide
    cdef int64_t value
    read.text = NULL
    read.length = 0
    if first < 0x80:
        read.integer = first
    elif first < 0xC0:
        read.length = first & 63
        read.text = <const char*>p + 1
    elif first < 0xE0:
        value = (<int64_t>(first & 31) << 8) | p[1]
        read.integer = value - 8192 if value >= 4096 else value
    elif first < 0xF0:
        read.length = (<size_t>(first & 15) << 8) | p[1]
        read.text = <const char*>p + 2
    elif first == 0xF0:
        memcpy(&wide, p + 1, 4)
        read.length = wide
        read.text = <const char*>p + 5
    elif first == 0xF1:
        value = p[1] | (<int64_t>p[2] << 8)
        read.integer = value - 65536 if value >= 32768 else value
    elif first == 0xF2:
        value = p[1] | (<int64_t>p[2] << 8) | (<int64_t>p[3] << 16)
        read.integer = value - 16777216 if value >= 8388608 else value
    elif first == 0xF3:
        memcpy(&wide, p + 1, 4)
        read.integer = <int64_t><int>wide
    else:
        memcpy(&value, p + 1, 8)
        read.integer = value


cdef inline int64_t element_integer(const uint8_t* p) noexcept nogil:
    """The integer that an element is; 0 for a text."""
    cdef Element read
    if p[0] < 0x80:
        return p[0]
    listpack_get(p, &read)
    return read.integer if read.text == NULL else 0


cdef inline bint element_is(const uint8_t* p, const char* text, size_t length) noexcept nogil:
    cdef Element read
    cdef long long parsed
    listpack_get(p, &read)
    if read.text != NULL:
        return read.length == length and memcmp(read.text, text, length) == 0
    return parse_int64(text, length, &parsed) and read.integer == parsed


cdef inline uint8_t* put_element_integer(uint8_t* to, int64_t value) noexcept nogil:
    """Write an integer element; where the next one goes."""
    cdef size_t body = write_integer(to, value)
    return to + body + write_back(to + body, body)


cdef inline uint8_t* put_element_text(uint8_t* to, const char* text, size_t length) noexcept nogil:
    """Write the element of a text, an integer when it is the form of one; where the next one goes."""
    cdef long long integer
    cdef size_t head
    if parse_int64(text, length, &integer):
        return put_element_integer(to, integer)
    head = write_text_head(to, length)
    memcpy(to + head, text, length)
    return to + head + length + write_back(to + head + length, head + length)
