"""Packed encodings that are no longer written, made into listpacks: see packed_old.pyx."""

from libc.stdint cimport int64_t, uint8_t

# A new listpack of the same elements, or NULL and why in `reason`.
cdef uint8_t* listpack_of_ziplist(const char* bytes, size_t size, const char** reason) noexcept nogil
cdef uint8_t* listpack_of_zipmap(const char* bytes, size_t size, const char** reason) noexcept nogil

# Whether bytes are an intset: 4 bytes of width (2, 4 or 8), 4 of count, then the numbers, ascending; all little endian.
cdef bint intset_valid(const char* bytes, size_t size) noexcept nogil
cdef size_t intset_count(const char* bytes) noexcept nogil
cdef int64_t intset_number(const char* bytes, size_t index) noexcept nogil
