"""Quicklists; what they are made of opens quicklist.pxd."""

from libc.stdint cimport int16_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcmp, memcpy, memmove
from cpython.bytes cimport PyBytes_FromStringAndSize

from redpoll.engine.blob cimport Blob, blob_memory, blob_of, blob_release
from redpoll.engine.counted_tree cimport (
    FANOUT, Path, Slot, Tree, tree_cut, tree_first, tree_init, tree_insert, tree_items, tree_last, tree_locate,
    tree_memory, tree_next, tree_pop, tree_previous, tree_push, tree_remove, tree_reweigh, tree_slot,
)
from redpoll.engine.entry cimport ENC_QUICKLIST
from redpoll.engine.listpack cimport (
    LISTPACK_END, LISTPACK_HEADER, LISTPACK_MANY, LISTPACK_MAX, BEFORE, REPLACE, Element, Prepared, element_size, listpack_append,
    listpack_at, listpack_capacity, listpack_copy, listpack_count_equal, listpack_first, listpack_free,
    listpack_get, listpack_last, listpack_length, listpack_memory, listpack_new, listpack_next, listpack_prepare,
    listpack_previous, listpack_put, listpack_remove, listpack_remove_equal, listpack_size, listpack_split, listpack_tell, listpack_text,
    listpack_write,
)
from redpoll.engine.memory cimport KIND_COLLECTION, allocate, block_size, reallocate, release
from redpoll.engine.value cimport ValueOperations, value_free, value_register

cdef enum:
    SAFE_SIZE = 8192         # of a node whose limit is a number of elements
    ELEMENT_OVERHEAD = 8     # that limits reckon with for an element, whatever it really is
    FILL_MOST = 32767
    SPARE_LEAST = 32         # bytes of room that an end is given at least
    SPARE_MOST = 512         # and at the most
    COMPRESSED_FROM = 48     # smaller nodes are not worth it
    SAVED_LEAST = 8          # bytes that compression has to save
    NODE_WORK = 8            # freeing a node is as much work as freeing so many small elements

cdef size_t packed_threshold
cdef compress_t compress
cdef decompress_t decompress


cdef void set_packed_threshold(size_t bytes) noexcept nogil:
    global packed_threshold
    packed_threshold = bytes


# Limits

cdef int16_t fill_of(long long setting) noexcept nogil:
    if setting > FILL_MOST:
        return FILL_MOST
    return <int16_t>(-5 if setting < -5 else setting)


cdef void node_limits(int fill, size_t* size, size_t* elements) noexcept nogil:
    if fill >= 0:
        size[0] = SAFE_SIZE
        elements[0] = fill if fill else 1
    else:
        size[0] = <size_t>2048 << (-fill if fill >= -5 else 5)
        elements[0] = <size_t>-1


cdef bint node_accepts(int fill, size_t size, size_t elements) noexcept nogil:
    cdef size_t most_bytes, most_elements
    node_limits(fill, &most_bytes, &most_elements)
    return size <= most_bytes and elements <= most_elements


cdef bint quicklist_is_large(const Quicklist* ql, size_t length) noexcept nogil:
    cdef size_t most_bytes, most_elements
    if packed_threshold:
        return length >= packed_threshold or length > LISTPACK_MAX // 2
    node_limits(ql.fill, &most_bytes, &most_elements)
    return length > most_bytes


# Ends

cdef inline uint8_t* end_listpack(const End* end) noexcept nogil:
    return end.block + end.start


cdef inline bint is_plain(const End* end) noexcept nogil:
    return end.room == 0


cdef inline size_t elements_of(const uint8_t* lp) noexcept nogil:
    cdef size_t told = lp[4] | (<size_t>lp[5] << 8)
    return told if told != LISTPACK_MANY else listpack_length(lp)


cdef inline size_t end_count(const End* end) noexcept nogil:
    if end.block == NULL:
        return 0
    return 1 if is_plain(end) else elements_of(end_listpack(end))


