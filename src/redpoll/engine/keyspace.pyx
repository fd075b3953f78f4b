"""Databases of keys.

The clock is handed in: `Keyspace.now` holds for all that follows until it is set again, so that
a command, a script or a batch sees one time. Callers look a key up once and pass the slot on.

Order of a change: find the slot, check the type, change the value through one of the `put`
functions, `edit_text` or `set_expiry`. Each may move the entry; none moves another one.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from redpoll.engine.blob cimport Blob, blob_new, blob_of, blob_writable
from redpoll.engine.entry cimport (
    EMBED_MAX, ENC_BLOB, ENC_EMBEDDED, ENC_INTEGER, FLAG_EXPIRES, FLAG_FILED, FLAG_GENERATION, FLAG_MUTATED, FLAG_SAVED,
    TYPE_STRING, Entry, encoding_name, entry_blob, entry_clock, entry_embedded, entry_encoding, entry_expiry,
    entry_free, entry_free_value, entry_key, entry_key_length, entry_memory, entry_new, entry_payload, entry_reshape,
    entry_set_clock, entry_set_value, entry_type, entry_value, string_text, type_name,
)
from redpoll.engine.expiry cimport (
    free_blocks, wheel_advance, wheel_empty, wheel_file, wheel_init, wheel_memory, wheel_next, wheel_random, wheel_take,
)
from redpoll.engine.field_index cimport (
    field_index_file, field_index_file_due, field_index_find, field_index_free, field_index_new, field_index_take,
    field_index_tidy,
)
from redpoll.engine.field_times cimport NEVER
from redpoll.engine.fields cimport (
    Hash, field_name_visitor, fields_filing, fields_length, fields_next_due, fields_open, fields_take_due,
    fields_use_seed, is_hash_with_times,
)
from redpoll.engine.memory cimport has_to_return, return_some
from redpoll.engine.numbers cimport parse_int64
from redpoll.engine.table cimport (
    Table, table_buckets, table_clear, table_dismantle, table_find, table_find_hash, table_hash, table_init,
    table_insert, table_memory, table_prefetch, table_prefetch_entry, table_random, table_remove, table_scan,
    table_settle, table_vacate, table_visit_bucket,
)
from redpoll.engine.value cimport value_contents, value_free_some, value_memory, values_waiting
from redpoll.engine.watcher cimport EVENT_FIELDS, EVENT_GENERIC, EVENT_HASH

cdef enum:
    LFU_START = 5
    EXPIRE_BATCH = 64
    FIELDS_AT_ONCE = 1000    # due fields that are removed when a hash is met
    RETURN_MS = 25           # between two times that empty arenas go back to the system
    KEYS_A_BUCKET = 6
    VALUES_A_BUCKET = 8      # elements of collections that are freed in the time of a bucket of keys

cdef size_t NOT_REFILING = <size_t>-1


cdef uint64_t random_of(void* at) noexcept nogil:
    """xorshift64*, Vigna, "An experimental exploration of Marsaglia's xorshift generators"."""
    cdef uint64_t* state = <uint64_t*>at
    cdef uint64_t x = state[0]
    x ^= x >> 12
    x ^= x << 25
    x ^= x >> 27
    state[0] = x
    return x * <uint64_t>0x2545F4914F6CDD1D


cdef void free_visited(void* context, Entry* e) noexcept nogil:
    entry_free(e)


cdef class Remains:
    cdef size_t free_some(self, size_t buckets) noexcept:
        """How many entries are left."""
        cdef bint more = not table_dismantle(&self.table, min(buckets, <size_t>-1 // KEYS_A_BUCKET) * KEYS_A_BUCKET,
                                             free_visited, NULL)
        self.blocks = free_blocks(self.blocks, buckets)
        self.field_blocks = free_blocks(self.field_blocks, buckets)
        if more or self.blocks != NULL or self.field_blocks != NULL:
            return table_buckets(&self.table) + 1
        return 0


cdef inline int64_t sooner(int64_t one, int64_t other) noexcept nogil:
    """The earlier of two times; -1 is never."""
    return one if other < 0 or (one >= 0 and one < other) else other


cdef class Keyspace:
    """`databases` numbered databases; `seed` makes hashes unpredictable from outside."""

    def __init__(self, int databases = 16, uint64_t seed = 0x9E3779B97F4A7C15, int64_t now = 0):
        self.now = now
        self.touching = True
        self.expiring = True
        self.lfu_log_factor = 10
        self.lfu_decay_time = 1
        self.longest_string = 512 << 20
        self.hash_max_listpack_entries = 512
        self.hash_max_listpack_value = 64
        self.set_max_intset_entries = 512
        self.set_max_listpack_entries = 128
        self.set_max_listpack_value = 64
        self.zset_max_listpack_entries = 128
        self.zset_max_listpack_value = 64
        self.list_max_listpack_size = -2
        self.list_compress_depth = 0
        self.stream_node_max_bytes = 4096
        self.stream_node_max_entries = 100
        self.stream_idmp_duration = 100
        self.stream_idmp_maxsize = 100
        self.hll_sparse_max_bytes = 3000
        self.array_slice_size = 4096
        self.array_sparse_kmax = 10
        self.array_sparse_kmin = 5
        self.watcher = Watcher()
        self.seed = seed
        fields_use_seed(seed)
        self.random_state = seed | 1
        self.remains = []
        self.databases = [Database(self, index) for index in range(databases)]
        self.tick(now)

    cpdef void tick(self, int64_t now) noexcept:
        """Tell the time, unix milliseconds."""
        self.now = now
        if self.clock_kind == CLOCK_LRU:
            self.clock = (now // 1000) & 0xFFFFFF
        else:
            self.clock = (now // 60000) & 0xFFFF

    cdef int64_t next_expiry(self) noexcept:
        cdef Database db
        cdef int64_t first = -1
        for db in self.databases:
            if db.table.used:
                first = sooner(first, wheel_next(&db.wheel))
                if db.refile_bucket != NOT_REFILING:
                    first = sooner(first, self.now)
            if db.field_index != NULL:
                first = sooner(first, wheel_next(&db.field_index.wheel))
        return first

    def use_clock(self, int kind):
        """CLOCK_LRU or CLOCK_LFU; entries' clocks are not converted, as in Redis."""
        self.clock_kind = kind
        self.tick(self.now)

    cdef uint64_t random(self) noexcept:
        return random_of(&self.random_state)

    cdef uint32_t first_clock(self) noexcept:
        if self.clock_kind == CLOCK_LRU:
            return self.clock
        return (self.clock << 8) | LFU_START

    cdef uint8_t frequency(self, const Entry* e) noexcept:
        """The LFU counter, less what it lost by time."""
        cdef uint32_t clock = entry_clock(e)
        cdef uint32_t counter = clock & 255
        cdef uint32_t minutes = (self.clock - (clock >> 8)) & 0xFFFF
        cdef uint32_t loss = minutes // self.lfu_decay_time if self.lfu_decay_time > 0 else 0
        return 0 if loss >= counter else <uint8_t>(counter - loss)

    cdef void touch_lfu(self, Entry* e) noexcept:
        """Morris's approximate counter, as Redis: the higher it is, the rarer it rises."""
        cdef uint32_t counter = self.frequency(e)
        cdef double chance
        if counter < 255:
            chance = counter - LFU_START if counter > LFU_START else 0
            chance = 1.0 / (chance * self.lfu_log_factor + 1)
            if (self.random() >> 11) * (1.0 / 9007199254740992.0) < chance:
                counter += 1
        entry_set_clock(e, (self.clock << 8) | counter)

    cdef int64_t idle_seconds(self, const Entry* e) noexcept:
        return (self.clock - entry_clock(e)) & 0xFFFFFF

    def flush(self, indices, bint lazily):
        """Empty these databases, and return how many keys they held. Lazily: `free_some` does the freeing."""
        cdef Database db
        cdef Remains remains
        cdef size_t held = 0
        for index in indices:
            db = self.databases[index]
            held += db.table.used
            remains = Remains()
            if self.snapshot is not None:
                self.snapshot.flushed(db, remains)
            remains.table = db.table
            remains.blocks = wheel_empty(&db.wheel)
            if db.field_index != NULL:
                remains.field_blocks = field_index_free(db.field_index)
                db.field_index = NULL
            if db.refile_bucket != NOT_REFILING:
                free_blocks(wheel_empty(&db.former_wheel), <size_t>-1)
                db.refile_bucket = NOT_REFILING
            table_init(&db.table, self.seed)
            db.expires = 0
            if lazily or remains.held:
                self.lazily_freed += remains.table.used
                self.remains.append(remains)
            else:
                remains.free_some(<size_t>-1 >> 1)
        return held

    def free_some(self, size_t buckets):
        """Free some of what was flushed lazily; whether there is more."""
        cdef Remains remains
        cdef size_t waiting = values_waiting()
        if waiting:
            value_free_some(buckets * VALUES_A_BUCKET)
            self.lazily_freed += waiting - values_waiting() if waiting > values_waiting() else 0
            return True
        for remains in self.remains:
            if not remains.held:
                if not remains.free_some(buckets):
                    self.remains.remove(remains)
                return self.has_remains()
        if self.now >= self.next_return_ms:
            return_some()
            self.next_return_ms = self.now + RETURN_MS
        return self.has_remains()

    cdef bint has_remains(self) noexcept:
        """Whether there is something to free."""
        cdef Remains remains
        if values_waiting() or (self.now >= self.next_return_ms and has_to_return()):
            return True
        for remains in self.remains:
            if not remains.held:
                return True
        return False

    @property
    def pending_free(self):
        """Keys flushed and collections deleted that are not yet freed, about."""
        cdef Remains remains
        cdef size_t total = values_waiting()
        for remains in self.remains:
            total += remains.table.used
        return total

    def swap(self, int first, int second):
        """Exchange two databases' contents."""
        if self.snapshot is not None:
            self.snapshot.swapped(self.databases[first], self.databases[second])
        cdef Database a = self.databases[first]
        cdef Database b = self.databases[second]
        cdef Table table = a.table
        a.table = b.table
        b.table = table
        cdef Wheel wheel = a.wheel
        a.wheel = b.wheel
        b.wheel = wheel
        wheel = a.former_wheel
        a.former_wheel = b.former_wheel
        b.former_wheel = wheel
        cdef FieldIndex* fields = a.field_index
        a.field_index = b.field_index
        b.field_index = fields
        a.refile_bucket, b.refile_bucket = b.refile_bucket, a.refile_bucket
        a.generation, b.generation = b.generation, a.generation
        a.expires, b.expires = b.expires, a.expires

    def expire_some(self, size_t most):
        """Look at up to about `most` keys a database whose time has come; whether there are more."""
        cdef Database db
        cdef bint more = False
        if self.replaying:
            return False
        for db in self.databases:
            if db.table.used and (db.wheel.records or db.refile_bucket != NOT_REFILING):
                if db.refile_bucket != NOT_REFILING:
                    db.refile_some(most)
                more |= db.expire_some(most) >= most
            if db.field_index != NULL:
                more |= db.expire_fields_some(most) >= most
            table_settle(&db.table, most)
        return more


