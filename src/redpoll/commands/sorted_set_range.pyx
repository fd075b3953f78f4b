"""Ranges of sorted sets, by rank, score or text: reading, storing, counting and removing them."""

from libc.stdint cimport int64_t
from cpython.list cimport PyList_New

from redpoll.commands.call cimport Call, native
from redpoll.commands.sorted_set cimport (
    limits_of, open_sorted, removed_from, reply_member, reply_members_head, store_sorted,
)
from redpoll.engine.entry cimport Entry
from redpoll.engine.memory cimport KIND_COLLECTION, allocate, release
from redpoll.engine.numbers cimport parse_bound
from redpoll.engine.rank_tree cimport (
    BOUND_END, BOUND_LEX_ABOVE, BOUND_LEX_FROM, BOUND_SCORE_ABOVE, BOUND_SCORE_FROM, BOUND_START, Bound, Scored,
    member_new,
)
from redpoll.engine.sorted_set cimport (
    Cursor, Limits, Sorted, cursor_next, cursor_start, sorted_before, sorted_build, sorted_length, sorted_new,
    sorted_remove_ranks,
)
from redpoll.wire.direct cimport Direct, direct_put, direct_string
from redpoll.wire.reply cimport reply_array, reply_integer

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, FAST, READONLY, WRITE
from redpoll.errors import CommandError

cdef enum By:
    BY_RANK
    BY_SCORE
    BY_LEX

# A range as the words say it ...
cdef struct Range:
    By by
    bint backwards
    int64_t start            # ranks, from the end when negative
    int64_t stop
    Bound low
    Bound high
    int64_t offset
    int64_t limit            # below zero: none
    bint with_scores

# ... and where it is in a sorted set: `count` members from a rank on, in the direction of the range.
cdef struct Span:
    size_t rank
    size_t count


# Reading ranges

cdef int read_score_bound(Call call, size_t word, bint is_low, Bound* bound) except -1:
    cdef const char* text = call.argv[word].ptr
    cdef size_t length = call.argv[word].len
    cdef bint exclusive = length > 0 and text[0] == c"("
    if not parse_bound(text + exclusive, length - exclusive, &bound.score):
        raise CommandError(errors.RANGE_NOT_A_FLOAT)
    bound.kind = BOUND_SCORE_FROM if is_low != exclusive else BOUND_SCORE_ABOVE
    return 0


cdef int read_lex_bound(Call call, size_t word, bint is_low, Bound* bound) except -1:
    cdef const char* text = call.argv[word].ptr
    cdef size_t length = call.argv[word].len
    if length == 1 and text[0] == c"-":
        bound.kind = BOUND_START
        return 0
    if length == 1 and text[0] == c"+":
        bound.kind = BOUND_END
        return 0
    if length == 0 or (text[0] != c"[" and text[0] != c"("):
        raise CommandError(errors.RANGE_NOT_A_TEXT)
    bound.kind = BOUND_LEX_FROM if is_low != (text[0] == c"(") else BOUND_LEX_ABOVE
    bound.text = text + 1
    bound.length = length - 1
    return 0


cdef int read_range(Call call, size_t first, Range* wanted) except -1:
    """The two ends at a word and the next, which the other fields tell how to read."""
    cdef size_t low = first + 1 if wanted.backwards and wanted.by != BY_RANK else first
    cdef size_t high = 2 * first + 1 - low
    if wanted.by == BY_RANK:
        call.integer(first, &wanted.start)
        call.integer(first + 1, &wanted.stop)
    elif wanted.by == BY_SCORE:
        read_score_bound(call, low, True, &wanted.low)
        read_score_bound(call, high, False, &wanted.high)
    else:
        read_lex_bound(call, low, True, &wanted.low)
        read_lex_bound(call, high, False, &wanted.high)
    return 0


cdef void range_init(Range* wanted, By by, bint backwards) noexcept:
    wanted.by = by
    wanted.backwards = backwards
    wanted.offset = 0
    wanted.limit = -1
    wanted.with_scores = False


