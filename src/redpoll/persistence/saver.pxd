"""A file written from a snapshot while the keyspace goes on changing: see saver.pyx."""

from libc.stdint cimport int64_t, uint64_t

from redpoll.engine.entry cimport Entry
from redpoll.engine.keyspace cimport Keyspace
from redpoll.engine.snapshot cimport Snapshot
from redpoll.formats.rdb_output cimport Output
from redpoll.formats.rdb_write cimport Progress
from redpoll.persistence.file_writer cimport FileWriter

# What the writing thread's filter knows; only that thread touches it once the file has begun.
cdef struct Finish:
    bint counting
    uint64_t crc

cdef class Saver:
    cdef Keyspace keyspace
    cdef bint as_commands
    cdef int64_t delay           # microseconds that an entry takes at the least
    cdef int64_t next_due
    cdef readonly Snapshot snapshot
    cdef readonly FileWriter writer
    cdef Output out
    cdef Output aside            # entries that had to be saved while a large one is under way
    cdef int out_database        # that the records of `out` are of by now; -1: to be told
    cdef int aside_database
    cdef Progress large
    cdef bint large_pending
    cdef Finish finish_
    cdef readonly bint walked    # everything was handed to the writer

    cdef void prepare(self, Output* out, bint compressing, str access) noexcept
    cdef bint save(self, int database, const Entry* e, bint at_once) noexcept nogil
    cdef void put(self, Output* out, int* current, int database, const Entry* e) noexcept nogil
    cdef bint put_begin(self, const Entry* e) noexcept nogil
    cdef bint put_some(self) noexcept nogil
    cdef void put_select(self, Output* out, int database) noexcept nogil
    cdef void end_large(self) noexcept nogil
    cdef void large_done(self) noexcept nogil
    cdef bint waits(self) noexcept nogil
    cdef bint go_on(self, size_t most) except -1
    cdef void hand_over(self, size_t least) noexcept nogil
    cdef int end(self) except -1
