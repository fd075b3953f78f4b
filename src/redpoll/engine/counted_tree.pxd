"""A sequence of weighted items: a B+ tree that finds the item at a weight, and takes insertions, in logarithmic time.

    root      slots: branch, weight of all below it
    ..        ..
    leaves    slots: item, its weight

Items are the caller's and only carried along. A branch has FANOUT slots at the most and grows to that from a few, so
that small trees are small. After Bayer and McCreight, "Organization and maintenance of large ordered indexes" (1972),
with weights instead of keys.
"""

from libc.stdint cimport uint16_t, uint32_t, uint64_t

cdef enum:
    FANOUT = 63              # a branch is a block of 1,016 bytes then
    TREE_HEIGHT = 16

cdef struct Slot:
    void* item               # of the caller in a leaf, else a Branch
    uint64_t weight

cdef struct Branch:
    uint16_t used
    uint16_t room
    uint32_t stamp           # of a leaf in a view: its place there, plus one
    Slot slots[1]            # really `room`

cdef struct Tree:
    Branch* root             # NULL: nothing is in it
    uint64_t weight
    uint32_t height          # 1: the root is a leaf

# The way to an item: the leaf is branch[0], the root the last one. Good until the tree changes in shape.
cdef struct Path:
    Branch* branch[TREE_HEIGHT]
    uint16_t slot[TREE_HEIGHT]
    uint32_t height

cdef inline Slot* tree_slot(const Path* path) noexcept nogil:
    """The item that a path leads to."""
    return &path.branch[0].slots[path.slot[0]]

cdef inline void tree_init(Tree* tree) noexcept nogil:
    tree.root = NULL
    tree.weight = 0
    tree.height = 0

# The item into which a weight falls (less than the tree's), and how far into it.
cdef void tree_locate(const Tree* tree, uint64_t weight, Path* path, uint64_t* rest) noexcept nogil
# False when the tree is empty, or there is no item further on.
cdef bint tree_first(const Tree* tree, Path* path) noexcept nogil
cdef bint tree_last(const Tree* tree, Path* path) noexcept nogil
cdef bint tree_next(Path* path) noexcept nogil
cdef bint tree_previous(Path* path) noexcept nogil

# Gives the item of a path another weight; the path stays good.
cdef void tree_reweigh(Tree* tree, const Path* path, uint64_t weight) noexcept nogil
# Puts an item right before or right after the one of a path.
cdef void tree_insert(Tree* tree, Path* path, bint after, void* item, uint64_t weight) noexcept nogil
cdef void tree_push(Tree* tree, bint front, void* item, uint64_t weight) noexcept nogil
cdef void tree_remove(Tree* tree, Path* path) noexcept nogil
# Takes the first or last item out, of a tree that has one.
cdef Slot tree_pop(Tree* tree, bint front) noexcept nogil
# Moves the item of a path, and all behind it, into `rest`, which is empty.
cdef void tree_cut(Tree* tree, Path* path, Tree* rest) noexcept nogil

# The items of a tree from one on as they are now, to be read while the tree goes on changing. Before a leaf changes,
# the view gets copies of its items. Nothing of this costs anything while there is no view.
cdef struct SeenLeaf:
    Branch* branch
    Slot* kept               # its slots as they were, with items of the view's own; NULL: as they are in the branch
    uint16_t used            # of `kept`

ctypedef void* (*item_copier)(void* item) noexcept nogil
ctypedef void (*item_freer)(void* item) noexcept nogil

cdef struct TreeView:
    TreeView* other          # all views there are make a list
    SeenLeaf* leaves
    size_t count
    size_t room
    size_t leaf              # the next item
    uint16_t slot
    item_copier copy
    item_freer free

# From the item of a path on; `path` NULL: of nothing. False: there is no memory for it, and no view.
cdef bint view_begin(TreeView* view, const Path* path, item_copier copy, item_freer free) noexcept nogil
# The next item; NULL: there is none. It is good until the tree changes.
cdef void* view_item(const TreeView* view) noexcept nogil
cdef void view_step(TreeView* view) noexcept nogil
cdef void view_end(TreeView* view) noexcept nogil
cdef void leaf_changes(Branch* leaf) noexcept nogil

cdef inline void tree_touch(const Path* path) noexcept nogil:
    """What an item points to is about to change; what changes the tree calls this itself."""
    leaf_changes(path.branch[0])

cdef size_t tree_items(const Tree* tree) noexcept nogil
# Bytes of the branches.
cdef size_t tree_memory(const Tree* tree) noexcept nogil
