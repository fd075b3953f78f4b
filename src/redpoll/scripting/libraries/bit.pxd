"""The library `bit`: operations on the bits of 32-bit numbers. See bit.pyx."""

from redpoll.scripting.lua cimport lua_State

cdef int open_bit(lua_State* L) noexcept nogil
