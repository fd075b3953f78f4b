"""Sorted sets: small ones packed, large ones a table and a tree of the same members; see sorted_set.pxd."""

from libc.math cimport isnan
from libc.stdint cimport int64_t, uint8_t, uint64_t
from cpython.bytes cimport PyBytes_FromStringAndSize

from redpoll.engine.entry cimport (
    ENC_LISTPACK, ENC_TREE, Entry, entry_free_shell, entry_key, entry_key_length, entry_size,
)
from redpoll.engine.listpack cimport (
    AFTER, BEFORE, Element, listpack_append, listpack_append_integer, listpack_at, listpack_find,
    listpack_first, listpack_fits, listpack_free, listpack_get, listpack_last, listpack_length, listpack_new,
    listpack_next, listpack_previous, listpack_put, listpack_put_integer, listpack_remove, listpack_text,
)
from redpoll.engine.memory cimport KIND_COLLECTION, allocate, block_size, release
from redpoll.engine.numbers cimport DOUBLE_TEXT_SIZE, format_double, parse_double
from redpoll.engine.rank_tree cimport (
    BOUND_END, BOUND_LEX_ABOVE, BOUND_LEX_FROM, BOUND_MEMBER, BOUND_SCORE_ABOVE, BOUND_SCORE_FROM, BOUND_START, Bound,
    Leaf, Scored, compare_texts, member_new, member_score, set_member_score, sort_scored, tree_at, tree_before,
    tree_build, tree_check, tree_free_some, tree_init, tree_insert, tree_memory, tree_move, tree_remove,
    tree_remove_ranks,
)
from redpoll.engine.table cimport (
    Table, table_buckets, table_dismantle, table_find, table_hash, table_init, table_insert, table_memory,
    table_prefetch, table_remove, table_reserve, table_scan, table_touch,
)
from redpoll.engine.value cimport ValueOperations, value_free, value_register

cdef extern from *:
    """
    #define redpoll_prefetch(p) __builtin_prefetch(p)
    """
    void redpoll_prefetch(const void* p) noexcept nogil

cdef enum:
    AHEAD = 8                # members that a reader of a leaf asks for before it needs them


# Scores that are integers up to here are packed as such.
cdef double WHOLE_BELOW = 9007199254740992.0


# Scores in listpacks

cdef double listpack_score(const uint8_t* element) noexcept nogil:
    cdef Element read
    cdef double score = 0
    listpack_get(element, &read)
    if read.text == NULL:
        return <double>read.integer
    parse_double(read.text, read.length, &score)
    return score


cdef inline bint is_whole(double score) noexcept nogil:
    return -WHOLE_BELOW < score < WHOLE_BELOW and score == <double><int64_t>score


cdef uint8_t* put_score(uint8_t* lp, const uint8_t* element, double score) noexcept nogil:
    """Behind an element."""
    cdef char text[DOUBLE_TEXT_SIZE]
    if is_whole(score):
        return listpack_put_integer(lp, element, <int64_t>score, AFTER, NULL)
    return listpack_put(lp, element, text, format_double(text, score), AFTER, NULL)


cdef uint8_t* append_pair(uint8_t* lp, const char* text, size_t length, double score) noexcept nogil:
    cdef char number[DOUBLE_TEXT_SIZE]
    lp = listpack_append(lp, text, length)
    if is_whole(score):
        return listpack_append_integer(lp, <int64_t>score)
    return listpack_append(lp, number, format_double(number, score))


cdef bint pair_is_after(const uint8_t* element, const char* text, size_t length, double score) noexcept nogil:
    """Whether the member at an element comes after this one."""
    cdef double own = listpack_score(listpack_next(element))
    cdef char scratch[24]
    cdef const char* member
    cdef size_t member_length
    if own != score:
        return own > score
    member = listpack_text(element, scratch, &member_length)
    return compare_texts(member, member_length, text, length) > 0


