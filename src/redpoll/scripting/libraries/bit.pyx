"""The library `bit`: operations on the bits of 32-bit numbers, as BitOp's documentation has them.

Arguments are taken modulo 2**32, after rounding to the nearest integer; results are signed. Of a shift's or rotation's
count, the lower five bits matter.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from redpoll.scripting.lua cimport (
    lua_State, luaL_checknumber, lua_createtable, lua_gettop, lua_pushlstring, lua_pushnumber, lua_pushvalue,
    lua_setglobal,
)
from redpoll.scripting.libraries.library cimport add_function

cdef enum:
    WORD_DIGITS = 8

cdef double ROUNDER = 6755399441055744.0          # 2**52 + 2**51: what is added to it is rounded to an integer

cdef const char* LOWER_DIGITS = "0123456789abcdef"
cdef const char* UPPER_DIGITS = "0123456789ABCDEF"


cdef inline uint32_t word(lua_State* L, int index) noexcept nogil:
    """An argument's lower 32 bits: those of the sum's mantissa, whatever the number's sign."""
    cdef double sum = luaL_checknumber(L, index) + ROUNDER
    cdef uint64_t bits
    memcpy(&bits, &sum, sizeof(bits))
    return <uint32_t>bits


cdef inline int answer(lua_State* L, uint32_t result) noexcept nogil:
    lua_pushnumber(L, <double><int32_t>result)
    return 1


cdef int bit_tobit(lua_State* L) noexcept nogil:
    return answer(L, word(L, 1))


cdef int bit_bnot(lua_State* L) noexcept nogil:
    return answer(L, ~word(L, 1))


cdef int bit_bswap(lua_State* L) noexcept nogil:
    cdef uint32_t number = word(L, 1)
    return answer(L, (number >> 24) | ((number >> 8) & 0xFF00u) | ((number & 0xFF00u) << 8) | (number << 24))


cdef int bit_band(lua_State* L) noexcept nogil:
    cdef uint32_t result = word(L, 1)
    cdef int index = lua_gettop(L)
    while index > 1:
        result &= word(L, index)
        index -= 1
    return answer(L, result)


cdef int bit_bor(lua_State* L) noexcept nogil:
    cdef uint32_t result = word(L, 1)
    cdef int index = lua_gettop(L)
    while index > 1:
        result |= word(L, index)
        index -= 1
    return answer(L, result)


cdef int bit_bxor(lua_State* L) noexcept nogil:
    cdef uint32_t result = word(L, 1)
    cdef int index = lua_gettop(L)
    while index > 1:
        result ^= word(L, index)
        index -= 1
    return answer(L, result)


cdef int bit_lshift(lua_State* L) noexcept nogil:
    cdef uint32_t number = word(L, 1)
    return answer(L, number << (word(L, 2) & 31))


cdef int bit_rshift(lua_State* L) noexcept nogil:
    cdef uint32_t number = word(L, 1)
    return answer(L, number >> (word(L, 2) & 31))


cdef int bit_arshift(lua_State* L) noexcept nogil:
    cdef int32_t number = <int32_t>word(L, 1)
    return answer(L, <uint32_t>(number >> (word(L, 2) & 31)))


cdef int bit_rol(lua_State* L) noexcept nogil:
    cdef uint32_t number = word(L, 1)
    cdef uint32_t count = word(L, 2) & 31
    return answer(L, (number << count) | (number >> ((32 - count) & 31)))


cdef int bit_ror(lua_State* L) noexcept nogil:
    cdef uint32_t number = word(L, 1)
    cdef uint32_t count = word(L, 2) & 31
    return answer(L, (number >> count) | (number << ((32 - count) & 31)))


cdef int bit_tohex(lua_State* L) noexcept nogil:
    """The lowest digits, as many as the second argument says; a negative one asks for capitals."""
    cdef uint32_t number = word(L, 1)
    cdef int64_t count = WORD_DIGITS if lua_gettop(L) < 2 else <int32_t>word(L, 2)
    cdef const char* digits = LOWER_DIGITS
    cdef char text[WORD_DIGITS]
    cdef int place
    if count < 0:
        count = -count
        digits = UPPER_DIGITS
    if count > WORD_DIGITS:
        count = WORD_DIGITS
    for place in range(<int>count - 1, -1, -1):
        text[place] = digits[number & 15]
        number >>= 4
    lua_pushlstring(L, text, <size_t>count)
    return 1


cdef int open_bit(lua_State* L) noexcept nogil:
    """Make the global `bit`; leaves the table on the stack."""
    lua_createtable(L, 0, 12)
    add_function(L, "tobit", bit_tobit)
    add_function(L, "bnot", bit_bnot)
    add_function(L, "band", bit_band)
    add_function(L, "bor", bit_bor)
    add_function(L, "bxor", bit_bxor)
    add_function(L, "lshift", bit_lshift)
    add_function(L, "rshift", bit_rshift)
    add_function(L, "arshift", bit_arshift)
    add_function(L, "rol", bit_rol)
    add_function(L, "ror", bit_ror)
    add_function(L, "bswap", bit_bswap)
    add_function(L, "tohex", bit_tohex)
    lua_pushvalue(L, -1)
    lua_setglobal(L, "bit")
    return 1
