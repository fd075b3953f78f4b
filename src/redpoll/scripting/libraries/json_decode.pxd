"""JSON read into Lua values. See json_decode.pyx."""

from redpoll.scripting.lua cimport lua_State

cdef int cjson_decode(lua_State* L) noexcept nogil
