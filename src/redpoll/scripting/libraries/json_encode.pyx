"""Lua values written as JSON.

A table whose keys are all positive integers is an array, with null in its gaps; any other is an object, also an empty
one. An array with too large gaps is refused, or made an object.
"""

from libc.math cimport floor, isfinite, isnan, signbit
from libc.stdint cimport int64_t
from libc.stdio cimport snprintf

from redpoll.engine.numbers cimport format_int64
from redpoll.scripting.lua cimport (
    LUA_TBOOLEAN, LUA_TLIGHTUSERDATA, LUA_TNIL, LUA_TNUMBER, LUA_TSTRING, LUA_TTABLE, api, lua_State, lua_checkstack,
    lua_getmetatable, lua_gettop, lua_next, lua_pop, lua_pushnil, lua_pushstring, lua_rawget, lua_rawgeti, lua_replace,
    lua_toboolean, lua_tolstring, lua_tonumber, lua_touserdata, lua_type, lua_typename, luaL_argerror,
)
from redpoll.scripting.libraries.json_settings cimport ARRAY_MARK, INVALID_NULL, INVALID_REFUSED, Settings
from redpoll.scripting.libraries.library cimport (
    GrowingText, state_of, text_add, text_add_byte, text_push, text_reserve, text_resize,
)
from redpoll.scripting.sandbox cimport push_real

cdef enum:
    NUMBER_MOST = 32             # bytes of a number as text
    PLAIN_PRECISION = 14         # with which integers below PLAIN_MOST are written with all their digits
    NO_ARRAY = -1
    GREATEST_INDEX = 2147483647

cdef double PLAIN_MOST = 1e14

# Of each byte: 0, it stands for itself; 1, it is written as \u00XX; otherwise the letter behind a backslash.
cdef char[256] ESCAPES
cdef const char* HEX = "0123456789abcdef"


def _fill():
    cdef int i
    for i in range(256):
        ESCAPES[i] = 1 if i < 32 or i == 127 else 0
    for byte, letter in zip(b'\b\t\n\f\r"\\/', b'btnfr"\\/'):
        ESCAPES[<int>byte] = <char><int>letter


_fill()


cdef void put_string(lua_State* L, GrowingText* text, int index) noexcept nogil:
    cdef size_t length
    cdef const char* at = lua_tolstring(L, index, &length)
    cdef const char* end = at + length
    cdef const char* run
    cdef char* out = text_reserve(L, text, length + 2)
    cdef char escape
    out[0] = c'"'
    text.length += 1
    while True:
        run = at
        while at < end and not ESCAPES[<unsigned char>at[0]]:
            at += 1
        text_add(L, text, run, at - run)
        if at == end:
            break
        escape = ESCAPES[<unsigned char>at[0]]
        out = text_reserve(L, text, 6)
        out[0] = c"\\"
        if escape != 1:
            out[1] = escape
            text.length += 2
        else:
            out[1] = c"u"
            out[2] = out[3] = c"0"
            out[4] = HEX[<unsigned char>at[0] >> 4]
            out[5] = HEX[at[0] & 15]
            text.length += 6
        at += 1
    text_add_byte(L, text, c'"')


cdef int refuse(lua_State* L, Settings* settings, int index, const char* reason) noexcept nogil:
    if not settings.keep_buffer:
        text_resize(L, &settings.text, 0)
    return api.luaL_error(L, "Cannot serialise %s: %s", lua_typename(L, lua_type(L, index)), reason)


cdef void put_number(lua_State* L, Settings* settings, int index) noexcept nogil:
    cdef GrowingText* text = &settings.text
    cdef double number = lua_tonumber(L, index)
    cdef char* out
    if not isfinite(number):
        if settings.encode_invalid == INVALID_REFUSED:
            refuse(L, settings, index, "must not be NaN or Inf")
            return
        if settings.encode_invalid == INVALID_NULL:
            text_add(L, text, "null", 4)
        elif isnan(number):
            text_add(L, text, "nan", 3)
        elif number < 0:
            text_add(L, text, "-inf", 4)
        else:
            text_add(L, text, "inf", 3)
        return
    out = text_reserve(L, text, NUMBER_MOST)
    if (-PLAIN_MOST < number < PLAIN_MOST and number == <double><int64_t>number
            and settings.precision >= PLAIN_PRECISION and (number != 0 or not signbit(number))):
        text.length += format_int64(out, <int64_t>number)
    else:
        text.length += snprintf(out, NUMBER_MOST, "%.*g", settings.precision, number)


