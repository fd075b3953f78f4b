"""What the commands of sorted sets share."""

from redpoll.commands.call cimport Call, check_type
from redpoll.engine.entry cimport TYPE_ZSET, Entry, entry_set_value
from redpoll.engine.sorted_set cimport Limits, Sorted, sorted_open

cdef inline void limits_of(Call call, Limits* limits) noexcept:
    limits.entries = call.keyspace.zset_max_listpack_entries
    limits.bytes = call.keyspace.zset_max_listpack_value
    limits.seed = call.keyspace.seed

cdef inline bint open_sorted(Entry** slot, Sorted* z) except -1:
    """Whether there is a sorted set in a slot; raises WRONGTYPE for another value."""
    if slot == NULL:
        return False
    check_type(slot, TYPE_ZSET)
    sorted_open(z, slot[0])
    return True

cdef inline void keep(Entry** slot, const Sorted* z) noexcept:
    """A sorted set that was changed goes back to its entry."""
    entry_set_value(slot[0], z.encoding, z.value)

cdef enum:
    COUNT_CHANGED = 32       # of ZADD's options, besides the engine's conditions: count what changed, not what is new

# Put members, at every `step`th word, with their scores into the sorted set at the first key, and reply.
cdef int put_members(Call call, size_t first, size_t step, size_t count, int options, const double* scores) except -1
# After members were removed from the sorted set of the key at a word: tell the event; delete the key if none is left.
cdef void removed_from(Call call, Entry** slot, Sorted* z, const char* event, size_t word) noexcept
# The key at a word gets a new sorted set in place of what it had, or is deleted if that is empty; replies the length.
cdef void store_sorted(Call call, Sorted* z, const char* event, size_t word) noexcept
# A member, and its score if wanted: one after the other in RESP2, a pair in RESP3.
cdef void reply_member(Call call, const char* text, size_t length, double score, bint with_score) noexcept
# The head of a reply of so many members.
cdef void reply_members_head(Call call, size_t count, bint with_scores) noexcept
