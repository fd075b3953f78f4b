"""How large the values of a database are: counted by type and by powers of two, in a walk over all its keys.

Nothing is kept up to date as keys change, which would cost every write; whoever wants to know has the keys walked
through, in slices. Buckets that split meanwhile move keys on to where the walk is still to come, and they may be
counted twice: what comes out is exact for a database that does not change, and near enough for one that does.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memset

from redpoll.engine.entry cimport (
    ENC_LISTPACK, TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STRING, Entry, entry_encoding,
    entry_type, entry_value, string_length,
)
from redpoll.engine.field_times cimport NEVER
from redpoll.engine.fields cimport Hash, fields_length, fields_next_due, fields_open, is_hash_with_times
from redpoll.engine.keyspace cimport Database
from redpoll.engine.list cimport list_length
from redpoll.engine.listpack cimport listpack_length
from redpoll.engine.set cimport Set, set_length, set_of
from redpoll.engine.table cimport table_buckets, table_visit_bucket
from redpoll.engine.value cimport value_length, value_memory

cdef extern from *:
    """
    static inline int redpoll_size_class(uint64_t size) { return size ? 64 - __builtin_clzll(size) : 0; }
    """
    int redpoll_size_class(uint64_t size) nogil

cdef enum:
    KINDS = 5
    CLASSES = 65                 # 0, then by the position of the highest bit
    SAMPLES = 5                  # elements of a collection from which its memory is told

cdef struct Counts:
    uint64_t by_length[KINDS][CLASSES]
    uint64_t by_memory[KINDS][CLASSES]
    uint64_t hashes_with_times
    bint weighing


cdef list by_class(const uint64_t (*counted)[CLASSES]):
    """Of each type: the least of a class (0 or a power of two) -> how many values there are in it."""
    cdef int kind, size
    cdef list found = []
    for kind in range(KINDS):
        found.append({int(1) << (size - 1) if size else 0: counted[kind][size]
                      for size in range(CLASSES) if counted[kind][size]})
    return found


cdef uint64_t elements(const Entry* e, int type, int encoding) noexcept nogil:
    cdef Hash hash
    cdef Set set
    if type == TYPE_LIST:
        return list_length(e)
    if type == TYPE_SET:
        set_of(&set, e)
        return set_length(&set)
    if type == TYPE_HASH:
        fields_open(&hash, e)
        return fields_length(&hash)
    if encoding == ENC_LISTPACK:
        return listpack_length(<const uint8_t*>entry_value(e)) >> 1
    return value_length(encoding, entry_value(e))


cdef void count_entry(void* context, Entry* e) noexcept nogil:
    cdef Counts* counts = <Counts*>context
    cdef int type = entry_type(e)
    cdef int encoding = entry_encoding(e)
    cdef uint64_t length
    if type > TYPE_HASH:
        return
    if type == TYPE_STRING:
        length = string_length(e)
    else:
        length = elements(e, type, encoding)
        if counts.weighing:
            counts.by_memory[type][redpoll_size_class(value_memory(encoding, entry_value(e), SAMPLES))] += 1
        if type == TYPE_HASH and is_hash_with_times(encoding) and fields_next_due(encoding, entry_value(e)) != NEVER:
            counts.hashes_with_times += 1
    counts.by_length[type][redpoll_size_class(length)] += 1


cdef class Survey:
    """One walk; `weighing`: look at the memory of collections too, which takes longer."""
    cdef Database database
    cdef Counts counts
    cdef size_t bucket
    cdef readonly bint done

    def __init__(self, Database database, bint weighing=False):
        memset(&self.counts, 0, sizeof(Counts))
        self.database = database
        self.counts.weighing = weighing

    def advance(self, size_t buckets):
        """Walk on through so many buckets; whether there are more."""
        cdef size_t end = table_buckets(&self.database.table)
        cdef size_t last = min(end, self.bucket + buckets)
        while self.bucket < last:
            table_visit_bucket(&self.database.table, self.bucket, count_entry, &self.counts)
            self.bucket += 1
        self.done = self.bucket >= end
        return not self.done

    @property
    def hashes_with_times(self) -> int:
        """Hashes with fields that expire."""
        return self.counts.hashes_with_times

    @property
    def weighing(self) -> bool:
        """Whether it looks at memory too."""
        return bool(self.counts.weighing)

    @property
    def lengths(self) -> list:
        """Bytes of strings, members of lists, sets, sorted sets and hashes, in the order of the types' numbers.

        Of each: the least of a class (0 or a power of two) -> how many there are in it.
        """
        return by_class(self.counts.by_length)

    @property
    def weights(self) -> list:
        """The same of the bytes of memory that collections take; empty unless weighing."""
        return by_class(self.counts.by_memory)
