"""XREAD and XREADGROUP: what is new in some streams, now or once it comes."""

from libc.stdint cimport INT64_MAX, UINT64_MAX, int64_t, uint64_t
from libc.stdlib cimport free, malloc

from redpoll.commands.call cimport EVENT_STREAM, Call, check_type, native
from redpoll.commands.stream_words cimport (
    given_gone, group_at, id_bytes, id_word, reply_fields, reply_id, say_consumer, say_given, say_pending, say_progress,
    show_entry, stream_of, word_is_sign,
)
from redpoll.engine.entry cimport TYPE_STREAM, Entry
from redpoll.engine.id_tree cimport (
    Place, StreamId, id_decrease, id_increase, id_less, place_forward, place_value, tree_at_or_after,
)
from redpoll.engine.numbers cimport parse_int64
from redpoll.engine.stream cimport (
    Consumer, Group, Pending, Stream, StreamEntry, Walk, stream_edge, stream_has, stream_id, walk_begin, walk_next,
    id_text, STREAM_ID_TEXT,
)
from redpoll.engine.stream_group cimport (
    consumer_create, consumer_find, group_advance, is_left, pending_add, pending_find, pending_give,
)
from redpoll.wire.direct cimport Direct, direct_string
from redpoll.wire.output cimport Mark, Out, out_pending
from redpoll.wire.reply cimport (
    reply_array, reply_bulk, reply_integer, reply_later, reply_now, reply_null_array,
)

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import BLOCKING, READONLY, WRITE
from redpoll.errors import CommandError


cdef struct Reading:
    bint by_group
    size_t group                 # words; 0: not given
    size_t consumer
    uint64_t count               # of a stream's entries; 0: all
    uint64_t entries_left        # of all streams
    uint64_t most_bytes          # of the reply; 0: any number
    size_t begun                 # bytes that were in the output before
    bint none_yet                # no entry is in the reply
    bint blocks
    int64_t timeout
    bint no_ack
    int64_t claim                # milliseconds that pending entries must have been idle; -1: none are claimed
    size_t first_key
    size_t streams


# What one stream was asked for.
cdef struct Wanted:
    Entry** slot
    Group* group
    StreamId after
    bint is_new                  # ">": what was not delivered yet
    bint is_last                 # "+": the last entry


cdef int refuse_for_group(str option) except -1:
    raise CommandError(errors.only_xreadgroup(option))


cdef int read_timeout(Call call, size_t word, Reading* reading) except -1:
    cdef long long timeout
    if not parse_int64(call.argv[word].ptr, call.argv[word].len, &timeout):
        raise CommandError(errors.TIMEOUT_NOT_AN_INTEGER)
    if timeout < 0:
        raise CommandError(errors.NEGATIVE_TIMEOUT)
    if timeout > INT64_MAX - call.keyspace.now:
        raise CommandError(errors.TIMEOUT_RANGE)
    reading.blocks = True
    reading.timeout = timeout
    return 0


cdef int read_claim(Call call, size_t word, Reading* reading) except -1:
    cdef long long idle
    if not parse_int64(call.argv[word].ptr, call.argv[word].len, &idle):
        raise CommandError(errors.MIN_IDLE_NOT_AN_INTEGER)
    if idle < 0:
        raise CommandError(errors.MIN_IDLE_NEGATIVE)
    reading.claim = idle
    return 0


cdef uint64_t positive(Call call, size_t word, str name) except 0:
    cdef long long value
    if not parse_int64(call.argv[word].ptr, call.argv[word].len, &value) or value <= 0:
        raise CommandError(errors.must_be_positive(name))
    return value


