"""JSON read into Lua values.

The text is read once, token by token. What nests is bounded twice: by the depth that the settings allow, and by the
room on Lua's stack. With `decode_invalid_numbers`, whatever `strtod` takes for a number is one.
"""

from libc.stdint cimport uint32_t
from libc.stdlib cimport strtod
from libc.string cimport strncmp
from posix.strings cimport strncasecmp

from redpoll.scripting.lua cimport (
    api, lua_State, lua_checkstack, lua_createtable, lua_gettop, lua_pushboolean, lua_pushlightuserdata,
    lua_pushlstring, lua_pushnil, lua_pushnumber, lua_rawset, lua_rawseti, lua_replace, lua_setfield, lua_setmetatable,
    luaL_argerror, luaL_checklstring, luaL_error,
)
from redpoll.scripting.libraries.json_settings cimport ARRAY_MARK, Settings
from redpoll.scripting.libraries.library cimport GrowingText, state_of, text_add, text_reserve

cdef enum Token:
    OBJECT_BEGIN
    OBJECT_END
    ARRAY_BEGIN
    ARRAY_END
    STRING
    NUMBER
    BOOLEAN
    NOTHING
    COLON
    COMMA
    END
    BAD

cdef enum:
    PLAIN_DIGITS = 15            # integers of so many digits are exact as doubles


# A text under way, and its token that was read last.
cdef struct Reading:
    lua_State* L
    Settings* settings
    const char* start
    const char* at               # behind the token
    const char* end              # where a zero byte stands
    const char* token            # where it begins; of one that is bad, where it is
    const char* reason           # why it is bad
    const char* text             # of a string
    size_t length
    double number
    bint truth
    int depth


cdef const char* name_of(Reading* reading, Token token) noexcept nogil:
    if token == OBJECT_BEGIN:
        return "T_OBJ_BEGIN"
    if token == OBJECT_END:
        return "T_OBJ_END"
    if token == ARRAY_BEGIN:
        return "T_ARR_BEGIN"
    if token == ARRAY_END:
        return "T_ARR_END"
    if token == STRING:
        return "T_STRING"
    if token == NUMBER:
        return "T_NUMBER"
    if token == BOOLEAN:
        return "T_BOOLEAN"
    if token == NOTHING:
        return "T_NULL"
    if token == COLON:
        return "T_COLON"
    if token == COMMA:
        return "T_COMMA"
    if token == END:
        return "T_END"
    return reading.reason


cdef int refuse(Reading* reading, const char* wanted, Token token) noexcept nogil:
    return api.luaL_error(reading.L, "Expected %s but found %s at character %d", wanted, name_of(reading, token),
                          <int>(reading.token - reading.start + 1))


cdef Token bad(Reading* reading, const char* where, const char* reason) noexcept nogil:
    reading.token = where
    reading.reason = reason
    return BAD


cdef int hex_digit(char c) noexcept nogil:
    if c"0" <= c <= c"9":
        return c - c"0"
    c |= 32
    if c"a" <= c <= c"f":
        return c - c"a" + 10
    return -1


cdef int hex_number(const char* digits, const char* end) noexcept nogil:
    """Four digits as a number, -1 when they are none."""
    cdef int number = 0
    cdef int i, digit
    if end - digits < 4:
        return -1
    for i in range(4):
        digit = hex_digit(digits[i])
        if digit < 0:
            return -1
        number = number << 4 | digit
    return number


cdef size_t write_utf8(char* out, uint32_t point) noexcept nogil:
    if point < 0x80:
        out[0] = <char>point
        return 1
    if point < 0x800:
        out[0] = <char>(0xC0 | point >> 6)
        out[1] = <char>(0x80 | (point & 0x3F))
        return 2
    if point < 0x10000:
        out[0] = <char>(0xE0 | point >> 12)
        out[1] = <char>(0x80 | (point >> 6 & 0x3F))
        out[2] = <char>(0x80 | (point & 0x3F))
        return 3
    out[0] = <char>(0xF0 | point >> 18)
    out[1] = <char>(0x80 | (point >> 12 & 0x3F))
    out[2] = <char>(0x80 | (point >> 6 & 0x3F))
    out[3] = <char>(0x80 | (point & 0x3F))
    return 4


