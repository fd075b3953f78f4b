"""Random members of a sorted set, and walking through one step by step."""

from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint64_t
from libc.stdlib cimport calloc, free

from redpoll.commands.call cimport Call, native
from redpoll.commands.sorted_set cimport open_sorted, reply_member, reply_members_head
from redpoll.commands.scan_options cimport read_scan_option
from redpoll.engine.glob cimport glob_match
from redpoll.engine.numbers cimport DOUBLE_TEXT_SIZE, format_double, format_uint64, parse_uint64_lenient
from redpoll.engine.sorted_set cimport (
    Cursor, Sorted, cursor_next, cursor_start, sorted_length, sorted_scan,
)
from redpoll.wire.output cimport Out, out_init, out_splice
from redpoll.wire.reply cimport reply_array, reply_bulk, reply_null

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import READONLY
from redpoll.errors import CommandError

cdef enum:
    MANY_OF_ALL = 3          # when more than a third of all is wanted, all are passed by
    STEPS_A_MEMBER = 10      # buckets that ZSCAN looks at for a member it was asked for, at the most


cdef void reply_at(Call call, const Sorted* z, size_t rank, bint with_score) noexcept:
    cdef Cursor c
    cursor_start(&c, z, rank, 1, False)
    cursor_next(&c)
    reply_member(call, c.text, c.length, c.score, with_score)


cdef void reply_some(Call call, const Sorted* z, size_t count, bint with_scores) noexcept:
    """Distinct members of which there are many: each is taken with the chance that makes all choices as likely."""
    cdef size_t length = sorted_length(z)
    cdef size_t left = length
    cdef Cursor c
    cursor_start(&c, z, 0, length, False)
    while count and cursor_next(&c):
        if (call.keyspace.random() >> 11) % left < count:
            reply_member(call, c.text, c.length, c.score, with_scores)
            count -= 1
        left -= 1


cdef int reply_few(Call call, const Sorted* z, size_t count, bint with_scores) except -1:
    """Distinct members of which there are few: ranks are drawn until one is new."""
    cdef size_t length = sorted_length(z)
    cdef size_t places = 16
    cdef size_t* drawn           # ranks + 1, by open addressing
    cdef size_t rank, place
    while places < 2 * count:
        places *= 2
    drawn = <size_t*>calloc(places, sizeof(size_t))
    if drawn == NULL:
        raise MemoryError
    while count:
        rank = (call.keyspace.random() >> 8) % length
        place = (rank * <uint64_t>0x9E3779B97F4A7C15 >> 20) & (places - 1)
        while drawn[place] and drawn[place] != rank + 1:
            place = (place + 1) & (places - 1)
        if not drawn[place]:
            drawn[place] = rank + 1
            reply_at(call, z, rank, with_scores)
            count -= 1
    free(drawn)
    return 0


