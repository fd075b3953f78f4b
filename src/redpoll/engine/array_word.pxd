"""A value of an array in eight bytes; long ones hang off it.

    low three bits      the rest
    0                   address of a block: its length (4 bytes), then the text        all zero: no value
    1                   address of a blob, for LONG_WORD bytes and more
    2                   a signed integer of 61 bits
    3                   a decimal: four bits say how many digits stand behind the point, the upper 57 are the signed
                        number without it
    4                   a text of up to seven bytes: three bits of length, then the bytes from the second byte on

What is a number is one only if it prints as exactly the text that it was. A value is never changed in place, so copies
of an array share its blobs.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from redpoll.engine.blob cimport Blob
from redpoll.engine.numbers cimport format_int64, format_uint64

ctypedef uint64_t Word

cdef enum:
    WORD_BLOCK = 0
    WORD_BLOB = 1
    WORD_INTEGER = 2
    WORD_DECIMAL = 3
    WORD_SHORT = 4

    WORD_TAG = 7
    WORD_SCRATCH = 24        # bytes that a number or a short text needs
    LONG_WORD = 1024

cdef struct TextBlock:
    uint32_t length
    char data[4]             # really `length` bytes

cdef inline bint word_hangs(Word word) noexcept nogil:
    """Whether something hangs off it."""
    return (word & WORD_TAG) <= WORD_BLOB and word != 0

cdef inline TextBlock* word_block(Word word) noexcept nogil:
    return <TextBlock*>word

cdef inline Blob* word_blob(Word word) noexcept nogil:
    return <Blob*>(word & ~<Word>WORD_TAG)

cdef inline int64_t word_integer(Word word) noexcept nogil:
    return <int64_t>word >> 3

cdef inline uint32_t word_decimals(Word word) noexcept nogil:
    return (word >> 3) & 15

cdef inline int64_t word_mantissa(Word word) noexcept nogil:
    return <int64_t>word >> 7

# A value of a text; one of a blob, whose reference is taken over.
cdef Word word_of(const char* text, size_t length) noexcept nogil
cdef Word word_of_blob(Blob* blob) noexcept nogil
cdef Word word_of_integer(int64_t value) noexcept nogil
# Another value of the same text, which must be freed on its own.
cdef Word word_copy(Word word) noexcept nogil
cdef void word_free(Word word) noexcept nogil
# Bytes of what hangs off it.
cdef size_t word_memory(Word word) noexcept nogil
# The text of a value; numbers and short texts are written into `scratch`.
cdef const char* word_text(Word word, char* scratch, size_t* length) noexcept nogil
# The number that a value is, if it is one: as ZADD reads scores.
cdef bint word_number(Word word, double* number) noexcept nogil
# The integer that it is, fractions cut off; False: no number, or one that 64 bits do not hold.
cdef bint word_whole(Word word, int64_t* number) noexcept nogil
