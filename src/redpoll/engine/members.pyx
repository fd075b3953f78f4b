"""Tables of members; how a slot holds one opens member.pxd.

Buckets, growth and scanning are those of engine/table, which needs of members nothing but their hashes. What is here
searches, and does so for many members at a time: their buckets are asked for first, then the texts that may be theirs,
and only then is compared, so that the processor waits for memory once a batch and not twice a member.

All tables of a keyspace have one seed. So a walk through one table looks up buckets of another nearly in their order,
and a member is hashed once, however many sets it is sought in.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

from redpoll.engine.entry cimport Entry
from redpoll.engine.member cimport (
    LONG_TEXT, MEMBER_IN_SLOT, Member, hash_of_member, member_of_word, packed_length, packed_text,
)
from redpoll.engine.memory cimport KIND_COLLECTION, KIND_ENTRY, allocate, block_size, release
from redpoll.engine.table cimport (
    CHAINED, Bucket, Table, bucket_at, bucket_index, further, matches, redpoll_ctz64, redpoll_prefetch,
    table_buckets, table_init, table_insert, table_memory, table_place, table_remove, table_reserve, table_shape_as,
    table_dismantle, tag_of, taken_slots,
)

cdef enum:
    AHEAD = 4                # buckets, when a copy asks for what it will read


cdef Members* members_new(uint64_t seed, size_t expected) noexcept nogil:
    cdef Members* m = <Members*>allocate(sizeof(Members), KIND_COLLECTION)
    table_init(&m.table, seed)
    m.table.of_members = True
    m.text_bytes = 0
    if expected:
        table_reserve(&m.table, expected)
    return m


cdef inline size_t packed_size(size_t length) noexcept nogil:
    return length + (9 if length >= LONG_TEXT else 1)


cdef uint64_t packed(Members* m, const char* text, size_t length) noexcept nogil:
    """A text in a block of its own, as a slot's word."""
    cdef size_t size = packed_size(length)
    cdef char* block = <char*>allocate(size, KIND_ENTRY)
    cdef uint64_t wide = length
    m.text_bytes += block_size(size)
    if length >= LONG_TEXT:
        block[0] = <char>LONG_TEXT
        memcpy(block + 1, &wide, 8)
        memcpy(block + 9, text, length)
    else:
        block[0] = <char>length
        memcpy(block + 1, text, length)
    return <uint64_t>block


cdef void drop(void* members, Entry* word) noexcept nogil:
    """Free the text that a slot points to."""
    cdef Members* m = <Members*>members
    cdef size_t size
    if not <uint64_t>word & MEMBER_IN_SLOT:
        size = packed_size(packed_length(<const char*>word))
        m.text_bytes -= block_size(size)
        release(<void*>word, size, KIND_ENTRY)


cdef bint members_free_some(Members* m, size_t most) noexcept nogil:
    if not table_dismantle(&m.table, most, drop, m):
        return False
    release(m, sizeof(Members), KIND_COLLECTION)
    return True


cdef inline void prefetch_texts(const Bucket* b) noexcept nogil:
    cdef unsigned int used = taken_slots(b)
    while used:
        if not <uint64_t>b.slots[redpoll_ctz64(used)] & MEMBER_IN_SLOT:
            redpoll_prefetch(b.slots[redpoll_ctz64(used)])
        used &= used - 1


cdef Members* members_copy(const Members* m) noexcept nogil:
    cdef Members* made = members_new(m.table.seed, 0)
    cdef size_t buckets = table_buckets(&m.table)
    cdef Bucket* b
    cdef size_t index
    cdef unsigned int used
    cdef int slot
    cdef uint64_t word
    table_shape_as(&made.table, &m.table)
    for index in range(buckets):
        if index + AHEAD < buckets:
            prefetch_texts(bucket_at(&m.table, index + AHEAD))
        b = bucket_at(&m.table, index)
        while b != NULL:
            used = taken_slots(b)
            while used:
                slot = redpoll_ctz64(used)
                used &= used - 1
                word = <uint64_t>b.slots[slot]
                if not word & MEMBER_IN_SLOT:
                    word = packed(made, packed_text(<const char*>word), packed_length(<const char*>word))
                table_place(&made.table, index, <Entry*>word, b.tags[slot])
            b = further(b)
    return made


cdef size_t members_memory(const Members* m) noexcept nogil:
    return block_size(sizeof(Members)) + table_memory(&m.table) + m.text_bytes


cdef inline bint is_text(uint64_t word, const Member* member) noexcept nogil:
    return (not word & MEMBER_IN_SLOT and packed_length(<const char*>word) == member.length
            and memcmp(packed_text(<const char*>word), member.text, member.length) == 0)


