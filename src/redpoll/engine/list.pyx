"""Lists in either encoding; see list.pxd."""

from libc.stdint cimport uint8_t, uint64_t
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from redpoll.engine.blob cimport Blob
from redpoll.engine.entry cimport (
    ENC_LISTPACK, ENC_QUICKLIST, Entry, entry_encoding, entry_set_value, entry_value,
)
from redpoll.engine.keyspace cimport Database, Keyspace
from redpoll.engine.listpack cimport (
    BEFORE, LISTPACK_HEADER, REPLACE, Element, listpack_append, listpack_at, listpack_count_equal, listpack_free,
    listpack_get, listpack_last, listpack_length, listpack_new, listpack_prepend, listpack_put, listpack_remove,
    listpack_remove_equal, listpack_size,
)
from redpoll.engine.quicklist cimport (
    Quicklist, quicklist_append_packed, quicklist_drop, quicklist_is_large, quicklist_new, quicklist_peek,
    quicklist_push, quicklist_push_blob, quicklist_reduce, set_packed_threshold,
)
from redpoll.engine.quicklist_edit cimport quicklist_insert, quicklist_remove_equal, quicklist_set
from redpoll.engine.quicklist_nodes cimport fill_of, node_accepts
from redpoll.engine.quicklist_walk cimport (
    Walk, quicklist_nodes, quicklist_raw_bytes, walk_begin, walk_listpack,
)


cdef inline bint is_packed(const Entry* e) noexcept nogil:
    return entry_encoding(e) == ENC_LISTPACK


cdef inline uint8_t* packed(const Entry* e) noexcept nogil:
    return <uint8_t*>entry_value(e)


cdef inline Quicklist* linked(const Entry* e) noexcept nogil:
    return <Quicklist*>entry_value(e)


cdef inline void store(Entry* e, uint8_t* lp) noexcept nogil:
    entry_set_value(e, ENC_LISTPACK, lp)


cdef void* list_new() noexcept nogil:
    return listpack_new()


cdef void list_make_room(Entry* e, Keyspace keyspace, size_t bytes, size_t elements) noexcept:
    cdef int fill
    cdef uint8_t* lp
    cdef Quicklist* ql
    if not is_packed(e):
        return
    fill = fill_of(keyspace.list_max_listpack_size)
    lp = packed(e)
    if node_accepts(fill, listpack_size(lp) + bytes, listpack_length(lp) + elements):
        return
    ql = quicklist_new(fill, keyspace.list_compress_depth)
    if listpack_length(lp):
        quicklist_append_packed(ql, lp)
    else:
        listpack_free(lp)
    entry_set_value(e, ENC_QUICKLIST, ql)


cdef void list_reduce(Entry* e) noexcept nogil:
    cdef uint8_t* lp
    if not is_packed(e):
        lp = quicklist_reduce(linked(e), True)
        if lp != NULL:
            store(e, lp)


cdef void list_push(Entry* e, const char* text, size_t length, bint front) noexcept nogil:
    if not is_packed(e):
        quicklist_push(linked(e), text, length, front)
    elif front:
        store(e, listpack_prepend(packed(e), text, length))
    else:
        store(e, listpack_append(packed(e), text, length))


cdef bint list_takes_blob(const Entry* e, size_t length) noexcept nogil:
    return not is_packed(e) and quicklist_is_large(linked(e), length)


cdef void list_push_blob(Entry* e, Blob* blob, bint front) noexcept nogil:
    quicklist_push_blob(linked(e), blob, front)


cdef void list_peek(const Entry* e, bint front, Element* element, Blob** blob) noexcept nogil:
    cdef const uint8_t* lp
    if not is_packed(e):
        quicklist_peek(linked(e), front, element, blob)
        return
    lp = packed(e)
    listpack_get(lp + LISTPACK_HEADER if front else listpack_last(lp), element)
    if blob != NULL:
        blob[0] = NULL


cdef void list_drop(Entry* e, uint64_t count, bint front) noexcept nogil:
    cdef uint8_t* lp
    if not is_packed(e):
        quicklist_drop(linked(e), count, front)
        return
    lp = packed(e)
    store(e, listpack_remove(lp, listpack_at(lp, 0 if front else -<long>count), count, NULL))


cdef void list_set(Entry* e, uint64_t index, const char* text, size_t length) noexcept nogil:
    cdef uint8_t* lp
    if not is_packed(e):
        quicklist_set(linked(e), index, text, length)
        return
    lp = packed(e)
    store(e, listpack_put(lp, listpack_at(lp, index), text, length, REPLACE, NULL))


cdef void list_insert(Entry* e, uint64_t index, const char* text, size_t length) noexcept nogil:
    cdef uint8_t* lp
    if not is_packed(e):
        quicklist_insert(linked(e), index, text, length)
        return
    lp = packed(e)
    # Beyond the last element there is none, and that is the end.
    store(e, listpack_put(lp, listpack_at(lp, index), text, length, BEFORE, NULL))


cdef uint64_t list_remove_equal(Entry* e, const char* text, size_t length, uint64_t most, bint front) noexcept nogil:
    cdef uint8_t* lp
    cdef size_t removed, skip = 0
    if not is_packed(e):
        return quicklist_remove_equal(linked(e), text, length, most, front)
    lp = packed(e)
    if not front:
        skip = listpack_count_equal(lp, text, length)
        skip = skip - most if skip > most else 0
    store(e, listpack_remove_equal(lp, text, length, skip, most, &removed))
    return removed


cdef void list_walk(const Entry* e, Walk* walk, uint64_t index, bint backwards) noexcept nogil:
    if is_packed(e):
        walk_listpack(walk, packed(e), index, backwards)
    else:
        walk_begin(walk, linked(e), index, backwards)


# For DEBUG

def shape(Database db, bytes key):
    """How a list is stored, as a dictionary; None where there is none, or it is no quicklist."""
    cdef Entry** slot = db.find(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key),
                                db.hash_of(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key)))
    cdef Quicklist* ql
    if slot == NULL or entry_encoding(slot[0]) != ENC_QUICKLIST:
        return None
    ql = linked(slot[0])
    return {
        "nodes": quicklist_nodes(ql), "elements": ql.length, "fill": ql.fill, "depth": ql.depth,
        "bytes": quicklist_raw_bytes(ql),
    }


def use_packed_threshold(size_t size):
    """An element of so many bytes becomes a node of its own from now on; 0: as the size of nodes says."""
    set_packed_threshold(size)
