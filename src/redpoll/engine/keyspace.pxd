"""Databases of keys: lookup with expiry, change, scan, and freeing in slices. See keyspace.pyx."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from redpoll.engine.blob cimport Blob
from redpoll.engine.entry cimport FLAG_SAVED, Entry
from redpoll.engine.expiry cimport Block, Wheel
from redpoll.engine.field_index cimport FieldIndex
from redpoll.engine.table cimport Table, table_hash
from redpoll.engine.watcher cimport (
    EVENT_EXPIRED, EVENT_KEY_MISS, EVENT_NEW, EVENT_OVERWRITTEN, EVENT_TYPE_CHANGED, Watcher,
)

cdef enum:
    CLOCK_LRU = 0
    CLOCK_LFU = 1

# The next of a row of random numbers, whose state is at this address; `Keyspace.random_state`.
cdef uint64_t random_of(void* state) noexcept nogil

# Saves an entry of a database before it changes or is freed.
ctypedef void (*change_hook)(void* context, Database db, Entry* e) noexcept

cdef class Remains:
    """A flushed database on its way out, bucket by bucket."""
    cdef Table table
    cdef Block* blocks
    cdef Block* field_blocks
    cdef bint held                        # a snapshot still reads it

    cdef size_t free_some(self, size_t buckets) noexcept

cdef class Keyspace:
    cdef readonly list databases
    cdef public int64_t now               # unix milliseconds, told by whoever runs commands
    cdef int64_t next_return_ms           # when empty arenas may go back to the system again
    cdef uint32_t clock                   # what a touched entry gets: seconds (LRU) or minutes (LFU)
    cdef public int clock_kind
    cdef public int lfu_log_factor
    cdef public int lfu_decay_time
    cdef public bint touching             # reads move the access clock
    cdef public bint writes_only          # … but only accesses that may change the key do
    cdef public bint expiring             # expired keys are removed when met; else they only look gone
    cdef public bint replaying            # what happened once is done again: nothing is due before all of it is done
    cdef public Watcher watcher
    cdef public bint watching_changes     # the watcher wants to hear of changes
    cdef public uint32_t notices          # which of EVENT_NOTICES it wants to hear of, and EVENT_FIELDS
    cdef public int64_t longest_string    # bytes that a string may have
    # When collections leave their packed encodings; the names are those of the directives.
    cdef public size_t hash_max_listpack_entries
    cdef public size_t hash_max_listpack_value
    cdef public size_t set_max_intset_entries
    cdef public size_t set_max_listpack_entries
    cdef public size_t set_max_listpack_value
    cdef public size_t zset_max_listpack_entries
    cdef public size_t zset_max_listpack_value
    cdef public int64_t list_max_listpack_size      # elements, or below zero the class of sizes: -1 is 4 KiB
    cdef public size_t list_compress_depth
    cdef public size_t stream_node_max_bytes
    cdef public size_t stream_node_max_entries
    cdef public unsigned int stream_idmp_duration   # seconds
    cdef public unsigned int stream_idmp_maxsize
    cdef public size_t hll_sparse_max_bytes
    cdef public unsigned int array_slice_size       # indices; a power of two
    cdef public unsigned int array_sparse_kmax
    cdef public unsigned int array_sparse_kmin
    cdef public Watcher feed              # while `propagating`: told of keys that go though no command removes them
    cdef public bint propagating          # changes are told on, so commands have to say what they did
    cdef public bint keys_ready           # a blocked client may go on, now that the command is done
    cdef public uint64_t hits
    cdef public uint64_t misses
    cdef public uint64_t expired_keys
    cdef public uint64_t expired_fields
    cdef public uint64_t fields_expired_unasked     # those of them that nobody had asked for
    cdef public uint64_t dirty            # changes since the start
    cdef uint64_t random_state
    cdef uint64_t seed
    cdef list remains                     # flushed databases that are being freed in slices
    cdef uint8_t saved_flag               # FLAG_SAVED or 0: what entries have that a snapshot need not save any more
    cdef change_hook save                 # while a snapshot is being taken, else NULL
    cdef void* save_context
    cdef object snapshot                  # told of flushed and exchanged databases meanwhile
    cdef public uint64_t lazily_freed

    cpdef void tick(self, int64_t now) noexcept
    # When a key or a field is due next, unix milliseconds, about and rather too early; -1: none is.
    cdef int64_t next_expiry(self) noexcept
    cdef uint64_t random(self) noexcept
    cdef bint has_remains(self) noexcept
    cdef inline void touch(self, Entry* e) noexcept:
        if self.clock_kind == CLOCK_LRU:
            if e.key_and_clock >> 8 != self.clock:
                e.key_and_clock = (e.key_and_clock & 255) | (self.clock << 8)
        else:
            self.touch_lfu(e)
    cdef void touch_lfu(self, Entry* e) noexcept
    cdef uint32_t first_clock(self) noexcept
    cdef uint8_t frequency(self, const Entry* e) noexcept
    cdef int64_t idle_seconds(self, const Entry* e) noexcept

cdef class Database:
    cdef readonly Keyspace keyspace
    cdef readonly int index
    cdef Table table
    cdef Wheel wheel
    cdef Wheel former_wheel               # while the index of expiry is made anew
    cdef size_t refile_bucket             # the next bucket to be filed anew; -1: none is
    cdef uint8_t generation               # FLAG_GENERATION of entries that are filed in `wheel`
    cdef FieldIndex* field_index          # of hashes with fields that expire; NULL until there is one
    cdef readonly size_t expires          # keys that have a time of expiry

    # The slot of a key that is there and has not expired, or NULL. `read` counts hits and misses and touches,
    # `write` touches, `find` does neither. Whoever may change the value has looked it up by `write`.
    cdef Entry** find(self, const char* key, size_t length, uint64_t hash) noexcept
    cdef Entry** read(self, const char* key, size_t length, uint64_t hash) noexcept
    cdef Entry** write(self, const char* key, size_t length, uint64_t hash) noexcept

    cdef inline uint64_t hash_of(self, const char* key, size_t length) noexcept:
        return table_hash(&self.table, key, length)
    # An entry, or what hangs off it, is about to change: a snapshot that is being taken has to have it as it is.
    # `write` calls this; so does everything here that changes an entry.
    cdef inline void about_to_change(self, Entry* e) noexcept:
        if self.keyspace.save != NULL and (e.flags ^ self.keyspace.saved_flag) & FLAG_SAVED:
            e.flags ^= FLAG_SAVED
            self.keyspace.save(self.keyspace.save_context, self, e)
    # Any entry, each as likely, expired ones included; NULL when there is none.
    cdef Entry* random_entry(self) noexcept

    # Set a string; `slot` is what `write` gave. Returns the slot, as the entry may move.
    cdef Entry** put_text(self, Entry** slot, const char* key, size_t length, uint64_t hash,
                          const char* text, size_t text_length, int64_t expiry) noexcept
    # As `put_text`, but a text that is an integer stays a text.
    cdef Entry** put_plain(self, Entry** slot, const char* key, size_t length, uint64_t hash,
                           const char* text, size_t text_length, int64_t expiry) noexcept
    cdef Entry** put_integer(self, Entry** slot, const char* key, size_t length, uint64_t hash,
                             int64_t value, int64_t expiry) noexcept
    # Takes the blob's reference over.
    cdef Entry** put_blob(self, Entry** slot, const char* key, size_t length, uint64_t hash,
                          Blob* blob, int64_t expiry) noexcept
    # Set a value that engine/value knows, which the entry owns then; an old value of any type is freed. To go on with
    # the same value in another encoding, or moved, use `entry_set_value`.
    cdef Entry** put_value(self, Entry** slot, const char* key, size_t length, uint64_t hash,
                           int type, int encoding, void* value, int64_t expiry) noexcept
    # A string to change in place, made `length` bytes long (new bytes are zero): returns where its text is.
    cdef char* edit_text(self, Entry** slot, size_t length) noexcept
    # Unix milliseconds, or -1 for none.
    cdef void set_expiry(self, Entry** slot, uint64_t hash, int64_t expiry) noexcept
    cdef void remove(self, Entry** slot, uint64_t hash) noexcept
    # As `remove`, but the entry is the caller's now.
    cdef Entry* detach(self, Entry** slot, uint64_t hash) noexcept
    cdef Entry* vacate(self, Entry** slot) noexcept
    cdef Entry* taken_out(self, Entry** slot) noexcept
    # An entry of the caller's goes in; its key must be absent.
    cdef Entry** attach(self, Entry* e, uint64_t hash) noexcept

    # After a field of a hash got a time: sees to it that it goes when the time comes.
    cdef void file_fields(self, Entry** slot, uint64_t hash) noexcept
    # Removes fields of a hash that are due, `FIELDS_AT_ONCE` at the most, and tells of it; the slot, or NULL when the
    # hash became empty and is gone. Where expired keys are not removed (`expiring`), neither are fields.
    cdef Entry** purge_fields(self, Entry** slot, uint64_t hash) noexcept

    cdef void account_expiry(self, Entry* e, uint64_t hash, int64_t before) noexcept
    cdef Entry** shaped(self, Entry** slot, const char* key, size_t length, uint64_t hash, int type, int encoding,
                        size_t value_length, int64_t expiry) noexcept
    cdef Entry* resized(self, Entry* e, const char* text, size_t before, size_t length) noexcept
    cdef void expire(self, Entry** slot, uint64_t hash) noexcept
    cdef void tell_gone(self, int kind, const char* event, const Entry* e) noexcept
    cdef void tell(self, int kind, const char* event, const Entry* e) noexcept
    cdef void tell_replaced(self, const Entry* e, int type) noexcept
    cdef size_t expire_some(self, size_t most) noexcept
    cdef size_t refile_some(self, size_t buckets) noexcept
    cdef Entry** take_due_fields(self, Entry** slot, uint64_t hash, size_t most, size_t* taken) noexcept
    cdef void tell_expired_fields(self, Entry* e, list fields, bint emptied) noexcept
    cdef size_t expire_fields_some(self, size_t most) noexcept

cdef inline int64_t due_time(Keyspace keyspace) noexcept:
    """What is to expire before this has expired: now, unless changes of the past are replayed."""
    return -1 if keyspace.replaying else keyspace.now
