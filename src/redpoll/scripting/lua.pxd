"""The C API of Lua 5.1, under the names that its manual gives.

The library is in lupa's extension module `lupa.lua51`, which lua.pyx opens without making its symbols anybody else's;
they are looked up one by one into `api`. The functions below it call through that.

`lua_error`, and every function whose line in Lua's manual is marked `m`, `v` or `e`, may jump back to the protected
call that surrounds it. So no frame on the way may own a reference to a Python object, a temporary one included, nor
memory that nothing else frees. A C function for Lua is a `noexcept nogil` shell around what it is about; what needs
Python is done by a function that returns a status, and `lua_error` is called after that by the shell.

All of this runs on the thread that holds the interpreter's lock, `nogil` or not.
"""

from libc.stddef cimport ptrdiff_t

cdef extern from * nogil:
    """
    #ifndef REDPOLL_LUA_TYPES
    #define REDPOLL_LUA_TYPES
    #include <stddef.h>
    typedef struct lua_State lua_State;
    typedef int (*lua_CFunction)(lua_State *L);
    typedef void *(*lua_Alloc)(void *context, void *block, size_t size, size_t new_size);

    #define LUA_IDSIZE 60

    typedef struct lua_Debug {
        int event;
        const char *name;
        const char *namewhat;
        const char *what;
        const char *source;
        int currentline;
        int nups;
        int linedefined;
        int lastlinedefined;
        char short_src[LUA_IDSIZE];
        int i_ci; /* private */
    } lua_Debug;

    typedef void (*lua_Hook)(lua_State *L, lua_Debug *record);
    #endif
    """
    ctypedef struct lua_State:
        pass
    ctypedef int (*lua_CFunction)(lua_State* L) noexcept nogil
    ctypedef void* (*lua_Alloc)(void* context, void* block, size_t size, size_t new_size) noexcept nogil
    ctypedef struct lua_Debug:
        int event
        const char* name
        const char* namewhat
        const char* what
        const char* source
        int currentline
        int nups
        int linedefined
        int lastlinedefined
        char* short_src
    ctypedef void (*lua_Hook)(lua_State* L, lua_Debug* record) noexcept nogil

cdef enum:
    LUA_MULTRET = -1
    LUA_REGISTRYINDEX = -10000
    LUA_ENVIRONINDEX = -10001
    LUA_GLOBALSINDEX = -10002
    LUA_MINSTACK = 20
    LUA_NOREF = -2

# What protected calls answer.
cdef enum:
    LUA_OK = 0
    LUA_YIELD = 1
    LUA_ERRRUN = 2
    LUA_ERRSYNTAX = 3
    LUA_ERRMEM = 4
    LUA_ERRERR = 5

cdef enum LuaType:
    LUA_TNONE = -1
    LUA_TNIL = 0
    LUA_TBOOLEAN = 1
    LUA_TLIGHTUSERDATA = 2
    LUA_TNUMBER = 3
    LUA_TSTRING = 4
    LUA_TTABLE = 5
    LUA_TFUNCTION = 6
    LUA_TUSERDATA = 7
    LUA_TTHREAD = 8

cdef enum:
    LUA_GCSTOP = 0
    LUA_GCRESTART = 1
    LUA_GCCOLLECT = 2
    LUA_GCCOUNT = 3
    LUA_GCCOUNTB = 4
    LUA_GCSTEP = 5

cdef enum:
    LUA_MASKCALL = 1
    LUA_MASKRET = 2
    LUA_MASKLINE = 4
    LUA_MASKCOUNT = 8
    LUA_HOOKCOUNT = 3

