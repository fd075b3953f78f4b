"""EVAL's scripts: see cache.pyx."""

from libc.stdint cimport uint32_t

from redpoll.scripting.machine cimport Host, Machine

cdef class Script:
    cdef readonly bytes text           # as it was sent
    cdef readonly bytes digest         # 40 hexadecimal digits
    cdef readonly uint32_t flags       # RunFlag
    cdef int reference                 # of its function
    cdef bint passing                  # it may be evicted: only EVAL brought it
    cdef Script older, newer           # among those that may

cdef class ScriptCache:
    cdef readonly Machine machine
    cdef Host host
    cdef size_t memory_limit
    cdef dict by_digest
    cdef dict by_text
    cdef Script oldest, newest
    cdef size_t passing                # how many may be evicted
    cdef readonly size_t bytes_held    # of texts, and about what goes with them
    cdef readonly size_t evicted

    # The script of a text, compiled if need be. `passing`: it may be evicted. Raises `CommandError`.
    cdef Script define(self, bytes text, bint passing)
    # By 40 digits in any case; None: there is none.
    cdef Script find(self, bytes digest)
    # It is about to run.
    cdef inline void use(self, Script script) noexcept:
        if script.passing and script is not self.newest:
            self.unlink(script)
            self.link(script)
    cdef void link(self, Script script) noexcept
    cdef void unlink(self, Script script) noexcept
    cdef int drop(self, Script script) except -1
