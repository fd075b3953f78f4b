"""Time.

Every command is timed, so reading the clock has to cost little. Where the processor has a
time-stamp counter of constant rate, that is the counter, calibrated against the system's
monotonic clock at the start; elsewhere it is the monotonic clock itself.
"""

from libc.stdint cimport int64_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <time.h>
    #if defined(__x86_64__)
    #include <x86intrin.h>
    #endif

    static int redpoll_use_counter = 0;

    static inline uint64_t redpoll_monotonic_ns(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
    }

    static inline uint64_t redpoll_counter(void) {
    #if defined(__x86_64__)
        return __rdtsc();
    #elif defined(__aarch64__)
        uint64_t value;
        __asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(value));
        return value;
    #else
        return redpoll_monotonic_ns();
    #endif
    }

    static inline uint64_t redpoll_ticks(void) {
        return redpoll_use_counter ? redpoll_counter() : redpoll_monotonic_ns();
    }

    static inline int64_t redpoll_unix_us(void) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
    }

    static inline uint64_t redpoll_scale(uint64_t value, uint64_t by) {
        return (uint64_t)(((unsigned __int128)value * by) >> 32);
    }
    """
    int redpoll_use_counter
    uint64_t redpoll_monotonic_ns() noexcept nogil
    uint64_t redpoll_counter() noexcept nogil
    uint64_t redpoll_ticks() noexcept nogil
    int64_t redpoll_unix_us() noexcept nogil
    uint64_t redpoll_scale(uint64_t value, uint64_t by) noexcept nogil

# Nanoseconds a tick and ticks a nanosecond, as 32.32 fixed point.
cdef uint64_t nanoseconds_a_tick = <uint64_t>1 << 32
cdef uint64_t ticks_a_nanosecond = <uint64_t>1 << 32


cdef uint64_t ticks() noexcept nogil:
    return redpoll_ticks()


cdef uint64_t nanoseconds(uint64_t ticks) noexcept nogil:
    return redpoll_scale(ticks, nanoseconds_a_tick)


cdef uint64_t ticks_of(uint64_t nanoseconds) noexcept nogil:
    return redpoll_scale(nanoseconds, ticks_a_nanosecond)


# By how much the time of day is moved, for tests.
cdef int64_t moved_us = 0


cdef int64_t unix_microseconds() noexcept nogil:
    return redpoll_unix_us() + moved_us


def move(int64_t microseconds) -> None:
    """Have the time of day, for all of this process, be that of the system and so much; 0: as it is."""
    global moved_us
    moved_us = microseconds


cdef int64_t monotonic_microseconds() noexcept nogil:
    return redpoll_monotonic_ns() // 1000


def unix_ms() -> int:
    """Unix time in milliseconds."""
    return unix_microseconds() // 1000


def unix_us() -> int:
    """Unix time in microseconds."""
    return unix_microseconds()


def monotonic_us() -> int:
    """The system's monotonic clock, microseconds."""
    return redpoll_monotonic_ns() // 1000


# When this module was imported.
cdef uint64_t imported_ns = redpoll_monotonic_ns()
cdef uint64_t imported = redpoll_counter()


def calibrate(bint counter_is_steady, uint64_t window_ns = 2_000_000) -> None:
    """Use the processor's counter if it is steady, having measured its rate over a short window.

    The time since this module was imported will do, so that nobody waits, if it is not too long for the sums below.
    """
    global redpoll_use_counter, nanoseconds_a_tick, ticks_a_nanosecond
    cdef uint64_t begin_ns = imported_ns, begin = imported, end_ns, end
    if not counter_is_steady:
        return
    if redpoll_monotonic_ns() - begin_ns > 250_000_000:
        begin_ns = redpoll_monotonic_ns()
        begin = redpoll_counter()
    end_ns = redpoll_monotonic_ns()
    while end_ns - begin_ns < window_ns:
        end_ns = redpoll_monotonic_ns()
    end = redpoll_counter()
    if end <= begin:
        return
    nanoseconds_a_tick = ((end_ns - begin_ns) << 32) // (end - begin)
    ticks_a_nanosecond = ((end - begin) << 32) // (end_ns - begin_ns)
    redpoll_use_counter = 1


def counter_name() -> str:
    """What durations are measured with, for INFO."""
    return "processor counter" if redpoll_use_counter else "POSIX clock_gettime"
