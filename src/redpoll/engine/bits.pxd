"""Bits of byte strings, the first bit being the highest of the first byte. See bits.pyx."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef uint64_t count_ones(const uint8_t* p, size_t length) noexcept nogil
# The first bit of this value from bit `first` up to, not including, bit `end`; -1: there is none.
cdef int64_t find_bit(const uint8_t* p, uint64_t first, uint64_t end, bint value) noexcept nogil
cdef uint64_t count_bits(const uint8_t* p, uint64_t first, uint64_t end) noexcept nogil
# The number in `width` (1 to 64) bits from bit `offset` on; bytes from `length` on count as zeros.
cdef uint64_t get_field(const uint8_t* p, size_t length, uint64_t offset, int width) noexcept nogil
cdef void set_field(uint8_t* p, uint64_t offset, int width, uint64_t value) noexcept nogil

cdef enum Combination:
    COMBINE_AND
    COMBINE_OR
    COMBINE_XOR
    COMBINE_NOT
    COMBINE_DIFF      # in the first, in none of the others
    COMBINE_DIFF1     # in one of the others, not in the first
    COMBINE_ANDOR     # in the first and in one of the others
    COMBINE_ONE       # in exactly one

cdef struct Bits:
    const char* text
    size_t length

# Combine `count` strings, at least one, into `result` of `length` bytes; shorter ones end in zeros.
cdef void combine(Combination how, uint8_t* result, size_t length, const Bits* sources, size_t count) noexcept nogil
