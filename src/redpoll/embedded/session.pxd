"""One client of a store in this process: see session.pyx."""

from libc.stdint cimport int64_t, uint64_t

from redpoll.embedded.replies cimport Decoding
from redpoll.embedded.words cimport Words
from redpoll.server.connection cimport Connection, Taker
from redpoll.server.dispatch cimport Dispatcher
from redpoll.server.guard cimport Guard
from redpoll.server.loop cimport Loop

cdef class Inbox(Taker):
    cdef object signal           # called once when something arrives
    cdef int event               # a descriptor that can be read while there is something; -1: nobody wants one

    cdef void show(self, bint something) noexcept

cdef class Session:
    cdef readonly object server
    cdef readonly Decoding decoding
    cdef object encode           # makes bytes of values that are no words of commands by themselves
    cdef bint utf8               # whether texts become words in UTF-8; else by `encode`
    cdef Loop loop
    cdef Dispatcher dispatcher
    cdef Guard guard
    cdef Inbox inbox
    cdef Connection client

    # With the guard held
    cdef bint run(self, Words* words) except -1
    cdef bint waits(self) noexcept
    cdef bint has_reply(self) noexcept
    cdef int queue(self, Words* words) except -1
    cdef int64_t due_ms(self) except -1
    # Without it: waits until what the last command changed is as safe as it has to be before it is answered.
    cdef int commit(self) except -1
    # Runs a command at once if nothing holds it back, and gives its reply; NOTHING: it has to be waited for.
    # `pairs`: see `Direct.wants_pairs`.
    cdef object call(self, tuple values, bint decoding, bint pairs)
    cdef object given(self)
    # The same for (words, options), from number `len(replies)` on, while nobody else gets in; `raw` in the options: the
    # reply is not decoded. False: one has to wait, and none behind it was run. Only where no log is kept.
    cdef bint call_all(self, list commands, list replies, object raw, bint later) except -1
    cdef object call_later(self, tuple words, bint decoding, bint pairs)
    # Whether it waits for nothing, and nothing waits in it.
    cdef bint is_idle(self) noexcept
