"""Packed collections from RDB, looked through before they are taken."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp

from redpoll.engine.hashing cimport hash_bytes
from redpoll.engine.listpack cimport (
    LISTPACK_MAX, listpack_first, listpack_from, listpack_length, listpack_next, listpack_text, listpack_valid,
)
from redpoll.formats.packed_old cimport listpack_of_ziplist, listpack_of_zipmap
from redpoll.formats.rdb_input cimport Source, Text, source_fail, source_text

cdef const char* BAD_LISTPACK = b"a listpack that is damaged"


cdef uint8_t* read_listpack(Source* source) noexcept nogil:
    cdef Text text
    if not source_text(source, &text):
        return NULL
    if text.length > LISTPACK_MAX or not listpack_valid(text.text, text.length):
        source_fail(source, BAD_LISTPACK)
        return NULL
    return listpack_from(text.text, text.length)


cdef uint8_t* read_ziplist(Source* source) noexcept nogil:
    cdef Text text
    cdef const char* reason = NULL
    cdef uint8_t* made
    if not source_text(source, &text):
        return NULL
    made = listpack_of_ziplist(text.text, text.length, &reason)
    if made == NULL:
        source_fail(source, reason)
    return made


cdef uint8_t* read_zipmap(Source* source) noexcept nogil:
    cdef Text text
    cdef const char* reason = NULL
    cdef uint8_t* made
    if not source_text(source, &text):
        return NULL
    made = listpack_of_zipmap(text.text, text.length, &reason)
    if made == NULL:
        source_fail(source, reason)
    return made


cdef bint has_doubles(const uint8_t* lp, size_t step) noexcept nogil:
    """A hash table of offsets with open addressing, twice as large as there are elements."""
    cdef size_t room = 16
    cdef size_t count = listpack_length(lp) // step
    cdef size_t place, length, other_length, _
    cdef uint32_t* seen
    cdef const uint8_t* p = listpack_first(lp)
    cdef const char* text
    cdef const char* other
    cdef char scratch[24]
    cdef char other_scratch[24]
    cdef bint found = False
    if count < 2:
        return False
    while room < 2 * count:
        room *= 2
    seen = <uint32_t*>calloc(room, sizeof(uint32_t))
    if seen == NULL:
        return True
    while p != NULL and not found:
        text = listpack_text(p, scratch, &length)
        place = hash_bytes(text, length, <uint64_t>seen) & (room - 1)
        while seen[place]:
            other = listpack_text(lp + seen[place], other_scratch, &other_length)
            if other_length == length and memcmp(other, text, length) == 0:
                found = True
                break
            place = (place + 1) & (room - 1)
        seen[place] = <uint32_t>(p - lp)
        for _ in range(step):
            if p != NULL:
                p = listpack_next(p)
    free(seen)
    return found


cdef size_t longest_element(const uint8_t* lp) noexcept nogil:
    cdef size_t longest = 0
    cdef size_t length
    cdef char scratch[24]
    cdef const uint8_t* p = listpack_first(lp)
    while p != NULL:
        listpack_text(p, scratch, &length)
        if length > longest:
            longest = length
        p = listpack_next(p)
    return longest