cdef uint8_t* insert_pair(uint8_t* lp, const char* text, size_t length, double score) noexcept nogil:
    cdef const uint8_t* element = listpack_last(lp)      # the last pair's score
    cdef const uint8_t* made
    # What grows with time is added at its end.
    if element == NULL or not pair_is_after(listpack_previous(lp, element), text, length, score):
        return append_pair(lp, text, length, score)
    element = listpack_first(lp)
    while element != NULL and not pair_is_after(element, text, length, score):
        element = listpack_next(listpack_next(element))
    if element == NULL:
        return append_pair(lp, text, length, score)
    lp = listpack_put(lp, element, text, length, BEFORE, &made)
    return put_score(lp, made, score)


cdef inline const uint8_t* find_packed(const uint8_t* lp, const char* text, size_t length) noexcept nogil:
    return listpack_find(listpack_first(lp), text, length, 2)


cdef bint packed_is_before(const uint8_t* element, const Bound* bound) noexcept nogil:
    cdef double score
    cdef char scratch[24]
    cdef const char* member
    cdef size_t length
    cdef int order
    if bound.kind == BOUND_SCORE_FROM:
        return listpack_score(listpack_next(element)) < bound.score
    if bound.kind == BOUND_SCORE_ABOVE:
        return listpack_score(listpack_next(element)) <= bound.score
    if bound.kind == BOUND_MEMBER:
        score = listpack_score(listpack_next(element))
        if score != bound.score:
            return score < bound.score
    member = listpack_text(element, scratch, &length)
    order = compare_texts(member, length, bound.text, bound.length)
    return order < 0 or (order == 0 and bound.kind == BOUND_LEX_ABOVE)


# Making and freeing

cdef SortedSet* tree_set_new(uint64_t seed) noexcept nogil:
    cdef SortedSet* made = <SortedSet*>allocate(sizeof(SortedSet), KIND_COLLECTION)
    tree_init(&made.tree)
    table_init(&made.table, seed)
    return made


cdef inline SortedSet* set_of(const Sorted* z) noexcept nogil:
    return <SortedSet*>z.value


cdef void sorted_new(Sorted* z, const Limits* limits, size_t entries, size_t longest) noexcept nogil:
    if entries <= limits.entries and longest <= limits.bytes:
        z.encoding = ENC_LISTPACK
        z.value = listpack_new()
    else:
        z.encoding = ENC_TREE
        z.value = tree_set_new(limits.seed)


cdef void own_member(SortedSet* into, Entry* e) noexcept nogil:
    table_insert(&into.table, e, table_hash(&into.table, entry_key(e), entry_key_length(e)))


cdef void make_tree(Sorted* z, uint64_t seed) noexcept nogil:
    """Of a listpack, which is freed."""
    cdef uint8_t* lp = <uint8_t*>z.value
    cdef SortedSet* made = tree_set_new(seed)
    cdef size_t count = listpack_length(lp) // 2
    cdef Scored* items
    cdef const uint8_t* element = listpack_first(lp)
    cdef char scratch[24]
    cdef const char* text
    cdef size_t length
    cdef size_t i
    if count:
        table_reserve(&made.table, count)
        items = <Scored*>allocate(count * sizeof(Scored), KIND_COLLECTION)
        for i in range(count):
            text = listpack_text(element, scratch, &length)
            element = listpack_next(element)
            items[i].score = listpack_score(element)
            items[i].member = member_new(text, length, items[i].score)
            own_member(made, items[i].member)
            element = listpack_next(element)
        tree_build(&made.tree, items, count)
        release(items, count * sizeof(Scored), KIND_COLLECTION)
    listpack_free(lp)
    z.encoding = ENC_TREE
    z.value = made


cdef void sorted_prepare(Sorted* z, const Limits* limits, size_t entries) noexcept nogil:
    if z.encoding == ENC_LISTPACK and entries > limits.entries:
        make_tree(z, limits.seed)


