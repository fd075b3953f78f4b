"""The index of keys by time of expiry: see expiry.pyx."""

from libc.stdint cimport int64_t, uint64_t

cdef enum:
    WHEEL_LEVELS = 8
    WHEEL_SLOTS = 64
    RECORDS_A_BLOCK = 30

cdef struct Block:
    Block* next
    uint64_t count
    uint64_t hashes[RECORDS_A_BLOCK]

cdef struct Slot:
    Block* first                     # the one that is being filled
    Block* last
    size_t records

cdef struct Wheel:
    int64_t tick                     # the next tick to be looked at; a tick is 64 ms
    size_t records
    Slot slots[WHEEL_LEVELS][WHEEL_SLOTS]
    size_t level_records[WHEEL_LEVELS]
    Block* due                       # blocks whose time has come, not yet looked through

cdef void wheel_init(Wheel* w, int64_t now) noexcept nogil
# Empties the wheel; the blocks are the caller's, to free in as many steps as it likes.
cdef Block* wheel_empty(Wheel* w) noexcept nogil
cdef Block* free_blocks(Block* blocks, size_t most) noexcept nogil
# Remember that the key of this hash has to be looked at by `when` (unix milliseconds).
cdef void wheel_file(Wheel* w, uint64_t hash, int64_t when) noexcept nogil
# Remember a hash that is due already, so that the next `wheel_take` gives it.
cdef void wheel_file_due(Wheel* w, uint64_t hash) noexcept nogil
# Brings `due` up to `now`; cheap.
cdef void wheel_advance(Wheel* w, int64_t now) noexcept nogil
# Takes up to `room` hashes that are due; their keys have expired or are to be filed again.
cdef size_t wheel_take(Wheel* w, uint64_t* hashes, size_t room) noexcept nogil
# When the next record is to be looked at, unix milliseconds, or as early as when its coarse slot begins; -1: none.
cdef int64_t wheel_next(const Wheel* w) noexcept nogil
# Any record, for sampling: 0 and false when there is none.
cdef bint wheel_random(const Wheel* w, uint64_t random, uint64_t* hash) noexcept nogil
cdef size_t wheel_memory(const Wheel* w) noexcept nogil
