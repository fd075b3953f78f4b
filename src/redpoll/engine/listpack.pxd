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

# An element as it is read: a text, or an integer when `text` is NULL.
cdef struct Element:
    const char* text
    size_t length
    int64_t integer

cdef inline uint32_t listpack_size(const uint8_t* lp) noexcept nogil:
    """Bytes of the block."""
    cdef uint32_t size
    memcpy(&size, lp, 4)
    return size

cdef inline const uint8_t* listpack_first(const uint8_t* lp) noexcept nogil:
    """NULL when it is empty."""
    return NULL if lp[LISTPACK_HEADER] == LISTPACK_END else lp + LISTPACK_HEADER

cdef inline size_t back_size(size_t body) noexcept nogil:
    """Bytes that the back length of a body of so many bytes takes."""
    # The limits, one short of what would fit, are those that every writer of the format has used.
    if body <= 127:
        return 1
    if body < 16383:
        return 2
    if body < 2097151:
        return 3
    if body < 268435455:
        return 4
    return 5

cdef inline size_t body_size(const uint8_t* p) noexcept nogil:
    """Encoding and data of an element that is known to be whole."""
    cdef uint8_t first = p[0]
    cdef uint32_t length
    if first < 0x80:
        return 1
    if first < 0xC0:
        return 1 + (first & 63)
    if first < 0xE0:
        return 2
    if first < 0xF0:
        return 2 + ((<size_t>(first & 15) << 8) | p[1])
    if first == 0xF0:
        memcpy(&length, p + 1, 4)
        return 5 + <size_t>length
    if first == 0xF1:
        return 3
    if first == 0xF2:
        return 4
    if first == 0xF3:
        return 5
    return 9

cdef inline size_t element_size(const uint8_t* p) noexcept nogil:
    cdef size_t body = body_size(p)
    return body + back_size(body)

cdef inline void listpack_get(const uint8_t* p, Element* read) noexcept nogil:
    cdef uint8_t first = p[0]
    cdef uint32_t wide
    cdef int64_t value
    read.text = NULL
    read.length = 0
    if first < 0x80:
        read.integer = first
    elif first < 0xC0:
        read.length = first & 63
        read.text = <const char*>p + 1
    elif first < 0xE0:
        value = (<int64_t>(first & 31) << 8) | p[1]
        read.integer = value - 8192 if value >= 4096 else value
    elif first < 0xF0:
        read.length = (<size_t>(first & 15) << 8) | p[1]
        read.text = <const char*>p + 2
    elif first == 0xF0:
        memcpy(&wide, p + 1, 4)
        read.length = wide
        read.text = <const char*>p + 5
    elif first == 0xF1:
        value = p[1] | (<int64_t>p[2] << 8)
        read.integer = value - 65536 if value >= 32768 else value
    elif first == 0xF2:
        value = p[1] | (<int64_t>p[2] << 8) | (<int64_t>p[3] << 16)
        read.integer = value - 16777216 if value >= 8388608 else value
    elif first == 0xF3:
        memcpy(&wide, p + 1, 4)
        read.integer = <int64_t><int>wide
    else:
        memcpy(&value, p + 1, 8)
        read.integer = value

cdef inline size_t listpack_capacity(size_t size) noexcept nogil:
    """Bytes of the block of a listpack of so many bytes: large ones grow in steps, so that one that is appended to is not
    moved for every element."""
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

# An element that is encoded but not yet in place, for those who lay listpacks out themselves; `text` stays the caller's.
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
