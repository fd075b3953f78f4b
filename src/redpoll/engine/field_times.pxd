"""When the fields of one large hash expire: their times in order. See field_times.pyx."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef enum:
    TIMES_A_BLOCK = 63

cdef extern from "<stdint.h>" nogil:
    const int64_t NEVER "INT64_MAX"  # later than any time

cdef struct FieldTime:
    int64_t when                     # unix milliseconds
    uint64_t hash                    # of the field

cdef struct TimeBlock:
    uint32_t count
    uint32_t capacity
    FieldTime records[1]             # really `capacity`; in order

cdef struct BlockHead:
    FieldTime first
    TimeBlock* block

cdef struct FieldTimes:
    size_t records
    size_t blocks
    size_t room                      # blocks that the directory has room for
    size_t begin                     # places at its front that are free: most blocks go there
    BlockHead* directory             # in order; the first is at `begin`

cdef FieldTimes* times_new() noexcept nogil
# Frees up to `most` blocks; True when nothing is left, the index itself included.
cdef bint times_free_some(FieldTimes* t, size_t most) noexcept nogil
cdef FieldTimes* times_copy(const FieldTimes* t) noexcept nogil
cdef void times_add(FieldTimes* t, int64_t when, uint64_t hash) noexcept nogil
# The record must be there.
cdef void times_remove(FieldTimes* t, int64_t when, uint64_t hash) noexcept nogil
# The earliest time, or NEVER.
cdef int64_t times_first(const FieldTimes* t) noexcept nogil
# Takes up to `room` records before `now` out, earliest first; `room` is at most TIMES_A_BLOCK.
cdef size_t times_take(FieldTimes* t, int64_t now, FieldTime* taken, size_t room) noexcept nogil
cdef size_t times_memory(const FieldTimes* t) noexcept nogil
