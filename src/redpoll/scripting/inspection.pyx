"""Scripts stopped at a line and looked at: what the debugger (debugger.py) needs of Lua.

While a session is on, the script's hook is called at every line. It looks at `watch`, and where that says so it hands
a `Frame` to the session's `stopped`, which comes back when the script is to go on, or with the error that it is to end
with. Python runs within the hook then, so nothing there may jump out of Lua: locals are formatted on a stack that has
been given room before, and all that may fail is done in protected calls. Code that the user types runs in a coroutine
of its own, as Lua calls no hook within a hook; it ends when the user has gone.

How values are shown: strings quoted, numbers as `%g`, tables `{1; 2}` or `{["key"]=1; …}`, and what has no value of its
own as `"function@0x…"`.
"""

from libc.stdlib cimport free, malloc, realloc
from libc.stdio cimport snprintf
from libc.string cimport memcpy, strcmp, strlen, strstr

from redpoll.scripting.lua cimport (
    LUA_HOOKCOUNT, LUA_MASKCOUNT, LUA_TBOOLEAN, LUA_TFUNCTION, LUA_TLIGHTUSERDATA, LUA_TNIL, LUA_TNUMBER, LUA_TSTRING,
    LUA_TTABLE, LUA_TTHREAD, LUA_TUSERDATA, lua_CFunction, lua_checkstack, lua_cpcall, lua_createtable, lua_error,
    lua_getfield, lua_getglobal, lua_getinfo, lua_getlocal, lua_getstack, lua_gettop, lua_newthread, lua_next, lua_pcall,
    lua_pop, lua_pushlstring, lua_pushnil, lua_pushstring, lua_pushvalue, lua_rawget, lua_rawset, lua_sethook, lua_settop,
    lua_toboolean, lua_tolstring, lua_tonumber, lua_topointer, lua_touserdata, lua_type, luaL_error,
)
from redpoll.scripting.sandbox cimport load_text, push_real
from redpoll.wire.request cimport Arg

cdef enum:
    HOOK_INSTRUCTIONS = 100000
    DEPTH_MOST = 10              # of tables in tables that are shown
    LINE_MOST = 1 << 26          # bytes that are shown of one value, whatever the user wants
    # Why a script stops
    BY_STEP = 0
    BY_BREAKPOINT = 1
    BY_CALL = 2
    BY_TIME = 3

cdef const char* SCRIPT = "user_script"

cdef object session = None       # the Debugger of the session that is on
cdef bytes failure = b""         # what the script ends with
cdef const char* failure_text = b""
cdef size_t failure_length = 0


# Texts that grow, and are full at their limit

cdef struct Text:
    char* data
    size_t length
    size_t room
    size_t limit


cdef void add(Text* text, const char* added, size_t length) noexcept nogil:
    cdef void* made
    cdef size_t wanted
    length = min(length, text.limit - text.length)
    if text.length + length > text.room:
        wanted = 2 * (text.length + length) + 128
        made = realloc(text.data, wanted)
        if made == NULL:
            text.limit = text.length
            return
        text.data = <char*>made
        text.room = wanted
    memcpy(text.data + text.length, added, length)
    text.length += length


cdef inline void add_string(Text* text, const char* added) noexcept nogil:
    add(text, added, strlen(added))


cdef inline bint is_full(Text* text) noexcept nogil:
    return text.length >= text.limit


cdef void add_quoted(Text* text, const char* quoted, size_t length) noexcept nogil:
    cdef const char* named = '\\"\n\r\t\a\b'
    cdef const char* names = '\\"nrtab'
    cdef char shown[8]
    cdef size_t i
    cdef int j
    add(text, b'"', 1)
    for i in range(length):
        if is_full(text):
            return
        shown[0] = quoted[i]
        j = 0
        while named[j] and named[j] != quoted[i]:
            j += 1
        if named[j]:
            shown[0] = c"\\"
            shown[1] = names[j]
            add(text, shown, 2)
        elif 32 <= <unsigned char>quoted[i] < 127:
            add(text, shown, 1)
        else:
            snprintf(shown, 8, "\\x%02x", <int><unsigned char>quoted[i])
            add(text, shown, 4)
    add(text, b'"', 1)


# Values; none of this raises on a stack with room

