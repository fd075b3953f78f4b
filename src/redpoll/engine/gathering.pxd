"""Members with scores gathered from sorted sets and sets, to become one sorted set: see gathering.pyx."""

from libc.stdint cimport uint64_t

from redpoll.engine.entry cimport Entry
from redpoll.engine.rank_tree cimport Scored
from redpoll.engine.sorted_set cimport Cursor, Limits, Sorted
from redpoll.engine.table cimport Table

cdef enum Aggregate:
    AGGREGATE_SUM
    AGGREGATE_MIN
    AGGREGATE_MAX
    AGGREGATE_COUNT          # of the sources that have a member, by weight

# Where members come from; a member of a set has the score 1.
cdef struct Source:
    int type                 # -1: there is nothing
    Sorted value
    double weight

# `e` may be NULL. False: it is neither a sorted set nor a set.
cdef bint source_open(Source* s, const Entry* e) noexcept nogil
cdef size_t source_length(const Source* s) noexcept nogil
cdef bint source_score(const Source* s, const char* text, size_t length, double* score) noexcept nogil

cdef struct Gathering:
    Scored* items            # in the order of their sorted set once `gather_sort` is through
    size_t count
    size_t room
    Table table              # of the members, where it was needed

cdef void gather_init(Gathering* g, uint64_t seed) noexcept nogil
# What any source has, what all have (the smallest source comes first in both), what the first one alone has.
cdef void gather_union(Gathering* g, const Source* sources, size_t count, Aggregate how) noexcept nogil
cdef void gather_intersection(Gathering* g, const Source* sources, size_t count, Aggregate how) noexcept nogil
cdef void gather_difference(Gathering* g, const Source* sources, size_t count) noexcept nogil
# How many members all sources have; no more than `limit` are counted.
cdef size_t count_intersection(const Source* sources, size_t count, size_t limit) noexcept nogil
# A further member, which must not be there yet.
cdef void gather_member(Gathering* g, const char* text, size_t length, double score) noexcept nogil
cdef void gather_sort(Gathering* g) noexcept nogil
# The sorted set of all; the gathering is empty then.
cdef void gather_build(Gathering* g, const Limits* limits, Sorted* made) noexcept nogil
cdef void gather_free(Gathering* g) noexcept nogil
