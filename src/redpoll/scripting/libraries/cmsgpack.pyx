"""The library `cmsgpack`: Lua values as MessagePack and back.

    nil 0xC0    false 0xC2    true 0xC3
    integer     0x00-0x7F and 0xE0-0xFF themselves; 0xCC-0xCF unsigned, 0xD0-0xD3 signed, of 1, 2, 4, 8 bytes
    float       0xCA and 4 bytes, 0xCB and 8
    string      0xA0-0xBF with the length in the byte; 0xD9, 0xDA, 0xDB with a length of 1, 2, 4 bytes; then the bytes
    array       0x90-0x9F with the count in the byte; 0xDC, 0xDD with a count of 2, 4 bytes; then the elements
    map         0x80-0x8F, 0xDE, 0xDF likewise; then key, value, key, value ...

All numbers are big endian. A table whose keys are 1 to n is an array, also an empty one; any other is a map. Numbers
that are integers go out as such, others as the shorter float that holds them exactly. What cannot be told (functions,
coroutines, userdata, and tables deeper than `DEEPEST`) is nil.
"""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from redpoll.scripting.lua cimport (
    LUA_TBOOLEAN, LUA_TNUMBER, LUA_TSTRING, LUA_TTABLE, api, lua_State, lua_checkstack, lua_createtable, lua_gettop,
    lua_insert, lua_next, lua_pop, lua_pushboolean, lua_pushlstring, lua_pushnil, lua_pushnumber, lua_pushstring,
    lua_pushvalue, lua_rawgeti, lua_rawset, lua_rawseti, lua_replace, lua_setfield, lua_setglobal, lua_toboolean,
    lua_tolstring, lua_tonumber, lua_touserdata, lua_type, luaL_argerror, luaL_checkinteger, luaL_checklstring,
    luaL_checkstack, luaL_error, luaL_optinteger,
)
from redpoll.scripting.libraries.library cimport (
    GrowingText, add_bound, add_function, new_state, state_of, text_add, text_push, text_reserve,
    text_resize,
)
from redpoll.scripting.sandbox cimport push_real

cdef extern from *:
    """
    #define redpoll_swap16 __builtin_bswap16
    #define redpoll_swap32 __builtin_bswap32
    #define redpoll_swap64 __builtin_bswap64
    """
    uint16_t swap16 "redpoll_swap16"(uint16_t number) noexcept nogil
    uint32_t swap32 "redpoll_swap32"(uint32_t number) noexcept nogil
    uint64_t swap64 "redpoll_swap64"(uint64_t number) noexcept nogil

cdef enum:
    DEEPEST = 16                 # tables within tables that are packed
    LONGEST_HEAD = 9
    ROOM_MOST = 65536            # places of an array that are made at once

cdef double INT64_LEAST = -9223372036854775808.0
cdef double INT64_ABOVE = 9223372036854775808.0

# Why reading ended before its time.
cdef enum Trouble:
    FINE
    TRUNCATED
    MALFORMED


# Writing


cdef inline void put_head(lua_State* L, GrowingText* text, uint8_t mark, uint64_t number, int size) noexcept nogil:
    """A byte, and a number of 0, 1, 2, 4 or 8 bytes."""
    cdef char* at = text_reserve(L, text, LONGEST_HEAD)
    cdef uint16_t two
    cdef uint32_t four
    at[0] = <char>mark
    if size == 1:
        at[1] = <char>number
    elif size == 2:
        two = swap16(<uint16_t>number)
        memcpy(at + 1, &two, 2)
    elif size == 4:
        four = swap32(<uint32_t>number)
        memcpy(at + 1, &four, 4)
    elif size == 8:
        number = swap64(number)
        memcpy(at + 1, &number, 8)
    text.length += 1 + size


cdef void put_integer(lua_State* L, GrowingText* text, int64_t number) noexcept nogil:
    if number >= 0:
        if number <= 0x7F:
            put_head(L, text, <uint8_t>number, 0, 0)
        elif number <= 0xFF:
            put_head(L, text, 0xCC, number, 1)
        elif number <= 0xFFFF:
            put_head(L, text, 0xCD, number, 2)
        elif number <= <int64_t>0xFFFFFFFF:
            put_head(L, text, 0xCE, number, 4)
        else:
            put_head(L, text, 0xCF, number, 8)
    elif number >= -32:
        put_head(L, text, <uint8_t>number, 0, 0)
    elif number >= -0x80:
        put_head(L, text, 0xD0, <uint64_t>number, 1)
    elif number >= -0x8000:
        put_head(L, text, 0xD1, <uint64_t>number, 2)
    elif number >= -<int64_t>0x80000000:
        put_head(L, text, 0xD2, <uint64_t>number, 4)
    else:
        put_head(L, text, 0xD3, <uint64_t>number, 8)


