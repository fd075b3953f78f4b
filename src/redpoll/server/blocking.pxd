"""Clients that wait for keys: see blocking.pyx."""

from libc.stdint cimport int64_t, uint64_t

from redpoll.commands.call cimport Call
from redpoll.engine.keyspace cimport Keyspace
from redpoll.server.changes cimport Changes
from redpoll.server.connection cimport Connection
from redpoll.server.routine cimport Routine
from redpoll.wire.request cimport Arg

cdef class Waiter:
    cdef readonly Connection connection
    cdef Routine routine
    cdef list words
    cdef Arg* argv                 # into `words`
    cdef size_t argc
    cdef int database
    cdef int type                  # of the values that can serve it; ANY_TYPE
    cdef bint wake_when_gone       # also when a key is no more, or of another type
    cdef readonly list keys        # (database, key)
    cdef readonly int64_t deadline_ms    # 0: none
    cdef readonly int64_t retry_ms # when to run it again though nothing changed; 0: never
    cdef object timeout_reply
    cdef bint served               # what its command said when it ran again
    cdef bint invited              # its client has been told that there is something, and comes for it
    cdef readonly bint over

    cdef int take_words(self, Call call) except -1
    cdef void point(self, size_t index) noexcept

cdef class Queue:
    """Those who wait for one key."""
    cdef dict lines                # type -> OrderedDict of waiters, first come first
    cdef uint64_t hash
    cdef size_t waiting
    cdef size_t wanting_gone       # of them, those to be woken when the key is gone

cdef class Blocking:
    cdef object server
    cdef Keyspace keyspace
    cdef Changes changes
    cdef dict queues               # (database, key) -> Queue
    cdef list deadlines            # heap of (time, number, waiter)
    cdef list ready                # keys that changed, in order
    cdef set ready_keys            # the same, to ask whether one is there
    cdef object numbers
    cdef Waiter serving
    cdef Waiter passing            # it has just had its turn, for nothing
    cdef readonly size_t waiting

    cdef int enter(self, Waiter waiter) except -1
    cdef int file_deadline(self, Waiter waiter) except -1
    cdef int release(self, Waiter waiter) except -1
    cdef int finish(self, Waiter waiter, reply) except -1
    cdef int make_ready(self, tuple place) except -1
    cpdef int serve(self) except -1
    cdef int serve_key(self, tuple place) except -1
    cdef int serve_line(self, tuple place, Queue queue, int type) except -1
    cdef int type_at(self, tuple place, Queue queue) except -3
    cdef int run(self, Waiter waiter) except -1
