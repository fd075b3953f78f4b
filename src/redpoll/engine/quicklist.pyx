"""Quicklists: made, grown and shrunk at their ends; what they are made of opens quicklist.pxd."""

from libc.stdint cimport uint8_t, uint16_t, uint64_t

from redpoll.engine.blob cimport Blob, blob_of
from redpoll.engine.counted_tree cimport (
    FANOUT, Path, Slot, Tree, tree_cut, tree_first, tree_init, tree_items, tree_last, tree_locate, tree_next, tree_pop,
    tree_previous, tree_push, tree_slot, tree_touch,
)
from redpoll.engine.entry cimport ENC_QUICKLIST
from redpoll.engine.listpack cimport (
    LISTPACK_HEADER, LISTPACK_MAX, Element, Prepared, listpack_get, listpack_last, listpack_length, listpack_prepare,
    listpack_size,
)
from redpoll.engine.memory cimport KIND_COLLECTION, allocate, release
from redpoll.engine.quicklist_nodes cimport (
    ELEMENT_OVERHEAD, NODE_COMPRESSED, NODE_PACKED, End, add_to_end, adopt, can_compress, clear_end, copy_end,
    copy_item,
    drop_from_end, elements_of, end_count, end_listpack, expand, fill_of, free_end, free_item, is_plain, node_accepts,
    node_kind, node_limits, seal, set_end, squeeze, start_end, tighten,
)
from redpoll.engine.value cimport value_free

cdef enum:
    NODE_WORK = 8            # freeing a node is as much work as freeing so many small elements

cdef size_t packed_threshold


cdef void set_packed_threshold(size_t bytes) noexcept nogil:
    global packed_threshold
    packed_threshold = bytes


cdef bint quicklist_is_large(const Quicklist* ql, size_t length) noexcept nogil:
    cdef size_t most_bytes, most_elements
    if packed_threshold:
        return length >= packed_threshold or length > LISTPACK_MAX // 2
    node_limits(ql.fill, &most_bytes, &most_elements)
    return length > most_bytes


# Making and freeing

cdef Quicklist* quicklist_new(int fill, size_t depth) noexcept nogil:
    cdef Quicklist* ql = <Quicklist*>allocate(sizeof(Quicklist), KIND_COLLECTION)
    ql.length = 0
    tree_init(&ql.inner)
    clear_end(&ql.head)
    clear_end(&ql.tail)
    ql.fill = fill_of(fill)
    ql.depth = <uint16_t>(depth if depth < 65535 else 65535)
    return ql


cdef void quicklist_free(Quicklist* ql) noexcept nogil:
    value_free(ENC_QUICKLIST, ql)


cdef bint quicklist_free_some(void* value, size_t most) noexcept nogil:
    cdef Quicklist* ql = <Quicklist*>value
    cdef size_t nodes = most // NODE_WORK + 1
    free_end(&ql.head)
    free_end(&ql.tail)
    while ql.inner.root != NULL:
        if not nodes:
            return False
        free_item(tree_pop(&ql.inner, False).item)
        nodes -= 1
    release(ql, sizeof(Quicklist), KIND_COLLECTION)
    return True


cdef size_t quicklist_free_work(const void* value) noexcept nogil:
    cdef const Quicklist* ql = <const Quicklist*>value
    # Trees of more than two levels are large; how large need not be known.
    return NODE_WORK * (2 + (tree_items(&ql.inner) if ql.inner.height <= 2 else FANOUT * FANOUT))


cdef void discard(Tree* tree) noexcept nogil:
    """Free the nodes of a tree, in slices if they are many."""
    cdef Quicklist* bag
    if tree.root == NULL:
        return
    bag = quicklist_new(0, 0)
    bag.inner = tree[0]
    tree_init(tree)
    quicklist_free(bag)


cdef Quicklist* quicklist_copy(const Quicklist* ql) noexcept nogil:
    cdef Quicklist* made = quicklist_new(ql.fill, ql.depth)
    cdef Path path
    cdef Slot* slot
    cdef bint more = tree_first(&ql.inner, &path)
    made.length = ql.length
    copy_end(&made.head, &ql.head)
    while more:
        slot = tree_slot(&path)
        tree_push(&made.inner, False, copy_item(slot.item), slot.weight)
        more = tree_next(&path)
    copy_end(&made.tail, &ql.tail)
    return made


# Compression

cdef bint reaches(const Path* path, size_t nodes, bint forward) noexcept nogil:
    """Whether there are so many inner nodes more on one side of one."""
    cdef Path way = path[0]
    while nodes:
        if not (tree_next(&way) if forward else tree_previous(&way)):
            return False
        nodes -= 1
    return True


cdef bint is_deep(const Quicklist* ql, const Path* path) noexcept nogil:
    """Whether an inner node is one of those to be compressed."""
    return reaches(path, ql.depth - 1, True) and reaches(path, ql.depth - 1, False)


cdef bint compresses(const Quicklist* ql) noexcept nogil:
    return ql.depth != 0 and can_compress()


cdef void expand_at(const Path* path) noexcept nogil:
    if node_kind(tree_slot(path).item) == NODE_COMPRESSED:
        tree_touch(path)
        expand(tree_slot(path))


cdef void squeeze_at(const Path* path) noexcept nogil:
    if node_kind(tree_slot(path).item) == NODE_PACKED:
        tree_touch(path)
        squeeze(tree_slot(path))


cdef void keep_depth_at(Quicklist* ql, bint front) noexcept nogil:
    """After nodes came or went at one side: which are compressed there."""
    cdef Path path
    cdef size_t _
    cdef bint more = tree_first(&ql.inner, &path) if front else tree_last(&ql.inner, &path)
    for _ in range(<size_t>ql.depth - 1):
        if not more:
            return
        expand_at(&path)
        more = tree_next(&path) if front else tree_previous(&path)
    if more and is_deep(ql, &path):
        squeeze_at(&path)


