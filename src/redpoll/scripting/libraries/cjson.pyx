"""The library `cjson`: its settings. json_encode.pyx writes, json_decode.pyx reads.

Each setting is a function that returns what it is, and changes it before when it is given a value.
"""

from libc.string cimport strcmp

from redpoll.scripting.lua cimport (
    LUA_TBOOLEAN, api, lua_State, luaL_argerror, luaL_checkinteger, luaL_checklstring, lua_createtable, lua_gettop,
    lua_isnoneornil, lua_pushboolean, lua_pushinteger, lua_pushlightuserdata, lua_pushnil, lua_pushstring,
    lua_pushvalue, lua_setfield, lua_setglobal, lua_toboolean, lua_touserdata, lua_type,
)
from redpoll.scripting.libraries.json_decode cimport cjson_decode
from redpoll.scripting.libraries.json_encode cimport cjson_encode
from redpoll.scripting.libraries.json_settings cimport (
    INVALID_NULL, INVALID_REFUSED, INVALID_WRITTEN, InvalidNumbers, Settings,
)
from redpoll.scripting.libraries.library cimport add_bound, new_state, state_of, text_resize

cdef enum:
    DEPTH = 1000
    PRECISION = 14
    PRECISION_MOST = 14
    INTEGER_MOST = 0x7FFFFFFF


cdef int choice(lua_State* L, int index, bint with_null) noexcept nogil:
    """An argument as `off`, `on` or `null`: 0, 1, 2."""
    cdef const char* word = luaL_checklstring(L, index, NULL)
    if strcmp(word, "off") == 0:
        return 0
    if strcmp(word, "on") == 0:
        return 1
    if with_null and strcmp(word, "null") == 0:
        return 2
    return luaL_argerror(L, index, api.lua_pushfstring(L, "invalid option '%s'", word))


cdef Settings* settings_of(lua_State* L, int most) noexcept nogil:
    """The settings, once it is sure that there are no more than so many arguments; what is missing is nil."""
    if lua_gettop(L) > most:
        luaL_argerror(L, most + 1, "found too many arguments")
    while lua_gettop(L) < most:
        lua_pushnil(L)
    return <Settings*>state_of(L)


cdef void number_setting(lua_State* L, int index, int* setting, int least, int most) noexcept nogil:
    cdef long long wanted
    if not lua_isnoneornil(L, index):
        wanted = luaL_checkinteger(L, index)
        if wanted < least or wanted > most:
            luaL_argerror(L, 1, api.lua_pushfstring(L, "expected integer between %d and %d", least, most))
        setting[0] = <int>wanted
    lua_pushinteger(L, setting[0])


cdef void truth_setting(lua_State* L, int index, bint* setting) noexcept nogil:
    if not lua_isnoneornil(L, index):
        if lua_type(L, index) == LUA_TBOOLEAN:
            setting[0] = lua_toboolean(L, index)
        else:
            setting[0] = choice(L, index, False)
    lua_pushboolean(L, setting[0])


cdef int cjson_encode_sparse_array(lua_State* L) noexcept nogil:
    cdef Settings* settings = settings_of(L, 3)
    truth_setting(L, 1, &settings.sparse_convert)
    number_setting(L, 2, &settings.sparse_ratio, 0, INTEGER_MOST)
    number_setting(L, 3, &settings.sparse_safe, 0, INTEGER_MOST)
    return 3


cdef int cjson_encode_max_depth(lua_State* L) noexcept nogil:
    number_setting(L, 1, &settings_of(L, 1).encode_depth, 1, INTEGER_MOST)
    return 1


cdef int cjson_decode_max_depth(lua_State* L) noexcept nogil:
    number_setting(L, 1, &settings_of(L, 1).decode_depth, 1, INTEGER_MOST)
    return 1


cdef int cjson_encode_number_precision(lua_State* L) noexcept nogil:
    number_setting(L, 1, &settings_of(L, 1).precision, 1, PRECISION_MOST)
    return 1


cdef int cjson_encode_keep_buffer(lua_State* L) noexcept nogil:
    cdef Settings* settings = settings_of(L, 1)
    truth_setting(L, 1, &settings.keep_buffer)
    if not settings.keep_buffer:
        text_resize(L, &settings.text, 0)
    return 1


cdef int cjson_encode_invalid_numbers(lua_State* L) noexcept nogil:
    cdef Settings* settings = settings_of(L, 1)
    if not lua_isnoneornil(L, 1):
        if lua_type(L, 1) == LUA_TBOOLEAN:
            settings.encode_invalid = INVALID_WRITTEN if lua_toboolean(L, 1) else INVALID_REFUSED
        else:
            settings.encode_invalid = <InvalidNumbers>choice(L, 1, True)
    if settings.encode_invalid == INVALID_NULL:
        lua_pushstring(L, "null")
    else:
        lua_pushboolean(L, settings.encode_invalid == INVALID_WRITTEN)
    return 1


cdef int cjson_decode_invalid_numbers(lua_State* L) noexcept nogil:
    truth_setting(L, 1, &settings_of(L, 1).decode_invalid)
    return 1


cdef int cjson_decode_array_with_array_mt(lua_State* L) noexcept nogil:
    truth_setting(L, 1, &settings_of(L, 1).mark_arrays)
    return 1


cdef int cjson_new(lua_State* L) noexcept nogil:
    """A library of its own, with settings of its own."""
    push_library(L)
    return 1


cdef int collect(lua_State* L) noexcept nogil:
    text_resize(L, &(<Settings*>lua_touserdata(L, 1)).text, 0)
    return 0


cdef void push_library(lua_State* L) noexcept nogil:
    cdef Settings* settings = <Settings*>new_state(L, sizeof(Settings), collect)
    settings.sparse_ratio = 2
    settings.sparse_safe = 10
    settings.encode_depth = settings.decode_depth = DEPTH
    settings.encode_invalid = INVALID_REFUSED
    settings.decode_invalid = True
    settings.keep_buffer = True
    settings.precision = PRECISION
    lua_createtable(L, 0, 16)
    add_bound(L, "encode", cjson_encode)
    add_bound(L, "decode", cjson_decode)
    add_bound(L, "encode_sparse_array", cjson_encode_sparse_array)
    add_bound(L, "encode_max_depth", cjson_encode_max_depth)
    add_bound(L, "decode_max_depth", cjson_decode_max_depth)
    add_bound(L, "encode_number_precision", cjson_encode_number_precision)
    add_bound(L, "encode_keep_buffer", cjson_encode_keep_buffer)
    add_bound(L, "encode_invalid_numbers", cjson_encode_invalid_numbers)
    add_bound(L, "decode_invalid_numbers", cjson_decode_invalid_numbers)
    add_bound(L, "decode_array_with_array_mt", cjson_decode_array_with_array_mt)
    add_bound(L, "new", cjson_new)
    lua_pushlightuserdata(L, NULL)
    lua_setfield(L, -2, "null")
    lua_pushstring(L, "cjson")
    lua_setfield(L, -2, "_NAME")
    lua_pushstring(L, "2.1.0")
    lua_setfield(L, -2, "_VERSION")


cdef int open_cjson(lua_State* L) noexcept nogil:
    """Make the global `cjson`; leaves the table on the stack."""
    push_library(L)
    lua_pushvalue(L, -1)
    lua_setglobal(L, "cjson")
    return 1
