"""The event loop: its turns.

A turn: wait; read, and run what was read (batches.pyx); write what there is to write, once a connection
(connections.pyx); do a bounded slice of background work. The interpreter's lock is given up while waiting and held
otherwise.

Without a thread of its own: an embedded store's commands run in the threads that call them, under the store's guard,
and `finish` does after each what a turn does after its commands. Connections of this process have no socket but a
`taker`, which is told when there is something for it; whoever takes it from the output does so under the guard. Most
of what time brings waits for the next command. What cannot, as a snapshot under way or keys whose expiry somebody
wants to hear of, has a thread attend: it takes turns until nothing needs it, asleep between, and ends. Sockets have one
always.
"""

import os

from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EINTR, errno
from libc.stdint cimport INT64_MAX, int64_t, uint64_t
from libc.string cimport memcpy
from posix.unistd cimport close as close_descriptor, usleep

from redpoll.engine.keyspace cimport Database
from redpoll.engine.memory cimport KIND_CLIENT, used_by
from redpoll.engine.value cimport values_waiting
from redpoll.server.clock cimport monotonic_microseconds, unix_microseconds
from redpoll.server.connection cimport GATE_BLOCKED, GATE_CLOSING
from redpoll.server.connections cimport (
    CLIENTS_STEP, EPOLL_CTL_ADD, EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, epoll_ctl, epoll_wait,
)
from redpoll.server.guard cimport PyThread_get_thread_ident
from redpoll.wire.output cimport trim_pool

cdef enum:
    EVENTS = 1024
    EXPIRE_SLICE_US = 500
    LET_RUN_US = 50              # that other threads get, again and again, while a script runs for long
    CALLER_SLICE_US = 50         # of freeing, in a thread that wants its command's reply, for each value that waits,
    CALLER_SLICES = 40           # of so many at most
    FREE_BUCKETS = 256
    FREE_SHARE = 2               # of a turn's time, one in so many is there for freeing when values pile up
    SAVE_STEP = 128              # buckets and entries of a snapshot between two looks at the clock
    SAVE_QUIET_US = 400
    SAVE_BUSY_US = 200

cdef int64_t NEVER = INT64_MAX // 2


