"""What commands of streams share: see stream_words.pxd."""

from libc.stdint cimport UINT64_MAX
from libc.string cimport memchr

from redpoll.engine.entry cimport ENC_STREAM, TYPE_STREAM
from redpoll.engine.id_tree cimport id_decrease, id_increase
from redpoll.engine.numbers cimport parse_uint64, parse_uint64_lenient
from redpoll.engine.stream cimport Walk, stream_new, stream_remove, walk_begin, walk_next
from redpoll.engine.stream_group cimport group_find, stream_forget, stream_is_wanted
from redpoll.wire.direct cimport Direct, direct_integer, direct_string
from redpoll.wire.output cimport Mark
from redpoll.wire.reply cimport reply_later, reply_now

import redpoll.engine.stream_value  # no-cython-lint: registers streams as values

from redpoll import errors
from redpoll.errors import CommandError

cdef enum:
    LONGEST_ID = 127


cdef bint read_id(Call call, size_t word, Form form, uint64_t missing, StreamId* id, bint* has_sequence) noexcept:
    cdef const char* text = call.argv[word].ptr
    cdef size_t length = call.argv[word].len
    cdef const char* dash
    cdef unsigned long long ms, seq
    has_sequence[0] = True
    if length > LONGEST_ID:
        return False
    if length == 1 and (text[0] == c"-" or text[0] == c"+"):
        if form != FORM_ANY:
            return False
        id.ms = id.seq = 0 if text[0] == c"-" else UINT64_MAX
        return True
    dash = <const char*>memchr(text, c"-", length)
    if dash == NULL:
        if not parse_uint64_lenient(text, length, &ms):
            return False
        id.ms = ms
        id.seq = missing
        return True
    if not parse_uint64_lenient(text, dash - text, &ms):
        return False
    length -= dash + 1 - text
    if form == FORM_SEQUENCE and length == 1 and dash[1] == c"*":
        seq = 0
        has_sequence[0] = False
    elif not parse_uint64(dash + 1, length, &seq) and not parse_uint64_lenient(dash + 1, length, &seq):
        return False
    id.ms = ms
    id.seq = seq
    return True


cdef int id_word(Call call, size_t word, StreamId* id) except -1:
    cdef bint has_sequence
    if not read_id(call, word, FORM_STRICT, 0, id, &has_sequence):
        raise CommandError(errors.BAD_STREAM_ID)
    return 0


cdef bint read_bound(Call call, size_t word, uint64_t missing, StreamId* id, bint* without) except -1:
    """Whether it could be read; `without` is set for a bound that is left out itself."""
    cdef bint has_sequence, found
    without[0] = call.argv[word].len > 1 and call.argv[word].ptr[0] == c"("
    if without[0]:
        call.argv[word].ptr += 1
        call.argv[word].len -= 1
    found = read_id(call, word, FORM_STRICT if without[0] else FORM_ANY, missing, id, &has_sequence)
    if without[0]:
        call.argv[word].ptr -= 1
        call.argv[word].len += 1
    if not found:
        raise CommandError(errors.BAD_STREAM_ID)
    return True


cdef int start_word(Call call, size_t word, StreamId* id) except -1:
    cdef bint without
    read_bound(call, word, 0, id, &without)
    if without and not id_increase(id):
        raise CommandError(errors.BAD_RANGE_START)
    return 0


cdef int end_word(Call call, size_t word, StreamId* id) except -1:
    cdef bint without
    read_bound(call, word, UINT64_MAX, id, &without)
    if without and not id_decrease(id):
        raise CommandError(errors.BAD_RANGE_END)
    return 0


cdef int reference_at(Call call, size_t word) noexcept:
    if call.word_is(word, b"KEEPREF", 7):
        return KEEP_REFERENCES
    if call.word_is(word, b"DELREF", 6):
        return DELETE_REFERENCES
    if call.word_is(word, b"ACKED", 5):
        return ONLY_ACKNOWLEDGED
    return 0


cdef size_t ids_block(Call call, size_t first, int* references, size_t* last) except 0:
    """Read `[KEEPREF | DELREF | ACKED] IDS numids id …` from a word on; where the IDs begin, and end."""
    cdef size_t i = first
    cdef size_t ids = 0
    cdef int64_t count
    cdef int found
    references[0] = 0
    while i < call.argc:
        if call.word_is(i, b"IDS", 3):
            if i + 1 == call.argc or not is_count(call, i + 1, &count):
                raise CommandError(errors.NUMIDS_NOT_POSITIVE)
            if count > <int64_t>(call.argc - i - 2):
                raise CommandError(errors.NUMIDS_MISMATCH)
            ids = i + 2
            last[0] = ids + count
            i = last[0]
            continue
        found = reference_at(call, i)
        if not found or references[0]:
            raise CommandError(errors.SYNTAX)
        references[0] = found
        i += 1
    if not ids:
        raise CommandError(errors.SYNTAX)
    return ids


cdef bint is_count(Call call, size_t word, int64_t* count) except *:
    try:
        call.integer(word, count)
    except CommandError:
        return False
    return 0 < count[0] <= 0x7FFFFFFF


cdef int check_ids(Call call, size_t first, size_t last) except -1:
    cdef StreamId id
    cdef size_t i
    for i in range(first, last):
        id_word(call, i, &id)
    return 0


cdef int remove_as_asked(Stream* s, StreamId id, int references) noexcept:
    """Remove an entry; the reply for it: 1 removed, 2 left because a group wants it, -1 not there."""
    # What groups know of an entry counts, and goes, whether the entry is there or not.
    if references == ONLY_ACKNOWLEDGED and stream_is_wanted(s, id):
        return 2
    if references == DELETE_REFERENCES:
        stream_forget(s, id)
    return 1 if stream_remove(s, id) else -1