cdef void sorted_build(Sorted* z, const Limits* limits, Scored* items, size_t count, Table* table) noexcept nogil:
    cdef size_t longest = 0
    cdef size_t total = 0
    cdef size_t length
    cdef size_t i
    cdef SortedSet* made
    cdef uint8_t* lp
    sort_scored(items, count)
    if count <= limits.entries:
        for i in range(count):
            length = entry_key_length(items[i].member)
            total += length
            if length > longest:
                longest = length
        lp = listpack_new()
        if longest <= limits.bytes and listpack_fits(lp, total, 2 * count):
            for i in range(count):
                lp = append_pair(lp, entry_key(items[i].member), entry_key_length(items[i].member), items[i].score)
            z.encoding = ENC_LISTPACK
            z.value = lp
            if table == NULL:
                for i in range(count):
                    entry_free_shell(items[i].member)
            else:
                table_dismantle(table, <size_t>-1, free_member, NULL)
            return
        listpack_free(lp)
    made = tree_set_new(limits.seed)
    if table == NULL:
        table_reserve(&made.table, count)
        for i in range(count):
            if i + AHEAD < count:
                redpoll_prefetch(items[i + AHEAD].member)
            own_member(made, items[i].member)
    else:
        made.table = table[0]
        table_init(table, limits.seed)
    tree_build(&made.tree, items, count)
    z.encoding = ENC_TREE
    z.value = made


cdef void sorted_free(Sorted* z) noexcept nogil:
    value_free(z.encoding, z.value)


# Reading

cdef size_t sorted_length(const Sorted* z) noexcept nogil:
    if z.encoding == ENC_LISTPACK:
        return listpack_length(<uint8_t*>z.value) // 2
    return set_of(z).tree.size


cdef inline Entry** find_member(SortedSet* s, const char* text, size_t length) noexcept nogil:
    return table_find(&s.table, text, length, table_hash(&s.table, text, length))


cdef bint sorted_score(const Sorted* z, const char* text, size_t length, double* score) noexcept nogil:
    cdef const uint8_t* element
    cdef Entry** slot
    if z.encoding == ENC_LISTPACK:
        element = find_packed(<uint8_t*>z.value, text, length)
        if element == NULL:
            return False
        score[0] = listpack_score(listpack_next(element))
        return True
    slot = find_member(set_of(z), text, length)
    if slot == NULL:
        return False
    score[0] = member_score(slot[0])
    return True


cdef int64_t sorted_rank(const Sorted* z, const char* text, size_t length, double* score) noexcept nogil:
    cdef Bound bound
    cdef const uint8_t* element
    cdef const uint8_t* found
    cdef int64_t rank = 0
    if z.encoding == ENC_LISTPACK:
        found = find_packed(<uint8_t*>z.value, text, length)
        if found == NULL:
            return -1
        score[0] = listpack_score(listpack_next(found))
        element = listpack_first(<uint8_t*>z.value)
        while element != found:
            element = listpack_next(listpack_next(element))
            rank += 1
        return rank
    if not sorted_score(z, text, length, score):
        return -1
    bound.kind = BOUND_MEMBER
    bound.score = score[0]
    bound.text = text
    bound.length = length
    return tree_before(&set_of(z).tree, &bound)


cdef size_t sorted_before(const Sorted* z, const Bound* bound) noexcept nogil:
    cdef const uint8_t* element
    cdef size_t before = 0
    if z.encoding == ENC_TREE:
        return tree_before(&set_of(z).tree, bound)
    if bound.kind == BOUND_START:
        return 0
    if bound.kind == BOUND_END:
        return listpack_length(<uint8_t*>z.value) // 2
    element = listpack_first(<uint8_t*>z.value)
    while element != NULL and packed_is_before(element, bound):
        element = listpack_next(listpack_next(element))
        before += 1
    return before