cdef inline void clear_end(End* end) noexcept nogil:
    end.block = NULL
    end.start = 0
    end.room = 0


cdef inline size_t wanted_room(size_t size) noexcept nogil:
    """A block for a listpack of so many bytes that is going to grow."""
    cdef size_t spare = size // 16
    if spare < SPARE_LEAST:
        spare = SPARE_LEAST
    elif spare > SPARE_MOST:
        spare = SPARE_MOST
    return (size + spare + 15) & ~<size_t>15


cdef void start_end(End* end, const Prepared* element, bint front) noexcept nogil:
    """A new node with one element."""
    cdef size_t size = LISTPACK_HEADER + element.total + 1
    cdef size_t room = wanted_room(size)
    cdef uint8_t* lp
    end.block = <uint8_t*>allocate(room, KIND_COLLECTION)
    end.room = <uint32_t>room
    end.start = <uint32_t>(room - size) if front else 0
    lp = end_listpack(end)
    listpack_tell(lp, <uint32_t>size, 1)
    listpack_write(lp + LISTPACK_HEADER, element)
    lp[size - 1] = LISTPACK_END


cdef void move_end(End* end, size_t size, size_t more, bint front) noexcept nogil:
    """Make room for `more` bytes on one side of the listpack, which has `size` bytes."""
    cdef size_t spare = end.room - size
    cdef size_t room, start
    cdef uint8_t* block
    if spare >= more and spare >= size // 16:
        # Room is on the other side: leave some of it there, for lists that take from one side and give to the other.
        start = (spare + more) // 2 if front else (spare - more) // 2
        memmove(end.block + start, end_listpack(end), size)
        end.start = <uint32_t>start
        return
    room = wanted_room(size + more)
    if front or end.start:
        start = room - size if front else 0
        block = <uint8_t*>allocate(room, KIND_COLLECTION)
        memcpy(block + start, end_listpack(end), size)
        release(end.block, end.room, KIND_COLLECTION)
        end.block = block
        end.start = <uint32_t>start
    else:
        end.block = <uint8_t*>reallocate(end.block, end.room, room, KIND_COLLECTION)
    end.room = <uint32_t>room


cdef void add_to_end(End* end, const Prepared* element, bint front) noexcept nogil:
    cdef uint8_t* lp = end_listpack(end)
    cdef size_t size = listpack_size(lp)
    cdef size_t elements = elements_of(lp)
    cdef size_t more = element.total
    if front:
        if end.start < more:
            move_end(end, size, more, True)
        end.start -= <uint32_t>more
        lp = end_listpack(end)
        listpack_write(lp + LISTPACK_HEADER, element)
    else:
        if end.start + size + more > end.room:
            move_end(end, size, more, False)
        lp = end_listpack(end)
        listpack_write(lp + size - 1, element)
        lp[size + more - 1] = LISTPACK_END
    listpack_tell(lp, <uint32_t>(size + more), elements + 1)


cdef uint8_t* tighten(End* end) noexcept nogil:
    """The end's listpack in a block of its own size, as others know listpacks."""
    cdef uint8_t* lp = end_listpack(end)
    cdef size_t size = listpack_size(lp)
    cdef size_t room = listpack_capacity(size)
    if end.start:
        memmove(end.block, lp, size)
        end.start = 0
    if room != end.room:
        end.block = <uint8_t*>reallocate(end.block, end.room, room, KIND_COLLECTION)
        end.room = <uint32_t>room
    return end.block


cdef inline void set_end(End* end, uint8_t* lp) noexcept nogil:
    """A listpack becomes the end's."""
    end.block = lp
    end.start = 0
    end.room = <uint32_t>listpack_capacity(listpack_size(lp))


cdef void free_end(End* end) noexcept nogil:
    if end.block != NULL:
        if is_plain(end):
            blob_release(<Blob*>end.block)
        else:
            release(end.block, end.room, KIND_COLLECTION)
    clear_end(end)


# Items of inner nodes