cdef void show(lua_State* L, int index, int depth, Text* text) noexcept nogil:
    """Format the value at an index that counts from the bottom."""
    cdef int kind = lua_type(L, index)
    cdef const char* found
    cdef size_t length = 0
    cdef char number[64]
    if depth == DEPTH_MOST:
        add_string(text, "<max recursion level reached! Nested table?>")
    elif kind == LUA_TSTRING:
        found = lua_tolstring(L, index, &length)
        add_quoted(text, found, length)
    elif kind == LUA_TNUMBER:
        add(text, number, snprintf(number, 64, "%g", lua_tonumber(L, index)))
    elif kind == LUA_TBOOLEAN:
        add_string(text, "true" if lua_toboolean(L, index) else "false")
    elif kind == LUA_TNIL:
        add_string(text, "nil")
    elif kind == LUA_TTABLE:
        if not push_real(L, index):
            lua_pushvalue(L, index)
        show_table(L, depth, text)
        lua_pop(L, 1)
    else:
        add(text, number, snprintf(number, 64, '"%s@%p"', kind_name(kind), lua_topointer(L, index)))


cdef const char* kind_name(int kind) noexcept nogil:
    if kind == LUA_TFUNCTION:
        return "function"
    if kind == LUA_TUSERDATA:
        return "userdata"
    if kind == LUA_TTHREAD:
        return "thread"
    if kind == LUA_TLIGHTUSERDATA:
        return "light-userdata"
    return "unknown"


cdef void show_table(lua_State* L, int depth, Text* text) noexcept nogil:
    """The table on the top."""
    cdef int table = lua_gettop(L)
    cdef bint is_list = looks_like_list(L, table)
    cdef bint first = True
    add(text, b"{", 1)
    lua_pushnil(L)
    while lua_next(L, table):
        if not first:
            add(text, "; ", 2)
        first = False
        if not is_list:
            add(text, b"[", 1)
            show(L, table + 1, depth + 1, text)
            add(text, "]=", 2)
        show(L, table + 2, depth + 1, text)
        lua_pop(L, 1)
        if is_full(text):
            lua_pop(L, 1)
            break
    add(text, b"}", 1)


cdef bint looks_like_list(lua_State* L, int table) noexcept nogil:
    """Whether a walk meets the keys 1, 2, 3 and so on."""
    cdef double expected = 1
    lua_pushnil(L)
    while lua_next(L, table):
        lua_pop(L, 1)
        if lua_type(L, -1) != LUA_TNUMBER or lua_tonumber(L, -1) != expected:
            lua_pop(L, 1)
            return False
        expected += 1
    return True


# The hook

cdef bint is_late() noexcept:
    try:
        return session.is_late()
    except BaseException:
        return True


cdef bint stop(lua_State* L, int why) noexcept:
    """The script waits for the user; whether it is to end with the error `failure`."""
    global failure, failure_text, failure_length
    cdef Frame frame = Frame()
    frame.L = L
    try:
        ended = session.stopped(why, frame)
    except BaseException as error:
        ended = f"ERR internal error: {type(error).__name__}: {error}".encode("utf-8", "replace")
    frame.L = NULL
    if ended is None:
        return False
    failure = ended
    failure_text, failure_length = failure, len(failure)
    return True


ctypedef bint (*asking_function)() noexcept nogil
ctypedef bint (*stopping_function)(lua_State* L, int why) noexcept nogil


cdef bint is_breakpoint(int line) noexcept nogil:
    cdef int i
    for i in range(watch.breakpoint_count):
        if watch.breakpoints[i] == line:
            return True
    return False


cdef void debug_hook(lua_State* L, lua_Debug* record) noexcept nogil:
    cdef int why
    if not watch.active:
        return
    lua_getinfo(L, "Sl", record)
    watch.line = record.currentline
    if strstr(record.short_src, SCRIPT) == NULL:
        return
    if watch.pausing:
        why = BY_CALL
    elif is_breakpoint(watch.line):
        why = BY_BREAKPOINT
    elif watch.stepping:
        why = BY_STEP
    elif record.event == LUA_HOOKCOUNT and (<asking_function>is_late)():
        why = BY_TIME
    else:
        return
    watch.stepping = watch.pausing = False
    if not lua_checkstack(L, ROOM):
        return
    if not (<stopping_function>stop)(L, why):
        return
    lua_createtable(L, 0, 3)
    lua_pushstring(L, "err")
    lua_pushlstring(L, failure_text, failure_length)
    lua_rawset(L, -3)
    lua_error(L)


# What runs while a script is stopped, in protected calls

