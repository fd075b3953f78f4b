"""The string commands."""

from libc.stdint cimport int64_t, uint64_t
from redpoll.commands.call cimport EVENT_GENERIC, EVENT_STRING, Call, native
from redpoll.engine.blob cimport Blob
from redpoll.engine.entry cimport (
    EMBED_MAX, ENC_BLOB, ENC_EMBEDDED, ENC_INTEGER, TYPE_STRING, Entry, entry_blob, entry_embedded, entry_encoding,
    entry_expiry, entry_integer, entry_type, string_text,
)
from redpoll.wire.output cimport Out
from redpoll.wire.reply cimport (
    reply_array, reply_blob, reply_bulk, reply_integer, reply_integer_text, reply_null, reply_ok,
)

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, FAST, READONLY, WRITE
from redpoll.errors import CommandError


cdef inline void reply_string(Out* out, const Entry* e) noexcept:
    cdef int encoding = entry_encoding(e)
    if encoding == ENC_EMBEDDED:
        reply_bulk(out, entry_embedded(e), e.value_length)
    elif encoding == ENC_BLOB:
        reply_blob(out, entry_blob(e))
    else:
        reply_integer_text(out, entry_integer(e))


cdef int get(Call call) except -1:
    cdef Entry** slot = call.read(1)
    if slot == NULL:
        reply_null(call.out)
        return 0
    if entry_type(slot[0]) != TYPE_STRING:
        raise CommandError(errors.WRONG_TYPE)
    reply_string(call.out, slot[0])
    return 0

declare("GET key", native(get), group="string", since="1.0.0", flags=READONLY | FAST, complexity="O(1)",
        summary="Return the string at a key.")


cdef int set_(Call call) except -1:
    cdef Entry** slot = call.write(1)
    call.db.put_text(slot, call.argv[1].ptr, call.argv[1].len, call.hash_of(1), call.argv[2].ptr, call.argv[2].len, -1)
    call.changed(EVENT_STRING, b"set", 1)
    reply_ok(call.out)
    return 0

declare("SET key value", native(set_), group="string", since="1.0.0", flags=WRITE | DENYOOM, complexity="O(1)",
        keys="RW access update", summary="Set a key to a string.")
