"""Bytes that are known, and among them what trees of pending entries hold at one moment, written in its turn.

So the groups of a stream are told as they are now, while they go on changing: all that is short is in the text, and
what is long hangs in the trees until it is written or changes (engine/id_ranges).
"""

from redpoll.engine.id_tree cimport IdRanges, IdTree, StreamId
from redpoll.formats.rdb_output cimport Output

cdef struct Splice

# Appends what a tree has between two IDs, both included.
ctypedef void (*range_writer)(Output* out, const Splice* splice, const IdTree* tree, StreamId first,
                              StreamId last) noexcept nogil

cdef struct Splice:
    size_t offset            # in the text: where it belongs
    IdRanges* ranges
    range_writer write
    Output words             # for the writer: what it has to know besides
    size_t words_split       # where the second part of that begins

cdef struct Spliced:
    Output text
    Splice** splices
    size_t count
    size_t room
    size_t at                # the next one
    size_t written           # of the text, and of its marks
    size_t written_marks

# An empty one whose text is written as that of another buffer; NULL: there is no memory for it.
cdef Spliced* spliced_new(const Output* like) noexcept nogil
# All of a tree comes here, as `write` tells it; `words` are the caller's to fill. NULL: there is no memory for it.
cdef Splice* splice(Spliced* spliced, IdTree* tree, range_writer write) noexcept nogil
# Goes on until `out` is so long; whether it is done.
cdef bint spliced_more(Output* out, Spliced* spliced, size_t until) noexcept nogil
cdef void spliced_free(Spliced* spliced) noexcept nogil
