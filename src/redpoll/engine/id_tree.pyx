"""A B+ tree of pointers by stream ID; its layout opens id_tree.pxd.

After Comer, "The Ubiquitous B-Tree" (1979), with leaves that know their neighbours.
"""

from libc.stdint cimport uint16_t, uint32_t
from libc.string cimport memcpy, memmove

from redpoll.engine.memory cimport KIND_COLLECTION, allocate, block_size, release

cdef enum:
    FIRST_CAPACITY = 2


# The nodes from the root down to a leaf, and the child taken in each.
cdef struct Path:
    Node* nodes[HEIGHT_MOST]
    uint32_t indices[HEIGHT_MOST]


cdef inline size_t node_bytes(uint32_t capacity, bint bare) noexcept nogil:
    return NODE_HEADER + capacity * ((0 if bare else sizeof(StreamId)) + sizeof(void*))


cdef inline uint32_t full(bint bare) noexcept nogil:
    return FULL_BARE if bare else FULL


cdef Node* node_new(IdTree* tree, uint32_t capacity, bint bare) noexcept nogil:
    cdef Node* node = <Node*>allocate(node_bytes(capacity, bare), KIND_COLLECTION)
    node.used = 0
    node.capacity = <uint16_t>capacity
    node.bare = bare
    node.previous = NULL
    node.next = NULL
    tree.bytes += block_size(node_bytes(capacity, bare))
    return node


cdef void node_free(IdTree* tree, Node* node) noexcept nogil:
    cdef size_t bytes = node_bytes(node.capacity, node.bare)
    tree.bytes -= block_size(bytes)
    release(node, bytes, KIND_COLLECTION)


cdef inline void node_copy(Node* to, uint32_t at, const Node* source, uint32_t first, uint32_t count) noexcept nogil:
    if not to.bare:
        memcpy(node_ids(to) + at, node_ids(source) + first, count * sizeof(StreamId))
    memcpy(node_slots(to) + at, node_slots(source) + first, count * sizeof(void*))


cdef inline void node_put(Node* node, uint32_t at, StreamId id, void* value) noexcept nogil:
    """Room for one more is there."""
    cdef StreamId* ids = node_ids(node)
    cdef void** slots = node_slots(node)
    cdef uint32_t behind = node.used - at
    if behind:
        if not node.bare:
            memmove(ids + at + 1, ids + at, behind * sizeof(StreamId))
        memmove(slots + at + 1, slots + at, behind * sizeof(void*))
    if not node.bare:
        ids[at] = id
    slots[at] = value
    node.used += 1


cdef inline void node_take(Node* node, uint32_t at) noexcept nogil:
    cdef StreamId* ids = node_ids(node)
    cdef void** slots = node_slots(node)
    cdef uint32_t behind
    node.used -= 1
    behind = node.used - at
    if behind:
        if not node.bare:
            memmove(ids + at, ids + at + 1, behind * sizeof(StreamId))
        memmove(slots + at, slots + at + 1, behind * sizeof(void*))


cdef inline uint32_t not_less(const Node* node, StreamId id) noexcept nogil:
    """How many IDs of a node are less."""
    cdef uint32_t low = 0
    cdef uint32_t high = node.used
    cdef uint32_t middle
    while low < high:
        middle = (low + high) >> 1
        if id_less(id_at(node, middle), id):
            low = middle + 1
        else:
            high = middle
    return low


cdef inline uint32_t child_of(const Node* node, StreamId id) noexcept nogil:
    """Which child an ID belongs into."""
    cdef const StreamId* ids = node_ids(node)
    cdef uint32_t low = 1
    cdef uint32_t high = node.used
    cdef uint32_t middle
    while low < high:
        middle = (low + high) >> 1
        if id_less(id, ids[middle]):
            high = middle
        else:
            low = middle + 1
    return low - 1


cdef inline Node* child_at(const Node* node, uint32_t index) noexcept nogil:
    return <Node*>node_slots(node)[index]


cdef Node* leaf_of(const IdTree* tree, StreamId id) noexcept nogil:
    cdef Node* node = tree.root
    cdef int _level
    for _level in range(tree.height):
        node = child_at(node, child_of(node, id))
    return node


