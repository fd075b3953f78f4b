"""Numbers from text and back, as Redis reads and prints them. See numbers.pyx.

Every function takes a pointer and a length, reads nothing beyond it and needs no NUL at
the end; every formatter writes at most the size named below, without a NUL, and returns
how many bytes it wrote.
"""

from libc.string cimport memcpy

cdef extern from *:
    """
    #ifndef REDPOLL_DIGIT_PAIRS
    #define REDPOLL_DIGIT_PAIRS
    static const char redpoll_digit_pairs[201] =
        "00010203040506070809" "10111213141516171819" "20212223242526272829" "30313233343536373839"
        "40414243444546474849" "50515253545556575859" "60616263646566676869" "70717273747576777879"
        "80818283848586878889" "90919293949596979899";
    #endif
    """
    const char* redpoll_digit_pairs

cdef enum:
    INT64_TEXT_SIZE = 21
    DOUBLE_TEXT_SIZE = 32
    LONG_DOUBLE_TEXT_SIZE = 5120


cdef inline bint parse_uint64(const char* text, size_t length, unsigned long long* out) noexcept nogil:
    """Strict: digits only, no leading zeros, at most 18446744073709551615."""
    cdef unsigned long long value
    cdef unsigned int digit
    cdef size_t i
    if length == 0 or length > 20:
        return False
    value = <unsigned char>text[0] - 48u
    if value > 9 or (value == 0 and length != 1):
        return False
    for i in range(1, length):
        digit = <unsigned char>text[i] - 48u
        if digit > 9:
            return False
        if i == 19 and (value > 1844674407370955161ull or (value == 1844674407370955161ull and digit > 5)):
            return False
        value = value * 10 + digit
    out[0] = value
    return True


cdef inline bint parse_int64(const char* text, size_t length, long long* out) noexcept nogil:
    """Strict: an optional minus, no plus, spaces or leading zeros, no "-0"; the full int64 range."""
    cdef unsigned long long value
    cdef unsigned int digit
    cdef size_t i = 0
    cdef bint negative
    if length == 0 or length > 20:
        return False
    negative = text[0] == c"-"
    if negative:
        i = 1
        if length == 1:
            return False
    elif length == 20:
        return False
    # At most 19 digits are left, so an unsigned 64-bit value cannot overflow below.
    value = <unsigned char>text[i] - 48u
    if value > 9 or (value == 0 and length != 1):
        return False
    i += 1
    while i < length:
        digit = <unsigned char>text[i] - 48u
        if digit > 9:
            return False
        value = value * 10 + digit
        i += 1
    if value > 9223372036854775807ull + <unsigned long long>negative:
        return False
    out[0] = <long long>(0 - value if negative else value)
    return True


cdef inline size_t digits(unsigned long long value) noexcept nogil:
    """How many decimal digits `value` has, 1 to 20."""
    cdef size_t count = 1
    while True:
        if value < 10:
            return count
        if value < 100:
            return count + 1
        if value < 1000:
            return count + 2
        if value < 10000:
            return count + 3
        value //= 10000
        count += 4


cdef inline size_t digits_int64(long long value) noexcept nogil:
    """The length of `value` as text, its minus included, 1 to 20."""
    if value < 0:
        return 1 + digits(0 - <unsigned long long>value)
    return digits(<unsigned long long>value)


cdef inline size_t format_uint64(char* out, unsigned long long value) noexcept nogil:
    """Write at most 20 bytes, without a NUL; return how many."""
    cdef size_t length = digits(value)
    cdef char* end = out + length
    cdef unsigned long long quotient
    while value >= 100:
        quotient = value // 100
        end -= 2
        memcpy(end, redpoll_digit_pairs + (value - quotient * 100) * 2, 2)
        value = quotient
    if value >= 10:
        memcpy(out, redpoll_digit_pairs + value * 2, 2)
    else:
        out[0] = <char>(48 + value)
    return length


cdef inline size_t format_int64(char* out, long long value) noexcept nogil:
    """Write at most 20 bytes, without a NUL; return how many."""
    if value < 0:
        out[0] = c"-"
        return 1 + format_uint64(out + 1, 0 - <unsigned long long>value)
    return format_uint64(out, <unsigned long long>value)


cdef bint parse_uint64_lenient(const char* text, size_t length, unsigned long long* out) noexcept nogil
cdef bint parse_double(const char* text, size_t length, double* out) noexcept nogil
cdef bint parse_bound(const char* text, size_t length, double* out) noexcept nogil
cdef bint parse_long_double(const char* text, size_t length, long double* out) noexcept nogil
cdef size_t format_double(char* out, double value) noexcept nogil
cdef size_t format_long_double_human(char* out, long double value) noexcept nogil
