"""A Lua state with what scripts may use in it, for EVAL or for libraries of functions.

The state's stack holds two values at its bottom: the function that makes error tables, and the C function that runs
what `state.reference` means, which does all that may fail for lack of memory, within one protected call: it makes keys
and arguments, calls the function and turns its result into the answer.

A count hook looks at the time every so many instructions. Once a script is slow, the hook asks the host each time
whether to go on. When it is not to, the hook raises an error, and has itself called at every line from then on, so that
no `pcall` keeps the script alive. A script that is being debugged has another hook (inspection.pyx).
"""

from libc.stdint cimport int64_t
from libc.string cimport strlen

from redpoll.scripting.conversion cimport write_value
from redpoll.scripting.inspection cimport debug_hook, watch
from redpoll.scripting.libraries.bit cimport open_bit
from redpoll.scripting.libraries.cjson cimport open_cjson
from redpoll.scripting.libraries.cmsgpack cimport open_cmsgpack
from redpoll.scripting.libraries.struct cimport open_struct
from redpoll.scripting.lua cimport (
    LUA_GCCOLLECT, LUA_MASKCOUNT, LUA_MASKLINE, LUA_REGISTRYINDEX, LUA_TNUMBER, LUA_TSTRING,
    LUA_TTABLE, api, lua_call, lua_checkstack, lua_close, lua_concat, lua_cpcall, lua_createtable, lua_Debug,
    lua_error, lua_gc, lua_getinfo, lua_getstack, lua_insert, lua_istable, lua_newstate, lua_pcall, lua_pop,
    lua_pushcclosure, lua_pushcfunction, lua_pushlightuserdata, lua_pushlstring, lua_pushnumber, lua_pushstring,
    lua_pushvalue, lua_rawget, lua_rawgeti, lua_rawset, lua_rawseti, lua_sethook, lua_setglobal, lua_State, lua_settop,
    lua_toboolean, lua_tolstring, lua_topointer, lua_tostring, lua_touserdata, lua_type, lua_typename,
    lua_upvalueindex, luaL_loadbuffer, luaL_ref, luaL_unref,
)
from redpoll.scripting.sandbox cimport close_sandbox, open_sandbox, push_real
from redpoll.scripting.server_library cimport push_server_library
from redpoll.scripting.state cimport (
    RUN_SCRIPT, TELL_ALL, add_text, lua_allocate, set_text, state_free, state_new, state_of,
)
from redpoll.wire.output cimport out_restart

cdef enum:
    HOOK_INSTRUCTIONS = 100000
    BYTECODE = 27                # the first byte of a compiled chunk
    REPLY_KEPT = 65536           # bytes of room that are kept between two runs
    # The bottom of the stack
    AT_HANDLER = 1
    AT_RUNNER = 2
    # Upvalues of the runner, besides the state
    UP_GLOBALS = 2
    UP_KEYS = 3
    UP_ARGV = 4


class ScriptError(Exception):
    """A text that is no Lua chunk; the argument is Lua's message, in bytes."""


cdef class Host:
    """What scripts need of the server that they run in, which derives from this."""

    cdef void command(self, State* state) noexcept:
        pass

    cdef bint slow(self, State* state) noexcept:
        return False

    cdef int64_t now_us(self) noexcept:
        return 0

    cdef void log(self, int level, const char* text, size_t length) noexcept:
        pass

    cdef int permitted(self, State* state) noexcept:
        return 1


# What the protected call runs

