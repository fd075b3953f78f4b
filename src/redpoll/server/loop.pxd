"""The event loop: see loop.pyx."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from redpoll.engine.keyspace cimport Keyspace
from redpoll.persistence.file_writer cimport FileWriter
from redpoll.server.coalescing cimport Traffic
from redpoll.server.connection cimport Connection
from redpoll.server.dispatch cimport Dispatcher, Request
from redpoll.server.guard cimport Guard
from redpoll.server.io_threads cimport Cut, Job, Pool
from redpoll.wire.request cimport Arg

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        int fd
    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data

cdef struct Listing:          # an array of connections that the `connections` dictionary keeps alive
    void** items
    size_t count
    size_t room

cdef struct OutputLimit:
    uint64_t hard
    uint64_t soft
    int64_t soft_ms

cdef class Loop:
    cdef readonly Dispatcher dispatcher
    cdef readonly Keyspace keyspace
    cdef readonly object server
    cdef readonly dict connections        # descriptor -> Connection
    cdef dict watched                     # descriptor -> function to call when it can be read
    cdef int epoll
    cdef void** by_descriptor
    cdef size_t descriptors
    cdef char* arena
    cdef size_t arena_used
    cdef Request* batch
    cdef size_t batched
    cdef size_t batch_at                  # the request of the batch that is next
    cdef void* parsing                    # the Connection whose bytes are being cut into requests
    cdef void* engaged                    # the Connection whose command runs on and on, while others are served
    cdef char* spare_arena                # for turns amid a command; NULL until there is one
    cdef Request* spare_batch
    cdef Arg* spare_words
    cdef Arg* words
    cdef size_t words_used
    cdef Listing touched                  # connections with requests in this turn's batches
    cdef Listing flushing
    cdef Listing again
    cdef Listing held                     # connections whose output waits until the log is on the disk
    cdef FileWriter log                   # of the append-only file; None: there is none
    cdef public object saver              # of a snapshot that is being taken, or None
    cdef public object compaction         # a pass that moves entries together, or None
    cdef readonly Traffic traffic
    cdef uint32_t turn_reads              # what this turn has read, and run
    cdef uint32_t turn_requests
    cdef bint quiet                       # nothing happened in this turn
    cdef public bint commit_first         # replies go out once the log of what they tell is on the disk
    cdef Listing spare
    cdef list graves                      # connections closed in this turn
    cdef list older_graves                # and in the one before
    cdef bint stopping
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
    cdef bint turn_end_wanted             # the server's `turn_ended` is to be called when the turn's commands are done
    cdef bint again_soon                  # the next turn does not wait
    cdef public int64_t next_cron_ms
    cdef int64_t next_expire_ms
    cdef int64_t next_deadline_ms         # when the server's `deadline` is to be called; 0: never
    cdef public int64_t cron_interval_ms
    cdef public bint active_expire
    cdef public int expire_effort
    cdef public uint64_t query_limit
    cdef public int64_t longest_word
    cdef OutputLimit output_limits[3]
    cdef uint64_t next_id
    cdef readonly int64_t unix_us         # when the time was looked at last
    cdef public uint64_t cycles
    cdef public uint64_t cycle_us
    cdef public uint64_t command_us
    cdef public uint64_t bytes_in
    cdef public uint64_t bytes_out
    cdef public uint64_t reads
    cdef public uint64_t writes
    cdef public uint64_t query_limit_closes
    cdef public uint64_t output_limit_closes
    cdef public uint64_t expire_us
    cdef public uint64_t expire_cap_reached
    cdef public uint64_t parse_batches
    cdef public uint64_t parse_batch_commands
    cdef public uint64_t longest_cycle_us

    cdef Pool pool                        # None: the loop's thread does all input and output
    cdef Job* jobs
    cdef Arg* job_words
    cdef Cut* job_cuts
    cdef public uint64_t threaded_reads
    cdef public uint64_t threaded_writes

    cdef int turn(self) except -1
    cdef int open(self) except -1
    cdef int open_buffers(self) except -1
    cdef int work(self, epoll_event* events, int happened) except -1
    cdef int run_waiting(self) except -1
    cdef int hand_out(self, Connection connection) except -1
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
    cdef int receive(self, Connection connection) except -1
    cdef bint shake_hands(self, Connection connection) except -1
    cdef bint received(self, Connection connection, char* into, ssize_t got, int error, bint own) except -1
    cdef int receive_by_threads(self, epoll_event* events, int happened) except -1
    cdef int flush_by_threads(self) except -1
    cdef bint sent(self, Connection connection, ssize_t sent, size_t offered, int error) except -1
    cdef int flushed(self, Connection connection) except -1
    cdef int parse_input(self, Connection connection) except -1
    cdef int write_back(self, Connection connection, Request* request) except -1
    cdef int run_batch(self) except -1
    cdef int run_on(self) except -1
    cdef int turn_amid(self) except -1
    cdef int swap_rooms(self) except -1
    cdef int settle(self) except -1
    cdef int flush(self, Connection connection) except -1
    cdef int answer(self) except -1
    cdef int flush_all(self) except -1
    cdef int hold_replies(self) except -1
    cdef void want_flush(self, Connection connection) noexcept
    cdef void over_limit(self, Connection connection) noexcept
    cdef int watch_writing(self, Connection connection, bint wanted) except -1
    cdef int tick(self) except -1
    cdef int background(self) except -1
