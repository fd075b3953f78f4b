"""The parts of an RDB file besides its keys, and whole files: see rdb_save.pyx."""

from libc.stdint cimport uint64_t

from redpoll.formats.rdb_output cimport Output

# The first line. `version` as in formats/rdb.
cdef void put_magic(Output* out, int version) noexcept nogil
# The head of a database, which its keys follow: how many there are, and how many of them expire.
cdef void put_database(Output* out, uint64_t index, uint64_t keys, uint64_t expires) noexcept nogil
cdef void put_function(Output* out, const char* library, size_t length) noexcept nogil
# The end record and the checksum of all bytes before it; `crc` is that of those that are not in `out` any more, and
# `counting` says whether to make one at all.
cdef void put_end(Output* out, uint64_t crc, bint counting) noexcept nogil
