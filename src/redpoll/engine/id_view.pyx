"""What hangs in an ID tree at one moment; see id_view.pxd.

A list of all items is made, which is short beside what is in them: a few hundred entries or indices are one item.
"""

from libc.stdlib cimport free, malloc

from redpoll.engine.id_tree cimport (
    IdTree, Place, StreamId, id_equal, id_less, place_forward, place_id, place_value, tree_at_or_after,
)

cdef IdView* first_view


cdef IdView* id_view(const IdTree* tree, StreamId first, item_copier copy, item_freer free_item) noexcept nogil:
    global first_view
    cdef IdView* view = <IdView*>malloc(sizeof(IdView))
    cdef Place place = tree_at_or_after(tree, first)
    if view == NULL:
        return NULL
    view.count = view.at = 0
    view.copy = copy
    view.free = free_item
    view.items = <SeenItem*>malloc((tree.used + 1) * sizeof(SeenItem))
    if view.items == NULL:
        free(view)
        return NULL
    while place.leaf != NULL:
        view.items[view.count].id = place_id(&place)
        view.items[view.count].item = place_value(&place)
        view.items[view.count].kept = False
        view.count += 1
        place_forward(&place)
    view.other = first_view
    first_view = view
    return view


cdef const SeenItem* id_view_item(const IdView* view) noexcept nogil:
    return &view.items[view.at] if view.at < view.count else NULL


cdef void id_view_step(IdView* view) noexcept nogil:
    if view.items[view.at].kept:
        view.free(view.items[view.at].item)
    view.at += 1


cdef void id_view_free(IdView* view) noexcept nogil:
    global first_view
    cdef IdView** link = &first_view
    while link[0] != view:
        link = &link[0].other
    link[0] = view.other
    while view.at < view.count:
        id_view_step(view)
    free(view.items)
    free(view)


cdef void item_changes(StreamId id, const void* item) noexcept nogil:
    cdef IdView* view = first_view
    cdef SeenItem* seen
    cdef size_t low, high, middle
    while view != NULL:
        low = view.at
        high = view.count
        while low < high:
            middle = (low + high) >> 1
            if id_less(view.items[middle].id, id):
                low = middle + 1
            else:
                high = middle
        # An item of another tree may have the same ID.
        if low < view.count:
            seen = &view.items[low]
            if seen.item == item and not seen.kept and id_equal(seen.id, id):
                seen.item = view.copy(item)
                seen.kept = True
        view = view.other
