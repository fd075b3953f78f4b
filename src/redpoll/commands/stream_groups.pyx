"""XGROUP: consumer groups made, moved and removed, and their consumers."""

from libc.stdint cimport int64_t

from redpoll.commands.call cimport EVENT_STREAM, Call, check_type, native
from redpoll.commands.stream_words cimport (
    FORM_ANY, FORM_STRICT, Form, create_stream, group_at, no_group, read_id, stream_of, word_is_sign,
)
from redpoll.engine.entry cimport ENC_STREAM, TYPE_STREAM, Entry
from redpoll.engine.id_tree cimport StreamId
from redpoll.engine.stream cimport Consumer, Group, Stream, stream_id
from redpoll.engine.stream_group cimport (
    ENTRIES_READ_UNKNOWN, consumer_create, consumer_delete, consumer_find, group_create, group_detach,
)
from redpoll.engine.value cimport value_free
from redpoll.wire.reply cimport reply_integer, reply_ok

from redpoll import errors
from redpoll.commands.declare import container, declare
from redpoll.commands.flags import DENYOOM, WRITE
from redpoll.errors import CommandError

container("XGROUP", group="stream", since="5.0.0", summary="Commands for consumer groups of streams.")


cdef struct Options:
    bint create
    int64_t entries_read


cdef int read_options(Call call, Options* options, bint creating) except -1:
    cdef size_t i = 5
    options.create = False
    options.entries_read = ENTRIES_READ_UNKNOWN
    while i < call.argc:
        if creating and call.word_is(i, b"MKSTREAM", 8):
            options.create = True
        elif i + 1 < call.argc and call.word_is(i, b"ENTRIESREAD", 11):
            i += 1
            call.integer(i, &options.entries_read)
            if options.entries_read < 0 and options.entries_read != ENTRIES_READ_UNKNOWN:
                raise CommandError(errors.ENTRIES_READ_RANGE)
        else:
            raise CommandError(errors.subcommand_arity("XGROUP", call.word(1).decode("utf-8", "surrogateescape")))
        i += 1
    return 0


cdef Entry** find_stream(Call call) except? NULL:
    cdef Entry** slot = call.write(2)
    check_type(slot, TYPE_STREAM)
    return slot


cdef Group* need_group(Call call) except NULL:
    cdef Entry** slot = find_stream(call)
    cdef Group* group
    if slot == NULL:
        raise CommandError(errors.XGROUP_NO_KEY)
    group = group_at(stream_of(slot), call, 3)
    if group == NULL:
        raise CommandError(no_group(call, 2, 3))
    return group


cdef int read_last_id(Call call, const Stream* s, Form form, StreamId* id) except -1:
    """The word that says from where a group reads; "$": from the stream's end."""
    cdef bint has_sequence
    if not word_is_sign(call, 4, c"$"):
        if not read_id(call, 4, form, 0, id, &has_sequence):
            raise CommandError(errors.BAD_STREAM_ID)
        return 0
    id[0] = stream_id(0, 0)
    if s != NULL:
        id[0] = s.last_id
    return 0


cdef inline int64_t capped(int64_t entries_read, const Stream* s) noexcept:
    if s != NULL and entries_read > <int64_t>s.entries_added:
        return s.entries_added
    return entries_read


cdef int xgroup_create(Call call) except -1:
    cdef Options options
    cdef Entry** slot
    cdef Stream* s = NULL
    cdef StreamId id
    read_options(call, &options, True)
    slot = find_stream(call)
    if slot == NULL:
        if not options.create:
            raise CommandError(errors.XGROUP_NO_KEY)
    else:
        s = stream_of(slot)
    read_last_id(call, s, FORM_STRICT, &id)
    if s == NULL:
        s = stream_of(create_stream(call, 2))
        options.entries_read = capped(options.entries_read, s)
    if group_create(s, call.argv[3].ptr, call.argv[3].len, id, capped(options.entries_read, s)) == NULL:
        raise CommandError(errors.BUSY_GROUP)
    call.changed(EVENT_STREAM, b"xgroup-create", 2)
    reply_ok(call.out)
    return 0

declare(
    "XGROUP CREATE key group <id | $>=id-selector [MKSTREAM] [ENTRIESREAD entries-read=entriesread]",
    native(xgroup_create), summary="Make a consumer group.", since="5.0.0", flags=WRITE | DENYOOM, complexity="O(1)",
    keys="RW insert", history=(("7.0.0", "Added the `entries_read` named argument."),),
)


cdef int xgroup_setid(Call call) except -1:
    cdef Options options
    cdef Group* group
    cdef Stream* s
    cdef StreamId id
    read_options(call, &options, False)
    group = need_group(call)
    s = stream_of(find_stream(call))
    read_last_id(call, s, FORM_ANY, &id)
    group.last_id = id
    group.entries_read = capped(options.entries_read, s)
    call.changed(EVENT_STREAM, b"xgroup-setid", 2)
    reply_ok(call.out)
    return 0

declare(
    "XGROUP SETID key group <id | $>=id-selector [ENTRIESREAD entries-read=entriesread]", native(xgroup_setid),
    summary="Set from where a consumer group reads.", since="5.0.0", flags=WRITE, complexity="O(1)",
    keys="RW update", history=(("7.0.0", "Added the optional `entries_read` argument."),),
)


cdef int xgroup_destroy(Call call) except -1:
    cdef Entry** slot = find_stream(call)
    cdef Group* group
    if slot == NULL:
        raise CommandError(errors.XGROUP_NO_KEY)
    group = group_at(stream_of(slot), call, 3)
    if group != NULL:
        value_free(ENC_STREAM, group_detach(stream_of(slot), group))
        call.changed(EVENT_STREAM, b"xgroup-destroy", 2)
    reply_integer(call.out, group != NULL)
    return 0

declare(
    "XGROUP DESTROY key group", native(xgroup_destroy), summary="Remove a consumer group.", since="5.0.0",
    flags=WRITE, complexity="O(1); what was pending is freed later", keys="RW delete",
)


cdef int xgroup_createconsumer(Call call) except -1:
    cdef Group* group = need_group(call)
    cdef bint made = consumer_find(group, call.argv[4].ptr, call.argv[4].len) == NULL
    if made:
        consumer_create(group, call.argv[4].ptr, call.argv[4].len, call.keyspace.now)
        call.changed(EVENT_STREAM, b"xgroup-createconsumer", 2)
    reply_integer(call.out, made)
    return 0

declare(
    "XGROUP CREATECONSUMER key group consumer", native(xgroup_createconsumer),
    summary="Make a consumer in a consumer group.", since="6.2.0", flags=WRITE | DENYOOM, complexity="O(1)",
    keys="RW insert",
)


cdef int xgroup_delconsumer(Call call) except -1:
    """The reply is the number of entries that were pending for it."""
    cdef Group* group = need_group(call)
    cdef Consumer* consumer = consumer_find(group, call.argv[4].ptr, call.argv[4].len)
    cdef int64_t pending = 0
    if consumer != NULL:
        pending = consumer.pending.used
        consumer_delete(group, consumer)
        call.changed(EVENT_STREAM, b"xgroup-delconsumer", 2)
    reply_integer(call.out, pending)
    return 0

declare(
    "XGROUP DELCONSUMER key group consumer", native(xgroup_delconsumer),
    summary="Remove a consumer from a consumer group, with what is pending for it.", since="5.0.0", flags=WRITE,
    complexity="O(1); what was pending for it is freed later", keys="RW delete",
)
