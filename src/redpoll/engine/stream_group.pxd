"""Consumer groups of a stream: who was given which entry, and what was not acknowledged.

A pending entry is one record in three orders: by ID in the group's tree and in its consumer's, by time of delivery in
the group's list. Released entries are nobody's and stand at the list's start in the order of their release.

What a removed consumer had pending is no more for anybody, but its records are taken out of these orders in slices, as
there may be millions. Until then they are in the group's tree and list, and whoever walks through these leaves out what
`is_left`; with the functions named pending_… below, that needs no thought.
"""

from libc.stdint cimport int64_t, uint64_t

from redpoll.engine.id_tree cimport (
    Place, StreamId, place_back, place_forward, place_value, tree_at_or_after, tree_first, tree_last,
)
from redpoll.engine.stream cimport Consumer, Group, Pending, Stream

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
# All that is pending for it is no more, and freed by and by, as is the consumer.
cdef void consumer_delete(Group* group, Consumer* consumer) noexcept nogil
# Frees at once what removed consumers have left, before a snapshot of the group.
cdef void group_settle(Group* group) noexcept nogil

cdef inline bint is_left(const Pending* pending) noexcept nogil:
    """Whether it is of a consumer that was removed."""
    return pending.consumer != NULL and pending.consumer.leaving != NULL

cdef inline size_t pending_count(const Group* group) noexcept nogil:
    return group.pending.used - group.left

cdef inline void pending_forward(Place* place) noexcept nogil:
    place_forward(place)
    while place.leaf != NULL and is_left(<const Pending*>place_value(place)):
        place_forward(place)

cdef inline Place pending_at_or_after(const Group* group, StreamId id) noexcept nogil:
    cdef Place place = tree_at_or_after(&group.pending, id)
    if place.leaf != NULL and is_left(<const Pending*>place_value(&place)):
        pending_forward(&place)
    return place

cdef inline Place pending_first(const Group* group) noexcept nogil:
    cdef Place place = tree_first(&group.pending)
    if place.leaf != NULL and is_left(<const Pending*>place_value(&place)):
        pending_forward(&place)
    return place

cdef inline Place pending_last(const Group* group) noexcept nogil:
    cdef Place place = tree_last(&group.pending)
    while place.leaf != NULL and is_left(<const Pending*>place_value(&place)):
        place_back(&place)
    return place

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