cdef void put_number(lua_State* L, GrowingText* text, double number) noexcept nogil:
    cdef float narrow
    cdef uint32_t four
    cdef uint64_t eight
    if INT64_LEAST <= number < INT64_ABOVE and <double><int64_t>number == number:
        put_integer(L, text, <int64_t>number)
        return
    narrow = <float>number
    if <double>narrow == number:
        memcpy(&four, &narrow, 4)
        put_head(L, text, 0xCA, four, 4)
    else:
        memcpy(&eight, &number, 8)
        put_head(L, text, 0xCB, eight, 8)


cdef void put_string(lua_State* L, GrowingText* text, int index) noexcept nogil:
    cdef size_t length
    cdef const char* bytes = lua_tolstring(L, index, &length)
    if length < 32:
        put_head(L, text, 0xA0 | <uint8_t>length, 0, 0)
    elif length <= 0xFF:
        put_head(L, text, 0xD9, length, 1)
    elif length <= 0xFFFF:
        put_head(L, text, 0xDA, length, 2)
    else:
        put_head(L, text, 0xDB, length, 4)
    text_add(L, text, bytes, length)


cdef uint64_t count_of(lua_State* L, bint* is_array) noexcept nogil:
    """Count the entries of the table on the top, and tell whether its keys are 1 to that count."""
    cdef uint64_t count = 0
    cdef double key, greatest = 0
    is_array[0] = True
    lua_pushnil(L)
    while lua_next(L, -2):
        lua_pop(L, 1)
        count += 1
        if is_array[0]:
            if lua_type(L, -1) == LUA_TNUMBER:
                key = lua_tonumber(L, -1)
                # A key that is no integer from 1 on takes a place from one that is, so the greatest is not the count.
                if 0 < key < INT64_ABOVE and <double><int64_t>key == key:
                    greatest = max(greatest, key)
                    continue
            is_array[0] = False
    if greatest != <double>count:
        is_array[0] = False
    return count


cdef void put_table(lua_State* L, GrowingText* text, int depth) noexcept nogil:
    cdef bint is_array
    cdef uint64_t count, i
    luaL_checkstack(L, 4, "in function table_is_an_array")
    if push_real(L, -1):
        lua_replace(L, -2)
    count = count_of(L, &is_array)
    if is_array:
        if count < 16:
            put_head(L, text, 0x90 | <uint8_t>count, 0, 0)
        elif count <= 0xFFFF:
            put_head(L, text, 0xDC, count, 2)
        else:
            put_head(L, text, 0xDD, count, 4)
        for i in range(1, count + 1):
            lua_rawgeti(L, -1, <int>i)
            put_value(L, text, depth + 1)
        return
    if count < 16:
        put_head(L, text, 0x80 | <uint8_t>count, 0, 0)
    elif count <= 0xFFFF:
        put_head(L, text, 0xDE, count, 2)
    else:
        put_head(L, text, 0xDF, count, 4)
    lua_pushnil(L)
    while lua_next(L, -2):
        lua_pushvalue(L, -2)
        put_value(L, text, depth + 1)
        put_value(L, text, depth + 1)


cdef void put_value(lua_State* L, GrowingText* text, int depth) noexcept nogil:
    """Write the value on the top, and pop it."""
    cdef int kind = lua_type(L, -1)
    if kind == LUA_TTABLE and depth == DEEPEST:
        kind = -1
    if kind == LUA_TSTRING:
        put_string(L, text, -1)
    elif kind == LUA_TBOOLEAN:
        put_head(L, text, 0xC3 if lua_toboolean(L, -1) else 0xC2, 0, 0)
    elif kind == LUA_TNUMBER:
        put_number(L, text, lua_tonumber(L, -1))
    elif kind == LUA_TTABLE:
        put_table(L, text, depth)
    else:
        put_head(L, text, 0xC0, 0, 0)
    lua_pop(L, 1)


