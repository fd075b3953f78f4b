"""Commands as dispatch sees them: a handler, what has to be checked, and statistics.

A routine is made of a declared command (`commands/declare.py`) for one server, so that several
servers in a process count for themselves.

Durations go into a histogram with 128 buckets for every power of two of nanoseconds, up to a
second: percentiles are exact to 1 %. `stats.py` reads it.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from redpoll.commands.call cimport Native
from redpoll.server.clock cimport nanoseconds

from redpoll.server import stats

cdef enum:
    LONGEST = 1073741823      # nanoseconds; what takes longer counts as this


cdef inline uint64_t hash_of(const char* name, size_t length) noexcept nogil:
    """The hash of a name in whatever case."""
    cdef uint64_t hash = 0xCBF29CE484222325u + length
    cdef size_t i
    for i in range(length):
        hash = (hash ^ <unsigned char>(name[i] | 0x20)) * <uint64_t>0x100000001B3
    return hash ^ (hash >> 29)


cdef inline bint is_name(const char* name, const char* folded, size_t length) noexcept nogil:
    cdef size_t i
    for i in range(length):
        if <char>(name[i] | 0x20) != folded[i]:
            return False
    return True


cdef inline size_t bucket_of(uint64_t ns) noexcept nogil:
    cdef int shift
    if ns < 256:
        return ns
    if ns > LONGEST:
        ns = LONGEST
    shift = 56 - leading_zeros(ns)
    return (shift << 7) + (ns >> shift)


cdef extern from *:
    """
    #define redpoll_clz64(x) __builtin_clzll(x)
    """
    int leading_zeros "redpoll_clz64"(uint64_t x) noexcept nogil


cdef inline uint64_t bucket_top(size_t bucket) noexcept nogil:
    """The largest number of nanoseconds that falls into a bucket."""
    cdef size_t shift
    if bucket < 256:
        return bucket
    shift = (bucket >> 7) - 1
    return ((<uint64_t>(128 | (bucket & 127)) + 1) << shift) - 1


# Of names as lookups compare them: each byte with the bit that tells cases apart.
cdef bytes FOLDED = bytes([byte | 0x20 for byte in range(256)])


cdef class Routine:
    def __init__(self, command, str known_as):
        handler = command.handler
        if isinstance(handler, Native):
            self.function = (<Native>handler).function
        else:
            self.function = NULL
            self.plain = handler
        self.command = command
        self.name = command.name
        self.number = command.number
        self.folded = known_as.encode("latin-1").translate(FOLDED)
        self.container = command.is_container
        self.unusual = True
        self.by_word = {
            name.encode(): Routine(subcommand, name) for name, subcommand in command.subcommands.items()
        }

    cdef int learn(self) except -1:
        self.arity = self.command.arity
        self.flags = self.command.flags
        self.first_key = self.command.first_key
        self.learned = True
        self.unusual = self.container
        return 0

    def __dealloc__(self):
        free(self.histogram_counts)

    cdef void record(self, uint64_t elapsed_ticks, bint tracked) noexcept:
        """One more call; `tracked`: its duration goes into the histogram too."""
        self.calls += 1
        self.ticks += elapsed_ticks
        if tracked:
            if self.histogram_counts == NULL:
                self.histogram_counts = <uint32_t*>calloc(HISTOGRAM_BUCKETS, sizeof(uint32_t))
                if self.histogram_counts == NULL:
                    return
            self.histogram_counts[bucket_of(nanoseconds(elapsed_ticks))] += 1

    def reset(self):
        """Forget the statistics."""
        self.calls = self.ticks = self.rejected_calls = self.failed_calls = 0
        self.slowlog_count = self.slow_us = self.slowest_us = 0
        if self.histogram_counts != NULL:
            memset(self.histogram_counts, 0, HISTOGRAM_BUCKETS * sizeof(uint32_t))

    @property
    def usec(self) -> int:
        """Microseconds spent in all calls."""
        return nanoseconds(self.ticks) // 1000

    def note_slow(self, uint64_t microseconds):
        """A call went into the slow log."""
        self.slowlog_count += 1
        self.slow_us += microseconds
        self.slowest_us = max(self.slowest_us, microseconds)

    @property
    def slowlog_time_ms_sum(self) -> float:
        """What the calls in the slow log took, in milliseconds."""
        return self.slow_us / 1000

    @property
    def slowlog_time_ms_max(self) -> float:
        """What the slowest of them took."""
        return self.slowest_us / 1000

    def durations(self) -> list:
        """(upper bound in nanoseconds, calls) for every bucket that is not empty, in order."""
        if self.histogram_counts == NULL:
            return []
        cdef uint32_t* counts = self.histogram_counts
        return [(bucket_top(i), counts[i]) for i in range(HISTOGRAM_BUCKETS) if counts[i]]

    def histogram(self) -> list:
        """(upper bound in microseconds, calls up to it) by powers of two, as LATENCY HISTOGRAM tells them."""
        counted = stats.cumulative_by_power(self.durations())
        return [(stats.bound_microseconds(power), count) for power, count in counted]

    def percentiles(self, wanted) -> list:
        """Durations in microseconds, one for each percentage."""
        return stats.percentiles(self.durations(), wanted)

    @property
    def subcommands(self) -> dict:
        """Routines of subcommands by lower-case word."""
        return {word.decode(): routine for word, routine in self.by_word.items()}


cdef class Routines:
    """All commands of a server, found by name. `registry` maps names, which need not be their own, to commands."""

    def __init__(self, registry):
        cdef Routine routine
        cdef size_t size = 64
        cdef size_t place
        self.by_name = {}
        self.by_first_word = {}
        for known_as, command in registry.items():
            routine = Routine(command, known_as)
            self.by_first_word[known_as] = self.by_name[known_as] = routine
            for word, subroutine in routine.subcommands.items():
                self.by_name[f"{known_as}|{word}"] = subroutine
        while size < len(self.by_first_word) * 4:
            size *= 2
        self.mask = size - 1
        self.table = <void**>calloc(size, sizeof(void*))
        if self.table == NULL:
            raise MemoryError
        for routine in self.by_first_word.values():
            self.longest = max(self.longest, <size_t>len(routine.folded))
            place = hash_of(routine.folded, len(routine.folded)) & self.mask
            while self.table[place] != NULL:
                place = (place + 1) & self.mask
            self.table[place] = <void*>routine

    def __dealloc__(self):
        free(self.table)

    cdef void* find(self, const char* name, size_t length) noexcept:
        cdef size_t place
        cdef void* found
        cdef Routine routine
        if length > self.longest:
            return NULL
        place = hash_of(name, length) & self.mask
        while True:
            found = self.table[place]
            if found == NULL:
                return NULL
            routine = <Routine>found
            if <size_t>len(routine.folded) == length and is_name(name, routine.folded, length):
                return found
            place = (place + 1) & self.mask

    def get(self, str name):
        """A routine by its full lower-case name, `config|get` for a subcommand; or None."""
        return self.by_name.get(name)

    def families(self) -> dict:
        """Routines by name, subcommands left to their containers."""
        return dict(self.by_first_word)

    def __iter__(self):
        return iter(self.by_name.values())
