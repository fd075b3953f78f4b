"""Hashes: setting, getting and deleting fields."""

from libc.stdint cimport int64_t, uint8_t
from cpython.list cimport PyList_New
from cpython.ref cimport Py_DECREF, Py_INCREF

from redpoll.commands.call cimport EVENT_HASH, Call, native
from redpoll.commands.hash_access cimport (
    element_length, hash_done, hash_made, hash_to_read, hash_to_write, reply_element, reply_field_value, set_word,
    tell_gone,
)
from redpoll.engine.entry cimport ENC_LISTPACK, Entry
from redpoll.engine.fields cimport (
    NO_TIME, FieldValue, Hash, field_visitor, fields_add, fields_begin, fields_delete, fields_finish, fields_get,
    fields_length, fields_new, fields_next_due, fields_prepare, fields_visit,
)
from redpoll.engine.listpack cimport Element
from redpoll.wire.direct cimport Direct, direct_integer, direct_put, direct_string
from redpoll.wire.output cimport Out, out_init, out_splice
from redpoll.wire.packed cimport reply_whole
from redpoll.wire.reply cimport reply_array, reply_integer, reply_map, reply_null, reply_ok

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, FAST, READONLY, WRITE
from redpoll.errors import CommandError


cdef size_t make_hash(Call call, Hash* h) noexcept:
    """A new hash of all fields and values from word 2 on; how many fields it has."""
    cdef size_t i = 2
    if call.long_count == 0 and (call.argc - 2) // 2 <= h.most_entries:
        fields_begin()
        while i < call.argc and fields_add(h, call.argv[i].ptr, call.argv[i].len,
                                           call.argv[i + 1].ptr, call.argv[i + 1].len):
            i += 2
        fields_finish(h)
    else:
        fields_new(h)
    set_fields(call, h, i)
    return fields_length(h)


