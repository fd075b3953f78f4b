"""Sequences of weighted items; the layout opens counted_tree.pxd."""

from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memmove

from redpoll.engine.memory cimport KIND_COLLECTION, allocate, block_size, reallocate, release

cdef enum:
    LEAST_ROOM = 3
    SPARSE = FANOUT // 4         # branches with less are joined with a neighbour
    JOINED_MOST = FANOUT * 3 // 4    # if there is room for more afterwards
    LEAVES_FIRST = 64            # that a view has room for

cdef TreeView* first_view


cdef inline size_t branch_size(size_t room) noexcept nogil:
    return 8 + room * sizeof(Slot)


cdef Branch* branch_new(size_t room) noexcept nogil:
    cdef Branch* made = <Branch*>allocate(branch_size(room), KIND_COLLECTION)
    made.used = 0
    made.room = <uint16_t>room
    made.stamp = 0
    return made


cdef inline void branch_free(Branch* branch) noexcept nogil:
    release(branch, branch_size(branch.room), KIND_COLLECTION)


cdef inline uint64_t weight_of(const Slot* slots, size_t count) noexcept nogil:
    cdef uint64_t total = 0
    cdef size_t i
    for i in range(count):
        total += slots[i].weight
    return total


cdef void set_branch(Tree* tree, Path* path, uint32_t level, Branch* branch) noexcept nogil:
    """A branch of a path moved: tell whoever points to it."""
    path.branch[level] = branch
    if level + 1 == path.height:
        tree.root = branch
    else:
        path.branch[level + 1].slots[path.slot[level + 1]].item = branch


cdef void make_room(Tree* tree, Path* path, uint32_t level, size_t wanted) noexcept nogil:
    cdef Branch* branch = path.branch[level]
    cdef size_t room = branch.room
    if wanted <= room:
        return
    while room < wanted:
        room = room * 2 + 1
    if room > FANOUT:
        room = FANOUT
    branch = <Branch*>reallocate(branch, branch_size(branch.room), branch_size(room), KIND_COLLECTION)
    branch.room = <uint16_t>room
    set_branch(tree, path, level, branch)


cdef inline void put_slot(Branch* branch, size_t at, void* item, uint64_t weight) noexcept nogil:
    memmove(&branch.slots[at + 1], &branch.slots[at], (branch.used - at) * sizeof(Slot))
    branch.slots[at].item = item
    branch.slots[at].weight = weight
    branch.used += 1


cdef inline void drop_slot(Branch* branch, size_t at) noexcept nogil:
    branch.used -= 1
    memmove(&branch.slots[at], &branch.slots[at + 1], (branch.used - at) * sizeof(Slot))


# Finding

cdef void tree_locate(const Tree* tree, uint64_t weight, Path* path, uint64_t* rest) noexcept nogil:
    cdef Branch* branch = tree.root
    cdef uint32_t level = tree.height
    cdef uint16_t slot
    path.height = tree.height
    while True:
        level -= 1
        slot = 0
        while weight >= branch.slots[slot].weight:
            weight -= branch.slots[slot].weight
            slot += 1
        path.branch[level] = branch
        path.slot[level] = slot
        if level == 0:
            break
        branch = <Branch*>branch.slots[slot].item
    rest[0] = weight


cdef void descend(Path* path, uint32_t level, bint to_last) noexcept nogil:
    """Complete a path downwards from a level, to the first or last item there."""
    while level:
        level -= 1
        path.branch[level] = <Branch*>path.branch[level + 1].slots[path.slot[level + 1]].item
        path.slot[level] = path.branch[level].used - 1 if to_last else 0


cdef bint tree_first(const Tree* tree, Path* path) noexcept nogil:
    path.height = tree.height
    if tree.root == NULL:
        return False
    path.branch[tree.height - 1] = tree.root
    path.slot[tree.height - 1] = 0
    descend(path, tree.height - 1, False)
    return True