cdef Node* walk(const IdTree* tree, StreamId id, Path* path) noexcept nogil:
    cdef Node* node = tree.root
    cdef int level
    for level in range(tree.height):
        path.nodes[level] = node
        path.indices[level] = child_of(node, id)
        node = child_at(node, path.indices[level])
    return node


cdef void tree_init(IdTree* tree, bint bare) noexcept nogil:
    tree.root = tree.first = tree.last = NULL
    tree.used = tree.bytes = 0
    tree.height = 0
    tree.bare = bare
    tree.ranges = NULL


cdef void emptied(IdTree* tree) noexcept nogil:
    if tree.ranges != NULL:
        tree.ranges.tree = NULL
    tree_init(tree, tree.bare)


cdef void clear_below(IdTree* tree, Node* node, int height) noexcept nogil:
    cdef uint32_t i
    if height:
        for i in range(node.used):
            clear_below(tree, child_at(node, i), height - 1)
    node_free(tree, node)


cdef void tree_clear(IdTree* tree) noexcept nogil:
    if tree.root != NULL:
        clear_below(tree, tree.root, tree.height)
    emptied(tree)


cdef void tree_drop_last_leaf(IdTree* tree) noexcept nogil:
    cdef Node* spine[HEIGHT_MOST]
    cdef Node* node = tree.root
    cdef int level
    for level in range(tree.height):
        spine[level] = node
        node = child_at(node, node.used - 1)
    tree.last = node.previous
    node_free(tree, node)
    level = tree.height - 1
    while level >= 0:
        spine[level].used -= 1
        if spine[level].used:
            return
        node_free(tree, spine[level])
        level -= 1
    emptied(tree)


cdef void* tree_find(const IdTree* tree, StreamId id) noexcept nogil:
    cdef Node* leaf
    cdef uint32_t at
    if tree.root == NULL:
        return NULL
    leaf = leaf_of(tree, id)
    at = not_less(leaf, id)
    if at < leaf.used and id_equal(id_at(leaf, at), id):
        return node_slots(leaf)[at]
    return NULL


cdef Place tree_at_or_after(const IdTree* tree, StreamId id) noexcept nogil:
    cdef Place place
    place.leaf = NULL
    place.index = 0
    if tree.root == NULL:
        return place
    place.leaf = leaf_of(tree, id)
    place.index = not_less(place.leaf, id)
    if place.index == place.leaf.used:
        place.leaf = place.leaf.next
        place.index = 0
    return place


cdef Place tree_at_or_before(const IdTree* tree, StreamId id) noexcept nogil:
    cdef Place place
    place.leaf = NULL
    place.index = 0
    if tree.root == NULL:
        return place
    place.leaf = leaf_of(tree, id)
    place.index = not_less(place.leaf, id)
    if place.index == place.leaf.used or not id_equal(id_at(place.leaf, place.index), id):
        place_back(&place)
    return place


# Insertion

