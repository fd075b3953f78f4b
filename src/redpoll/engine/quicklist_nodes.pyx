"""The nodes of quicklists: those at the ends, which grow, and items, which do not; see quicklist_nodes.pxd."""

from libc.stdint cimport int16_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from redpoll.engine.blob cimport Blob, blob_release
from redpoll.engine.listpack cimport (
    LISTPACK_END, LISTPACK_HEADER, Prepared, element_size, listpack_at, listpack_capacity, listpack_copy, listpack_free,
    listpack_last, listpack_size, listpack_tell, listpack_write,
)
from redpoll.engine.memory cimport KIND_COLLECTION, allocate, reallocate, release

cdef enum:
    SAFE_SIZE = 8192         # of a node whose limit is a number of elements
    FILL_MOST = 32767
    SPARE_LEAST = 32         # bytes of room that an end is given at least
    SPARE_MOST = 512         # and at the most
    COMPRESSED_FROM = 48     # smaller nodes are not worth it
    SAVED_LEAST = 8          # bytes that compression has to save

cdef compress_t compress
cdef decompress_t decompress


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


# Ends

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


cdef void free_end(End* end) noexcept nogil:
    if end.block != NULL:
        if is_plain(end):
            blob_release(<Blob*>end.block)
        else:
            release(end.block, end.room, KIND_COLLECTION)
    clear_end(end)


cdef void copy_end(End* to, const End* end) noexcept nogil:
    if end.block == NULL:
        clear_end(to)
    elif is_plain(end):
        clear_end(to)
        (<Blob*>end.block).references += 1
        to.block = end.block
    else:
        set_end(to, listpack_copy(end_listpack(end)))


# Items of inner nodes

cdef void free_item(void* item) noexcept nogil:
    cdef void* pointer = node_pointer(item)
    cdef NodeKind kind = node_kind(item)
    if kind == NODE_PACKED:
        listpack_free(<uint8_t*>pointer)
    elif kind == NODE_PLAIN:
        blob_release(<Blob*>pointer)
    else:
        compressed_free(<Compressed*>pointer)


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


cdef bint can_compress() noexcept nogil:
    return compress != NULL