cdef const char* unicode_escape(Reading* reading, const char* at) noexcept nogil:
    """Write the character of `uXXXX`, or of such a pair, into the text; what stands behind, NULL if it is none."""
    cdef GrowingText* text = &reading.settings.text
    cdef int first = hex_number(at + 1, reading.end)
    cdef int second
    cdef uint32_t point = <uint32_t>first
    if first < 0 or (first & 0xFC00) == 0xDC00:
        return NULL
    at += 5
    if (first & 0xFC00) == 0xD800:
        if at[0] != c"\\" or at[1] != c"u":
            return NULL
        second = hex_number(at + 2, reading.end)
        if second < 0 or (second & 0xFC00) != 0xDC00:
            return NULL
        point = 0x10000 + ((<uint32_t>first & 0x3FF) << 10) + (<uint32_t>second & 0x3FF)
        at += 6
    text.length += write_utf8(text_reserve(reading.L, text, 4), point)
    return at


cdef char plain_escape(char letter) noexcept nogil:
    """What a letter behind a backslash stands for, zero when nothing."""
    if letter == c'"' or letter == c"\\" or letter == c"/":
        return letter
    if letter == c"b":
        return 8
    if letter == c"t":
        return 9
    if letter == c"n":
        return 10
    if letter == c"f":
        return 12
    if letter == c"r":
        return 13
    return 0


cdef Token string_token(Reading* reading) noexcept nogil:
    """A string. One without escapes is taken where it stands, others are written into the settings' text."""
    cdef const char* at = reading.at
    cdef const char* run = at
    cdef const char* escape
    cdef GrowingText* text = &reading.settings.text
    cdef bint copied = False
    cdef char* out
    while True:
        while at[0] != c'"' and at[0] != c"\\" and at[0] != 0:
            at += 1
        if at[0] == 0:
            return bad(reading, at, "unexpected end of string")
        if at[0] == c'"' and not copied:
            reading.text = run
            reading.length = at - run
            reading.at = at + 1
            return STRING
        if not copied:
            copied = True
            text.length = 0
        text_add(reading.L, text, run, at - run)
        if at[0] == c'"':
            reading.text = text.bytes
            reading.length = text.length
            reading.at = at + 1
            return STRING
        escape = at
        at += 1
        if at[0] == c"u":
            at = unicode_escape(reading, at)
            if at == NULL:
                return bad(reading, escape, "invalid unicode escape code")
        else:
            out = text_reserve(reading.L, text, 1)
            out[0] = plain_escape(at[0])
            if out[0] == 0:
                return bad(reading, escape, "invalid escape code")
            text.length += 1
            at += 1
        run = at


cdef bint is_odd_number(const char* at) noexcept nogil:
    """Whether a number is one that only `strtod` knows: hexadecimal, with leading zeros, or none at all."""
    if at[0] == c"-":
        at += 1
    if at[0] == c"0":
        return at[1] | 32 == c"x" or c"0" <= at[1] <= c"9"
    if c"1" <= at[0] <= c"9":
        return False
    return strncasecmp(at, "inf", 3) == 0 or strncasecmp(at, "nan", 3) == 0


cdef Token number_token(Reading* reading) noexcept nogil:
    cdef const char* at = reading.at
    cdef const char* digits
    cdef char* behind = NULL
    cdef long long value = 0
    if at[0] == c"-":
        at += 1
    digits = at
    if c"1" <= at[0] <= c"9":
        while c"0" <= at[0] <= c"9" and at - digits < PLAIN_DIGITS:
            value = value * 10 + (at[0] - c"0")
            at += 1
        # All the numbers that a letter or a point may go on, or that are longer, are left to strtod.
        if not (c"0" <= at[0] <= c"9" or at[0] == c"." or at[0] == c"e" or at[0] == c"E"):
            reading.number = <double>(-value if digits != reading.at else value)
            reading.at = at
            return NUMBER
    if not reading.settings.decode_invalid and is_odd_number(reading.at):
        return bad(reading, reading.at, "invalid number")
    reading.number = strtod(reading.at, &behind)
    if behind == reading.at:
        return bad(reading, reading.at, "invalid number")
    reading.at = behind
    return NUMBER


