"""Output buffers: chunks of 16 KiB from a pool, and references to long strings.

A reply is written straight into the last chunk. A connection with nothing to send holds no
chunk, so ten thousand idle ones cost nothing here. A long string is not copied: its blob
joins the list with a reference of its own.
"""

from libc.stdlib cimport abort, free, malloc
from libc.string cimport memcpy, memmove, memset

from redpoll.engine.blob cimport Blob, blob_release
from redpoll.engine.memory cimport KIND_CLIENT, count

cdef enum:
    CHUNK_HEADER = 40
    POOL_MOST = 1024
    MANY_CHUNKS = 64
    LARGE_CHUNK = 262144

cdef Chunk* pool
cdef size_t pooled


cdef Chunk* chunk_new(size_t capacity) noexcept nogil:
    global pool, pooled
    cdef Chunk* chunk
    if capacity == 0:
        # Refers to a blob, and holds nothing of its own.
        chunk = <Chunk*>malloc(sizeof(Chunk))
        if chunk == NULL:
            abort()
        chunk.capacity = 0
        count(CHUNK_HEADER, KIND_CLIENT)
    elif capacity <= CHUNK_BYTES and pool != NULL:
        chunk = pool
        pool = chunk.next
        pooled -= 1
    else:
        if capacity < CHUNK_BYTES:
            capacity = CHUNK_BYTES
        chunk = <Chunk*>malloc(CHUNK_HEADER + capacity)
        if chunk == NULL:
            abort()
        chunk.capacity = capacity
        count(CHUNK_HEADER + capacity, KIND_CLIENT)
    chunk.next = NULL
    chunk.blob = NULL
    chunk.length = 0
    chunk.sent = 0
    return chunk


cdef void chunk_free(Chunk* chunk) noexcept nogil:
    global pool, pooled
    if chunk.blob != NULL:
        blob_release(chunk.blob)
        chunk.blob = NULL
    if chunk.capacity == CHUNK_BYTES and pooled < POOL_MOST:
        chunk.next = pool
        pool = chunk
        pooled += 1
    else:
        count(-<ptrdiff_t>(CHUNK_HEADER + chunk.capacity), KIND_CLIENT)
        free(chunk)


cdef void trim_pool() noexcept nogil:
    """Give half of the unused chunks back to the system."""
    global pool, pooled
    cdef size_t most = pooled // 2
    cdef Chunk* chunk
    while pooled > most:
        chunk = pool
        pool = chunk.next
        pooled -= 1
        count(-<ptrdiff_t>(CHUNK_HEADER + chunk.capacity), KIND_CLIENT)
        free(chunk)


cdef void out_init(Out* out) noexcept nogil:
    memset(out, 0, sizeof(Out))
    out.resp = 2


cdef inline size_t chunk_memory(const Chunk* chunk) noexcept nogil:
    return CHUNK_HEADER + (chunk.length if chunk.blob != NULL else chunk.capacity)


cdef void append_chunk(Out* out, Chunk* chunk) noexcept nogil:
    if out.last == NULL:
        out.first = chunk
    else:
        out.last.length = out.cursor - out.last.data if out.last.blob == NULL else out.last.length
        out.closed += out.last.length - out.last.sent
        out.last.next = chunk
    out.last = chunk
    out.chunks += 1
    out.memory += chunk_memory(chunk)
    out.cursor = chunk.data
    out.limit = chunk.data + chunk.capacity


cdef void out_reserve_slowly(Out* out, size_t size) noexcept nogil:
    cdef size_t capacity = CHUNK_BYTES
    if size > capacity:
        capacity = size
    elif out.chunks > MANY_CHUNKS:
        # A reply that goes on and on gets larger chunks, so that few writes send it. Not before one write is full: the
        # pool's chunks are still in the processor's cache, and new memory has to be mapped and zeroed.
        capacity = LARGE_CHUNK
    append_chunk(out, chunk_new(capacity))


