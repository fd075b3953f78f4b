"""The hash table: cache-line buckets and linear hashing.

A bucket is one cache line: a byte that says which of the seven slots are taken, seven one-byte
tags, seven pointers. A lookup compares all tags at once and follows a pointer only where the
tag agrees, so that nearly always two cache lines are touched: the bucket's and the entry's.
A bucket that overflows gives its last slot to a pointer to a further bucket.

Growth is Litwin's linear hashing ("Linear hashing: a new tool for file and table addressing",
VLDB 1980): the table has `base + split` buckets. A key's bucket is the low bits of its hash;
buckets below `split` have been split in two already and take one more bit. Each insertion that
finds the table too full splits the bucket at `split`, so no insertion ever waits for more than
one bucket, there is never a second table, and space follows use. Removal merges in the other
direction.

Buckets lie in segments of 2 MiB behind a small directory, so growing moves none of them; a
table smaller than a segment keeps one, which doubles.

`table_scan` counts a cursor with its bits reversed, as Redis does, so that a bucket that splits or
merges meanwhile is seen at least once: of a bucket's two halves, the one with the further bit
clear comes first and the other directly after it.
"""

from libc.stdint cimport uint8_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from redpoll.engine.entry cimport Entry, entry_key, entry_key_length
from redpoll.engine.hashing cimport hash_bytes
from redpoll.engine.member cimport member_hash
from redpoll.engine.memory cimport KIND_TABLE, allocate_lines, reallocate, release, release_lines, allocate

cdef extern from *:
    """
    static inline uint64_t redpoll_below(uint64_t random, uint64_t limit) {
        return (uint64_t)((unsigned __int128)random * limit >> 64);
    }
    """
    uint64_t below "redpoll_below"(uint64_t random, uint64_t limit) noexcept nogil
    int popcount "__builtin_popcount"(unsigned int bits) noexcept nogil

cdef enum:
    # Fill at which a bucket is split, and below which two are merged, in 64ths of all slots.
    FULL = 52
    SPARSE = 12
    AHEAD = 2                             # buckets that are asked for before they are taken apart
    DRAWS = 4                             # of random buckets at a time


cdef void table_init(Table* t, uint64_t seed) noexcept nogil:
    """An empty table; the first insertion allocates."""
    memset(t, 0, sizeof(Table))
    t.base = 1
    t.longest = 1
    t.seed = seed


cdef void make_buckets(Table* t, size_t buckets) noexcept nogil:
    """Room for so many empty buckets, in a table that has none."""
    cdef size_t segment
    t.base = 1
    while t.base * 2 <= buckets:
        t.base *= 2
    t.split = buckets - t.base
    t.segment_count = 1
    t.first_capacity = t.base if t.split == 0 else t.base * 2
    if t.first_capacity > SEGMENT_BUCKETS:
        t.first_capacity = SEGMENT_BUCKETS
        while t.segment_count << SEGMENT_BITS < buckets:
            t.segment_count *= 2
    t.segments = <Bucket**>allocate(t.segment_count * sizeof(Bucket*), KIND_TABLE)
    t.segments[0] = <Bucket*>allocate_lines(t.first_capacity * sizeof(Bucket), KIND_TABLE)
    segment = 1
    while segment << SEGMENT_BITS < buckets:
        t.segments[segment] = <Bucket*>allocate_lines(SEGMENT_BUCKETS * sizeof(Bucket), KIND_TABLE)
        segment += 1


