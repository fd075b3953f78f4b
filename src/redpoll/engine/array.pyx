"""Arrays, slice by slice; their structure opens array.pxd."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from cpython.bytes cimport PyBytes_FromStringAndSize

from redpoll.engine.array_slice cimport (
    Limits, Slice, slice_at_or_after, slice_bytes, slice_clear, slice_copy, slice_free, slice_get, slice_high,
    slice_low, slice_new, slice_offsets, slice_put, slice_settle, slice_words,
)
from redpoll.engine.array_word cimport (
    WORD_SCRATCH, Word, word_copy, word_free, word_text,
)
from redpoll.engine.entry cimport ENC_ARRAY
from redpoll.engine.id_tree cimport (
    Place, StreamId, place_back, place_forward, place_id, place_set, place_value, tree_at_or_after, tree_at_or_before,
    tree_drop_last_leaf, tree_first, tree_init, tree_insert, tree_last, tree_remove,
)
from redpoll.engine.id_view cimport item_changes
from redpoll.engine.memory cimport KIND_COLLECTION, allocate, block_size, release
from redpoll.engine.value cimport ValueOperations, value_free, value_register

cdef enum:
    CLEARED_AT_ONCE = 64     # values of a slice that goes as a whole; one of more is freed by and by


cdef inline StreamId number_of(uint64_t slice_number) noexcept nogil:
    """The trees are made for IDs of two parts."""
    cdef StreamId id
    id.ms = slice_number
    id.seq = 0
    return id


cdef inline uint32_t offset_of(const Array* array, uint64_t index) noexcept nogil:
    return <uint32_t>(index & ((<uint64_t>1 << array.slice_bits) - 1))


cdef inline uint32_t slice_size(const Array* array) noexcept nogil:
    return <uint32_t>1 << array.slice_bits


cdef inline Slice* slice_of(const Place* place) noexcept nogil:
    return <Slice*>place_value(place)


cdef inline Place find_slice(const Array* array, uint64_t number) noexcept nogil:
    """The place of a slice; its leaf is NULL when there is none."""
    cdef Place place = tree_last(&array.slices)
    cdef uint64_t last
    if place.leaf == NULL:
        return place
    last = place_id(&place).ms
    if last == number:
        return place
    if last > number:
        place = tree_at_or_after(&array.slices, number_of(number))
        if place_id(&place).ms == number:
            return place
    place.leaf = NULL
    return place


cdef Array* array_new(uint32_t slice_size) noexcept nogil:
    cdef Array* array = <Array*>allocate(sizeof(Array), KIND_COLLECTION)
    tree_init(&array.slices, False)
    array.count = 0
    array.inserted = NO_INDEX
    array.bytes = 0
    array.slice_bits = 0
    while (<uint64_t>2 << array.slice_bits) <= slice_size:
        array.slice_bits += 1
    return array


cdef uint64_t array_length(const Array* array) noexcept nogil:
    cdef Place place = tree_last(&array.slices)
    return (place_id(&place).ms << array.slice_bits) + slice_high(slice_of(&place)) + 1


cdef Word array_get(const Array* array, uint64_t index) noexcept nogil:
    cdef Place place = find_slice(array, index >> array.slice_bits)
    if place.leaf == NULL:
        return 0
    return slice_get(slice_of(&place), offset_of(array, index))


cdef inline size_t whole_bytes(const Slice* s) noexcept nogil:
    return block_size(slice_bytes(s)) + s.hanging


cdef bint array_set(Array* array, uint64_t index, Word word, const Limits* limits) noexcept nogil:
    cdef uint64_t number = index >> array.slice_bits
    cdef uint32_t offset = offset_of(array, index)
    cdef Place place = find_slice(array, number)
    cdef Slice* s
    cdef Slice* now
    cdef Word former = 0
    if place.leaf == NULL:
        now = slice_new(offset, word, slice_size(array), limits)
        tree_insert(&array.slices, number_of(number), now)
    else:
        s = slice_of(&place)
        item_changes(number_of(number), s)
        array.bytes -= whole_bytes(s)
        now = slice_put(s, offset, word, slice_size(array), limits, &former)
        if now != s:
            place_set(&place, now)
    array.bytes += whole_bytes(now)
    if former:
        word_free(former)
        return False
    array.count += 1
    return True


# Removal

cdef void discard(Array* array, Array** discarded, const Place* place) noexcept nogil:
    """Move a slice with all its values to another array, which is freed by and by."""
    cdef Slice* s = slice_of(place)
    cdef StreamId number = place_id(place)
    array.bytes -= whole_bytes(s)
    if discarded[0] == NULL:
        discarded[0] = array_new(slice_size(array))
    tree_remove(&array.slices, number)
    tree_insert(&discarded[0].slices, number, s)
    discarded[0].count += s.count


cdef uint32_t clear(Array* array, const Place* place, uint32_t low, uint32_t high,
                    const Limits* limits) noexcept nogil:
    """Remove values of a slice, which may be gone then, or have another form; how many."""
    cdef Slice* s = slice_of(place)
    cdef Slice* now
    cdef size_t before = whole_bytes(s)
    cdef uint32_t gone
    item_changes(place_id(place), s)
    gone = slice_clear(s, low, high)
    if not gone:
        return 0
    array.bytes -= before
    if s.count == 0:
        tree_remove(&array.slices, place_id(place))
        slice_free(s)
        return gone
    now = slice_settle(s, slice_size(array), limits)
    if now != s:
        place_set(place, now)
    array.bytes += whole_bytes(now)
    return gone


cdef uint64_t array_delete(Array* array, uint64_t low, uint64_t high, const Limits* limits) noexcept nogil:
    cdef Array* discarded = NULL
    cdef Place place
    cdef Slice* s
    cdef uint64_t number, base, gone = 0
    cdef uint64_t last = high >> array.slice_bits
    cdef uint32_t start, stop
    number = low >> array.slice_bits
    while True:
        place = tree_at_or_after(&array.slices, number_of(number))
        if place.leaf == NULL or place_id(&place).ms > last:
            break
        number = place_id(&place).ms
        base = number << array.slice_bits
        s = slice_of(&place)
        start = <uint32_t>(low - base) if low > base else 0
        stop = <uint32_t>(high - base) if number == last else slice_size(array) - 1
        if start <= slice_low(s) and slice_high(s) <= stop and s.count > CLEARED_AT_ONCE:
            gone += s.count
            discard(array, &discarded, &place)
        else:
            gone += clear(array, &place, start, stop, limits)
        if number == last:
            break
        number += 1
    array.count -= gone
    if discarded != NULL:
        value_free(ENC_ARRAY, discarded)
    return gone


# The ring

cdef uint64_t array_next(const Array* array) noexcept nogil:
    """NO_INDEX itself is what comes behind the last index."""
    if array.inserted == NO_INDEX:
        return 0
    return array.inserted + 1


cdef Array* array_ring_resized(const Array* array, uint64_t keep, const Limits* limits) noexcept nogil:
    cdef uint64_t span = array_length(array)
    cdef uint64_t at = span - 1 if array.inserted == NO_INDEX else array.inserted % span
    cdef uint64_t kept = 0
    cdef uint64_t i
    cdef Array* fresh = array_new(slice_size(array))
    while kept < keep and array_get(array, at):
        kept += 1
        at = at - 1 if at else span - 1
    for i in range(kept):
        at = at + 1 if at + 1 < span else 0
        array_set(fresh, i, word_copy(array_get(array, at)), limits)
    if kept:
        fresh.inserted = kept - 1
    return fresh


# Looking at all of it

cdef Shape array_shape(const Array* array) noexcept nogil:
    cdef Shape shape
    cdef Place place = tree_first(&array.slices)
    cdef const Slice* s
    shape.dense = shape.dense_room = shape.dense_count = shape.sparse = shape.sparse_room = 0
    while place.leaf != NULL:
        s = slice_of(&place)
        if s.dense:
            shape.dense += 1
            shape.dense_room += s.room
            shape.dense_count += s.count
        else:
            shape.sparse += 1
            shape.sparse_room += s.room
        place_forward(&place)
    return shape


cdef void enter(ArrayWalk* walk) noexcept nogil:
    """The slots of the walk's slice that are in its range; `at` is beyond `end` when there is none."""
    cdef const Array* array = walk.array
    cdef const Slice* s = slice_of(&walk.place)
    cdef uint64_t number = place_id(&walk.place).ms
    cdef uint64_t base = number << array.slice_bits
    cdef uint32_t low = <uint32_t>(walk.low - base) if walk.low > base else 0
    cdef uint32_t high = slice_size(array) - 1
    cdef int64_t start, stop
    if number == walk.high >> array.slice_bits:
        high = <uint32_t>(walk.high - base)
    if s.dense:
        start = <int64_t>(low if low > s.low else s.low) - s.first
        stop = <int64_t>(high if high < s.high else s.high) - s.first
    else:
        start = slice_at_or_after(s, low)
        stop = <int64_t>slice_at_or_after(s, high + 1) - 1
    walk.at = stop if walk.back else start
    walk.end = start if walk.back else stop


