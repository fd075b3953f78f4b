"""Changing quicklists in the middle; see quicklist_edit.pxd."""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp

from redpoll.engine.blob cimport Blob, blob_of
from redpoll.engine.counted_tree cimport (
    Path, Slot, tree_insert, tree_last, tree_next, tree_previous, tree_push, tree_remove, tree_reweigh, tree_slot,
    tree_touch,
)
from redpoll.engine.listpack cimport (
    BEFORE, REPLACE, Prepared, element_size, listpack_append, listpack_at, listpack_count_equal, listpack_first,
    listpack_new, listpack_prepare, listpack_put, listpack_remove, listpack_remove_equal, listpack_size, listpack_split,
    listpack_write,
)
from redpoll.engine.quicklist cimport (
    AT_HEAD, AT_TAIL, INSIDE, Quicklist, compresses, is_deep, keep_depth_at, new_end, quicklist_drop,
    quicklist_is_large, quicklist_push, refill, squeeze_at,
)
from redpoll.engine.quicklist_nodes cimport (
    ELEMENT_OVERHEAD, NODE_PACKED, NODE_PLAIN, End, adopt, elements_of, end_count, end_listpack, expand, free_end,
    free_item, is_plain, item_of, node_accepts, node_kind, node_pointer, set_end, tighten,
)
from redpoll.engine.quicklist_walk cimport Spot, Walk, locate, view_node, walk_end


cdef inline End* spot_end(Quicklist* ql, const Spot* spot) noexcept nogil:
    """The end that a spot is at; NULL: it is inside."""
    if spot.place == INSIDE:
        return NULL
    return &ql.head if spot.place == AT_HEAD else &ql.tail


cdef uint8_t* open_node(Quicklist* ql, const Spot* spot) noexcept nogil:
    """The node's listpack, to be changed and given to `close_node`; NULL: a plain node."""
    cdef End* end = spot_end(ql, spot)
    cdef Slot* slot
    if end != NULL:
        return NULL if is_plain(end) else tighten(end)
    slot = tree_slot(&spot.path)
    if node_kind(slot.item) == NODE_PLAIN:
        return NULL
    tree_touch(&spot.path)
    expand(slot)
    return <uint8_t*>slot.item


cdef void close_node(Quicklist* ql, Spot* spot, uint8_t* lp) noexcept nogil:
    """The node's listpack after a change; an empty one is dropped, and the spot is good for nothing then."""
    cdef End* end = spot_end(ql, spot)
    cdef size_t elements = elements_of(lp)
    if not elements:
        if end != NULL:
            set_end(end, lp)
        else:
            tree_slot(&spot.path).item = item_of(lp, NODE_PACKED)
        drop_node(ql, spot)
        return
    spot.count = elements
    if end != NULL:
        set_end(end, lp)
        return
    tree_slot(&spot.path).item = item_of(lp, NODE_PACKED)
    tree_reweigh(&ql.inner, &spot.path, elements)


cdef void drop_node(Quicklist* ql, Spot* spot) noexcept nogil:
    cdef End* end = spot_end(ql, spot)
    if end != NULL:
        free_end(end)
        refill(ql, end)
    else:
        tree_touch(&spot.path)
        free_item(tree_slot(&spot.path).item)
        tree_remove(&ql.inner, &spot.path)


cdef void insert_node(Quicklist* ql, Spot* spot, bint after, void* item, uint64_t weight) noexcept nogil:
    """A new node beside the spot's; the spot is good for nothing then."""
    if spot.place == INSIDE:
        tree_insert(&ql.inner, &spot.path, after, item, weight)
    elif spot.place == AT_HEAD and not after:
        adopt(new_end(ql, True), item)
    elif spot.place == AT_TAIL and after or ql.tail.block == NULL:
        adopt(new_end(ql, False), item)
    else:
        # Between an end and what is inside.
        tree_push(&ql.inner, spot.place == AT_HEAD, item, weight)


