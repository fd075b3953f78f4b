"""Hashes: fields and their values, in three encodings, with times of expiry for single fields.

    ENC_LISTPACK        a listpack: field, value, …
    ENC_PACKED_FIELDS   `PackedFields`: a listpack of field, value, time, …; by time, those that never expire (0) last
    ENC_FIELDS          `FieldTable`: a table of entries whose key is the field, with the value embedded or in a blob,
                        and, once a field has a time, the times in order (engine/field_times)

Values keep their exact bytes. A hash never goes back to a smaller encoding.

What is done to a hash goes through a `Hash`, a handle on the stack: it is opened from an entry, and after a change
`encoding` and `value` go back into the entry (`entry_set_value`), as both may be new ones.

A field whose time has come (before `now`) is gone for every function that finds or visits; it takes memory, and counts
in `fields_length`, until `fields_take_due` removes it.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from redpoll.engine.blob cimport Blob
from redpoll.engine.entry cimport ENC_FIELDS, ENC_LISTPACK, ENC_PACKED_FIELDS, Entry, entry_encoding, entry_value
from redpoll.engine.field_times cimport NEVER, FieldTimes
from redpoll.engine.listpack cimport Element
from redpoll.engine.table cimport Table

cdef enum:
    NO_TIME = -1             # a field that never expires
    KEEP_TIME = -2           # `fields_set`: as it was

# What the database's index knows of a hash; see engine/field_index.
cdef struct Filing:
    int64_t when             # the earliest record of the hash in the index; NEVER: there is none
    uint8_t generation       # of the index

cdef struct FieldTable:
    Table table
    FieldTimes* times        # NULL: no field expires
    Filing filing

cdef struct PackedFields:
    uint8_t* pack
    Filing filing

cdef struct Hash:
    int encoding
    void* value
    int64_t now
    size_t most_entries      # of a packed hash
    size_t most_value        # bytes of a field or value in one

cdef struct FieldValue:
    Element text             # text and length, or an integer
    Blob* blob               # which the text is in, or NULL
    int64_t expiry           # unix milliseconds, or NO_TIME

cdef inline void fields_open(Hash* h, const Entry* e) noexcept nogil:
    h.encoding = entry_encoding(e)
    h.value = entry_value(e)

cdef inline bint is_hash_with_times(int encoding) noexcept nogil:
    """Whether fields of a hash of this encoding may expire."""
    return encoding == ENC_FIELDS or encoding == ENC_PACKED_FIELDS

# An empty hash, packed.
cdef void fields_new(Hash* h) noexcept nogil
# A new hash of several fields with a single allocation: begin, add, finish. What `fields_add` refuses (a field that is
# there already, too much for a packed hash) is to be set after `fields_finish`, and all that follows too.
cdef void fields_begin() noexcept nogil
cdef bint fields_add(const Hash* h, const char* field, size_t length, const char* text,
                     size_t text_length) noexcept nogil
cdef void fields_finish(Hash* h) noexcept nogil
# Makes room for `pairs` further fields whose texts, in packed form, take `bytes`; leaves the packed form where it must.
cdef void fields_prepare(Hash* h, size_t pairs, size_t bytes) noexcept nogil
cdef void fields_free(Hash* h) noexcept nogil
# Fields, with those that are due and not yet removed.
cdef size_t fields_length(const Hash* h) noexcept nogil
cdef bint fields_get(const Hash* h, const char* field, size_t length, FieldValue* found) noexcept nogil
# Sets a field; whether it is a new one. A blob's reference is taken over (`text` and `text_length` are its own then).
# `expiry` is a time, NO_TIME or KEEP_TIME.
cdef bint fields_set(Hash* h, const char* field, size_t length, const char* text, size_t text_length, Blob* blob,
                     int64_t expiry) noexcept nogil
# Whether the field was there. The last one may go: the hash is empty then, and the caller's to remove.
cdef bint fields_delete(Hash* h, const char* field, size_t length) noexcept nogil
# A time, or NO_TIME, for a field that is there.
cdef void fields_set_expiry(Hash* h, const char* field, size_t length, int64_t expiry) noexcept nogil

# The earliest time of any field, or NEVER.
cdef int64_t fields_next_due(int encoding, const void* value) noexcept nogil
# NULL for a hash whose fields cannot expire.
cdef Filing* fields_filing(int encoding, void* value) noexcept nogil
ctypedef void (*field_name_visitor)(void* context, const char* field, size_t length) noexcept nogil
# Removes up to `most` fields that are due, earliest first; shows each to `visit` (may be NULL) before.
cdef size_t fields_take_due(Hash* h, size_t most, field_name_visitor visit, void* context) noexcept nogil

# Shows every field that is not due, as it is stored. The hash must not change meanwhile.
ctypedef void (*field_visitor)(void* context, const Element* field, const FieldValue* value) noexcept nogil
cdef void fields_visit(const Hash* h, field_visitor visit, void* context) noexcept nogil
# The same step by step, for a hash of ENC_FIELDS: returns the next cursor, 0 at the end; `seen` counts entries that
# were looked at.
cdef uint64_t fields_scan(const Hash* h, uint64_t cursor, field_visitor visit, void* context,
                          size_t* seen) noexcept nogil
# The field and value of an entry in a field table.
cdef void field_of_entry(const Entry* e, Element* field, FieldValue* value) noexcept nogil

# For loading: a packed hash from a listpack in its order (taken over), and a table to be filled by `fields_set`.
cdef void* packed_fields_of(uint8_t* pack) noexcept nogil
cdef void fields_new_table(Hash* h) noexcept nogil
# Takes the seed of all field tables: unpredictable, and the same for the whole life of the process.
cdef void fields_use_seed(uint64_t seed) noexcept nogil
