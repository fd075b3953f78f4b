"""XINFO: streams, their groups and consumers described."""

from libc.stdint cimport UINT64_MAX, int64_t, uint64_t

from redpoll.commands.call cimport Call, check_type, native
from redpoll.commands.stream_words cimport group_at, no_group, reply_entry, reply_id, reply_range, stream_of
from redpoll.engine.entry cimport TYPE_STREAM, Entry
from redpoll.engine.id_tree cimport Place, StreamId, place_forward, place_value, tree_first
from redpoll.engine.stream cimport Consumer, Group, Pending, Stream, StreamEntry, Walk, stream_id, walk_begin, walk_next
from redpoll.engine.stream_group cimport (
    ENTRIES_READ_UNKNOWN, group_lag, pending_count, pending_first, pending_forward,
)
from redpoll.engine.stream_producers cimport producers_count, producers_expire
from redpoll.wire.output cimport Out
from redpoll.wire.reply cimport reply_array, reply_bulk, reply_integer, reply_map, reply_null

from redpoll import errors
from redpoll.commands.declare import container, declare
from redpoll.commands.flags import READONLY
from redpoll.errors import CommandError

container("XINFO", group="stream", since="5.0.0", summary="Commands that describe streams.")

cdef enum:
    FULL_COUNT = 10


cdef inline void show_name(Out* out, const char* name, size_t length) noexcept:
    reply_bulk(out, name, length)


cdef inline void show_number(Out* out, const char* name, size_t length, int64_t value) noexcept:
    reply_bulk(out, name, length)
    reply_integer(out, value)


cdef inline void show_id(Out* out, const char* name, size_t length, StreamId id) noexcept:
    reply_bulk(out, name, length)
    reply_id(out, id)


cdef void show_progress(Out* out, const Stream* s, const Group* group) noexcept:
    """How far a group is, as far as that is known."""
    cdef int64_t lag
    reply_bulk(out, b"entries-read", 12)
    if group.entries_read == ENTRIES_READ_UNKNOWN:
        reply_null(out)
    else:
        reply_integer(out, group.entries_read)
    reply_bulk(out, b"lag", 3)
    if group_lag(s, group, &lag):
        reply_integer(out, lag)
    else:
        reply_null(out)


cdef Stream* need_stream(Call call) except NULL:
    cdef Entry** slot = call.read(2)
    if slot == NULL:
        raise CommandError(errors.NO_SUCH_KEY)
    check_type(slot, TYPE_STREAM)
    return stream_of(slot)


cdef void show_edge(Out* out, const Stream* s, bint last) noexcept:
    cdef Walk walk
    cdef StreamEntry entry
    walk_begin(&walk, s, stream_id(0, 0), stream_id(UINT64_MAX, UINT64_MAX), last)
    if walk_next(&walk, &entry):
        reply_entry(out, &entry)
    else:
        reply_null(out)


cdef void show_stream(Out* out, const Stream* s) noexcept:
    """What both forms tell."""
    show_number(out, b"length", 6, s.length)
    show_number(out, b"radix-tree-keys", 15, s.nodes.used)
    # One more than keys, as in a radix tree whose keys share nothing.
    show_number(out, b"radix-tree-nodes", 16, s.nodes.used + 1)
    show_id(out, b"last-generated-id", 17, s.last_id)
    show_id(out, b"max-deleted-entry-id", 20, s.max_deleted_id)
    show_number(out, b"entries-added", 13, s.entries_added)
    show_id(out, b"recorded-first-entry-id", 23, s.first_id)
    show_number(out, b"idmp-duration", 13, s.producer_seconds)
    show_number(out, b"idmp-maxsize", 12, s.producer_most)
    show_number(out, b"pids-tracked", 12, producers_count(s))
    show_number(out, b"iids-tracked", 12, 0 if s.producers == NULL else s.producers.tracked)
    show_number(out, b"iids-added", 10, s.identified)
    show_number(out, b"iids-duplicates", 15, s.duplicates)


cdef int xinfo_stream(Call call) except -1:
    cdef int64_t count = FULL_COUNT
    cdef bint full = False
    cdef Stream* s
    cdef Out* out = call.out
    if call.argc > 3:
        if not call.word_is(3, b"FULL", 4) or call.argc == 5 or call.argc > 6:
            raise CommandError(errors.subcommand_arity("XINFO", call.word(1).decode("utf-8", "surrogateescape")))
        full = True
        if call.argc == 6:
            if not call.word_is(4, b"COUNT", 5):
                raise CommandError(errors.subcommand_arity("XINFO", call.word(1).decode("utf-8", "surrogateescape")))
            call.integer(5, &count)
            if count < 0:
                count = FULL_COUNT
    s = need_stream(call)
    producers_expire(s, call.keyspace.now)
    reply_map(out, 15 if full else 16)
    show_stream(out, s)
    if full:
        show_full(call, s, count)
        return 0
    show_number(out, b"groups", 6, s.group_count)
    show_name(out, b"first-entry", 11)
    show_edge(out, s, False)
    show_name(out, b"last-entry", 10)
    show_edge(out, s, True)
    return 0


cdef void show_full(Call call, const Stream* s, uint64_t count) noexcept:
    cdef Out* out = call.out
    cdef size_t i
    show_name(out, b"entries", 7)
    reply_range(out, s, stream_id(0, 0), stream_id(UINT64_MAX, UINT64_MAX), False, count)
    show_name(out, b"groups", 6)
    reply_array(out, s.group_count)
    for i in range(s.group_count):
        show_group_in_full(out, s, s.groups[i], count)


