"""SSCAN: walking through a set step by step, while it may change."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from redpoll.commands.call cimport Call, native
from redpoll.commands.set_words cimport reply_member, view_set
from redpoll.commands.scan_options cimport read_scan_option
from redpoll.engine.entry cimport ENC_TABLE, Entry
from redpoll.engine.glob cimport glob_match
from redpoll.engine.member cimport MEMBER_SCRATCH, Member, member_of_word, member_text
from redpoll.engine.members cimport Batch, Members
from redpoll.engine.numbers cimport format_uint64, parse_uint64_lenient
from redpoll.engine.set cimport Set, SetCursor, set_next
from redpoll.engine.table cimport table_scan
from redpoll.wire.output cimport Out, out_init, out_splice
from redpoll.wire.reply cimport reply_array, reply_bulk

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import READONLY
from redpoll.errors import CommandError

cdef enum:
    STEPS_A_MEMBER = 10      # buckets that are looked at for a member that was asked for, at the most


cdef struct Walk:
    Out found
    const char* pattern      # NULL: every member
    size_t pattern_length
    uint64_t seen
    uint64_t shown


cdef void show(Walk* walk, const Member* member) noexcept nogil:
    """Write a member that passes the filter."""
    cdef char scratch[MEMBER_SCRATCH]
    cdef size_t length
    cdef const char* text
    walk.seen += 1
    if walk.pattern != NULL:
        text = member_text(member, scratch, &length)
        if not glob_match(walk.pattern, walk.pattern_length, text, length, False):
            return
    reply_member(&walk.found, member)
    walk.shown += 1


cdef void visit(void* walk, Entry* word) noexcept nogil:
    cdef Member member
    member_of_word(&member, <uint64_t>word)
    show(<Walk*>walk, &member)


cdef int read_filters(Call call, Walk* walk, int64_t* wanted) except -1:
    cdef size_t i = 3
    while i < call.argc:
        if call.word_is(i, b"NOVALUES", 8):
            raise CommandError(errors.NOVALUES_ELSEWHERE)
        read_scan_option(call, i, &walk.pattern, &walk.pattern_length, wanted)
        i += 2
    return 0


cdef int sscan(Call call) except -1:
    cdef unsigned long long cursor
    cdef uint64_t at = 0
    cdef int64_t wanted = 10
    cdef int64_t steps
    cdef Set s
    cdef SetCursor place
    cdef Batch batch
    cdef Walk walk
    cdef size_t i
    cdef char text[24]
    if not parse_uint64_lenient(call.argv[2].ptr, call.argv[2].len, &cursor):
        raise CommandError(errors.INVALID_CURSOR)
    memset(&walk, 0, sizeof(walk))
    out_init(&walk.found)
    # A missing key is told before the options are looked at.
    if view_set(call.read(1), &s):
        read_filters(call, &walk, &wanted)
        if s.encoding == ENC_TABLE:
            at = cursor
            steps = wanted * STEPS_A_MEMBER if wanted < (<int64_t>1 << 50) else wanted
            while True:
                at = table_scan(&(<Members*>s.value).table, at, visit, &walk)
                steps -= 1
                if at == 0 or steps <= 0 or <int64_t>walk.seen >= wanted:
                    break
        else:
            # Small enough to be told at once, however many are asked for.
            memset(&place, 0, sizeof(place))
            set_next(&s, &place, &batch)
            while batch.count:
                for i in range(batch.count):
                    show(&walk, &batch.members[i])
                set_next(&s, &place, &batch)
    reply_array(call.out, 2)
    reply_bulk(call.out, text, format_uint64(text, at))
    reply_array(call.out, walk.shown)
    out_splice(call.out, &walk.found)
    return 0

declare(
    "SSCAN key cursor [MATCH pattern] [COUNT count]", native(sscan),
    summary="Walk through the members of a set step by step.", group="set", since="2.8.0", flags=READONLY,
    complexity="O(1) a call, O(N) for the whole where N is the number of members",
    tips="nondeterministic_output",
)
