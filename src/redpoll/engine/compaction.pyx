"""Entries moved together, so that the memory between them can go back to the system.

A pass walks through the tables bucket by bucket, in slices, and moves what lies in slabs that are to be emptied: the
entry, and what hangs off it if that is one packed block. Only the bucket's slot points to an entry, so that is all
there is to change. Nothing moves while a snapshot is being taken, which may hold an entry that it writes in pieces.
Entries that growth or shrinking moves past the walk stay where they are until the next pass.

What larger collections are made of (nodes, members, tables) is not moved.
"""

from libc.stdint cimport int64_t, uint8_t

from redpoll.engine.entry cimport ENC_LISTPACK, Entry, entry_encoding, entry_set_value, entry_size, entry_value
from redpoll.engine.keyspace cimport Database, Keyspace
from redpoll.engine.listpack cimport listpack_capacity, listpack_size
from redpoll.engine.memory cimport (
    KIND_COLLECTION, KIND_ENTRY, evacuation_begin, evacuation_end, purge_slabs, relocate,
)
from redpoll.engine.table cimport Bucket, bucket_at, further, redpoll_ctz64, table_buckets, taken_slots

cdef extern from *:
    """
    #include <time.h>
    static int64_t redpoll_compaction_us(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
    }
    """
    int64_t monotonic_us "redpoll_compaction_us"() noexcept nogil

cdef enum:
    BUCKETS_A_LOOK = 16          # between two looks at the clock
    SLABS_A_LOOK = 8


cdef class Compaction:
    """Passes over one keyspace."""

    cdef Keyspace keyspace
    cdef int database
    cdef size_t bucket
    cdef readonly bint running
    cdef readonly size_t hits        # blocks moved
    cdef readonly size_t misses      # blocks looked at that stay
    cdef readonly size_t key_hits    # keys some block of which was moved
    cdef readonly size_t key_misses
    cdef readonly int64_t spent_us
    cdef public int64_t due_us       # when the next slice may begin, by the monotonic clock
    cdef public int64_t slice_us
    cdef public int share            # of the time that slices may take, in percent

    def __init__(self, Keyspace keyspace):
        self.keyspace = keyspace
        self.slice_us = 500
        self.share = 1

    def begin(self):
        """Begin a pass; whether there is anything to move."""
        if not self.running:
            self.running = evacuation_begin()
            self.database = 0
            self.bucket = 0
        return self.running

    def end(self):
        """End the pass, done or not."""
        if self.running:
            self.running = False
            evacuation_end()

    def work(self):
        """A slice, if one is due."""
        cdef int64_t begin = monotonic_us()
        cdef int64_t now = begin
        if not self.running or begin < self.due_us or self.keyspace.snapshot is not None:
            return
        while now - begin < self.slice_us and self.advance():
            now = monotonic_us()
        now = monotonic_us()
        self.spent_us += now - begin
        self.due_us = now + (now - begin) * (100 - self.share) // self.share

    cdef bint advance(self) except -1:
        cdef Database db
        cdef size_t end
        while self.database < <int>len(self.keyspace.databases):
            db = self.keyspace.databases[self.database]
            end = table_buckets(&db.table)
            if self.bucket >= end or not db.table.used:
                self.database += 1
                self.bucket = 0
                continue
            end = min(end, self.bucket + BUCKETS_A_LOOK)
            while self.bucket < end:
                self.move_chain(bucket_at(&db.table, self.bucket))
                self.bucket += 1
            return True
        if purge_slabs(SLABS_A_LOOK):
            return True
        self.end()
        return False

    cdef void move_chain(self, Bucket* b) noexcept nogil:
        cdef unsigned int taken
        cdef int slot
        while b != NULL:
            taken = taken_slots(b)
            while taken:
                slot = redpoll_ctz64(taken)
                taken &= taken - 1
                self.move(&b.slots[slot])
            b = further(b)

    cdef void move(self, Entry** slot) noexcept nogil:
        cdef Entry* e = slot[0]
        cdef void* moved = relocate(e, entry_size(e), KIND_ENTRY)
        cdef size_t before = self.hits
        cdef uint8_t* pack
        if moved != NULL:
            self.hits += 1
            slot[0] = e = <Entry*>moved
        else:
            self.misses += 1
        if entry_encoding(e) == ENC_LISTPACK:
            pack = <uint8_t*>entry_value(e)
            moved = relocate(pack, listpack_capacity(listpack_size(pack)), KIND_COLLECTION)
            if moved != NULL:
                self.hits += 1
                entry_set_value(e, ENC_LISTPACK, moved)
            else:
                self.misses += 1
        if self.hits != before:
            self.key_hits += 1
        else:
            self.key_misses += 1
