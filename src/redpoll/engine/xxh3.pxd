"""XXH3, 64 bits, seed 0: the digest of `DIGEST` and `IFDEQ`."""

from libc.stdint cimport uint64_t

cdef enum:
    DIGEST_TEXT_SIZE = 16

cdef uint64_t xxh3_64(const void* data, size_t length) noexcept nogil
# The digest in 16 hexadecimal digits, lower case, without a NUL.
cdef void digest_text(const void* data, size_t length, char* out) noexcept nogil
