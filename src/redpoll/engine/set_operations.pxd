"""Intersection, union and difference of sets as a stream of batches: nothing is built that need not be.

`operation_begin` takes over an array of views of the sets, whose order it may change; none of them may change until
`operation_end`. Each call of `operation_next` fills a batch, whose living members are a part of the result, each member
once.
"""

from redpoll.engine.members cimport Batch
from redpoll.engine.set cimport Set, SetCursor, SetRules

cdef enum Kind:
    INTERSECTION
    UNION
    DIFFERENCE               # of the first set and all others

cdef struct Operation:
    Kind kind
    const SetRules* rules
    Set* sets
    size_t count
    size_t current           # the set that is walked
    SetCursor cursor
    Set helper               # what was built besides, when `has_helper`
    bint has_helper
    bint helper_is_all       # it is the result

cdef void operation_begin(Operation* o, Kind kind, const SetRules* rules, Set* sets, size_t count) noexcept nogil
# False when there are no more; a batch may also come back with no living members.
cdef bint operation_next(Operation* o, Batch* batch) noexcept nogil
cdef void operation_end(Operation* o) noexcept nogil
# The whole result as a set of its own, in the encoding that it gets when its members are added one by one. Instead of
# `operation_next`.
cdef void operation_gather(Operation* o, Set* result) noexcept nogil