cdef size_t set_fields(Call call, Hash* h, size_t first) noexcept:
    """Set fields to values from a word on; how many are new."""
    cdef size_t i
    cdef size_t made = 0
    cdef size_t bytes = 0
    if first == call.argc:
        return 0
    for i in range(first, call.argc):
        bytes += call.argv[i].len
    fields_prepare(h, (call.argc - first) // 2, bytes)
    for i in range(first, call.argc, 2):
        made += set_word(call, h, i, i + 1, NO_TIME)
    return made


cdef int64_t set_all(Call call, str name) except -1:
    cdef Hash h
    cdef Entry** slot
    cdef size_t made, i
    if call.argc & 1:
        raise CommandError(errors.wrong_arity(name))
    slot = hash_to_write(call, 1, &h)
    if slot == NULL:
        made = make_hash(call, &h)
        hash_made(call, 1, &h)
    else:
        made = set_fields(call, &h, 2)
        hash_done(call, slot, 1, &h)
    if call.wants_fields():
        for i in range(2, call.argc, 2):
            call.field(call.argv[i].ptr, call.argv[i].len)
    call.changed(EVENT_HASH, b"hset", 1)
    call.tell_fields(b"hset", 1)
    return made


cdef int hset(Call call) except -1:
    reply_integer(call.out, set_all(call, "hset"))
    return 0

declare(
    "HSET key field value [field value ...]", native(hset),
    summary="Set fields of a hash; the reply is how many of them are new.", group="hash", since="2.0.0",
    flags=WRITE | DENYOOM | FAST, complexity="O(N) where N is the number of fields set", keys="RW update",
    history=(("4.0.0", "Accepts several `field` and `value` arguments."),),
)


cdef int hmset(Call call) except -1:
    set_all(call, "hmset")
    reply_ok(call.out)
    return 0

declare(
    "HMSET key field value [field value ...]", native(hmset), summary="Set fields of a hash.", group="hash",
    since="2.0.0", flags=WRITE | DENYOOM | FAST, complexity="O(N) where N is the number of fields set",
    keys="RW update", deprecated="4.0.0", replaced_by="HSET with several fields",
)


cdef int hsetnx(Call call) except -1:
    cdef Hash h
    cdef FieldValue found
    cdef Entry** slot = hash_to_write(call, 1, &h)
    if slot != NULL:
        if fields_get(&h, call.argv[2].ptr, call.argv[2].len, &found):
            reply_integer(call.out, 0)
            return 0
        set_word(call, &h, 2, 3, NO_TIME)
        hash_done(call, slot, 1, &h)
    else:
        make_hash(call, &h)
        hash_made(call, 1, &h)
    call.field(call.argv[2].ptr, call.argv[2].len)
    call.changed(EVENT_HASH, b"hset", 1)
    call.tell_fields(b"hset", 1)
    reply_integer(call.out, 1)
    return 0

declare(
    "HSETNX key field value", native(hsetnx), summary="Set a field of a hash unless the field exists.", group="hash",
    since="2.0.0", flags=WRITE | DENYOOM | FAST, complexity="O(1)", keys="RW insert",
)


cdef int hget(Call call) except -1:
    cdef Hash h
    cdef FieldValue found
    cdef Entry** slot = hash_to_read(call, 1, &h)
    if slot == NULL or not fields_get(&h, call.argv[2].ptr, call.argv[2].len, &found):
        reply_null(call.out)
    else:
        reply_field_value(call.out, &found)
    return 0

declare(
    "HGET key field", native(hget), summary="Return the value of a field of a hash.", group="hash", since="2.0.0",
    flags=READONLY | FAST, complexity="O(1)",
)


cdef inline object element_value(Direct direct, const Element* element):
    if element.text == NULL:
        return direct_integer(direct, element.integer)
    return direct_string(direct, element.text, element.length)


cdef inline object field_value(Direct direct, const FieldValue* value):
    if value.blob != NULL:
        return direct_string(direct, value.blob.data, value.blob.length)
    return element_value(direct, &value.text)


cdef int hmget(Call call) except -1:
    cdef Hash h
    cdef FieldValue found
    cdef size_t i
    cdef list made
    cdef Entry** slot = hash_to_read(call, 1, &h)
    if call.direct != NULL:
        made = PyList_New(call.argc - 2)
        for i in range(2, call.argc):
            if slot == NULL or not fields_get(&h, call.argv[i].ptr, call.argv[i].len, &found):
                direct_put(made, i - 2, None)
            else:
                direct_put(made, i - 2, field_value(<Direct>call.direct, &found))
        call.given = made
        return 0
    reply_array(call.out, call.argc - 2)
    for i in range(2, call.argc):
        if slot == NULL or not fields_get(&h, call.argv[i].ptr, call.argv[i].len, &found):
            reply_null(call.out)
        else:
            reply_field_value(call.out, &found)
    return 0

declare(
    "HMGET key field [field ...]", native(hmget), summary="Return the values of several fields of a hash.",
    group="hash", since="2.0.0", flags=READONLY | FAST, complexity="O(N) where N is the number of fields asked for",
)


# Whole hashes

cdef enum Part:
    FIELDS = 1
    VALUES = 2

cdef struct Listing:
    Out* out
    int parts
    size_t shown


cdef void show(void* context, const Element* field, const FieldValue* value) noexcept nogil:
    cdef Listing* listing = <Listing*>context
    if listing.parts & FIELDS:
        reply_element(listing.out, field)
    if listing.parts & VALUES:
        reply_field_value(listing.out, value)
    listing.shown += 1


cdef void reply_count(Out* out, int parts, size_t fields) noexcept:
    if parts == FIELDS | VALUES:
        reply_map(out, fields)
    else:
        reply_array(out, fields)


cdef struct Gathering:
    void* direct             # Direct
    void* made               # a dictionary, or a list
    void* error              # what ended it; NULL: nothing
    int parts
    bint mapped              # fields to values in a dictionary


cdef int gather(Gathering* into, const Element* field, const FieldValue* value) except -1:
    cdef Direct direct = <Direct>into.direct
    cdef object name = None
    cdef object held = None
    if into.parts & FIELDS:
        name = element_value(direct, field)
    if into.parts & VALUES:
        held = field_value(direct, value)
    if into.mapped:
        (<dict>into.made)[name] = held
        return 0
    if into.parts & FIELDS:
        (<list>into.made).append(name)
    if into.parts & VALUES:
        (<list>into.made).append(held)
    return 0


cdef void gather_next(void* context, const Element* field, const FieldValue* value) noexcept:
    cdef Gathering* into = <Gathering*>context
    if into.error != NULL:
        return
    try:
        gather(into, field, value)
    except BaseException as error:
        Py_INCREF(error)
        into.error = <void*>error


cdef object values_of(Call call, Hash* h, int parts):
    """What is listed, as a Python value."""
    cdef Gathering into
    cdef object error
    cdef object made
    into.mapped = parts == FIELDS | VALUES and call.out.resp == 3
    made = {} if into.mapped else []
    into.direct = call.direct
    into.made = <void*>made
    into.error = NULL
    into.parts = parts
    # The interpreter's lock is held; the visitor only says that it need not be.
    fields_visit(h, <field_visitor>gather_next, &into)
    if into.error != NULL:
        error = <object>into.error
        Py_DECREF(error)
        raise error
    return made


cdef int list_parts(Call call, int parts) except -1:
    cdef Hash h
    cdef Listing listing
    cdef Out found
    cdef Entry** slot = hash_to_read(call, 1, &h)
    if slot == NULL:
        reply_count(call.out, parts, 0)
        return 0
    listing.parts = parts
    listing.shown = 0
    if fields_next_due(h.encoding, h.value) >= h.now:
        if call.direct != NULL:
            call.given = values_of(call, &h, parts)
            return 0
        listing.out = call.out
        reply_count(call.out, parts, fields_length(&h))
        if h.encoding == ENC_LISTPACK and parts == FIELDS | VALUES:
            reply_whole(call.out, <const uint8_t*>h.value)
        else:
            fields_visit(&h, show, &listing)
        return 0
    # Some are due and still there, so that only a walk tells how many are shown.
    out_init(&found)
    found.resp = call.out.resp
    listing.out = &found
    fields_visit(&h, show, &listing)
    reply_count(call.out, parts, listing.shown)
    out_splice(call.out, &found)
    return 0


cdef int hgetall(Call call) except -1:
    return list_parts(call, FIELDS | VALUES)

declare(
    "HGETALL key", native(hgetall), summary="Return all fields of a hash and their values.", group="hash",
    since="2.0.0", flags=READONLY, complexity="O(N) where N is the number of fields",
    tips="nondeterministic_output_order",
)


cdef int hkeys(Call call) except -1:
    return list_parts(call, FIELDS)

declare(
    "HKEYS key", native(hkeys), summary="Return all fields of a hash.", group="hash", since="2.0.0", flags=READONLY,
    complexity="O(N) where N is the number of fields", tips="nondeterministic_output_order",
)


cdef int hvals(Call call) except -1:
    return list_parts(call, VALUES)

declare(
    "HVALS key", native(hvals), summary="Return all values of a hash.", group="hash", since="2.0.0", flags=READONLY,
    complexity="O(N) where N is the number of fields", tips="nondeterministic_output_order",
)


cdef int hlen(Call call) except -1:
    cdef Hash h
    cdef Entry** slot = hash_to_read(call, 1, &h)
    reply_integer(call.out, 0 if slot == NULL else fields_length(&h))
    return 0

declare(
    "HLEN key", native(hlen), summary="Return how many fields a hash has.", group="hash", since="2.0.0",
    flags=READONLY | FAST, complexity="O(1)", keys="RO",
)


cdef int hstrlen(Call call) except -1:
    cdef Hash h
    cdef FieldValue found
    cdef Entry** slot = hash_to_read(call, 1, &h)
    if slot == NULL or not fields_get(&h, call.argv[2].ptr, call.argv[2].len, &found):
        reply_integer(call.out, 0)
    else:
        reply_integer(call.out, element_length(&found.text))
    return 0

declare(
    "HSTRLEN key field", native(hstrlen), summary="Return how many bytes the value of a field of a hash has.",
    group="hash", since="3.2.0", flags=READONLY | FAST, complexity="O(1)", keys="RO",
)


cdef int hexists(Call call) except -1:
    cdef Hash h
    cdef FieldValue found
    cdef Entry** slot = hash_to_read(call, 1, &h)
    reply_integer(call.out, slot != NULL and fields_get(&h, call.argv[2].ptr, call.argv[2].len, &found))
    return 0

declare(
    "HEXISTS key field", native(hexists), summary="Tell whether a hash has a field.", group="hash", since="2.0.0",
    flags=READONLY | FAST, complexity="O(1)", keys="RO",
)


cdef int hdel(Call call) except -1:
    cdef Hash h
    cdef size_t i
    cdef size_t deleted = 0
    cdef bint gone
    cdef Entry** slot = hash_to_write(call, 1, &h)
    if slot == NULL:
        reply_integer(call.out, 0)
        return 0
    for i in range(2, call.argc):
        if fields_delete(&h, call.argv[i].ptr, call.argv[i].len):
            deleted += 1
            call.field(call.argv[i].ptr, call.argv[i].len)
            if not fields_length(&h):
                break
    gone = hash_done(call, slot, 1, &h)
    if deleted:
        call.changed(EVENT_HASH, b"hdel", 1)
        call.tell_fields(b"hdel", 1)
        if gone:
            tell_gone(call, 1)
    reply_integer(call.out, deleted)
    return 0

declare(
    "HDEL key field [field ...]", native(hdel),
    summary="Delete fields of a hash, and the hash with the last of them.", group="hash", since="2.0.0",
    flags=WRITE | FAST, complexity="O(N) where N is the number of fields to delete", keys="RW delete",
    history=(("2.4.0", "Accepts several `field` arguments."),),
)
