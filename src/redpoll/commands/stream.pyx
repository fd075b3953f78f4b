"""Streams as they grow and shrink: XADD, XTRIM, XDEL, XDELEX, XSETID, XCFGSET, XIDMPRECORD."""

from libc.stdint cimport INT64_MAX, UINT64_MAX, int64_t, uint64_t
from libc.string cimport memcpy

from redpoll.commands.call cimport EVENT_STREAM, Call, check_type, native
from redpoll.commands.stream_words cimport (
    DELETE_REFERENCES, FORM_SEQUENCE, KEEP_REFERENCES, ONLY_ACKNOWLEDGED, check_ids, create_stream, id_bytes, id_word,
    ids_block, read_id, reference_at, remove_as_asked, reply_id, stream_of, word_is_sign,
)
from redpoll.engine.entry cimport TYPE_STREAM, Entry
from redpoll.engine.id_tree cimport StreamId, id_equal, id_is_zero, id_less
from redpoll.engine.stream cimport (
    TRIM_ID, TRIM_LENGTH, TRIM_NOTHING, Stream, Trim, TrimBy, Word, stream_append, stream_edge, stream_has, stream_id,
    stream_next_id, stream_remove, stream_trim,
)
from redpoll.engine.stream_group cimport stream_forget, stream_is_wanted
from redpoll.engine.stream_producers cimport Sent, producers_add, producers_clear, producers_find
from redpoll.engine.xxh3 cimport xxh3_64
from redpoll.wire.reply cimport reply_array, reply_integer, reply_null, reply_ok

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, FAST, WRITE
from redpoll.errors import CommandError

cdef enum:
    TRIM_NODES = 100             # nodes that rough trimming removes at the most when no LIMIT is given
    TRIM_ENTRIES = 10000         # … where nodes have no most of entries
    TRIM_ENTRIES_MOST = 1000000


# Options of XADD and XTRIM.
cdef struct Options:
    Trim trim
    int references               # of Reference; 0: not given
    bint limit_given
    bint no_create
    size_t producer              # words; 0: none
    size_t sent                  # 0: made of the fields
    bint id_given
    bint has_sequence
    StreamId id


cdef int read_threshold(Call call, size_t* i, Options* options, TrimBy by) except -1:
    """MAXLEN or MINID; `i` moves on to its last word."""
    cdef int64_t length
    cdef size_t left = call.argc - 1 - i[0]
    if options.trim.by != TRIM_NOTHING:
        raise CommandError(errors.TWO_TRIMMINGS)
    options.trim.by = by
    options.trim.roughly = False
    if left >= 2 and word_is_sign(call, i[0] + 1, c"~"):
        options.trim.roughly = True
        i[0] += 1
    elif left >= 2 and word_is_sign(call, i[0] + 1, c"="):
        i[0] += 1
    i[0] += 1
    if by == TRIM_ID:
        id_word(call, i[0], &options.trim.id)
        return 0
    call.integer(i[0], &length)
    if length < 0:
        raise CommandError(errors.MAXLEN_NEGATIVE)
    options.trim.length = length
    return 0


cdef int read_producer(Call call, size_t* i, Options* options, bint auto) except -1:
    if options.producer:
        raise CommandError(errors.TWO_PRODUCERS)
    options.producer = i[0] + 1
    options.sent = 0 if auto else i[0] + 2
    if call.argv[options.producer].len == 0:
        raise CommandError(errors.IDMPAUTO_NO_PRODUCER if auto else errors.IDMP_NO_PRODUCER)
    if not auto and call.argv[options.sent].len == 0:
        raise CommandError(errors.IDMP_NO_ID)
    i[0] += 1 if auto else 2
    return 0


