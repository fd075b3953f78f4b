# Counts of latencies in nanoseconds, by buckets that grow with the value.
#
#     value        width of a bucket        index
#     0 ..  2047   1                        the value
#     2048 ..      2^e, where value >> e    e * 1024 + (value >> e)
#                  is in 1024 .. 2047
#
# So no value is told more than a thousandth wrong. Values of 2^40 (18 minutes) and more count as 2^40 - 1.

from libc.stdint cimport int64_t, uint64_t

cdef enum:
    HISTOGRAM_BUCKETS = 30 * 1024 + 1024  # the highest exponent is 29


cdef extern from *:
    int __builtin_clzll(unsigned long long value) noexcept nogil


# Apart from the class, so that a loop without the interpreter's lock can hold pointers to it.
cdef struct Counts:
    int64_t* buckets
    int64_t count, total, min, max


cdef class Histogram:
    cdef Counts counts
    cdef void clear(self) noexcept nogil


cdef inline int bucket_of(int64_t value) noexcept nogil:
    cdef int exponent
    if value < 2048:
        return <int>value if value > 0 else 0
    if value >= <int64_t>1 << 40:
        value = (<int64_t>1 << 40) - 1
    exponent = 53 - __builtin_clzll(<unsigned long long>value)
    return exponent * 1024 + <int>(value >> exponent)


cdef inline void record(Counts* counts, int64_t value, int64_t times) noexcept nogil:
    counts.buckets[bucket_of(value)] += times
    counts.count += times
    counts.total += value * times
    if value < counts.min:
        counts.min = value
    if value > counts.max:
        counts.max = value
