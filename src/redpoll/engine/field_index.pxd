"""Which hash of a database has a field that expires next. See field_index.pyx."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from redpoll.engine.entry cimport Entry
from redpoll.engine.expiry cimport Block, Wheel
from redpoll.engine.table cimport Table

cdef struct FieldIndex:
    Wheel wheel
    Wheel former             # while the index is made anew
    bint refiling
    size_t next_bucket       # to be filed anew
    size_t limit             # records at which it is made anew
    uint8_t generation

cdef FieldIndex* field_index_new(int64_t now) noexcept nogil
# Frees the index; its blocks are the caller's, to free in as many steps as it likes.
cdef Block* field_index_free(FieldIndex* index) noexcept nogil
# Sees to it that a hash, at the key of this hash value, is looked at when its next field is due.
cdef void field_index_file(FieldIndex* index, Entry* e, uint64_t hash) noexcept nogil
# The same for a hash with fields that are due already, and more of them than were to be removed at once.
cdef void field_index_file_due(FieldIndex* index, Entry* e, uint64_t hash) noexcept nogil
# Up to `room` hash values of keys whose hashes may have fields that are due; file them again.
cdef size_t field_index_take(FieldIndex* index, int64_t now, uint64_t* hashes, size_t room) noexcept nogil
# Goes on making the index anew where that is under way, or begins it when there are too many records.
cdef void field_index_tidy(FieldIndex* index, const Table* table, int64_t now, size_t buckets) noexcept nogil
# The slot of a hash whose fields may expire, by its key's hash value; or NULL.
cdef Entry** field_index_find(const Table* table, uint64_t hash) noexcept nogil
