"""Streams as the commands that make them anew: see rebuild_stream.pyx."""

from redpoll.formats.progress cimport Progress
from redpoll.formats.rdb_output cimport Output

# Goes on until `out` is so long; whether it is done. `progress` is zeroed at the beginning.
cdef bint rebuild_stream(Output* out, Progress* progress, size_t until) noexcept nogil
# As `rebuild_entry_guard`.
cdef bint rebuild_stream_guard(Progress* progress) noexcept nogil