cdef int zrandmember(Call call) except -1:
    cdef Sorted z
    cdef int64_t count
    cdef size_t length, _
    cdef bint with_scores = call.argc > 3
    cdef Cursor c
    if call.argc == 2:
        if open_sorted(call.read(1), &z):
            reply_at(call, &z, (call.keyspace.random() >> 8) % sorted_length(&z), False)
        else:
            reply_null(call.out)
        return 0
    call.integer(2, &count)
    if count == INT64_MIN:
        raise CommandError(errors.COUNT_RANGE)
    if call.argc > 4 or (with_scores and not call.word_is(3, b"WITHSCORES", 10)):
        raise CommandError(errors.SYNTAX)
    if with_scores and not -(INT64_MAX // 2) <= count <= INT64_MAX // 2:
        raise CommandError(errors.OUT_OF_RANGE)
    if not open_sorted(call.read(1), &z):
        reply_array(call.out, 0)
        return 0
    length = sorted_length(&z)
    if count < 0:
        reply_members_head(call, -count, with_scores)
        for _ in range(<size_t>-count):
            reply_at(call, &z, (call.keyspace.random() >> 8) % length, with_scores)
    elif <size_t>count >= length:
        reply_members_head(call, length, with_scores)
        # From the highest on, as Redis has it.
        cursor_start(&c, &z, length - 1, length, True)
        while cursor_next(&c):
            reply_member(call, c.text, c.length, c.score, with_scores)
    else:
        reply_members_head(call, count, with_scores)
        if <size_t>count * MANY_OF_ALL > length:
            reply_some(call, &z, count, with_scores)
        else:
            reply_few(call, &z, count, with_scores)
    return 0

declare(
    "ZRANDMEMBER key [count [WITHSCORES]]=options",
    native(zrandmember), summary="Return random members of a sorted set.",
    group="sorted-set", since="6.2.0", flags=READONLY,
    complexity="O(N log M) where N is the number of members returned and M that of members in the sorted set",
    tips="nondeterministic_output",
)


# ZSCAN

cdef struct Walk:
    Out* out
    const char* pattern      # NULL: every member
    size_t pattern_length
    bint with_scores
    uint64_t seen
    uint64_t shown


cdef void show(void* context, const char* text, size_t length, double score) noexcept nogil:
    cdef Walk* walk = <Walk*>context
    cdef char number[DOUBLE_TEXT_SIZE]
    walk.seen += 1
    if walk.pattern != NULL and not glob_match(walk.pattern, walk.pattern_length, text, length, False):
        return
    walk.shown += 1
    reply_bulk(walk.out, text, length)
    if walk.with_scores:
        # A text in RESP3 too.
        reply_bulk(walk.out, number, format_double(number, score))


cdef int read_scan_options(Call call, Walk* walk, int64_t* wanted) except -1:
    cdef size_t i = 3
    while i < call.argc:
        if call.word_is(i, b"NOSCORES", 8):
            walk.with_scores = False
            i += 1
            continue
        if call.word_is(i, b"NOVALUES", 8):
            raise CommandError(errors.NOVALUES_ELSEWHERE)
        read_scan_option(call, i, &walk.pattern, &walk.pattern_length, wanted)
        i += 2
    return 0


cdef int zscan(Call call) except -1:
    cdef unsigned long long cursor
    cdef uint64_t at
    cdef int64_t wanted = 10
    cdef int64_t steps
    cdef Sorted z
    cdef Walk walk
    cdef Out found
    cdef char text[24]
    if not parse_uint64_lenient(call.argv[2].ptr, call.argv[2].len, &cursor):
        raise CommandError(errors.INVALID_CURSOR)
    if not open_sorted(call.read(1), &z):
        # The options of a key that is not there are not looked at.
        reply_array(call.out, 2)
        reply_bulk(call.out, b"0", 1)
        reply_array(call.out, 0)
        return 0
    walk.pattern = NULL
    walk.with_scores = True
    walk.seen = walk.shown = 0
    read_scan_options(call, &walk, &wanted)
    out_init(&found)
    walk.out = &found
    at = cursor
    steps = wanted * STEPS_A_MEMBER if wanted < INT64_MAX // STEPS_A_MEMBER else wanted
    while True:
        at = sorted_scan(&z, at, show, &walk)
        steps -= 1
        if at == 0 or steps <= 0 or <int64_t>walk.seen >= wanted:
            break
    reply_array(call.out, 2)
    reply_bulk(call.out, text, format_uint64(text, at))
    reply_array(call.out, 2 * walk.shown if walk.with_scores else walk.shown)
    out_splice(call.out, &found)
    return 0

declare(
    "ZSCAN key cursor [MATCH pattern] [COUNT count] [NOSCORES]", native(zscan),
    summary="Walk through the members of a sorted set step by step.", group="sorted-set", since="2.8.0", flags=READONLY,
    complexity="O(1) a call, O(N) for the whole where N is the number of members", tips="nondeterministic_output",
    added={"8.0.0": "NOSCORES"},
)
