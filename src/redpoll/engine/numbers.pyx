"""Numbers from text and back, byte for byte as Redis reads and prints them.

Integers are strict (`parse_int64`): one text for each number, so that a string may be
stored as its integer and given back unchanged. The hot integer functions are inline in
numbers.pxd; here are the floating ones.

*Reading* accepts what C's strtod does (a plus, `.5`, `1.`, hexadecimal, `inf`, `infinity`),
but no space in front, nothing behind, no NaN, and nothing out of range. A decimal number
whose digits and power of ten are both exact in floating point needs one multiplication or
division, which rounds correctly (Clinger, "How to read floating point numbers accurately",
1990); only others reach strtod, in the C locale whatever the host process has set.

*Printing* a double follows Redis 8: integers up to 2**62 as integers, everything else with
the digits of Grisu2 (Loitsch, "Printing floating-point numbers quickly and accurately with
integers", 2010). They always read back as the same double, and are the shortest for all but
one number in a thousand; the choice of the cached powers decides that one, so it is kept as
it is in Redis: 10**-348 to 10**340 in steps of 8, the product's exponent in -60..-32.

A long double prints as INCRBYFLOAT does: 17 decimals without their trailing zeros.
"""

cimport libc.errno
from libc.math cimport HUGE_VAL, isinf, isnan
from libc.stdint cimport int64_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcpy, memset

cdef extern from *:
    """
    #include <float.h>
    #include <locale.h>
    #if defined(__APPLE__)
    #include <xlocale.h>
    #endif

    typedef unsigned __int128 redpoll_uint128;

    /* The host process may have set a locale with a decimal comma: reading and printing
       run in the C locale of their thread. A null locale leaves things as they are. */
    static locale_t redpoll_c_locale = (locale_t)0;

    static void redpoll_make_c_locale(void) {
        redpoll_c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    }

    static locale_t redpoll_enter_c_locale(void) { return uselocale(redpoll_c_locale); }

    static void redpoll_leave_c_locale(locale_t before) { uselocale(before); }
    """
    ctypedef unsigned long long uint128 "redpoll_uint128"
    ctypedef void* locale_t
    void redpoll_make_c_locale() noexcept nogil
    locale_t redpoll_enter_c_locale() noexcept nogil
    void redpoll_leave_c_locale(locale_t before) noexcept nogil
    int LDBL_MANT_DIG

cdef extern from "<stdlib.h>" nogil:
    double strtod(const char* text, char** end)
    long double strtold(const char* text, char** end)
    unsigned long long strtoull(const char* text, char** end, int base)

cdef extern from "<math.h>" nogil:
    long double fabsl(long double value)
    double fabs(double value)

redpoll_make_c_locale()

cdef double[23] POWERS_OF_TEN
cdef long double[28] LONG_POWERS_OF_TEN
cdef uint64_t[87] CACHED_FRACTION
cdef int[87] CACHED_EXPONENT


def _fill_tables():
    """Powers of ten: exact ones as floats, and for Grisu2 rounded ones as fraction * 2**exponent."""
    for i in range(23):
        POWERS_OF_TEN[i] = 10.0**i
    LONG_POWERS_OF_TEN[0] = 1
    for i in range(1, 28):
        LONG_POWERS_OF_TEN[i] = LONG_POWERS_OF_TEN[i - 1] * 10
    for i in range(87):
        power = 8 * i - 348
        numerator, denominator = (10**power, 1) if power >= 0 else (1, 10**-power)
        exponent = numerator.bit_length() - denominator.bit_length() - 65
        while True:
            scaled = numerator << -exponent if exponent < 0 else numerator
            divisor = denominator << exponent if exponent > 0 else denominator
            fraction = (2 * scaled + divisor) // (2 * divisor)
            if fraction < 1 << 64:
                break
            exponent += 1
        CACHED_FRACTION[i] = fraction
        CACHED_EXPONENT[i] = exponent


_fill_tables()


# ---- reading -----------------------------------------------------------------------------

cdef struct Decimal:
    # A plain decimal number: digits * 10**exponent, `exact` when no digit was dropped.
    uint64_t digits
    int64_t exponent
    bint negative
    bint exact


