"""Members of one set: added, removed, asked for."""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memset

from redpoll.commands.call cimport EVENT_GENERIC, EVENT_SET, Call, check_type, native
from redpoll.commands.set_words cimport member_of_word_at, reply_living, view_set
from redpoll.engine.entry cimport ENC_LISTPACK, TYPE_SET, Entry, entry_set_value
from redpoll.engine.member cimport MEMBER_SCRATCH, Member, member_text
from redpoll.engine.members cimport Batch
from redpoll.engine.set cimport (
    Set, SetCursor, SetRules, rules_of, set_add, set_expect, set_has, set_length, set_new, set_next, set_of, set_remove,
)
from redpoll.wire.direct cimport Direct, direct_string
from redpoll.wire.packed cimport reply_whole
from redpoll.wire.reply cimport reply_array, reply_integer, reply_set

from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, FAST, READONLY, WRITE


cdef int sadd(Call call) except -1:
    cdef Entry** slot = call.write(1)
    cdef Set s
    cdef SetRules rules
    cdef Member member
    cdef size_t i
    cdef int64_t added = 0
    check_type(slot, TYPE_SET)
    rules_of(&rules, call.keyspace)
    if slot == NULL:
        set_new(&s, &rules, call.argv[2].ptr, call.argv[2].len, call.argc - 2)
    else:
        set_of(&s, slot[0])
        set_expect(&s, &rules, call.argc - 2)
    for i in range(2, call.argc):
        member_of_word_at(call, i, &member)
        added += set_add(&s, &rules, &member)
    if slot == NULL:
        call.db.put_value(slot, call.argv[1].ptr, call.argv[1].len, call.hash_of(1), TYPE_SET, s.encoding, s.value, -1)
    else:
        entry_set_value(slot[0], s.encoding, s.value)
    if added:
        call.changed(EVENT_SET, b"sadd", 1)
        call.keyspace.dirty += added - 1
    reply_integer(call.out, added)
    return 0

declare(
    "SADD key member [member ...]", native(sadd), summary="Add members to a set, which is made when it is missing.",
    group="set", since="1.0.0", flags=WRITE | DENYOOM | FAST, complexity="O(1) for each member", keys="RW insert",
    history=(("2.4.0", "Takes several members."),),
)


cdef int remove_if_empty(Call call, size_t word, Entry** slot, const Set* s) except -1:
    """Store the set back, or remove its key; the event of the change has been told."""
    if set_length(s):
        return 0
    call.db.remove(slot, call.hash_of(word))
    call.also(EVENT_GENERIC, b"del", word)
    return 1


cdef int srem(Call call) except -1:
    cdef Entry** slot = call.write(1)
    cdef Set s
    cdef Member member
    cdef size_t i
    cdef int64_t removed = 0
    if not view_set(slot, &s):
        reply_integer(call.out, 0)
        return 0
    for i in range(2, call.argc):
        member_of_word_at(call, i, &member)
        if set_remove(&s, &member):
            removed += 1
            if not set_length(&s):
                break
    if removed:
        entry_set_value(slot[0], s.encoding, s.value)
        call.changed(EVENT_SET, b"srem", 1)
        call.keyspace.dirty += removed - 1
        remove_if_empty(call, 1, slot, &s)
    reply_integer(call.out, removed)
    return 0

declare(
    "SREM key member [member ...]", native(srem),
    summary="Remove members from a set, and the set when it has no more.", group="set", since="1.0.0",
    flags=WRITE | FAST, complexity="O(1) for each member", keys="RW delete",
    history=(("2.4.0", "Takes several members."),),
)


