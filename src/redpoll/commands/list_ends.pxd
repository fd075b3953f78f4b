"""What commands on lists share: pushing words, popping into replies, and telling of both."""

from libc.stdint cimport int64_t, uint64_t

from redpoll.commands.call cimport Call
from redpoll.engine.blob cimport Blob
from redpoll.engine.entry cimport Entry
from redpoll.engine.listpack cimport Element
from redpoll.engine.quicklist_walk cimport Walk
from redpoll.wire.direct cimport Direct
from redpoll.wire.output cimport Out
from redpoll.wire.reply cimport reply_blob, reply_bulk, reply_integer_text

cdef inline void reply_element(Out* out, const Element* element, Blob* blob) noexcept nogil:
    """An element as a bulk string; `blob` is that of a large one, else NULL."""
    if blob != NULL:
        reply_blob(out, blob)
    elif element.text != NULL:
        reply_bulk(out, element.text, element.length)
    else:
        reply_integer_text(out, element.integer)

# True for LEFT, False for RIGHT; raises the syntax error for anything else.
cdef bint is_left(Call call, size_t word) except -1
# A count that has to be above zero, else `error`.
cdef int64_t count_above_zero(Call call, size_t word, object error) except -1
# The list at a key, made if there is none.
cdef Entry** list_at(Call call, Entry** slot, size_t word, uint64_t hash) noexcept
# Pushes a word; there has to be room (`list_make_room`).
cdef void push_word(Call call, Entry* e, size_t word, bint front) noexcept
# Writes an element of an end, without taking it.
cdef void reply_end(Out* out, const Entry* e, bint front) noexcept nogil
# Writes `count` elements, which there must be, from where a walk is.
cdef void reply_walk(Out* out, Walk* walk, uint64_t count) noexcept nogil
# A list of so many.
cdef list walk_values(Direct direct, Walk* walk, uint64_t count)
# Writes `count` elements (no more than there are) from an end on as they would be popped, without taking them.
cdef void reply_from_end(Out* out, const Entry* e, uint64_t count, bint front) noexcept nogil
# Takes elements from an end of the list at a key, and tells of it; an empty list goes.
cdef void take(Call call, Entry** slot, size_t word, uint64_t hash, uint64_t count, bint front) noexcept
# As `take`, for elements that were taken already.
cdef void tell_taken(Call call, Entry** slot, size_t word, uint64_t hash, bint front) noexcept
