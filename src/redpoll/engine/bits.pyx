"""Counting, finding, reading and writing bits.

Words of 64 bits are taken where there are any; GCC makes versions for processors with a
population-count instruction, and picks one when the module is loaded.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

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
    ctypedef unsigned long long uint128 "unsigned __int128"

cdef enum:
    BLOCK = 4096           # bytes that are combined at a time, so that they stay in the cache


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
    cdef uint64_t skip_word = 0 if value else ~<uint64_t>0
    cdef uint64_t word
    while at < end and at & 7:
        if (p[at >> 3] >> (7 - (at & 7)) & 1) == value:
            return at
        at += 1
    while at + 64 <= end:
        memcpy(&word, p + (at >> 3), 8)
        if word != skip_word:
            break
        at += 64
    while at + 8 <= end and p[at >> 3] == skip:
        at += 8
    while at < end:
        if (p[at >> 3] >> (7 - (at & 7)) & 1) == value:
            return at
        at += 1
    return -1


cdef uint64_t get_field(const uint8_t* p, size_t length, uint64_t offset, int width) noexcept nogil:
    cdef size_t byte = offset >> 3
    cdef size_t end = (offset + width + 7) >> 3     # up to nine bytes further
    cdef int behind = <int>(end * 8 - offset - width)
    cdef uint128 bits = 0
    while byte < end:
        bits = bits << 8
        if byte < length:
            bits = bits | p[byte]
        byte += 1
    bits = bits >> behind
    return <uint64_t>bits & (~<uint64_t>0 >> (64 - width))


cdef void set_field(uint8_t* p, uint64_t offset, int width, uint64_t value) noexcept nogil:
    cdef size_t first = offset >> 3
    cdef size_t byte = (offset + width + 7) >> 3
    cdef int behind = <int>(byte * 8 - offset - width)
    cdef uint128 mask = <uint128>(~<uint64_t>0 >> (64 - width)) << behind
    cdef uint128 bits = <uint128>value << behind & mask
    while byte > first:
        byte -= 1
        p[byte] = (p[byte] & ~<uint8_t>mask) | <uint8_t>bits
        mask = mask >> 8
        bits = bits >> 8


# Loops over bytes that the compiler turns into vector instructions.

cdef void and_into(uint8_t* r, const uint8_t* p, size_t length) noexcept nogil:
    cdef size_t i
    for i in range(length):
        r[i] &= p[i]


cdef void or_into(uint8_t* r, const uint8_t* p, size_t length) noexcept nogil:
    cdef size_t i
    for i in range(length):
        r[i] |= p[i]


cdef void xor_into(uint8_t* r, const uint8_t* p, size_t length) noexcept nogil:
    cdef size_t i
    for i in range(length):
        r[i] ^= p[i]


cdef void once_into(uint8_t* once, uint8_t* more, const uint8_t* p, size_t length) noexcept nogil:
    cdef size_t i
    for i in range(length):
        more[i] |= once[i] & p[i]
        once[i] |= p[i]


cdef void less_into(uint8_t* r, const uint8_t* p, size_t length) noexcept nogil:
    cdef size_t i
    for i in range(length):
        r[i] &= ~p[i]


cdef void invert(uint8_t* r, size_t length) noexcept nogil:
    cdef size_t i
    for i in range(length):
        r[i] = ~r[i]


cdef void combine_block(Combination how, uint8_t* result, size_t start, size_t size, const Bits* sources,
                        size_t count) noexcept nogil:
    cdef uint8_t others[BLOCK]         # in one of the others; for COMBINE_ONE: in more than one
    cdef size_t i, here
    cdef const uint8_t* p
    if how >= COMBINE_DIFF:
        memset(others, 0, size)
    for i in range(count):
        here = 0
        p = NULL
        if start < sources[i].length:
            here = min(size, sources[i].length - start)
            p = <const uint8_t*>sources[i].text + start
        if i == 0:
            if here:
                memcpy(result, p, here)
            memset(result + here, 0, size - here)
        elif how == COMBINE_AND:
            and_into(result, p, here)
            memset(result + here, 0, size - here)
        elif how == COMBINE_OR:
            or_into(result, p, here)
        elif how == COMBINE_XOR:
            xor_into(result, p, here)
        elif how == COMBINE_ONE:
            once_into(result, others, p, here)
        else:
            or_into(others, p, here)
    if how == COMBINE_NOT:
        invert(result, size)
    elif how == COMBINE_DIFF or how == COMBINE_ONE:
        less_into(result, others, size)
    elif how == COMBINE_ANDOR:
        and_into(result, others, size)
    elif how == COMBINE_DIFF1:
        invert(result, size)
        and_into(result, others, size)


cdef void combine(Combination how, uint8_t* result, size_t length, const Bits* sources, size_t count) noexcept nogil:
    cdef size_t start = 0
    while start < length:
        combine_block(how, result + start, start, min(<size_t>BLOCK, length - start), sources, count)
        start += BLOCK
