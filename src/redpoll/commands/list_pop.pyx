"""Popping from the first of several lists that has something, and waiting for one that has."""

from libc.stdint cimport int64_t, uint64_t

from redpoll.commands.call cimport Call, check_type, native
from redpoll.commands.list_ends cimport count_above_zero, is_left, reply_end, reply_from_end, take
from redpoll.engine.entry cimport TYPE_LIST, Entry
from redpoll.engine.list cimport list_length
from redpoll.wire.reply cimport reply_array, reply_bulk, reply_null_array

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import BLOCKING, WRITE
from redpoll.errors import CommandError


cdef int pop_or_wait(Call call, bint front) except -1:
    cdef size_t last = call.argc - 2
    cdef int64_t timeout = call.timeout(call.argc - 1)
    cdef size_t i
    cdef Entry** slot
    for i in range(1, last + 1):
        slot = call.write(i)
        if slot != NULL:
            check_type(slot, TYPE_LIST)
            reply_array(call.out, 2)
            reply_bulk(call.out, call.argv[i].ptr, call.argv[i].len)
            reply_end(call.out, slot[0], front)
            take(call, slot, i, call.hash_of(i), 1, front)
            if call.keyspace.propagating:
                call.instead([b"LPOP" if front else b"RPOP", call.word(i)])
            return 0
    call.block(1, last, 1, TYPE_LIST, timeout)
    return 0


cdef int blpop(Call call) except -1:
    return pop_or_wait(call, True)


cdef int brpop(Call call) except -1:
    return pop_or_wait(call, False)

declare(
    "BLPOP key [key ...] timeout:double", native(blpop),
    summary="Take the first element of the first list that has one, or wait for it.", group="list", since="2.0.0",
    flags=WRITE | BLOCKING, complexity="O(N) where N is the number of keys", keys="RW access delete",
    history=(("6.0.0", "`timeout` may have fractions."),),
)
declare(
    "BRPOP key [key ...] timeout:double", native(brpop),
    summary="Take the last element of the first list that has one, or wait for it.", group="list", since="2.0.0",
    flags=WRITE | BLOCKING, complexity="O(N) where N is the number of keys", keys="RW access delete",
    history=(("6.0.0", "`timeout` may have fractions."),),
)


# Several keys behind their number

cdef struct Wanted:
    size_t first                 # word of the first key
    size_t last
    bint front
    int64_t count


cdef int read_wanted(Call call, size_t numkeys_word, Wanted* wanted) except -1:
    cdef int64_t keys = count_above_zero(call, numkeys_word, errors.NUMKEYS_ABOVE_ZERO)
    cdef size_t i
    wanted.first = numkeys_word + 1
    # The word that says which end has to follow the keys.
    if <uint64_t>keys >= call.argc - wanted.first:
        raise CommandError(errors.SYNTAX)
    wanted.last = numkeys_word + keys
    wanted.front = is_left(call, wanted.last + 1)
    wanted.count = 0
    i = wanted.last + 2
    while i < call.argc:
        if wanted.count or i + 1 == call.argc or not call.word_is(i, b"COUNT", 5):
            raise CommandError(errors.SYNTAX)
        wanted.count = count_above_zero(call, i + 1, errors.COUNT_ABOVE_ZERO)
        i += 2
    if not wanted.count:
        wanted.count = 1
    return 0


cdef bint pop_wanted(Call call, const Wanted* wanted) except -1:
    """Pop from the first list there is and reply; False: there is none."""
    cdef size_t i
    cdef uint64_t count
    cdef Entry** slot
    for i in range(wanted.first, wanted.last + 1):
        slot = call.write(i)
        if slot != NULL:
            check_type(slot, TYPE_LIST)
            count = min(<uint64_t>wanted.count, list_length(slot[0]))
            reply_array(call.out, 2)
            reply_bulk(call.out, call.argv[i].ptr, call.argv[i].len)
            reply_array(call.out, count)
            reply_from_end(call.out, slot[0], count, wanted.front)
            take(call, slot, i, call.hash_of(i), count, wanted.front)
            if call.keyspace.propagating:
                call.instead([b"LPOP" if wanted.front else b"RPOP", call.word(i), b"%d" % count])
            return True
    return False


cdef int lmpop(Call call) except -1:
    cdef Wanted wanted
    read_wanted(call, 1, &wanted)
    if not pop_wanted(call, &wanted):
        reply_null_array(call.out)
    return 0


cdef int blmpop(Call call) except -1:
    cdef Wanted wanted
    cdef int64_t timeout = call.timeout(1)
    read_wanted(call, 2, &wanted)
    if not pop_wanted(call, &wanted):
        call.block(wanted.first, wanted.last, 1, TYPE_LIST, timeout)
    return 0

declare(
    "LMPOP numkeys key [key ...] <LEFT | RIGHT> [COUNT count]", native(lmpop),
    summary="Take elements of the first list that has any.", group="list", since="7.0.0", flags=WRITE,
    complexity="O(N+M) where N is the number of keys and M that of elements taken", keys="RW access delete",
)
declare(
    "BLMPOP timeout:double numkeys key [key ...] <LEFT | RIGHT> [COUNT count]", native(blmpop),
    summary="As LMPOP, but wait for an element if there is none.", group="list", since="7.0.0", flags=WRITE | BLOCKING,
    complexity="O(N+M) where N is the number of keys and M that of elements taken", keys="RW access delete",
)
