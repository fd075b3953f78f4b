"""What scripts may do in a Lua state: see sandbox.pyx."""

from redpoll.scripting.lua cimport lua_State
from redpoll.scripting.state cimport State

# Opens Lua's own libraries as far as scripts may use them, with the globals table of the state as the real one.
cdef void open_sandbox(lua_State* L, State* state) noexcept nogil
# Once all libraries are there: from now on all functions have a globals table that shows the real one, which
# is left on the top of the stack.
cdef void close_sandbox(lua_State* L) noexcept nogil
# Replaces the table on the top by one that shows it and refuses every change.
cdef void protect(lua_State* L) noexcept nogil
# Gives the table on the top a metatable that refuses to look for what is not there.
cdef void refuse_missing(lua_State* L) noexcept nogil
# Whether the value at an index is such a table; the real one is pushed then.
cdef bint push_real(lua_State* L, int index) noexcept nogil
# The generator that `math.random` uses begins anew.
cdef void seed_random(State* state, int seed) noexcept nogil
# Pushes the function that a text is (bytecode is none), or nil and what is wrong with it; how many values that is.
cdef int load_text(lua_State* L, const char* text, size_t length, const char* name) noexcept nogil
