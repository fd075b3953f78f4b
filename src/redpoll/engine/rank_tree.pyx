"""The tree of a sorted set: a B+ tree whose inner nodes count.

A search compares scores that lie side by side in a node, without branches, and touches one node a level. What is below
each child is counted, so ranks cost the same walk. Leaves are linked, so a range is read without the inner nodes.

Nodes fill well because a full leaf first gives to a neighbour that has room, and splits only when there is none; at
either end of the set it splits off a single member, so what arrives in order makes full leaves. Removal merges two
neighbours when one is nearly empty and both fit into one, and does not balance otherwise ("Deletion without
rebalancing in multiway search trees", Sen and Tarjan, 2009: the height stays logarithmic, and the work is less).

Whatever changes the structure (a node makes room for one more) is done apart, and then the search begins anew: it is
rare, and nothing has to keep a path true across it.

An inner node's score and member of a child are exactly those of the child's first member.
"""

from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memmove, memset

from redpoll.engine.entry cimport ENC_SCORE, TYPE_ZSET, Entry, entry_key, entry_key_length, entry_new
from redpoll.engine.memory cimport KIND_COLLECTION, allocate, block_size, release

cdef extern from *:
    """
    #include <stdlib.h>
    #define redpoll_prefetch(p) __builtin_prefetch(p)
    static void redpoll_no_memory(void) { abort(); }
    """
    void redpoll_prefetch(const void* p) noexcept nogil
    void redpoll_no_memory() noexcept nogil

cdef enum:
    ROOM_WORTH_TAKING = 8    # free slots of a neighbour that make it worth moving members there
    LEAF_SPARSE = 15         # members below which a leaf looks for a neighbour to merge with ...
    LEAF_MERGED = 54         # ... so that it has at most so many then
    INNER_SPARSE = 8
    INNER_MERGED = 27
    LEAF_BUILT = 58          # a built node has room for a few more
    INNER_BUILT = 29

# The way from the root to a leaf and a place in it.
cdef struct Path:
    Leaf* leaf
    size_t at
    Inner* nodes[TREE_HEIGHT_MAX]
    size_t turns[TREE_HEIGHT_MAX]


cdef Entry* member_new(const char* text, size_t length, double score) noexcept nogil:
    cdef Entry* e = entry_new(TYPE_ZSET, ENC_SCORE, text, length, 0, -1)
    set_member_score(e, score)
    return e


cdef int compare_texts(const char* text, size_t length, const char* other, size_t other_length) noexcept nogil:
    cdef int order = memcmp(text, other, length if length < other_length else other_length)
    if order:
        return order
    return (length > other_length) - (length < other_length)


cdef inline int compare_member(const Entry* e, const char* text, size_t length) noexcept nogil:
    return compare_texts(entry_key(e), entry_key_length(e), text, length)


cdef void tree_init(RankTree* t) noexcept nogil:
    memset(t, 0, sizeof(RankTree))


cdef Leaf* leaf_new(RankTree* t) noexcept nogil:
    cdef Leaf* leaf = <Leaf*>allocate(sizeof(Leaf), KIND_COLLECTION)
    leaf.count = 0
    leaf.previous = NULL
    leaf.next = NULL
    t.leaves += 1
    return leaf


cdef Inner* inner_new(RankTree* t) noexcept nogil:
    cdef Inner* node = <Inner*>allocate(sizeof(Inner), KIND_COLLECTION)
    node.count = 0
    t.inners += 1
    return node


cdef void leaf_free(RankTree* t, Leaf* leaf) noexcept nogil:
    release(leaf, sizeof(Leaf), KIND_COLLECTION)
    t.leaves -= 1


cdef void inner_free(RankTree* t, Inner* node) noexcept nogil:
    release(node, sizeof(Inner), KIND_COLLECTION)
    t.inners -= 1


# Searching in a node

cdef inline size_t scores_below(const double* scores, size_t count, double score) noexcept nogil:
    """How many of the ascending scores are lower."""
    cdef size_t base = 0
    cdef size_t half
    while count > 1:
        half = count >> 1
        base += half & (0 - <size_t>(scores[base + half - 1] < score))
        count -= half
    return base + <size_t>(count != 0 and scores[base] < score)