cdef void show_group_in_full(Out* out, const Stream* s, const Group* group, uint64_t count) noexcept:
    cdef Place place = pending_first(group)
    cdef const Pending* pending
    cdef uint64_t shown = pending_count(group) if count == 0 or count > pending_count(group) else count
    cdef size_t i
    reply_map(out, 8)
    show_name(out, b"name", 4)
    reply_bulk(out, group.name, group.name_length)
    show_id(out, b"last-delivered-id", 17, group.last_id)
    show_progress(out, s, group)
    show_number(out, b"pel-count", 9, pending_count(group))
    show_number(out, b"nacked-count", 12, group.released)
    show_name(out, b"pending", 7)
    reply_array(out, shown)
    while shown:
        shown -= 1
        pending = <const Pending*>place_value(&place)
        pending_forward(&place)
        reply_array(out, 4)
        reply_id(out, pending.id)
        if pending.consumer == NULL:
            reply_bulk(out, b"", 0)
        else:
            reply_bulk(out, pending.consumer.name, pending.consumer.name_length)
        reply_integer(out, pending.delivered)
        reply_integer(out, pending.deliveries)
    show_name(out, b"consumers", 9)
    reply_array(out, group.consumer_count)
    for i in range(group.consumer_count):
        show_consumer_in_full(out, group.consumers[i], count)


cdef void show_consumer_in_full(Out* out, const Consumer* consumer, uint64_t count) noexcept:
    cdef Place place = tree_first(&consumer.pending)
    cdef const Pending* pending
    cdef uint64_t shown = consumer.pending.used if count == 0 or count > consumer.pending.used else count
    reply_map(out, 5)
    show_name(out, b"name", 4)
    reply_bulk(out, consumer.name, consumer.name_length)
    show_number(out, b"seen-time", 9, consumer.seen)
    show_number(out, b"active-time", 11, consumer.active)
    show_number(out, b"pel-count", 9, consumer.pending.used)
    show_name(out, b"pending", 7)
    reply_array(out, shown)
    while shown:
        shown -= 1
        pending = <const Pending*>place_value(&place)
        place_forward(&place)
        reply_array(out, 3)
        reply_id(out, pending.id)
        reply_integer(out, pending.delivered)
        reply_integer(out, pending.deliveries)

declare(
    "XINFO STREAM key [FULL [COUNT count]]=full-block", native(xinfo_stream), summary="Describe a stream.",
    since="5.0.0", flags=READONLY, complexity="O(1)",
    history=(
        ("6.0.0", "Added the `FULL` modifier."),
        ("7.0.0", "Added the `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and "
         "`lag` fields"),
        ("7.2.0", "Added the `active-time` field, and changed the meaning of `seen-time`."),
        ("8.6.0", "Added the `idmp-duration`, `idmp-maxsize`, `pids-tracked`, `iids-tracked`, `iids-added` and "
         "`iids-duplicates` fields for IDMP tracking."),
        ("8.8.0", "Added the `nacked-count` field to consumer groups in `FULL` output."),
    ),
)


cdef int xinfo_groups(Call call) except -1:
    cdef Stream* s = need_stream(call)
    cdef const Group* group
    cdef Out* out = call.out
    cdef size_t i
    reply_array(out, s.group_count)
    for i in range(s.group_count):
        group = s.groups[i]
        reply_map(out, 6)
        show_name(out, b"name", 4)
        reply_bulk(out, group.name, group.name_length)
        show_number(out, b"consumers", 9, group.consumer_count)
        show_number(out, b"pending", 7, pending_count(group))
        show_id(out, b"last-delivered-id", 17, group.last_id)
        show_progress(out, s, group)
    return 0

declare(
    "XINFO GROUPS key", native(xinfo_groups), summary="Describe the consumer groups of a stream.", since="5.0.0",
    flags=READONLY, complexity="O(N) where N is the number of groups",
    history=(("7.0.0", "Added the `entries-read` and `lag` fields"),),
)


cdef int xinfo_consumers(Call call) except -1:
    cdef Stream* s = need_stream(call)
    cdef const Group* group = group_at(s, call, 3)
    cdef const Consumer* consumer
    cdef Out* out = call.out
    cdef int64_t now = call.keyspace.now
    cdef size_t i
    if group == NULL:
        raise CommandError(no_group(call, 2, 3))
    reply_array(out, group.consumer_count)
    for i in range(group.consumer_count):
        consumer = group.consumers[i]
        reply_map(out, 4)
        show_name(out, b"name", 4)
        reply_bulk(out, consumer.name, consumer.name_length)
        show_number(out, b"pending", 7, consumer.pending.used)
        show_number(out, b"idle", 4, now - consumer.seen if now > consumer.seen else 0)
        show_number(out, b"inactive", 8, -1 if consumer.active < 0 else max(now - consumer.active, <int64_t>0))
    return 0

declare(
    "XINFO CONSUMERS key group", native(xinfo_consumers), summary="Describe the consumers of a group.",
    since="5.0.0", flags=READONLY, complexity="O(N) where N is the number of consumers",
    tips="nondeterministic_output",
    history=(("7.2.0", "Added the `inactive` field, and changed the meaning of `idle`."),),
)
