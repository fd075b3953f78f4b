"""Slices of arrays, sparse and dense; their layout opens array_slice.pxd."""

from libc.stdint cimport uint32_t
from libc.string cimport memcpy, memmove, memset

from redpoll.engine.array_word cimport Word, word_copy, word_free, word_memory
from redpoll.engine.memory cimport KIND_COLLECTION, allocate, release

cdef enum:
    WINDOW_LEAST = 8         # slots of a dense slice
    WINDOW_DOUBLES = 128     # up to here a window doubles, then it grows by a quarter
    LOOSE = 4                # a slice that has so many times the slots that it needs is made anew


cdef Slice* made(uint32_t room, bint dense) noexcept nogil:
    cdef size_t bytes = SLICE_HEADER + room * (sizeof(Word) if dense else sizeof(Word) + sizeof(uint32_t))
    cdef Slice* s = <Slice*>allocate(bytes, KIND_COLLECTION)
    memset(s, 0, SLICE_HEADER + (room * sizeof(Word) if dense else 0))
    s.room = room
    s.dense = dense
    return s


cdef void slice_free(Slice* s) noexcept nogil:
    release(s, slice_bytes(s), KIND_COLLECTION)


cdef uint32_t window(uint32_t span, uint32_t size) noexcept nogil:
    """Slots of a dense slice that has to reach over so many offsets."""
    cdef uint32_t room = WINDOW_LEAST
    if span > WINDOW_DOUBLES:
        room = span + (span >> 2)
    else:
        while room < span:
            room <<= 1
    return room if room < size else size


cdef Slice* dense_over(uint32_t low, uint32_t high, bint downwards, uint32_t size) noexcept nogil:
    """An empty dense slice whose window reaches over these offsets, with room to grow to one side."""
    cdef uint32_t room = window(high - low + 1, size)
    cdef Slice* s = made(room, True)
    if downwards:
        s.first = high + 1 - room if high + 1 > room else 0
    else:
        s.first = low if low + room <= size else size - room
    return s


cdef inline void dense_fill(Slice* s, uint32_t offset, Word word) noexcept nogil:
    """A value where none was, in the window."""
    slice_words(s)[offset - s.first] = word
    if s.count == 0:
        s.low = s.high = offset
    elif offset < s.low:
        s.low = offset
    elif offset > s.high:
        s.high = offset
    s.count += 1


cdef void pour(Slice* to, const Slice* source) noexcept nogil:
    """All values of a slice into an empty one that has room for them; the form may change."""
    cdef const Word* words = slice_words(source)
    cdef uint32_t i, at
    if source.dense and to.dense:
        memcpy(slice_words(to) + (source.low - to.first), words + (source.low - source.first),
               (source.high - source.low + 1) * sizeof(Word))
        to.low = source.low
        to.high = source.high
        to.count = source.count
    elif source.dense:
        at = 0
        for i in range(source.low - source.first, source.high - source.first + 1):
            if words[i]:
                slice_words(to)[at] = words[i]
                slice_offsets(to)[at] = source.first + i
                at += 1
        to.count = at
    elif to.dense:
        for i in range(source.count):
            dense_fill(to, slice_offsets(source)[i], words[i])
    else:
        memcpy(slice_words(to), words, source.count * sizeof(Word))
        memcpy(slice_offsets(to), slice_offsets(source), source.count * sizeof(uint32_t))
        to.count = source.count


cdef inline Slice* replaced(Slice* s, Slice* by) noexcept nogil:
    pour(by, s)
    by.hanging = s.hanging
    slice_free(s)
    return by


cdef Slice* slice_new(uint32_t offset, Word word, uint32_t size, const Limits* limits) noexcept nogil:
    cdef Slice* s
    if limits.sparse_most == 0:
        s = dense_over(offset, offset, False, size)
        dense_fill(s, offset, word)
    else:
        s = made(1, False)
        s.count = 1
        slice_words(s)[0] = word
        slice_offsets(s)[0] = offset
    s.hanging = word_memory(word)
    return s


cdef Slice* widened(Slice* s, uint32_t offset, uint32_t size) noexcept nogil:
    """The slice as a dense one whose window reaches over an offset too."""
    cdef uint32_t low = slice_low(s)
    cdef uint32_t high = slice_high(s)
    cdef bint downwards = offset < low
    return replaced(s, dense_over(offset if downwards else low, offset if offset > high else high, downwards, size))