cdef bint tree_last(const Tree* tree, Path* path) noexcept nogil:
    path.height = tree.height
    if tree.root == NULL:
        return False
    path.branch[tree.height - 1] = tree.root
    path.slot[tree.height - 1] = tree.root.used - 1
    descend(path, tree.height - 1, True)
    return True


cdef bint tree_next(Path* path) noexcept nogil:
    cdef uint32_t level = 0
    while level < path.height:
        if path.slot[level] + 1 < path.branch[level].used:
            path.slot[level] += 1
            descend(path, level, False)
            return True
        level += 1
    return False


cdef bint tree_previous(Path* path) noexcept nogil:
    cdef uint32_t level = 0
    while level < path.height:
        if path.slot[level]:
            path.slot[level] -= 1
            descend(path, level, True)
            return True
        level += 1
    return False


# Changing

cdef void tree_reweigh(Tree* tree, const Path* path, uint64_t weight) noexcept nogil:
    # Differences wrap around, and so do sums with them.
    cdef uint64_t difference = weight - path.branch[0].slots[path.slot[0]].weight
    cdef uint32_t level
    for level in range(path.height):
        path.branch[level].slots[path.slot[level]].weight += difference
    tree.weight += difference


cdef bint on_edge(const Path* path, uint32_t level, bint right) noexcept nogil:
    """Whether nothing is beyond a branch of a path, on one side."""
    level += 1
    while level < path.height:
        if path.slot[level] != (path.branch[level].used - 1 if right else 0):
            return False
        level += 1
    return True


cdef void add_root(Tree* tree, Path* path) noexcept nogil:
    """A root above the root, with the old one in its only slot."""
    cdef Branch* root = branch_new(LEAST_ROOM)
    put_slot(root, 0, tree.root, tree.weight)
    tree.root = root
    tree.height += 1
    path.branch[path.height] = root
    path.slot[path.height] = 0
    path.height += 1


cdef void tree_insert(Tree* tree, Path* path, bint after, void* item, uint64_t weight) noexcept nogil:
    cdef uint32_t level
    cdef size_t at = path.slot[0] + (1 if after else 0)
    cdef size_t split
    cdef uint64_t moved
    cdef Branch* branch
    cdef Branch* right
    leaf_changes(path.branch[0])
    for level in range(1, path.height):
        path.branch[level].slots[path.slot[level]].weight += weight
    tree.weight += weight
    level = 0
    while path.branch[level].used == FANOUT:
        branch = path.branch[level]
        # Whoever adds at an end will go on there: a full branch stays full, and the new one gets what is to come.
        if at == FANOUT and on_edge(path, level, True):
            split = FANOUT
        elif at == 0 and on_edge(path, level, False):
            split = 0
        else:
            split = FANOUT // 2
        right = branch_new(FANOUT)
        right.used = <uint16_t>(FANOUT - split)
        memcpy(right.slots, &branch.slots[split], right.used * sizeof(Slot))
        branch.used = <uint16_t>split
        if at <= split and split != FANOUT:
            put_slot(branch, at, item, weight)
        else:
            put_slot(right, at - split, item, weight)
        if level + 1 == path.height:
            add_root(tree, path)
        moved = weight_of(right.slots, right.used)
        level += 1
        path.branch[level].slots[path.slot[level]].weight -= moved
        item = right
        weight = moved
        at = path.slot[level] + 1
    make_room(tree, path, level, path.branch[level].used + 1)
    put_slot(path.branch[level], at, item, weight)


cdef void tree_push(Tree* tree, bint front, void* item, uint64_t weight) noexcept nogil:
    cdef Path path
    if tree.root == NULL:
        tree.root = branch_new(LEAST_ROOM)
        tree.height = 1
        tree.weight = weight
        put_slot(tree.root, 0, item, weight)
        return
    if front:
        tree_first(tree, &path)
    else:
        tree_last(tree, &path)
    tree_insert(tree, &path, not front, item, weight)


