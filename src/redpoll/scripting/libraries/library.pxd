"""What the libraries of this folder share: how a table of functions is made, and a text that grows.

Every function here may end in `lua_error`, which jumps out of all frames up to the protected call. So a library owns
memory through its state alone: a userdata that is the first upvalue of its functions, and that Lua collects.
"""

from libc.string cimport memcpy, memset

from redpoll.scripting.lua cimport (
    lua_Alloc, lua_CFunction, lua_State, lua_createtable, lua_getallocf, lua_newuserdata,
    lua_pushcclosure, lua_pushlstring, lua_pushvalue, lua_setfield, lua_setmetatable, lua_touserdata,
    lua_upvalueindex, luaL_error,
)

cdef enum:
    TEXT_KEPT = 65536            # bytes of room that a text keeps between two calls
    TEXT_LEAST = 256


# Bytes that are being written, in memory of the Lua state's own allocator, so that they count as the state's.
cdef struct GrowingText:
    char* bytes
    size_t length
    size_t room


cdef inline void text_resize(lua_State* L, GrowingText* text, size_t room) noexcept nogil:
    """Have room for so many bytes, at least as many as are there; zero frees all."""
    cdef void* context
    cdef lua_Alloc allocate = lua_getallocf(L, &context)
    cdef char* bytes = <char*>allocate(context, text.bytes, text.room, room)
    if bytes == NULL and room:
        luaL_error(L, "not enough memory")
    text.bytes = bytes
    text.room = room


cdef inline char* text_reserve(lua_State* L, GrowingText* text, size_t more) noexcept nogil:
    """Where the next bytes go, of which there is room for so many at least."""
    cdef size_t wanted
    if text.room - text.length < more:
        wanted = text.length + more
        if wanted < text.length:
            luaL_error(L, "not enough memory")
        text_resize(L, text, max(wanted, 2 * text.room, <size_t>TEXT_LEAST))
    return text.bytes + text.length


cdef inline void text_add(lua_State* L, GrowingText* text, const char* bytes, size_t length) noexcept nogil:
    memcpy(text_reserve(L, text, length), bytes, length)
    text.length += length


cdef inline void text_add_byte(lua_State* L, GrowingText* text, char byte) noexcept nogil:
    text_reserve(L, text, 1)[0] = byte
    text.length += 1


cdef inline void text_push(lua_State* L, GrowingText* text) noexcept nogil:
    """Push what was written as a string, and keep only a little of the room."""
    lua_pushlstring(L, text.bytes, text.length)
    if text.room > TEXT_KEPT:
        text_resize(L, text, 0)


cdef inline void* new_state(lua_State* L, size_t size, lua_CFunction collect) noexcept nogil:
    """Push a library's state, zeroed; `collect` is called with it before it goes."""
    cdef void* state = lua_newuserdata(L, size)
    memset(state, 0, size)
    lua_createtable(L, 0, 1)
    lua_pushcclosure(L, collect, 0)
    lua_setfield(L, -2, "__gc")
    lua_setmetatable(L, -2)
    return state


cdef inline void* state_of(lua_State* L) noexcept nogil:
    """The state of the library whose function is running."""
    return lua_touserdata(L, lua_upvalueindex(1))


cdef inline void add_function(lua_State* L, const char* name, lua_CFunction function) noexcept nogil:
    """Put a function that needs no state into the table on the top."""
    lua_pushcclosure(L, function, 0)
    lua_setfield(L, -2, name)


cdef inline void add_bound(lua_State* L, const char* name, lua_CFunction function) noexcept nogil:
    """Put a function into the table on the top, bound to the state that lies below the table."""
    lua_pushvalue(L, -2)
    lua_pushcclosure(L, function, 1)
    lua_setfield(L, -2, name)
