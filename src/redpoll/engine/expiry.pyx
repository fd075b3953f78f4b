"""Which keys expire when: a hierarchical timing wheel of key hashes.

After Varghese and Lauck, "Hashed and hierarchical timing wheels" (SOSP 1987): eight wheels of
64 slots, the first of 64 ms a slot, each further one 64 times coarser. A slot is a list of
blocks of hashes of keys. When a slot's time comes, each of its keys is looked up: one that has
expired goes, one that has time left is filed again, nearer; one that is no more is forgotten.

A record is a hash and not a pointer, so entries move, change and vanish without a word to
the wheel, and setting a later time on a key that has a record already costs nothing. The price
is that records of deleted keys stay until their time; the keyspace counts them and has the
wheel made anew when they outnumber the living (`Database.refile`).
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from redpoll.engine.memory cimport KIND_EXPIRY, allocate, block_size, release

cdef enum:
    TICK_BITS = 6
    SLOT_BITS = 6


cdef void wheel_init(Wheel* w, int64_t now) noexcept nogil:
    memset(w, 0, sizeof(Wheel))
    w.tick = now >> TICK_BITS


cdef Block* free_blocks(Block* blocks, size_t most) noexcept nogil:
    """Frees up to `most` blocks of a list and returns the rest of it."""
    cdef Block* next
    while blocks != NULL and most:
        next = blocks.next
        release(blocks, sizeof(Block), KIND_EXPIRY)
        blocks = next
        most -= 1
    return blocks


cdef Block* wheel_empty(Wheel* w) noexcept nogil:
    cdef int level, slot
    cdef Block* all_blocks
    cdef int64_t tick = w.tick
    for level in range(WHEEL_LEVELS):
        if w.level_records[level]:
            for slot in range(WHEEL_SLOTS):
                make_due(w, level, slot)
    all_blocks = w.due
    memset(w, 0, sizeof(Wheel))
    w.tick = tick
    return all_blocks


cdef void wheel_file(Wheel* w, uint64_t hash, int64_t when) noexcept nogil:
    # Rounded up: when the slot's time comes the key has expired, and need not be filed once more.
    cdef int64_t tick = (when >> TICK_BITS) + 1
    cdef int level = 0
    cdef Slot* slot
    cdef Block* block
    if tick < w.tick:
        tick = w.tick
    # The coarsest field in which the time differs from now decides, as in a radix sort.
    while level < WHEEL_LEVELS - 1 and (tick ^ w.tick) >> (SLOT_BITS * (level + 1)):
        level += 1
    slot = &w.slots[level][(tick >> (SLOT_BITS * level)) & (WHEEL_SLOTS - 1)]
    block = slot.first
    if block == NULL or block.count == RECORDS_A_BLOCK:
        block = <Block*>allocate(sizeof(Block), KIND_EXPIRY)
        block.next = slot.first
        block.count = 0
        if slot.first == NULL:
            slot.last = block
        slot.first = block
    block.hashes[block.count] = hash
    block.count += 1
    slot.records += 1
    w.level_records[level] += 1
    w.records += 1


cdef void wheel_file_due(Wheel* w, uint64_t hash) noexcept nogil:
    cdef Block* block = w.due
    if block == NULL or block.count == RECORDS_A_BLOCK:
        block = <Block*>allocate(sizeof(Block), KIND_EXPIRY)
        block.next = w.due
        block.count = 0
        w.due = block
    block.hashes[block.count] = hash
    block.count += 1
    w.records += 1


cdef void make_due(Wheel* w, int level, int index) noexcept nogil:
    cdef Slot* slot = &w.slots[level][index]
    if slot.first == NULL:
        return
    w.level_records[level] -= slot.records
    slot.last.next = w.due
    w.due = slot.first
    memset(slot, 0, sizeof(Slot))


cdef void wheel_advance(Wheel* w, int64_t now) noexcept nogil:
    cdef int64_t last = now >> TICK_BITS
    cdef int level
    while w.tick <= last:
        # Entering a tick whose lower fields are all zero opens a slot of a coarser wheel.
        level = 1
        while level < WHEEL_LEVELS and not w.tick & ((<int64_t>1 << (SLOT_BITS * level)) - 1):
            if w.level_records[level]:
                make_due(w, level, (w.tick >> (SLOT_BITS * level)) & (WHEEL_SLOTS - 1))
            level += 1
        if w.level_records[0]:
            make_due(w, 0, w.tick & (WHEEL_SLOTS - 1))
        elif last - w.tick > WHEEL_SLOTS:
            # Nothing is due in this turn of the finest wheel: go to the start of its next one.
            w.tick |= WHEEL_SLOTS - 1
        w.tick += 1


cdef size_t wheel_take(Wheel* w, uint64_t* hashes, size_t room) noexcept nogil:
    cdef size_t taken = 0
    cdef Block* block
    while w.due != NULL and taken < room:
        block = w.due
        while block.count and taken < room:
            block.count -= 1
            hashes[taken] = block.hashes[block.count]
            taken += 1
        if not block.count:
            w.due = block.next
            release(block, sizeof(Block), KIND_EXPIRY)
    w.records -= taken
    return taken


cdef int64_t wheel_next(const Wheel* w) noexcept nogil:
    cdef int level
    cdef int64_t field, base
    if w.due != NULL:
        return 0
    for level in range(WHEEL_LEVELS):
        if not w.level_records[level]:
            continue
        # A finer wheel holds what comes before the next slot of the coarser one.
        base = w.tick >> (SLOT_BITS * (level + 1)) << SLOT_BITS
        for field in range((w.tick >> (SLOT_BITS * level)) & (WHEEL_SLOTS - 1), WHEEL_SLOTS):
            if w.slots[level][field].records:
                return (base + field) << (SLOT_BITS * level) << TICK_BITS
        return w.tick << TICK_BITS
    return -1


cdef bint wheel_random(const Wheel* w, uint64_t random, uint64_t* hash) noexcept nogil:
    """A record of a random slot that is not empty: near and far times get equal chances, records of one slot too."""
    cdef int start = random & 511
    cdef int i, index
    cdef Block* block
    cdef uint64_t skip
    if not w.records:
        return False
    for i in range(512):
        index = (start + i) & 511
        block = w.slots[index >> 6][index & 63].first
        if block != NULL:
            skip = (random >> 16) & 15
            while skip and block.next != NULL:
                block = block.next
                skip -= 1
            if block.count:
                hash[0] = block.hashes[(random >> 24) % block.count]
                return True
    if w.due != NULL and w.due.count:
        hash[0] = w.due.hashes[(random >> 24) % w.due.count]
        return True
    return False


cdef size_t wheel_memory(const Wheel* w) noexcept nogil:
    """About: blocks that are not full are counted by their records."""
    return (w.records + RECORDS_A_BLOCK - 1) // RECORDS_A_BLOCK * block_size(sizeof(Block))