cdef inline bint is_space(char byte) noexcept nogil:
    return byte == c" " or 9 <= byte <= 13


cdef bint scan_decimal(const char* text, size_t length, Decimal* number) noexcept nogil:
    """Whether the whole text is a plain decimal number, and its value."""
    cdef size_t i = 0, seen = 0
    cdef unsigned int digit
    cdef int significant = 0
    cdef bint point = False, negative_exponent = False
    cdef int64_t exponent = 0
    number.digits = 0
    number.exponent = 0
    number.exact = True
    number.negative = length > 0 and text[0] == c"-"
    if number.negative or (length > 0 and text[0] == c"+"):
        i = 1
    while i < length:
        digit = <unsigned char>text[i] - 48u
        if digit <= 9:
            seen += 1
            if significant < 19:
                number.digits = number.digits * 10 + digit
                significant += number.digits != 0
                number.exponent -= point
            else:
                number.exact = number.exact and digit == 0
                number.exponent += not point
        elif text[i] == c"." and not point:
            point = True
        else:
            break
        i += 1
    if seen == 0:
        return False
    if i == length:
        return True
    if text[i] != c"e" and text[i] != c"E":
        return False
    i += 1
    if i < length and (text[i] == c"-" or text[i] == c"+"):
        negative_exponent = text[i] == c"-"
        i += 1
    if i == length:
        return False
    while i < length:
        digit = <unsigned char>text[i] - 48u
        if digit > 9:
            return False
        if exponent < 1000000000000ll:
            exponent = exponent * 10 + digit
        i += 1
    number.exponent += -exponent if negative_exponent else exponent
    return True


cdef bint parse_double_slowly(const char* text, size_t length, double* out, bint any_range) noexcept nogil:
    cdef char[512] small
    cdef char* copy = small
    cdef char* end = NULL
    cdef double value
    cdef locale_t before
    cdef bint good
    if length >= sizeof(small):
        copy = <char*>malloc(length + 1)
        if copy == NULL:
            return False
    memcpy(copy, text, length)
    copy[length] = 0
    before = redpoll_enter_c_locale()
    libc.errno.errno = 0
    value = strtod(copy, &end)
    good = <size_t>(end - copy) == length and not isnan(value)
    if libc.errno.errno == libc.errno.ERANGE and (value == 0 or isinf(value)) and not any_range:
        good = False
    redpoll_leave_c_locale(before)
    if copy != small:
        free(copy)
    if good:
        out[0] = value
    return good


cdef inline bint from_decimal(const Decimal* number, double* out) noexcept nogil:
    """Whether a decimal is one that a single operation makes a double."""
    cdef double value
    if number.exact and number.digits == 0:
        value = 0.0
    elif number.exact and number.digits <= 9007199254740992ull and -22 <= number.exponent <= 22:
        value = <double>number.digits
        if number.exponent < 0:
            value /= POWERS_OF_TEN[-number.exponent]
        else:
            value *= POWERS_OF_TEN[number.exponent]
    else:
        return False
    out[0] = -value if number.negative else value
    return True


cdef bint parse_double(const char* text, size_t length, double* out) noexcept nogil:
    """As ZADD reads a score: infinities and hexadecimal are taken, NaN and what is out of range are not."""
    cdef Decimal number
    if length == 0 or is_space(text[0]):
        return False
    # What is no decimal may be an infinity or hexadecimal, or nothing at all.
    if scan_decimal(text, length, &number) and from_decimal(&number, out):
        return True
    return parse_double_slowly(text, length, out, False)


cdef bint parse_bound(const char* text, size_t length, double* out) noexcept nogil:
    """As the end of a range of scores is read: nothing is zero, too much is infinite, hexadecimal is refused."""
    cdef Decimal number
    cdef const char* end = <const char*>memchr(text, 0, length) if length else NULL
    cdef size_t sign
    if end != NULL:
        # Redis looks no further than this.
        length = end - text
    if length == 0:
        out[0] = 0.0
        return True
    if scan_decimal(text, length, &number):
        return from_decimal(&number, out) or parse_double_slowly(text, length, out, True)
    sign = text[0] == c"-" or text[0] == c"+"
    if length == sign or (text[sign] | 32) != c"i":
        return False
    return parse_double_slowly(text, length, out, False)


