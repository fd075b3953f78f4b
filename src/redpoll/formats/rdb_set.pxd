"""Sets in RDB: see rdb_set.pyx."""

from redpoll.formats.progress cimport Progress
from redpoll.formats.rdb_output cimport Output
from redpoll.formats.reading cimport Reader, ReadResult, Value

cdef ReadResult read_set(Reader* reader, int rdb_type, Value* value) noexcept nogil
# The type that a set is written as; its begin, whether that is all; and more of it, until `out` has so many bytes.
cdef int set_type(Output* out, Progress* progress) noexcept nogil
cdef bint set_begin(Output* out, Progress* progress) noexcept nogil
cdef bint set_more(Output* out, Progress* progress, size_t until) noexcept nogil
# The set may change from now on; False: it must not.
cdef bint set_guard(Progress* progress) noexcept nogil
