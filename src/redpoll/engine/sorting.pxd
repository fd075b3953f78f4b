"""Sorting texts by their bytes or by numbers: see sorting.pyx."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

# What is sorted, or what it is sorted by. The text lies wherever it does, for as long as the sorting takes.
cdef struct Text:
    const char* text         # NULL: an integer
    int64_t number           # the integer, or the length of the text

# Memory for texts that lie nowhere else; it goes all at once.
cdef struct TextBlock:
    TextBlock* next
    char data[8]             # really as long as it was made

cdef struct TextArena:
    TextBlock* blocks
    char* cursor
    size_t left

cdef inline void arena_init(TextArena* arena) noexcept nogil:
    arena.blocks = NULL
    arena.cursor = NULL
    arena.left = 0

cdef char* arena_take(TextArena* arena, size_t size) noexcept nogil
cdef void arena_free(TextArena* arena) noexcept nogil
# Has an integer printed, for those who want bytes.
cdef void text_print(Text* text, TextArena* arena) noexcept nogil
# A text that is a copy of one.
cdef void text_copy(Text* text, const char* source, size_t length, TextArena* arena) noexcept nogil
# The number that a text is; nothing at all is 0, too much is infinite. False: it is none.
cdef bint text_score(const Text* text, double* score) noexcept nogil
# As `text` is, in the order of the locale: its bytes compare as the words do there.
cdef void text_collated(Text* text, TextArena* arena) noexcept nogil
# Whether texts are to be sorted by `text_collated`, as bytes alone do not say.
cdef bint collates() noexcept nogil

# The texts in their order: `index` says which; `key` is what the sort goes by.
cdef struct Ordered:
    uint64_t key
    size_t index

cdef inline uint64_t score_key(double score) noexcept nogil:
    """Numbers whose order is that of the scores; both zeros are the same."""
    cdef uint64_t bits
    score += 0.0
    memcpy(&bits, &score, 8)
    return ~bits if bits >> 63 else bits | (<uint64_t>1 << 63)

# By keys, which are set; the same key again: by text, if there are texts. `scratch` is as large as `order`. Integers
# among the texts are printed where that is needed.
cdef void sort_by_key(Ordered* order, Ordered* scratch, size_t count, Text* texts, TextArena* arena) noexcept nogil
# By the bytes of texts, none of which may be an integer; what is equal stays in its order.
cdef void sort_by_text(Ordered* order, Ordered* scratch, size_t count, const Text* texts) noexcept nogil
