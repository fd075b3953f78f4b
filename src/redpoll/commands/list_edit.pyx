"""Changing lists in the middle, and searching them."""

from libc.stdint cimport INT64_MIN, int64_t, uint64_t
from libc.string cimport memcmp

from redpoll.commands.call cimport EVENT_GENERIC, EVENT_LIST, Call, check_type, native
from redpoll.engine.entry cimport TYPE_LIST, Entry
from redpoll.engine.list cimport (
    list_drop, list_insert, list_length, list_make_room, list_reduce, list_remove_equal, list_walk,
)
from redpoll.engine.listpack cimport Prepared, listpack_prepare
from redpoll.engine.quicklist_walk cimport Walk, walk_end, walk_next
from redpoll.wire.output cimport Out, out_init, out_splice
from redpoll.wire.reply cimport reply_array, reply_integer, reply_null, reply_ok

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, READONLY, WRITE
from redpoll.errors import CommandError


cdef inline bint is_text(const Walk* walk, const Prepared* sought, const char* text, size_t length) noexcept nogil:
    """Whether the element where a walk is is a text, of which `sought` is the encoding."""
    # The bytes that the text would be stored as are compared: elements need no decoding.
    if walk.lp == NULL:
        return walk.blob.length == length and memcmp(walk.blob.data, text, length) == 0
    return (walk.element[0] == sought.head[0] and memcmp(walk.element, sought.head, sought.head_size) == 0
            and memcmp(walk.element + sought.head_size, sought.text, sought.text_size) == 0)


cdef int linsert(Call call) except -1:
    cdef bint after = False
    cdef Entry** slot
    cdef Walk walk
    cdef Prepared pivot
    cdef uint64_t index = 0
    cdef bint found
    if call.word_is(2, b"AFTER", 5):
        after = True
    elif not call.word_is(2, b"BEFORE", 6):
        raise CommandError(errors.SYNTAX)
    slot = call.write(1)
    check_type(slot, TYPE_LIST)
    if slot == NULL:
        reply_integer(call.out, 0)
        return 0
    list_make_room(slot[0], call.keyspace, call.argv[4].len, 1)
    listpack_prepare(&pivot, call.argv[3].ptr, call.argv[3].len)
    list_walk(slot[0], &walk, 0, False)
    while True:
        found = is_text(&walk, &pivot, call.argv[3].ptr, call.argv[3].len)
        if found or not walk_next(&walk):
            break
        index += 1
    walk_end(&walk)
    if not found:
        reply_integer(call.out, -1)
        return 0
    list_insert(slot[0], index + after, call.argv[4].ptr, call.argv[4].len)
    reply_integer(call.out, list_length(slot[0]))
    call.changed(EVENT_LIST, b"linsert", 1)
    return 0

declare(
    "LINSERT key <BEFORE | AFTER> pivot element", native(linsert),
    summary="Put an element before or after the first one that is the pivot.", group="list", since="2.2.0",
    flags=WRITE | DENYOOM, complexity="O(N) where N is the number of elements up to the pivot", keys="RW insert",
)


cdef int ltrim(Call call) except -1:
    cdef Entry** slot
    cdef int64_t start, stop, length
    call.integer(2, &start)
    call.integer(3, &stop)
    slot = call.write(1)
    check_type(slot, TYPE_LIST)
    reply_ok(call.out)
    if slot == NULL:
        return 0
    length = list_length(slot[0])
    if start < 0:
        start = max(start + length, <int64_t>0)
    if stop < 0:
        stop += length
    stop = min(stop, length - 1)
    if start > stop:
        call.db.remove(slot, call.hash_of(1))
        call.changed(EVENT_LIST, b"ltrim", 1)
        call.also(EVENT_GENERIC, b"del", 1)
        return 0
    if stop < length - 1:
        list_drop(slot[0], length - 1 - stop, False)
    if start:
        list_drop(slot[0], start, True)
    list_reduce(slot[0])
    call.changed(EVENT_LIST, b"ltrim", 1)
    return 0

declare(
    "LTRIM key start stop", native(ltrim), summary="Keep the elements between two indexes, both included, alone.",
    group="list", since="1.0.0", flags=WRITE,
    complexity="O(log N) where N is the number of elements; memory is freed later", keys="RW delete",
)


