"""Who is connected, and what goes out to them.

The lowest of the loop's three layers: the descriptors that epoll looks at, the connections behind them, and the way of
a reply from a connection's output to its socket. Above it, batches.pyx has what comes in, and loop.pyx the turns.

Whatever the loop calls in Python may raise, and then neither the loop nor anybody else's connection must end with it.
So the three layers call through `guarded`, and go through their lists of connections in a `try` of their own, around
all of the list and not around each of it: what raised is told (`survived`), its connection closed (`give_up`), and the
rest of the list goes on.

A reply may have to be held: with `appendfsync always` nothing is sent that tells of a change before the log of that
change is on the disk. The loop does not wait for the disk meanwhile, only the connection does (group commit).
"""

import os

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdlib cimport free, realloc
from libc.string cimport memset
from posix.unistd cimport close as close_descriptor

from redpoll.engine.memory cimport KIND_CLIENT, used_by
from redpoll.server.connection cimport GATE_CLOSING, GATE_UNAUTHENTICATED, Taker
from redpoll.server.encrypted cimport close_secure, go_on_shaking, read_already, send_secure
from redpoll.server.io_threads cimport JOB_WRITE, Job, send_output
from redpoll.wire.output cimport out_consume, out_pending

cdef enum:
    WRITE_MOST = 1048576         # to one connection in one turn


