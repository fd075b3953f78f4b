"""How commands on arrays get at one, read indices, and write values."""

from libc.stdint cimport uint64_t

from redpoll.commands.call cimport Call
from redpoll.engine.array cimport Array
from redpoll.engine.array_slice cimport Limits
from redpoll.engine.array_word cimport Word
from redpoll.engine.entry cimport Entry
from redpoll.wire.output cimport Out

cdef enum:
    RANGE_MOST = 1000000     # indices that one reply tells of, gaps included

# The array at the key that is word 1, or NULL. Raises WRONGTYPE.
cdef const Array* array_to_read(Call call) except? NULL
# The same for a change. `slot` is the entry's, or NULL.
cdef Array* array_to_write(Call call, Entry*** slot) except? NULL
# A new array goes to the key.
cdef Array* array_made(Call call) noexcept
# Another array takes the place of one, which the caller frees.
cdef void array_moved(Entry** slot, Array* array) noexcept
# After a removal: tells of it, and removes an array without values.
cdef void array_removed_from(Call call, Entry** slot, const char* event) noexcept
cdef Limits array_limits(Call call) noexcept
# The index that is a word; raises for what is none.
cdef uint64_t index_at(Call call, size_t word) except? 0
# The value that is a word; a long word's blob is taken over.
cdef Word word_at(Call call, size_t word) noexcept

# An index or a count, which may be beyond what an integer reply holds.
cdef void reply_unsigned(Out* out, uint64_t value) noexcept nogil
cdef void reply_word(Out* out, Word word) noexcept nogil
# The values of all indices of a range, nulls for those that are missing.
cdef void reply_range(Out* out, const Array* array, uint64_t low, uint64_t high, bint back) noexcept nogil