cdef void* item_for(Quicklist* ql, const char* text, size_t length) noexcept nogil:
    """A node with one element."""
    if quicklist_is_large(ql, length):
        return item_of(blob_of(text, length), NODE_PLAIN)
    return item_of(listpack_append(listpack_new(), text, length), NODE_PACKED)


cdef inline bint has_room(Quicklist* ql, const uint8_t* lp, size_t length) noexcept nogil:
    return node_accepts(ql.fill, listpack_size(lp) + length + ELEMENT_OVERHEAD, elements_of(lp) + 1)


cdef bint step_back(Quicklist* ql, Spot* spot) noexcept nogil:
    """To the node before."""
    if spot.place == AT_HEAD:
        return False
    if (spot.place == INSIDE and tree_previous(&spot.path)) or (
            spot.place == AT_TAIL and tree_last(&ql.inner, &spot.path)):
        spot.place = INSIDE
        spot.count = tree_slot(&spot.path).weight
    else:
        spot.place = AT_HEAD
        spot.count = end_count(&ql.head)
    return True


cdef void compress_around(Quicklist* ql, uint64_t index) noexcept nogil:
    """After a node was changed or parted: compress what should be, its neighbours too."""
    cdef Spot spot
    cdef Path path
    keep_depth_at(ql, True)
    keep_depth_at(ql, False)
    locate(ql, index if index < ql.length else ql.length - 1, &spot)
    if spot.place != INSIDE:
        return
    path = spot.path
    if is_deep(ql, &path):
        squeeze_at(&path)
    if tree_next(&path) and is_deep(ql, &path):
        squeeze_at(&path)
    if tree_previous(&spot.path) and is_deep(ql, &spot.path):
        squeeze_at(&spot.path)


cdef void quicklist_insert(Quicklist* ql, uint64_t index, const char* text, size_t length) noexcept nogil:
    insert_at(ql, index, text, length)
    if compresses(ql):
        compress_around(ql, index)


cdef void insert_at(Quicklist* ql, uint64_t index, const char* text, size_t length) noexcept nogil:
    cdef Spot spot, before
    cdef uint8_t* lp
    cdef uint8_t* rest
    cdef bint large = quicklist_is_large(ql, length)
    if index == 0 or index == ql.length:
        quicklist_push(ql, text, length, index == 0)
        return
    ql.length += 1
    locate(ql, index, &spot)
    lp = open_node(ql, &spot)
    if lp != NULL and not large and has_room(ql, lp, length):
        close_node(ql, &spot, listpack_put(lp, listpack_at(lp, spot.at), text, length, BEFORE, NULL))
        return
    if spot.at == 0:
        # Between two nodes: the one before may have room.
        if not large:
            before = spot
            step_back(ql, &before)
            lp = open_node(ql, &before)
            if lp != NULL and has_room(ql, lp, length):
                close_node(ql, &before, listpack_append(lp, text, length))
                return
        insert_node(ql, &spot, False, item_for(ql, text, length), 1)
        return
    lp = listpack_split(lp, listpack_at(lp, spot.at), &rest)
    if not large:
        if listpack_size(lp) <= listpack_size(rest):
            if has_room(ql, lp, length):
                lp = listpack_append(lp, text, length)
                text = NULL
        elif has_room(ql, rest, length):
            rest = listpack_put(rest, listpack_first(rest), text, length, BEFORE, NULL)
            text = NULL
    close_node(ql, &spot, lp)
    insert_node(ql, &spot, True, item_of(rest, NODE_PACKED), elements_of(rest))
    if text != NULL:
        locate(ql, index, &spot)
        insert_node(ql, &spot, False, item_for(ql, text, length), 1)


cdef bint overwrite(const uint8_t* element, const char* text, size_t length) noexcept nogil:
    """Put a text in place of an element that takes as many bytes."""
    cdef Prepared prepared
    listpack_prepare(&prepared, text, length)
    if prepared.total != element_size(element):
        return False
    listpack_write(<uint8_t*>element, &prepared)
    return True


