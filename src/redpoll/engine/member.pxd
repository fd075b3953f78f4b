"""A member of a large set, as a slot of its table holds it.

A slot of eight bytes is one of three:

    low bits   it is
    .......1   an integer of 63 bits, above that bit
    ...LLL10   a text of L bytes, up to seven, in the upper seven bytes
    .....000   a pointer to a text in a block of its own

    offset  bytes
    0       1    length of the text; 255: in the eight bytes that follow
    ..      n    the text

A text that is the canonical form of an integer of 63 bits is always that integer, and any other of up to seven bytes
is always in its slot. So equal members have equal slots, unless both are pointers, and integers and short words cost
nothing but their slot: nothing is allocated, and nothing else is read to find or to hash them.

A member on its way (`Member`) is such a word where that is enough, else a text wherever it lies.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from redpoll.engine.hashing cimport hash_bytes
from redpoll.engine.numbers cimport format_int64, parse_int64

cdef enum:
    MEMBER_INTEGER = 1
    MEMBER_SHORT = 2
    MEMBER_IN_SLOT = 3           # either of the two
    SHORT_MAX = 7
    LONG_TEXT = 255
    MEMBER_SCRATCH = 24          # bytes for the text of an integer

# A member on its way. `text` is NULL when `word` says it all.
cdef struct Member:
    uint64_t word
    const char* text
    size_t length

cdef inline size_t packed_length(const char* packed) noexcept nogil:
    """The length of the text that a slot points to."""
    cdef uint64_t length = <uint8_t>packed[0]
    if length == LONG_TEXT:
        memcpy(&length, packed + 1, 8)
    return length

cdef inline const char* packed_text(const char* packed) noexcept nogil:
    return packed + (9 if <uint8_t>packed[0] == LONG_TEXT else 1)

cdef inline bint integer_word(int64_t value, uint64_t* word) noexcept nogil:
    """Whether an integer fits into a slot, and what it is there."""
    word[0] = (<uint64_t>value << 1) | MEMBER_INTEGER
    return <int64_t>word[0] >> 1 == value

cdef inline int64_t word_integer(uint64_t word) noexcept nogil:
    return <int64_t>word >> 1

cdef inline void short_word(const char* text, size_t length, uint64_t* word) noexcept nogil:
    word[0] = 0
    memcpy(<char*>word + 1, text, length)
    word[0] |= (length << 2) | MEMBER_SHORT

cdef inline void member_of_text(Member* m, const char* text, size_t length) noexcept nogil:
    """The text must stay where it is while the member is used."""
    cdef long long value
    m.text = NULL
    if parse_int64(text, length, &value):
        if integer_word(value, &m.word):
            return
    elif length <= SHORT_MAX:
        short_word(text, length, &m.word)
        return
    m.word = 0
    m.text = text
    m.length = length

cdef inline void member_of_word(Member* m, uint64_t word) noexcept nogil:
    """The member in a slot."""
    m.word = word
    m.text = NULL
    if not word & MEMBER_IN_SLOT:
        m.length = packed_length(<const char*>word)
        m.text = packed_text(<const char*>word)

cdef inline bint member_of_integer(Member* m, int64_t value) noexcept nogil:
    """False when the integer is too large for a slot, so that it has to come as a text."""
    m.text = NULL
    return integer_word(value, &m.word)

cdef inline const char* member_text(const Member* m, char* scratch, size_t* length) noexcept nogil:
    """The text of a member; one that is in its slot is written to `scratch`."""
    if m.text != NULL:
        length[0] = m.length
        return m.text
    if m.word & MEMBER_INTEGER:
        length[0] = format_int64(scratch, word_integer(m.word))
        return scratch
    memcpy(scratch, &m.word, 8)
    length[0] = (m.word >> 2) & 7
    return scratch + 1

cdef inline uint64_t member_hash(uint64_t word, uint64_t seed) noexcept nogil:
    """The hash of what a slot holds."""
    if word & MEMBER_IN_SLOT:
        return hash_bytes(&word, 8, seed)
    return hash_bytes(packed_text(<const char*>word), packed_length(<const char*>word), seed)

cdef inline uint64_t hash_of_member(const Member* m, uint64_t seed) noexcept nogil:
    if m.text != NULL:
        return hash_bytes(m.text, m.length, seed)
    return hash_bytes(&m.word, 8, seed)
