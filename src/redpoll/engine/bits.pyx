"""Counting, finding, reading and writing bits.

Words of 64 bits are taken where there are any; GCC makes versions for processors with a
population-count instruction, and picks one when the module is loaded.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    #if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(REDPOLL_DEBUG)
    #define REDPOLL_CLONES __attribute__((target_clones("popcnt", "default")))
    #else
    #define REDPOLL_CLONES
    #endif

    REDPOLL_CLONES static uint64_t redpoll_count_ones(const uint8_t *p, size_t length) {
        uint64_t total = 0, word;
        size_t i;
        for (i = 0; i + 8 <= length; i += 8) {
            memcpy(&word, p + i, 8);
            total += (uint64_t)__builtin_popcountll(word);
        }
        for (; i < length; i++) total += (uint64_t)__builtin_popcount(p[i]);
        return total;
    }
    """
    uint64_t redpoll_count_ones(const uint8_t* p, size_t length) noexcept nogil


cdef uint64_t count_ones(const uint8_t* p, size_t length) noexcept nogil:
    return redpoll_count_ones(p, length)


cdef uint64_t count_bits(const uint8_t* p, uint64_t first, uint64_t end) noexcept nogil:
    """Ones from bit `first` up to, not including, bit `end`."""
    cdef uint64_t total
    cdef size_t first_byte = first >> 3
    cdef size_t end_byte = (end + 7) >> 3
    if first >= end:
        return 0
    total = redpoll_count_ones(p + first_byte, end_byte - first_byte)
    total -= ones_in_byte(p[first_byte] >> (8 - (first & 7)) if first & 7 else 0)
    total -= ones_in_byte(p[end_byte - 1] & ((1 << (end_byte * 8 - end)) - 1))
    return total


cdef inline uint64_t ones_in_byte(unsigned int byte) noexcept nogil:
    cdef uint8_t value = <uint8_t>byte
    return redpoll_count_ones(&value, 1)


cdef int64_t find_bit(const uint8_t* p, uint64_t first, uint64_t end, bint value) noexcept nogil:
    cdef uint64_t at = first
    cdef uint8_t skip = 0 if value else 255
    while at < end and at & 7:
        if (p[at >> 3] >> (7 - (at & 7)) & 1) == value:
            return at
        at += 1
    while at + 8 <= end and p[at >> 3] == skip:
        at += 8
    while at < end:
        if (p[at >> 3] >> (7 - (at & 7)) & 1) == value:
            return at
        at += 1
    return -1


cdef uint64_t get_field(const uint8_t* p, size_t length, uint64_t offset, int width) noexcept nogil:
    cdef uint64_t value = 0
    cdef uint64_t at
    cdef size_t byte
    for at in range(offset, offset + width):
        byte = at >> 3
        value <<= 1
        if byte < length:
            value |= p[byte] >> (7 - (at & 7)) & 1
    return value


cdef void set_field(uint8_t* p, uint64_t offset, int width, uint64_t value) noexcept nogil:
    cdef uint64_t at
    cdef int i
    cdef uint8_t bit
    for i in range(width):
        at = offset + i
        bit = <uint8_t>(1 << (7 - (at & 7)))
        if value >> (width - 1 - i) & 1:
            p[at >> 3] |= bit
        else:
            p[at >> 3] &= ~bit
