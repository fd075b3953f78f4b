"""Tables of members, for large sets; member.pxd tells what a slot holds. See members.pyx."""

from libc.stdint cimport uint8_t, uint64_t

from redpoll.engine.entry cimport Entry
from redpoll.engine.member cimport MEMBER_SCRATCH, Member
from redpoll.engine.table cimport Bucket, Table

cdef struct Members:
    Table table
    size_t text_bytes            # that the blocks of texts occupy

cdef enum:
    BATCH = 64                   # members that are looked up together

# Members on their way together; those whose numbers are in `alive` are still wanted.
cdef struct Batch:
    size_t count
    size_t living
    bint hashed                  # `hashes` are there, by `seed`
    uint64_t seed
    uint8_t alive[BATCH]
    Member members[BATCH]
    uint64_t hashes[BATCH]
    char scratch[BATCH][MEMBER_SCRATCH]     # for texts of integers that no slot can hold

# Where a walk through all members is; zeroed at its beginning.
cdef struct MembersCursor:
    size_t bucket                # the next one
    const Bucket* chain          # what is left of the one before
    unsigned int left

cdef Members* members_new(uint64_t seed, size_t expected) noexcept nogil
cdef Members* members_copy(const Members* m) noexcept nogil
# Frees the members of about `most` slots; True when nothing is left. No other function may be called from then on.
cdef bint members_free_some(Members* m, size_t most) noexcept nogil
cdef size_t members_memory(const Members* m) noexcept nogil

cdef Entry** members_find(const Members* m, const Member* member, uint64_t hash) noexcept nogil
# The member must be absent; a text is copied.
cdef void members_insert(Members* m, const Member* member, uint64_t hash) noexcept nogil
# Whether it was absent.
cdef bint members_add(Members* m, const Member* member) noexcept nogil
cdef void members_remove(Members* m, Entry** slot, uint64_t hash) noexcept nogil

# Fills an empty batch, whose texts are good until the table changes; it stays empty when there are no more.
cdef void members_next(const Members* m, MembersCursor* cursor, Batch* batch) noexcept nogil
# Keeps those alive that are in the table, or those that are not.
cdef void members_filter(const Members* m, Batch* batch, bint wanted) noexcept nogil
# Adds the living, and keeps those alive that were absent.
cdef void members_add_batch(Members* m, Batch* batch) noexcept nogil

cdef inline void batch_begin(Batch* batch) noexcept nogil:
    batch.count = 0
    batch.living = 0
    batch.hashed = False

cdef inline Member* batch_more(Batch* batch) noexcept nogil:
    """The place of a further member, alive; the batch must not be full."""
    batch.alive[batch.living] = <uint8_t>batch.count
    batch.living += 1
    batch.count += 1
    return &batch.members[batch.count - 1]
