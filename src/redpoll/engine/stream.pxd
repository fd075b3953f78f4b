"""A stream: entries of fields and values in the order of their IDs, packed into listpacks ("nodes").

A node is filed under the ID of its master entry, which holds the field names that most of its entries have in common.
It is the same, byte for byte, in RDB files. Its elements:

    master    entries, deleted entries, number of field names, field names …, 0
    entry     flags, milliseconds and sequence less the master's,
              then: values …                                        with SAME_FIELDS
              or:   number of fields, field and value in turn …
              and the number of the entry's elements before this one, so that it can be read from behind

A deleted entry is marked, and goes when its whole node goes, which is when no entry is left in it. The first entry of a
node always has the master's fields. Nodes end when they reach a size or a number of entries.

Groups, consumers and pending entries: stream_group.pyx. Who produced what (IDMP): stream_producers.pyx.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from redpoll.engine.entry cimport Entry
from redpoll.engine.id_tree cimport IdTree, Node, Place, StreamId, id_equal, id_less
from redpoll.engine.table cimport Table

cdef enum EntryFlag:
    ENTRY_DELETED = 1
    ENTRY_SAME_FIELDS = 2

cdef enum:
    STREAM_ID_TEXT = 42          # bytes that the text of an ID takes at the most

# An entry that was delivered and not acknowledged. One record serves the group's list and the consumer's.
cdef struct Pending:
    StreamId id
    int64_t delivered            # unix milliseconds; 0 once it was released
    uint64_t deliveries
    Consumer* consumer           # NULL: released, nobody's
    Pending* earlier             # in the order of delivery: the released ones first
    Pending* later

cdef struct Consumer:
    IdTree pending
    Leaving* leaving             # NULL, unless it was removed and is being freed
    int64_t seen                 # unix milliseconds: last tried to read
    int64_t active               # last got something; -1: never
    size_t name_length
    char name[8]                 # really `name_length` bytes

# A removed consumer with more pending entries than are freed at once; see stream_group.pxd.
cdef struct Leaving:
    Group* group                 # NULL once that is being freed, with the consumer
    Consumer* consumer
    Leaving* next                # in the group

cdef struct Group:
    IdTree pending               # those of removed consumers too, while they are there
    Leaving* leaving
    size_t left                  # pending entries of removed consumers
    StreamId last_id             # the last entry delivered
    int64_t entries_read         # -1: unknown
    Pending* first               # in the order of delivery
    Pending* last
    Pending* last_released
    size_t released              # pending entries that are nobody's
    Consumer** consumers         # by name
    uint32_t consumer_count
    uint32_t consumer_room
    size_t name_length
    char name[8]                 # really `name_length` bytes

# What a producer sent lately: see stream_producers.pyx. `seen` holds an entry for each idempotent ID, the oldest first
# by their links.
cdef struct Producer:
    Table seen
    Entry* oldest
    Entry* newest

cdef struct Producers:
    Table by_name                # entries whose embedded value is a Producer
    size_t tracked               # idempotent IDs of all

cdef struct Stream:
    IdTree nodes                 # listpacks
    size_t node_bytes            # that the allocator holds for them
    uint8_t* tail                # the last of them, while it has room to spare; else NULL
    size_t tail_room
    uint64_t length              # entries, deleted ones not counted
    uint64_t entries_added       # ever
    StreamId last_id             # the greatest ever
    StreamId first_id            # 0-0 when there is no entry
    StreamId max_deleted_id      # the greatest that was deleted one by one
    Group** groups               # by name
    uint32_t group_count
    uint32_t group_room
    Producers* producers         # NULL: none yet
    uint32_t producer_seconds    # for how long idempotent IDs are remembered
    uint32_t producer_most       # how many of each producer
    uint64_t identified          # entries that came with an idempotent ID
    uint64_t duplicates          # that came again

# A field or a value on its way in.
cdef struct Word:
    const char* text
    size_t length

# An entry as it is read; the elements are good until the stream changes.
cdef struct StreamEntry:
    StreamId id
    size_t pairs
    const uint8_t* names         # NULL: `words` are fields and values in turn, else values
    const uint8_t* words

# A walk over the entries of a range, deleted ones left out.
cdef struct Walk:
    Place node
    StreamId master
    size_t master_pairs
    const uint8_t* master_names
    const uint8_t* entries       # of the node: where the first one is
    const uint8_t* at            # forwards: the next entry; backwards: the end of the next one; NULL: node is done
    const uint8_t* current       # of the entry that was read last
    StreamId first
    StreamId last
    bint backwards

cdef inline StreamId stream_id(uint64_t ms, uint64_t seq) noexcept nogil:
    cdef StreamId id
    id.ms = ms
    id.seq = seq
    return id

cdef Stream* stream_new() noexcept nogil
# Frees a node's block, for whoever takes the stream apart.
cdef void stream_free_node(Stream* s, uint8_t* lp) noexcept nogil
# A copy of a listpack as a further node behind all others, for whoever loads a stream: `length` and the IDs are the
# caller's to set.
cdef void stream_append_node(Stream* s, StreamId master, const uint8_t* listpack) noexcept nogil
# Whether a listpack that came from outside is a node; `entries` is set to how many live entries it has, `last` to the
# ID of its last entry, deleted or not.
cdef bint stream_node_valid(StreamId master, const uint8_t* listpack, uint64_t* entries, StreamId* last) noexcept nogil

# The ID that an entry gets at a time; False when there is none left.
cdef bint stream_next_id(const Stream* s, int64_t now_ms, StreamId* id) noexcept nogil
# Appends an entry; the ID must be above `last_id`. False when it is too large.
cdef bint stream_append(Stream* s, StreamId id, const Word* words, size_t pairs, size_t node_bytes,
                        size_t node_entries) noexcept nogil

# A walk from `first` to `last`, both included, or the other way.
cdef void walk_begin(Walk* walk, const Stream* s, StreamId first, StreamId last, bint backwards) noexcept nogil
# One forwards through a node that need not hang in a stream, from an ID on.
cdef void walk_begin_node(Walk* walk, StreamId master, const uint8_t* lp, StreamId first) noexcept nogil
cdef bint walk_next(Walk* walk, StreamEntry* entry) noexcept nogil
# Whether there is an entry with this ID.
cdef bint stream_has(const Stream* s, StreamId id) noexcept nogil
# The ID of the first or last entry, 0-0 when there is none.
cdef StreamId stream_edge(const Stream* s, bint last) noexcept nogil

# Removes one entry; `first_id` and `max_deleted_id` follow. Whether it was there.
cdef bint stream_remove(Stream* s, StreamId id) noexcept nogil

ctypedef bint (*may_remove_t)(void* context, StreamId id) noexcept nogil

cdef enum TrimBy:
    TRIM_NOTHING = 0
    TRIM_LENGTH = 1
    TRIM_ID = 2

cdef struct Trim:
    TrimBy by
    uint64_t length              # that may stay
    StreamId id                  # that and later ones stay
    bint roughly                 # whole nodes only
    uint64_t limit               # of entries in the nodes that go; 0: none
    may_remove_t may_remove      # NULL: every entry; else asked for each
    void* context

# Removes entries from the start; how many.
cdef uint64_t stream_trim(Stream* s, const Trim* trim) noexcept nogil

cdef size_t id_text(char* to, StreamId id) noexcept nogil
