"""What commands of streams share: IDs as words, groups by name, and entries as replies."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from redpoll.commands.call cimport Call
from redpoll.engine.entry cimport Entry, entry_value
from redpoll.engine.id_tree cimport StreamId
from redpoll.engine.listpack_element cimport Element, element_size, listpack_get
from redpoll.engine.stream cimport STREAM_ID_TEXT, Consumer, Group, Pending, Stream, StreamEntry, id_text
from redpoll.wire.direct cimport Direct
from redpoll.wire.output cimport Out
from redpoll.wire.reply cimport reply_array, reply_bulk, reply_integer_text

cdef enum Reference:
    KEEP_REFERENCES = 1
    DELETE_REFERENCES = 2
    ONLY_ACKNOWLEDGED = 3

# How an ID may be written.
cdef enum Form:
    FORM_ANY = 0
    FORM_STRICT = 1          # not "-" or "+"
    FORM_SEQUENCE = 2        # strict, or "ms-*"

# Whether a word is an ID; `missing` is the sequence of one without. "ms-*" clears `has_sequence`.
cdef bint read_id(Call call, size_t word, Form form, uint64_t missing, StreamId* id, bint* has_sequence) noexcept
# A strict ID without a sequence being 0; raises the error.
cdef int id_word(Call call, size_t word, StreamId* id) except -1
# A bound of a range; "(" leaves the ID itself out.
cdef int start_word(Call call, size_t word, StreamId* id) except -1
cdef int end_word(Call call, size_t word, StreamId* id) except -1
# Whether a word is this one character.
cdef inline bint word_is_sign(Call call, size_t word, char sign) noexcept:
    return call.argv[word].len == 1 and call.argv[word].ptr[0] == sign
# KEEPREF, DELREF or ACKED; 0: none of them.
cdef int reference_at(Call call, size_t word) noexcept

# Reads `[KEEPREF | DELREF | ACKED] IDS numids id …` from a word on, in any order; where the IDs begin, and end.
cdef size_t ids_block(Call call, size_t first, int* references, size_t* last) except 0
# Raises for a word that is no ID.
cdef int check_ids(Call call, size_t first, size_t last) except -1
# Removes an entry; the reply for it: 1 removed, 2 left because a group wants it, -1 not there.
cdef int remove_as_asked(Stream* s, StreamId id, int references) noexcept

cdef inline Stream* stream_of(Entry** slot) noexcept:
    return <Stream*>entry_value(slot[0])
# A new, empty stream at a key that is not there.
cdef Entry** create_stream(Call call, size_t word) noexcept
cdef Group* group_at(Stream* s, Call call, size_t word) noexcept
# For the log: IDs as words, and commands that have the effect of what was done, whenever they are run.
cdef bytes id_bytes(StreamId id)
cdef int say_given(Call call, size_t key, const Group* group, const Consumer* consumer, list ids, int64_t delivered,
                   uint64_t deliveries) except -1
cdef int say_pending(Call call, size_t key, const Group* group, const Pending* pending) except -1
cdef int say_gone(Call call, size_t key, const Group* group, StreamId id) except -1
cdef int say_progress(Call call, size_t key, const Group* group) except -1
cdef int say_consumer(Call call, size_t key, const Group* group, const Consumer* consumer) except -1
# The text of -NOGROUP for two words.
cdef object no_group(Call call, size_t key, size_t group)

cdef inline void reply_id(Out* out, StreamId id) noexcept nogil:
    cdef char text[STREAM_ID_TEXT]
    reply_bulk(out, text, id_text(text, id))

cdef inline void reply_element(Out* out, const uint8_t* p) noexcept nogil:
    cdef Element read
    listpack_get(p, &read)
    if read.text == NULL:
        reply_integer_text(out, read.integer)
    else:
        reply_bulk(out, read.text, read.length)

cdef inline void reply_fields(Out* out, const StreamEntry* entry) noexcept nogil:
    cdef const uint8_t* name = entry.names
    cdef const uint8_t* word = entry.words
    cdef size_t _i
    reply_array(out, 2 * entry.pairs)
    for _i in range(entry.pairs):
        if name != NULL:
            reply_element(out, name)
            name += element_size(name)
        else:
            reply_element(out, word)
            word += element_size(word)
        reply_element(out, word)
        word += element_size(word)

cdef inline void reply_entry(Out* out, const StreamEntry* entry) noexcept nogil:
    """ID and fields."""
    reply_array(out, 2)
    reply_id(out, entry.id)
    reply_fields(out, entry)

# The same as a Python value.
cdef object given_entry(Direct direct, const StreamEntry* entry)
# One that was deleted, but is pending: it has no fields.
cdef object given_gone(Direct direct, StreamId id)
# Either: the entry is written, or appended to a list.
cdef inline int show_entry(Call call, list given, const StreamEntry* entry) except -1:
    if given is None:
        reply_entry(call.out, entry)
    else:
        given.append(given_entry(<Direct>call.direct, entry))
    return 0

# Entries of a range, `count` at the most (0: all).
cdef uint64_t reply_range(Out* out, const Stream* s, StreamId first, StreamId last, bint backwards,
                          uint64_t count) noexcept nogil
cdef list given_range(Direct direct, const Stream* s, StreamId first, StreamId last, bint backwards, uint64_t count)
# One entry by its ID; False, and nothing written, when it is not there.
cdef bint reply_one(Out* out, const Stream* s, StreamId id) noexcept nogil
