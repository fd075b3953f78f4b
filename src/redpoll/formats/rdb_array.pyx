"""Arrays in RDB.

    28    count of values; 0, or 1 and the index of the last insertion; then for each value

              its index, as a length
              0, as a length, and a string             a long text
              1, and 8 bytes little endian             an integer
              2, and 8 bytes little endian             a double, for a text that it prints as; `.0` behind it where
                                                       the double alone would look like an integer
              3, and a string                          a short text

Indices go up. Doubles are read, but not written: a text goes out as what it is.

The layout is told by programs that read Redis's files (Redis itself documents none); no file that Redis wrote was at
hand to hold it against.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memchr, memcpy

from redpoll.engine.array cimport (
    NO_INDEX, Array, ArrayWalk, array_free, array_new, array_set, array_walk, array_walk_next, slice_drop,
)
from redpoll.engine.array_slice cimport Limits, Slice, slice_copy, slice_next
from redpoll.engine.array_word cimport (
    LONG_WORD, WORD_INTEGER, WORD_SCRATCH, WORD_SHORT, WORD_TAG, Word, word_integer, word_of, word_of_blob,
    word_of_integer, word_text,
)
from redpoll.engine.blob cimport Blob
from redpoll.engine.entry cimport ENC_ARRAY, TYPE_ARRAY
from redpoll.engine.id_tree cimport StreamId
from redpoll.engine.id_view cimport SeenItem, id_view, id_view_item, id_view_step
from redpoll.engine.numbers cimport DOUBLE_TEXT_SIZE, format_double
from redpoll.formats.progress cimport Progress, progress_leave_entry
from redpoll.formats.rdb cimport RDB_VERSION_GIVEN_BACK
from redpoll.formats.rdb_input cimport (
    Source, Text, source_count, source_fail, source_fixed64, source_length, source_value,
)
from redpoll.formats.rdb_output cimport Output, needs_version, put_block, put_fixed64, put_length
from redpoll.formats.reading cimport READ_EMPTY, READ_FAILED, READ_WHOLE, Reader, ReadResult, Value

cdef enum:
    LONG_TEXT = 0
    INTEGER = 1
    DOUBLE = 2
    SHORT_TEXT = 3
    VALUE_LEAST = 3          # bytes: index, kind, and an empty string

cdef const char* BAD_CURSOR = b"an array's last insertion is neither there nor missing"
cdef const char* BAD_INDEX = b"an array's index that cannot be"
cdef const char* BAD_KIND = b"an array's value of an unknown kind"
cdef const char* BAD_DOUBLE = b"an array's number that is not finite"


cdef bint read_index(Source* source, uint64_t* index) noexcept nogil:
    if not source_length(source, index):
        return False
    return True if index[0] != NO_INDEX else source_fail(source, BAD_INDEX)


cdef bint read_double(Source* source, Word* word) noexcept nogil:
    cdef char text[DOUBLE_TEXT_SIZE + 2]
    cdef uint64_t bits
    cdef double value
    cdef size_t length
    if not source_fixed64(source, &bits):
        return False
    memcpy(&value, &bits, sizeof(value))
    if value - value != 0:
        return source_fail(source, BAD_DOUBLE)
    length = format_double(text, value)
    if memchr(text, c".", length) == NULL and memchr(text, c"e", length) == NULL:
        text[length] = c"."
        text[length + 1] = c"0"
        length += 2
    word[0] = word_of(text, length)
    return True


cdef bint read_word(Source* source, Word* word) noexcept nogil:
    cdef uint64_t kind, bits
    cdef Text text
    cdef Blob* blob
    if not source_length(source, &kind):
        return False
    if kind == INTEGER:
        if not source_fixed64(source, &bits):
            return False
        word[0] = word_of_integer(<int64_t>bits)
        return True
    if kind == DOUBLE:
        return read_double(source, word)
    if kind != LONG_TEXT and kind != SHORT_TEXT:
        return source_fail(source, BAD_KIND)
    if not source_value(source, &text, &blob, LONG_WORD):
        return False
    word[0] = word_of_blob(blob) if blob != NULL else word_of(text.text, text.length)
    return True


cdef bint read_values(Reader* reader, Array* array, uint64_t count) noexcept nogil:
    cdef Source* source = reader.source
    cdef Limits limits
    cdef uint64_t index, _i
    cdef uint64_t least = 0
    cdef Word word
    limits.sparse_most = reader.limits.array_sparse
    limits.dense_least = reader.limits.array_dense
    for _i in range(count):
        if not read_index(source, &index):
            return False
        if index < least:
            return source_fail(source, BAD_INDEX)
        if not read_word(source, &word):
            return False
        array_set(array, index, word, &limits)
        least = index + 1
    return True


cdef ReadResult read_array(Reader* reader, Value* value) noexcept nogil:
    cdef Source* source = reader.source
    cdef uint64_t count, inserted
    cdef Array* array
    if not source_count(source, &count, VALUE_LEAST) or not source_length(source, &inserted):
        return READ_FAILED
    if inserted > 1:
        source_fail(source, BAD_CURSOR)
        return READ_FAILED
    array = array_new(reader.limits.array_slice)
    if inserted and not read_index(source, &array.inserted):
        array_free(array)
        return READ_FAILED
    if not read_values(reader, array, count):
        array_free(array)
        return READ_FAILED
    if not count:
        array_free(array)
        return READ_EMPTY
    value.type = TYPE_ARRAY
    value.encoding = ENC_ARRAY
    value.pointer = array
    return READ_WHOLE


cdef bint array_begin(Output* out, Progress* progress) noexcept nogil:
    cdef const Array* array = <const Array*>progress.value
    needs_version(out, RDB_VERSION_GIVEN_BACK)
    put_length(out, array.count)
    if array.inserted == NO_INDEX:
        put_length(out, 0)
    else:
        put_length(out, 1)
        put_length(out, array.inserted)
    progress.left = array.count
    return False


cdef void put_word(Output* out, Word word) noexcept nogil:
    cdef char scratch[WORD_SCRATCH]
    cdef const char* text
    cdef size_t length
    if word & WORD_TAG == WORD_INTEGER:
        put_length(out, INTEGER)
        put_fixed64(out, <uint64_t>word_integer(word))
        return
    text = word_text(word, scratch, &length)
    put_length(out, SHORT_TEXT if word & WORD_TAG == WORD_SHORT else LONG_TEXT)
    put_block(out, text, length)


cdef bint array_more(Output* out, Progress* progress, size_t until) noexcept nogil:
    """`progress.at` is the least index that is still to come."""
    cdef const Array* array = <const Array*>progress.value
    cdef ArrayWalk walk
    cdef uint64_t index
    cdef Word word
    if progress.items != NULL:
        while out.length < until:
            if not array_guarded_next(progress, &index, &word):
                return True
            put_length(out, index)
            put_word(out, word)
        return False
    array_walk(&walk, array, progress.at, NO_INDEX - 1, False)
    while progress.left and out.length < until and array_walk_next(&walk, &index, &word):
        put_length(out, index)
        put_word(out, word)
        progress.at = index + 1
        progress.left -= 1
    return progress.left == 0


cdef void* slice_kept(const void* item) noexcept nogil:
    return slice_copy(<const Slice*>item)


cdef bint array_guard(Progress* progress) noexcept nogil:
    """`progress.base`: bits of an index that are within a slice; `progress.cursor[0]`: the next slot of the slice."""
    cdef const Array* array = <const Array*>progress.value
    cdef StreamId first
    progress.base = array.slice_bits
    first.ms = progress.at >> array.slice_bits
    first.seq = 0
    progress.items = id_view(&array.slices, first, slice_kept, slice_drop)
    return progress.items != NULL and progress_leave_entry(progress)


cdef bint array_guarded_next(Progress* progress, uint64_t* index, Word* word) noexcept nogil:
    cdef const SeenItem* seen = id_view_item(progress.items)
    cdef uint64_t base
    while seen != NULL:
        base = seen.id.ms << progress.base
        # A slice may be copied meanwhile, but copies have the same slots.
        while slice_next(<const Slice*>seen.item, &progress.cursor[0], index, word):
            index[0] += base
            if index[0] >= progress.at:
                return True
        progress.cursor[0] = 0
        id_view_step(progress.items)
        seen = id_view_item(progress.items)
    return False
