"""The commands of an append-only file, looked at one after another: see log_reader.pyx."""

from redpoll.wire.request cimport Arg

# Whether every word ends where its length says: the parser believes a length.
cdef bint ends_are_whole(const Arg* argv, size_t argc) noexcept nogil