cdef void cursor_start(Cursor* c, const Sorted* z, size_t rank, size_t count, bint backwards) noexcept nogil:
    c.left = count
    c.backwards = backwards
    c.leaf = NULL
    c.listpack = NULL
    if z.encoding == ENC_LISTPACK:
        c.listpack = <uint8_t*>z.value
        c.element = listpack_at(c.listpack, <int64_t>(2 * rank))
        if c.element == NULL:
            c.left = 0
        return
    c.leaf = tree_at(&set_of(z).tree, rank, &c.place)
    if c.leaf == NULL:
        c.left = 0


cdef bint next_packed(Cursor* c) noexcept nogil:
    cdef const uint8_t* score
    if c.element == NULL:
        return False
    score = listpack_next(c.element)
    c.text = listpack_text(c.element, c.scratch, &c.length)
    c.score = listpack_score(score)
    if not c.backwards:
        c.element = listpack_next(score)
    else:
        c.element = listpack_previous(c.listpack, c.element)
        if c.element != NULL:
            c.element = listpack_previous(c.listpack, c.element)
    return True


cdef bint cursor_next(Cursor* c) noexcept nogil:
    cdef Entry* e
    cdef Leaf* leaf = c.leaf
    if not c.left:
        return False
    c.left -= 1
    if c.listpack != NULL:
        return next_packed(c)
    if leaf == NULL:
        return False
    e = leaf.members[c.place]
    c.score = leaf.scores[c.place]
    c.text = entry_key(e)
    c.length = entry_key_length(e)
    if c.backwards:
        if c.place >= AHEAD:
            redpoll_prefetch(leaf.members[c.place - AHEAD])
        elif leaf.previous != NULL and leaf.previous.count >= AHEAD:
            redpoll_prefetch(leaf.previous.members[leaf.previous.count + c.place - AHEAD])
        if c.place:
            c.place -= 1
        else:
            c.leaf = leaf.previous
            if c.leaf != NULL:
                c.place = c.leaf.count - 1
        return True
    if c.place + AHEAD < leaf.count:
        redpoll_prefetch(leaf.members[c.place + AHEAD])
    elif leaf.next != NULL and c.place + AHEAD - leaf.count < leaf.next.count:
        redpoll_prefetch(leaf.next.members[c.place + AHEAD - leaf.count])
    c.place += 1
    if c.place == leaf.count:
        c.leaf = leaf.next
        c.place = 0
    return True


cdef struct ScanVisit:
    scored_visitor visit
    void* context


cdef void visit_entry(void* context, Entry* e) noexcept nogil:
    cdef ScanVisit* scan = <ScanVisit*>context
    scan.visit(scan.context, entry_key(e), entry_key_length(e), member_score(e))


cdef uint64_t sorted_scan(const Sorted* z, uint64_t cursor, scored_visitor visit, void* context) noexcept nogil:
    cdef ScanVisit scan
    cdef Cursor c
    if z.encoding == ENC_LISTPACK:
        cursor_start(&c, z, 0, <size_t>-1, False)
        while cursor_next(&c):
            visit(context, c.text, c.length, c.score)
        return 0
    scan.visit = visit
    scan.context = context
    return table_scan(&set_of(z).table, cursor, visit_entry, &scan)


# Changing

cdef Outcome weigh(double before, double score, int conditions, double* result) noexcept nogil:
    """What is to be done with a member that is there."""
    if conditions & ONLY_NEW:
        return OUTCOME_NOTHING
    if conditions & INCREMENT:
        score += before
        if isnan(score):
            return OUTCOME_NOT_A_NUMBER
    if (conditions & ONLY_HIGHER and score <= before) or (conditions & ONLY_LOWER and score >= before):
        return OUTCOME_NOTHING
    result[0] = score
    return OUTCOME_SAME if score == before else OUTCOME_UPDATED


