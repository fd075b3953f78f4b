"""How far the writing of one value has come; see progress.pxd."""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from redpoll.engine.entry cimport (
    ENC_LISTPACK, Entry, entry_encoding, entry_expiry, entry_key, entry_key_length, entry_type, entry_value,
)
from redpoll.engine.id_view cimport id_view_free
from redpoll.engine.quicklist_view cimport quicklist_view_free
from redpoll.engine.table cimport table_walk_end
from redpoll.formats.spliced cimport spliced_free


cdef void progress_begin(Progress* progress, const Entry* e) noexcept nogil:
    memset(progress, 0, sizeof(Progress))
    progress.entry = e
    progress.type = entry_type(e)
    progress.encoding = entry_encoding(e)
    progress.value = entry_value(e) if progress.encoding >= ENC_LISTPACK else NULL
    progress.key = entry_key(e)
    progress.key_length = entry_key_length(e)
    progress.expiry = entry_expiry(e)


cdef bint progress_leave_entry(Progress* progress) noexcept nogil:
    progress.own_key = <char*>malloc(progress.key_length + 1)
    if progress.own_key == NULL:
        return False
    memcpy(progress.own_key, progress.key, progress.key_length)
    progress.key = progress.own_key
    progress.entry = NULL
    return True


cdef bint progress_set_bound(Progress* progress, const char* text, size_t length, double score) noexcept nogil:
    cdef char* kept = <char*>malloc(length + 1)
    if kept == NULL:
        return False
    memcpy(kept, text, length)
    progress.bound = kept
    progress.bound_length = length
    progress.bound_score = score
    return True


cdef void progress_end(Progress* progress) noexcept nogil:
    table_walk_end(&progress.walk)
    free(progress.own_key)
    free(<void*>progress.bound)
    if progress.nodes != NULL:
        quicklist_view_free(progress.nodes)
    if progress.items != NULL:
        id_view_free(progress.items)
    if progress.rest != NULL:
        spliced_free(progress.rest)
    if progress.behind != NULL:
        spliced_free(progress.behind)
    memset(progress, 0, sizeof(Progress))
