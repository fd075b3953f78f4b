"""Arrays in RDB: see rdb_array.pyx."""

from libc.stdint cimport uint64_t

from redpoll.engine.array_word cimport Word
from redpoll.formats.progress cimport Progress
from redpoll.formats.rdb_output cimport Output
from redpoll.formats.reading cimport Reader, ReadResult, Value

cdef ReadResult read_array(Reader* reader, Value* value) noexcept nogil
# As for sets.
cdef bint array_begin(Output* out, Progress* progress) noexcept nogil
cdef bint array_more(Output* out, Progress* progress, size_t until) noexcept nogil
# Also for whoever writes arrays in other forms.
cdef bint array_guard(Progress* progress) noexcept nogil
# The next value of a guarded array, from `progress.at` on; False: there is none.
cdef bint array_guarded_next(Progress* progress, uint64_t* index, Word* word) noexcept nogil
