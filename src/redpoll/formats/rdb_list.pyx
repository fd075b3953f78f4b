"""Lists in RDB.

    1     count, then the elements
    10    a ziplist of the elements, as one string
    14    count of nodes, then for each a ziplist, as a string
    18    count of nodes, then for each: 1 and an element, or 2 and a listpack, as a string
"""

from libc.stdint cimport uint8_t, uint64_t

from redpoll.engine.blob cimport Blob, blob_of, blob_release
from redpoll.engine.entry cimport ENC_LISTPACK, ENC_QUICKLIST, TYPE_LIST
from redpoll.engine.listpack cimport listpack_first, listpack_free, listpack_length, listpack_size
from redpoll.engine.quicklist cimport (
    Quicklist, quicklist_append_blob, quicklist_append_packed, quicklist_free, quicklist_is_large, quicklist_new,
    quicklist_push, quicklist_push_blob, quicklist_reduce,
)
from redpoll.engine.quicklist_view cimport quicklist_view, quicklist_view_node, quicklist_view_step
from redpoll.engine.quicklist_walk cimport Walk, quicklist_nodes, walk_begin, walk_end, walk_next_node
from redpoll.formats.progress cimport Progress, progress_leave_entry
from redpoll.formats.rdb cimport RDB_LIST, RDB_LIST_QUICKLIST_2, RDB_LIST_ZIPLIST
from redpoll.formats.rdb_input cimport Source, Text, source_count, source_fail, source_length, source_value
from redpoll.formats.rdb_output cimport Output, put_block, put_length, put_text
from redpoll.formats.rdb_packed cimport read_listpack, read_ziplist
from redpoll.formats.reading cimport READ_EMPTY, READ_FAILED, READ_WHOLE, Reader, ReadResult, Value

cdef enum:
    NODE_PLAIN = 1
    NODE_PACKED = 2
    LARGE = 8192                 # no smaller element is worth a blob of its own on the way

cdef const char* BAD_NODE = b"a list's node of an unknown kind"
cdef const char* EMPTY_NODE = b"a list's node of an empty element"


cdef bint read_element(Source* source, Quicklist* ql) noexcept nogil:
    cdef Text text
    cdef Blob* blob
    if not source_value(source, &text, &blob, LARGE):
        return False
    if blob == NULL:
        quicklist_push(ql, text.text, text.length, False)
    elif quicklist_is_large(ql, blob.length):
        quicklist_push_blob(ql, blob, False)
    else:
        quicklist_push(ql, blob.data, blob.length, False)
        blob_release(blob)
    return True


cdef bint read_node(Source* source, Quicklist* ql, bint ziplist) noexcept nogil:
    cdef uint8_t* pack = read_ziplist(source) if ziplist else read_listpack(source)
    if pack == NULL:
        return False
    if listpack_first(pack) == NULL:
        listpack_free(pack)
    else:
        quicklist_append_packed(ql, pack)
    return True


cdef bint read_plain_node(Source* source, Quicklist* ql) noexcept nogil:
    cdef Text text
    cdef Blob* blob
    if not source_value(source, &text, &blob, 0):
        return False
    if text.length == 0:
        return source_fail(source, EMPTY_NODE)
    if blob == NULL:
        blob = blob_of(text.text, text.length)
    quicklist_append_blob(ql, blob)
    return True


cdef bint read_any_node(Source* source, Quicklist* ql) noexcept nogil:
    cdef uint64_t kind
    if not source_length(source, &kind):
        return False
    if kind == NODE_PLAIN:
        return read_plain_node(source, ql)
    if kind == NODE_PACKED:
        return read_node(source, ql, False)
    return source_fail(source, BAD_NODE)


cdef ReadResult read_list(Reader* reader, int rdb_type, Value* value) noexcept nogil:
    cdef Source* source = reader.source
    cdef Quicklist* ql
    cdef uint64_t _
    cdef uint64_t count = 1
    cdef bint fine = True
    cdef uint8_t* pack
    if rdb_type != RDB_LIST_ZIPLIST and not source_count(source, &count, 1):
        return READ_FAILED
    ql = quicklist_new(<int>reader.limits.list_size, reader.limits.list_depth)
    for _ in range(count):
        if rdb_type == RDB_LIST:
            fine = read_element(source, ql)
        elif rdb_type == RDB_LIST_QUICKLIST_2:
            fine = read_any_node(source, ql)
        else:
            fine = read_node(source, ql, True)
        if not fine:
            quicklist_free(ql)
            return READ_FAILED
    if ql.length == 0:
        quicklist_free(ql)
        return READ_EMPTY
    value.type = TYPE_LIST
    pack = quicklist_reduce(ql, False)
    if pack != NULL:
        value.encoding = ENC_LISTPACK
        value.pointer = pack
    else:
        value.encoding = ENC_QUICKLIST
        value.pointer = ql
    return READ_WHOLE


cdef bint list_begin(Output* out, Progress* progress) noexcept nogil:
    cdef const void* value = progress.value
    if progress.encoding == ENC_LISTPACK:
        put_length(out, 1)
        put_length(out, NODE_PACKED)
        put_block(out, <const char*>value, listpack_size(<const uint8_t*>value))
        return True
    put_length(out, quicklist_nodes(<const Quicklist*>value))
    return False


cdef inline void put_node(Output* out, const uint8_t* lp, const Blob* blob) noexcept nogil:
    if lp == NULL:
        put_length(out, NODE_PLAIN)
        put_text(out, blob.data, blob.length)
    else:
        put_length(out, NODE_PACKED)
        put_block(out, <const char*>lp, listpack_size(lp))


cdef bint list_more(Output* out, Progress* progress, size_t until) noexcept nogil:
    """`progress.at` is the index of the first element of the next node."""
    cdef const Quicklist* ql = <const Quicklist*>progress.value
    cdef Walk walk
    cdef const uint8_t* lp
    cdef const Blob* blob
    cdef bint more = True
    if progress.nodes != NULL:
        while out.length < until:
            if not quicklist_view_node(progress.nodes, &lp, &blob):
                return True
            put_node(out, lp, blob)
            quicklist_view_step(progress.nodes)
        return False
    walk_begin(&walk, ql, progress.at, False)
    while more and out.length < until:
        put_node(out, walk.lp, walk.blob)
        progress.at += 1 if walk.lp == NULL else listpack_length(walk.lp)
        more = walk_next_node(&walk)
    walk_end(&walk)
    return not more


cdef bint list_guard(Progress* progress) noexcept nogil:
    progress.nodes = quicklist_view(<const Quicklist*>progress.value, progress.at, &progress.base)
    return progress.nodes != NULL and progress_leave_entry(progress)