cdef struct Task:
    const char* text             # of a name or of code
    size_t length
    const char* expression       # the code as an expression
    size_t expression_length
    const Arg* words
    size_t count
    bint failed
    Text* shown


cdef int show_global(lua_State* L) noexcept nogil:
    cdef Task* task = <Task*>lua_touserdata(L, 1)
    lua_checkstack(L, ROOM)
    lua_getglobal(L, task.text)
    show(L, lua_gettop(L), 0, task.shown)
    return 0


cdef int call_command(lua_State* L) noexcept nogil:
    cdef Task* task = <Task*>lua_touserdata(L, 1)
    cdef size_t i
    if not lua_checkstack(L, <int>task.count + ROOM):
        task.failed = True
        return 0
    lua_getglobal(L, "redis")
    lua_getfield(L, -1, "call")
    for i in range(task.count):
        lua_pushlstring(L, task.words[i].ptr, task.words[i].len)
    lua_pcall(L, <int>task.count, 1, 0)
    return 0


cdef bint has_gone() noexcept:
    try:
        return session.link.has_gone()
    except BaseException:
        return True


cdef void typed_hook(lua_State* L, lua_Debug* record) noexcept nogil:
    """Of code that the user typed."""
    if not watch.active or (<asking_function>has_gone)():
        luaL_error(L, "the client closed the connection")


cdef int evaluate_typed(lua_State* L) noexcept nogil:
    """In the coroutine."""
    cdef Task* task = <Task*>lua_touserdata(L, 1)
    cdef const char* message
    if load_text(L, task.expression, task.expression_length, "@ldb_eval") == 2:
        lua_settop(L, 1)
        if load_text(L, task.text, task.length, "@ldb_eval") == 2:
            task.failed = True
    if not task.failed and lua_pcall(L, 0, 1, 0) != 0:
        task.failed = True
    if not task.failed:
        lua_checkstack(L, ROOM)
        show(L, lua_gettop(L), 0, task.shown)
    elif lua_type(L, -1) == LUA_TSTRING or lua_type(L, -1) == LUA_TNUMBER:
        message = lua_tolstring(L, -1, &task.length)
        add(task.shown, message, task.length)
    else:
        show_error(L, task.shown)
    return 0


cdef void show_error(lua_State* L, Text* text) noexcept nogil:
    """The error on the top, which is no string: a table with one, if all is well."""
    cdef const char* message
    cdef size_t length = 0
    if lua_type(L, -1) == LUA_TTABLE:
        lua_pushstring(L, "err")
        lua_rawget(L, -2)
        if lua_type(L, -1) == LUA_TSTRING:
            message = lua_tolstring(L, -1, &length)
            add(text, message, length)
            return
    add_string(text, "(null)")


cdef int evaluate_apart(lua_State* L) noexcept nogil:
    cdef Task* task = <Task*>lua_touserdata(L, 1)
    cdef lua_State* apart = lua_newthread(L)
    lua_sethook(apart, typed_hook, LUA_MASKCOUNT, HOOK_INSTRUCTIONS)
    if lua_cpcall(apart, evaluate_typed, task) != 0:
        task.failed = True
        add_string(task.shown, "not enough memory")
    return 0


