"""Hashes in RDB.

    4     count, then field and value in turn
    9     a zipmap, as one string
    13    a ziplist of field and value in turn, as one string
    16    a listpack of the same
    22    count, then for each: time, field, value; a time is a length, unix milliseconds, 0: the field does not expire
          From Valkey: count, then for each: field, value, time in 8 bytes, -1: the field does not expire
    23    a listpack of field, value and time in turn, as one string; by time, fields that do not expire (0) last
    24    the earliest time in 8 bytes, then as 22, but a time is told less the earliest one, plus 1
    25    the earliest time in 8 bytes, then as 23
    29    count, that many fields, and a listpack of their values
    30    a listpack: the number of a template, then the values of its fields
    31    count, then field and value in turn
    32    the number of a template, then the values of its fields

A template is a record of its own: number, count, fields. Templates only save room: what refers to one is read as any
other hash.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from redpoll.engine.blob cimport Blob, blob_release
from redpoll.engine.entry cimport EMBED_MAX, ENC_FIELDS, ENC_LISTPACK, ENC_PACKED_FIELDS, TYPE_HASH, Entry
from redpoll.engine.field_times cimport NEVER
from redpoll.engine.fields cimport (
    NO_TIME, FieldTable, FieldValue, Hash, PackedFields, field_of_entry, fields_free, fields_new, fields_new_table,
    fields_next_due, fields_set, packed_fields_of,
)
from redpoll.engine.listpack cimport (
    Element, listpack_append, listpack_first, listpack_free, listpack_get, listpack_length, listpack_new, listpack_next,
    listpack_size, listpack_text,
)
from redpoll.engine.table cimport table_walk_begin, table_walk_guard, table_walk_next
from redpoll.formats.progress cimport Progress, progress_leave_entry
from redpoll.formats.rdb cimport (
    RDB_HASH, RDB_HASH_2, RDB_HASH_FIELDS, RDB_HASH_FIELDS_EARLY, RDB_HASH_LISTPACK, RDB_HASH_PACKED,
    RDB_HASH_PACKED_EARLY, RDB_HASH_TEMPLATE, RDB_HASH_TEMPLATE_PACKED, RDB_HASH_TEMPLATE_PACKED_REF,
    RDB_HASH_TEMPLATE_REF, RDB_HASH_ZIPLIST, RDB_HASH_ZIPMAP, RDB_VERSION_FIELDS, RDB_VERSION_VALKEY,
)
from redpoll.formats.rdb_input cimport (
    Source, Text, source_count, source_fail, source_fixed64, source_length, source_text, source_text_kept, source_value,
)
from redpoll.formats.rdb_output cimport (
    Output, needs_version, put_block, put_fixed64, put_integer, put_length, put_text,
)
from redpoll.formats.rdb_packed cimport has_doubles, longest_element, read_listpack, read_ziplist, read_zipmap
from redpoll.formats.reading cimport (
    READ_EMPTY, READ_FAILED, READ_WHOLE, Limits, Reader, ReadResult, Template, Templates, Value,
)

cdef enum:
    NOTHING_IS_DUE = -1          # a time before all others, for reading hashes as they are stored
    FIELDS_MOST = 1 << 30

# Later than any time that a field can be given.
cdef int64_t TIME_MOST = <int64_t>1 << 46

cdef const char* TWICE = b"a field that comes twice"
cdef const char* UNPAIRED = b"a field without a value"
cdef const char* BAD_TIME = b"a field's time of expiry that cannot be"
cdef const char* NO_TEMPLATE = b"a hash of a template that is not there"
cdef const char* BAD_TEMPLATE = b"a hash that does not fit its template"


cdef void hash_of_limits(Hash* h, const Limits* limits) noexcept nogil:
    h.now = NOTHING_IS_DUE
    h.most_entries = limits.hash_entries
    h.most_value = limits.hash_value


cdef ReadResult done(Hash* h, Value* value) noexcept nogil:
    value.type = TYPE_HASH
    value.encoding = h.encoding
    value.pointer = h.value
    return READ_WHOLE


cdef ReadResult failed(Hash* h) noexcept nogil:
    fields_free(h)
    return READ_FAILED


cdef bint add(Hash* h, Source* source, const char* field, size_t length, const char* text, size_t text_length,
              Blob* blob, int64_t expiry) noexcept nogil:
    if expiry < NO_TIME or expiry > TIME_MOST:
        expiry = NO_TIME
        source_fail(source, BAD_TIME)
    if not fields_set(h, field, length, text, text_length, blob, expiry):
        source_fail(source, TWICE)
    return source.reason == NULL


cdef bint read_pair(Hash* h, Source* source, int64_t expiry, bint time_follows) noexcept nogil:
    """A field and its value, and the time behind them, as Valkey tells it."""
    cdef Text field, text
    cdef Blob* blob
    cdef uint64_t raw
    if not source_text_kept(source, &field) or not source_value(source, &text, &blob, EMBED_MAX):
        return False
    if blob != NULL:
        text.text = blob.data
    if time_follows:
        # The text may be in the buffer, which reading on moves.
        if blob == NULL and not text.is_integer:
            return read_timed_pair(h, source, &field, &text)
        if not source_fixed64(source, &raw):
            if blob != NULL:
                blob_release(blob)
            return False
        expiry = <int64_t>raw
    return add(h, source, field.text, field.length, text.text, text.length, blob, expiry)


cdef bint read_timed_pair(Hash* h, Source* source, const Text* field, const Text* text) noexcept nogil:
    cdef char kept[EMBED_MAX]
    cdef uint64_t raw
    memcpy(kept, text.text, text.length)
    return (source_fixed64(source, &raw)
            and add(h, source, field.text, field.length, kept, text.length, NULL, <int64_t>raw))


cdef ReadResult read_fields(Reader* reader, int rdb_type, Value* value) noexcept nogil:
    cdef Source* source = reader.source
    cdef bint timed = rdb_type == RDB_HASH_FIELDS or rdb_type == RDB_HASH_FIELDS_EARLY
    cdef bint time_follows = rdb_type == RDB_HASH_2 and reader.valkey
    cdef uint64_t count, _, time
    cdef uint64_t least = 0
    cdef int64_t expiry
    cdef Hash h
    if time_follows:
        timed = False
    if rdb_type == RDB_HASH_FIELDS and not source_fixed64(source, &least):
        return READ_FAILED
    if not source_count(source, &count, 2):
        return READ_FAILED
    if count == 0:
        return READ_EMPTY
    hash_of_limits(&h, &reader.limits)
    if count > h.most_entries:
        fields_new_table(&h)
    else:
        fields_new(&h)
    for _ in range(count):
        expiry = NO_TIME
        if timed:
            if not source_length(source, &time):
                return failed(&h)
            if time > <uint64_t>TIME_MOST or least > <uint64_t>TIME_MOST:
                source_fail(source, BAD_TIME)
                return failed(&h)
            if time:
                expiry = time if rdb_type == RDB_HASH_FIELDS_EARLY else least + time - 1
        if not read_pair(&h, source, expiry, time_follows):
            return failed(&h)
    return done(&h, value)


cdef ReadResult unpacked(Reader* reader, uint8_t* pack, size_t step, Value* value) noexcept nogil:
    """A hash from a listpack of field, value and, with a `step` of three, time; the listpack is freed."""
    cdef Source* source = reader.source
    cdef const uint8_t* p = listpack_first(pack)
    cdef char scratch[24]
    cdef char value_scratch[24]
    cdef const char* field
    cdef const char* text
    cdef size_t length, text_length
    cdef Element time
    cdef int64_t expiry
    cdef Hash h
    hash_of_limits(&h, &reader.limits)
    if listpack_length(pack) // step > h.most_entries:
        fields_new_table(&h)
    else:
        fields_new(&h)
    while p != NULL:
        field = listpack_text(p, scratch, &length)
        p = listpack_next(p)
        text = listpack_text(p, value_scratch, &text_length)
        expiry = NO_TIME
        if step == 3:
            p = listpack_next(p)
            listpack_get(p, &time)
            if time.integer:
                expiry = time.integer
        if not add(&h, source, field, length, text, text_length, NULL, expiry):
            listpack_free(pack)
            return failed(&h)
        p = listpack_next(p)
    listpack_free(pack)
    return done(&h, value)


cdef ReadResult packed(Reader* reader, uint8_t* pack, Value* value) noexcept nogil:
    """A hash from a listpack of field and value, which is taken over."""
    cdef Source* source = reader.source
    cdef size_t count
    if pack == NULL:
        return READ_FAILED
    count = listpack_length(pack)
    if count == 0:
        listpack_free(pack)
        return READ_EMPTY
    if count & 1:
        listpack_free(pack)
        source_fail(source, UNPAIRED)
        return READ_FAILED
    if count // 2 > reader.limits.hash_entries or longest_element(pack) > reader.limits.hash_value:
        return unpacked(reader, pack, 2, value)
    if reader.careful and has_doubles(pack, 2):
        listpack_free(pack)
        source_fail(source, TWICE)
        return READ_FAILED
    value.type = TYPE_HASH
    value.encoding = ENC_LISTPACK
    value.pointer = pack
    return READ_WHOLE


cdef bint times_in_order(const uint8_t* pack, bint* valid) noexcept nogil:
    """Whether fields stand by their time; `valid`: all times can be."""
    cdef const uint8_t* p = listpack_first(pack)
    cdef Element time
    cdef int64_t before = 0
    cdef int64_t now
    cdef bint ordered = True
    valid[0] = False
    while p != NULL:
        p = listpack_next(listpack_next(p))
        listpack_get(p, &time)
        if time.text != NULL or time.integer < 0 or time.integer > TIME_MOST:
            return False
        now = time.integer if time.integer else INT64_MAX
        if now < before:
            ordered = False
        before = now
        p = listpack_next(p)
    valid[0] = True
    return ordered


cdef ReadResult read_packed_fields(Reader* reader, int rdb_type, Value* value) noexcept nogil:
    cdef Source* source = reader.source
    cdef uint64_t least
    cdef uint8_t* pack
    cdef size_t count
    cdef bint valid, ordered
    if rdb_type == RDB_HASH_PACKED and not source_fixed64(source, &least):
        return READ_FAILED
    pack = read_listpack(source)
    if pack == NULL:
        return READ_FAILED
    count = listpack_length(pack)
    if count == 0:
        listpack_free(pack)
        return READ_EMPTY
    if count % 3:
        listpack_free(pack)
        source_fail(source, UNPAIRED)
        return READ_FAILED
    ordered = times_in_order(pack, &valid)
    if not valid:
        listpack_free(pack)
        source_fail(source, BAD_TIME)
        return READ_FAILED
    if not ordered or count // 3 > reader.limits.hash_entries or longest_element(pack) > reader.limits.hash_value:
        return unpacked(reader, pack, 3, value)
    if reader.careful and has_doubles(pack, 3):
        listpack_free(pack)
        source_fail(source, TWICE)
        return READ_FAILED
    value.type = TYPE_HASH
    value.encoding = ENC_PACKED_FIELDS
    value.pointer = packed_fields_of(pack)
    return READ_WHOLE


# Templates

cdef uint8_t* read_names(Source* source, uint64_t count) noexcept nogil:
    """So many strings, in a listpack."""
    cdef Text text
    cdef uint64_t _
    cdef uint64_t total = 0
    cdef uint8_t* pack = listpack_new()
    for _ in range(count):
        if not source_text(source, &text):
            listpack_free(pack)
            return NULL
        total += text.length + 16
        if total > FIELDS_MOST:
            listpack_free(pack)
            source_fail(source, BAD_TEMPLATE)
            return NULL
        pack = listpack_append(pack, text.text, text.length)
    return pack


cdef bint read_template(Reader* reader) noexcept nogil:
    cdef Source* source = reader.source
    cdef Templates* templates = &reader.templates
    cdef uint64_t number, count
    cdef uint8_t* fields
    if not source_length(source, &number) or not source_count(source, &count, 1):
        return False
    fields = read_names(source, count)
    if fields == NULL:
        return False
    if templates.count == templates.room:
        templates.room = 2 * templates.room + 16
        templates.items = <Template*>realloc(templates.items, templates.room * sizeof(Template))
    templates.items[templates.count].number = number
    templates.items[templates.count].fields = fields
    templates.count += 1
    return True


cdef void templates_free(Reader* reader) noexcept nogil:
    cdef size_t i
    for i in range(reader.templates.count):
        listpack_free(reader.templates.items[i].fields)
    free(reader.templates.items)
    reader.templates.items = NULL
    reader.templates.count = reader.templates.room = 0


cdef const uint8_t* fields_of_template(Reader* reader, uint64_t number) noexcept nogil:
    cdef const Templates* templates = &reader.templates
    cdef size_t i
    # They are numbered one by one, so the place is mostly told by the first one.
    if templates.count:
        i = number - templates.items[0].number
        if i < templates.count and templates.items[i].number == number:
            return templates.items[i].fields
    for i in range(templates.count):
        if templates.items[i].number == number:
            return templates.items[i].fields
    source_fail(reader.source, NO_TEMPLATE)
    return NULL


cdef ReadResult joined(Reader* reader, const uint8_t* fields, const uint8_t* values, Value* value) noexcept nogil:
    """A hash of fields in one listpack and values from an element of another on."""
    cdef const uint8_t* field = listpack_first(fields)
    cdef const char* name
    cdef const char* text
    cdef char scratch[24]
    cdef char value_scratch[24]
    cdef size_t length, text_length
    cdef Hash h
    if field == NULL and values == NULL:
        return READ_EMPTY
    hash_of_limits(&h, &reader.limits)
    fields_new(&h)
    while field != NULL and values != NULL:
        name = listpack_text(field, scratch, &length)
        text = listpack_text(values, value_scratch, &text_length)
        if not add(&h, reader.source, name, length, text, text_length, NULL, NO_TIME):
            return failed(&h)
        field = listpack_next(field)
        values = listpack_next(values)
    if field != NULL or values != NULL:
        source_fail(reader.source, BAD_TEMPLATE)
        return failed(&h)
    return done(&h, value)


cdef ReadResult read_template_packed(Reader* reader, bint by_number, Value* value) noexcept nogil:
    cdef Source* source = reader.source
    cdef uint64_t count
    cdef uint8_t* own = NULL
    cdef uint8_t* pack
    cdef const uint8_t* fields
    cdef const uint8_t* values
    cdef Element number
    cdef ReadResult result = READ_FAILED
    if not by_number:
        if not source_count(source, &count, 1):
            return READ_FAILED
        own = read_names(source, count)
        if own == NULL:
            return READ_FAILED
    pack = read_listpack(source)
    if pack != NULL:
        values = listpack_first(pack)
        fields = own
        if by_number:
            number.text = b""
            if values != NULL:
                listpack_get(values, &number)
                values = listpack_next(values)
            if number.text == NULL:
                fields = fields_of_template(reader, <uint64_t>number.integer)
            else:
                source_fail(source, NO_TEMPLATE)
        if fields != NULL:
            result = joined(reader, fields, values, value)
        listpack_free(pack)
    if own != NULL:
        listpack_free(own)
    return result


cdef ReadResult read_template_values(Reader* reader, Value* value) noexcept nogil:
    cdef Source* source = reader.source
    cdef uint64_t number
    cdef const uint8_t* field
    cdef const char* name
    cdef char scratch[24]
    cdef size_t length
    cdef Text text
    cdef Blob* blob
    cdef Hash h
    if not source_length(source, &number):
        return READ_FAILED
    field = fields_of_template(reader, number)
    if field == NULL:
        return READ_FAILED
    field = listpack_first(field)
    if field == NULL:
        return READ_EMPTY
    hash_of_limits(&h, &reader.limits)
    fields_new(&h)
    while field != NULL:
        name = listpack_text(field, scratch, &length)
        if not source_value(source, &text, &blob, EMBED_MAX):
            return failed(&h)
        if blob != NULL:
            text.text = blob.data
        if not add(&h, source, name, length, text.text, text.length, blob, NO_TIME):
            return failed(&h)
        field = listpack_next(field)
    return done(&h, value)


cdef ReadResult read_hash(Reader* reader, int rdb_type, Value* value) noexcept nogil:
    if rdb_type == RDB_HASH_LISTPACK:
        return packed(reader, read_listpack(reader.source), value)
    if rdb_type == RDB_HASH_ZIPLIST:
        return packed(reader, read_ziplist(reader.source), value)
    if rdb_type == RDB_HASH_ZIPMAP:
        return packed(reader, read_zipmap(reader.source), value)
    if rdb_type == RDB_HASH_PACKED or rdb_type == RDB_HASH_PACKED_EARLY:
        return read_packed_fields(reader, rdb_type, value)
    if rdb_type == RDB_HASH_TEMPLATE_PACKED or rdb_type == RDB_HASH_TEMPLATE_PACKED_REF:
        return read_template_packed(reader, rdb_type == RDB_HASH_TEMPLATE_PACKED_REF, value)
    if rdb_type == RDB_HASH_TEMPLATE_REF:
        return read_template_values(reader, value)
    # RDB_HASH_TEMPLATE is written as a plain hash is.
    return read_fields(reader, RDB_HASH if rdb_type == RDB_HASH_TEMPLATE else rdb_type, value)


# Writing

cdef int hash_type(Output* out, Progress* progress) noexcept nogil:
    cdef int encoding = progress.encoding
    if encoding == ENC_LISTPACK:
        return RDB_HASH_LISTPACK
    if encoding == ENC_FIELDS and fields_next_due(encoding, progress.value) == NEVER:
        return RDB_HASH
    if out.valkey:
        needs_version(out, RDB_VERSION_VALKEY)
        return RDB_HASH_2
    needs_version(out, RDB_VERSION_FIELDS)
    return RDB_HASH_PACKED if encoding == ENC_PACKED_FIELDS else RDB_HASH_FIELDS


cdef void put_packed_as_fields(Output* out, const uint8_t* pack) noexcept nogil:
    """A packed hash with times, for Valkey."""
    cdef const uint8_t* p = listpack_first(pack)
    cdef Element element
    cdef int i
    put_length(out, listpack_length(pack) // 3)
    while p != NULL:
        for i in range(3):
            listpack_get(p, &element)
            if i == 2:
                put_fixed64(out, <uint64_t>(element.integer if element.integer else NO_TIME))
            else:
                put_element(out, &element)
            p = listpack_next(p)


cdef inline void put_element(Output* out, const Element* element) noexcept nogil:
    if element.text == NULL:
        put_integer(out, element.integer)
    else:
        put_text(out, element.text, element.length)


cdef bint hash_begin(Output* out, Progress* progress) noexcept nogil:
    cdef const void* value = progress.value
    cdef int encoding = progress.encoding
    cdef const uint8_t* pack
    cdef int64_t least
    cdef FieldTable* fields = <FieldTable*>value
    if encoding == ENC_LISTPACK:
        put_block(out, <const char*>value, listpack_size(<const uint8_t*>value))
        return True
    least = fields_next_due(encoding, value)
    progress.base = 0 if least == NEVER else least
    if encoding == ENC_PACKED_FIELDS:
        pack = (<const PackedFields*>value).pack
        if out.valkey:
            put_packed_as_fields(out, pack)
        else:
            put_fixed64(out, progress.base)
            put_block(out, <const char*>pack, listpack_size(pack))
        return True
    if least != NEVER and not out.valkey:
        put_fixed64(out, progress.base)
    put_length(out, fields.table.used)
    table_walk_begin(&progress.walk, &fields.table, put_entry, progress)
    return False


cdef void put_entry(void* context, Entry* e) noexcept nogil:
    cdef const Progress* progress = <const Progress*>context
    cdef Output* out = progress.out
    cdef uint64_t least = progress.base          # 0: no field expires
    cdef Element field
    cdef FieldValue value
    field_of_entry(e, &field, &value)
    if least and not out.valkey:
        put_length(out, 0 if value.expiry == NO_TIME else <uint64_t>value.expiry - least + 1)
    put_text(out, field.text, field.length)
    put_text(out, value.text.text, value.text.length)
    if least and out.valkey:
        put_fixed64(out, <uint64_t>value.expiry)


cdef bint hash_more(Output* out, Progress* progress, size_t until) noexcept nogil:
    progress.out = out
    while out.length < until:
        if not table_walk_next(&progress.walk):
            return True
    return False


cdef bint hash_guard(Progress* progress) noexcept nogil:
    return table_walk_guard(&progress.walk) and progress_leave_entry(progress)
