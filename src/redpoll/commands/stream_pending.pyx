"""What consumers were given: XACK, XACKDEL, XNACK, XPENDING, XCLAIM, XAUTOCLAIM."""

from libc.stdint cimport INT64_MAX, int64_t, uint64_t

from redpoll.commands.call cimport EVENT_STREAM, Call, check_type, native
from redpoll.commands.stream_words cimport (
    FORM_STRICT, check_ids, end_word, group_at, id_word, ids_block, read_id, remove_as_asked, reply_id,
    reply_one, say_consumer, say_gone, say_pending, say_progress, start_word, stream_of,
)
from redpoll.engine.entry cimport TYPE_STREAM, Entry
from redpoll.engine.id_tree cimport Place, StreamId, id_less, place_id, place_value, tree_at_or_after
from redpoll.engine.numbers cimport parse_int64
from redpoll.engine.stream cimport Consumer, Group, Pending, Stream, stream_has, stream_id
from redpoll.engine.stream_group cimport (
    consumer_create, consumer_find, pending_add, pending_at_or_after, pending_count, pending_drop, pending_find,
    pending_first, pending_forward, pending_give, pending_last,
)
from redpoll.wire.output cimport Mark, Out, out_init, out_splice
from redpoll.wire.reply cimport (
    reply_array, reply_bulk, reply_integer, reply_integer_text, reply_later, reply_now, reply_null, reply_null_array,
)

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import FAST, READONLY, WRITE
from redpoll.errors import CommandError

cdef enum:
    TRIES = 10                   # pending entries that XAUTOCLAIM looks at for one that it is to claim
    AUTOCLAIM_MOST = 1000000


cdef Group* find_group(Call call, Entry** slot) except? NULL:
    """The group at the second word, NULL where there is none."""
    check_type(slot, TYPE_STREAM)
    return NULL if slot == NULL else group_at(stream_of(slot), call, 2)


cdef Group* need_group(Call call, Entry** slot) except NULL:
    cdef Group* group = find_group(call, slot)
    if group == NULL:
        raise CommandError(errors.no_key_or_consumer_group(
            call.word(1).decode("utf-8", "surrogateescape"), call.word(2).decode("utf-8", "surrogateescape")))
    return group


cdef Consumer* claimer(Call call, Group* group) except NULL:
    """The consumer at the third word, made if it is not there."""
    cdef Consumer* consumer = consumer_find(group, call.argv[3].ptr, call.argv[3].len)
    if consumer == NULL:
        consumer = consumer_create(group, call.argv[3].ptr, call.argv[3].len, call.keyspace.now)
        say_consumer(call, 1, group, consumer)
        call.changed(EVENT_STREAM, b"xgroup-createconsumer", 1)
    consumer.seen = call.keyspace.now
    return consumer


cdef int number(Call call, size_t word, int64_t* value, str refusal) except -1:
    cdef long long parsed
    if not parse_int64(call.argv[word].ptr, call.argv[word].len, &parsed):
        raise CommandError(refusal)
    value[0] = parsed
    return 0


cdef inline void count_delivery(Pending* pending) noexcept:
    if pending.deliveries < <uint64_t>INT64_MAX:
        pending.deliveries += 1


# Acknowledging

cdef int xack(Call call) except -1:
    cdef Group* group = find_group(call, call.write(1))
    cdef Pending* pending
    cdef StreamId id
    cdef size_t i
    cdef int64_t acknowledged = 0
    if group != NULL:
        check_ids(call, 3, call.argc)
        for i in range(3, call.argc):
            id_word(call, i, &id)
            pending = pending_find(group, id)
            if pending != NULL:
                pending_drop(group, pending)
                acknowledged += 1
                call.altered(1)
    reply_integer(call.out, acknowledged)
    return 0

declare(
    "XACK key group id [id ...]", native(xack), summary="Acknowledge entries that a consumer of a group was given.",
    group="stream", since="5.0.0", flags=WRITE | FAST, complexity="O(1) for each ID", keys="RW update",
)


