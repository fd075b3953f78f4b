"""The memory of one Lua state and of what its C functions share."""

from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy

from redpoll.wire.output cimport out_clear, out_init

cdef uint64_t RANDOM_BEGIN = 0x1234ABCD330E     # of the C library's generator, as long as nobody seeds it

cdef enum:
    DIGITS = 32              # bytes for the text of a number


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
    free(state)


cdef void* lua_allocate(void* context, void* block, size_t size, size_t new_size) noexcept nogil:
    cdef Memory* memory = <Memory*>context
    cdef void* made
    if new_size == 0:
        free(block)
        memory.used -= size
        return NULL
    if new_size > size and memory.limit and memory.used + (new_size - size) > memory.limit:
        memory.refused = True
        return NULL
    made = realloc(block, new_size)
    if made != NULL:
        memory.used += new_size - size
    return made


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
