"""Parts of the server that compiled handlers call without Python between: see services.pyx."""

from libc.stdint cimport int64_t

from redpoll.commands.call cimport Call
from redpoll.engine.blob cimport Blob

cdef class Hub:
    cdef bint audible           # somebody is subscribed to something
    # Sends a message to everybody who is subscribed to the channel, and to patterns that it matches; how many got it.
    # `blob`: the text's own, of which a reference may be taken, or NULL. `sharded`: a sharded channel.
    cdef int64_t publish(self, const char* channel, size_t channel_length, const char* text, size_t length,
                         Blob* blob, bint sharded) except -1

cdef class Transactor:
    cdef int begin(self, Call call) except -1
    cdef int execute(self, Call call) except -1
    cdef int discard(self, Call call) except -1
    cdef int watch(self, Call call) except -1
    cdef int unwatch(self, Call call) except -1

cdef class ScriptRunner:
    # EVAL and its like: `by_digest` names the script by its SHA-1, `only_reads` refuses writes.
    cdef int evaluate(self, Call call, bint by_digest, bint only_reads) except -1

cdef class FunctionRunner:
    # FCALL; `only_reads` refuses writes.
    cdef int call_function(self, Call call, bint only_reads) except -1
