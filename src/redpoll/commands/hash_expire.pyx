"""Times to live of hash fields: HEXPIRE and its relatives, HTTL and its relatives, HPERSIST.

Each takes several fields and answers a number for each.
"""

from libc.stdint cimport int64_t

from redpoll.commands.call cimport Call, native
from redpoll.commands.hash_access cimport hash_to_read, hash_to_write
from redpoll.commands.hash_times cimport (
    MILLISECONDS, SECONDS, SINCE_EPOCH, Retiming, begin_retiming, field_time, named_fields, retime, retimed,
)
from redpoll.engine.entry cimport Entry
from redpoll.engine.fields cimport NO_TIME, FieldValue, Hash, fields_get
from redpoll.wire.reply cimport reply_array, reply_integer

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import FAST, READONLY, WRITE

cdef enum Condition:
    ALWAYS = 0
    IF_NONE = 1              # NX
    IF_SOME = 2              # XX
    IF_LATER = 3             # GT; a field that never expires is later than any time
    IF_EARLIER = 4           # LT

cdef enum Answer:
    NO_FIELD = -2
    NEVER_EXPIRES = -1
    CONDITION_NOT_MET = 0
    DONE = 1
    DELETED = 2


cdef int condition_at(Call call, size_t word) noexcept:
    if call.word_is(word, b"NX", 2):
        return IF_NONE
    if call.word_is(word, b"XX", 2):
        return IF_SOME
    if call.word_is(word, b"GT", 2):
        return IF_LATER
    if call.word_is(word, b"LT", 2):
        return IF_EARLIER
    return ALWAYS


cdef bint condition_met(int condition, int64_t before, int64_t when) noexcept:
    if condition == IF_NONE:
        return before == NO_TIME
    if condition == IF_SOME:
        return before != NO_TIME
    if condition == IF_LATER:
        return before != NO_TIME and when > before
    if condition == IF_EARLIER:
        return before == NO_TIME or when < before
    return True


cdef int expire_fields(Call call, int unit, str name) except -1:
    cdef Hash h
    cdef FieldValue found
    cdef Retiming retiming
    cdef int condition
    cdef size_t first, i
    cdef list fields = [] if call.keyspace.propagating else None
    cdef Entry** slot = hash_to_write(call, 1, &h)
    begin_retiming(&retiming, fields)
    field_time(call, 2, unit, &retiming.when, name)
    condition = condition_at(call, 3)
    first = named_fields(call, 3 if condition == ALWAYS else 4, errors.NUMFIELDS_PARAMETER)
    reply_array(call.out, call.argc - first)
    for i in range(first, call.argc):
        if slot == NULL or not fields_get(&h, call.argv[i].ptr, call.argv[i].len, &found):
            reply_integer(call.out, NO_FIELD)
        elif not condition_met(condition, found.expiry, retiming.when):
            reply_integer(call.out, CONDITION_NOT_MET)
        else:
            retime(call, &h, i, found.expiry, &retiming)
            reply_integer(call.out, DELETED if retiming.deleted else DONE)
    if slot != NULL:
        retimed(call, slot, &h, &retiming)
    return 0


cdef int hexpire(Call call) except -1:
    return expire_fields(call, SECONDS, "hexpire")

declare(
    "HEXPIRE key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]", native(hexpire),
    summary="Let fields of a hash expire after so many seconds.", group="hash", since="7.4.0", flags=WRITE | FAST,
    complexity="O(N) where N is the number of fields", keys="RW update",
)


cdef int hpexpire(Call call) except -1:
    return expire_fields(call, MILLISECONDS, "hpexpire")

declare(
    "HPEXPIRE key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]", native(hpexpire),
    summary="Let fields of a hash expire after so many milliseconds.", group="hash", since="7.4.0",
    flags=WRITE | FAST, complexity="O(N) where N is the number of fields", keys="RW update",
)


cdef int hexpireat(Call call) except -1:
    return expire_fields(call, SECONDS | SINCE_EPOCH, "hexpireat")

declare(
    "HEXPIREAT key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]", native(hexpireat),
    summary="Let fields of a hash expire at a Unix time in seconds.", group="hash", since="7.4.0", flags=WRITE | FAST,
    complexity="O(N) where N is the number of fields", keys="RW update",
)


