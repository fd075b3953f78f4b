"""Strings that hold numbers: INCR and its relatives."""

from libc.float cimport LDBL_MAX
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint32_t

from redpoll.commands.call cimport EVENT_GENERIC, EVENT_OVERWRITTEN, EVENT_STRING, Call, native
from redpoll.commands.options cimport (
    OPTION_ENX, OPTION_EXPIRY, OPTION_PERSIST, TIMES, Options, check_string, option_at, read_expiry, say_string,
)
from redpoll.engine.entry cimport (
    ENC_INTEGER, Entry, entry_encoding, entry_expiry, entry_integer, entry_payload, string_text,
)
from redpoll.engine.keyspace cimport due_time
from redpoll.engine.numbers cimport (
    LONG_DOUBLE_TEXT_SIZE, format_long_double_human, parse_int64, parse_long_double,
)
from redpoll.wire.reply cimport reply_array, reply_bulk, reply_integer, reply_number

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, FAST, WRITE
from redpoll.errors import CommandError


cdef int integer_at(Entry** slot, int64_t* value) except -1:
    """The integer that a key holds, 0 for a missing key."""
    cdef char scratch[24]
    cdef const char* text
    cdef size_t length
    cdef long long number
    if slot == NULL:
        value[0] = 0
        return 0
    check_string(slot)
    if entry_encoding(slot[0]) == ENC_INTEGER:
        value[0] = entry_integer(slot[0])
        return 0
    text = string_text(slot[0], scratch, &length)
    if not parse_int64(text, length, &number):
        raise CommandError(errors.NOT_AN_INTEGER)
    value[0] = number
    return 0


cdef inline bint overflows(int64_t value, int64_t increment) noexcept:
    if increment >= 0:
        return value > INT64_MAX - increment
    return value < INT64_MIN - increment


cdef void put_integer(Call call, Entry** slot, int64_t value, int64_t expiry) noexcept:
    cdef uint32_t notices = call.keyspace.notices
    if slot != NULL and entry_encoding(slot[0]) == ENC_INTEGER and entry_expiry(slot[0]) == expiry:
        (<int64_t*>entry_payload(slot[0]))[0] = value
    else:
        # The number goes on: nothing is overwritten.
        call.keyspace.notices &= ~<uint32_t>EVENT_OVERWRITTEN
        call.db.put_integer(slot, call.argv[1].ptr, call.argv[1].len, call.hash_of(1), value, expiry)
        call.keyspace.notices = notices


cdef int add(Call call, int64_t increment) except -1:
    cdef Entry** slot = call.write(1)
    cdef int64_t value
    integer_at(slot, &value)
    if overflows(value, increment):
        raise CommandError(errors.OVERFLOW)
    value += increment
    put_integer(call, slot, value, -1 if slot == NULL else entry_expiry(slot[0]))
    call.changed(EVENT_STRING, b"incrby", 1)
    reply_integer(call.out, value)
    return 0


cdef int incr(Call call) except -1:
    return add(call, 1)

declare(
    "INCR key", native(incr), summary="Add one to the integer at a key; a missing key counts from 0.", group="string",
    since="1.0.0", flags=WRITE | DENYOOM | FAST, complexity="O(1)", keys="RW access update",
)


cdef int decr(Call call) except -1:
    return add(call, -1)

declare(
    "DECR key", native(decr), summary="Take one from the integer at a key; a missing key counts from 0.",
    group="string", since="1.0.0", flags=WRITE | DENYOOM | FAST, complexity="O(1)", keys="RW access update",
)


cdef int incrby(Call call) except -1:
    cdef int64_t increment
    call.integer(2, &increment)
    return add(call, increment)

declare(
    "INCRBY key increment", native(incrby),
    summary="Add a number to the integer at a key; a missing key counts from 0.", group="string", since="1.0.0",
    flags=WRITE | DENYOOM | FAST, complexity="O(1)", keys="RW access update",
)


cdef int decrby(Call call) except -1:
    cdef int64_t decrement
    call.integer(2, &decrement)
    if decrement == INT64_MIN:
        raise CommandError(errors.DECREMENT_OVERFLOW)
    return add(call, -decrement)

declare(
    "DECRBY key decrement", native(decrby),
    summary="Subtract a number from the integer at a key; a missing key counts from 0.", group="string",
    since="1.0.0", flags=WRITE | DENYOOM | FAST, complexity="O(1)", keys="RW access update",
)


cdef int float_at(Entry** slot, long double* value) except -1:
    cdef char scratch[24]
    cdef const char* text
    cdef size_t length
    if slot == NULL:
        value[0] = 0
        return 0
    check_string(slot)
    text = string_text(slot[0], scratch, &length)
    if not parse_long_double(text, length, value):
        raise CommandError(errors.NOT_A_FLOAT)
    return 0


cdef int float_word(Call call, size_t word, long double* value, str refusal) except -1:
    if not parse_long_double(call.argv[word].ptr, call.argv[word].len, value):
        raise CommandError(refusal)
    return 0


