"""SPOP and SRANDMEMBER: members by chance, each as likely.

Few of many are drawn one by one. When it is a large part, all members are walked once and each is taken with the chance
that leaves all selections as likely (selection sampling: Knuth, The Art of Computer Programming, volume 2, algorithm
3.4.2 S).
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint64_t
from libc.stdlib cimport abort, free, malloc
from libc.string cimport memset
from cpython.bytes cimport PyBytes_FromStringAndSize

from redpoll.commands.call cimport EVENT_GENERIC, EVENT_SET, Call, native
from redpoll.commands.set_words cimport reply_living, reply_member, view_set
from redpoll.engine.entry cimport ENC_LISTPACK, ENC_TABLE, Entry, entry_set_value
from redpoll.engine.keyspace cimport random_of
from redpoll.engine.listpack cimport listpack_first, listpack_next
from redpoll.engine.member cimport MEMBER_INTEGER, MEMBER_SCRATCH, Member, member_text
from redpoll.engine.members cimport (
    BATCH, Batch, Members, batch_begin, batch_more, members_add, members_free_some, members_new,
)
from redpoll.engine.set cimport (
    Pick, Set, SetCursor, SetRules, member_of_element, rules_of, set_add_batch, set_free, set_length, set_new_as,
    set_next, set_pick, set_pick_table, set_remove_pick,
)
from redpoll.wire.reply cimport reply_array, reply_null, reply_set

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import FAST, READONLY, WRITE
from redpoll.errors import CommandError

cdef enum:
    WALK_PART = 8            # more than one in so many are had by a walk
    REBUILD_PART = 4         # popping more than one in so many makes a new set of the others
    NEW_SET_PART = 5         # popping so many times what is left gives the encoding of a new set, as in Redis

cdef extern from *:
    """
    static inline uint64_t redpoll_drawn_below(uint64_t random, uint64_t limit) {
        return (uint64_t)((unsigned __int128)random * limit >> 64);
    }
    """
    uint64_t below "redpoll_drawn_below"(uint64_t random, uint64_t limit) noexcept nogil


# How many of how many that are still to come are wanted.
cdef struct Selection:
    size_t wanted
    size_t left
    void* random


cdef void select(Selection* selection, const Batch* batch, Batch* chosen, Batch* others) noexcept nogil:
    """Part a batch's members; `chosen` and `others` share its texts, and one of them may be NULL."""
    cdef size_t i
    for i in range(batch.count):
        if below(random_of(selection.random), selection.left) < selection.wanted:
            selection.wanted -= 1
            if chosen != NULL:
                batch_more(chosen)[0] = batch.members[i]
        elif others != NULL:
            batch_more(others)[0] = batch.members[i]
        selection.left -= 1


# SPOP

cdef int64_t positive_count(Call call) except -1:
    cdef int64_t count
    try:
        call.integer(2, &count)
    except CommandError:
        count = -1
    if count < 0:
        raise CommandError(errors.NOT_POSITIVE)
    return count


cdef list removal(Call call):
    """The start of what is told on in place of a removal by chance; None when nothing is."""
    return [b"SREM", call.word(1)] if call.keyspace.propagating else None


cdef int note_living(list words, const Batch* batch) except -1:
    cdef char scratch[MEMBER_SCRATCH]
    cdef const char* text
    cdef size_t i, length
    for i in range(batch.living):
        text = member_text(&batch.members[batch.alive[i]], scratch, &length)
        words.append(PyBytes_FromStringAndSize(text, length))
    return 0


cdef void reply_all(Call call, const Set* s) noexcept:
    cdef SetCursor cursor
    cdef Batch batch
    memset(&cursor, 0, sizeof(cursor))
    set_next(s, &cursor, &batch)
    while batch.count:
        reply_living(call.out, &batch)
        set_next(s, &cursor, &batch)


cdef int pop_by_walk(Call call, Set* s, size_t count) except -1:
    """Tell so many members, and make a new set of the others."""
    cdef Set made
    cdef SetRules rules
    cdef SetCursor cursor
    cdef Selection selection
    cdef Batch batch, chosen, others
    cdef size_t size = set_length(s)
    cdef list told = removal(call)
    rules_of(&rules, call.keyspace)
    selection.wanted = count
    selection.left = size
    selection.random = &call.keyspace.random_state
    if s.encoding == ENC_TABLE and count >= (size - count) * NEW_SET_PART:
        set_new_as(&made, &rules, ENC_LISTPACK, 0)
    else:
        set_new_as(&made, &rules, s.encoding, size - count)
    memset(&cursor, 0, sizeof(cursor))
    set_next(s, &cursor, &batch)
    while batch.count:
        batch_begin(&chosen)
        batch_begin(&others)
        select(&selection, &batch, &chosen, &others)
        reply_living(call.out, &chosen)
        if told is not None:
            note_living(told, &chosen)
        set_add_batch(&made, &rules, &others)
        set_next(s, &cursor, &batch)
    set_free(s)
    s[0] = made
    if told is not None:
        call.instead(told)
    return 0


cdef int pop_one_by_one(Call call, Set* s, size_t count) except -1:
    cdef Batch one
    cdef Pick pick
    cdef list told = removal(call)
    while count:
        set_pick(s, random_of, &call.keyspace.random_state, &pick)
        reply_member(call.out, &pick.member)
        if told is not None:
            batch_begin(&one)
            batch_more(&one)[0] = pick.member
            note_living(told, &one)
        set_remove_pick(s, &pick)
        count -= 1
    if told is not None:
        call.instead(told)
    return 0