cdef Outcome put_packed(Sorted* z, const Limits* limits, const char* text, size_t length, double score,
                        int conditions, double* result) noexcept nogil:
    cdef uint8_t* lp = <uint8_t*>z.value
    cdef const uint8_t* element = find_packed(lp, text, length)
    cdef Outcome outcome
    if element != NULL:
        outcome = weigh(listpack_score(listpack_next(element)), score, conditions, result)
        if outcome == OUTCOME_UPDATED:
            lp = listpack_remove(lp, element, 2, NULL)
            z.value = insert_pair(lp, text, length, result[0])
        return outcome
    if conditions & ONLY_EXISTING:
        return OUTCOME_NOTHING
    result[0] = score
    if listpack_length(lp) // 2 + 1 > limits.entries or length > limits.bytes or not listpack_fits(lp, length, 2):
        make_tree(z, limits.seed)
        put_new(set_of(z), text, length, score)
    else:
        z.value = insert_pair(lp, text, length, score)
    return OUTCOME_ADDED


cdef void put_new(SortedSet* s, const char* text, size_t length, double score) noexcept nogil:
    cdef Entry* e = member_new(text, length, score)
    own_member(s, e)
    tree_insert(&s.tree, e, score)


cdef Outcome sorted_put(Sorted* z, const Limits* limits, const char* text, size_t length, double score,
                        int conditions, double* result) noexcept nogil:
    cdef SortedSet* s
    cdef Entry** slot
    cdef Entry* e
    cdef Outcome outcome
    cdef uint64_t hash
    cdef double before
    if z.encoding == ENC_LISTPACK:
        return put_packed(z, limits, text, length, score, conditions, result)
    s = set_of(z)
    hash = table_hash(&s.table, text, length)
    slot = table_find(&s.table, text, length, hash)
    if slot != NULL:
        e = slot[0]
        before = member_score(e)
        outcome = weigh(before, score, conditions, result)
        if outcome == OUTCOME_UPDATED:
            table_touch(&s.table, hash)
            tree_move(&s.tree, e, before, result[0])
            set_member_score(e, result[0])
        return outcome
    if conditions & ONLY_EXISTING:
        return OUTCOME_NOTHING
    e = member_new(text, length, score)
    table_insert(&s.table, e, hash)
    tree_insert(&s.tree, e, score)
    result[0] = score
    return OUTCOME_ADDED


cdef bint sorted_remove(Sorted* z, const char* text, size_t length) noexcept nogil:
    cdef const uint8_t* element
    cdef SortedSet* s
    cdef Entry** slot
    cdef Entry* e
    cdef uint64_t hash
    if z.encoding == ENC_LISTPACK:
        element = find_packed(<uint8_t*>z.value, text, length)
        if element == NULL:
            return False
        z.value = listpack_remove(<uint8_t*>z.value, element, 2, NULL)
        return True
    s = set_of(z)
    hash = table_hash(&s.table, text, length)
    slot = table_find(&s.table, text, length, hash)
    if slot == NULL:
        return False
    e = slot[0]
    tree_remove(&s.tree, e, member_score(e))
    table_remove(&s.table, slot, hash)
    entry_free_shell(e)
    return True


cdef void forget_members(void* context, Entry** members, size_t count) noexcept nogil:
    """What left the tree leaves the table too."""
    cdef Table* t = <Table*>context
    cdef uint64_t hashes[64]
    cdef size_t i
    cdef Entry* e
    for i in range(count):
        redpoll_prefetch(members[i])
    for i in range(count):
        hashes[i] = table_hash(t, entry_key(members[i]), entry_key_length(members[i]))
        table_prefetch(t, hashes[i])
    for i in range(count):
        e = members[i]
        table_remove(t, table_find(t, entry_key(e), entry_key_length(e), hashes[i]), hashes[i])
        entry_free_shell(e)


cdef void sorted_remove_ranks(Sorted* z, size_t rank, size_t count) noexcept nogil:
    cdef uint8_t* lp
    if not count:
        return
    if z.encoding == ENC_LISTPACK:
        lp = <uint8_t*>z.value
        z.value = listpack_remove(lp, listpack_at(lp, <int64_t>(2 * rank)), 2 * count, NULL)
        return
    tree_remove_ranks(&set_of(z).tree, rank, count, forget_members, &set_of(z).table)


