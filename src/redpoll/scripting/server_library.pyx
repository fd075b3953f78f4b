"""The library `redis`, also called `server`: how scripts call commands, and what else they ask of the server.

`redis.call` makes the command's words of its arguments without copying strings, has the host run it into a private
output buffer, and makes Lua values of the reply's bytes. No Python object is made on that way for compiled commands.

Functions here may end in `lua_error`: see lua.pxd. What the host does is done with it before that.
"""

from libc.stdint cimport int64_t
from libc.stdio cimport snprintf
from libc.string cimport memchr, strlen

from redpoll.engine.numbers cimport format_double, format_int64
from redpoll.scripting.conversion cimport push_reply, reply_bytes
from redpoll.scripting.inspection cimport ROOM, tell_call, tell_refusal, tell_reply, tell_values, watch
from redpoll.scripting.lua cimport (
    LUA_TNUMBER, LUA_TSTRING, api, lua_CFunction, lua_createtable, lua_error, lua_gettop, lua_pushboolean,
    lua_pushcclosure, lua_pushlightuserdata, lua_pushlstring, lua_pushnumber, lua_pushstring, lua_rawset, lua_setfield,
    lua_settop, lua_State, lua_tolstring, lua_tonumber, lua_type, lua_concat,
)
from redpoll.scripting.machine cimport Host
from redpoll.scripting.state cimport (
    TELL_ALL, TELL_LOG, TELL_NOBODY, TELL_REPLICAS, State, make_words, state_of,
)
from redpoll.wire.output cimport out_restart

try:
    # OpenSSL's, which hashlib gives, takes longer to begin and to import, and is faster from then on.
    from _sha1 import sha1 as short_sha1
except ImportError:
    from hashlib import sha1 as short_sha1

from redpoll.version import REDIS_VERSION

cdef const char* HEX = "0123456789abcdef"

cdef enum:
    DIGITS = 32
    SHORT = 1024                 # bytes of a text
    # Levels of `redis.log`
    LOG_DEBUG = 0
    LOG_VERBOSE = 1
    LOG_NOTICE = 2
    LOG_WARNING = 3


# The host, asked without a frame that holds a reference to it

cdef void run_command(State* state) noexcept:
    (<Host>state.host).command(state)


cdef void log_text(State* state, int level, const char* text, size_t length) noexcept:
    (<Host>state.host).log(level, text, length)


cdef int ask_permission(State* state) noexcept:
    return (<Host>state.host).permitted(state)


cdef void hex_digest(const char* text, size_t length, char* into) noexcept:
    """The SHA-1 of a text in 40 digits."""
    cdef bytes digest
    if length < SHORT:
        digest = short_sha1(text[:length]).digest()
    else:
        from hashlib import sha1
        digest = sha1(text[:length]).digest()
    cdef const unsigned char* bytes_ = digest
    cdef int i
    for i in range(20):
        into[2 * i] = HEX[bytes_[i] >> 4]
        into[2 * i + 1] = HEX[bytes_[i] & 15]


ctypedef void (*state_function)(State* state) noexcept nogil
ctypedef void (*text_function)(const char* text, size_t length) noexcept nogil
ctypedef void (*reply_function)(State* state, const char* reply, size_t length) noexcept nogil
ctypedef void (*values_function)(lua_State* L) noexcept nogil
ctypedef int (*asking_function)(State* state) noexcept nogil
ctypedef void (*logging_function)(State* state, int level, const char* text, size_t length) noexcept nogil
ctypedef void (*digest_function)(const char* text, size_t length, char* into) noexcept nogil


# Errors

cdef void push_error(lua_State* L, const char* text) noexcept nogil:
    if state_of(L).debugging:
        (<text_function>tell_refusal)(text, strlen(text))
    lua_createtable(L, 0, 3)
    lua_pushstring(L, "err")
    lua_pushstring(L, text)
    lua_rawset(L, -3)


cdef int raise_error(lua_State* L, const char* text) noexcept nogil:
    push_error(L, text)
    return lua_error(L)


# Calling commands

cdef inline size_t print_number(double number, char* into) noexcept nogil:
    """A number as a command's word: an integer without a fraction, else with all its digits."""
    cdef int64_t integer
    if -9007199254740992.0 < number < 9007199254740992.0:
        integer = <int64_t>number
        if <double>integer == number:
            return format_int64(into, integer)
    if number != number:
        # By its sign, as C prints it.
        return snprintf(into, DIGITS, "%.17g", number)
    return format_double(into, number)