cdef int spop(Call call) except -1:
    cdef Entry** slot
    cdef Set s
    cdef bint many = call.argc == 3
    cdef int64_t count = 1
    if call.argc > 3:
        raise CommandError(errors.SYNTAX)
    if many:
        count = positive_count(call)
    slot = call.write(1)
    if not view_set(slot, &s):
        if many:
            reply_set(call.out, 0)
        else:
            reply_null(call.out)
        return 0
    count = min(count, <int64_t>set_length(&s))
    if many:
        reply_set(call.out, count)
        if not count:
            return 0
    if count == <int64_t>set_length(&s) and many:
        reply_all(call, &s)
        call.changed(EVENT_SET, b"spop", 1)
        call.keyspace.dirty += count - 1
        call.db.remove(slot, call.hash_of(1))
        call.also(EVENT_GENERIC, b"del", 1)
        call.say_deleted(1)
        return 0
    if count > 1 and (s.encoding != ENC_TABLE or count > <int64_t>set_length(&s) // REBUILD_PART):
        pop_by_walk(call, &s, count)
    else:
        pop_one_by_one(call, &s, count)
    entry_set_value(slot[0], s.encoding, s.value)
    call.changed(EVENT_SET, b"spop", 1)
    call.keyspace.dirty += count - 1
    if not set_length(&s):
        call.db.remove(slot, call.hash_of(1))
        call.also(EVENT_GENERIC, b"del", 1)
    return 0

declare(
    "SPOP key [count]", native(spop), summary="Remove members of a set by chance and return them.", group="set",
    since="1.0.0", flags=WRITE | FAST, complexity="O(N) where N is the number of members to remove",
    keys="RW access delete", tips="nondeterministic_output", added={"3.2.0": "count"},
)


# SRANDMEMBER

cdef void tell_by_walk(Call call, const Set* s, size_t count) noexcept:
    cdef SetCursor cursor
    cdef Selection selection
    cdef Batch batch, chosen
    selection.wanted = count
    selection.left = set_length(s)
    selection.random = &call.keyspace.random_state
    memset(&cursor, 0, sizeof(cursor))
    set_next(s, &cursor, &batch)
    while batch.count and selection.wanted:
        batch_begin(&chosen)
        select(&selection, &batch, &chosen, NULL)
        reply_living(call.out, &chosen)
        set_next(s, &cursor, &batch)


cdef void tell_different(Call call, const Set* s, size_t count) noexcept:
    """Draw again what was had; where a member is stored tells it."""
    cdef Members* had = members_new(call.keyspace.seed, count)
    cdef Pick pick
    cdef Member place
    place.text = NULL
    while had.table.used < count:
        set_pick(s, random_of, &call.keyspace.random_state, &pick)
        place.word = (<uint64_t>pick.slot if s.encoding == ENC_TABLE else pick.index << 1) | MEMBER_INTEGER
        if members_add(had, &place):
            reply_member(call.out, &pick.member)
    members_free_some(had, <size_t>-1)


cdef void tell_any_of_listpack(Call call, const Set* s, uint64_t count) noexcept:
    """Drawing from a listpack by index would walk it every time, so its elements are listed first."""
    cdef size_t size = set_length(s)
    cdef const uint8_t** elements = <const uint8_t**>malloc(size * sizeof(void*))
    cdef const uint8_t* p = listpack_first(<const uint8_t*>s.value)
    cdef size_t i = 0
    cdef Pick pick
    if elements == NULL:
        abort()
    while p != NULL and i < size:
        elements[i] = p
        i += 1
        p = listpack_next(p)
    while count:
        member_of_element(&pick.member, elements[below(call.keyspace.random(), size)], pick.scratch)
        reply_member(call.out, &pick.member)
        count -= 1
    free(elements)


cdef void tell_any(Call call, const Set* s, uint64_t count) noexcept:
    """So many members, any of which may come again."""
    cdef Batch batch
    cdef Pick pick
    if s.encoding == ENC_LISTPACK and count > 2:
        tell_any_of_listpack(call, s, count)
        return
    while count:
        if s.encoding == ENC_TABLE:
            set_pick_table(s, random_of, &call.keyspace.random_state, min(count, <uint64_t>BATCH), &batch)
            reply_living(call.out, &batch)
            count -= batch.count
        else:
            set_pick(s, random_of, &call.keyspace.random_state, &pick)
            reply_member(call.out, &pick.member)
            count -= 1


cdef int srandmember(Call call) except -1:
    cdef Set s
    cdef Pick pick
    cdef int64_t count = 1
    cdef size_t size
    if call.argc > 3:
        raise CommandError(errors.SYNTAX)
    if call.argc == 3:
        call.integer(2, &count)
        if count < -INT64_MAX:
            raise CommandError(errors.COUNT_RANGE)
    if not view_set(call.read(1), &s):
        if call.argc == 3:
            reply_array(call.out, 0)
        else:
            reply_null(call.out)
        return 0
    size = set_length(&s)
    if call.argc == 2:
        set_pick(&s, random_of, &call.keyspace.random_state, &pick)
        reply_member(call.out, &pick.member)
    elif count < 0:
        reply_array(call.out, -count)
        tell_any(call, &s, -count)
    elif count >= <int64_t>size:
        reply_array(call.out, size)
        reply_all(call, &s)
    else:
        reply_array(call.out, count)
        if s.encoding == ENC_LISTPACK or count * WALK_PART > <int64_t>size:
            tell_by_walk(call, &s, count)
        else:
            tell_different(call, &s, count)
    return 0

declare(
    "SRANDMEMBER key [count]", native(srandmember), summary="Return members of a set by chance.", group="set",
    since="1.0.0", flags=READONLY, complexity="O(N) where N is the number of members asked for",
    tips="nondeterministic_output", added={"2.6.0": "count"},
)