cdef Token next_token(Reading* reading) noexcept nogil:
    cdef const char* at = reading.at
    cdef char c = at[0]
    while c == c" " or c == c"\n" or c == c"\t" or c == c"\r":
        at += 1
        c = at[0]
    reading.token = at
    reading.at = at + 1
    if c == c'"':
        return string_token(reading)
    if c == c"," :
        return COMMA
    if c == c":":
        return COLON
    if c == c"{":
        return OBJECT_BEGIN
    if c == c"}":
        return OBJECT_END
    if c == c"[":
        return ARRAY_BEGIN
    if c == c"]":
        return ARRAY_END
    reading.at = at
    if c == c"-" or c"0" <= c <= c"9":
        return number_token(reading)
    if c == 0:
        return END
    if c == c"t" and strncmp(at, "true", 4) == 0:
        reading.at = at + 4
        reading.truth = True
        return BOOLEAN
    if c == c"f" and strncmp(at, "false", 5) == 0:
        reading.at = at + 5
        reading.truth = False
        return BOOLEAN
    if c == c"n" and strncmp(at, "null", 4) == 0:
        reading.at = at + 4
        return NOTHING
    if reading.settings.decode_invalid and (c == c"+" or is_odd_number(at)):
        return number_token(reading)
    return bad(reading, at, "invalid token")


cdef void go_deeper(Reading* reading) noexcept nogil:
    reading.depth += 1
    if reading.depth > reading.settings.decode_depth or not lua_checkstack(reading.L, 3):
        api.luaL_error(reading.L, "Found too many nested data structures (%d) at character %d", reading.depth,
                       <int>(reading.at - reading.start))


cdef void read_object(Reading* reading) noexcept nogil:
    cdef Token token
    go_deeper(reading)
    lua_createtable(reading.L, 0, 0)
    token = next_token(reading)
    if token == OBJECT_END:
        reading.depth -= 1
        return
    while True:
        if token != STRING:
            refuse(reading, "object key string", token)
        lua_pushlstring(reading.L, reading.text, reading.length)
        token = next_token(reading)
        if token != COLON:
            refuse(reading, "colon", token)
        read_value(reading, next_token(reading))
        lua_rawset(reading.L, -3)
        token = next_token(reading)
        if token == OBJECT_END:
            reading.depth -= 1
            return
        if token != COMMA:
            refuse(reading, "comma or object end", token)
        token = next_token(reading)


cdef void read_array(Reading* reading) noexcept nogil:
    cdef Token token
    cdef int i = 1
    go_deeper(reading)
    token = next_token(reading)
    if token == ARRAY_END:
        reading.depth -= 1
        lua_createtable(reading.L, 0, 0)
        if reading.settings.mark_arrays:
            # One for each, so that no script can change what another one finds.
            lua_createtable(reading.L, 0, 1)
            lua_pushboolean(reading.L, True)
            lua_setfield(reading.L, -2, ARRAY_MARK)
            lua_setmetatable(reading.L, -2)
        return
    # The table is made when it is known whether it is to be a larger one, which saves it growing. The place that it has
    # on the stack is taken before, as that bounds the depth.
    lua_pushnil(reading.L)
    while True:
        read_value(reading, token)
        token = next_token(reading)
        if i == 1:
            lua_createtable(reading.L, 4 if token == COMMA else 1, 0)
            lua_replace(reading.L, -3)
        lua_rawseti(reading.L, -2, i)
        i += 1
        if token == ARRAY_END:
            reading.depth -= 1
            return
        if token != COMMA:
            refuse(reading, "comma or array end", token)
        token = next_token(reading)


cdef void read_value(Reading* reading, Token token) noexcept nogil:
    """Push the value that a token is, or begins."""
    if token == STRING:
        lua_pushlstring(reading.L, reading.text, reading.length)
    elif token == NUMBER:
        lua_pushnumber(reading.L, reading.number)
    elif token == BOOLEAN:
        lua_pushboolean(reading.L, reading.truth)
    elif token == NOTHING:
        lua_pushlightuserdata(reading.L, NULL)
    elif token == OBJECT_BEGIN:
        read_object(reading)
    elif token == ARRAY_BEGIN:
        read_array(reading)
    else:
        refuse(reading, "value", token)


cdef int cjson_decode(lua_State* L) noexcept nogil:
    cdef Reading reading
    cdef size_t length
    cdef Token token
    if lua_gettop(L) != 1:
        return luaL_argerror(L, 1, "expected 1 argument")
    reading.L = L
    reading.settings = <Settings*>state_of(L)
    reading.start = reading.at = luaL_checklstring(L, 1, &length)
    reading.end = reading.start + length
    reading.depth = 0
    if length >= 2 and (reading.start[0] == 0 or reading.start[1] == 0):
        return luaL_error(L, "JSON parser does not support UTF-16 or UTF-32")
    read_value(&reading, next_token(&reading))
    token = next_token(&reading)
    if token != END:
        return refuse(&reading, "the end", token)
    return 1