# As values of the keyspace

cdef void free_member(void* context, Entry* e) noexcept nogil:
    entry_free_shell(e)


cdef size_t value_length_(const void* value) noexcept nogil:
    return (<SortedSet*>value).tree.size


cdef size_t value_memory_(const void* value, size_t samples) noexcept nogil:
    cdef SortedSet* s = <SortedSet*>value
    cdef size_t total = block_size(sizeof(SortedSet)) + table_memory(&s.table) + tree_memory(&s.tree)
    cdef size_t size = s.tree.size
    cdef size_t members = 0
    cdef size_t _
    cdef size_t place = 0
    cdef Leaf* leaf = s.tree.first
    if not samples or samples > size:
        samples = size
    for _ in range(samples):
        members += block_size(entry_size(leaf.members[place]))
        place += 1
        if place == leaf.count:
            leaf = leaf.next
            place = 0
    return total + (members if samples == size else <size_t>(<double>members / samples * size))


cdef void* value_copy_(const void* value) noexcept nogil:
    cdef SortedSet* s = <SortedSet*>value
    cdef SortedSet* made = tree_set_new(s.table.seed)
    cdef Scored* items = <Scored*>allocate(s.tree.size * sizeof(Scored), KIND_COLLECTION)
    cdef Sorted z
    cdef Cursor c
    cdef size_t i = 0
    z.encoding = ENC_TREE
    z.value = s
    table_reserve(&made.table, s.tree.size)
    cursor_start(&c, &z, 0, s.tree.size, False)
    while cursor_next(&c):
        items[i].score = c.score
        items[i].member = member_new(c.text, c.length, c.score)
        own_member(made, items[i].member)
        i += 1
    tree_build(&made.tree, items, i)
    release(items, s.tree.size * sizeof(Scored), KIND_COLLECTION)
    return made


cdef bint value_free_some_(void* value, size_t most) noexcept nogil:
    cdef SortedSet* s = <SortedSet*>value
    if s.table.segments != NULL:
        if not table_dismantle(&s.table, most, free_member, NULL):
            return False
    if not tree_free_some(&s.tree, most):
        return False
    release(s, sizeof(SortedSet), KIND_COLLECTION)
    return True


cdef object value_contents_(const void* value):
    cdef Sorted z
    cdef Cursor c
    cdef list found = []
    z.encoding = ENC_TREE
    z.value = <void*>value
    cursor_start(&c, &z, 0, <size_t>-1, False)
    while cursor_next(&c):
        found.append(PyBytes_FromStringAndSize(c.text, c.length))
        found.append(c.score)
    return found


cdef ValueOperations operations
operations.length = value_length_
operations.memory = value_memory_
operations.copy = value_copy_
operations.free_some = value_free_some_
operations.contents = value_contents_
value_register(ENC_TREE, &operations)


# For tests

cdef int sorted_check(const Sorted* z) except -1:
    cdef SortedSet* s
    cdef Cursor c
    cdef Cursor following
    cdef Entry** slot
    cdef size_t count = 0
    if z.encoding == ENC_LISTPACK:
        cursor_start(&c, z, 0, <size_t>-1, False)
        cursor_start(&following, z, 0, <size_t>-1, False)
        cursor_next(&following)
        while cursor_next(&c) and cursor_next(&following):
            assert c.score < following.score or (
                c.score == following.score
                and compare_texts(c.text, c.length, following.text, following.length) < 0)
        return 0
    s = set_of(z)
    tree_check(&s.tree)
    assert s.table.used == s.tree.size
    cursor_start(&c, z, 0, <size_t>-1, False)
    while cursor_next(&c):
        slot = find_member(s, c.text, c.length)
        assert slot != NULL and member_score(slot[0]) == c.score
        count += 1
    assert count == s.tree.size
    return 0


