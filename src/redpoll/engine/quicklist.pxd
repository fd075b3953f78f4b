"""A quicklist: a long list as a sequence of nodes, most of them listpacks.

    head     the first node, with room at its front to grow
    inner    the nodes between: a counted tree of items, so that any index is found in logarithmic time
    tail     the last node, with room at its back; absent when there is one node only

quicklist_nodes.pxd tells what nodes are. With `depth` above zero, all but so many at each end are compressed.
Whoever changes a list in the middle uses quicklist_edit, whoever reads it quicklist_walk.
"""

from libc.stdint cimport int16_t, uint8_t, uint16_t, uint64_t

from redpoll.engine.blob cimport Blob
from redpoll.engine.counted_tree cimport Path, Tree
from redpoll.engine.listpack cimport Element
from redpoll.engine.quicklist_nodes cimport End

cdef enum NodePlace:
    AT_HEAD
    INSIDE
    AT_TAIL

cdef struct Quicklist:
    uint64_t length
    Tree inner
    End head
    End tail
    int16_t fill
    uint16_t depth

cdef Quicklist* quicklist_new(int fill, size_t depth) noexcept nogil
cdef void quicklist_free(Quicklist* ql) noexcept nogil
cdef Quicklist* quicklist_copy(const Quicklist* ql) noexcept nogil
# As engine/value wants it.
cdef bint quicklist_free_some(void* value, size_t most) noexcept nogil
cdef size_t quicklist_free_work(const void* value) noexcept nogil

# The first or last element, of a list that is not empty. `blob` (may be NULL) is set to that of a large one, which may
# be shared. Good until the list changes.
cdef void quicklist_peek(const Quicklist* ql, bint front, Element* element, Blob** blob) noexcept nogil
# `text` must not lie in the list.
cdef void quicklist_push(Quicklist* ql, const char* text, size_t length, bint front) noexcept nogil
# Whether an element of so many bytes becomes a node of its own; then it may be pushed as a blob, whose reference is
# taken.
cdef bint quicklist_is_large(const Quicklist* ql, size_t length) noexcept nogil
cdef void quicklist_push_blob(Quicklist* ql, Blob* blob, bint front) noexcept nogil
# Takes `count` elements (no more than there are) away from an end.
cdef void quicklist_drop(Quicklist* ql, uint64_t count, bint front) noexcept nogil

# Building node by node, at the back. The listpack (not empty) or the reference is taken.
cdef void quicklist_append_packed(Quicklist* ql, uint8_t* lp) noexcept nogil
cdef void quicklist_append_blob(Quicklist* ql, Blob* blob) noexcept nogil

# The only node, if it is a listpack and no larger than a node may be, or than half of that: the quicklist is gone then.
# Else NULL.
cdef uint8_t* quicklist_reduce(Quicklist* ql, bint to_half) noexcept nogil

# For whoever changes the list in the middle: where a new first or last node goes, after the one that is there moved
# inwards; the next node to take the place of an end's that is gone; and which nodes are compressed.
cdef End* new_end(Quicklist* ql, bint front) noexcept nogil
cdef void refill(Quicklist* ql, End* end) noexcept nogil
cdef bint compresses(const Quicklist* ql) noexcept nogil
cdef bint is_deep(const Quicklist* ql, const Path* path) noexcept nogil
cdef void keep_depth_at(Quicklist* ql, bint front) noexcept nogil
cdef void squeeze_at(const Path* path) noexcept nogil

cdef inline End* end_at(Quicklist* ql, bint front) noexcept nogil:
    return &ql.head if front or ql.tail.block == NULL else &ql.tail

# For DEBUG: an element of so many bytes becomes a node of its own; 0: as `fill` says.
cdef void set_packed_threshold(size_t bytes) noexcept nogil