cdef inline size_t scores_upto(const double* scores, size_t count, double score) noexcept nogil:
    """How many of the ascending scores are lower or the same."""
    cdef size_t base = 0
    cdef size_t half
    while count > 1:
        half = count >> 1
        base += half & (0 - <size_t>(scores[base + half - 1] <= score))
        count -= half
    return base + <size_t>(count != 0 and scores[base] <= score)


cdef size_t texts_before(Entry** members, size_t low, size_t high, const char* text, size_t length,
                         bint inclusive) noexcept nogil:
    """The first place from `low` to `high` whose member is not before the text; `inclusive`: is after it."""
    cdef size_t middle
    cdef int order
    while low < high:
        middle = (low + high) >> 1
        order = compare_member(members[middle], text, length)
        if order < 0 or (inclusive and order == 0):
            low = middle + 1
        else:
            high = middle
    return low


cdef inline size_t slots_before(const double* scores, Entry** members, size_t count, const Bound* bound,
                                bint inclusive) noexcept nogil:
    """How many slots are before a bound; `inclusive`: the very member of the bound counts too."""
    cdef size_t low
    if bound.kind == BOUND_MEMBER:
        low = scores_below(scores, count, bound.score)
        if low == count or scores[low] != bound.score:
            return low
        return texts_before(members, low, low + scores_upto(scores + low, count - low, bound.score),
                            bound.text, bound.length, inclusive)
    if bound.kind == BOUND_SCORE_FROM:
        return scores_below(scores, count, bound.score)
    if bound.kind == BOUND_SCORE_ABOVE:
        return scores_upto(scores, count, bound.score)
    return texts_before(members, 0, count, bound.text, bound.length, bound.kind == BOUND_LEX_ABOVE)


cdef inline void prefetch_node(const void* node) noexcept nogil:
    # The lines that a search will look at: the count, and the scores by halves.
    redpoll_prefetch(node)
    redpoll_prefetch(<const char*>node + 128)
    redpoll_prefetch(<const char*>node + 256)
    redpoll_prefetch(<const char*>node + 384)


cdef inline size_t turn_at(const Inner* node, const Bound* bound) noexcept nogil:
    """The child in which the bound is."""
    cdef size_t before = slots_before(node.scores, <Entry**>node.members, node.count, bound, True)
    return before - 1 if before else 0


cdef void seek(const RankTree* t, const Bound* bound, Path* path) noexcept nogil:
    cdef void* node = t.root
    cdef Inner* inner
    cdef size_t level, turn
    for level in range(t.height):
        inner = <Inner*>node
        turn = turn_at(inner, bound)
        path.nodes[level] = inner
        path.turns[level] = turn
        node = inner.children[turn]
        prefetch_node(node)
    path.leaf = <Leaf*>node
    path.at = slots_before(path.leaf.scores, path.leaf.members, path.leaf.count, bound, False)


cdef size_t sum_of(const size_t* sizes, size_t count) noexcept nogil:
    cdef size_t total = 0
    cdef size_t i
    for i in range(count):
        total += sizes[i]
    return total


cdef size_t tree_before(const RankTree* t, const Bound* bound) noexcept nogil:
    cdef void* node = t.root
    cdef Inner* inner
    cdef Leaf* leaf
    cdef size_t turn, _
    cdef size_t before = 0
    if node == NULL or bound.kind == BOUND_START:
        return 0
    if bound.kind == BOUND_END:
        return t.size
    for _ in range(t.height):
        inner = <Inner*>node
        turn = turn_at(inner, bound)
        node = inner.children[turn]
        prefetch_node(node)
        before += sum_of(inner.sizes, turn)
    leaf = <Leaf*>node
    return before + slots_before(leaf.scores, leaf.members, leaf.count, bound, False)


