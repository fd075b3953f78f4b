"""Unions, intersections and differences of sorted sets, replied, stored or counted."""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

from redpoll.commands.call cimport Call, native, refuse_type
from redpoll.commands.sorted_set cimport limits_of, reply_member, reply_members_head, store_sorted
from redpoll.engine.entry cimport Entry, entry_key, entry_key_length
from redpoll.engine.gathering cimport (
    AGGREGATE_COUNT, AGGREGATE_MAX, AGGREGATE_MIN, AGGREGATE_SUM, Aggregate, Gathering, Source, count_intersection,
    gather_build, gather_difference, gather_free, gather_init, gather_intersection, gather_sort, gather_union,
    source_length, source_open,
)
from redpoll.engine.numbers cimport parse_double, parse_int64
from redpoll.engine.sorted_set cimport Limits, Sorted
from redpoll.wire.reply cimport reply_integer

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, READONLY, WRITE
from redpoll.errors import CommandError

cdef enum Operation:
    UNION
    INTERSECTION
    DIFFERENCE

# What one of these commands was told.
cdef struct Plan:
    Operation operation
    size_t numkeys_word
    size_t count
    Source* sources
    Aggregate how
    bint with_scores
    int64_t limit            # 0: none


# What a command takes behind its keys.
cdef enum Options:
    OPTION_WEIGHTS = 1       # WEIGHTS and AGGREGATE
    OPTION_SCORES = 2
    OPTION_LIMIT = 4


cdef int read_count(Call call, Plan* plan, str name) except -1:
    cdef int64_t count
    call.integer(plan.numkeys_word, &count)
    if count < 1:
        raise CommandError(errors.needs_input_key(name))
    if count > <int64_t>(call.argc - plan.numkeys_word - 1):
        raise CommandError(errors.SYNTAX)
    plan.count = count
    return 0


cdef int open_sources(Call call, Plan* plan) except -1:
    cdef Entry** slot
    cdef size_t i
    for i in range(plan.count):
        slot = call.read(plan.numkeys_word + 1 + i)
        if not source_open(&plan.sources[i], NULL if slot == NULL else slot[0]):
            refuse_type()
    return 0


cdef int read_options(Call call, Plan* plan, int allowed) except -1:
    cdef size_t i = plan.numkeys_word + 1 + plan.count
    cdef size_t left, j
    cdef long long limit
    while i < call.argc:
        left = call.argc - i - 1
        if allowed & OPTION_WEIGHTS and left >= plan.count and call.word_is(i, b"WEIGHTS", 7):
            for j in range(plan.count):
                if not parse_double(call.argv[i + 1 + j].ptr, call.argv[i + 1 + j].len, &plan.sources[j].weight):
                    raise CommandError(errors.WEIGHT_NOT_A_FLOAT)
            i += plan.count
        elif allowed & OPTION_WEIGHTS and left and call.word_is(i, b"AGGREGATE", 9):
            i += 1
            read_aggregate(call, i, plan)
        elif allowed & OPTION_SCORES and call.word_is(i, b"WITHSCORES", 10):
            plan.with_scores = True
        elif allowed & OPTION_LIMIT and left and call.word_is(i, b"LIMIT", 5):
            i += 1
            if not parse_int64(call.argv[i].ptr, call.argv[i].len, &limit) or limit < 0:
                raise CommandError(errors.NEGATIVE_LIMIT)
            plan.limit = limit
        else:
            raise CommandError(errors.SYNTAX)
        i += 1
    return 0


cdef int read_aggregate(Call call, size_t word, Plan* plan) except -1:
    if call.word_is(word, b"SUM", 3):
        plan.how = AGGREGATE_SUM
    elif call.word_is(word, b"MIN", 3):
        plan.how = AGGREGATE_MIN
    elif call.word_is(word, b"MAX", 3):
        plan.how = AGGREGATE_MAX
    elif call.word_is(word, b"COUNT", 5):
        plan.how = AGGREGATE_COUNT
    else:
        raise CommandError(errors.SYNTAX)
    return 0


cdef void smallest_first(Source* sources, size_t count) noexcept:
    """As Redis orders them: sums of floats depend on it, besides the work."""
    cdef size_t i, j
    cdef Source source
    for i in range(1, count):
        source = sources[i]
        j = i
        while j and source_length(&sources[j - 1]) > source_length(&source):
            sources[j] = sources[j - 1]
            j -= 1
        sources[j] = source


cdef void gather(Call call, const Plan* plan, Gathering* g) noexcept:
    gather_init(g, call.keyspace.seed)
    if plan.operation == UNION:
        smallest_first(plan.sources, plan.count)
        gather_union(g, plan.sources, plan.count, plan.how)
    elif plan.operation == INTERSECTION:
        smallest_first(plan.sources, plan.count)
        gather_intersection(g, plan.sources, plan.count, plan.how)
    else:
        gather_difference(g, plan.sources, plan.count)


cdef void reply_gathered(Call call, Gathering* g, bint with_scores) noexcept:
    cdef size_t i
    cdef Entry* e
    gather_sort(g)
    reply_members_head(call, g.count, with_scores)
    for i in range(g.count):
        e = g.items[i].member
        reply_member(call, entry_key(e), entry_key_length(e), g.items[i].score, with_scores)


