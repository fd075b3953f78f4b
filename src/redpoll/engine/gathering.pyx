"""Unions, intersections and differences of sorted sets and sets.

Members are gathered first, then sorted once, and the tree is built of them at once. Only a union has to ask for every
member whether it has it already: it asks for several at a time, so that the memory they lie in is fetched together.
"""

from libc.math cimport isnan
from libc.stdint cimport uint64_t
from libc.string cimport memset

from redpoll.engine.entry cimport (
    ENC_TREE, TYPE_SET, TYPE_ZSET, Entry, entry_encoding, entry_free_shell, entry_type, entry_value,
)
from redpoll.engine.member cimport MEMBER_SCRATCH, Member, member_of_text, member_text
from redpoll.engine.members cimport Batch, batch_begin
from redpoll.engine.memory cimport KIND_COLLECTION, allocate, reallocate, release
from redpoll.engine.rank_tree cimport Scored, member_new, member_score, set_member_score, sort_scored
from redpoll.engine.set cimport Set, SetCursor, set_has, set_length, set_next
from redpoll.engine.sorted_set cimport (
    Cursor, Limits, Sorted, cursor_next, cursor_start, sorted_build, sorted_length, sorted_score,
)
from redpoll.engine.table cimport (
    table_clear, table_find, table_hash, table_init, table_insert, table_prefetch, table_prefetch_entry,
    table_reserve,
)

cdef enum:
    FIRST_ROOM = 16
    TOGETHER = 24            # members that are looked up at a time


# Sources

cdef bint source_open(Source* s, const Entry* e) noexcept nogil:
    s.type = -1
    s.weight = 1.0
    if e == NULL:
        return True
    if entry_type(e) != TYPE_ZSET and entry_type(e) != TYPE_SET:
        return False
    s.type = entry_type(e)
    s.value.encoding = entry_encoding(e)
    s.value.value = entry_value(e)
    return True


cdef inline Set as_set(const Source* s) noexcept nogil:
    cdef Set found
    found.encoding = s.value.encoding
    found.value = s.value.value
    return found


cdef size_t source_length(const Source* s) noexcept nogil:
    cdef Set members
    if s.type == TYPE_ZSET:
        return sorted_length(&s.value)
    if s.type != TYPE_SET:
        return 0
    members = as_set(s)
    return set_length(&members)


cdef bint source_score(const Source* s, const char* text, size_t length, double* score) noexcept nogil:
    cdef Set members
    cdef Member member
    if s.type == TYPE_ZSET:
        return sorted_score(&s.value, text, length, score)
    if s.type != TYPE_SET:
        return False
    members = as_set(s)
    member_of_text(&member, text, length)
    score[0] = 1.0
    return set_has(&members, &member)


# One after another: a cursor over whatever the source is.
cdef struct Walk:
    const char* text
    size_t length
    double score
    bint lasting             # texts stay good while others are read
    bint of_set
    Cursor sorted
    Set members
    SetCursor place
    Batch batch
    size_t next              # of the batch
    char scratch[MEMBER_SCRATCH]


cdef void walk_start(Walk* w, const Source* s) noexcept nogil:
    w.of_set = s.type == TYPE_SET
    w.lasting = s.type == TYPE_ZSET and s.value.encoding == ENC_TREE
    if w.of_set:
        w.members = as_set(s)
        memset(&w.place, 0, sizeof(SetCursor))
        batch_begin(&w.batch)
        w.next = 0
    else:
        cursor_start(&w.sorted, &s.value, 0, source_length(s), False)


cdef bint next_of_set(Walk* w) noexcept nogil:
    if w.next == w.batch.living:
        batch_begin(&w.batch)
        set_next(&w.members, &w.place, &w.batch)
        w.next = 0
        if not w.batch.living:
            return False
    w.text = member_text(&w.batch.members[w.batch.alive[w.next]], w.scratch, &w.length)
    w.score = 1.0
    w.next += 1
    return True


cdef inline bint walk_next(Walk* w) noexcept nogil:
    if w.of_set:
        return next_of_set(w)
    if not cursor_next(&w.sorted):
        return False
    w.text = w.sorted.text
    w.length = w.sorted.length
    w.score = w.sorted.score
    return True


# Scores

cdef inline double weighted(const Source* s, double score, Aggregate how) noexcept nogil:
    if how == AGGREGATE_COUNT:
        return s.weight
    score *= s.weight
    return 0.0 if isnan(score) else score


cdef inline double joined(double score, double other, Aggregate how) noexcept nogil:
    if how == AGGREGATE_MIN:
        return other if other < score else score
    if how == AGGREGATE_MAX:
        return other if other > score else score
    score += other
    return 0.0 if isnan(score) else score


# Gathering

cdef void gather_init(Gathering* g, uint64_t seed) noexcept nogil:
    g.items = NULL
    g.count = g.room = 0
    table_init(&g.table, seed)


cdef inline void append(Gathering* g, Entry* e, double score) noexcept nogil:
    cdef size_t room
    if g.count == g.room:
        room = 2 * g.room if g.room else FIRST_ROOM
        if g.room:
            g.items = <Scored*>reallocate(g.items, g.room * sizeof(Scored), room * sizeof(Scored), KIND_COLLECTION)
        else:
            g.items = <Scored*>allocate(room * sizeof(Scored), KIND_COLLECTION)
        g.room = room
    g.items[g.count].score = score
    g.items[g.count].member = e
    g.count += 1


