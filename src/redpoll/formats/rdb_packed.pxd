"""Packed collections from RDB, looked through before they are taken: see rdb_packed.pyx."""

from libc.stdint cimport uint8_t

from redpoll.formats.rdb_input cimport Source

# Reads a string that is a listpack (or an older packed form), and makes it one of ours; NULL: it failed.
cdef uint8_t* read_listpack(Source* source) noexcept nogil
cdef uint8_t* read_ziplist(Source* source) noexcept nogil
cdef uint8_t* read_zipmap(Source* source) noexcept nogil
# Whether one of every `step`th elements comes twice.
cdef bint has_doubles(const uint8_t* lp, size_t step) noexcept nogil
# Bytes of the longest element's text.
cdef size_t longest_element(const uint8_t* lp) noexcept nogil