cdef inline bint is_finite(long double value) noexcept:
    return value - value == 0


cdef void put_float(Call call, Entry** slot, long double value, int64_t expiry) noexcept:
    cdef char text[LONG_DOUBLE_TEXT_SIZE]
    cdef size_t length = format_long_double_human(text, value)
    cdef uint32_t notices = call.keyspace.notices
    call.keyspace.notices &= ~<uint32_t>EVENT_OVERWRITTEN
    call.db.put_plain(slot, call.argv[1].ptr, call.argv[1].len, call.hash_of(1), text, length, expiry)
    call.keyspace.notices = notices


cdef int incrbyfloat(Call call) except -1:
    cdef Entry** slot = call.write(1)
    cdef long double value, increment
    cdef char text[LONG_DOUBLE_TEXT_SIZE]
    float_at(slot, &value)
    float_word(call, 2, &increment, errors.NOT_A_FLOAT)
    value += increment
    if not is_finite(value):
        raise CommandError(errors.NOT_FINITE)
    put_float(call, slot, value, -1 if slot == NULL else entry_expiry(slot[0]))
    call.changed(EVENT_STRING, b"incrbyfloat", 1)
    # Elsewhere the sum might come out another in its last digit.
    say_string(call, 1)
    reply_bulk(call.out, text, format_long_double_human(text, value))
    return 0

declare(
    "INCRBYFLOAT key increment:double", native(incrbyfloat),
    summary="Add a floating-point number to the number at a key; a missing key counts from 0.", group="string",
    since="2.6.0", flags=WRITE | DENYOOM | FAST, complexity="O(1)", keys="RW access update",
)


cdef enum Bounding:
    BY_INTEGER = 1
    BY_FLOAT = 2
    LOWER = 4
    UPPER = 8
    SATURATE = 16


cdef struct Bounds:
    int given                # of Bounding
    size_t increment         # words
    size_t lower
    size_t upper


cdef int bounding_at(Call call, size_t word) noexcept:
    if call.word_is(word, b"BYINT", 5):
        return BY_INTEGER
    if call.word_is(word, b"BYFLOAT", 7):
        return BY_FLOAT
    if call.word_is(word, b"LBOUND", 6):
        return LOWER
    if call.word_is(word, b"UBOUND", 6):
        return UPPER
    if call.word_is(word, b"SATURATE", 8):
        return SATURATE
    return 0


cdef int add_bounding(Call call, size_t* i, Bounds* bounds) except -1:
    cdef int found = bounding_at(call, i[0])
    cdef int others = BY_INTEGER | BY_FLOAT if found & (BY_INTEGER | BY_FLOAT) else found
    if not found or bounds.given & others:
        raise CommandError(errors.SYNTAX)
    bounds.given |= found
    if found == SATURATE:
        return 0
    i[0] += 1
    if i[0] == call.argc:
        raise CommandError(errors.SYNTAX)
    if found == LOWER:
        bounds.lower = i[0]
    elif found == UPPER:
        bounds.upper = i[0]
    else:
        bounds.increment = i[0]
    return 0


cdef int read_increx(Call call, Bounds* bounds, Options* options) except -1:
    """Its options, in any order and, unlike those of SET, each once."""
    cdef size_t i = 2
    cdef int option
    bounds.given = options.given = 0
    options.expiry = -1
    while i < call.argc:
        option = option_at(call, i) & (OPTION_EXPIRY | OPTION_PERSIST | OPTION_ENX)
        if not option:
            add_bounding(call, &i, bounds)
        elif options.given & (TIMES if option & TIMES else option):
            raise CommandError(errors.SYNTAX)
        elif option & OPTION_EXPIRY:
            i += 1
            if i == call.argc:
                raise CommandError(errors.SYNTAX)
            options.expiry_word = i
        options.given |= option
        i += 1
    if options.given & OPTION_ENX:
        if options.given & OPTION_PERSIST:
            raise CommandError(errors.SYNTAX)
        if not options.given & OPTION_EXPIRY:
            raise CommandError(errors.NOTHING_TO_EXPIRE)
    return 0


cdef int increx(Call call) except -1:
    """The reply is the value after it and what was really added; out of bounds nothing is, unless it saturates."""
    cdef Bounds bounds
    cdef Options options
    read_increx(call, &bounds, &options)
    if bounds.given & BY_FLOAT:
        return increase_float(call, &bounds, &options)
    return increase_integer(call, &bounds, &options)


cdef inline int64_t expiry_at(Entry** slot) noexcept:
    return -1 if slot == NULL else entry_expiry(slot[0])


cdef bint expires_now(Call call, Entry** slot, Options* options) except -1:
    """Make `expiry` what the key shall have; where that is past, delete the key, which is all to be done."""
    if options.given & OPTION_ENX and expiry_at(slot) >= 0:
        options.given &= ~OPTION_EXPIRY
    if not options.given & TIMES:
        options.expiry = expiry_at(slot)
    elif options.given & OPTION_PERSIST and expiry_at(slot) < 0:
        options.given &= ~OPTION_PERSIST
    elif options.given & OPTION_EXPIRY and options.expiry <= due_time(call.keyspace):
        if slot != NULL:
            call.db.remove(slot, call.hash_of(1))
            call.changed(EVENT_GENERIC, b"del", 1)
            call.say_deleted(1)
        return True
    return False


