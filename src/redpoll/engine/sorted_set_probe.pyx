"""Sorted sets outside of any keyspace, for tests."""

from libc.stdint cimport int64_t
from cpython.bytes cimport PyBytes_FromStringAndSize

from redpoll.engine.entry cimport ENC_LISTPACK, Entry
from redpoll.engine.memory cimport KIND_COLLECTION, allocate, release
from redpoll.engine.rank_tree cimport (
    BOUND_LEX_ABOVE, BOUND_LEX_FROM, BOUND_SCORE_ABOVE, BOUND_SCORE_FROM, Bound, Scored, compare_texts, member_new,
    member_score, tree_check, tree_memory,
)
from redpoll.engine.sorted_set cimport (
    OUTCOME_ADDED, OUTCOME_SAME, OUTCOME_UPDATED, Cursor, Limits, Outcome, Sorted, SortedSet, cursor_next,
    cursor_start, sorted_before, sorted_build, sorted_free, sorted_length, sorted_new, sorted_put, sorted_rank,
    sorted_remove, sorted_remove_ranks, sorted_score,
)
from redpoll.engine.table cimport table_buckets, table_find, table_hash, table_memory
from redpoll.engine.value cimport value_memory


cdef int check(const Sorted* z) except -1:
    """Raise AssertionError unless everything agrees."""
    cdef SortedSet* s
    cdef Cursor c
    cdef Cursor following
    cdef Entry** slot
    cdef size_t count = 0
    if z.encoding == ENC_LISTPACK:
        cursor_start(&c, z, 0, <size_t>-1, False)
        cursor_start(&following, z, 0, <size_t>-1, False)
        cursor_next(&following)
        while cursor_next(&c) and cursor_next(&following):
            assert c.score < following.score or (
                c.score == following.score
                and compare_texts(c.text, c.length, following.text, following.length) < 0)
        return 0
    s = <SortedSet*>z.value
    tree_check(&s.tree)
    assert s.table.used == s.tree.size
    cursor_start(&c, z, 0, <size_t>-1, False)
    while cursor_next(&c):
        slot = table_find(&s.table, c.text, c.length, table_hash(&s.table, c.text, c.length))
        assert slot != NULL and member_score(slot[0]) == c.score
        count += 1
    assert count == s.tree.size
    return 0


cdef class SortedMembers:
    """A sorted set: entries and bytes are the limits of the listpack."""
    cdef Sorted z
    cdef Limits limits

    def __cinit__(self, size_t entries=128, size_t longest=64, uint64_t seed=1):
        self.limits.entries = entries
        self.limits.bytes = longest
        self.limits.seed = seed
        sorted_new(&self.z, &self.limits, 0, 0)

    def __dealloc__(self):
        sorted_free(&self.z)

    def __len__(self):
        return sorted_length(&self.z)

    @property
    def is_packed(self):
        """Whether it is a listpack still."""
        return self.z.encoding == ENC_LISTPACK

    def check(self):
        """Raise AssertionError unless the structure is sound."""
        check(&self.z)

    def put(self, bytes member, double score, int conditions=0):
        """(outcome, the score then or None)."""
        cdef double result
        cdef Outcome outcome = sorted_put(&self.z, &self.limits, member, len(member), score, conditions, &result)
        done = outcome & (OUTCOME_ADDED | OUTCOME_UPDATED | OUTCOME_SAME)
        return <int>outcome, result if done else None

    def remove(self, bytes member):
        """Whether it was there."""
        return sorted_remove(&self.z, member, len(member))

    def remove_ranks(self, size_t rank, size_t count):
        """Remove `count` members from a rank on, which must be there."""
        sorted_remove_ranks(&self.z, rank, count)

    def score(self, bytes member):
        """The score, or None."""
        cdef double score
        return score if sorted_score(&self.z, member, len(member), &score) else None

    def rank(self, bytes member):
        """The rank, or None."""
        cdef double score
        cdef int64_t rank = sorted_rank(&self.z, member, len(member), &score)
        return None if rank < 0 else rank

    def before(self, double score, bint inclusive):
        """How many members have a lower score, or the same."""
        cdef Bound bound
        bound.kind = BOUND_SCORE_ABOVE if inclusive else BOUND_SCORE_FROM
        bound.score = score
        return sorted_before(&self.z, &bound)

    def before_text(self, bytes text, bint inclusive):
        """How many members are before a text, or are it, where all scores are the same."""
        cdef Bound bound
        bound.kind = BOUND_LEX_ABOVE if inclusive else BOUND_LEX_FROM
        bound.text = text
        bound.length = len(text)
        return sorted_before(&self.z, &bound)

    def items(self, size_t rank=0, size_t count=-1, bint backwards=False):
        """[(member, score)] from a rank on."""
        cdef Cursor c
        cdef list found = []
        cursor_start(&c, &self.z, rank, count, backwards)
        while cursor_next(&c):
            found.append((PyBytes_FromStringAndSize(c.text, c.length), c.score))
        return found

    def build(self, list pairs):
        """Have these members instead: (member, score), distinct, in any order."""
        cdef Scored* items = <Scored*>allocate(max(1, len(pairs)) * sizeof(Scored), KIND_COLLECTION)
        cdef size_t i = 0
        cdef bytes member
        sorted_free(&self.z)
        for member, score in pairs:
            items[i].score = score
            items[i].member = member_new(member, len(member), score)
            i += 1
        sorted_build(&self.z, &self.limits, items, i, NULL)
        release(items, max(1, len(pairs)) * sizeof(Scored), KIND_COLLECTION)

    def memory(self, size_t samples=0):
        """Bytes of a tree."""
        return value_memory(self.z.encoding, self.z.value, samples)

    def shape(self):
        """Facts of a tree, for diagnosis."""
        cdef SortedSet* s = <SortedSet*>self.z.value
        return {"members": s.tree.size, "height": s.tree.height, "leaves": s.tree.leaves, "inners": s.tree.inners,
                "table_bytes": table_memory(&s.table), "tree_bytes": tree_memory(&s.tree),
                "buckets": table_buckets(&s.table), "chained": s.table.chained}
