"""The event loop: epoll, reading, batching, writing.

A turn: wait; read every connection that has something, into one arena; cut the bytes into
requests, up to a batch of some hundred over all connections; ask the processor for the buckets and
then the entries of all their keys, so that a batch waits for memory once and not once a
command; run the requests in order; write what there is to write, once a connection; do a
bounded slice of background work.

The interpreter's lock is given up while waiting and held otherwise. Nothing on this way makes
a Python object for a compiled command.

Without a thread of its own: an embedded store's commands run in the threads that call them, under the store's guard,
and `finish` does after each what a turn does after its commands. Connections of this process have no socket but a
`taker`, which is told when there is something for it; whoever takes it from the output does so under the guard. Most
of what time brings waits for the next command. What cannot, as a snapshot under way or keys whose expiry somebody
wants to hear of, has a thread attend: it takes turns until nothing needs it, asleep between, and ends. Sockets have one
always.
"""

import os

from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport INT64_MAX, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset
from posix.unistd cimport close as close_descriptor, usleep

from redpoll.engine.keyspace cimport Database
from redpoll.engine.table cimport table_prefetch, table_prefetch_entry
from redpoll.server.clock cimport monotonic_microseconds, unix_microseconds
from redpoll.server.coalescing cimport Traffic
from redpoll.server.connection cimport GATE_BLOCKED, GATE_CLOSING, Taker
from redpoll.server.encrypted cimport close_secure, go_on_shaking, receive_secure, send_secure
from redpoll.server.guard cimport PyThread_get_thread_ident
from redpoll.server.io_threads cimport JOB_READ, JOB_WRITE, Cut, Job, Pool, send_output
from redpoll.wire.output cimport out_consume, out_pending, trim_pool
from redpoll.wire.reply cimport reply_error
from redpoll.wire.request cimport (
    REQUEST_EMPTY, REQUEST_MORE, REQUEST_READY, Outcome, parse, parser_memory, parser_reset,
)

cdef extern from "<sys/epoll.h>" nogil:
    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int operation, int fd, epoll_event* event)
    int epoll_wait(int epoll, epoll_event* events, int room, int timeout)
    int EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL, EPOLL_CLOEXEC
    uint32_t EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLRDHUP

cdef extern from "<sys/socket.h>" nogil:
    ssize_t recv(int fd, void* buffer, size_t size, int flags)
    int MSG_DONTWAIT

cdef enum:
    ARENA_BYTES = 1048576
    READ_BYTES = 65536
    READ_LEAST = 16384
    BATCH_REQUESTS = 256
    BATCH_WORDS = 8192
    EVENTS = 1024
    JOBS = 64                    # reads or writes for the threads at a time
    JOB_WORDS = 1024
    JOB_REQUESTS = 128
    WRITE_MOST = 1048576         # to one connection in one turn
    EXPIRE_SLICE_US = 500
    LET_RUN_US = 50              # that other threads get, again and again, while a script runs for long
    CALLER_SLICE_US = 50         # of freeing, in a thread that wants its command's reply
    FREE_BUCKETS = 256
    SAVE_STEP = 128              # buckets and entries of a snapshot between two looks at the clock
    SAVE_QUIET_US = 2000
    SAVE_BUSY_US = 300

cdef int64_t NEVER = INT64_MAX // 2


cdef int listing_add(Listing* listing, void* item) except -1:
    cdef void** bigger
    if listing.count == listing.room:
        bigger = <void**>realloc(listing.items, (listing.room * 2 + 64) * sizeof(void*))
        if bigger == NULL:
            raise MemoryError
        listing.items = bigger
        listing.room = listing.room * 2 + 64
    listing.items[listing.count] = item
    listing.count += 1
    return 0