cdef int tell_increase(Call call, const Options* options, const char* event) except -1:
    call.changed(EVENT_STRING, event, 1)
    say_string(call, 1)
    if options.given & OPTION_EXPIRY:
        call.also(EVENT_GENERIC, b"expire", 1)
    elif options.given & OPTION_PERSIST:
        call.also(EVENT_GENERIC, b"persist", 1)
    return 0


cdef int integer_word(Call call, size_t word, int64_t* value, str refusal) except -1:
    cdef long long number
    if not parse_int64(call.argv[word].ptr, call.argv[word].len, &number):
        raise CommandError(refusal)
    value[0] = number
    return 0


cdef int increase_integer(Call call, const Bounds* bounds, Options* options) except -1:
    cdef int64_t value, increment = 1, lower = INT64_MIN, upper = INT64_MAX, result
    cdef bint outside
    cdef Entry** slot
    if bounds.given & BY_INTEGER:
        integer_word(call, bounds.increment, &increment, errors.NOT_AN_INTEGER_INCREMENT)
    if bounds.given & LOWER:
        integer_word(call, bounds.lower, &lower, errors.bad_bound("LBOUND", False))
    if bounds.given & UPPER:
        integer_word(call, bounds.upper, &upper, errors.bad_bound("UBOUND", False))
    if lower > upper:
        raise CommandError(errors.BOUNDS_CROSS)
    read_expiry(call, options, "increx")
    slot = call.write(1)
    integer_at(slot, &value)
    if overflows(value, increment):
        outside = True
        result = upper if increment > 0 else lower
    else:
        result = min(max(value + increment, lower), upper)
        outside = result != value + increment
    if outside and not bounds.given & SATURATE:
        reply_integers(call, value, 0)
        return 0
    # What is told as added has to be an integer too.
    if (value > 0 and result < INT64_MIN + value) or (value < 0 and result > INT64_MAX + value):
        raise CommandError(errors.APPLIED_OVERFLOW)
    if not expires_now(call, slot, options):
        put_integer(call, slot, result, options.expiry)
        tell_increase(call, options, b"incrby")
    reply_integers(call, result, result - value)
    return 0


cdef void reply_integers(Call call, int64_t value, int64_t increment) noexcept:
    reply_array(call.out, 2)
    reply_integer(call.out, value)
    reply_integer(call.out, increment)


cdef int increase_float(Call call, const Bounds* bounds, Options* options) except -1:
    cdef long double value, increment, lower = -LDBL_MAX, upper = LDBL_MAX, wanted, result
    cdef Entry** slot
    float_word(call, bounds.increment, &increment, errors.NOT_A_FLOAT_INCREMENT)
    if not is_finite(increment):
        raise CommandError(errors.INFINITE_INCREMENT)
    if bounds.given & LOWER:
        float_word(call, bounds.lower, &lower, errors.bad_bound("LBOUND", True))
    if bounds.given & UPPER:
        float_word(call, bounds.upper, &upper, errors.bad_bound("UBOUND", True))
    if lower > upper:
        raise CommandError(errors.BOUNDS_CROSS)
    read_expiry(call, options, "increx")
    slot = call.write(1)
    float_at(slot, &value)
    if not is_finite(value):
        raise CommandError(errors.INFINITE_VALUE)
    wanted = value + increment
    # Where only a bound is infinite, the largest number is the limit.
    result = min(max(wanted, -LDBL_MAX), LDBL_MAX)
    result = min(max(result, lower), upper)
    if result != wanted and not bounds.given & SATURATE:
        reply_floats(call, value, 0)
        return 0
    if not is_finite(result - value):
        raise CommandError(errors.APPLIED_INFINITY)
    if not expires_now(call, slot, options):
        put_float(call, slot, result, options.expiry)
        tell_increase(call, options, b"incrbyfloat")
    reply_floats(call, result, result - value)
    return 0


cdef void reply_floats(Call call, long double value, long double increment) noexcept:
    cdef char text[LONG_DOUBLE_TEXT_SIZE]
    reply_array(call.out, 2)
    reply_number(call.out, text, format_long_double_human(text, value))
    reply_number(call.out, text, format_long_double_human(text, increment))

declare(
    "INCREX key [BYFLOAT float:double | BYINT integer:integer]=increment [SATURATE] [LBOUND lowerbound] "
    "[UBOUND upperbound] "
    "[EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] [ENX]",
    native(increx), summary="Add to the number at a key within bounds, and set its expiry, in one step.",
    group="string", since="8.8.0", flags=WRITE | DENYOOM | FAST, complexity="O(1)", keys="RW access update",
)
