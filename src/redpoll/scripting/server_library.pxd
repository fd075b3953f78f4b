"""The library `redis`, also called `server`: see server_library.pyx."""

from redpoll.scripting.lua cimport lua_State
from redpoll.scripting.state cimport State

# Pushes the library's table.
cdef void push_server_library(lua_State* L, State* state) noexcept nogil
# Pushes a table `err` of a text with its code.
cdef void push_error(lua_State* L, const char* text) noexcept nogil
# Raises that.
cdef int raise_error(lua_State* L, const char* text) noexcept nogil