# Its ends

cdef End* new_end(Quicklist* ql, bint front) noexcept nogil:
    """Where a new first or last node goes; the one that is there moves inwards."""
    cdef uint64_t weight
    cdef void* item
    cdef End* end = &ql.head if front else &ql.tail
    if ql.head.block == NULL:
        return &ql.head
    if ql.tail.block == NULL:
        # Its only node is an end on one side only from now on.
        if not is_plain(&ql.head):
            tighten(&ql.head)
        if front:
            ql.tail = ql.head
            clear_end(&ql.head)
        return end
    item = seal(end, &weight)
    tree_push(&ql.inner, front, item, weight)
    if compresses(ql):
        keep_depth_at(ql, front)
    return end


cdef void refill(Quicklist* ql, End* end) noexcept nogil:
    """After the node of an end is gone, the next one takes its place."""
    if ql.inner.root != NULL:
        adopt(end, tree_pop(&ql.inner, end == &ql.head).item)
        if compresses(ql):
            keep_depth_at(ql, end == &ql.head)
    elif end == &ql.head:
        ql.head = ql.tail
        clear_end(&ql.tail)


cdef void quicklist_peek(const Quicklist* ql, bint front, Element* element, Blob** blob) noexcept nogil:
    cdef const End* end = end_at(<Quicklist*>ql, front)
    cdef const uint8_t* lp
    if is_plain(end):
        element.text = (<Blob*>end.block).data
        element.length = (<Blob*>end.block).length
        if blob != NULL:
            blob[0] = <Blob*>end.block
        return
    lp = end_listpack(end)
    listpack_get(lp + LISTPACK_HEADER if front else listpack_last(lp), element)
    if blob != NULL:
        blob[0] = NULL


cdef void quicklist_push(Quicklist* ql, const char* text, size_t length, bint front) noexcept nogil:
    cdef End* end = end_at(ql, front)
    cdef Prepared element
    cdef uint8_t* lp
    if quicklist_is_large(ql, length):
        quicklist_push_blob(ql, blob_of(text, length), front)
        return
    listpack_prepare(&element, text, length)
    ql.length += 1
    if end.block != NULL and not is_plain(end):
        lp = end_listpack(end)
        if node_accepts(ql.fill, listpack_size(lp) + length + ELEMENT_OVERHEAD, elements_of(lp) + 1):
            add_to_end(end, &element, front)
            return
    start_end(new_end(ql, front), &element, front)


cdef void quicklist_push_blob(Quicklist* ql, Blob* blob, bint front) noexcept nogil:
    cdef End* end = new_end(ql, front)
    clear_end(end)
    end.block = <uint8_t*>blob
    ql.length += 1


cdef void quicklist_append_packed(Quicklist* ql, uint8_t* lp) noexcept nogil:
    set_end(new_end(ql, False), lp)
    ql.length += listpack_length(lp)


cdef void quicklist_append_blob(Quicklist* ql, Blob* blob) noexcept nogil:
    quicklist_push_blob(ql, blob, False)


# Taking away from the ends

cdef void drop_inner(Quicklist* ql, uint64_t* count, bint front) noexcept nogil:
    """Whole inner nodes at one side, as far as `count` goes, which is left with the rest."""
    cdef Path path
    cdef Tree rest
    cdef Slot edge
    cdef uint64_t into
    if count[0] >= ql.inner.weight:
        count[0] -= ql.inner.weight
        discard(&ql.inner)
        return
    if not count[0]:
        return
    tree_init(&rest)
    if front:
        tree_locate(&ql.inner, count[0], &path, &into)
        tree_cut(&ql.inner, &path, &rest)
        discard(&ql.inner)
        ql.inner = rest
        count[0] = into
        return
    # The node that the cut falls into stays, with what is before the cut.
    tree_locate(&ql.inner, ql.inner.weight - count[0], &path, &into)
    if not into:
        tree_cut(&ql.inner, &path, &rest)
        count[0] = 0
    else:
        edge = tree_slot(&path)[0]
        count[0] = edge.weight - into
        if not tree_next(&path):
            return
        tree_cut(&ql.inner, &path, &rest)
    discard(&rest)


cdef void quicklist_drop(Quicklist* ql, uint64_t count, bint front) noexcept nogil:
    cdef End* end = end_at(ql, front)
    cdef size_t held = end_count(end)
    ql.length -= count
    if count < held:
        drop_from_end(end, count, front)
        return
    free_end(end)
    count -= held
    if count and ql.inner.root != NULL:
        drop_inner(ql, &count, front)
    refill(ql, end)
    if not count:
        return
    # What is left to take lies in the one node that is the end now.
    end = end_at(ql, front)
    held = end_count(end)
    if count < held:
        drop_from_end(end, count, front)
    else:
        free_end(end)
        refill(ql, end)


cdef uint8_t* quicklist_reduce(Quicklist* ql, bint to_half) noexcept nogil:
    cdef size_t most_bytes, most_elements
    cdef uint8_t* lp
    if ql.tail.block != NULL or ql.head.block == NULL or is_plain(&ql.head):
        return NULL
    lp = end_listpack(&ql.head)
    node_limits(ql.fill, &most_bytes, &most_elements)
    if to_half:
        most_bytes //= 2
        most_elements //= 2
    if listpack_size(lp) > most_bytes or elements_of(lp) > most_elements:
        return NULL
    lp = tighten(&ql.head)
    release(ql, sizeof(Quicklist), KIND_COLLECTION)
    return lp
