"""Taking members from either end of sorted sets, at once or when there is one."""

from libc.stdint cimport int64_t

from redpoll.commands.call cimport Call, native
from redpoll.commands.sorted_set cimport open_sorted, removed_from
from redpoll.engine.entry cimport TYPE_ZSET, Entry
from redpoll.engine.numbers cimport parse_int64
from redpoll.engine.sorted_set cimport (
    Cursor, Sorted, cursor_next, cursor_start, sorted_length, sorted_remove_ranks,
)
from redpoll.wire.reply cimport reply_array, reply_bulk, reply_double, reply_null_array

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import BLOCKING, FAST, WRITE
from redpoll.errors import CommandError

cdef enum Layout:
    FLAT                     # members and scores in turn
    PAIRS                    # each member with its score


cdef size_t pop(Call call, Entry** slot, Sorted* z, size_t word, bint highest, size_t count, Layout layout) noexcept:
    """Take up to `count` members off an end and reply them; how many there were."""
    cdef size_t length = sorted_length(z)
    cdef size_t taken = min(count, length)
    cdef Cursor c
    reply_array(call.out, taken if layout == PAIRS else 2 * taken)
    cursor_start(&c, z, length - 1 if highest else 0, taken, highest)
    while cursor_next(&c):
        if layout == PAIRS:
            reply_array(call.out, 2)
        reply_bulk(call.out, c.text, c.length)
        reply_double(call.out, c.score)
    if taken:
        sorted_remove_ranks(z, length - taken if highest else 0, taken)
        removed_from(call, slot, z, b"zpopmax" if highest else b"zpopmin", word)
    return taken


cdef int pop_from_one(Call call, bint highest) except -1:
    cdef Entry** slot
    cdef Sorted z
    cdef long long count = 1
    if call.argc > 3:
        raise CommandError(errors.SYNTAX)
    if call.argc == 3 and (not parse_int64(call.argv[2].ptr, call.argv[2].len, &count) or count < 0):
        raise CommandError(errors.NOT_POSITIVE)
    slot = call.write(1)
    if not open_sorted(slot, &z):
        reply_array(call.out, 0)
        return 0
    pop(call, slot, &z, 1, highest, count, PAIRS if call.argc == 3 and call.out.resp == 3 else FLAT)
    return 0


cdef int zpopmin(Call call) except -1:
    return pop_from_one(call, False)

declare(
    "ZPOPMIN key [count]", native(zpopmin), summary="Take members with the lowest scores off a sorted set.",
    group="sorted-set", since="5.0.0", flags=WRITE | FAST, keys="RW access delete",
    complexity="O(M log N) with N being the number of members in the sorted set and M the number of those taken",
)


cdef int zpopmax(Call call) except -1:
    return pop_from_one(call, True)

declare(
    "ZPOPMAX key [count]", native(zpopmax), summary="Take members with the highest scores off a sorted set.",
    group="sorted-set", since="5.0.0", flags=WRITE | FAST, keys="RW access delete",
    complexity="O(M log N) with N being the number of members in the sorted set and M the number of those taken",
)


cdef int pop_when_there_is(Call call, bint highest) except -1:
    cdef size_t last = call.argc - 2
    cdef size_t i
    cdef Entry** slot
    cdef Sorted z
    cdef int64_t timeout_ms = call.timeout(call.argc - 1)
    for i in range(1, last + 1):
        slot = call.write(i)
        if open_sorted(slot, &z):
            reply_array(call.out, 3)
            reply_bulk(call.out, call.argv[i].ptr, call.argv[i].len)
            pop_single(call, slot, &z, i, highest)
            return 0
    call.block(1, last, 1, TYPE_ZSET, timeout_ms)
    return 0


cdef void pop_single(Call call, Entry** slot, Sorted* z, size_t word, bint highest) noexcept:
    """Take one member off an end, and reply it and its score without an array around them."""
    cdef size_t rank = sorted_length(z) - 1 if highest else 0
    cdef Cursor c
    cursor_start(&c, z, rank, 1, False)
    cursor_next(&c)
    reply_bulk(call.out, c.text, c.length)
    reply_double(call.out, c.score)
    sorted_remove_ranks(z, rank, 1)
    removed_from(call, slot, z, b"zpopmax" if highest else b"zpopmin", word)


