"""A set, however it is stored: as an intset, a listpack, or a table of members.

A new set is as small as its first member allows, and grows out of an encoding when a member does not fit: integers go
from an intset to a table, or to a listpack when one that is no integer comes. No removal brings it back. The limits are
in `SetRules`, handed in by whoever changes a set.

A `Set` is a view: whoever changes one stores `encoding` and `value` back into the entry (`entry_set_value`).
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from redpoll.engine.entry cimport Entry, entry_encoding, entry_value
from redpoll.engine.keyspace cimport Keyspace
from redpoll.engine.member cimport MEMBER_SCRATCH, Member
from redpoll.engine.members cimport Batch, MembersCursor
from redpoll.engine.table cimport random_source

cdef struct Set:
    int encoding
    void* value

cdef struct SetRules:
    size_t intset_entries
    size_t listpack_entries
    size_t listpack_value
    uint64_t seed                # of tables of members; one for all sets of a keyspace

# Where a walk through all members is; zeroed at its beginning.
cdef struct SetCursor:
    MembersCursor members
    const uint8_t* element       # of a listpack
    size_t index                 # of an intset; of a listpack: whether it has begun

# A member drawn at random, and where it is until the set changes.
cdef struct Pick:
    Member member
    char scratch[MEMBER_SCRATCH]
    Entry** slot                 # in a table
    const uint8_t* element       # of a listpack
    size_t index                 # of an intset

cdef inline void set_of(Set* s, const Entry* e) noexcept nogil:
    s.encoding = entry_encoding(e)
    s.value = entry_value(e)

cdef inline void rules_of(SetRules* rules, Keyspace keyspace) noexcept:
    rules.intset_entries = keyspace.set_max_intset_entries
    rules.listpack_entries = keyspace.set_max_listpack_entries
    rules.listpack_value = keyspace.set_max_listpack_value
    rules.seed = keyspace.seed

# An empty set for this first member and about so many in all.
cdef void set_new(Set* s, const SetRules* rules, const char* text, size_t length, size_t expected) noexcept nogil
# An empty set in an encoding.
cdef void set_new_as(Set* s, const SetRules* rules, int encoding, size_t expected) noexcept nogil
cdef void set_copy(const Set* s, Set* made) noexcept nogil
cdef void set_free(Set* s) noexcept nogil
# About so many members are to come: a set that would be converted on the way is at once.
cdef void set_expect(Set* s, const SetRules* rules, size_t expected) noexcept nogil
cdef void set_to_table(Set* s, const SetRules* rules, size_t expected) noexcept nogil

cdef size_t set_length(const Set* s) noexcept nogil
cdef bint set_has(const Set* s, const Member* member) noexcept nogil
# Whether it was absent.
cdef bint set_add(Set* s, const SetRules* rules, const Member* member) noexcept nogil
# Whether it was there.
cdef bint set_remove(Set* s, const Member* member) noexcept nogil

# The member that an element of a listpack is; `scratch` as in Pick.
cdef void member_of_element(Member* member, const uint8_t* element, char* scratch) noexcept nogil
# Any member, each as likely; the set must not be empty.
cdef void set_pick(const Set* s, random_source random, void* context, Pick* pick) noexcept nogil
# Fills a batch with members of a table drawn at random, each of which may come again.
cdef void set_pick_table(const Set* s, random_source random, void* context, size_t count, Batch* batch) noexcept nogil
cdef void set_remove_pick(Set* s, const Pick* pick) noexcept nogil

# Fills an empty batch, whose texts are good until the set changes; it stays empty when there are no more.
cdef void set_next(const Set* s, SetCursor* cursor, Batch* batch) noexcept nogil
# Keeps those alive that are in the set, or those that are not.
cdef void set_filter(const Set* s, Batch* batch, bint wanted) noexcept nogil
# Adds the living.
cdef void set_add_batch(Set* s, const SetRules* rules, Batch* batch) noexcept nogil
