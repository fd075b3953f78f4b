"""The library `struct`: Lua values as C structures and back. See struct.pyx."""

from redpoll.scripting.lua cimport lua_State

cdef int open_struct(lua_State* L) noexcept nogil
