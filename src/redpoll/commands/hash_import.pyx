"""HIMPORT: many hashes of the same fields, whose names are sent once.

A connection prepares fieldsets, each a name for a row of fields; `HIMPORT SET` then needs values only. What comes of it
is an ordinary hash.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from redpoll.commands.call cimport EVENT_HASH, Call, check_type, native
from redpoll.engine.entry cimport TYPE_HASH, Entry
from redpoll.engine.fields cimport (
    NO_TIME, Hash, fields_add, fields_begin, fields_finish, fields_new, fields_prepare, fields_set,
)
from redpoll.engine.keyspace cimport due_time
from redpoll.wire.reply cimport reply_integer, reply_ok

from redpoll import errors
from redpoll.commands.declare import container, declare
from redpoll.commands.flags import DENYOOM, WRITE
from redpoll.errors import CommandError

container(
    "HIMPORT", summary="Create many hashes of the same fields.", group="hash", since="8.10.0",
    complexity="Depends on the subcommand", categories="hash", has_help=False,
)


cdef int prepare(Call call) except -1:
    cdef size_t i
    fields = tuple([call.word(i) for i in range(3, call.argc)])
    if len(set(fields)) != len(fields):
        raise CommandError(errors.DUPLICATE_FIELD)
    if call.connection.fieldsets is None:
        call.connection.fieldsets = {}
    call.connection.fieldsets[call.word(2)] = fields
    reply_ok(call.out)
    return 0

declare(
    "HIMPORT PREPARE fieldset-name field [field ...]", native(prepare),
    summary="Give a row of fields a name that holds on this connection.", since="8.10.0", flags=DENYOOM,
    complexity="O(N) where N is the number of fields",
)


cdef size_t add_packed(Call call, tuple fields, Hash* h) noexcept:
    """As many fields as a packed hash takes at once; how many."""
    cdef size_t i = 0
    cdef size_t count = len(fields)
    cdef bytes field
    fields_begin()
    while i < count:
        field = fields[i]
        if not fields_add(h, PyBytes_AS_STRING(field), PyBytes_GET_SIZE(field),
                          call.argv[4 + i].ptr, call.argv[4 + i].len):
            break
        i += 1
    fields_finish(h)
    return i


cdef void make_hash(Call call, tuple fields, Hash* h) noexcept:
    cdef size_t i = 0
    cdef size_t total = 0
    cdef size_t j
    cdef size_t count = len(fields)
    cdef bytes field
    if count <= h.most_entries:
        i = add_packed(call, fields, h)
        if i == count:
            return
    else:
        fields_new(h)
    for field in fields:
        total += PyBytes_GET_SIZE(field)
    for j in range(4, call.argc):
        total += call.argv[j].len
    fields_prepare(h, count, total)
    while i < count:
        field = fields[i]
        fields_set(h, PyBytes_AS_STRING(field), PyBytes_GET_SIZE(field), call.argv[4 + i].ptr, call.argv[4 + i].len,
                   NULL, NO_TIME)
        i += 1


cdef int say_set(Call call, tuple fields, bint replaced) except -1:
    """For the log, which knows of no connections."""
    cdef list words = [b"HSET", call.word(2)]
    cdef size_t i
    for i in range(4, call.argc):
        words.append(fields[i - 4])
        words.append(call.word(i))
    if replaced:
        call.instead([b"DEL", call.word(2)])
    return call.instead(words)


cdef int set_(Call call) except -1:
    cdef Hash h
    cdef Entry** slot
    cdef tuple fields
    cdef bytes field
    fieldsets = call.connection.fieldsets
    fields = None if fieldsets is None else fieldsets.get(call.word(3))
    if fields is None:
        raise CommandError(errors.NO_FIELDSET)
    if <size_t>len(fields) != call.argc - 4:
        raise CommandError(errors.FIELDSET_VALUES)
    slot = call.write(2)
    check_type(slot, TYPE_HASH)
    h.now = due_time(call.keyspace)
    h.most_entries = call.keyspace.hash_max_listpack_entries
    h.most_value = call.keyspace.hash_max_listpack_value
    if call.keyspace.propagating:
        say_set(call, fields, slot != NULL)
    make_hash(call, fields, &h)
    call.db.put_value(slot, call.argv[2].ptr, call.argv[2].len, call.hash_of(2), TYPE_HASH, h.encoding, h.value, -1)
    if call.wants_fields():
        for field in fields:
            call.field(PyBytes_AS_STRING(field), PyBytes_GET_SIZE(field))
    call.changed(EVENT_HASH, b"hset", 2)
    call.tell_fields(b"hset", 2)
    reply_ok(call.out)
    return 0

declare(
    "HIMPORT SET key fieldset-name value [value ...]", native(set_),
    summary="Make a hash of a fieldset's fields and these values, in the place of what was there.", since="8.10.0",
    flags=WRITE | DENYOOM, complexity="O(N) where N is the number of fields", keys="OW update",
)


cdef int discard(Call call) except -1:
    fieldsets = call.connection.fieldsets
    reply_integer(call.out, fieldsets is not None and fieldsets.pop(call.word(2), None) is not None)
    return 0

declare(
    "HIMPORT DISCARD fieldset-name", native(discard), summary="Forget a fieldset of this connection.",
    since="8.10.0", complexity="O(N) where N is the number of its fields",
)


cdef int discard_all(Call call) except -1:
    fieldsets = call.connection.fieldsets
    reply_integer(call.out, 0 if fieldsets is None else len(fieldsets))
    call.connection.fieldsets = None
    return 0

declare(
    "HIMPORT DISCARDALL", native(discard_all), summary="Forget all fieldsets of this connection.", since="8.10.0",
    complexity="O(N) where N is the number of fieldsets",
)
