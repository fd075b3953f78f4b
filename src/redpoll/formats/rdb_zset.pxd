"""Sorted sets in RDB: see rdb_zset.pyx."""

from libc.stdint cimport int64_t

from redpoll.engine.entry cimport Entry
from redpoll.engine.table cimport entry_visitor
from redpoll.formats.progress cimport Progress
from redpoll.formats.rdb_output cimport Output
from redpoll.formats.reading cimport Reader, ReadResult, Value

cdef ReadResult read_zset(Reader* reader, int rdb_type, Value* value) noexcept nogil
# As for sets.
cdef int zset_type(Output* out, Progress* progress) noexcept nogil
cdef bint zset_begin(Output* out, Progress* progress) noexcept nogil
cdef bint zset_more(Output* out, Progress* progress, size_t until) noexcept nogil
cdef bint zset_guard(Progress* progress) noexcept nogil

# For whoever writes sorted sets in other forms, too: has the table walked through instead of ranks, and shown to
# `visit`; `rank` is of the last member that was written so far, -1: none was.
cdef bint zset_guard_from(Progress* progress, int64_t rank, entry_visitor visit) noexcept nogil
# How a member stands to that one: below 0: it comes before, above 0: behind; `otherwise` if there is none.
cdef int zset_beside_bound(const Progress* progress, const Entry* member, int otherwise) noexcept nogil
