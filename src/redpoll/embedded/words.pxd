"""Python values as the words of a command: see words.pyx."""

from redpoll.wire.request cimport Arg

cdef enum:
    FEW_WORDS = 16
    DIGITS = 32              # that a number takes at the most


cdef struct Words:
    Arg* argv
    size_t argc
    size_t total             # bytes of all of them
    char* digits
    void* block              # of more than FEW_WORDS
    Arg few[FEW_WORDS]
    char few_digits[FEW_WORDS * DIGITS]


# Points to the values in place. Returns what else has to live as long as the words are used; `encode` makes bytes of
# what is neither bytes, str, int nor float, and of every str where `utf8` is false.
cdef object words_of(Words* words, tuple values, object encode, bint utf8)
cdef void words_free(Words* words) noexcept
