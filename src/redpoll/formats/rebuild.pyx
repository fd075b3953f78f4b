"""Keys of the engine as the commands that make them anew.

    string    SET key value
    list      RPUSH key element …
    set       SADD key member …
    zset      ZADD key score member …
    hash      HMSET key field value …, then for each field that expires HPEXPIREAT key time FIELDS 1 field
    array     ARMSET key index value …, and ARSEEK key index, where ARINSERT goes on
    stream    see rebuild_stream.pyx
    any       PEXPIREAT key time, when the key expires

A command takes up to 64 items. What a reader of RDB learns besides, the last access of keys and when consumers were
seen, has no command that tells it.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memset

from redpoll.engine.array cimport NO_INDEX, Array, ArrayWalk, array_walk, array_walk_next
from redpoll.engine.array_word cimport WORD_SCRATCH, Word, word_text
from redpoll.engine.entry cimport (
    ENC_FIELDS, ENC_LISTPACK, FLAG_EXPIRES, TYPE_ARRAY, TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM, TYPE_ZSET, Entry,
    entry_encoding, entry_expiry, entry_key, entry_key_length, entry_type, entry_value, string_text,
)
from redpoll.engine.field_times cimport NEVER
from redpoll.engine.fields cimport (
    NO_TIME, FieldValue, Hash, fields_length, fields_next_due, fields_open, fields_scan, fields_visit,
    is_hash_with_times,
)
from redpoll.engine.listpack cimport Element, listpack_length
from redpoll.engine.member cimport MEMBER_SCRATCH, member_text
from redpoll.engine.members cimport Batch, batch_begin
from redpoll.engine.numbers cimport DOUBLE_TEXT_SIZE, format_double
from redpoll.engine.quicklist cimport Quicklist
from redpoll.engine.quicklist_walk cimport Walk, walk_begin, walk_end, walk_get, walk_listpack, walk_next
from redpoll.engine.set cimport Set, SetCursor, set_length, set_next, set_of
from redpoll.engine.sorted_set cimport Cursor, Sorted, cursor_next, cursor_start, sorted_length, sorted_open
from redpoll.formats.command_output cimport put_element, put_name, put_number, put_unsigned, put_word, put_words
from redpoll.formats.progress cimport Progress
from redpoll.formats.rdb_output cimport Output
from redpoll.formats.rebuild_stream cimport rebuild_stream

cdef enum:
    NOTHING_IS_DUE = -1          # a time before all others, for reading hashes as they are stored


cdef inline void put_key(Output* out, const Progress* progress) noexcept nogil:
    put_word(out, entry_key(progress.entry), entry_key_length(progress.entry))


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


cdef bint rebuild_list(Output* out, Progress* progress, size_t until) noexcept nogil:
    """`progress.at` is the index of the next element; it is a multiple of what a command takes."""
    cdef const void* value = entry_value(progress.entry)
    cdef Element element
    cdef Walk walk
    cdef bint more = True
    cdef size_t items = 0
    if entry_encoding(progress.entry) == ENC_LISTPACK:
        walk_listpack(&walk, <const unsigned char*>value, progress.at, False)
    else:
        walk_begin(&walk, <const Quicklist*>value, progress.at, False)
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


cdef bint rebuild_set(Output* out, Progress* progress, size_t until) noexcept nogil:
    """`progress.base` is how many members the command that was begun still takes."""
    cdef Set s
    cdef Batch batch
    cdef SetCursor* cursor = <SetCursor*>progress.cursor
    cdef char scratch[MEMBER_SCRATCH]
    cdef const char* text
    cdef size_t length, i
    set_of(&s, progress.entry)
    while out.length < until:
        batch_begin(&batch)
        set_next(&s, cursor, &batch)
        if batch.count == 0:
            return True
        for i in range(batch.count):
            if progress.base == 0:
                begin_items(out, progress, b"SADD", 1)
                progress.base = items_of_command(progress.left)
            text = member_text(&batch.members[i], scratch, &length)
            put_word(out, text, length)
            progress.base -= 1
            progress.left -= 1
    return False


cdef bint rebuild_zset(Output* out, Progress* progress, size_t until) noexcept nogil:
    """`progress.at` is the rank of the next member."""
    cdef Sorted z
    cdef Cursor cursor
    cdef char text[DOUBLE_TEXT_SIZE]
    cdef size_t items = 0
    sorted_open(&z, progress.entry)
    cursor_start(&cursor, &z, progress.at, progress.left, False)
    while progress.left and (items or out.length < until) and cursor_next(&cursor):
        if items == 0:
            begin_items(out, progress, b"ZADD", 2)
            items = items_of_command(progress.left)
        put_word(out, text, format_double(text, cursor.score))
        put_word(out, cursor.text, cursor.length)
        items -= 1
        progress.left -= 1
        progress.at += 1
    return progress.left == 0


# What telling a field has to know.
cdef struct Telling:
    Output* out
    Progress* progress


cdef void put_field(void* context, const Element* field, const FieldValue* value) noexcept nogil:
    cdef Output* out = (<Telling*>context).out
    cdef Progress* progress = (<Telling*>context).progress
    if progress.base == 0:
        begin_items(out, progress, b"HMSET", 2)
        progress.base = items_of_command(progress.left)
    put_element(out, field)
    put_element(out, &value.text)
    progress.base -= 1
    progress.left -= 1


cdef void put_field_time(void* context, const Element* field, const FieldValue* value) noexcept nogil:
    cdef Output* out = (<Telling*>context).out
    if value.expiry == NO_TIME:
        return
    put_words(out, 6)
    put_name(out, b"HPEXPIREAT")
    put_key(out, (<Telling*>context).progress)
    put_number(out, value.expiry)
    put_name(out, b"FIELDS")
    put_name(out, b"1")
    put_element(out, field)


cdef bint rebuild_hash(Output* out, Progress* progress, size_t until) noexcept nogil:
    """`progress.at` is a cursor; once nothing is left, it is one through the fields' times."""
    cdef Hash h
    cdef Telling telling
    cdef size_t seen = 0
    cdef bint timed
    fields_open(&h, progress.entry)
    h.now = NOTHING_IS_DUE
    timed = is_hash_with_times(h.encoding) and fields_next_due(h.encoding, h.value) != NEVER
    telling.out = out
    telling.progress = progress
    if h.encoding != ENC_FIELDS:
        fields_visit(&h, put_field, &telling)
        if timed:
            fields_visit(&h, put_field_time, &telling)
        return True
    while out.length < until:
        if progress.left:
            progress.at = fields_scan(&h, progress.at, put_field, &telling, &seen)
            if progress.left == 0:
                progress.at = 0
                if not timed:
                    return True
        else:
            progress.at = fields_scan(&h, progress.at, put_field_time, &telling, &seen)
            if progress.at == 0:
                return True
    return False


