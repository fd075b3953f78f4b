"""The times at which fields of a large hash expire, in order.

Two levels: blocks of up to 63 records (1 KiB, the largest that is cut from slabs, so that giving back millions never
waits for the C library) that are in order themselves, and a directory of the blocks in order of their first records. A
search is two binary ones; an insertion or removal moves half a block at the most. A block that is full is halved,
except that one at the end is left full when what comes is later still, as times mostly do. Blocks are mostly added at
the end of the directory and taken from its front, which moves nothing; elsewhere, its part behind is moved once for
some tens of records.

A record is a time and the field's hash, so the field's entry may move without a word to the index.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from redpoll.engine.memory cimport KIND_EXPIRY, allocate, block_size, reallocate, release

cdef enum:
    FIRST_RECORDS = 4

cdef inline size_t block_bytes(size_t capacity) noexcept nogil:
    return 8 + capacity * sizeof(FieldTime)


cdef inline bint before(const FieldTime* a, int64_t when, uint64_t hash) noexcept nogil:
    return a.when < when or (a.when == when and a.hash < hash)


cdef inline BlockHead* head(const FieldTimes* t, size_t index) noexcept nogil:
    return &t.directory[t.begin + index]


cdef FieldTimes* times_new() noexcept nogil:
    return times_with_room(1)


cdef FieldTimes* times_with_room(size_t room) noexcept nogil:
    cdef FieldTimes* t = <FieldTimes*>allocate(sizeof(FieldTimes), KIND_EXPIRY)
    t.records = t.blocks = t.begin = 0
    t.room = room
    t.directory = <BlockHead*>allocate(room * sizeof(BlockHead), KIND_EXPIRY)
    return t


cdef inline void free_block(TimeBlock* block) noexcept nogil:
    release(block, block_bytes(block.capacity), KIND_EXPIRY)


cdef bint times_free_some(FieldTimes* t, size_t most) noexcept nogil:
    while t.blocks and most:
        t.blocks -= 1
        free_block(head(t, t.blocks).block)
        most -= 1
    if t.blocks:
        return False
    release(t.directory, t.room * sizeof(BlockHead), KIND_EXPIRY)
    release(t, sizeof(FieldTimes), KIND_EXPIRY)
    return True


cdef TimeBlock* new_block(size_t capacity) noexcept nogil:
    cdef TimeBlock* block = <TimeBlock*>allocate(block_bytes(capacity), KIND_EXPIRY)
    block.count = 0
    block.capacity = <uint32_t>capacity
    return block


cdef FieldTimes* times_copy(const FieldTimes* t) noexcept nogil:
    cdef FieldTimes* made = times_with_room(t.room)
    cdef TimeBlock* block
    cdef size_t i
    made.records = t.records
    made.blocks = t.blocks
    for i in range(t.blocks):
        block = new_block(head(t, i).block.capacity)
        memcpy(block, head(t, i).block, block_bytes(block.capacity))
        made.directory[i].first = head(t, i).first
        made.directory[i].block = block
    return made


cdef void insert_block(FieldTimes* t, size_t index, TimeBlock* block) noexcept nogil:
    """Give a block, which has its first record already, a place in the directory."""
    cdef size_t room
    if t.begin + t.blocks == t.room and t.begin > t.blocks:
        memmove(t.directory, head(t, 0), t.blocks * sizeof(BlockHead))
        t.begin = 0
    if t.begin + t.blocks == t.room:
        room = t.room * 2
        t.directory = <BlockHead*>reallocate(t.directory, t.room * sizeof(BlockHead), room * sizeof(BlockHead),
                                             KIND_EXPIRY)
        t.room = room
    memmove(head(t, index + 1), head(t, index), (t.blocks - index) * sizeof(BlockHead))
    head(t, index).first = block.records[0]
    head(t, index).block = block
    t.blocks += 1


cdef void remove_block(FieldTimes* t, size_t index) noexcept nogil:
    free_block(head(t, index).block)
    t.blocks -= 1
    if index == 0:
        t.begin += 1
    else:
        memmove(head(t, index), head(t, index + 1), (t.blocks - index) * sizeof(BlockHead))
    if not t.blocks:
        t.begin = 0


cdef size_t block_of(const FieldTimes* t, int64_t when, uint64_t hash) noexcept nogil:
    """The last block whose first record is not behind this one; else the first block. There must be one."""
    cdef size_t low = 0
    cdef size_t high = t.blocks
    cdef size_t middle
    while high - low > 1:
        middle = (low + high) // 2
        if before(&head(t, middle).first, when, hash) or (
                head(t, middle).first.when == when and head(t, middle).first.hash == hash):
            low = middle
        else:
            high = middle
    return low


cdef size_t place_in(const TimeBlock* block, int64_t when, uint64_t hash) noexcept nogil:
    """The first record that is not before this one."""
    cdef size_t low = 0
    cdef size_t high = block.count
    cdef size_t middle
    while low < high:
        middle = (low + high) // 2
        if before(&block.records[middle], when, hash):
            low = middle + 1
        else:
            high = middle
    return low


cdef void times_add(FieldTimes* t, int64_t when, uint64_t hash) noexcept nogil:
    cdef TimeBlock* block
    cdef TimeBlock* other
    cdef size_t index, place, capacity, kept
    t.records += 1
    if not t.blocks:
        block = new_block(FIRST_RECORDS)
        block.count = 1
        block.records[0].when = when
        block.records[0].hash = hash
        insert_block(t, 0, block)
        return
    index = block_of(t, when, hash)
    block = head(t, index).block
    place = place_in(block, when, hash)
    if block.count == block.capacity:
        if block.capacity < TIMES_A_BLOCK:
            capacity = min(<size_t>block.capacity * 2, <size_t>TIMES_A_BLOCK)
            block = <TimeBlock*>reallocate(block, block_bytes(block.capacity), block_bytes(capacity), KIND_EXPIRY)
            block.capacity = <uint32_t>capacity
            head(t, index).block = block
        else:
            other = new_block(TIMES_A_BLOCK)
            if place == block.count and index + 1 == t.blocks:
                kept = block.count
                place = 0
            else:
                kept = block.count // 2
                other.count = <uint32_t>(block.count - kept)
                memcpy(other.records, &block.records[kept], other.count * sizeof(FieldTime))
                block.count = <uint32_t>kept
            if place >= kept or not other.count:
                place -= kept if other.count else 0
                memmove(&other.records[place + 1], &other.records[place], (other.count - place) * sizeof(FieldTime))
                other.records[place].when = when
                other.records[place].hash = hash
                other.count += 1
                insert_block(t, index + 1, other)
                return
            insert_block(t, index + 1, other)
    memmove(&block.records[place + 1], &block.records[place], (block.count - place) * sizeof(FieldTime))
    block.records[place].when = when
    block.records[place].hash = hash
    block.count += 1
    head(t, index).first = block.records[0]


cdef void times_remove(FieldTimes* t, int64_t when, uint64_t hash) noexcept nogil:
    cdef size_t index, place
    cdef TimeBlock* block
    if not t.blocks:
        return
    index = block_of(t, when, hash)
    block = head(t, index).block
    place = place_in(block, when, hash)
    if place == block.count or block.records[place].when != when or block.records[place].hash != hash:
        return
    drop(t, index, place, 1)


cdef void drop(FieldTimes* t, size_t index, size_t place, size_t count) noexcept nogil:
    """Take records out of a block, and the block away when it is empty or fits into the one before."""
    cdef TimeBlock* block = head(t, index).block
    cdef TimeBlock* previous
    memmove(&block.records[place], &block.records[place + count], (block.count - place - count) * sizeof(FieldTime))
    block.count -= <uint32_t>count
    t.records -= count
    if not block.count:
        remove_block(t, index)
        return
    head(t, index).first = block.records[0]
    if index and block.count < TIMES_A_BLOCK // 4:
        previous = head(t, index - 1).block
        if previous.count + block.count <= TIMES_A_BLOCK * 3 // 4 and previous.capacity == TIMES_A_BLOCK:
            memcpy(&previous.records[previous.count], block.records, block.count * sizeof(FieldTime))
            previous.count += block.count
            remove_block(t, index)


cdef int64_t times_first(const FieldTimes* t) noexcept nogil:
    return head(t, 0).first.when if t.blocks else NEVER


cdef size_t times_take(FieldTimes* t, int64_t now, FieldTime* taken, size_t room) noexcept nogil:
    cdef TimeBlock* block
    cdef size_t count = 0
    if not t.blocks:
        return 0
    block = head(t, 0).block
    while count < room and count < block.count and block.records[count].when < now:
        taken[count] = block.records[count]
        count += 1
    if count:
        drop(t, 0, 0, count)
    return count


cdef size_t times_memory(const FieldTimes* t) noexcept nogil:
    cdef size_t total = block_size(sizeof(FieldTimes)) + block_size(t.room * sizeof(BlockHead))
    cdef size_t i
    for i in range(t.blocks):
        total += block_size(block_bytes(head(t, i).block.capacity))
    return total
