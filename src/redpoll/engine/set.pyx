"""Sets in their three encodings; see set.pxd for when a set is stored how."""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memset
from cpython.bytes cimport PyBytes_FromStringAndSize

from redpoll.engine.entry cimport ENC_INTSET, ENC_LISTPACK, ENC_TABLE, Entry
from redpoll.engine.intset cimport (
    INTSET_MAX, intset_add, intset_at, intset_copy, intset_find, intset_free, intset_length, intset_memory, intset_new,
    intset_remove_at,
)
from redpoll.engine.listpack cimport (
    Element, listpack_append, listpack_append_integer, listpack_find, listpack_first, listpack_fits,
    listpack_get, listpack_length, listpack_at, listpack_new, listpack_next, listpack_remove,
)
from redpoll.engine.member cimport (
    MEMBER_IN_SLOT, MEMBER_INTEGER, hash_of_member, member_hash, member_of_integer, member_of_text, member_of_word,
    member_text, word_integer,
)
from redpoll.engine.members cimport (
    BATCH, Members, batch_begin, batch_more, members_add, members_add_batch, members_copy, members_filter, members_find,
    members_free_some, members_memory, members_new, members_next, members_remove,
)
from redpoll.engine.numbers cimport digits_int64, format_int64, parse_int64
from redpoll.engine.table cimport Table, redpoll_prefetch, table_random_slot
from redpoll.engine.value cimport ValueOperations, value_copy, value_free, value_register


cdef inline size_t most_integers(const SetRules* rules) noexcept nogil:
    return rules.intset_entries if rules.intset_entries < INTSET_MAX else INTSET_MAX


cdef inline bint is_integer(const Member* member, int64_t* value) noexcept nogil:
    cdef long long parsed
    if member.text == NULL:
        value[0] = word_integer(member.word)
        return member.word & MEMBER_INTEGER != 0
    # An integer of the few that no slot holds.
    if not parse_int64(member.text, member.length, &parsed):
        return False
    value[0] = parsed
    return True


cdef inline void member_of_any_integer(Member* member, int64_t value, char* scratch) noexcept nogil:
    if not member_of_integer(member, value):
        member.text = scratch
        member.length = format_int64(scratch, value)


cdef void member_of_element(Member* member, const uint8_t* element, char* scratch) noexcept nogil:
    cdef Element read
    listpack_get(element, &read)
    if read.text == NULL:
        member_of_any_integer(member, read.integer, scratch)
    else:
        member_of_text(member, read.text, read.length)


# Making

cdef void set_new_as(Set* s, const SetRules* rules, int encoding, size_t expected) noexcept nogil:
    s.encoding = encoding
    if encoding == ENC_INTSET:
        s.value = intset_new()
    elif encoding == ENC_LISTPACK:
        s.value = listpack_new()
    else:
        s.value = members_new(rules.seed, expected)


cdef void set_new(Set* s, const SetRules* rules, const char* text, size_t length, size_t expected) noexcept nogil:
    cdef long long value
    if expected <= most_integers(rules) and parse_int64(text, length, &value):
        set_new_as(s, rules, ENC_INTSET, 0)
    elif expected <= rules.listpack_entries:
        set_new_as(s, rules, ENC_LISTPACK, 0)
    else:
        set_new_as(s, rules, ENC_TABLE, expected)


cdef void set_copy(const Set* s, Set* made) noexcept nogil:
    made.encoding = s.encoding
    made.value = value_copy(s.encoding, s.value)


cdef void set_free(Set* s) noexcept nogil:
    value_free(s.encoding, s.value)
    s.value = NULL


cdef void set_to_table(Set* s, const SetRules* rules, size_t expected) noexcept nogil:
    cdef Set made
    cdef SetCursor cursor
    cdef Batch batch
    set_new_as(&made, rules, ENC_TABLE, expected)
    memset(&cursor, 0, sizeof(cursor))
    while True:
        set_next(s, &cursor, &batch)
        if not batch.count:
            break
        members_add_batch(<Members*>made.value, &batch)
    set_free(s)
    s[0] = made


cdef void set_expect(Set* s, const SetRules* rules, size_t expected) noexcept nogil:
    if ((s.encoding == ENC_LISTPACK and expected > rules.listpack_entries)
            or (s.encoding == ENC_INTSET and expected > most_integers(rules))):
        set_to_table(s, rules, expected)


cdef void intset_to_listpack(Set* s) noexcept nogil:
    cdef uint8_t* integers = <uint8_t*>s.value
    cdef uint8_t* lp = listpack_new()
    cdef size_t i
    for i in range(intset_length(integers)):
        lp = listpack_append_integer(lp, intset_at(integers, i))
    intset_free(integers)
    s.encoding = ENC_LISTPACK
    s.value = lp


# One member

cdef size_t set_length(const Set* s) noexcept nogil:
    if s.encoding == ENC_TABLE:
        return (<Members*>s.value).table.used
    if s.encoding == ENC_INTSET:
        return intset_length(<const uint8_t*>s.value)
    return listpack_length(<const uint8_t*>s.value)


