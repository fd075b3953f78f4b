"""Sorted sets in RDB: see rdb_zset.pyx."""

from redpoll.formats.progress cimport Progress
from redpoll.formats.rdb_output cimport Output
from redpoll.formats.reading cimport Reader, ReadResult, Value

cdef ReadResult read_zset(Reader* reader, int rdb_type, Value* value) noexcept nogil
# As for sets.
cdef int zset_type(Output* out, Progress* progress) noexcept nogil
cdef bint zset_begin(Output* out, Progress* progress) noexcept nogil
cdef bint zset_more(Output* out, Progress* progress, size_t until) noexcept nogil