cdef int xackdel(Call call) except -1:
    """The reply has for each ID: 1 removed, 2 acknowledged but wanted by another group, -1 not pending."""
    cdef int references, done
    cdef size_t first, last = 0, i
    cdef Entry** slot
    cdef Group* group
    cdef Pending* pending
    cdef StreamId id
    cdef int64_t removed = 0
    first = ids_block(call, 3, &references, &last)
    slot = call.write(1)
    group = find_group(call, slot)
    if group != NULL:
        check_ids(call, first, last)
    reply_array(call.out, last - first)
    for i in range(first, last):
        pending = NULL
        if group != NULL:
            id_word(call, i, &id)
            pending = pending_find(group, id)
        if pending == NULL:
            reply_integer(call.out, -1)
            continue
        pending_drop(group, pending)
        call.altered(1)
        done = remove_as_asked(stream_of(slot), id, references)
        removed += done == 1
        reply_integer(call.out, 2 if done == 2 else 1)
    if removed:
        call.changed(EVENT_STREAM, b"xdel", 1)
    return 0

declare(
    "XACKDEL key group [KEEPREF | DELREF | ACKED] IDS numids id [id ...]", native(xackdel),
    summary="Acknowledge entries and remove them from the stream.", group="stream", since="8.2.0", flags=WRITE | FAST,
    complexity="O(1) for each ID", keys="RW update delete",
)


# Releasing

cdef enum Mode:
    SILENT = 1
    FAIL = 2
    FATAL = 3


cdef struct Release:
    int mode
    bint force
    int64_t deliveries           # -1: as the mode says
    size_t first                 # words of the IDs
    size_t last


cdef object unrecognized(Call call, str command, size_t word):
    return errors.unrecognized_stream_option(command, call.word(word).decode("utf-8", "surrogateescape"))


cdef int read_release(Call call, Release* release) except -1:
    cdef size_t i = 4
    cdef int64_t count
    release.mode = 0
    release.force = False
    release.deliveries = -1
    release.first = release.last = 0
    if call.word_is(3, b"SILENT", 6):
        release.mode = SILENT
    elif call.word_is(3, b"FAIL", 4):
        release.mode = FAIL
    elif call.word_is(3, b"FATAL", 5):
        release.mode = FATAL
    else:
        raise CommandError(errors.XNACK_MODE)
    while i < call.argc:
        if call.word_is(i, b"FORCE", 5):
            release.force = True
        elif i + 1 < call.argc and call.word_is(i, b"RETRYCOUNT", 10):
            i += 1
            call.integer(i, &release.deliveries)
            if release.deliveries < 0:
                raise CommandError(errors.XNACK_RETRYCOUNT)
        elif i + 1 < call.argc and not release.first and call.word_is(i, b"IDS", 3):
            number(call, i + 1, &count, errors.XNACK_NUMIDS)
            if count <= 0:
                raise CommandError(errors.XNACK_NUMIDS)
            if count > <int64_t>(call.argc - i - 2):
                raise CommandError(errors.XNACK_NUMIDS_MISMATCH)
            release.first = i + 2
            release.last = i + 2 + count
            i = release.last - 1
        else:
            raise CommandError(unrecognized(call, "XNACK", i))
        i += 1
    if not release.first:
        raise CommandError(errors.XNACK_NO_IDS)
    check_ids(call, release.first, release.last)
    return 0


cdef int xnack(Call call) except -1:
    """The reply is the number of entries that are nobody's now."""
    cdef Release release
    cdef Entry** slot
    cdef Group* group
    cdef Pending* pending
    cdef StreamId id
    cdef size_t i
    cdef int64_t released = 0
    read_release(call, &release)
    slot = call.write(1)
    group = need_group(call, slot)
    for i in range(release.first, release.last):
        id_word(call, i, &id)
        pending = pending_find(group, id)
        if pending != NULL:
            pending_give(group, pending, NULL, 0)
        elif release.force and stream_has(stream_of(slot), id):
            pending = pending_add(group, NULL, id, 0, 0)
        else:
            continue
        if release.deliveries >= 0:
            pending.deliveries = release.deliveries
        elif release.mode == FATAL:
            pending.deliveries = INT64_MAX
        elif release.mode == SILENT and pending.deliveries:
            pending.deliveries -= 1
        released += 1
    if released:
        call.altered(1)
    reply_integer(call.out, released)
    return 0