cdef bint rebuild_array(Output* out, Progress* progress, size_t until) noexcept nogil:
    """`progress.at` is the least index that is still to come."""
    cdef const Array* array = <const Array*>entry_value(progress.entry)
    cdef ArrayWalk walk
    cdef uint64_t index
    cdef Word word
    cdef char scratch[WORD_SCRATCH]
    cdef const char* text
    cdef size_t length
    cdef size_t items = 0
    array_walk(&walk, array, progress.at, NO_INDEX - 1, False)
    while progress.left and (items or out.length < until) and array_walk_next(&walk, &index, &word):
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
    if array.inserted != NO_INDEX:
        put_words(out, 3)
        put_name(out, b"ARSEEK")
        put_key(out, progress)
        put_unsigned(out, array.inserted + 1)
    return True


cdef void put_expiry(Output* out, const Progress* progress) noexcept nogil:
    if progress.entry.flags & FLAG_EXPIRES:
        put_words(out, 3)
        put_name(out, b"PEXPIREAT")
        put_key(out, progress)
        put_number(out, entry_expiry(progress.entry))


cdef bint rebuild_entry_begin(Output* out, const Entry* e, Progress* progress) noexcept nogil:
    memset(progress, 0, sizeof(Progress))
    progress.entry = e
    if entry_encoding(e) < ENC_LISTPACK:
        rebuild_string(out, progress)
        put_expiry(out, progress)
        return True
    progress.left = value_size(e)
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
    cdef int type = entry_type(progress.entry)
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
        rebuild_entry_some(out, &progress, <size_t>-1)
