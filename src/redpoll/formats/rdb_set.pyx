"""Sets in RDB.

    2     count, then the members
    11    an intset, as one string
    20    a listpack of the members, as one string
"""

from libc.stdint cimport uint8_t, uint64_t

from redpoll.engine.entry cimport ENC_INTSET, ENC_LISTPACK, ENC_TABLE, TYPE_SET, Entry
from redpoll.engine.intset cimport intset_from, intset_size, intset_valid
from redpoll.engine.listpack cimport (
    listpack_first, listpack_free, listpack_length, listpack_next, listpack_size, listpack_text,
)
from redpoll.engine.member cimport (
    MEMBER_INTEGER, MEMBER_SCRATCH, Member, member_of_text, member_of_word, member_text, word_integer,
)
from redpoll.engine.members cimport Members
from redpoll.engine.set cimport (
    Set, SetRules, set_add, set_free, set_length, set_new, set_new_as, set_to_table,
)
from redpoll.engine.table cimport table_walk_begin, table_walk_guard, table_walk_next
from redpoll.formats.progress cimport Progress, progress_leave_entry
from redpoll.formats.rdb cimport RDB_SET, RDB_SET_INTSET, RDB_SET_LISTPACK, RDB_VERSION_SETS
from redpoll.formats.rdb_input cimport Source, Text, source_count, source_fail, source_text
from redpoll.formats.rdb_output cimport Output, needs_version, put_block, put_integer, put_length, put_text
from redpoll.formats.rdb_packed cimport has_doubles, read_listpack
from redpoll.formats.reading cimport READ_EMPTY, READ_FAILED, READ_WHOLE, Limits, Reader, ReadResult, Value

cdef enum:
    EXPECT_MOST = 1 << 20        # members that room is made for before they are there

cdef const char* TWICE = b"a member that comes twice"
cdef const char* BAD_INTSET = b"an intset that is damaged"


cdef void rules_of_limits(SetRules* rules, const Limits* limits) noexcept nogil:
    rules.intset_entries = limits.set_intset
    rules.listpack_entries = limits.set_entries
    rules.listpack_value = limits.set_value
    rules.seed = limits.seed


cdef ReadResult done(Set* s, Value* value) noexcept nogil:
    value.type = TYPE_SET
    value.encoding = s.encoding
    value.pointer = s.value
    return READ_WHOLE


cdef ReadResult read_members(Reader* reader, Value* value) noexcept nogil:
    cdef Source* source = reader.source
    cdef uint64_t count, i
    cdef Text text
    cdef Member member
    cdef Set s
    cdef SetRules rules
    rules_of_limits(&rules, &reader.limits)
    if not source_count(source, &count, 1):
        return READ_FAILED
    if count == 0:
        return READ_EMPTY
    for i in range(count):
        if not source_text(source, &text):
            break
        if i == 0:
            set_new(&s, &rules, text.text, text.length, count if count < EXPECT_MOST else EXPECT_MOST)
        member_of_text(&member, text.text, text.length)
        if not set_add(&s, &rules, &member):
            source_fail(source, TWICE)
            break
    else:
        return done(&s, value)
    if i:
        set_free(&s)
    return READ_FAILED


cdef ReadResult read_intset(Reader* reader, Value* value) noexcept nogil:
    cdef Text text
    cdef Set s
    cdef SetRules rules
    rules_of_limits(&rules, &reader.limits)
    if not source_text(reader.source, &text):
        return READ_FAILED
    if not intset_valid(text.text, text.length):
        source_fail(reader.source, BAD_INTSET)
        return READ_FAILED
    s.encoding = ENC_INTSET
    s.value = intset_from(text.text, text.length)
    if set_length(&s) == 0:
        set_free(&s)
        return READ_EMPTY
    if set_length(&s) > rules.intset_entries:
        set_to_table(&s, &rules, set_length(&s))
    return done(&s, value)


cdef ReadResult read_packed(Reader* reader, Value* value) noexcept nogil:
    cdef Set s
    cdef SetRules rules
    cdef Member member
    cdef const uint8_t* element
    cdef char scratch[24]
    cdef size_t length
    cdef const char* text
    cdef size_t count
    cdef uint8_t* pack = read_listpack(reader.source)
    rules_of_limits(&rules, &reader.limits)
    if pack == NULL:
        return READ_FAILED
    count = listpack_length(pack)
    if count == 0:
        listpack_free(pack)
        return READ_EMPTY
    s.encoding = ENC_LISTPACK
    s.value = pack
    if count <= rules.listpack_entries:
        if reader.careful and has_doubles(pack, 1):
            set_free(&s)
            source_fail(reader.source, TWICE)
            return READ_FAILED
        return done(&s, value)
    set_new_as(&s, &rules, ENC_TABLE, count)
    element = listpack_first(pack)
    while element != NULL:
        text = listpack_text(element, scratch, &length)
        member_of_text(&member, text, length)
        if not set_add(&s, &rules, &member):
            listpack_free(pack)
            set_free(&s)
            source_fail(reader.source, TWICE)
            return READ_FAILED
        element = listpack_next(element)
    listpack_free(pack)
    return done(&s, value)


cdef ReadResult read_set(Reader* reader, int rdb_type, Value* value) noexcept nogil:
    if rdb_type == RDB_SET:
        return read_members(reader, value)
    if rdb_type == RDB_SET_INTSET:
        return read_intset(reader, value)
    return read_packed(reader, value)


cdef int set_type(Output* out, Progress* progress) noexcept nogil:
    if progress.encoding == ENC_INTSET:
        return RDB_SET_INTSET
    if progress.encoding == ENC_LISTPACK:
        needs_version(out, RDB_VERSION_SETS)
        return RDB_SET_LISTPACK
    return RDB_SET


cdef void put_member(void* context, Entry* word) noexcept nogil:
    cdef Output* out = (<const Progress*>context).out
    cdef Member member
    cdef char scratch[MEMBER_SCRATCH]
    cdef const char* text
    cdef size_t length
    member_of_word(&member, <uint64_t>word)
    if member.text == NULL and member.word & MEMBER_INTEGER:
        put_integer(out, word_integer(member.word))
    else:
        text = member_text(&member, scratch, &length)
        put_text(out, text, length)


cdef bint set_begin(Output* out, Progress* progress) noexcept nogil:
    cdef Members* members
    if progress.encoding == ENC_INTSET:
        put_block(out, <const char*>progress.value, intset_size(<const uint8_t*>progress.value))
        return True
    if progress.encoding == ENC_LISTPACK:
        put_block(out, <const char*>progress.value, listpack_size(<const uint8_t*>progress.value))
        return True
    members = <Members*>progress.value
    put_length(out, members.table.used)
    table_walk_begin(&progress.walk, &members.table, put_member, progress)
    return False


cdef bint set_more(Output* out, Progress* progress, size_t until) noexcept nogil:
    progress.out = out
    while out.length < until:
        if not table_walk_next(&progress.walk):
            return True
    return False


cdef bint set_guard(Progress* progress) noexcept nogil:
    return table_walk_guard(&progress.walk) and progress_leave_entry(progress)