cdef int hpexpireat(Call call) except -1:
    return expire_fields(call, MILLISECONDS | SINCE_EPOCH, "hpexpireat")

declare(
    "HPEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
    native(hpexpireat), summary="Let fields of a hash expire at a Unix time in milliseconds.", group="hash",
    since="7.4.0", flags=WRITE | FAST, complexity="O(N) where N is the number of fields", keys="RW update",
)


cdef int hpersist(Call call) except -1:
    cdef Hash h
    cdef FieldValue found
    cdef Retiming retiming
    cdef size_t first, i
    cdef list fields = [] if call.keyspace.propagating else None
    cdef Entry** slot = hash_to_write(call, 1, &h)
    begin_retiming(&retiming, fields)
    retiming.when = NO_TIME
    first = named_fields(call, 2, errors.NUMFIELDS_NOT_POSITIVE)
    reply_array(call.out, call.argc - first)
    for i in range(first, call.argc):
        if slot == NULL or not fields_get(&h, call.argv[i].ptr, call.argv[i].len, &found):
            reply_integer(call.out, NO_FIELD)
        elif found.expiry == NO_TIME:
            reply_integer(call.out, NEVER_EXPIRES)
        else:
            retime(call, &h, i, found.expiry, &retiming)
            reply_integer(call.out, DONE)
    if slot != NULL:
        retimed(call, slot, &h, &retiming)
    return 0

declare(
    "HPERSIST key FIELDS numfields field [field ...]", native(hpersist),
    summary="Remove the expiry of fields of a hash.", group="hash", since="7.4.0", flags=WRITE | FAST,
    complexity="O(N) where N is the number of fields", keys="RW update",
)


cdef int times_left(Call call, int unit) except -1:
    """Times of expiry with SINCE_EPOCH, else what is left until then; seconds are rounded up."""
    cdef Hash h
    cdef FieldValue found
    cdef size_t first, i
    cdef int64_t when
    cdef Entry** slot = hash_to_read(call, 1, &h)
    first = named_fields(call, 2, errors.NUMFIELDS_NOT_POSITIVE)
    reply_array(call.out, call.argc - first)
    for i in range(first, call.argc):
        if slot == NULL or not fields_get(&h, call.argv[i].ptr, call.argv[i].len, &found):
            reply_integer(call.out, NO_FIELD)
            continue
        when = found.expiry
        if when == NO_TIME:
            reply_integer(call.out, NEVER_EXPIRES)
            continue
        if not unit & SINCE_EPOCH:
            when -= call.keyspace.now
        reply_integer(call.out, (when + 999) // 1000 if unit & SECONDS else when)
    return 0


cdef int httl(Call call) except -1:
    return times_left(call, SECONDS)

declare(
    "HTTL key FIELDS numfields field [field ...]", native(httl),
    summary="Return how many seconds fields of a hash have left to live.", group="hash", since="7.4.0",
    flags=READONLY | FAST, complexity="O(N) where N is the number of fields", tips="nondeterministic_output",
)


cdef int hpttl(Call call) except -1:
    return times_left(call, MILLISECONDS)

declare(
    "HPTTL key FIELDS numfields field [field ...]", native(hpttl),
    summary="Return how many milliseconds fields of a hash have left to live.", group="hash", since="7.4.0",
    flags=READONLY | FAST, complexity="O(N) where N is the number of fields", tips="nondeterministic_output",
)


cdef int hexpiretime(Call call) except -1:
    return times_left(call, SECONDS | SINCE_EPOCH)

declare(
    "HEXPIRETIME key FIELDS numfields field [field ...]", native(hexpiretime),
    summary="Return the Unix times in seconds at which fields of a hash expire.", group="hash", since="7.4.0",
    flags=READONLY | FAST, complexity="O(N) where N is the number of fields",
)


cdef int hpexpiretime(Call call) except -1:
    return times_left(call, MILLISECONDS | SINCE_EPOCH)

declare(
    "HPEXPIRETIME key FIELDS numfields field [field ...]", native(hpexpiretime),
    summary="Return the Unix times in milliseconds at which fields of a hash expire.", group="hash", since="7.4.0",
    flags=READONLY | FAST, complexity="O(N) where N is the number of fields",
)
