"""The library `cmsgpack`: Lua values as MessagePack and back. See cmsgpack.pyx."""

from redpoll.scripting.lua cimport lua_State

cdef int open_cmsgpack(lua_State* L) noexcept nogil