cdef int handle_error(lua_State* L) noexcept nogil:
    """Makes an error a table `err`, with the place that it comes from."""
    cdef lua_Debug record
    cdef bint found = False
    if lua_getstack(L, 1, &record):
        lua_getinfo(L, "nSl", &record)
        found = True
        if record.what[0] == c"C":
            found = False
            if lua_getstack(L, 2, &record):
                lua_getinfo(L, "nSl", &record)
                found = record.what[0] != c"C"
    lua_settop(L, 1)
    if lua_type(L, 1) != LUA_TTABLE or push_real(L, 1):
        lua_settop(L, 1)
        lua_createtable(L, 0, 3)
        lua_pushstring(L, "err")
        lua_pushstring(L, "ERR ")
        if not push_text(L, 1):
            return 1
        lua_concat(L, 2)
        lua_rawset(L, 2)
    if found:
        lua_pushstring(L, "source")
        lua_pushstring(L, record.source)
        lua_rawset(L, -3)
        lua_pushstring(L, "line")
        lua_pushnumber(L, record.currentline)
        lua_rawset(L, -3)
    return 1


cdef bint push_text(lua_State* L, int index) noexcept nogil:
    """Push what `tostring` makes of a value, but for values that say it themselves."""
    cdef int kind = lua_type(L, index)
    if kind == LUA_TSTRING or kind == LUA_TNUMBER:
        lua_pushvalue(L, index)
        lua_tolstring(L, -1, NULL)
    elif kind == 0:
        lua_pushstring(L, "nil")
    elif kind == 1:
        lua_pushstring(L, "true" if lua_toboolean(L, index) else "false")
    else:
        api.lua_pushfstring(L, "%s: %p", lua_typename(L, kind), lua_topointer(L, index))
    return True


cdef void push_words(lua_State* L, const Arg* words, size_t count) noexcept nogil:
    cdef size_t i
    lua_createtable(L, <int>count, 0)
    for i in range(count):
        lua_pushlstring(L, words[i].ptr, words[i].len)
        lua_rawseti(L, -2, <int>i + 1)


cdef int run_reference(lua_State* L) noexcept nogil:
    """The runner."""
    cdef State* state = state_of(L)
    lua_rawgeti(L, LUA_REGISTRYINDEX, state.reference)
    if state.flags & RUN_SCRIPT:
        lua_pushvalue(L, lua_upvalueindex(UP_KEYS))
        push_words(L, state.keys, state.key_count)
        lua_rawset(L, lua_upvalueindex(UP_GLOBALS))
        lua_pushvalue(L, lua_upvalueindex(UP_ARGV))
        push_words(L, state.words, state.word_count)
        lua_rawset(L, lua_upvalueindex(UP_GLOBALS))
        lua_call(L, 0, 1)
    else:
        push_words(L, state.keys, state.key_count)
        push_words(L, state.words, state.word_count)
        lua_call(L, 2, 1)
    if lua_type(L, -1) == LUA_TTABLE and take_error_table(L, state):
        return 0
    write_value(L, &state.answer, state.resp)
    return 0


cdef bint take_error_table(lua_State* L, State* state) noexcept nogil:
    """If the table on the top is an error, note it as the one that the run ended with."""
    cdef const char* text
    cdef size_t length = 0
    lua_pushstring(L, "err")
    lua_rawget(L, -2)
    if lua_type(L, -1) != LUA_TSTRING:
        lua_pop(L, 1)
        return False
    text = lua_tolstring(L, -1, &length)
    state.failed = True
    set_text(state, text, length)
    lua_pop(L, 1)
    lua_pushstring(L, "ignore_error_stats_update")
    lua_rawget(L, -2)
    state.counted = lua_toboolean(L, -1)
    lua_pop(L, 1)
    return True


# The hook

cdef bint ask_slow(State* state) noexcept:
    return (<Host>state.host).slow(state)


cdef int64_t ask_now(State* state) noexcept:
    return (<Host>state.host).now_us()


ctypedef bint (*slow_function)(State* state) noexcept nogil
ctypedef int64_t (*now_function)(State* state) noexcept nogil

# The state that runs; a hook is told nothing but the Lua thread, which may be a coroutine's.
cdef State* running


