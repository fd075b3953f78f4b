"""Running requests: see dispatch.pyx."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from redpoll.commands.call cimport Call
from redpoll.engine.eviction cimport Eviction
from redpoll.engine.keyspace cimport Database, Keyspace
from redpoll.server.connection cimport Connection
from redpoll.server.feed cimport Feed
from redpoll.server.routine cimport Routine, Routines
from redpoll.wire.output cimport Out
from redpoll.wire.request cimport Arg, LongWord

# What makes every command of this server be looked at twice.
cdef enum ServerGate:
    SERVER_PAUSED_WRITES = 1
    SERVER_PAUSED = 2
    SERVER_MONITORED = 4
    SERVER_LOADING = 8
    SERVER_LIMITED = 32           # memory may not grow without end
    SERVER_CHECKS_COMMANDS = 16   # the server's `refusal` has something to say of some commands
    SERVER_BUSY = 64              # a script has been running for long
    SERVER_IMPORTING = 128        # expired keys are not deleted, and some clients see them

cdef struct Request:
    void* connection              # Connection; the loop keeps it alive
    void* routine                 # Routine, or NULL: no such command
    Arg* argv
    size_t argc
    const char* start             # of its bytes
    const char* next              # behind them
    uint64_t hash                 # of its first key, if its routine has one

cdef class Tracker:
    # A client that tracks keys has run a command.
    cdef void ran(self, Connection connection, Request* request) noexcept

cdef class Runners:
    # The flags of a command that runs a script: what the script says of itself counts, not what the command says.
    cdef uint64_t flags_of(self, Request* request, uint64_t flags) noexcept

cdef class Dispatcher:
    cdef readonly Call call
    cdef readonly Routines routines
    cdef readonly Keyspace keyspace
    cdef readonly object server
    cdef public uint32_t gate
    cdef public bint track_latency
    cdef public uint64_t commands
    cdef public uint64_t error_replies
    cdef uint64_t stamp                   # ticks when the last command ended
    cdef uint64_t slow_ticks              # commands that take longer are told to the server
    cdef uint64_t looked_at_ticks         # the same, or 0 while somebody looks at all
    cdef object onlooker                  # who does
    cdef public uint64_t large_request    # bytes from which on a request, or a reply, is told to the server
    cdef public uint64_t large_reply
    cdef uint64_t reply_bytes             # that commands have written since somebody set this to 0
    cdef public Feed feed
    cdef readonly Eviction eviction
    cdef public uint64_t memory_limit
    cdef public size_t clients_limit      # of that, bytes that clients may hold; 0: any number
    cdef public int64_t eviction_us       # that making room may take at a time
    cdef readonly bint short_of_memory    # there was not room enough after that
    cdef readonly uint64_t eviction_exceeded_us
    cdef int64_t short_since_us
    cdef Out silence                      # where replies go that nobody wants
    cdef Out pushes                       # messages to the client whose command runs, to go out behind its reply
    cdef public Tracker tracker           # hears of the commands of clients that track keys
    cdef public Runners runners           # knows scripts
    cdef void* direct                     # for the next command that is invoked; see `Call.direct`
    cdef void* running                    # the Connection whose command runs, or NULL
    cdef readonly uint32_t unit_depth     # how many transactions and scripts run, one within the other

    cdef void resolve(self, Request* request) noexcept
    cdef void* look_closer(self, Routine routine, Request* request) noexcept
    cdef void begin(self) noexcept
    # False: the command has to wait, and with it what follows it on this connection.
    cdef bint run(self, Connection connection, Request* request) noexcept
    # Runs the command of a client that waited; it may find that it has to go on waiting.
    cdef void invoke_again(self, Connection connection, Routine routine, Arg* argv, size_t argc, Database db) noexcept
    cdef void propagate(self, Connection connection, Request* request) noexcept
    cdef void tell_effects(self, Request* request, list effects, int database) noexcept
    cdef void serve_waiting(self) noexcept
    # Between these, all changes are of one unit: they reach files and replicas together or not at all, and time stands
    # still. A command outside of them is a unit of its own.
    cdef void begin_unit(self) noexcept
    cdef void end_unit(self) noexcept
    # Counts the command of a client that waited and was answered without running it again.
    cdef void count_waited(self, Connection connection, Routine routine, bint failed) noexcept
    cdef void see_expired(self, Connection connection, Routine routine) noexcept
    # Whether the user of a connection may run a command; if not, it is refused.
    cdef bint permitted(self, Connection connection, Request* request) noexcept
    cdef void note_database(self, Connection connection, Request* request) noexcept
    # None if the user of a connection may run a command in this database; else why not, without a code. Logged under
    # `context` (`lua` for scripts; None: not at all). The one way for whoever runs commands without dispatch.
    cdef object access_refusal(self, Connection connection, Request* request, int database, object context)
    cdef bint allowed(self, Connection connection, Request* request, bint* waits) noexcept
    cdef void invoke(self, Connection connection, Request* request) noexcept
    # `before`: bytes of output that were there before the command; anything more is half a reply, should it fail.
    cdef void invoke_plain(self, Routine routine, size_t before) noexcept
    cdef void failed(self, Routine routine, size_t before) noexcept
    cdef void answer_error(self, Routine routine, error, size_t before) noexcept
    cdef bint make_room(self) noexcept
    cdef void note_room(self, bint enough) noexcept
    cdef object unknown(self, Request* request)
    cdef object refusal(self, Connection connection, Request* request)
    cdef void postpone(self, Connection connection) noexcept
    cdef void tell_monitors(self, Connection connection, Request* request) noexcept
    cdef void refuse(self, Connection connection, void* routine, object text) noexcept
    # Counts an error reply of a command that was not run, where it is not `refuse` that sends it.
    cdef int count_refused(self, Routine routine, bytes text) except -1
    cdef bint queue(self, Connection connection, Request* request) noexcept
    cdef void notice(self, Connection connection, Routine routine, Request* request, uint64_t elapsed,
                     size_t reply_bytes) noexcept
    cdef void after_reply_mode(self, Connection connection) noexcept

cdef list request_words(Request* request)
