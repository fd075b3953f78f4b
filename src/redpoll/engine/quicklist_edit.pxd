"""Changing quicklists in the middle."""

from libc.stdint cimport uint64_t

from redpoll.engine.quicklist cimport Quicklist

cdef void quicklist_set(Quicklist* ql, uint64_t index, const char* text, size_t length) noexcept nogil
# Puts an element before the one at an index, which may be the length.
cdef void quicklist_insert(Quicklist* ql, uint64_t index, const char* text, size_t length) noexcept nogil
# Removes elements that are this text, `most` at the most, from the front or from the back on; how many.
cdef uint64_t quicklist_remove_equal(Quicklist* ql, const char* text, size_t length, uint64_t most,
                                     bint front) noexcept nogil
