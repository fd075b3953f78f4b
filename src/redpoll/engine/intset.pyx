"""Sets of integers in one block; their layout opens intset.pxd."""

from libc.stdint cimport INT16_MAX, INT16_MIN, INT32_MAX, INT32_MIN, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, memmove

from redpoll.engine.memory cimport KIND_COLLECTION, allocate, block_size, reallocate, release


cdef inline uint32_t width_of(int64_t value) noexcept nogil:
    if INT16_MIN <= value <= INT16_MAX:
        return 2
    if INT32_MIN <= value <= INT32_MAX:
        return 4
    return 8


cdef inline void set_head(uint8_t* s, uint32_t width, uint32_t length) noexcept nogil:
    memcpy(s, &width, 4)
    memcpy(s + 4, &length, 4)


cdef inline void put_at(uint8_t* s, uint32_t width, size_t index, int64_t value) noexcept nogil:
    # Little endian: the lowest bytes are the number, as wide as it has to be.
    memcpy(s + INTSET_HEADER + index * width, &value, width)


cdef uint8_t* intset_new() noexcept nogil:
    cdef uint8_t* s = <uint8_t*>allocate(INTSET_HEADER, KIND_COLLECTION)
    set_head(s, 2, 0)
    return s


cdef uint8_t* intset_from(const char* bytes, size_t size) noexcept nogil:
    cdef uint8_t* s = <uint8_t*>allocate(size, KIND_COLLECTION)
    memcpy(s, bytes, size)
    return s


cdef uint8_t* intset_copy(const uint8_t* s) noexcept nogil:
    return intset_from(<const char*>s, intset_size(s))


cdef void intset_free(uint8_t* s) noexcept nogil:
    release(s, intset_size(s), KIND_COLLECTION)


cdef size_t intset_memory(const uint8_t* s) noexcept nogil:
    return block_size(intset_size(s))


cdef bint intset_find(const uint8_t* s, int64_t value, size_t* index) noexcept nogil:
    cdef size_t low = 0
    cdef size_t high = intset_length(s)
    cdef size_t middle
    cdef int64_t there
    # Sets are often filled in order, so the end is looked at first.
    if high and intset_at(s, high - 1) < value:
        index[0] = high
        return False
    while low < high:
        middle = (low + high) >> 1
        there = intset_at(s, middle)
        if there < value:
            low = middle + 1
        else:
            high = middle
    index[0] = low
    return low < intset_length(s) and intset_at(s, low) == value


cdef uint8_t* widened(uint8_t* s, uint32_t width, int64_t value) noexcept nogil:
    """All integers in a wider form, and one that needs it: so it comes before or behind all others."""
    cdef uint32_t length = intset_length(s)
    cdef uint8_t* made = <uint8_t*>allocate(INTSET_HEADER + <size_t>width * (length + 1), KIND_COLLECTION)
    cdef size_t shift = 1 if value < 0 else 0
    cdef size_t i
    set_head(made, width, length + 1)
    for i in range(length):
        put_at(made, width, i + shift, intset_at(s, i))
    put_at(made, width, 0 if shift else length, value)
    intset_free(s)
    return made


cdef uint8_t* intset_add(uint8_t* s, int64_t value, bint* added) noexcept nogil:
    cdef uint32_t width = intset_width(s)
    cdef uint32_t length = intset_length(s)
    cdef uint32_t needed = width_of(value)
    cdef size_t size = intset_size(s)
    cdef size_t index, offset
    added[0] = True
    if needed > width:
        return widened(s, needed, value)
    if intset_find(s, value, &index):
        added[0] = False
        return s
    s = <uint8_t*>reallocate(s, size, size + width, KIND_COLLECTION)
    offset = INTSET_HEADER + index * width
    memmove(s + offset + width, s + offset, size - offset)
    put_at(s, width, index, value)
    set_head(s, width, length + 1)
    return s


cdef uint8_t* intset_remove_at(uint8_t* s, size_t index, size_t count) noexcept nogil:
    cdef uint32_t width = intset_width(s)
    cdef uint32_t length = intset_length(s)
    cdef size_t size = intset_size(s)
    cdef size_t offset = INTSET_HEADER + index * width
    cdef size_t removed = count * width
    memmove(s + offset, s + offset + removed, size - offset - removed)
    set_head(s, width, <uint32_t>(length - count))
    return <uint8_t*>reallocate(s, size, size - removed, KIND_COLLECTION)


cdef bint intset_valid(const char* bytes, size_t size) noexcept nogil:
    cdef const uint8_t* s = <const uint8_t*>bytes
    cdef uint32_t width, length
    cdef size_t i
    if size < INTSET_HEADER:
        return False
    width = intset_width(s)
    length = intset_length(s)
    if (width != 2 and width != 4 and width != 8) or length == 0 or size != INTSET_HEADER + <size_t>width * length:
        return False
    for i in range(1, length):
        if intset_at(s, i - 1) >= intset_at(s, i):
            return False
    return True
