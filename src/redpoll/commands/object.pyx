"""OBJECT: how a value is stored, and how it was accessed."""

from libc.string cimport strlen

from redpoll.commands.call cimport Call, native
from redpoll.engine.entry cimport ENC_INTEGER, Entry, encoding_name, entry_encoding, entry_integer
from redpoll.engine.keyspace cimport CLOCK_LFU
from redpoll.wire.reply cimport reply_bulk, reply_integer, reply_null

from redpoll import errors
from redpoll.commands.declare import container, declare
from redpoll.commands.flags import READONLY
from redpoll.errors import CommandError

cdef enum:
    SHARED_INTEGERS = 10000
    SHARED_REFERENCES = 2147483647

container(
    "OBJECT", summary="Look into how a value is stored.", group="generic", since="2.2.3",
    complexity="Depends on the subcommand", help_since="6.2.0",
)


cdef Entry* looked_at(Call call) noexcept:
    """The entry asked for, not touched by being looked at; NULL, with the reply written, when there is none."""
    cdef Entry** slot = call.find(2)
    if slot == NULL:
        reply_null(call.out)
        return NULL
    return slot[0]


cdef int object_encoding(Call call) except -1:
    cdef Entry* e = looked_at(call)
    cdef const char* name
    if e == NULL:
        return 0
    name = encoding_name(e)
    reply_bulk(call.out, name, strlen(name))
    return 0

declare(
    "OBJECT ENCODING key", native(object_encoding), summary="Name the internal encoding of the value at a key.",
    since="2.2.3", flags=READONLY, complexity="O(1)", keys="RO", tips="nondeterministic_output",
)


cdef int object_freq(Call call) except -1:
    cdef Entry* e = looked_at(call)
    if e == NULL:
        return 0
    if call.keyspace.clock_kind != CLOCK_LFU:
        raise CommandError(errors.NO_LFU)
    reply_integer(call.out, call.keyspace.frequency(e))
    return 0

declare(
    "OBJECT FREQ key", native(object_freq), summary="Return the access frequency counter of a key.", since="4.0.0",
    flags=READONLY, complexity="O(1)", keys="RO", tips="nondeterministic_output",
)


cdef int object_idletime(Call call) except -1:
    cdef Entry* e = looked_at(call)
    if e == NULL:
        return 0
    if call.keyspace.clock_kind == CLOCK_LFU:
        raise CommandError(errors.NO_IDLE_TIME)
    reply_integer(call.out, call.keyspace.idle_seconds(e))
    return 0

declare(
    "OBJECT IDLETIME key", native(object_idletime), summary="Return how many seconds ago a key was last accessed.",
    since="2.2.3", flags=READONLY, complexity="O(1)", keys="RO", tips="nondeterministic_output",
)


cdef int object_refcount(Call call) except -1:
    cdef Entry* e = looked_at(call)
    if e == NULL:
        return 0
    # Redis shares the objects of small integers, and tells so; here they take no object at all.
    if entry_encoding(e) == ENC_INTEGER and 0 <= entry_integer(e) < SHARED_INTEGERS:
        reply_integer(call.out, SHARED_REFERENCES)
    else:
        reply_integer(call.out, 1)
    return 0

declare(
    "OBJECT REFCOUNT key", native(object_refcount), summary="Return how many references the value at a key has.",
    since="2.2.3", flags=READONLY, complexity="O(1)", keys="RO", tips="nondeterministic_output",
)
