"""Hashes in RDB: see rdb_hash.pyx."""

from redpoll.formats.progress cimport Progress
from redpoll.formats.rdb_output cimport Output
from redpoll.formats.reading cimport Reader, ReadResult, Value

cdef ReadResult read_hash(Reader* reader, int rdb_type, Value* value) noexcept nogil
# The record of a template, which hashes further on refer to.
cdef bint read_template(Reader* reader) noexcept nogil
cdef void templates_free(Reader* reader) noexcept nogil
# As for sets.
cdef int hash_type(Output* out, Progress* progress) noexcept nogil
cdef bint hash_begin(Output* out, Progress* progress) noexcept nogil
cdef bint hash_more(Output* out, Progress* progress, size_t until) noexcept nogil
cdef bint hash_guard(Progress* progress) noexcept nogil
