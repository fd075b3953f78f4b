"""How far the writing of one value has come; the families' files and rebuild.pyx share it.

A value that is written in pieces must not change meanwhile, until its progress is guarded: from then on it may change
as it likes, be renamed and be freed, and what is written is what it was. How, the families tell:

    hash, set      the walk through the table shows entries before they change
    sorted set     the same, though it was walked by rank until then: `bound` is how far that had come
    list           a view of the nodes
    stream, array  a view of the nodes or slices; what follows the nodes of a stream is told at once, but for what is
                   pending in its groups (formats/spliced)
"""

from libc.stdint cimport int64_t, uint64_t

from redpoll.engine.entry cimport Entry
from redpoll.engine.id_view cimport IdView
from redpoll.engine.quicklist_view cimport QuicklistView
from redpoll.engine.table cimport TableWalk
from redpoll.formats.rdb_output cimport Output
from redpoll.formats.spliced cimport Spliced

cdef enum:
    PROGRESS_WORDS = 8

cdef struct Progress:
    const Entry* entry           # NULL once it is guarded
    int type
    int encoding
    void* value
    const char* key
    size_t key_length
    int64_t expiry               # -1: never
    uint64_t at                  # the next part, by the family's own counting
    uint64_t left                # parts that are still to come
    uint64_t base
    uint64_t cursor[PROGRESS_WORDS]
    Output* out                  # where what the walk shows goes
    TableWalk walk
    # Guarded:
    char* own_key
    const char* bound            # a member and its score; NULL: nothing was written yet
    size_t bound_length
    double bound_score
    QuicklistView* nodes
    IdView* items
    Spliced* rest                # of a stream: what follows its nodes; as commands: what comes before its entries
    Spliced* behind              # of a stream as commands: what follows its entries

cdef void progress_begin(Progress* progress, const Entry* e) noexcept nogil
# For the families: the value is guarded, and the entry is not looked at any more. False: there is no memory for it.
cdef bint progress_leave_entry(Progress* progress) noexcept nogil
cdef bint progress_set_bound(Progress* progress, const char* text, size_t length, double score) noexcept nogil
# Done, or given up. A value that changed must not be gone on with otherwise.
cdef void progress_end(Progress* progress) noexcept nogil