cdef struct LuaApi:
    lua_State* (*lua_newstate)(lua_Alloc allocate, void* context) noexcept nogil
    void (*lua_close)(lua_State* L) noexcept nogil
    lua_State* (*lua_newthread)(lua_State* L) noexcept nogil
    lua_CFunction (*lua_atpanic)(lua_State* L, lua_CFunction panic) noexcept nogil
    int (*lua_gettop)(lua_State* L) noexcept nogil
    void (*lua_settop)(lua_State* L, int index) noexcept nogil
    void (*lua_pushvalue)(lua_State* L, int index) noexcept nogil
    void (*lua_remove)(lua_State* L, int index) noexcept nogil
    void (*lua_insert)(lua_State* L, int index) noexcept nogil
    void (*lua_replace)(lua_State* L, int index) noexcept nogil
    int (*lua_checkstack)(lua_State* L, int room) noexcept nogil
    void (*lua_xmove)(lua_State* source, lua_State* target, int count) noexcept nogil
    int (*lua_isnumber)(lua_State* L, int index) noexcept nogil
    int (*lua_isstring)(lua_State* L, int index) noexcept nogil
    int (*lua_iscfunction)(lua_State* L, int index) noexcept nogil
    int (*lua_isuserdata)(lua_State* L, int index) noexcept nogil
    int (*lua_type)(lua_State* L, int index) noexcept nogil
    const char* (*lua_typename)(lua_State* L, int type) noexcept nogil
    int (*lua_equal)(lua_State* L, int one, int other) noexcept nogil
    int (*lua_rawequal)(lua_State* L, int one, int other) noexcept nogil
    int (*lua_lessthan)(lua_State* L, int one, int other) noexcept nogil
    double (*lua_tonumber)(lua_State* L, int index) noexcept nogil
    ptrdiff_t (*lua_tointeger)(lua_State* L, int index) noexcept nogil
    int (*lua_toboolean)(lua_State* L, int index) noexcept nogil
    const char* (*lua_tolstring)(lua_State* L, int index, size_t* length) noexcept nogil
    size_t (*lua_objlen)(lua_State* L, int index) noexcept nogil
    lua_CFunction (*lua_tocfunction)(lua_State* L, int index) noexcept nogil
    void* (*lua_touserdata)(lua_State* L, int index) noexcept nogil
    lua_State* (*lua_tothread)(lua_State* L, int index) noexcept nogil
    const void* (*lua_topointer)(lua_State* L, int index) noexcept nogil
    void (*lua_pushnil)(lua_State* L) noexcept nogil
    void (*lua_pushnumber)(lua_State* L, double number) noexcept nogil
    void (*lua_pushinteger)(lua_State* L, ptrdiff_t number) noexcept nogil
    void (*lua_pushlstring)(lua_State* L, const char* text, size_t length) noexcept nogil
    void (*lua_pushstring)(lua_State* L, const char* text) noexcept nogil
    void (*lua_pushcclosure)(lua_State* L, lua_CFunction function, int upvalues) noexcept nogil
    void (*lua_pushboolean)(lua_State* L, int value) noexcept nogil
    void (*lua_pushlightuserdata)(lua_State* L, void* pointer) noexcept nogil
    int (*lua_pushthread)(lua_State* L) noexcept nogil
    void (*lua_gettable)(lua_State* L, int index) noexcept nogil
    void (*lua_getfield)(lua_State* L, int index, const char* name) noexcept nogil
    void (*lua_rawget)(lua_State* L, int index) noexcept nogil
    void (*lua_rawgeti)(lua_State* L, int index, int number) noexcept nogil
    void (*lua_createtable)(lua_State* L, int items, int fields) noexcept nogil
    void* (*lua_newuserdata)(lua_State* L, size_t size) noexcept nogil
    int (*lua_getmetatable)(lua_State* L, int index) noexcept nogil
    void (*lua_getfenv)(lua_State* L, int index) noexcept nogil
    void (*lua_settable)(lua_State* L, int index) noexcept nogil
    void (*lua_setfield)(lua_State* L, int index, const char* name) noexcept nogil
    void (*lua_rawset)(lua_State* L, int index) noexcept nogil
    void (*lua_rawseti)(lua_State* L, int index, int number) noexcept nogil
    int (*lua_setmetatable)(lua_State* L, int index) noexcept nogil
    int (*lua_setfenv)(lua_State* L, int index) noexcept nogil
    void (*lua_call)(lua_State* L, int arguments, int results) noexcept nogil
    int (*lua_pcall)(lua_State* L, int arguments, int results, int handler) noexcept nogil
    int (*lua_cpcall)(lua_State* L, lua_CFunction function, void* context) noexcept nogil
    int (*lua_gc)(lua_State* L, int what, int data) noexcept nogil
    int (*lua_error)(lua_State* L) noexcept nogil
    int (*lua_next)(lua_State* L, int index) noexcept nogil
    void (*lua_concat)(lua_State* L, int count) noexcept nogil
    lua_Alloc (*lua_getallocf)(lua_State* L, void** context) noexcept nogil
    int (*lua_status)(lua_State* L) noexcept nogil
    int (*lua_yield)(lua_State* L, int results) noexcept nogil
    int (*lua_resume)(lua_State* L, int arguments) noexcept nogil
    int (*lua_getstack)(lua_State* L, int level, lua_Debug* record) noexcept nogil
    int (*lua_getinfo)(lua_State* L, const char* what, lua_Debug* record) noexcept nogil
    const char* (*lua_getlocal)(lua_State* L, const lua_Debug* record, int number) noexcept nogil
    const char* (*lua_setlocal)(lua_State* L, const lua_Debug* record, int number) noexcept nogil
    int (*lua_sethook)(lua_State* L, lua_Hook hook, int mask, int count) noexcept nogil
    lua_Hook (*lua_gethook)(lua_State* L) noexcept nogil
    int (*luaL_loadbuffer)(lua_State* L, const char* text, size_t length, const char* name) noexcept nogil
    int (*luaL_ref)(lua_State* L, int index) noexcept nogil
    void (*luaL_unref)(lua_State* L, int index, int reference) noexcept nogil
    const char* (*luaL_checklstring)(lua_State* L, int argument, size_t* length) noexcept nogil
    const char* (*luaL_optlstring)(lua_State* L, int argument, const char* otherwise, size_t* length) noexcept nogil
    double (*luaL_checknumber)(lua_State* L, int argument) noexcept nogil
    double (*luaL_optnumber)(lua_State* L, int argument, double otherwise) noexcept nogil
    ptrdiff_t (*luaL_checkinteger)(lua_State* L, int argument) noexcept nogil
    ptrdiff_t (*luaL_optinteger)(lua_State* L, int argument, ptrdiff_t otherwise) noexcept nogil
    void (*luaL_checkstack)(lua_State* L, int room, const char* message) noexcept nogil
    void (*luaL_checktype)(lua_State* L, int argument, int type) noexcept nogil
    void (*luaL_checkany)(lua_State* L, int argument) noexcept nogil
    int (*luaL_newmetatable)(lua_State* L, const char* name) noexcept nogil
    void* (*luaL_checkudata)(lua_State* L, int argument, const char* name) noexcept nogil
    int (*luaL_getmetafield)(lua_State* L, int index, const char* name) noexcept nogil
    int (*luaL_callmeta)(lua_State* L, int index, const char* name) noexcept nogil
    void (*luaL_where)(lua_State* L, int level) noexcept nogil
    int (*luaL_argerror)(lua_State* L, int argument, const char* message) noexcept nogil
    int (*luaL_typerror)(lua_State* L, int argument, const char* expected) noexcept nogil
    const char* (*luaL_findtable)(lua_State* L, int index, const char* name, int size) noexcept nogil
    int (*luaopen_base)(lua_State* L) noexcept nogil
    int (*luaopen_table)(lua_State* L) noexcept nogil
    int (*luaopen_string)(lua_State* L) noexcept nogil
    int (*luaopen_math)(lua_State* L) noexcept nogil
    int (*luaopen_os)(lua_State* L) noexcept nogil
    int (*luaopen_debug)(lua_State* L) noexcept nogil
    # printf-like: `%s`, `%d`, `%f`, `%p`, `%c` and `%%` only
    const char* (*lua_pushfstring)(lua_State* L, const char* format, ...) noexcept nogil
    int (*luaL_error)(lua_State* L, const char* format, ...) noexcept nogil