cdef size_t read_options(Call call, Options* options, bint adding) except 0:
    """The word of the ID, or the number of words."""
    cdef size_t i = 2
    cdef size_t left
    cdef int64_t limit
    cdef int references
    options.trim.by = TRIM_NOTHING
    options.trim.roughly = False
    options.trim.limit = 0
    options.trim.may_remove = NULL
    options.references = 0
    options.limit_given = options.no_create = options.id_given = False
    options.producer = options.sent = 0
    options.has_sequence = True
    while i < call.argc:
        left = call.argc - 1 - i
        if adding and word_is_sign(call, i, c"*"):
            break
        if left and call.word_is(i, b"MAXLEN", 6):
            read_threshold(call, &i, options, TRIM_LENGTH)
        elif left and call.word_is(i, b"MINID", 5):
            read_threshold(call, &i, options, TRIM_ID)
        elif left and call.word_is(i, b"LIMIT", 5):
            i += 1
            call.integer(i, &limit)
            if limit < 0:
                raise CommandError(errors.LIMIT_NEGATIVE)
            options.trim.limit = limit
            options.limit_given = True
        elif adding and call.word_is(i, b"NOMKSTREAM", 10):
            options.no_create = True
        elif adding and left >= 2 and call.word_is(i, b"IDMP", 4):
            read_producer(call, &i, options, False)
        elif adding and left and call.word_is(i, b"IDMPAUTO", 8):
            read_producer(call, &i, options, True)
        else:
            references = 0 if options.references else reference_at(call, i)
            if references:
                options.references = references
            elif not adding:
                raise CommandError(errors.SYNTAX)
            else:
                if not read_id(call, i, FORM_SEQUENCE, 0, &options.id, &options.has_sequence):
                    raise CommandError(errors.BAD_STREAM_ID)
                options.id_given = True
                break
        i += 1
    finish_trim(call, options, adding)
    return i


cdef int finish_trim(Call call, Options* options, bint adding) except -1:
    cdef uint64_t most
    if options.trim.limit and options.trim.by == TRIM_NOTHING:
        raise CommandError(errors.LIMIT_WITHOUT_TRIMMING)
    if not adding and options.trim.by == TRIM_NOTHING:
        raise CommandError(errors.NO_TRIMMING)
    if options.limit_given and not options.trim.roughly:
        raise CommandError(errors.LIMIT_WITHOUT_ROUGHLY)
    if not options.limit_given and options.trim.roughly:
        most = call.keyspace.stream_node_max_entries
        if most > TRIM_ENTRIES_MOST // TRIM_NODES:
            most = TRIM_ENTRIES_MOST // TRIM_NODES
        options.trim.limit = TRIM_NODES * most if most else <uint64_t>TRIM_ENTRIES
    return 0


cdef bint forget_and_remove(void* context, StreamId id) noexcept nogil:
    stream_forget(<Stream*>context, id)
    return True


cdef bint is_unwanted(void* context, StreamId id) noexcept nogil:
    return not stream_is_wanted(<Stream*>context, id)


cdef uint64_t trim(Stream* s, Options* options) noexcept:
    options.trim.context = s
    if s.group_count and options.references == DELETE_REFERENCES:
        options.trim.may_remove = forget_and_remove
    elif s.group_count and options.references == ONLY_ACKNOWLEDGED:
        options.trim.may_remove = is_unwanted
    return stream_trim(s, &options.trim)


cdef list trim_words(const Stream* s, const Options* options):
    """For the log: what trims exactly as it was done, however nodes are cut elsewhere."""
    cdef list words = []
    if options.trim.by != TRIM_NOTHING:
        if options.references:
            words.append((b"KEEPREF", b"DELREF", b"ACKED")[options.references - KEEP_REFERENCES])
        if options.trim.by == TRIM_LENGTH or s.length == 0:
            words += [b"MAXLEN", b"=", b"%d" % (s.length if options.trim.roughly else options.trim.length)]
        else:
            words += [b"MINID", b"=", id_bytes(s.first_id if options.trim.roughly else options.trim.id)]
    return words


# XADD

cdef int choose_id(Call call, const Stream* s, const Options* options, StreamId* id) except -1:
    """The ID of a new entry; `s` is NULL for a stream that is not there."""
    cdef StreamId last = stream_id(0, 0)
    if s != NULL:
        last = s.last_id
    if last.ms == UINT64_MAX and last.seq == UINT64_MAX:
        raise CommandError(errors.STREAM_EXHAUSTED)
    if not options.id_given:
        if s == NULL:
            id[0] = stream_id(call.keyspace.now, 0)
        elif not stream_next_id(s, call.keyspace.now, id):
            raise CommandError(errors.ID_TOO_SMALL)
        return 0
    id[0] = options.id
    if not options.has_sequence:
        if id.ms == last.ms:
            if last.seq == UINT64_MAX:
                raise CommandError(errors.ID_TOO_SMALL)
            id.seq = last.seq + 1
        else:
            id.seq = 0
    if not id_less(last, id[0]):
        raise CommandError(errors.ID_TOO_SMALL)
    return 0


