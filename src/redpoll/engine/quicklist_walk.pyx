"""Walking through quicklists, and what is done with them whatever they hold; see quicklist_walk.pxd."""

from libc.stdint cimport uint8_t, uint64_t
from cpython.bytes cimport PyBytes_FromStringAndSize

from redpoll.engine.blob cimport Blob, blob_memory
from redpoll.engine.counted_tree cimport (
    Path, tree_first, tree_items, tree_last, tree_locate, tree_memory, tree_next, tree_previous, tree_slot,
)
from redpoll.engine.entry cimport ENC_QUICKLIST
from redpoll.engine.listpack cimport (
    listpack_at, listpack_first, listpack_free, listpack_last, listpack_memory, listpack_previous, listpack_size,
    listpack_text,
)
from redpoll.engine.memory cimport block_size
from redpoll.engine.quicklist cimport (
    AT_HEAD, AT_TAIL, INSIDE, NodePlace, Quicklist, quicklist_copy, quicklist_free_some, quicklist_free_work,
)
from redpoll.engine.quicklist_nodes cimport (
    NODE_PACKED, NODE_PLAIN, Compressed, End, compressed_size, decompressed, end_count, end_listpack, is_plain,
    node_kind, node_pointer,
)
from redpoll.engine.value cimport ValueOperations, value_register


cdef void locate(const Quicklist* ql, uint64_t index, Spot* spot) noexcept nogil:
    cdef uint64_t held = end_count(&ql.head)
    spot.at = index
    if index < held:
        spot.place = AT_HEAD
        spot.count = held
        return
    index -= held
    if index < ql.inner.weight:
        spot.place = INSIDE
        tree_locate(&ql.inner, index, &spot.path, &spot.at)
        spot.count = tree_slot(&spot.path).weight
        return
    spot.place = AT_TAIL
    spot.at = index - ql.inner.weight
    spot.count = end_count(&ql.tail)


cdef void view_node(Walk* walk, const Quicklist* ql, NodePlace place, const Path* path) noexcept nogil:
    """Have the walk look at a node."""
    cdef const End* end
    cdef void* item
    if walk.scratch != NULL:
        listpack_free(walk.scratch)
        walk.scratch = NULL
    walk.place = place
    if place != INSIDE:
        end = &ql.head if place == AT_HEAD else &ql.tail
        walk.lp = NULL if is_plain(end) else end_listpack(end)
        walk.blob = <Blob*>end.block
        return
    item = tree_slot(path).item
    if node_kind(item) == NODE_PLAIN:
        walk.lp = NULL
        walk.blob = <Blob*>node_pointer(item)
    elif node_kind(item) == NODE_PACKED:
        walk.lp = <uint8_t*>node_pointer(item)
    else:
        walk.scratch = decompressed(<Compressed*>node_pointer(item))
        walk.lp = walk.scratch


cdef void walk_begin(Walk* walk, const Quicklist* ql, uint64_t index, bint backwards) noexcept nogil:
    cdef Spot spot
    locate(ql, index, &spot)
    walk.list = ql
    walk.scratch = NULL
    walk.backwards = backwards
    if spot.place == INSIDE:
        walk.path = spot.path
    view_node(walk, ql, spot.place, &walk.path)
    if walk.lp != NULL:
        walk.element = listpack_at(walk.lp, spot.at)


cdef void walk_listpack(Walk* walk, const uint8_t* lp, uint64_t index, bint backwards) noexcept nogil:
    walk.list = NULL
    walk.scratch = NULL
    walk.lp = lp
    walk.backwards = backwards
    walk.element = listpack_at(lp, index)


cdef bint walk_on(Walk* walk) noexcept nogil:
    cdef const uint8_t* element
    if walk.lp != NULL and walk.backwards:
        element = listpack_previous(walk.lp, walk.element)
        if element != NULL:
            walk.element = element
            return True
    return walk_next_node(walk)


