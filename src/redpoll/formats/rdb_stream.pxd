"""Streams in RDB: see rdb_stream.pyx."""

from redpoll.formats.progress cimport Progress
from redpoll.formats.rdb_output cimport Output
from redpoll.formats.reading cimport Reader, ReadResult, Value

cdef ReadResult read_stream(Reader* reader, int rdb_type, Value* value) noexcept nogil
# As for sets.
cdef int stream_type(Output* out, Progress* progress) noexcept nogil
cdef bint stream_begin(Output* out, Progress* progress) noexcept nogil
cdef bint stream_more(Output* out, Progress* progress, size_t until) noexcept nogil
cdef bint stream_guard(Progress* progress) noexcept nogil
