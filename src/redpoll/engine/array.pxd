"""Arrays: values by index, from 0 to 2^64 - 2, most of which may be missing.

The indices are cut into slices of `1 << slice_bits`; those that hold something hang in a B+ tree by their number. So
what a value costs depends on its neighbours: eight bytes in a full slice, at worst (nothing else within thousands of
indices) about eighty.

An array remembers where ARINSERT and ARRING wrote last, whatever else is written or deleted.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from redpoll.engine.array_slice cimport Limits, Slice
from redpoll.engine.array_word cimport Word
from redpoll.engine.id_tree cimport IdTree, Place

cdef extern from "<stdint.h>" nogil:
    const uint64_t NO_INDEX "UINT64_MAX"     # no index; nothing was inserted yet

cdef struct Array:
    IdTree slices            # by their number
    uint64_t count           # of values
    uint64_t inserted        # the index of the last insertion, or NO_INDEX
    size_t bytes             # of slices, what hangs off their words included
    uint32_t slice_bits

# What ARINFO tells of slices.
cdef struct Shape:
    uint64_t dense
    uint64_t dense_room
    uint64_t dense_count
    uint64_t sparse
    uint64_t sparse_room

# A walk over the values of a range, up or down; the array must not change meanwhile.
cdef struct ArrayWalk:
    const Array* array
    uint64_t low
    uint64_t high
    bint back
    Place place              # of the slice that the next value is in
    int64_t at               # its slot there, and the last slot of the range in that slice
    int64_t end

cdef Array* array_new(uint32_t slice_size) noexcept nogil
# Frees it with all that is in it, at once.
cdef void array_free(Array* array) noexcept nogil
# The highest index with a value, plus one; there must be a value.
cdef uint64_t array_length(const Array* array) noexcept nogil
cdef Word array_get(const Array* array, uint64_t index) noexcept nogil
# Sets a value, which the array owns then; whether there was none before.
cdef bint array_set(Array* array, uint64_t index, Word word, const Limits* limits) noexcept nogil
# Removes all values of a range, both ends included; how many there were. What is much goes to `value_free`.
cdef uint64_t array_delete(Array* array, uint64_t low, uint64_t high, const Limits* limits) noexcept nogil
# Where the next insertion goes; NO_INDEX: there is no further index.
cdef uint64_t array_next(const Array* array) noexcept nogil
# A new array of the last `keep` values of a ring, up to the first gap, at the indices from 0 on.
cdef Array* array_ring_resized(const Array* array, uint64_t keep, const Limits* limits) noexcept nogil
cdef Shape array_shape(const Array* array) noexcept nogil
cdef void array_walk(ArrayWalk* walk, const Array* array, uint64_t low, uint64_t high, bint back) noexcept nogil
cdef bint array_walk_next(ArrayWalk* walk, uint64_t* index, Word* word) noexcept nogil
# Frees a slice with all that is in it, as an item of a view.
cdef void slice_drop(void* item) noexcept nogil
