"""Members of sorted sets: adding, removing, scores and ranks."""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

from redpoll.commands.call cimport EVENT_GENERIC, EVENT_ZSET, Call, native
from redpoll.engine.entry cimport TYPE_ZSET, Entry
from redpoll.engine.numbers cimport parse_double
from redpoll.engine.sorted_set cimport (
    INCREMENT, ONLY_EXISTING, ONLY_HIGHER, ONLY_LOWER, ONLY_NEW, OUTCOME_ADDED, OUTCOME_NOTHING, OUTCOME_NOT_A_NUMBER,
    OUTCOME_UPDATED, Limits, Outcome, Sorted, sorted_free, sorted_length, sorted_new, sorted_prepare, sorted_put,
    sorted_rank, sorted_remove, sorted_score,
)
from redpoll.wire.reply cimport (
    reply_array, reply_bulk, reply_double, reply_integer, reply_null, reply_null_array,
)

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, FAST, READONLY, WRITE
from redpoll.errors import CommandError

cdef enum:
    SCORES_AT_HAND = 64      # pairs of a ZADD that need no memory of their own


cdef void removed_from(Call call, Entry** slot, Sorted* z, const char* event, size_t word) noexcept:
    keep(slot, z)
    if sorted_length(z):
        call.changed(EVENT_ZSET, event, word)
        return
    call.db.remove(slot, call.hash_of(word))
    call.changed(EVENT_ZSET, event, word)
    call.also(EVENT_GENERIC, b"del", word)


cdef void store_sorted(Call call, Sorted* z, const char* event, size_t word) noexcept:
    cdef Entry** slot = call.write(word)
    cdef size_t length = sorted_length(z)
    if length:
        call.db.put_value(slot, call.argv[word].ptr, call.argv[word].len, call.hash_of(word), TYPE_ZSET,
                          z.encoding, z.value, -1)
        call.changed(EVENT_ZSET, event, word)
    else:
        sorted_free(z)
        if slot != NULL:
            call.db.remove(slot, call.hash_of(word))
            call.changed(EVENT_GENERIC, b"del", word)
    reply_integer(call.out, length)


cdef void reply_member(Call call, const char* text, size_t length, double score, bint with_score) noexcept:
    if not with_score:
        reply_bulk(call.out, text, length)
        return
    if call.out.resp == 3:
        reply_array(call.out, 2)
    reply_bulk(call.out, text, length)
    reply_double(call.out, score)


cdef void reply_members_head(Call call, size_t count, bint with_scores) noexcept:
    reply_array(call.out, count * 2 if with_scores and call.out.resp == 2 else count)


# Adding

cdef size_t read_add_options(Call call, size_t first, int* options) except 0:
    """Which word comes behind ZADD's options."""
    cdef size_t i = first
    while i < call.argc:
        if call.word_is(i, b"NX", 2):
            options[0] |= ONLY_NEW
        elif call.word_is(i, b"XX", 2):
            options[0] |= ONLY_EXISTING
        elif call.word_is(i, b"GT", 2):
            options[0] |= ONLY_HIGHER
        elif call.word_is(i, b"LT", 2):
            options[0] |= ONLY_LOWER
        elif call.word_is(i, b"CH", 2):
            options[0] |= COUNT_CHANGED
        elif call.word_is(i, b"INCR", 4):
            options[0] |= INCREMENT
        else:
            break
        i += 1
    return i


cdef int check_add_options(Call call, size_t first, int options) except -1:
    cdef size_t words = call.argc - first
    if words & 1 or not words:
        raise CommandError(errors.SYNTAX)
    if options & ONLY_NEW and options & ONLY_EXISTING:
        raise CommandError(errors.ZADD_XX_AND_NX)
    if ((options & ONLY_HIGHER and options & (ONLY_NEW | ONLY_LOWER))
            or (options & ONLY_LOWER and options & ONLY_NEW)):
        raise CommandError(errors.ZADD_GT_LT_NX)
    if options & INCREMENT and words > 2:
        raise CommandError(errors.ZADD_INCR_PAIRS)
    return 0


