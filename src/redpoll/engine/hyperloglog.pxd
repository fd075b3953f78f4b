"""HyperLogLog: an estimate of how many different texts were seen, in a string byte for byte as Redis has it.

    offset  bytes
    0       4    "HYLL"
    4       1    encoding: 0 dense, 1 sparse
    5       3    zeros
    8       8    the estimate, little endian; its highest bit set: out of date
    16      ..   registers

There are 16,384 registers of six bits. The low 14 bits of a text's hash choose one, which keeps the largest number of
zeros, plus one, that the other 50 bits end in.

    dense    register i at bits 6i to 6i+5, the lowest bits of a byte first: 12,288 bytes
    sparse   runs, in order, of all 16,384 together
             00LLLLLL              L+1 registers of zero
             01LLLLLL LLLLLLLL     L+1 registers of zero, the high bits of L first
             1VVVVVLL              L+1 registers of V+1

A sparse one becomes dense when a register is above 32, or when it would grow beyond the limit that is handed in.
"""

from libc.stdint cimport uint8_t, uint64_t

cdef enum:
    HLL_HEADER = 16
    HLL_REGISTERS = 16384
    HLL_DENSE_BYTES = 12304      # header and registers
    HLL_DENSE = 0
    HLL_SPARSE = 1
    MERGED_TOGETHER = 8

# A string that is being changed: a copy, with room to grow.
cdef struct Sketch:
    uint8_t* bytes
    size_t length
    size_t capacity
    size_t limit                 # bytes that a sparse one may have
    size_t hint                  # a run that begins here,
    size_t hint_register         # with this register: searching for later registers need not begin before

# Whether a string is one, as far as its header and length tell.
cdef bint hll_recognized(const uint8_t* bytes, size_t length) noexcept nogil
cdef inline bint hll_is_sparse(const uint8_t* bytes) noexcept nogil:
    return bytes[4] == HLL_SPARSE
cdef inline bint hll_is_current(const uint8_t* bytes) noexcept nogil:
    """Whether the estimate in the header holds."""
    return not bytes[15] & 128
cdef inline void hll_outdate(uint8_t* bytes) noexcept nogil:
    bytes[15] |= 128
cdef uint64_t hll_estimate(const uint8_t* bytes) noexcept nogil
cdef void hll_set_estimate(uint8_t* bytes, uint64_t estimate) noexcept nogil

# Which register a text concerns, and what it is to have at least.
cdef void hll_place(const char* text, size_t length, size_t* register, uint8_t* count) noexcept nogil

cdef int hll_dense_get(const uint8_t* bytes, size_t register) noexcept nogil
cdef void hll_dense_set(uint8_t* bytes, size_t register, uint8_t count) noexcept nogil

# A new, empty one. `sketch_free` frees what it holds.
cdef void sketch_new(Sketch* sketch, size_t limit) noexcept nogil
cdef void sketch_of(Sketch* sketch, const uint8_t* bytes, size_t length, size_t limit) noexcept nogil
cdef void sketch_free(Sketch* sketch) noexcept nogil
# Raise a register to a count; 1: it was below, 0: it was not, -1: the runs are damaged.
cdef int sketch_raise(Sketch* sketch, size_t register, uint8_t count) noexcept nogil
# False when the runs are damaged.
cdef bint sketch_make_dense(Sketch* sketch) noexcept nogil

# Registers one a byte, HLL_REGISTERS of them: raised to those of a string (False: it is damaged), estimated, packed.
cdef bint registers_merge(uint8_t* registers, const uint8_t* bytes, size_t length) noexcept nogil
# The same for so many dense ones together, MERGED_TOGETHER at the most: quicker than one after the other.
cdef void registers_merge_dense(uint8_t* registers, const uint8_t** strings, size_t count) noexcept nogil
cdef uint64_t registers_estimate(const uint8_t* registers) noexcept nogil
cdef void registers_pack(const uint8_t* registers, uint8_t* bytes) noexcept nogil
# Whether both may take many registers in a step, where the processor can; the results are the same.
cdef void hll_use_wide_steps(bint wanted) noexcept nogil

# The next run of a sparse one: how many registers, of which count, and where the one after it begins. False at the end
# and where the runs are damaged.
cdef bint hll_next_run(const uint8_t* bytes, size_t length, size_t* at, size_t* run, uint8_t* count) noexcept nogil
