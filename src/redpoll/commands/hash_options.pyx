"""Getting and setting fields with something besides: HGETDEL, HGETEX, HSETEX."""

from libc.stdint cimport int64_t
from libc.limits cimport INT_MAX

from redpoll.commands.call cimport EVENT_GENERIC, EVENT_HASH, Call, native
from redpoll.commands.hash_access cimport (
    hash_done, hash_made, hash_to_read, hash_to_write, reply_field_value, set_word, tell_gone,
)
from redpoll.commands.hash_times cimport (
    Retiming, begin_retiming, field_time, named_fields, retime, retimed, say_fields_deleted, say_times, time_unit_at,
)
from redpoll.engine.entry cimport Entry
from redpoll.engine.fields cimport (
    KEEP_TIME, NO_TIME, FieldValue, Hash, fields_delete, fields_get, fields_length, fields_new, fields_prepare,
)
from redpoll.engine.numbers cimport parse_int64
from redpoll.wire.reply cimport reply_array, reply_integer, reply_null

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, FAST, WRITE
from redpoll.errors import CommandError


cdef int hgetdel(Call call) except -1:
    cdef Hash h
    cdef FieldValue found
    cdef size_t first, i
    cdef size_t deleted = 0
    cdef bint gone
    cdef Entry** slot = hash_to_write(call, 1, &h)
    first = named_fields(call, 2, errors.NUMFIELDS_NOT_POSITIVE)
    reply_array(call.out, call.argc - first)
    for i in range(first, call.argc):
        if slot == NULL or not fields_get(&h, call.argv[i].ptr, call.argv[i].len, &found):
            reply_null(call.out)
            continue
        reply_field_value(call.out, &found)
        fields_delete(&h, call.argv[i].ptr, call.argv[i].len)
        call.field(call.argv[i].ptr, call.argv[i].len)
        deleted += 1
    if slot == NULL:
        return 0
    gone = hash_done(call, slot, 1, &h)
    if deleted:
        if call.keyspace.propagating:
            say_fields_deleted(call, first, 1)
        call.changed(EVENT_HASH, b"hdel", 1)
        call.tell_fields(b"hdel", 1)
        if gone:
            tell_gone(call, 1)
    return 0

declare(
    "HGETDEL key FIELDS numfields field [field ...]", native(hgetdel),
    summary="Return the values of fields of a hash and delete them.", group="hash", since="8.0.0", flags=WRITE | FAST,
    complexity="O(N) where N is the number of fields", keys="RW access delete",
)


cdef int hgetex(Call call) except -1:
    cdef Hash h
    cdef FieldValue found
    cdef Retiming retiming
    cdef size_t first, i
    cdef size_t word = 2
    cdef int unit
    cdef bint changing = True
    cdef list fields = [] if call.keyspace.propagating else None
    cdef Entry** slot = hash_to_write(call, 1, &h)
    begin_retiming(&retiming, fields)
    unit = time_unit_at(call, 2)
    if unit:
        field_time(call, 3, unit, &retiming.when, "hgetex")
        word = 4
    elif call.word_is(2, b"PERSIST", 7):
        retiming.when = NO_TIME
        word = 3
    else:
        changing = False
    first = named_fields(call, word, errors.NUMFIELDS_NOT_POSITIVE)
    reply_array(call.out, call.argc - first)
    for i in range(first, call.argc):
        if slot == NULL or not fields_get(&h, call.argv[i].ptr, call.argv[i].len, &found):
            reply_null(call.out)
            continue
        reply_field_value(call.out, &found)
        if changing:
            retime(call, &h, i, found.expiry, &retiming)
    if slot != NULL and changing:
        retimed(call, slot, &h, &retiming)
    return 0

declare(
    "HGETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] "
    "FIELDS numfields field [field ...]", native(hgetex),
    summary="Return the values of fields of a hash, and set or remove their expiry.", group="hash", since="8.0.0",
    flags=WRITE | FAST, complexity="O(N) where N is the number of fields", keys="RW access update",
)


cdef struct Setting:
    int fields               # FNX or FXX: 1 none of the fields may be there, 2 all must; 0: whatever there is
    int key                  # NX or XX, of the key
    int64_t expiry           # unix milliseconds, NO_TIME or KEEP_TIME
    size_t first             # the first field's word