cdef class Database:
    """One keyspace; made by `Keyspace`."""

    def __cinit__(self, Keyspace keyspace, int index):
        self.keyspace = keyspace
        self.index = index
        self.refile_bucket = NOT_REFILING
        table_init(&self.table, keyspace.seed)
        wheel_init(&self.wheel, keyspace.now)

    def __dealloc__(self):
        cdef size_t index
        for index in range(table_buckets(&self.table)):
            table_visit_bucket(&self.table, index, free_visited, NULL)
        table_clear(&self.table)
        free_blocks(wheel_empty(&self.wheel), <size_t>-1)
        if self.refile_bucket != NOT_REFILING:
            free_blocks(wheel_empty(&self.former_wheel), <size_t>-1)
        if self.field_index != NULL:
            free_blocks(field_index_free(self.field_index), <size_t>-1)

    def __len__(self):
        return self.table.used

    # Lookup

    cdef Entry** find(self, const char* key, size_t length, uint64_t hash) noexcept:
        cdef Entry** slot = table_find(&self.table, key, length, hash)
        if slot != NULL and slot[0].flags & FLAG_EXPIRES and entry_expiry(slot[0]) < due_time(self.keyspace):
            if self.keyspace.expiring:
                self.expire(slot, hash)
            return NULL
        return slot

    cdef Entry** read(self, const char* key, size_t length, uint64_t hash) noexcept:
        cdef Entry** slot = self.find(key, length, hash)
        if slot == NULL:
            self.keyspace.misses += 1
            if self.keyspace.notices & EVENT_KEY_MISS:
                self.keyspace.watcher.tell(EVENT_KEY_MISS, b"keymiss", key, length, self.index)
            return NULL
        self.keyspace.hits += 1
        if self.keyspace.touching and not self.keyspace.writes_only:
            self.keyspace.touch(slot[0])
        return slot

    cdef Entry** write(self, const char* key, size_t length, uint64_t hash) noexcept:
        cdef Entry** slot = self.find(key, length, hash)
        if slot != NULL:
            self.about_to_change(slot[0])
            if self.keyspace.touching:
                self.keyspace.touch(slot[0])
        return slot

    cdef Entry* random_entry(self) noexcept:
        return table_random(&self.table, random_of, &self.keyspace.random_state)

    # Change

    cdef void account_expiry(self, Entry* e, uint64_t hash, int64_t before) noexcept:
        """After an entry's time of expiry changed from `before`: count it, and file it unless a record will do."""
        cdef int64_t after = entry_expiry(e)
        if before >= 0 and after < 0:
            self.expires -= 1
            e.flags &= ~FLAG_FILED
        elif after >= 0:
            if before < 0:
                self.expires += 1
            if not (e.flags & FLAG_FILED and e.flags & FLAG_GENERATION == self.generation
                    and before >= 0 and before <= after):
                e.flags = (e.flags & ~FLAG_GENERATION) | FLAG_FILED | self.generation
                wheel_file(&self.wheel, hash, after)

    cdef Entry** shaped(self, Entry** slot, const char* key, size_t length, uint64_t hash, int type, int encoding,
                        size_t value_length, int64_t expiry) noexcept:
        """The slot of an entry of this shape: the one that was there, freed of its value, or a new one."""
        cdef Entry* e
        cdef int64_t before = -1
        if slot == NULL:
            if not self.keyspace.expiring:
                drop_expired(self, key, length, hash)
            e = entry_new(type, encoding, key, length, value_length, expiry)
            entry_set_clock(e, self.keyspace.first_clock())
            e.flags |= self.keyspace.saved_flag
            slot = table_insert(&self.table, e, hash)
            if self.keyspace.notices & EVENT_NEW:
                self.tell(EVENT_NEW, b"new", e)
        else:
            e = slot[0]
            before = entry_expiry(e)
            self.about_to_change(e)
            if self.keyspace.notices:
                self.tell_replaced(e, type)
            entry_free_value(e)
            e.flags &= ~FLAG_MUTATED
            e = entry_reshape(e, type, encoding, value_length, expiry)
            slot[0] = e
        if before >= 0 or expiry >= 0:
            self.account_expiry(e, hash, before)
        return slot

    cdef Entry** put_text(self, Entry** slot, const char* key, size_t length, uint64_t hash,
                          const char* text, size_t text_length, int64_t expiry) noexcept:
        cdef long long integer
        if text_length <= 20 and parse_int64(text, text_length, &integer):
            return self.put_integer(slot, key, length, hash, integer, expiry)
        return self.put_plain(slot, key, length, hash, text, text_length, expiry)

    cdef Entry** put_plain(self, Entry** slot, const char* key, size_t length, uint64_t hash,
                           const char* text, size_t text_length, int64_t expiry) noexcept:
        if text_length > EMBED_MAX:
            return self.put_blob(slot, key, length, hash, blob_of(text, text_length), expiry)
        slot = self.shaped(slot, key, length, hash, TYPE_STRING, ENC_EMBEDDED, text_length, expiry)
        memcpy(entry_embedded(slot[0]), text, text_length)
        return slot

    cdef Entry** put_integer(self, Entry** slot, const char* key, size_t length, uint64_t hash,
                             int64_t value, int64_t expiry) noexcept:
        slot = self.shaped(slot, key, length, hash, TYPE_STRING, ENC_INTEGER, 0, expiry)
        (<int64_t*>entry_payload(slot[0]))[0] = value
        return slot

    cdef Entry** put_blob(self, Entry** slot, const char* key, size_t length, uint64_t hash,
                          Blob* blob, int64_t expiry) noexcept:
        slot = self.shaped(slot, key, length, hash, TYPE_STRING, ENC_BLOB, 0, expiry)
        (<Blob**>entry_payload(slot[0]))[0] = blob
        return slot

    cdef Entry** put_value(self, Entry** slot, const char* key, size_t length, uint64_t hash,
                           int type, int encoding, void* value, int64_t expiry) noexcept:
        slot = self.shaped(slot, key, length, hash, type, encoding, 0, expiry)
        entry_set_value(slot[0], encoding, value)
        if is_hash_with_times(encoding):
            self.file_fields(slot, hash)
        return slot

    cdef char* edit_text(self, Entry** slot, size_t length) noexcept:
        cdef Entry* e = slot[0]
        cdef int encoding = entry_encoding(e)
        cdef size_t before
        cdef char scratch[24]
        cdef const char* text
        cdef Blob* blob
        self.about_to_change(e)
        if encoding == ENC_BLOB:
            blob = blob_writable(entry_blob(e), length)
            (<Blob**>entry_payload(e))[0] = blob
            if length > blob.length:
                memset(blob.data + blob.length, 0, length - blob.length)
            blob.length = length
            e.flags |= FLAG_MUTATED
            return blob.data
        text = string_text(e, scratch, &before)
        if length > EMBED_MAX:
            # A new string is as long as it is; one that grew tends to grow again.
            blob = blob_new(length, length + min(length, <size_t>1048576) if before else length)
            memcpy(blob.data, text, before)
            memset(blob.data + before, 0, length - before)
            e = entry_reshape(e, TYPE_STRING, ENC_BLOB, 0, entry_expiry(e))
            (<Blob**>entry_payload(e))[0] = blob
            e.flags |= FLAG_MUTATED
            slot[0] = e
            return blob.data
        # An embedded text is the entry's tail, so reshaping to another length has to bring it over.
        slot[0] = self.resized(e, text, before, length)
        return entry_embedded(slot[0])

    cdef Entry* resized(self, Entry* e, const char* text, size_t before, size_t length) noexcept:
        cdef char kept[EMBED_MAX]
        memcpy(kept, text, before)
        e = entry_reshape(e, TYPE_STRING, ENC_EMBEDDED, length, entry_expiry(e))
        memcpy(entry_embedded(e), kept, min(before, length))
        if length > before:
            memset(entry_embedded(e) + before, 0, length - before)
        e.flags |= FLAG_MUTATED
        return e

    cdef void set_expiry(self, Entry** slot, uint64_t hash, int64_t expiry) noexcept:
        cdef Entry* e = slot[0]
        cdef int64_t before = entry_expiry(e)
        cdef char kept[EMBED_MAX]
        cdef size_t length = e.value_length
        cdef uint64_t payload
        self.about_to_change(e)
        if (before >= 0) != (expiry >= 0):
            if entry_encoding(e) == ENC_EMBEDDED:
                memcpy(kept, entry_embedded(e), length)
                e = entry_reshape(e, entry_type(e), ENC_EMBEDDED, length, expiry)
                memcpy(entry_embedded(e), kept, length)
            else:
                payload = (<uint64_t*>entry_payload(e))[0]
                e = entry_reshape(e, entry_type(e), entry_encoding(e), 0, expiry)
                (<uint64_t*>entry_payload(e))[0] = payload
            slot[0] = e
        elif expiry >= 0:
            (<int64_t*>(<char*>e + 8))[0] = expiry
        self.account_expiry(e, hash, before)

    cdef Entry* detach(self, Entry** slot, uint64_t hash) noexcept:
        cdef Entry* e = self.taken_out(slot)
        table_remove(&self.table, slot, hash)
        return e

    cdef Entry* vacate(self, Entry** slot) noexcept:
        """As `detach`, in the course of a lookup: no other slot moves."""
        cdef Entry* e = self.taken_out(slot)
        table_vacate(&self.table, slot)
        return e

    cdef Entry* taken_out(self, Entry** slot) noexcept:
        cdef Entry* e = slot[0]
        self.about_to_change(e)
        if e.flags & FLAG_EXPIRES:
            self.expires -= 1
        e.flags &= ~FLAG_FILED
        return e

    cdef Entry** attach(self, Entry* e, uint64_t hash) noexcept:
        cdef Entry** slot
        if not self.keyspace.expiring:
            drop_expired(self, entry_key(e), entry_key_length(e), hash)
        slot = table_insert(&self.table, e, hash)
        e.flags = (e.flags & ~(FLAG_FILED | FLAG_SAVED)) | self.keyspace.saved_flag
        if e.flags & FLAG_EXPIRES:
            self.account_expiry(e, hash, -1)
        if self.keyspace.notices & EVENT_NEW:
            self.tell(EVENT_NEW, b"new", e)
        if is_hash_with_times(entry_encoding(e)):
            fields_filing(entry_encoding(e), entry_value(e)).when = NEVER
            self.file_fields(slot, hash)
        return slot

    cdef void remove(self, Entry** slot, uint64_t hash) noexcept:
        entry_free(self.detach(slot, hash))

    # Expiry

    cdef void expire(self, Entry** slot, uint64_t hash) noexcept:
        cdef Entry* e = self.vacate(slot)
        self.keyspace.expired_keys += 1
        self.tell_gone(EVENT_EXPIRED, b"expired", e)
        entry_free(e)

    cdef void tell_gone(self, int kind, const char* event, const Entry* e) noexcept:
        """A key went though no command removed it."""
        if self.keyspace.propagating:
            self.keyspace.feed.tell(kind, event, entry_key(e), entry_key_length(e), self.index)
        if self.keyspace.watching_changes:
            self.tell(kind, event, e)

    cdef void tell(self, int kind, const char* event, const Entry* e) noexcept:
        self.keyspace.watcher.tell(kind, event, entry_key(e), entry_key_length(e), self.index)

    cdef void tell_replaced(self, const Entry* e, int type) noexcept:
        """Another value, of this type, takes the place of an entry's."""
        if self.keyspace.notices & EVENT_OVERWRITTEN:
            self.tell(EVENT_OVERWRITTEN, b"overwritten", e)
        if self.keyspace.notices & EVENT_TYPE_CHANGED and entry_type(e) != type:
            self.tell(EVENT_TYPE_CHANGED, b"type_changed", e)

    cdef size_t expire_some(self, size_t most) noexcept:
        """Look at keys whose time in the index has come; how many were looked at."""
        cdef uint64_t hashes[EXPIRE_BATCH]
        cdef size_t taken, i, total = 0
        cdef Entry** slot
        cdef int64_t now = self.keyspace.now
        if self.wheel.records > 2 * self.expires + 4096 and self.refile_bucket == NOT_REFILING:
            self.former_wheel = self.wheel
            wheel_init(&self.wheel, now)
            self.generation ^= FLAG_GENERATION
            self.refile_bucket = 0
        while total < most:
            wheel_advance(&self.wheel, now)
            taken = wheel_take(&self.wheel, hashes, EXPIRE_BATCH)
            if not taken and self.refile_bucket != NOT_REFILING:
                wheel_advance(&self.former_wheel, now)
                taken = wheel_take(&self.former_wheel, hashes, EXPIRE_BATCH)
            if not taken:
                break
            total += taken
            for i in range(taken):
                table_prefetch(&self.table, hashes[i])
            for i in range(taken):
                table_prefetch_entry(&self.table, hashes[i])
            for i in range(taken):
                slot = table_find_hash(&self.table, hashes[i], FLAG_EXPIRES)
                if slot == NULL:
                    continue
                if entry_expiry(slot[0]) < now:
                    if self.keyspace.expiring:
                        self.expire(slot, hashes[i])
                    else:
                        wheel_file(&self.wheel, hashes[i], now + 1000)
                else:
                    slot[0].flags = (slot[0].flags & ~FLAG_GENERATION) | FLAG_FILED | self.generation
                    wheel_file(&self.wheel, hashes[i], entry_expiry(slot[0]))
        return total

    cdef size_t refile_some(self, size_t buckets) noexcept:
        """Go on making the index anew: file the volatile keys of some buckets that are not yet in the new one."""
        cdef size_t last = table_buckets(&self.table)
        cdef size_t end = min(last, self.refile_bucket + buckets)
        while self.refile_bucket < end:
            table_visit_bucket(&self.table, self.refile_bucket, file_visited, <void*>self)
            self.refile_bucket += 1
        # Growth splits buckets towards the end, which is still to come; shrinking moves keys backwards, to
        # buckets that may have been passed, but their former records stand until all is done.
        if self.refile_bucket >= last:
            free_blocks(wheel_empty(&self.former_wheel), <size_t>-1)
            self.refile_bucket = NOT_REFILING
        return last

    # Expiry of fields

    cdef void file_fields(self, Entry** slot, uint64_t hash) noexcept:
        if self.field_index == NULL:
            if fields_next_due(entry_encoding(slot[0]), entry_value(slot[0])) == NEVER:
                return
            self.field_index = field_index_new(self.keyspace.now)
        field_index_file(self.field_index, slot[0], hash)

    cdef Entry** purge_fields(self, Entry** slot, uint64_t hash) noexcept:
        cdef size_t taken
        cdef Entry* e = slot[0]
        if (not self.keyspace.expiring
                or fields_next_due(entry_encoding(e), entry_value(e)) >= due_time(self.keyspace)):
            return slot
        return self.take_due_fields(slot, hash, FIELDS_AT_ONCE, &taken)

    cdef Entry** take_due_fields(self, Entry** slot, uint64_t hash, size_t most, size_t* taken) noexcept:
        cdef Hash h
        cdef Entry* e = slot[0]
        cdef list fields = [] if self.keyspace.notices & EVENT_FIELDS or self.keyspace.propagating else None
        cdef field_name_visitor visit = NULL
        self.about_to_change(e)
        fields_open(&h, e)
        h.now = self.keyspace.now
        if fields is not None:
            visit = collect_field
        taken[0] = fields_take_due(&h, most, visit, <void*>fields)
        entry_set_value(e, h.encoding, h.value)
        self.keyspace.expired_fields += taken[0]
        self.keyspace.dirty += taken[0]
        if fields_length(&h):
            if taken[0]:
                self.tell_expired_fields(e, fields, False)
            return slot
        e = self.vacate(slot)
        self.tell_expired_fields(e, fields, True)
        entry_free(e)
        return NULL

    cdef void tell_expired_fields(self, Entry* e, list fields, bint emptied) noexcept:
        cdef Keyspace keyspace = self.keyspace
        cdef const char* key = entry_key(e)
        cdef size_t length = entry_key_length(e)
        if keyspace.propagating:
            keyspace.feed.tell_fields(EVENT_HASH, b"hexpired", key, length, self.index, fields)
        if keyspace.watching_changes:
            keyspace.watcher.tell(EVENT_HASH, b"hexpired", key, length, self.index)
            if keyspace.notices & EVENT_FIELDS:
                keyspace.watcher.tell_fields(EVENT_HASH, b"hexpired", key, length, self.index, fields)
            if emptied:
                keyspace.watcher.tell(EVENT_GENERIC, b"del", key, length, self.index)

    cdef size_t expire_fields_some(self, size_t most) noexcept:
        """Look at hashes some of whose fields may be due, and remove about `most` fields; how many, and hashes."""
        cdef uint64_t hashes[EXPIRE_BATCH]
        cdef size_t count, i, taken
        cdef size_t total = 0
        cdef Entry** slot
        field_index_tidy(self.field_index, &self.table, self.keyspace.now, most)
        while total < most and self.field_index != NULL:
            count = field_index_take(self.field_index, self.keyspace.now, hashes, EXPIRE_BATCH)
            if not count:
                break
            total += count
            for i in range(count):
                slot = field_index_find(&self.table, hashes[i])
                if slot == NULL:
                    continue
                fields_filing(entry_encoding(slot[0]), entry_value(slot[0])).when = NEVER
                if not self.keyspace.expiring:
                    wheel_file(&self.field_index.wheel, hashes[i], self.keyspace.now + 1000)
                    continue
                taken = 0
                if fields_next_due(entry_encoding(slot[0]), entry_value(slot[0])) < self.keyspace.now:
                    slot = self.take_due_fields(slot, hashes[i], most, &taken)
                total += taken
                self.keyspace.fields_expired_unasked += taken
                if slot == NULL:
                    continue
                if fields_next_due(entry_encoding(slot[0]), entry_value(slot[0])) < self.keyspace.now:
                    field_index_file_due(self.field_index, slot[0], hashes[i])
                else:
                    field_index_file(self.field_index, slot[0], hashes[i])
        return total

    # For plain Python

    def _hash(self, bytes key):
        return table_hash(&self.table, PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key))

    def get(self, bytes key):
        """A string's value, or None."""
        cdef Entry** slot = self.find(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key), self._hash(key))
        cdef char scratch[24]
        cdef size_t length
        cdef const char* text
        if slot == NULL or entry_type(slot[0]) != TYPE_STRING:
            return None
        text = string_text(slot[0], scratch, &length)
        return PyBytes_FromStringAndSize(text, length)

    def contents(self, bytes key):
        """(type's name, everything in it as a flat list; see engine/value), or None; a string is a list of one."""
        cdef Entry** slot = self.find(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key), self._hash(key))
        cdef Entry* e
        if slot == NULL:
            return None
        e = slot[0]
        name = (<bytes>type_name(e)).decode()
        if entry_type(e) == TYPE_STRING:
            return name, [self.get(key)]
        return name, value_contents(entry_encoding(e), entry_value(e))

    def put(self, bytes key, bytes value, int64_t expiry = -1):
        """Set a string, with an absolute time of expiry in unix milliseconds."""
        cdef uint64_t hash = self._hash(key)
        cdef Entry** slot = self.write(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key), hash)
        self.put_text(slot, PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key), hash,
                      PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), expiry)

    def edit(self, bytes key, size_t length):
        """Make a string `length` bytes long in place, as a change of a part of it does; its text before any change."""
        cdef uint64_t hash = self._hash(key)
        cdef Entry** slot = self.write(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key), hash)
        if slot == NULL:
            raise KeyError(key)
        return PyBytes_FromStringAndSize(self.edit_text(slot, length), length)

    def delete(self, bytes key):
        """Whether the key was there."""
        cdef uint64_t hash = self._hash(key)
        cdef Entry** slot = self.find(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key), hash)
        if slot == NULL:
            return False
        self.remove(slot, hash)
        return True

    def expire_at(self, bytes key, int64_t expiry):
        """Set the time of expiry (unix milliseconds, -1: never); whether the key was there."""
        cdef uint64_t hash = self._hash(key)
        cdef Entry** slot = self.find(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key), hash)
        if slot == NULL:
            return False
        self.set_expiry(slot, hash, expiry)
        return True

    def expiry(self, bytes key):
        """Unix milliseconds; -1: never; None: no such key."""
        cdef Entry** slot = self.find(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key), self._hash(key))
        return None if slot == NULL else entry_expiry(slot[0])

    def memory(self, bytes key, size_t samples = 0):
        """Bytes that the key, its value and its place in the table occupy; None when it is not there.

        Of large collections so many elements are looked at; 0: all of them.
        """
        cdef Entry** slot = self.find(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key), self._hash(key))
        if slot == NULL:
            return None
        return entry_memory(slot[0], samples) + sizeof(void*)

    def scan(self, uint64_t cursor):
        """(next cursor, keys of one bucket), expired ones included."""
        cdef list found = []
        cdef uint64_t following = table_scan(&self.table, cursor, collect_visited, <void*>found)
        return following, found

    def random_key(self):
        """Any key, each as likely, expired ones included; None when there is none."""
        cdef Entry* e = table_random(&self.table, random_of, &self.keyspace.random_state)
        return None if e == NULL else PyBytes_FromStringAndSize(entry_key(e), entry_key_length(e))

    def live_keys(self):
        """All keys that have not expired, as a list."""
        cdef list found = []
        cdef size_t index
        for index in range(table_buckets(&self.table)):
            table_visit_bucket(&self.table, index, collect_visited, <void*>found)
        return [key for key in found if self.expiry(key) is not None]

    def describe(self, bytes key):
        """How a value is stored, for diagnosis; None when there is no such key."""
        cdef Entry** slot = self.find(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key), self._hash(key))
        cdef Entry* e
        cdef size_t length
        cdef char scratch[24]
        cdef int encoding
        if slot == NULL:
            return None
        e = slot[0]
        encoding = entry_encoding(e)
        if entry_type(e) == TYPE_STRING:
            string_text(e, scratch, &length)
        else:
            length = value_memory(encoding, entry_value(e), 0)
        return {
            "address": <uint64_t>e,
            "references": entry_blob(e).references if encoding == ENC_BLOB else 1,
            "encoding": (<bytes>encoding_name(e)).decode(),
            "length": length,
            "clock": entry_clock(e),
            "idle": self.keyspace.idle_seconds(e) if self.keyspace.clock_kind == CLOCK_LRU else 0,
        }

    @property
    def has_field_times(self):
        """Whether a hash has, or had, fields that expire."""
        return self.field_index != NULL

    @property
    def average_ttl(self):
        """Milliseconds that volatile keys have left, from a small sample."""
        cdef uint64_t hash
        cdef Entry** slot
        cdef int64_t total = 0
        cdef int64_t sampled = 0
        cdef int _
        if not self.expires:
            return 0
        for _ in range(32):
            if not wheel_random(&self.wheel, self.keyspace.random(), &hash):
                break
            slot = table_find_hash(&self.table, hash, FLAG_EXPIRES)
            if slot != NULL and entry_expiry(slot[0]) > self.keyspace.now:
                total += entry_expiry(slot[0]) - self.keyspace.now
                sampled += 1
        return total // sampled if sampled else 0

    def freeze(self, bint frozen):
        """Keep the table's shape as it is, or let it follow its size again."""
        self.table.frozen = frozen

    def shape(self):
        """Facts of the table and the index of expiry, for diagnosis."""
        return {
            "entries": self.table.used, "buckets": table_buckets(&self.table), "chained": self.table.chained,
            "longest_chain": self.table.longest, "table_bytes": table_memory(&self.table),
            "expires": self.expires, "expiry_records": self.wheel.records,
            "expiry_bytes": wheel_memory(&self.wheel),
        }


cdef void drop_expired(Database db, const char* key, size_t length, uint64_t hash) noexcept:
    """A key that only looks gone, where expired keys are not removed, makes place for another one."""
    cdef Entry** slot = table_find(&db.table, key, length, hash)
    if slot != NULL:
        db.expire(slot, hash)


cdef void collect_field(void* found, const char* field, size_t length) noexcept with gil:
    (<list>found).append(PyBytes_FromStringAndSize(field, length))


cdef void collect_visited(void* found, Entry* e) noexcept with gil:
    (<list>found).append(PyBytes_FromStringAndSize(entry_key(e), entry_key_length(e)))


cdef void file_visited(void* database, Entry* e) noexcept with gil:
    cdef Database db = <Database>database
    if e.flags & FLAG_EXPIRES and not (e.flags & FLAG_FILED and e.flags & FLAG_GENERATION == db.generation):
        e.flags = (e.flags & ~FLAG_GENERATION) | FLAG_FILED | db.generation
        wheel_file(&db.wheel, table_hash(&db.table, entry_key(e), entry_key_length(e)), entry_expiry(e))
