"""How commands on hashes get at one, and what they write of it."""

from libc.stdint cimport int64_t, uint64_t

from redpoll.commands.call cimport Call
from redpoll.engine.entry cimport Entry
from redpoll.engine.fields cimport FieldValue, Hash
from redpoll.engine.listpack cimport Element
from redpoll.wire.output cimport Out

# The slot of the hash at the key that is a word, opened, without fields that are due; NULL when there is none. Raises
# WRONGTYPE.
cdef Entry** hash_to_read(Call call, size_t word, Hash* h) except? NULL
# The same for a change. Without a slot `h` is an empty hash's beginning: nothing is allocated yet.
cdef Entry** hash_to_write(Call call, size_t word, Hash* h) except? NULL
# After a change of a hash that is there: puts it back. One that is empty is removed; returns True then.
cdef bint hash_done(Call call, Entry** slot, size_t word, Hash* h) noexcept
# The event of a hash that `hash_done` removed.
cdef void tell_gone(Call call, size_t word) noexcept
# A new hash goes to the key at a word.
cdef Entry** hash_made(Call call, size_t word, Hash* h) noexcept
# Sets a field to the value that is a word; a long word's blob is taken over.
cdef bint set_word(Call call, Hash* h, size_t field, size_t value, int64_t expiry) noexcept

cdef void reply_element(Out* out, const Element* element) noexcept nogil
cdef void reply_field_value(Out* out, const FieldValue* value) noexcept nogil
cdef size_t element_length(const Element* element) noexcept nogil
# The text of an element; an integer is printed into `scratch` (24 bytes).
cdef const char* element_text(const Element* element, char* scratch, size_t* length) noexcept nogil
