"""XXH3, 64 bits, seed 0: the digest of `DIGEST` and `IFDEQ`."""

from libc.stdint cimport uint64_t

cdef uint64_t xxh3_64(const void* data, size_t length) noexcept nogil
