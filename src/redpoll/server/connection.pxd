"""One client's connection: buffers and state, no sockets. See connection.pyx."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from redpoll.engine.keyspace cimport Database
from redpoll.security.account cimport Account
from redpoll.server.routine cimport Routine
from redpoll.wire.output cimport Out
from redpoll.wire.request cimport Parser

# What makes dispatch look twice before it runs a command of this client.
cdef enum Gate:
    GATE_UNAUTHENTICATED = 1
    GATE_MONITOR = 2
    GATE_REPLY_OFF = 4
    GATE_REPLY_SKIP_NEXT = 8
    GATE_REPLY_SKIP = 16
    GATE_NO_TOUCH = 32
    GATE_CLOSING = 64            # replies still go out, no more commands are run
    GATE_BLOCKED = 128
    GATE_SUBSCRIBED = 256        # in RESP2 it may run few commands
    GATE_MULTI = 512             # commands are queued
    GATE_REPLAY = 1024           # runs what was saved: nothing is refused, nothing waits
    GATE_TRACKING = 2048         # what it reads is remembered, or its prefixes are
    GATE_RULES = 4096            # its user may not do all

cdef class Taker:
    """Takes the output of a connection that has no socket, and says how its client waits."""
    cdef bint comes_itself       # what it waits for is left there, and its command run again, until it comes
    # There is output, or the connection is closed; `something` is false when it only has to come. Called rather too often.
    cdef void arrived(self, bint something) noexcept

cdef class Connection:
    cdef readonly int fd                   # below zero: of this process, without a socket
    cdef readonly Taker taker              # of such a one
    cdef readonly uint64_t id
    cdef Out out
    cdef Parser parser
    # Bytes that came and were not run. During a turn of the loop they may lie in its arena: `at` to `end`.
    cdef char* buffer
    cdef size_t buffer_room
    cdef size_t buffer_length
    cdef const char* at
    cdef const char* end
    cdef size_t arrived          # bytes of this turn that lie in the arena
    cdef size_t buffer_peak
    cdef uint32_t queued         # of its commands in the batch
    cdef bint stalled            # the batch met a command that has to wait; the rest waits too
    cdef bint settled            # it is in no list of this turn
    cdef bint flushing           # it is in the list of those that have something to send
    cdef bint again              # it is in the list of those with commands left to run
    cdef uint64_t held_until     # bytes of the log that have to be on the disk before its output goes out
    cdef readonly uint64_t logged_until    # bytes of the log when its last change was in it
    cdef bint held               # it is in the list of those whose output waits for that
    cdef bint in_job             # a thread reads for it, or has and nobody has looked at it
    cdef bint wants_write        # epoll tells when it can be written to
    cdef bint closed
    cdef public uint32_t gate
    cdef readonly Database db
    cdef public Routine last
    cdef public int64_t created_ms
    cdef public int64_t active_ms          # of the last bytes from the client
    cdef public int64_t soft_since_ms      # when the output went over its soft limit; 0: it is not
    cdef public uint64_t bytes_in
    cdef public uint64_t bytes_out
    cdef public uint64_t commands
    cdef public bytes name
    cdef public bytes library_name
    cdef public bytes library_version
    cdef public str address
    cdef public str local_address
    cdef public Account account            # its user; None: what runs for the server itself
    cdef public bint unix_socket
    cdef public object secure              # the ssl.SSLSocket that it reads and writes through, or None
    cdef bint shaking_hands                # its TLS handshake is not done
    cdef public bint no_evict
    cdef public bint import_source
    cdef public set capabilities
    cdef public dict fieldsets             # of HIMPORT: names -> tuples of fields; None as long as there are none
    cdef public str closing_reason
    cdef public object server
    cdef public object waiter              # of server/blocking, while it waits for a key
    cdef public object tracking            # of server/tracking, while it tracks keys
    cdef public object subscriptions       # of server/pubsub, while it has any
    cdef public object transaction         # of server/transactions, between MULTI and EXEC
    cdef public object watched             # of server/transactions: keys that it watches, or None
    cdef public bint spoiled               # a key that it watched has changed: the next transaction is not executed
    cdef public object state               # whatever later rooms keep of it
    cdef public int kind                   # for output limits: 0 normal, 1 replica, 2 pub/sub

    cdef int store_rest(self) except -1
    cdef int make_room(self, size_t size) except -1
