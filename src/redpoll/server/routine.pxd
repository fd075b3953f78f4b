"""What dispatch knows of a command: see routine.pyx."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from redpoll.commands.call cimport handler_t

cdef enum:
    HISTOGRAM_BUCKETS = 3072      # up to 2**30 nanoseconds

cdef class Routine:
    cdef handler_t function       # NULL: `plain` is called
    cdef readonly object plain
    cdef readonly object command  # as declared
    cdef readonly str name
    cdef bytes folded             # the name under which it is looked up, as lookups compare it
    cdef readonly size_t number   # of the command
    # What follows is there once somebody has called the command, or `learn`.
    cdef readonly int arity
    cdef readonly uint64_t flags
    cdef readonly int first_key
    cdef bint learned
    cdef bint container
    cdef bint unusual             # a container, or not learned: whoever resolves a name looks closer
    cdef dict by_word             # lower-case second word -> Routine
    cdef public uint64_t calls
    cdef public uint64_t ticks
    cdef public uint64_t rejected_calls
    cdef public uint64_t failed_calls
    cdef readonly uint64_t slowlog_count   # calls that went into the slow log, and their microseconds
    cdef readonly uint64_t slow_us
    cdef readonly uint64_t slowest_us
    cdef uint32_t* histogram_counts  # of nanoseconds; made with the first call

    cdef int learn(self) except -1
    cdef void record(self, uint64_t elapsed_ticks, bint tracked) noexcept

cdef class Routines:
    cdef dict by_name             # full lower-case name -> Routine, subcommands with `|`
    cdef dict by_first_word       # lower-case name -> Routine
    cdef void** table
    cdef size_t mask
    cdef size_t longest           # bytes of a first word

    # By the first word, in any case; NULL when there is none.
    cdef void* find(self, const char* name, size_t length) noexcept
