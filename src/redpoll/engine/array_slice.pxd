"""A slice of an array: the values of a stretch of indices, whose number is a power of two.

    hanging        8              bytes of what hangs off the words
    count, room    4 + 4          values that there are; slots
    dense          4              which of the two forms it has
    first          4              dense: the offset of the first slot
    low, high      4 + 4          dense: the offsets of the first and the last value
    words          8 a slot       sparse: of the values, by offset; dense: of a window of offsets, zero where none is
    offsets        4 a slot       sparse only

A slice of many values is dense, one of few is sparse, as `Limits` say. The slots beyond the values of a sparse slice
hold nothing in particular.
"""

from libc.stdint cimport uint32_t, uint64_t

from redpoll.engine.array_word cimport Word

cdef enum:
    SLICE_HEADER = 32

cdef struct Limits:
    uint32_t sparse_most     # with more values a slice becomes dense; 0: all are
    uint32_t dense_least     # with fewer a slice becomes sparse again, if that is smaller; 0: never

cdef struct Slice:
    uint64_t hanging
    uint32_t count
    uint32_t room
    uint32_t dense
    uint32_t first
    uint32_t low
    uint32_t high

cdef inline Word* slice_words(const Slice* s) noexcept nogil:
    return <Word*>(<char*>s + SLICE_HEADER)

cdef inline uint32_t* slice_offsets(const Slice* s) noexcept nogil:
    """Of a sparse slice."""
    return <uint32_t*>(<char*>s + SLICE_HEADER + s.room * sizeof(Word))

cdef inline size_t slice_bytes(const Slice* s) noexcept nogil:
    return SLICE_HEADER + s.room * (sizeof(Word) if s.dense else sizeof(Word) + sizeof(uint32_t))

cdef inline uint32_t slice_at_or_after(const Slice* s, uint32_t offset) noexcept nogil:
    """How many offsets of a sparse slice are less."""
    cdef const uint32_t* offsets = slice_offsets(s)
    cdef uint32_t low = 0
    cdef uint32_t high = s.count
    cdef uint32_t middle
    while low < high:
        middle = (low + high) >> 1
        if offsets[middle] < offset:
            low = middle + 1
        else:
            high = middle
    return low

cdef inline uint32_t slice_low(const Slice* s) noexcept nogil:
    return s.low if s.dense else slice_offsets(s)[0]

cdef inline uint32_t slice_high(const Slice* s) noexcept nogil:
    return s.high if s.dense else slice_offsets(s)[s.count - 1]

cdef inline Word slice_get(const Slice* s, uint32_t offset) noexcept nogil:
    """The value at an offset, or 0."""
    cdef uint32_t at
    if s.dense:
        # What lies before the window is far behind it, as the difference wraps around.
        at = offset - s.first
        return slice_words(s)[at] if at < s.room else 0
    at = slice_at_or_after(s, offset)
    return slice_words(s)[at] if at < s.count and slice_offsets(s)[at] == offset else 0

cdef inline bint slice_next(const Slice* s, uint64_t* slot, uint64_t* offset, Word* word) noexcept nogil:
    """The next value from a slot on, which moves behind it; False: there is none."""
    cdef uint64_t slots = s.room if s.dense else s.count
    while slot[0] < slots:
        word[0] = slice_words(s)[slot[0]]
        offset[0] = s.first + slot[0] if s.dense else slice_offsets(s)[slot[0]]
        slot[0] += 1
        if word[0]:
            return True
    return False

# A slice of one value.
cdef Slice* slice_new(uint32_t offset, Word word, uint32_t size, const Limits* limits) noexcept nogil
# Sets a value; the one before is in `former`, or 0, and the caller's to free. The slice may move. `size`: of how many
# indices it is.
cdef Slice* slice_put(Slice* s, uint32_t offset, Word word, uint32_t size, const Limits* limits,
                      Word* former) noexcept nogil
# Frees the values of offsets from `low` to `high`; how many there were.
cdef uint32_t slice_clear(Slice* s, uint32_t low, uint32_t high) noexcept nogil
# The form and size that suit it after a removal; there must be a value. The slice may move.
cdef Slice* slice_settle(Slice* s, uint32_t size, const Limits* limits) noexcept nogil
# A copy with its values' own.
cdef Slice* slice_copy(const Slice* s) noexcept nogil
# Frees the slice, not what hangs off its values.
cdef void slice_free(Slice* s) noexcept nogil