cdef int put_members(Call call, size_t first, size_t step, size_t count, int options, const double* scores) except -1:
    cdef Entry** slot = call.write(1)
    cdef size_t longest = 0
    cdef size_t i
    cdef size_t word = first
    cdef size_t added = 0
    cdef size_t updated = 0
    cdef Limits limits
    cdef Sorted z
    cdef Outcome outcome = OUTCOME_NOTHING
    cdef double score = 0
    cdef bint there = open_sorted(slot, &z)
    limits_of(call, &limits)
    if there:
        sorted_prepare(&z, &limits, count)
    elif not options & ONLY_EXISTING:
        for i in range(count):
            longest = max(longest, call.argv[first + i * step].len)
        sorted_new(&z, &limits, count, longest)
    if there or not options & ONLY_EXISTING:
        for i in range(count):
            outcome = sorted_put(&z, &limits, call.argv[word].ptr, call.argv[word].len, scores[i], options, &score)
            added += outcome == OUTCOME_ADDED
            updated += outcome == OUTCOME_UPDATED
            word += step
        if there:
            keep(slot, &z)
        else:
            call.db.put_value(NULL, call.argv[1].ptr, call.argv[1].len, call.hash_of(1), TYPE_ZSET,
                              z.encoding, z.value, -1)
    if outcome == OUTCOME_NOT_A_NUMBER:
        raise CommandError(errors.SCORE_NOT_A_NUMBER)
    if added + updated:
        call.changed(EVENT_ZSET, b"zincr" if options & INCREMENT else b"zadd", 1)
    if not options & INCREMENT:
        reply_integer(call.out, added + updated if options & COUNT_CHANGED else added)
    elif outcome == OUTCOME_NOTHING:
        reply_null(call.out)
    else:
        reply_double(call.out, score)
    return 0


cdef int add(Call call, size_t first, int options) except -1:
    cdef double at_hand[SCORES_AT_HAND]
    cdef double* scores = at_hand
    cdef size_t pairs = (call.argc - first) // 2
    cdef size_t i
    if pairs > SCORES_AT_HAND:
        scores = <double*>malloc(pairs * sizeof(double))
        if scores == NULL:
            raise MemoryError
    try:
        for i in range(pairs):
            if not parse_double(call.argv[first + 2 * i].ptr, call.argv[first + 2 * i].len, &scores[i]):
                raise CommandError(errors.NOT_A_FLOAT)
        put_members(call, first + 1, 2, pairs, options, scores)
    finally:
        if scores != at_hand:
            free(scores)
    return 0


cdef int zadd(Call call) except -1:
    cdef int options = 0
    cdef size_t first = read_add_options(call, 2, &options)
    check_add_options(call, first, options)
    return add(call, first, options)

declare(
    "ZADD key [NX | XX] [GT | LT]=comparison [CH=change] [INCR=increment] score member [score member ...]",
    native(zadd),
    summary="Add members to a sorted set, or move those that are there to other scores.", group="sorted-set",
    since="1.2.0", flags=WRITE | DENYOOM | FAST, keys="RW update",
    complexity="O(log N) for each member added, where N is the number of members in the sorted set",
    added={"3.0.2": "condition CH INCR", "6.2.0": "comparison"}, history=[("2.4.0", "Accepts several members.")],
)


cdef int zincrby(Call call) except -1:
    return add(call, 2, INCREMENT)

declare(
    "ZINCRBY key increment member", native(zincrby), summary="Add to the score of a member.", group="sorted-set",
    since="1.2.0", flags=WRITE | DENYOOM | FAST, keys="RW access update",
    complexity="O(log N) where N is the number of members in the sorted set",
)


# Removing