cdef int refuse_lowest(int64_t value) except -1:
    """A number that is negative to mean the other direction has to have its opposite."""
    if value == INT64_MIN:
        raise CommandError(errors.COUNT_RANGE)
    return 0


cdef int lrem(Call call) except -1:
    cdef Entry** slot
    cdef int64_t wanted
    cdef uint64_t most, removed
    call.integer(2, &wanted)
    refuse_lowest(wanted)
    slot = call.write(1)
    check_type(slot, TYPE_LIST)
    if slot == NULL:
        reply_integer(call.out, 0)
        return 0
    most = wanted if wanted > 0 else -wanted
    if not most:
        most = <uint64_t>-1
    removed = list_remove_equal(slot[0], call.argv[3].ptr, call.argv[3].len, most, wanted >= 0)
    if removed:
        if list_length(slot[0]):
            list_reduce(slot[0])
            call.changed(EVENT_LIST, b"lrem", 1)
        else:
            call.db.remove(slot, call.hash_of(1))
            call.changed(EVENT_LIST, b"lrem", 1)
            call.also(EVENT_GENERIC, b"del", 1)
    reply_integer(call.out, removed)
    return 0

declare(
    "LREM key count element", native(lrem),
    summary="Remove elements that are equal to one: so many from the front, or from the back when negative, or all.",
    group="list", since="1.0.0", flags=WRITE, complexity="O(N) where N is the number of elements", keys="RW delete",
)


cdef int64_t not_negative(Call call, size_t word, object error) except -1:
    cdef int64_t value
    try:
        call.integer(word, &value)
    except CommandError:
        raise CommandError(error) from None
    if value < 0:
        raise CommandError(error)
    return value


cdef int lpos(Call call) except -1:
    cdef int64_t rank = 1
    cdef int64_t count = -1          # how many are wanted; 0: all; -1: one, and not as an array
    cdef int64_t most = 0            # elements to look at; 0: all
    cdef size_t i = 3
    cdef Entry** slot
    while i < call.argc:
        if i + 1 == call.argc:
            raise CommandError(errors.SYNTAX)
        if call.word_is(i, b"RANK", 4):
            call.integer(i + 1, &rank)
            refuse_lowest(rank)
            if rank == 0:
                raise CommandError(errors.RANK_ZERO)
        elif call.word_is(i, b"COUNT", 5):
            count = not_negative(call, i + 1, errors.NEGATIVE_COUNT)
        elif call.word_is(i, b"MAXLEN", 6):
            most = not_negative(call, i + 1, errors.NEGATIVE_MAXLEN)
        else:
            raise CommandError(errors.SYNTAX)
        i += 2
    slot = call.read(1)
    check_type(slot, TYPE_LIST)
    if slot == NULL:
        if count < 0:
            reply_null(call.out)
        else:
            reply_array(call.out, 0)
        return 0
    find_positions(call, slot[0], rank, count, most)
    return 0


cdef void find_positions(Call call, const Entry* e, int64_t rank, int64_t count, int64_t most) noexcept nogil:
    cdef bint backwards = rank < 0
    cdef uint64_t length = list_length(e)
    cdef uint64_t index = length - 1 if backwards else 0
    cdef uint64_t left = length if not most or <uint64_t>most > length else most
    cdef uint64_t skip = <uint64_t>(-rank if backwards else rank) - 1
    cdef uint64_t found = 0
    cdef const char* text = call.argv[2].ptr
    cdef size_t size = call.argv[2].len
    cdef Prepared sought
    cdef Walk walk
    cdef Out positions
    out_init(&positions)
    listpack_prepare(&sought, text, size)
    list_walk(e, &walk, index, backwards)
    while True:
        if is_text(&walk, &sought, text, size):
            if skip:
                skip -= 1
            else:
                reply_integer(&positions, index)
                found += 1
                if count < 0 or found == <uint64_t>count:
                    break
        left -= 1
        if not left:
            break
        walk_next(&walk)
        index = index - 1 if backwards else index + 1
    walk_end(&walk)
    if count >= 0:
        reply_array(call.out, found)
    elif not found:
        reply_null(call.out)
    out_splice(call.out, &positions)

declare(
    "LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]", native(lpos),
    summary="Find an element: return the indexes of those that are equal to it.", group="list", since="6.0.6",
    flags=READONLY, complexity="O(N) where N is the number of elements looked at", keys="RO access",
)