cdef LuaApi api

cdef inline lua_State* lua_newstate(lua_Alloc allocate, void* context) noexcept nogil:
    return api.lua_newstate(allocate, context)
cdef inline void lua_close(lua_State* L) noexcept nogil:
    api.lua_close(L)
cdef inline lua_State* lua_newthread(lua_State* L) noexcept nogil:
    return api.lua_newthread(L)
cdef inline lua_CFunction lua_atpanic(lua_State* L, lua_CFunction panic) noexcept nogil:
    return api.lua_atpanic(L, panic)
cdef inline int lua_gettop(lua_State* L) noexcept nogil:
    return api.lua_gettop(L)
cdef inline void lua_settop(lua_State* L, int index) noexcept nogil:
    api.lua_settop(L, index)
cdef inline void lua_pushvalue(lua_State* L, int index) noexcept nogil:
    api.lua_pushvalue(L, index)
cdef inline void lua_remove(lua_State* L, int index) noexcept nogil:
    api.lua_remove(L, index)
cdef inline void lua_insert(lua_State* L, int index) noexcept nogil:
    api.lua_insert(L, index)
cdef inline void lua_replace(lua_State* L, int index) noexcept nogil:
    api.lua_replace(L, index)
cdef inline int lua_checkstack(lua_State* L, int room) noexcept nogil:
    return api.lua_checkstack(L, room)