cdef class Connections:
    """The connections of a loop. `server` is told of closed clients and of failed handshakes."""

    def __init__(self, server, Keyspace keyspace):
        self.server = server
        self.keyspace = keyspace
        self.connections = {}
        self.watched = {}
        self.graves = []
        self.older_graves = []
        self.unread = []
        self.next_id = 1

    def __cinit__(self, *_):
        self.epoll = -1

    def __dealloc__(self):
        if self.epoll >= 0:
            close_descriptor(self.epoll)
        free(self.by_descriptor)
        free(self.flushing.items)
        free(self.held.items)
        free(self.spare.items)

    cdef int open(self) except -1:
        """Have what waiting for sockets takes; a store that nobody else is served by goes without."""
        if self.epoll < 0:
            self.epoll = epoll_create1(EPOLL_CLOEXEC)
            if self.epoll < 0:
                raise OSError(errno, os.strerror(errno))
        return 0

    def release_descriptors(self):
        """Close what `open` opened, also in the child of a fork, where it is the parent's that goes on being used."""
        if self.epoll >= 0:
            close_descriptor(self.epoll)
            self.epoll = -1

    @property
    def sockets(self) -> bool:
        """Whether somebody is connected by a socket."""
        return any(fd >= 0 for fd in self.connections)

    def reset_statistics(self):
        """CONFIG RESETSTAT."""
        self.bytes_out = self.writes = self.threaded_writes = self.output_limit_closes = 0

    def set_output_limit(self, int kind, uint64_t hard, uint64_t soft, int64_t soft_seconds):
        """Limits on unsent output by class: 0 normal, 1 replica, 2 pub/sub. Zero: none."""
        self.output_limits[kind].hard = hard
        self.output_limits[kind].soft = soft
        self.output_limits[kind].soft_ms = soft_seconds * 1000

    # Exceptions

    def guarded(self, str what, function, *arguments):
        """What `function(*arguments)` answers; None if it raises, which is told as the failure of `what`."""
        try:
            return function(*arguments)
        except Exception as error:
            self.survived(what, error)

    cdef void survived(self, str what, object error) noexcept:
        self.server.internal_error(what, error)

    cdef void give_up(self, Connection connection, object error) noexcept:
        self.survived("The work for a client", error)
        if not connection.closed:
            connection.closing_reason = "internal error"
            self.close(connection)

    # Registration

    def watch(self, int fd, function):
        """Call `function()` whenever the descriptor can be read."""
        cdef epoll_event event
        self.open()
        self.watched[fd] = function
        event.events = EPOLLIN
        event.data.fd = fd
        if epoll_ctl(self.epoll, EPOLL_CTL_ADD, fd, &event) < 0:
            raise OSError(errno, os.strerror(errno))

    def unwatch(self, int fd):
        """Undo `watch`; the descriptor stays open."""
        if self.watched.pop(fd, None) is not None:
            epoll_ctl(self.epoll, EPOLL_CTL_DEL, fd, NULL)

    def add(self, int fd, secure=None):
        """A new connection on a non-blocking socket, which the loop closes; `secure`: its TLS, a `Secure`."""
        cdef Connection connection
        cdef epoll_event event
        cdef void** bigger
        cdef size_t room
        self.open()
        if <size_t>fd >= self.descriptors:
            room = max(<size_t>fd + 1, 2 * self.descriptors, <size_t>1024)
            bigger = <void**>realloc(self.by_descriptor, room * sizeof(void*))
            if bigger == NULL:
                raise MemoryError
            memset(bigger + self.descriptors, 0, (room - self.descriptors) * sizeof(void*))
            self.by_descriptor = bigger
            self.descriptors = room
        connection = Connection(fd, self.next_id, self.keyspace.databases[0], self.keyspace.now)
        connection.server = self.server
        connection.secure = secure
        connection.shaking_hands = secure is not None
        self.next_id += 1
        event.events = EPOLLIN
        event.data.fd = fd
        if epoll_ctl(self.epoll, EPOLL_CTL_ADD, fd, &event) < 0:
            raise OSError(errno, os.strerror(errno))
        self.connections[fd] = connection
        self.by_descriptor[fd] = <void*>connection
        return connection

    def add_local(self, Taker taker):
        """A connection of this process, without a socket: its number stands in the descriptor's place, below zero."""
        cdef Connection connection
        connection = Connection(-<int>self.next_id - 1, self.next_id, self.keyspace.databases[0], self.keyspace.now)
        connection.server = self.server
        connection.taker = taker
        self.next_id += 1
        self.connections[connection.fd] = connection
        return connection

    def close(self, Connection connection):
        """Close at once; whatever was still to be sent is lost."""
        if connection.closed:
            return
        connection.closed = True
        connection.stalled = True
        if connection.held:
            self.release_replies()
        self.graves.append(self.connections.pop(connection.fd))
        if connection.taker is None:
            self.by_descriptor[connection.fd] = NULL
            epoll_ctl(self.epoll, EPOLL_CTL_DEL, connection.fd, NULL)
            if connection.secure is None:
                close_descriptor(connection.fd)
            else:
                close_secure(connection)
        self.guarded("Farewell to a client", self.server.client_closed, connection)
        if connection.taker is not None:
            connection.taker.arrived(True)

    def close_after_reply(self, Connection connection):
        """Run no more of its commands, send what is to be sent, then close."""
        connection.gate |= GATE_CLOSING
        connection.stalled = True
        self.want_flush(connection)

    cdef bint shake_hands(self, Connection connection) except -1:
        """Go on with a TLS handshake; whether it is done."""
        cdef bint wants_write = False
        cdef object failure = go_on_shaking(connection, &wants_write)
        if failure is not None:
            connection.closing_reason = "TLS handshake failed"
            self.server.handshake_failed(connection, failure)
            self.close(connection)
            return False
        self.watch_writing(connection, wants_write)
        if connection.shaking_hands:
            return False
        self.server.handshake_done(connection)
        return True

    # Writing

    def send(self, Connection connection, value):
        """Send something out of turn."""
        if not connection.closed:
            connection.send(value)
            self.sent_out_of_turn(connection)

    def sent_out_of_turn(self, Connection connection):
        """Something was written into a connection's output; have it sent."""
        if not connection.closed:
            self.want_flush(connection)
            if connection.out.chunks > 1 or self.output_limits[connection.kind].hard:
                self.over_limit(connection)

    def flush_now(self, Connection connection):
        """Send what a connection has waiting, as far as its socket takes it."""
        if not connection.closed:
            self.flush(connection)

    cdef void want_flush(self, Connection connection) noexcept:
        if not connection.flushing and not connection.closed:
            connection.flushing = True
            listing_add(&self.flushing, <void*>connection)

    cdef int flush_all(self) except -1:
        cdef size_t i, total = self.flushing.count
        cdef Connection connection = None
        if self.pool is not None and total > <size_t>self.pool.threads and self.engaged == NULL:
            self.flush_by_threads()
        i = 0
        while i < total:
            try:
                while i < total:
                    connection = <Connection>self.flushing.items[i]
                    i += 1
                    connection.flushing = False
                    if not connection.closed and not connection.wants_write and <void*>connection != self.engaged:
                        self.flush(connection)
            except Exception as error:
                self.give_up(connection, error)
        # Closing one client may have given others something to send: they are behind.
        if self.flushing.count > total:
            for i in range(total, self.flushing.count):
                self.flushing.items[i - total] = self.flushing.items[i]
        self.flushing.count -= total
        return 0

    cdef int flush_by_threads(self) except -1:
        """A first write for each connection that has something to send; the rest, if any, is left to `flush`."""
        cdef size_t i, count = 0, at = 0
        cdef Connection connection = None
        cdef Job* job
        while at < self.flushing.count:
            count = 0
            while at < self.flushing.count and count < JOBS:
                connection = <Connection>self.flushing.items[at]
                at += 1
                if (connection.closed or connection.held or connection.wants_write or connection.secure is not None
                        or not out_pending(&connection.out)):
                    continue
                if connection.taker is not None:
                    continue
                job = &self.jobs[count]
                job.kind = JOB_WRITE
                job.connection = <void*>connection
                job.fd = connection.fd
                job.out = &connection.out
                count += 1
            self.pool.run(self.jobs, count)
            self.threaded_writes += count
            i = 0
            while i < count:
                try:
                    while i < count:
                        job = &self.jobs[i]
                        i += 1
                        connection = <Connection>job.connection
                        if (self.sent(connection, job.result, job.offered, job.error)
                                and not out_pending(&connection.out)):
                            self.flushed(connection)
                except Exception as error:
                    self.give_up(connection, error)
        return 0

    cdef int hand_out(self, Connection connection) except -1:
        """As `flush`, for one of this process, which takes it from its output itself."""
        connection.soft_since_ms = 0
        if out_pending(&connection.out):
            connection.taker.arrived(True)
        if connection.gate & GATE_CLOSING:
            self.close(connection)
        return 0

    cdef int flush(self, Connection connection) except -1:
        """Send as much as the socket takes, within reason."""
        cdef size_t offered = 0, total = 0
        cdef ssize_t sent
        cdef int error
        if connection.held:
            return 0
        if connection.taker is not None:
            return self.hand_out(connection)
        if connection.shaking_hands:
            if self.shake_hands(connection) and read_already(connection):
                self.unread.append(connection)
            return 0
        while out_pending(&connection.out):
            if connection.secure is None:
                sent = send_output(connection.fd, &connection.out, WRITE_MOST, &offered)
                error = errno
            else:
                sent = send_secure(connection, &offered, &error)
            if not self.sent(connection, sent, offered, error):
                return 0
            total += sent
            if total >= WRITE_MOST and out_pending(&connection.out):
                # Others have their turn first.
                return self.watch_writing(connection, True)
        return self.flushed(connection)

    cdef bint sent(self, Connection connection, ssize_t sent, size_t offered, int error) except -1:
        """Account for what `send` told; whether the socket took all that it was offered."""
        if sent < 0:
            if error == EAGAIN or error == EINTR:
                self.watch_writing(connection, True)
            else:
                connection.closing_reason = "write error"
                self.close(connection)
            return False
        self.writes += 1
        self.bytes_out += sent
        connection.bytes_out += sent
        out_consume(&connection.out, sent)
        if <size_t>sent < offered:
            self.watch_writing(connection, True)
            return False
        return True

    cdef int flushed(self, Connection connection) except -1:
        """Everything was sent."""
        out_consume(&connection.out, 0)
        if connection.wants_write:
            self.watch_writing(connection, False)
        connection.soft_since_ms = 0
        if connection.gate & GATE_CLOSING:
            self.close(connection)
        return 0

    cdef int watch_writing(self, Connection connection, bint wanted) except -1:
        cdef epoll_event event
        if connection.wants_write == wanted:
            return 0
        connection.wants_write = wanted
        event.events = EPOLLIN | EPOLLOUT if wanted else EPOLLIN
        event.data.fd = connection.fd
        if epoll_ctl(self.epoll, EPOLL_CTL_MOD, connection.fd, &event) < 0:
            raise OSError(errno, os.strerror(errno))
        return 0

    cdef void over_limit(self, Connection connection) noexcept:
        """Close a connection whose unsent output is more than its class may have."""
        cdef OutputLimit* limit = &self.output_limits[connection.kind]
        cdef size_t memory = connection.out.memory
        # Strangers are told little, and have to read it.
        cdef bint over = connection.gate & GATE_UNAUTHENTICATED != 0
        if limit.hard and memory >= limit.hard:
            over = True
        if limit.soft and memory >= limit.soft:
            if connection.soft_since_ms == 0:
                connection.soft_since_ms = self.keyspace.now
            elif self.keyspace.now - connection.soft_since_ms > limit.soft_ms:
                over = True
        else:
            connection.soft_since_ms = 0
        # What is only referred to counts for its client, though no allocator has seen it grow.
        if (self.clients_limit and memory + used_by(KIND_CLIENT) > self.clients_limit
                and memory > self.output_looked_at + self.clients_limit // CLIENTS_STEP):
            self.output_looked_at = memory
            self.clients_grew = True
        if over and not connection.closed:
            self.output_limit_closes += 1
            connection.closing_reason = "output buffer over its limit"
            self.server.log_client(connection, "its output buffer went over client-output-buffer-limit")
            self.close(connection)

    def check_output_limits(self):
        """For soft limits of connections that get nothing new."""
        cdef Connection connection
        for connection in list(self.connections.values()):
            if connection.out.chunks > 1:
                self.over_limit(connection)

    # Held replies

    def use_log(self, FileWriter log):
        """Hand the feed's log over to its writer once a turn; None: there is none any more."""
        self.log = log
        if log is None:
            self.release_replies()

    cdef int hold_replies(self) except -1:
        """Group commit: what is in the log but not on the disk must not be seen as done by anybody."""
        cdef size_t i
        cdef Connection connection
        cdef uint64_t synced = self.log.synced_bytes()
        cdef bint failing
        if synced == self.log.appended:
            return 0
        # While the disk fails, who waits for nothing of its own is answered nevertheless.
        failing = self.log.error != 0
        for i in range(self.flushing.count):
            connection = <Connection>self.flushing.items[i]
            if failing and connection.logged_until <= synced:
                continue
            if not failing:
                connection.held_until = self.log.appended
            if not connection.held:
                connection.held = True
                listing_add(&self.held, <void*>connection)
        self.log.clients_wait(self.held.count)
        return 0

    cdef int release_early(self) except -1:
        """At a turn's begin: send what the log has made safe since. Later in the turn it would be held once more, for
        what the turn changes."""
        cdef Listing others = self.flushing
        cdef size_t i
        if self.log is None or self.log.synced_bytes() == self.released_at:
            return 0
        self.flushing = self.spare
        try:
            self.release_replies()
            self.flush_all()
        finally:
            # Whoever got something to say by that is no better than those who had it.
            for i in range(self.flushing.count):
                listing_add(&others, self.flushing.items[i])
            self.spare = self.flushing
            self.spare.count = 0
            self.flushing = others
        return 0

    def release_replies(self):
        """More of the log is on the disk: let go of the output that waited for it."""
        cdef size_t i, kept = 0
        cdef Connection connection
        cdef uint64_t synced = self.log.synced_bytes() if self.log is not None else <uint64_t>-1
        cdef bint failing = self.log is not None and self.log.error != 0
        self.released_at = synced
        for i in range(self.held.count):
            connection = <Connection>self.held.items[i]
            # While the disk fails, only those go on waiting that wait for something of their own.
            if (connection.held_until > synced and not connection.closed
                    and not (failing and connection.logged_until <= synced)):
                self.held.items[kept] = self.held.items[i]
                kept += 1
                continue
            connection.held = False
            if not connection.closed:
                self.want_flush(connection)
        if self.log is not None and kept < self.held.count:
            self.log.clients_waited(self.held.count)
            self.log.clients_wait(kept)
        self.held.count = kept
