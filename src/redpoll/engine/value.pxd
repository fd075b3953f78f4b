"""What hangs off an entry: every encoding of a collection registers here what can be done with it whatever it is.

A payload pointer is owned by one entry. What is small is freed at once; `value_free` takes over what has more than a
few elements, and `value_free_some`, called by the loop between turns, takes it apart.
"""

cdef struct ValueOperations:
    size_t (*length)(const void* value) noexcept nogil          # elements, or how much work freeing is
    # Bytes that it occupies; of large ones, from `samples` elements (0: all of them) and their number.
    size_t (*memory)(const void* value, size_t samples) noexcept nogil
    void* (*copy)(const void* value) noexcept nogil
    # Frees about `most` elements; True when nothing is left, the value itself included.
    bint (*free_some)(void* value, size_t most) noexcept nogil
    # Everything in it as a flat list, in its order: elements; members; fields and values in turn; members and scores
    # (floats, or texts) in turn; IDs (b"1-2") and lists of fields and values in turn; indices and values in turn. For
    # diagnosis and tests.
    object (*contents)(const void* value)

cdef void value_register(int encoding, const ValueOperations* operations) noexcept
cdef size_t value_length(int encoding, const void* value) noexcept nogil
cdef size_t value_memory(int encoding, const void* value, size_t samples) noexcept nogil
cdef void* value_copy(int encoding, const void* value) noexcept nogil
cdef object value_contents(int encoding, const void* value)
cdef void value_free(int encoding, void* value) noexcept nogil
# Goes on freeing about `most` elements of what `value_free` took over; whether there is more.
cdef bint value_free_some(size_t most) noexcept nogil
cdef size_t values_waiting() noexcept nogil
