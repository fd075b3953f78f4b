"""Streams in RDB.

    count of nodes; for each: the ID of its master entry as a string of 16 bytes (big endian), a listpack as a string
    entries, last ID
    first ID, greatest deleted ID, entries ever added                          not in type 15
    count of groups; for each:
        name, last ID
        entries read                                                           not in type 15
        count of pending entries; for each: ID in 16 bytes, time of delivery in 8 bytes, deliveries
        count of consumers; for each:
            name, time seen in 8 bytes
            time active in 8 bytes                                             not in types 15 and 19
            count of its pending entries; for each: ID in 16 bytes
        count of pending entries that were given back; for each: ID in 16 bytes    from type 27 on
    duration and most of idempotent IDs                                        from type 26 on, to the end
    count of producers; for each:
        name, count of idempotent IDs; for each, from the oldest: the text, its entry's ID
    idempotent IDs ever added, duplicates ever seen

IDs that are not told in 16 bytes are two lengths. Types: 15, 19, 21, 26, 27, each with what the ones before it have.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from redpoll.engine.entry cimport ENC_STREAM, TYPE_STREAM, Entry, entry_key, entry_key_length
from redpoll.engine.id_tree cimport (
    IdTree, Place, StreamId, id_equal, id_less, place_forward, place_id, place_value, tree_at_or_after,
)
from redpoll.engine.id_view cimport IdView, SeenItem, id_view, id_view_item, id_view_step
from redpoll.engine.listpack cimport LISTPACK_MAX, listpack_copy, listpack_free, listpack_size, listpack_valid
from redpoll.engine.stream cimport (
    Consumer, Group, Pending, Producer, Stream, stream_append_node, stream_edge, stream_id, stream_new,
    stream_node_valid,
)
from redpoll.engine.stream_group cimport (
    consumer_create, consumer_find, group_create, group_find, group_settle, pending_add, stream_distance,
)
from redpoll.engine.stream_producers cimport producer_of, producers_add, producers_find, sent_of
from redpoll.engine.table cimport table_buckets, table_visit_bucket
from redpoll.engine.value cimport value_free
from redpoll.formats.progress cimport Progress, progress_leave_entry
from redpoll.formats.rdb cimport (
    RDB_STREAM, RDB_STREAM_2, RDB_STREAM_3, RDB_STREAM_4, RDB_STREAM_5, RDB_VERSION_GIVEN_BACK, RDB_VERSION_PRODUCERS,
    RDB_VERSION_SETS,
)
from redpoll.formats.rdb_input cimport (
    Source, Text, source_bytes, source_count, source_fail, source_fixed64, source_length, source_text,
    source_text_kept, source_text_kept_too,
)
from redpoll.formats.rdb_output cimport Output, needs_version, put_block, put_fixed64, put_length, put_text
from redpoll.formats.reading cimport READ_FAILED, READ_WHOLE, Reader, ReadResult, Value
from redpoll.formats.spliced cimport Splice, Spliced, range_writer, splice, spliced_free, spliced_more, spliced_new

# Tells how a stream is freed.
from redpoll.engine import stream_value  # no-cython-lint

cdef extern from *:
    uint64_t swapped "__builtin_bswap64"(uint64_t value) noexcept nogil

cdef enum:
    RAW_ID = 16
    AT_ONCE_PENDING = 128        # pending entries that are written at once, however the rest is

cdef const char* BAD_NODE = b"a stream's node that is damaged"
cdef const char* BAD_ORDER = b"a stream's nodes out of order"
cdef const char* BAD_COUNT = b"a stream whose number of entries is wrong"
cdef const char* BAD_GROUP = b"a stream's group that comes twice"
cdef const char* BAD_CONSUMER = b"a stream's consumer that comes twice"
cdef const char* BAD_PENDING = b"a stream's pending entry that is out of order or comes twice"
cdef const char* NOT_PENDING = b"a consumer's entry that is not pending in its group"
cdef const char* NOBODYS = b"a stream's pending entry that is nobody's"
cdef const char* BAD_PRODUCER = b"a stream's producer that is damaged"


# A pending entry of a group whose consumer is not known yet.
cdef struct Unowned:
    StreamId id
    int64_t delivered
    uint64_t deliveries
    bint taken


cdef StreamId id_of_bytes(const char* bytes) noexcept nogil:
    cdef uint64_t parts[2]
    memcpy(parts, bytes, RAW_ID)
    return stream_id(swapped(parts[0]), swapped(parts[1]))


cdef bint read_id(Source* source, StreamId* id) noexcept nogil:
    return source_length(source, &id.ms) and source_length(source, &id.seq)


cdef bint read_raw_id(Source* source, StreamId* id) noexcept nogil:
    cdef char bytes[RAW_ID]
    if not source_bytes(source, bytes, RAW_ID):
        return False
    id[0] = id_of_bytes(bytes)
    return True


cdef bint read_time(Source* source, int64_t* time) noexcept nogil:
    return source_fixed64(source, <uint64_t*>time)


cdef bint read_nodes(Reader* reader, Stream* s, uint64_t* total) noexcept nogil:
    cdef Source* source = reader.source
    cdef uint64_t count, i, entries
    cdef Text text
    cdef StreamId master, last
    cdef StreamId before = stream_id(0, 0)
    total[0] = 0
    if not source_count(source, &count, 2):
        return False
    for i in range(count):
        if not source_text(source, &text):
            return False
        if text.length != RAW_ID:
            return source_fail(source, BAD_NODE)
        master = id_of_bytes(text.text)
        if i and not id_less(before, master):
            return source_fail(source, BAD_ORDER)
        if not source_text(source, &text):
            return False
        if (text.length > LISTPACK_MAX or not listpack_valid(text.text, text.length)
                or not stream_node_valid(master, <const uint8_t*>text.text, &entries, &last)
                or id_less(last, master)):
            return source_fail(source, BAD_NODE)
        stream_append_node(s, master, <const uint8_t*>text.text)
        total[0] += entries
        before = last
    return True


cdef bint read_facts(Reader* reader, Stream* s, int rdb_type, uint64_t total) noexcept nogil:
    cdef Source* source = reader.source
    cdef StreamId first
    if not source_length(source, &s.length) or not read_id(source, &s.last_id):
        return False
    if s.length != total:
        return source_fail(source, BAD_COUNT)
    s.entries_added = s.length
    s.first_id = stream_edge(s, False)
    if rdb_type == RDB_STREAM:
        return True
    # The first ID is known better from the entries themselves.
    return read_id(source, &first) and read_id(source, &s.max_deleted_id) and source_length(source, &s.entries_added)


cdef bint read_pending(Source* source, Unowned** found, uint64_t* count) noexcept nogil:
    """The pending entries of a group, by ID, into memory for the caller to free."""
    cdef uint64_t i
    cdef Unowned* items
    found[0] = NULL
    if not source_count(source, count, RAW_ID + 9):
        return False
    items = <Unowned*>malloc((count[0] + 1) * sizeof(Unowned))
    found[0] = items
    if items == NULL:
        return source_fail(source, b"more pending entries than there is memory for")
    for i in range(count[0]):
        if (not read_raw_id(source, &items[i].id) or not read_time(source, &items[i].delivered)
                or not source_length(source, &items[i].deliveries)):
            return False
        items[i].taken = False
        if i and not id_less(items[i - 1].id, items[i].id):
            return source_fail(source, BAD_PENDING)
    return True


cdef Unowned* find_unowned(Unowned* items, uint64_t count, StreamId id) noexcept nogil:
    cdef uint64_t low = 0
    cdef uint64_t high = count
    cdef uint64_t middle
    while low < high:
        middle = low + (high - low) // 2
        if id_less(items[middle].id, id):
            low = middle + 1
        else:
            high = middle
    return items + low if low < count and id_equal(items[low].id, id) else NULL


cdef bint take_pending(Source* source, Group* group, Consumer* consumer, Unowned* items, uint64_t count) noexcept nogil:
    """The entries of a consumer, or with NULL those that were given back."""
    cdef uint64_t own, _
    cdef StreamId id
    cdef Unowned* item
    if not source_count(source, &own, RAW_ID):
        return False
    for _ in range(own):
        if not read_raw_id(source, &id):
            return False
        item = find_unowned(items, count, id)
        if item == NULL or item.taken:
            return source_fail(source, NOT_PENDING)
        item.taken = True
        pending_add(group, consumer, id, item.delivered, item.deliveries)
    return True


cdef bint read_consumers(Source* source, Group* group, int rdb_type, Unowned* items, uint64_t pending) noexcept nogil:
    cdef uint64_t count, _
    cdef Text name
    cdef Consumer* consumer
    if not source_count(source, &count, 10):
        return False
    for _ in range(count):
        if not source_text_kept(source, &name):
            return False
        if consumer_find(group, name.text, name.length) != NULL:
            return source_fail(source, BAD_CONSUMER)
        consumer = consumer_create(group, name.text, name.length, 0)
        if not read_time(source, &consumer.seen):
            return False
        consumer.active = consumer.seen
        if rdb_type != RDB_STREAM and rdb_type != RDB_STREAM_2 and not read_time(source, &consumer.active):
            return False
        if not take_pending(source, group, consumer, items, pending):
            return False
    return True


cdef bint read_group(Source* source, Stream* s, int rdb_type, Unowned** items) noexcept nogil:
    cdef Text name
    cdef StreamId last
    cdef uint64_t read, pending, i
    cdef Group* group
    if not source_text_kept(source, &name) or not read_id(source, &last):
        return False
    if rdb_type == RDB_STREAM:
        read = <uint64_t>stream_distance(s, last)
    elif not source_length(source, &read):
        return False
    if group_find(s, name.text, name.length) != NULL:
        return source_fail(source, BAD_GROUP)
    group = group_create(s, name.text, name.length, last, <int64_t>read)
    if not read_pending(source, items, &pending) or not read_consumers(source, group, rdb_type, items[0], pending):
        return False
    if rdb_type == RDB_STREAM_5 and not take_pending(source, group, NULL, items[0], pending):
        return False
    for i in range(pending):
        if not items[0][i].taken:
            return source_fail(source, NOBODYS)
    return True


cdef bint read_groups(Source* source, Stream* s, int rdb_type) noexcept nogil:
    cdef uint64_t count, _
    cdef Unowned* items
    cdef bint fine
    if not source_count(source, &count, 4):
        return False
    for _ in range(count):
        items = NULL
        fine = read_group(source, s, rdb_type, &items)
        free(items)
        if not fine:
            return False
    return True


cdef bint read_producers(Source* source, Stream* s) noexcept nogil:
    cdef uint64_t seconds, most, count, own, _
    cdef Text name, text
    cdef StreamId id
    if not source_length(source, &seconds) or not source_length(source, &most) or not source_count(source, &count, 2):
        return False
    if seconds == 0 or seconds > <uint64_t>0x7FFFFFFF or most == 0 or most > <uint64_t>0x7FFFFFFF:
        return source_fail(source, BAD_PRODUCER)
    s.producer_seconds = <uint32_t>seconds
    s.producer_most = <uint32_t>most
    for _ in range(count):
        if not source_text_kept(source, &name) or not source_count(source, &own, 3):
            return False
        for _ in range(own):
            if not source_text_kept_too(source, &text) or not read_id(source, &id):
                return False
            if producers_find(s, name.text, name.length, text.text, text.length, 0) != NULL:
                return source_fail(source, BAD_PRODUCER)
            # When it was sent is not told; the entry's ID is mostly the time.
            producers_add(s, name.text, name.length, text.text, text.length, id, <int64_t>id.ms)
    return source_length(source, &s.identified) and source_length(source, &s.duplicates)


cdef ReadResult read_stream(Reader* reader, int rdb_type, Value* value) noexcept nogil:
    cdef Source* source = reader.source
    cdef Stream* s = stream_new()
    cdef uint64_t total
    s.producer_seconds = reader.limits.stream_seconds
    s.producer_most = reader.limits.stream_most
    if (not read_nodes(reader, s, &total) or not read_facts(reader, s, rdb_type, total)
            or not read_groups(source, s, rdb_type)
            or ((rdb_type == RDB_STREAM_4 or rdb_type == RDB_STREAM_5) and not read_producers(source, s))):
        value_free(ENC_STREAM, s)
        return READ_FAILED
    value.type = TYPE_STREAM
    value.encoding = ENC_STREAM
    value.pointer = s
    return READ_WHOLE


# Writing

cdef bint has_given_back(const Stream* s) noexcept nogil:
    cdef uint32_t i
    for i in range(s.group_count):
        if s.groups[i].released:
            return True
    return False


cdef int stream_type(Output* out, Progress* progress) noexcept nogil:
    cdef const Stream* s = <const Stream*>progress.value
    if has_given_back(s):
        needs_version(out, RDB_VERSION_GIVEN_BACK)
        return RDB_STREAM_5
    if s.producers != NULL or s.identified or s.duplicates:
        needs_version(out, RDB_VERSION_PRODUCERS)
        return RDB_STREAM_4
    needs_version(out, RDB_VERSION_SETS)
    return RDB_STREAM_3


cdef void put_raw_id(Output* out, StreamId id) noexcept nogil:
    put_fixed64(out, swapped(id.ms))
    put_fixed64(out, swapped(id.seq))


cdef void put_id(Output* out, StreamId id) noexcept nogil:
    put_length(out, id.ms)
    put_length(out, id.seq)


cdef bint stream_begin(Output* out, Progress* progress) noexcept nogil:
    cdef const Stream* s = <const Stream*>progress.value
    put_length(out, s.nodes.used)
    progress.left = s.nodes.used
    return False


cdef void put_records(Output* out, const Splice* _, const IdTree* tree, StreamId first, StreamId last) noexcept nogil:
    """Pending entries of a group."""
    cdef Place place = tree_at_or_after(tree, first)
    cdef const Pending* pending
    while place.leaf != NULL:
        pending = <const Pending*>place_value(&place)
        if id_less(last, pending.id):
            return
        put_raw_id(out, pending.id)
        put_fixed64(out, <uint64_t>pending.delivered)
        put_length(out, pending.deliveries)
        place_forward(&place)


cdef void put_ids(Output* out, const Splice* _, const IdTree* tree, StreamId first, StreamId last) noexcept nogil:
    """Those of a consumer."""
    cdef Place place = tree_at_or_after(tree, first)
    while place.leaf != NULL and not id_less(last, place_id(&place)):
        put_raw_id(out, place_id(&place))
        place_forward(&place)


cdef bint put_pending(Output* out, IdTree* tree, range_writer write, Spliced* spliced) noexcept nogil:
    """Their count, and they themselves: few, or without `spliced`, at once. False: there is no memory for it."""
    put_length(out, tree.used)
    if spliced != NULL and tree.used > AT_ONCE_PENDING:
        return splice(spliced, tree, write) != NULL
    write(out, NULL, tree, stream_id(0, 0), stream_id(<uint64_t>-1, <uint64_t>-1))
    return True


cdef bint put_group(Output* out, Group* group, bint given_back, Spliced* spliced) noexcept nogil:
    cdef const Pending* pending
    cdef Consumer* consumer
    cdef uint32_t i
    put_text(out, group.name, group.name_length)
    put_id(out, group.last_id)
    put_length(out, <uint64_t>group.entries_read)
    if not put_pending(out, &group.pending, put_records, spliced):
        return False
    put_length(out, group.consumer_count)
    for i in range(group.consumer_count):
        consumer = group.consumers[i]
        put_text(out, consumer.name, consumer.name_length)
        put_fixed64(out, <uint64_t>consumer.seen)
        put_fixed64(out, <uint64_t>consumer.active)
        if not put_pending(out, &consumer.pending, put_ids, spliced):
            return False
    if given_back:
        put_length(out, group.released)
        pending = group.first
        while pending != NULL and pending.consumer == NULL:
            put_raw_id(out, pending.id)
            pending = pending.later
    return True


cdef void put_producer(void* context, Entry* e) noexcept nogil:
    cdef Output* out = <Output*>context
    cdef const Producer* producer = producer_of(e)
    cdef const Entry* sent = producer.oldest
    put_text(out, entry_key(e), entry_key_length(e))
    put_length(out, producer.seen.used)
    while sent != NULL:
        put_text(out, entry_key(sent), entry_key_length(sent))
        put_id(out, sent_of(sent).id)
        sent = sent_of(sent).newer


cdef void put_producers(Output* out, const Stream* s) noexcept nogil:
    cdef size_t i
    put_length(out, s.producer_seconds)
    put_length(out, s.producer_most)
    if s.producers == NULL:
        put_length(out, 0)
    else:
        put_length(out, s.producers.by_name.used)
        for i in range(table_buckets(&s.producers.by_name)):
            table_visit_bucket(&s.producers.by_name, i, put_producer, out)
    put_length(out, s.identified)
    put_length(out, s.duplicates)


cdef inline void put_node(Output* out, StreamId id, const void* lp) noexcept nogil:
    put_length(out, RAW_ID)
    put_raw_id(out, id)
    put_block(out, <const char*>lp, listpack_size(<const uint8_t*>lp))


cdef bint put_rest(Output* out, Progress* progress, Spliced* spliced) noexcept nogil:
    """What follows the nodes. False: there is no memory to put pending entries off, as `spliced` would have it."""
    cdef const Stream* s = <const Stream*>progress.value
    cdef int rdb_type = stream_type(out, progress)
    cdef uint32_t i
    put_length(out, s.length)
    put_id(out, s.last_id)
    put_id(out, s.first_id)
    put_id(out, s.max_deleted_id)
    put_length(out, s.entries_added)
    put_length(out, s.group_count)
    for i in range(s.group_count):
        group_settle(s.groups[i])
        if not put_group(out, s.groups[i], rdb_type == RDB_STREAM_5, spliced):
            return False
    if rdb_type != RDB_STREAM_3:
        put_producers(out, s)
    return True


cdef bint tell_rest(Output* out, Progress* progress) noexcept nogil:
    """From now on, what follows the nodes may change."""
    progress.rest = spliced_new(out)
    if progress.rest == NULL:
        return False
    if put_rest(&progress.rest.text, progress, progress.rest):
        return True
    spliced_free(progress.rest)
    progress.rest = NULL
    return False


cdef bint view_done(Output* out, Progress* progress, size_t until) noexcept nogil:
    cdef const SeenItem* node
    while out.length < until:
        node = id_view_item(progress.items)
        if node == NULL:
            return True
        put_node(out, node.id, node.item)
        id_view_step(progress.items)
    return False


cdef bint nodes_done(Output* out, Progress* progress, size_t until) noexcept nogil:
    """The next node's ID is in `progress.cursor`."""
    cdef const Stream* s = <const Stream*>progress.value
    cdef Place place
    if progress.items != NULL:
        return view_done(out, progress, until)
    if progress.left == 0:
        return True
    place = tree_at_or_after(&s.nodes, stream_id(progress.cursor[0], progress.cursor[1]))
    while progress.left and out.length < until:
        put_node(out, place_id(&place), place_value(&place))
        progress.left -= 1
        place_forward(&place)
    if progress.left == 0:
        return True
    progress.cursor[0] = place_id(&place).ms
    progress.cursor[1] = place_id(&place).seq
    return False


cdef bint stream_more(Output* out, Progress* progress, size_t until) noexcept nogil:
    progress.out = out
    if not nodes_done(out, progress, until):
        return False
    if progress.rest == NULL and (until == <size_t>-1 or not tell_rest(out, progress)):
        put_rest(out, progress, NULL)
        return True
    return spliced_more(out, progress.rest, until)


cdef void* node_copy(const void* lp) noexcept nogil:
    return listpack_copy(<const uint8_t*>lp)


cdef void node_free(void* lp) noexcept nogil:
    listpack_free(<uint8_t*>lp)


cdef IdView* stream_view(const Stream* s, StreamId first) noexcept nogil:
    return id_view(&s.nodes, first, node_copy, node_free)


cdef bint stream_guard(Progress* progress) noexcept nogil:
    cdef const Stream* s = <const Stream*>progress.value
    if progress.rest == NULL and not tell_rest(progress.out, progress):
        return False
    if progress.left:
        progress.items = stream_view(s, stream_id(progress.cursor[0], progress.cursor[1]))
        if progress.items == NULL:
            return False
    return progress_leave_entry(progress)
