"""A B+ tree of pointers by stream ID: nodes of a stream, pending entries of a group or a consumer.

    node    used, capacity   2 + 2
            bare             4          whether there are pointers only
            previous, next   8 + 8      leaves only: the neighbours
            IDs              16 a slot  not when bare; in inner nodes the least that may be in the child (of the first
                                        one it does not count)
            pointers         8 a slot   in leaves the values, in inner nodes the children

Leaves are bare in a tree whose values begin with their ID: that saves two thirds of the leaf.

All nodes have FULL slots, bare ones FULL_BARE, but a leaf that is the root, which grows as it fills. What is appended
behind the last ID goes straight into the last leaf, and a full last leaf is left full, so that a tree that only grows
at its end is dense. A node that is less than a quarter full takes its neighbour's slots over when they fit well.
"""

from libc.stdint cimport uint16_t, uint32_t, uint64_t

cdef enum:
    NODE_HEADER = 24
    FULL = 40                # slots
    FULL_BARE = 120
    HEIGHT_MOST = 24         # every level has at least two children, but for what is being taken apart

cdef struct StreamId:
    uint64_t ms
    uint64_t seq

cdef struct IdTree
cdef struct IdRanges

cdef struct Node:
    uint16_t used
    uint16_t capacity
    uint32_t bare
    Node* previous
    Node* next

# What a tree holds at one moment, leaf by leaf: see id_ranges.pxd.
ctypedef void* (*range_keeper)(void* context, const IdTree* tree, StreamId first, StreamId last) noexcept nogil
ctypedef void (*range_freer)(void* kept) noexcept nogil

cdef struct IdRanges:
    IdTree* tree             # NULL: it is empty by now, so all that was not passed is kept
    StreamId* bounds         # where each range begins
    void** kept              # of ranges that changed since: what `keep` made; NULL: it is as it was
    size_t count
    size_t at                # the next one
    StreamId last            # the greatest ID that there was
    range_keeper keep
    range_freer free
    void* context            # of `keep`

cdef struct IdTree:
    Node* root               # NULL: empty
    Node* first              # leaf
    Node* last
    size_t used
    size_t bytes             # that the allocator holds for its nodes
    int height               # of inner nodes above the leaves
    bint bare                # values begin with their ID
    IdRanges* ranges         # NULL: nobody looks on

# A slot of a leaf; `leaf` is NULL beyond the ends.
cdef struct Place:
    Node* leaf
    uint32_t index

cdef inline bint id_less(StreamId one, StreamId other) noexcept nogil:
    return one.ms < other.ms or (one.ms == other.ms and one.seq < other.seq)

cdef inline bint id_equal(StreamId one, StreamId other) noexcept nogil:
    return one.ms == other.ms and one.seq == other.seq

cdef inline bint id_is_zero(StreamId id) noexcept nogil:
    return id.ms == 0 and id.seq == 0

cdef inline bint id_increase(StreamId* id) noexcept nogil:
    """The next ID; False when there is none."""
    id.seq += 1
    if id.seq == 0:
        id.ms += 1
        if id.ms == 0:
            id.ms = id.seq = <uint64_t>-1
            return False
    return True

cdef inline bint id_decrease(StreamId* id) noexcept nogil:
    if id.seq == 0:
        if id.ms == 0:
            return False
        id.ms -= 1
    id.seq -= 1
    return True

cdef inline StreamId* node_ids(const Node* node) noexcept nogil:
    """Not of a bare node."""
    return <StreamId*>(<char*>node + NODE_HEADER)

cdef inline void** node_slots(const Node* node) noexcept nogil:
    return <void**>(<char*>node + NODE_HEADER + (0 if node.bare else node.capacity * sizeof(StreamId)))

cdef inline StreamId id_at(const Node* node, uint32_t index) noexcept nogil:
    if node.bare:
        return (<StreamId**>(<char*>node + NODE_HEADER))[index][0]
    return node_ids(node)[index]

cdef inline StreamId place_id(const Place* place) noexcept nogil:
    return id_at(place.leaf, place.index)

cdef inline void* place_value(const Place* place) noexcept nogil:
    return node_slots(place.leaf)[place.index]

cdef inline void place_set(const Place* place, void* value) noexcept nogil:
    node_slots(place.leaf)[place.index] = value

cdef inline void place_forward(Place* place) noexcept nogil:
    place.index += 1
    if place.index >= place.leaf.used:
        place.leaf = place.leaf.next
        place.index = 0

cdef inline void place_back(Place* place) noexcept nogil:
    if place.index:
        place.index -= 1
    else:
        place.leaf = place.leaf.previous
        if place.leaf != NULL:
            place.index = place.leaf.used - 1

cdef inline Place tree_first(const IdTree* tree) noexcept nogil:
    cdef Place place
    place.leaf = tree.first
    place.index = 0
    return place

cdef inline Place tree_last(const IdTree* tree) noexcept nogil:
    cdef Place place
    place.leaf = tree.last
    place.index = tree.last.used - 1 if tree.last != NULL else 0
    return place

cdef void tree_init(IdTree* tree, bint bare) noexcept nogil
# Frees the nodes of the tree, not what they point to.
cdef void tree_clear(IdTree* tree) noexcept nogil
# Takes a tree apart that nobody reads any more: frees the last leaf, whatever is in it.
cdef void tree_drop_last_leaf(IdTree* tree) noexcept nogil
# The value at an ID, or NULL.
cdef void* tree_find(const IdTree* tree, StreamId id) noexcept nogil
# The first place at or behind an ID; the last one at or before it.
cdef Place tree_at_or_after(const IdTree* tree, StreamId id) noexcept nogil
cdef Place tree_at_or_before(const IdTree* tree, StreamId id) noexcept nogil
# The ID must be absent. Places are good until the next insertion or removal.
cdef void tree_insert(IdTree* tree, StreamId id, void* value) noexcept nogil
# Removes an ID; its value, or NULL when it was not there.
cdef void* tree_remove(IdTree* tree, StreamId id) noexcept nogil
