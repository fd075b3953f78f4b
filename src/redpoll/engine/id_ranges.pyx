"""What an ID tree holds at one moment, range by range; see id_ranges.pxd."""

from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free, realloc

from redpoll.engine.id_tree cimport (
    IdRanges, IdTree, Node, Place, StreamId, id_decrease, id_less, node_ids, node_slots, place_id, range_freer,
    range_keeper, tree_last,
)

cdef enum:
    FIRST_ROOM = 64


# The bounds of a tree's leaves while they are gathered.
cdef struct Bounds:
    StreamId* ids
    size_t count
    size_t room


cdef bint gather(Bounds* bounds, const Node* node, int height, StreamId least) noexcept nogil:
    """The inner nodes know where their leaves begin. False: there is no memory for it."""
    cdef StreamId* larger
    cdef uint32_t i
    if height:
        for i in range(node.used):
            if not gather(bounds, <const Node*>node_slots(node)[i], height - 1, node_ids(node)[i] if i else least):
                return False
        return True
    if bounds.count == bounds.room:
        bounds.room = bounds.room * 2 if bounds.room else <size_t>FIRST_ROOM
        larger = <StreamId*>realloc(bounds.ids, bounds.room * sizeof(StreamId))
        if larger == NULL:
            return False
        bounds.ids = larger
    bounds.ids[bounds.count] = least
    bounds.count += 1
    return True


cdef IdRanges* id_ranges(IdTree* tree, range_keeper keep, range_freer free_kept, void* context) noexcept nogil:
    cdef IdRanges* view = <IdRanges*>calloc(1, sizeof(IdRanges))
    cdef Bounds bounds
    cdef StreamId zero
    cdef Place last = tree_last(tree)
    zero.ms = zero.seq = 0
    bounds.ids = NULL
    bounds.count = bounds.room = 0
    if view != NULL and gather(&bounds, tree.root, tree.height, zero):
        view.kept = <void**>calloc(bounds.count, sizeof(void*))
    if view == NULL or view.kept == NULL:
        free(bounds.ids)
        free(view)
        return NULL
    view.tree = tree
    view.bounds = bounds.ids
    view.count = bounds.count
    view.last = place_id(&last)
    view.keep = keep
    view.free = free_kept
    view.context = context
    tree.ranges = view
    return view


cdef inline StreamId end_of(const IdRanges* view, size_t at) noexcept nogil:
    cdef StreamId end
    if at + 1 == view.count:
        return view.last
    end = view.bounds[at + 1]
    id_decrease(&end)
    return end


cdef void* id_ranges_next(const IdRanges* view, StreamId* first, StreamId* last) noexcept nogil:
    first[0] = view.bounds[view.at]
    last[0] = end_of(view, view.at)
    return view.kept[view.at]


cdef void id_ranges_step(IdRanges* view) noexcept nogil:
    if view.kept[view.at] != NULL:
        view.free(view.kept[view.at])
    view.at += 1


cdef void id_ranges_free(IdRanges* view) noexcept nogil:
    if view.tree != NULL:
        view.tree.ranges = NULL
    while view.at < view.count:
        id_ranges_step(view)
    free(view.kept)
    free(view.bounds)
    free(view)


cdef size_t range_of(const IdRanges* view, StreamId id) noexcept nogil:
    cdef size_t low = 1
    cdef size_t high = view.count
    cdef size_t middle
    while low < high:
        middle = (low + high) >> 1
        if id_less(id, view.bounds[middle]):
            high = middle
        else:
            low = middle + 1
    return low - 1


cdef inline void keep_range(IdRanges* view, size_t at) noexcept nogil:
    if at >= view.at and view.kept[at] == NULL:
        view.kept[at] = view.keep(view.context, view.tree, view.bounds[at], end_of(view, at))


cdef void range_changes(IdTree* tree, StreamId id) noexcept nogil:
    if not id_less(tree.ranges.last, id):
        keep_range(tree.ranges, range_of(tree.ranges, id))


cdef void ranges_from_change(IdTree* tree, StreamId id) noexcept nogil:
    cdef size_t at
    if not id_less(tree.ranges.last, id):
        for at in range(range_of(tree.ranges, id), tree.ranges.count):
            keep_range(tree.ranges, at)
