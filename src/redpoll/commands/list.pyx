"""The common commands on lists: pushing, popping, reading and setting elements."""

from libc.stdint cimport int64_t, uint64_t

from redpoll.commands.call cimport EVENT_LIST, Call, check_type, native
from redpoll.commands.list_ends cimport list_at, push_word, reply_end, reply_from_end, reply_walk, take, walk_values
from redpoll.engine.entry cimport TYPE_LIST, Entry
from redpoll.engine.list cimport list_length, list_make_room, list_reduce, list_set, list_walk
from redpoll.engine.quicklist_nodes cimport use_compression
from redpoll.engine.quicklist_walk cimport Walk, walk_end
from redpoll.formats.lzf cimport lzf_compress, lzf_decompress
from redpoll.wire.direct cimport Direct
from redpoll.wire.reply cimport reply_array, reply_integer, reply_null, reply_null_array, reply_ok

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, FAST, READONLY, WRITE
from redpoll.errors import CommandError

# The engine cannot know the formats, which are below it.
use_compression(lzf_compress, lzf_decompress)


# Pushing

cdef int push(Call call, bint front, bint only_existing) except -1:
    cdef Entry** slot = call.write(1)
    cdef Entry* e
    cdef size_t i, bytes = 0
    check_type(slot, TYPE_LIST)
    if slot == NULL:
        if only_existing:
            reply_integer(call.out, 0)
            return 0
        slot = list_at(call, slot, 1, call.hash_of(1))
    e = slot[0]
    for i in range(2, call.argc):
        bytes += call.argv[i].len
    list_make_room(e, call.keyspace, bytes, call.argc - 2)
    for i in range(2, call.argc):
        push_word(call, e, i, front)
    reply_integer(call.out, list_length(e))
    call.changed(EVENT_LIST, b"lpush" if front else b"rpush", 1)
    return 0


cdef int lpush(Call call) except -1:
    return push(call, True, False)


cdef int rpush(Call call) except -1:
    return push(call, False, False)


cdef int lpushx(Call call) except -1:
    return push(call, True, True)


cdef int rpushx(Call call) except -1:
    return push(call, False, True)

declare(
    "LPUSH key element [element ...]", native(lpush),
    summary="Put elements before the first one of a list, one after the other; make the list if there is none.",
    group="list", since="1.0.0", flags=WRITE | DENYOOM | FAST,
    complexity="O(N) where N is the number of elements pushed", keys="RW insert",
    history=(("2.4.0", "Takes several elements."),),
)
declare(
    "RPUSH key element [element ...]", native(rpush),
    summary="Put elements behind the last one of a list; make the list if there is none.", group="list", since="1.0.0",
    flags=WRITE | DENYOOM | FAST, complexity="O(N) where N is the number of elements pushed", keys="RW insert",
    history=(("2.4.0", "Takes several elements."),),
)
declare(
    "LPUSHX key element [element ...]", native(lpushx),
    summary="Put elements before the first one of a list that exists.", group="list", since="2.2.0",
    flags=WRITE | DENYOOM | FAST, complexity="O(N) where N is the number of elements pushed", keys="RW insert",
    history=(("4.0.0", "Takes several elements."),),
)
declare(
    "RPUSHX key element [element ...]", native(rpushx),
    summary="Put elements behind the last one of a list that exists.", group="list", since="2.2.0",
    flags=WRITE | DENYOOM | FAST, complexity="O(N) where N is the number of elements pushed", keys="RW insert",
    history=(("4.0.0", "Takes several elements."),),
)


# Popping

cdef int pop(Call call, bint front) except -1:
    cdef int64_t wanted = 1
    cdef uint64_t count
    cdef Entry** slot
    if call.argc > 3:
        raise CommandError(errors.wrong_arity("lpop" if front else "rpop"))
    if call.argc == 3:
        try:
            call.integer(2, &wanted)
        except CommandError:
            raise CommandError(errors.NOT_POSITIVE) from None
        if wanted < 0:
            raise CommandError(errors.NOT_POSITIVE)
    slot = call.write(1)
    check_type(slot, TYPE_LIST)
    if slot == NULL:
        if call.argc == 3:
            reply_null_array(call.out)
        else:
            reply_null(call.out)
        return 0
    if call.argc == 2:
        reply_end(call.out, slot[0], front)
    else:
        count = min(<uint64_t>wanted, list_length(slot[0]))
        reply_array(call.out, count)
        if not count:
            return 0
        wanted = count
        reply_from_end(call.out, slot[0], count, front)
    take(call, slot, 1, call.hash_of(1), wanted, front)
    return 0