cdef int read_options(Call call, Reading* reading) except -1:
    cdef size_t i = 1
    cdef size_t left
    cdef int64_t count
    reading.group = reading.consumer = reading.first_key = reading.streams = 0
    reading.count = reading.most_bytes = 0
    reading.entries_left = UINT64_MAX
    reading.blocks = reading.no_ack = False
    reading.timeout = 0
    reading.claim = -1
    while i < call.argc:
        left = call.argc - 1 - i
        if left and call.word_is(i, b"BLOCK", 5):
            i += 1
            read_timeout(call, i, reading)
        elif left and call.word_is(i, b"COUNT", 5):
            i += 1
            call.integer(i, &count)
            reading.count = count if count > 0 else 0
        elif left and call.word_is(i, b"STREAMS", 7):
            reading.first_key = i + 1
            if left % 2:
                raise CommandError(errors.unbalanced("xreadgroup" if reading.by_group else "xread"))
            reading.streams = left // 2
            break
        elif left >= 2 and call.word_is(i, b"GROUP", 5):
            if not reading.by_group:
                refuse_for_group("GROUP")
            reading.group = i + 1
            reading.consumer = i + 2
            i += 2
        elif call.word_is(i, b"NOACK", 5):
            if not reading.by_group:
                refuse_for_group("NOACK")
            reading.no_ack = True
        elif left and call.word_is(i, b"CLAIM", 5):
            if not reading.by_group:
                refuse_for_group("CLAIM")
            i += 1
            read_claim(call, i, reading)
        elif left and call.word_is(i, b"MAXCOUNT", 8):
            i += 1
            reading.entries_left = positive(call, i, "MAXCOUNT")
        elif left and call.word_is(i, b"MAXSIZE", 7):
            i += 1
            reading.most_bytes = positive(call, i, "MAXSIZE")
        else:
            raise CommandError(errors.SYNTAX)
        i += 1
    if not reading.first_key:
        raise CommandError(errors.SYNTAX)
    if reading.by_group and not reading.group:
        raise CommandError(errors.MISSING_GROUP)
    if reading.count > reading.entries_left:
        raise CommandError(errors.MAXCOUNT_BELOW_COUNT)
    return 0


cdef int find_stream(Call call, const Reading* reading, size_t index, Wanted* wanted) except -1:
    cdef size_t key = reading.first_key + index
    cdef size_t word = key + reading.streams
    wanted.slot = call.write(key) if reading.by_group else call.read(key)
    wanted.group = NULL
    wanted.is_new = wanted.is_last = False
    wanted.after = stream_id(0, 0)
    check_type(wanted.slot, TYPE_STREAM)
    if reading.by_group:
        if wanted.slot != NULL:
            wanted.group = group_at(stream_of(wanted.slot), call, reading.group)
        if wanted.group == NULL:
            raise CommandError(errors.no_key_or_group(
                call.word(key).decode("utf-8", "surrogateescape"),
                call.word(reading.group).decode("utf-8", "surrogateescape")))
    if word_is_sign(call, word, c"$"):
        if reading.by_group:
            raise CommandError(errors.DOLLAR_IN_GROUP)
        if wanted.slot != NULL:
            wanted.after = stream_of(wanted.slot).last_id
    elif word_is_sign(call, word, c"+"):
        if reading.by_group:
            raise CommandError(errors.PLUS_IN_GROUP)
        wanted.is_last = True
    elif word_is_sign(call, word, c">"):
        if not reading.by_group:
            raise CommandError(errors.NEW_WITHOUT_GROUP)
        wanted.is_new = True
    else:
        id_word(call, word, &wanted.after)
        # The greatest ID means the same to a group as ">".
        if reading.by_group and wanted.after.ms == UINT64_MAX and wanted.after.seq == UINT64_MAX:
            wanted.is_new = True
    return 0


# Writing

cdef bint has_room(const Reading* reading, const Out* out) noexcept:
    """Whether the reply may have one more entry; it always has one."""
    if reading.entries_left == 0:
        return False
    return reading.none_yet or not reading.most_bytes or out_pending(out) - reading.begun < reading.most_bytes


cdef inline void count_entry(Reading* reading) noexcept:
    reading.entries_left -= 1
    reading.none_yet = False


cdef uint64_t most_entries(const Reading* reading, const Stream* s) noexcept:
    cdef uint64_t most = reading.entries_left
    if reading.count and reading.count < most:
        most = reading.count
    return most


cdef void show_key(Call call, size_t key) noexcept:
    if call.out.resp == 2:
        reply_array(call.out, 2)
    reply_bulk(call.out, call.argv[key].ptr, call.argv[key].len)


# Below, `given` is the list that entries go to where the reply is made as a Python value, None where it is written.

cdef inline void head_later(Call call, list given, Mark* mark, uint64_t expected) noexcept:
    if given is None:
        mark[0] = reply_later(call.out, expected)


