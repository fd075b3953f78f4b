"""The checksum of RDB files, DUMP payloads and slot exports. See crc64.pyx."""

from libc.stdint cimport uint64_t

# The checksum of what had the checksum `crc` (0 at the start) followed by `size` more bytes.
cdef uint64_t crc64(uint64_t crc, const char* data, size_t size) noexcept nogil