declare(
    "XNACK key group <SILENT | FAIL | FATAL>=mode IDS numids id [id ...] [RETRYCOUNT count] [FORCE]", native(xnack),
    summary="Release entries that consumers were given, so that others get them.", group="stream", since="8.8.0",
    flags=WRITE | FAST, complexity="O(1) for each ID", keys="RW update",
)


# Looking

cdef void show_summary(Call call, const Group* group) noexcept:
    cdef Place first = pending_first(group)
    cdef Place last = pending_last(group)
    cdef const Consumer* consumer
    cdef Mark mark
    cdef uint64_t shown = 0
    cdef size_t i
    reply_array(call.out, 4)
    reply_integer(call.out, pending_count(group))
    if pending_count(group) == 0:
        reply_null(call.out)
        reply_null(call.out)
        reply_null_array(call.out)
        return
    reply_id(call.out, place_id(&first))
    reply_id(call.out, place_id(&last))
    mark = reply_later(call.out, group.consumer_count)
    for i in range(group.consumer_count):
        consumer = group.consumers[i]
        if consumer.pending.used:
            reply_array(call.out, 2)
            reply_bulk(call.out, consumer.name, consumer.name_length)
            reply_integer_text(call.out, consumer.pending.used)
            shown += 1
    reply_now(call.out, &mark, c"*", shown)


cdef void show_pending(Call call, const Pending* pending) noexcept:
    cdef int64_t idle = call.keyspace.now - pending.delivered
    reply_array(call.out, 4)
    reply_id(call.out, pending.id)
    if pending.consumer == NULL:
        reply_bulk(call.out, b"", 0)
        reply_integer(call.out, -1)
    else:
        reply_bulk(call.out, pending.consumer.name, pending.consumer.name_length)
        reply_integer(call.out, idle if idle > 0 else 0)
    reply_integer(call.out, pending.deliveries)


cdef int xpending(Call call) except -1:
    """Without a range the reply is a summary: how many, first and last ID, and how many each consumer has."""
    cdef int64_t idle = 0, count = 0
    cdef size_t start = 3
    cdef StreamId first, last
    cdef Group* group
    cdef Consumer* consumer
    cdef uint64_t most
    cdef Place place
    cdef const Pending* pending
    cdef Mark mark
    cdef uint64_t shown = 0
    if call.argc != 3 and not 6 <= call.argc <= 9:
        raise CommandError(errors.SYNTAX)
    if call.argc > 3:
        if call.word_is(3, b"IDLE", 4):
            call.integer(4, &idle)
            if call.argc < 8:
                raise CommandError(errors.SYNTAX)
            start = 5
        call.integer(start + 2, &count)
        start_word(call, start, &first)
        end_word(call, start + 1, &last)
    group = need_group(call, call.read(1))
    if call.argc == 3:
        show_summary(call, group)
        return 0
    most = pending_count(group)
    place = pending_at_or_after(group, first)
    if start + 3 < call.argc:
        consumer = consumer_find(group, call.argv[start + 3].ptr, call.argv[start + 3].len)
        if consumer == NULL:
            reply_array(call.out, 0)
            return 0
        most = consumer.pending.used
        place = tree_at_or_after(&consumer.pending, first)
    mark = reply_later(call.out, min(<uint64_t>max(count, <int64_t>0), most))
    while <int64_t>shown < count and place.leaf != NULL and not id_less(last, place_id(&place)):
        pending = <const Pending*>place_value(&place)
        if not idle or pending.consumer == NULL or call.keyspace.now - pending.delivered >= idle:
            show_pending(call, pending)
            shown += 1
        pending_forward(&place)
    reply_now(call.out, &mark, c"*", shown)
    return 0

