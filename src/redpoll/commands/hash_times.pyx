"""Times of hash fields in commands: read from words, and given to fields."""

from libc.stdint cimport int64_t

from redpoll.commands.call cimport EVENT_HASH, Call
from redpoll.commands.hash_access cimport hash_done, tell_gone
from redpoll.engine.entry cimport Entry
from redpoll.engine.fields cimport NO_TIME, Hash, fields_delete, fields_set_expiry
from redpoll.engine.numbers cimport parse_int64

from redpoll import errors
from redpoll.errors import CommandError

cdef int64_t LATEST = 0x3FFFFFFFFFFF     # unix milliseconds, the year 4199; Redis keeps no later times of fields


cdef int field_time(Call call, size_t word, int unit, int64_t* when, str name) except -1:
    cdef int64_t base = 0 if unit & SINCE_EPOCH else call.keyspace.now
    call.integer(word, when)
    if when[0] < 0:
        raise CommandError(errors.NEGATIVE_EXPIRE_TIME)
    if unit & SECONDS:
        if when[0] > LATEST // 1000:
            raise CommandError(errors.invalid_expire_time(name))
        when[0] *= 1000
    if when[0] > LATEST - base:
        raise CommandError(errors.invalid_expire_time(name))
    when[0] += base
    return 0


cdef int time_unit_at(Call call, size_t word) noexcept:
    if call.word_is(word, b"EX", 2):
        return SECONDS
    if call.word_is(word, b"PX", 2):
        return MILLISECONDS
    if call.word_is(word, b"EXAT", 4):
        return SECONDS | SINCE_EPOCH
    if call.word_is(word, b"PXAT", 4):
        return MILLISECONDS | SINCE_EPOCH
    return 0


cdef size_t named_fields(Call call, size_t word, str refusal) except 0:
    cdef long long count
    if word + 1 >= call.argc or not call.word_is(word, b"FIELDS", 6):
        raise CommandError(errors.FIELDS_MISSING)
    if not parse_int64(call.argv[word + 1].ptr, call.argv[word + 1].len, &count) or count < 1:
        raise CommandError(refusal)
    if <size_t>count != call.argc - word - 2:
        raise CommandError(errors.NUMFIELDS_MISMATCH)
    return word + 2


cdef void begin_retiming(Retiming* retiming, list fields) noexcept:
    retiming.set = retiming.deleted = retiming.persisted = 0
    retiming.fields = NULL if fields is None else <void*>fields


cdef void retime(Call call, Hash* h, size_t word, int64_t before, Retiming* retiming) noexcept:
    cdef const char* field = call.argv[word].ptr
    cdef size_t length = call.argv[word].len
    if retiming.when == NO_TIME:
        if before == NO_TIME:
            return
        fields_set_expiry(h, field, length, NO_TIME)
        retiming.persisted += 1
    elif retiming.when <= h.now:
        fields_delete(h, field, length)
        retiming.deleted += 1
    else:
        fields_set_expiry(h, field, length, retiming.when)
        retiming.set += 1
    call.field(field, length)
    if retiming.fields != NULL:
        (<list>retiming.fields).append(call.word(word))


cdef list words_from(Call call, size_t first, size_t step):
    return [call.word(i) for i in range(first, call.argc, step)]


cdef int say_times(Call call, size_t first, size_t step, int64_t when) except -1:
    cdef list fields = words_from(call, first, step)
    return call.instead([b"HPEXPIREAT", call.word(1), b"%d" % when, b"FIELDS", b"%d" % len(fields), *fields])


cdef int say_fields_deleted(Call call, size_t first, size_t step) except -1:
    return call.instead([b"HDEL", call.word(1), *words_from(call, first, step)])


cdef int say_retimed(Call call, const Retiming* retiming, list fields) except -1:
    """Conditions went by what was there before, so the changed fields are told, not the words as they came."""
    count = b"%d" % len(fields)
    if retiming.set:
        return call.instead([b"HPEXPIREAT", call.word(1), b"%d" % retiming.when, b"FIELDS", count, *fields])
    if retiming.deleted:
        return call.instead([b"HDEL", call.word(1), *fields])
    return call.instead([b"HPERSIST", call.word(1), b"FIELDS", count, *fields])


cdef int retimed(Call call, Entry** slot, Hash* h, const Retiming* retiming) except -1:
    cdef const char* event = b"hexpire"
    cdef bint gone = hash_done(call, slot, 1, h)
    if retiming.set:
        call.db.file_fields(slot, call.hash_of(1))
    elif retiming.deleted:
        event = b"hdel"
    elif retiming.persisted:
        event = b"hpersist"
    else:
        return 0
    if retiming.fields != NULL:
        say_retimed(call, retiming, <list>retiming.fields)
    call.changed(EVENT_HASH, event, 1)
    call.tell_fields(event, 1)
    if gone:
        tell_gone(call, 1)
    return 0
