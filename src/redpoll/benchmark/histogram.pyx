"""How often each latency was seen.

The buckets are those of Gil Tene's HdrHistogram with three significant digits (hdrhistogram.org): equal widths within
each power of two. (Its libraries for Python want the interpreter's lock for each value.) A histogram is written by one
thread; others may read it meanwhile, and see it a few values late.
"""

from libc.stdlib cimport calloc, free
from libc.string cimport memset

cdef enum:
    BYTES = HISTOGRAM_BUCKETS * 8

cdef int64_t LARGEST = 0x7FFFFFFFFFFFFFFF


cdef inline int64_t highest_in(int bucket) noexcept nogil:
    cdef int exponent
    if bucket < 2048:
        return bucket
    exponent = bucket // 1024 - 1
    return ((<int64_t>(bucket - exponent * 1024) + 1) << exponent) - 1


cdef class Histogram:
    """Counts of values that are told exactly below 2048 and to a thousandth above."""

    def __cinit__(self):
        self.counts.buckets = <int64_t*>calloc(HISTOGRAM_BUCKETS, 8)
        if self.counts.buckets == NULL:
            raise MemoryError
        self.counts.min = LARGEST

    def __dealloc__(self):
        free(self.counts.buckets)

    cdef void clear(self) noexcept nogil:
        memset(self.counts.buckets, 0, BYTES)
        self.counts.count = self.counts.total = self.counts.max = 0
        self.counts.min = LARGEST

    @property
    def count(self) -> int:
        """How many values there are."""
        return self.counts.count

    @property
    def total(self) -> int:
        """Their sum."""
        return self.counts.total

    @property
    def min(self) -> int:
        """The least of them, 0 without values."""
        return self.counts.min if self.counts.count else 0

    @property
    def max(self) -> int:
        """The largest of them, 0 without values."""
        return self.counts.max

    @property
    def mean(self) -> float:
        """Their mean, 0 without values."""
        return <double>self.counts.total / <double>self.counts.count if self.counts.count else 0.0

    def record(self, int64_t value, int64_t times=1) -> None:
        """Count a value, so many times."""
        record(&self.counts, value, times)

    def add(self, Histogram other) -> None:
        """Count all that another one has counted."""
        cdef int bucket
        for bucket in range(HISTOGRAM_BUCKETS):
            self.counts.buckets[bucket] += other.counts.buckets[bucket]
        self.counts.count += other.counts.count
        self.counts.total += other.counts.total
        self.counts.min = min(self.counts.min, other.counts.min)
        self.counts.max = max(self.counts.max, other.counts.max)

    def copy(self) -> Histogram:
        """Return a histogram of its own with the same counts."""
        cdef Histogram copied = Histogram()
        copied.add(self)
        return copied

    def since(self, Histogram earlier) -> Histogram:
        """Return what was counted since an earlier copy; its extremes are those of buckets."""
        cdef Histogram rest = Histogram()
        cdef int bucket
        cdef int64_t times
        for bucket in range(HISTOGRAM_BUCKETS):
            times = self.counts.buckets[bucket] - earlier.counts.buckets[bucket]
            if times > 0:
                record(&rest.counts, highest_in(bucket), times)
        rest.counts.total = self.counts.total - earlier.counts.total
        return rest

    def at(self, double percentile) -> int:
        """Return the value that so many percent of all are not above, rounded up within its bucket."""
        cdef int64_t wanted = <int64_t>(percentile / 100.0 * self.counts.count + 0.5), seen = 0
        cdef int bucket
        if not self.counts.count:
            return 0
        wanted = max(1, min(wanted, self.counts.count))
        for bucket in range(HISTOGRAM_BUCKETS):
            seen += self.counts.buckets[bucket]
            if seen >= wanted:
                return min(highest_in(bucket), self.counts.max)
        return self.counts.max

    def buckets(self) -> list:
        """Return those with a count, from the least on: their highest value, and the count."""
        return [
            (highest_in(bucket), self.counts.buckets[bucket])
            for bucket in range(HISTOGRAM_BUCKETS)
            if self.counts.buckets[bucket]
        ]