cdef void array_walk(ArrayWalk* walk, const Array* array, uint64_t low, uint64_t high, bint back) noexcept nogil:
    cdef uint64_t first = low >> array.slice_bits
    cdef uint64_t last = high >> array.slice_bits
    walk.array = array
    walk.low = low
    walk.high = high
    walk.back = back
    if back:
        walk.place = tree_at_or_before(&array.slices, number_of(last))
    else:
        walk.place = tree_at_or_after(&array.slices, number_of(first))
    if walk.place.leaf != NULL and first <= place_id(&walk.place).ms <= last:
        enter(walk)
    else:
        walk.place.leaf = NULL


cdef bint array_walk_next(ArrayWalk* walk, uint64_t* index, Word* word) noexcept nogil:
    cdef const Slice* s
    cdef int64_t at
    while walk.place.leaf != NULL:
        s = slice_of(&walk.place)
        while walk.at >= walk.end if walk.back else walk.at <= walk.end:
            at = walk.at
            walk.at = at - 1 if walk.back else at + 1
            word[0] = slice_words(s)[at]
            if word[0]:
                index[0] = ((place_id(&walk.place).ms << walk.array.slice_bits)
                            + (<uint64_t>(s.first + at) if s.dense else slice_offsets(s)[at]))
                return True
        if walk.back:
            place_back(&walk.place)
            if walk.place.leaf == NULL or place_id(&walk.place).ms < walk.low >> walk.array.slice_bits:
                break
        else:
            place_forward(&walk.place)
            if walk.place.leaf == NULL or place_id(&walk.place).ms > walk.high >> walk.array.slice_bits:
                break
        enter(walk)
    walk.place.leaf = NULL
    return False