cdef void seek_rank(const RankTree* t, size_t rank, Path* path) noexcept nogil:
    cdef void* node = t.root
    cdef Inner* inner
    cdef size_t level, turn
    for level in range(t.height):
        inner = <Inner*>node
        turn = 0
        while rank >= inner.sizes[turn] and turn + 1 < inner.count:
            rank -= inner.sizes[turn]
            turn += 1
        path.nodes[level] = inner
        path.turns[level] = turn
        node = inner.children[turn]
    path.leaf = <Leaf*>node
    path.at = rank


cdef Leaf* tree_at(const RankTree* t, size_t rank, size_t* place) noexcept nogil:
    cdef Path path
    if rank >= t.size:
        return NULL
    # Both ends are asked for most.
    if rank < t.first.count:
        place[0] = rank
        return t.first
    if t.size - rank <= t.last.count:
        place[0] = t.last.count - (t.size - rank)
        return t.last
    seek_rank(t, rank, &path)
    place[0] = path.at
    return path.leaf


# Moving slots

cdef inline void copy_slots(Leaf* to, size_t at, const Leaf* source, size_t first, size_t count) noexcept nogil:
    memcpy(to.scores + at, source.scores + first, count * sizeof(double))
    memcpy(to.members + at, source.members + first, count * sizeof(Entry*))


cdef inline void shift_slots(Leaf* leaf, size_t first, size_t to) noexcept nogil:
    """Everything from `first` on moves to `to`."""
    memmove(leaf.scores + to, leaf.scores + first, (leaf.count - first) * sizeof(double))
    memmove(leaf.members + to, leaf.members + first, (leaf.count - first) * sizeof(Entry*))


cdef void copy_children(Inner* to, size_t at, const Inner* source, size_t first, size_t count) noexcept nogil:
    memcpy(to.scores + at, source.scores + first, count * sizeof(double))
    memcpy(to.members + at, source.members + first, count * sizeof(Entry*))
    memcpy(to.sizes + at, source.sizes + first, count * sizeof(size_t))
    memcpy(to.children + at, source.children + first, count * sizeof(void*))


cdef void shift_children(Inner* node, size_t first, size_t to) noexcept nogil:
    cdef size_t count = node.count - first
    memmove(node.scores + to, node.scores + first, count * sizeof(double))
    memmove(node.members + to, node.members + first, count * sizeof(Entry*))
    memmove(node.sizes + to, node.sizes + first, count * sizeof(size_t))
    memmove(node.children + to, node.children + first, count * sizeof(void*))


cdef inline void name_child(Inner* node, size_t turn, double score, Entry* member) noexcept nogil:
    node.scores[turn] = score
    node.members[turn] = member


cdef void open_child(Inner* node, size_t turn, void* child, size_t size, double score, Entry* member) noexcept nogil:
    """A further child at `turn`; there must be room."""
    shift_children(node, turn, turn + 1)
    node.count += 1
    node.children[turn] = child
    node.sizes[turn] = size
    name_child(node, turn, score, member)


cdef void rename_first(Path* path, size_t level, double score, Entry* member) noexcept nogil:
    """The first member below the node at `level` is another one now: tell those above."""
    while level:
        level -= 1
        name_child(path.nodes[level], path.turns[level], score, member)
        if path.turns[level]:
            return


cdef inline void add_to_sizes(const RankTree* t, Path* path, size_t change) noexcept nogil:
    cdef size_t level
    for level in range(t.height):
        path.nodes[level].sizes[path.turns[level]] += change


# Making room

cdef void grow_root(RankTree* t, double score, Entry* member) noexcept nogil:
    """A level more, whose one node has the old root as its only child."""
    cdef Inner* root = inner_new(t)
    open_child(root, 0, t.root, t.size, score, member)
    t.root = root
    t.height += 1


cdef void split_inner(RankTree* t, Inner* parent, size_t turn, size_t kept) noexcept nogil:
    cdef Inner* node = <Inner*>parent.children[turn]
    cdef Inner* made = inner_new(t)
    cdef size_t moved
    copy_children(made, 0, node, kept, node.count - kept)
    made.count = node.count - kept
    node.count = kept
    moved = sum_of(made.sizes, made.count)
    parent.sizes[turn] -= moved
    open_child(parent, turn + 1, made, moved, made.scores[0], made.members[0])


