"""The nodes of quicklists.

An inner node is an item: a pointer whose low bits tell its kind, which is a listpack, a `Blob` with one large
element, or a `Compressed` listpack. A node at an end of the list lies in a block with more room than it needs, so
that an element that is pushed or popped there moves no other; it is never compressed, and becomes an item when it
leaves the end.

How much a node holds is `fill`, as in `list-max-listpack-size`: above zero so many elements (and 8 KiB), below zero a
class of sizes.
"""

from libc.stdint cimport int16_t, uint8_t, uint32_t, uint64_t, uintptr_t

from redpoll.engine.blob cimport Blob
from redpoll.engine.counted_tree cimport Slot
from redpoll.engine.listpack cimport (
    LISTPACK_MANY, Prepared, listpack_capacity, listpack_length, listpack_size,
)

cdef enum:
    ELEMENT_OVERHEAD = 8     # that limits reckon with for an element, whatever it really is

cdef enum NodeKind:
    NODE_PACKED = 0
    NODE_PLAIN = 1
    NODE_COMPRESSED = 2

# A compressed listpack.
cdef struct Compressed:
    uint32_t raw_size        # of the listpack
    uint32_t size            # of `data`
    uint8_t data[8]          # really `size` bytes, LZF

# A node at an end.
cdef struct End:
    uint8_t* block           # a block with a listpack in it, or a Blob; NULL: there is no such node
    uint32_t start           # where in the block the listpack begins
    uint32_t room            # bytes of the block; 0: it is a Blob

cdef inline NodeKind node_kind(const void* item) noexcept nogil:
    return <NodeKind>(<uintptr_t>item & 3)

cdef inline void* node_pointer(const void* item) noexcept nogil:
    return <void*>(<uintptr_t>item & ~<uintptr_t>3)

cdef inline uint8_t* end_listpack(const End* end) noexcept nogil:
    return end.block + end.start

cdef inline bint is_plain(const End* end) noexcept nogil:
    return end.room == 0

cdef inline size_t elements_of(const uint8_t* lp) noexcept nogil:
    cdef size_t told = lp[4] | (<size_t>lp[5] << 8)
    return told if told != LISTPACK_MANY else listpack_length(lp)

cdef inline size_t end_count(const End* end) noexcept nogil:
    if end.block == NULL:
        return 0
    return 1 if is_plain(end) else elements_of(end_listpack(end))

cdef inline void clear_end(End* end) noexcept nogil:
    end.block = NULL
    end.start = 0
    end.room = 0

cdef inline void set_end(End* end, uint8_t* lp) noexcept nogil:
    """A listpack becomes the end's."""
    end.block = lp
    end.start = 0
    end.room = <uint32_t>listpack_capacity(listpack_size(lp))

cdef inline void* item_of(void* pointer, NodeKind kind) noexcept nogil:
    return <void*>(<uintptr_t>pointer | <uintptr_t>kind)

cdef inline size_t compressed_size(size_t size) noexcept nogil:
    return sizeof(Compressed) - 8 + size

# Whether a node may grow to so many bytes and elements.
cdef bint node_accepts(int fill, size_t size, size_t elements) noexcept nogil
# The most bytes and elements that a node may have.
cdef void node_limits(int fill, size_t* size, size_t* elements) noexcept nogil
# `list-max-listpack-size` as a quicklist keeps it.
cdef int16_t fill_of(long long setting) noexcept nogil

# A new node with one element.
cdef void start_end(End* end, const Prepared* element, bint front) noexcept nogil
cdef void add_to_end(End* end, const Prepared* element, bint front) noexcept nogil
# Takes elements, not all of them, away.
cdef void drop_from_end(End* end, size_t count, bint front) noexcept nogil
# The end's listpack in a block of its own size, as others know listpacks.
cdef uint8_t* tighten(End* end) noexcept nogil
cdef void free_end(End* end) noexcept nogil
cdef void copy_end(End* to, const End* end) noexcept nogil
# The end's node as an item; the end is none any more.
cdef void* seal(End* end, uint64_t* weight) noexcept nogil
# An item becomes an end.
cdef void adopt(End* end, void* item) noexcept nogil

cdef void free_item(void* item) noexcept nogil
cdef void* copy_item(void* item) noexcept nogil

# How nodes are compressed: into at most `room` bytes, 0: not possible; and back, into exactly `expected`. Until this is
# called, none are.
ctypedef size_t (*compress_t)(const char* source, size_t size, char* output, size_t room) noexcept nogil
ctypedef bint (*decompress_t)(const char* source, size_t size, char* output, size_t expected) noexcept nogil
cdef void use_compression(compress_t compressor, decompress_t decompressor) noexcept nogil
cdef bint can_compress() noexcept nogil
# The listpack, which is the caller's.
cdef uint8_t* decompressed(const Compressed* packed) noexcept nogil
# Have an inner node not compressed; or compressed, if that is worth it.
cdef void expand(Slot* slot) noexcept nogil
cdef void squeeze(Slot* slot) noexcept nogil