cdef Entry** members_find(const Members* m, const Member* member, uint64_t hash) noexcept nogil:
    cdef const Table* t = &m.table
    cdef Bucket* b
    cdef uint64_t found
    cdef uint8_t tag = tag_of(hash)
    cdef int slot
    if not t.used:
        return NULL
    b = bucket_at(t, bucket_index(t, hash))
    while b != NULL:
        found = matches(b, tag) >> 8
        while found:
            slot = redpoll_ctz64(found) >> 3
            found &= found - 1
            if b.used >> slot & 1:
                if member.text == NULL:
                    if <uint64_t>b.slots[slot] == member.word:
                        return &b.slots[slot]
                elif is_text(<uint64_t>b.slots[slot], member):
                    return &b.slots[slot]
        b = further(b)
    return NULL


cdef void members_insert(Members* m, const Member* member, uint64_t hash) noexcept nogil:
    cdef uint64_t word = member.word
    if member.text != NULL:
        word = packed(m, member.text, member.length)
    table_insert(&m.table, <Entry*>word, hash)


cdef bint members_add(Members* m, const Member* member) noexcept nogil:
    cdef uint64_t hash = hash_of_member(member, m.table.seed)
    if members_find(m, member, hash) != NULL:
        return False
    members_insert(m, member, hash)
    return True


cdef void members_remove(Members* m, Entry** slot, uint64_t hash) noexcept nogil:
    cdef Entry* word = slot[0]
    table_remove(&m.table, slot, hash)
    drop(m, word)


# Many at a time

cdef void members_next(const Members* m, MembersCursor* cursor, Batch* batch) noexcept nogil:
    cdef const Table* t = &m.table
    cdef size_t buckets = table_buckets(t)
    cdef size_t i
    cdef uint64_t word
    while batch.count < BATCH:
        if not cursor.left:
            if cursor.chain != NULL:
                cursor.chain = further(cursor.chain)
            if cursor.chain == NULL:
                if cursor.bucket >= buckets:
                    break
                cursor.chain = bucket_at(t, cursor.bucket)
                cursor.bucket += 1
            cursor.left = taken_slots(cursor.chain)
            continue
        word = <uint64_t>cursor.chain.slots[redpoll_ctz64(cursor.left)]
        cursor.left &= cursor.left - 1
        if not word & MEMBER_IN_SLOT:
            redpoll_prefetch(<void*>word)
        batch_more(batch).word = word
    for i in range(batch.count):
        member_of_word(&batch.members[i], batch.members[i].word)


cdef inline void hash_batch(Batch* batch, uint64_t seed) noexcept nogil:
    cdef size_t i
    if batch.hashed and batch.seed == seed:
        return
    for i in range(batch.living):
        batch.hashes[batch.alive[i]] = hash_of_member(&batch.members[batch.alive[i]], seed)
    batch.hashed = True
    batch.seed = seed


cdef void prefetch_batch(const Table* t, const Batch* batch) noexcept nogil:
    """Ask for the buckets of the living, then for texts that may be theirs."""
    cdef size_t i
    cdef uint64_t hash, found
    cdef Bucket* b
    cdef int slot
    for i in range(batch.living):
        redpoll_prefetch(bucket_at(t, bucket_index(t, batch.hashes[batch.alive[i]])))
    for i in range(batch.living):
        if batch.members[batch.alive[i]].text == NULL:
            continue
        hash = batch.hashes[batch.alive[i]]
        b = bucket_at(t, bucket_index(t, hash))
        found = matches(b, tag_of(hash)) >> 8
        if found:
            slot = redpoll_ctz64(found) >> 3
            redpoll_prefetch(b.slots[slot])
        elif b.used & CHAINED:
            redpoll_prefetch(b.slots[6])


cdef void members_filter(const Members* m, Batch* batch, bint wanted) noexcept nogil:
    cdef size_t i
    cdef size_t kept = 0
    cdef uint8_t number
    if m.table.used:
        hash_batch(batch, m.table.seed)
        prefetch_batch(&m.table, batch)
    for i in range(batch.living):
        number = batch.alive[i]
        if (members_find(m, &batch.members[number], batch.hashes[number]) != NULL) == wanted:
            batch.alive[kept] = number
            kept += 1
    batch.living = kept


cdef void members_add_batch(Members* m, Batch* batch) noexcept nogil:
    cdef size_t i
    cdef size_t kept = 0
    cdef uint8_t number
    hash_batch(batch, m.table.seed)
    if m.table.used:
        prefetch_batch(&m.table, batch)
    for i in range(batch.living):
        number = batch.alive[i]
        if members_find(m, &batch.members[number], batch.hashes[number]) == NULL:
            members_insert(m, &batch.members[number], batch.hashes[number])
            batch.alive[kept] = number
            kept += 1
    batch.living = kept