cdef int lpop(Call call) except -1:
    return pop(call, True)


cdef int rpop(Call call) except -1:
    return pop(call, False)

declare(
    "LPOP key [count]", native(lpop), summary="Take the first elements of a list and return them.", group="list",
    since="1.0.0", flags=WRITE | FAST, complexity="O(N) where N is the number of elements taken",
    keys="RW access delete", added={"6.2.0": "count"},
)
declare(
    "RPOP key [count]", native(rpop), summary="Take the last elements of a list and return them.", group="list",
    since="1.0.0", flags=WRITE | FAST, complexity="O(N) where N is the number of elements taken",
    keys="RW access delete", added={"6.2.0": "count"},
)


# Reading and setting

cdef int llen(Call call) except -1:
    cdef Entry** slot = call.read(1)
    check_type(slot, TYPE_LIST)
    reply_integer(call.out, 0 if slot == NULL else list_length(slot[0]))
    return 0

declare(
    "LLEN key", native(llen), summary="Count the elements of a list.", group="list", since="1.0.0",
    flags=READONLY | FAST, complexity="O(1)", keys="RO",
)


cdef int lindex(Call call) except -1:
    cdef Entry** slot = call.read(1)
    cdef int64_t index, length
    cdef Walk walk
    if slot == NULL:
        reply_null(call.out)
        return 0
    check_type(slot, TYPE_LIST)
    call.integer(2, &index)
    length = list_length(slot[0])
    if index < 0:
        index += length
    if not 0 <= index < length:
        reply_null(call.out)
        return 0
    list_walk(slot[0], &walk, index, False)
    reply_walk(call.out, &walk, 1)
    walk_end(&walk)
    return 0

declare(
    "LINDEX key index", native(lindex), summary="Return the element at an index, from the end when it is negative.",
    group="list", since="1.0.0", flags=READONLY,
    complexity="O(log N) where N is the number of elements; O(1) for the first and the last", keys="RO access",
)


cdef int lset(Call call) except -1:
    cdef Entry** slot = call.write(1)
    cdef int64_t index, length
    if slot == NULL:
        raise CommandError(errors.NO_SUCH_KEY)
    check_type(slot, TYPE_LIST)
    call.integer(2, &index)
    length = list_length(slot[0])
    if index < 0:
        index += length
    list_make_room(slot[0], call.keyspace, call.argv[3].len, 1)
    if not 0 <= index < length:
        raise CommandError(errors.INDEX_OUT_OF_RANGE)
    list_set(slot[0], index, call.argv[3].ptr, call.argv[3].len)
    list_reduce(slot[0])
    reply_ok(call.out)
    call.changed(EVENT_LIST, b"lset", 1)
    return 0

declare(
    "LSET key index element", native(lset), summary="Replace the element at an index.", group="list", since="1.0.0",
    flags=WRITE | DENYOOM, complexity="O(log N) where N is the number of elements; O(1) for the first and the last",
    keys="RW update",
)


cdef int lrange(Call call) except -1:
    cdef Entry** slot
    cdef int64_t start, stop, length = 0
    cdef Walk walk
    call.integer(2, &start)
    call.integer(3, &stop)
    slot = call.read(1)
    check_type(slot, TYPE_LIST)
    if slot != NULL:
        length = list_length(slot[0])
    if start < 0:
        start = max(start + length, <int64_t>0)
    if stop < 0:
        stop += length
    stop = min(stop, length - 1)
    if start > stop:
        reply_array(call.out, 0)
        return 0
    list_walk(slot[0], &walk, start, False)
    if call.direct != NULL:
        try:
            call.given = walk_values(<Direct>call.direct, &walk, stop - start + 1)
        finally:
            walk_end(&walk)
        return 0
    reply_array(call.out, stop - start + 1)
    reply_walk(call.out, &walk, stop - start + 1)
    walk_end(&walk)
    return 0

declare(
    "LRANGE key start stop", native(lrange), summary="Return the elements between two indexes, both included.",
    group="list", since="1.0.0", flags=READONLY,
    complexity="O(log N + M) where N is the number of elements and M that of those returned", keys="RO access",
)