cdef bint take_words(lua_State* L, State* state) noexcept nogil:
    """The arguments become a command's words; they point into Lua's strings. False: one of them cannot be a word."""
    cdef int count = lua_gettop(L)
    cdef int i, kind
    cdef char* digits
    if not make_words(state, count):
        return False
    for i in range(count):
        kind = lua_type(L, i + 1)
        if kind == LUA_TSTRING:
            state.argv[i].ptr = lua_tolstring(L, i + 1, &state.argv[i].len)
        elif kind == LUA_TNUMBER:
            digits = state.digits + i * DIGITS
            state.argv[i].ptr = digits
            state.argv[i].len = print_number(lua_tonumber(L, i + 1), digits)
        else:
            return False
    state.argc = count
    return True


cdef int call(lua_State* L, bint raising) noexcept nogil:
    cdef State* state = state_of(L)
    cdef const char* reply
    cdef size_t length
    cdef const char* refused = NULL
    if lua_gettop(L) == 0:
        refused = "ERR Please specify at least one argument for this redis lib call"
    elif not take_words(L, state):
        refused = "ERR Lua redis lib command arguments must be strings or integers"
    elif not state.running:
        refused = "ERR redis.call/pcall can only be called inside a script invocation"
    if refused != NULL:
        push_error(L, refused)
        if raising:
            return lua_error(L)
        return 1
    out_restart(&state.reply)
    state.refused = False
    if state.debugging:
        (<state_function>tell_call)(state)
    (<state_function>run_command)(state)
    reply = reply_bytes(state, &length)
    if reply == NULL:
        return raise_error(L, "ERR not enough memory")
    if state.debugging:
        if state.refused:
            (<text_function>tell_refusal)(reply + 1, length - 3)
        else:
            (<reply_function>tell_reply)(state, reply, length)
    # The words are needed no more.
    lua_settop(L, 0)
    if not length:
        return 0
    push_reply(L, reply)
    if raising and reply[0] == c"-":
        return lua_error(L)
    return 1


cdef int redis_call(lua_State* L) noexcept nogil:
    return call(L, True)


cdef int redis_pcall(lua_State* L) noexcept nogil:
    return call(L, False)


# Replies

cdef int redis_error_reply(lua_State* L) noexcept nogil:
    cdef const char* text
    cdef size_t length = 0, shown
    if lua_gettop(L) != 1 or lua_type(L, 1) != LUA_TSTRING:
        push_error(L, "ERR wrong number or type of arguments")
        return 1
    text = lua_tolstring(L, 1, &length)
    if length and text[0] == c"-":
        text += 1
        length -= 1
    shown = length
    while shown and (text[shown - 1] == c"\r" or text[shown - 1] == c"\n"):
        shown -= 1
    lua_createtable(L, 0, 1)
    lua_pushstring(L, "err")
    if memchr(text, c" ", shown) == NULL:
        # One word is a text, not a code.
        lua_pushstring(L, "ERR ")
        lua_pushlstring(L, text, shown)
        lua_concat(L, 2)
    else:
        lua_pushlstring(L, text, shown)
    lua_rawset(L, -3)
    return 1


cdef int redis_status_reply(lua_State* L) noexcept nogil:
    if lua_gettop(L) != 1 or lua_type(L, 1) != LUA_TSTRING:
        push_error(L, "ERR wrong number or type of arguments")
        return 1
    lua_createtable(L, 0, 1)
    lua_pushstring(L, "ok")
    api.lua_pushvalue(L, 1)
    lua_rawset(L, -3)
    return 1


# Settings of the run

cdef int redis_setresp(lua_State* L) noexcept nogil:
    cdef double version
    if lua_gettop(L) != 1:
        return raise_error(L, "ERR redis.setresp() requires one argument.")
    version = lua_tonumber(L, 1)
    if version != 2 and version != 3:
        return raise_error(L, "ERR RESP version must be 2 or 3.")
    state_of(L).resp = <int>version
    return 0


cdef int redis_set_repl(lua_State* L) noexcept nogil:
    cdef int flags
    if lua_gettop(L) != 1:
        return raise_error(L, "ERR redis.set_repl() requires one argument.")
    flags = <int>lua_tonumber(L, 1)
    if flags & ~TELL_ALL:
        return raise_error(
            L, "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.")
    state_of(L).telling = flags
    return 0


cdef int redis_replicate_commands(lua_State* L) noexcept nogil:
    lua_pushboolean(L, 1)
    return 1


# Asking and telling the server