cdef void sum_of_fields(Call call, size_t first, char* digest) noexcept:
    """The ID that IDMPAUTO gives: the same for the same fields and values in whatever order, 16 bytes."""
    cdef uint64_t parts[4]
    cdef uint64_t sums[2]
    cdef size_t i
    sums[0] = sums[1] = 0
    for i in range(first, call.argc, 2):
        parts[0] = xxh3_64(call.argv[i].ptr, call.argv[i].len)
        parts[1] = xxh3_64(call.argv[i + 1].ptr, call.argv[i + 1].len)
        parts[2] = call.argv[i].len
        parts[3] = call.argv[i + 1].len
        parts[2] = xxh3_64(parts, 32)
        sums[0] += parts[2]
        parts[0], parts[1] = parts[1], parts[0]
        sums[1] += xxh3_64(parts, 32)
    memcpy(digest, sums, 16)


cdef int xadd(Call call) except -1:
    """The reply is the ID that the entry got."""
    cdef Options options
    cdef Entry** slot
    cdef Stream* s = NULL
    cdef StreamId id
    cdef size_t at
    cdef Sent* sent
    cdef char digest[16]
    cdef const char* sent_id = NULL
    cdef size_t sent_length = 0
    at = read_options(call, &options, True) + 1
    if call.argc < at + 2 or (call.argc - at) % 2:
        raise CommandError(errors.wrong_arity("xadd"))
    if options.producer and options.id_given:
        raise CommandError(errors.IDMP_WITH_ID)
    if options.id_given and options.has_sequence and id_is_zero(options.id):
        raise CommandError(errors.ID_ZERO)
    slot = call.write(1)
    check_type(slot, TYPE_STREAM)
    if slot == NULL and options.no_create:
        reply_null(call.out)
        return 0
    if slot != NULL:
        s = stream_of(slot)
    if options.producer:
        if options.sent:
            sent_id = call.argv[options.sent].ptr
            sent_length = call.argv[options.sent].len
        else:
            sum_of_fields(call, at, digest)
            sent_id = digest
            sent_length = sizeof(digest)
        if s != NULL:
            sent = producers_find(s, call.argv[options.producer].ptr, call.argv[options.producer].len, sent_id,
                                  sent_length, call.keyspace.now)
            if sent != NULL:
                s.duplicates += 1
                call.altered(1)
                reply_id(call.out, sent.id)
                return 0
    choose_id(call, s, &options, &id)
    if s == NULL:
        slot = create_stream(call, 1)
        s = stream_of(slot)
    if not stream_append(s, id, <const Word*>&call.argv[at], (call.argc - at) // 2,
                         call.keyspace.stream_node_max_bytes, call.keyspace.stream_node_max_entries):
        if s.last_id.ms == 0 and s.last_id.seq == 0 and s.group_count == 0:
            call.db.remove(slot, call.hash_of(1))
        raise CommandError(errors.ENTRY_TOO_LARGE)
    if options.producer:
        producers_add(s, call.argv[options.producer].ptr, call.argv[options.producer].len, sent_id, sent_length, id,
                      call.keyspace.now)
        s.identified += 1
    reply_id(call.out, id)
    call.changed(EVENT_STREAM, b"xadd", 1)
    if options.trim.by != TRIM_NOTHING and trim(s, &options):
        call.also(EVENT_STREAM, b"xtrim", 1)
    if call.keyspace.propagating:
        say_added(call, s, &options, id, at, sent_id[:sent_length] if options.producer else None)
    return 0


cdef int say_added(Call call, const Stream* s, const Options* options, StreamId id, size_t at, bytes sent) except -1:
    """For the log: the ID that the entry got."""
    if options.id_given and options.has_sequence and not options.trim.roughly:
        return 0
    call.instead([b"XADD", call.word(1), *trim_words(s, options), id_bytes(id),
                  *[call.word(i) for i in range(at, call.argc)]])
    if sent is not None and stream_has(s, id):
        call.instead([b"XIDMPRECORD", call.word(1), call.word(options.producer), sent, id_bytes(id)])
    return 0

declare(
    "XADD key [NOMKSTREAM] [KEEPREF | DELREF | ACKED] "
    "[IDMPAUTO producer-id=pid | IDMP (producer-id=pid idempotent-id=iid)]=idmp "
    "[<MAXLEN | MINID> [= | ~] threshold [LIMIT count]]=trim <* | id>=id-selector field value [field value ...]",
    native(xadd), summary="Add an entry to a stream; a missing one is made.", group="stream", since="5.0.0",
    flags=WRITE | DENYOOM | FAST,
    complexity="O(1), and O(N) for trimming where N is the number of entries removed", keys="RW update",
    tips="nondeterministic_output",
    history=(
        ("6.2.0", "Added the `NOMKSTREAM` option, `MINID` trimming strategy and the `LIMIT` option."),
        ("7.0.0", "Added support for the `<ms>-*` explicit ID form."),
        ("8.2.0", "Added the `KEEPREF`, `DELREF` and `ACKED` options."),
        ("8.6.0", "Added the `IDMP` and `IDMPAUTO` options."),
    ),
)


