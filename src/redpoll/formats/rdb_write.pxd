"""Values and keys of the engine to RDB: see rdb_write.pyx."""

from redpoll.engine.entry cimport Entry
from redpoll.formats.progress cimport Progress
from redpoll.formats.rdb_output cimport Output

# A key with its time of expiry, last access and value. `Output.version` then tells which version of RDB it takes.
cdef void write_entry(Output* out, const Entry* e) noexcept nogil
# All of a string but its text.
cdef void write_string_head(Output* out, const Entry* e) noexcept nogil
# The type and the value, as DUMP begins.
cdef void write_value(Output* out, const Entry* e) noexcept nogil
# The same in pieces: begin, then go on with about `bytes` each time, until one answers True. Nothing of the entry may
# change meanwhile, and `progress` has to stay where it is.
cdef bint write_entry_begin(Output* out, const Entry* e, Progress* progress) noexcept nogil
cdef bint write_entry_some(Output* out, Progress* progress, size_t bytes) noexcept nogil
# From now on the value may change, and the entry be renamed or freed, while it is gone on with: what is written is the
# value as it is now. False: it has to be written to its end before it changes. `progress_end` has to be called at last.
cdef bint write_entry_guard(Progress* progress) noexcept nogil
