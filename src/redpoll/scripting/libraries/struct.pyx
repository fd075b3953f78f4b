"""The library `struct`: Lua values as C structures and back, after a format.

    >  <           from here on big, little endian; at first little
    ![n]           from here on numbers are aligned to their size, at the most to n (a power of two; 8 when left out)
    x              a byte of padding
    b B  h H  l L  signed and unsigned numbers of 1, 2, 8 bytes
    i[n] I[n]      signed and unsigned numbers of n bytes (4 when left out)
    T              an unsigned number of the size of a size_t
    f d            a float, a double
    s              a string that a zero byte ends
    c[n]           n bytes (1 when left out); c0: packing, the whole string; unpacking, as many as the number read last
    (space)        nothing
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memchr, memcpy, memset

from redpoll.scripting.lua cimport (
    api, lua_State, lua_createtable, lua_gettop, lua_isnumber, lua_pop, lua_pushlstring, lua_pushnumber, lua_pushvalue,
    lua_setglobal, lua_settop, lua_tonumber, lua_touserdata, luaL_argerror, luaL_checklstring, luaL_checknumber,
    luaL_checkstack, luaL_error, luaL_optinteger,
)
from redpoll.scripting.libraries.library cimport (
    GrowingText, add_bound, add_function, new_state, state_of, text_add, text_add_byte, text_push,
    text_reserve, text_resize,
)

cdef extern from *:
    """
    #define redpoll_swap64 __builtin_bswap64
    """
    uint64_t swap64 "redpoll_swap64"(uint64_t number) noexcept nogil

cdef enum:
    WIDEST = 32                  # bytes of an integer
    ALIGNMENT = 8                # what `!` alone means
    COUNT_MOST = 0x7FFFFFFF
    WORD = 8


# How what follows in a format is to be read.
cdef struct Layout:
    bint little
    int64_t alignment


cdef inline bint is_digit(char c) noexcept nogil:
    return c"0" <= c <= c"9"


cdef int64_t count_in(lua_State* L, const char** format, int64_t missing) noexcept nogil:
    """The number that stands next in a format, or `missing`."""
    cdef int64_t number = 0
    cdef int digit
    if not is_digit(format[0][0]):
        return missing
    while is_digit(format[0][0]):
        digit = format[0][0] - c"0"
        if number > (COUNT_MOST - digit) // 10:
            luaL_error(L, "integral size overflow")
        number = number * 10 + digit
        format[0] += 1
    return number


cdef inline bint is_value(char option) noexcept nogil:
    """Whether an option stands for a number."""
    return option in (c"b", c"B", c"h", c"H", c"l", c"L", c"T", c"i", c"I")


cdef inline bint is_alphanumeric(char c) noexcept nogil:
    return is_digit(c) or c"a" <= (c | 32) <= c"z"


cdef int64_t size_of(lua_State* L, char option, const char** format) noexcept nogil:
    """Bytes of an option, whose numbers are read."""
    cdef int64_t size
    if option == c"B" or option == c"b" or option == c"x":
        return 1
    if option == c"H" or option == c"h":
        return 2
    if option == c"L" or option == c"l" or option == c"T":
        return 8
    if option == c"f":
        return 4
    if option == c"d":
        return 8
    if option == c"c":
        return count_in(L, format, 1)
    if option == c"i" or option == c"I":
        size = count_in(L, format, 4)
        if size > WIDEST:
            api.luaL_error(L, "integral size %d is larger than limit of %d", <int>size, <int>WIDEST)
        return size
    return 0


cdef int64_t padding_of(const Layout* layout, char option, int64_t size, uint64_t position) noexcept nogil:
    """Bytes that have to be left out before a number, so that it is aligned."""
    if option == c"c" or option == c"s" or size <= 1:
        return 0
    if size > layout.alignment:
        size = layout.alignment
    return (size - <int64_t>(position & <uint64_t>(size - 1))) & (size - 1) if size > 0 else 0


cdef void control(lua_State* L, Layout* layout, char option, const char** format) noexcept nogil:
    """What is in a format besides values."""
    cdef int64_t alignment
    if option == c" ":
        return
    if option == c">":
        layout.little = False
    elif option == c"<":
        layout.little = True
    elif option == c"!":
        alignment = count_in(L, format, ALIGNMENT)
        if alignment == 0 or alignment & (alignment - 1):
            api.luaL_error(L, "alignment %d is not a power of 2", <int>alignment)
        layout.alignment = alignment
    else:
        luaL_argerror(L, 1, api.lua_pushfstring(L, "invalid format option '%c'", <int>option))


# Packing


cdef void put_integer(lua_State* L, GrowingText* text, bint little, int64_t size, double number) noexcept nogil:
    cdef uint64_t value
    cdef char* at = text_reserve(L, text, <size_t>size + WORD)
    cdef int64_t i
    value = <uint64_t><int64_t>number if number < 0 else <uint64_t>number
    if 0 < size <= WORD:
        # All eight bytes, as there is room for them; those that are too much are written over.
        if not little:
            value = swap64(value) >> (64 - 8 * size)
        memcpy(at, &value, WORD)
        text.length += <size_t>size
        return
    for i in range(size):
        at[i if little else size - 1 - i] = <char>(value & 0xFF)
        value >>= 8
    text.length += <size_t>size


cdef void put_float(lua_State* L, GrowingText* text, bint little, int size, double number) noexcept nogil:
    cdef char* at = text_reserve(L, text, 8)
    cdef char bytes[8]
    cdef float narrow = <float>number
    cdef int i
    if size == 4:
        memcpy(bytes, &narrow, 4)
    else:
        memcpy(bytes, &number, 8)
    for i in range(size):
        at[i] = bytes[i if little else size - 1 - i]
    text.length += size


cdef int struct_pack(lua_State* L) noexcept nogil:
    cdef GrowingText* text = <GrowingText*>state_of(L)
    cdef const char* format = luaL_checklstring(L, 1, NULL)
    cdef const char* bytes
    cdef Layout layout
    cdef int argument = 2
    cdef char option
    cdef int64_t size, padding
    cdef size_t length
    layout.little = True
    layout.alignment = 1
    text.length = 0
    while format[0]:
        option = format[0]
        format += 1
        size = size_of(L, option, &format)
        padding = padding_of(&layout, option, size, text.length)
        if padding:
            memset(text_reserve(L, text, <size_t>padding), 0, <size_t>padding)
            text.length += <size_t>padding
        if lua_gettop(L) < argument:
            # What is missing is nil, and refused as that.
            lua_settop(L, argument)
        if is_value(option):
            put_integer(L, text, layout.little, size, luaL_checknumber(L, argument))
            argument += 1
        elif option == c"x":
            text_add_byte(L, text, 0)
        elif option == c"f" or option == c"d":
            put_float(L, text, layout.little, <int>size, luaL_checknumber(L, argument))
            argument += 1
        elif option == c"c" or option == c"s":
            bytes = luaL_checklstring(L, argument, &length)
            if option == c"s" or size == 0:
                size = <int64_t>length
            argument += 1
            if <int64_t>length < size:
                return luaL_argerror(L, argument, "string too short")
            text_add(L, text, bytes, <size_t>size)
            if option == c"s":
                text_add_byte(L, text, 0)
        else:
            control(L, &layout, option, &format)
    text_push(L, text)
    return 1


# Unpacking


cdef double get_integer(const char* bytes, size_t there, bint little, int64_t size, bint is_signed) noexcept nogil:
    """`there`: how many bytes may be read, at least `size`."""
    cdef uint64_t value = 0
    cdef int64_t i
    if size == 0:
        return 0
    if size <= WORD and there >= WORD:
        memcpy(&value, bytes, WORD)
        value = value << (64 - 8 * size) >> (64 - 8 * size) if little else swap64(value) >> (64 - 8 * size)
    else:
        for i in range(size):
            value = (value << 8) | <uint8_t>bytes[size - 1 - i if little else i]
    if not is_signed:
        return <double>value
    if size < 8 and value >> (size * 8 - 1):
        value |= (<uint64_t>-1) << (size * 8)
    return <double><int64_t>value


cdef double get_float(const char* bytes, bint little, int size) noexcept nogil:
    cdef char turned[8]
    cdef float narrow
    cdef double wide
    cdef int i
    for i in range(size):
        turned[i] = bytes[i if little else size - 1 - i]
    if size == 4:
        memcpy(&narrow, turned, 4)
        return narrow
    memcpy(&wide, turned, 8)
    return wide


cdef int struct_unpack(lua_State* L) noexcept nogil:
    cdef const char* format = luaL_checklstring(L, 1, NULL)
    cdef size_t length
    cdef const char* bytes = luaL_checklstring(L, 2, &length)
    cdef int64_t start = luaL_optinteger(L, 3, 1)
    cdef size_t position
    cdef Layout layout
    cdef int results = 0
    cdef char option
    cdef int64_t size
    cdef double count
    cdef const char* end
    if start == 0:
        return luaL_argerror(L, 3, "offset must be 1 or greater")
    # Of one below zero, this is beyond any text.
    position = <size_t>start - 1
    lua_pop(L, lua_gettop(L) - 2)
    layout.little = True
    layout.alignment = 1
    while format[0]:
        option = format[0]
        format += 1
        size = size_of(L, option, &format)
        position += <size_t>padding_of(&layout, option, size, position)
        if position > length or <size_t>size > length - position:
            return luaL_argerror(L, 2, "data string too short")
        luaL_checkstack(L, 2, "too many results")
        if is_value(option):
            lua_pushnumber(L, get_integer(bytes + position, length - position, layout.little, size, option >= c"a"))
            results += 1
        elif option == c"x":
            pass
        elif option == c"f" or option == c"d":
            lua_pushnumber(L, get_float(bytes + position, layout.little, <int>size))
            results += 1
        elif option == c"c":
            if size == 0:
                if results == 0 or not lua_isnumber(L, -1):
                    return luaL_error(L, "format 'c0' needs a previous size")
                count = lua_tonumber(L, -1)
                lua_pop(L, 1)
                results -= 1
                if not 0 <= count <= <double>(length - position):
                    return luaL_argerror(L, 2, "data string too short")
                size = <int64_t>count
            lua_pushlstring(L, bytes + position, <size_t>size)
            results += 1
        elif option == c"s":
            end = <const char*>memchr(bytes + position, 0, length - position)
            if end == NULL:
                return luaL_error(L, "unfinished string in data")
            size = end - (bytes + position) + 1
            lua_pushlstring(L, bytes + position, <size_t>(size - 1))
            results += 1
        else:
            control(L, &layout, option, &format)
        position += <size_t>size
    lua_pushnumber(L, <double><int64_t>(position + 1))
    return results + 1


cdef int struct_size(lua_State* L) noexcept nogil:
    cdef const char* format = luaL_checklstring(L, 1, NULL)
    cdef Layout layout
    cdef char option
    cdef int64_t size
    cdef uint64_t position = 0
    layout.little = True
    layout.alignment = 1
    while format[0]:
        option = format[0]
        format += 1
        size = size_of(L, option, &format)
        position += <uint64_t>padding_of(&layout, option, size, position)
        if option == c"s":
            return luaL_argerror(L, 1, "option 's' has no fixed size")
        if option == c"c" and size == 0:
            return luaL_argerror(L, 1, "option 'c0' has no fixed size")
        # Letters that mean nothing take no room.
        if not is_alphanumeric(option):
            control(L, &layout, option, &format)
        position += <uint64_t>size
    lua_pushnumber(L, <double>position)
    return 1


cdef int collect(lua_State* L) noexcept nogil:
    text_resize(L, <GrowingText*>lua_touserdata(L, 1), 0)
    return 0


cdef int open_struct(lua_State* L) noexcept nogil:
    """Make the global `struct`; leaves the table on the stack."""
    new_state(L, sizeof(GrowingText), collect)
    lua_createtable(L, 0, 3)
    add_bound(L, "pack", struct_pack)
    add_function(L, "unpack", struct_unpack)
    add_function(L, "size", struct_size)
    lua_pushvalue(L, -1)
    lua_setglobal(L, "struct")
    return 1
