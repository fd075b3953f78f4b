"""A Lua state with what scripts may use in it, for EVAL or for libraries of functions: see machine.pyx.

How to use one, for scripts and functions alike:

    machine = Machine(host)                       # host: the server's, see `Host`
    reference = machine.compile(text, length, b"@user_script")      # raises ScriptError(its text)
    machine.run(reference, name, flags, keys…, words…, resp)        # then look at `machine.state`
    machine.forget(reference)

`run` leaves the answer in `state.answer`, or sets `state.failed` with the error in `state.text`. Whether it may run at
all (`scripting/flags.py`, `Host.refusal`) is asked before.

`sandbox.pxd` has what makes tables unchangeable, `server_library.pxd` the library `redis`.

What a library of functions does besides: it makes its functions at load time, with `lua` calls on `machine.state.L`
between, under `lua_pcall` with `machine.push_handler()` below, and keeps references to them by `luaL_ref` in the
registry. A function is run by `machine.run` without `RUN_SCRIPT`: it gets keys and arguments as two tables.
"""

from libc.stdint cimport int64_t, uint32_t

from redpoll.scripting.state cimport State
from redpoll.wire.request cimport Arg

cdef class Host:
    """What scripts need of the server that they run in, which derives from this.

    Called without the interpreter's knowledge of any frame between, so nothing may raise.
    """
    # Whether machines have Lua's functions that Redis has taken away; asked when one is made.
    cdef public bint deprecated_api
    # Runs the command `state.argv[:state.argc]` and writes its reply, errors included, into `state.reply`, which is
    # empty and in the protocol of `state.resp`.
    cdef void command(self, State* state) noexcept
    # The script runs for longer than `state.threshold_us`; called again and again. Whether it has to end, in which case
    # `state.text` says why.
    cdef bint slow(self, State* state) noexcept
    # Monotonic microseconds.
    cdef int64_t now_us(self) noexcept
    cdef void log(self, int level, const char* text, size_t length) noexcept
    # Whether the user may run the command `state.argv[:state.argc]`; -1: there is no such command.
    cdef int permitted(self, State* state) noexcept

cdef class Machine:
    cdef State* state
    cdef readonly Host host

    # A text as a Lua function; its reference in the registry. Raises `ScriptError`, whose text is Lua's message.
    cdef int compile(self, const char* text, size_t length, const char* chunk_name) except 0
    cdef int forget(self, int reference) except -1
    # Run a function, `state` says how it ended. `resp`: in which protocol to answer.
    cdef int run(self, int reference, const char* name, uint32_t flags, const Arg* keys, size_t key_count,
                 const Arg* words, size_t word_count, int resp) except -1
    # Pushes the function that makes an error a table of `err`, `source` and `line`, for `lua_pcall`.
    cdef void push_handler(self) noexcept
    # What a protected call left on the top becomes `state.text`, the whole error reply; it is popped.
    cdef void take_error(self) noexcept
    # Have the script that runs end; only while it is slow.
    cdef void kill(self) noexcept
