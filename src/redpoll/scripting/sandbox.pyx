"""What scripts may do in a Lua state: Lua's own libraries without files, processes, bytecode and the outside world, and
no way to change what the next script finds.

Lua 5.1 knows no tables that cannot be changed, so scripts get empty ones in their place: their metatable's `__index` is
the real table, `__newindex` refuses. The functions that would see through that or write past it (`next`, `rawset`,
`getmetatable`, `table.insert` …) are wrapped: they work on the real table, or refuse. No function hands a real table
out. A wrapped function calls Lua's own for all else, so that behaviour and messages are Lua's.

Functions here may end in `lua_error`: see lua.pxd.
"""

from libc.stdint cimport int64_t, uint64_t

from redpoll.scripting.lua cimport (
    LUA_GLOBALSINDEX, LUA_TFUNCTION, LUA_TSTRING, LUA_TTABLE, LUA_TUSERDATA, api, lua_CFunction, lua_call,
    lua_checkstack, lua_concat,
    lua_createtable, lua_error, lua_getfield, lua_getmetatable, lua_gettop, lua_insert, lua_isnil, lua_isnoneornil,
    lua_newtable, lua_objlen, lua_pop, lua_pushcclosure, lua_pushcfunction, lua_pushlightuserdata, lua_pushlstring,
    lua_pushnil, lua_pushnumber, lua_pushstring, lua_pushvalue, lua_rawget, lua_rawset, lua_remove, lua_replace,
    lua_setfield, lua_setmetatable, lua_settop, lua_toboolean, lua_tocfunction, lua_tolstring, lua_tostring, lua_type,
    luaL_argerror, luaL_checkany, luaL_checkinteger, luaL_checklstring, luaL_checktype, luaL_error, luaL_getmetafield,
    luaL_loadbuffer, luaL_optinteger, luaL_optlstring, luaopen_base, luaopen_math, luaopen_os, luaopen_string,
    luaopen_table,
)
from redpoll.scripting.state cimport state_of

cdef enum:
    PATTERN_MOST = 10000     # bytes; Lua's matcher may recurse once for each, on the C stack
    BYTECODE = 27            # the first byte of a compiled chunk
    UNPACKED_MOST = 1000000  # more than Lua's stack has room for
    DIGITS_EXACT = 15        # characters of an integer that a double holds exactly

# What scripts find of Lua's own globals. What is not here is taken away.
cdef const char* KEPT[32]
KEPT[:] = [
    "assert", "collectgarbage", "coroutine", "error", "gcinfo", "getmetatable", "ipairs", "load", "loadstring", "math",
    "next", "os", "pairs", "pcall", "rawequal", "rawget", "rawset", "select", "setmetatable", "string", "table",
    "tonumber", "tostring", "type", "unpack", "xpcall", "_G", "_VERSION", "getfenv", "setfenv", "newproxy", NULL,
]
cdef const char* KEPT_OF_OS[2]
KEPT_OF_OS[:] = ["clock", NULL]

# Lua's own functions under those that are wrapped; the same in every state.
cdef lua_CFunction own_setmetatable, own_rawset, own_rawget, own_next, own_insert, own_foreach
cdef lua_CFunction own_find, own_match, own_gmatch, own_gsub, own_pcall, own_unpack, own_tonumber

# A field of this key in a metatable holds the real table. No script can have it: it is a light userdata.
cdef char MARK


# Tables that cannot be changed

cdef int refuse_change(lua_State* L) noexcept nogil:
    return luaL_error(L, "Attempt to modify a readonly table")


cdef void protect(lua_State* L) noexcept nogil:
    lua_newtable(L)
    lua_createtable(L, 0, 3)
    lua_pushvalue(L, -3)
    lua_setfield(L, -2, "__index")
    lua_pushcfunction(L, refuse_change)
    lua_setfield(L, -2, "__newindex")
    lua_pushlightuserdata(L, &MARK)
    lua_pushvalue(L, -4)
    lua_rawset(L, -3)
    lua_setmetatable(L, -2)
    lua_remove(L, -2)


