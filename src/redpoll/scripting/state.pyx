"""The memory of one Lua state and of what its C functions share."""

from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy

from redpoll.wire.output cimport out_clear, out_init

cdef uint64_t RANDOM_BEGIN = 0x1234ABCD330E     # of the C library's generator, as long as nobody seeds it

cdef enum:
    DIGITS = 32              # bytes for the text of a number
    KEPT_MOST = 262144       # bytes of small blocks that are kept


cdef State* state_new() noexcept nogil:
    cdef State* state = <State*>calloc(1, sizeof(State))
    if state != NULL:
        out_init(&state.answer)
        out_init(&state.reply)
        state.resp = 2
        state.random = RANDOM_BEGIN
    return state


cdef void state_free(State* state) noexcept nogil:
    out_clear(&state.answer)
    out_clear(&state.reply)
    free(state.argv)
    free(state.digits)
    free(state.flat)
    free(state.text)
    free_kept(&state.memory)
    free(state)


# Scripts make strings and tables of few bytes and leave them behind, and Lua frees thousands at once. So small blocks
# are kept in lists by their size, which costs a fraction of what the C library's `malloc` and `free` do.

cdef inline size_t steps_of(size_t size) noexcept nogil:
    return (size + SMALL_STEP - 1) // SMALL_STEP


cdef inline void* take(Memory* memory, size_t size) noexcept nogil:
    cdef size_t steps = steps_of(size)
    cdef void* block
    if steps > SMALL_SIZES:
        return malloc(size)
    block = memory.kept[steps]
    if block == NULL:
        return malloc(steps * SMALL_STEP)
    memory.kept[steps] = (<void**>block)[0]
    memory.kept_bytes -= steps * SMALL_STEP
    return block


cdef inline void give_back(Memory* memory, void* block, size_t size) noexcept nogil:
    cdef size_t steps = steps_of(size)
    if steps > SMALL_SIZES or memory.kept_bytes > KEPT_MOST:
        free(block)
        return
    (<void**>block)[0] = memory.kept[steps]
    memory.kept[steps] = block
    memory.kept_bytes += steps * SMALL_STEP


cdef void* lua_allocate(void* context, void* block, size_t size, size_t new_size) noexcept nogil:
    cdef Memory* memory = <Memory*>context
    cdef void* made
    if new_size == 0:
        if block != NULL:
            give_back(memory, block, size)
            memory.used -= size
        return NULL
    if new_size > size and memory.limit and memory.used + (new_size - size) > memory.limit:
        memory.refused = True
        return NULL
    if block == NULL:
        made = take(memory, new_size)
    elif steps_of(size) > SMALL_SIZES and steps_of(new_size) > SMALL_SIZES:
        made = realloc(block, new_size)
    elif steps_of(size) == steps_of(new_size):
        made = block
    else:
        made = take(memory, new_size)
        if made != NULL:
            memcpy(made, block, min(size, new_size))
            give_back(memory, block, size)
    if made == NULL and new_size <= size:
        # Lua takes it for granted that there is room for less.
        made = block
    if made != NULL:
        memory.used += new_size - size
    return made


cdef void free_kept(Memory* memory) noexcept nogil:
    cdef size_t steps
    cdef void* block
    for steps in range(1, SMALL_SIZES + 1):
        while memory.kept[steps] != NULL:
            block = memory.kept[steps]
            memory.kept[steps] = (<void**>block)[0]
            free(block)
    memory.kept_bytes = 0


cdef bint make_words(State* state, size_t count) noexcept nogil:
    cdef size_t room = count + 16
    cdef void* made
    if count <= state.argv_room:
        return True
    made = realloc(state.argv, room * sizeof(Arg))
    if made == NULL:
        return False
    state.argv = <Arg*>made
    made = realloc(state.digits, room * DIGITS)
    if made == NULL:
        return False
    state.digits = <char*>made
    state.digits_room = room * DIGITS
    state.argv_room = room
    return True


cdef void set_text(State* state, const char* text, size_t length) noexcept nogil:
    state.text_length = 0
    add_text(state, text, length)


cdef void add_text(State* state, const char* text, size_t length) noexcept nogil:
    cdef void* made
    cdef size_t room = state.text_length + length
    if room > state.text_room:
        made = realloc(state.text, room + 256)
        if made == NULL:
            return
        state.text = <char*>made
        state.text_room = room + 256
    memcpy(state.text + state.text_length, text, length)
    state.text_length += length
