"""Idempotent IDs of a stream's producers; see stream_producers.pxd."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from redpoll.engine.entry cimport (
    ENC_EMBEDDED, TYPE_STRING, entry_embedded, entry_free_shell, entry_key, entry_key_length, entry_new, entry_size,
)
from redpoll.engine.memory cimport KIND_COLLECTION, allocate, block_size, release
from redpoll.engine.stream cimport Producers
from redpoll.engine.table cimport (
    Table, table_buckets, table_clear, table_find, table_hash, table_init, table_insert, table_memory, table_remove,
    table_visit_bucket,
)

# Names come from outside, so tables are seeded, each differently.
cdef uint64_t next_seed

import os

next_seed = int.from_bytes(os.urandom(8), "little")


cdef uint64_t new_seed() noexcept nogil:
    global next_seed
    next_seed += <uint64_t>0x9E3779B97F4A7C15
    return next_seed


cdef inline void* pointer_of(const Entry* e) noexcept nogil:
    cdef void* pointer
    memcpy(&pointer, entry_embedded(e), sizeof(void*))
    return pointer


cdef Sent* sent_of(const Entry* e) noexcept nogil:
    return <Sent*>pointer_of(e)


cdef Producer* producer_of(const Entry* e) noexcept nogil:
    return <Producer*>pointer_of(e)


cdef Entry* entry_with(const char* key, size_t length, void* pointer) noexcept nogil:
    cdef Entry* e = entry_new(TYPE_STRING, ENC_EMBEDDED, key, length, sizeof(void*), -1)
    memcpy(entry_embedded(e), &pointer, sizeof(void*))
    return e


cdef Producer* find_producer(const Stream* s, const char* name, size_t length) noexcept nogil:
    cdef Entry** slot
    if s.producers == NULL:
        return NULL
    slot = table_find(&s.producers.by_name, name, length, table_hash(&s.producers.by_name, name, length))
    return NULL if slot == NULL else producer_of(slot[0])


cdef Producer* make_producer(Stream* s, const char* name, size_t length) noexcept nogil:
    cdef Producer* made = <Producer*>allocate(sizeof(Producer), KIND_COLLECTION)
    table_init(&made.seen, new_seed())
    made.oldest = made.newest = NULL
    if s.producers == NULL:
        s.producers = <Producers*>allocate(sizeof(Producers), KIND_COLLECTION)
        table_init(&s.producers.by_name, new_seed())
        s.producers.tracked = 0
    table_insert(&s.producers.by_name, entry_with(name, length, made),
                 table_hash(&s.producers.by_name, name, length))
    return made


cdef void forget_oldest(Stream* s, Producer* producer) noexcept nogil:
    cdef Entry* e = producer.oldest
    cdef uint64_t hash = table_hash(&producer.seen, entry_key(e), entry_key_length(e))
    producer.oldest = sent_of(e).newer
    if producer.oldest == NULL:
        producer.newest = NULL
    table_remove(&producer.seen, table_find(&producer.seen, entry_key(e), entry_key_length(e), hash), hash)
    release(sent_of(e), sizeof(Sent), KIND_COLLECTION)
    entry_free_shell(e)
    s.producers.tracked -= 1


cdef void expire_producer(Stream* s, Producer* producer, int64_t now) noexcept nogil:
    cdef int64_t since = now - <int64_t>s.producer_seconds * 1000
    while producer.oldest != NULL and sent_of(producer.oldest).at <= since:
        forget_oldest(s, producer)


cdef Sent* producers_find(Stream* s, const char* name, size_t name_length, const char* id, size_t id_length,
                          int64_t now) noexcept nogil:
    cdef Producer* producer = find_producer(s, name, name_length)
    cdef Entry** slot
    if producer == NULL:
        return NULL
    expire_producer(s, producer, now)
    slot = table_find(&producer.seen, id, id_length, table_hash(&producer.seen, id, id_length))
    return NULL if slot == NULL else sent_of(slot[0])


cdef void producers_add(Stream* s, const char* name, size_t name_length, const char* id, size_t id_length,
                        StreamId entry, int64_t at) noexcept nogil:
    cdef Producer* producer = find_producer(s, name, name_length)
    cdef Sent* sent = <Sent*>allocate(sizeof(Sent), KIND_COLLECTION)
    cdef Entry* e
    if producer == NULL:
        producer = make_producer(s, name, name_length)
    while producer.seen.used >= s.producer_most:
        forget_oldest(s, producer)
    sent.id = entry
    sent.at = at
    sent.newer = NULL
    e = entry_with(id, id_length, sent)
    table_insert(&producer.seen, e, table_hash(&producer.seen, id, id_length))
    if producer.newest == NULL:
        producer.oldest = e
    else:
        sent_of(producer.newest).newer = e
    producer.newest = e
    s.producers.tracked += 1


# What a visitor of the table of producers works on.
cdef struct Visit:
    Stream* stream
    Stream* copy
    int64_t now
    size_t bytes
    Entry* empty                 # a producer of whom nothing is remembered


cdef void expire_visited(void* context, Entry* e) noexcept nogil:
    cdef Visit* visit = <Visit*>context
    expire_producer(visit.stream, producer_of(e), visit.now)
    if producer_of(e).oldest == NULL:
        visit.empty = e


cdef void free_producer(Entry* e) noexcept nogil:
    table_clear(&producer_of(e).seen)
    release(producer_of(e), sizeof(Producer), KIND_COLLECTION)
    entry_free_shell(e)


cdef void producers_expire(Stream* s, int64_t now) noexcept nogil:
    cdef Visit visit
    cdef Table* table
    cdef uint64_t hash
    cdef size_t i
    if s.producers == NULL:
        return
    table = &s.producers.by_name
    visit.stream = s
    visit.now = now
    while True:
        visit.empty = NULL
        for i in range(table_buckets(table)):
            table_visit_bucket(table, i, expire_visited, &visit)
        if visit.empty == NULL:
            return
        hash = table_hash(table, entry_key(visit.empty), entry_key_length(visit.empty))
        table_remove(table, table_find(table, entry_key(visit.empty), entry_key_length(visit.empty), hash), hash)
        free_producer(visit.empty)


cdef void clear_visited(void* context, Entry* e) noexcept nogil:
    cdef Stream* s = <Stream*>context
    while producer_of(e).oldest != NULL:
        forget_oldest(s, producer_of(e))
    free_producer(e)


cdef void producers_clear(Stream* s) noexcept nogil:
    cdef size_t i
    if s.producers == NULL:
        return
    for i in range(table_buckets(&s.producers.by_name)):
        table_visit_bucket(&s.producers.by_name, i, clear_visited, s)
    table_clear(&s.producers.by_name)
    release(s.producers, sizeof(Producers), KIND_COLLECTION)
    s.producers = NULL


cdef void copy_visited(void* context, Entry* e) noexcept nogil:
    cdef Visit* visit = <Visit*>context
    cdef const Entry* seen = producer_of(e).oldest
    while seen != NULL:
        producers_add(visit.copy, entry_key(e), entry_key_length(e), entry_key(seen), entry_key_length(seen),
                      sent_of(seen).id, sent_of(seen).at)
        seen = sent_of(seen).newer


cdef void producers_copy(Stream* to, const Stream* source) noexcept nogil:
    cdef Visit visit
    cdef size_t i
    visit.copy = to
    if source.producers != NULL:
        for i in range(table_buckets(&source.producers.by_name)):
            table_visit_bucket(&source.producers.by_name, i, copy_visited, &visit)


cdef void weigh_visited(void* context, Entry* e) noexcept nogil:
    cdef Visit* visit = <Visit*>context
    cdef const Entry* seen = producer_of(e).oldest
    visit.bytes += block_size(entry_size(e)) + block_size(sizeof(Producer)) + table_memory(&producer_of(e).seen)
    while seen != NULL:
        visit.bytes += block_size(entry_size(seen)) + block_size(sizeof(Sent))
        seen = sent_of(seen).newer


cdef size_t producers_memory(const Stream* s) noexcept nogil:
    cdef Visit visit
    cdef size_t i
    if s.producers == NULL:
        return 0
    visit.bytes = block_size(sizeof(Producers)) + table_memory(&s.producers.by_name)
    for i in range(table_buckets(&s.producers.by_name)):
        table_visit_bucket(&s.producers.by_name, i, weigh_visited, &visit)
    return visit.bytes


cdef size_t producers_count(const Stream* s) noexcept nogil:
    return 0 if s.producers == NULL else s.producers.by_name.used