cdef bint push_real(lua_State* L, int index) noexcept nogil:
    if lua_type(L, index) != LUA_TTABLE or not lua_getmetatable(L, index):
        return False
    lua_pushlightuserdata(L, &MARK)
    lua_rawget(L, -2)
    lua_remove(L, -2)
    if lua_type(L, -1) == LUA_TTABLE:
        return True
    lua_pop(L, 1)
    return False


cdef inline void refuse_protected(lua_State* L) noexcept nogil:
    """Refuse a change of the first argument if it cannot be changed."""
    if push_real(L, 1):
        # Without a place before it.
        lua_pushstring(L, "Attempt to modify a readonly table")
        lua_error(L)


cdef inline void see_through(lua_State* L) noexcept nogil:
    """Have the function see the real table in place of its first argument."""
    if push_real(L, 1):
        lua_replace(L, 1)


cdef int safe_setmetatable(lua_State* L) noexcept nogil:
    refuse_protected(L)
    return own_setmetatable(L)


cdef int safe_getmetatable(lua_State* L) noexcept nogil:
    cdef bint shared
    luaL_checkany(L, 1)
    shared = push_real(L, 1)
    if shared:
        lua_replace(L, 1)
    if not lua_getmetatable(L, 1):
        lua_pushnil(L)
        return 1
    if luaL_getmetafield(L, 1, "__metatable"):
        return 1
    if shared or lua_type(L, 1) not in (LUA_TTABLE, LUA_TUSERDATA):
        # Others have this metatable too: it may be looked at, and no more.
        protect(L)
    return 1


cdef int safe_rawset(lua_State* L) noexcept nogil:
    refuse_protected(L)
    return own_rawset(L)


cdef int safe_rawget(lua_State* L) noexcept nogil:
    see_through(L)
    return own_rawget(L)


cdef int safe_next(lua_State* L) noexcept nogil:
    see_through(L)
    return own_next(L)


cdef int safe_pairs(lua_State* L) noexcept nogil:
    luaL_checktype(L, 1, LUA_TTABLE)
    lua_pushcfunction(L, safe_next)
    lua_pushvalue(L, 1)
    lua_pushnil(L)
    return 3


cdef int safe_insert(lua_State* L) noexcept nogil:
    refuse_protected(L)
    return own_insert(L)


cdef int safe_foreach(lua_State* L) noexcept nogil:
    see_through(L)
    return own_foreach(L)


# Calls

cdef int safe_pcall(lua_State* L) noexcept nogil:
    """Scripts get the text of an error that is a table with one."""
    cdef int count = own_pcall(L)
    if not lua_toboolean(L, 1) and count > 1 and lua_type(L, 2) == LUA_TTABLE:
        lua_pushstring(L, "err")
        lua_rawget(L, 2)
        if lua_isnil(L, -1):
            lua_pop(L, 1)
        else:
            lua_replace(L, 2)
    return count


cdef int safe_unpack(lua_State* L) noexcept nogil:
    """Lua's own takes the number of values for an int, which may overflow."""
    cdef int64_t first, last
    luaL_checktype(L, 1, LUA_TTABLE)
    first = <int>luaL_optinteger(L, 2, 1)
    last = <int64_t>lua_objlen(L, 1) if lua_isnoneornil(L, 3) else <int>luaL_checkinteger(L, 3)
    if last - first >= UNPACKED_MOST:
        return luaL_error(L, "too many results to unpack")
    return own_unpack(L)


# Numbers

cdef int quick_tonumber(lua_State* L) noexcept nogil:
    """What nearly all texts of numbers are, a few digits, needs no `strtod`, which Lua's own calls twice."""
    cdef const char* text
    cdef size_t length = 0, i
    cdef bint negative
    cdef int64_t number = 0
    if lua_gettop(L) == 1 and lua_type(L, 1) == LUA_TSTRING:
        text = lua_tolstring(L, 1, &length)
        negative = length > 1 and text[0] == c"-"
        i = negative
        if i < length <= DIGITS_EXACT:
            while i < length and c"0" <= text[i] <= c"9":
                number = number * 10 + (text[i] - c"0")
                i += 1
            if i == length:
                lua_pushnumber(L, -<double>number if negative else <double>number)
                return 1
    return own_tonumber(L)


