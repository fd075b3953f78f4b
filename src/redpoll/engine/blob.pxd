"""A long string: counted references, so that a reply under way can share it with the keyspace."""

from libc.stdint cimport uint32_t, uint64_t

cdef struct Blob:
    uint32_t references
    uint32_t unused
    uint64_t length
    uint64_t capacity        # bytes that `data` has room for
    char data[8]             # really `capacity` bytes; the array only names the place

cdef enum:
    BLOB_HEADER = 24

cdef Blob* blob_new(size_t length, size_t capacity) noexcept nogil
cdef Blob* blob_of(const char* text, size_t length) noexcept nogil
cdef void blob_release(Blob* blob) noexcept nogil
# The blob with room for `capacity` bytes and not shared; may be another one than was given, which is then released.
cdef Blob* blob_writable(Blob* blob, size_t capacity) noexcept nogil
cdef size_t blob_memory(const Blob* blob) noexcept nogil