cdef inline void* item_of(void* pointer, NodeKind kind) noexcept nogil:
    return <void*>(<uintptr_t>pointer | <uintptr_t>kind)


cdef void free_item(void* item) noexcept nogil:
    cdef void* pointer = node_pointer(item)
    cdef NodeKind kind = node_kind(item)
    if kind == NODE_PACKED:
        listpack_free(<uint8_t*>pointer)
    elif kind == NODE_PLAIN:
        blob_release(<Blob*>pointer)
    else:
        compressed_free(<Compressed*>pointer)


cdef void* seal(End* end, uint64_t* weight) noexcept nogil:
    """The end's node as an item; the end is none any more."""
    cdef void* item
    weight[0] = end_count(end)
    item = item_of(end.block, NODE_PLAIN) if is_plain(end) else item_of(tighten(end), NODE_PACKED)
    clear_end(end)
    return item


cdef void adopt(End* end, void* item) noexcept nogil:
    """An item becomes an end."""
    cdef void* pointer = node_pointer(item)
    if node_kind(item) == NODE_PLAIN:
        clear_end(end)
        end.block = <uint8_t*>pointer
    elif node_kind(item) == NODE_PACKED:
        set_end(end, <uint8_t*>pointer)
    else:
        set_end(end, decompressed(<Compressed*>pointer))
        compressed_free(<Compressed*>pointer)


# Compression

cdef void use_compression(compress_t compressor, decompress_t decompressor) noexcept nogil:
    global compress, decompress
    compress = compressor
    decompress = decompressor


cdef inline size_t compressed_size(size_t size) noexcept nogil:
    return sizeof(Compressed) - 8 + size


cdef void compressed_free(Compressed* packed) noexcept nogil:
    release(packed, compressed_size(packed.size), KIND_COLLECTION)


cdef uint8_t* decompressed(const Compressed* packed) noexcept nogil:
    """The listpack, which is the caller's."""
    cdef uint8_t* lp = <uint8_t*>allocate(listpack_capacity(packed.raw_size), KIND_COLLECTION)
    decompress(<const char*>packed.data, packed.size, <char*>lp, packed.raw_size)
    return lp


cdef void expand(Slot* slot) noexcept nogil:
    """Have an inner node not compressed."""
    cdef Compressed* packed
    if node_kind(slot.item) == NODE_COMPRESSED:
        packed = <Compressed*>node_pointer(slot.item)
        slot.item = item_of(decompressed(packed), NODE_PACKED)
        compressed_free(packed)


cdef void squeeze(Slot* slot) noexcept nogil:
    """Have an inner node compressed, if that is worth it."""
    cdef uint8_t* lp
    cdef size_t size, smaller
    cdef char* room
    cdef Compressed* packed
    if node_kind(slot.item) != NODE_PACKED:
        return
    lp = <uint8_t*>slot.item
    size = listpack_size(lp)
    if size < COMPRESSED_FROM:
        return
    room = <char*>allocate(size, KIND_COLLECTION)
    smaller = compress(<const char*>lp, size, room, size - SAVED_LEAST)
    if smaller:
        packed = <Compressed*>allocate(compressed_size(smaller), KIND_COLLECTION)
        packed.raw_size = <uint32_t>size
        packed.size = <uint32_t>smaller
        memcpy(packed.data, room, smaller)
        slot.item = item_of(packed, NODE_COMPRESSED)
        listpack_free(lp)
    release(room, size, KIND_COLLECTION)


cdef bint reaches(const Path* path, size_t nodes, bint forward) noexcept nogil:
    """Whether there are so many inner nodes more on one side of one."""
    cdef Path way = path[0]
    while nodes:
        if not (tree_next(&way) if forward else tree_previous(&way)):
            return False
        nodes -= 1
    return True


cdef inline bint is_deep(const Quicklist* ql, const Path* path) noexcept nogil:
    """Whether an inner node is one of those to be compressed."""
    return reaches(path, ql.depth - 1, True) and reaches(path, ql.depth - 1, False)