cdef int add_setting(Call call, size_t* i, Setting* setting) except -1:
    """The option at a word; moves on behind it."""
    cdef int unit = time_unit_at(call, i[0])
    cdef bint keep = call.word_is(i[0], b"KEEPTTL", 7)
    cdef long long count
    if unit or keep:
        if setting.expiry != NO_TIME:
            raise CommandError(errors.ONE_FIELD_EXPIRY)
        setting.expiry = KEEP_TIME
        if unit:
            i[0] += 1
            field_time(call, i[0], unit, &setting.expiry, "hsetex")
    elif call.word_is(i[0], b"FNX", 3) or call.word_is(i[0], b"FXX", 3):
        if setting.fields:
            raise CommandError(errors.ONE_FIELD_CONDITION)
        setting.fields = 1 if call.word_is(i[0], b"FNX", 3) else 2
    elif call.word_is(i[0], b"NX", 2) or call.word_is(i[0], b"XX", 2):
        if setting.key:
            raise CommandError(errors.ONE_KEY_CONDITION)
        setting.key = 1 if call.word_is(i[0], b"NX", 2) else 2
    elif call.word_is(i[0], b"FIELDS", 6):
        if i[0] + 3 >= call.argc:
            raise CommandError(errors.wrong_arity("hsetex"))
        if (not parse_int64(call.argv[i[0] + 1].ptr, call.argv[i[0] + 1].len, &count)
                or count < 1 or count > INT_MAX):
            raise CommandError(errors.NUMFIELDS_INVALID)
        setting.first = i[0] + 2
        if setting.first + 2 * <size_t>count != call.argc:
            raise CommandError(errors.wrong_arity("hsetex"))
        i[0] = call.argc
    else:
        raise CommandError(errors.unknown_argument(call.word(i[0]).decode("latin-1")))
    i[0] += 1
    return 0


cdef int read_settings(Call call, Setting* setting) except -1:
    cdef size_t i = 2
    setting.fields = setting.key = 0
    setting.expiry = NO_TIME
    setting.first = 0
    while i < call.argc:
        add_setting(call, &i, setting)
    if not setting.first:
        raise CommandError(errors.FIELDS_MISSING)
    return 0


cdef bint may_set(Call call, Entry** slot, const Hash* h, const Setting* setting) noexcept:
    cdef FieldValue found
    cdef size_t i
    cdef bint there
    if setting.key and (slot != NULL) != (setting.key == 2):
        return False
    if setting.fields:
        for i in range(setting.first, call.argc, 2):
            there = slot != NULL and fields_get(h, call.argv[i].ptr, call.argv[i].len, &found)
            if there != (setting.fields == 2):
                return False
    return True


cdef void set_all(Call call, Entry** slot, Hash* h, const Setting* setting) noexcept:
    cdef size_t i
    cdef size_t bytes = 0
    if slot == NULL:
        fields_new(h)
    for i in range(setting.first, call.argc):
        bytes += call.argv[i].len
    fields_prepare(h, (call.argc - setting.first) // 2, bytes)
    for i in range(setting.first, call.argc, 2):
        set_word(call, h, i, i + 1, setting.expiry)
    if slot == NULL:
        slot = hash_made(call, 1, h)
    else:
        hash_done(call, slot, 1, h)
    if setting.expiry >= 0:
        call.db.file_fields(slot, call.hash_of(1))


cdef bint delete_all(Call call, Entry** slot, Hash* h, const Setting* setting) noexcept:
    """Fields that are set to have expired are not there afterwards; whether the hash is gone."""
    cdef size_t i
    if slot == NULL:
        return True
    for i in range(setting.first, call.argc, 2):
        fields_delete(h, call.argv[i].ptr, call.argv[i].len)
    return hash_done(call, slot, 1, h)


cdef void note_fields(Call call, size_t first) noexcept:
    cdef size_t i
    if call.wants_fields():
        for i in range(first, call.argc, 2):
            call.field(call.argv[i].ptr, call.argv[i].len)


cdef int say_set(Call call, const Setting* setting, int64_t now) except -1:
    """For the log: without conditions, and with the time itself where one is given."""
    cdef size_t i
    cdef list pairs = [call.word(i) for i in range(setting.first, call.argc)]
    if 0 <= setting.expiry <= now:
        return say_fields_deleted(call, setting.first, 2)
    if setting.expiry == KEEP_TIME:
        return call.instead([b"HSETEX", call.word(1), b"KEEPTTL", b"FIELDS", b"%d" % (len(pairs) // 2), *pairs])
    call.instead([b"HSET", call.word(1), *pairs])
    if setting.expiry != NO_TIME:
        say_times(call, setting.first, 2, setting.expiry)
    return 0


cdef int hsetex(Call call) except -1:
    cdef Hash h
    cdef Setting setting
    cdef Entry** slot
    cdef const char* second = b"hexpire"
    cdef bint gone = False
    read_settings(call, &setting)
    slot = hash_to_write(call, 1, &h)
    if not may_set(call, slot, &h, &setting):
        reply_integer(call.out, 0)
        return 0
    if 0 <= setting.expiry <= h.now:
        gone = delete_all(call, slot, &h, &setting)
        second = b"hdel"
    else:
        set_all(call, slot, &h, &setting)
    if call.keyspace.propagating:
        say_set(call, &setting, h.now)
    note_fields(call, setting.first)
    call.changed(EVENT_HASH, b"hset", 1)
    call.tell_fields(b"hset", 1)
    if setting.expiry >= 0:
        note_fields(call, setting.first)
        call.also(EVENT_HASH, second, 1)
        call.tell_fields(second, 1)
    if gone:
        tell_gone(call, 1)
    reply_integer(call.out, 1)
    return 0

declare(
    "HSETEX key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | "
    "KEEPTTL] FIELDS numfields field value [field value ...]", native(hsetex),
    summary="Set fields of a hash, with an expiry if wanted, if all or none of them are there.", group="hash",
    since="8.0.0", flags=WRITE | DENYOOM | FAST, complexity="O(N) where N is the number of fields set",
    keys="RW update",
)
