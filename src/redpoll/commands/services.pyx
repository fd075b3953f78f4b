"""Parts of the server that compiled handlers call without Python between.

This room may not import the server's, so it says what it needs and the server derives from it.
"""

from libc.stdint cimport int64_t

from redpoll.commands.call cimport Call
from redpoll.engine.blob cimport Blob


cdef class Hub:
    """Delivers messages; `call.server.pubsub`."""

    cdef int64_t publish(self, const char* channel, size_t channel_length, const char* text, size_t length,
                         Blob* blob, bint sharded) except -1:
        raise NotImplementedError


cdef class Transactor:
    """Queues and executes transactions; `call.server.transactions`."""

    cdef int begin(self, Call call) except -1:
        raise NotImplementedError

    cdef int execute(self, Call call) except -1:
        raise NotImplementedError

    cdef int discard(self, Call call) except -1:
        raise NotImplementedError

    cdef int watch(self, Call call) except -1:
        raise NotImplementedError

    cdef int unwatch(self, Call call) except -1:
        raise NotImplementedError


cdef class ScriptRunner:
    """Runs scripts; `call.server.scripts`."""

    cdef int evaluate(self, Call call, bint by_digest, bint only_reads) except -1:
        raise NotImplementedError


cdef class FunctionRunner:
    """Calls functions; `call.server.functions`."""

    cdef int call_function(self, Call call, bint only_reads) except -1:
        raise NotImplementedError
