"""Time to live: EXPIRE and its relatives, TTL and its relatives, PERSIST."""

from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t

from redpoll.commands.call cimport EVENT_GENERIC, Call, native
from redpoll.engine.entry cimport Entry, entry_expiry
from redpoll.engine.keyspace cimport due_time
from redpoll.wire.reply cimport reply_integer

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import FAST, READONLY, WRITE
from redpoll.errors import CommandError

cdef enum Condition:
    IF_NONE = 1         # NX
    IF_SOME = 2         # XX
    IF_LATER = 4        # GT; a key that never expires is later than any time
    IF_EARLIER = 8      # LT


cdef int conditions(Call call, int* found) except -1:
    cdef size_t i
    found[0] = 0
    for i in range(3, call.argc):
        if call.word_is(i, b"NX", 2):
            found[0] |= IF_NONE
        elif call.word_is(i, b"XX", 2):
            found[0] |= IF_SOME
        elif call.word_is(i, b"GT", 2):
            found[0] |= IF_LATER
        elif call.word_is(i, b"LT", 2):
            found[0] |= IF_EARLIER
        else:
            raise CommandError(errors.unsupported_option(call.word(i).decode("latin-1")))
    if found[0] & IF_NONE and found[0] & ~IF_NONE:
        raise CommandError(errors.EXPIRE_NX_WITH_OTHERS)
    if found[0] & IF_LATER and found[0] & IF_EARLIER:
        raise CommandError(errors.EXPIRE_GT_WITH_LT)
    return 0


cdef int expire_at(Call call, bint seconds, bint relative, str name) except -1:
    cdef int64_t when, before
    cdef int64_t base = call.keyspace.now if relative else 0
    cdef int wanted
    cdef Entry** slot
    conditions(call, &wanted)
    call.integer(2, &when)
    if seconds:
        if when > INT64_MAX // 1000 or when < INT64_MIN // 1000:
            raise CommandError(errors.invalid_expire_time(name))
        when *= 1000
    if when > INT64_MAX - base:
        raise CommandError(errors.invalid_expire_time(name))
    when += base
    slot = call.write(1)
    if slot == NULL:
        reply_integer(call.out, 0)
        return 0
    before = entry_expiry(slot[0])
    if (wanted & IF_NONE and before >= 0 or wanted & IF_SOME and before < 0
            or wanted & IF_LATER and (before < 0 or when <= before)
            or wanted & IF_EARLIER and before >= 0 and when >= before):
        reply_integer(call.out, 0)
        return 0
    if when <= due_time(call.keyspace):
        call.db.remove(slot, call.hash_of(1))
        call.changed(EVENT_GENERIC, b"del", 1)
        call.say_deleted(1)
    else:
        call.db.set_expiry(slot, call.hash_of(1), when)
        call.changed(EVENT_GENERIC, b"expire", 1)
        call.say_expiry(1, when)
    reply_integer(call.out, 1)
    return 0


cdef int expire(Call call) except -1:
    return expire_at(call, True, True, "expire")

declare(
    "EXPIRE key seconds [NX | XX | GT | LT]", native(expire), summary="Let a key expire after so many seconds.",
    group="generic", since="1.0.0", flags=WRITE | FAST, complexity="O(1)", keys="RW update",
    added={"7.0.0": "condition"},
)


cdef int expireat(Call call) except -1:
    return expire_at(call, True, False, "expireat")

declare(
    "EXPIREAT key unix-time-seconds [NX | XX | GT | LT]", native(expireat),
    summary="Let a key expire at a Unix time in seconds.", group="generic", since="1.2.0", flags=WRITE | FAST,
    complexity="O(1)", keys="RW update", added={"7.0.0": "condition"},
)


cdef int pexpire(Call call) except -1:
    return expire_at(call, False, True, "pexpire")

declare(
    "PEXPIRE key milliseconds [NX | XX | GT | LT]", native(pexpire),
    summary="Let a key expire after so many milliseconds.", group="generic", since="2.6.0", flags=WRITE | FAST,
    complexity="O(1)", keys="RW update", added={"7.0.0": "condition"},
)


cdef int pexpireat(Call call) except -1:
    return expire_at(call, False, False, "pexpireat")

declare(
    "PEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT]", native(pexpireat),
    summary="Let a key expire at a Unix time in milliseconds.", group="generic", since="2.6.0", flags=WRITE | FAST,
    complexity="O(1)", keys="RW update", added={"7.0.0": "condition"},
)


cdef int persist(Call call) except -1:
    cdef Entry** slot = call.write(1)
    if slot == NULL or entry_expiry(slot[0]) < 0:
        reply_integer(call.out, 0)
        return 0
    call.db.set_expiry(slot, call.hash_of(1), -1)
    call.changed(EVENT_GENERIC, b"persist", 1)
    reply_integer(call.out, 1)
    return 0

declare(
    "PERSIST key", native(persist), summary="Remove the expiry of a key.", group="generic", since="2.2.0",
    flags=WRITE | FAST, complexity="O(1)", keys="RW update",
)


cdef int time_left(Call call, bint seconds, bint absolute) except -1:
    # Asking for the time left is no access.
    cdef Entry** slot = call.peek(1)
    cdef int64_t when
    if slot == NULL:
        reply_integer(call.out, -2)
        return 0
    when = entry_expiry(slot[0])
    if when < 0:
        reply_integer(call.out, -1)
        return 0
    if not absolute:
        when -= call.keyspace.now
        if when < 0:
            when = 0
    if seconds:
        when = when // 1000 + (when % 1000 >= 500)
    reply_integer(call.out, when)
    return 0


cdef int ttl(Call call) except -1:
    return time_left(call, True, False)

declare(
    "TTL key", native(ttl), summary="Return how many seconds a key has left to live.", group="generic", since="1.0.0",
    flags=READONLY | FAST, complexity="O(1)", tips="nondeterministic_output",
    history=(("2.8.0", "Replies -2 for a missing key."),),
)


cdef int pttl(Call call) except -1:
    return time_left(call, False, False)

declare(
    "PTTL key", native(pttl), summary="Return how many milliseconds a key has left to live.", group="generic",
    since="2.6.0", flags=READONLY | FAST, complexity="O(1)", tips="nondeterministic_output",
    history=(("2.8.0", "Replies -2 for a missing key."),),
)


cdef int expiretime(Call call) except -1:
    return time_left(call, True, True)

declare(
    "EXPIRETIME key", native(expiretime), summary="Return the Unix time in seconds at which a key expires.",
    group="generic", since="7.0.0", flags=READONLY | FAST, complexity="O(1)",
)


cdef int pexpiretime(Call call) except -1:
    return time_left(call, False, True)

declare(
    "PEXPIRETIME key", native(pexpiretime), summary="Return the Unix time in milliseconds at which a key expires.",
    group="generic", since="7.0.0", flags=READONLY | FAST, complexity="O(1)",
)