# Patterns

cdef inline void check_pattern(lua_State* L) noexcept nogil:
    cdef size_t length = 0
    luaL_checklstring(L, 1, NULL)
    luaL_checklstring(L, 2, &length)
    if length > PATTERN_MOST:
        luaL_error(L, "pattern too complex")


cdef int safe_find(lua_State* L) noexcept nogil:
    cdef size_t length = 0
    luaL_checklstring(L, 1, NULL)
    luaL_checklstring(L, 2, &length)
    if length > PATTERN_MOST and not api.lua_toboolean(L, 4):
        luaL_error(L, "pattern too complex")
    return own_find(L)


cdef int safe_match(lua_State* L) noexcept nogil:
    check_pattern(L)
    return own_match(L)


cdef int safe_gmatch(lua_State* L) noexcept nogil:
    check_pattern(L)
    return own_gmatch(L)


cdef int safe_gsub(lua_State* L) noexcept nogil:
    check_pattern(L)
    return own_gsub(L)


# Chunks: text only. A compiled one is refused by Lua's parser, which a space before it has look at it.

cdef int load_text(lua_State* L, const char* text, size_t length, const char* name) noexcept nogil:
    """Push the function that a chunk is, or nil and what is wrong with it; returns how many values that is."""
    cdef int status
    if length and text[0] == BYTECODE:
        lua_pushlstring(L, " ", 1)
        lua_pushlstring(L, text, length)
        lua_concat(L, 2)
        text = lua_tolstring(L, -1, &length)
    status = luaL_loadbuffer(L, text, length, name)
    if status == 0:
        return 1
    lua_pushnil(L)
    lua_insert(L, -2)
    return 2


cdef int safe_loadstring(lua_State* L) noexcept nogil:
    cdef size_t length = 0
    cdef const char* text = luaL_checklstring(L, 1, &length)
    cdef const char* name = luaL_optlstring(L, 2, text, NULL)
    return load_text(L, text, length, name)


cdef int safe_load(lua_State* L) noexcept nogil:
    """All pieces first, and only then the parser: no code runs while it works."""
    cdef const char* name = luaL_optlstring(L, 2, "=(load)", NULL)
    cdef size_t length = 0
    cdef const char* text
    cdef int pieces = 1
    luaL_checktype(L, 1, LUA_TFUNCTION)
    lua_settop(L, 3)
    lua_pushlstring(L, "", 0)
    while True:
        lua_pushvalue(L, 1)
        if not gather_piece(L, &length) or length == 0:
            lua_pop(L, 1)
            break
        pieces += 1
        # Each piece is longer than the one above it, so that there are few and each byte is copied a few times.
        while pieces > 1 and lua_objlen(L, -1) >= lua_objlen(L, -2):
            lua_concat(L, 2)
            pieces -= 1
        if not lua_checkstack(L, 8):
            luaL_error(L, "too many pieces")
    lua_concat(L, pieces)
    text = lua_tolstring(L, 4, &length)
    return load_text(L, text, length, name)


cdef bint gather_piece(lua_State* L, size_t* length) noexcept nogil:
    """Call the function on the top for the next piece, which replaces it; False: there is none."""
    lua_call(L, 0, 1)
    if lua_isnil(L, -1):
        return False
    if not api.lua_isstring(L, -1):
        luaL_error(L, "reader function must return a string")
    lua_tolstring(L, -1, length)
    return True


# Random numbers, as the C library's `drand48` makes them that nobody has seeded; they go on from script to script.

cdef uint64_t UNSEEDED = 0x1234ABCD330E

