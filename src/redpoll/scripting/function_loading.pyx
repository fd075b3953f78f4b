"""A library's text run, so that it registers its functions.

The globals table of the machine is a protected one, which shows another table: while a library is loaded, a small
one: `redis` (and `server`) with `register_function`, `log` and constants. Nothing else is there: libraries declare
functions, and have no business with data yet. What a library keeps of this `redis` in a local variable stays as it is.

`register_function` looks at its arguments by Lua's means alone, has `note` keep what it found, and raises after that:
see lua.pxd. What was registered is a list of tuples, which belongs to `load_text`.
"""

from libc.stdint cimport int64_t, uint32_t
from posix.strings cimport strcasecmp

from cpython.bytes cimport PyBytes_FromStringAndSize

from redpoll.scripting.lua cimport (
    LUA_GLOBALSINDEX, LUA_MASKCOUNT, LUA_MASKLINE, LUA_REGISTRYINDEX, LUA_TSTRING, LUA_TTABLE, api, lua_cpcall,
    lua_createtable, lua_Debug, lua_error, lua_getfield, lua_getmetatable, lua_gettop, lua_isfunction, lua_istable,
    lua_next, lua_pcall, lua_pop, lua_pushcfunction, lua_pushlstring, lua_pushnil, lua_pushstring, lua_pushvalue,
    lua_rawget, lua_rawgeti, lua_rawset, lua_setfield, lua_sethook, lua_settop, lua_State,
    lua_tolstring, lua_tostring, lua_touserdata, lua_type, luaL_ref, luaL_unref,
)
from redpoll.scripting.machine cimport Machine
from redpoll.scripting.sandbox cimport protect, push_real, refuse_missing
from redpoll.scripting.state cimport (
    RUN_ALLOW_CROSS_SLOT, RUN_ALLOW_OOM, RUN_ALLOW_STALE, RUN_NO_CLUSTER, RUN_NO_WRITES,
)

from redpoll import errors
from redpoll.errors import CommandError

cdef enum:
    HOOK_INSTRUCTIONS = 10000
    TIMEOUT_US = 500000
    NAMES_MOST = 1 << 16         # bytes of a name
    AT_HANDLER = 1               # where a machine's error handler lies on its stack
    BOTTOM = 2                   # what lies there for good

cdef const char* BAD_NAME = (
    b"ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long"
)
cdef const char* TWICE = b"ERR Function already exists in the library"
cdef const char* NO_MEMORY = b"ERR not enough memory"

# What `redis` keeps while a library is loaded.
cdef const char* KEPT[8]
KEPT[:] = [
    "log", "LOG_DEBUG", "LOG_VERBOSE", "LOG_NOTICE", "LOG_WARNING", "REDIS_VERSION", "REDIS_VERSION_NUM", NULL,
]
# What it has for scripts, but not for functions.
cdef const char* TAKEN[4]
TAKEN[:] = ["breakpoint", "debug", "replicate_commands", NULL]


# Of the library that is being loaded; only one is at a time.
cdef class Loading:
    cdef Machine machine
    cdef list found
    cdef set names
    cdef int64_t deadline_us

cdef Loading loading = None


# Registering

cdef void raise_text(lua_State* L, const char* text) noexcept nogil:
    """Raise a whole error reply."""
    lua_createtable(L, 0, 1)
    lua_pushstring(L, "err")
    lua_pushstring(L, text)
    lua_rawset(L, -3)
    lua_error(L)


cdef bint is_name(const char* name, size_t length) noexcept nogil:
    cdef size_t i
    cdef char c
    if not 0 < length < NAMES_MOST:
        return False
    for i in range(length):
        c = name[i]
        if not (c"a" <= c <= c"z" or c"A" <= c <= c"Z" or c"0" <= c <= c"9" or c == c"_"):
            return False
    return True


cdef const char* note(const char* name, size_t length, const char* description, size_t description_length,
                      uint32_t flags, int reference) noexcept:
    """Keep a function; why that cannot be, or NULL."""
    cdef bytes key
    try:
        key = PyBytes_FromStringAndSize(name, length)
        if key in loading.names:
            return TWICE
        loading.names.add(key)
        loading.found.append((
            key, None if description == NULL else PyBytes_FromStringAndSize(description, description_length), flags,
            reference,
        ))
    except MemoryError:
        return NO_MEMORY
    return NULL


cdef bint is_loading() noexcept:
    return loading is not None


ctypedef const char* (*noting_function)(const char* name, size_t length, const char* description,
                                        size_t description_length, uint32_t flags, int reference) noexcept nogil
