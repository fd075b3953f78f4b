"""Which keys go when memory is short: see eviction.pyx."""

from libc.stdint cimport uint64_t

from redpoll.engine.entry cimport Entry
from redpoll.engine.keyspace cimport Database, Keyspace

cdef enum Order:
    ORDER_NONE = 0          # nothing is evicted
    ORDER_IDLE = 1          # longest without access, or without change
    ORDER_FREQUENCY = 2     # least often used
    ORDER_EXPIRY = 3        # soonest to expire
    ORDER_RANDOM = 4

cdef enum:
    POOL_ROOM = 16

cdef struct Candidate:
    uint64_t score          # the higher, the sooner it goes
    uint64_t hash           # of its key
    int database

cdef class Eviction:
    cdef Keyspace keyspace
    cdef public int order
    cdef public bint only_volatile
    cdef public int samples
    cdef public uint64_t evicted
    cdef Candidate pool[POOL_ROOM]      # by rising score
    cdef int pooled
    cdef int next_database

    # Deletes one key; False: there is none that may go.
    cdef bint evict_one(self) noexcept
    cdef void sample(self, Database db) noexcept
    cdef void consider(self, Database db, const Entry* e, uint64_t hash) noexcept
    cdef uint64_t score(self, const Entry* e) noexcept
    cdef bint remove(self, Database db, uint64_t hash) noexcept
    cdef bint evict_random(self) noexcept