cdef class Loop:
    """One event loop with its connections. `server` is told of closed clients and of protocol errors."""

    def __init__(self, server, Dispatcher dispatcher):
        self.server = server
        self.dispatcher = dispatcher
        self.keyspace = dispatcher.keyspace
        self.connections = {}
        self.watched = {}
        self.graves = []
        self.older_graves = []
        self.cron_interval_ms = 100
        self.active_expire = True
        self.expire_effort = 1
        self.query_limit = 1 << 30
        self.longest_word = 512 << 20
        self.next_id = 1
        self.traffic = Traffic()
        self.dirty_seen = <uint64_t>-1

    def __cinit__(self, *_):
        self.epoll = self.wake_event = -1

    def __dealloc__(self):
        self.release_descriptors()
        free(self.arena)
        free(self.batch)
        free(self.words)
        free(self.spare_arena)
        free(self.spare_batch)
        free(self.spare_words)
        free(self.by_descriptor)
        free(self.touched.items)
        free(self.flushing.items)
        free(self.again.items)
        free(self.held.items)
        free(self.spare.items)
        free(self.jobs)
        free(self.job_words)
        free(self.job_cuts)

    cdef int open(self) except -1:
        """Have what waiting for sockets takes; a store that nobody else is served by goes without."""
        cdef epoll_event event
        if self.epoll >= 0:
            return 0
        self.open_buffers()
        self.epoll = epoll_create1(EPOLL_CLOEXEC)
        if self.epoll < 0:
            raise OSError(errno, os.strerror(errno))
        if self.guard is not None:
            self.wake_event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            event.events = EPOLLIN
            event.data.fd = self.wake_event
            if epoll_ctl(self.epoll, EPOLL_CTL_ADD, self.wake_event, &event) < 0:
                raise OSError(errno, os.strerror(errno))
            self.watched[self.wake_event] = self.woken
        return 0

    cdef int open_buffers(self) except -1:
        """Have what cutting requests out of bytes takes."""
        if self.arena == NULL:
            self.arena = <char*>malloc(ARENA_BYTES)
            self.batch = <Request*>malloc(BATCH_REQUESTS * sizeof(Request))
            self.words = <Arg*>malloc(BATCH_WORDS * sizeof(Arg))
            if self.arena == NULL or self.batch == NULL or self.words == NULL:
                raise MemoryError
        return 0

    def release_descriptors(self):
        """Close what `open` opened, also in the child of a fork, where it is the parent's that goes on being used."""
        if self.epoll >= 0:
            close_descriptor(self.epoll)
            self.epoll = -1
        if self.wake_event >= 0:
            close_descriptor(self.wake_event)
            self.wake_event = -1

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
        """A new connection on a non-blocking socket, which the loop closes; `secure`: the `ssl.SSLSocket` around it."""
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
                os.close(connection.fd)
            else:
                close_secure(connection)
        self.server.client_closed(connection)
        if connection.taker is not None:
            connection.taker.arrived(True)

    def close_after_reply(self, Connection connection):
        """Run no more of its commands, send what is to be sent, then close."""
        connection.gate |= GATE_CLOSING
        connection.stalled = True
        self.want_flush(connection)

    def send(self, Connection connection, value):
        """Send something out of turn."""
        if not connection.closed:
            connection.send(value)
            self.sent_out_of_turn(connection)

    def go_on(self, Connection connection):
        """Run what a connection has waiting, from the next turn on, now that nothing holds it back any more."""
        if not connection.again and not connection.closed:
            connection.again = True
            listing_add(&self.again, <void*>connection)

    def sent_out_of_turn(self, Connection connection):
        """Something was written into a connection's output; have it sent."""
        if not connection.closed:
            self.want_flush(connection)
            if connection.out.chunks > 1 or self.output_limits[connection.kind].hard:
                self.over_limit(connection)

    def wake_by(self, int64_t when_ms):
        """Call the server's `deadline` at this time, unix milliseconds, if not before."""
        if not self.next_deadline_ms or when_ms < self.next_deadline_ms:
            self.next_deadline_ms = when_ms
            if self.attended and when_ms < self.awake_at_ms:
                self.wake()

    def flush_now(self, Connection connection):
        """Send what a connection has waiting, as far as its socket takes it."""
        if not connection.closed:
            self.flush(connection)

    def use_threads(self, int threads):
        """Have so many threads, the loop's own included, read, parse and write."""
        if threads < 2 or self.pool is not None:
            return
        self.jobs = <Job*>calloc(JOBS, sizeof(Job))
        self.job_words = <Arg*>malloc(JOBS * JOB_WORDS * sizeof(Arg))
        self.job_cuts = <Cut*>malloc(JOBS * JOB_REQUESTS * sizeof(Cut))
        if self.jobs == NULL or self.job_words == NULL or self.job_cuts == NULL:
            raise MemoryError
        self.pool = Pool(threads - 1)

    @property
    def threads(self) -> int:
        """Threads that do input and output, the loop's own included."""
        return 1 if self.pool is None else self.pool.threads + 1

    @property
    def sockets(self) -> bool:
        """Whether somebody is connected by a socket."""
        return any(fd >= 0 for fd in self.connections)

    def reset_statistics(self):
        """CONFIG RESETSTAT."""
        self.cycles = self.cycle_us = self.command_us = self.bytes_in = self.bytes_out = 0
        self.reads = self.writes = self.query_limit_closes = self.output_limit_closes = 0
        self.expire_us = self.expire_cap_reached = self.parse_batches = self.parse_batch_commands = 0
        self.longest_cycle_us = 0

    def set_output_limit(self, int kind, uint64_t hard, uint64_t soft, int64_t soft_seconds):
        """Limits on unsent output by class: 0 normal, 1 replica, 2 pub/sub. Zero: none."""
        self.output_limits[kind].hard = hard
        self.output_limits[kind].soft = soft
        self.output_limits[kind].soft_ms = soft_seconds * 1000

    def stop(self):
        """End `run` after this turn."""
        self.stopping = True

    # Turns

    def run(self):
        """Serve until `stop`, which may have been called already: a signal can come before the first turn."""
        self.open()
        self.traffic.prepare()
        self.tick()
        while not self.stopping:
            self.turn()
        self.stopping = False

    def poll(self):
        """One turn that does not wait; for whoever works on and on, so that clients are answered meanwhile."""
        if self.guard is not None:
            # Who works has the guard, and lets nobody in.
            return
        self.again_soon = True
        self.tick()
        self.turn()
        self.dispatcher.begin()

    cdef int tick(self) except -1:
        self.unix_us = unix_microseconds()
        self.keyspace.tick(self.unix_us // 1000)
        self.traffic.tick(self.keyspace.now)
        return 0

    cdef int turn(self) except -1:
        cdef epoll_event events[EVENTS]
        cdef int64_t wait
        cdef int happened, timeout
        if self.guard is not None:
            # Not the time of the keyspace, which only its own commands move.
            wait = self.awake_at_ms - unix_microseconds() // 1000
            wait = min(wait, <int64_t>60000)
        else:
            wait = self.next_cron_ms - self.keyspace.now
            if self.active_expire and self.next_expire_ms - self.keyspace.now < wait:
                wait = self.next_expire_ms - self.keyspace.now
            if self.next_deadline_ms and self.next_deadline_ms - self.keyspace.now < wait:
                wait = self.next_deadline_ms - self.keyspace.now
        if self.saver is not None and wait > 0 and not self.saver.walked:
            # Nothing to do but to save, unless the disk has enough to do for a while.
            wait = 1 if self.saver.is_behind else 0
        if self.compaction is not None and wait > 2:
            wait = 2
        if self.again.count or self.flushing.count or self.keyspace.has_remains() or self.again_soon or wait < 0:
            wait = 0
            self.again_soon = False
        timeout = <int>wait
        if timeout:
            if self.traffic.worth_waiting(self.turn_reads, self.turn_requests):
                self.traffic.wait()
            with nogil:
                happened = epoll_wait(self.epoll, events, EVENTS, timeout)
        else:
            happened = epoll_wait(self.epoll, events, EVENTS, 0)
        if happened < 0:
            if errno != EINTR:
                raise OSError(errno, os.strerror(errno))
            happened = 0
            self.server.check_signals()
        if self.guard is None:
            return self.work(events, happened)
        self.guard.acquire()
        try:
            self.work(events, happened)
            self.attended = self.needs_attendant()
            self.awake_at_ms = self.due_at()
        finally:
            self.guard.release()
        return 0

    cdef int work(self, epoll_event* events, int happened) except -1:
        """All of a turn but the waiting."""
        cdef int64_t begin
        cdef int i, fd
        cdef void* found
        cdef Connection connection
        self.tick()
        begin = monotonic_microseconds()
        self.arena_used = 0
        self.turn_reads = self.turn_requests = 0
        # What could not be run in the turn before comes first.
        if self.again.count and self.engaged == NULL:
            self.run_waiting()
        if self.pool is not None and happened > self.pool.threads and self.engaged == NULL:
            self.receive_by_threads(events, happened)
        for i in range(happened):
            fd = events[i].data.fd
            if fd < 0:
                continue
            found = self.by_descriptor[fd] if <size_t>fd < self.descriptors else NULL
            if found == NULL:
                function = self.watched.get(fd)
                if function is not None:
                    function()
                continue
            connection = <Connection>found
            if events[i].events & EPOLLOUT:
                self.flush(connection)
                if connection.closed:
                    continue
            if events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP):
                self.receive(connection)
        self.run_batch()
        self.settle()
        if self.turn_end_wanted:
            self.turn_end_wanted = False
            self.server.turn_ended()
        if happened:
            self.command_us += monotonic_microseconds() - begin
        self.answer()
        if self.engaged != NULL:
            # Amid a script of another thread: nothing more than to answer.
            return 0
        self.quiet = happened == 0
        self.background()
        # The lists of this turn may still name them; those of the next no more.
        self.older_graves = self.graves
        if self.graves:
            self.graves = []
        begin = monotonic_microseconds() - begin
        self.cycles += 1
        self.cycle_us += begin
        if <uint64_t>begin > self.longest_cycle_us:
            self.longest_cycle_us = begin
        return 0

    cdef int run_waiting(self) except -1:
        """Run what connections have waiting that nothing holds back any more."""
        cdef Listing listing = self.again
        cdef Connection connection
        cdef size_t i
        self.again = self.spare
        self.again.count = 0
        for i in range(listing.count):
            connection = <Connection>listing.items[i]
            connection.again = False
            if not connection.closed and not connection.gate & (GATE_CLOSING | GATE_BLOCKED):
                connection.stalled = False
                self.parse_input(connection)
        listing.count = 0
        self.spare = listing
        # Reading more of the same connection moves the bytes that these requests point to.
        self.run_batch()
        self.settle()
        return 0

    # Without a thread of its own

    def attend(self):
        """Turns for as long as something needs them or `stop` is called; `attendant` has a thread call this."""
        try:
            self.traffic.prepare()
            self.attending = PyThread_get_thread_ident()
            with self.guard:
                self.open()
                self.tick()
                self.awake_at_ms = self.due_at()
            while self.attended and not self.stopping:
                self.turn()
        finally:
            self.attending = 0
            self.attended = False
            self.stopping = False

    def call_attendant(self):
        """Have a thread attend, if there is none."""
        if not self.attended:
            self.attended = True
            self.awake_at_ms = 0
            try:
                self.attendant()
            except BaseException:
                self.attended = False
                raise

    def wake(self):
        """Have the attending thread take a turn now."""
        if self.wake_event >= 0:
            self.awake_at_ms = 0
            os.eventfd_write(self.wake_event, 1)

    def woken(self):
        """The attending thread heard of it."""
        try:
            os.eventfd_read(self.wake_event)
        except BlockingIOError:
            pass

    def take_bytes(self, Connection connection, bytes data):
        """Bytes of the protocol came from a client of this process; `finish` is to follow."""
        cdef const char* at = data
        cdef size_t left = len(data)
        cdef size_t part
        self.open_buffers()
        self.tick()
        connection.active_ms = self.keyspace.now
        connection.bytes_in += left
        if connection.parser.filling != NULL and not connection.stalled:
            # A long word goes straight to where it stays.
            part = min(connection.parser.filling.length + 2 - connection.parser.filled, left)
            memcpy(connection.parser.filling.data + connection.parser.filled, at, part)
            connection.parser.filled += part
            at += part
            left -= part
            if connection.parser.filled < connection.parser.filling.length + 2:
                return
        connection.make_room(left)
        memcpy(connection.buffer + connection.buffer_length, at, left)
        connection.buffer_length += left
        connection.at = connection.buffer
        connection.end = connection.buffer + connection.buffer_length
        if not connection.stalled and not connection.gate & (GATE_CLOSING | GATE_BLOCKED):
            self.parse_input(connection)
            self.run_batch()
            self.settle()

    def let_go(self, Connection connection):
        """Close a connection of this process, now or, if this thread is in the middle of a command, after it."""
        if self.guard.is_mine():
            if self.doomed is None:
                self.doomed = []
            self.doomed.append(connection)
            return
        self.guard.acquire()
        try:
            self.close(connection)
            if self.has_chores():
                self.finish()
        finally:
            self.guard.release()

    def after_fork(self):
        """In the child of a fork: sockets and the attending thread are the parent's; sessions are this process's."""
        self.attended = self.permanent = self.stopping = False
        # First of all, as it is the parent's too: what is taken out of it here would be gone there.
        self.release_descriptors()
        self.watched.clear()
        for connection in list(self.connections.values()):
            if connection.fd >= 0:
                self.close(connection)

    cdef int close_doomed(self) except -1:
        cdef list doomed = self.doomed
        self.doomed = None
        for connection in doomed:
            self.close(connection)
        return 0

    def pass_time(self):
        """See to what is due by now; who calls has the guard."""
        self.tick()
        self.finish()

    cdef int finish(self) except -1:
        """What the end of a turn does, after commands that came by no socket; the guard is held."""
        if self.doomed is not None:
            self.close_doomed()
        if self.engaged != NULL:
            # Amid a script that runs for long: what is due waits, as do those who were held up.
            self.answer()
            if self.attended and self.flushing.count:
                self.wake()
            return 0
        if self.again.count:
            self.dispatcher.begin()
            self.run_waiting()
        if self.turn_end_wanted:
            self.turn_end_wanted = False
            self.server.turn_ended()
        self.answer()
        self.quiet = False
        self.background()
        if self.again.count:
            # A pause is over, or somebody waits no more.
            self.run_waiting()
        if self.flushing.count:
            self.flush_all()
        self.dirty_told = self.keyspace.dirty
        if self.interrupted:
            self.interrupted = False
            raise KeyboardInterrupt
        if self.attended:
            # It rotates the graves, as its lists may name who lies there.
            if self.has_news():
                self.wake()
            return 0
        self.older_graves = self.graves
        if self.graves:
            self.graves = []
        if self.attendant is not None and self.needs_attendant():
            self.call_attendant()
        return 0

    cdef bint has_news(self) noexcept:
        """Whether the attending thread, as long as it means to sleep, would miss something."""
        cdef int64_t at
        if self.again.count or self.saver is not None:
            return True
        if self.dirty_seen != <uint64_t>-1 and self.keyspace.dirty != self.dirty_seen:
            return True
        if not self.keyspace.watching_changes:
            return False
        at = self.keyspace.next_expiry()
        return 0 <= at < self.awake_at_ms

    cdef bint needs_attendant(self) except -1:
        """Whether there is something that cannot wait for the next command."""
        cdef Database db
        if (self.permanent or self.saver is not None or self.again.count or self.flushing.count
                or self.keyspace.has_remains()):
            return True
        if self.saves and self.server.persistence.changes_since_save:
            return True
        if self.polled and self.next_deadline_ms:
            return True
        if self.keyspace.watching_changes:
            for db in self.keyspace.databases:
                if db.expires or db.field_index != NULL:
                    return True
        return False

    cdef int64_t due_at(self) except -1:
        """When the attending thread has to look again, unix milliseconds."""
        cdef int64_t due = NEVER, at
        if self.next_deadline_ms:
            due = self.next_deadline_ms
        if self.keyspace.watching_changes or self.permanent:
            at = self.keyspace.next_expiry()
            if 0 <= at < due:
                due = max(at, self.next_expire_ms)
        at = self.server.upkeep_at()
        if at and at < due:
            due = at
        self.dirty_seen = self.keyspace.dirty if self.saves and not at else <uint64_t>-1
        return due

    cdef int background(self) except -1:
        """Slices of work that nobody waits for."""
        cdef int64_t begin, spent
        cdef bint more
        if self.keyspace.has_remains():
            begin = monotonic_microseconds()
            spent = EXPIRE_SLICE_US if self.guard is None else CALLER_SLICE_US
            while self.keyspace.free_some(FREE_BUCKETS) and monotonic_microseconds() - begin < spent:
                pass
        if self.compaction is not None:
            self.compaction.work()
        if self.saver is not None:
            begin = monotonic_microseconds()
            spent = SAVE_QUIET_US if self.quiet else SAVE_BUSY_US
            while (self.saver.advance(SAVE_STEP) and not self.saver.is_behind
                   and monotonic_microseconds() - begin < spent):
                pass
        if self.dispatcher.short_of_memory:
            self.dispatcher.make_room()
        if self.active_expire and self.keyspace.now >= self.next_expire_ms:
            begin = monotonic_microseconds()
            spent = 0
            more = True
            while more and spent < EXPIRE_SLICE_US:
                more = self.keyspace.expire_some(256)
                spent = monotonic_microseconds() - begin
            self.expire_us += spent
            if more:
                # A quarter of the time at most, as much as half with the greatest effort.
                self.expire_cap_reached += 1
                self.next_expire_ms = self.keyspace.now + (2 if self.expire_effort < 5 else 1)
            else:
                self.next_expire_ms = self.keyspace.now + 64
        if self.next_deadline_ms and self.keyspace.now >= self.next_deadline_ms:
            self.next_deadline_ms = self.server.deadline(self.keyspace.now)
        if self.keyspace.now >= self.next_cron_ms:
            self.server.cron()
            trim_pool()
            self.next_cron_ms = self.keyspace.now + self.cron_interval_ms
        if self.keyspace.keys_ready:
            # Keys that somebody waits for expired, or were evicted.
            self.dispatcher.serve_waiting()
        return 0

    # Turns amid a command

    def serve_others(self, Connection caller):
        """Answer others amid a command of this client that runs for long: what is left of the batch, then a turn.

        The client and what it sent wait, as its words are in use; time stands still. `served_others` ends that.
        """
        cdef void* parsing = self.parsing
        cdef int64_t now = self.keyspace.now
        caller.stalled = True
        self.engaged = <void*>caller
        try:
            self.run_on()
            self.settle()
            self.swap_rooms()
            try:
                self.turn_amid()
            finally:
                self.swap_rooms()
        finally:
            self.engaged = NULL
            self.parsing = parsing
        if self.guard is not None:
            # Those who were let in looked at the clock.
            self.keyspace.tick(now)
            with nogil:
                usleep(LET_RUN_US)
            PyErr_CheckSignals()

    def served_others(self, Connection caller):
        """The client's command is done; what it sent behind it is run from the next turn on."""
        if caller.fd >= 0:
            self.go_on(caller)
        else:
            caller.stalled = False

    cdef int swap_rooms(self) except -1:
        """Other buffers, as those of the turn are in use; and back. Nothing is left in those that are given up."""
        cdef char* arena
        cdef Request* batch
        cdef Arg* words
        if self.spare_arena == NULL:
            arena = <char*>malloc(ARENA_BYTES)
            batch = <Request*>malloc(BATCH_REQUESTS * sizeof(Request))
            words = <Arg*>malloc(BATCH_WORDS * sizeof(Arg))
            if arena == NULL or batch == NULL or words == NULL:
                free(arena)
                free(batch)
                free(words)
                raise MemoryError
            self.spare_arena, self.spare_batch, self.spare_words = arena, batch, words
        self.arena, self.spare_arena = self.spare_arena, self.arena
        self.batch, self.spare_batch = self.spare_batch, self.batch
        self.words, self.spare_words = self.spare_words, self.words
        return 0

    cdef int turn_amid(self) except -1:
        cdef epoll_event events[EVENTS]
        cdef int happened, i, fd
        cdef void* found
        cdef Connection connection
        cdef size_t arena_used = self.arena_used
        cdef size_t batched = self.batched
        cdef size_t words_used = self.words_used
        self.arena_used = self.batched = self.batch_at = self.words_used = 0
        if self.guard is not None:
            # Threads that wait come in with their own commands, the attending one, if it is another, with its clients'.
            self.guard.step_aside()
        happened = 0
        if self.guard is None or self.attending == PyThread_get_thread_ident():
            happened = epoll_wait(self.epoll, events, EVENTS, 0)
        for i in range(max(happened, 0)):
            fd = events[i].data.fd
            found = self.by_descriptor[fd] if <size_t>fd < self.descriptors else NULL
            if found == NULL:
                function = self.watched.get(fd)
                if function is not None:
                    function()
                continue
            connection = <Connection>found
            if found == self.engaged or found == self.parsing or connection.in_job:
                continue
            if events[i].events & EPOLLOUT:
                self.flush(connection)
                if connection.closed:
                    continue
            if events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP):
                self.receive(connection)
        self.run_batch()
        self.settle()
        self.answer()
        # Of the turn around this one, all requests have been run.
        self.arena_used, self.words_used = arena_used, words_used
        self.batched = self.batch_at = batched
        return 0

    # Reading

    cdef int receive(self, Connection connection) except -1:
        cdef char* into
        cdef size_t room
        cdef ssize_t got
        cdef int error
        cdef bint own
        if connection.shaking_hands and not self.shake_hands(connection):
            return 0
        while True:
            own = False
            if connection.parser.filling != NULL:
                into = connection.parser.filling.data + connection.parser.filled
                room = connection.parser.filling.length + 2 - connection.parser.filled
            elif connection.buffer_length or connection.stalled:
                connection.make_room(READ_LEAST)
                into = connection.buffer + connection.buffer_length
                room = connection.buffer_room - connection.buffer_length
                own = True
            else:
                if ARENA_BYTES - self.arena_used < READ_LEAST:
                    self.run_batch()
                    self.settle()
                    self.arena_used = 0
                into = self.arena + self.arena_used
                room = ARENA_BYTES - self.arena_used
                if room > READ_BYTES:
                    room = READ_BYTES
            if connection.secure is None:
                got = recv(connection.fd, into, room, MSG_DONTWAIT)
                error = errno
            else:
                got = receive_secure(connection, into, room, &error)
            if self.received(connection, into, got, error, own) and not connection.stalled:
                self.parse_input(connection)
            # What is decrypted already is nothing that epoll would tell of.
            if connection.secure is None or connection.closed or got <= 0 or not connection.secure.pending():
                return 0

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

    cdef int receive_by_threads(self, epoll_event* events, int happened) except -1:
        """Read what the threads can; those events are marked as dealt with."""
        cdef int i, at = 0
        cdef size_t count, j
        cdef void* found
        cdef Connection connection
        cdef Job* job
        cdef Cut* cut
        cdef Request* request
        while at < happened:
            count = 0
            while at < happened and count < JOBS:
                i = at
                at += 1
                found = self.by_descriptor[events[i].data.fd] if <size_t>events[i].data.fd < self.descriptors else NULL
                if found == NULL or events[i].events != EPOLLIN:
                    continue
                connection = <Connection>found
                if (connection.stalled or connection.queued or connection.parser.filling != NULL
                        or connection.parser.words_wanted or connection.secure is not None):
                    continue
                job = &self.jobs[count]
                job.own = connection.buffer_length != 0
                if job.own:
                    connection.make_room(READ_LEAST)
                    job.into = connection.buffer + connection.buffer_length
                    job.room = connection.buffer_room - connection.buffer_length
                    job.start = connection.buffer
                else:
                    job.into = self.arena + count * READ_LEAST
                    job.room = READ_LEAST
                    job.start = job.into
                job.kind = JOB_READ
                job.connection = found
                job.fd = connection.fd
                connection.parser.longest_word = self.longest_word
                job.parser = &connection.parser
                job.words = self.job_words + count * JOB_WORDS
                job.words_room = JOB_WORDS
                job.cuts = self.job_cuts + count * JOB_REQUESTS
                job.cuts_room = JOB_REQUESTS
                events[i].data.fd = -1
                connection.in_job = True
                count += 1
            if not count:
                break
            self.arena_used = count * READ_LEAST
            self.pool.run(self.jobs, count)
            self.threaded_reads += count
            for i in range(<int>count):
                job = &self.jobs[i]
                connection = <Connection>job.connection
                connection.in_job = False
                if not self.received(connection, job.into, job.result, job.error, job.own):
                    continue
                connection.settled = False
                listing_add(&self.touched, <void*>connection)
                for j in range(job.cut_count):
                    if self.batched == BATCH_REQUESTS:
                        self.run_batch()
                    if connection.stalled or connection.closed:
                        break
                    cut = &job.cuts[j]
                    request = &self.batch[self.batched]
                    request.connection = job.connection
                    request.argv = cut.argv
                    request.argc = cut.argc
                    request.start = cut.start
                    request.next = cut.next
                    request.hash = 0
                    self.dispatcher.resolve(request)
                    self.batched += 1
                    connection.queued += 1
                    connection.at = cut.next
                if not connection.stalled and not connection.closed:
                    connection.at = job.rest
                    self.parse_input(connection)
            # The arena and the jobs' words are about to be used again.
            self.run_batch()
            self.settle()
            self.arena_used = 0
        return 0

    cdef bint received(self, Connection connection, char* into, ssize_t got, int error, bint own) except -1:
        """Account for what `recv` told; whether there are bytes to be parsed."""
        if got <= 0:
            if got < 0 and (error == EAGAIN or error == EINTR):
                return False
            if connection.queued:
                # Its commands came before the end, so they run first.
                self.run_batch()
                self.settle()
            if not connection.closed:
                connection.closing_reason = "closed by client" if got == 0 else "read error"
                self.close(connection)
            return False
        self.reads += 1
        self.bytes_in += got
        connection.bytes_in += got
        self.turn_reads += 1
        self.traffic.read(connection.active_ms != self.keyspace.now)
        connection.active_ms = self.keyspace.now
        if connection.gate & GATE_CLOSING:
            return False
        if connection.parser.filling != NULL:
            connection.parser.filled += got
            if connection.parser.filled < connection.parser.filling.length + 2:
                return False
        elif own:
            connection.buffer_length += got
            connection.at = connection.buffer
            connection.end = connection.buffer + connection.buffer_length
            if connection.buffer_length > connection.buffer_peak:
                connection.buffer_peak = connection.buffer_length
        else:
            self.arena_used += got
            connection.arrived = got
            connection.at = into
            connection.end = into + got
            if <size_t>got > connection.buffer_peak:
                connection.buffer_peak = got
        if connection.buffer_length + parser_memory(&connection.parser) > self.query_limit:
            self.query_limit_closes += 1
            connection.closing_reason = "query buffer over its limit"
            self.server.log_client(connection, "its query buffer went over client-query-buffer-limit")
            self.close(connection)
            return False
        return True

    cdef int parse_input(self, Connection connection) except -1:
        """Put a connection's requests into the batch, running it whenever it is full."""
        cdef Request* request
        cdef Outcome outcome
        cdef const char* next = NULL
        cdef void* outer = self.parsing
        self.parsing = <void*>connection
        connection.parser.longest_word = self.longest_word
        if connection.settled:
            connection.settled = False
            listing_add(&self.touched, <void*>connection)
        while not connection.stalled and (connection.at < connection.end or connection.parser.filling != NULL):
            if self.batched == BATCH_REQUESTS or BATCH_WORDS - self.words_used < 64:
                self.run_batch()
                continue
            request = &self.batch[self.batched]
            outcome = parse(&connection.parser, connection.at, connection.end,
                            self.words + self.words_used, BATCH_WORDS - self.words_used, connection.queued == 0,
                            &request.argv, &request.argc, &next)
            if outcome == REQUEST_READY:
                request.connection = <void*>connection
                request.start = connection.at
                request.next = next
                request.hash = 0
                self.dispatcher.resolve(request)
                self.batched += 1
                connection.queued += 1
                connection.at = next
                if request.argv == self.words + self.words_used:
                    self.words_used += request.argc
                else:
                    # The words are the parser's own, good until its next call.
                    self.run_batch()
                    if connection.stalled and connection.at == request.start and connection.parser.long_count:
                        self.write_back(connection, request)
                    parser_reset(&connection.parser)
            elif outcome == REQUEST_EMPTY:
                connection.at = next
            elif outcome == REQUEST_MORE:
                break
            else:
                self.run_batch()
                if not connection.closed and not connection.stalled:
                    self.protocol_error(connection)
                break
        self.parsing = outer
        return 0

    cdef int write_back(self, Connection connection, Request* request) except -1:
        """A request with words that left the buffer has to wait: put it there again, before what follows it."""
        cdef size_t i
        cdef list parts = [b"*%d\r\n" % request.argc]
        cdef bytes text
        for i in range(request.argc):
            parts.append(b"$%d\r\n" % request.argv[i].len)
            parts.append(request.argv[i].ptr[:request.argv[i].len])
            parts.append(b"\r\n")
        parts.append(request.next[:connection.end - request.next])
        text = b"".join(parts)
        connection.buffer_length = 0
        connection.make_room(len(text))
        memcpy(connection.buffer, <const char*>text, len(text))
        connection.buffer_length = len(text)
        connection.at = connection.buffer
        connection.end = connection.buffer + connection.buffer_length
        return 0

    def protocol_error(self, Connection connection):
        cdef bytes text = b"ERR " + <bytes>connection.parser.error
        reply_error(&connection.out, text, len(text))
        self.server.protocol_error(connection, text)
        self.dispatcher.error_replies += 1
        connection.at = connection.end
        connection.closing_reason = "protocol error"
        self.close_after_reply(connection)

    cdef int run_batch(self) except -1:
        cdef size_t i, total = self.batched
        cdef Request* request
        if not total:
            return 0
        if total > 1:
            for i in range(total):
                request = &self.batch[i]
                if request.hash:
                    table_prefetch(&(<Connection>request.connection).db.table, request.hash)
            for i in range(total):
                request = &self.batch[i]
                if request.hash:
                    table_prefetch_entry(&(<Connection>request.connection).db.table, request.hash)
        self.parse_batches += 1
        self.parse_batch_commands += total
        self.turn_requests += total
        self.dispatcher.begin()
        self.batch_at = 0
        self.run_on()
        self.batched = 0
        self.words_used = 0
        return 0

    cdef int run_on(self) except -1:
        """Run the batch from where it stands; amid one of its commands it may be run on to its end."""
        cdef Request* request
        cdef Connection connection
        cdef Dispatcher dispatcher = self.dispatcher
        while self.batch_at < self.batched:
            request = &self.batch[self.batch_at]
            self.batch_at += 1
            connection = <Connection>request.connection
            connection.queued -= 1
            if connection.stalled:
                # A command before this one has to wait, or closed the connection.
                continue
            if not dispatcher.run(connection, request):
                connection.stalled = True
                connection.at = request.start
            elif connection.stalled:
                connection.at = request.next
            if not connection.flushing and connection.out.last != NULL:
                self.want_flush(connection)
            if connection.out.chunks > 1:
                self.over_limit(connection)
        return 0

    cdef int settle(self) except -1:
        """After the turn's batches: keep what is left of each connection's bytes."""
        cdef size_t i, kept = 0
        cdef Connection connection
        for i in range(self.touched.count):
            connection = <Connection>self.touched.items[i]
            if self.engaged != NULL and (<void*>connection == self.engaged or <void*>connection == self.parsing):
                # Its bytes are in use.
                self.touched.items[kept] = <void*>connection
                kept += 1
                continue
            connection.settled = True
            if connection.closed:
                continue
            if connection.gate & GATE_CLOSING:
                connection.at = connection.end
            connection.store_rest()
        self.touched.count = kept
        return 0

    # Writing

    cdef void want_flush(self, Connection connection) noexcept:
        if not connection.flushing and not connection.closed:
            connection.flushing = True
            listing_add(&self.flushing, <void*>connection)

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
        return 0

    def release_replies(self):
        """More of the log is on the disk: let go of the output that waited for it."""
        cdef size_t i, kept = 0
        cdef Connection connection
        cdef uint64_t synced = self.log.synced_bytes() if self.log is not None else <uint64_t>-1
        cdef bint failing = self.log is not None and self.log.error != 0
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
        self.held.count = kept

    cdef int answer(self) except -1:
        """What the turn's commands did goes into the log, and then their replies to the clients."""
        if self.log is not None:
            self.log.hand_over()
            if self.commit_first:
                self.hold_replies()
            elif self.guard is not None and self.flushing.count:
                # A process that is killed loses nothing that it has answered for: the kernel has it by then.
                self.log.wait_until(self.log.appended, False)
        return self.flush_all()

    cdef int flush_all(self) except -1:
        cdef size_t i, total = self.flushing.count
        cdef Connection connection
        if self.pool is not None and total > <size_t>self.pool.threads and self.engaged == NULL:
            self.flush_by_threads()
        for i in range(total):
            connection = <Connection>self.flushing.items[i]
            connection.flushing = False
            if not connection.closed and not connection.wants_write and <void*>connection != self.engaged:
                self.flush(connection)
        # Closing one client may have given others something to send: they are behind.
        if self.flushing.count > total:
            for i in range(total, self.flushing.count):
                self.flushing.items[i - total] = self.flushing.items[i]
        self.flushing.count -= total
        return 0

    cdef int flush_by_threads(self) except -1:
        """A first write for each connection that has something to send; the rest, if any, is left to `flush`."""
        cdef size_t i, count = 0, at = 0
        cdef Connection connection
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
            for i in range(count):
                job = &self.jobs[i]
                connection = <Connection>job.connection
                if self.sent(connection, job.result, job.offered, job.error) and not out_pending(&connection.out):
                    self.flushed(connection)
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
            self.shake_hands(connection)
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
        cdef bint over = False
        if limit.hard and memory >= limit.hard:
            over = True
        if limit.soft and memory >= limit.soft:
            if connection.soft_since_ms == 0:
                connection.soft_since_ms = self.keyspace.now
            elif self.keyspace.now - connection.soft_since_ms > limit.soft_ms:
                over = True
        else:
            connection.soft_since_ms = 0
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