ctypedef bint (*asking_function)() noexcept nogil


cdef void register(lua_State* L, int name, int callback, int description, uint32_t flags) noexcept nogil:
    """Register the function at an index. `description`: where it is, or 0."""
    cdef size_t length, description_length = 0
    cdef const char* text = lua_tolstring(L, name, &length)
    cdef const char* told = NULL
    cdef const char* refused
    cdef int reference
    if not is_name(text, length):
        raise_text(L, BAD_NAME)
    if description:
        told = lua_tolstring(L, description, &description_length)
    lua_pushvalue(L, callback)
    reference = luaL_ref(L, LUA_REGISTRYINDEX)
    refused = (<noting_function>note)(text, length, told, description_length, flags, reference)
    if refused != NULL:
        luaL_unref(L, LUA_REGISTRYINDEX, reference)
        raise_text(L, refused)


cdef uint32_t flag_of(const char* name) noexcept nogil:
    if strcasecmp(name, "no-writes") == 0:
        return RUN_NO_WRITES
    if strcasecmp(name, "allow-oom") == 0:
        return RUN_ALLOW_OOM
    if strcasecmp(name, "allow-stale") == 0:
        return RUN_ALLOW_STALE
    if strcasecmp(name, "no-cluster") == 0:
        return RUN_NO_CLUSTER
    if strcasecmp(name, "allow-cross-slot-keys") == 0:
        return RUN_ALLOW_CROSS_SLOT
    return 0


cdef uint32_t read_flags(lua_State* L, int index) noexcept nogil:
    """The flags whose names an array holds."""
    cdef uint32_t flags = 0, flag
    cdef int i = 1
    while True:
        lua_rawgeti(L, index, i)
        if lua_type(L, -1) <= 0:
            lua_pop(L, 1)
            return flags
        flag = flag_of(lua_tostring(L, -1)) if lua_type(L, -1) == LUA_TSTRING else 0
        if not flag:
            raise_text(L, "ERR unknown flag given")
        flags |= flag
        lua_pop(L, 1)
        i += 1


cdef void register_named(lua_State* L) noexcept nogil:
    """The form with one table. What it holds is put at fixed places of the stack."""
    cdef int at_name = 2, at_callback = 3, at_description = 4
    cdef uint32_t flags = 0
    cdef const char* key
    if lua_type(L, 1) != LUA_TTABLE:
        raise_text(L, "ERR calling redis.register_function with a single argument is only applicable to Lua table "
                      "(representing named arguments).")
    lua_settop(L, 4)
    lua_pushnil(L)
    while lua_next(L, 1):
        if lua_type(L, -2) != LUA_TSTRING:
            if not api.lua_isstring(L, -2):
                raise_text(L, "ERR named argument key given to redis.register_function is not a string")
            raise_text(L, "ERR unknown argument given to redis.register_function")
        key = lua_tostring(L, -2)
        if strcasecmp(key, "function_name") == 0:
            if not api.lua_isstring(L, -1):
                raise_text(L, "ERR function_name argument given to redis.register_function must be a string")
            api.lua_replace(L, at_name)
        elif strcasecmp(key, "description") == 0:
            if not api.lua_isstring(L, -1):
                raise_text(L, "ERR description argument given to redis.register_function must be a string")
            api.lua_replace(L, at_description)
        elif strcasecmp(key, "callback") == 0:
            if not lua_isfunction(L, -1):
                raise_text(L, "ERR callback argument given to redis.register_function must be a function")
            api.lua_replace(L, at_callback)
        elif strcasecmp(key, "flags") == 0:
            if not lua_istable(L, -1):
                raise_text(L, "ERR flags argument to redis.register_function must be a table representing function "
                              "flags")
            flags = read_flags(L, lua_gettop(L))
            lua_pop(L, 1)
        else:
            raise_text(L, "ERR unknown argument given to redis.register_function")
    if lua_type(L, at_name) <= 0:
        raise_text(L, "ERR redis.register_function must get a function name argument")
    if lua_type(L, at_callback) <= 0:
        raise_text(L, "ERR redis.register_function must get a callback argument")
    register(L, at_name, at_callback, 0 if lua_type(L, at_description) <= 0 else at_description, flags)


cdef int register_function(lua_State* L) noexcept nogil:
    cdef int count = lua_gettop(L)
    if not (<asking_function>is_loading)():
        raise_text(L, "ERR redis.register_function can only be called on FUNCTION LOAD command")
    if count == 1:
        register_named(L)
    elif count == 2:
        if not api.lua_isstring(L, 1):
            raise_text(L, "ERR first argument to redis.register_function must be a string")
        if not lua_isfunction(L, 2):
            raise_text(L, "ERR second argument to redis.register_function must be a function")
        register(L, 1, 2, 0, 0)
    else:
        raise_text(L, "ERR wrong number of arguments to redis.register_function")
    return 0


