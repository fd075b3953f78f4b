"""Numbers by Zipf's law: few are asked for often, most seldom, as in real key spaces.

The method is rejection-inversion (W. Hörmann, G. Derflinger, "Rejection-inversion to generate variates from monotone
discrete distributions", 1996): the integral of x^-exponent is inverted, and what falls outside the bars of the discrete
law is drawn again. It needs no table, so a key space of a billion costs what one of ten costs.
"""

from libc.math cimport exp, expm1, fabs, log, log1p, pow

cdef inline double integral(double x, double exponent) noexcept nogil:
    # (x^(1-e) - 1) / (1-e), and log x where e is 1.
    cdef double logarithm = log(x), turned = (1.0 - exponent) * logarithm
    if fabs(turned) < 1e-8:
        return logarithm * (1.0 + turned / 2)
    return logarithm * expm1(turned) / turned


cdef inline double inverse(double y, double exponent) noexcept nogil:
    cdef double turned = y * (1.0 - exponent)
    if turned < -1.0:
        turned = -1.0  # only by rounding
    if fabs(turned) < 1e-8:
        return exp(y * (1.0 - turned / 2))
    return exp(y * log1p(turned) / turned)


cdef void zipf_prepare(Zipf* zipf, uint64_t count, double exponent) noexcept nogil:
    zipf.count = count
    zipf.exponent = exponent
    zipf.first = integral(1.5, exponent) - 1.0
    zipf.last = integral(<double>count + 0.5, exponent)
    zipf.quick = 2.0 - inverse(integral(2.5, exponent) - pow(2.0, -exponent), exponent)


cdef uint64_t zipf_draw(const Zipf* zipf, uint64_t* state) noexcept nogil:
    cdef double share, y, x
    cdef uint64_t k
    while True:
        share = <double>(draw(state) >> 11) * (1.0 / 9007199254740992.0)
        y = zipf.last + share * (zipf.first - zipf.last)
        x = inverse(y, zipf.exponent)
        k = <uint64_t>(x + 0.5)
        if k < 1:
            k = 1
        elif k > zipf.count:
            k = zipf.count
        if <double>k - x <= zipf.quick:
            return k
        if y >= integral(<double>k + 0.5, zipf.exponent) - pow(<double>k, -zipf.exponent):
            return k


def zipf_numbers(uint64_t count, double exponent, uint64_t seed, int draws) -> list:
    """Return that many numbers from 1 to `count` by Zipf's law."""
    cdef Zipf zipf
    cdef uint64_t state = seed
    zipf_prepare(&zipf, count, exponent)
    return [zipf_draw(&zipf, &state) for _ in range(draws)]


def even_numbers(uint64_t count, uint64_t seed, int draws) -> list:
    """Return that many numbers below `count`, all as likely."""
    cdef uint64_t state = seed
    return [below(&state, count) for _ in range(draws)]


def twelve_digits(uint64_t value) -> bytes:
    """Return the last twelve digits of a number."""
    cdef char digits[12]
    redpoll_twelve_digits(digits, value)
    return digits[:12]
