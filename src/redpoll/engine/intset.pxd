"""A set of integers in one sorted block, byte for byte as in RDB files.

    offset  bytes
    0       4    bytes of each integer: 2, 4 or 8     little endian, as all of it
    4       4    integers
    8       ..   the integers, signed, ascending, each once

All integers are as wide as the widest needed so far: a removal makes none narrower. A function that changes an intset
returns where it is now.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

cdef enum:
    INTSET_HEADER = 8
    INTSET_MAX = 1 << 27         # integers; 1 GiB at their widest

cdef inline uint32_t intset_width(const uint8_t* s) noexcept nogil:
    cdef uint32_t width
    memcpy(&width, s, 4)
    return width

cdef inline uint32_t intset_length(const uint8_t* s) noexcept nogil:
    cdef uint32_t length
    memcpy(&length, s + 4, 4)
    return length

cdef inline size_t intset_size(const uint8_t* s) noexcept nogil:
    """Bytes of the block."""
    return INTSET_HEADER + <size_t>intset_width(s) * intset_length(s)

cdef inline int64_t intset_at(const uint8_t* s, size_t index) noexcept nogil:
    """The integer at an index, which must be below the length."""
    cdef uint32_t width = intset_width(s)
    cdef int16_t narrow
    cdef int32_t middle
    cdef int64_t wide
    if width == 2:
        memcpy(&narrow, s + INTSET_HEADER + index * 2, 2)
        return narrow
    if width == 4:
        memcpy(&middle, s + INTSET_HEADER + index * 4, 4)
        return middle
    memcpy(&wide, s + INTSET_HEADER + index * 8, 8)
    return wide

cdef uint8_t* intset_new() noexcept nogil
# A set of bytes that came from outside and were found valid.
cdef uint8_t* intset_from(const char* bytes, size_t size) noexcept nogil
cdef uint8_t* intset_copy(const uint8_t* s) noexcept nogil
cdef void intset_free(uint8_t* s) noexcept nogil
# Bytes that the allocator holds for it.
cdef size_t intset_memory(const uint8_t* s) noexcept nogil
# Whether an integer is there, and the index where it is or would go.
cdef bint intset_find(const uint8_t* s, int64_t value, size_t* index) noexcept nogil
# `added` tells whether it was absent.
cdef uint8_t* intset_add(uint8_t* s, int64_t value, bint* added) noexcept nogil
cdef uint8_t* intset_remove_at(uint8_t* s, size_t index, size_t count) noexcept nogil
# Whether bytes from outside are an intset: width, size and order agree.
cdef bint intset_valid(const char* bytes, size_t size) noexcept nogil
