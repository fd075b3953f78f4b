"""Keys of the engine as the commands that make them anew.

    string    SET key value
    list      RPUSH key element …
    set       SADD key member …
    zset      ZADD key score member …
    hash      HMSET key field value …, and for each field that expires HPEXPIREAT key time FIELDS 1 field
    array     ARMSET key index value …, and ARSEEK key index, where ARINSERT goes on
    stream    see rebuild_stream.pyx
    any       PEXPIREAT key time, when the key expires

A command takes up to 64 items. What a reader of RDB learns besides, the last access of keys and when consumers were
seen, has no command that tells it.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memset

from redpoll.engine.array cimport NO_INDEX, Array, ArrayWalk, array_walk, array_walk_next
from redpoll.engine.array_word cimport WORD_SCRATCH, Word, word_text
from redpoll.engine.blob cimport Blob
from redpoll.engine.entry cimport (
    ENC_FIELDS, ENC_LISTPACK, ENC_PACKED_FIELDS, ENC_TABLE, TYPE_ARRAY, TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM,
    TYPE_ZSET, Entry, entry_encoding, entry_key, entry_key_length, entry_type, entry_value, string_length,
    string_text,
)
from redpoll.engine.field_times cimport NEVER
from redpoll.engine.fields cimport (
    NO_TIME, FieldTable, FieldValue, Hash, field_of_entry, fields_length, fields_next_due, fields_open, fields_visit,
)
from redpoll.engine.listpack cimport Element, listpack_at, listpack_get, listpack_length, listpack_next
from redpoll.engine.member cimport MEMBER_SCRATCH, Member, member_of_word, member_text
from redpoll.engine.members cimport Batch, Members, batch_begin
from redpoll.engine.numbers cimport DOUBLE_TEXT_SIZE, format_double
from redpoll.engine.quicklist cimport Quicklist
from redpoll.engine.quicklist_view cimport quicklist_view_node, quicklist_view_step
from redpoll.engine.quicklist_walk cimport Walk, walk_begin, walk_end, walk_get, walk_listpack, walk_next
from redpoll.engine.rank_tree cimport member_score
from redpoll.engine.set cimport Set, SetCursor, set_length, set_next, set_of
from redpoll.engine.sorted_set cimport Cursor, Sorted, cursor_next, cursor_start, sorted_length, sorted_open
from redpoll.engine.table cimport table_walk_begin, table_walk_guard, table_walk_next
from redpoll.formats.command_output cimport (
    put_count, put_element, put_name, put_number, put_unsigned, put_word, put_words,
)
from redpoll.formats.progress cimport Progress, progress_begin, progress_leave_entry
from redpoll.formats.rdb_array cimport array_guard, array_guarded_next
from redpoll.formats.rdb_list cimport list_guard
from redpoll.formats.rdb_output cimport Output, put_bytes
from redpoll.formats.rdb_zset cimport zset_beside_bound, zset_guard_from
from redpoll.formats.rebuild_stream cimport rebuild_stream, rebuild_stream_guard

cdef enum:
    BUCKETS_A_PIECE = 2048       # that a walk through a table looks at
    ARRAY_SEEK = 1               # in `progress.cursor`: where ARINSERT goes on, 0: nowhere in particular
    NOTHING_IS_DUE = -1          # a time before all others, for reading hashes as they are stored


cdef inline void put_key(Output* out, const Progress* progress) noexcept nogil:
    put_word(out, progress.key, progress.key_length)


cdef void begin_items(Output* out, const Progress* progress, const char* name, size_t step) noexcept nogil:
    """The head of a command for as many of the items that are left as it takes; an item has `step` words."""
    put_words(out, 2 + step * items_of_command(progress.left))
    put_name(out, name)
    put_key(out, progress)


cdef void rebuild_string(Output* out, const Progress* progress) noexcept nogil:
    cdef char scratch[24]
    cdef size_t length
    cdef const char* text = string_text(progress.entry, scratch, &length)
    put_words(out, 3)
    put_name(out, b"SET")
    put_key(out, progress)
    put_word(out, text, length)


cdef void rebuild_node(Output* out, Progress* progress, const uint8_t* lp, const Blob* blob) noexcept nogil:
    """A node of a guarded list, but for `progress.base` elements at its start, which are told already."""
    cdef size_t count = listpack_length(lp) if lp != NULL else 1
    cdef size_t left = count - progress.base
    cdef size_t items = 0
    cdef const uint8_t* p = listpack_at(lp, <int64_t>progress.base) if lp != NULL and left else NULL
    cdef Element element
    progress.base = 0
    while left:
        if items == 0:
            items = items_of_command(left)
            put_words(out, 2 + items)
            put_name(out, b"RPUSH")
            put_key(out, progress)
        if lp != NULL:
            listpack_get(p, &element)
            put_element(out, &element)
            p = listpack_next(p)
        else:
            put_word(out, blob.data, blob.length)
        items -= 1
        left -= 1


cdef bint rebuild_nodes(Output* out, Progress* progress, size_t until) noexcept nogil:
    cdef const uint8_t* lp
    cdef const Blob* blob
    while out.length < until:
        if not quicklist_view_node(progress.nodes, &lp, &blob):
            return True
        rebuild_node(out, progress, lp, blob)
        quicklist_view_step(progress.nodes)
    return False


cdef bint rebuild_list(Output* out, Progress* progress, size_t until) noexcept nogil:
    """`progress.at` is the index of the next element; it is a multiple of what a command takes."""
    cdef Element element
    cdef Walk walk
    cdef bint more = True
    cdef size_t items = 0
    if progress.nodes != NULL:
        return rebuild_nodes(out, progress, until)
    if progress.encoding == ENC_LISTPACK:
        walk_listpack(&walk, <const unsigned char*>progress.value, progress.at, False)
    else:
        walk_begin(&walk, <const Quicklist*>progress.value, progress.at, False)
    while more and (items or out.length < until):
        if items == 0:
            begin_items(out, progress, b"RPUSH", 1)
            items = items_of_command(progress.left)
        walk_get(&walk, &element)
        put_element(out, &element)
        items -= 1
        progress.left -= 1
        progress.at += 1
        more = walk_next(&walk)
    walk_end(&walk)
    return not more


cdef inline void begin_item(Progress* progress, const char* name, size_t step) noexcept nogil:
    """Before each item of a walk: the command that takes it. `progress.base` is how many more the last one takes."""
    if progress.base == 0:
        begin_items(progress.out, progress, name, step)
        progress.base = items_of_command(progress.left)
    progress.base -= 1
    progress.left -= 1


cdef void tell_member(Progress* progress, const Member* member) noexcept nogil:
    cdef char scratch[MEMBER_SCRATCH]
    cdef size_t length
    cdef const char* text = member_text(member, scratch, &length)
    begin_item(progress, b"SADD", 1)
    put_word(progress.out, text, length)


cdef void show_member(void* context, Entry* word) noexcept nogil:
    cdef Member member
    member_of_word(&member, <uint64_t>word)
    tell_member(<Progress*>context, &member)


cdef bint walk_some(Progress* progress, size_t until) noexcept nogil:
    cdef size_t _
    for _ in range(BUCKETS_A_PIECE):
        if progress.out.length >= until:
            break
        if not table_walk_next(&progress.walk):
            return True
    return False


cdef bint rebuild_set(Output* out, Progress* progress, size_t until) noexcept nogil:
    cdef Set s
    cdef Batch batch
    cdef SetCursor cursor
    cdef size_t i
    progress.out = out
    if progress.encoding == ENC_TABLE:
        return walk_some(progress, until)
    s.encoding = progress.encoding
    s.value = progress.value
    memset(&cursor, 0, sizeof(cursor))
    while True:
        batch_begin(&batch)
        set_next(&s, &cursor, &batch)
        if batch.count == 0:
            return True
        for i in range(batch.count):
            tell_member(progress, &batch.members[i])


cdef void tell_scored(Output* out, const char* text, size_t length, double score) noexcept nogil:
    cdef char number[DOUBLE_TEXT_SIZE]
    put_word(out, number, format_double(number, score))
    put_word(out, text, length)


cdef void show_scored(void* context, Entry* member) noexcept nogil:
    cdef Progress* progress = <Progress*>context
    if zset_beside_bound(progress, member, 1) > 0:
        begin_item(progress, b"ZADD", 2)
        tell_scored(progress.out, entry_key(member), entry_key_length(member), member_score(member))


cdef bint rebuild_zset(Output* out, Progress* progress, size_t until) noexcept nogil:
    """`progress.at` is the rank of the next member."""
    cdef Sorted z
    cdef Cursor cursor
    cdef size_t items = 0
    progress.out = out
    if progress.entry == NULL:
        return walk_some(progress, until)
    z.encoding = progress.encoding
    z.value = progress.value
    cursor_start(&cursor, &z, progress.at, progress.left, False)
    while progress.left and (items or out.length < until) and cursor_next(&cursor):
        if items == 0:
            begin_items(out, progress, b"ZADD", 2)
            items = items_of_command(progress.left)
        tell_scored(out, cursor.text, cursor.length, cursor.score)
        items -= 1
        progress.left -= 1
        progress.at += 1
    return progress.left == 0


cdef void put_field(void* context, const Element* field, const FieldValue* value) noexcept nogil:
    cdef Progress* progress = <Progress*>context
    begin_item(progress, b"HMSET", 2)
    put_element(progress.out, field)
    put_element(progress.out, &value.text)


cdef void put_field_time(void* context, const Element* field, const FieldValue* value) noexcept nogil:
    cdef Progress* progress = <Progress*>context
    cdef Output* out = progress.out
    if value.expiry == NO_TIME:
        return
    put_words(out, 6)
    put_name(out, b"HPEXPIREAT")
    put_key(out, progress)
    put_number(out, value.expiry)
    put_name(out, b"FIELDS")
    put_name(out, b"1")
    put_element(out, field)


cdef void show_field(void* context, Entry* e) noexcept nogil:
    cdef Element field
    cdef FieldValue value
    field_of_entry(e, &field, &value)
    put_field(context, &field, &value)


cdef void show_field_and_time(void* context, Entry* e) noexcept nogil:
    """A field is shown once, so its time follows, and with it another command has to begin."""
    cdef Progress* progress = <Progress*>context
    cdef Output* out = progress.out
    cdef Element field
    cdef FieldValue value
    field_of_entry(e, &field, &value)
    put_words(out, 4)
    put_name(out, b"HMSET")
    put_key(out, progress)
    put_element(out, &field)
    put_element(out, &value.text)
    put_field_time(context, &field, &value)


cdef bint rebuild_hash(Output* out, Progress* progress, size_t until) noexcept nogil:
    cdef Hash h
    progress.out = out
    if progress.encoding == ENC_FIELDS:
        return walk_some(progress, until)
    h.encoding = progress.encoding
    h.value = progress.value
    h.now = NOTHING_IS_DUE
    fields_visit(&h, put_field, progress)
    if h.encoding == ENC_PACKED_FIELDS:
        fields_visit(&h, put_field_time, progress)
    return True


cdef bint rebuild_array(Output* out, Progress* progress, size_t until) noexcept nogil:
    """`progress.at` is the least index that is still to come."""
    cdef ArrayWalk walk
    cdef uint64_t index
    cdef Word word
    cdef char scratch[WORD_SCRATCH]
    cdef const char* text
    cdef size_t length
    cdef size_t items = 0
    cdef bint guarded = progress.items != NULL
    if not guarded:
        array_walk(&walk, <const Array*>progress.value, progress.at, NO_INDEX - 1, False)
    while progress.left and (items or out.length < until):
        if not (array_guarded_next(progress, &index, &word) if guarded else array_walk_next(&walk, &index, &word)):
            break
        if items == 0:
            begin_items(out, progress, b"ARMSET", 2)
            items = items_of_command(progress.left)
        put_unsigned(out, index)
        text = word_text(word, scratch, &length)
        put_word(out, text, length)
        progress.at = index + 1
        progress.left -= 1
        items -= 1
    if progress.left:
        return False
    if progress.cursor[ARRAY_SEEK]:
        put_words(out, 3)
        put_name(out, b"ARSEEK")
        put_key(out, progress)
        put_unsigned(out, progress.cursor[ARRAY_SEEK])
    return True


cdef void put_expiry(Output* out, const Progress* progress) noexcept nogil:
    if progress.expiry >= 0:
        put_words(out, 3)
        put_name(out, b"PEXPIREAT")
        put_key(out, progress)
        put_number(out, progress.expiry)


cdef bint rebuild_entry_begin(Output* out, const Entry* e, Progress* progress) noexcept nogil:
    progress_begin(progress, e)
    progress.out = out
    if progress.encoding < ENC_LISTPACK:
        rebuild_string(out, progress)
        put_expiry(out, progress)
        return True
    progress.left = value_size(e)
    if progress.encoding == ENC_TABLE:
        table_walk_begin(&progress.walk, &(<Members*>progress.value).table, show_member, progress)
    elif progress.encoding == ENC_FIELDS:
        table_walk_begin(&progress.walk, &(<FieldTable*>progress.value).table,
                         show_field if fields_next_due(ENC_FIELDS, progress.value) == NEVER else show_field_and_time,
                         progress)
    elif progress.type == TYPE_ARRAY and (<const Array*>progress.value).inserted != NO_INDEX:
        progress.cursor[ARRAY_SEEK] = (<const Array*>progress.value).inserted + 1
    return False


cdef bint rebuild_entry_guard(Progress* progress) noexcept nogil:
    if progress.encoding == ENC_TABLE or progress.encoding == ENC_FIELDS:
        return table_walk_guard(&progress.walk) and progress_leave_entry(progress)
    if progress.type == TYPE_ZSET:
        return zset_guard_from(progress, <int64_t>progress.at - 1, show_scored)
    if progress.type == TYPE_LIST:
        return list_guard(progress)
    if progress.type == TYPE_ARRAY:
        return array_guard(progress)
    if progress.type == TYPE_STREAM:
        return rebuild_stream_guard(progress)
    return False


cdef size_t value_size(const Entry* e) noexcept nogil:
    """Items of a collection."""
    cdef int type = entry_type(e)
    cdef Set s
    cdef Sorted z
    cdef Hash h
    if type == TYPE_SET:
        set_of(&s, e)
        return set_length(&s)
    if type == TYPE_ZSET:
        sorted_open(&z, e)
        return sorted_length(&z)
    if type == TYPE_HASH:
        fields_open(&h, e)
        return fields_length(&h)
    if type == TYPE_ARRAY:
        return (<const Array*>entry_value(e)).count
    if type == TYPE_LIST:
        if entry_encoding(e) == ENC_LISTPACK:
            return listpack_length(<const unsigned char*>entry_value(e))
        return (<const Quicklist*>entry_value(e)).length
    return 0


cdef bint rebuild_entry_some(Output* out, Progress* progress, size_t bytes) noexcept nogil:
    cdef int type = progress.type
    cdef size_t until = out.length + bytes if bytes < <size_t>-1 - out.length else <size_t>-1
    cdef bint done = True
    if type == TYPE_HASH:
        done = rebuild_hash(out, progress, until)
    elif type == TYPE_LIST:
        done = rebuild_list(out, progress, until)
    elif type == TYPE_SET:
        done = rebuild_set(out, progress, until)
    elif type == TYPE_ZSET:
        done = rebuild_zset(out, progress, until)
    elif type == TYPE_ARRAY:
        done = rebuild_array(out, progress, until)
    elif type == TYPE_STREAM:
        done = rebuild_stream(out, progress, until)
    if done:
        put_expiry(out, progress)
    return done


cdef void rebuild_entry(Output* out, const Entry* e) noexcept nogil:
    cdef Progress progress
    if not rebuild_entry_begin(out, e, &progress):
        while not rebuild_entry_some(out, &progress, <size_t>-1):
            pass


cdef void rebuild_string_head(Output* out, const Entry* e) noexcept nogil:
    put_words(out, 3)
    put_name(out, b"SET")
    put_word(out, entry_key(e), entry_key_length(e))
    put_count(out, c"$", string_length(e))


cdef void rebuild_string_tail(Output* out, const Entry* e) noexcept nogil:
    cdef Progress progress
    put_bytes(out, b"\r\n", 2)
    progress_begin(&progress, e)
    put_expiry(out, &progress)
