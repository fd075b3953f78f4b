"""Keys of the engine as the commands that make them anew: see rebuild.pyx."""

from redpoll.engine.entry cimport Entry
from redpoll.formats.progress cimport Progress
from redpoll.formats.rdb_output cimport Output

cdef enum:
    ITEMS_MOST = 64              # elements, members or fields that one command takes

# All commands of a key.
cdef void rebuild_entry(Output* out, const Entry* e) noexcept nogil
# The same in pieces, as `write_entry_begin` and the like of rdb_write do it.
cdef bint rebuild_entry_begin(Output* out, const Entry* e, Progress* progress) noexcept nogil
cdef bint rebuild_entry_some(Output* out, Progress* progress, size_t bytes) noexcept nogil
cdef bint rebuild_entry_guard(Progress* progress) noexcept nogil

# What stands before and behind a string's text, in place of `rebuild_entry`.
cdef void rebuild_string_head(Output* out, const Entry* e) noexcept nogil
cdef void rebuild_string_tail(Output* out, const Entry* e) noexcept nogil

cdef inline size_t items_of_command(size_t left) noexcept nogil:
    return left if left < ITEMS_MOST else ITEMS_MOST