# What engine/value wants to know of all values

cdef size_t values_of(const void* value) noexcept nogil:
    return (<const Array*>value).count


cdef size_t memory_of(const void* value, size_t samples) noexcept nogil:
    # All is counted as it comes and goes, so samples are not needed.
    cdef const Array* array = <const Array*>value
    return block_size(sizeof(Array)) + array.slices.bytes + array.bytes


cdef void* copy_of(const void* value) noexcept nogil:
    cdef const Array* array = <const Array*>value
    cdef Array* copy = array_new(slice_size(array))
    cdef Place place = tree_first(&array.slices)
    while place.leaf != NULL:
        tree_insert(&copy.slices, place_id(&place), slice_copy(slice_of(&place)))
        place_forward(&place)
    copy.count = array.count
    copy.inserted = array.inserted
    copy.bytes = array.bytes
    return copy


cdef uint32_t free_some_words(Slice* s, size_t most) noexcept nogil:
    """Free up to `most` values off the end of a slice that nobody reads any more; how many."""
    cdef Word* words = slice_words(s)
    cdef uint32_t gone = 0
    cdef uint32_t slot
    if not s.hanging:
        gone = s.count if s.count < most else <uint32_t>most
        s.count = 0
        return gone
    while s.count and gone < most:
        s.count -= 1
        gone += 1
        if not s.dense:
            word_free(words[s.count])
            continue
        while not words[s.high - s.first]:
            s.high -= 1
        slot = s.high - s.first
        word_free(words[slot])
        words[slot] = 0
    return gone


cdef void slice_drop(void* item) noexcept nogil:
    free_some_words(<Slice*>item, <size_t>-1)
    slice_free(<Slice*>item)


cdef bint free_some(void* value, size_t most) noexcept nogil:
    cdef Array* array = <Array*>value
    cdef size_t freed = 0
    cdef Place place
    cdef Slice* s
    while array.slices.root != NULL and freed < most:
        place = tree_last(&array.slices)
        s = slice_of(&place)
        item_changes(place_id(&place), s)
        freed += free_some_words(s, most - freed)
        if s.count:
            return False
        slice_free(s)
        place.leaf.used -= 1
        if place.leaf.used == 0:
            tree_drop_last_leaf(&array.slices)
    if array.slices.root != NULL:
        return False
    release(array, sizeof(Array), KIND_COLLECTION)
    return True


cdef void array_free(Array* array) noexcept nogil:
    free_some(array, <size_t>-1)


cdef object contents_of(const void* value):
    """Indices and values in turn."""
    cdef ArrayWalk walk
    cdef uint64_t index
    cdef Word word
    cdef char scratch[WORD_SCRATCH]
    cdef const char* text
    cdef size_t length
    cdef list found = []
    array_walk(&walk, <const Array*>value, 0, NO_INDEX - 1, False)
    while array_walk_next(&walk, &index, &word):
        text = word_text(word, scratch, &length)
        found.append(index)
        found.append(PyBytes_FromStringAndSize(text, length))
    return found


cdef ValueOperations operations
operations.length = values_of
operations.memory = memory_of
operations.copy = copy_of
operations.free_some = free_some
operations.contents = contents_of
value_register(ENC_ARRAY, &operations)
