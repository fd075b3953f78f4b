"""A hash table of entries that grows and shrinks one bucket at a time: see table.pyx."""

from libc.stdint cimport uint8_t, uint64_t

from redpoll.engine.entry cimport Entry

cdef struct Bucket:
    uint8_t used             # bit i: slot i holds an entry; bit 7: slot 6 leads to a further bucket
    uint8_t tags[7]          # the top bits of each entry's hash
    Entry* slots[7]

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
    bint frozen              # no growth and no shrinking, for tests that look at the shape

ctypedef void (*entry_visitor)(void* context, Entry* e) noexcept nogil

cdef void table_init(Table* t, uint64_t seed) noexcept nogil
# Frees the buckets, not the entries.
cdef void table_clear(Table* t) noexcept nogil
# The same in slices: visits the entries of up to `most` buckets from `at` on, and frees what lies behind; `at` is moved on
# from 0, the table is of no other use meanwhile. True, and the table empty, at the end.
cdef bint table_clear_some(Table* t, size_t* at, size_t most, entry_visitor visit, void* context) noexcept nogil

cdef uint64_t table_hash(const Table* t, const char* key, size_t length) noexcept nogil
cdef void table_prefetch(const Table* t, uint64_t hash) noexcept nogil
cdef void table_prefetch_entry(const Table* t, uint64_t hash) noexcept nogil

# The slot of a key, or NULL; good until the next insertion or removal.
cdef Entry** table_find(const Table* t, const char* key, size_t length, uint64_t hash) noexcept nogil
# The key must be absent. Returns its slot.
cdef Entry** table_insert(Table* t, Entry* e, uint64_t hash) noexcept nogil
# The slot's entry is not freed.
cdef void table_remove(Table* t, Entry** slot, uint64_t hash) noexcept nogil

# Visits some entries and returns the next cursor, 0 at the end.
cdef uint64_t table_scan(const Table* t, uint64_t cursor, entry_visitor visit, void* context) noexcept nogil
# Entries one after another, for whoever takes the whole table apart or looks at all of it without changing it.
cdef size_t table_buckets(const Table* t) noexcept nogil
cdef void table_visit_bucket(const Table* t, size_t index, entry_visitor visit, void* context) noexcept nogil
# Any entry, each as likely; `random` are 64 random bits, `again` gives more of them. NULL when empty.
ctypedef uint64_t (*random_source)(void* context) noexcept nogil
cdef Entry* table_random(const Table* t, random_source random, void* context) noexcept nogil
# The first entry at or behind a bucket whose key has this very hash and that `wanted` flags; for the index of expiry.
cdef Entry** table_find_hash(const Table* t, uint64_t hash, uint8_t wanted_flags) noexcept nogil
cdef size_t table_memory(const Table* t) noexcept nogil
