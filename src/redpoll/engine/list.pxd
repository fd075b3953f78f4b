"""Lists, whichever way an entry holds them: one listpack while it is small, else a quicklist.

A list becomes a quicklist when what is added would make its listpack larger than a node may be, and a listpack again
when it shrank to half of that. Whoever takes the last element away removes the entry.
"""

from libc.stdint cimport uint64_t

from redpoll.engine.blob cimport Blob
from redpoll.engine.entry cimport ENC_LISTPACK, Entry, entry_encoding, entry_value
from redpoll.engine.keyspace cimport Keyspace
from redpoll.engine.listpack cimport Element, listpack_length
from redpoll.engine.quicklist cimport Quicklist
from redpoll.engine.quicklist_walk cimport Walk

cdef inline uint64_t list_length(const Entry* e) noexcept nogil:
    if entry_encoding(e) == ENC_LISTPACK:
        return listpack_length(<const unsigned char*>entry_value(e))
    return (<const Quicklist*>entry_value(e)).length

# An empty list to be put into an entry, of encoding ENC_LISTPACK.
cdef void* list_new() noexcept nogil
# Before so many elements with so many bytes of text are added: a quicklist if they are too much for a listpack.
cdef void list_make_room(Entry* e, Keyspace keyspace, size_t bytes, size_t elements) noexcept
# After something was taken away: a listpack if that will do.
cdef void list_reduce(Entry* e) noexcept nogil

# `text` must not lie in the list; see `list_make_room`.
cdef void list_push(Entry* e, const char* text, size_t length, bint front) noexcept nogil
# Whether a text would be a node of its own; such a one may be pushed as a blob, whose reference is taken.
cdef bint list_takes_blob(const Entry* e, size_t length) noexcept nogil
cdef void list_push_blob(Entry* e, Blob* blob, bint front) noexcept nogil
# The first or last element of a list that is not empty; see `quicklist_peek`.
cdef void list_peek(const Entry* e, bint front, Element* element, Blob** blob) noexcept nogil
# Takes `count` elements, no more than there are, from an end.
cdef void list_drop(Entry* e, uint64_t count, bint front) noexcept nogil
cdef void list_set(Entry* e, uint64_t index, const char* text, size_t length) noexcept nogil
cdef void list_insert(Entry* e, uint64_t index, const char* text, size_t length) noexcept nogil
cdef uint64_t list_remove_equal(Entry* e, const char* text, size_t length, uint64_t most, bint front) noexcept nogil
# A walk from an index (less than the length) on; `walk_end` has to be called.
cdef void list_walk(const Entry* e, Walk* walk, uint64_t index, bint backwards) noexcept nogil
