"""Sorted sets, in both of their encodings: see sorted_set.pyx.

    ENC_LISTPACK    member, score, member, score, … in their order
    ENC_TREE        a SortedSet: a table that owns the members as entries, and a tree of the same entries

Order is by score, then by the bytes of the member. Ranks count from 0.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from redpoll.engine.entry cimport Entry, entry_encoding, entry_value
from redpoll.engine.rank_tree cimport Bound, Leaf, RankTree, Scored
from redpoll.engine.table cimport Table

cdef struct SortedSet:
    RankTree tree
    Table table

# A sorted set as it hangs off an entry. Whoever changes one stores both fields back (`entry_set_value`).
cdef struct Sorted:
    int encoding
    void* value

# When a listpack becomes a tree, and the seed of the table then.
cdef struct Limits:
    size_t entries
    size_t bytes             # of a member
    uint64_t seed

cdef inline void sorted_open(Sorted* z, const Entry* e) noexcept nogil:
    z.encoding = entry_encoding(e)
    z.value = entry_value(e)

# An empty one: a listpack if `entries` members of up to `longest` bytes may be in one.
cdef void sorted_new(Sorted* z, const Limits* limits, size_t entries, size_t longest) noexcept nogil
# Makes a tree of a listpack that could not hold so many members as are about to be put.
cdef void sorted_prepare(Sorted* z, const Limits* limits, size_t entries) noexcept nogil
# A tree of members whose ownership passes on, in any order; they must be distinct. The table may hold them already, and
# passes on too; NULL: it does not. Few and short ones become a listpack, and their entries are freed.
cdef void sorted_build(Sorted* z, const Limits* limits, Scored* items, size_t count, Table* table) noexcept nogil
cdef void sorted_free(Sorted* z) noexcept nogil

cdef size_t sorted_length(const Sorted* z) noexcept nogil
cdef bint sorted_score(const Sorted* z, const char* text, size_t length, double* score) noexcept nogil
# The rank of a member and its score; -1 when it is not there.
cdef int64_t sorted_rank(const Sorted* z, const char* text, size_t length, double* score) noexcept nogil
# How many members are before a bound.
cdef size_t sorted_before(const Sorted* z, const Bound* bound) noexcept nogil

cdef enum Condition:
    ONLY_NEW = 1
    ONLY_EXISTING = 2
    ONLY_HIGHER = 4
    ONLY_LOWER = 8
    INCREMENT = 16           # what is given is added to the score that there is

cdef enum Outcome:
    OUTCOME_NOTHING = 0      # the conditions did not hold
    OUTCOME_ADDED = 1
    OUTCOME_UPDATED = 2
    OUTCOME_SAME = 4         # it had that score
    OUTCOME_NOT_A_NUMBER = 8

# Sets a member's score, or adds to it; `result` is set to its score then, unless nothing is done.
cdef Outcome sorted_put(Sorted* z, const Limits* limits, const char* text, size_t length, double score,
                        int conditions, double* result) noexcept nogil
cdef bint sorted_remove(Sorted* z, const char* text, size_t length) noexcept nogil
cdef void sorted_remove_ranks(Sorted* z, size_t rank, size_t count) noexcept nogil
# Reading members one after another. The text is good until the next step or change.
cdef struct Cursor:
    const char* text
    size_t length
    double score
    size_t left
    bint backwards
    Leaf* leaf
    size_t place
    const uint8_t* listpack
    const uint8_t* element
    char scratch[24]

# From a rank on, `count` members at the most.
cdef void cursor_start(Cursor* c, const Sorted* z, size_t rank, size_t count, bint backwards) noexcept nogil
cdef bint cursor_next(Cursor* c) noexcept nogil

# Visits some members and returns the next cursor, 0 at the end.
ctypedef void (*scored_visitor)(void* context, const char* text, size_t length, double score) noexcept nogil
cdef uint64_t sorted_scan(const Sorted* z, uint64_t cursor, scored_visitor visit, void* context) noexcept nogil

# The score that an element of a listpack holds.
cdef double listpack_score(const uint8_t* element) noexcept nogil
# Raises AssertionError unless everything agrees.
cdef int sorted_check(const Sorted* z) except -1
