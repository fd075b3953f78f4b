"""Strings that hold numbers: INCR and its relatives."""

from libc.math cimport isfinite
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t

from redpoll.commands.call cimport EVENT_GENERIC, EVENT_STRING, Call, native
from redpoll.commands.options cimport (
    OPTION_ENX, OPTION_EXPIRY, OPTION_PERSIST, Options, check_string, read_expiry, read_options,
)
from redpoll.engine.entry cimport (
    ENC_INTEGER, Entry, entry_encoding, entry_expiry, entry_integer, entry_payload, string_text,
)
from redpoll.engine.numbers cimport (
    LONG_DOUBLE_TEXT_SIZE, format_long_double_human, parse_int64, parse_long_double,
)
from redpoll.wire.reply cimport reply_array, reply_bulk, reply_double, reply_integer

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
    if slot != NULL and entry_encoding(slot[0]) == ENC_INTEGER and entry_expiry(slot[0]) == expiry:
        (<int64_t*>entry_payload(slot[0]))[0] = value
    else:
        call.db.put_integer(slot, call.argv[1].ptr, call.argv[1].len, call.hash_of(1), value, expiry)


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


cdef int float_word(Call call, size_t word, long double* value) except -1:
    if not parse_long_double(call.argv[word].ptr, call.argv[word].len, value):
        raise CommandError(errors.NOT_A_FLOAT)
    return 0


cdef int put_float(Call call, Entry** slot, long double value, int64_t expiry) except -1:
    cdef char text[LONG_DOUBLE_TEXT_SIZE]
    cdef size_t length = format_long_double_human(text, value)
    call.db.put_plain(slot, call.argv[1].ptr, call.argv[1].len, call.hash_of(1), text, length, expiry)
    return 0


cdef void reply_float(Call call, long double value) noexcept:
    cdef char text[LONG_DOUBLE_TEXT_SIZE]
    reply_bulk(call.out, text, format_long_double_human(text, value))


cdef int incrbyfloat(Call call) except -1:
    cdef Entry** slot = call.write(1)
    cdef long double value, increment
    float_at(slot, &value)
    float_word(call, 2, &increment)
    value += increment
    if not isfinite(<double>value) and value - value != 0:
        raise CommandError(errors.NOT_FINITE)
    put_float(call, slot, value, -1 if slot == NULL else entry_expiry(slot[0]))
    call.changed(EVENT_STRING, b"incrbyfloat", 1)
    reply_float(call, value)
    return 0

declare(
    "INCRBYFLOAT key increment:double", native(incrbyfloat),
    summary="Add a floating-point number to the number at a key; a missing key counts from 0.", group="string",
    since="2.6.0", flags=WRITE | DENYOOM | FAST, complexity="O(1)", keys="RW access update",
)


cdef struct Bounds:
    bint by_float
    bint saturate
    size_t increment         # words; 0: not given
    size_t lower
    size_t upper


cdef size_t read_bounds(Call call, Bounds* bounds) except? 0:
    """The options of INCREX that no other command has; returns how many words they are, which come first."""
    cdef size_t i = 2
    bounds.by_float = bounds.saturate = False
    bounds.increment = bounds.lower = bounds.upper = 0
    while i < call.argc:
        if call.word_is(i, b"SATURATE", 8):
            bounds.saturate = True
        elif i + 1 < call.argc and not bounds.increment and (
                call.word_is(i, b"BYINT", 5) or call.word_is(i, b"BYFLOAT", 7)):
            bounds.by_float = call.argv[i].len == 7
            i += 1
            bounds.increment = i
        elif i + 1 < call.argc and call.word_is(i, b"LBOUND", 6):
            i += 1
            bounds.lower = i
        elif i + 1 < call.argc and call.word_is(i, b"UBOUND", 6):
            i += 1
            bounds.upper = i
        else:
            break
        i += 1
    return i


