"""Arrays in RDB: see rdb_array.pyx."""

from redpoll.formats.progress cimport Progress
from redpoll.formats.rdb_output cimport Output
from redpoll.formats.reading cimport Reader, ReadResult, Value

cdef ReadResult read_array(Reader* reader, Value* value) noexcept nogil
# As for sets.
cdef bint array_begin(Output* out, Progress* progress) noexcept nogil
cdef bint array_more(Output* out, Progress* progress, size_t until) noexcept nogil