cdef inline int64_t next_random(uint64_t* x) noexcept nogil:
    x[0] = (x[0] * <uint64_t>0x5DEECE66D + 11) & <uint64_t>0xFFFFFFFFFFFF
    return <int64_t>(x[0] >> 17)


cdef void seed_random(State* state, int seed) noexcept nogil:
    state.random = ((<uint64_t><unsigned int>seed) << 16) | 0x330E


cdef int math_random(lua_State* L) noexcept nogil:
    cdef uint64_t* x = &state_of(L).random
    cdef double fraction = <double>(next_random(x) % 2147483647) / 2147483647.0
    cdef int low, high
    cdef int count = lua_gettop(L)
    if count == 0:
        lua_pushnumber(L, fraction)
    elif count == 1:
        high = <int>luaL_checkinteger(L, 1)
        if high < 1:
            return luaL_argerror(L, 1, "interval is empty")
        lua_pushnumber(L, floor(fraction * high) + 1)
    elif count == 2:
        low = <int>luaL_checkinteger(L, 1)
        high = <int>luaL_checkinteger(L, 2)
        if low > high:
            return luaL_argerror(L, 2, "interval is empty")
        lua_pushnumber(L, floor(fraction * (<double>high - low + 1)) + low)
    else:
        return luaL_error(L, "wrong number of arguments")
    return 1


cdef extern from "<math.h>" nogil:
    double floor(double x)


cdef int math_randomseed(lua_State* L) noexcept nogil:
    seed_random(state_of(L), <int>luaL_checkinteger(L, 1))
    return 0


# Making it

cdef void open_one(lua_State* L, lua_CFunction opener, const char* name) noexcept nogil:
    lua_pushcfunction(L, opener)
    lua_pushstring(L, name)
    lua_call(L, 1, 0)


cdef void take_back(lua_State* L, const char* name) noexcept nogil:
    lua_pushnil(L)
    lua_setfield(L, -2, name)


cdef lua_CFunction wrap(lua_State* L, const char* name, lua_CFunction function) noexcept nogil:
    """Replace a function in the table on the top; returns the one that it was."""
    cdef lua_CFunction before
    lua_getfield(L, -1, name)
    before = lua_tocfunction(L, -1)
    lua_pop(L, 1)
    lua_pushcfunction(L, function)
    lua_setfield(L, -2, name)
    return before


cdef void bind(lua_State* L, State* state, const char* name, lua_CFunction function) noexcept nogil:
    lua_pushlightuserdata(L, state)
    lua_pushcclosure(L, function, 1)
    lua_setfield(L, -2, name)


cdef bint is_kept(const char* name, const char** kept) noexcept nogil:
    cdef size_t i = 0
    cdef size_t j
    while kept[i] != NULL:
        j = 0
        while name[j] == kept[i][j] and name[j]:
            j += 1
        if name[j] == kept[i][j]:
            return True
        i += 1
    return False


cdef void keep_only(lua_State* L, const char** kept) noexcept nogil:
    """Take all other fields of the table on the top away."""
    lua_pushnil(L)
    while api.lua_next(L, -2):
        lua_pop(L, 1)
        if lua_type(L, -1) == LUA_TSTRING and is_kept(lua_tostring(L, -1), kept):
            continue
        # Clearing a field is the one change that a walk allows.
        lua_pushvalue(L, -1)
        lua_pushnil(L)
        lua_rawset(L, -4)


