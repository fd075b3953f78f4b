"""What hangs in an ID tree at one moment, to be read while it goes on changing; for snapshots of streams and arrays.

Whoever changes, moves or frees an item of such a tree tells it before: views that have not come to it get a copy. That
costs a test while there is no view.
"""

from redpoll.engine.id_tree cimport IdTree, StreamId

ctypedef void* (*item_copier)(const void* item) noexcept nogil
ctypedef void (*item_freer)(void* item) noexcept nogil

cdef struct SeenItem:
    StreamId id
    void* item               # the tree's, until it changes: then a copy
    bint kept                # it is a copy

cdef struct IdView:
    IdView* other            # all views there are make a list
    SeenItem* items
    size_t count
    size_t at                # the next one
    item_copier copy
    item_freer free

# Of all items from an ID on. NULL: there is no memory for it.
cdef IdView* id_view(const IdTree* tree, StreamId first, item_copier copy, item_freer free) noexcept nogil
# The next item, good until the tree's owner changes it; NULL: there is none.
cdef const SeenItem* id_view_item(const IdView* view) noexcept nogil
cdef void id_view_step(IdView* view) noexcept nogil
cdef void id_view_free(IdView* view) noexcept nogil

# An item is about to change, to move or to go.
cdef void item_changes(StreamId id, const void* item) noexcept nogil