cdef inline void lua_xmove(lua_State* source, lua_State* target, int count) noexcept nogil:
    api.lua_xmove(source, target, count)
cdef inline int lua_isnumber(lua_State* L, int index) noexcept nogil:
    return api.lua_isnumber(L, index)
cdef inline int lua_isstring(lua_State* L, int index) noexcept nogil:
    return api.lua_isstring(L, index)
cdef inline int lua_iscfunction(lua_State* L, int index) noexcept nogil:
    return api.lua_iscfunction(L, index)
cdef inline int lua_isuserdata(lua_State* L, int index) noexcept nogil:
    return api.lua_isuserdata(L, index)
cdef inline int lua_type(lua_State* L, int index) noexcept nogil:
    return api.lua_type(L, index)
cdef inline const char* lua_typename(lua_State* L, int type) noexcept nogil:
    return api.lua_typename(L, type)
cdef inline int lua_equal(lua_State* L, int one, int other) noexcept nogil:
    return api.lua_equal(L, one, other)
cdef inline int lua_rawequal(lua_State* L, int one, int other) noexcept nogil:
    return api.lua_rawequal(L, one, other)
cdef inline int lua_lessthan(lua_State* L, int one, int other) noexcept nogil:
    return api.lua_lessthan(L, one, other)
cdef inline double lua_tonumber(lua_State* L, int index) noexcept nogil:
    return api.lua_tonumber(L, index)
cdef inline ptrdiff_t lua_tointeger(lua_State* L, int index) noexcept nogil:
    return api.lua_tointeger(L, index)
cdef inline int lua_toboolean(lua_State* L, int index) noexcept nogil:
    return api.lua_toboolean(L, index)
cdef inline const char* lua_tolstring(lua_State* L, int index, size_t* length) noexcept nogil:
    return api.lua_tolstring(L, index, length)
cdef inline size_t lua_objlen(lua_State* L, int index) noexcept nogil:
    return api.lua_objlen(L, index)
cdef inline lua_CFunction lua_tocfunction(lua_State* L, int index) noexcept nogil:
    return api.lua_tocfunction(L, index)
cdef inline void* lua_touserdata(lua_State* L, int index) noexcept nogil:
    return api.lua_touserdata(L, index)
cdef inline lua_State* lua_tothread(lua_State* L, int index) noexcept nogil:
    return api.lua_tothread(L, index)