declare(
    "XPENDING key group [[IDLE min-idle-time:integer] start:string end:string count [consumer]]=filters",
    native(xpending), summary="Show which entries the consumers of a group have not acknowledged.", group="stream",
    since="5.0.0", flags=READONLY, complexity="O(N) where N is the number of entries shown, O(M) with IDLE where M is "
    "the number of entries looked at, O(C) for the summary where C is the number of consumers",
    tips="nondeterministic_output", added={"6.2.0": "IDLE"}, history=(("6.2.0", "Added exclusive range intervals."),),
)


# Claiming

cdef struct Claim:
    int64_t idle                 # that an entry must have been
    int64_t delivered            # what it gets
    int64_t deliveries           # -1: one more
    bint force
    bint only_ids
    bint has_last
    StreamId last
    size_t end                   # the word behind the IDs


cdef int read_claim(Call call, Claim* claim) except -1:
    cdef size_t i = 5
    cdef size_t left
    cdef StreamId id
    cdef bint has_sequence, timed = False
    number(call, 4, &claim.idle, errors.bad_claim("min-idle-time argument", "XCLAIM"))
    claim.deliveries = -1
    claim.force = claim.only_ids = claim.has_last = False
    while i < call.argc and read_id(call, i, FORM_STRICT, 0, &id, &has_sequence):
        i += 1
    claim.end = i
    claim.delivered = call.keyspace.now
    while i < call.argc:
        left = call.argc - 1 - i
        if call.word_is(i, b"FORCE", 5):
            claim.force = True
        elif call.word_is(i, b"JUSTID", 6):
            claim.only_ids = True
        elif left and call.word_is(i, b"IDLE", 4):
            i += 1
            number(call, i, &claim.delivered, errors.bad_claim("IDLE option argument", "XCLAIM"))
            claim.delivered = <int64_t>(<uint64_t>call.keyspace.now - <uint64_t>claim.delivered)
            timed = True
        elif left and call.word_is(i, b"TIME", 4):
            i += 1
            number(call, i, &claim.delivered, errors.bad_claim("TIME option argument", "XCLAIM"))
            timed = True
        elif left and call.word_is(i, b"RETRYCOUNT", 10):
            i += 1
            number(call, i, &claim.deliveries, errors.bad_claim("RETRYCOUNT option argument", "XCLAIM"))
        elif left and call.word_is(i, b"LASTID", 6):
            i += 1
            id_word(call, i, &claim.last)
            claim.has_last = True
        else:
            raise CommandError(unrecognized(call, "XCLAIM", i))
        i += 1
    # A time that cannot be comes from another clock.
    if timed and not 0 <= claim.delivered <= call.keyspace.now:
        claim.delivered = call.keyspace.now
    return 0


cdef bint is_idle(Call call, const Pending* pending, int64_t least) noexcept:
    return pending.consumer == NULL or least <= 0 or call.keyspace.now - pending.delivered >= least


cdef int xclaim(Call call) except -1:
    """The reply has the entries claimed; one that is no more is acknowledged instead."""
    cdef Claim claim
    cdef Entry** slot = call.write(1)
    cdef Group* group
    cdef Stream* s
    cdef Consumer* consumer
    cdef Pending* pending
    cdef StreamId id
    cdef Mark mark
    cdef size_t i
    cdef uint64_t shown = 0
    group = need_group(call, slot)
    read_claim(call, &claim)
    s = stream_of(slot)
    if claim.has_last and id_less(group.last_id, claim.last):
        group.last_id = claim.last
        say_progress(call, 1, group)
        call.altered(1)
    consumer = claimer(call, group)
    mark = reply_later(call.out, claim.end - 5)
    for i in range(5, claim.end):
        id_word(call, i, &id)
        pending = pending_find(group, id)
        if not stream_has(s, id):
            if pending != NULL:
                pending_drop(group, pending)
                say_gone(call, 1, group, id)
                call.altered(1)
            continue
        if pending == NULL:
            if not claim.force:
                continue
            pending = pending_add(group, consumer, id, claim.delivered, 1)
        elif not is_idle(call, pending, claim.idle):
            continue
        pending_give(group, pending, consumer, claim.delivered)
        if claim.deliveries >= 0:
            pending.deliveries = claim.deliveries
        elif not claim.only_ids:
            count_delivery(pending)
        if claim.only_ids:
            reply_id(call.out, id)
        else:
            reply_one(call.out, s, id)
        consumer.active = call.keyspace.now
        say_pending(call, 1, group, pending)
        call.altered(1)
        shown += 1
    reply_now(call.out, &mark, c"*", shown)
    return 0

