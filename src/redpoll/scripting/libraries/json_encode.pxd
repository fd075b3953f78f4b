"""Lua values written as JSON. See json_encode.pyx."""

from redpoll.scripting.lua cimport lua_State

cdef int cjson_encode(lua_State* L) noexcept nogil
