"""Replies as Python values: see replies.pyx."""

from redpoll.wire.direct cimport Direct
from redpoll.wire.output cimport Chunk, Out


cdef class Decoding(Direct):
    """How strings and errors become Python values, for one client."""
    cdef readonly bint decoding      # strings become str
    cdef readonly str encoding
    cdef readonly str errors
    cdef bint utf8
    cdef bytes errors_name
    cdef readonly bint sets          # sets become set where their members allow that, not list
    cdef readonly object make_error  # of a text; what it returns stands in the reply


cdef struct Cursor:
    Chunk* chunk
    const char* at
    const char* end
    Out* out
    size_t taken                     # bytes that were read


# Takes the first reply out of what waits there, which holds whole replies only, at least one. `decoding`: strings
# become str, as `how` says. A message out of turn is a `PushReply`.
cdef object take_reply(Out* out, Decoding how, bint decoding)