cdef void split_leaf(RankTree* t, Inner* parent, size_t turn, size_t kept) noexcept nogil:
    cdef Leaf* leaf = <Leaf*>parent.children[turn]
    cdef Leaf* made = leaf_new(t)
    made.count = leaf.count - kept
    copy_slots(made, 0, leaf, kept, made.count)
    leaf.count = kept
    made.previous = leaf
    made.next = leaf.next
    if leaf.next == NULL:
        t.last = made
    else:
        leaf.next.previous = made
    leaf.next = made
    parent.sizes[turn] -= made.count
    open_child(parent, turn + 1, made, made.count, made.scores[0], made.members[0])


cdef bint give_to_neighbour(Inner* parent, size_t turn) noexcept nogil:
    """Move members of a full leaf to one beside it that has room, until both have as many."""
    cdef Leaf* leaf = <Leaf*>parent.children[turn]
    cdef Leaf* other
    cdef size_t moved
    if turn + 1 < parent.count:
        other = <Leaf*>parent.children[turn + 1]
        if other.count + ROOM_WORTH_TAKING <= LEAF_SLOTS:
            moved = (LEAF_SLOTS - other.count + 1) // 2
            shift_slots(other, 0, moved)
            copy_slots(other, 0, leaf, leaf.count - moved, moved)
            other.count += moved
            leaf.count -= moved
            parent.sizes[turn] -= moved
            parent.sizes[turn + 1] += moved
            name_child(parent, turn + 1, other.scores[0], other.members[0])
            return True
    if turn:
        other = <Leaf*>parent.children[turn - 1]
        if other.count + ROOM_WORTH_TAKING <= LEAF_SLOTS:
            moved = (LEAF_SLOTS - other.count + 1) // 2
            copy_slots(other, other.count, leaf, 0, moved)
            shift_slots(leaf, moved, 0)
            other.count += moved
            leaf.count -= moved
            parent.sizes[turn] -= moved
            parent.sizes[turn - 1] += moved
            name_child(parent, turn, leaf.scores[0], leaf.members[0])
            return True
    return False


cdef void make_room(RankTree* t, Path* path) noexcept nogil:
    """One step towards room in a full leaf: the highest full node above it is split, or the leaf when none is full."""
    cdef bint at_end = path.leaf.next == NULL and path.at == path.leaf.count
    cdef bint at_start = path.leaf.previous == NULL and path.at == 0
    cdef size_t level = t.height
    cdef Inner* parent
    cdef size_t half
    if t.height:
        parent = path.nodes[t.height - 1]
        if not at_end and not at_start and give_to_neighbour(parent, path.turns[t.height - 1]):
            return
    while level and path.nodes[level - 1].count == INNER_SLOTS:
        level -= 1
    if level == 0:
        if t.height:
            grow_root(t, path.nodes[0].scores[0], path.nodes[0].members[0])
        else:
            grow_root(t, path.leaf.scores[0], path.leaf.members[0])
        return
    parent = path.nodes[level - 1]
    half = (LEAF_SLOTS if level == t.height else INNER_SLOTS) // 2
    if at_end:
        half = 2 * half - 1 if level == t.height else INNER_SLOTS - 1
    elif at_start:
        half = 1
    if level == t.height:
        split_leaf(t, parent, path.turns[level - 1], half)
    else:
        split_inner(t, parent, path.turns[level - 1], half)


cdef inline void member_bound(Bound* bound, const Entry* e, double score) noexcept nogil:
    bound.kind = BOUND_MEMBER
    bound.score = score
    bound.text = entry_key(e)
    bound.length = entry_key_length(e)