cdef Entry** create_stream(Call call, size_t word) noexcept:
    cdef Stream* s = stream_new()
    s.producer_seconds = call.keyspace.stream_idmp_duration
    s.producer_most = call.keyspace.stream_idmp_maxsize
    return call.db.put_value(NULL, call.argv[word].ptr, call.argv[word].len, call.hash_of(word), TYPE_STREAM,
                             ENC_STREAM, s, -1)


cdef Group* group_at(Stream* s, Call call, size_t word) noexcept:
    return group_find(s, call.argv[word].ptr, call.argv[word].len)


cdef object no_group(Call call, size_t key, size_t group):
    return errors.no_group(call.word(group).decode("utf-8", "surrogateescape"),
                           call.word(key).decode("utf-8", "surrogateescape"))


# For the log

cdef bytes id_bytes(StreamId id):
    cdef char text[STREAM_ID_TEXT]
    return text[:id_text(text, id)]


cdef inline bytes group_name(const Group* group):
    return group.name[:group.name_length]


cdef inline bytes consumer_name(const Consumer* consumer):
    return consumer.name[:consumer.name_length]


cdef int say_given(Call call, size_t key, const Group* group, const Consumer* consumer, list ids, int64_t delivered,
                   uint64_t deliveries) except -1:
    """A consumer was given these entries."""
    if call.keyspace.propagating:
        call.instead([b"XCLAIM", call.word(key), group_name(group), consumer_name(consumer), b"0", *ids,
                      b"TIME", b"%d" % delivered, b"RETRYCOUNT", b"%d" % deliveries, b"FORCE", b"JUSTID",
                      b"LASTID", id_bytes(group.last_id)])
    return 0


cdef int say_pending(Call call, size_t key, const Group* group, const Pending* pending) except -1:
    if call.keyspace.propagating:
        say_given(call, key, group, pending.consumer, [id_bytes(pending.id)], pending.delivered, pending.deliveries)
    return 0


cdef int say_gone(Call call, size_t key, const Group* group, StreamId id) except -1:
    """An entry is pending no more."""
    if call.keyspace.propagating:
        call.instead([b"XACK", call.word(key), group_name(group), id_bytes(id)])
    return 0


cdef int say_progress(Call call, size_t key, const Group* group) except -1:
    """How far a group is."""
    if call.keyspace.propagating:
        call.instead([b"XGROUP", b"SETID", call.word(key), group_name(group), id_bytes(group.last_id),
                      b"ENTRIESREAD", b"%d" % group.entries_read])
    return 0


cdef int say_consumer(Call call, size_t key, const Group* group, const Consumer* consumer) except -1:
    if call.keyspace.propagating:
        call.instead([b"XGROUP", b"CREATECONSUMER", call.word(key), group_name(group), consumer_name(consumer)])
    return 0


cdef uint64_t reply_range(Out* out, const Stream* s, StreamId first, StreamId last, bint backwards,
                          uint64_t count) noexcept nogil:
    cdef Walk walk
    cdef StreamEntry entry
    cdef uint64_t shown = 0
    cdef uint64_t most = s.length if count == 0 or count > s.length else count
    cdef Mark mark = reply_later(out, most)
    walk_begin(&walk, s, first, last, backwards)
    while shown < most and walk_next(&walk, &entry):
        reply_entry(out, &entry)
        shown += 1
    reply_now(out, &mark, c"*", shown)
    return shown


cdef list given_range(Direct direct, const Stream* s, StreamId first, StreamId last, bint backwards, uint64_t count):
    cdef Walk walk
    cdef StreamEntry entry
    cdef list made = []
    cdef uint64_t most = s.length if count == 0 or count > s.length else count
    walk_begin(&walk, s, first, last, backwards)
    while <uint64_t>len(made) < most and walk_next(&walk, &entry):
        made.append(given_entry(direct, &entry))
    return made


cdef inline object given_element(Direct direct, const uint8_t* p):
    cdef Element read
    listpack_get(p, &read)
    if read.text == NULL:
        return direct_integer(direct, read.integer)
    return direct_string(direct, read.text, read.length)


cdef object given_entry(Direct direct, const StreamEntry* entry):
    cdef const uint8_t* name = entry.names
    cdef const uint8_t* word = entry.words
    cdef char text[STREAM_ID_TEXT]
    cdef object id = direct_string(direct, text, id_text(text, entry.id))
    cdef object field, value
    cdef dict pairs = {} if direct.wants_pairs else None
    cdef list flat = [] if pairs is None else None
    cdef size_t _i
    for _i in range(entry.pairs):
        if name != NULL:
            field = given_element(direct, name)
            name += element_size(name)
        else:
            field = given_element(direct, word)
            word += element_size(word)
        value = given_element(direct, word)
        word += element_size(word)
        if pairs is None:
            flat.append(field)
            flat.append(value)
        else:
            pairs[field] = value
    return [id, flat] if pairs is None else (id, pairs)


cdef object given_gone(Direct direct, StreamId id):
    cdef char text[STREAM_ID_TEXT]
    cdef object shown = direct_string(direct, text, id_text(text, id))
    return (shown, {}) if direct.wants_pairs else [shown, None]


cdef bint reply_one(Out* out, const Stream* s, StreamId id) noexcept nogil:
    cdef Walk walk
    cdef StreamEntry entry
    walk_begin(&walk, s, id, id, False)
    if not walk_next(&walk, &entry):
        return False
    reply_entry(out, &entry)
    return True