cdef Span span_of(const Sorted* z, const Range* wanted) noexcept:
    cdef Span span
    cdef int64_t length = sorted_length(z)
    cdef int64_t first, end
    span.rank = span.count = 0
    if wanted.by == BY_RANK:
        first = max(wanted.start + length if wanted.start < 0 else wanted.start, <int64_t>0)
        end = wanted.stop + length if wanted.stop < 0 else wanted.stop
        if first > end or first >= length:
            return span
        end = min(end, length - 1) + 1
    else:
        first = sorted_before(z, &wanted.low)
        end = sorted_before(z, &wanted.high)
        if wanted.backwards:
            # From here on ranks count in the direction of the range.
            first, end = length - end, length - first
        if first >= end or wanted.offset < 0 or wanted.offset >= end - first:
            return span
        first += wanted.offset
        if 0 <= wanted.limit < end - first:
            end = first + wanted.limit
    span.rank = length - 1 - first if wanted.backwards else first
    span.count = end - first
    return span


cdef list values_of(Direct direct, Cursor* c, size_t count, bint with_scores):
    """Members, or pairs of them and their scores, as Python values."""
    cdef list made = PyList_New(count)
    cdef size_t i = 0
    cdef object one
    while cursor_next(c):
        one = direct_string(direct, c.text, c.length)
        if with_scores:
            one = (one, c.score) if direct.wants_pairs else [one, c.score]
        direct_put(made, i, one)
        i += 1
    return made


cdef int reply_range(Call call, const Range* wanted, size_t key) except -1:
    cdef Sorted z
    cdef Span span
    cdef Cursor c
    if not open_sorted(call.read(key), &z):
        reply_array(call.out, 0)
        return 0
    span = span_of(&z, wanted)
    if call.direct != NULL and (not wanted.with_scores or call.out.resp == 3 or (<Direct>call.direct).wants_pairs):
        cursor_start(&c, &z, span.rank, span.count, wanted.backwards)
        call.given = values_of(<Direct>call.direct, &c, span.count, wanted.with_scores)
        return 0
    reply_members_head(call, span.count, wanted.with_scores)
    cursor_start(&c, &z, span.rank, span.count, wanted.backwards)
    while cursor_next(&c):
        reply_member(call, c.text, c.length, c.score, wanted.with_scores)
    return 0


# ZRANGE and its older kin

cdef enum Options:
    OPTION_SCORES = 1        # that a command has: WITHSCORES,
    OPTION_KIND = 2          # BYSCORE or BYLEX,
    OPTION_REV = 4


cdef int read_range_options(Call call, size_t first, int allowed, Range* wanted) except -1:
    """LIMIT, which every range has, and those in `allowed`; kind and direction may be said once."""
    cdef size_t i = first
    cdef size_t left
    while i < call.argc:
        left = call.argc - i - 1
        if allowed & OPTION_SCORES and call.word_is(i, b"WITHSCORES", 10):
            wanted.with_scores = True
        elif left >= 2 and call.word_is(i, b"LIMIT", 5):
            call.integer(i + 1, &wanted.offset)
            call.integer(i + 2, &wanted.limit)
            i += 2
        elif allowed & OPTION_REV and call.word_is(i, b"REV", 3):
            wanted.backwards = True
            allowed &= ~OPTION_REV
        elif allowed & OPTION_KIND and call.word_is(i, b"BYLEX", 5):
            wanted.by = BY_LEX
            allowed &= ~OPTION_KIND
        elif allowed & OPTION_KIND and call.word_is(i, b"BYSCORE", 7):
            wanted.by = BY_SCORE
            allowed &= ~OPTION_KIND
        else:
            raise CommandError(errors.SYNTAX)
        i += 1
    if wanted.by == BY_RANK and wanted.limit != -1:
        raise CommandError(errors.LIMIT_BY_RANK)
    if wanted.by == BY_LEX and wanted.with_scores:
        raise CommandError(errors.SCORES_BY_LEX)
    return 0


cdef int range_by(Call call, By by, bint backwards, int allowed) except -1:
    cdef Range wanted
    range_init(&wanted, by, backwards)
    if call.argc > 4:
        read_range_options(call, 4, allowed, &wanted)
    read_range(call, 2, &wanted)
    return reply_range(call, &wanted, 1)


