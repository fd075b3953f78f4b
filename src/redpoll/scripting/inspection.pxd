"""Scripts stopped at a line and looked at: see inspection.pyx."""

from libc.stddef cimport size_t

from redpoll.scripting.lua cimport lua_Debug, lua_State
from redpoll.scripting.state cimport State

cdef enum:
    BREAKPOINTS_MOST = 64
    ROOM = 64                    # of Lua's stack, for values that are shown

# What makes a script stop, in C, so that the lines that do not matter cost little.
cdef struct Watch:
    bint active                  # a session is on; only one is at a time
    bint stepping                # stop at the next line, and tell of commands until then
    bint pausing                 # `redis.breakpoint()` was called
    int line                     # where the script is
    int breakpoint_count
    int breakpoints[BREAKPOINTS_MOST]

cdef Watch watch

# The hook of a script that is being debugged, for lines and for counts of instructions.
cdef void debug_hook(lua_State* L, lua_Debug* record) noexcept nogil

# Told by the library `redis` while a session is on: a command is about to run (`state.argv`), its reply, what it was
# refused for, and the arguments of `redis.debug`, for which the Lua stack has room.
cdef void tell_call(State* state) noexcept
cdef void tell_reply(State* state, const char* reply, size_t length) noexcept
cdef void tell_refusal(const char* text, size_t length) noexcept
cdef void tell_values(lua_State* L) noexcept