cdef int redis_log(lua_State* L) noexcept nogil:
    cdef int count = lua_gettop(L)
    cdef int level, i
    cdef const char* text
    cdef size_t length = 0
    if count < 2:
        return raise_error(L, "ERR redis.log() requires two arguments or more.")
    if not api.lua_isnumber(L, 1):
        return raise_error(L, "ERR First argument must be a number (log level).")
    level = <int>lua_tonumber(L, 1)
    if level < LOG_DEBUG or level > LOG_WARNING:
        return raise_error(L, "ERR Invalid log level.")
    # What is neither a string nor a number is passed over, but for the space.
    lua_pushlstring(L, "", 0)
    for i in range(2, count + 1):
        if i > 2:
            lua_pushlstring(L, " ", 1)
            lua_concat(L, 2)
        if api.lua_isstring(L, i):
            api.lua_pushvalue(L, i)
            lua_concat(L, 2)
    text = lua_tolstring(L, -1, &length)
    (<logging_function>log_text)(state_of(L), level, text, length)
    return 0


cdef int redis_sha1hex(lua_State* L) noexcept nogil:
    cdef char digest[40]
    cdef const char* text
    cdef size_t length = 0
    if lua_gettop(L) != 1:
        return raise_error(L, "ERR wrong number of arguments")
    text = lua_tolstring(L, 1, &length)
    if text == NULL:
        text = b""
    (<digest_function>hex_digest)(text, length, digest)
    lua_pushlstring(L, digest, 40)
    return 1


cdef int redis_acl_check_cmd(lua_State* L) noexcept nogil:
    cdef State* state = state_of(L)
    cdef int answer
    if lua_gettop(L) == 0:
        return raise_error(L, "ERR Please specify at least one argument for this redis lib call")
    if not take_words(L, state):
        return raise_error(L, "ERR redis.acl_check_cmd() require a command and arguments, which are strings")
    answer = (<asking_function>ask_permission)(state)
    if answer < 0:
        return raise_error(L, "ERR Invalid command passed to redis.acl_check_cmd()")
    lua_pushboolean(L, answer)
    return 1


# The debugger

cdef int redis_breakpoint(lua_State* L) noexcept nogil:
    cdef bint debugging = state_of(L).debugging
    if debugging:
        watch.pausing = True
    lua_pushboolean(L, debugging)
    return 1


cdef int redis_debug(lua_State* L) noexcept nogil:
    if state_of(L).debugging and api.lua_checkstack(L, ROOM):
        (<values_function>tell_values)(L)
    return 0


# The table

cdef void add(lua_State* L, State* state, const char* name, lua_CFunction function) noexcept nogil:
    lua_pushlightuserdata(L, state)
    lua_pushcclosure(L, function, 1)
    lua_setfield(L, -2, name)


cdef void add_number(lua_State* L, const char* name, double number) noexcept nogil:
    lua_pushnumber(L, number)
    lua_setfield(L, -2, name)


cdef bytes VERSION = REDIS_VERSION.encode()
cdef const char* version_text = VERSION
cdef int VERSION_NUMBER = int.from_bytes(map(int, REDIS_VERSION.split(".")), "big")


cdef void push_server_library(lua_State* L, State* state) noexcept nogil:
    lua_createtable(L, 0, 32)
    add(L, state, "call", redis_call)
    add(L, state, "pcall", redis_pcall)
    add(L, state, "log", redis_log)
    add(L, state, "setresp", redis_setresp)
    add(L, state, "error_reply", redis_error_reply)
    add(L, state, "status_reply", redis_status_reply)
    add(L, state, "sha1hex", redis_sha1hex)
    add(L, state, "set_repl", redis_set_repl)
    add(L, state, "replicate_commands", redis_replicate_commands)
    add(L, state, "acl_check_cmd", redis_acl_check_cmd)
    add(L, state, "breakpoint", redis_breakpoint)
    add(L, state, "debug", redis_debug)
    add_number(L, "LOG_DEBUG", LOG_DEBUG)
    add_number(L, "LOG_VERBOSE", LOG_VERBOSE)
    add_number(L, "LOG_NOTICE", LOG_NOTICE)
    add_number(L, "LOG_WARNING", LOG_WARNING)
    add_number(L, "REPL_NONE", TELL_NOBODY)
    add_number(L, "REPL_AOF", TELL_LOG)
    add_number(L, "REPL_SLAVE", TELL_REPLICAS)
    add_number(L, "REPL_REPLICA", TELL_REPLICAS)
    add_number(L, "REPL_ALL", TELL_ALL)
    lua_pushstring(L, "redpoll")
    lua_setfield(L, -2, "SERVER_NAME")
    lua_pushstring(L, version_text)
    lua_setfield(L, -2, "REDIS_VERSION")
    add_number(L, "REDIS_VERSION_NUM", VERSION_NUMBER)
