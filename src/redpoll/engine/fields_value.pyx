"""What engine/value wants to know of hashes: how large they are, copies, and freeing in slices."""

from cpython.bytes cimport PyBytes_FromStringAndSize

from redpoll.engine.entry cimport (
    ENC_FIELDS, ENC_PACKED_FIELDS, Entry, entry_copy, entry_key, entry_key_length, entry_memory,
)
from redpoll.engine.field_times cimport times_copy, times_memory
from redpoll.engine.fields cimport (
    FieldTable, FieldValue, Hash, PackedFields, field_table_free_some, fields_new_table, fields_visit,
    packed_fields_free_some, packed_fields_of,
)
from redpoll.engine.listpack cimport Element, listpack_copy, listpack_memory
from redpoll.engine.memory cimport block_size
from redpoll.engine.table cimport Table, table_buckets, table_hash, table_insert, table_memory, table_visit_bucket
from redpoll.engine.value cimport ValueOperations, value_register


cdef size_t packed_length(const void* value) noexcept nogil:
    return 1


cdef size_t packed_memory(const void* value, size_t samples) noexcept nogil:
    return block_size(sizeof(PackedFields)) + listpack_memory((<PackedFields*>value).pack)


cdef void* packed_copy(const void* value) noexcept nogil:
    return packed_fields_of(listpack_copy((<PackedFields*>value).pack))


cdef size_t table_length(const void* value) noexcept nogil:
    return (<FieldTable*>value).table.used


cdef struct Sum:
    size_t bytes
    size_t entries


cdef void sum_visited(void* context, Entry* e) noexcept nogil:
    cdef Sum* sum = <Sum*>context
    sum.bytes += entry_memory(e, 0)
    sum.entries += 1


cdef size_t table_value_memory(const void* value, size_t samples) noexcept nogil:
    cdef FieldTable* t = <FieldTable*>value
    cdef size_t total = block_size(sizeof(FieldTable)) + table_memory(&t.table)
    cdef Sum sum
    cdef size_t i
    sum.bytes = sum.entries = 0
    for i in range(table_buckets(&t.table)):
        table_visit_bucket(&t.table, i, sum_visited, &sum)
        if samples and sum.entries >= samples:
            break
    if sum.entries:
        total += <size_t>(<double>sum.bytes / sum.entries * t.table.used)
    if t.times != NULL:
        total += times_memory(t.times)
    return total


cdef void copy_visited(void* context, Entry* e) noexcept nogil:
    cdef Table* to = <Table*>context
    cdef Entry* made = entry_copy(e, entry_key(e), entry_key_length(e))
    table_insert(to, made, table_hash(to, entry_key(e), entry_key_length(e)))


cdef void* table_copy(const void* value) noexcept nogil:
    cdef FieldTable* t = <FieldTable*>value
    cdef FieldTable* made
    cdef Hash h
    cdef size_t i
    fields_new_table(&h)
    made = <FieldTable*>h.value
    for i in range(table_buckets(&t.table)):
        table_visit_bucket(&t.table, i, copy_visited, &made.table)
    if t.times != NULL:
        made.times = times_copy(t.times)
    return made


cdef void collect_visited(void* context, const Element* field, const FieldValue* value) noexcept with gil:
    cdef list found = <list>context
    found.append(b"%d" % field.integer if field.text == NULL else PyBytes_FromStringAndSize(field.text, field.length))
    found.append(b"%d" % value.text.integer if value.text.text == NULL
                 else PyBytes_FromStringAndSize(value.text.text, value.text.length))


cdef object contents(int encoding, const void* value):
    cdef Hash h
    cdef list found = []
    h.encoding = encoding
    h.value = <void*>value
    h.now = 0
    fields_visit(&h, collect_visited, <void*>found)
    return found


cdef object packed_contents(const void* value):
    return contents(ENC_PACKED_FIELDS, value)


cdef object table_contents(const void* value):
    return contents(ENC_FIELDS, value)


cdef ValueOperations packed
packed.length = packed_length
packed.memory = packed_memory
packed.copy = packed_copy
packed.free_some = packed_fields_free_some
packed.contents = packed_contents
value_register(ENC_PACKED_FIELDS, &packed)

cdef ValueOperations tabled
tabled.length = table_length
tabled.memory = table_value_memory
tabled.copy = table_copy
tabled.free_some = field_table_free_some
tabled.contents = table_contents
value_register(ENC_FIELDS, &tabled)
