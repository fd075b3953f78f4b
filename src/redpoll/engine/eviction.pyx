"""Which keys go when memory is short: sampling into a pool.

A few keys are sampled each time, and the best candidates of this and of earlier samples are kept in a small pool, the
best of which is evicted. So it needs no list of all keys in order, and comes close to having one (the idea and its
measure are Redis's: "Random notes on improving the Redis LRU algorithm", antirez.com/news/109).

Keys that expire are sampled from the index of expiry when they are few among many.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memmove

from redpoll.engine.entry cimport FLAG_EXPIRES, Entry, entry_expiry, entry_free, entry_key, entry_key_length
from redpoll.engine.expiry cimport wheel_random
from redpoll.engine.table cimport SLOTS, table_buckets, table_find_hash, table_hash, table_visit_bucket
from redpoll.engine.watcher cimport EVENT_EVICTED

cdef enum:
    BUCKETS_A_SAMPLE = 10     # looked at for a key that is wanted, at the most
    VISITED_MOST = 64


cdef struct Visited:
    Entry* entries[VISITED_MOST]
    int count
    unsigned char wanted      # flags


cdef void visit(void* context, Entry* e) noexcept nogil:
    cdef Visited* visited = <Visited*>context
    if visited.count < VISITED_MOST and (e.flags & visited.wanted) == visited.wanted:
        visited.entries[visited.count] = e
        visited.count += 1


cdef class Eviction:
    """The choice of one keyspace's keys to evict."""

    def __init__(self, Keyspace keyspace):
        self.keyspace = keyspace
        self.samples = 5

    def use(self, int order, bint only_volatile, int samples):
        """What is evicted: `order` is one of ORDER_*; `samples` keys are looked at for one that goes."""
        self.order = order
        self.only_volatile = only_volatile
        self.samples = samples
        self.pooled = 0

    cdef uint64_t score(self, const Entry* e) noexcept:
        if self.order == ORDER_FREQUENCY:
            return 255 - self.keyspace.frequency(e)
        if self.order == ORDER_EXPIRY:
            return <uint64_t>-1 - <uint64_t>entry_expiry(e)
        return self.keyspace.idle_seconds(e)

    cdef void consider(self, Database db, const Entry* e, uint64_t hash) noexcept:
        """Put a key into the pool if it is better than the worst there, or there is room."""
        cdef uint64_t score = self.score(e)
        cdef int place = 0
        cdef int i
        for i in range(self.pooled):
            if self.pool[i].hash == hash and self.pool[i].database == db.index:
                return
        while place < self.pooled and self.pool[place].score < score:
            place += 1
        if self.pooled == POOL_ROOM:
            if place == 0:
                return
            # The worst one leaves.
            place -= 1
            memmove(&self.pool[0], &self.pool[1], place * sizeof(Candidate))
        else:
            memmove(&self.pool[place + 1], &self.pool[place], (self.pooled - place) * sizeof(Candidate))
            self.pooled += 1
        self.pool[place].score = score
        self.pool[place].hash = hash
        self.pool[place].database = db.index

    cdef void sample(self, Database db) noexcept:
        cdef Visited visited
        cdef size_t buckets = table_buckets(&db.table)
        cdef size_t bucket
        cdef uint64_t hash
        cdef Entry** slot
        cdef int at, first, _
        cdef int looked = 0
        if self.only_volatile and db.expires * 4 < db.table.used:
            for _ in range(self.samples):
                if wheel_random(&db.wheel, self.keyspace.random(), &hash):
                    slot = table_find_hash(&db.table, hash, FLAG_EXPIRES)
                    if slot != NULL:
                        self.consider(db, slot[0], hash)
            return
        visited.wanted = FLAG_EXPIRES if self.only_volatile else 0
        # It begins with any key, each as likely, however many are in its bucket, and goes on with those behind it.
        while True:
            visited.count = 0
            bucket = (self.keyspace.random() >> 8) % buckets
            table_visit_bucket(&db.table, bucket, visit, &visited)
            first = <int>((self.keyspace.random() >> 8) % (SLOTS * db.table.longest))
            if first < visited.count:
                break
            looked += 1
            if looked == self.samples * BUCKETS_A_SAMPLE:
                return
        while visited.count - first < self.samples and looked < self.samples * BUCKETS_A_SAMPLE:
            bucket += 1
            if bucket == buckets:
                bucket = 0
            table_visit_bucket(&db.table, bucket, visit, &visited)
            looked += 1
        for at in range(first, min(visited.count, first + self.samples)):
            hash = table_hash(&db.table, entry_key(visited.entries[at]), entry_key_length(visited.entries[at]))
            self.consider(db, visited.entries[at], hash)

    cdef bint evict_one(self) noexcept:
        cdef Database db
        cdef Candidate chosen
        cdef size_t candidates
        if self.order == ORDER_NONE:
            return False
        if self.order == ORDER_RANDOM:
            return self.evict_random()
        while True:
            candidates = 0
            for db in self.keyspace.databases:
                if db.expires if self.only_volatile else db.table.used:
                    candidates += 1
                    self.sample(db)
            if not candidates:
                return False
            while self.pooled:
                self.pooled -= 1
                chosen = self.pool[self.pooled]
                if self.remove(self.keyspace.databases[chosen.database], chosen.hash):
                    return True

    cdef bint evict_random(self) noexcept:
        cdef Database db
        cdef Entry* e
        cdef Entry** slot
        cdef uint64_t hash
        cdef int _
        cdef int total = len(self.keyspace.databases)
        for _ in range(total):
            db = self.keyspace.databases[self.next_database % total]
            self.next_database += 1
            if not (db.expires if self.only_volatile else db.table.used):
                continue
            for _ in range(100):
                if self.only_volatile:
                    if not wheel_random(&db.wheel, self.keyspace.random(), &hash):
                        break
                    slot = table_find_hash(&db.table, hash, FLAG_EXPIRES)
                    if slot == NULL:
                        continue
                else:
                    e = db.random_entry()
                    hash = table_hash(&db.table, entry_key(e), entry_key_length(e))
                if self.remove(db, hash):
                    return True
        return False

    cdef bint remove(self, Database db, uint64_t hash) noexcept:
        """Delete the key of this hash; whether it was there still, and may go."""
        cdef Entry** slot = table_find_hash(&db.table, hash, FLAG_EXPIRES if self.only_volatile else 0)
        cdef Entry* e
        if slot == NULL:
            return False
        e = db.detach(slot, hash)
        db.tell_gone(EVENT_EVICTED, b"evicted", e)
        entry_free(e)
        self.evicted += 1
        return True