cdef bint walk_next_node(Walk* walk) noexcept nogil:
    cdef NodePlace place = walk.place
    cdef const Quicklist* ql = walk.list
    if ql == NULL:
        return False
    if walk.backwards:
        if place == AT_HEAD:
            return False
        if (place == INSIDE and tree_previous(&walk.path)) or (
                place == AT_TAIL and tree_last(&ql.inner, &walk.path)):
            place = INSIDE
        else:
            place = AT_HEAD
    else:
        if place == AT_TAIL:
            return False
        if (place == INSIDE and tree_next(&walk.path)) or (
                place == AT_HEAD and tree_first(&ql.inner, &walk.path)):
            place = INSIDE
        elif ql.tail.block == NULL:
            return False
        else:
            place = AT_TAIL
    view_node(walk, ql, place, &walk.path)
    if walk.lp != NULL:
        walk.element = listpack_last(walk.lp) if walk.backwards else listpack_first(walk.lp)
    return True


cdef void walk_end(Walk* walk) noexcept nogil:
    if walk.scratch != NULL:
        listpack_free(walk.scratch)
        walk.scratch = NULL


# Measuring

cdef size_t quicklist_nodes(const Quicklist* ql) noexcept nogil:
    return (ql.head.block != NULL) + (ql.tail.block != NULL) + tree_items(&ql.inner)


cdef size_t end_memory(const End* end) noexcept nogil:
    if end.block == NULL:
        return 0
    return blob_memory(<Blob*>end.block) if is_plain(end) else block_size(end.room)


cdef size_t item_memory(const void* item) noexcept nogil:
    cdef void* pointer = node_pointer(item)
    if node_kind(item) == NODE_PLAIN:
        return blob_memory(<Blob*>pointer)
    if node_kind(item) == NODE_PACKED:
        return listpack_memory(<uint8_t*>pointer)
    return block_size(compressed_size((<Compressed*>pointer).size))


cdef size_t quicklist_memory(const Quicklist* ql, size_t samples) noexcept nogil:
    cdef size_t total = block_size(sizeof(Quicklist)) + tree_memory(&ql.inner)
    cdef size_t nodes = 0
    cdef uint64_t elements = 0
    cdef size_t sampled = 0
    cdef Path path
    cdef bint more = tree_first(&ql.inner, &path)
    total += end_memory(&ql.head) + end_memory(&ql.tail)
    while more and (samples == 0 or nodes < samples):
        sampled += item_memory(tree_slot(&path).item)
        elements += tree_slot(&path).weight
        nodes += 1
        more = tree_next(&path)
    if more and elements:
        sampled = <size_t>(<double>sampled * ql.inner.weight / elements)
    return total + sampled


cdef size_t end_bytes(const End* end) noexcept nogil:
    if end.block == NULL:
        return 0
    return (<Blob*>end.block).length if is_plain(end) else listpack_size(end_listpack(end))


cdef size_t item_bytes(const void* item) noexcept nogil:
    cdef void* pointer = node_pointer(item)
    if node_kind(item) == NODE_PLAIN:
        return (<Blob*>pointer).length
    if node_kind(item) == NODE_PACKED:
        return listpack_size(<uint8_t*>pointer)
    return (<Compressed*>pointer).raw_size


cdef size_t quicklist_raw_bytes(const Quicklist* ql) noexcept nogil:
    cdef size_t total = end_bytes(&ql.head) + end_bytes(&ql.tail)
    cdef Path path
    cdef bint more = tree_first(&ql.inner, &path)
    while more:
        total += item_bytes(tree_slot(&path).item)
        more = tree_next(&path)
    return total


cdef size_t memory_of(const void* value, size_t samples) noexcept nogil:
    return quicklist_memory(<const Quicklist*>value, samples)


cdef void* copy_of(const void* value) noexcept nogil:
    return quicklist_copy(<const Quicklist*>value)


cdef object contents_of(const void* value):
    cdef const Quicklist* ql = <const Quicklist*>value
    cdef list found = []
    cdef Walk walk
    cdef char scratch[24]
    cdef size_t length
    cdef const char* text
    if ql.length == 0:
        return found
    walk_begin(&walk, ql, 0, False)
    while True:
        if walk.lp == NULL:
            found.append(PyBytes_FromStringAndSize(walk.blob.data, walk.blob.length))
        else:
            text = listpack_text(walk.element, scratch, &length)
            found.append(PyBytes_FromStringAndSize(text, length))
        if not walk_next(&walk):
            break
    walk_end(&walk)
    return found


cdef ValueOperations operations
operations.length = quicklist_free_work
operations.memory = memory_of
operations.copy = copy_of
operations.free_some = quicklist_free_some
operations.contents = contents_of
value_register(ENC_QUICKLIST, &operations)
