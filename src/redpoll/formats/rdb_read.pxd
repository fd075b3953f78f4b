"""Values from RDB into the engine: see rdb_read.pyx."""

from libc.stdint cimport int64_t, uint64_t

from redpoll.engine.entry cimport Entry
from redpoll.engine.keyspace cimport Database, Keyspace
from redpoll.formats.rdb_input cimport Source
from redpoll.formats.reading cimport Reader, ReadResult, Value

cdef void reader_init(Reader* reader, Source* source, Keyspace keyspace)
# Frees what it keeps; the source is the caller's.
cdef void reader_free(Reader* reader) noexcept nogil
cdef ReadResult read_value(Reader* reader, int rdb_type, Value* value) noexcept nogil
# How many elements, members, fields or entries a collection has; of a string, its length.
cdef uint64_t value_elements(const Value* value) noexcept nogil
# The word for how the value is stored, as OBJECT ENCODING answers it.
cdef const char* value_encoding(const Value* value) noexcept nogil
cdef void value_drop(Value* value) noexcept nogil
# Puts what was read at a key; `slot` as for Database.put_value. Returns the slot.
cdef Entry** value_store(Value* value, Database db, Entry** slot, const char* key, size_t length, uint64_t hash,
                         int64_t expiry) noexcept