cdef int zrem(Call call) except -1:
    cdef Entry** slot = call.write(1)
    cdef Sorted z
    cdef size_t removed = 0
    cdef size_t i
    if open_sorted(slot, &z):
        for i in range(2, call.argc):
            removed += sorted_remove(&z, call.argv[i].ptr, call.argv[i].len)
            if removed and not sorted_length(&z):
                break
        if removed:
            removed_from(call, slot, &z, b"zrem", 1)
    reply_integer(call.out, removed)
    return 0

declare(
    "ZREM key member [member ...]", native(zrem), summary="Remove members from a sorted set.", group="sorted-set",
    since="1.2.0", flags=WRITE | FAST, keys="RW delete",
    complexity="O(M log N) where N is the number of members in the sorted set and M that of members to be removed",
    history=[("2.4.0", "Accepts several members.")],
)


# Looking

cdef int zcard(Call call) except -1:
    cdef Sorted z
    reply_integer(call.out, sorted_length(&z) if open_sorted(call.read(1), &z) else 0)
    return 0

declare(
    "ZCARD key", native(zcard), summary="Return the number of members of a sorted set.", group="sorted-set",
    since="1.2.0", flags=READONLY | FAST, complexity="O(1)", keys="RO",
)


cdef int zscore(Call call) except -1:
    cdef Sorted z
    cdef double score
    if open_sorted(call.read(1), &z) and sorted_score(&z, call.argv[2].ptr, call.argv[2].len, &score):
        reply_double(call.out, score)
    else:
        reply_null(call.out)
    return 0

declare(
    "ZSCORE key member", native(zscore), summary="Return the score of a member.", group="sorted-set", since="1.2.0",
    flags=READONLY | FAST, complexity="O(1)",
)


cdef int zmscore(Call call) except -1:
    cdef Sorted z
    cdef double score
    cdef size_t i
    cdef bint there = open_sorted(call.read(1), &z)
    reply_array(call.out, call.argc - 2)
    for i in range(2, call.argc):
        if there and sorted_score(&z, call.argv[i].ptr, call.argv[i].len, &score):
            reply_double(call.out, score)
        else:
            reply_null(call.out)
    return 0

declare(
    "ZMSCORE key member [member ...]", native(zmscore), summary="Return the scores of several members.",
    group="sorted-set", since="6.2.0", flags=READONLY | FAST,
    complexity="O(N) where N is the number of members asked for",
)


cdef int rank_of(Call call, bint from_high) except -1:
    cdef Sorted z
    cdef double score
    cdef int64_t rank = -1
    cdef bint with_score = call.argc > 3
    if call.argc > 4:
        raise CommandError(errors.wrong_arity("zrevrank" if from_high else "zrank"))
    if with_score and not call.word_is(3, b"WITHSCORE", 9):
        raise CommandError(errors.SYNTAX)
    if open_sorted(call.read(1), &z):
        rank = sorted_rank(&z, call.argv[2].ptr, call.argv[2].len, &score)
    if rank < 0:
        if with_score:
            reply_null_array(call.out)
        else:
            reply_null(call.out)
        return 0
    if from_high:
        rank = <int64_t>sorted_length(&z) - 1 - rank
    if with_score:
        reply_array(call.out, 2)
    reply_integer(call.out, rank)
    if with_score:
        reply_double(call.out, score)
    return 0


cdef int zrank(Call call) except -1:
    return rank_of(call, False)

declare(
    "ZRANK key member [WITHSCORE]", native(zrank),
    summary="Return the rank of a member, from the lowest score.",
    group="sorted-set", since="2.0.0", flags=READONLY | FAST, complexity="O(log N)",
    history=[("7.2.0", "Added `WITHSCORE`.")],
)


cdef int zrevrank(Call call) except -1:
    return rank_of(call, True)

declare(
    "ZREVRANK key member [WITHSCORE]", native(zrevrank),
    summary="Return the rank of a member, from the highest score.",
    group="sorted-set", since="2.0.0", flags=READONLY | FAST, complexity="O(log N)",
    history=[("7.2.0", "Added `WITHSCORE`.")],
)