cdef int smove(Call call) except -1:
    cdef Entry** slot = call.write(1)
    cdef Entry** target
    cdef Set source
    cdef Set destination
    cdef SetRules rules
    cdef Member member
    cdef bint there
    if slot == NULL:
        reply_integer(call.out, 0)
        return 0
    target = call.write(2)
    view_set(slot, &source)
    there = view_set(target, &destination)
    member_of_word_at(call, 3, &member)
    if target == slot:
        reply_integer(call.out, set_has(&source, &member))
        return 0
    if not set_remove(&source, &member):
        reply_integer(call.out, 0)
        return 0
    entry_set_value(slot[0], source.encoding, source.value)
    call.changed(EVENT_SET, b"srem", 1)
    if remove_if_empty(call, 1, slot, &source):
        target = call.find(2)
    rules_of(&rules, call.keyspace)
    if not there:
        set_new(&destination, &rules, call.argv[3].ptr, call.argv[3].len, 1)
        target = call.db.put_value(target, call.argv[2].ptr, call.argv[2].len, call.hash_of(2), TYPE_SET,
                                   destination.encoding, destination.value, -1)
    if set_add(&destination, &rules, &member):
        entry_set_value(target[0], destination.encoding, destination.value)
        call.changed(EVENT_SET, b"sadd", 2)
    reply_integer(call.out, 1)
    return 0

declare(
    "SMOVE source destination member", native(smove), summary="Move a member from one set to another.", group="set",
    since="1.0.0", flags=WRITE | FAST, complexity="O(1)", keys=("RW access delete", "RW insert"),
)


cdef int sismember(Call call) except -1:
    cdef Set s
    cdef Member member
    cdef bint found = False
    if view_set(call.read(1), &s):
        member_of_word_at(call, 2, &member)
        found = set_has(&s, &member)
    reply_integer(call.out, found)
    return 0

declare(
    "SISMEMBER key member", native(sismember), summary="Tell whether a member is in a set.", group="set",
    since="1.0.0", flags=READONLY | FAST, complexity="O(1)", keys="RO",
)


cdef int smismember(Call call) except -1:
    cdef Set s
    cdef Member member
    cdef size_t i
    cdef bint there = view_set(call.read(1), &s)
    reply_array(call.out, call.argc - 2)
    for i in range(2, call.argc):
        member_of_word_at(call, i, &member)
        reply_integer(call.out, there and set_has(&s, &member))
    return 0

declare(
    "SMISMEMBER key member [member ...]", native(smismember), summary="Tell for each member whether it is in a set.",
    group="set", since="6.2.0", flags=READONLY | FAST, complexity="O(N) where N is the number of members asked for",

)


cdef int scard(Call call) except -1:
    cdef Set s
    reply_integer(call.out, set_length(&s) if view_set(call.read(1), &s) else 0)
    return 0

declare(
    "SCARD key", native(scard), summary="Count the members of a set.", group="set", since="1.0.0",
    flags=READONLY | FAST, complexity="O(1)", keys="RO",
)


cdef list members_of(Direct direct, const Set* s):
    """All members as Python values."""
    cdef SetCursor cursor
    cdef Batch batch
    cdef char scratch[MEMBER_SCRATCH]
    cdef const char* text
    cdef size_t length, i
    cdef list made = []
    memset(&cursor, 0, sizeof(cursor))
    set_next(s, &cursor, &batch)
    while batch.count:
        for i in range(batch.living):
            text = member_text(&batch.members[batch.alive[i]], scratch, &length)
            made.append(direct_string(direct, text, length))
        set_next(s, &cursor, &batch)
    return made


cdef int smembers(Call call) except -1:
    cdef Set s
    cdef SetCursor cursor
    cdef Batch batch
    if not view_set(call.read(1), &s):
        reply_set(call.out, 0)
        return 0
    if call.direct != NULL:
        members = members_of(<Direct>call.direct, &s)
        call.given = (members,) if call.out.resp == 3 else members
        return 0
    reply_set(call.out, set_length(&s))
    if s.encoding == ENC_LISTPACK:
        reply_whole(call.out, <const uint8_t*>s.value)
        return 0
    memset(&cursor, 0, sizeof(cursor))
    set_next(&s, &cursor, &batch)
    while batch.count:
        reply_living(call.out, &batch)
        set_next(&s, &cursor, &batch)
    return 0

declare(
    "SMEMBERS key", native(smembers), summary="Return all members of a set.", group="set", since="1.0.0",
    flags=READONLY, complexity="O(N) where N is the number of members",
    tips="nondeterministic_output_order",
)
