"""Values from RDB into the engine: see rdb_read.pyx."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from redpoll.engine.entry cimport Entry
from redpoll.engine.keyspace cimport Database, Keyspace
from redpoll.formats.rdb_input cimport Source, Text

# When collections leave their packed encodings; as in Keyspace.
cdef struct Limits:
    size_t hash_entries
    size_t hash_value
    size_t set_intset
    size_t set_entries
    size_t set_value
    size_t zset_entries
    size_t zset_value
    int64_t list_size
    size_t list_depth

cdef struct Reader:
    Source* source
    Limits limits
    bint valkey                  # a file or payload of Valkey's: one type has another meaning
    bint careful                 # members that come twice in a packed value are looked for

# What was read. Whoever reads one stores or drops it.
cdef struct Value:
    int type
    int encoding                 # of strings: ENC_INTEGER, ENC_BLOB, or ENC_EMBEDDED for a text of any length
    void* pointer                # of what has one
    Text text                    # of embedded strings and integers, good until the next read

cdef enum ReadResult:
    READ_FAILED = 0              # why is told in the source
    READ_WHOLE = 1
    READ_EMPTY = 2               # a collection of nothing: there is no such key

cdef void reader_init(Reader* reader, Source* source, Keyspace keyspace)
cdef ReadResult read_value(Reader* reader, int rdb_type, Value* value) noexcept nogil
cdef void value_drop(Value* value) noexcept nogil
# Puts what was read at a key; `slot` as for Database.put_value. Returns the slot.
cdef Entry** value_store(Value* value, Database db, Entry** slot, const char* key, size_t length, uint64_t hash,
                         int64_t expiry) noexcept