cdef Slice* slice_put(Slice* s, uint32_t offset, Word word, uint32_t size, const Limits* limits,
                      Word* former) noexcept nogil:
    s.hanging += word_memory(word)
    s = put_dense(s, offset, word, size, former) if s.dense else put_sparse(s, offset, word, size, limits, former)
    s.hanging -= word_memory(former[0])
    return s


cdef Slice* put_sparse(Slice* s, uint32_t offset, Word word, uint32_t size, const Limits* limits,
                       Word* former) noexcept nogil:
    cdef uint32_t at = slice_at_or_after(s, offset)
    cdef uint32_t behind, room
    if at < s.count and slice_offsets(s)[at] == offset:
        former[0] = slice_words(s)[at]
        slice_words(s)[at] = word
        return s
    former[0] = 0
    if s.count >= limits.sparse_most:
        s = widened(s, offset, size)
        dense_fill(s, offset, word)
        return s
    if s.count == s.room:
        room = s.room + (s.room >> 1) + 1
        s = replaced(s, made(room if room < limits.sparse_most else limits.sparse_most, False))
    behind = s.count - at
    memmove(slice_words(s) + at + 1, slice_words(s) + at, behind * sizeof(Word))
    memmove(slice_offsets(s) + at + 1, slice_offsets(s) + at, behind * sizeof(uint32_t))
    slice_words(s)[at] = word
    slice_offsets(s)[at] = offset
    s.count += 1
    return s


cdef Slice* put_dense(Slice* s, uint32_t offset, Word word, uint32_t size, Word* former) noexcept nogil:
    former[0] = 0
    if offset - s.first >= s.room:
        s = widened(s, offset, size)
    else:
        former[0] = slice_words(s)[offset - s.first]
    if former[0]:
        slice_words(s)[offset - s.first] = word
    else:
        dense_fill(s, offset, word)
    return s


cdef inline void drop(Slice* s, Word word) noexcept nogil:
    s.hanging -= word_memory(word)
    word_free(word)


cdef uint32_t clear_dense(Slice* s, uint32_t low, uint32_t high) noexcept nogil:
    cdef Word* words = slice_words(s) - s.first
    cdef uint32_t gone = 0
    cdef uint32_t i
    if low < s.low:
        low = s.low
    if high > s.high:
        high = s.high
    if low > high:
        return 0
    for i in range(low, high + 1):
        if words[i]:
            drop(s, words[i])
            words[i] = 0
            gone += 1
    s.count -= gone
    if s.count:
        while not words[s.low]:
            s.low += 1
        while not words[s.high]:
            s.high -= 1
    return gone


cdef uint32_t slice_clear(Slice* s, uint32_t low, uint32_t high) noexcept nogil:
    cdef uint32_t start, stop, i
    if s.dense:
        return clear_dense(s, low, high)
    start = stop = slice_at_or_after(s, low)
    while stop < s.count and slice_offsets(s)[stop] <= high:
        stop += 1
    for i in range(start, stop):
        drop(s, slice_words(s)[i])
    memmove(slice_words(s) + start, slice_words(s) + stop, (s.count - stop) * sizeof(Word))
    memmove(slice_offsets(s) + start, slice_offsets(s) + stop, (s.count - stop) * sizeof(uint32_t))
    s.count -= stop - start
    return stop - start


cdef Slice* slice_settle(Slice* s, uint32_t size, const Limits* limits) noexcept nogil:
    cdef uint32_t span
    if not s.dense:
        if s.room >= LOOSE * s.count and s.room > LOOSE:
            return replaced(s, made(s.count, False))
        return s
    if s.count < limits.dense_least and s.count * (sizeof(Word) + sizeof(uint32_t)) < s.room * sizeof(Word):
        return replaced(s, made(s.count, False))
    span = s.high - s.low + 1
    if s.room > LOOSE * window(span, size):
        return replaced(s, dense_over(s.low, s.high, False, size))
    return s


cdef Slice* slice_copy(const Slice* s) noexcept nogil:
    cdef Slice* copy = made(s.room, s.dense)
    cdef Word* words = slice_words(copy)
    cdef uint32_t slots = s.room if s.dense else s.count
    cdef uint32_t i
    memcpy(copy, s, slice_bytes(s))
    if s.hanging:
        for i in range(slots):
            words[i] = word_copy(words[i])
    return copy