cdef void tree_insert(RankTree* t, Entry* e, double score) noexcept nogil:
    cdef Path path
    cdef Bound bound
    cdef Leaf* leaf
    if t.root == NULL:
        t.first = t.last = leaf_new(t)
        t.root = t.first
    member_bound(&bound, e, score)
    while True:
        seek(t, &bound, &path)
        if path.leaf.count < LEAF_SLOTS:
            break
        make_room(t, &path)
    leaf = path.leaf
    shift_slots(leaf, path.at, path.at + 1)
    leaf.scores[path.at] = score
    leaf.members[path.at] = e
    leaf.count += 1
    add_to_sizes(t, &path, 1)
    t.size += 1
    if path.at == 0:
        rename_first(&path, t.height, score, e)


# Removing

cdef void unlink_leaf(RankTree* t, Leaf* leaf) noexcept nogil:
    if leaf.previous == NULL:
        t.first = leaf.next
    else:
        leaf.previous.next = leaf.next
    if leaf.next == NULL:
        t.last = leaf.previous
    else:
        leaf.next.previous = leaf.previous
    leaf_free(t, leaf)


cdef void drop_child(RankTree* t, Path* path, size_t level) noexcept nogil:
    """The child that the path takes at `level - 1` is gone: so is what has no child left then."""
    cdef Inner* node
    cdef size_t turn
    while level:
        level -= 1
        node = path.nodes[level]
        turn = path.turns[level]
        shift_children(node, turn + 1, turn)
        node.count -= 1
        if node.count:
            if turn == 0:
                rename_first(path, level, node.scores[0], node.members[0])
            shrink_inners(t, path, level)
            return
        inner_free(t, node)
    t.root = NULL
    t.height = 0


cdef bint merge_leaves(RankTree* t, Inner* parent, size_t turn) noexcept nogil:
    """Merge a sparse leaf with one beside it, if both fit into one."""
    cdef Leaf* left
    cdef Leaf* right = NULL
    if turn + 1 < parent.count:
        right = <Leaf*>parent.children[turn + 1]
        if right.count + (<Leaf*>parent.children[turn]).count > LEAF_MERGED:
            right = NULL
    if right == NULL:
        if turn == 0:
            return False
        turn -= 1
        right = <Leaf*>parent.children[turn + 1]
        if right.count + (<Leaf*>parent.children[turn]).count > LEAF_MERGED:
            return False
    left = <Leaf*>parent.children[turn]
    copy_slots(left, left.count, right, 0, right.count)
    left.count += right.count
    parent.sizes[turn] += parent.sizes[turn + 1]
    unlink_leaf(t, right)
    shift_children(parent, turn + 2, turn + 1)
    parent.count -= 1
    return True


cdef bint merge_inners(RankTree* t, Inner* parent, size_t turn) noexcept nogil:
    cdef Inner* left
    cdef Inner* right = NULL
    if turn + 1 < parent.count:
        right = <Inner*>parent.children[turn + 1]
        if right.count + (<Inner*>parent.children[turn]).count > INNER_MERGED:
            right = NULL
    if right == NULL:
        if turn == 0:
            return False
        turn -= 1
        right = <Inner*>parent.children[turn + 1]
        if right.count + (<Inner*>parent.children[turn]).count > INNER_MERGED:
            return False
    left = <Inner*>parent.children[turn]
    copy_children(left, left.count, right, 0, right.count)
    left.count += right.count
    parent.sizes[turn] += parent.sizes[turn + 1]
    inner_free(t, right)
    shift_children(parent, turn + 2, turn + 1)
    parent.count -= 1
    return True


cdef void shrink_inners(RankTree* t, Path* path, size_t level) noexcept nogil:
    """After the node at `level` lost a child: merge it, and those above it that lost one so; lower the root."""
    cdef Inner* root
    while level and path.nodes[level].count < INNER_SPARSE:
        if not merge_inners(t, path.nodes[level - 1], path.turns[level - 1]):
            break
        level -= 1
    while t.height:
        root = <Inner*>t.root
        if root.count > 1:
            break
        t.root = root.children[0]
        t.height -= 1
        inner_free(t, root)