cdef int zrange(Call call) except -1:
    return range_by(call, BY_RANK, False, OPTION_SCORES | OPTION_KIND | OPTION_REV)

declare(
    "ZRANGE key start:string stop:string [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]", native(zrange),
    summary="Return members of a sorted set within a range of ranks, scores or texts.", group="sorted-set",
    since="1.2.0",
    flags=READONLY, added={"6.2.0": "REV sortby LIMIT"},
    complexity="O(log(N)+M) with N being the number of members in the sorted set and M the number of members returned",
)


cdef int zrevrange(Call call) except -1:
    return range_by(call, BY_RANK, True, OPTION_SCORES)

declare(
    "ZREVRANGE key start stop [WITHSCORES]", native(zrevrange),
    summary="Return members of a sorted set within a range of ranks, from the highest score on.", group="sorted-set",
    since="1.2.0", flags=READONLY, deprecated="6.2.0", replaced_by="`ZRANGE` with the `REV` argument",
    complexity="O(log(N)+M) with N being the number of members in the sorted set and M the number of members returned",
)


cdef int zrangebyscore(Call call) except -1:
    return range_by(call, BY_SCORE, False, OPTION_SCORES)

declare(
    "ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]", native(zrangebyscore),
    summary="Return members of a sorted set within a range of scores.", group="sorted-set", since="1.0.5",
    flags=READONLY,
    deprecated="6.2.0", replaced_by="`ZRANGE` with the `BYSCORE` argument", added={"2.0.0": "WITHSCORES"},
    complexity="O(log(N)+M) with N being the number of members in the sorted set and M the number of members returned",
)


cdef int zrevrangebyscore(Call call) except -1:
    return range_by(call, BY_SCORE, True, OPTION_SCORES)

declare(
    "ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]", native(zrevrangebyscore),
    summary="Return members of a sorted set within a range of scores, from the highest on.", group="sorted-set",
    since="2.2.0", flags=READONLY, deprecated="6.2.0",
    replaced_by="`ZRANGE` with the `REV` and `BYSCORE` arguments",
    complexity="O(log(N)+M) with N being the number of members in the sorted set and M the number of members returned",
)


cdef int zrangebylex(Call call) except -1:
    return range_by(call, BY_LEX, False, OPTION_SCORES)

declare(
    "ZRANGEBYLEX key min:string max:string [LIMIT offset count]", native(zrangebylex),
    summary="Return members of a sorted set within a range of texts.", group="sorted-set", since="2.8.9",
    flags=READONLY,
    deprecated="6.2.0", replaced_by="`ZRANGE` with the `BYLEX` argument",
    complexity="O(log(N)+M) with N being the number of members in the sorted set and M the number of members returned",
)


cdef int zrevrangebylex(Call call) except -1:
    return range_by(call, BY_LEX, True, OPTION_SCORES)

declare(
    "ZREVRANGEBYLEX key max:string min:string [LIMIT offset count]", native(zrevrangebylex),
    summary="Return members of a sorted set within a range of texts, from the last on.", group="sorted-set",
    since="2.8.9", flags=READONLY, deprecated="6.2.0", replaced_by="`ZRANGE` with the `REV` and `BYLEX` arguments",
    complexity="O(log(N)+M) with N being the number of members in the sorted set and M the number of members returned",
)


cdef void copy_span(const Sorted* z, const Span* span, bint backwards, const Limits* limits, Sorted* copy) noexcept:
    """A new sorted set of a part of another."""
    cdef Scored* items
    cdef Cursor c
    cdef size_t i = 0
    if not span.count:
        sorted_new(copy, limits, 0, 0)
        return
    items = <Scored*>allocate(span.count * sizeof(Scored), KIND_COLLECTION)
    cursor_start(&c, z, span.rank + 1 - span.count if backwards else span.rank, span.count, False)
    while cursor_next(&c):
        items[i].score = c.score
        items[i].member = member_new(c.text, c.length, c.score)
        i += 1
    sorted_build(copy, limits, items, i, NULL)
    release(items, span.count * sizeof(Scored), KIND_COLLECTION)


