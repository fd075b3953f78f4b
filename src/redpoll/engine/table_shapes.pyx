"""What the tables within values look like, for diagnosis."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from redpoll.engine.entry cimport ENC_FIELDS, ENC_TABLE, ENC_TREE, Entry, entry_encoding, entry_value
from redpoll.engine.fields cimport FieldTable
from redpoll.engine.keyspace cimport Database
from redpoll.engine.members cimport Members
from redpoll.engine.sorted_set cimport SortedSet
from redpoll.engine.table cimport Table, table_buckets


def shape(Database db, bytes key):
    """The table of the hash, set or sorted set at a key, as a dictionary; None where there is none."""
    cdef Entry** slot = db.find(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key),
                                db.hash_of(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key)))
    cdef int encoding
    cdef const Table* table
    if slot == NULL:
        return None
    encoding = entry_encoding(slot[0])
    if encoding == ENC_TABLE:
        table = &(<const Members*>entry_value(slot[0])).table
    elif encoding == ENC_TREE:
        table = &(<const SortedSet*>entry_value(slot[0])).table
    elif encoding == ENC_FIELDS:
        table = &(<const FieldTable*>entry_value(slot[0])).table
    else:
        return None
    return {
        "entries": table.used, "buckets": table_buckets(table), "chained": table.chained,
        "longest_chain": table.longest,
    }
