"""The event loop's turns: see loop.pyx."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from redpoll.server.batches cimport Batches
from redpoll.server.connection cimport Connection
from redpoll.server.connections cimport epoll_event
from redpoll.server.dispatch cimport Dispatcher
from redpoll.server.guard cimport Guard

cdef class Loop(Batches):
    cdef size_t clients_looked_at         # with so many bytes, nobody was to be closed a moment ago
    cdef public object saver              # of a snapshot that is being taken, or None
    cdef public object compaction         # a pass that moves entries together, or None
    cdef bint quiet                       # nothing happened in this turn
    cdef public bint commit_first         # replies go out once the log of what they tell is on the disk
    cdef bint stopping
    cdef bint turn_end_wanted             # the server's `turn_ended` is to be called when the turn's commands are done
    cdef bint again_soon                  # the next turn does not wait
    cdef public int64_t next_cron_ms
    cdef int64_t next_expire_ms
    cdef int64_t next_deadline_ms         # when the server's `deadline` is to be called; 0: never
    cdef public int64_t cron_interval_ms
    cdef public bint active_expire
    cdef public int expire_effort
    cdef readonly int64_t unix_us         # when the time was looked at last
    cdef public uint64_t cycles
    cdef public uint64_t cycle_us
    cdef public uint64_t command_us
    cdef public uint64_t expire_us
    cdef public uint64_t expire_cap_reached
    cdef public uint64_t longest_cycle_us
    cdef public uint64_t busy_cycles      # in which a client had sent something
    cdef public uint64_t cron_us
    cdef public uint64_t log_us           # handing over what the append-only log gets
    cdef public uint32_t most_requests    # in one turn
    # Of a store in this process, whose commands other threads run too. See "Without a thread of its own" in loop.pyx.
    cdef public Guard guard               # None: all is done by the thread that is in `run`
    cdef public object attendant          # starts a thread that calls `attend`
    cdef public bint permanent            # `attend` goes on though nothing is to be seen to: it serves sockets
    cdef public bint saves                # there are save points
    cdef readonly bint attended           # a thread is in `attend`, or about to be
    cdef unsigned long attending          # that thread; 0: none is there yet
    cdef int64_t awake_at_ms              # when that thread looks again, if nobody wakes it before
    cdef uint64_t dirty_told              # changes of the keyspace when `finish` looked last
    cdef uint64_t dirty_seen              # changes of the keyspace when it decided to wait for no save point; or -1
    cdef int wake_event                   # a descriptor that wakes it
    cdef public size_t polled             # connections of this process that nobody waits in, but by a descriptor
    cdef public bint interrupted          # Ctrl-C in the middle of a command, to be told once it is done
    cdef list doomed                      # connections that a finalizer wants closed while a command runs

    cdef int tick(self) except -1
    cdef int turn(self) except -1
    cdef int work(self, epoll_event* events, int happened) except -1
    cdef int see_to(self, epoll_event* events, int happened) except -1
    cdef int see_to_one(self, epoll_event* event) except -1
    cdef int tidy(self) except -1
    cdef int answer(self) except -1
    cdef int answer_early(self) except -1
    cdef int background(self, int64_t worked) except -1
    cdef int tell_if_long(self, str event, int64_t microseconds) except -1
    cdef int save_some(self) except -1
    cdef inline bint has_chores(self) noexcept:
        """Whether `finish` has anything to do after a command that came by no socket."""
        return (self.flushing.count or self.turn_end_wanted or self.again.count or self.log is not None
                or self.saver is not None or (self.saves and self.keyspace.dirty != self.dirty_told)
                or self.keyspace.watching_changes or self.keyspace.keys_ready
                or self.keyspace.now >= self.next_expire_ms or self.keyspace.now >= self.next_cron_ms
                or (self.next_deadline_ms and self.keyspace.now >= self.next_deadline_ms)
                or self.dispatcher.short_of_memory or self.doomed is not None or self.interrupted
                or self.keyspace.has_remains())
    cdef int finish(self) except -1
    cdef bint has_news(self) noexcept
    cdef bint needs_attendant(self) except -1
    cdef int64_t due_at(self) except -1
    cdef int close_doomed(self) except -1
    cdef int turn_amid(self) except -1