cdef void count_hook(lua_State* L, lua_Debug* record) noexcept nogil:
    cdef State* state = running
    if state == NULL:
        return
    if not state.killed:
        if not state.slow:
            if (<now_function>ask_now)(state) - state.started_us < state.threshold_us:
                return
            state.slow = True
        if (<slow_function>ask_slow)(state):
            state.killed = True
    if state.killed:
        # From now on at every line, in the thread that runs and in the main one.
        lua_sethook(L, count_hook, LUA_MASKLINE | LUA_MASKCOUNT, 1)
        lua_sethook(state.L, count_hook, LUA_MASKLINE | LUA_MASKCOUNT, 1)
        lua_createtable(L, 0, 3)
        lua_pushstring(L, "err")
        lua_pushlstring(L, state.text, state.text_length)
        lua_rawset(L, -3)
        lua_error(L)


# Building

cdef void open_libraries(lua_State* L) noexcept nogil:
    open_bit(L)
    open_cjson(L)
    open_cmsgpack(L)
    open_struct(L)
    lua_settop(L, 0)


cdef int build(lua_State* L) noexcept nogil:
    """Within a protected call: makes everything, and leaves the handler and the runner in the registry at 1 and 2."""
    cdef State* state = <State*>lua_touserdata(L, 1)
    lua_settop(L, 0)
    open_sandbox(L, state)
    open_libraries(L)
    push_server_library(L, state)
    lua_setglobal(L, "redis")
    close_sandbox(L)
    lua_pushcfunction(L, handle_error)
    lua_rawseti(L, LUA_REGISTRYINDEX, AT_HANDLER)
    lua_pushlightuserdata(L, state)
    lua_insert(L, 1)
    lua_pushstring(L, "KEYS")
    lua_pushstring(L, "ARGV")
    lua_pushcclosure(L, run_reference, 4)
    lua_rawseti(L, LUA_REGISTRYINDEX, AT_RUNNER)
    return 0


cdef struct Loading:
    const char* text
    size_t length
    const char* name
    int reference


cdef int load_reference(lua_State* L) noexcept nogil:
    """Within a protected call: a text becomes a function in the registry."""
    cdef Loading* loading = <Loading*>lua_touserdata(L, 1)
    if luaL_loadbuffer(L, loading.text, loading.length, loading.name) != 0:
        return lua_error(L)
    loading.reference = luaL_ref(L, LUA_REGISTRYINDEX)
    return 0


