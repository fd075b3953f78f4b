"""A regular expression as a program, and whether a text matches it anywhere: see expression.pyx.

    SET set          the next byte is in a set; on with the next step
    FORK one, two    both ways at once
    GO one           on with another step
    a test           on with the next step where it holds
    FOUND            the end
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef enum Operation:
    SET = 0
    FORK = 1
    GO = 2
    FOUND = 3
    AT_START = 4
    AT_END = 5
    WORD_EDGE = 6
    NO_WORD_EDGE = 7
    WORD_START = 8
    WORD_END = 9

cdef struct Step:
    uint32_t operation
    uint32_t one
    uint32_t two

cdef struct ByteSet:
    uint64_t bits[4]

cdef class Expression:
    cdef Step* steps
    cdef uint32_t count
    cdef ByteSet* sets
    cdef uint32_t* here          # the steps that wait for the byte at hand,
    cdef uint32_t* ahead         # and those that will wait for the next one
    cdef uint32_t* stack
    cdef uint64_t* seen          # when a step was last entered
    cdef uint64_t time
    cdef ByteSet first           # bytes that a match can begin with, if `choosy`
    cdef bint choosy
    cdef bint anchored           # a match can only begin at the start

    cdef bint choose(self) noexcept
    cdef bint enter(self, uint32_t* waiting, uint32_t* count, uint32_t step, const uint8_t* text, size_t length,
                    size_t at) noexcept nogil
    cdef bint matches(self, const char* text, size_t length) noexcept nogil
