"""The stream of changes, as commands: see feed.pyx."""

from libc.stdint cimport int64_t, uint64_t

from redpoll.engine.watcher cimport Watcher
from redpoll.persistence.file_writer cimport FileWriter
from redpoll.wire.request cimport Arg

cdef class Feed(Watcher):
    cdef object keyspace
    cdef FileWriter log              # of the append-only file; None: there is none
    cdef int database                # that the stream's reader works on by now; -1: it has to be told
    cdef int depth                   # of units within units
    cdef bint told                   # the unit has told something
    cdef public bint timestamps      # write the time before the first change of every second
    cdef int64_t told_second

    # A command with what it changed in a database. `raw`, if not NULL, are the same words as they came, in RESP.
    cdef void command(self, Arg* argv, size_t argc, int database, const char* raw, size_t raw_size) noexcept
    cdef void words(self, list words, int database)
    # What is told from here to the end is one change: a reader applies all of it or nothing.
    cdef void begin_unit(self) noexcept
    cdef void end_unit(self) noexcept
    cdef void prepare(self, int database) noexcept
    cdef void put_header(self, char kind, uint64_t number) noexcept
    cdef void put_word(self, const char* text, size_t length) noexcept
