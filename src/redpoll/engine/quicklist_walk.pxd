"""Walking through quicklists, element by element or node by node, and measuring them."""

from libc.stdint cimport uint8_t, uint64_t

from redpoll.engine.blob cimport Blob
from redpoll.engine.counted_tree cimport Path
from redpoll.engine.listpack cimport LISTPACK_END, Element, element_size, listpack_get
from redpoll.engine.quicklist cimport NodePlace, Quicklist

# A node that is looked at, and where an index falls into it.
cdef struct Spot:
    NodePlace place
    Path path                # of an inner node
    uint64_t at              # the element in the node
    uint64_t count           # elements of the node

cdef void locate(const Quicklist* ql, uint64_t index, Spot* spot) noexcept nogil

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

# Begins at an index (less than the length), in either direction. `walk_end` has to be called.
cdef void walk_begin(Walk* walk, const Quicklist* ql, uint64_t index, bint backwards) noexcept nogil
cdef void walk_listpack(Walk* walk, const uint8_t* lp, uint64_t index, bint backwards) noexcept nogil
cdef bint walk_on(Walk* walk) noexcept nogil
# To the first element of the next node in the walk's direction; False: there is none.
cdef bint walk_next_node(Walk* walk) noexcept nogil
cdef void walk_end(Walk* walk) noexcept nogil
# Has the walk look at a node.
cdef void view_node(Walk* walk, const Quicklist* ql, NodePlace place, const Path* path) noexcept nogil

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

cdef size_t quicklist_nodes(const Quicklist* ql) noexcept nogil
# Bytes of all listpacks, uncompressed, and large elements.
cdef size_t quicklist_raw_bytes(const Quicklist* ql) noexcept nogil
# Bytes that it occupies; see engine/value.
cdef size_t quicklist_memory(const Quicklist* ql, size_t samples) noexcept nogil
