"""What several sets have in common, together, or not: told, stored or counted."""

from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport abort, free, malloc
from libc.string cimport memset

from redpoll.commands.call cimport EVENT_GENERIC, EVENT_SET, Call, check_type, native
from redpoll.commands.set_words cimport reply_living
from redpoll.engine.entry cimport TYPE_SET, Entry
from redpoll.engine.hyperloglog cimport HLL_REGISTERS, hll_place, registers_estimate
from redpoll.engine.member cimport MEMBER_SCRATCH, member_text
from redpoll.engine.members cimport BATCH, Batch
from redpoll.engine.set cimport (
    Set, SetCursor, SetRules, rules_of, set_free, set_length, set_next, set_of,
)
from redpoll.engine.set_operations cimport (
    DIFFERENCE, INTERSECTION, UNION, Kind, Operation, operation_begin, operation_end, operation_gather, operation_next,
)
from redpoll.wire.output cimport Out, out_init, out_splice
from redpoll.wire.reply cimport reply_integer, reply_set

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, READONLY, WRITE
from redpoll.errors import CommandError

# Where the sets of the command under way are; it stays, as large as the largest command wanted it.
cdef Set* sources = NULL
cdef size_t sources_room = 0


cdef size_t read_sources(Call call, size_t first, size_t end, Kind kind) except? 0:
    """Look the keys up; how many sets there are. Missing ones are left out, and all if that makes the result empty."""
    global sources, sources_room
    cdef size_t i
    cdef size_t count = 0
    cdef Entry** slot
    cdef bint empty = False
    if end - first > sources_room:
        sources_room = 2 * (end - first)
        free(sources)
        sources = <Set*>malloc(sources_room * sizeof(Set))
        if sources == NULL:
            abort()
    for i in range(first, end):
        slot = call.read(i)
        check_type(slot, TYPE_SET)
        if slot == NULL:
            empty |= kind == INTERSECTION or (kind == DIFFERENCE and i == first)
            continue
        set_of(&sources[count], slot[0])
        count += 1
    return 0 if empty else count


cdef int tell(Call call, Kind kind) except -1:
    cdef SetRules rules
    cdef Operation operation
    cdef Batch batch
    cdef Out found
    cdef size_t sets
    cdef size_t count = 0
    call.prefetch(1, 1)
    sets = read_sources(call, 1, call.argc, kind)
    if not sets:
        reply_set(call.out, 0)
        return 0
    rules_of(&rules, call.keyspace)
    operation_begin(&operation, kind, &rules, sources, sets)
    # How many there are stands before them: few are known at once, more are written beside.
    if set_length(&sources[0]) <= BATCH and (kind != UNION or sets == 1):
        if operation_next(&operation, &batch):
            count = batch.living
        reply_set(call.out, count)
        if count:
            reply_living(call.out, &batch)
    else:
        out_init(&found)
        while operation_next(&operation, &batch):
            reply_living(&found, &batch)
            count += batch.living
        reply_set(call.out, count)
        out_splice(call.out, &found)
    operation_end(&operation)
    return 0


cdef int sinter(Call call) except -1:
    return tell(call, INTERSECTION)


cdef int sunion(Call call) except -1:
    return tell(call, UNION)


cdef int sdiff(Call call) except -1:
    return tell(call, DIFFERENCE)

declare(
    "SINTER key [key ...]", native(sinter), summary="Return the members that all the sets have.", group="set",
    since="1.0.0", flags=READONLY, tips="nondeterministic_output_order",
    complexity="O(N*M) at worst where N is the number of members of the smallest set and M is the number of sets",
)
declare(
    "SUNION key [key ...]", native(sunion), summary="Return the members that any of the sets has.", group="set",
    since="1.0.0", flags=READONLY, tips="nondeterministic_output_order",
    complexity="O(N) where N is the number of members of all the sets",
)
declare(
    "SDIFF key [key ...]", native(sdiff), summary="Return the members of the first set that no other set has.",
    group="set", since="1.0.0", flags=READONLY, tips="nondeterministic_output_order",
    complexity="O(N) where N is the number of members of all the sets",
)


cdef int store(Call call, Kind kind, const char* event) except -1:
    cdef SetRules rules
    cdef Operation operation
    cdef Set result
    cdef Entry** slot
    cdef size_t sets
    cdef size_t count = 0
    call.prefetch(1, 1)
    sets = read_sources(call, 2, call.argc, kind)
    if sets:
        rules_of(&rules, call.keyspace)
        operation_begin(&operation, kind, &rules, sources, sets)
        operation_gather(&operation, &result)
        operation_end(&operation)
        count = set_length(&result)
        if not count:
            set_free(&result)
    slot = call.write(1)
    if count:
        call.db.put_value(slot, call.argv[1].ptr, call.argv[1].len, call.hash_of(1), TYPE_SET,
                          result.encoding, result.value, -1)
        call.changed(EVENT_SET, event, 1)
    elif slot != NULL:
        call.db.remove(slot, call.hash_of(1))
        call.changed(EVENT_GENERIC, b"del", 1)
    reply_integer(call.out, count)
    return 0


