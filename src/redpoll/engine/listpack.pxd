"""A listpack: strings and integers packed into one block, byte for byte as in RDB files.

    offset  bytes
    0       4    size of the whole block, itself included     little endian
    4       2    elements; 65535: too many to tell, count them  little endian
    6       ..   elements
    ..      1    255, the end

An element is its encoding, its data, and the length of the two together (`back`), written so that it can be read from
behind: groups of seven bits, the lowest in the last byte, all bytes but the first with the high bit set.

    encoding        holds
    0xxxxxxx        an integer 0 to 127
    10xxxxxx        a string of up to 63 bytes
    110xxxxx +1     a signed integer of 13 bits
    1110xxxx +1     a string of up to 4,095 bytes
    11110000 +4     a string of up to 4 GiB
    11110001 +2, 11110010 +3, 11110011 +4, 11110100 +8    signed integers, little endian

A text that is the canonical form of an integer is always stored as one. Sizes are at most LISTPACK_MAX; whoever inserts
looks at `listpack_fits` before. A function that changes a listpack returns where it is now: the block may have moved,
and pointers to elements are good until then. The block's memory follows its size (`listpack_memory`).
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from redpoll.engine.listpack_element cimport ELEMENT_MOST, Element, element_size, listpack_get

cdef enum:
    LISTPACK_HEADER = 6
    LISTPACK_MANY = 65535
    LISTPACK_END = 255
    LISTPACK_MAX = 1 << 30
    CAPACITY_STEP = 256

cdef enum Place:
    BEFORE = 0
    AFTER = 1
    REPLACE = 2

cdef inline uint32_t listpack_size(const uint8_t* lp) noexcept nogil:
    """Bytes of the block."""
    cdef uint32_t size
    memcpy(&size, lp, 4)
    return size

cdef inline const uint8_t* listpack_first(const uint8_t* lp) noexcept nogil:
    """NULL when it is empty."""
    return NULL if lp[LISTPACK_HEADER] == LISTPACK_END else lp + LISTPACK_HEADER

cdef inline size_t listpack_capacity(size_t size) noexcept nogil:
    """Bytes of the block of a listpack of so many bytes."""
    # Large ones grow in steps, so that one that is appended to is not moved for every element.
    if size <= 1024:
        return size
    return (size + CAPACITY_STEP - 1) & ~<size_t>(CAPACITY_STEP - 1)

cdef uint8_t* listpack_new() noexcept nogil
cdef void listpack_free(uint8_t* lp) noexcept nogil
cdef uint8_t* listpack_copy(const uint8_t* lp) noexcept nogil
# A listpack of bytes that came from outside and were found valid.
cdef uint8_t* listpack_from(const char* bytes, size_t size) noexcept nogil
# Bytes that the allocator holds for it.
cdef size_t listpack_memory(const uint8_t* lp) noexcept nogil
cdef size_t listpack_length(const uint8_t* lp) noexcept nogil

cdef const uint8_t* listpack_next(const uint8_t* element) noexcept nogil        # NULL after the last
cdef const uint8_t* listpack_previous(const uint8_t* lp, const uint8_t* element) noexcept nogil  # NULL before the first
cdef const uint8_t* listpack_last(const uint8_t* lp) noexcept nogil
# The element at an index, from the end when negative; NULL beyond.
cdef const uint8_t* listpack_at(const uint8_t* lp, int64_t index) noexcept nogil
# The text of an element; an integer is printed into `scratch` (24 bytes).
cdef const char* listpack_text(const uint8_t* element, char* scratch, size_t* length) noexcept nogil
# Whether an element is this text.
cdef bint listpack_equals(const uint8_t* element, const char* text, size_t length) noexcept nogil
# The first of every `step`th element from `element` on that is this text, or NULL.
cdef const uint8_t* listpack_find(const uint8_t* element, const char* text, size_t length, size_t step) noexcept nogil
# How many elements are this text.
cdef size_t listpack_count_equal(const uint8_t* lp, const char* text, size_t length) noexcept nogil

# Whether so many bytes of text in so many elements can come in besides.
cdef bint listpack_fits(const uint8_t* lp, size_t text_bytes, size_t elements) noexcept nogil
# Puts a text before, after or in place of an element; `made` (may be NULL) is set to the new one.
cdef uint8_t* listpack_put(uint8_t* lp, const uint8_t* element, const char* text, size_t length, Place place,
                           const uint8_t** made) noexcept nogil
cdef uint8_t* listpack_put_integer(uint8_t* lp, const uint8_t* element, int64_t value, Place place,
                                   const uint8_t** made) noexcept nogil
cdef uint8_t* listpack_append(uint8_t* lp, const char* text, size_t length) noexcept nogil
# Two texts at once, as fields and values come.
cdef uint8_t* listpack_append_pair(uint8_t* lp, const char* text, size_t length, const char* other,
                                   size_t other_length) noexcept nogil
cdef uint8_t* listpack_append_integer(uint8_t* lp, int64_t value) noexcept nogil
cdef uint8_t* listpack_prepend(uint8_t* lp, const char* text, size_t length) noexcept nogil
# Removes `count` elements from one on; `following` (may be NULL) is set to what comes after them, NULL at the end.
cdef uint8_t* listpack_remove(uint8_t* lp, const uint8_t* element, size_t count,
                              const uint8_t** following) noexcept nogil
# Removes elements that are this text: not the first `skip` of them, and `most` at the most. One pass for all.
cdef uint8_t* listpack_remove_equal(uint8_t* lp, const char* text, size_t length, size_t skip, size_t most,
                                    size_t* removed) noexcept nogil
# Everything of `other` behind what there is; `other` stays the caller's.
cdef uint8_t* listpack_join(uint8_t* lp, const uint8_t* other) noexcept nogil
# Moves all from an element on into a new listpack, `rest`.
cdef uint8_t* listpack_split(uint8_t* lp, const uint8_t* element, uint8_t** rest) noexcept nogil

# For building a listpack in memory of the caller's: `listpack_begin` makes it empty, `listpack_add` appends to it, for
# which there must be room for the text and ELEMENT_MOST bytes more. `listpack_from` makes one of its own of it.
cdef void listpack_begin(uint8_t* room) noexcept nogil
cdef void listpack_add(uint8_t* lp, const char* text, size_t length) noexcept nogil

# An element that is encoded but not yet in place, for those who lay listpacks out themselves; `text` stays theirs.
cdef struct Prepared:
    uint8_t head[9]
    size_t head_size
    const char* text
    size_t text_size
    size_t total                # bytes of the element

cdef void listpack_prepare(Prepared* element, const char* text, size_t length) noexcept nogil
cdef void listpack_write(uint8_t* to, const Prepared* element) noexcept nogil

cdef inline void listpack_tell(uint8_t* lp, uint32_t size, size_t elements) noexcept nogil:
    """Write the header."""
    memcpy(lp, &size, 4)
    if elements > LISTPACK_MANY:
        elements = LISTPACK_MANY
    lp[4] = <uint8_t>elements
    lp[5] = <uint8_t>(elements >> 8)

# Whether bytes from outside are a listpack: sizes, encodings, back lengths and count agree, nothing is read beyond.
cdef bint listpack_valid(const char* bytes, size_t size) noexcept nogil
# Bytes that an element of this text takes.
cdef size_t listpack_cost(const char* text, size_t length) noexcept nogil