cdef const uint8_t* element_of(const Set* s, const Member* member) noexcept nogil:
    """Where a member is in a listpack, or NULL."""
    cdef char scratch[MEMBER_SCRATCH]
    cdef size_t length
    cdef const char* text = member_text(member, scratch, &length)
    return listpack_find(listpack_first(<const uint8_t*>s.value), text, length, 1)


cdef bint set_has(const Set* s, const Member* member) noexcept nogil:
    cdef Members* m
    cdef int64_t value
    cdef size_t index
    if s.encoding == ENC_TABLE:
        m = <Members*>s.value
        return members_find(m, member, hash_of_member(member, m.table.seed)) != NULL
    if s.encoding == ENC_INTSET:
        return is_integer(member, &value) and intset_find(<const uint8_t*>s.value, value, &index)
    return element_of(s, member) != NULL


cdef bint add_to_intset(Set* s, const SetRules* rules, const Member* member) noexcept nogil:
    cdef uint8_t* integers = <uint8_t*>s.value
    cdef char scratch[MEMBER_SCRATCH]
    cdef int64_t value
    cdef size_t count, longest, length
    cdef bint added
    if is_integer(member, &value):
        s.value = intset_add(integers, value, &added)
        if added and intset_length(<uint8_t*>s.value) > most_integers(rules):
            set_to_table(s, rules, 0)
        return added
    member_text(member, scratch, &length)
    count = intset_length(integers)
    longest = 0
    if count:
        longest = max(digits_int64(intset_at(integers, 0)), digits_int64(intset_at(integers, count - 1)))
    if count < rules.listpack_entries and length <= rules.listpack_value and longest <= rules.listpack_value:
        intset_to_listpack(s)
    else:
        set_to_table(s, rules, count + 1)
    return set_add(s, rules, member)


cdef bint add_to_listpack(Set* s, const SetRules* rules, const Member* member) noexcept nogil:
    cdef uint8_t* lp = <uint8_t*>s.value
    cdef char scratch[MEMBER_SCRATCH]
    cdef size_t length
    cdef const char* text = member_text(member, scratch, &length)
    if listpack_find(listpack_first(lp), text, length, 1) != NULL:
        return False
    if (listpack_length(lp) < rules.listpack_entries and length <= rules.listpack_value
            and listpack_fits(lp, length, 1)):
        if member.text == NULL and member.word & MEMBER_INTEGER:
            s.value = listpack_append_integer(lp, word_integer(member.word))
        else:
            s.value = listpack_append(lp, text, length)
        return True
    set_to_table(s, rules, listpack_length(lp) + 1)
    return members_add(<Members*>s.value, member)


cdef bint set_add(Set* s, const SetRules* rules, const Member* member) noexcept nogil:
    if s.encoding == ENC_TABLE:
        return members_add(<Members*>s.value, member)
    if s.encoding == ENC_INTSET:
        return add_to_intset(s, rules, member)
    return add_to_listpack(s, rules, member)


cdef bint set_remove(Set* s, const Member* member) noexcept nogil:
    cdef Members* m
    cdef Entry** slot
    cdef uint64_t hash
    cdef const uint8_t* element
    cdef int64_t value
    cdef size_t index
    if s.encoding == ENC_TABLE:
        m = <Members*>s.value
        hash = hash_of_member(member, m.table.seed)
        slot = members_find(m, member, hash)
        if slot == NULL:
            return False
        members_remove(m, slot, hash)
        return True
    if s.encoding == ENC_INTSET:
        if not is_integer(member, &value) or not intset_find(<uint8_t*>s.value, value, &index):
            return False
        s.value = intset_remove_at(<uint8_t*>s.value, index, 1)
        return True
    element = element_of(s, member)
    if element == NULL:
        return False
    s.value = listpack_remove(<uint8_t*>s.value, element, 1, NULL)
    return True


# Any member

cdef extern from *:
    """
    static inline uint64_t redpoll_pick_below(uint64_t random, uint64_t limit) {
        return (uint64_t)((unsigned __int128)random * limit >> 64);
    }
    """
    uint64_t below "redpoll_pick_below"(uint64_t random, uint64_t limit) noexcept nogil


cdef void set_pick(const Set* s, random_source random, void* context, Pick* pick) noexcept nogil:
    if s.encoding == ENC_TABLE:
        pick.slot = table_random_slot(&(<Members*>s.value).table, random, context)
        member_of_word(&pick.member, <uint64_t>pick.slot[0])
        return
    pick.index = below(random(context), set_length(s))
    if s.encoding == ENC_INTSET:
        member_of_any_integer(&pick.member, intset_at(<const uint8_t*>s.value, pick.index), pick.scratch)
        return
    pick.element = listpack_at(<const uint8_t*>s.value, <int64_t>pick.index)
    member_of_element(&pick.member, pick.element, pick.scratch)


