"""What one Lua state's C functions need, without Python between: see machine.pyx for who fills it.

C functions get it as their first upvalue, a light userdata. It outlives its Lua state.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from redpoll.scripting.lua cimport lua_State, lua_touserdata, lua_upvalueindex
from redpoll.wire.output cimport Out
from redpoll.wire.request cimport Arg

# What a script says it does, or what its caller demands.
cdef enum RunFlag:
    RUN_NO_WRITES = 1
    RUN_ALLOW_OOM = 2
    RUN_ALLOW_STALE = 4
    RUN_NO_CLUSTER = 8
    RUN_ALLOW_CROSS_SLOT = 16
    RUN_UNDECLARED = 32          # an EVAL script without a first line that says anything
    RUN_READ_ONLY = 64           # called by a command that only reads
    RUN_SCRIPT = 128             # of EVAL: keys and arguments are globals; else they are a function's arguments

# Where what a script writes is told on to; for `redis.set_repl`.
cdef enum:
    TELL_NOBODY = 0
    TELL_LOG = 1
    TELL_REPLICAS = 2
    TELL_ALL = 3

cdef enum:
    SMALL_STEP = 16
    SMALL_SIZES = 16             # sizes of blocks that are kept for reuse: up to 256 bytes

cdef struct Memory:
    size_t used
    size_t limit                 # 0: none
    bint refused                 # something did not fit since this was cleared
    void* kept[SMALL_SIZES + 1]  # small blocks that are free, by size in steps; each begins with a pointer to the next
    size_t kept_bytes

cdef struct State:
    lua_State* L                 # the main thread
    Memory memory
    void* host                   # Host, which its Machine keeps
    # What runs. Only one thing does at a time; these hold from its start to its end.
    bint running
    const char* name             # the script's digest or the function's name
    uint32_t flags
    int resp                     # in which its commands answer: 2 or 3
    int telling                  # TELL_…
    bint wrote                   # a command of it has changed something, or might have
    bint slow                    # it has run for longer than the threshold
    bint killed
    int64_t started_us           # monotonic
    int64_t threshold_us         # from when on it is slow; 0: never
    int reference                # of the function
    const Arg* keys
    size_t key_count
    const Arg* words             # the arguments besides the keys
    size_t word_count
    Out answer                   # what it returned, in the client's protocol
    bint failed                  # `text` is the error that it ended with, code included
    bint counted                 # which has been counted as one already
    char* text                   # an error; owned
    size_t text_length
    size_t text_room
    # The command that it calls
    Arg* argv
    size_t argc
    size_t argv_room
    char* digits                 # texts of numbers among the words
    size_t digits_room
    Out reply
    char* flat                   # a long reply in one piece; owned
    size_t flat_room
    uint64_t random              # 48 bits
    bint debugging               # its commands are told to the debugger (inspection.pyx)
    bint refused                 # the command was not run; its reply says why
    bint deprecated_api          # Lua's functions that Redis has taken away are there

cdef inline State* state_of(lua_State* L) noexcept nogil:
    """The state of the C function that is running."""
    return <State*>lua_touserdata(L, lua_upvalueindex(1))

cdef State* state_new() noexcept nogil
cdef void state_free(State* state) noexcept nogil
# Memory for Lua, of which `Memory` keeps count.
cdef void* lua_allocate(void* context, void* block, size_t size, size_t new_size) noexcept nogil
# Room for so many words of a command; False: there is none.
cdef bint make_words(State* state, size_t count) noexcept nogil
cdef void set_text(State* state, const char* text, size_t length) noexcept nogil
cdef void add_text(State* state, const char* text, size_t length) noexcept nogil