cdef void lower_root(Tree* tree) noexcept nogil:
    """Drop roots that have one branch or nothing."""
    cdef Branch* root
    while tree.height > 1 and tree.root.used == 1:
        root = tree.root
        tree.root = <Branch*>root.slots[0].item
        tree.height -= 1
        branch_free(root)
    if tree.root.used == 0:
        branch_free(tree.root)
        tree_init(tree)


cdef bint join(Tree* tree, Path* path, uint32_t level) noexcept nogil:
    """Join a sparse branch with a neighbour, if the two make a branch that is not nearly full again."""
    cdef Branch* parent = path.branch[level + 1]
    cdef size_t at = path.slot[level + 1]
    cdef Branch* left
    cdef Branch* right
    if at + 1 == parent.used:
        if at == 0:
            return False
        at -= 1
    left = <Branch*>parent.slots[at].item
    right = <Branch*>parent.slots[at + 1].item
    if left.used + right.used > JOINED_MOST:
        return False
    if level == 0:
        leaf_changes(left)
        leaf_changes(right)
    path.slot[level + 1] = <uint16_t>at
    path.branch[level] = left
    make_room(tree, path, level, left.used + right.used)
    left = path.branch[level]
    memcpy(&left.slots[left.used], right.slots, right.used * sizeof(Slot))
    left.used += right.used
    parent.slots[at].weight += parent.slots[at + 1].weight
    branch_free(right)
    drop_slot(parent, at + 1)
    return True


cdef void tree_remove(Tree* tree, Path* path) noexcept nogil:
    cdef uint64_t weight = tree_slot(path).weight
    cdef uint32_t level
    cdef Branch* branch
    leaf_changes(path.branch[0])
    for level in range(1, path.height):
        path.branch[level].slots[path.slot[level]].weight -= weight
    tree.weight -= weight
    drop_slot(path.branch[0], path.slot[0])
    level = 0
    while level + 1 < path.height:
        branch = path.branch[level]
        if branch.used == 0:
            branch_free(branch)
            drop_slot(path.branch[level + 1], path.slot[level + 1])
        elif branch.used >= SPARSE or not join(tree, path, level):
            break
        level += 1
    lower_root(tree)


cdef Slot tree_pop(Tree* tree, bint front) noexcept nogil:
    cdef Path path
    cdef Slot taken
    if front:
        tree_first(tree, &path)
    else:
        tree_last(tree, &path)
    taken = tree_slot(&path)[0]
    tree_remove(tree, &path)
    return taken


cdef void tree_cut(Tree* tree, Path* path, Tree* rest) noexcept nogil:
    cdef uint32_t level
    cdef Branch* branch
    cdef Branch* right
    cdef Branch* below = NULL        # what was cut off a level further down
    cdef uint64_t weight = 0
    cdef size_t at, moved
    leaf_changes(path.branch[0])
    for level in range(path.height):
        branch = path.branch[level]
        at = path.slot[level]
        if level:
            branch.slots[at].weight -= weight
            at += 1
        moved = branch.used - at
        right = branch_new(FANOUT)
        if below != NULL:
            put_slot(right, 0, below, weight)
        memcpy(&right.slots[right.used], &branch.slots[at], moved * sizeof(Slot))
        right.used += <uint16_t>moved
        branch.used = <uint16_t>at
        if level and path.branch[level - 1].used == 0:
            branch_free(path.branch[level - 1])
            branch.used -= 1
        weight = weight_of(right.slots, right.used)
        below = right
    rest.root = below
    rest.weight = weight
    rest.height = path.height
    tree.weight -= weight
    lower_root(rest)
    lower_root(tree)


# Views

cdef bint add_leaf(TreeView* view, Branch* leaf) noexcept nogil:
    cdef SeenLeaf* larger
    if view.count == view.room:
        view.room = view.room * 2 if view.room else LEAVES_FIRST
        larger = <SeenLeaf*>realloc(view.leaves, view.room * sizeof(SeenLeaf))
        if larger == NULL:
            return False
        view.leaves = larger
    view.leaves[view.count].branch = leaf
    view.leaves[view.count].kept = NULL
    view.count += 1
    # Which leaf this is can be told from it, so that whoever changes it need not search.
    leaf.stamp = <uint32_t>view.count
    return True