cdef int cmsgpack_pack(lua_State* L) noexcept nogil:
    cdef GrowingText* text = <GrowingText*>state_of(L)
    cdef int count = lua_gettop(L)
    cdef int i
    if count == 0:
        return luaL_argerror(L, 0, "MessagePack pack needs input.")
    if not lua_checkstack(L, count):
        return luaL_argerror(L, 0, "Too many arguments for MessagePack pack.")
    text.length = 0
    for i in range(1, count + 1):
        luaL_checkstack(L, 1, "in function MessagePack pack")
        lua_pushvalue(L, i)
        put_value(L, text, 0)
    text_push(L, text)
    return 1


# Reading


cdef struct Packed:
    const uint8_t* at
    const uint8_t* end
    Trouble trouble
    int arrays                   # around what is being read


cdef inline bint fixed(Packed* packed, int size, uint64_t* number) noexcept nogil:
    """Read a number of 1, 2, 4 or 8 bytes; False: they are not all there."""
    cdef uint16_t two
    cdef uint32_t four
    if packed.end - packed.at < size:
        packed.trouble = TRUNCATED
        return False
    if size == 1:
        number[0] = packed.at[0]
    elif size == 2:
        memcpy(&two, packed.at, 2)
        number[0] = swap16(two)
    elif size == 4:
        memcpy(&four, packed.at, 4)
        number[0] = swap32(four)
    else:
        memcpy(number, packed.at, 8)
        number[0] = swap64(number[0])
    packed.at += size
    return True


cdef void get_string(lua_State* L, Packed* packed, uint64_t length) noexcept nogil:
    if <uint64_t>(packed.end - packed.at) < length:
        packed.trouble = TRUNCATED
        return
    lua_pushlstring(L, <const char*>packed.at, length)
    packed.at += length


cdef void get_array(lua_State* L, Packed* packed, uint64_t count) noexcept nogil:
    cdef uint64_t i
    # An array counts for two values on the stack, so that the C stack gets no deeper than by maps.
    luaL_checkstack(L, 2 + packed.arrays, "in function mp_decode_to_lua_array")
    packed.arrays += 1
    # Each element takes a byte at least, so that a count that lies costs no more than what is there.
    lua_createtable(L, <int>min(count, <uint64_t>(packed.end - packed.at), <uint64_t>ROOM_MOST), 0)
    for i in range(1, count + 1):
        get_value(L, packed)
        if packed.trouble:
            return
        lua_rawseti(L, -2, <int>i)
    packed.arrays -= 1


cdef void get_map(lua_State* L, Packed* packed, uint64_t count) noexcept nogil:
    lua_createtable(L, 0, 0)
    while count:
        count -= 1
        get_value(L, packed)
        if packed.trouble:
            return
        get_value(L, packed)
        if packed.trouble:
            return
        lua_rawset(L, -3)


cdef void get_value(lua_State* L, Packed* packed) noexcept nogil:
    """Push the next value, or set `trouble`."""
    cdef uint8_t mark
    cdef uint64_t number = 0
    cdef uint32_t four
    cdef float narrow
    cdef double wide
    # Also what ends hostile nesting: Lua's stack has room for some thousands of values.
    luaL_checkstack(L, 1, "too many return values at once; use unpack_one or unpack_limit instead.")
    if packed.at >= packed.end:
        packed.trouble = TRUNCATED
        return
    mark = packed.at[0]
    packed.at += 1
    if mark <= 0x7F or mark >= 0xE0:
        lua_pushnumber(L, <int8_t>mark)
    elif mark <= 0x8F:
        get_map(L, packed, mark & 15)
    elif mark <= 0x9F:
        get_array(L, packed, mark & 15)
    elif mark <= 0xBF:
        get_string(L, packed, mark & 31)
    elif mark == 0xC0:
        lua_pushnil(L)
    elif mark == 0xC2 or mark == 0xC3:
        lua_pushboolean(L, mark & 1)
    elif mark == 0xCA:
        if fixed(packed, 4, &number):
            four = <uint32_t>number
            memcpy(&narrow, &four, 4)
            lua_pushnumber(L, narrow)
    elif mark == 0xCB:
        if fixed(packed, 8, &number):
            memcpy(&wide, &number, 8)
            lua_pushnumber(L, wide)
    elif 0xCC <= mark <= 0xCF:
        if fixed(packed, 1 << (mark - 0xCC), &number):
            # Those of eight bytes are read as signed ones.
            lua_pushnumber(L, <double><int64_t>number)
    elif mark == 0xD0:
        if fixed(packed, 1, &number):
            lua_pushnumber(L, <int8_t>number)
    elif mark == 0xD1:
        if fixed(packed, 2, &number):
            lua_pushnumber(L, <int16_t>number)
    elif mark == 0xD2:
        if fixed(packed, 4, &number):
            lua_pushnumber(L, <int32_t>number)
    elif mark == 0xD3:
        if fixed(packed, 8, &number):
            lua_pushnumber(L, <double><int64_t>number)
    elif 0xD9 <= mark <= 0xDB:
        if fixed(packed, 1 << (mark - 0xD9), &number):
            get_string(L, packed, number)
    elif mark == 0xDC or mark == 0xDD:
        if fixed(packed, 2 if mark == 0xDC else 4, &number):
            get_array(L, packed, number)
    elif mark == 0xDE or mark == 0xDF:
        if fixed(packed, 2 if mark == 0xDE else 4, &number):
            get_map(L, packed, number)
    else:
        packed.trouble = MALFORMED