cdef class SortedMembers:
    """A sorted set outside of any keyspace, for tests: entries and bytes are the limits of the listpack."""
    cdef Sorted z
    cdef Limits limits

    def __cinit__(self, size_t entries=128, size_t longest=64, uint64_t seed=1):
        self.limits.entries = entries
        self.limits.bytes = longest
        self.limits.seed = seed
        sorted_new(&self.z, &self.limits, 0, 0)

    def __dealloc__(self):
        sorted_free(&self.z)

    def __len__(self):
        return sorted_length(&self.z)

    @property
    def is_packed(self):
        """Whether it is a listpack still."""
        return self.z.encoding == ENC_LISTPACK

    def check(self):
        """Raise AssertionError unless the structure is sound."""
        sorted_check(&self.z)

    def put(self, bytes member, double score, int conditions=0):
        """(outcome, the score then or None)."""
        cdef double result
        cdef Outcome outcome = sorted_put(&self.z, &self.limits, member, len(member), score, conditions, &result)
        done = outcome & (OUTCOME_ADDED | OUTCOME_UPDATED | OUTCOME_SAME)
        return <int>outcome, result if done else None

    def remove(self, bytes member):
        """Whether it was there."""
        return sorted_remove(&self.z, member, len(member))

    def remove_ranks(self, size_t rank, size_t count):
        """Remove `count` members from a rank on, which must be there."""
        sorted_remove_ranks(&self.z, rank, count)

    def score(self, bytes member):
        """The score, or None."""
        cdef double score
        return score if sorted_score(&self.z, member, len(member), &score) else None

    def rank(self, bytes member):
        """The rank, or None."""
        cdef double score
        cdef int64_t rank = sorted_rank(&self.z, member, len(member), &score)
        return None if rank < 0 else rank

    def before(self, double score, bint inclusive):
        """How many members have a lower score, or the same."""
        cdef Bound bound
        bound.kind = BOUND_SCORE_ABOVE if inclusive else BOUND_SCORE_FROM
        bound.score = score
        return sorted_before(&self.z, &bound)

    def before_text(self, bytes text, bint inclusive):
        """How many members are before a text, or are it, where all scores are the same."""
        cdef Bound bound
        bound.kind = BOUND_LEX_ABOVE if inclusive else BOUND_LEX_FROM
        bound.text = text
        bound.length = len(text)
        return sorted_before(&self.z, &bound)

    def items(self, size_t rank=0, size_t count=-1, bint backwards=False):
        """[(member, score)] from a rank on."""
        cdef Cursor c
        cdef list found = []
        cursor_start(&c, &self.z, rank, count, backwards)
        while cursor_next(&c):
            found.append((PyBytes_FromStringAndSize(c.text, c.length), c.score))
        return found

    def build(self, list pairs):
        """Have these members instead: (member, score), distinct, in any order."""
        cdef Scored* items = <Scored*>allocate(max(1, len(pairs)) * sizeof(Scored), KIND_COLLECTION)
        cdef size_t i = 0
        cdef bytes member
        sorted_free(&self.z)
        for member, score in pairs:
            items[i].score = score
            items[i].member = member_new(member, len(member), score)
            i += 1
        sorted_build(&self.z, &self.limits, items, i, NULL)
        release(items, max(1, len(pairs)) * sizeof(Scored), KIND_COLLECTION)

    def memory(self, size_t samples=0):
        """Bytes of a tree."""
        return value_memory_(self.z.value, samples)

    def shape(self):
        """Facts of a tree, for diagnosis."""
        cdef SortedSet* s = set_of(&self.z)
        return {"members": s.tree.size, "height": s.tree.height, "leaves": s.tree.leaves, "inners": s.tree.inners,
                "table_bytes": table_memory(&s.table), "tree_bytes": tree_memory(&s.tree),
                "buckets": table_buckets(&s.table), "chained": s.table.chained}