cdef inline void head_now(Call call, list given, Mark* mark, uint64_t shown) noexcept:
    if given is None:
        reply_now(call.out, mark, c"*", shown)


cdef int show_range(Call call, list given, Reading* reading, const Stream* s, StreamId first) except -1:
    """Entries from an ID on."""
    cdef Walk walk
    cdef StreamEntry entry
    cdef uint64_t most = most_entries(reading, s)
    cdef uint64_t shown = 0
    cdef Mark mark
    head_later(call, given, &mark, most if most < s.length else s.length)
    walk_begin(&walk, s, first, stream_id(UINT64_MAX, UINT64_MAX), False)
    while shown < most and has_room(reading, call.out) and walk_next(&walk, &entry):
        show_entry(call, given, &entry)
        count_entry(reading)
        shown += 1
    head_now(call, given, &mark, shown)
    return 0


cdef void deliver(Call call, Stream* s, Group* group, Consumer* consumer, StreamId id, bint no_ack) noexcept:
    cdef Pending* pending
    group_advance(s, group, id)
    if no_ack:
        return
    pending = pending_find(group, id)
    if pending == NULL:
        pending_add(group, consumer, id, call.keyspace.now, 1)
    else:
        # The group's last ID was set back: it begins anew.
        pending_give(group, pending, consumer, call.keyspace.now)
        pending.deliveries = 1


cdef int64_t claim_entries(Call call, Reading* reading, size_t key, Stream* s, Group* group, Consumer* consumer,
                           uint64_t most) except -1:
    """Hand over what was idle for long enough, the longest idle first; how many entries."""
    cdef Pending* pending = group.first
    cdef Pending* next
    cdef Pending* last = group.last
    cdef uint64_t shown = 0
    cdef int64_t idle, deliveries
    cdef Walk walk
    cdef StreamEntry entry
    while pending != NULL and shown < most and has_room(reading, call.out):
        if is_left(pending):
            pending = pending.later if pending != last else NULL
            continue
        idle = call.keyspace.now - pending.delivered
        if pending.consumer != NULL and idle < reading.claim:
            break
        next = pending.later if pending != last else NULL
        walk_begin(&walk, s, pending.id, pending.id, False)
        if walk_next(&walk, &entry):
            reply_array(call.out, 4)
            reply_id(call.out, entry.id)
            reply_fields(call.out, &entry)
            reply_integer(call.out, -1 if pending.consumer == NULL else idle)
            deliveries = pending.deliveries
            reply_integer(call.out, deliveries)
            pending_give(group, pending, consumer, call.keyspace.now)
            if deliveries < INT64_MAX:
                pending.deliveries += 1
            say_pending(call, key, group, pending)
            count_entry(reading)
            shown += 1
        pending = next
    return shown


cdef int64_t show_new(Call call, list given, Reading* reading, size_t key, Stream* s, Group* group,
                      Consumer* consumer) except -1:
    """What is new for a group, and before it what is claimed; how many entries."""
    cdef Walk walk
    cdef StreamEntry entry
    cdef StreamId first
    cdef uint64_t most = most_entries(reading, s)
    cdef uint64_t shown = 0
    cdef bint delivered = False
    cdef list ids = [] if call.keyspace.propagating else None
    cdef uint64_t expected = s.length + group.pending.used if reading.claim >= 0 else s.length
    cdef Mark mark
    head_later(call, given, &mark, most if most < expected else expected)
    if reading.claim >= 0:
        shown = claim_entries(call, reading, key, s, group, consumer, most)
        delivered = shown != 0
    first = group.last_id
    if id_increase(&first):
        walk_begin(&walk, s, first, stream_id(UINT64_MAX, UINT64_MAX), False)
        while shown < most and has_room(reading, call.out) and walk_next(&walk, &entry):
            if reading.claim < 0:
                show_entry(call, given, &entry)
            else:
                reply_array(call.out, 4)
                reply_id(call.out, entry.id)
                reply_fields(call.out, &entry)
                reply_integer(call.out, 0)
                reply_integer(call.out, 0)
            deliver(call, s, group, consumer, entry.id, reading.no_ack)
            delivered = delivered or not reading.no_ack
            if ids is not None:
                ids.append(id_bytes(entry.id))
            count_entry(reading)
            shown += 1
    head_now(call, given, &mark, shown)
    if ids:
        if not reading.no_ack:
            say_given(call, key, group, consumer, ids, call.keyspace.now, 1)
        say_progress(call, key, group)
    if delivered:
        consumer.active = call.keyspace.now
    return shown


