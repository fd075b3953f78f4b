# Requests as they go out, with the places where something changes from one to the next.

cimport cython
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from redpoll.benchmark.chance cimport Zipf

cdef enum:
    SLOTS = 10       # one of numbers that are always new, nine of numbers that are the same within a unit
    CHOICES = 8192   # of a mix: its weights are rounded to so many parts

cdef enum Order:
    ALWAYS           # one unit, again and again
    MIXED            # units by chance
    IN_TURN          # unit after unit


cdef struct Place:
    uint32_t offset
    uint32_t slot


# One or several commands that are sent together.
cdef struct Unit:
    char* text
    Place* places
    uint32_t* tags       # offsets of `{tag}`
    uint32_t size, commands, place_count, tag_count


cdef class Requests:
    cdef Unit* units
    cdef readonly int count
    cdef readonly Order order
    cdef uint16_t* choices
    cdef readonly int most_commands
    cdef uint32_t largest
    cdef uint64_t keys           # how many different numbers; 0: places stay as they are
    cdef bint sequential
    cdef Zipf zipf
    cdef bint by_zipf
    cdef int64_t* turns          # what is shared by all threads: the next number of each slot, and the next unit


@cython.final
cdef class Batch:
    cdef Requests requests
    cdef int pipeline
    cdef char* text
    cdef uint64_t state          # of the random numbers
    cdef uint16_t* parts         # for a mix: the unit of each command, or NULL
    cdef size_t size             # of what was composed last
    cdef int64_t commands
    cdef uint64_t number(self, uint32_t slot) noexcept nogil
    cdef void fill(self, char* text, const Unit* unit, const char* tag) noexcept nogil
    cdef void compose(self, int units, const char* tag) noexcept nogil