cdef inline const void* lua_topointer(lua_State* L, int index) noexcept nogil:
    return api.lua_topointer(L, index)
cdef inline void lua_pushnil(lua_State* L) noexcept nogil:
    api.lua_pushnil(L)
cdef inline void lua_pushnumber(lua_State* L, double number) noexcept nogil:
    api.lua_pushnumber(L, number)
cdef inline void lua_pushinteger(lua_State* L, ptrdiff_t number) noexcept nogil:
    api.lua_pushinteger(L, number)
cdef inline void lua_pushlstring(lua_State* L, const char* text, size_t length) noexcept nogil:
    api.lua_pushlstring(L, text, length)
cdef inline void lua_pushstring(lua_State* L, const char* text) noexcept nogil:
    api.lua_pushstring(L, text)
cdef inline void lua_pushcclosure(lua_State* L, lua_CFunction function, int upvalues) noexcept nogil:
    api.lua_pushcclosure(L, function, upvalues)
cdef inline void lua_pushboolean(lua_State* L, int value) noexcept nogil:
    api.lua_pushboolean(L, value)
cdef inline void lua_pushlightuserdata(lua_State* L, void* pointer) noexcept nogil:
    api.lua_pushlightuserdata(L, pointer)
cdef inline int lua_pushthread(lua_State* L) noexcept nogil:
    return api.lua_pushthread(L)
cdef inline void lua_gettable(lua_State* L, int index) noexcept nogil:
    api.lua_gettable(L, index)
cdef inline void lua_getfield(lua_State* L, int index, const char* name) noexcept nogil:
    api.lua_getfield(L, index, name)
cdef inline void lua_rawget(lua_State* L, int index) noexcept nogil:
    api.lua_rawget(L, index)
cdef inline void lua_rawgeti(lua_State* L, int index, int number) noexcept nogil:
    api.lua_rawgeti(L, index, number)
cdef inline void lua_createtable(lua_State* L, int items, int fields) noexcept nogil:
    api.lua_createtable(L, items, fields)
cdef inline void* lua_newuserdata(lua_State* L, size_t size) noexcept nogil:
    return api.lua_newuserdata(L, size)
cdef inline int lua_getmetatable(lua_State* L, int index) noexcept nogil:
    return api.lua_getmetatable(L, index)
cdef inline void lua_getfenv(lua_State* L, int index) noexcept nogil:
    api.lua_getfenv(L, index)
cdef inline void lua_settable(lua_State* L, int index) noexcept nogil:
    api.lua_settable(L, index)
cdef inline void lua_setfield(lua_State* L, int index, const char* name) noexcept nogil:
    api.lua_setfield(L, index, name)
cdef inline void lua_rawset(lua_State* L, int index) noexcept nogil:
    api.lua_rawset(L, index)
cdef inline void lua_rawseti(lua_State* L, int index, int number) noexcept nogil:
    api.lua_rawseti(L, index, number)
cdef inline int lua_setmetatable(lua_State* L, int index) noexcept nogil:
    return api.lua_setmetatable(L, index)
cdef inline int lua_setfenv(lua_State* L, int index) noexcept nogil:
    return api.lua_setfenv(L, index)
cdef inline void lua_call(lua_State* L, int arguments, int results) noexcept nogil:
    api.lua_call(L, arguments, results)
cdef inline int lua_pcall(lua_State* L, int arguments, int results, int handler) noexcept nogil:
    return api.lua_pcall(L, arguments, results, handler)
cdef inline int lua_cpcall(lua_State* L, lua_CFunction function, void* context) noexcept nogil:
    return api.lua_cpcall(L, function, context)
cdef inline int lua_gc(lua_State* L, int what, int data) noexcept nogil:
    return api.lua_gc(L, what, data)
cdef inline int lua_error(lua_State* L) noexcept nogil:
    return api.lua_error(L)
