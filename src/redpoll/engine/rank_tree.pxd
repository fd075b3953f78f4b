"""A B+ tree of a sorted set's members, with ranks: see rank_tree.pyx.

    leaf    count, neighbours, scores, members                    1,016 bytes, 62 members
    inner   count, then of every child: the score and the pointer 1,000 bytes, 31 children
            of its first member, how many members are below it, itself

Members are entries with their score as payload (ENC_SCORE). They belong to whoever owns the tree; the tree holds
pointers to them, and its own copy of every score, so that only a tie of scores is a reason to look at an entry.
"""

from libc.stdint cimport uint32_t

from redpoll.engine.entry cimport Entry

cdef enum:
    LEAF_SLOTS = 62
    INNER_SLOTS = 31
    TREE_HEIGHT_MAX = 24     # levels above the leaves; a level more is more than eight times the members

cdef struct Leaf:
    uint32_t count
    uint32_t unused
    Leaf* previous
    Leaf* next
    double scores[LEAF_SLOTS]
    Entry* members[LEAF_SLOTS]

cdef struct Inner:
    size_t count
    double scores[INNER_SLOTS]
    Entry* members[INNER_SLOTS]
    size_t sizes[INNER_SLOTS]
    void* children[INNER_SLOTS]

cdef struct RankTree:
    void* root               # NULL when empty
    Leaf* first
    Leaf* last
    size_t height            # levels above the leaves
    size_t size              # members
    size_t leaves
    size_t inners

# A place between members: everything before it is before the bound.
cdef enum BoundKind:
    BOUND_START              # before all
    BOUND_END                # behind all
    BOUND_SCORE_FROM         # before the first member of this score or a higher one
    BOUND_SCORE_ABOVE        # before the first member of a higher score
    BOUND_MEMBER             # where this member of this score is, or would be
    BOUND_LEX_FROM           # before the first member that is this text or a later one, whatever its score
    BOUND_LEX_ABOVE          # before the first member that is later than this text

cdef struct Bound:
    BoundKind kind
    double score
    const char* text
    size_t length

# A member to build a tree of.
cdef struct Scored:
    double score
    Entry* member

cdef inline double member_score(const Entry* e) noexcept nogil:
    return (<double*>(<char*>e + 8))[0]

cdef inline void set_member_score(Entry* e, double score) noexcept nogil:
    (<double*>(<char*>e + 8))[0] = score

ctypedef void (*member_visitor)(void* context, Entry** members, size_t count) noexcept nogil

# An entry for a member; the caller owns it.
cdef Entry* member_new(const char* text, size_t length, double score) noexcept nogil
# Below, at or above zero, as memcmp; a prefix is before what it begins.
cdef int compare_texts(const char* text, size_t length, const char* other, size_t other_length) noexcept nogil

cdef void tree_init(RankTree* t) noexcept nogil
# How many members are before a bound.
cdef size_t tree_before(const RankTree* t, const Bound* bound) noexcept nogil
# The leaf that has the member of a rank, and its place there; NULL beyond the end.
cdef Leaf* tree_at(const RankTree* t, size_t rank, size_t* place) noexcept nogil
# The member must be absent.
cdef void tree_insert(RankTree* t, Entry* e, double score) noexcept nogil
# The member must be there, with this score.
cdef void tree_remove(RankTree* t, const Entry* e, double score) noexcept nogil
# To another score; the entry's own is the caller's to change.
cdef void tree_move(RankTree* t, Entry* e, double before, double after) noexcept nogil
# Takes out `count` members from a rank on; the visitor gets them, some at a time, and owns them then.
cdef void tree_remove_ranks(RankTree* t, size_t rank, size_t count, member_visitor visit, void* context) noexcept nogil
# Fills an empty tree with members in their order.
cdef void tree_build(RankTree* t, const Scored* items, size_t count) noexcept nogil
# Brings members into their order; ties go by the bytes of the member.
cdef void sort_scored(Scored* items, size_t count) noexcept nogil
# Frees about `most` members' worth of nodes, from the end, not the members; whether nothing is left.
cdef bint tree_free_some(RankTree* t, size_t most) noexcept nogil
cdef size_t tree_memory(const RankTree* t) noexcept nogil
# Raises AssertionError unless all counts, orders and links agree.
cdef int tree_check(const RankTree* t) except -1
