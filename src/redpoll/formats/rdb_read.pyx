"""Values from RDB into the engine.

Every type that any version wrote is read, whole and checked: what comes in an encoding that is no longer used, or that
is larger than this server's limits for packed collections, is converted. Types by family: strings here, the others in
rdb_read_<family>.pyx.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memset

from redpoll.engine.array cimport Array
from redpoll.engine.blob cimport Blob, blob_release
from redpoll.engine.entry cimport (
    EMBED_MAX, ENC_BLOB, ENC_EMBEDDED, ENC_INTEGER, ENC_LISTPACK, ENC_SCORE, TYPE_ARRAY, TYPE_HASH, TYPE_LIST,
    TYPE_SET, TYPE_STREAM, TYPE_STRING, TYPE_ZSET, Entry, encoding_name,
)
from redpoll.engine.fields cimport Hash, fields_length
from redpoll.engine.keyspace cimport Database, Keyspace
from redpoll.engine.listpack cimport listpack_length
from redpoll.engine.numbers cimport parse_int64
from redpoll.engine.quicklist cimport Quicklist
from redpoll.engine.set cimport Set, set_length
from redpoll.engine.sorted_set cimport Sorted, sorted_length
from redpoll.engine.stream cimport Stream
from redpoll.engine.value cimport value_free
from redpoll.formats.rdb cimport (
    RDB_ARRAY, RDB_GCRA, RDB_HASH, RDB_HASH_FIELDS, RDB_HASH_FIELDS_EARLY, RDB_HASH_LISTPACK, RDB_HASH_PACKED,
    RDB_HASH_PACKED_EARLY, RDB_HASH_TEMPLATE, RDB_HASH_TEMPLATE_PACKED, RDB_HASH_TEMPLATE_PACKED_REF,
    RDB_HASH_TEMPLATE_REF, RDB_HASH_ZIPLIST, RDB_HASH_ZIPMAP, RDB_LIST, RDB_LIST_QUICKLIST, RDB_LIST_QUICKLIST_2,
    RDB_LIST_ZIPLIST, RDB_MODULE, RDB_MODULE_2, RDB_SET, RDB_SET_INTSET, RDB_SET_LISTPACK, RDB_STREAM, RDB_STREAM_2,
    RDB_STREAM_3, RDB_STREAM_4, RDB_STREAM_5, RDB_STRING, RDB_ZSET, RDB_ZSET_2, RDB_ZSET_LISTPACK, RDB_ZSET_ZIPLIST,
)
from redpoll.formats.rdb_array cimport read_array
from redpoll.formats.rdb_hash cimport read_hash, templates_free
from redpoll.formats.rdb_input cimport Source, source_fail, source_value
from redpoll.formats.rdb_list cimport read_list
from redpoll.formats.rdb_set cimport read_set
from redpoll.formats.rdb_stream cimport read_stream
from redpoll.formats.rdb_zset cimport read_zset
from redpoll.formats.reading cimport READ_FAILED, READ_WHOLE, Reader, ReadResult, Value

cdef enum:
    DIGITS_MOST = 20

cdef const char* UNKNOWN_TYPE = b"a type of value that this version does not know"
cdef const char* OF_A_MODULE = b"a value of a module that is not loaded"
cdef const char* NO_SUCH_TYPE_YET = b"a value of a type that this version cannot load yet"


cdef void reader_init(Reader* reader, Source* source, Keyspace keyspace):
    memset(reader, 0, sizeof(Reader))
    reader.source = source
    reader.limits.hash_entries = keyspace.hash_max_listpack_entries
    reader.limits.hash_value = keyspace.hash_max_listpack_value
    reader.limits.set_intset = keyspace.set_max_intset_entries
    reader.limits.set_entries = keyspace.set_max_listpack_entries
    reader.limits.set_value = keyspace.set_max_listpack_value
    reader.limits.zset_entries = keyspace.zset_max_listpack_entries
    reader.limits.zset_value = keyspace.zset_max_listpack_value
    reader.limits.list_size = keyspace.list_max_listpack_size
    reader.limits.list_depth = keyspace.list_compress_depth
    reader.limits.stream_seconds = keyspace.stream_idmp_duration
    reader.limits.stream_most = keyspace.stream_idmp_maxsize
    reader.limits.array_slice = keyspace.array_slice_size
    reader.limits.array_sparse = keyspace.array_sparse_kmax
    reader.limits.array_dense = keyspace.array_sparse_kmin
    reader.limits.seed = keyspace.seed
    reader.limits.now = keyspace.now


cdef void reader_free(Reader* reader) noexcept nogil:
    templates_free(reader)


cdef ReadResult read_string(Reader* reader, Value* value) noexcept nogil:
    cdef Blob* blob
    cdef long long integer
    if not source_value(reader.source, &value.text, &blob, EMBED_MAX):
        return READ_FAILED
    value.type = TYPE_STRING
    value.pointer = blob
    if blob != NULL:
        value.encoding = ENC_BLOB
    elif value.text.is_integer:
        value.encoding = ENC_INTEGER
    elif value.text.length <= DIGITS_MOST and parse_int64(value.text.text, value.text.length, &integer):
        value.encoding = ENC_INTEGER
        value.text.integer = integer
    else:
        value.encoding = ENC_EMBEDDED
    return READ_WHOLE


cdef ReadResult read_value(Reader* reader, int rdb_type, Value* value) noexcept nogil:
    cdef const char* reason = UNKNOWN_TYPE
    value.pointer = NULL
    if rdb_type == RDB_STRING:
        return read_string(reader, value)
    if rdb_type in (RDB_HASH, RDB_HASH_ZIPMAP, RDB_HASH_ZIPLIST, RDB_HASH_LISTPACK, RDB_HASH_FIELDS_EARLY,
                    RDB_HASH_PACKED_EARLY, RDB_HASH_FIELDS, RDB_HASH_PACKED, RDB_HASH_TEMPLATE_PACKED,
                    RDB_HASH_TEMPLATE_PACKED_REF, RDB_HASH_TEMPLATE, RDB_HASH_TEMPLATE_REF):
        return read_hash(reader, rdb_type, value)
    if rdb_type in (RDB_LIST, RDB_LIST_ZIPLIST, RDB_LIST_QUICKLIST, RDB_LIST_QUICKLIST_2):
        return read_list(reader, rdb_type, value)
    if rdb_type in (RDB_SET, RDB_SET_INTSET, RDB_SET_LISTPACK):
        return read_set(reader, rdb_type, value)
    if rdb_type in (RDB_ZSET, RDB_ZSET_2, RDB_ZSET_ZIPLIST, RDB_ZSET_LISTPACK):
        return read_zset(reader, rdb_type, value)
    if rdb_type in (RDB_STREAM, RDB_STREAM_2, RDB_STREAM_3, RDB_STREAM_4, RDB_STREAM_5):
        return read_stream(reader, rdb_type, value)
    if rdb_type == RDB_ARRAY:
        return read_array(reader, value)
    if rdb_type == RDB_MODULE or rdb_type == RDB_MODULE_2:
        reason = OF_A_MODULE
    elif rdb_type == RDB_GCRA:
        reason = NO_SUCH_TYPE_YET
    source_fail(reader.source, reason)
    return READ_FAILED


cdef uint64_t value_elements(const Value* value) noexcept nogil:
    cdef Set set_view
    cdef Sorted sorted_view
    cdef Hash hash_view
    if value.encoding == ENC_LISTPACK:
        return listpack_length(<const uint8_t*>value.pointer) // (1 + (value.type in (TYPE_HASH, TYPE_ZSET)))
    if value.type == TYPE_LIST:
        return (<const Quicklist*>value.pointer).length
    if value.type == TYPE_SET:
        set_view.encoding = value.encoding
        set_view.value = value.pointer
        return set_length(&set_view)
    if value.type == TYPE_ZSET:
        sorted_view.encoding = value.encoding
        sorted_view.value = value.pointer
        return sorted_length(&sorted_view)
    if value.type == TYPE_HASH:
        hash_view.encoding = value.encoding
        hash_view.value = value.pointer
        return fields_length(&hash_view)
    if value.type == TYPE_STREAM:
        return (<const Stream*>value.pointer).length
    if value.type == TYPE_ARRAY:
        return (<const Array*>value.pointer).count
    return value.text.length


cdef const char* value_encoding(const Value* value) noexcept nogil:
    cdef Entry shell
    if value.encoding == ENC_BLOB:
        return b"raw"
    memset(&shell, 0, sizeof(Entry))
    shell.kind = <uint8_t>(value.type | (value.encoding << 4))
    shell.value_length = <uint16_t>(value.text.length if value.type == TYPE_STRING else 0)
    return encoding_name(&shell)


cdef void value_drop(Value* value) noexcept nogil:
    if value.pointer == NULL:
        return
    if value.encoding == ENC_BLOB:
        blob_release(<Blob*>value.pointer)
    elif ENC_LISTPACK <= value.encoding < ENC_SCORE:
        value_free(value.encoding, value.pointer)
    value.pointer = NULL


cdef Entry** value_store(Value* value, Database db, Entry** slot, const char* key, size_t length, uint64_t hash,
                         int64_t expiry) noexcept:
    if value.encoding == ENC_EMBEDDED:
        return db.put_plain(slot, key, length, hash, value.text.text, value.text.length, expiry)
    if value.encoding == ENC_INTEGER:
        return db.put_integer(slot, key, length, hash, value.text.integer, expiry)
    if value.encoding == ENC_BLOB:
        return db.put_blob(slot, key, length, hash, <Blob*>value.pointer, expiry)
    return db.put_value(slot, key, length, hash, value.type, value.encoding, value.pointer, expiry)