cdef void table_reserve(Table* t, size_t entries) noexcept nogil:
    if t.segments == NULL:
        make_buckets(t, entries * 64 // (SLOTS * FULL) + 1)


cdef void table_shape_as(Table* t, const Table* other) noexcept nogil:
    if other.segments != NULL:
        make_buckets(t, other.base + other.split)


cdef void table_place(Table* t, size_t index, Entry* e, uint8_t tag) noexcept nogil:
    t.used += 1
    place(t, bucket_at(t, index), e, tag)


cdef void free_chain(Table* t, Bucket* b) noexcept nogil:
    cdef Bucket* next
    while b != NULL:
        next = further(b)
        release_lines(b, sizeof(Bucket), KIND_TABLE)
        t.chained -= 1
        b = next


cdef void table_clear(Table* t) noexcept nogil:
    cdef size_t buckets = table_buckets(t)
    cdef size_t index
    cdef uint64_t seed = t.seed
    if t.walk != NULL:
        t.walk.table = NULL
    if t.chained:
        for index in range(buckets):
            free_chain(t, further(bucket_at(t, index)))
    if t.segments != NULL:
        release_lines(t.segments[0], t.first_capacity * sizeof(Bucket), KIND_TABLE)
        index = 1
        while index << SEGMENT_BITS < buckets:
            release_lines(t.segments[index], SEGMENT_BUCKETS * sizeof(Bucket), KIND_TABLE)
            index += 1
        release(t.segments, t.segment_count * sizeof(Bucket*), KIND_TABLE)
    table_init(t, seed)


cdef uint64_t table_hash(const Table* t, const char* key, size_t length) noexcept nogil:
    return hash_bytes(key, length, t.seed)


cdef size_t table_buckets(const Table* t) noexcept nogil:
    return 0 if t.segments == NULL else t.base + t.split


cdef void table_prefetch(const Table* t, uint64_t hash) noexcept nogil:
    if t.used:
        redpoll_prefetch(bucket_at(t, bucket_index(t, hash)))


cdef void table_prefetch_entry(const Table* t, uint64_t hash) noexcept nogil:
    """Once the bucket is here: ask for the entry of the first slot whose tag agrees."""
    cdef Bucket* b
    cdef uint64_t found
    cdef int slot
    if not t.used:
        return
    b = bucket_at(t, bucket_index(t, hash))
    found = matches(b, tag_of(hash)) >> 8
    while found:
        slot = redpoll_ctz64(found) >> 3
        found &= found - 1
        if b.used >> slot & 1:
            redpoll_prefetch(b.slots[slot])
            redpoll_prefetch(<char*>b.slots[slot] + 64)
            return
    if b.used & CHAINED:
        redpoll_prefetch(b.slots[6])


cdef Entry** table_find(const Table* t, const char* key, size_t length, uint64_t hash) noexcept nogil:
    cdef Bucket* b
    cdef uint64_t found
    cdef uint8_t tag = tag_of(hash)
    cdef int slot
    cdef Entry* e
    if not t.used:
        return NULL
    b = bucket_at(t, bucket_index(t, hash))
    while b != NULL:
        found = matches(b, tag) >> 8
        while found:
            slot = redpoll_ctz64(found) >> 3
            found &= found - 1
            if b.used >> slot & 1:
                e = b.slots[slot]
                if entry_key_length(e) == length and memcmp(entry_key(e), key, length) == 0:
                    return &b.slots[slot]
        b = further(b)
    return NULL


cdef Entry** table_find_hash(const Table* t, uint64_t hash, uint8_t wanted_flags) noexcept nogil:
    cdef Bucket* b
    cdef uint64_t found
    cdef uint8_t tag = tag_of(hash)
    cdef int slot
    cdef Entry* e
    if not t.used:
        return NULL
    b = bucket_at(t, bucket_index(t, hash))
    while b != NULL:
        found = matches(b, tag) >> 8
        while found:
            slot = redpoll_ctz64(found) >> 3
            found &= found - 1
            if b.used >> slot & 1:
                e = b.slots[slot]
                if ((e.flags & wanted_flags) == wanted_flags
                        and table_hash(t, entry_key(e), entry_key_length(e)) == hash):
                    return &b.slots[slot]
        b = further(b)
    return NULL


cdef Entry** place(Table* t, Bucket* b, Entry* e, uint8_t tag) noexcept nogil:
    """Into the first free slot of the chain that begins at `b`."""
    cdef Bucket* more
    cdef unsigned int free_slots
    cdef int slot
    cdef size_t depth = 1
    while True:
        if b.used & CHAINED:
            free_slots = ~b.used & 63
            if not free_slots:
                b = <Bucket*>b.slots[6]
                depth += 1
                continue
        else:
            free_slots = ~b.used & ALL_SLOTS
            if not free_slots:
                # The last slot's entry moves on, and its place becomes the pointer.
                more = <Bucket*>allocate_lines(sizeof(Bucket), KIND_TABLE)
                t.chained += 1
                depth += 1
                if depth > t.longest:
                    t.longest = depth
                more.slots[0] = b.slots[6]
                more.tags[0] = b.tags[6]
                more.used = 1
                b.slots[6] = <Entry*>more
                b.tags[6] = 0
                b.used = 63 | CHAINED
                b = more
                continue
        slot = redpoll_ctz64(free_slots)
        b.slots[slot] = e
        b.tags[slot] = tag
        b.used |= 1 << slot
        return &b.slots[slot]


cdef void add_bucket_room(Table* t) noexcept nogil:
    """Makes sure that the bucket at base + split exists and is empty."""
    cdef size_t index = t.base + t.split
    cdef size_t segment = index >> SEGMENT_BITS
    cdef Bucket* bigger
    if segment == 0:
        if index >= t.first_capacity:
            bigger = <Bucket*>allocate_lines(2 * t.first_capacity * sizeof(Bucket), KIND_TABLE)
            memcpy(bigger, t.segments[0], t.first_capacity * sizeof(Bucket))
            release_lines(t.segments[0], t.first_capacity * sizeof(Bucket), KIND_TABLE)
            t.segments[0] = bigger
            t.first_capacity *= 2
        return
    if index & (SEGMENT_BUCKETS - 1):
        return
    if segment >= t.segment_count:
        t.segments = <Bucket**>reallocate(t.segments, t.segment_count * sizeof(Bucket*),
                                          2 * t.segment_count * sizeof(Bucket*), KIND_TABLE)
        t.segment_count *= 2
    t.segments[segment] = <Bucket*>allocate_lines(SEGMENT_BUCKETS * sizeof(Bucket), KIND_TABLE)


cdef inline uint64_t hash_in(const Table* t, const Entry* e) noexcept nogil:
    """The hash of what a slot holds."""
    if t.of_members:
        return member_hash(<uint64_t>e, t.seed)
    return table_hash(t, entry_key(e), entry_key_length(e))


cdef void grow(Table* t) noexcept nogil:
    """Split the bucket at `split` between itself and a new last one."""
    cdef Bucket* source
    cdef Bucket* target
    cdef Bucket* chain
    cdef Bucket* next
    cdef Entry* e
    cdef uint64_t hash
    cdef int slot
    cdef unsigned int used
    if t.walk != NULL:
        table_show(t, t.split)
    add_bucket_room(t)
    source = bucket_at(t, t.split)
    target = bucket_at(t, t.base + t.split)
    chain = source
    while chain != NULL:
        used = taken_slots(chain)
        while used:
            redpoll_prefetch(chain.slots[redpoll_ctz64(used)])
            used &= used - 1
        chain = further(chain)
    chain = further(source)
    used = taken_slots(source)
    source.used = <uint8_t>used
    while used:
        slot = redpoll_ctz64(used)
        used &= used - 1
        e = source.slots[slot]
        hash = hash_in(t, e)
        if hash & t.base:
            source.used &= ~(1 << slot)
            place(t, target, e, tag_of(hash))
    while chain != NULL:
        used = taken_slots(chain)
        while used:
            slot = redpoll_ctz64(used)
            used &= used - 1
            e = chain.slots[slot]
            hash = hash_in(t, e)
            place(t, target if hash & t.base else source, e, tag_of(hash))
        next = further(chain)
        release_lines(chain, sizeof(Bucket), KIND_TABLE)
        t.chained -= 1
        chain = next
    t.split += 1
    if t.split == t.base:
        t.base *= 2
        t.split = 0


cdef void shrink(Table* t) noexcept nogil:
    """Merge the last bucket into the one that it was split from."""
    cdef Bucket* source
    cdef Bucket* target
    cdef Bucket* chain
    cdef size_t index
    cdef unsigned int used
    cdef int slot
    if t.split == 0:
        t.base //= 2
        t.split = t.base
    t.split -= 1
    index = t.base + t.split
    source = bucket_at(t, index)
    target = bucket_at(t, t.split)
    chain = source
    while chain != NULL:
        used = taken_slots(chain)
        while used:
            slot = redpoll_ctz64(used)
            used &= used - 1
            place(t, target, chain.slots[slot], chain.tags[slot])
        chain = further(chain)
    free_chain(t, further(source))
    memset(source, 0, sizeof(Bucket))
    if index >> SEGMENT_BITS:
        if not index & (SEGMENT_BUCKETS - 1):
            release_lines(source, SEGMENT_BUCKETS * sizeof(Bucket), KIND_TABLE)
    elif index * 4 <= t.first_capacity:
        shrink_first(t)


cdef void shrink_first(Table* t) noexcept nogil:
    cdef size_t capacity = t.first_capacity // 2
    cdef Bucket* smaller
    if capacity < 1:
        return
    smaller = <Bucket*>allocate_lines(capacity * sizeof(Bucket), KIND_TABLE)
    memcpy(smaller, t.segments[0], (t.base + t.split) * sizeof(Bucket))
    release_lines(t.segments[0], t.first_capacity * sizeof(Bucket), KIND_TABLE)
    t.segments[0] = smaller
    t.first_capacity = capacity


cdef Entry** table_insert(Table* t, Entry* e, uint64_t hash) noexcept nogil:
    if t.segments == NULL:
        t.segments = <Bucket**>allocate(sizeof(Bucket*), KIND_TABLE)
        t.segment_count = 1
        t.segments[0] = <Bucket*>allocate_lines(sizeof(Bucket), KIND_TABLE)
        t.first_capacity = 1
    elif t.used * 64 >= (t.base + t.split) * (SLOTS * FULL) and not t.frozen:
        grow(t)
        redpoll_prefetch(bucket_at(t, t.split))
    table_touch(t, hash)
    t.used += 1
    return place(t, bucket_at(t, bucket_index(t, hash)), e, tag_of(hash))


cdef void table_remove(Table* t, Entry** slot, uint64_t hash) noexcept nogil:
    cdef Bucket* b = <Bucket*>(<uintptr_t>slot & ~<uintptr_t>63)
    cdef Bucket* last
    cdef Bucket* before
    cdef int index = <int>(slot - b.slots)
    cdef int other
    table_touch(t, hash)
    b.used &= ~(1 << index)
    t.used -= 1
    last = bucket_at(t, bucket_index(t, hash))
    if last.used & CHAINED:
        # Fill the hole from the end of the chain, so that chains stay packed.
        before = NULL
        while last.used & CHAINED:
            before = last
            last = <Bucket*>last.slots[6]
        if last.used:
            if last != b:
                other = redpoll_ctz64(last.used)
                b.slots[index] = last.slots[other]
                b.tags[index] = last.tags[other]
                b.used |= 1 << index
                last.used &= ~(1 << other)
        if not last.used:
            before.used &= ~CHAINED
            release_lines(last, sizeof(Bucket), KIND_TABLE)
            t.chained -= 1
    table_settle(t, 1)


cdef void table_vacate(Table* t, Entry** slot) noexcept nogil:
    # A hole in a chain is filled, and a last bucket that is empty given back, with the next removal there.
    cdef Bucket* b = <Bucket*>(<uintptr_t>slot & ~<uintptr_t>63)
    b.used &= ~(1 << <int>(slot - b.slots))
    t.used -= 1


cdef void table_settle(Table* t, size_t most) noexcept nogil:
    while (most and t.used * 64 < (t.base + t.split) * (SLOTS * SPARSE) and t.base + t.split > 1
            and not (t.frozen or t.held) and t.walk == NULL):
        shrink(t)
        most -= 1


cdef uint64_t reversed_bits(uint64_t value) noexcept nogil:
    value = ((value >> 1) & <uint64_t>0x5555555555555555) | ((value & <uint64_t>0x5555555555555555) << 1)
    value = ((value >> 2) & <uint64_t>0x3333333333333333) | ((value & <uint64_t>0x3333333333333333) << 2)
    value = ((value >> 4) & <uint64_t>0x0F0F0F0F0F0F0F0F) | ((value & <uint64_t>0x0F0F0F0F0F0F0F0F) << 4)
    value = ((value >> 8) & <uint64_t>0x00FF00FF00FF00FF) | ((value & <uint64_t>0x00FF00FF00FF00FF) << 8)
    value = ((value >> 16) & <uint64_t>0x0000FFFF0000FFFF) | ((value & <uint64_t>0x0000FFFF0000FFFF) << 16)
    return (value >> 32) | (value << 32)


cdef void visit_chain(const Bucket* b, entry_visitor visit, void* context) noexcept nogil:
    cdef unsigned int used
    while b != NULL:
        used = taken_slots(b)
        while used:
            visit(context, b.slots[redpoll_ctz64(used)])
            used &= used - 1
        b = further(b)


cdef uint64_t table_scan(const Table* t, uint64_t cursor, entry_visitor visit, void* context) noexcept nogil:
    """The visitor must not change the table."""
    cdef uint64_t mask
    if not t.used:
        return 0
    mask = t.base - 1
    if (cursor & mask) < t.split:
        mask = (t.base << 1) - 1
    visit_chain(bucket_at(t, cursor & mask), visit, context)
    cursor |= ~mask
    return reversed_bits(reversed_bits(cursor) + 1)


cdef void table_visit_bucket(const Table* t, size_t index, entry_visitor visit, void* context) noexcept nogil:
    visit_chain(bucket_at(t, index), visit, context)


cdef void table_walk_begin(TableWalk* walk, Table* t, entry_visitor visit, void* context) noexcept nogil:
    walk.table = t
    walk.next = 0
    walk.end = table_buckets(t)
    walk.shown = NULL
    walk.visit = visit
    walk.context = context


cdef bint table_walk_next(TableWalk* walk) noexcept nogil:
    cdef unsigned int used
    cdef Bucket* later
    if walk.shown != NULL:
        while walk.next < walk.end and walk.shown[walk.next >> 6] >> (walk.next & 63) & 1:
            walk.next += 1
    if walk.table == NULL or walk.next >= walk.end:
        return False
    if walk.next + AHEAD < table_buckets(walk.table):
        later = bucket_at(walk.table, walk.next + AHEAD)
        used = taken_slots(later)
        while used:
            redpoll_prefetch(later.slots[redpoll_ctz64(used)])
            used &= used - 1
    visit_chain(bucket_at(walk.table, walk.next), walk.visit, walk.context)
    walk.next += 1
    return True


cdef bint table_walk_guard(TableWalk* walk) noexcept nogil:
    # Growth only adds buckets behind `end`, out of ones that it has shown before; nothing is merged meanwhile. So the
    # number of a bucket is all that has to be remembered. The C library's pages are zero already, and come when needed.
    walk.shown = <uint64_t*>calloc((walk.end >> 6) + 1, sizeof(uint64_t))
    if walk.shown == NULL:
        return False
    walk.table.walk = walk
    return True


cdef void table_walk_end(TableWalk* walk) noexcept nogil:
    if walk.shown != NULL:
        if walk.table != NULL:
            walk.table.walk = NULL
        free(walk.shown)
        walk.shown = NULL
    walk.table = NULL


cdef void table_show(const Table* t, size_t index) noexcept nogil:
    """For the walk that guards a table: a bucket is about to change."""
    cdef TableWalk* walk = t.walk
    cdef uint64_t bit = <uint64_t>1 << (index & 63)
    if walk.next <= index < walk.end and not walk.shown[index >> 6] & bit:
        walk.shown[index >> 6] |= bit
        visit_chain(bucket_at(t, index), walk.visit, walk.context)


cdef bint table_dismantle(Table* t, size_t most, entry_visitor visit, void* context) noexcept nogil:
    cdef Bucket* last
    cdef size_t index
    cdef size_t visited = 0
    cdef unsigned int used
    if t.segments == NULL:
        return True
    while visited < most:
        index = t.base + t.split - 1
        if index >= AHEAD:
            # What the visitor will touch; freeing is one miss of the cache after another otherwise.
            last = bucket_at(t, index - AHEAD)
            used = taken_slots(last)
            while used:
                redpoll_prefetch(last.slots[redpoll_ctz64(used)])
                used &= used - 1
        last = bucket_at(t, index)
        if t.walk != NULL:
            table_show(t, index)
        # Buckets that are empty cost something too.
        visited += 1 + popcount(last.used)
        visit_chain(last, visit, context)
        free_chain(t, further(last))
        last.used = 0
        if index == 0:
            table_clear(t)
            return True
        if t.split == 0:
            t.base //= 2
            t.split = t.base
        t.split -= 1
        if index >> SEGMENT_BITS and not index & (SEGMENT_BUCKETS - 1):
            release_lines(last, SEGMENT_BUCKETS * sizeof(Bucket), KIND_TABLE)
    return False


cdef Entry** table_random_slot(const Table* t, random_source random, void* context) noexcept nogil:
    """By rejection: draw one place of all that there would be if every chain were as long as the longest.

    Several draws are made at a time, so that their buckets come from memory together.
    """
    cdef size_t buckets = table_buckets(t)
    cdef size_t places = (SLOTS - 1) * t.longest + 1
    cdef Bucket* drawn[DRAWS]
    cdef Bucket* b
    cdef size_t place, count
    cdef unsigned int used
    cdef int i
    if not t.used:
        return NULL
    while True:
        for i in range(DRAWS):
            drawn[i] = bucket_at(t, below(random(context), buckets))
            redpoll_prefetch(drawn[i])
        for i in range(DRAWS):
            # All buckets of a chain but the last are full, but removal may have left a hole in any of them.
            b = drawn[i]
            place = below(random(context), places)
            while True:
                used = taken_slots(b)
                count = popcount(used)
                if place < count:
                    while place:
                        used &= used - 1
                        place -= 1
                    return &b.slots[redpoll_ctz64(used)]
                place -= count
                b = further(b)
                if b == NULL:
                    break


cdef size_t table_memory(const Table* t) noexcept nogil:
    """Bytes that buckets and directory occupy."""
    cdef size_t buckets = table_buckets(t)
    cdef size_t total
    if t.segments == NULL:
        return 0
    total = t.chained * sizeof(Bucket) + t.segment_count * sizeof(Bucket*)
    if buckets <= t.first_capacity:
        return total + t.first_capacity * sizeof(Bucket)
    return total + ((buckets + SEGMENT_BUCKETS - 1) >> SEGMENT_BITS) * SEGMENT_BUCKETS * sizeof(Bucket)