cdef void remove_slots(RankTree* t, Path* path, size_t count) noexcept nogil:
    """Take `count` members out of a leaf, from the path's place on."""
    cdef Leaf* leaf = path.leaf
    shift_slots(leaf, path.at + count, path.at)
    leaf.count -= <uint32_t>count
    add_to_sizes(t, path, 0 - count)
    t.size -= count
    if leaf.count == 0:
        unlink_leaf(t, leaf)
        drop_child(t, path, t.height)
        return
    if path.at == 0:
        rename_first(path, t.height, leaf.scores[0], leaf.members[0])
    if leaf.count < LEAF_SPARSE and t.height:
        if merge_leaves(t, path.nodes[t.height - 1], path.turns[t.height - 1]):
            shrink_inners(t, path, t.height - 1)


cdef void tree_remove(RankTree* t, const Entry* e, double score) noexcept nogil:
    cdef Path path
    cdef Bound bound
    member_bound(&bound, e, score)
    seek(t, &bound, &path)
    remove_slots(t, &path, 1)


cdef void tree_remove_ranks(RankTree* t, size_t rank, size_t count, member_visitor visit, void* context) noexcept nogil:
    cdef Path path
    cdef Entry* taken[LEAF_SLOTS]
    cdef size_t some
    while count:
        seek_rank(t, rank, &path)
        some = path.leaf.count - path.at
        if some > count:
            some = count
        memcpy(taken, path.leaf.members + path.at, some * sizeof(Entry*))
        remove_slots(t, &path, some)
        visit(context, taken, some)
        count -= some


cdef bint stays(const Path* path, double score, const char* text, size_t length) noexcept nogil:
    """Whether the member at the path's place would be there with this score too."""
    cdef Leaf* leaf = path.leaf
    cdef size_t at = path.at
    cdef Leaf* other = leaf
    if at == 0:
        other = leaf.previous
        at = 0 if other == NULL else other.count
    if other != NULL:
        if other.scores[at - 1] > score:
            return False
        if other.scores[at - 1] == score and compare_member(other.members[at - 1], text, length) > 0:
            return False
    other = leaf
    at = path.at + 1
    if at == leaf.count:
        other = leaf.next
        at = 0
    if other != NULL:
        if other.scores[at] < score:
            return False
        if other.scores[at] == score and compare_member(other.members[at], text, length) < 0:
            return False
    return True


cdef void tree_move(RankTree* t, Entry* e, double before, double after) noexcept nogil:
    cdef Path path
    cdef Bound bound
    member_bound(&bound, e, before)
    seek(t, &bound, &path)
    if stays(&path, after, bound.text, bound.length):
        path.leaf.scores[path.at] = after
        if path.at == 0:
            rename_first(&path, t.height, after, e)
        return
    remove_slots(t, &path, 1)
    tree_insert(t, e, after)


# Building

cdef struct Child:
    void* node
    size_t size
    double score
    Entry* member


cdef void* scratch_of(size_t count, size_t size) noexcept nogil:
    cdef void* block = malloc(count * size)
    if block == NULL:
        redpoll_no_memory()
    return block


cdef size_t build_leaves(RankTree* t, const Scored* items, size_t count, Child* made) noexcept nogil:
    cdef size_t leaves = (count + LEAF_BUILT - 1) // LEAF_BUILT
    cdef size_t index, i, part
    cdef size_t done = 0
    cdef Leaf* leaf
    for index in range(leaves):
        # Evenly, so that no last one is left nearly empty.
        part = (count - done) // (leaves - index)
        leaf = leaf_new(t)
        for i in range(part):
            leaf.scores[i] = items[done + i].score
            leaf.members[i] = items[done + i].member
        leaf.count = <uint32_t>part
        leaf.previous = t.last
        if t.last == NULL:
            t.first = leaf
        else:
            t.last.next = leaf
        t.last = leaf
        made[index].node = leaf
        made[index].size = part
        made[index].score = leaf.scores[0]
        made[index].member = leaf.members[0]
        done += part
    return leaves


