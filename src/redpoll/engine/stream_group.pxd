"""Consumer groups of a stream: who was given which entry, and what was not acknowledged.

A pending entry is one record in three orders: by ID in the group's tree and in its consumer's, by time of delivery in
the group's list. Released entries are nobody's and stand at the list's start in the order of their release.
"""

from libc.stdint cimport int64_t, uint64_t

from redpoll.engine.stream cimport Consumer, Group, Pending, Stream, StreamId

cdef enum:
    ENTRIES_READ_UNKNOWN = -1

cdef Group* group_find(const Stream* s, const char* name, size_t length) noexcept nogil
# A new group; NULL when there is one of this name.
cdef Group* group_create(Stream* s, const char* name, size_t length, StreamId last_id,
                         int64_t entries_read) noexcept nogil
# Takes a group out of the stream into a stream of its own, which the caller frees as any value: it may be large.
cdef Stream* group_detach(Stream* s, Group* group) noexcept nogil
# Frees about `most` pending entries and consumers of the last group, and the group when nothing is left; how many.
cdef size_t group_free_some(Stream* s, size_t most) noexcept nogil
cdef void group_copy(Stream* to, const Group* source) noexcept nogil
cdef size_t group_memory(const Group* group) noexcept nogil

cdef Consumer* consumer_find(const Group* group, const char* name, size_t length) noexcept nogil
cdef Consumer* consumer_create(Group* group, const char* name, size_t length, int64_t now) noexcept nogil
# Frees it with all that is pending for it.
cdef void consumer_delete(Group* group, Consumer* consumer) noexcept nogil

cdef Pending* pending_find(const Group* group, StreamId id) noexcept nogil
# A record of an entry that has none; `consumer` NULL: released.
cdef Pending* pending_add(Group* group, Consumer* consumer, StreamId id, int64_t delivered,
                          uint64_t deliveries) noexcept nogil
# Hands it to a consumer (NULL: releases it) as delivered at that time. Before anything else of it changes.
cdef void pending_give(Group* group, Pending* pending, Consumer* consumer, int64_t delivered) noexcept nogil
cdef void pending_drop(Group* group, Pending* pending) noexcept nogil

# How many entries had been added when `id` was the last one, -1: unknown.
cdef int64_t stream_distance(const Stream* s, StreamId id) noexcept nogil
# Moves the group's last ID on, past an entry that was delivered.
cdef void group_advance(const Stream* s, Group* group, StreamId id) noexcept nogil
# How many entries were not delivered yet; False when that cannot be known.
cdef bint group_lag(const Stream* s, const Group* group, int64_t* lag) noexcept nogil

# Whether a group may still want an entry: it was not delivered to it, or not acknowledged.
cdef bint stream_is_wanted(const Stream* s, StreamId id) noexcept nogil
# Drops an entry from the pending ones of all groups.
cdef void stream_forget(Stream* s, StreamId id) noexcept nogil
