"""What an ID tree holds at one moment, to be read range by range while it goes on changing; for snapshots of groups.

An id_view lists every item; this is for trees of many small ones: a range is what one leaf held, so making it looks at
no item. Whoever changes anything about an item, or whether there is one, says so before (`id_changes`): the
range that its ID is in is kept then, as `keep` makes it of the tree, if it is not passed yet. So an item that goes must
be told of while all of its range can still be read.
"""

from redpoll.engine.id_tree cimport IdRanges, IdTree, StreamId, range_freer, range_keeper

# Of a tree that is not empty and that nobody else looks on. NULL: there is no memory for it.
cdef IdRanges* id_ranges(IdTree* tree, range_keeper keep, range_freer free, void* context) noexcept nogil
# What was kept of the next range; or NULL, and the IDs between which the tree still has it, both included.
cdef void* id_ranges_next(const IdRanges* view, StreamId* first, StreamId* last) noexcept nogil
cdef void id_ranges_step(IdRanges* view) noexcept nogil
cdef void id_ranges_free(IdRanges* view) noexcept nogil

cdef void range_changes(IdTree* tree, StreamId id) noexcept nogil
cdef void ranges_from_change(IdTree* tree, StreamId id) noexcept nogil

# An item is about to change, to come or to go.
cdef inline void id_changes(IdTree* tree, StreamId id) noexcept nogil:
    if tree.ranges != NULL:
        range_changes(tree, id)

# All items from an ID on are about to go.
cdef inline void ids_go_from(IdTree* tree, StreamId id) noexcept nogil:
    if tree.ranges != NULL:
        ranges_from_change(tree, id)