cdef int xtrim(Call call) except -1:
    cdef Options options
    cdef Entry** slot
    cdef uint64_t removed
    read_options(call, &options, False)
    slot = call.write(1)
    check_type(slot, TYPE_STREAM)
    if slot == NULL:
        reply_integer(call.out, 0)
        return 0
    removed = trim(stream_of(slot), &options)
    if removed:
        if options.trim.roughly and call.keyspace.propagating:
            call.instead([b"XTRIM", call.word(1), *trim_words(stream_of(slot), &options)])
        call.changed(EVENT_STREAM, b"xtrim", 1)
        call.keyspace.dirty += removed - 1
    reply_integer(call.out, removed)
    return 0

declare(
    "XTRIM key (<MAXLEN | MINID> [= | ~] threshold [LIMIT count] [KEEPREF | DELREF | ACKED])=trim", native(xtrim),
    summary="Remove entries from the start of a stream.", group="stream", since="5.0.0", flags=WRITE,
    complexity="O(N) where N is the number of entries removed", keys="RW delete", tips="nondeterministic_output",
    history=(
        ("6.2.0", "Added the `MINID` trimming strategy and the `LIMIT` option."),
        ("8.2.0", "Added the `KEEPREF`, `DELREF` and `ACKED` options."),
    ),
)


cdef int xdel(Call call) except -1:
    cdef Entry** slot = call.write(1)
    cdef StreamId id
    cdef size_t i
    cdef int64_t removed = 0
    check_type(slot, TYPE_STREAM)
    if slot == NULL:
        reply_integer(call.out, 0)
        return 0
    check_ids(call, 2, call.argc)
    for i in range(2, call.argc):
        id_word(call, i, &id)
        removed += stream_remove(stream_of(slot), id)
    if removed:
        call.changed(EVENT_STREAM, b"xdel", 1)
        call.keyspace.dirty += removed - 1
    reply_integer(call.out, removed)
    return 0

declare(
    "XDEL key id [id ...]", native(xdel), summary="Remove entries from a stream by their IDs.", group="stream",
    since="5.0.0", flags=WRITE | FAST, complexity="O(1) for each entry, whatever the size of the stream",
    keys="RW delete",
)


cdef int xdelex(Call call) except -1:
    """The reply has for each ID: 1 removed, 2 left because a group wants it, -1 not there."""
    cdef int references, done
    cdef size_t first, last = 0, i
    cdef Entry** slot
    cdef StreamId id
    cdef int64_t removed = 0
    first = ids_block(call, 2, &references, &last)
    slot = call.write(1)
    check_type(slot, TYPE_STREAM)
    if slot != NULL:
        check_ids(call, first, last)
    reply_array(call.out, last - first)
    for i in range(first, last):
        if slot == NULL:
            reply_integer(call.out, -1)
            continue
        id_word(call, i, &id)
        done = remove_as_asked(stream_of(slot), id, references)
        removed += done == 1
        reply_integer(call.out, done)
    if removed:
        call.changed(EVENT_STREAM, b"xdel", 1)
        call.keyspace.dirty += removed - 1
    return 0

declare(
    "XDELEX key [KEEPREF | DELREF | ACKED] IDS numids id [id ...]", native(xdelex),
    summary="Remove entries from a stream, and what groups know of them as asked.", group="stream", since="8.2.0",
    flags=WRITE | FAST, complexity="O(1) for each entry, whatever the size of the stream", keys="RW delete",
)


