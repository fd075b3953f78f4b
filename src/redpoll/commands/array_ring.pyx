"""Commands that go by the last insertion into an array: ARINSERT, ARRING, ARNEXT, ARSEEK, ARLASTITEMS."""

from libc.stdint cimport uint64_t

from redpoll.commands.array_access cimport (
    array_limits, array_made, array_moved, array_to_read, array_to_write, reply_range, reply_unsigned, word_at,
)
from redpoll.commands.call cimport EVENT_ARRAY, Call, native
from redpoll.engine.array cimport NO_INDEX, Array, array_length, array_next, array_ring_resized, array_set
from redpoll.engine.array_slice cimport Limits
from redpoll.engine.entry cimport ENC_ARRAY, Entry
from redpoll.engine.numbers cimport parse_int64, parse_uint64
from redpoll.engine.value cimport value_free
from redpoll.wire.reply cimport reply_array, reply_integer, reply_null

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, FAST, READONLY, WRITE
from redpoll.errors import CommandError


cdef int arinsert(Call call) except -1:
    cdef Entry** slot
    cdef Array* array = array_to_write(call, &slot)
    cdef Limits limits = array_limits(call)
    cdef uint64_t index = array_next(array) if array != NULL else 0
    cdef size_t i
    if call.argc - 2 > NO_INDEX - index:
        raise CommandError(errors.ARRAY_INSERT_OVERFLOW)
    if array == NULL:
        array = array_made(call)
    for i in range(2, call.argc):
        array_set(array, index + (i - 2), word_at(call, i), &limits)
    array.inserted = index + (call.argc - 3)
    reply_unsigned(call.out, array.inserted)
    call.changed(EVENT_ARRAY, b"arinsert", 1)
    return 0

declare(
    "ARINSERT key value [value ...]", native(arinsert),
    summary="Set values at the indices that follow the last insertion; make the array if there is none.",
    group="array", since="8.8.0", flags=WRITE | DENYOOM | FAST, complexity="O(N) where N is the number of values",
    keys="RW update",
)


cdef uint64_t kept_of(const Array* array, uint64_t size) noexcept nogil:
    """How many values a ring keeps that is to have another size; 0: it stays as it is."""
    cdef uint64_t span = array_length(array)
    if size < span:
        return size
    # One that has come round would go on overwriting its beginning before the room behind it is used.
    if size > span and array.inserted != NO_INDEX and array_next(array) < span:
        return span
    return 0


cdef int arring(Call call) except -1:
    cdef long long size
    cdef Entry** slot
    cdef Array* array
    cdef Array* former
    cdef Limits limits = array_limits(call)
    cdef uint64_t index = 0
    cdef uint64_t kept
    cdef size_t i
    if not parse_int64(call.argv[2].ptr, call.argv[2].len, &size):
        raise CommandError(errors.ARRAY_SIZE)
    if size <= 0:
        raise CommandError(errors.ARRAY_SIZE_NOT_POSITIVE)
    array = array_to_write(call, &slot)
    if array == NULL:
        array = array_made(call)
    else:
        kept = kept_of(array, size)
        if kept:
            former = array
            array = array_ring_resized(former, kept, &limits)
            array_moved(slot, array)
            value_free(ENC_ARRAY, former)
    for i in range(3, call.argc):
        index = array_next(array) % <uint64_t>size
        array_set(array, index, word_at(call, i), &limits)
        array.inserted = index
    reply_unsigned(call.out, index)
    call.changed(EVENT_ARRAY, b"arring", 1)
    return 0

declare(
    "ARRING key size:integer value [value ...]", native(arring),
    summary="Set values in a ring of so many indices in the place of the oldest; resize it if it has another size.",
    group="array", since="8.8.0", flags=WRITE | DENYOOM, keys="RW update",
    complexity="O(M) where M is the number of values; O(N + M) when the size changes, where N is the larger of both",
)


cdef int arnext(Call call) except -1:
    cdef const Array* array = array_to_read(call)
    cdef uint64_t index = array_next(array) if array != NULL else 0
    if index == NO_INDEX:
        reply_null(call.out)
    else:
        reply_unsigned(call.out, index)
    return 0

declare(
    "ARNEXT key", native(arnext), summary="Return the index that ARINSERT would set next.", group="array",
    since="8.8.0", flags=READONLY | FAST, complexity="O(1)",
)


cdef int arseek(Call call) except -1:
    cdef unsigned long long index
    cdef Entry** slot
    cdef Array* array
    # Unlike everywhere else the end of all indices may be named.
    if not parse_uint64(call.argv[2].ptr, call.argv[2].len, &index):
        raise CommandError(errors.ARRAY_INDEX)
    array = array_to_write(call, &slot)
    if array == NULL:
        reply_integer(call.out, 0)
        return 0
    # Before the first index there is NO_INDEX.
    array.inserted = index - 1
    reply_integer(call.out, 1)
    call.changed(EVENT_ARRAY, b"arseek", 1)
    return 0

declare(
    "ARSEEK key index", native(arseek), summary="Choose the index that ARINSERT and ARRING set next.", group="array",
    since="8.8.0", flags=WRITE | FAST, complexity="O(1)", keys="RW update",
)


cdef int arlastitems(Call call) except -1:
    cdef long long count
    cdef const Array* array
    cdef bint back = call.argc == 4
    cdef uint64_t found, near, last, span
    if not parse_int64(call.argv[2].ptr, call.argv[2].len, &count):
        raise CommandError(errors.ARRAY_COUNT)
    if count <= 0:
        reply_array(call.out, 0)
        return 0
    if call.argc > 4:
        raise CommandError(errors.wrong_arity("arlastitems"))
    if back and not call.word_is(3, b"REV", 3):
        raise CommandError(errors.SYNTAX)
    array = array_to_read(call)
    if array == NULL:
        reply_array(call.out, 0)
        return 0
    # Back from the last insertion to the first index, and from there on back from the highest one.
    span = array_length(array)
    last = span - 1 if array.inserted == NO_INDEX else array.inserted
    found = min(<uint64_t>count, array.count)
    near = min(found, last + 1)
    reply_array(call.out, found)
    if back:
        reply_range(call.out, array, last - near + 1, last, True)
    if found > near:
        reply_range(call.out, array, span - (found - near), span - 1, back)
    if not back:
        reply_range(call.out, array, last - near + 1, last, False)
    return 0

declare(
    "ARLASTITEMS key count [REV]", native(arlastitems),
    summary="Return the values that were inserted last, the oldest of them first.", group="array", since="8.8.0",
    flags=READONLY, complexity="O(N) where N is the number of values returned",
)