cdef inline bint compresses(const Quicklist* ql) noexcept nogil:
    return ql.depth != 0 and compress != NULL


cdef void keep_depth_at(Quicklist* ql, bint front) noexcept nogil:
    """After nodes came or went at one side: which are compressed there."""
    cdef Path path
    cdef size_t i
    cdef bint more = tree_first(&ql.inner, &path) if front else tree_last(&ql.inner, &path)
    for i in range(<size_t>ql.depth - 1):
        if not more:
            return
        expand(tree_slot(&path))
        more = tree_next(&path) if front else tree_previous(&path)
    if more and is_deep(ql, &path):
        squeeze(tree_slot(&path))


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
        squeeze(tree_slot(&path))
    if tree_next(&path) and is_deep(ql, &path):
        squeeze(tree_slot(&path))
    if tree_previous(&spot.path) and is_deep(ql, &spot.path):
        squeeze(tree_slot(&spot.path))


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


cdef bint free_some(void* value, size_t most) noexcept nogil:
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


cdef size_t free_work(const void* value) noexcept nogil:
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


cdef void copy_end(End* to, const End* end) noexcept nogil:
    if end.block == NULL:
        clear_end(to)
    elif is_plain(end):
        clear_end(to)
        (<Blob*>end.block).references += 1
        to.block = end.block
    else:
        set_end(to, listpack_copy(end_listpack(end)))


cdef void* copy_item(void* item) noexcept nogil:
    cdef void* pointer = node_pointer(item)
    cdef size_t size
    cdef void* made
    if node_kind(item) == NODE_PLAIN:
        (<Blob*>pointer).references += 1
        return item
    if node_kind(item) == NODE_PACKED:
        return item_of(listpack_copy(<uint8_t*>pointer), NODE_PACKED)
    size = compressed_size((<Compressed*>pointer).size)
    made = allocate(size, KIND_COLLECTION)
    memcpy(made, pointer, size)
    return item_of(made, NODE_COMPRESSED)


# Ends of the list

cdef inline End* end_at(Quicklist* ql, bint front) noexcept nogil:
    return &ql.head if front or ql.tail.block == NULL else &ql.tail


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

cdef void drop_from_end(End* end, size_t count, bint front) noexcept nogil:
    """Elements, not all of them, of a packed node."""
    cdef uint8_t* lp = end_listpack(end)
    cdef size_t size = listpack_size(lp)
    cdef size_t elements = elements_of(lp)
    cdef const uint8_t* p
    cdef size_t gone, room
    cdef uint8_t* block
    if front:
        p = listpack_at(lp, count) if count > 1 else lp + LISTPACK_HEADER + element_size(lp + LISTPACK_HEADER)
        gone = p - lp - LISTPACK_HEADER
        end.start += <uint32_t>gone
        lp += gone
    else:
        p = listpack_at(lp, -<long>count) if count > 1 else listpack_last(lp)
        gone = lp + size - 1 - p
        lp[p - lp] = LISTPACK_END
    size -= gone
    listpack_tell(lp, <uint32_t>size, elements - count)
    if end.room >= 2048 and size < end.room // 4:
        room = wanted_room(size)
        block = <uint8_t*>allocate(room, KIND_COLLECTION)
        memcpy(block, lp, size)
        release(end.block, end.room, KIND_COLLECTION)
        end.block = block
        end.start = 0
        end.room = <uint32_t>room


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


# Changing in the middle

# A node that is looked at, and where an index falls into it.
cdef struct Spot:
    NodePlace place
    Path path                # of an inner node
    uint64_t at              # the element in the node
    uint64_t count           # elements of the node


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
    cdef uint8_t* rest
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


# To one listpack

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


# Walking

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
operations.length = free_work
operations.memory = memory_of
operations.copy = copy_of
operations.free_some = free_some
operations.contents = contents_of
value_register(ENC_QUICKLIST, &operations)