cdef bint parse_long_double_slowly(const char* text, size_t length, long double* out) noexcept nogil:
    cdef char[LONG_DOUBLE_TEXT_SIZE] copy
    cdef char* end = NULL
    cdef long double value
    cdef locale_t before
    cdef bint good
    memcpy(copy, text, length)
    copy[length] = 0
    before = redpoll_enter_c_locale()
    libc.errno.errno = 0
    value = strtold(copy, &end)
    good = <size_t>(end - copy) == length and value == value
    if libc.errno.errno == libc.errno.ERANGE and (value == 0 or fabsl(value) == HUGE_VAL):
        good = False
    redpoll_leave_c_locale(before)
    if good:
        out[0] = value
    return good


cdef bint parse_long_double(const char* text, size_t length, long double* out) noexcept nogil:
    """As INCRBYFLOAT reads its operands: like `parse_double`, wider, and shorter than 5120 bytes."""
    cdef Decimal number
    cdef long double value
    if length == 0 or length >= LONG_DOUBLE_TEXT_SIZE or is_space(text[0]):
        return False
    if not scan_decimal(text, length, &number):
        return parse_long_double_slowly(text, length, out)
    if number.exact and number.digits == 0:
        value = 0
    elif LDBL_MANT_DIG >= 64 and number.exact and -27 <= number.exponent <= 27:
        value = <long double>number.digits
        if number.exponent < 0:
            value /= LONG_POWERS_OF_TEN[-number.exponent]
        else:
            value *= LONG_POWERS_OF_TEN[number.exponent]
    else:
        return parse_long_double_slowly(text, length, out)
    out[0] = -value if number.negative else value
    return True


cdef bint parse_uint64_lenient(const char* text, size_t length, unsigned long long* out) noexcept nogil:
    """As the parts of a stream ID are read: beyond the strict form also what strtoull takes.

    Leading zeros and spaces, a plus, and a minus that wraps around; but not a plain negative number.
    """
    cdef char[128] copy
    cdef char* end = NULL
    cdef long long negative
    cdef unsigned long long value
    if parse_uint64(text, length, out):
        return True
    if length == 0 or length >= sizeof(copy) or parse_int64(text, length, &negative):
        return False
    memcpy(copy, text, length)
    copy[length] = 0
    libc.errno.errno = 0
    value = strtoull(copy, &end, 10)
    if libc.errno.errno != 0 or end == copy or <size_t>(end - copy) != length:
        return False
    out[0] = value
    return True


# ---- printing ----------------------------------------------------------------------------

cdef inline uint64_t multiply(uint64_t left, uint64_t right) noexcept nogil:
    """The upper half of the product, rounded."""
    return <uint64_t>((<uint128>left * right + (<uint128>1 << 63)) >> 64)


cdef inline void round_last(char* last, uint64_t delta, uint64_t rest, uint64_t unit, uint64_t distance) noexcept nogil:
    """Lower the last digit while that brings the number nearer to the true value."""
    while rest < distance and delta - rest >= unit and (
        rest + unit < distance or distance - rest > rest + unit - distance
    ):
        last[0] -= 1
        rest += unit


