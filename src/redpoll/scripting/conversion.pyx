"""Replies to Lua values, and back.

| reply | Lua |
|---|---|
| integer | number |
| bulk string | string |
| simple string | table `ok` |
| error | table `err`, and `ignore_error_stats_update`: it has been counted |
| null of RESP2 | false |
| array, set of RESP2 | table |
| map, set | table `map`, `set`; an element of a set is a field that is true |
| double | table `double` |
| null, boolean | nil, boolean |
| big number | table `big_number` |
| verbatim string | table `verbatim_string` of `format` and `string` |

Of several such fields the first of `err`, `ok`, `double`, `big_number`, `verbatim_string`, `map`, `set` counts.

Both ways run in a protected call: Lua may have no memory left. What is read are replies that this server has written,
so nothing of it is doubted.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport realloc, strtod
from libc.string cimport memchr, memcpy

from redpoll.scripting.lua cimport (
    LUA_TBOOLEAN, LUA_TNUMBER, LUA_TSTRING, LUA_TTABLE, lua_checkstack, lua_createtable, lua_next, lua_pop,
    lua_pushboolean, lua_pushlstring, lua_pushnil, lua_pushnumber, lua_pushstring, lua_pushvalue, lua_rawget,
    lua_rawgeti, lua_rawset, lua_rawseti, lua_toboolean, lua_tolstring, lua_tonumber, lua_type, luaL_error,
)
from redpoll.wire.output cimport Chunk, Mark, out_pending, out_write
from redpoll.wire.reply cimport (
    reply_bool, reply_bulk, reply_double, reply_error, reply_header, reply_integer, reply_later, reply_null, reply_now,
    reply_verbatim,
)

cdef enum:
    STACK_WANTED = 8
    ITEMS_MOST = 4294967295


cdef const char* reply_bytes(State* state, size_t* length) noexcept nogil:
    cdef Chunk* chunk = state.reply.first
    cdef size_t total = out_pending(&state.reply)
    cdef size_t part
    cdef void* made
    cdef char* at
    length[0] = total
    if chunk == NULL:
        return b""
    if chunk == state.reply.last and chunk.blob == NULL:
        return chunk.data
    if total > state.flat_room:
        made = realloc(state.flat, total + 1)
        if made == NULL:
            length[0] = 0
            return NULL
        state.flat = <char*>made
        state.flat_room = total
    at = state.flat
    while chunk != NULL:
        part = <size_t>(state.reply.cursor - chunk.data) if chunk == state.reply.last else chunk.length
        if chunk.blob != NULL:
            memcpy(at, chunk.blob.data, part)
        else:
            memcpy(at, chunk.data, part)
        at += part
        chunk = chunk.next
    return state.flat


# Replies to values

cdef inline const char* read_number(const char* at, int64_t* number) noexcept nogil:
    """A decimal number up to the end of its line; returns what is behind that."""
    cdef bint negative = at[0] == c"-"
    cdef int64_t value = 0
    if negative:
        at += 1
    while at[0] != c"\r":
        value = value * 10 + (at[0] - c"0")
        at += 1
    number[0] = -value if negative else value
    return at + 2


cdef inline const char* line_end(const char* at) noexcept nogil:
    return <const char*>memchr(at, c"\r", <size_t>-1 >> 2)


cdef void set_field(lua_State* L, const char* name, const char* text, size_t length) noexcept nogil:
    """A field of the table on the top."""
    lua_pushstring(L, name)
    lua_pushlstring(L, text, length)
    lua_rawset(L, -3)


cdef const char* push_reply(lua_State* L, const char* at) noexcept nogil:
    cdef char kind = at[0]
    cdef int64_t number = 0, i
    cdef const char* end
    if kind == c"$":
        at = read_number(at + 1, &number)
        if number < 0:
            lua_pushboolean(L, 0)
            return at
        lua_pushlstring(L, at, number)
        return at + number + 2
    if kind == c":":
        at = read_number(at + 1, &number)
        lua_pushnumber(L, <double>number)
        return at
    if kind == c"*" or kind == c">":
        at = read_number(at + 1, &number)
        if number < 0:
            lua_pushboolean(L, 0)
            return at
        if not lua_checkstack(L, STACK_WANTED):
            luaL_error(L, "reached lua stack limit")
        lua_createtable(L, <int>(number if number < 1 << 26 else 0), 0)
        for i in range(number):
            at = push_reply(L, at)
            lua_rawseti(L, -2, <int>i + 1)
        return at
    end = line_end(at)
    if kind == c"+":
        lua_createtable(L, 0, 1)
        set_field(L, "ok", at + 1, end - at - 1)
        return end + 2
    if kind == c"-":
        lua_createtable(L, 0, 4)
        set_field(L, "err", at + 1, end - at - 1)
        lua_pushstring(L, "ignore_error_stats_update")
        lua_pushboolean(L, 1)
        lua_rawset(L, -3)
        return end + 2
    return push_newer(L, at, end)


cdef const char* push_newer(lua_State* L, const char* at, const char* end) noexcept nogil:
    """What only RESP3 has; `end` is that of the first line."""
    cdef char kind = at[0]
    cdef int64_t number = 0, _
    if kind == c"_":
        lua_pushnil(L)
        return end + 2
    if kind == c"#":
        lua_pushboolean(L, at[1] == c"t")
        return end + 2
    if not lua_checkstack(L, STACK_WANTED):
        luaL_error(L, "reached lua stack limit")
    if kind == c",":
        lua_createtable(L, 0, 1)
        lua_pushstring(L, "double")
        lua_pushnumber(L, strtod(at + 1, NULL))
        lua_rawset(L, -3)
        return end + 2
    if kind == c"(":
        lua_createtable(L, 0, 1)
        set_field(L, "big_number", at + 1, end - at - 1)
        return end + 2
    at = read_number(at + 1, &number)
    if kind == c"=":
        lua_createtable(L, 0, 1)
        lua_pushstring(L, "verbatim_string")
        lua_createtable(L, 0, 2)
        set_field(L, "string", at + 4, number - 4)
        set_field(L, "format", at, 3)
        lua_rawset(L, -3)
        return at + number + 2
    if kind == c"%" or kind == c"~":
        lua_createtable(L, 0, 1)
        lua_pushstring(L, "map" if kind == c"%" else "set")
        lua_createtable(L, 0, <int>(number if number < 1 << 26 else 0))
        for _ in range(number):
            at = push_reply(L, at)
            if kind == c"%":
                at = push_reply(L, at)
            else:
                lua_pushboolean(L, 1)
            set_pair(L)
        lua_rawset(L, -3)
        return at
    if kind == c"|":
        # Attributes are beside the reply proper.
        for _ in range(2 * number):
            at = push_reply(L, at)
            lua_pop(L, 1)
        return push_reply(L, at)
    lua_pushnil(L)
    return end + 2


cdef void set_pair(lua_State* L) noexcept nogil:
    """As `lua_rawset(L, -3)`, but a key that cannot be one is left out."""
    cdef int kind = lua_type(L, -2)
    cdef double number
    if kind == 0:
        lua_pop(L, 2)
        return
    if kind == LUA_TNUMBER:
        number = lua_tonumber(L, -2)
        if number != number:
            lua_pop(L, 2)
            return
    lua_rawset(L, -3)


# Values to replies

cdef inline int raw_field(lua_State* L, const char* name) noexcept nogil:
    """Push a field of the table on the top, whatever its metatable says, and return its type."""
    lua_pushstring(L, name)
    lua_rawget(L, -2)
    return lua_type(L, -1)


cdef void write_line(Out* out, char kind, const char* text, size_t length) noexcept nogil:
    """A line of a text in which there may be line ends."""
    out_write(out, &kind, 1)
    write_in_line(out, text, length)


cdef void write_in_line(Out* out, const char* text, size_t length) noexcept nogil:
    """A text, spaces in place of its line ends, and the end of the line."""
    cdef size_t i
    cdef char c
    for i in range(length):
        c = text[i]
        if c == c"\r" or c == c"\n":
            c = c" "
        out_write(out, &c, 1)
    out_write(out, b"\r\n", 2)


cdef bint write_field(lua_State* L, Out* out, const char* name, char kind) noexcept nogil:
    """If the table on the top has a field that is a text, write that as a line."""
    cdef size_t length = 0
    cdef const char* text
    cdef bint found = raw_field(L, name) == LUA_TSTRING
    if found:
        text = lua_tolstring(L, -1, &length)
        if kind == c"-":
            # The end of its line is no part of an error.
            while length and (text[length - 1] == c"\r" or text[length - 1] == c"\n"):
                length -= 1
        write_line(out, kind, text, length)
    lua_pop(L, 1)
    return found


cdef void write_value(lua_State* L, Out* out, int resp) noexcept nogil:
    cdef int kind
    cdef const char* text
    cdef size_t length = 0
    if not lua_checkstack(L, STACK_WANTED):
        text = b"ERR reached lua stack limit"
        reply_error(out, text, 27)
        lua_pop(L, 1)
        return
    kind = lua_type(L, -1)
    if kind == LUA_TSTRING:
        text = lua_tolstring(L, -1, &length)
        reply_bulk(out, text, length)
    elif kind == LUA_TNUMBER:
        reply_integer(out, <int64_t>lua_tonumber(L, -1))
    elif kind == LUA_TBOOLEAN:
        if resp == 3:
            reply_bool(out, lua_toboolean(L, -1))
        elif lua_toboolean(L, -1):
            reply_integer(out, 1)
        else:
            reply_null(out)
    elif kind == LUA_TTABLE:
        write_table(L, out, resp)
    else:
        reply_null(out)
    lua_pop(L, 1)


cdef void write_table(lua_State* L, Out* out, int resp) noexcept nogil:
    """The table on the top, which stays there."""
    cdef const char* text
    cdef const char* format
    cdef size_t length = 0, format_length = 0
    cdef char shown[3]
    cdef int i
    if write_field(L, out, "err", c"-") or write_field(L, out, "ok", c"+"):
        return
    if raw_field(L, "double") == LUA_TNUMBER:
        reply_double(out, lua_tonumber(L, -1))
        lua_pop(L, 1)
        return
    lua_pop(L, 1)
    if raw_field(L, "big_number") == LUA_TSTRING:
        text = lua_tolstring(L, -1, &length)
        if out.resp == 3:
            write_line(out, c"(", text, length)
        else:
            reply_header(out, c"$", length)
            write_in_line(out, text, length)
        lua_pop(L, 1)
        return
    lua_pop(L, 1)
    if raw_field(L, "verbatim_string") == LUA_TTABLE:
        if raw_field(L, "format") == LUA_TSTRING:
            format = lua_tolstring(L, -1, &format_length)
            lua_pushvalue(L, -2)
            if raw_field(L, "string") == LUA_TSTRING:
                text = lua_tolstring(L, -1, &length)
                for i in range(3):
                    shown[i] = format[i] if <size_t>i < format_length else c" "
                reply_verbatim(out, shown, text, length)
                lua_pop(L, 4)
                return
            lua_pop(L, 2)
        lua_pop(L, 1)
    lua_pop(L, 1)
    if raw_field(L, "map") == LUA_TTABLE:
        write_pairs(L, out, resp, True)
        lua_pop(L, 1)
        return
    lua_pop(L, 1)
    if raw_field(L, "set") == LUA_TTABLE:
        write_pairs(L, out, resp, False)
        lua_pop(L, 1)
        return
    lua_pop(L, 1)
    write_array(L, out, resp)


cdef void write_array(lua_State* L, Out* out, int resp) noexcept nogil:
    """Elements from the first on, up to one that is nil."""
    cdef Mark mark = reply_later(out, ITEMS_MOST)
    cdef int count = 0
    while True:
        lua_rawgeti(L, -1, count + 1)
        if lua_type(L, -1) == 0:
            lua_pop(L, 1)
            break
        write_value(L, out, resp)
        count += 1
    reply_now(out, &mark, c"*", count)


cdef void write_pairs(lua_State* L, Out* out, int resp, bint values) noexcept nogil:
    """All keys of the table on the top, with their values in a map."""
    cdef Mark mark = reply_later(out, ITEMS_MOST)
    cdef size_t count = 0
    lua_pushnil(L)
    while lua_next(L, -2):
        # The key is needed once more, to go on.
        lua_pushvalue(L, -2)
        write_value(L, out, resp)
        if values:
            write_value(L, out, resp)
        else:
            lua_pop(L, 1)
        count += 1
    if out.resp == 3:
        reply_now(out, &mark, c"%" if values else c"~", count)
    else:
        reply_now(out, &mark, c"*", 2 * count if values else count)
