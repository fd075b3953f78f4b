"""RDB files key by key: see rdb_reader.pyx."""

from libc.stdint cimport int64_t, uint64_t

from redpoll.engine.keyspace cimport Keyspace
from redpoll.formats.rdb_input cimport Source, Text
from redpoll.formats.reading cimport Reader, ReadResult, Value

cdef class RdbReader:
    cdef Source source
    cdef Reader reader
    cdef int descriptor
    cdef public str name              # of the file, for messages
    cdef public bint verifying        # the checksum at the end
    cdef bint any_version
    cdef readonly int version
    cdef readonly bint valkey
    cdef readonly dict aux            # names to texts, both bytes
    cdef readonly list functions      # libraries of functions, as bytes
    cdef readonly list warnings       # what was left out, and why
    cdef readonly int database
    cdef readonly uint64_t told_keys          # of the database, by its header
    cdef readonly uint64_t told_expires
    # The key that was read last
    cdef readonly int rdb_type
    cdef readonly int64_t expiry      # unix milliseconds, -1: never
    cdef readonly int64_t idle        # seconds, -1: not told
    cdef readonly int frequency       # -1: not told
    cdef Text key
    cdef Value value
    cdef ReadResult result            # READ_WHOLE or READ_EMPTY
    cdef bint in_key

    # Reads on to the next key and its value, which is the caller's to store or drop; False at the end.
    cdef bint advance(self) except -1
    cdef bint read_record(self, int opcode) except -1
    cdef bint skip_module(self, bint with_when) noexcept
    cdef int finish(self) except -1
    cdef int refuse(self, str reason) except -1