cdef int show_history(Call call, list given, Reading* reading, Stream* s, Group* group, Consumer* consumer,
                      StreamId first) except -1:
    """What is pending for a consumer; entries that are no more have no fields."""
    cdef Place place = tree_at_or_after(&consumer.pending, first)
    cdef Pending* pending
    cdef uint64_t most = most_entries(reading, s)
    cdef uint64_t shown = 0
    cdef Walk walk
    cdef StreamEntry entry
    cdef Mark mark
    head_later(call, given, &mark, most if most < consumer.pending.used else consumer.pending.used)
    while place.leaf != NULL and shown < most and has_room(reading, call.out):
        pending = <Pending*>place_value(&place)
        walk_begin(&walk, s, pending.id, pending.id, False)
        if walk_next(&walk, &entry):
            show_entry(call, given, &entry)
            pending_give(group, pending, consumer, call.keyspace.now)
            if <int64_t>pending.deliveries < INT64_MAX:
                pending.deliveries += 1
        else:
            show_gone(call, given, pending.id)
        count_entry(reading)
        shown += 1
        place_forward(&place)
    head_now(call, given, &mark, shown)
    return 0


cdef int show_gone(Call call, list given, StreamId id) except -1:
    """An entry that is no more."""
    if given is None:
        reply_array(call.out, 2)
        reply_id(call.out, id)
        reply_null_array(call.out)
    else:
        given.append(given_gone(<Direct>call.direct, id))
    return 0


cdef bint can_claim(Call call, const Reading* reading, const Stream* s, const Group* group) noexcept:
    cdef int64_t at = claimable_at(reading, s, group)
    return 0 <= at <= call.keyspace.now


cdef int64_t claimable_at(const Reading* reading, const Stream* s, const Group* group) noexcept:
    """When the next pending entry can be claimed; -1: never."""
    cdef const Pending* pending = group.first
    while pending != NULL and (is_left(pending) or not stream_has(s, pending.id)):
        pending = pending.later
    if pending == NULL:
        return -1
    if pending.consumer == NULL:
        return 0
    if reading.claim > INT64_MAX - pending.delivered:
        return -1
    return pending.delivered + reading.claim


cdef Consumer* reader(Call call, const Reading* reading, size_t key, Group* group) except NULL:
    cdef const char* name = call.argv[reading.consumer].ptr
    cdef size_t length = call.argv[reading.consumer].len
    cdef Consumer* consumer = consumer_find(group, name, length)
    if consumer == NULL:
        consumer = consumer_create(group, name, length, call.keyspace.now)
        say_consumer(call, key, group, consumer)
        call.changed(EVENT_STREAM, b"xgroup-createconsumer", key)
    consumer.seen = call.keyspace.now
    return consumer


cdef bint has_new(const Stream* s, StreamId after) noexcept:
    return s.length != 0 and id_less(after, s.last_id) and id_less(after, stream_edge(s, True))


cdef int serve(Call call, object all_given, Reading* reading, size_t index, Wanted* wanted, Mark* mark,
               size_t served) except -1:
    """Show what there is of one stream, the reply's header before the first; whether there was anything."""
    cdef size_t key = reading.first_key + index
    cdef Stream* s
    cdef Consumer* consumer = NULL
    cdef list given = None
    cdef bint any
    if wanted.slot == NULL:
        return False
    s = stream_of(wanted.slot)
    if wanted.is_last and s.length:
        wanted.after = stream_edge(s, True)
        id_decrease(&wanted.after)
    if reading.by_group:
        consumer = reader(call, reading, key, wanted.group)
        any = not wanted.is_new or has_new(s, wanted.group.last_id)
        any = any or (reading.claim >= 0 and can_claim(call, reading, s, wanted.group))
    else:
        any = has_new(s, wanted.after) if not wanted.is_last else s.length != 0
    # A stream that has nothing for a reply that is full is not in it, unless its history was asked for.
    if not any or (served and not has_room(reading, call.out) and (wanted.is_new or not reading.by_group)):
        return False
    if all_given is None:
        if not served:
            mark[0] = reply_later(call.out, reading.streams)
        show_key(call, key)
    else:
        given = []
        name = direct_string(<Direct>call.direct, call.argv[key].ptr, call.argv[key].len)
        if call.out.resp == 2:
            (<list>all_given).append([name, given])
        else:
            (<dict>all_given)[name] = given
    if wanted.is_new:
        if show_new(call, given, reading, key, s, wanted.group, consumer):
            call.altered(key)
    else:
        id_increase(&wanted.after)
        if reading.by_group:
            show_history(call, given, reading, s, wanted.group, consumer, wanted.after)
        else:
            show_range(call, given, reading, s, wanted.after)
    return True


