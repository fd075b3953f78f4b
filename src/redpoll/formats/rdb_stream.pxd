"""Streams in RDB: see rdb_stream.pyx."""

from redpoll.engine.id_tree cimport StreamId
from redpoll.engine.id_view cimport IdView
from redpoll.engine.stream cimport Stream
from redpoll.formats.progress cimport Progress
from redpoll.formats.rdb_output cimport Output
from redpoll.formats.reading cimport Reader, ReadResult, Value

cdef ReadResult read_stream(Reader* reader, int rdb_type, Value* value) noexcept nogil
# As for sets.
cdef int stream_type(Output* out, Progress* progress) noexcept nogil
cdef bint stream_begin(Output* out, Progress* progress) noexcept nogil
cdef bint stream_more(Output* out, Progress* progress, size_t until) noexcept nogil
cdef bint stream_guard(Progress* progress) noexcept nogil
# A stream's nodes from an ID on, as they are now. NULL: there is no memory for it.
cdef IdView* stream_view(const Stream* s, StreamId first) noexcept nogil