cdef int bzpopmin(Call call) except -1:
    return pop_when_there_is(call, False)

declare(
    "BZPOPMIN key [key ...] timeout:double", native(bzpopmin),
    summary="Take the member with the lowest score off the first sorted set that has one, or wait for one.",
    group="sorted-set", since="5.0.0", flags=WRITE | FAST | BLOCKING, keys="RW access delete",
    complexity="O(log N) with N being the number of members in the sorted set",
    history=[("6.0.0", "The timeout is a double instead of an integer.")],
)


cdef int bzpopmax(Call call) except -1:
    return pop_when_there_is(call, True)

declare(
    "BZPOPMAX key [key ...] timeout:double", native(bzpopmax),
    summary="Take the member with the highest score off the first sorted set that has one, or wait for one.",
    group="sorted-set", since="5.0.0", flags=WRITE | FAST | BLOCKING, keys="RW access delete",
    complexity="O(log N) with N being the number of members in the sorted set",
    history=[("6.0.0", "The timeout is a double instead of an integer.")],
)


# ZMPOP and BZMPOP

cdef struct ManyPop:
    size_t first             # the words of the keys
    size_t last
    bint highest
    size_t count


cdef int read_many_pop(Call call, size_t numkeys_word, ManyPop* wanted) except -1:
    cdef long long number
    cdef size_t where
    if not parse_int64(call.argv[numkeys_word].ptr, call.argv[numkeys_word].len, &number) or number < 1:
        raise CommandError(errors.NUMKEYS_ABOVE_ZERO)
    if number > <long long>call.argc - <long long>numkeys_word - 2:
        raise CommandError(errors.SYNTAX)
    wanted.first = numkeys_word + 1
    wanted.last = numkeys_word + number
    wanted.count = 1
    where = wanted.last + 1
    if call.word_is(where, b"MAX", 3):
        wanted.highest = True
    elif call.word_is(where, b"MIN", 3):
        wanted.highest = False
    else:
        raise CommandError(errors.SYNTAX)
    if where + 1 == call.argc:
        return 0
    if where + 3 != call.argc or not call.word_is(where + 1, b"COUNT", 5):
        raise CommandError(errors.SYNTAX)
    if not parse_int64(call.argv[where + 2].ptr, call.argv[where + 2].len, &number) or number < 1:
        raise CommandError(errors.COUNT_ABOVE_ZERO)
    wanted.count = number
    return 0


cdef bint pop_from_many(Call call, const ManyPop* wanted) except -1:
    """Whether there was anything to take."""
    cdef Entry** slot
    cdef Sorted z
    cdef size_t i
    for i in range(wanted.first, wanted.last + 1):
        slot = call.write(i)
        if open_sorted(slot, &z):
            reply_array(call.out, 2)
            reply_bulk(call.out, call.argv[i].ptr, call.argv[i].len)
            pop(call, slot, &z, i, wanted.highest, wanted.count, PAIRS)
            return True
    return False


cdef int zmpop(Call call) except -1:
    cdef ManyPop wanted
    read_many_pop(call, 1, &wanted)
    if not pop_from_many(call, &wanted):
        reply_null_array(call.out)
    return 0

declare(
    "ZMPOP numkeys key [key ...] <MIN | MAX> [COUNT count]", native(zmpop),
    summary="Take members off an end of the first sorted set that has any.", group="sorted-set", since="7.0.0",
    flags=WRITE, keys="RW access delete",
    complexity="O(K) + O(M log N) where K is the number of keys, N the number of members and M that of those taken",
)


cdef int bzmpop(Call call) except -1:
    cdef ManyPop wanted
    cdef int64_t timeout_ms = call.timeout(1)
    read_many_pop(call, 2, &wanted)
    if not pop_from_many(call, &wanted):
        call.block(wanted.first, wanted.last, 1, TYPE_ZSET, timeout_ms)
    return 0

declare(
    "BZMPOP timeout:double numkeys key [key ...] <MIN | MAX> [COUNT count]", native(bzmpop),
    summary="Take members off an end of the first sorted set that has any, or wait for one.", group="sorted-set",
    since="7.0.0", flags=WRITE | BLOCKING, keys="RW access delete",
    complexity="O(K) + O(M log N) where K is the number of keys, N the number of members and M that of those taken",
)