cdef bint view_begin(TreeView* view, const Path* path, item_copier copy, item_freer free_item) noexcept nogil:
    global first_view
    cdef Path way
    view.leaves = NULL
    view.count = view.room = view.leaf = 0
    view.slot = 0
    view.copy = copy
    view.free = free_item
    if path != NULL:
        way = path[0]
        view.slot = way.slot[0]
        while True:
            if not add_leaf(view, way.branch[0]):
                free(view.leaves)
                return False
            way.slot[0] = way.branch[0].used - 1
            if not tree_next(&way):
                break
    view.other = first_view
    first_view = view
    return True


cdef void* view_item(const TreeView* view) noexcept nogil:
    cdef const SeenLeaf* leaf
    if view.leaf == view.count:
        return NULL
    leaf = &view.leaves[view.leaf]
    return leaf.kept[view.slot].item if leaf.kept != NULL else leaf.branch.slots[view.slot].item


cdef void drop_kept(TreeView* view, SeenLeaf* leaf) noexcept nogil:
    cdef size_t i
    if leaf.kept == NULL:
        return
    for i in range(leaf.used):
        view.free(leaf.kept[i].item)
    release(leaf.kept, leaf.used * sizeof(Slot), KIND_COLLECTION)
    leaf.kept = NULL


cdef void view_step(TreeView* view) noexcept nogil:
    cdef SeenLeaf* leaf = &view.leaves[view.leaf]
    view.slot += 1
    if view.slot == (leaf.used if leaf.kept != NULL else leaf.branch.used):
        drop_kept(view, leaf)
        view.leaf += 1
        view.slot = 0


cdef void view_end(TreeView* view) noexcept nogil:
    global first_view
    cdef TreeView** link = &first_view
    while link[0] != view:
        link = &link[0].other
    link[0] = view.other
    while view.leaf < view.count:
        drop_kept(view, &view.leaves[view.leaf])
        view.leaf += 1
    free(view.leaves)


cdef void leaf_changes(Branch* leaf) noexcept nogil:
    """Before a leaf changes or goes: views that have not come to it get copies."""
    cdef TreeView* view = first_view
    cdef SeenLeaf* seen
    cdef size_t i
    while view != NULL:
        # A stamp may be of a view that is no more, so it is believed only if the leaf is there.
        if view.leaf < leaf.stamp <= view.count:
            seen = &view.leaves[leaf.stamp - 1]
            if seen.branch == leaf and seen.kept == NULL:
                seen.used = leaf.used
                seen.kept = <Slot*>allocate(leaf.used * sizeof(Slot), KIND_COLLECTION)
                for i in range(leaf.used):
                    seen.kept[i].weight = leaf.slots[i].weight
                    seen.kept[i].item = view.copy(leaf.slots[i].item)
        view = view.other


# Measuring

cdef size_t items_below(const Branch* branch, uint32_t height) noexcept nogil:
    cdef size_t total = 0
    cdef size_t i
    if height == 1:
        return branch.used
    for i in range(branch.used):
        total += items_below(<Branch*>branch.slots[i].item, height - 1)
    return total


cdef size_t tree_items(const Tree* tree) noexcept nogil:
    return items_below(tree.root, tree.height) if tree.root != NULL else 0


cdef size_t memory_below(const Branch* branch, uint32_t height) noexcept nogil:
    cdef size_t total = block_size(branch_size(branch.room))
    cdef size_t i
    if height > 1:
        for i in range(branch.used):
            total += memory_below(<Branch*>branch.slots[i].item, height - 1)
    return total


cdef size_t tree_memory(const Tree* tree) noexcept nogil:
    return memory_below(tree.root, tree.height) if tree.root != NULL else 0