cdef inline int lua_next(lua_State* L, int index) noexcept nogil:
    return api.lua_next(L, index)
cdef inline void lua_concat(lua_State* L, int count) noexcept nogil:
    api.lua_concat(L, count)
cdef inline lua_Alloc lua_getallocf(lua_State* L, void** context) noexcept nogil:
    return api.lua_getallocf(L, context)
cdef inline int lua_status(lua_State* L) noexcept nogil:
    return api.lua_status(L)
cdef inline int lua_yield(lua_State* L, int results) noexcept nogil:
    return api.lua_yield(L, results)
cdef inline int lua_resume(lua_State* L, int arguments) noexcept nogil:
    return api.lua_resume(L, arguments)
cdef inline int lua_getstack(lua_State* L, int level, lua_Debug* record) noexcept nogil:
    return api.lua_getstack(L, level, record)
cdef inline int lua_getinfo(lua_State* L, const char* what, lua_Debug* record) noexcept nogil:
    return api.lua_getinfo(L, what, record)
cdef inline const char* lua_getlocal(lua_State* L, const lua_Debug* record, int number) noexcept nogil:
    return api.lua_getlocal(L, record, number)
cdef inline const char* lua_setlocal(lua_State* L, const lua_Debug* record, int number) noexcept nogil:
    return api.lua_setlocal(L, record, number)
cdef inline int lua_sethook(lua_State* L, lua_Hook hook, int mask, int count) noexcept nogil:
    return api.lua_sethook(L, hook, mask, count)
cdef inline lua_Hook lua_gethook(lua_State* L) noexcept nogil:
    return api.lua_gethook(L)
cdef inline int luaL_loadbuffer(lua_State* L, const char* text, size_t length, const char* name) noexcept nogil:
    return api.luaL_loadbuffer(L, text, length, name)
cdef inline int luaL_ref(lua_State* L, int index) noexcept nogil:
    return api.luaL_ref(L, index)
cdef inline void luaL_unref(lua_State* L, int index, int reference) noexcept nogil:
    api.luaL_unref(L, index, reference)
cdef inline const char* luaL_checklstring(lua_State* L, int argument, size_t* length) noexcept nogil:
    return api.luaL_checklstring(L, argument, length)
cdef inline const char* luaL_optlstring(lua_State* L, int argument, const char* otherwise,
                                        size_t* length) noexcept nogil:
    return api.luaL_optlstring(L, argument, otherwise, length)
cdef inline double luaL_checknumber(lua_State* L, int argument) noexcept nogil:
    return api.luaL_checknumber(L, argument)
cdef inline double luaL_optnumber(lua_State* L, int argument, double otherwise) noexcept nogil:
    return api.luaL_optnumber(L, argument, otherwise)
cdef inline ptrdiff_t luaL_checkinteger(lua_State* L, int argument) noexcept nogil:
    return api.luaL_checkinteger(L, argument)
cdef inline ptrdiff_t luaL_optinteger(lua_State* L, int argument, ptrdiff_t otherwise) noexcept nogil:
    return api.luaL_optinteger(L, argument, otherwise)
cdef inline void luaL_checkstack(lua_State* L, int room, const char* message) noexcept nogil:
    api.luaL_checkstack(L, room, message)
cdef inline void luaL_checktype(lua_State* L, int argument, int type) noexcept nogil:
    api.luaL_checktype(L, argument, type)
cdef inline void luaL_checkany(lua_State* L, int argument) noexcept nogil:
    api.luaL_checkany(L, argument)
cdef inline int luaL_newmetatable(lua_State* L, const char* name) noexcept nogil:
    return api.luaL_newmetatable(L, name)
cdef inline void* luaL_checkudata(lua_State* L, int argument, const char* name) noexcept nogil:
    return api.luaL_checkudata(L, argument, name)
cdef inline int luaL_getmetafield(lua_State* L, int index, const char* name) noexcept nogil:
    return api.luaL_getmetafield(L, index, name)