cdef int xsetid(Call call) except -1:
    cdef StreamId id, max_deleted
    cdef bint deleted_given = False
    cdef int64_t added = -1
    cdef size_t i = 3
    cdef Entry** slot
    cdef Stream* s
    id_word(call, 2, &id)
    while i < call.argc:
        if i + 1 < call.argc and call.word_is(i, b"ENTRIESADDED", 12):
            call.integer(i + 1, &added)
            if added < 0:
                raise CommandError(errors.ENTRIES_ADDED_NEGATIVE)
        elif i + 1 < call.argc and call.word_is(i, b"MAXDELETEDID", 12):
            id_word(call, i + 1, &max_deleted)
            deleted_given = True
            if id_less(id, max_deleted):
                raise CommandError(errors.SETID_BELOW_GIVEN_DELETED)
        else:
            raise CommandError(errors.SYNTAX)
        i += 2
    slot = call.write(1)
    if slot == NULL:
        raise CommandError(errors.NO_SUCH_KEY)
    check_type(slot, TYPE_STREAM)
    s = stream_of(slot)
    if id_less(id, s.max_deleted_id):
        raise CommandError(errors.SETID_BELOW_DELETED)
    if s.length:
        if id_less(id, stream_edge(s, True)):
            raise CommandError(errors.SETID_BELOW_LAST)
        if added >= 0 and s.length > <uint64_t>added:
            raise CommandError(errors.ENTRIES_ADDED_BELOW_LENGTH)
    s.last_id = id
    if added >= 0:
        s.entries_added = added
    if deleted_given:
        s.max_deleted_id = max_deleted
    reply_ok(call.out)
    call.changed(EVENT_STREAM, b"xsetid", 1)
    return 0

declare(
    "XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]", native(xsetid),
    summary="Set the last ID of a stream; for internal use.", group="stream", since="5.0.0",
    flags=WRITE | DENYOOM | FAST, complexity="O(1)", keys="RW update",
    history=(("7.0.0", "Added the `entries_added` and `max_deleted_entry_id` arguments."),),
)


# What producers sent

cdef int xcfgset(Call call) except -1:
    cdef int64_t seconds = 0, most = 0
    cdef size_t i = 2
    cdef Entry** slot
    cdef Stream* s
    if call.argc == 2:
        raise CommandError(errors.XCFGSET_NOTHING)
    while i < call.argc:
        if i + 1 < call.argc and call.word_is(i, b"IDMP-DURATION", 13):
            call.integer(i + 1, &seconds)
            if not 1 <= seconds <= 86400:
                raise CommandError(errors.IDMP_DURATION_RANGE)
        elif i + 1 < call.argc and call.word_is(i, b"IDMP-MAXSIZE", 12):
            call.integer(i + 1, &most)
            if not 1 <= most <= 10000:
                raise CommandError(errors.IDMP_MAXSIZE_RANGE)
        else:
            raise CommandError(errors.SYNTAX)
        i += 2
    slot = call.write(1)
    if slot == NULL:
        raise CommandError(errors.NO_SUCH_KEY)
    check_type(slot, TYPE_STREAM)
    s = stream_of(slot)
    if seconds == 0:
        seconds = s.producer_seconds
    if most == 0:
        most = s.producer_most
    if seconds != s.producer_seconds or most != s.producer_most:
        # What is remembered was meant to be remembered otherwise.
        producers_clear(s)
        s.producer_seconds = seconds
        s.producer_most = most
        call.altered(1)
    reply_ok(call.out)
    return 0

declare(
    "XCFGSET key [IDMP-DURATION duration:integer] [IDMP-MAXSIZE maxsize:integer]", native(xcfgset),
    summary="Set how long and how many idempotent IDs of producers a stream remembers.", group="stream",
    since="8.6.0", flags=WRITE | FAST, complexity="O(1)", keys="RW update",
)


cdef int xidmprecord(Call call) except -1:
    cdef Entry** slot
    cdef Stream* s
    cdef StreamId id
    cdef Sent* sent
    if call.argv[2].len == 0:
        raise CommandError(errors.IDMP_NO_PRODUCER)
    if call.argv[3].len == 0:
        raise CommandError(errors.IDMP_NO_ID)
    id_word(call, 4, &id)
    slot = call.write(1)
    if slot == NULL:
        raise CommandError(errors.NO_SUCH_KEY)
    check_type(slot, TYPE_STREAM)
    s = stream_of(slot)
    if not stream_has(s, id):
        raise CommandError(errors.IDMP_NO_ENTRY)
    sent = producers_find(s, call.argv[2].ptr, call.argv[2].len, call.argv[3].ptr, call.argv[3].len, call.keyspace.now)
    if sent != NULL:
        if not id_equal(sent.id, id):
            raise CommandError(errors.IDMP_OTHER_ENTRY)
    else:
        producers_add(s, call.argv[2].ptr, call.argv[2].len, call.argv[3].ptr, call.argv[3].len, id,
                      call.keyspace.now)
        call.altered(1)
    reply_ok(call.out)
    return 0

declare(
    "XIDMPRECORD key pid iid stream-id", native(xidmprecord),
    summary="Record what an entry was sent as; for internal use.", group="stream", since="8.6.2",
    flags=WRITE | DENYOOM | FAST, complexity="O(1)", keys="RW update",
)