cdef void gather_member(Gathering* g, const char* text, size_t length, double score) noexcept nogil:
    append(g, member_new(text, length, score), score)


cdef void join_members(Gathering* g, const char** texts, const size_t* lengths, const double* scores, size_t count,
                       Aggregate how) noexcept nogil:
    """Members that may be there already."""
    cdef uint64_t hashes[TOGETHER]
    cdef Entry** slot
    cdef Entry* e
    cdef size_t i
    for i in range(count):
        hashes[i] = table_hash(&g.table, texts[i], lengths[i])
        table_prefetch(&g.table, hashes[i])
    for i in range(count):
        table_prefetch_entry(&g.table, hashes[i])
    for i in range(count):
        slot = table_find(&g.table, texts[i], lengths[i], hashes[i])
        if slot != NULL:
            set_member_score(slot[0], joined(member_score(slot[0]), scores[i], how))
        else:
            e = member_new(texts[i], lengths[i], scores[i])
            table_insert(&g.table, e, hashes[i])
            append(g, e, scores[i])


cdef void join_source(Gathering* g, const Source* s, Aggregate how) noexcept nogil:
    cdef const char* texts[TOGETHER]
    cdef size_t lengths[TOGETHER]
    cdef double scores[TOGETHER]
    cdef size_t held = 0
    cdef Walk w
    walk_start(&w, s)
    while walk_next(&w):
        texts[held] = w.text
        lengths[held] = w.length
        scores[held] = weighted(s, w.score, how)
        held += 1
        if held == TOGETHER or not w.lasting:
            join_members(g, texts, lengths, scores, held, how)
            held = 0
    join_members(g, texts, lengths, scores, held, how)


cdef void gather_union(Gathering* g, const Source* sources, size_t count, Aggregate how) noexcept nogil:
    cdef size_t i
    cdef Walk w
    if count == 1 and source_length(&sources[0]):
        walk_start(&w, &sources[0])
        while walk_next(&w):
            gather_member(g, w.text, w.length, weighted(&sources[0], w.score, how))
        return
    if source_length(&sources[count - 1]) > FIRST_ROOM:
        # The last one is the largest.
        table_reserve(&g.table, source_length(&sources[count - 1]))
    for i in range(count):
        if source_length(&sources[i]):
            join_source(g, &sources[i], how)
    for i in range(g.count):
        g.items[i].score = member_score(g.items[i].member)


cdef void gather_intersection(Gathering* g, const Source* sources, size_t count, Aggregate how) noexcept nogil:
    cdef Walk w
    cdef double score, other
    cdef size_t i
    cdef bint everywhere
    if not source_length(&sources[0]):
        return
    walk_start(&w, &sources[0])
    while walk_next(&w):
        score = weighted(&sources[0], w.score, how)
        everywhere = True
        for i in range(1, count):
            if not source_score(&sources[i], w.text, w.length, &other):
                everywhere = False
                break
            score = joined(score, weighted(&sources[i], other, how), how)
        if everywhere:
            gather_member(g, w.text, w.length, score)


cdef size_t count_intersection(const Source* sources, size_t count, size_t limit) noexcept nogil:
    cdef Walk w
    cdef double score
    cdef size_t i
    cdef size_t found = 0
    cdef bint everywhere
    if not source_length(&sources[0]):
        return 0
    walk_start(&w, &sources[0])
    while found < limit and walk_next(&w):
        everywhere = True
        for i in range(1, count):
            if not source_score(&sources[i], w.text, w.length, &score):
                everywhere = False
                break
        found += everywhere
    return found


cdef void gather_difference(Gathering* g, const Source* sources, size_t count) noexcept nogil:
    cdef Gathering others
    cdef Walk w
    cdef double score
    cdef size_t i
    cdef size_t total = 0
    cdef bint elsewhere
    cdef bint together
    if not source_length(&sources[0]):
        return
    for i in range(1, count):
        total += source_length(&sources[i])
    # Many small sets are gathered first, so that each member is looked up once.
    together = count > 2 and 2 * total < source_length(&sources[0]) * (count - 1)
    if together:
        gather_init(&others, g.table.seed)
        for i in range(1, count):
            if source_length(&sources[i]):
                join_source(&others, &sources[i], AGGREGATE_MAX)
    walk_start(&w, &sources[0])
    while walk_next(&w):
        elsewhere = False
        if together:
            elsewhere = table_find(&others.table, w.text, w.length,
                                   table_hash(&others.table, w.text, w.length)) != NULL
        else:
            for i in range(1, count):
                if source_score(&sources[i], w.text, w.length, &score):
                    elsewhere = True
                    break
        if not elsewhere:
            gather_member(g, w.text, w.length, w.score)
    if together:
        gather_free(&others)


cdef void gather_sort(Gathering* g) noexcept nogil:
    sort_scored(g.items, g.count)


cdef void gather_build(Gathering* g, const Limits* limits, Sorted* made) noexcept nogil:
    sorted_build(made, limits, g.items, g.count, &g.table if g.table.used else NULL)
    if g.room:
        release(g.items, g.room * sizeof(Scored), KIND_COLLECTION)
    gather_init(g, limits.seed)


cdef void gather_free(Gathering* g) noexcept nogil:
    cdef size_t i
    for i in range(g.count):
        entry_free_shell(g.items[i].member)
    table_clear(&g.table)
    if g.room:
        release(g.items, g.room * sizeof(Scored), KIND_COLLECTION)
    gather_init(g, g.table.seed)
