"""Hash fields that hold numbers: HINCRBY and HINCRBYFLOAT."""

from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t

from redpoll.commands.call cimport EVENT_HASH, Call, native
from redpoll.commands.hash_access cimport element_text, hash_done, hash_made, hash_to_write
from redpoll.engine.entry cimport Entry
from redpoll.engine.fields cimport KEEP_TIME, FieldValue, Hash, fields_get, fields_new, fields_set
from redpoll.engine.numbers cimport (
    LONG_DOUBLE_TEXT_SIZE, format_int64, format_long_double_human, parse_int64, parse_long_double,
)
from redpoll.wire.reply cimport reply_bulk, reply_integer

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, FAST, WRITE
from redpoll.errors import CommandError


cdef void put_number(Call call, Entry** slot, Hash* h, const char* text, size_t length, const char* event) noexcept:
    """Set the field at word 2, which keeps its time of expiry."""
    if slot == NULL:
        fields_new(h)
    fields_set(h, call.argv[2].ptr, call.argv[2].len, text, length, NULL, KEEP_TIME)
    if slot == NULL:
        hash_made(call, 1, h)
    else:
        hash_done(call, slot, 1, h)
    call.field(call.argv[2].ptr, call.argv[2].len)
    call.changed(EVENT_HASH, event, 1)
    call.tell_fields(event, 1)


cdef int hincrby(Call call) except -1:
    cdef Hash h
    cdef FieldValue found
    cdef Entry** slot
    cdef int64_t increment
    cdef long long value = 0
    cdef char text[24]
    call.integer(3, &increment)
    slot = hash_to_write(call, 1, &h)
    if slot != NULL and fields_get(&h, call.argv[2].ptr, call.argv[2].len, &found):
        if found.text.text == NULL:
            value = found.text.integer
        elif not parse_int64(found.text.text, found.text.length, &value):
            raise CommandError(errors.HASH_VALUE_NOT_AN_INTEGER)
    if value > INT64_MAX - increment if increment >= 0 else value < INT64_MIN - increment:
        raise CommandError(errors.OVERFLOW)
    value += increment
    put_number(call, slot, &h, text, format_int64(text, value), b"hincrby")
    reply_integer(call.out, value)
    return 0

declare(
    "HINCRBY key field increment", native(hincrby),
    summary="Add a number to the integer in a field of a hash; a missing field counts from 0.", group="hash",
    since="2.0.0", flags=WRITE | DENYOOM | FAST, complexity="O(1)", keys="RW access update",
)


cdef int say_number(Call call, Entry** slot, const Hash* h, bytes text) except -1:
    """For the log: what came out, as other machines may round otherwise; the time that the field keeps."""
    cdef FieldValue found
    call.instead([b"HSET", call.word(1), call.word(2), text])
    if (slot != NULL and fields_get(h, call.argv[2].ptr, call.argv[2].len, &found) and found.expiry >= 0):
        call.instead([b"HPEXPIREAT", call.word(1), b"%d" % found.expiry, b"FIELDS", b"1", call.word(2)])
    return 0


cdef int hincrbyfloat(Call call) except -1:
    cdef Hash h
    cdef FieldValue found
    cdef Entry** slot
    cdef long double increment
    cdef long double value = 0
    cdef char scratch[24]
    cdef char text[LONG_DOUBLE_TEXT_SIZE]
    cdef const char* before
    cdef size_t length
    if not parse_long_double(call.argv[3].ptr, call.argv[3].len, &increment):
        raise CommandError(errors.NOT_A_FLOAT)
    if increment - increment != 0:
        raise CommandError(errors.NAN_OR_INFINITY)
    slot = hash_to_write(call, 1, &h)
    if slot != NULL and fields_get(&h, call.argv[2].ptr, call.argv[2].len, &found):
        before = element_text(&found.text, scratch, &length)
        if not parse_long_double(before, length, &value):
            raise CommandError(errors.HASH_VALUE_NOT_A_FLOAT)
    value += increment
    if value - value != 0:
        raise CommandError(errors.NOT_FINITE)
    length = format_long_double_human(text, value)
    if call.keyspace.propagating:
        say_number(call, slot, &h, text[:length])
    put_number(call, slot, &h, text, length, b"hincrbyfloat")
    reply_bulk(call.out, text, length)
    return 0

declare(
    "HINCRBYFLOAT key field increment:double", native(hincrbyfloat),
    summary="Add a floating-point number to the number in a field of a hash; a missing field counts from 0.",
    group="hash", since="2.6.0", flags=WRITE | DENYOOM | FAST, complexity="O(1)", keys="RW access update",
)
