"""Packed encodings that are no longer written, made into listpacks: see packed_old.pyx."""

from libc.stdint cimport uint8_t

# A new listpack of the same elements, or NULL and why in `reason`.
cdef uint8_t* listpack_of_ziplist(const char* bytes, size_t size, const char** reason) noexcept nogil
cdef uint8_t* listpack_of_zipmap(const char* bytes, size_t size, const char** reason) noexcept nogil