cdef int wait(Call call, const Reading* reading, const Wanted* wanted) except -1:
    cdef size_t first = reading.first_key
    cdef size_t i, word
    cdef char text[STREAM_ID_TEXT]
    cdef int64_t at, next = -1
    waiter = call.block(first, first + reading.streams - 1, 1, TYPE_STREAM, reading.timeout, reading.by_group)
    if waiter is None:
        return 0
    for i in range(reading.streams):
        word = first + reading.streams + i
        if word_is_sign(call, word, c"$"):
            # The moment that it means is now.
            waiter.replace(word, text[:id_text(text, wanted[i].after)])
        if reading.claim >= 0 and wanted[i].is_new:
            at = claimable_at(reading, stream_of(wanted[i].slot), wanted[i].group)
            if at >= 0 and (next < 0 or at < next):
                next = at
    if next >= 0:
        call.server.blocking.retry(waiter, next)
    return 0


cdef int read_streams(Call call, Reading* reading, Wanted* wanted) except -1:
    cdef size_t i, served = 0
    cdef Mark mark
    cdef object given = None
    # What is claimed has more to it, and bytes are counted where they are written.
    if call.direct != NULL and reading.claim < 0 and not reading.most_bytes:
        given = [] if call.out.resp == 2 else {}
    for i in range(reading.streams):
        find_stream(call, reading, i, &wanted[i])
    reading.begun = out_pending(call.out)
    reading.none_yet = True
    for i in range(reading.streams):
        served += serve(call, given, reading, i, &wanted[i], &mark, served)
    if served and given is not None:
        call.given = given
    elif served:
        if call.out.resp == 2:
            reply_now(call.out, &mark, c"*", served)
        else:
            reply_now(call.out, &mark, c"%", served)
    elif reading.blocks:
        wait(call, reading, wanted)
    else:
        reply_null_array(call.out)
    return 0


cdef int read(Call call, bint by_group) except -1:
    cdef Reading reading
    cdef Wanted few[8]
    cdef Wanted* wanted = few
    reading.by_group = by_group
    read_options(call, &reading)
    if reading.streams > 8:
        wanted = <Wanted*>malloc(reading.streams * sizeof(Wanted))
        if wanted == NULL:
            raise MemoryError
    try:
        return read_streams(call, &reading, wanted)
    finally:
        if wanted != few:
            free(wanted)


cdef int xread(Call call) except -1:
    return read(call, False)

declare(
    "XREAD [COUNT count] [MAXCOUNT maxcount:integer] [MAXSIZE maxsize:integer] [BLOCK milliseconds] "
    "STREAMS key [key ...] id [id ...]",
    native(xread), summary="Return the entries of some streams behind given IDs; wait for one if there is none.",
    group="stream", since="5.0.0", flags=READONLY | BLOCKING,
    complexity="O(N) where N is the number of entries returned",
    added={"8.10.0": "MAXCOUNT MAXSIZE"},
)


cdef int xreadgroup(Call call) except -1:
    return read(call, True)

declare(
    "XREADGROUP GROUP (group consumer)=group-block [COUNT count] [MAXCOUNT maxcount:integer] "
    "[MAXSIZE maxsize:integer] [BLOCK milliseconds] [CLAIM min-idle-time:integer] [NOACK] "
    "STREAMS key [key ...] id [id ...]",
    native(xreadgroup),
    summary="Return new entries of some streams to a consumer of a group, or those it has not acknowledged.",
    group="stream", since="5.0.0", flags=WRITE | BLOCKING,
    complexity="O(N) where N is the number of entries returned", keys="RO access",
    added={"8.4.0": "CLAIM", "8.10.0": "MAXCOUNT MAXSIZE"},
)
