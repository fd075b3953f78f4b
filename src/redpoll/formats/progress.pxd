"""How far the writing of one value has come; rdb_write.pyx and the families' files share it."""

from libc.stdint cimport uint64_t

from redpoll.engine.entry cimport Entry

cdef enum:
    PROGRESS_WORDS = 8

# Nothing of the entry may change until it is done.
cdef struct Progress:
    const Entry* entry
    uint64_t at                  # the next part, by the family's own counting
    uint64_t left                # parts that are still to come
    uint64_t base
    uint64_t cursor[PROGRESS_WORDS]      # a cursor of the engine's
