"""Scripts that run: see scripts.pyx."""

from libc.stdint cimport int64_t, uint32_t

from redpoll.commands.call cimport Call
from redpoll.commands.services cimport ScriptRunner
from redpoll.scripting.cache cimport ScriptCache
from redpoll.scripting.machine cimport Host, Machine
from redpoll.scripting.state cimport State
from redpoll.server.connection cimport Connection
from redpoll.server.dispatch cimport Dispatcher, Request
from redpoll.server.loop cimport Loop
from redpoll.wire.request cimport Arg
from redpoll.wire.output cimport Out

cdef class ScriptHost(Host):
    """What scripts ask of the server."""
    cdef Dispatcher dispatcher
    cdef object server
    cdef Connection client           # in whose name scripts run commands
    cdef Connection caller           # who runs the script; None: nobody does
    cdef State* state                # of what runs
    cdef bint short_of_memory        # as the script began
    cdef bint is_function
    cdef public bint unrestricted    # scripts may call what they must not; for tests
    cdef const Arg* words            # the caller's command
    cdef size_t word_count
    cdef list slow_words             # the same, once it is slow

    cdef bint caller_may(self, State* state, Request* request) noexcept
    cdef bint may_run(self, State* state, Request* request) noexcept
    cdef void refuse(self, State* state, void* routine, str text) noexcept
    cdef str refusal(self, State* state, Request* request)

cdef class Scripts(ScriptRunner):
    cdef object server
    cdef Dispatcher dispatcher
    cdef Loop loop
    cdef readonly ScriptHost host
    cdef readonly ScriptCache cache
    cdef readonly object debugging         # server/debugging
    cdef dict debuggers                    # its clients that debug
    cdef public int64_t threshold_us

    # What EVAL and FCALL have in common.
    # Whether something of these flags may run now, called by a command that `only_reads` or not: the flags that it runs
    # with. Raises `CommandError`.
    cdef uint32_t admit(self, Call call, uint32_t flags, bint only_reads) except? 0xFFFFFFFF
    # Run a function of a machine: its first `keys` words from `argv[3]` on are keys, the rest arguments. Writes the
    # reply. `name` is what errors call it.
    cdef int execute(self, Call call, Machine machine, int reference, const char* name, uint32_t flags,
                     size_t keys) except -1
    # The number of keys, which stands in `argv[2]`. Raises `CommandError`.
    cdef size_t key_count(self, Call call) except? 0xFFFFFFFF
    cdef int answer_failure(self, Out* out, State* state, Connection caller) except -1
    cdef int end_slow(self, Connection caller) except -1
    cdef int run_script(self, Call call, bint by_digest, bint only_reads) except -1
    cdef int debug(self, Call call, bint by_digest, bint only_reads) except -1
    cdef int debug_through(self, Call call, bint only_reads, object link) except -1
    cdef int debug_in_child(self, Call call, bint only_reads, object link) except -1