declare(
    "XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count] "
    "[FORCE] [JUSTID] [LASTID lastid]",
    native(xclaim), summary="Take entries over that another consumer of a group was given.", group="stream",
    since="5.0.0", flags=WRITE | FAST, complexity="O(log N) for each ID where N is the number of entries pending",
    keys="RW update", tips="nondeterministic_output",
)


cdef int xautoclaim(Call call) except -1:
    """The reply: the ID to go on from, entries claimed, IDs of pending entries that are no more."""
    cdef int64_t idle, count = 100, tries
    cdef StreamId first
    cdef bint only_ids = False
    cdef size_t i = 6
    cdef Entry** slot
    cdef Group* group
    cdef Stream* s
    cdef Consumer* consumer
    cdef Pending* pending
    cdef Place place
    cdef Out claimed, gone
    cdef uint64_t claimed_count = 0, gone_count = 0
    number(call, 4, &idle, errors.bad_claim("min-idle-time argument", "XAUTOCLAIM"))
    start_word(call, 5, &first)
    while i < call.argc:
        if i + 1 < call.argc and call.word_is(i, b"COUNT", 5):
            i += 1
            count_word(call, i, &count)
        elif call.word_is(i, b"JUSTID", 6):
            only_ids = True
        else:
            raise CommandError(errors.SYNTAX)
        i += 1
    slot = call.write(1)
    group = need_group(call, slot)
    s = stream_of(slot)
    consumer = claimer(call, group)
    tries = count * TRIES
    out_init(&claimed)
    out_init(&gone)
    claimed.resp = gone.resp = call.out.resp
    place = pending_at_or_after(group, first)
    while place.leaf != NULL and tries and count:
        tries -= 1
        pending = <Pending*>place_value(&place)
        if not stream_has(s, pending.id):
            first = pending.id
            pending_drop(group, pending)
            say_gone(call, 1, group, first)
            call.altered(1)
            place = pending_at_or_after(group, first)
            reply_id(&gone, first)
            gone_count += 1
            count -= 1
            continue
        if is_idle(call, pending, idle):
            pending_give(group, pending, consumer, call.keyspace.now)
            if not only_ids:
                count_delivery(pending)
                reply_one(&claimed, s, pending.id)
            else:
                reply_id(&claimed, pending.id)
            consumer.active = call.keyspace.now
            say_pending(call, 1, group, pending)
            call.altered(1)
            claimed_count += 1
            count -= 1
        pending_forward(&place)
    reply_array(call.out, 3)
    reply_id(call.out, stream_id(0, 0) if place.leaf == NULL else place_id(&place))
    reply_array(call.out, claimed_count)
    out_splice(call.out, &claimed)
    reply_array(call.out, gone_count)
    out_splice(call.out, &gone)
    return 0


cdef int count_word(Call call, size_t word, int64_t* count) except -1:
    number(call, word, count, errors.COUNT_NOT_POSITIVE)
    if not 0 < count[0] <= INT64_MAX // 16:
        raise CommandError(errors.COUNT_NOT_POSITIVE)
    return 0

declare(
    "XAUTOCLAIM key group consumer min-idle-time start:string [COUNT count] [JUSTID]", native(xautoclaim),
    summary="Take entries over that consumers of a group were given a while ago.", group="stream", since="6.2.0",
    flags=WRITE | FAST, complexity="O(1) with a small COUNT", keys="RW delete", tips="nondeterministic_output",
    history=(("7.0.0", "Added an element to the reply array, containing deleted entries the command cleared from the "
              "PEL"),),
)