cdef int increx(Call call) except -1:
    """The reply is the value after it and what was really added; out of bounds nothing is, unless it saturates."""
    cdef Bounds bounds
    cdef Options options
    cdef Entry** slot
    cdef int64_t expiry
    cdef bint done
    read_options(call, read_bounds(call, &bounds), OPTION_PERSIST | OPTION_ENX, &options)
    if options.given & OPTION_ENX and not options.given & OPTION_EXPIRY:
        raise CommandError(errors.SYNTAX)
    read_expiry(call, &options, "increx")
    slot = call.write(1)
    expiry = -1 if slot == NULL else entry_expiry(slot[0])
    if options.given & OPTION_PERSIST:
        expiry = -1
    elif options.given & OPTION_EXPIRY and not (options.given & OPTION_ENX and expiry >= 0):
        expiry = options.expiry
    if bounds.by_float:
        done = increase_float(call, slot, &bounds, expiry)
    else:
        done = increase_integer(call, slot, &bounds, expiry)
    if done:
        call.changed(EVENT_STRING, b"incrbyfloat" if bounds.by_float else b"incrby", 1)
        if options.given & OPTION_EXPIRY and expiry == options.expiry:
            call.changed(EVENT_GENERIC, b"expire", 1)
    return 0


cdef bint increase_integer(Call call, Entry** slot, Bounds* bounds, int64_t expiry) except -1:
    cdef int64_t value, increment = 1, lower = INT64_MIN, upper = INT64_MAX, result
    cdef bint over, under
    if bounds.increment:
        call.integer(bounds.increment, &increment)
    if bounds.lower:
        call.integer(bounds.lower, &lower)
    if bounds.upper:
        call.integer(bounds.upper, &upper)
    if lower > upper:
        raise CommandError(errors.BOUNDS_CROSS)
    integer_at(slot, &value)
    over = increment >= 0 and (overflows(value, increment) or value + increment > upper)
    under = increment < 0 and (overflows(value, increment) or value + increment < lower)
    if not over and not under:
        over = value + increment > upper
        under = value + increment < lower
    reply_array(call.out, 2)
    if (over or under) and not bounds.saturate:
        reply_integer(call.out, value)
        reply_integer(call.out, 0)
        return False
    result = upper if over else lower if under else value + increment
    put_integer(call, slot, result, expiry)
    reply_integer(call.out, result)
    reply_integer(call.out, result - value)
    return True


cdef bint increase_float(Call call, Entry** slot, Bounds* bounds, int64_t expiry) except -1:
    cdef long double value, increment, lower = 0, upper = 0, result
    cdef bint outside = False
    float_word(call, bounds.increment, &increment)
    if bounds.lower:
        float_word(call, bounds.lower, &lower)
    if bounds.upper:
        float_word(call, bounds.upper, &upper)
    if bounds.lower and bounds.upper and lower > upper:
        raise CommandError(errors.BOUNDS_CROSS)
    float_at(slot, &value)
    result = value + increment
    if result - result != 0:
        raise CommandError(errors.NOT_FINITE)
    if bounds.upper and result > upper:
        outside = True
        result = upper
    elif bounds.lower and result < lower:
        outside = True
        result = lower
    if outside and not bounds.saturate:
        reply_floats(call, value, 0)
        return False
    put_float(call, slot, result, expiry)
    reply_floats(call, result, result - value)
    return True


cdef void reply_floats(Call call, long double value, long double increment) noexcept:
    reply_array(call.out, 2)
    if call.out.resp == 3:
        reply_double(call.out, <double>value)
        reply_double(call.out, <double>increment)
    else:
        reply_float(call, value)
        reply_float(call, increment)

declare(
    "INCREX key [BYFLOAT float:double | BYINT integer:integer]=increment [SATURATE] [LBOUND lowerbound] "
    "[UBOUND upperbound] "
    "[EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] [ENX]",
    native(increx), summary="Add to the number at a key within bounds, and set its expiry, in one step.",
    group="string", since="8.8.0", flags=WRITE | DENYOOM | FAST, complexity="O(1)", keys="RW access update",
)
