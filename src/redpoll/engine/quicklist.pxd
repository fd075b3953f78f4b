"""A quicklist: a long list as a sequence of nodes, most of them listpacks.

    head     the first node, with room at its front to grow
    inner    the nodes between: a counted tree of items, so that any index is found in logarithmic time
    tail     the last node, with room at its back; absent when there is one node only

An inner node's item is a pointer whose low bits tell its kind: a listpack, a `Blob` with one large element, or a
`Compressed` listpack. The nodes at the ends are never compressed, and lie in blocks with more room than they need: an
element that is pushed or popped there moves no other. They become ordinary listpacks when they leave the end.

How much a node holds is `fill`, as in `list-max-listpack-size`: above zero so many elements (and 8 KiB), below zero a
class of sizes. With `depth` above zero, all nodes are compressed but so many at each end.
"""

from libc.stdint cimport int16_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t

from redpoll.engine.blob cimport Blob
from redpoll.engine.counted_tree cimport Path, Tree
from redpoll.engine.listpack cimport LISTPACK_END, Element, element_size, listpack_get

cdef enum NodeKind:
    NODE_PACKED = 0
    NODE_PLAIN = 1
    NODE_COMPRESSED = 2

cdef enum NodePlace:
    AT_HEAD
    INSIDE
    AT_TAIL

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

cdef struct Quicklist:
    uint64_t length
    Tree inner
    End head
    End tail
    int16_t fill
    uint16_t depth

# A way through the elements, in either direction.
cdef struct Walk:
    const Quicklist* list    # NULL: through one listpack, which is all there is
    NodePlace place
    Path path                # of an inner node
    const uint8_t* lp        # the node; NULL: a plain one
    const uint8_t* element
    Blob* blob
    uint8_t* scratch         # a listpack that was decompressed for this walk
    bint backwards

cdef inline NodeKind node_kind(const void* item) noexcept nogil:
    return <NodeKind>(<uintptr_t>item & 3)

cdef inline void* node_pointer(const void* item) noexcept nogil:
    return <void*>(<uintptr_t>item & ~<uintptr_t>3)

# Whether a node may grow to so many bytes and elements.
cdef bint node_accepts(int fill, size_t size, size_t elements) noexcept nogil
# The most bytes and elements that a node may have.
cdef void node_limits(int fill, size_t* size, size_t* elements) noexcept nogil
# `list-max-listpack-size` as a quicklist keeps it.
cdef int16_t fill_of(long long setting) noexcept nogil

cdef Quicklist* quicklist_new(int fill, size_t depth) noexcept nogil
cdef void quicklist_free(Quicklist* ql) noexcept nogil

# The first or last element, of a list that is not empty. `blob` (may be NULL) is set to that of a large one, which may
# be shared. Good until the list changes.
cdef void quicklist_peek(const Quicklist* ql, bint front, Element* element, Blob** blob) noexcept nogil
# `text` must not lie in the list.
cdef void quicklist_push(Quicklist* ql, const char* text, size_t length, bint front) noexcept nogil
# Whether an element of so many bytes becomes a node of its own; then it may be pushed as a blob, whose reference is taken.
cdef bint quicklist_is_large(const Quicklist* ql, size_t length) noexcept nogil
cdef void quicklist_push_blob(Quicklist* ql, Blob* blob, bint front) noexcept nogil
# Takes `count` elements (no more than there are) away from an end.
cdef void quicklist_drop(Quicklist* ql, uint64_t count, bint front) noexcept nogil
cdef void quicklist_set(Quicklist* ql, uint64_t index, const char* text, size_t length) noexcept nogil
# Puts an element before the one at an index, which may be the length.
cdef void quicklist_insert(Quicklist* ql, uint64_t index, const char* text, size_t length) noexcept nogil
# Removes elements that are this text, `most` at the most, from the front or from the back on; how many.
cdef uint64_t quicklist_remove_equal(Quicklist* ql, const char* text, size_t length, uint64_t most,
                                     bint front) noexcept nogil

# Building node by node, at the back. The listpack (not empty) or the reference is taken.
cdef void quicklist_append_packed(Quicklist* ql, uint8_t* lp) noexcept nogil
cdef void quicklist_append_blob(Quicklist* ql, Blob* blob) noexcept nogil

# The only node, if it is a listpack and no larger than a node may be, or than half of that: the quicklist is gone then.
# Else NULL.
cdef uint8_t* quicklist_reduce(Quicklist* ql, bint to_half) noexcept nogil

cdef size_t quicklist_nodes(const Quicklist* ql) noexcept nogil
# Bytes of all listpacks, uncompressed, and large elements.
cdef size_t quicklist_raw_bytes(const Quicklist* ql) noexcept nogil
cdef size_t quicklist_memory(const Quicklist* ql, size_t samples) noexcept nogil
cdef Quicklist* quicklist_copy(const Quicklist* ql) noexcept nogil

# Begins at an index (less than the length), in either direction. `walk_end` has to be called.
cdef void walk_begin(Walk* walk, const Quicklist* ql, uint64_t index, bint backwards) noexcept nogil
cdef void walk_listpack(Walk* walk, const uint8_t* lp, uint64_t index, bint backwards) noexcept nogil
cdef bint walk_on(Walk* walk) noexcept nogil
# To the first element of the next node in the walk's direction; False: there is none.
cdef bint walk_next_node(Walk* walk) noexcept nogil
cdef void walk_end(Walk* walk) noexcept nogil

cdef inline bint walk_next(Walk* walk) noexcept nogil:
    """False: that was the last element."""
    if walk.lp != NULL and not walk.backwards:
        walk.element += element_size(walk.element)
        if walk.element[0] != LISTPACK_END:
            return True
    return walk_on(walk)

cdef inline void walk_get(const Walk* walk, Element* element) noexcept nogil:
    if walk.lp != NULL:
        listpack_get(walk.element, element)
    else:
        element.text = walk.blob.data
        element.length = walk.blob.length

# How nodes are compressed: into at most `room` bytes, 0: not possible; and back, into exactly `expected`. Until this is
# called, none are.
ctypedef size_t (*compress_t)(const char* source, size_t size, char* output, size_t room) noexcept nogil
ctypedef bint (*decompress_t)(const char* source, size_t size, char* output, size_t expected) noexcept nogil
cdef void use_compression(compress_t compressor, decompress_t decompressor) noexcept nogil

# For DEBUG: an element of so many bytes becomes a node of its own; 0: as `fill` says.
cdef void set_packed_threshold(size_t bytes) noexcept nogil
