"""The nodes of a quicklist as they are at one moment; see quicklist_view.pxd."""

from libc.stdint cimport uint8_t, uint64_t

from redpoll.engine.blob cimport Blob
from redpoll.engine.counted_tree cimport tree_first, view_begin, view_end, view_item, view_step
from redpoll.engine.listpack cimport listpack_free
from redpoll.engine.memory cimport KIND_OTHER, allocate, release
from redpoll.engine.quicklist cimport AT_HEAD, INSIDE, Quicklist
from redpoll.engine.quicklist_nodes cimport (
    NODE_PACKED, NODE_PLAIN, Compressed, End, clear_end, copy_end, copy_item, decompressed, end_listpack, free_end,
    free_item, is_plain, node_kind, node_pointer,
)
from redpoll.engine.quicklist_walk cimport Spot, locate


cdef QuicklistView* quicklist_view(const Quicklist* ql, uint64_t index, uint64_t* into) noexcept nogil:
    cdef QuicklistView* view = <QuicklistView*>allocate(sizeof(QuicklistView), KIND_OTHER)
    cdef Spot spot
    cdef bint inside
    locate(ql, index, &spot)
    into[0] = spot.at
    inside = spot.place == INSIDE or (spot.place == AT_HEAD and tree_first(&ql.inner, &spot.path))
    if not view_begin(&view.inner, &spot.path if inside else NULL, copy_item, free_item):
        release(view, sizeof(QuicklistView), KIND_OTHER)
        return NULL
    clear_end(&view.head)
    if spot.place == AT_HEAD:
        copy_end(&view.head, &ql.head)
    copy_end(&view.tail, &ql.tail)
    view.scratch = NULL
    return view


cdef void drop_scratch(QuicklistView* view) noexcept nogil:
    if view.scratch != NULL:
        listpack_free(view.scratch)
        view.scratch = NULL


cdef bint quicklist_view_node(QuicklistView* view, const uint8_t** lp, const Blob** blob) noexcept nogil:
    cdef void* item
    cdef const End* end
    drop_scratch(view)
    lp[0] = NULL
    blob[0] = NULL
    item = view_item(&view.inner)
    if view.head.block == NULL and item != NULL:
        if node_kind(item) == NODE_PLAIN:
            blob[0] = <const Blob*>node_pointer(item)
        elif node_kind(item) == NODE_PACKED:
            lp[0] = <const uint8_t*>node_pointer(item)
        else:
            view.scratch = decompressed(<const Compressed*>node_pointer(item))
            lp[0] = view.scratch
        return True
    end = &view.head if view.head.block != NULL else &view.tail
    if end.block == NULL:
        return False
    if is_plain(end):
        blob[0] = <const Blob*>end.block
    else:
        lp[0] = end_listpack(end)
    return True


cdef void quicklist_view_step(QuicklistView* view) noexcept nogil:
    if view.head.block != NULL:
        free_end(&view.head)
    elif view_item(&view.inner) != NULL:
        view_step(&view.inner)
    else:
        free_end(&view.tail)


cdef void quicklist_view_free(QuicklistView* view) noexcept nogil:
    drop_scratch(view)
    free_end(&view.head)
    view_end(&view.inner)
    free_end(&view.tail)
    release(view, sizeof(QuicklistView), KIND_OTHER)
