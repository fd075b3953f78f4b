"""What the patterns of SORT stand for: see sort_patterns.pyx."""

from libc.stdint cimport uint64_t

from redpoll.commands.call cimport Call
from redpoll.engine.sorting cimport Text
from redpoll.wire.request cimport Arg

cdef enum PatternKind:
    PATTERN_NOTHING          # names no key, as it has no `*`
    PATTERN_ELEMENT          # `#`: the element itself
    PATTERN_KEY              # the string at a key
    PATTERN_FIELD            # a field of the hash at a key

cdef struct Pattern:
    PatternKind kind
    const char* before       # of the key, what is before and behind the element
    size_t before_length
    const char* behind
    size_t behind_length
    const char* field
    size_t field_length

# A key that a pattern stands for, in a buffer of keys.
cdef struct Wanted:
    size_t offset
    size_t length
    uint64_t hash

# Patterns that are looked up together, for some elements at a time.
cdef struct Patterns:
    Pattern* items
    size_t count
    size_t elements          # that are looked up at a time
    Wanted* wanted           # one a pattern and element
    char* keys
    size_t room              # of `keys`
    size_t used

cdef void pattern_read(Pattern* pattern, const Arg* word) noexcept nogil
# Takes the patterns, which `patterns_end` frees.
cdef void patterns_begin(Patterns* patterns, Pattern* items, size_t count) noexcept nogil
cdef void patterns_end(Patterns* patterns) noexcept nogil
# Elements come in rows of `elements` at the most: `row_begin`, then `row_add` for each, then `row_fetch`; from then on
# `pattern_value` says what a pattern stands for with the element of that place in the row.
cdef void row_begin(Patterns* patterns) noexcept nogil
cdef void row_add(Patterns* patterns, Call call, size_t place, const Text* element) noexcept
cdef void row_fetch(Patterns* patterns, Call call, size_t elements) noexcept
# False: there is nothing. The value is good until its key changes.
cdef bint pattern_value(Patterns* patterns, Call call, size_t place, size_t number, const Text* element,
                        Text* value) noexcept
