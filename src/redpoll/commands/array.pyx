"""The common commands on arrays: setting, reading and removing values by index."""

from libc.stdint cimport uint64_t

from redpoll.commands.array_access cimport (
    RANGE_MOST, array_limits, array_made, array_removed_from, array_to_read, array_to_write, index_at, reply_range,
    reply_unsigned, reply_word, word_at,
)
from redpoll.commands.call cimport EVENT_ARRAY, Call, native
from redpoll.engine.array cimport (
    NO_INDEX, Array, Shape, array_delete, array_get, array_length, array_next, array_set, array_shape,
)
from redpoll.engine.array_slice cimport Limits
from redpoll.engine.array_word cimport Word
from redpoll.engine.entry cimport Entry
from redpoll.wire.reply cimport reply_array, reply_bulk, reply_double, reply_integer, reply_map, reply_null

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, FAST, READONLY, WRITE
from redpoll.errors import CommandError


# Setting

cdef int arset(Call call) except -1:
    cdef uint64_t index = index_at(call, 2)
    cdef uint64_t filled = 0
    cdef Entry** slot
    cdef Array* array
    cdef Limits limits = array_limits(call)
    cdef size_t i
    if call.argc - 3 > NO_INDEX - index:
        raise CommandError(errors.ARRAY_INDEX_OVERFLOW)
    array = array_to_write(call, &slot)
    if array == NULL:
        array = array_made(call)
    for i in range(3, call.argc):
        filled += array_set(array, index + (i - 3), word_at(call, i), &limits)
    reply_integer(call.out, filled)
    call.changed(EVENT_ARRAY, b"arset", 1)
    return 0

declare(
    "ARSET key index value [value ...]", native(arset),
    summary="Set the values at an index and those that follow it; make the array if there is none.", group="array",
    since="8.8.0", flags=WRITE | DENYOOM | FAST, complexity="O(N) where N is the number of values", keys="RW update",
)


cdef int armset(Call call) except -1:
    cdef uint64_t filled = 0
    cdef Entry** slot
    cdef Array* array
    cdef Limits limits = array_limits(call)
    cdef size_t i
    if call.argc & 1:
        raise CommandError(errors.wrong_arity("armset"))
    for i in range(2, call.argc, 2):
        index_at(call, i)
    array = array_to_write(call, &slot)
    if array == NULL:
        array = array_made(call)
    for i in range(2, call.argc, 2):
        filled += array_set(array, index_at(call, i), word_at(call, i + 1), &limits)
    reply_integer(call.out, filled)
    call.changed(EVENT_ARRAY, b"armset", 1)
    return 0

declare(
    "ARMSET key (index value)=data [index value ...]", native(armset),
    summary="Set values at several indices; make the array if there is none.", group="array", since="8.8.0",
    flags=WRITE | DENYOOM | FAST, complexity="O(N) where N is the number of pairs", keys="RW update",
)


# Reading

cdef int arget(Call call) except -1:
    cdef const Array* array = array_to_read(call)
    cdef uint64_t index = index_at(call, 2)
    cdef Word word = array_get(array, index) if array != NULL else 0
    if word:
        reply_word(call.out, word)
    else:
        reply_null(call.out)
    return 0

declare(
    "ARGET key index", native(arget), summary="Return the value at an index of an array.", group="array",
    since="8.8.0", flags=READONLY | FAST, complexity="O(1)",
)


cdef int armget(Call call) except -1:
    cdef const Array* array = array_to_read(call)
    cdef Word word
    cdef size_t i
    for i in range(2, call.argc):
        index_at(call, i)
    reply_array(call.out, call.argc - 2)
    for i in range(2, call.argc):
        word = array_get(array, index_at(call, i)) if array != NULL else 0
        if word:
            reply_word(call.out, word)
        else:
            reply_null(call.out)
    return 0

declare(
    "ARMGET key index [index ...]", native(armget), summary="Return the values at several indices of an array.",
    group="array", since="8.8.0", flags=READONLY | FAST, complexity="O(N) where N is the number of indices",
)


cdef int argetrange(Call call) except -1:
    cdef uint64_t start = index_at(call, 2)
    cdef uint64_t end = index_at(call, 3)
    cdef uint64_t low = min(start, end)
    cdef uint64_t high = max(start, end)
    cdef const Array* array
    cdef uint64_t _i
    if high - low >= RANGE_MOST:
        raise CommandError(errors.ARRAY_RANGE)
    array = array_to_read(call)
    reply_array(call.out, high - low + 1)
    if array != NULL:
        reply_range(call.out, array, low, high, start > end)
        return 0
    for _i in range(high - low + 1):
        reply_null(call.out)
    return 0

