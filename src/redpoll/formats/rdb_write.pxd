"""Values and keys of the engine to RDB: see rdb_write.pyx."""

from libc.stdint cimport uint64_t

from redpoll.engine.entry cimport Entry
from redpoll.formats.rdb_output cimport Output

# How far the writing of a large value has come. Nothing of it may change until it is done.
cdef struct Progress:
    const Entry* entry
    uint64_t left                # parts that are still to be written: elements, nodes, buckets
    uint64_t at                  # the next one, as a number
    void* place                  # or where it is

# A key with its time of expiry, last access and value. `Output.version` then tells which version of RDB it takes.
cdef void write_entry(Output* out, const Entry* e) noexcept nogil
# The type and the value, as DUMP begins.
cdef void write_value(Output* out, const Entry* e) noexcept nogil
# The same in pieces: begin, then go on with about `bytes` each time until it answers True.
cdef bint write_entry_begin(Output* out, const Entry* e, Progress* progress) noexcept nogil
cdef bint write_entry_some(Output* out, Progress* progress, size_t bytes) noexcept nogil
