"""Which hashes of a database have fields that expire, and when they have to be looked at.

A timing wheel of hash values of keys, as for keys that expire themselves (engine/expiry): a hash has one record, at
the time of its earliest field or before, and remembers which time that is (`Filing`), so that a field with a later
time costs nothing here. Hashes without times are not here at all.

Hashes vanish and lose their times without a word to the wheel. When records have doubled since the last time, the
index is made anew in slices: a new wheel, into which all hashes with times are filed that do not know of it yet; the
former one is served beside it until that is done.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from redpoll.engine.entry cimport Entry, entry_encoding, entry_key, entry_key_length, entry_value
from redpoll.engine.expiry cimport (
    Block, free_blocks, wheel_advance, wheel_empty, wheel_file, wheel_file_due, wheel_init, wheel_take,
)
from redpoll.engine.field_times cimport NEVER
from redpoll.engine.fields cimport Filing, fields_filing, fields_next_due, is_hash_with_times
from redpoll.engine.memory cimport KIND_EXPIRY, allocate, release
from redpoll.engine.table cimport Table, table_buckets, table_find_hash, table_hash, table_visit_bucket

cdef enum:
    RECORDS_AT_LEAST = 4096


cdef FieldIndex* field_index_new(int64_t now) noexcept nogil:
    cdef FieldIndex* index = <FieldIndex*>allocate(sizeof(FieldIndex), KIND_EXPIRY)
    memset(index, 0, sizeof(FieldIndex))
    wheel_init(&index.wheel, now)
    index.limit = RECORDS_AT_LEAST
    return index


cdef Block* field_index_free(FieldIndex* index) noexcept nogil:
    cdef Block* blocks = wheel_empty(&index.wheel)
    cdef Block* others = wheel_empty(&index.former) if index.refiling else NULL
    cdef Block* last = others
    release(index, sizeof(FieldIndex), KIND_EXPIRY)
    if last == NULL:
        return blocks
    while last.next != NULL:
        last = last.next
    last.next = blocks
    return others


cdef void field_index_file(FieldIndex* index, Entry* e, uint64_t hash) noexcept nogil:
    cdef int encoding = entry_encoding(e)
    cdef Filing* filing = fields_filing(encoding, entry_value(e))
    cdef int64_t when
    if filing == NULL:
        return
    when = fields_next_due(encoding, entry_value(e))
    if when == NEVER or filing.generation == index.generation and filing.when <= when:
        return
    filing.when = when
    filing.generation = index.generation
    wheel_file(&index.wheel, hash, when)


cdef void field_index_file_due(FieldIndex* index, Entry* e, uint64_t hash) noexcept nogil:
    cdef Filing* filing = fields_filing(entry_encoding(e), entry_value(e))
    filing.when = 0
    filing.generation = index.generation
    wheel_file_due(&index.wheel, hash)


cdef size_t field_index_take(FieldIndex* index, int64_t now, uint64_t* hashes, size_t room) noexcept nogil:
    cdef size_t taken
    wheel_advance(&index.wheel, now)
    taken = wheel_take(&index.wheel, hashes, room)
    if not taken and index.refiling:
        wheel_advance(&index.former, now)
        taken = wheel_take(&index.former, hashes, room)
    return taken


cdef struct Refiling:
    FieldIndex* index
    const Table* table


cdef void file_visited(void* context, Entry* e) noexcept nogil:
    cdef Refiling* refiling = <Refiling*>context
    if is_hash_with_times(entry_encoding(e)):
        field_index_file(refiling.index, e, table_hash(refiling.table, entry_key(e), entry_key_length(e)))


cdef void field_index_tidy(FieldIndex* index, const Table* table, int64_t now, size_t buckets) noexcept nogil:
    cdef size_t last = table_buckets(table)
    cdef size_t end
    cdef Refiling refiling
    if not index.refiling:
        if index.wheel.records < index.limit:
            return
        index.former = index.wheel
        wheel_init(&index.wheel, now)
        index.generation += 1
        index.next_bucket = 0
        index.refiling = True
    refiling.index = index
    refiling.table = table
    end = min(last, index.next_bucket + buckets)
    while index.next_bucket < end:
        table_visit_bucket(table, index.next_bucket, file_visited, &refiling)
        index.next_bucket += 1
    if index.next_bucket >= last:
        free_blocks(wheel_empty(&index.former), <size_t>-1)
        index.refiling = False
        index.limit = max(<size_t>RECORDS_AT_LEAST, 2 * index.wheel.records)


cdef Entry** field_index_find(const Table* table, uint64_t hash) noexcept nogil:
    cdef Entry** slot = table_find_hash(table, hash, 0)
    return slot if slot != NULL and is_hash_with_times(entry_encoding(slot[0])) else NULL
