"""Operations on collections by encoding, and freeing them in slices; see value.pxd."""

from libc.stdint cimport uint8_t
from cpython.bytes cimport PyBytes_FromStringAndSize

from redpoll.engine.listpack cimport (
    listpack_copy, listpack_first, listpack_free, listpack_memory, listpack_next, listpack_text,
)
from redpoll.engine.memory cimport KIND_OTHER, allocate, release

cdef enum:
    ENCODINGS = 16
    ENC_LISTPACK = 3         # as in entry.pxd, which cannot be imported here: it builds on this file
    FREE_AT_ONCE = 64        # elements

# One that waits to be taken apart.
cdef struct Condemned:
    Condemned* next
    void* value
    int encoding

cdef ValueOperations known[ENCODINGS]
cdef Condemned* first_condemned
cdef size_t condemned_count


cdef void value_register(int encoding, const ValueOperations* operations) noexcept:
    known[encoding] = operations[0]


cdef size_t value_length(int encoding, const void* value) noexcept nogil:
    return known[encoding].length(value)


cdef size_t value_memory(int encoding, const void* value, size_t samples) noexcept nogil:
    return known[encoding].memory(value, samples)


cdef void* value_copy(int encoding, const void* value) noexcept nogil:
    return known[encoding].copy(value)


cdef object value_contents(int encoding, const void* value):
    return known[encoding].contents(value)


cdef void value_free(int encoding, void* value) noexcept nogil:
    global first_condemned, condemned_count
    cdef Condemned* waiting
    if known[encoding].length(value) <= FREE_AT_ONCE:
        known[encoding].free_some(value, <size_t>-1)
        return
    waiting = <Condemned*>allocate(sizeof(Condemned), KIND_OTHER)
    waiting.value = value
    waiting.encoding = encoding
    waiting.next = first_condemned
    first_condemned = waiting
    condemned_count += 1


cdef bint value_free_some(size_t most) noexcept nogil:
    global first_condemned, condemned_count
    cdef Condemned* waiting = first_condemned
    if waiting == NULL:
        return False
    if known[waiting.encoding].free_some(waiting.value, most):
        # Freeing a value may have condemned further ones, but only before this one.
        first_condemned = unlinked(first_condemned, waiting)
        release(waiting, sizeof(Condemned), KIND_OTHER)
        condemned_count -= 1
    return first_condemned != NULL


cdef Condemned* unlinked(Condemned* first, Condemned* gone) noexcept nogil:
    cdef Condemned* before = first
    if first == gone:
        return gone.next
    while before.next != gone:
        before = before.next
    before.next = gone.next
    return first


cdef size_t values_waiting() noexcept nogil:
    return condemned_count


cdef size_t packed_length(const void* value) noexcept nogil:
    # One block is freed in one step, however much is in it.
    return 1


cdef size_t packed_memory(const void* value, size_t samples) noexcept nogil:
    return listpack_memory(<const uint8_t*>value)


cdef void* packed_copy(const void* value) noexcept nogil:
    return listpack_copy(<const uint8_t*>value)


cdef object packed_contents(const void* value):
    cdef list found = []
    cdef const uint8_t* p = listpack_first(<const uint8_t*>value)
    cdef char scratch[24]
    cdef size_t length
    cdef const char* text
    while p != NULL:
        text = listpack_text(p, scratch, &length)
        found.append(PyBytes_FromStringAndSize(text, length))
        p = listpack_next(p)
    return found


cdef bint packed_free(void* value, size_t most) noexcept nogil:
    listpack_free(<uint8_t*>value)
    return True


cdef ValueOperations packed
packed.length = packed_length
packed.memory = packed_memory
packed.copy = packed_copy
packed.free_some = packed_free
packed.contents = packed_contents
value_register(ENC_LISTPACK, &packed)
