"""Replies to Lua values, and back: see conversion.pyx."""

from redpoll.scripting.lua cimport lua_State
from redpoll.scripting.state cimport State
from redpoll.wire.output cimport Out

# Pushes the value of the reply that begins at `at`; returns where the next one begins. The reply is whole.
cdef const char* push_reply(lua_State* L, const char* at) noexcept nogil
# Writes the value on the top as a reply and pops it. `resp`: which protocol's values the script speaks of.
cdef void write_value(lua_State* L, Out* out, int resp) noexcept nogil
# The command's reply in one piece.
cdef const char* reply_bytes(State* state, size_t* length) noexcept nogil