cdef void grow_root(IdTree* tree) noexcept nogil:
    """The root is a leaf that is full but small."""
    cdef Node* small = tree.root
    cdef uint32_t capacity = small.capacity * 2
    cdef Node* large = node_new(tree, capacity if capacity <= full(tree.bare) // 2 else full(tree.bare), tree.bare)
    node_copy(large, 0, small, 0, small.used)
    large.used = small.used
    node_free(tree, small)
    tree.root = tree.first = tree.last = large


cdef void link_behind(IdTree* tree, Node* leaf, Node* made) noexcept nogil:
    made.previous = leaf
    made.next = leaf.next
    if leaf.next != NULL:
        leaf.next.previous = made
    else:
        tree.last = made
    leaf.next = made


cdef Node* split(IdTree* tree, Node* node, uint32_t at, StreamId id, void* value, bint at_end) noexcept nogil:
    """Put a slot into a full node by making another behind it, which is returned."""
    cdef Node* made = node_new(tree, full(node.bare), node.bare)
    # At the very end nothing is moved: it goes on there.
    cdef uint32_t kept = node.used if at_end else node.used >> 1
    node_copy(made, 0, node, kept, node.used - kept)
    made.used = <uint16_t>(node.used - kept)
    node.used = <uint16_t>kept
    if at <= kept and not at_end:
        node_put(node, at, id, value)
    else:
        node_put(made, at - kept, id, value)
    return made


cdef void insert_child(IdTree* tree, Path* path, int level, Node* made) noexcept nogil:
    """Enter a new node behind the one that `path` leads to at a level."""
    cdef Node* parent
    cdef Node* right
    cdef uint32_t at
    cdef StreamId least = id_at(made, 0)
    while level > 0:
        level -= 1
        parent = path.nodes[level]
        at = path.indices[level] + 1
        if parent.used < FULL:
            node_put(parent, at, least, made)
            return
        right = split(tree, parent, at, least, made, at == parent.used)
        made = right
        least = id_at(made, 0)
    parent = node_new(tree, FULL, False)
    node_put(parent, 0, id_at(tree.root, 0), tree.root)
    node_put(parent, 1, least, made)
    tree.root = parent
    tree.height += 1


cdef void tree_insert(IdTree* tree, StreamId id, void* value) noexcept nogil:
    cdef Path path
    cdef Node* leaf
    cdef Node* made
    cdef uint32_t at
    tree.used += 1
    if tree.root == NULL:
        tree.root = tree.first = tree.last = node_new(tree, FIRST_CAPACITY, tree.bare)
    leaf = tree.last
    if leaf.used == 0 or id_less(id_at(leaf, leaf.used - 1), id):
        if leaf.used < leaf.capacity:
            node_put(leaf, leaf.used, id, value)
            return
    if tree.height == 0 and tree.root.used == tree.root.capacity and tree.root.capacity < full(tree.bare):
        grow_root(tree)
    leaf = walk(tree, id, &path)
    at = not_less(leaf, id)
    if leaf.used < leaf.capacity:
        node_put(leaf, at, id, value)
        return
    made = split(tree, leaf, at, id, value, at == leaf.used and leaf.next == NULL)
    link_behind(tree, leaf, made)
    insert_child(tree, &path, tree.height, made)


# Removal

cdef void unlink(IdTree* tree, Node* leaf) noexcept nogil:
    if leaf.previous != NULL:
        leaf.previous.next = leaf.next
    else:
        tree.first = leaf.next
    if leaf.next != NULL:
        leaf.next.previous = leaf.previous
    else:
        tree.last = leaf.previous


cdef void shed(IdTree* tree, Path* path) noexcept nogil:
    """A leaf has become sparse: empty nodes go, sparse ones take their neighbours in, up to the root."""
    cdef int level = tree.height
    cdef Node* parent
    cdef Node* node
    cdef Node* left
    cdef uint32_t at
    while level > 0:
        parent = path.nodes[level - 1]
        at = path.indices[level - 1]
        node = child_at(parent, at)
        if node.used == 0:
            if level == tree.height:
                unlink(tree, node)
            node_free(tree, node)
            node_take(parent, at)
        else:
            if node.used >= full(node.bare) // 4 or parent.used < 2:
                return
            if at:
                left = child_at(parent, at - 1)
            else:
                left = node
                at = 1
                node = child_at(parent, 1)
            if left.used + node.used > full(node.bare) * 3 // 4:
                return
            if level < tree.height:
                # The least of the first child did not count until now.
                node_ids(node)[0] = node_ids(parent)[at]
            node_copy(left, left.used, node, 0, node.used)
            left.used += node.used
            if level == tree.height:
                unlink(tree, node)
            node_free(tree, node)
            node_take(parent, at)
        level -= 1
    while tree.height and tree.root.used == 1:
        node = tree.root
        tree.root = child_at(node, 0)
        tree.height -= 1
        node_free(tree, node)


cdef void* tree_remove(IdTree* tree, StreamId id) noexcept nogil:
    cdef Path path
    cdef Node* leaf
    cdef uint32_t at
    cdef void* value
    if tree.root == NULL:
        return NULL
    leaf = walk(tree, id, &path)
    at = not_less(leaf, id)
    if at == leaf.used or not id_equal(id_at(leaf, at), id):
        return NULL
    value = node_slots(leaf)[at]
    node_take(leaf, at)
    tree.used -= 1
    if tree.used == 0:
        tree_clear(tree)
    elif leaf.used < full(leaf.bare) // 4:
        shed(tree, &path)
    return value
