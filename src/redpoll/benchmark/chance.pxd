# Random numbers, and the digits that they are sent as.

from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    /* The upper half of a product: a number below `count` out of 64 random bits (Lemire 2019, without the
       rejection, whose bias is below 2^-24 for key spaces of twelve digits). */
    static inline uint64_t redpoll_below(uint64_t bits, uint64_t count) {
        return (uint64_t)(((unsigned __int128)bits * count) >> 64);
    }

    static const char redpoll_pairs[201] =
        "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
        "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

    static inline void redpoll_twelve_digits(char *out, uint64_t value) {
        uint32_t low = (uint32_t)(value % 100000000u), high = (uint32_t)(value / 100000000u % 10000u);
        uint32_t upper = low / 10000u, lower = low % 10000u;
        memcpy(out, redpoll_pairs + 2 * (high / 100u), 2);
        memcpy(out + 2, redpoll_pairs + 2 * (high % 100u), 2);
        memcpy(out + 4, redpoll_pairs + 2 * (upper / 100u), 2);
        memcpy(out + 6, redpoll_pairs + 2 * (upper % 100u), 2);
        memcpy(out + 8, redpoll_pairs + 2 * (lower / 100u), 2);
        memcpy(out + 10, redpoll_pairs + 2 * (lower % 100u), 2);
    }
    """
    uint64_t redpoll_below(uint64_t bits, uint64_t count) noexcept nogil
    void redpoll_twelve_digits(char* out, uint64_t value) noexcept nogil

# Numbers from 1 to `count`, the k-th of them as likely as 1 / k^exponent.
cdef struct Zipf:
    double exponent
    double first, last   # the range that is drawn from, in terms of the integral
    double quick         # how near to its integer a number is taken without another look
    uint64_t count


cdef void zipf_prepare(Zipf* zipf, uint64_t count, double exponent) noexcept nogil
cdef uint64_t zipf_draw(const Zipf* zipf, uint64_t* state) noexcept nogil


cdef inline uint64_t draw(uint64_t* state) noexcept nogil:
    # SplitMix64 (Steele, Lea, Flood 2014).
    cdef uint64_t z
    state[0] += <uint64_t>0x9E3779B97F4A7C15
    z = state[0]
    z = (z ^ (z >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * <uint64_t>0x94D049BB133111EB
    return z ^ (z >> 31)


cdef inline uint64_t below(uint64_t* state, uint64_t count) noexcept nogil:
    return redpoll_below(draw(state), count)
