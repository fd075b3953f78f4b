"""Intersection, union and difference of sets; see set_operations.pxd.

An intersection walks the smallest set and looks its members up in the others. A difference walks the first set. A union
walks all sets, the largest first, and leaves out what is in one of those walked before; when these are many, what was
had is gathered in a table instead, so that each member is looked up once.
"""

from libc.string cimport memset

from redpoll.engine.entry cimport ENC_INTSET, ENC_LISTPACK, ENC_TABLE
from redpoll.engine.members cimport Batch, Members, members_add_batch
from redpoll.engine.set cimport (
    Set, SetCursor, SetRules, set_add_batch, set_copy, set_filter, set_free, set_length, set_new_as, set_next,
)

cdef enum:
    PROBED_MOST = 4          # sets that a member is looked up in one by one
    SCANNED_MOST = 8         # members of a listpack that is searched many times


cdef void sort_by_length(Set* sets, size_t count, bint descending) noexcept nogil:
    """Shell's sort: there are few sets, and it needs nothing besides."""
    cdef size_t gap = count // 2
    cdef size_t i, j, length
    cdef Set moved
    while gap:
        for i in range(gap, count):
            moved = sets[i]
            length = set_length(&moved)
            j = i
            while j >= gap and ((set_length(&sets[j - gap]) < length) if descending
                                else (set_length(&sets[j - gap]) > length)):
                sets[j] = sets[j - gap]
                j -= gap
            sets[j] = moved
        gap //= 2


cdef void add_all(Set* into, const Set* s, const SetRules* rules) noexcept nogil:
    cdef SetCursor cursor
    cdef Batch batch
    memset(&cursor, 0, sizeof(cursor))
    set_next(s, &cursor, &batch)
    while batch.count:
        set_add_batch(into, rules, &batch)
        set_next(s, &cursor, &batch)


cdef void new_helper(Operation* o, int encoding) noexcept nogil:
    set_new_as(&o.helper, o.rules, encoding, 0)
    o.has_helper = True


cdef bint looked_up_cheaply(const Set* sets, size_t count) noexcept nogil:
    cdef size_t i
    if count > PROBED_MOST:
        return False
    for i in range(count):
        if sets[i].encoding == ENC_LISTPACK and set_length(&sets[i]) > SCANNED_MOST:
            return False
    return True


cdef bint all_intsets(const Set* sets, size_t count) noexcept nogil:
    cdef size_t i
    for i in range(count):
        if sets[i].encoding != ENC_INTSET:
            return False
    return True


cdef void operation_begin(Operation* o, Kind kind, const SetRules* rules, Set* sets, size_t count) noexcept nogil:
    cdef size_t i
    o.kind = kind
    o.rules = rules
    o.sets = sets
    o.count = count
    o.current = 0
    o.has_helper = o.helper_is_all = False
    memset(&o.cursor, 0, sizeof(SetCursor))
    if count < 2:
        return
    if kind == INTERSECTION:
        sort_by_length(sets, count, False)
    elif kind == DIFFERENCE:
        # What is likeliest to hold a member is asked first.
        sort_by_length(sets + 1, count - 1, True)
        if not looked_up_cheaply(sets + 1, count - 1) and set_length(sets) > SCANNED_MOST:
            new_helper(o, ENC_TABLE)
            for i in range(1, count):
                add_all(&o.helper, &sets[i], rules)
    elif all_intsets(sets, count):
        # Their union is told in order, so it is made first.
        new_helper(o, ENC_INTSET)
        o.helper_is_all = True
        for i in range(count):
            add_all(&o.helper, &sets[i], rules)
    else:
        sort_by_length(sets, count, True)
        if not looked_up_cheaply(sets, count - 1):
            new_helper(o, ENC_TABLE)


cdef void operation_end(Operation* o) noexcept nogil:
    if o.has_helper:
        set_free(&o.helper)
        o.has_helper = False


cdef bint next_of_union(Operation* o, Batch* batch) noexcept nogil:
    cdef size_t i
    if o.helper_is_all:
        set_next(&o.helper, &o.cursor, batch)
        return batch.count > 0
    while o.current < o.count:
        set_next(&o.sets[o.current], &o.cursor, batch)
        if batch.count:
            if o.has_helper:
                members_add_batch(<Members*>o.helper.value, batch)
                return True
            for i in range(o.current):
                set_filter(&o.sets[i], batch, False)
            return True
        o.current += 1
        memset(&o.cursor, 0, sizeof(SetCursor))
    return False


cdef bint operation_next(Operation* o, Batch* batch) noexcept nogil:
    cdef size_t i
    if o.kind == UNION:
        return next_of_union(o, batch)
    set_next(&o.sets[0], &o.cursor, batch)
    if not batch.count:
        return False
    if o.has_helper:
        set_filter(&o.helper, batch, False)
        return True
    for i in range(1, o.count):
        if not batch.living:
            break
        set_filter(&o.sets[i], batch, o.kind == INTERSECTION)
    return True


cdef void operation_gather(Operation* o, Set* result) noexcept nogil:
    cdef Batch batch
    cdef size_t i
    # Surely a table in the end: most of the work is done by a copy, which hashes nothing.
    if (o.kind == UNION and o.sets[0].encoding == ENC_TABLE and not o.has_helper
            and set_length(&o.sets[0]) > max(o.rules.intset_entries, o.rules.listpack_entries)):
        set_copy(&o.sets[0], result)
        for i in range(1, o.count):
            add_all(result, &o.sets[i], o.rules)
        return
    set_new_as(result, o.rules, ENC_INTSET, 0)
    while operation_next(o, &batch):
        set_add_batch(result, o.rules, &batch)