cdef inline int luaL_callmeta(lua_State* L, int index, const char* name) noexcept nogil:
    return api.luaL_callmeta(L, index, name)
cdef inline void luaL_where(lua_State* L, int level) noexcept nogil:
    api.luaL_where(L, level)
cdef inline int luaL_argerror(lua_State* L, int argument, const char* message) noexcept nogil:
    return api.luaL_argerror(L, argument, message)
cdef inline int luaL_typerror(lua_State* L, int argument, const char* expected) noexcept nogil:
    return api.luaL_typerror(L, argument, expected)
cdef inline const char* luaL_findtable(lua_State* L, int index, const char* name, int size) noexcept nogil:
    return api.luaL_findtable(L, index, name, size)
cdef inline int luaopen_base(lua_State* L) noexcept nogil:
    return api.luaopen_base(L)
cdef inline int luaopen_table(lua_State* L) noexcept nogil:
    return api.luaopen_table(L)
cdef inline int luaopen_string(lua_State* L) noexcept nogil:
    return api.luaopen_string(L)
cdef inline int luaopen_math(lua_State* L) noexcept nogil:
    return api.luaopen_math(L)
cdef inline int luaopen_os(lua_State* L) noexcept nogil:
    return api.luaopen_os(L)
cdef inline int luaopen_debug(lua_State* L) noexcept nogil:
    return api.luaopen_debug(L)

# Raise a text behind where the running function was called; `%` means itself. `api.luaL_error` takes a format.
cdef inline int luaL_error(lua_State* L, const char* text) noexcept nogil:
    return api.luaL_error(L, "%s", text)

# What are macros in C.
cdef inline void lua_pop(lua_State* L, int count) noexcept nogil:
    api.lua_settop(L, -count - 1)
cdef inline void lua_newtable(lua_State* L) noexcept nogil:
    api.lua_createtable(L, 0, 0)
cdef inline void lua_pushcfunction(lua_State* L, lua_CFunction function) noexcept nogil:
    api.lua_pushcclosure(L, function, 0)
cdef inline const char* lua_tostring(lua_State* L, int index) noexcept nogil:
    return api.lua_tolstring(L, index, NULL)
cdef inline const char* luaL_checkstring(lua_State* L, int argument) noexcept nogil:
    return api.luaL_checklstring(L, argument, NULL)
cdef inline int lua_upvalueindex(int number) noexcept nogil:
    return LUA_GLOBALSINDEX - number
cdef inline bint lua_isnil(lua_State* L, int index) noexcept nogil:
    return api.lua_type(L, index) == LUA_TNIL
cdef inline bint lua_isnone(lua_State* L, int index) noexcept nogil:
    return api.lua_type(L, index) == LUA_TNONE
cdef inline bint lua_isnoneornil(lua_State* L, int index) noexcept nogil:
    return api.lua_type(L, index) <= LUA_TNIL
cdef inline bint lua_isboolean(lua_State* L, int index) noexcept nogil:
    return api.lua_type(L, index) == LUA_TBOOLEAN
cdef inline bint lua_istable(lua_State* L, int index) noexcept nogil:
    return api.lua_type(L, index) == LUA_TTABLE
cdef inline bint lua_isfunction(lua_State* L, int index) noexcept nogil:
    return api.lua_type(L, index) == LUA_TFUNCTION
cdef inline bint lua_islightuserdata(lua_State* L, int index) noexcept nogil:
    return api.lua_type(L, index) == LUA_TLIGHTUSERDATA
cdef inline void lua_setglobal(lua_State* L, const char* name) noexcept nogil:
    api.lua_setfield(L, LUA_GLOBALSINDEX, name)
cdef inline void lua_getglobal(lua_State* L, const char* name) noexcept nogil:
    api.lua_getfield(L, LUA_GLOBALSINDEX, name)
cdef inline void luaL_argcheck(lua_State* L, bint holds, int argument, const char* message) noexcept nogil:
    if not holds:
        api.luaL_argerror(L, argument, message)
