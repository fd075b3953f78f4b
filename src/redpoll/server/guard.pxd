"""Who works on a server's data now: see guard.pyx."""

cdef extern from "Python.h":
    unsigned long PyThread_get_thread_ident() noexcept nogil


cdef class Guard:
    cdef bint held
    cdef unsigned long owner     # the thread that holds it
    cdef int waiting             # threads that wait for it
    cdef int patient             # of those, who want nothing to be under way, were it only for the moment set aside
    cdef bint aside              # it is free for now, but its owner is in the middle of something and comes back
    cdef void* gate              # where they sleep

    # Both with the interpreter's lock held. `acquire` raises RuntimeError in the thread that has it already.
    cdef inline int acquire(self) except -1:
        if not self.held:
            self.held = True
            self.owner = PyThread_get_thread_ident()
            return 0
        return self.acquire_slowly()
    cdef inline void release(self) noexcept:
        self.held = False
        if self.waiting:
            self.wake()
    cdef inline bint is_mine(self) noexcept:
        return self.held and self.owner == PyThread_get_thread_ident()
    cdef int acquire_slowly(self) except -1
    # In the middle of something long, at a point where others' commands may run: those who wait get it, for a moment.
    cdef int step_aside(self) except -1
    cdef void wake(self) noexcept
    cdef void sleep(self) noexcept