declare(
    "ARGETRANGE key start end", native(argetrange),
    summary="Return the values at all indices of a range, also of those that have none; backwards if it ends first.",
    group="array", since="8.8.0", flags=READONLY, complexity="O(N) where N is the length of the range",
)


cdef int arlen(Call call) except -1:
    cdef const Array* array = array_to_read(call)
    reply_unsigned(call.out, array_length(array) if array != NULL else 0)
    return 0

declare(
    "ARLEN key", native(arlen), summary="Return the highest index of an array that has a value, plus one.",
    group="array", since="8.8.0", flags=READONLY | FAST, complexity="O(1)",
)


cdef int arcount(Call call) except -1:
    cdef const Array* array = array_to_read(call)
    reply_unsigned(call.out, array.count if array != NULL else 0)
    return 0

declare(
    "ARCOUNT key", native(arcount), summary="Count the values of an array.", group="array", since="8.8.0",
    flags=READONLY | FAST, complexity="O(1)",
)


# Removing

cdef int ardel(Call call) except -1:
    cdef uint64_t index, gone = 0
    cdef Entry** slot
    cdef Array* array
    cdef Limits limits = array_limits(call)
    cdef size_t i
    for i in range(2, call.argc):
        index_at(call, i)
    array = array_to_write(call, &slot)
    if array != NULL:
        for i in range(2, call.argc):
            index = index_at(call, i)
            gone += array_delete(array, index, index, &limits)
    reply_integer(call.out, gone)
    if gone:
        array_removed_from(call, slot, b"ardel")
    return 0

declare(
    "ARDEL key index [index ...]", native(ardel),
    summary="Remove the values at some indices of an array; remove the array if it was the last one.", group="array",
    since="8.8.0", flags=WRITE | FAST, complexity="O(N) where N is the number of indices", keys="RW delete",
)


cdef int ardelrange(Call call) except -1:
    cdef uint64_t start, end, gone = 0
    cdef Entry** slot
    cdef Array* array
    cdef Limits limits = array_limits(call)
    cdef size_t i
    if call.argc & 1:
        raise CommandError(errors.wrong_arity("ardelrange"))
    for i in range(2, call.argc):
        index_at(call, i)
    array = array_to_write(call, &slot)
    if array != NULL:
        for i in range(2, call.argc, 2):
            start = index_at(call, i)
            end = index_at(call, i + 1)
            gone += array_delete(array, min(start, end), max(start, end), &limits)
    reply_integer(call.out, gone)
    if gone:
        array_removed_from(call, slot, b"ardelrange")
    return 0

declare(
    "ARDELRANGE key (start end)=range [start end ...]", native(ardelrange),
    summary="Remove the values in some ranges of indices; remove the array if none is left.", group="array",
    since="8.8.0", flags=WRITE, keys="RW delete",
    complexity="O(N) where N is the number of slices that the ranges touch, and of values in those they cut",
)


# What an array is made of

cdef int arinfo(Call call) except -1:
    cdef bint full = call.argc == 3
    cdef const Array* array
    cdef Shape shape
    if call.argc > 3 or (full and not call.word_is(2, b"FULL", 4)):
        raise CommandError(errors.SYNTAX)
    array = array_to_read(call)
    if array == NULL:
        raise CommandError(errors.NO_SUCH_KEY)
    reply_map(call.out, 12 if full else 7)
    fact(call, b"count", array.count)
    fact(call, b"len", array_length(array))
    # At the end of all indices there is no next one; that is told as 0.
    fact(call, b"next-insert-index", 0 if array_next(array) == NO_INDEX else array_next(array))
    fact(call, b"slices", array.slices.used)
    fact(call, b"directory-size", array.slices.used)
    fact(call, b"super-dir-entries", 0)
    fact(call, b"slice-size", <uint64_t>1 << array.slice_bits)
    if full:
        shape = array_shape(array)
        fact(call, b"dense-slices", shape.dense)
        fact(call, b"sparse-slices", shape.sparse)
        share(call, b"avg-dense-size", shape.dense_room, shape.dense)
        share(call, b"avg-dense-fill", shape.dense_count, shape.dense_room)
        share(call, b"avg-sparse-size", shape.sparse_room, shape.sparse)
    return 0


cdef void fact(Call call, bytes name, uint64_t value) noexcept:
    reply_bulk(call.out, name, len(name))
    reply_unsigned(call.out, value)


cdef void share(Call call, bytes name, uint64_t part, uint64_t whole) noexcept:
    reply_bulk(call.out, name, len(name))
    reply_double(call.out, <double>part / <double>whole if whole else 0.0)

declare(
    "ARINFO key [FULL]", native(arinfo), summary="Tell how large an array is and what it is made of.", group="array",
    since="8.8.0", flags=READONLY, complexity="O(1); O(N) with FULL where N is the number of slices",
)
