"""What patterns of SORT stand for: `weight_*` is a string at a key, `h_*->field` a field of a hash, `#` the element.

Every element means a key of its own, which lies anywhere in memory: keys are made and hashed for some elements at a
time, and their buckets and entries asked for, before the first of them is looked at.
"""

from libc.stdlib cimport abort, free, malloc, realloc
from libc.string cimport memchr, memcpy

from redpoll.commands.call cimport Call
from redpoll.engine.entry cimport (
    ENC_INTEGER, TYPE_HASH, TYPE_STRING, Entry, entry_encoding, entry_integer, entry_type, string_text,
)
from redpoll.engine.fields cimport FieldValue, Hash, fields_get, fields_open
from redpoll.engine.keyspace cimport due_time
from redpoll.engine.numbers cimport format_int64
from redpoll.engine.sorting cimport Text
from redpoll.engine.table cimport table_prefetch, table_prefetch_entry
from redpoll.wire.request cimport Arg

cdef enum:
    TOGETHER = 32            # keys that are looked up together


cdef const char* find_arrow(const char* text, size_t length) noexcept nogil:
    cdef size_t i = 0
    while i + 1 < length:
        if text[i] == c"-" and text[i + 1] == c">":
            return text + i
        i += 1
    return NULL


cdef void pattern_read(Pattern* pattern, const Arg* word) noexcept nogil:
    cdef const char* text = word.ptr
    cdef const char* end = text + word.len
    cdef const char* star
    cdef const char* arrow
    pattern.kind = PATTERN_NOTHING
    if word.len == 1 and text[0] == c"#":
        pattern.kind = PATTERN_ELEMENT
        return
    star = <const char*>memchr(text, c"*", word.len) if word.len else NULL
    if star == NULL:
        return
    pattern.kind = PATTERN_KEY
    pattern.before = text
    pattern.before_length = star - text
    pattern.behind = star + 1
    pattern.behind_length = end - star - 1
    arrow = find_arrow(pattern.behind, pattern.behind_length)
    # An arrow to nothing is a part of the key.
    if arrow != NULL and arrow + 2 < end:
        pattern.kind = PATTERN_FIELD
        pattern.behind_length = arrow - pattern.behind
        pattern.field = arrow + 2
        pattern.field_length = end - pattern.field


cdef void patterns_begin(Patterns* patterns, Pattern* items, size_t count) noexcept nogil:
    patterns.items = items
    patterns.count = count
    patterns.elements = TOGETHER // count if count and count < TOGETHER else 1
    patterns.room = 4096
    patterns.used = 0
    patterns.wanted = <Wanted*>malloc(max(patterns.elements * count, <size_t>1) * sizeof(Wanted))
    patterns.keys = <char*>malloc(patterns.room)
    if patterns.wanted == NULL or patterns.keys == NULL:
        abort()


cdef void patterns_end(Patterns* patterns) noexcept nogil:
    free(patterns.items)
    free(patterns.wanted)
    free(patterns.keys)


cdef void row_begin(Patterns* patterns) noexcept nogil:
    patterns.used = 0


cdef void row_add(Patterns* patterns, Call call, size_t place, const Text* element) noexcept:
    cdef char digits[24]
    cdef const char* text = element.text
    cdef size_t length = element.number
    cdef const Pattern* pattern
    cdef Wanted* wanted
    cdef char* key
    cdef size_t i
    if text == NULL:
        length = format_int64(digits, element.number)
        text = digits
    for i in range(patterns.count):
        pattern = &patterns.items[i]
        if pattern.kind < PATTERN_KEY:
            continue
        wanted = &patterns.wanted[place * patterns.count + i]
        wanted.offset = patterns.used
        wanted.length = pattern.before_length + length + pattern.behind_length
        if patterns.room - patterns.used < wanted.length:
            patterns.room = 2 * (patterns.used + wanted.length)
            patterns.keys = <char*>realloc(patterns.keys, patterns.room)
            if patterns.keys == NULL:
                abort()
        key = patterns.keys + patterns.used
        patterns.used += wanted.length
        memcpy(key, pattern.before, pattern.before_length)
        memcpy(key + pattern.before_length, text, length)
        memcpy(key + pattern.before_length + length, pattern.behind, pattern.behind_length)
        wanted.hash = call.db.hash_of(key, wanted.length)
        table_prefetch(&call.db.table, wanted.hash)


cdef void row_fetch(Patterns* patterns, Call call, size_t elements) noexcept:
    cdef size_t i
    if elements < 2:
        return
    for i in range(elements * patterns.count):
        if patterns.items[i % patterns.count].kind >= PATTERN_KEY:
            table_prefetch_entry(&call.db.table, patterns.wanted[i].hash)


cdef bint field_value(Call call, const Entry* e, const Pattern* pattern, Text* value) noexcept:
    cdef Hash h
    cdef FieldValue found
    h.now = due_time(call.keyspace)
    fields_open(&h, e)
    # Fields that are due stay where they are: values found before may be in the same hash.
    if not fields_get(&h, pattern.field, pattern.field_length, &found):
        return False
    if found.blob != NULL:
        value.text = found.blob.data
        value.number = found.blob.length
        return True
    value.text = found.text.text
    value.number = found.text.length if found.text.text != NULL else found.text.integer
    return True


cdef bint pattern_value(Patterns* patterns, Call call, size_t place, size_t number, const Text* element,
                        Text* value) noexcept:
    cdef const Pattern* pattern = &patterns.items[number]
    cdef const Wanted* wanted = &patterns.wanted[place * patterns.count + number]
    cdef Entry** slot
    cdef size_t length
    if pattern.kind == PATTERN_ELEMENT:
        value[0] = element[0]
        return True
    if pattern.kind == PATTERN_NOTHING:
        return False
    slot = call.db.read(patterns.keys + wanted.offset, wanted.length, wanted.hash)
    if slot == NULL:
        return False
    if pattern.kind == PATTERN_FIELD:
        return entry_type(slot[0]) == TYPE_HASH and field_value(call, slot[0], pattern, value)
    if entry_type(slot[0]) != TYPE_STRING:
        return False
    if entry_encoding(slot[0]) == ENC_INTEGER:
        value.text = NULL
        value.number = entry_integer(slot[0])
        return True
    value.text = string_text(slot[0], NULL, &length)
    value.number = length
    return True