# Globals

cdef struct Globals:
    int load
    int run


cdef int make_globals(lua_State* L) noexcept nogil:
    """Within a protected call."""
    cdef Globals* globals = <Globals*>lua_touserdata(L, 1)
    cdef int i = 0
    lua_pushvalue(L, LUA_GLOBALSINDEX)
    push_real(L, -1)
    lua_pushvalue(L, -1)
    globals.run = luaL_ref(L, LUA_REGISTRYINDEX)
    lua_getfield(L, -1, "redis")
    push_real(L, -1)
    while TAKEN[i] != NULL:
        lua_pushnil(L)
        lua_setfield(L, -2, TAKEN[i])
        i += 1
    lua_createtable(L, 0, 8)
    i = 0
    while KEPT[i] != NULL:
        lua_pushstring(L, KEPT[i])
        lua_rawget(L, -3)
        lua_setfield(L, -2, KEPT[i])
        i += 1
    lua_pushcfunction(L, register_function)
    lua_setfield(L, -2, "register_function")
    refuse_missing(L)
    protect(L)
    lua_createtable(L, 0, 2)
    lua_pushvalue(L, -2)
    lua_setfield(L, -2, "redis")
    lua_pushvalue(L, -2)
    lua_setfield(L, -2, "server")
    refuse_missing(L)
    globals.load = luaL_ref(L, LUA_REGISTRYINDEX)
    return 0


cdef int prepare_globals(Machine machine, int* load_globals, int* run_globals) except -1:
    cdef Globals globals
    cdef lua_State* L = machine.state.L
    if lua_cpcall(L, make_globals, &globals) != 0:
        lua_settop(L, BOTTOM)
        raise MemoryError
    load_globals[0] = globals.load
    run_globals[0] = globals.run
    return 0


cdef void show_globals(lua_State* L, int reference) noexcept:
    """Have the globals table show another one from now on."""
    lua_pushvalue(L, LUA_GLOBALSINDEX)
    lua_getmetatable(L, -1)
    lua_rawgeti(L, LUA_REGISTRYINDEX, reference)
    lua_setfield(L, -2, "__index")
    lua_pop(L, 2)


# Loading

cdef bint is_late() noexcept:
    return loading is None or loading.machine.host.now_us() > loading.deadline_us


cdef void watch_time(lua_State* L, lua_Debug* record) noexcept nogil:
    """The hook."""
    if not (<asking_function>is_late)():
        return
    # At every line from now on.
    lua_sethook(L, watch_time, LUA_MASKLINE | LUA_MASKCOUNT, 1)
    raise_text(L, "ERR FUNCTION LOAD timeout")


cdef bytes error_on_top(lua_State* L):
    """The text of the error on the top, code included."""
    cdef size_t length = 0
    cdef const char* text
    if lua_istable(L, -1):
        lua_pushlstring(L, "err", 3)
        lua_rawget(L, -2)
    text = lua_tolstring(L, -1, &length) if lua_type(L, -1) == LUA_TSTRING else NULL
    return b"ERR unknown error" if text == NULL else PyBytes_FromStringAndSize(text, length)


cdef list load_text(Machine machine, bytes text, int load_globals, int run_globals):
    global loading
    cdef lua_State* L = machine.state.L
    cdef Loading own = Loading()
    cdef int reference = machine.compile(text, len(text), b"@user_function")
    cdef int status
    cdef bytes failure = None
    own.machine = machine
    own.found = []
    own.names = set()
    own.deadline_us = machine.host.now_us() + TIMEOUT_US
    loading = own
    show_globals(L, load_globals)
    lua_sethook(L, watch_time, LUA_MASKCOUNT, HOOK_INSTRUCTIONS)
    lua_rawgeti(L, LUA_REGISTRYINDEX, reference)
    status = lua_pcall(L, 0, 0, AT_HANDLER)
    lua_sethook(L, NULL, 0, 0)
    loading = None
    if status != 0:
        failure = error_on_top(L)
    lua_settop(L, BOTTOM)
    show_globals(L, run_globals)
    machine.forget(reference)
    if failure is not None:
        for found in own.found:
            machine.forget(found[3])
        raise CommandError(errors.cannot_register(failure.decode("utf-8", "surrogateescape")))
    return own.found