cdef int grisu2(double value, char* out, int* exponent_out) noexcept nogil:
    """Write the digits of a positive, finite value; return their number and the power of ten they count."""
    cdef uint64_t bits, fraction, upper, lower, middle, delta, distance, one, rest, divisor, unit
    cdef uint64_t hidden = 1ull << 52
    cdef int exponent, upper_exponent, lower_exponent, power, index, shift, kappa = 10, count = 0
    cdef unsigned int whole, digit
    memcpy(&bits, &value, 8)
    fraction = bits & (hidden - 1)
    exponent = <int>(bits >> 52)
    if exponent:
        fraction += hidden
        exponent -= 1075
    else:
        exponent = -1074
    # The borders of all reals that round to this double, halfway to its neighbours.
    upper = 2 * fraction + 1
    upper_exponent = exponent - 1
    if fraction == hidden:
        lower = 4 * fraction - 1
        lower_exponent = exponent - 2
    else:
        lower = 2 * fraction - 1
        lower_exponent = exponent - 1
    while not upper >> 63:
        upper <<= 1
        upper_exponent -= 1
    lower <<= lower_exponent - upper_exponent
    middle = fraction << (exponent - upper_exponent)
    # A cached power that brings the product's exponent into -60..-32.
    index = <int>((-(upper_exponent + 87) * 0.30102999566398114 + 348) / 8)
    while True:
        power = upper_exponent + CACHED_EXPONENT[index] + 64
        if power < -60:
            index += 1
        elif power > -32:
            index -= 1
        else:
            break
    middle = multiply(middle, CACHED_FRACTION[index])
    upper = multiply(upper, CACHED_FRACTION[index]) - 1
    lower = multiply(lower, CACHED_FRACTION[index]) + 1
    delta = upper - lower
    distance = upper - middle
    shift = -power
    one = 1ull << shift
    exponent_out[0] = 348 - 8 * index
    # The shortest digits between the borders, from the front: first of the whole part ...
    whole = <unsigned int>(upper >> shift)
    rest = upper & (one - 1)
    divisor = 1000000000
    while divisor:
        digit = whole // <unsigned int>divisor
        whole -= digit * <unsigned int>divisor
        kappa -= 1
        if digit or count:
            out[count] = <char>(48 + digit)
            count += 1
        if (<uint64_t>whole << shift) + rest <= delta:
            exponent_out[0] += kappa
            round_last(out + count - 1, delta, (<uint64_t>whole << shift) + rest, divisor << shift, distance)
            return count
        divisor //= 10
    # ... then of the fraction.
    unit = 1
    while True:
        rest *= 10
        delta *= 10
        unit *= 10
        kappa -= 1
        digit = <unsigned int>(rest >> shift)
        rest &= one - 1
        if digit or count:
            out[count] = <char>(48 + digit)
            count += 1
        if rest < delta:
            exponent_out[0] += kappa
            round_last(out + count - 1, delta, rest, one, distance * unit)
            return count


cdef size_t lay_out(char* out, const char* figures, int count, int exponent) noexcept nogil:
    """`figures` * 10**exponent as an integer, a decimal fraction or with an exponent."""
    cdef int magnitude = exponent + count - 1
    cdef int distance = -magnitude if magnitude < 0 else magnitude
    cdef int before
    cdef size_t written
    if exponent >= 0 and distance < count + 7:
        memcpy(out, figures, count)
        memset(out + count, c"0", exponent)
        return count + exponent
    if exponent < 0 and (exponent > -7 or distance < 4):
        before = count + exponent
        if before > 0:
            memcpy(out, figures, before)
            out[before] = c"."
            memcpy(out + before + 1, figures + before, count - before)
            return count + 1
        out[0] = c"0"
        out[1] = c"."
        memset(out + 2, c"0", -before)
        memcpy(out + 2 - before, figures, count)
        return 2 - before + count
    out[0] = figures[0]
    written = 1
    if count > 1:
        out[1] = c"."
        memcpy(out + 2, figures + 1, count - 1)
        written = count + 1
    out[written] = c"e"
    out[written + 1] = c"-" if magnitude < 0 else c"+"
    return written + 2 + format_uint64(out + written + 2, distance)


cdef size_t format_double(char* out, double value) noexcept nogil:
    """Write at most 32 bytes (DOUBLE_TEXT_SIZE), as scores and RESP3 doubles are printed."""
    cdef char[20] figures
    cdef int count, exponent = 0
    cdef size_t sign = 0
    if isnan(value):
        memcpy(out, b"nan", 3)
        return 3
    if value < 0 or (value == 0 and 1 / value < 0):
        out[0] = c"-"
        sign = 1
        value = -value
    if isinf(value):
        memcpy(out + sign, b"inf", 3)
        return sign + 3
    if value <= 4611686018427387904.0 and value == <double><uint64_t>value:
        return sign + format_uint64(out + sign, <uint64_t>value)
    count = grisu2(value, figures, &exponent)
    return sign + lay_out(out + sign, figures, count, exponent)


