"""Lua with the libraries of this folder and nothing else, for tests."""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, realloc

from cpython.bytes cimport PyBytes_FromStringAndSize

from redpoll.scripting.libraries.bit cimport open_bit
from redpoll.scripting.libraries.cjson cimport open_cjson
from redpoll.scripting.libraries.cmsgpack cimport open_cmsgpack
from redpoll.scripting.libraries.struct cimport open_struct
from redpoll.scripting.lua cimport (
    LUA_MULTRET, LUA_TBOOLEAN, LUA_TNIL, LUA_TNUMBER, LUA_TSTRING, lua_CFunction, lua_State, lua_close, lua_gettop,
    lua_newstate, lua_pcall, lua_pushcfunction, lua_pushlstring, lua_pushnumber, lua_settop, lua_toboolean,
    lua_tolstring, lua_tonumber, lua_type, lua_typename, luaL_loadbuffer, luaopen_base, luaopen_math, luaopen_string,
    luaopen_table,
)


class LuaError(Exception):
    """An error that a chunk ended in; the argument is its text."""


cdef void* allocate(void* context, void* block, size_t size, size_t new_size) noexcept nogil:
    cdef int64_t* used = <int64_t*>context
    used[0] += <int64_t>new_size - <int64_t>size
    if new_size == 0:
        free(block)
        return NULL
    return realloc(block, new_size)


cdef class Lua:
    """A Lua state. `close` it to see in `used` whether all its memory was given back."""

    cdef lua_State* state
    cdef int64_t used_

    def __cinit__(self):
        cdef lua_CFunction openers[8]
        cdef int i
        openers[0] = luaopen_base
        openers[1] = luaopen_table
        openers[2] = luaopen_string
        openers[3] = luaopen_math
        openers[4] = open_bit
        openers[5] = open_cjson
        openers[6] = open_cmsgpack
        openers[7] = open_struct
        self.state = lua_newstate(allocate, &self.used_)
        if self.state == NULL:
            raise MemoryError
        for i in range(8):
            lua_pushcfunction(self.state, openers[i])
            if lua_pcall(self.state, 0, 0, 0):
                raise MemoryError

    def __dealloc__(self):
        self.close()

    def close(self):
        """End the state."""
        if self.state != NULL:
            lua_close(self.state)
            self.state = NULL

    @property
    def used(self) -> int:
        """Bytes that the state has."""
        return self.used_

    def run(self, bytes code, *arguments):
        """Run a chunk with these arguments (bytes or float); its results as a list. Raises `LuaError`."""
        cdef lua_State* L = self.state
        cdef bytes text
        cdef double number
        cdef size_t length
        cdef const char* result
        cdef int i
        cdef list results = []
        lua_settop(L, 0)
        if luaL_loadbuffer(L, code, len(code), "@chunk"):
            raise LuaError(self.top())
        for argument in arguments:
            if isinstance(argument, bytes):
                text = argument
                lua_pushlstring(L, text, len(text))
            else:
                number = argument
                lua_pushnumber(L, number)
        if lua_pcall(L, len(arguments), LUA_MULTRET, 0):
            raise LuaError(self.top())
        for i in range(1, lua_gettop(L) + 1):
            if lua_type(L, i) == LUA_TSTRING:
                result = lua_tolstring(L, i, &length)
                results.append(PyBytes_FromStringAndSize(result, length))
            elif lua_type(L, i) == LUA_TNUMBER:
                results.append(lua_tonumber(L, i))
            elif lua_type(L, i) == LUA_TBOOLEAN:
                results.append(bool(lua_toboolean(L, i)))
            elif lua_type(L, i) == LUA_TNIL:
                results.append(None)
            else:
                results.append((<bytes>lua_typename(L, lua_type(L, i))).decode())
        return results

    cdef str top(self):
        cdef size_t length
        cdef const char* text = lua_tolstring(self.state, -1, &length)
        return text[:length].decode("latin-1") if text != NULL else ""
