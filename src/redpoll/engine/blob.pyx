"""Long strings with counted references.

The counts are not atomic: only the thread that owns the keyspace takes and gives references.
Giving megabytes back to the system takes milliseconds, so that is left to a background thread.
"""

from libc.string cimport memcpy

from redpoll.engine.memory cimport KIND_STRING, allocate, block_size, count, reallocate, release
from redpoll.engine.disposal cimport free_later

cdef enum:
    DISPOSE_ABOVE = 262144


cdef Blob* blob_new(size_t length, size_t capacity) noexcept nogil:
    """An unshared blob of `length` bytes, which the caller fills."""
    cdef Blob* blob
    if capacity < length:
        capacity = length
    blob = <Blob*>allocate(BLOB_HEADER + capacity, KIND_STRING)
    blob.references = 1
    blob.length = length
    blob.capacity = capacity
    return blob


cdef Blob* blob_of(const char* text, size_t length) noexcept nogil:
    cdef Blob* blob = blob_new(length, length)
    memcpy(blob.data, text, length)
    return blob


cdef void blob_release(Blob* blob) noexcept nogil:
    """Give one reference back; the last one frees."""
    cdef size_t size
    blob.references -= 1
    if blob.references:
        return
    size = BLOB_HEADER + blob.capacity
    if size > DISPOSE_ABOVE:
        count(-<ptrdiff_t>block_size(size), KIND_STRING)
        free_later(blob)
    else:
        release(blob, size, KIND_STRING)


cdef Blob* blob_writable(Blob* blob, size_t capacity) noexcept nogil:
    """See the header. Grows by doubling, by a mebibyte at most, as strings that grow once tend to grow again."""
    cdef Blob* copy
    cdef size_t wanted = blob.capacity
    if capacity > wanted:
        wanted = capacity + (capacity if capacity < 1048576 else 1048576)
    if blob.references == 1:
        if wanted != blob.capacity:
            blob = <Blob*>reallocate(blob, BLOB_HEADER + blob.capacity, BLOB_HEADER + wanted, KIND_STRING)
            blob.capacity = wanted
        return blob
    copy = blob_new(blob.length, wanted)
    memcpy(copy.data, blob.data, blob.length)
    blob_release(blob)
    return copy


cdef size_t blob_memory(const Blob* blob) noexcept nogil:
    return block_size(BLOB_HEADER + blob.capacity)