cdef int64_t array_length(lua_State* L, Settings* settings) noexcept nogil:
    """The greatest key of the table on the top; NO_ARRAY when one is no index, or there are too large gaps."""
    cdef double key, greatest = 0
    cdef int64_t items = 0
    lua_pushnil(L)
    while lua_next(L, -2):
        if lua_type(L, -2) == LUA_TNUMBER:
            key = lua_tonumber(L, -2)
            if 0 < key <= GREATEST_INDEX and floor(key) == key:
                greatest = max(greatest, key)
                items += 1
                lua_pop(L, 1)
                continue
        lua_pop(L, 2)
        return NO_ARRAY
    if (settings.sparse_ratio > 0 and greatest > <double>items * settings.sparse_ratio
            and greatest > settings.sparse_safe):
        if not settings.sparse_convert:
            refuse(L, settings, -1, "excessively sparse array")
        return NO_ARRAY
    return <int64_t>greatest


cdef void put_array(lua_State* L, Settings* settings, int64_t length, int depth) noexcept nogil:
    cdef GrowingText* text = &settings.text
    cdef int64_t i
    text_add_byte(L, text, c"[")
    for i in range(1, length + 1):
        if i > 1:
            text_add_byte(L, text, c",")
        lua_rawgeti(L, -1, <int>i)
        put_value(L, settings, depth)
        lua_pop(L, 1)
    text_add_byte(L, text, c"]")


cdef void put_object(lua_State* L, Settings* settings, int depth) noexcept nogil:
    cdef GrowingText* text = &settings.text
    cdef bint first = True
    cdef int kind
    text_add_byte(L, text, c"{")
    lua_pushnil(L)
    while lua_next(L, -2):
        if not first:
            text_add_byte(L, text, c",")
        first = False
        kind = lua_type(L, -2)
        if kind == LUA_TSTRING:
            put_string(L, text, -2)
            text_add_byte(L, text, c":")
        elif kind == LUA_TNUMBER:
            text_add_byte(L, text, c'"')
            put_number(L, settings, -2)
            text_add(L, text, '":', 2)
        else:
            refuse(L, settings, -2, "table key must be a number or string")
        put_value(L, settings, depth)
        lua_pop(L, 1)
    text_add_byte(L, text, c"}")


cdef bint is_marked(lua_State* L) noexcept nogil:
    """Whether the table on the top was an array as it was read."""
    cdef bint marked
    if not lua_getmetatable(L, -1):
        return False
    lua_pushstring(L, ARRAY_MARK)
    lua_rawget(L, -2)
    marked = lua_toboolean(L, -1)
    lua_pop(L, 2)
    return marked


cdef void put_table(lua_State* L, Settings* settings, int depth) noexcept nogil:
    cdef int64_t length
    depth += 1
    if depth > settings.encode_depth or not lua_checkstack(L, 3):
        if not settings.keep_buffer:
            text_resize(L, &settings.text, 0)
        api.luaL_error(L, "Cannot serialise, excessive nesting (%d)", depth)
    if push_real(L, -1):
        lua_replace(L, -2)
    length = array_length(L, settings)
    if length == 0 and is_marked(L):
        text_add(L, &settings.text, "[]", 2)
    elif length > 0:
        put_array(L, settings, length, depth)
    else:
        put_object(L, settings, depth)


cdef void put_value(lua_State* L, Settings* settings, int depth) noexcept nogil:
    """Write the value on the top, which stays."""
    cdef GrowingText* text = &settings.text
    cdef int kind = lua_type(L, -1)
    if kind == LUA_TSTRING:
        put_string(L, text, -1)
    elif kind == LUA_TNUMBER:
        put_number(L, settings, -1)
    elif kind == LUA_TTABLE:
        put_table(L, settings, depth)
    elif kind == LUA_TBOOLEAN:
        if lua_toboolean(L, -1):
            text_add(L, text, "true", 4)
        else:
            text_add(L, text, "false", 5)
    elif kind == LUA_TNIL or (kind == LUA_TLIGHTUSERDATA and lua_touserdata(L, -1) == NULL):
        text_add(L, text, "null", 4)
    else:
        refuse(L, settings, -1, "type not supported")


cdef int cjson_encode(lua_State* L) noexcept nogil:
    cdef Settings* settings = <Settings*>state_of(L)
    if lua_gettop(L) != 1:
        return luaL_argerror(L, 1, "expected 1 argument")
    settings.text.length = 0
    put_value(L, settings, 0)
    text_push(L, &settings.text)
    if not settings.keep_buffer:
        text_resize(L, &settings.text, 0)
    return 1
