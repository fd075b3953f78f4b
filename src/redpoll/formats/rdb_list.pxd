"""Lists in RDB: see rdb_list.pyx."""

from redpoll.formats.progress cimport Progress
from redpoll.formats.rdb_output cimport Output
from redpoll.formats.reading cimport Reader, ReadResult, Value

cdef ReadResult read_list(Reader* reader, int rdb_type, Value* value) noexcept nogil
# As for sets.
cdef bint list_begin(Output* out, Progress* progress) noexcept nogil
cdef bint list_more(Output* out, Progress* progress, size_t until) noexcept nogil
cdef bint list_guard(Progress* progress) noexcept nogil
