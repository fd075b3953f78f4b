"""When waiting a moment serves more: see coalescing.pyx."""

from libc.stdint cimport int64_t, uint32_t

cdef class Traffic:
    cdef int64_t now_ms           # the millisecond that is being counted
    cdef uint32_t clients         # that sent something in it
    cdef uint32_t reads
    cdef uint32_t clients_before  # and in the millisecond before
    cdef uint32_t reads_before

    cpdef void tick(self, int64_t now_ms) noexcept
    # A client's bytes were read; `first`: the first of this client in this millisecond.
    cpdef void read(self, bint first) noexcept
    # Whether to wait, after a turn that read so many clients and ran so many requests.
    cpdef bint worth_waiting(self, uint32_t read, uint32_t requests) noexcept
    cdef void wait(self) noexcept
    # The thread that waits calls this once.
    cdef void prepare(self) noexcept
