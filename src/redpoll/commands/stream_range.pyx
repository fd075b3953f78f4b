"""Streams read by IDs: XLEN, XRANGE and XREVRANGE."""

from libc.stdint cimport int64_t

from redpoll.commands.call cimport Call, check_type, native
from redpoll.commands.stream_words cimport end_word, given_range, reply_range, start_word, stream_of
from redpoll.engine.entry cimport TYPE_STREAM, Entry
from redpoll.engine.id_tree cimport StreamId
from redpoll.wire.direct cimport Direct
from redpoll.wire.reply cimport reply_array, reply_integer, reply_null_array

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import FAST, READONLY
from redpoll.errors import CommandError


cdef int xlen(Call call) except -1:
    cdef Entry** slot = call.read(1)
    check_type(slot, TYPE_STREAM)
    reply_integer(call.out, 0 if slot == NULL else stream_of(slot).length)
    return 0

declare(
    "XLEN key", native(xlen), summary="Return the number of entries in a stream.", group="stream", since="5.0.0",
    flags=READONLY | FAST, complexity="O(1)", keys="RO",
)


cdef int show_range(Call call, size_t start, size_t end) except -1:
    cdef StreamId first, last
    cdef int64_t count = -1
    cdef size_t i = 4
    cdef Entry** slot
    start_word(call, start, &first)
    end_word(call, end, &last)
    while i < call.argc:
        if not call.word_is(i, b"COUNT", 5) or i + 1 == call.argc:
            raise CommandError(errors.SYNTAX)
        call.integer(i + 1, &count)
        if count < 0:
            count = 0
        i += 2
    slot = call.read(1)
    check_type(slot, TYPE_STREAM)
    if slot == NULL:
        reply_array(call.out, 0)
    elif count == 0:
        reply_null_array(call.out)
    elif call.direct != NULL:
        call.given = given_range(<Direct>call.direct, stream_of(slot), first, last, start > end,
                                 max(count, <int64_t>0))
    else:
        reply_range(call.out, stream_of(slot), first, last, start > end, max(count, <int64_t>0))
    return 0


cdef int xrange(Call call) except -1:
    return show_range(call, 2, 3)

declare(
    "XRANGE key start:string end:string [COUNT count]", native(xrange),
    summary="Return the entries of a stream between two IDs.", group="stream", since="5.0.0", flags=READONLY,
    complexity="O(N) where N is the number of entries returned, O(1) with a small COUNT",
    history=(("6.2.0", "Added exclusive ranges."),),
)


cdef int xrevrange(Call call) except -1:
    return show_range(call, 3, 2)

declare(
    "XREVRANGE key end:string start:string [COUNT count]", native(xrevrange),
    summary="Return the entries of a stream between two IDs, the last one first.", group="stream", since="5.0.0",
    flags=READONLY, complexity="O(N) where N is the number of entries returned, O(1) with a small COUNT",
    history=(("6.2.0", "Added exclusive ranges."),),
)
