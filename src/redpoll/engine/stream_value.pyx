"""What engine/value wants to know of streams: how large they are, copies, and freeing in slices."""

from libc.stdint cimport uint8_t, uint32_t
from cpython.bytes cimport PyBytes_FromStringAndSize

from redpoll.engine.entry cimport ENC_STREAM
from redpoll.engine.id_tree cimport (
    Place, place_forward, place_id, place_value, tree_drop_last_leaf, tree_first, tree_last,
)
from redpoll.engine.id_view cimport item_changes
from redpoll.engine.listpack cimport listpack_text
from redpoll.engine.listpack_element cimport element_size
from redpoll.engine.memory cimport KIND_COLLECTION, block_size, release
from redpoll.engine.stream cimport (
    STREAM_ID_TEXT, Group, Stream, StreamEntry, Walk, id_text, stream_append_node, stream_free_node, stream_id,
    stream_new, walk_begin, walk_next,
)
from redpoll.engine.stream_group cimport group_copy, group_free_some, group_memory
from redpoll.engine.stream_producers cimport producers_clear, producers_copy, producers_memory
from redpoll.engine.value cimport ValueOperations, value_register


cdef size_t stream_work(const void* value) noexcept nogil:
    """Listpacks, consumers and pending entries."""
    cdef const Stream* s = <const Stream*>value
    cdef size_t work = s.nodes.used
    cdef uint32_t i
    for i in range(s.group_count):
        work += 1 + s.groups[i].consumer_count + s.groups[i].pending.used
    return work


cdef size_t stream_memory(const void* value, size_t samples) noexcept nogil:
    # All is counted as it comes and goes, so samples are not needed.
    cdef const Stream* s = <const Stream*>value
    cdef size_t bytes = block_size(sizeof(Stream)) + s.nodes.bytes + s.node_bytes + producers_memory(s)
    cdef uint32_t i
    if s.group_room:
        bytes += block_size(s.group_room * sizeof(Group*))
    for i in range(s.group_count):
        bytes += group_memory(s.groups[i])
    return bytes


cdef void* stream_copy(const void* value) noexcept nogil:
    cdef const Stream* source = <const Stream*>value
    cdef Stream* made = stream_new()
    cdef Place place = tree_first(&source.nodes)
    cdef uint32_t i
    while place.leaf != NULL:
        stream_append_node(made, place_id(&place), <const uint8_t*>place_value(&place))
        place_forward(&place)
    made.length = source.length
    made.entries_added = source.entries_added
    made.last_id = source.last_id
    made.first_id = source.first_id
    made.max_deleted_id = source.max_deleted_id
    made.producer_seconds = source.producer_seconds
    made.producer_most = source.producer_most
    made.identified = source.identified
    made.duplicates = source.duplicates
    for i in range(source.group_count):
        group_copy(made, source.groups[i])
    producers_copy(made, source)
    return made


cdef bint stream_free_some(void* value, size_t most) noexcept nogil:
    cdef Stream* s = <Stream*>value
    cdef size_t freed = 0
    cdef Place place
    while s.nodes.root != NULL and freed < most:
        place = tree_last(&s.nodes)
        item_changes(place_id(&place), <const uint8_t*>place_value(&place))
        stream_free_node(s, <uint8_t*>place_value(&place))
        place.leaf.used -= 1
        if place.leaf.used == 0:
            tree_drop_last_leaf(&s.nodes)
        freed += 1
    while s.group_count and freed < most:
        freed += group_free_some(s, most - freed)
    if s.nodes.root != NULL or s.group_count:
        return False
    producers_clear(s)
    release(s, sizeof(Stream), KIND_COLLECTION)
    return True


cdef object stream_contents(const void* value):
    """IDs and their fields and values in turn."""
    cdef const Stream* s = <const Stream*>value
    cdef Walk walk
    cdef StreamEntry entry
    cdef char scratch[STREAM_ID_TEXT]
    cdef list found = []
    cdef list words
    cdef const uint8_t* name
    cdef const uint8_t* word
    cdef size_t _i
    walk_begin(&walk, s, stream_id(0, 0), stream_id(<unsigned long long>-1, <unsigned long long>-1), False)
    while walk_next(&walk, &entry):
        found.append(PyBytes_FromStringAndSize(scratch, id_text(scratch, entry.id)))
        words = []
        name = entry.names
        word = entry.words
        for _i in range(entry.pairs):
            if name != NULL:
                words.append(text_of(name))
                name += element_size(name)
            else:
                words.append(text_of(word))
                word += element_size(word)
            words.append(text_of(word))
            word += element_size(word)
        found.append(words)
    return found


cdef bytes text_of(const uint8_t* element):
    cdef char scratch[24]
    cdef size_t length
    cdef const char* text = listpack_text(element, scratch, &length)
    return PyBytes_FromStringAndSize(text, length)


cdef ValueOperations operations
operations.length = stream_work
operations.memory = stream_memory
operations.copy = stream_copy
operations.free_some = stream_free_some
operations.contents = stream_contents
value_register(ENC_STREAM, &operations)