cdef class Frame:
    """A script that is stopped, as long as it is. Values come as texts, cut off behind `limit` bytes (0: never)."""
    cdef lua_State* L

    @property
    def line(self) -> int:
        """Where it is."""
        return watch.line

    cdef bytes protected(self, lua_State* L, lua_CFunction function, Task* task, size_t limit):
        """What a function shows in a protected call."""
        cdef Text text
        make_text(&text, limit)
        task.shown = &text
        if lua_cpcall(L, function, task) != 0:
            lua_pop(L, 1)
            task.failed = True
            add_string(&text, "not enough memory")
        return take_text(&text)

    def backtrace(self):
        """Who calls whom: a name (None: there is none), and the line where it is, of each function of the script."""
        cdef lua_Debug record
        cdef int level = 0
        found = []
        while lua_getstack(self.L, level, &record):
            lua_getinfo(self.L, "Snl", &record)
            if strstr(record.short_src, SCRIPT) != NULL:
                found.append((level, None if record.name == NULL else <bytes>record.name, record.currentline))
            level += 1
        return found

    def find_local(self, bytes name, size_t limit):
        """The value of the first local variable of that name, from here outwards; None: there is none."""
        cdef lua_Debug record
        cdef const char* wanted = name
        cdef const char* found
        cdef int level = 0, number
        cdef Text text
        while lua_getstack(self.L, level, &record):
            level += 1
            number = 1
            while True:
                found = lua_getlocal(self.L, &record, number)
                if found == NULL:
                    break
                number += 1
                if strcmp(found, wanted) == 0:
                    make_text(&text, limit)
                    show(self.L, lua_gettop(self.L), 0, &text)
                    lua_pop(self.L, 1)
                    return take_text(&text)
                lua_pop(self.L, 1)
        return None

    def locals(self, size_t limit):
        """Names and values of the local variables here."""
        cdef lua_Debug record
        cdef const char* name
        cdef int number = 1
        cdef Text text
        found = []
        if not lua_getstack(self.L, 0, &record):
            return found
        while True:
            name = lua_getlocal(self.L, &record, number)
            if name == NULL:
                return found
            number += 1
            if strstr(name, "(*temporary)") == NULL:
                make_text(&text, limit)
                show(self.L, lua_gettop(self.L), 0, &text)
                found.append((<bytes>name, take_text(&text)))
            lua_pop(self.L, 1)

    def global_value(self, bytes name, size_t limit):
        """The value of a global variable that is there."""
        cdef Task task
        task.text = name
        return self.protected(self.L, show_global, &task, limit)

    def evaluate(self, bytes code, size_t limit):
        """Run code, an expression or statements: whether it ran, and its value or its error."""
        cdef Task task
        cdef bytes expression = b"return " + code
        task.text, task.length = code, len(code)
        task.expression, task.expression_length = expression, len(expression)
        task.failed = False
        shown = self.protected(self.L, evaluate_apart, &task, limit)
        return not task.failed, shown

    def call(self, list words):
        """Run a command by `redis.call`; whether there was room for that. What it answers is told to the session."""
        cdef Task task
        cdef size_t count = len(words), i
        cdef Arg* argv = <Arg*>malloc((count + 1) * sizeof(Arg))
        cdef bytes word
        if argv == NULL:
            return False
        for i in range(count):
            word = words[i]
            argv[i].ptr = word
            argv[i].len = len(word)
        task.words = argv
        task.count = count
        task.failed = False
        watch.stepping = True
        self.protected(self.L, call_command, &task, 0)
        watch.stepping = False
        free(argv)
        return not task.failed


cdef void make_text(Text* text, size_t limit) noexcept:
    text.data = NULL
    text.length = text.room = 0
    # One more than what is shown, so that it is seen that there was more.
    text.limit = limit + 1 if 0 < limit < LINE_MOST else LINE_MOST


cdef bytes take_text(Text* text):
    cdef bytes made = text.data[:text.length] if text.length else b""
    free(text.data)
    return made


# A session

def begin(debugger):
    """A session is on until `end`; the first line of the script that runs next stops it."""
    global session
    session = debugger
    watch.active = watch.stepping = True
    watch.pausing = False
    watch.breakpoint_count = watch.line = 0


def end():
    """No session is on any more."""
    global session
    watch.active = watch.stepping = False
    session = None


def step():
    """Stop at the next line, once the script goes on."""
    watch.stepping = True


def set_breakpoints(lines):
    """Stop at these lines, `BREAKPOINTS_MOST` at the most."""
    cdef int i
    watch.breakpoint_count = min(<int>len(lines), <int>BREAKPOINTS_MOST)
    for i in range(watch.breakpoint_count):
        watch.breakpoints[i] = lines[i]


# Told by the library `redis`

cdef void tell_call(State* state) noexcept:
    cdef size_t i
    if not watch.stepping:
        return
    try:
        session.called([state.argv[i].ptr[:state.argv[i].len] for i in range(state.argc)])
    except Exception:
        pass


cdef void tell_reply(State* state, const char* reply, size_t length) noexcept:
    if not watch.stepping:
        return
    try:
        session.answered(reply[:length])
    except Exception:
        pass


cdef void tell_refusal(const char* text, size_t length) noexcept:
    if not watch.stepping:
        return
    try:
        session.refused(text[:length])
    except Exception:
        pass


cdef void tell_values(lua_State* L) noexcept:
    cdef int count = lua_gettop(L), i
    cdef Text text
    make_text(&text, 0)
    for i in range(count):
        if i:
            add(&text, ", ", 2)
        show(L, i + 1, 0, &text)
    try:
        session.debugged(watch.line, take_text(&text))
    except Exception:
        pass
