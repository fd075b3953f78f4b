"""Hashes in three encodings; see fields.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy
from cpython.bytes cimport PyBytes_FromStringAndSize

from redpoll.engine.blob cimport Blob, blob_of, blob_release
from redpoll.engine.entry cimport (
    EMBED_MAX, ENC_BLOB, ENC_EMBEDDED, FLAG_EXPIRES, TYPE_STRING, Entry, entry_blob, entry_copy, entry_embedded,
    entry_encoding, entry_expiry, entry_free, entry_key, entry_key_length, entry_memory, entry_new, entry_payload,
)
from redpoll.engine.field_times cimport (
    NEVER, FieldTime, times_add, times_copy, times_first, times_free_some, times_memory, times_new, times_remove,
    times_take,
)
from redpoll.engine.listpack cimport (
    AFTER, BEFORE, ELEMENT_MOST, REPLACE, Element, listpack_append, listpack_append_integer, listpack_append_pair,
    listpack_begin, listpack_copy, listpack_find, listpack_first, listpack_fits, listpack_free, listpack_from,
    listpack_get, listpack_length, listpack_memory, listpack_new, listpack_next, listpack_put, listpack_put_integer,
    listpack_remove, listpack_size, listpack_text, listpack_add,
)
from redpoll.engine.memory cimport KIND_COLLECTION, allocate, block_size, release
from redpoll.engine.table cimport (
    Table, table_buckets, table_dismantle, table_find, table_find_hash, table_hash, table_init,
    table_insert, table_memory, table_remove, table_scan, table_touch, table_visit_bucket,
)
from redpoll.engine.value cimport ValueOperations, value_register

cdef enum:
    DUE_BATCH = 64
    TEXT_MAX = 24            # bytes of a printed integer
    SCRATCH_BYTES = 16384
    UNPACK_ABOVE = 1024      # bytes of a packed hash that are copied on the stack

cdef uint64_t field_seed = 0x9E3779B97F4A7C15


cdef void fields_use_seed(uint64_t seed) noexcept nogil:
    global field_seed
    field_seed = seed


# Packed hashes

cdef inline uint8_t* pack_of(const Hash* h) noexcept nogil:
    if h.encoding == ENC_LISTPACK:
        return <uint8_t*>h.value
    return (<PackedFields*>h.value).pack


cdef inline void set_pack(Hash* h, uint8_t* pack) noexcept nogil:
    if h.encoding == ENC_LISTPACK:
        h.value = pack
    else:
        (<PackedFields*>h.value).pack = pack


cdef inline size_t step_of(const Hash* h) noexcept nogil:
    """Elements of a packed hash for each field."""
    return 2 if h.encoding == ENC_LISTPACK else 3


cdef inline int64_t packed_time(const uint8_t* p) noexcept nogil:
    """The time behind the value at `p`, or NO_TIME."""
    cdef Element time
    listpack_get(listpack_next(p), &time)
    return time.integer if time.integer else NO_TIME


cdef inline bint is_due(int64_t expiry, int64_t now) noexcept nogil:
    return 0 <= expiry < now


cdef inline const uint8_t* packed_find(const Hash* h, const char* field, size_t length) noexcept nogil:
    cdef uint8_t* pack = pack_of(h)
    return listpack_find(listpack_first(pack), field, length, step_of(h))


cdef void* packed_fields_of(uint8_t* pack) noexcept nogil:
    cdef PackedFields* made = <PackedFields*>allocate(sizeof(PackedFields), KIND_COLLECTION)
    made.pack = pack
    made.filing.when = NEVER
    made.filing.generation = 0
    return made


cdef void give_times(Hash* h) noexcept nogil:
    """Make a packed hash one whose fields may expire."""
    cdef uint8_t* timed = listpack_new()
    cdef const uint8_t* p = listpack_first(<uint8_t*>h.value)
    cdef char scratch[TEXT_MAX]
    cdef const char* text
    cdef size_t length
    cdef int _
    while p != NULL:
        for _ in range(2):
            text = listpack_text(p, scratch, &length)
            timed = listpack_append(timed, text, length)
            p = listpack_next(p)
        timed = listpack_append_integer(timed, 0)
    listpack_free(<uint8_t*>h.value)
    h.value = packed_fields_of(timed)
    h.encoding = ENC_PACKED_FIELDS


cdef uint8_t* put_timed(uint8_t* pack, const char* field, size_t length, const char* text, size_t text_length,
                        int64_t expiry) noexcept nogil:
    """A new field goes before the first that expires at the same time or later; one that never expires to the end."""
    cdef const uint8_t* place = NULL
    cdef const uint8_t* made
    cdef int64_t time
    if expiry != NO_TIME:
        place = listpack_first(pack)
        while place != NULL:
            made = listpack_next(place)
            time = packed_time(made)
            if time == NO_TIME or time >= expiry:
                break
            place = listpack_next(listpack_next(made))
    if place == NULL:
        pack = listpack_append(pack, field, length)
        pack = listpack_append(pack, text, text_length)
        return listpack_append_integer(pack, expiry if expiry != NO_TIME else 0)
    pack = listpack_put(pack, place, field, length, BEFORE, &made)
    pack = listpack_put(pack, made, text, text_length, AFTER, &made)
    return listpack_put_integer(pack, made, expiry, AFTER, &made)


cdef bint fits_packed(const Hash* h, size_t length, size_t text_length) noexcept nogil:
    return (length <= h.most_value and text_length <= h.most_value
            and listpack_fits(pack_of(h), length + text_length, 3))


cdef bint packed_set(Hash* h, const char* field, size_t length, const char* text, size_t text_length,
                     int64_t expiry) noexcept nogil:
    cdef uint8_t* pack
    cdef const uint8_t* p
    cdef int64_t before
    if expiry >= 0 and h.encoding == ENC_LISTPACK:
        give_times(h)
    pack = pack_of(h)
    p = packed_find(h, field, length)
    if h.encoding == ENC_LISTPACK:
        if p != NULL:
            h.value = listpack_put(pack, listpack_next(p), text, text_length, REPLACE, NULL)
            return False
        h.value = listpack_append_pair(pack, field, length, text, text_length)
        return True
    if p == NULL:
        set_pack(h, put_timed(pack, field, length, text, text_length, NO_TIME if expiry < 0 else expiry))
        return True
    before = packed_time(listpack_next(p))
    if not is_due(before, h.now) and (expiry == KEEP_TIME or expiry == before):
        set_pack(h, listpack_put(pack, listpack_next(p), text, text_length, REPLACE, NULL))
        return False
    pack = listpack_remove(pack, p, 3, NULL)
    set_pack(h, put_timed(pack, field, length, text, text_length, NO_TIME if expiry < 0 else expiry))
    return is_due(before, h.now)


cdef void packed_set_expiry(Hash* h, const char* field, size_t length, int64_t expiry) noexcept nogil:
    """Move a field to where it belongs by its new time."""
    cdef uint8_t* pack
    cdef const uint8_t* p
    cdef char scratch[TEXT_MAX]
    cdef char kept[UNPACK_ABOVE]
    cdef char* copy = kept
    cdef const char* text
    cdef size_t text_length
    if h.encoding == ENC_LISTPACK:
        if expiry == NO_TIME:
            return
        give_times(h)
    p = packed_find(h, field, length)
    if p == NULL:
        return
    pack = pack_of(h)
    text = listpack_text(listpack_next(p), scratch, &text_length)
    if text_length > UNPACK_ABOVE:
        copy = <char*>allocate(text_length, KIND_COLLECTION)
    memcpy(copy, text, text_length)
    pack = listpack_remove(pack, p, 3, NULL)
    set_pack(h, put_timed(pack, field, length, copy, text_length, expiry))
    if copy != kept:
        release(copy, text_length, KIND_COLLECTION)


# Tables

cdef FieldTable* field_table_new() noexcept nogil:
    cdef FieldTable* made = <FieldTable*>allocate(sizeof(FieldTable), KIND_COLLECTION)
    table_init(&made.table, field_seed)
    made.times = NULL
    made.filing.when = NEVER
    made.filing.generation = 0
    return made


cdef void fields_new_table(Hash* h) noexcept nogil:
    h.encoding = ENC_FIELDS
    h.value = field_table_new()


cdef Entry* new_field(const char* field, size_t length, const char* text, size_t text_length, Blob* blob,
                      int64_t expiry) noexcept nogil:
    cdef Entry* e
    if blob == NULL and text_length <= EMBED_MAX:
        e = entry_new(TYPE_STRING, ENC_EMBEDDED, field, length, text_length, expiry)
        memcpy(entry_embedded(e), text, text_length)
        return e
    e = entry_new(TYPE_STRING, ENC_BLOB, field, length, 0, expiry)
    (<Blob**>entry_payload(e))[0] = blob if blob != NULL else blob_of(text, text_length)
    return e


cdef void note_time(FieldTable* t, int64_t before, int64_t after, uint64_t hash) noexcept nogil:
    if before == after:
        return
    if before >= 0:
        times_remove(t.times, before, hash)
    if after >= 0:
        if t.times == NULL:
            t.times = times_new()
        times_add(t.times, after, hash)
    elif t.times.records == 0:
        times_free_some(t.times, <size_t>-1)
        t.times = NULL


cdef bint table_set(Hash* h, const char* field, size_t length, const char* text, size_t text_length, Blob* blob,
                    int64_t expiry) noexcept nogil:
    cdef FieldTable* t = <FieldTable*>h.value
    cdef uint64_t hash = table_hash(&t.table, field, length)
    cdef Entry** slot = table_find(&t.table, field, length, hash)
    cdef Entry* e
    cdef int64_t before
    cdef bint due
    if slot == NULL:
        if expiry < 0:
            expiry = NO_TIME
        table_insert(&t.table, new_field(field, length, text, text_length, blob, expiry), hash)
        note_time(t, NO_TIME, expiry, hash)
        return True
    table_touch(&t.table, hash)
    e = slot[0]
    before = entry_expiry(e)
    due = is_due(before, h.now)
    if expiry == KEEP_TIME:
        expiry = NO_TIME if due else before
    if blob == NULL and expiry == before and entry_encoding(e) == ENC_EMBEDDED and e.value_length == text_length:
        memcpy(entry_embedded(e), text, text_length)
        return due
    slot[0] = new_field(field, length, text, text_length, blob, expiry)
    entry_free(e)
    note_time(t, before, expiry, hash)
    return due


cdef void table_set_expiry(Hash* h, const char* field, size_t length, int64_t expiry) noexcept nogil:
    cdef FieldTable* t = <FieldTable*>h.value
    cdef uint64_t hash = table_hash(&t.table, field, length)
    cdef Entry** slot = table_find(&t.table, field, length, hash)
    cdef Entry* e
    cdef int64_t before
    if slot == NULL:
        return
    table_touch(&t.table, hash)
    e = slot[0]
    before = entry_expiry(e)
    if before >= 0 and expiry >= 0:
        (<int64_t*>(<char*>e + 8))[0] = expiry
    elif before != expiry:
        slot[0] = with_expiry(e, expiry)
        entry_free(e)
    note_time(t, before, expiry, hash)


cdef Entry* with_expiry(Entry* e, int64_t expiry) noexcept nogil:
    cdef Blob* blob
    if entry_encoding(e) == ENC_EMBEDDED:
        return new_field(entry_key(e), entry_key_length(e), entry_embedded(e), e.value_length, NULL, expiry)
    blob = entry_blob(e)
    blob.references += 1
    return new_field(entry_key(e), entry_key_length(e), NULL, 0, blob, expiry)


cdef void remove_entry(FieldTable* t, Entry** slot, uint64_t hash) noexcept nogil:
    cdef Entry* e = slot[0]
    note_time(t, entry_expiry(e), NO_TIME, hash)
    table_remove(&t.table, slot, hash)
    entry_free(e)


cdef void unpack(Hash* h) noexcept nogil:
    """From a packed form to a table."""
    cdef uint8_t* pack = pack_of(h)
    cdef FieldTable* t = field_table_new()
    cdef const uint8_t* p = listpack_first(pack)
    cdef char field_scratch[TEXT_MAX]
    cdef char scratch[TEXT_MAX]
    cdef const char* field
    cdef const char* text
    cdef size_t length, text_length
    cdef int64_t expiry
    cdef uint64_t hash
    cdef bint timed = h.encoding == ENC_PACKED_FIELDS
    while p != NULL:
        field = listpack_text(p, field_scratch, &length)
        p = listpack_next(p)
        text = listpack_text(p, scratch, &text_length)
        expiry = NO_TIME
        if timed:
            expiry = packed_time(p)
            p = listpack_next(p)
        hash = table_hash(&t.table, field, length)
        table_insert(&t.table, new_field(field, length, text, text_length, NULL, expiry), hash)
        note_time(t, NO_TIME, expiry, hash)
        p = listpack_next(p)
    if timed:
        t.filing = (<PackedFields*>h.value).filing
        release(h.value, sizeof(PackedFields), KIND_COLLECTION)
    listpack_free(pack)
    h.encoding = ENC_FIELDS
    h.value = t


# What is done to a hash of any encoding

cdef uint8_t scratch_pack[SCRATCH_BYTES]


cdef void fields_begin() noexcept nogil:
    listpack_begin(scratch_pack)


cdef bint fields_add(const Hash* h, const char* field, size_t length, const char* text,
                     size_t text_length) noexcept nogil:
    if (length > h.most_value or text_length > h.most_value
            or listpack_size(scratch_pack) + length + text_length + 2 * ELEMENT_MOST > SCRATCH_BYTES
            or listpack_length(scratch_pack) >= 2 * h.most_entries
            or listpack_find(listpack_first(scratch_pack), field, length, 2) != NULL):
        return False
    listpack_add(scratch_pack, field, length)
    listpack_add(scratch_pack, text, text_length)
    return True


cdef void fields_finish(Hash* h) noexcept nogil:
    h.encoding = ENC_LISTPACK
    h.value = listpack_from(<const char*>scratch_pack, listpack_size(scratch_pack))


cdef void fields_new(Hash* h) noexcept nogil:
    h.encoding = ENC_LISTPACK
    h.value = listpack_new()


cdef void fields_prepare(Hash* h, size_t pairs, size_t bytes) noexcept nogil:
    if h.encoding != ENC_FIELDS and (pairs > h.most_entries or not listpack_fits(pack_of(h), bytes, 3 * pairs)):
        unpack(h)


cdef size_t fields_length(const Hash* h) noexcept nogil:
    if h.encoding == ENC_FIELDS:
        return (<FieldTable*>h.value).table.used
    return listpack_length(pack_of(h)) // step_of(h)


cdef bint fields_get(const Hash* h, const char* field, size_t length, FieldValue* found) noexcept nogil:
    cdef const uint8_t* p
    cdef Entry** slot
    cdef FieldTable* t
    cdef Element ignored
    if h.encoding == ENC_FIELDS:
        t = <FieldTable*>h.value
        slot = table_find(&t.table, field, length, table_hash(&t.table, field, length))
        if slot == NULL:
            return False
        field_of_entry(slot[0], &ignored, found)
        return not is_due(found.expiry, h.now)
    p = packed_find(h, field, length)
    if p == NULL:
        return False
    p = listpack_next(p)
    listpack_get(p, &found.text)
    found.blob = NULL
    found.expiry = NO_TIME
    if h.encoding == ENC_PACKED_FIELDS:
        found.expiry = packed_time(p)
        return not is_due(found.expiry, h.now)
    return True


cdef bint fields_set(Hash* h, const char* field, size_t length, const char* text, size_t text_length, Blob* blob,
                     int64_t expiry) noexcept nogil:
    cdef bint made
    if h.encoding != ENC_FIELDS and not fits_packed(h, length, text_length):
        unpack(h)
    if h.encoding == ENC_FIELDS:
        return table_set(h, field, length, text, text_length, blob, expiry)
    made = packed_set(h, field, length, text, text_length, expiry)
    if blob != NULL:
        blob_release(blob)
    if made and fields_length(h) > h.most_entries:
        unpack(h)
    return made


cdef bint fields_delete(Hash* h, const char* field, size_t length) noexcept nogil:
    cdef const uint8_t* p
    cdef FieldTable* t
    cdef Entry** slot
    cdef uint64_t hash
    if h.encoding == ENC_FIELDS:
        t = <FieldTable*>h.value
        hash = table_hash(&t.table, field, length)
        slot = table_find(&t.table, field, length, hash)
        if slot == NULL or is_due(entry_expiry(slot[0]), h.now):
            return False
        remove_entry(t, slot, hash)
        return True
    p = packed_find(h, field, length)
    if p == NULL or h.encoding == ENC_PACKED_FIELDS and is_due(packed_time(listpack_next(p)), h.now):
        return False
    set_pack(h, listpack_remove(pack_of(h), p, step_of(h), NULL))
    return True


cdef void fields_set_expiry(Hash* h, const char* field, size_t length, int64_t expiry) noexcept nogil:
    if h.encoding == ENC_FIELDS:
        table_set_expiry(h, field, length, expiry)
    else:
        packed_set_expiry(h, field, length, expiry)


cdef void fields_free(Hash* h) noexcept nogil:
    if h.encoding == ENC_LISTPACK:
        listpack_free(<uint8_t*>h.value)
    elif h.encoding == ENC_PACKED_FIELDS:
        packed_free_some(h.value, <size_t>-1)
    else:
        table_free_some(h.value, <size_t>-1)


# Expiry

cdef int64_t fields_next_due(int encoding, const void* value) noexcept nogil:
    cdef const uint8_t* p
    cdef int64_t time
    cdef FieldTimes* times
    if encoding == ENC_FIELDS:
        times = (<FieldTable*>value).times
        return NEVER if times == NULL else times_first(times)
    if encoding == ENC_PACKED_FIELDS:
        p = listpack_first((<PackedFields*>value).pack)
        if p != NULL:
            time = packed_time(listpack_next(p))
            if time != NO_TIME:
                return time
    return NEVER


cdef Filing* fields_filing(int encoding, void* value) noexcept nogil:
    if encoding == ENC_FIELDS:
        return &(<FieldTable*>value).filing
    if encoding == ENC_PACKED_FIELDS:
        return &(<PackedFields*>value).filing
    return NULL


cdef size_t take_due_packed(Hash* h, size_t most, field_name_visitor visit, void* context) noexcept nogil:
    """Those that are due stand at the front, so they go in one step."""
    cdef PackedFields* fields = <PackedFields*>h.value
    cdef const uint8_t* first = listpack_first(fields.pack)
    cdef const uint8_t* p = first
    cdef const uint8_t* text_at
    cdef char scratch[TEXT_MAX]
    cdef const char* text
    cdef size_t length
    cdef size_t taken = 0
    while p != NULL and taken < most:
        text_at = listpack_next(p)
        if not is_due(packed_time(text_at), h.now):
            break
        if visit != NULL:
            text = listpack_text(p, scratch, &length)
            visit(context, text, length)
        taken += 1
        p = listpack_next(listpack_next(text_at))
    if taken:
        fields.pack = listpack_remove(fields.pack, first, taken * 3, NULL)
    return taken


cdef size_t take_due_from_table(Hash* h, size_t most, field_name_visitor visit, void* context) noexcept nogil:
    cdef FieldTable* t = <FieldTable*>h.value
    cdef FieldTime batch[DUE_BATCH]
    cdef size_t count, i
    cdef size_t taken = 0
    cdef Entry** slot
    cdef Entry* e
    while taken < most and t.times != NULL:
        count = times_take(t.times, h.now, batch, min(most - taken, <size_t>DUE_BATCH))
        if not count:
            break
        for i in range(count):
            slot = table_find_hash(&t.table, batch[i].hash, FLAG_EXPIRES)
            if slot == NULL:
                continue
            e = slot[0]
            if visit != NULL:
                visit(context, entry_key(e), entry_key_length(e))
            table_remove(&t.table, slot, batch[i].hash)
            entry_free(e)
        taken += count
        if not t.times.records:
            times_free_some(t.times, <size_t>-1)
            t.times = NULL
    return taken


cdef size_t fields_take_due(Hash* h, size_t most, field_name_visitor visit, void* context) noexcept nogil:
    if h.encoding == ENC_FIELDS:
        return take_due_from_table(h, most, visit, context)
    if h.encoding == ENC_PACKED_FIELDS:
        return take_due_packed(h, most, visit, context)
    return 0


# Visiting

cdef void field_of_entry(const Entry* e, Element* field, FieldValue* value) noexcept nogil:
    field.text = entry_key(e)
    field.length = entry_key_length(e)
    value.expiry = entry_expiry(e)
    value.blob = NULL
    if entry_encoding(e) == ENC_EMBEDDED:
        value.text.text = entry_embedded(e)
        value.text.length = e.value_length
    else:
        value.blob = entry_blob(e)
        value.text.text = value.blob.data
        value.text.length = value.blob.length


cdef struct Visit:
    field_visitor visit
    void* context
    int64_t now
    size_t seen


cdef void visit_entry(void* context, Entry* e) noexcept nogil:
    cdef Visit* visit = <Visit*>context
    cdef Element field
    cdef FieldValue value
    visit.seen += 1
    field_of_entry(e, &field, &value)
    if not is_due(value.expiry, visit.now):
        visit.visit(visit.context, &field, &value)


cdef void fields_visit(const Hash* h, field_visitor visit, void* context) noexcept nogil:
    cdef const uint8_t* p
    cdef Element field
    cdef FieldValue value
    cdef Visit each
    cdef size_t i
    if h.encoding == ENC_FIELDS:
        each.visit = visit
        each.context = context
        each.now = h.now
        for i in range(table_buckets(&(<FieldTable*>h.value).table)):
            table_visit_bucket(&(<FieldTable*>h.value).table, i, visit_entry, &each)
        return
    p = listpack_first(pack_of(h))
    value.blob = NULL
    value.expiry = NO_TIME
    while p != NULL:
        listpack_get(p, &field)
        p = listpack_next(p)
        listpack_get(p, &value.text)
        if h.encoding == ENC_PACKED_FIELDS:
            value.expiry = packed_time(p)
            p = listpack_next(p)
        if not is_due(value.expiry, h.now):
            visit(context, &field, &value)
        p = listpack_next(p)


cdef uint64_t fields_scan(const Hash* h, uint64_t cursor, field_visitor visit, void* context,
                          size_t* seen) noexcept nogil:
    cdef Visit each
    each.visit = visit
    each.context = context
    each.now = h.now
    each.seen = 0
    cursor = table_scan(&(<FieldTable*>h.value).table, cursor, visit_entry, &each)
    seen[0] += each.seen
    return cursor


# For engine/value

cdef bint packed_free_some(void* value, size_t most) noexcept nogil:
    listpack_free((<PackedFields*>value).pack)
    release(value, sizeof(PackedFields), KIND_COLLECTION)
    return True


cdef size_t packed_length(const void* value) noexcept nogil:
    return 1


cdef size_t packed_memory(const void* value, size_t samples) noexcept nogil:
    return block_size(sizeof(PackedFields)) + listpack_memory((<PackedFields*>value).pack)


cdef void* packed_copy(const void* value) noexcept nogil:
    return packed_fields_of(listpack_copy((<PackedFields*>value).pack))


cdef void free_visited(void* context, Entry* e) noexcept nogil:
    entry_free(e)


cdef bint table_free_some(void* value, size_t most) noexcept nogil:
    cdef FieldTable* t = <FieldTable*>value
    if t.times != NULL:
        if not times_free_some(t.times, most):
            return False
        t.times = NULL
        if most != <size_t>-1:
            return False
    if not table_dismantle(&t.table, most, free_visited, NULL):
        return False
    release(value, sizeof(FieldTable), KIND_COLLECTION)
    return True


cdef size_t table_length(const void* value) noexcept nogil:
    return (<FieldTable*>value).table.used


cdef struct Sum:
    size_t bytes
    size_t entries


cdef void sum_visited(void* context, Entry* e) noexcept nogil:
    cdef Sum* sum = <Sum*>context
    sum.bytes += entry_memory(e, 0)
    sum.entries += 1


cdef size_t table_value_memory(const void* value, size_t samples) noexcept nogil:
    cdef FieldTable* t = <FieldTable*>value
    cdef size_t total = block_size(sizeof(FieldTable)) + table_memory(&t.table)
    cdef Sum sum
    cdef size_t i
    sum.bytes = sum.entries = 0
    for i in range(table_buckets(&t.table)):
        table_visit_bucket(&t.table, i, sum_visited, &sum)
        if samples and sum.entries >= samples:
            break
    if sum.entries:
        total += <size_t>(<double>sum.bytes / sum.entries * t.table.used)
    if t.times != NULL:
        total += times_memory(t.times)
    return total


cdef void copy_visited(void* context, Entry* e) noexcept nogil:
    cdef Table* to = <Table*>context
    cdef Entry* made = entry_copy(e, entry_key(e), entry_key_length(e))
    table_insert(to, made, table_hash(to, entry_key(e), entry_key_length(e)))


cdef void* table_copy(const void* value) noexcept nogil:
    cdef FieldTable* t = <FieldTable*>value
    cdef FieldTable* made = field_table_new()
    cdef size_t i
    for i in range(table_buckets(&t.table)):
        table_visit_bucket(&t.table, i, copy_visited, &made.table)
    if t.times != NULL:
        made.times = times_copy(t.times)
    return made


cdef void collect_visited(void* context, const Element* field, const FieldValue* value) noexcept with gil:
    cdef list found = <list>context
    found.append(b"%d" % field.integer if field.text == NULL else PyBytes_FromStringAndSize(field.text, field.length))
    found.append(b"%d" % value.text.integer if value.text.text == NULL
                 else PyBytes_FromStringAndSize(value.text.text, value.text.length))


cdef object contents(int encoding, const void* value):
    cdef Hash h
    cdef list found = []
    h.encoding = encoding
    h.value = <void*>value
    h.now = 0
    fields_visit(&h, collect_visited, <void*>found)
    return found


cdef object packed_contents(const void* value):
    return contents(ENC_PACKED_FIELDS, value)


cdef object table_contents(const void* value):
    return contents(ENC_FIELDS, value)


cdef ValueOperations packed
packed.length = packed_length
packed.memory = packed_memory
packed.copy = packed_copy
packed.free_some = packed_free_some
packed.contents = packed_contents
value_register(ENC_PACKED_FIELDS, &packed)

cdef ValueOperations tabled
tabled.length = table_length
tabled.memory = table_value_memory
tabled.copy = table_copy
tabled.free_some = table_free_some
tabled.contents = table_contents
value_register(ENC_FIELDS, &tabled)
