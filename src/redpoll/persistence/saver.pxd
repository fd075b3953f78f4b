"""A file written from a snapshot while the keyspace goes on changing: see saver.pyx."""

from libc.stdint cimport int64_t, uint64_t

from redpoll.engine.blob cimport Blob
from redpoll.engine.entry cimport Entry
from redpoll.engine.keyspace cimport Keyspace
from redpoll.engine.snapshot cimport Snapshot
from redpoll.formats.rdb_output cimport Output
from redpoll.formats.progress cimport Progress
from redpoll.persistence.file_writer cimport FileWriter

# What the writing thread's filter knows; only that thread touches it once the file has begun.
cdef struct Finish:
    bint compressing
    bint counting
    uint64_t crc

# A stretch of the file that is not ready yet.
cdef struct Part:
    Part* next
    Output out                   # what there is of it
    size_t drained               # bytes and marks of that which the writer has
    size_t drained_marks
    bint open                    # a large collection that is not written to its end
    Progress progress            # of that
    Blob* text                   # a long string that follows; NULL: none

# A long string that the writer reads.
cdef struct Lent:
    Lent* next
    Blob* text
    uint64_t until               # of the writer's bytes: then it is written

cdef class Saver:
    cdef Keyspace keyspace
    cdef bint as_commands
    cdef int64_t delay           # microseconds that an entry takes at the least
    cdef int64_t next_due
    cdef readonly Snapshot snapshot
    cdef readonly FileWriter writer
    cdef Output out              # while there are no parts
    cdef Part* first             # what follows that, in its order
    cdef Part* last
    cdef Lent* lent              # the first of them
    cdef Lent* lent_last
    cdef int database            # that the last record so far is of; -1: to be told
    cdef Finish finish_
    cdef readonly bint walked    # everything was handed to the writer

    cdef void prepare(self, bint compressing, str access) noexcept
    cdef bint save(self, int database, const Entry* e, bint at_once) noexcept nogil
    cdef void put(self, int database, const Entry* e) noexcept nogil
    cdef void put_long(self, int database, const Entry* e) noexcept nogil
    cdef void lend(self, Part* part) noexcept nogil
    cdef void take_back(self, bint all_of_them) noexcept nogil
    cdef void put_select(self, Output* out, int database) noexcept nogil
    cdef Part* add_part(self) noexcept nogil
    cdef Part* add_large(self, int database, const Entry* e) noexcept nogil
    cdef bint put_some(self, Part* part) noexcept nogil
    cdef void change_large(self, Part* part) noexcept nogil
    cdef void drain(self, Part* part) noexcept nogil
    cdef void give_up(self) noexcept nogil
    cdef void drop_first(self) noexcept nogil
    cdef void work_on_first(self) noexcept
    cdef bint waits(self) noexcept nogil
    cdef bint go_on(self, size_t most) except -1
    cdef void hand_over(self, size_t least) noexcept nogil
    cdef void write_block(self, const Output* out, size_t* at, size_t* mark, size_t end) noexcept nogil
    cdef int end(self) except -1
