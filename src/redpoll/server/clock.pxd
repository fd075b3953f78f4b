"""Time: a cheap monotonic counter for durations, and unix time. See clock.pyx."""

from libc.stdint cimport int64_t, uint64_t

# Counter ticks; differences turn into nanoseconds by `nanoseconds`.
cdef uint64_t ticks() noexcept nogil
cdef uint64_t nanoseconds(uint64_t ticks) noexcept nogil
cdef uint64_t ticks_of(uint64_t nanoseconds) noexcept nogil
cdef int64_t unix_microseconds() noexcept nogil
cdef int64_t monotonic_microseconds() noexcept nogil