cdef void set_pick_table(const Set* s, random_source random, void* context, size_t count, Batch* batch) noexcept nogil:
    cdef const Table* t = &(<Members*>s.value).table
    cdef size_t i
    cdef uint64_t word
    batch_begin(batch)
    while batch.count < count:
        word = <uint64_t>table_random_slot(t, random, context)[0]
        if not word & MEMBER_IN_SLOT:
            redpoll_prefetch(<void*>word)
        batch_more(batch).word = word
    for i in range(count):
        member_of_word(&batch.members[i], batch.members[i].word)


cdef void set_remove_pick(Set* s, const Pick* pick) noexcept nogil:
    cdef Members* m
    if s.encoding == ENC_TABLE:
        m = <Members*>s.value
        members_remove(m, <Entry**>pick.slot, member_hash(<uint64_t>pick.slot[0], m.table.seed))
    elif s.encoding == ENC_INTSET:
        s.value = intset_remove_at(<uint8_t*>s.value, pick.index, 1)
    else:
        s.value = listpack_remove(<uint8_t*>s.value, pick.element, 1, NULL)


# Many members

cdef void set_next(const Set* s, SetCursor* cursor, Batch* batch) noexcept nogil:
    cdef const uint8_t* value = <const uint8_t*>s.value
    cdef size_t number
    batch_begin(batch)
    if s.encoding == ENC_TABLE:
        members_next(<Members*>s.value, &cursor.members, batch)
        return
    if s.encoding == ENC_INTSET:
        while batch.count < BATCH and cursor.index < intset_length(value):
            number = batch.count
            member_of_any_integer(batch_more(batch), intset_at(value, cursor.index), batch.scratch[number])
            cursor.index += 1
        return
    if not cursor.index:
        cursor.index = 1
        cursor.element = listpack_first(value)
    while batch.count < BATCH and cursor.element != NULL:
        number = batch.count
        member_of_element(batch_more(batch), cursor.element, batch.scratch[number])
        cursor.element = listpack_next(cursor.element)


cdef void set_filter(const Set* s, Batch* batch, bint wanted) noexcept nogil:
    cdef size_t i
    cdef size_t kept = 0
    cdef uint8_t number
    if s.encoding == ENC_TABLE:
        members_filter(<Members*>s.value, batch, wanted)
        return
    for i in range(batch.living):
        number = batch.alive[i]
        if set_has(s, &batch.members[number]) == wanted:
            batch.alive[kept] = number
            kept += 1
    batch.living = kept


cdef void set_add_batch(Set* s, const SetRules* rules, Batch* batch) noexcept nogil:
    cdef size_t i
    if s.encoding == ENC_TABLE:
        members_add_batch(<Members*>s.value, batch)
        return
    for i in range(batch.living):
        set_add(s, rules, &batch.members[batch.alive[i]])


# What engine/value does with sets

cdef list contents_of(int encoding, const void* value):
    cdef Set s
    cdef SetCursor cursor
    cdef Batch batch
    cdef char scratch[MEMBER_SCRATCH]
    cdef size_t i, length
    cdef const char* text
    cdef list found = []
    s.encoding = encoding
    s.value = <void*>value
    memset(&cursor, 0, sizeof(cursor))
    while True:
        set_next(&s, &cursor, &batch)
        if not batch.count:
            return found
        for i in range(batch.count):
            text = member_text(&batch.members[i], scratch, &length)
            found.append(PyBytes_FromStringAndSize(text, length))


cdef size_t integers_length(const void* value) noexcept nogil:
    # One block is freed in one step, however much is in it.
    return 1


cdef size_t integers_memory(const void* value, size_t samples) noexcept nogil:
    return intset_memory(<const uint8_t*>value)


cdef void* integers_copy(const void* value) noexcept nogil:
    return intset_copy(<const uint8_t*>value)


cdef bint integers_free(void* value, size_t most) noexcept nogil:
    intset_free(<uint8_t*>value)
    return True


cdef object integers_contents(const void* value):
    return contents_of(ENC_INTSET, value)


cdef size_t table_length(const void* value) noexcept nogil:
    return (<const Members*>value).table.used


cdef size_t table_memory(const void* value, size_t samples) noexcept nogil:
    return members_memory(<const Members*>value)


cdef void* table_copy(const void* value) noexcept nogil:
    return members_copy(<const Members*>value)


cdef bint table_free(void* value, size_t most) noexcept nogil:
    return members_free_some(<Members*>value, most)


cdef object table_contents(const void* value):
    return contents_of(ENC_TABLE, value)


cdef ValueOperations operations
operations.length = integers_length
operations.memory = integers_memory
operations.copy = integers_copy
operations.free_some = integers_free
operations.contents = integers_contents
value_register(ENC_INTSET, &operations)
operations.length = table_length
operations.memory = table_memory
operations.copy = table_copy
operations.free_some = table_free
operations.contents = table_contents
value_register(ENC_TABLE, &operations)
