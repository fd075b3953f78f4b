"""The nodes of a quicklist as they are at one moment, to be read while the list goes on changing; for snapshots.

The two ends are copied when the view begins. What is between is seen as it lies in the list, until it changes.
"""

from libc.stdint cimport uint8_t, uint64_t

from redpoll.engine.blob cimport Blob
from redpoll.engine.counted_tree cimport TreeView
from redpoll.engine.quicklist cimport Quicklist
from redpoll.engine.quicklist_nodes cimport End

cdef struct QuicklistView:
    End head                 # no block: passed, or not in it
    TreeView inner
    End tail
    uint8_t* scratch         # a listpack that was decompressed

# From the node on that an index falls into; how far is set to `into`. NULL: there is no memory for it.
cdef QuicklistView* quicklist_view(const Quicklist* ql, uint64_t index, uint64_t* into) noexcept nogil
# The next node, a listpack or a blob, good until the list changes; False: there is none.
cdef bint quicklist_view_node(QuicklistView* view, const uint8_t** lp, const Blob** blob) noexcept nogil
cdef void quicklist_view_step(QuicklistView* view) noexcept nogil
cdef void quicklist_view_free(QuicklistView* view) noexcept nogil