cdef int prepare(Call call, Plan* plan, int allowed, str name) except -1:
    """Read all words. The sources are the caller's to free, also after an error."""
    plan.sources = NULL
    plan.how = AGGREGATE_SUM
    plan.with_scores = False
    plan.limit = 0
    read_count(call, plan, name)
    plan.sources = <Source*>malloc(plan.count * sizeof(Source))
    if plan.sources == NULL:
        raise MemoryError
    open_sources(call, plan)
    return read_options(call, plan, allowed)


cdef int answer(Call call, Operation operation, int allowed, str name) except -1:
    cdef Plan plan
    cdef Gathering gathered
    plan.operation = operation
    plan.numkeys_word = 1
    try:
        prepare(call, &plan, allowed, name)
        gather(call, &plan, &gathered)
    finally:
        free(plan.sources)
    reply_gathered(call, &gathered, plan.with_scores)
    gather_free(&gathered)
    return 0


cdef int store(Call call, Operation operation, int allowed, str name) except -1:
    cdef Plan plan
    cdef Gathering gathered
    cdef Limits limits
    cdef Sorted made
    cdef bytes event = name.encode()
    plan.operation = operation
    plan.numkeys_word = 2
    try:
        prepare(call, &plan, allowed, name)
        gather(call, &plan, &gathered)
    finally:
        free(plan.sources)
    limits_of(call, &limits)
    gather_build(&gathered, &limits, &made)
    store_sorted(call, &made, event, 1)
    return 0


cdef int zunion(Call call) except -1:
    return answer(call, UNION, OPTION_WEIGHTS | OPTION_SCORES, "zunion")

declare(
    "ZUNION numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX | COUNT>] [WITHSCORES]",
    native(zunion), summary="Return the union of sorted sets.", group="sorted-set", since="6.2.0", flags=READONLY,
    complexity="O(N + M log M) with N the number of members of all sorted sets and M that of the result",
    added={"8.8.0": "COUNT"},
)


cdef int zunionstore(Call call) except -1:
    return store(call, UNION, OPTION_WEIGHTS, "zunionstore")

declare(
    "ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX | COUNT>]",
    native(zunionstore), summary="Store the union of sorted sets under a key.", group="sorted-set", since="2.0.0",
    flags=WRITE | DENYOOM, keys=("OW update", "RO access"),
    complexity="O(N + M log M) with N the number of members of all sorted sets and M that of the result",
    added={"8.8.0": "COUNT"},
)


cdef int zinter(Call call) except -1:
    return answer(call, INTERSECTION, OPTION_WEIGHTS | OPTION_SCORES, "zinter")

declare(
    "ZINTER numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX | COUNT>] [WITHSCORES]",
    native(zinter), summary="Return the intersection of sorted sets.", group="sorted-set", since="6.2.0",
    flags=READONLY,
    complexity="O(N*K + M log M) with N the size of the smallest of K sorted sets and M that of the result",
    added={"8.8.0": "COUNT"},
)


cdef int zinterstore(Call call) except -1:
    return store(call, INTERSECTION, OPTION_WEIGHTS, "zinterstore")

declare(
    "ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX | COUNT>]",
    native(zinterstore), summary="Store the intersection of sorted sets under a key.", group="sorted-set",
    since="2.0.0", flags=WRITE | DENYOOM, keys=("OW update", "RO access"),
    complexity="O(N*K + M log M) with N the size of the smallest of K sorted sets and M that of the result",
    added={"8.8.0": "COUNT"},
)


cdef int zdiff(Call call) except -1:
    return answer(call, DIFFERENCE, OPTION_SCORES, "zdiff")

declare(
    "ZDIFF numkeys key [key ...] [WITHSCORES]", native(zdiff),
    summary="Return the members of a sorted set that others do not have.", group="sorted-set", since="6.2.0",
    flags=READONLY,
    complexity="O(L + M log M) with L the number of members of all sorted sets and M that of the result",
)


cdef int zdiffstore(Call call) except -1:
    return store(call, DIFFERENCE, 0, "zdiffstore")

declare(
    "ZDIFFSTORE destination numkeys key [key ...]", native(zdiffstore),
    summary="Store the members of a sorted set that others do not have under a key.", group="sorted-set", since="6.2.0",
    flags=WRITE | DENYOOM, keys=("OW update", "RO access"),
    complexity="O(L + M log M) with L the number of members of all sorted sets and M that of the result",
)


cdef int zintercard(Call call) except -1:
    cdef Plan plan
    cdef size_t found
    plan.operation = INTERSECTION
    plan.numkeys_word = 1
    try:
        prepare(call, &plan, OPTION_LIMIT, "zintercard")
        smallest_first(plan.sources, plan.count)
        found = count_intersection(plan.sources, plan.count, plan.limit if plan.limit else <size_t>-1)
    finally:
        free(plan.sources)
    reply_integer(call.out, found)
    return 0

declare(
    "ZINTERCARD numkeys key [key ...] [LIMIT limit]", native(zintercard),
    summary="Count the members that all of several sorted sets have.", group="sorted-set", since="7.0.0",
    flags=READONLY,
    complexity="O(N*K) worst case with N the size of the smallest of K sorted sets",
)
