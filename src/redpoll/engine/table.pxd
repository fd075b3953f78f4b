"""A hash table of entries that grows and shrinks one bucket at a time: see table.pyx."""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

from redpoll.engine.entry cimport Entry

cdef extern from *:
    """
    #define redpoll_prefetch(p) __builtin_prefetch(p)
    #define redpoll_ctz64(x) __builtin_ctzll(x)
    """
    void redpoll_prefetch(const void* p) noexcept nogil
    int redpoll_ctz64(uint64_t x) noexcept nogil

cdef enum:
    SEGMENT_BITS = 15                     # 32,768 buckets of 64 bytes: 2 MiB
    SEGMENT_BUCKETS = 32768
    SLOTS = 7
    ALL_SLOTS = 127
    CHAINED = 128

cdef struct Bucket:
    uint8_t used             # bit i: slot i holds an entry; bit 7: slot 6 leads to a further bucket
    uint8_t tags[7]          # the top bits of each entry's hash
    Entry* slots[7]

cdef struct TableWalk        # below

cdef struct Table:
    Bucket** segments
    size_t segment_count     # segments that the directory has room for
    size_t first_capacity    # buckets in the first segment, while it is the only one
    size_t base              # a power of two; the table has base + split buckets
    size_t split             # buckets below this one are addressed by one more bit
    size_t used              # entries
    size_t chained           # further buckets
    size_t longest           # buckets of the longest chain that there has been
    uint64_t seed
    TableWalk* walk          # that wants to see buckets before they change, or NULL
    bint frozen              # no growth and no shrinking, for tests that look at the shape
    bint held                # no shrinking: whoever walks by buckets must not miss what would move backwards
    bint of_members          # slots hold members of a set, as engine/members lays them out, not entries

# For those who search the buckets their own way.

cdef inline uint8_t tag_of(uint64_t hash) noexcept nogil:
    return <uint8_t>(hash >> 56)

cdef inline size_t bucket_index(const Table* t, uint64_t hash) noexcept nogil:
    cdef size_t index = hash & (t.base - 1)
    if index < t.split:
        index = hash & ((t.base << 1) - 1)
    return index

cdef inline Bucket* bucket_at(const Table* t, size_t index) noexcept nogil:
    return t.segments[index >> SEGMENT_BITS] + (index & (SEGMENT_BUCKETS - 1))

cdef inline Bucket* further(const Bucket* b) noexcept nogil:
    return <Bucket*>b.slots[6] if b.used & CHAINED else NULL

cdef inline unsigned int taken_slots(const Bucket* b) noexcept nogil:
    """A bit for every slot that holds an entry."""
    return b.used & (63 if b.used & CHAINED else ALL_SLOTS)

cdef inline uint64_t matches(const Bucket* b, uint8_t tag) noexcept nogil:
    """A set high bit for every byte that may equal the tag; a byte above an equal one may be there wrongly."""
    cdef uint64_t word
    memcpy(&word, b, 8)
    word ^= tag * <uint64_t>0x0101010101010101
    return (word - <uint64_t>0x0101010101010101) & ~word & <uint64_t>0x8080808080808080

ctypedef void (*entry_visitor)(void* context, Entry* e) noexcept nogil

cdef void table_init(Table* t, uint64_t seed) noexcept nogil
# Makes an empty table as large as so many entries want it.
cdef void table_reserve(Table* t, size_t entries) noexcept nogil
# Makes an empty table of the same shape as another, and puts an entry into the bucket of that number, with the tag that
# it has there: so a copy needs no hash.
cdef void table_shape_as(Table* t, const Table* other) noexcept nogil
cdef void table_place(Table* t, size_t index, Entry* e, uint8_t tag) noexcept nogil
# Frees the buckets, not the entries.
cdef void table_clear(Table* t) noexcept nogil

cdef uint64_t table_hash(const Table* t, const char* key, size_t length) noexcept nogil
cdef void table_prefetch(const Table* t, uint64_t hash) noexcept nogil
cdef void table_prefetch_entry(const Table* t, uint64_t hash) noexcept nogil

# The slot of a key, or NULL; good until the next insertion or removal.
cdef Entry** table_find(const Table* t, const char* key, size_t length, uint64_t hash) noexcept nogil
# The key must be absent. Returns its slot.
cdef Entry** table_insert(Table* t, Entry* e, uint64_t hash) noexcept nogil
# The slot's entry is not freed.
cdef void table_remove(Table* t, Entry** slot, uint64_t hash) noexcept nogil
# As `table_remove`, but no other slot moves: for what a lookup removes while its caller holds slots of other keys.
# `table_settle` makes up for it.
cdef void table_vacate(Table* t, Entry** slot) noexcept nogil
# Merges up to `most` buckets of a table that has become sparse.
cdef void table_settle(Table* t, size_t most) noexcept nogil

# Visits some entries and returns the next cursor, 0 at the end.
cdef uint64_t table_scan(const Table* t, uint64_t cursor, entry_visitor visit, void* context) noexcept nogil
# Entries one after another, for whoever takes the whole table apart or looks at all of it without changing it.
cdef size_t table_buckets(const Table* t) noexcept nogil
cdef void table_visit_bucket(const Table* t, size_t index, entry_visitor visit, void* context) noexcept nogil
# Takes a table that is no longer wanted apart from its end: shows about `most` entries to `visit`, which frees them,
# and gives back their buckets. True when nothing is left.
cdef bint table_dismantle(Table* t, size_t most, entry_visitor visit, void* context) noexcept nogil
# A walk through all entries that there are when it begins, each shown once. Once it is guarded, the table may change
# while it goes on: entries are shown before they change, and what comes later is not shown.
cdef struct TableWalk:
    Table* table             # NULL: there is nothing left
    size_t next              # buckets below have been shown
    size_t end               # and those from here on hold nothing that would have to be
    uint64_t* shown          # guarded: a bit for each bucket that was shown
    entry_visitor visit      # must not change the table
    void* context

cdef void table_walk_begin(TableWalk* walk, Table* t, entry_visitor visit, void* context) noexcept nogil
# Shows the entries of a further bucket; whether there was one.
cdef bint table_walk_next(TableWalk* walk) noexcept nogil
# False: there is no memory for it.
cdef bint table_walk_guard(TableWalk* walk) noexcept nogil
cdef void table_walk_end(TableWalk* walk) noexcept nogil
cdef void table_show(const Table* t, size_t index) noexcept nogil

cdef inline void table_touch(const Table* t, uint64_t hash) noexcept nogil:
    """An entry of this hash is about to change where it is; what inserts and removes calls this itself."""
    if t.walk != NULL:
        table_show(t, bucket_index(t, hash))

# The slot of any entry, each as likely; NULL when empty. `random` gives 64 random bits each time.
ctypedef uint64_t (*random_source)(void* context) noexcept nogil
cdef Entry** table_random_slot(const Table* t, random_source random, void* context) noexcept nogil
cdef inline Entry* table_random(const Table* t, random_source random, void* context) noexcept nogil:
    """Any entry, each as likely; NULL when empty."""
    cdef Entry** slot = table_random_slot(t, random, context)
    return NULL if slot == NULL else slot[0]
# The first entry at or behind a bucket whose key has this very hash and that `wanted` flags; for the index of expiry.
cdef Entry** table_find_hash(const Table* t, uint64_t hash, uint8_t wanted_flags) noexcept nogil
cdef size_t table_memory(const Table* t) noexcept nogil