cdef int zrangestore(Call call) except -1:
    cdef Range wanted
    cdef Sorted z, made
    cdef Span span
    cdef Limits limits
    range_init(&wanted, BY_RANK, False)
    read_range_options(call, 5, OPTION_KIND | OPTION_REV, &wanted)
    read_range(call, 3, &wanted)
    limits_of(call, &limits)
    span.rank = span.count = 0
    if open_sorted(call.read(2), &z):
        span = span_of(&z, &wanted)
    copy_span(&z, &span, wanted.backwards, &limits, &made)
    store_sorted(call, &made, b"zrangestore", 1)
    return 0

declare(
    "ZRANGESTORE dst src min:string max:string [BYSCORE | BYLEX] [REV] [LIMIT offset count]", native(zrangestore),
    summary="Store a range of the members of a sorted set under another key.", group="sorted-set", since="6.2.0",
    flags=WRITE | DENYOOM, keys=("OW update", "RO access"),
    complexity="O(log(N)+M) with N being the number of members in the sorted set and M the number of members stored",
)


# Counting

cdef int count_range(Call call, By by) except -1:
    cdef Range wanted
    cdef Sorted z
    range_init(&wanted, by, False)
    read_range(call, 2, &wanted)
    reply_integer(call.out, span_of(&z, &wanted).count if open_sorted(call.read(1), &z) else 0)
    return 0


cdef int zcount(Call call) except -1:
    return count_range(call, BY_SCORE)

declare(
    "ZCOUNT key min max", native(zcount), summary="Count the members of a sorted set within a range of scores.",
    group="sorted-set", since="2.0.0", flags=READONLY | FAST, complexity="O(log N)",
)


cdef int zlexcount(Call call) except -1:
    return count_range(call, BY_LEX)

declare(
    "ZLEXCOUNT key min:string max:string", native(zlexcount),
    summary="Count the members of a sorted set within a range of texts.", group="sorted-set", since="2.8.9",
    flags=READONLY | FAST, complexity="O(log N)",
)


# Removing

cdef int remove_range(Call call, By by, const char* event) except -1:
    cdef Range wanted
    cdef Entry** slot
    cdef Sorted z
    cdef Span span
    range_init(&wanted, by, False)
    read_range(call, 2, &wanted)
    slot = call.write(1)
    span.count = 0
    if open_sorted(slot, &z):
        span = span_of(&z, &wanted)
        if span.count:
            sorted_remove_ranks(&z, span.rank, span.count)
            removed_from(call, slot, &z, event, 1)
    reply_integer(call.out, span.count)
    return 0


cdef int zremrangebyrank(Call call) except -1:
    return remove_range(call, BY_RANK, b"zremrangebyrank")

declare(
    "ZREMRANGEBYRANK key start stop", native(zremrangebyrank),
    summary="Remove the members of a sorted set within a range of ranks.", group="sorted-set", since="2.0.0",
    flags=WRITE,
    keys="RW delete", complexity="O(log(N)+M) with N being the number of members and M the number of those removed",
)


cdef int zremrangebyscore(Call call) except -1:
    return remove_range(call, BY_SCORE, b"zremrangebyscore")

declare(
    "ZREMRANGEBYSCORE key min max", native(zremrangebyscore),
    summary="Remove the members of a sorted set within a range of scores.", group="sorted-set", since="1.2.0",
    flags=WRITE,
    keys="RW delete", complexity="O(log(N)+M) with N being the number of members and M the number of those removed",
)


cdef int zremrangebylex(Call call) except -1:
    return remove_range(call, BY_LEX, b"zremrangebylex")

declare(
    "ZREMRANGEBYLEX key min:string max:string", native(zremrangebylex),
    summary="Remove the members of a sorted set within a range of texts.", group="sorted-set", since="2.8.9",
    flags=WRITE,
    keys="RW delete", complexity="O(log(N)+M) with N being the number of members and M the number of those removed",
)
