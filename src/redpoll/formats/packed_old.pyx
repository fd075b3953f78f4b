"""Ziplists and zipmaps as they come in files and payloads.

A ziplist (Redis 2.4 to 6.2), numbers little endian

    offset  bytes
    0       4    size of the whole
    4       4    offset of the last element
    8       2    elements; 65535: count them
    10      ..   elements
    ..      1    255

Its elements: the size of the one before (a byte, or 254 and 4 bytes), then

    00xxxxxx              a string of up to 63 bytes
    01xxxxxx +1           a string of up to 16,383 bytes, its length big endian
    10------ +4           a string, its length in 4 bytes, big endian
    11000000 +2, 11010000 +4, 11100000 +8, 11110000 +3, 11111110 +1    signed integers, little endian
    1111xxxx              xxxx - 1, for 0001 to 1101

A zipmap (before Redis 2.6): a byte of count (254: count them), then for each field its length and text, the value's
length, a byte that tells how many bytes are unused behind the value, and the value; 255 at the end. A length is a
byte, or 254 and 4 bytes, little endian.
"""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from redpoll.engine.listpack cimport (
    LISTPACK_MAX, listpack_append, listpack_append_integer, listpack_fits, listpack_free, listpack_new,
)

cdef enum:
    ZIPLIST_HEADER = 10
    ZIPLIST_MANY = 65535
    ZIPMAP_MANY = 254
    BIG = 254
    END = 255

cdef const char* BAD_ZIPLIST = b"a ziplist that is damaged"
cdef const char* BAD_ZIPMAP = b"a zipmap that is damaged"


cdef inline uint32_t number32(const uint8_t* p) noexcept nogil:
    cdef uint32_t value
    memcpy(&value, p, 4)
    return value


cdef inline size_t big_endian(const uint8_t* p) noexcept nogil:
    return (<size_t>p[0] << 24) | (<size_t>p[1] << 16) | (<size_t>p[2] << 8) | p[3]


cdef int integer_bytes(uint8_t encoding) noexcept nogil:
    """How many bytes follow the encoding of an integer; -1: it is none."""
    if encoding == 0xC0:
        return 2
    if encoding == 0xD0:
        return 4
    if encoding == 0xE0:
        return 8
    if encoding == 0xF0:
        return 3
    if encoding == 0xFE:
        return 1
    return 0 if 0xF1 <= encoding <= 0xFD else -1


cdef int64_t integer_of(const uint8_t* p, uint8_t encoding) noexcept nogil:
    cdef int8_t one
    cdef int16_t two
    cdef int32_t four
    cdef int64_t eight
    if encoding == 0xC0:
        memcpy(&two, p, 2)
        return two
    if encoding == 0xD0:
        memcpy(&four, p, 4)
        return four
    if encoding == 0xE0:
        memcpy(&eight, p, 8)
        return eight
    if encoding == 0xF0:
        eight = p[0] | (<int64_t>p[1] << 8) | (<int64_t>p[2] << 16)
        return eight - 16777216 if eight >= 8388608 else eight
    if encoding == 0xFE:
        memcpy(&one, p, 1)
        return one
    return (encoding & 15) - 1


cdef uint8_t* listpack_of_ziplist(const char* bytes, size_t size, const char** reason) noexcept nogil:
    cdef const uint8_t* start = <const uint8_t*>bytes
    cdef const uint8_t* end = start + size - 1
    cdef const uint8_t* p = start + ZIPLIST_HEADER
    cdef const uint8_t* element = p
    cdef size_t before = 0
    cdef size_t told, length, count = 0
    cdef uint16_t told_count
    cdef int integer
    cdef uint8_t encoding
    cdef uint8_t* made
    reason[0] = BAD_ZIPLIST
    if size < ZIPLIST_HEADER + 1 or size > LISTPACK_MAX or number32(start) != size or end[0] != END:
        return NULL
    made = listpack_new()
    while p < end:
        element = p
        if p[0] < BIG:
            told = p[0]
            p += 1
        else:
            if p[0] != BIG or end - p < 5:
                break
            told = number32(p + 1)
            p += 5
        if told != before or p >= end:
            break
        encoding = p[0]
        p += 1
        if encoding >= 0xC0:
            integer = integer_bytes(encoding)
            if integer < 0 or end - p < integer:
                break
            if not listpack_fits(made, 9, 1):
                break
            made = listpack_append_integer(made, integer_of(p, encoding))
            p += integer
        else:
            if encoding < 0x40:
                length = encoding
            elif encoding < 0x80:
                if p >= end:
                    break
                length = (<size_t>(encoding & 63) << 8) | p[0]
                p += 1
            else:
                if end - p < 4:
                    break
                length = big_endian(p)
                p += 4
            if length > <size_t>(end - p) or not listpack_fits(made, length, 1):
                break
            made = listpack_append(made, <const char*>p, length)
            p += length
        before = p - element
        count += 1
    else:
        memcpy(&told_count, start + 8, 2)
        if (told_count == ZIPLIST_MANY or told_count == count) and number32(start + 4) == <size_t>(element - start):
            return made
    listpack_free(made)
    return NULL


cdef bint zipmap_length(const uint8_t** at, const uint8_t* end, size_t* length) noexcept nogil:
    """The length at a place, which is moved behind it; False when there is none."""
    cdef const uint8_t* p = at[0]
    if p >= end or p[0] == END:
        return False
    if p[0] < BIG:
        length[0] = p[0]
        at[0] = p + 1
        return True
    if end - p < 5:
        return False
    length[0] = number32(p + 1)
    at[0] = p + 5
    # No server writes a short length the long way, and none takes it.
    return length[0] >= BIG


cdef uint8_t* listpack_of_zipmap(const char* bytes, size_t size, const char** reason) noexcept nogil:
    cdef const uint8_t* start = <const uint8_t*>bytes
    cdef const uint8_t* end = start + size - 1
    cdef const uint8_t* p = start + 1
    cdef const uint8_t* field
    cdef size_t length, value, unused, count = 0
    cdef uint8_t* made
    reason[0] = BAD_ZIPMAP
    if size < 2 or size > LISTPACK_MAX or end[0] != END:
        return NULL
    made = listpack_new()
    while p < end:
        if not zipmap_length(&p, end, &length) or length > <size_t>(end - p):
            break
        field = p
        p += length
        if not zipmap_length(&p, end, &value) or p >= end:
            break
        unused = p[0]
        p += 1
        if (value > <size_t>(end - p) or unused > <size_t>(end - p) - value
                or not listpack_fits(made, length + value, 2)):
            break
        made = listpack_append(made, <const char*>field, length)
        made = listpack_append(made, <const char*>p, value)
        p += value + unused
        count += 1
    else:
        if start[0] >= ZIPMAP_MANY or start[0] == count:
            return made
    listpack_free(made)
    return NULL