cdef size_t build_level(RankTree* t, Child* children, size_t count) noexcept nogil:
    """Nodes over these children, told in their place; how many."""
    cdef size_t nodes = (count + INNER_BUILT - 1) // INNER_BUILT
    cdef size_t index, i, part
    cdef size_t done = 0
    cdef Inner* node
    for index in range(nodes):
        part = (count - done) // (nodes - index)
        node = inner_new(t)
        for i in range(part):
            node.children[i] = children[done + i].node
            node.sizes[i] = children[done + i].size
            node.scores[i] = children[done + i].score
            node.members[i] = children[done + i].member
        node.count = part
        children[index].node = node
        children[index].size = sum_of(node.sizes, part)
        children[index].score = node.scores[0]
        children[index].member = node.members[0]
        done += part
    return nodes


cdef void tree_build(RankTree* t, const Scored* items, size_t count) noexcept nogil:
    cdef Child* children
    cdef size_t nodes
    if not count:
        return
    children = <Child*>scratch_of((count + LEAF_BUILT - 1) // LEAF_BUILT, sizeof(Child))
    nodes = build_leaves(t, items, count, children)
    while nodes > 1:
        nodes = build_level(t, children, nodes)
        t.height += 1
    t.root = children[0].node
    t.size = count
    free(children)


# Sorting

cdef inline uint64_t order_of(double score) noexcept nogil:
    """A score as an integer of the same order; both zeros are the same."""
    cdef uint64_t bits
    score += 0.0
    memcpy(&bits, &score, 8)
    return bits ^ ((0 - (bits >> 63)) | (<uint64_t>1 << 63))


cdef inline bint comes_after(const Scored* a, const Scored* b) noexcept nogil:
    if a.score != b.score:
        return a.score > b.score
    return compare_member(a.member, entry_key(b.member), entry_key_length(b.member)) > 0


cdef bint is_sorted(const Scored* items, size_t count) noexcept nogil:
    cdef size_t i
    for i in range(1, count):
        if comes_after(&items[i - 1], &items[i]):
            return False
    return True


cdef void sort_few(Scored* items, size_t count) noexcept nogil:
    cdef size_t i, j
    cdef Scored item
    for i in range(1, count):
        item = items[i]
        j = i
        while j and comes_after(&items[j - 1], &item):
            items[j] = items[j - 1]
            j -= 1
        items[j] = item


cdef void merge_sort(Scored* items, Scored* spare, size_t count) noexcept nogil:
    """Bottom up, from runs of 16."""
    cdef size_t width = 16
    cdef size_t start, middle, end, left, right, to
    for start in range(0, count, 16):
        sort_few(items + start, min(<size_t>16, count - start))
    while width < count:
        start = 0
        while start + width < count:
            middle = start + width
            end = min(middle + width, count)
            if comes_after(&items[middle - 1], &items[middle]):
                left = 0
                right = middle
                to = start
                memcpy(spare, items + start, width * sizeof(Scored))
                while left < width and right < end:
                    if comes_after(&spare[left], &items[right]):
                        items[to] = items[right]
                        right += 1
                    else:
                        items[to] = spare[left]
                        left += 1
                    to += 1
                memcpy(items + to, spare + left, (width - left) * sizeof(Scored))
            start = end
        width *= 2


cdef void radix_sort(Scored* items, Scored* spare, size_t count) noexcept nogil:
    """By score alone, from the lowest byte up; bytes that are the same in all scores are passed over."""
    cdef size_t* counts = <size_t*>scratch_of(8 * 256, sizeof(size_t))
    cdef size_t i, byte, value, sum, following
    cdef uint64_t order
    cdef Scored* source = items
    cdef Scored* to = spare
    cdef size_t* places
    memset(counts, 0, 8 * 256 * sizeof(size_t))
    for i in range(count):
        order = order_of(items[i].score)
        for byte in range(8):
            counts[byte * 256 + (order >> (8 * byte) & 255)] += 1
    for byte in range(8):
        places = counts + byte * 256
        if places[order_of(source[0].score) >> (8 * byte) & 255] == count:
            continue
        sum = 0
        for value in range(256):
            following = sum + places[value]
            places[value] = sum
            sum = following
        for i in range(count):
            value = order_of(source[i].score) >> (8 * byte) & 255
            to[places[value]] = source[i]
            places[value] += 1
        source, to = to, source
    if source != items:
        memcpy(items, source, count * sizeof(Scored))
    free(counts)


cdef void sort_scored(Scored* items, size_t count) noexcept nogil:
    cdef Scored* spare
    cdef size_t start, end
    if count <= 16:
        sort_few(items, count)
        return
    if is_sorted(items, count):
        return
    spare = <Scored*>scratch_of(count, sizeof(Scored))
    if count < 1024:
        merge_sort(items, spare, count)
    else:
        radix_sort(items, spare, count)
        start = 0
        while start < count:
            end = start + 1
            while end < count and items[end].score == items[start].score:
                end += 1
            if end - start > 1 and not is_sorted(items + start, end - start):
                merge_sort(items + start, spare, end - start)
            start = end
    free(spare)


# Freeing and looking

cdef bint tree_free_some(RankTree* t, size_t most) noexcept nogil:
    cdef size_t done = 0
    cdef size_t level
    cdef Path path
    cdef Inner* node
    if t.root == NULL:
        return True
    while done < most:
        if t.height == 0:
            leaf_free(t, <Leaf*>t.root)
            tree_init(t)
            return True
        node = <Inner*>t.root
        for level in range(t.height):
            path.nodes[level] = node
            node = <Inner*>node.children[node.count - 1]
        leaf_free(t, <Leaf*>node)
        level = t.height
        while level:
            level -= 1
            node = path.nodes[level]
            node.count -= 1
            if node.count:
                break
            inner_free(t, node)
            if level == 0:
                tree_init(t)
                return True
        # Only nodes are freed here, a few cache lines each.
        done += 8
    return False


cdef size_t tree_memory(const RankTree* t) noexcept nogil:
    return t.leaves * block_size(sizeof(Leaf)) + t.inners * block_size(sizeof(Inner))


cdef int check_node(const RankTree* t, const void* node, size_t height, size_t* size, Leaf** previous,
                    double* score, Entry** member) except -1:
    cdef Inner* inner
    cdef Leaf* leaf
    cdef size_t i, below
    cdef double first_score
    cdef Entry* first
    size[0] = 0
    if height == 0:
        leaf = <Leaf*>node
        assert 0 < leaf.count <= LEAF_SLOTS
        assert leaf.previous == previous[0]
        assert (t.first if previous[0] == NULL else previous[0].next) == leaf
        for i in range(leaf.count):
            assert member_score(leaf.members[i]) == leaf.scores[i]
            if i:
                assert stays_behind(leaf.scores[i - 1], leaf.members[i - 1], leaf.scores[i], leaf.members[i])
        if previous[0] != NULL:
            i = previous[0].count - 1
            assert stays_behind(previous[0].scores[i], previous[0].members[i], leaf.scores[0], leaf.members[0])
        size[0] = leaf.count
        score[0] = leaf.scores[0]
        member[0] = leaf.members[0]
        previous[0] = leaf
        return 0
    inner = <Inner*>node
    assert 0 < inner.count <= INNER_SLOTS
    for i in range(inner.count):
        check_node(t, inner.children[i], height - 1, &below, previous, &first_score, &first)
        assert inner.sizes[i] == below and inner.scores[i] == first_score and inner.members[i] == first
        size[0] += below
    score[0] = inner.scores[0]
    member[0] = inner.members[0]
    return 0


cdef bint stays_behind(double before, const Entry* first, double after, const Entry* second) noexcept nogil:
    if before != after:
        return before < after
    return compare_member(first, entry_key(second), entry_key_length(second)) < 0


cdef int tree_check(const RankTree* t) except -1:
    cdef size_t size
    cdef Leaf* previous = NULL
    cdef double score
    cdef Entry* member
    if t.root == NULL:
        assert t.size == 0 and t.first == NULL and t.last == NULL and t.height == 0
        assert t.leaves == 0 and t.inners == 0
        return 0
    check_node(t, t.root, t.height, &size, &previous, &score, &member)
    assert size == t.size and previous == t.last and previous.next == NULL
    return 0