cdef void open_sandbox(lua_State* L, State* state) noexcept nogil:
    global own_setmetatable, own_rawset, own_rawget, own_next, own_insert, own_foreach
    global own_find, own_match, own_gmatch, own_gsub, own_pcall, own_unpack, own_tonumber
    state.random = UNSEEDED
    open_one(L, luaopen_base_function, "")
    open_one(L, luaopen_table_function, "table")
    open_one(L, luaopen_string_function, "string")
    open_one(L, luaopen_math_function, "math")
    open_one(L, luaopen_os_function, "os")
    lua_pushvalue(L, LUA_GLOBALSINDEX)
    keep_only(L, KEPT)
    if not state.deprecated_api:
        take_back(L, "getfenv")
        take_back(L, "setfenv")
        take_back(L, "newproxy")
    own_setmetatable = wrap(L, "setmetatable", safe_setmetatable)
    own_rawset = wrap(L, "rawset", safe_rawset)
    own_rawget = wrap(L, "rawget", safe_rawget)
    own_next = wrap(L, "next", safe_next)
    own_pcall = wrap(L, "pcall", safe_pcall)
    own_unpack = wrap(L, "unpack", safe_unpack)
    own_tonumber = wrap(L, "tonumber", quick_tonumber)
    wrap(L, "pairs", safe_pairs)
    wrap(L, "load", safe_load)
    wrap(L, "loadstring", safe_loadstring)
    wrap(L, "getmetatable", safe_getmetatable)
    lua_getfield(L, -1, "table")
    own_insert = wrap(L, "insert", safe_insert)
    own_foreach = wrap(L, "foreach", safe_foreach)
    lua_pop(L, 1)
    lua_getfield(L, -1, "string")
    own_find = wrap(L, "find", safe_find)
    own_match = wrap(L, "match", safe_match)
    own_gmatch = wrap(L, "gmatch", safe_gmatch)
    own_gsub = wrap(L, "gsub", safe_gsub)
    lua_pushnil(L)
    lua_setfield(L, -2, "gfind")
    lua_pop(L, 1)
    lua_getfield(L, -1, "math")
    bind(L, state, "random", math_random)
    bind(L, state, "randomseed", math_randomseed)
    lua_pop(L, 1)
    lua_getfield(L, -1, "os")
    keep_only(L, KEPT_OF_OS)
    lua_pop(L, 2)


cdef int luaopen_base_function(lua_State* L) noexcept nogil:
    return luaopen_base(L)


cdef int luaopen_table_function(lua_State* L) noexcept nogil:
    return luaopen_table(L)


cdef int luaopen_string_function(lua_State* L) noexcept nogil:
    return luaopen_string(L)


cdef int luaopen_math_function(lua_State* L) noexcept nogil:
    return luaopen_math(L)


cdef int luaopen_os_function(lua_State* L) noexcept nogil:
    return luaopen_os(L)


cdef int missing_global(lua_State* L) noexcept nogil:
    cdef const char* name = lua_tostring(L, 2)
    return api.luaL_error(L, "Script attempted to access nonexistent global variable '%s'",
                          name if name != NULL else <const char*>"(null)")


cdef void refuse_missing(lua_State* L) noexcept nogil:
    lua_createtable(L, 0, 1)
    lua_pushcfunction(L, missing_global)
    lua_setfield(L, -2, "__index")
    lua_setmetatable(L, -2)


cdef void close_sandbox(lua_State* L) noexcept nogil:
    lua_pushvalue(L, LUA_GLOBALSINDEX)
    refuse_missing(L)
    # The tables in it, but for the one that is itself.
    lua_pushnil(L)
    lua_setfield(L, -2, "_G")
    lua_pushnil(L)
    while api.lua_next(L, -2):
        if lua_type(L, -1) == LUA_TTABLE and not push_real(L, -1):
            protect(L)
            lua_pushvalue(L, -2)
            lua_insert(L, -2)
            lua_rawset(L, -4)
        else:
            lua_settop(L, -2 if lua_type(L, -1) != LUA_TTABLE else -3)
    # One library under two names.
    lua_getfield(L, -1, "redis")
    lua_setfield(L, -2, "server")
    # Methods of strings are found in what scripts see, too.
    lua_pushlstring(L, "", 0)
    lua_getmetatable(L, -1)
    lua_getfield(L, -3, "string")
    lua_setfield(L, -2, "__index")
    lua_pop(L, 2)
    lua_pushvalue(L, -1)
    protect(L)
    lua_pushvalue(L, -1)
    lua_setfield(L, -3, "_G")
    lua_replace(L, LUA_GLOBALSINDEX)