cdef int sinterstore(Call call) except -1:
    return store(call, INTERSECTION, b"sinterstore")


cdef int sunionstore(Call call) except -1:
    return store(call, UNION, b"sunionstore")


cdef int sdiffstore(Call call) except -1:
    return store(call, DIFFERENCE, b"sdiffstore")

declare(
    "SINTERSTORE destination key [key ...]", native(sinterstore),
    summary="Store the members that all the sets have as a set.", group="set", since="1.0.0", flags=WRITE | DENYOOM,
    keys=("OW update", "RO access"),
    complexity="O(N*M) at worst where N is the number of members of the smallest set and M is the number of sets",
)
declare(
    "SUNIONSTORE destination key [key ...]", native(sunionstore),
    summary="Store the members that any of the sets has as a set.", group="set", since="1.0.0", flags=WRITE | DENYOOM,
    keys=("OW update", "RO access"), complexity="O(N) where N is the number of members of all the sets",
)
declare(
    "SDIFFSTORE destination key [key ...]", native(sdiffstore),
    summary="Store the members of the first set that no other set has as a set.", group="set", since="1.0.0",
    flags=WRITE | DENYOOM, keys=("OW update", "RO access"),
    complexity="O(N) where N is the number of members of all the sets",
)


cdef int64_t key_count(Call call) except -1:
    """The number of keys at the first word."""
    cdef int64_t count
    try:
        call.integer(1, &count)
    except CommandError:
        count = 0
    if count < 1:
        raise CommandError(errors.not_positive("numkeys"))
    if count > <int64_t>call.argc - 2:
        raise CommandError(errors.TOO_MANY_KEYS)
    return count


cdef int64_t limit_at(Call call, size_t word) except -1:
    cdef int64_t limit
    try:
        call.integer(word, &limit)
    except CommandError:
        limit = -1
    if limit < 0:
        raise CommandError(errors.NEGATIVE_LIMIT)
    return limit


cdef size_t estimated_union(size_t sets) noexcept:
    """A HyperLogLog's estimate: each member is looked at once, and nothing is remembered of it."""
    cdef uint8_t registers[HLL_REGISTERS]
    cdef char scratch[MEMBER_SCRATCH]
    cdef SetCursor cursor
    cdef Batch batch
    cdef const char* text
    cdef size_t i, j, length, register
    cdef uint8_t zeros
    memset(registers, 0, sizeof(registers))
    for i in range(sets):
        memset(&cursor, 0, sizeof(cursor))
        set_next(&sources[i], &cursor, &batch)
        while batch.count:
            for j in range(batch.count):
                text = member_text(&batch.members[j], scratch, &length)
                hll_place(text, length, &register, &zeros)
                if registers[register] < zeros:
                    registers[register] = zeros
            set_next(&sources[i], &cursor, &batch)
    return registers_estimate(registers)


cdef int count_members(Call call, Kind kind, bint may_estimate) except -1:
    cdef SetRules rules
    cdef Operation operation
    cdef Batch batch
    cdef size_t sets
    cdef size_t end = 2 + key_count(call)
    cdef size_t i = end
    cdef size_t count = 0
    cdef size_t limit = 0
    cdef bint estimate = False
    while i < call.argc:
        if call.word_is(i, b"LIMIT", 5) and i + 1 < call.argc:
            i += 1
            limit = limit_at(call, i)
        elif may_estimate and call.word_is(i, b"APPROX", 6):
            estimate = True
        else:
            raise CommandError(errors.SYNTAX)
        i += 1
    sets = read_sources(call, 2, end, kind)
    if estimate:
        count = estimated_union(sets)
    elif sets == 1:
        count = set_length(&sources[0])
    elif sets:
        rules_of(&rules, call.keyspace)
        operation_begin(&operation, kind, &rules, sources, sets)
        while operation_next(&operation, &batch):
            count += batch.living
            if limit and count >= limit:
                break
        operation_end(&operation)
    if limit and count > limit:
        count = limit
    reply_integer(call.out, count)
    return 0


cdef int sintercard(Call call) except -1:
    return count_members(call, INTERSECTION, False)


cdef int sunioncard(Call call) except -1:
    return count_members(call, UNION, True)


cdef int sdiffcard(Call call) except -1:
    return count_members(call, DIFFERENCE, False)

declare(
    "SINTERCARD numkeys key [key ...] [LIMIT limit]", native(sintercard),
    summary="Count the members that all the sets have.", group="set", since="7.0.0", flags=READONLY,
    complexity="O(N*M) at worst where N is the number of members of the smallest set and M is the number of sets",
)
declare(
    "SUNIONCARD numkeys key [key ...] [APPROX] [LIMIT limit]", native(sunioncard),
    summary="Count the members that any of the sets has, each once.", group="set", since="8.10.0", flags=READONLY,
    complexity="O(N) where N is the number of members of all the sets",
)
declare(
    "SDIFFCARD numkeys key [key ...] [LIMIT limit]", native(sdiffcard),
    summary="Count the members of the first set that no other set has.", group="set", since="8.10.0", flags=READONLY,
    complexity="O(N) where N is the number of members of all the sets",
)
