"""Consumer groups of a stream; see stream_group.pxd."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memmove

from redpoll.engine.id_ranges cimport id_changes, ids_go_from
from redpoll.engine.id_tree cimport (
    IdTree, id_at, id_equal, id_is_zero, id_less, tree_drop_last_leaf, tree_find, tree_init, tree_insert, tree_remove,
)
from redpoll.engine.memory cimport KIND_COLLECTION, allocate, block_size, reallocate, release
from redpoll.engine.stream cimport Leaving, stream_new
from redpoll.engine.value cimport ValueOperations, value_free, value_register

cdef enum:
    NAME_OFFSET_SPARE = 8        # bytes of a name that the structures hold already
    FIRST_ROOM = 4
    REMOVED_CONSUMER = 12        # among the encodings of values, though it is never an entry's


# Names in order: groups of a stream and consumers of a group are both found by halving.

cdef inline int compare(const char* one, size_t one_length, const char* other, size_t other_length) noexcept nogil:
    cdef int order = memcmp(one, other, min(one_length, other_length))
    if order:
        return order
    return (one_length > other_length) - (one_length < other_length)


cdef bint find_group(const Stream* s, const char* name, size_t length, uint32_t* at) noexcept nogil:
    cdef uint32_t low = 0, high = s.group_count, middle
    cdef int order
    while low < high:
        middle = (low + high) >> 1
        order = compare(s.groups[middle].name, s.groups[middle].name_length, name, length)
        if order == 0:
            at[0] = middle
            return True
        if order < 0:
            low = middle + 1
        else:
            high = middle
    at[0] = low
    return False


cdef bint find_consumer(const Group* group, const char* name, size_t length, uint32_t* at) noexcept nogil:
    cdef uint32_t low = 0, high = group.consumer_count, middle
    cdef int order
    while low < high:
        middle = (low + high) >> 1
        order = compare(group.consumers[middle].name, group.consumers[middle].name_length, name, length)
        if order == 0:
            at[0] = middle
            return True
        if order < 0:
            low = middle + 1
        else:
            high = middle
    at[0] = low
    return False


cdef void** put_pointer(void** pointers, uint32_t count, uint32_t* room, uint32_t at, void* pointer) noexcept nogil:
    cdef uint32_t larger
    if count == room[0]:
        larger = room[0] * 2 if room[0] else <uint32_t>FIRST_ROOM
        if pointers == NULL:
            pointers = <void**>allocate(larger * sizeof(void*), KIND_COLLECTION)
        else:
            pointers = <void**>reallocate(pointers, room[0] * sizeof(void*), larger * sizeof(void*), KIND_COLLECTION)
        room[0] = larger
    memmove(pointers + at + 1, pointers + at, (count - at) * sizeof(void*))
    pointers[at] = pointer
    return pointers


cdef inline size_t group_bytes(size_t name_length) noexcept nogil:
    return sizeof(Group) + (name_length - NAME_OFFSET_SPARE if name_length > NAME_OFFSET_SPARE else 0)


cdef inline size_t consumer_bytes(size_t name_length) noexcept nogil:
    return sizeof(Consumer) + (name_length - NAME_OFFSET_SPARE if name_length > NAME_OFFSET_SPARE else 0)


# Groups

cdef Group* group_find(const Stream* s, const char* name, size_t length) noexcept nogil:
    cdef uint32_t at
    return s.groups[at] if find_group(s, name, length, &at) else NULL


cdef Group* group_create(Stream* s, const char* name, size_t length, StreamId last_id,
                         int64_t entries_read) noexcept nogil:
    cdef uint32_t at
    cdef Group* group
    if find_group(s, name, length, &at):
        return NULL
    group = <Group*>allocate(group_bytes(length), KIND_COLLECTION)
    tree_init(&group.pending, True)
    group.last_id = last_id
    group.entries_read = entries_read
    group.first = group.last = group.last_released = NULL
    group.released = 0
    group.leaving = NULL
    group.left = 0
    group.consumers = NULL
    group.consumer_count = group.consumer_room = 0
    group.name_length = length
    memcpy(group.name, name, length)
    s.groups = <Group**>put_pointer(<void**>s.groups, s.group_count, &s.group_room, at, group)
    s.group_count += 1
    return group


cdef void unlist_group(Stream* s, uint32_t at) noexcept nogil:
    s.group_count -= 1
    memmove(s.groups + at, s.groups + at + 1, (s.group_count - at) * sizeof(Group*))
    if s.group_count == 0:
        release(s.groups, s.group_room * sizeof(Group*), KIND_COLLECTION)
        s.groups = NULL
        s.group_room = 0


cdef Stream* group_detach(Stream* s, Group* group) noexcept nogil:
    cdef Stream* own = stream_new()
    cdef uint32_t at
    find_group(s, group.name, group.name_length, &at)
    unlist_group(s, at)
    own.groups = <Group**>put_pointer(NULL, 0, &own.group_room, 0, group)
    own.group_count = 1
    return own


cdef size_t free_tree_some(IdTree* tree, size_t most) noexcept nogil:
    """Frees nodes, not what they point to."""
    cdef size_t freed = 0
    while tree.root != NULL and freed < most:
        ids_go_from(tree, id_at(tree.last, 0))
        tree_drop_last_leaf(tree)
        freed += 1
    return freed


cdef size_t group_free_some(Stream* s, size_t most) noexcept nogil:
    cdef Group* group = s.groups[s.group_count - 1]
    cdef Consumer* consumer
    cdef Pending* pending
    cdef size_t freed
    take_back(group)
    # The trees are not read any more, but by who looks on: the list leads to every record.
    freed = free_tree_some(&group.pending, most)
    while group.consumer_count and freed < most:
        consumer = group.consumers[group.consumer_count - 1]
        freed += 1 + free_tree_some(&consumer.pending, most - freed)
        if consumer.pending.root == NULL:
            group.consumer_count -= 1
            free_consumer(consumer)
    while group.first != NULL and freed < most:
        pending = group.first
        group.first = pending.later
        release(pending, sizeof(Pending), KIND_COLLECTION)
        freed += 1
    if group.consumer_count or group.first != NULL or group.pending.root != NULL:
        return freed
    if group.consumers != NULL:
        release(group.consumers, group.consumer_room * sizeof(Consumer*), KIND_COLLECTION)
    unlist_group(s, s.group_count - 1)
    release(group, group_bytes(group.name_length), KIND_COLLECTION)
    return freed + 1


cdef void group_copy(Stream* to, const Group* source) noexcept nogil:
    cdef Group* group = group_create(to, source.name, source.name_length, source.last_id, source.entries_read)
    cdef Consumer* consumer
    cdef const Pending* pending
    cdef uint32_t i
    for i in range(source.consumer_count):
        consumer = consumer_create(group, source.consumers[i].name, source.consumers[i].name_length,
                                   source.consumers[i].seen)
        consumer.active = source.consumers[i].active
    pending = source.first
    while pending != NULL:
        if not is_left(pending):
            consumer = NULL
            if pending.consumer != NULL:
                consumer = consumer_find(group, pending.consumer.name, pending.consumer.name_length)
            pending_add(group, consumer, pending.id, pending.delivered, pending.deliveries)
        pending = pending.later


cdef size_t group_memory(const Group* group) noexcept nogil:
    cdef size_t bytes = block_size(group_bytes(group.name_length)) + group.pending.bytes
    cdef const Leaving* leaving = group.leaving
    cdef uint32_t i
    bytes += group.pending.used * block_size(sizeof(Pending))
    if group.consumer_room:
        bytes += block_size(group.consumer_room * sizeof(Consumer*))
    for i in range(group.consumer_count):
        bytes += block_size(consumer_bytes(group.consumers[i].name_length)) + group.consumers[i].pending.bytes
    while leaving != NULL:
        bytes += block_size(sizeof(Leaving)) + block_size(consumer_bytes(leaving.consumer.name_length))
        bytes += leaving.consumer.pending.bytes
        leaving = leaving.next
    return bytes


# Consumers

cdef Consumer* consumer_find(const Group* group, const char* name, size_t length) noexcept nogil:
    cdef uint32_t at
    return group.consumers[at] if find_consumer(group, name, length, &at) else NULL


cdef Consumer* consumer_create(Group* group, const char* name, size_t length, int64_t now) noexcept nogil:
    cdef uint32_t at
    cdef Consumer* consumer
    if find_consumer(group, name, length, &at):
        return group.consumers[at]
    consumer = <Consumer*>allocate(consumer_bytes(length), KIND_COLLECTION)
    tree_init(&consumer.pending, True)
    consumer.leaving = NULL
    consumer.seen = now
    consumer.active = -1
    consumer.name_length = length
    memcpy(consumer.name, name, length)
    group.consumers = <Consumer**>put_pointer(<void**>group.consumers, group.consumer_count, &group.consumer_room, at,
                                              consumer)
    group.consumer_count += 1
    return consumer


cdef void unlist_consumer(Group* group, const Consumer* consumer) noexcept nogil:
    cdef uint32_t at
    find_consumer(group, consumer.name, consumer.name_length, &at)
    group.consumer_count -= 1
    memmove(group.consumers + at, group.consumers + at + 1, (group.consumer_count - at) * sizeof(Consumer*))


cdef void consumer_delete(Group* group, Consumer* consumer) noexcept nogil:
    cdef Leaving* leaving = <Leaving*>allocate(sizeof(Leaving), KIND_COLLECTION)
    unlist_consumer(group, consumer)
    leaving.group = group
    leaving.consumer = consumer
    leaving.next = group.leaving
    group.leaving = leaving
    group.left += consumer.pending.used
    consumer.leaving = leaving
    value_free(REMOVED_CONSUMER, leaving)


cdef void free_consumer(Consumer* consumer) noexcept nogil:
    release(consumer, consumer_bytes(consumer.name_length), KIND_COLLECTION)


cdef void unlist_leaving(Group* group, const Leaving* leaving) noexcept nogil:
    cdef Leaving** at = &group.leaving
    while at[0] != leaving:
        at = &at[0].next
    at[0] = leaving.next


cdef void take_back(Group* group) noexcept nogil:
    """The group is to be freed: consumers that are leaving go with it, as if they had never left."""
    cdef Leaving* leaving
    while group.leaving != NULL:
        leaving = group.leaving
        group.leaving = leaving.next
        group.consumers = <Consumer**>put_pointer(<void**>group.consumers, group.consumer_count, &group.consumer_room,
                                                  group.consumer_count, leaving.consumer)
        group.consumer_count += 1
        leaving.group = NULL
        leaving.consumer = NULL


cdef void group_settle(Group* group) noexcept nogil:
    cdef Leaving* leaving
    while group.leaving != NULL:
        leaving = group.leaving
        drop_some(leaving, <size_t>-1)
        group.leaving = leaving.next
        free_consumer(leaving.consumer)
        leaving.group = NULL
        leaving.consumer = NULL


cdef void drop_some(Leaving* leaving, size_t most) noexcept nogil:
    """Pending entries of a consumer that was removed."""
    cdef Consumer* consumer = leaving.consumer
    cdef Place place
    # From the end: what is removed there leaves nothing to move.
    while consumer.pending.used and most:
        place = tree_last(&consumer.pending)
        pending_drop(leaving.group, <Pending*>place_value(&place))
        most -= 1


cdef size_t leaving_work(const void* value) noexcept nogil:
    cdef const Leaving* leaving = <const Leaving*>value
    return leaving.consumer.pending.used if leaving.consumer != NULL else 0


cdef bint leaving_free_some(void* value, size_t most) noexcept nogil:
    cdef Leaving* leaving = <Leaving*>value
    if leaving.consumer != NULL:
        drop_some(leaving, most)
        if leaving.consumer.pending.used:
            return False
        unlist_leaving(leaving.group, leaving)
        free_consumer(leaving.consumer)
    release(leaving, sizeof(Leaving), KIND_COLLECTION)
    return True


# Pending entries

cdef void link_after(Group* group, Pending* pending, Pending* before) noexcept nogil:
    """Into the list behind `before`; NULL: at its start."""
    pending.earlier = before
    if before == NULL:
        pending.later = group.first
        group.first = pending
    else:
        pending.later = before.later
        before.later = pending
    if pending.later == NULL:
        group.last = pending
    else:
        pending.later.earlier = pending


cdef void link_by_time(Group* group, Pending* pending) noexcept nogil:
    """Where its time of delivery belongs, from whichever end is nearer."""
    cdef Pending* from_end = group.last
    cdef Pending* from_start
    if pending.consumer == NULL:
        link_after(group, pending, group.last_released)
        group.last_released = pending
        group.released += 1
        return
    from_start = group.last_released.later if group.last_released != NULL else group.first
    while True:
        if from_end == group.last_released or from_end.delivered <= pending.delivered:
            link_after(group, pending, from_end)
            return
        if from_start.delivered > pending.delivered:
            link_after(group, pending, from_start.earlier)
            return
        from_end = from_end.earlier
        from_start = from_start.later


cdef void unlink(Group* group, Pending* pending) noexcept nogil:
    if pending.consumer == NULL:
        group.released -= 1
        if group.last_released == pending:
            group.last_released = pending.earlier
    if pending.earlier != NULL:
        pending.earlier.later = pending.later
    else:
        group.first = pending.later
    if pending.later != NULL:
        pending.later.earlier = pending.earlier
    else:
        group.last = pending.earlier


cdef Pending* pending_find(const Group* group, StreamId id) noexcept nogil:
    cdef Pending* pending = <Pending*>tree_find(&group.pending, id)
    return NULL if pending != NULL and is_left(pending) else pending


cdef Pending* pending_add(Group* group, Consumer* consumer, StreamId id, int64_t delivered,
                          uint64_t deliveries) noexcept nogil:
    cdef Pending* pending = <Pending*>tree_find(&group.pending, id) if group.left else NULL
    if pending != NULL:
        # Of a consumer that was removed.
        pending_drop(group, pending)
    pending = <Pending*>allocate(sizeof(Pending), KIND_COLLECTION)
    pending.id = id
    pending.delivered = delivered
    pending.deliveries = deliveries
    pending.consumer = consumer
    id_changes(&group.pending, id)
    tree_insert(&group.pending, id, pending)
    if consumer != NULL:
        id_changes(&consumer.pending, id)
        tree_insert(&consumer.pending, id, pending)
    link_by_time(group, pending)
    return pending


cdef void pending_give(Group* group, Pending* pending, Consumer* consumer, int64_t delivered) noexcept nogil:
    unlink(group, pending)
    id_changes(&group.pending, pending.id)
    if consumer != pending.consumer:
        if pending.consumer != NULL:
            id_changes(&pending.consumer.pending, pending.id)
            tree_remove(&pending.consumer.pending, pending.id)
        if consumer != NULL:
            id_changes(&consumer.pending, pending.id)
            tree_insert(&consumer.pending, pending.id, pending)
        pending.consumer = consumer
    pending.delivered = delivered
    link_by_time(group, pending)


cdef void pending_drop(Group* group, Pending* pending) noexcept nogil:
    unlink(group, pending)
    id_changes(&group.pending, pending.id)
    tree_remove(&group.pending, pending.id)
    group.left -= is_left(pending)
    if pending.consumer != NULL:
        id_changes(&pending.consumer.pending, pending.id)
        tree_remove(&pending.consumer.pending, pending.id)
    release(pending, sizeof(Pending), KIND_COLLECTION)


# How far groups are

cdef bint has_holes(const Stream* s, StreamId start) noexcept nogil:
    """Whether an entry at or behind an ID was deleted, so that counting from there is no use."""
    if s.length == 0 or id_is_zero(s.max_deleted_id):
        return False
    return not id_less(s.max_deleted_id, start)


cdef int64_t stream_distance(const Stream* s, StreamId id) noexcept nogil:
    if s.entries_added == 0:
        return 0
    if s.length == 0 and not id_less(s.last_id, id):
        return s.entries_added
    if not id_is_zero(id) and id_less(id, s.max_deleted_id):
        return ENTRIES_READ_UNKNOWN
    if id_equal(id, s.last_id):
        return s.entries_added
    if id_less(s.last_id, id):
        return ENTRIES_READ_UNKNOWN
    if id_is_zero(s.max_deleted_id) or id_less(s.max_deleted_id, s.first_id):
        if id_less(id, s.first_id):
            return s.entries_added - s.length
        if id_equal(id, s.first_id):
            return s.entries_added - s.length + 1
    return ENTRIES_READ_UNKNOWN


cdef void group_advance(const Stream* s, Group* group, StreamId id) noexcept nogil:
    if not id_less(group.last_id, id):
        return
    if (group.entries_read != ENTRIES_READ_UNKNOWN and not id_less(group.last_id, s.first_id)
            and not has_holes(s, group.last_id)):
        group.entries_read += 1
    elif s.entries_added:
        group.entries_read = stream_distance(s, id)
    group.last_id = id


cdef bint group_lag(const Stream* s, const Group* group, int64_t* lag) noexcept nogil:
    cdef int64_t read
    lag[0] = 0
    if s.entries_added == 0 or s.length == 0:
        return True
    if id_less(group.last_id, s.first_id) and id_less(s.max_deleted_id, s.first_id):
        lag[0] = s.length
        return True
    if group.entries_read != ENTRIES_READ_UNKNOWN and not has_holes(s, group.last_id):
        lag[0] = <int64_t>s.entries_added - group.entries_read
        return True
    read = stream_distance(s, group.last_id)
    lag[0] = <int64_t>s.entries_added - read
    return read != ENTRIES_READ_UNKNOWN


cdef bint stream_is_wanted(const Stream* s, StreamId id) noexcept nogil:
    cdef uint32_t i
    for i in range(s.group_count):
        if id_less(s.groups[i].last_id, id) or pending_find(s.groups[i], id) != NULL:
            return True
    return False


cdef void stream_forget(Stream* s, StreamId id) noexcept nogil:
    cdef uint32_t i
    cdef Pending* pending
    for i in range(s.group_count):
        pending = pending_find(s.groups[i], id)
        if pending != NULL:
            pending_drop(s.groups[i], pending)


# Nobody but the loop, which frees, has to do with these: they are in no entry.
cdef ValueOperations operations
operations.length = leaving_work
operations.memory = NULL
operations.copy = NULL
operations.free_some = leaving_free_some
operations.contents = NULL
value_register(REMOVED_CONSUMER, &operations)
