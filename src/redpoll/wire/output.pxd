"""Bytes on their way to a client: a list of chunks. See output.pyx."""

from redpoll.engine.blob cimport Blob

cdef enum:
    CHUNK_BYTES = 16320             # of data in an ordinary chunk

cdef struct Chunk:
    Chunk* next
    Blob* blob                      # shares this blob's bytes instead of holding its own
    size_t capacity
    size_t length
    size_t sent
    char data[8]                    # really `capacity` bytes

cdef struct Out:
    char* cursor                    # where the next byte goes, in the last chunk
    char* limit
    Chunk* first
    Chunk* last
    size_t closed                   # bytes in all chunks but the last, sent ones not counted
    size_t chunks
    size_t memory                   # bytes of the chunks themselves; shared blobs count in full
    int resp                        # 2 or 3

cdef enum:
    MARK_BYTES = 24

cdef struct Mark:
    Chunk* chunk
    size_t offset
    size_t size

cdef void out_init(Out* out) noexcept nogil
cdef void out_clear(Out* out) noexcept nogil
# Room for `size` more bytes in one piece at `cursor`.
cdef void out_reserve_slowly(Out* out, size_t size) noexcept nogil
cdef void out_write_slowly(Out* out, const char* text, size_t size) noexcept nogil
cdef void out_share(Out* out, Blob* blob) noexcept nogil
# Everything of `other` behind what `out` holds; `other` is empty then.
cdef void out_splice(Out* out, Out* other) noexcept nogil
# Leaves a gap of `size` bytes (MARK_BYTES at the most) for what is not known yet, and says where.
cdef Mark out_mark(Out* out, size_t size) noexcept nogil
# Fills a gap with as many bytes as it has or fewer. Gaps within what was written after one are filled before it.
cdef void out_fill(Out* out, const Mark* mark, const char* text, size_t size) noexcept nogil
# `sent` bytes went out.
cdef void out_consume(Out* out, size_t sent) noexcept nogil
cdef void trim_pool() noexcept nogil

cdef inline size_t out_pending(const Out* out) noexcept nogil:
    if out.last == NULL:
        return 0
    return out.closed + <size_t>(out.cursor - out.last.data) - out.last.sent

# What is to be sent, up to so many bytes of it; it stays there.
cdef bytes out_bytes(const Out* out, size_t most)

cdef inline void out_restart(Out* out) noexcept nogil:
    """Forget what is in it, of which nothing was sent, and keep a chunk for what comes."""
    if out.first != NULL:
        if out.first == out.last and out.first.blob == NULL:
            out.cursor = out.first.data
        else:
            out_clear(out)

cdef inline void out_reserve(Out* out, size_t size) noexcept nogil:
    if <size_t>(out.limit - out.cursor) < size:
        out_reserve_slowly(out, size)

cdef inline void out_write(Out* out, const char* text, size_t size) noexcept nogil:
    if <size_t>(out.limit - out.cursor) < size:
        out_write_slowly(out, text, size)
    else:
        memcpy_small(out.cursor, text, size)
        out.cursor += size

cdef extern from *:
    """
    #include <string.h>
    #define memcpy_small memcpy
    """
    void memcpy_small(char* to, const char* source, size_t size) noexcept nogil
