"""The library `cjson`: Lua values as JSON and back. See cjson.pyx."""

from redpoll.scripting.lua cimport lua_State

cdef int open_cjson(lua_State* L) noexcept nogil