cdef class Machine:
    """A Lua state for what `host` runs."""

    def __cinit__(self, Host host, *, size_t memory_limit=0):
        cdef lua_State* L
        self.host = host
        self.state = state_new()
        if self.state == NULL:
            raise MemoryError
        self.state.host = <void*>host
        self.state.deprecated_api = host.deprecated_api
        self.state.memory.limit = memory_limit
        L = lua_newstate(lua_allocate, &self.state.memory)
        if L == NULL:
            raise MemoryError
        self.state.L = L
        if lua_cpcall(L, build, self.state) != 0:
            raise RuntimeError((<bytes>lua_tostring(L, -1)).decode("utf-8", "replace"))
        lua_checkstack(L, 64)
        lua_rawgeti(L, LUA_REGISTRYINDEX, AT_HANDLER)
        lua_rawgeti(L, LUA_REGISTRYINDEX, AT_RUNNER)

    def __dealloc__(self):
        if self.state != NULL:
            self.close()
            state_free(self.state)

    def close(self):
        """Free all that Lua holds; the last thing to be done with it, and on any thread."""
        cdef lua_State* L = self.state.L
        if L != NULL:
            self.state.L = NULL
            with nogil:
                lua_close(L)

    @property
    def used_memory(self) -> int:
        """Bytes that Lua holds."""
        return self.state.memory.used

    cdef int compile(self, const char* text, size_t length, const char* chunk_name) except 0:
        cdef lua_State* L = self.state.L
        cdef Loading loading
        cdef bytes spaced, message
        if length and text[0] == BYTECODE:
            # With a space before it, Lua's parser takes it for a text, and refuses it.
            spaced = b" " + text[:length]
            text = spaced
            length += 1
        loading.text = text
        loading.length = length
        loading.name = chunk_name
        if lua_cpcall(L, load_reference, &loading) != 0:
            text = lua_tolstring(L, -1, &length)
            message = text[:length] if text != NULL else b"not enough memory"
            lua_settop(L, AT_RUNNER)
            raise ScriptError(message)
        return loading.reference

    cdef int forget(self, int reference) except -1:
        luaL_unref(self.state.L, LUA_REGISTRYINDEX, reference)
        return 0

    cdef void push_handler(self) noexcept:
        lua_pushvalue(self.state.L, AT_HANDLER)

    cdef void kill(self) noexcept:
        self.state.killed = True

    cdef int run(self, int reference, const char* name, uint32_t flags, const Arg* keys, size_t key_count,
                 const Arg* words, size_t word_count, int resp) except -1:
        global running
        cdef State* state = self.state
        cdef lua_State* L = state.L
        cdef State* outer = running
        state.running = True
        state.name = name
        state.flags = flags
        state.resp = 2
        state.telling = TELL_ALL
        state.wrote = state.slow = state.killed = state.failed = state.counted = False
        state.reference = reference
        state.keys = keys
        state.key_count = key_count
        state.words = words
        state.word_count = word_count
        state.answer.resp = resp
        state.text_length = 0
        out_restart(&state.answer)
        state.debugging = watch.active and flags & RUN_SCRIPT != 0
        if state.debugging:
            lua_sethook(L, debug_hook, LUA_MASKLINE | LUA_MASKCOUNT, HOOK_INSTRUCTIONS)
        elif state.threshold_us > 0:
            state.started_us = self.host.now_us()
            lua_sethook(L, count_hook, LUA_MASKCOUNT, HOOK_INSTRUCTIONS)
        running = state
        lua_pushvalue(L, AT_RUNNER)
        status = lua_pcall(L, 0, 0, AT_HANDLER)
        running = outer
        if state.debugging or state.threshold_us > 0:
            lua_sethook(L, NULL, 0, 0)
        state.running = state.debugging = False
        if status != 0:
            self.take_error()
        if state.memory.refused or (state.memory.limit and state.memory.used > state.memory.limit // 2):
            # Lua collects when there is twice as much, which may not fit; the next script must have room.
            state.memory.refused = False
            lua_gc(L, LUA_GCCOLLECT, 0)
        return 0

    cdef void take_error(self) noexcept:
        cdef State* state = self.state
        cdef lua_State* L = state.L
        cdef const char* text
        cdef size_t length = 0
        state.failed = True
        if not lua_istable(L, -1):
            set_text(state, b"ERR Error running script ", 25)
            add_text(state, state.name, strlen(state.name))
            add_text(state, b", ", 2)
            text = lua_tolstring(L, -1, &length) if lua_type(L, -1) == LUA_TSTRING else NULL
            if text == NULL:
                text = b"execution failure"
                length = 17
            add_text(state, text, min(length, <size_t>100))
            lua_settop(L, AT_RUNNER)
            return
        if not take_error_table(L, state):
            set_text(state, b"ERR unknown error", 17)
        lua_pushstring(L, "source")
        lua_rawget(L, -2)
        lua_pushstring(L, "line")
        lua_rawget(L, -3)
        if lua_type(L, -1) == LUA_TNUMBER and lua_type(L, -2) == LUA_TSTRING:
            add_text(state, b" script: ", 9)
            add_text(state, state.name, strlen(state.name))
            add_text(state, b", on ", 5)
            text = lua_tolstring(L, -2, &length)
            add_text(state, text, length)
            add_text(state, b":", 1)
            text = lua_tolstring(L, -1, &length)
            add_text(state, text, length)
            add_text(state, b".", 1)
        lua_settop(L, AT_RUNNER)
