"""What commands of sets have in common: finding a set, and writing members into replies."""

from libc.string cimport memcpy

from redpoll.commands.call cimport Call, check_type
from redpoll.engine.entry cimport TYPE_SET, Entry
from redpoll.engine.member cimport MEMBER_INTEGER, MEMBER_SCRATCH, Member, member_of_text, member_text
from redpoll.engine.members cimport Batch
from redpoll.engine.numbers cimport format_int64, format_uint64
from redpoll.engine.set cimport Set, set_of
from redpoll.wire.output cimport Out, out_reserve
from redpoll.wire.reply cimport reply_bulk

cdef enum:
    WRITTEN_AT_ONCE = 512    # bytes of a text for which room is made in one step

cdef inline int view_set(Entry** slot, Set* s) except -1:
    """The set at a slot. Raises WRONGTYPE; False when there is no key."""
    check_type(slot, TYPE_SET)
    if slot == NULL:
        return False
    set_of(s, slot[0])
    return True

cdef inline void member_of_word_at(Call call, size_t word, Member* member) noexcept:
    member_of_text(member, call.argv[word].ptr, call.argv[word].len)

cdef inline void reply_member(Out* out, const Member* member) noexcept nogil:
    """As a bulk string."""
    cdef char scratch[MEMBER_SCRATCH]
    cdef size_t length
    cdef const char* text
    cdef char* p
    if member.text != NULL and member.length > WRITTEN_AT_ONCE:
        reply_bulk(out, member.text, member.length)
        return
    text = member_text(member, scratch, &length)
    out_reserve(out, WRITTEN_AT_ONCE + 32)
    p = out.cursor
    p[0] = c"$"
    if length < 10:
        p[1] = <char>(48 + length)
        p += 2
    else:
        p += 1 + format_uint64(p + 1, length)
    p[0] = c"\r"
    p[1] = c"\n"
    memcpy(p + 2, text, length)
    p += 2 + length
    p[0] = c"\r"
    p[1] = c"\n"
    out.cursor = p + 2

cdef inline void reply_living(Out* out, const Batch* batch) noexcept nogil:
    """The members of a batch that are still wanted."""
    cdef size_t i
    for i in range(batch.living):
        reply_member(out, &batch.members[batch.alive[i]])