cdef int unpack(lua_State* L, int64_t limit, int64_t offset) noexcept nogil:
    """Push up to `limit` values (0: all) from an offset on; before them, unless all were asked for, where they end."""
    cdef size_t length
    cdef const char* bytes = luaL_checklstring(L, 1, &length)
    cdef Packed packed
    cdef bint all = limit == 0 and offset == 0
    cdef int count = 0
    if offset < 0 or limit < 0:
        return api.luaL_error(L, "Invalid request to unpack with offset of %d and limit of %d.", <int>offset,
                              <int>length)
    if <uint64_t>offset > length:
        return api.luaL_error(L, "Start offset %d greater than input length %d.", <int>offset, <int>length)
    packed.at = <const uint8_t*>bytes + offset
    packed.end = <const uint8_t*>bytes + length
    packed.trouble = FINE
    packed.arrays = 0
    if all:
        limit = 0x7FFFFFFF
    while packed.at < packed.end and count < limit:
        get_value(L, &packed)
        if packed.trouble == TRUNCATED:
            return luaL_error(L, "Missing bytes in input.")
        if packed.trouble == MALFORMED:
            return luaL_error(L, "Bad data format in input.")
        count += 1
    if all:
        return count
    luaL_checkstack(L, 1, "in function mp_unpack_full")
    lua_pushnumber(L, <double>(-1 if packed.at == packed.end else packed.at - <const uint8_t*>bytes))
    lua_insert(L, 2)
    return count + 1


cdef int cmsgpack_unpack(lua_State* L) noexcept nogil:
    return unpack(L, 0, 0)


cdef int cmsgpack_unpack_one(lua_State* L) noexcept nogil:
    cdef int64_t offset = luaL_optinteger(L, 2, 0)
    lua_pop(L, lua_gettop(L) - 1)
    return unpack(L, 1, offset)


cdef int cmsgpack_unpack_limit(lua_State* L) noexcept nogil:
    cdef int64_t limit = luaL_checkinteger(L, 2)
    cdef int64_t offset = luaL_optinteger(L, 3, 0)
    lua_pop(L, lua_gettop(L) - 1)
    return unpack(L, limit, offset)


cdef int collect(lua_State* L) noexcept nogil:
    text_resize(L, <GrowingText*>lua_touserdata(L, 1), 0)
    return 0


cdef inline void add_text(lua_State* L, const char* name, const char* text) noexcept nogil:
    lua_pushstring(L, text)
    lua_setfield(L, -2, name)


cdef int open_cmsgpack(lua_State* L) noexcept nogil:
    """Make the global `cmsgpack`; leaves the table on the stack."""
    new_state(L, sizeof(GrowingText), collect)
    lua_createtable(L, 0, 8)
    add_bound(L, "pack", cmsgpack_pack)
    add_function(L, "unpack", cmsgpack_unpack)
    add_function(L, "unpack_one", cmsgpack_unpack_one)
    add_function(L, "unpack_limit", cmsgpack_unpack_limit)
    add_text(L, "_NAME", "cmsgpack")
    add_text(L, "_VERSION", "lua-cmsgpack 0.4.0")
    add_text(L, "_DESCRIPTION", "MessagePack for Lua")
    lua_pushvalue(L, -1)
    lua_setglobal(L, "cmsgpack")
    return 1