cdef bint format_fraction_exactly(char* out, long double value, size_t* length) noexcept nogil:
    """The usual case of `format_long_double_human`, in integers: `value` is positive and below 2**63.

    The fraction is taken in units of 2**-71, times 10**17 that still fits 128 bits; false when the
    value has bits below that.
    """
    cdef unsigned long long whole = <unsigned long long>value
    cdef long double scaled = (value - <long double>whole) * 2361183241434822606848.0  # 2**71
    cdef uint128 fraction = <uint128>scaled
    cdef uint128 product, rest, half = <uint128>1 << 70
    cdef unsigned long long decimals
    cdef size_t written
    cdef int i
    if <long double>fraction != scaled:
        return False
    product = fraction * 100000000000000000ull
    decimals = <unsigned long long>(product >> 71)
    rest = product & ((<uint128>1 << 71) - 1)
    if rest > half or (rest == half and decimals & 1):
        decimals += 1
        if decimals == 100000000000000000ull:
            decimals = 0
            whole += 1
    written = format_uint64(out, whole)
    if decimals:
        out[written] = c"."
        for i in range(17, 0, -1):
            out[written + i] = <char>(48 + decimals % 10)
            decimals //= 10
        written += 17
        while out[written] == c"0":
            written -= 1
        written += 1
    length[0] = written
    return True


cdef size_t format_long_double_human(char* out, long double value) noexcept nogil:
    """Write at most 5120 bytes (LONG_DOUBLE_TEXT_SIZE), as INCRBYFLOAT prints: never an exponent."""
    cdef size_t length = 0, sign = 0
    cdef int printed
    cdef locale_t before
    if value != value:
        memcpy(out, b"nan", 3)
        return 3
    if value < 0:
        out[0] = c"-"
        sign = 1
        value = -value
    if value == HUGE_VAL:
        memcpy(out + sign, b"inf", 3)
        return sign + 3
    if not (value < 9223372036854775808.0 and format_fraction_exactly(out + sign, value, &length)):
        before = redpoll_enter_c_locale()
        printed = snprintf(out + sign, LONG_DOUBLE_TEXT_SIZE - sign, b"%.17Lf", value)
        redpoll_leave_c_locale(before)
        if printed < 0 or <size_t>printed >= LONG_DOUBLE_TEXT_SIZE - sign:
            return 0
        length = printed
        while out[sign + length - 1] == c"0":
            length -= 1
        if out[sign + length - 1] == c".":
            length -= 1
    if sign and length == 1 and out[1] == c"0":
        out[0] = c"0"
        return 1
    return sign + length


# ---- for Python --------------------------------------------------------------------------

def read_int64(bytes text not None):
    """The integer that `text` is in Redis's strict form, or None."""
    cdef long long value
    return value if parse_int64(text, len(text), &value) else None


def read_uint64(bytes text not None, bint lenient=False):
    """The unsigned integer that `text` is, or None; `lenient` as in stream IDs."""
    cdef unsigned long long value
    if lenient:
        return value if parse_uint64_lenient(text, len(text), &value) else None
    return value if parse_uint64(text, len(text), &value) else None


def read_double(bytes text not None):
    """The float that `text` is, or None."""
    cdef double value
    return value if parse_double(text, len(text), &value) else None


def read_bound(bytes text not None):
    """The float that the end of a range of scores is, or None."""
    cdef double value
    return value if parse_bound(text, len(text), &value) else None


def print_int64(long long value):
    """`value` as text."""
    cdef char[INT64_TEXT_SIZE] out
    return out[:format_int64(out, value)]


def print_uint64(unsigned long long value):
    """`value` as text."""
    cdef char[INT64_TEXT_SIZE] out
    return out[:format_uint64(out, value)]


def count_digits(long long value):
    """The length of `value` as text."""
    return digits_int64(value)


def print_double(double value):
    """`value` as scores and RESP3 doubles are printed."""
    cdef char[DOUBLE_TEXT_SIZE] out
    return out[:format_double(out, value)]


def add_long_doubles(bytes left not None, bytes right not None):
    """The sum as INCRBYFLOAT prints it, or None where an operand is no number; "nan" and "inf" are possible."""
    cdef long double x, y
    cdef char[LONG_DOUBLE_TEXT_SIZE] out
    if not (parse_long_double(left, len(left), &x) and parse_long_double(right, len(right), &y)):
        return None
    return out[:format_long_double_human(out, x + y)]
