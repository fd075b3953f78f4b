"""What reading a value is handed, and gives back; rdb_read.pyx and the families' files share it."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from redpoll.formats.rdb_input cimport Source, Text

# When collections leave their packed encodings, as in Keyspace, and the seed of their tables.
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
    uint32_t stream_seconds      # of idempotent IDs
    uint32_t stream_most
    uint32_t array_slice         # indices of a slice
    uint32_t array_sparse        # values of a slice, as in engine/array_slice
    uint32_t array_dense
    uint64_t seed
    int64_t now                  # unix milliseconds

# The fields of a hash template, in a listpack.
cdef struct Template:
    uint64_t number
    uint8_t* fields

cdef struct Templates:
    Template* items
    size_t count
    size_t room

cdef struct Reader:
    Source* source
    Limits limits
    Templates templates          # that hashes of a file refer to
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