cdef void quicklist_set(Quicklist* ql, uint64_t index, const char* text, size_t length) noexcept nogil:
    set_at(ql, index, text, length)
    if compresses(ql):
        compress_around(ql, index)


cdef void set_at(Quicklist* ql, uint64_t index, const char* text, size_t length) noexcept nogil:
    cdef Spot spot
    cdef End* end
    cdef uint8_t* lp
    cdef uint8_t* rest
    cdef const uint8_t* element
    cdef bint large = quicklist_is_large(ql, length)
    locate(ql, index, &spot)
    end = spot_end(ql, &spot)
    if end != NULL and not is_plain(end) and not large and overwrite(
            listpack_at(end_listpack(end), spot.at), text, length):
        return
    lp = open_node(ql, &spot)
    if lp == NULL:
        # A small one may find room in the next node.
        insert_at(ql, index + 1, text, length)
        remove_at(ql, index)
        return
    element = listpack_at(lp, spot.at)
    if not large:
        if spot.place == INSIDE and overwrite(element, text, length):
            return
        lp = listpack_put(lp, element, text, length, REPLACE, NULL)
        if spot.count > 1 and not node_accepts(ql.fill, listpack_size(lp), 1):
            # It grew beyond what a node should have.
            lp = listpack_split(lp, listpack_at(lp, spot.count // 2), &rest)
            close_node(ql, &spot, lp)
            insert_node(ql, &spot, True, item_of(rest, NODE_PACKED), elements_of(rest))
        else:
            close_node(ql, &spot, lp)
        return
    # A large one among small ones parts them.
    close_node(ql, &spot, lp)
    insert_at(ql, index, text, length)
    remove_at(ql, index + 1)


cdef void remove_at(Quicklist* ql, uint64_t index) noexcept nogil:
    cdef Spot spot
    cdef uint8_t* lp
    if index == 0 or index == ql.length - 1:
        quicklist_drop(ql, 1, index == 0)
        return
    ql.length -= 1
    locate(ql, index, &spot)
    lp = open_node(ql, &spot)
    if lp == NULL:
        drop_node(ql, &spot)
    else:
        close_node(ql, &spot, listpack_remove(lp, listpack_at(lp, spot.at), 1, NULL))


cdef size_t remove_in_node(Quicklist* ql, Spot* spot, const char* text, size_t length, uint64_t most,
                           bint front) noexcept nogil:
    cdef const Blob* blob
    cdef Walk view
    cdef size_t found, removed
    cdef uint8_t* lp
    cdef End* end = spot_end(ql, spot)
    if end == NULL and node_kind(tree_slot(&spot.path).item) == NODE_PLAIN or end != NULL and is_plain(end):
        blob = <Blob*>(end.block if end != NULL else node_pointer(tree_slot(&spot.path).item))
        if blob.length != length or memcmp(blob.data, text, length) != 0:
            return 0
        drop_node(ql, spot)
        return 1
    # Looked at first where it is: most nodes have nothing to remove.
    view.list = ql
    view.scratch = NULL
    view_node(&view, ql, spot.place, &spot.path)
    found = listpack_count_equal(view.lp, text, length)
    walk_end(&view)
    if not found:
        return 0
    lp = open_node(ql, spot)
    lp = listpack_remove_equal(lp, text, length, found - most if not front and found > most else 0, most, &removed)
    close_node(ql, spot, lp)
    return removed


cdef uint64_t quicklist_remove_equal(Quicklist* ql, const char* text, size_t length, uint64_t most,
                                     bint front) noexcept nogil:
    cdef uint64_t removed = 0
    cdef uint64_t index = 0          # from the front, or from the back
    cdef uint64_t count, gone
    cdef Spot spot
    while removed < most and index < ql.length:
        locate(ql, index if front else ql.length - 1 - index, &spot)
        count = spot.count
        gone = remove_in_node(ql, &spot, text, length, most - removed, front)
        ql.length -= gone
        if gone and ql.length and compresses(ql):
            compress_around(ql, index if front else ql.length - 1 - min(index, ql.length - 1))
        removed += gone
        index += count - gone
    return removed