cdef class Loop(Batches):
    """One event loop. `server` is told when there is something for it to do."""

    def __init__(self, server, Dispatcher dispatcher):
        Batches.__init__(self, server, dispatcher)
        self.cron_interval_ms = 100
        self.active_expire = True
        self.expire_effort = 1
        self.dirty_seen = <uint64_t>-1

    def __cinit__(self, *_):
        self.wake_event = -1

    def __dealloc__(self):
        if self.wake_event >= 0:
            close_descriptor(self.wake_event)

    cdef int open(self) except -1:
        cdef epoll_event event
        if self.epoll >= 0:
            return 0
        Batches.open(self)
        if self.guard is not None:
            self.wake_event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            event.events = EPOLLIN
            event.data.fd = self.wake_event
            if epoll_ctl(self.epoll, EPOLL_CTL_ADD, self.wake_event, &event) < 0:
                raise OSError(errno, os.strerror(errno))
            self.watched[self.wake_event] = self.woken
        return 0

    def release_descriptors(self):
        """Close what `open` opened, also in the child of a fork, where it is the parent's that goes on being used."""
        Batches.release_descriptors(self)
        if self.wake_event >= 0:
            close_descriptor(self.wake_event)
            self.wake_event = -1

    def reset_statistics(self):
        """CONFIG RESETSTAT."""
        Batches.reset_statistics(self)
        self.cycles = self.cycle_us = self.command_us = self.longest_cycle_us = 0
        self.busy_cycles = self.cron_us = self.log_us = self.most_requests = 0
        self.expire_us = self.expire_cap_reached = 0

    def stop(self):
        """End `run` after this turn."""
        self.stopping = True

    def stand_still(self):
        """Run nothing more that clients have sent; replies still go out."""
        cdef Connection connection
        for connection in self.connections.values():
            connection.stalled = True

    def wake_by(self, int64_t when_ms):
        """Call the server's `deadline` at this time, unix milliseconds, if not before."""
        if not self.next_deadline_ms or when_ms < self.next_deadline_ms:
            self.next_deadline_ms = when_ms
            if self.attended and when_ms < self.awake_at_ms:
                self.wake()

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
        if (self.again.count or self.flushing.count or self.keyspace.has_remains() or self.again_soon or self.unread
                or wait < 0):
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
            self.guarded("A signal", self.server.check_signals)
        if self.guard is None:
            try:
                return self.work(events, happened)
            except Exception as error:
                self.survived("A turn of the loop", error)
            return self.tidy()
        self.guard.acquire()
        try:
            try:
                self.work(events, happened)
            except Exception as error:
                self.survived("A turn of the loop", error)
                self.tidy()
            self.attended = self.needs_attendant()
            self.awake_at_ms = self.due_at()
        finally:
            self.guard.release()
        return 0

    cdef int work(self, epoll_event* events, int happened) except -1:
        """All of a turn but the waiting."""
        cdef int64_t begin
        self.tick()
        begin = monotonic_microseconds()
        self.arena_used = 0
        self.turn_reads = self.turn_requests = 0
        if self.held.count and self.engaged == NULL:
            self.release_early()
        # What could not be run in the turn before comes first.
        if self.again.count and self.engaged == NULL:
            self.run_waiting()
        if self.unread and self.engaged == NULL:
            self.read_on()
        if self.pool is not None and happened > self.pool.threads and self.engaged == NULL:
            self.receive_by_threads(events, happened)
        self.see_to(events, happened)
        self.run_batch()
        self.settle()
        if self.turn_end_wanted:
            self.turn_end_wanted = False
            self.guarded("The end of a turn", self.server.turn_ended)
        if happened:
            self.command_us += monotonic_microseconds() - begin
        self.answer()
        if self.engaged != NULL:
            # Amid a script of another thread: nothing more than to answer.
            return 0
        self.quiet = happened == 0
        self.background(monotonic_microseconds() - begin)
        # The lists of this turn may still name them; those of the next no more.
        self.older_graves = self.graves
        if self.graves:
            self.graves = []
        begin = monotonic_microseconds() - begin
        self.cycles += 1
        if self.turn_reads:
            self.busy_cycles += 1
        if self.turn_requests > self.most_requests:
            self.most_requests = self.turn_requests
        self.cycle_us += begin
        if <uint64_t>begin > self.longest_cycle_us:
            self.longest_cycle_us = begin
        return 0

    cdef int see_to(self, epoll_event* events, int happened) except -1:
        """What descriptors have to say. What goes wrong with one of them ends nothing but that one's connection."""
        cdef void* outer = self.parsing
        cdef void* found
        cdef int fd, i = 0
        while i < happened:
            try:
                while i < happened:
                    i += 1
                    self.see_to_one(&events[i - 1])
            except Exception as error:
                self.parsing = outer
                fd = events[i - 1].data.fd
                found = self.by_descriptor[fd] if <size_t>fd < self.descriptors else NULL
                if found == NULL:
                    self.survived("The work for a client", error)
                else:
                    self.give_up(<Connection>found, error)
        return 0

    cdef int see_to_one(self, epoll_event* event) except -1:
        cdef int fd = event.data.fd
        cdef void* found
        cdef Connection connection
        if fd < 0:
            # The threads have seen to it.
            return 0
        found = self.by_descriptor[fd] if <size_t>fd < self.descriptors else NULL
        if found == NULL:
            function = self.watched.get(fd)
            if function is not None:
                self.guarded("What watches a descriptor", function)
            return 0
        connection = <Connection>found
        if event.events & EPOLLOUT:
            self.flush(connection)
            if connection.closed:
                return 0
        if event.events & (EPOLLIN | EPOLLERR | EPOLLHUP):
            self.receive(connection)
        return 0

    cdef int tidy(self) except -1:
        """After a turn that broke off: nothing may be left that names what the next turn overwrites."""
        try:
            self.run_batch()
            self.settle()
            self.answer()
        except Exception as error:
            self.survived("A turn of the loop", error)
        self.batched = self.words_used = 0
        return 0

    cdef int answer(self) except -1:
        """What the turn's commands did goes into the log, and then their replies to the clients."""
        cdef int64_t begin
        if self.log is not None:
            begin = monotonic_microseconds()
            self.log.hand_over()
            self.log_us += monotonic_microseconds() - begin
            if self.commit_first:
                self.hold_replies()
            elif self.guard is not None and self.flushing.count:
                # A process that is killed loses nothing that it has answered for: the kernel has it by then.
                self.log.wait_until(self.log.appended, False)
        self.dispatcher.reply_bytes = 0
        return self.flush_all()

    cdef int answer_early(self) except -1:
        if (self.commit_first or self.turn_end_wanted or self.guard is not None or self.engaged != NULL
                or self.pool is not None):
            # The disk, other clients or other threads have to do with it.
            return 0
        return self.answer()

    cdef int background(self, int64_t worked) except -1:
        """Slices of work that nobody waits for, after so many microseconds of work that somebody waited for."""
        cdef int64_t begin, spent
        cdef bint more
        if self.clients_limit and (self.clients_grew or used_by(KIND_CLIENT) > self.clients_limit):
            # Looking at all of them takes time, so it is not done for a few bytes more.
            if (self.clients_grew
                    or used_by(KIND_CLIENT) > self.clients_looked_at + self.clients_limit // CLIENTS_STEP):
                self.clients_grew = False
                self.guarded("The limit on clients", self.server.clients.keep_within_memory)
                self.clients_looked_at = used_by(KIND_CLIENT)
        else:
            self.clients_looked_at = 0
        if self.keyspace.has_remains():
            begin = monotonic_microseconds()
            # Commands that each leave a large collection behind would pile them up, were all slices the same. One alone
            # has time.
            if self.guard is not None:
                spent = CALLER_SLICE_US * max(1, min(values_waiting(), CALLER_SLICES))
            elif values_waiting() > 1:
                spent = max(EXPIRE_SLICE_US, worked // FREE_SHARE)
            else:
                spent = EXPIRE_SLICE_US
            while self.keyspace.free_some(FREE_BUCKETS) and monotonic_microseconds() - begin < spent:
                pass
        if self.compaction is not None:
            begin = monotonic_microseconds()
            self.guarded("Defragmentation", self.compaction.work)
            self.tell_if_long("active-defrag-cycle", monotonic_microseconds() - begin)
        if self.saver is not None:
            self.save_some()
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
            self.tell_if_long("expire-cycle", spent)
            if more:
                # A quarter of the time at most, as much as half with the greatest effort.
                self.expire_cap_reached += 1
                self.next_expire_ms = self.keyspace.now + (2 if self.expire_effort < 5 else 1)
            else:
                self.next_expire_ms = self.keyspace.now + 64
        if self.next_deadline_ms and self.keyspace.now >= self.next_deadline_ms:
            try:
                self.next_deadline_ms = self.server.deadline(self.keyspace.now)
            except Exception as error:
                self.survived("What was due", error)
                self.next_deadline_ms = self.keyspace.now + self.cron_interval_ms
        if self.keyspace.now >= self.next_cron_ms:
            begin = monotonic_microseconds()
            self.guarded("The cron", self.server.cron)
            self.cron_us += monotonic_microseconds() - begin
            self.output_looked_at = 0
            trim_pool()
            self.next_cron_ms = self.keyspace.now + self.cron_interval_ms
        if self.keyspace.keys_ready:
            # Keys that somebody waits for expired, or were evicted.
            self.dispatcher.serve_waiting()
        return 0

    cdef int tell_if_long(self, str event, int64_t microseconds) except -1:
        """Something that took its time is told to the latency monitor, which counts milliseconds."""
        if microseconds >= 1000:
            self.guarded("The latency monitor", self.server.took_long, event, microseconds)
        return 0

    cdef int save_some(self) except -1:
        """A slice of the snapshot. One that breaks is given up: it would break again."""
        cdef int64_t begin = monotonic_microseconds()
        cdef int64_t spent = SAVE_QUIET_US if self.quiet else SAVE_BUSY_US
        try:
            while (self.saver.advance(SAVE_STEP) and not self.saver.is_behind
                   and monotonic_microseconds() - begin < spent):
                pass
        except Exception as error:
            self.survived("The snapshot", error)
            self.guarded("The snapshot", self.server.persistence.give_up)
            self.saver = None
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
                if self.engaged != NULL:
                    # Amid another thread's script nothing that is due is done: without a rest there would be turn after
                    # turn, and the interpreter's lock for nobody else.
                    with nogil:
                        usleep(LET_RUN_US)
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
            self.guarded("The end of a turn", self.server.turn_ended)
        self.answer()
        self.quiet = False
        self.background(0)
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

    cdef int turn_amid(self) except -1:
        cdef epoll_event events[EVENTS]
        cdef int happened, i
        cdef void* found
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
            found = self.by_descriptor[events[i].data.fd] if <size_t>events[i].data.fd < self.descriptors else NULL
            if found != NULL and (found == self.engaged or found == self.parsing or (<Connection>found).in_job):
                events[i].data.fd = -1
        self.see_to(events, max(happened, 0))
        self.run_batch()
        self.settle()
        self.answer()
        # Of the turn around this one, all requests have been run.
        self.arena_used, self.words_used = arena_used, words_used
        self.batched = self.batch_at = batched
        return 0