cdef void out_write_slowly(Out* out, const char* text, size_t size) noexcept nogil:
    cdef size_t part = out.limit - out.cursor
    if part:
        if part > size:
            part = size
        memcpy(out.cursor, text, part)
        out.cursor += part
        text += part
        size -= part
    if size:
        out_reserve_slowly(out, size)
        memcpy(out.cursor, text, size)
        out.cursor += size


cdef void out_share(Out* out, Blob* blob) noexcept nogil:
    """The blob's bytes follow, without a copy."""
    cdef Chunk* chunk
    chunk = chunk_new(0)
    blob.references += 1
    chunk.blob = blob
    chunk.length = blob.length
    append_chunk(out, chunk)
    # Full, as far as writers can see; its length is that of the blob.
    out.cursor = chunk.data
    out.limit = chunk.data
    append_chunk(out, chunk_new(CHUNK_BYTES))


cdef Mark out_mark(Out* out, size_t size) noexcept nogil:
    cdef Mark mark
    out_reserve(out, size)
    mark.chunk = out.last
    mark.offset = out.cursor - out.last.data
    mark.size = size
    out.cursor += size
    return mark


cdef void out_fill(Out* out, const Mark* mark, const char* text, size_t size) noexcept nogil:
    cdef char* gap = mark.chunk.data + mark.offset
    cdef bint is_last = mark.chunk == out.last
    cdef char* end = out.cursor if is_last else mark.chunk.data + mark.chunk.length
    cdef size_t spare = mark.size - size
    memcpy(gap, text, size)
    if not spare:
        return
    # What follows in the same chunk moves up.
    memmove(gap + size, gap + mark.size, end - gap - mark.size)
    if is_last:
        out.cursor -= spare
    else:
        mark.chunk.length -= spare
        out.closed -= spare


cdef void out_splice(Out* out, Out* other) noexcept nogil:
    if other.first == NULL:
        return
    other.last.length = other.cursor - other.last.data
    if out.last != NULL:
        out.last.length = out.cursor - out.last.data
        out.closed += out.last.length - out.last.sent
        out.last.next = other.first
    else:
        out.first = other.first
    out.closed += other.closed
    out.last = other.last
    out.cursor = other.cursor
    out.limit = other.limit
    out.chunks += other.chunks
    out.memory += other.memory
    other.first = NULL
    other.last = NULL
    other.cursor = NULL
    other.limit = NULL
    other.closed = 0
    other.chunks = 0
    other.memory = 0


cdef void out_clear(Out* out) noexcept nogil:
    cdef Chunk* chunk = out.first
    cdef Chunk* next
    while chunk != NULL:
        next = chunk.next
        chunk_free(chunk)
        chunk = next
    out.first = NULL
    out.last = NULL
    out.cursor = NULL
    out.limit = NULL
    out.closed = 0
    out.chunks = 0
    out.memory = 0


cdef void out_consume(Out* out, size_t sent) noexcept nogil:
    cdef Chunk* chunk
    cdef size_t left
    if out.last != NULL:
        out.last.length = out.cursor - out.last.data
    while out.first != NULL:
        chunk = out.first
        left = chunk.length - chunk.sent
        if sent < left:
            chunk.sent += sent
            if chunk != out.last:
                out.closed -= sent
            return
        sent -= left
        if chunk == out.last:
            break
        out.closed -= left
        out.first = chunk.next
        out.chunks -= 1
        out.memory -= chunk_memory(chunk)
        chunk_free(chunk)
    out_clear(out)


cdef bytes out_bytes(const Out* out, size_t most):
    cdef list parts = []
    cdef size_t part, total = 0
    cdef const char* start
    cdef Chunk* chunk = out.first
    while chunk != NULL and total < most:
        start = chunk.data
        if chunk.blob != NULL:
            start = chunk.blob.data
        part = (<size_t>(out.cursor - start) if chunk == out.last else chunk.length) - chunk.sent
        part = min(part, most - total)
        parts.append(start[chunk.sent:chunk.sent + part])
        total += part
        chunk = chunk.next
    return b"".join(parts)
