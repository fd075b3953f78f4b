"""Streams as the commands that make them anew.

    XADD key ID field value …                                     each entry
    XADD key MAXLEN 0 0-1 x y                                     where there is none
    XSETID key last-ID ENTRIESADDED n MAXDELETEDID ID
    XCFGSET key …, XIDMPRECORD key producer text ID …             where entries came with an idempotent ID
    XGROUP CREATE key group last-ID ENTRIESREAD n                 each group
    XGROUP CREATECONSUMER key group consumer                      consumers that nothing is pending for
    XCLAIM key group consumer 0 ID TIME t RETRYCOUNT n JUSTID FORCE
    XNACK key group FAIL IDS 1 ID RETRYCOUNT n FORCE              entries that were given back

No command makes an entry pending that the stream does not hold. So where entries may have been deleted that are
pending still, groups come first: for each of these an entry is added that the group is given, and all of them are
trimmed again before the real entries follow:

    XGROUP CREATE key group last-ID MKSTREAM ENTRIESREAD n
    XADD key ID x y, XCLAIM …                                     each deleted entry that is pending
    XTRIM key MAXLEN 0, XSETID key 0-0
    XGROUP SETID key group last-ID ENTRIESREAD n                  once the entries are there

A large stream, which may change while it is told, is told so too, whatever was deleted: all that is pending comes
first, with an entry added for each. Then nothing has to be known of groups when its entries are told, and nobody asks
which entries there are (`tell_ahead`).

Phases, in `progress.at`; a group's number is in `progress.left`, and `progress.base` tells whether it was begun.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort

from redpoll.engine.entry cimport Entry, entry_key, entry_key_length
from redpoll.engine.id_tree cimport (
    IdTree, Place, StreamId, id_increase, id_is_zero, id_less, place_forward, place_id, place_value, tree_at_or_after,
    tree_at_or_before,
)
from redpoll.engine.id_view cimport SeenItem, id_view_item, id_view_step
from redpoll.engine.listpack cimport Element, element_size, listpack_get
from redpoll.engine.stream cimport (
    Consumer, Group, Pending, Stream, StreamEntry, Walk, stream_has, stream_id, walk_begin, walk_begin_node, walk_next,
)
from redpoll.engine.stream_group cimport group_settle, pending_at_or_after, pending_forward
from redpoll.engine.stream_producers cimport producer_of, sent_of
from redpoll.engine.table cimport table_buckets, table_visit_bucket
from redpoll.formats.command_output cimport (
    put_element, put_name, put_number, put_stream_id, put_word, put_words,
)
from redpoll.formats.progress cimport Progress, progress_leave_entry
from redpoll.formats.rdb_output cimport Output, output_free, output_init, put_bytes
from redpoll.formats.rdb_stream cimport stream_view
from redpoll.formats.spliced cimport Splice, Spliced, splice, spliced_free, spliced_more, spliced_new

cdef enum Phase:
    PHASE_DELETED = 0            # pending entries that the stream does not hold any more
    PHASE_ENTRIES = 1
    PHASE_FACTS = 2
    PHASE_GROUPS = 3

# Places in `progress.cursor`.
cdef enum:
    NEXT_MS = 0                  # the ID to go on from
    NEXT_SEQ = 1
    PLACEHOLDERS = 2             # entries that were added for deleted ones
    MADE = 3                     # whether the groups are made already
    BEGUN = 4

cdef enum:
    AT_ONCE_PENDING = 128        # pending entries that are told at once, however many others there are


cdef inline const Stream* stream_of(const Progress* progress) noexcept nogil:
    return <const Stream*>progress.value


cdef inline void put_key(Output* out, const Progress* progress) noexcept nogil:
    put_word(out, progress.key, progress.key_length)


cdef inline void begin(Output* out, const Progress* progress, size_t words, const char* name) noexcept nogil:
    """A command of so many words that begins with its name and the key."""
    put_words(out, words)
    put_name(out, name)
    put_key(out, progress)


cdef inline StreamId next_id(const Progress* progress) noexcept nogil:
    return stream_id(progress.cursor[NEXT_MS], progress.cursor[NEXT_SEQ])


cdef inline bint go_on_behind(Progress* progress, StreamId id) noexcept nogil:
    """False: that was the last ID that there can be."""
    cdef bint more = id_increase(&id)
    progress.cursor[NEXT_MS] = id.ms
    progress.cursor[NEXT_SEQ] = id.seq
    return more


cdef inline void begin_phase(Progress* progress, Phase phase) noexcept nogil:
    progress.at = phase
    progress.left = progress.base = 0
    progress.cursor[NEXT_MS] = progress.cursor[NEXT_SEQ] = 0


cdef inline void next_group(Progress* progress) noexcept nogil:
    progress.left += 1
    progress.base = 0
    progress.cursor[NEXT_MS] = progress.cursor[NEXT_SEQ] = progress.cursor[PLACEHOLDERS] = 0


cdef void put_group(Output* out, const Progress* progress, const Group* group, bint making_stream) noexcept nogil:
    put_words(out, 7 + making_stream)
    put_name(out, b"XGROUP")
    put_name(out, b"CREATE")
    put_key(out, progress)
    put_word(out, group.name, group.name_length)
    put_stream_id(out, group.last_id)
    if making_stream:
        put_name(out, b"MKSTREAM")
    put_name(out, b"ENTRIESREAD")
    put_number(out, group.entries_read)


cdef inline int64_t deliveries_of(const Pending* pending) noexcept nogil:
    return INT64_MAX if pending.deliveries > <uint64_t>INT64_MAX else <int64_t>pending.deliveries


cdef void put_claim(Output* out, const Pending* pending) noexcept nogil:
    """XCLAIM from the consumer on: nine words."""
    put_word(out, pending.consumer.name, pending.consumer.name_length)
    put_name(out, b"0")
    put_stream_id(out, pending.id)
    put_name(out, b"TIME")
    put_number(out, pending.delivered)
    put_name(out, b"RETRYCOUNT")
    put_number(out, deliveries_of(pending))
    put_name(out, b"JUSTID")
    put_name(out, b"FORCE")


cdef void put_pending(Output* out, const Progress* progress, const Group* group, const Pending* pending) noexcept nogil:
    if pending.consumer == NULL:
        begin(out, progress, 10, b"XNACK")
        put_word(out, group.name, group.name_length)
        put_name(out, b"FAIL")
        put_name(out, b"IDS")
        put_name(out, b"1")
        put_stream_id(out, pending.id)
        put_name(out, b"RETRYCOUNT")
        put_number(out, deliveries_of(pending))
        put_name(out, b"FORCE")
        return
    begin(out, progress, 12, b"XCLAIM")
    put_word(out, group.name, group.name_length)
    put_claim(out, pending)


cdef bint tell_deleted(Output* out, Progress* progress, size_t until) noexcept nogil:
    cdef const Stream* s = stream_of(progress)
    cdef const Group* group
    cdef const Pending* pending
    cdef Place place
    cdef bint more
    if not s.group_count or (s.length == s.entries_added and id_is_zero(s.max_deleted_id)):
        return True
    progress.cursor[MADE] = True
    while progress.left < s.group_count:
        group = s.groups[progress.left]
        if not progress.base:
            progress.base = True
            put_group(out, progress, group, True)
        place = pending_at_or_after(group, next_id(progress))
        more = True
        while place.leaf != NULL and more:
            if out.length >= until:
                return False
            pending = <const Pending*>place_value(&place)
            if not stream_has(s, pending.id):
                begin(out, progress, 5, b"XADD")
                put_stream_id(out, pending.id)
                put_name(out, b"x")
                put_name(out, b"y")
                put_pending(out, progress, group, pending)
                progress.cursor[PLACEHOLDERS] += 1
            more = go_on_behind(progress, pending.id)
            pending_forward(&place)
        if progress.cursor[PLACEHOLDERS]:
            put_clearing(out, progress)
        next_group(progress)
    return True


cdef void put_entry(Output* out, const Progress* progress, const StreamEntry* entry) noexcept nogil:
    cdef const unsigned char* name = entry.names
    cdef const unsigned char* word = entry.words
    cdef Element element
    cdef size_t _
    begin(out, progress, 3 + 2 * entry.pairs, b"XADD")
    put_stream_id(out, entry.id)
    for _ in range(entry.pairs):
        if name != NULL:
            listpack_get(name, &element)
            name += element_size(name)
        else:
            listpack_get(word, &element)
            word += element_size(word)
        put_element(out, &element)
        listpack_get(word, &element)
        word += element_size(word)
        put_element(out, &element)


cdef void put_empty(Output* out, const Progress* progress) noexcept nogil:
    begin(out, progress, 7, b"XADD")
    put_name(out, b"MAXLEN")
    put_name(out, b"0")
    put_name(out, b"0-1")
    put_name(out, b"x")
    put_name(out, b"y")


cdef bint tell_entries(Output* out, Progress* progress, size_t until) noexcept nogil:
    cdef const Stream* s = stream_of(progress)
    cdef StreamEntry entry
    cdef Walk walk
    if s.length == 0:
        if not progress.cursor[MADE]:
            put_empty(out, progress)
        return True
    walk_begin(&walk, s, next_id(progress), stream_id(<uint64_t>-1, <uint64_t>-1), False)
    while walk_next(&walk, &entry):
        put_entry(out, progress, &entry)
        if not go_on_behind(progress, entry.id):
            return True
        if out.length >= until:
            return False
    return True


# What telling a producer has to know.
cdef struct Telling:
    Output* out
    const Progress* progress


cdef void put_producer(void* context, Entry* e) noexcept nogil:
    cdef const Telling* telling = <const Telling*>context
    cdef const Entry* sent = producer_of(e).oldest
    while sent != NULL:
        # An entry that was deleted cannot be told of.
        if stream_has(stream_of(telling.progress), sent_of(sent).id):
            begin(telling.out, telling.progress, 5, b"XIDMPRECORD")
            put_word(telling.out, entry_key(e), entry_key_length(e))
            put_word(telling.out, entry_key(sent), entry_key_length(sent))
            put_stream_id(telling.out, sent_of(sent).id)
        sent = sent_of(sent).newer


cdef void tell_facts(Output* out, const Progress* progress) noexcept nogil:
    cdef const Stream* s = stream_of(progress)
    cdef Telling telling
    cdef size_t i
    begin(out, progress, 7, b"XSETID")
    put_stream_id(out, s.last_id)
    put_name(out, b"ENTRIESADDED")
    put_number(out, <int64_t>s.entries_added)
    put_name(out, b"MAXDELETEDID")
    put_stream_id(out, s.max_deleted_id)
    if s.producers == NULL and not s.identified and not s.duplicates:
        return
    begin(out, progress, 6, b"XCFGSET")
    put_name(out, b"IDMP-DURATION")
    put_number(out, s.producer_seconds)
    put_name(out, b"IDMP-MAXSIZE")
    put_number(out, s.producer_most)
    if s.producers == NULL:
        return
    telling.out = out
    telling.progress = progress
    for i in range(table_buckets(&s.producers.by_name)):
        table_visit_bucket(&s.producers.by_name, i, put_producer, &telling)


cdef void begin_group(Output* out, const Progress* progress, const Group* group) noexcept nogil:
    cdef const Consumer* consumer
    cdef uint32_t i
    if progress.cursor[MADE]:
        # It has seen other entries so far.
        put_words(out, 7)
        put_name(out, b"XGROUP")
        put_name(out, b"SETID")
        put_key(out, progress)
        put_word(out, group.name, group.name_length)
        put_stream_id(out, group.last_id)
        put_name(out, b"ENTRIESREAD")
        put_number(out, group.entries_read)
    else:
        put_group(out, progress, group, False)
    for i in range(group.consumer_count):
        consumer = group.consumers[i]
        if consumer.pending.used == 0:
            put_words(out, 5)
            put_name(out, b"XGROUP")
            put_name(out, b"CREATECONSUMER")
            put_key(out, progress)
            put_word(out, group.name, group.name_length)
            put_word(out, consumer.name, consumer.name_length)


cdef void put_given_back(Output* out, const Progress* progress, const Group* group) noexcept nogil:
    """In the order in which they were given back, which is the one in which they are handed out again."""
    cdef const Pending* pending = group.first
    while pending != NULL and pending.consumer == NULL:
        if stream_has(stream_of(progress), pending.id):
            put_pending(out, progress, group, pending)
        pending = pending.later


cdef bint tell_groups(Output* out, Progress* progress, size_t until) noexcept nogil:
    cdef const Stream* s = stream_of(progress)
    cdef const Group* group
    cdef const Pending* pending
    cdef Place place
    cdef bint more
    while progress.left < s.group_count:
        group = s.groups[progress.left]
        if not progress.base:
            progress.base = True
            begin_group(out, progress, group)
        place = pending_at_or_after(group, next_id(progress))
        more = True
        while place.leaf != NULL and more:
            if out.length >= until:
                return False
            pending = <const Pending*>place_value(&place)
            if pending.consumer != NULL and (not progress.cursor[MADE] or stream_has(s, pending.id)):
                put_pending(out, progress, group, pending)
            more = go_on_behind(progress, pending.id)
            pending_forward(&place)
        put_given_back(out, progress, group)
        next_group(progress)
    return True


# Telling ahead

cdef void put_placeholder(Output* out, const Splice* at, StreamId id) noexcept nogil:
    put_words(out, 5)
    put_name(out, b"XADD")
    put_bytes(out, at.words.data, at.words_split)
    put_stream_id(out, id)
    put_name(out, b"x")
    put_name(out, b"y")


cdef void put_claims(Output* out, const Splice* at, const IdTree* tree, StreamId first, StreamId last) noexcept nogil:
    """What is pending for consumers. The words of the key and of the group are in `at.words`."""
    cdef Place place = tree_at_or_after(tree, first)
    cdef const Pending* pending
    while place.leaf != NULL:
        pending = <const Pending*>place_value(&place)
        if id_less(last, pending.id):
            return
        if pending.consumer != NULL:
            put_placeholder(out, at, pending.id)
            put_words(out, 12)
            put_name(out, b"XCLAIM")
            put_bytes(out, at.words.data, at.words.length)
            put_claim(out, pending)
        place_forward(&place)


cdef void put_clearing(Output* out, const Progress* progress) noexcept nogil:
    """Away with the entries that were added for pending ones, so that any ID may follow."""
    begin(out, progress, 4, b"XTRIM")
    put_name(out, b"MAXLEN")
    put_name(out, b"0")
    begin(out, progress, 3, b"XSETID")
    put_name(out, b"0-0")


cdef int by_id(const void* one, const void* other) noexcept nogil:
    cdef const StreamId* first = <const StreamId*>one
    cdef const StreamId* second = <const StreamId*>other
    return id_less(second[0], first[0]) - id_less(first[0], second[0])


cdef bint put_released(Output* out, const Progress* progress, const Group* group, const Splice* at) noexcept nogil:
    """Entries are added in the order of their IDs, and given back in the order in which they were."""
    cdef StreamId* ids = <StreamId*>malloc(group.released * sizeof(StreamId))
    cdef const Pending* pending = group.first
    cdef size_t count = 0, i
    if ids == NULL:
        return False
    while pending != NULL and pending.consumer == NULL:
        ids[count] = pending.id
        count += 1
        pending = pending.later
    qsort(ids, count, sizeof(StreamId), by_id)
    for i in range(count):
        put_placeholder(out, at, ids[i])
    free(ids)
    pending = group.first
    while pending != NULL and pending.consumer == NULL:
        put_pending(out, progress, group, pending)
        pending = pending.later
    put_clearing(out, progress)
    return True


cdef bint put_all_pending(Spliced* spliced, const Progress* progress, Group* group) noexcept nogil:
    """What is pending in a group that was made already, into an empty stream. False: there is no memory for it."""
    cdef Output* text = &spliced.text
    cdef Splice own
    cdef Splice* at = &own
    cdef bint fine = True
    if group.pending.used > AT_ONCE_PENDING:
        at = splice(spliced, &group.pending, put_claims)
        if at == NULL:
            return False
    else:
        output_init(&own.words)
    put_key(&at.words, progress)
    at.words_split = at.words.length
    put_word(&at.words, group.name, group.name_length)
    if at == &own:
        put_claims(text, at, &group.pending, stream_id(0, 0), stream_id(<uint64_t>-1, <uint64_t>-1))
    put_clearing(text, progress)
    if group.released:
        fine = put_released(text, progress, group, at)
    if at == &own:
        output_free(&own.words)
    return fine


cdef bint tell_ahead(Progress* progress) noexcept nogil:
    """All but the entries, so that they are all that may not change before it is guarded. False: no memory for it."""
    cdef const Stream* s = stream_of(progress)
    cdef uint32_t i
    progress.rest = spliced_new(progress.out)
    progress.behind = spliced_new(progress.out)
    if progress.rest == NULL or progress.behind == NULL:
        return False
    for i in range(s.group_count):
        group_settle(s.groups[i])
        put_group(&progress.rest.text, progress, s.groups[i], True)
        if s.groups[i].pending.used and not put_all_pending(progress.rest, progress, s.groups[i]):
            return False
    if s.length == 0 and s.group_count == 0:
        put_empty(&progress.rest.text, progress)
    progress.cursor[MADE] = True
    tell_facts(&progress.behind.text, progress)
    for i in range(s.group_count):
        begin_group(&progress.behind.text, progress, s.groups[i])
    return True


cdef bint begin_ahead(Progress* progress) noexcept nogil:
    """Whether it is told ahead, which is decided once."""
    if not progress.cursor[BEGUN]:
        progress.cursor[BEGUN] = True
        if not tell_ahead(progress):
            progress.cursor[MADE] = False
            give_up(&progress.rest)
            give_up(&progress.behind)
    return progress.rest != NULL


cdef void give_up(Spliced** spliced) noexcept nogil:
    if spliced[0] != NULL:
        spliced_free(spliced[0])
        spliced[0] = NULL


cdef bint tell_viewed(Output* out, Progress* progress, size_t until) noexcept nogil:
    """Entries of a guarded stream."""
    cdef const SeenItem* node
    cdef StreamEntry entry
    cdef Walk walk
    while True:
        node = id_view_item(progress.items)
        if node == NULL:
            return True
        walk_begin_node(&walk, node.id, <const uint8_t*>node.item, next_id(progress))
        while walk_next(&walk, &entry):
            put_entry(out, progress, &entry)
            if not go_on_behind(progress, entry.id):
                return True
            if out.length >= until:
                return False
        id_view_step(progress.items)


cdef bint told_ahead_more(Output* out, Progress* progress, size_t until) noexcept nogil:
    if progress.at == PHASE_DELETED:
        if not spliced_more(out, progress.rest, until):
            return False
        begin_phase(progress, PHASE_ENTRIES)
    if progress.at == PHASE_ENTRIES:
        if not (tell_viewed(out, progress, until) if progress.items != NULL else tell_entries(out, progress, until)):
            return False
        begin_phase(progress, PHASE_FACTS)
    return spliced_more(out, progress.behind, until)


cdef bint rebuild_stream_guard(Progress* progress) noexcept nogil:
    cdef const Stream* s = stream_of(progress)
    cdef Place place
    if not begin_ahead(progress):
        return False
    if progress.at <= PHASE_ENTRIES:
        # From the node on that may be told in part.
        place = tree_at_or_before(&s.nodes, next_id(progress))
        progress.items = stream_view(s, place_id(&place) if place.leaf != NULL else stream_id(0, 0))
        if progress.items == NULL:
            return False
    return progress_leave_entry(progress)


cdef bint rebuild_stream(Output* out, Progress* progress, size_t until) noexcept nogil:
    if progress.rest != NULL or (until != <size_t>-1 and begin_ahead(progress)):
        return told_ahead_more(out, progress, until)
    if progress.at == PHASE_DELETED:
        if not tell_deleted(out, progress, until):
            return False
        begin_phase(progress, PHASE_ENTRIES)
    if progress.at == PHASE_ENTRIES:
        if not tell_entries(out, progress, until):
            return False
        begin_phase(progress, PHASE_FACTS)
    if progress.at == PHASE_FACTS:
        tell_facts(out, progress)
        begin_phase(progress, PHASE_GROUPS)
    return tell_groups(out, progress, until)
