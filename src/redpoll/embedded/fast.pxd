"""The short ways into a store: see fast.pyx."""

from redpoll.embedded.session cimport Session

cdef class Fast:
    cdef object pool
    cdef object callbacks
    cdef readonly dict known
    cdef object never_decode
    cdef object empty_response
    cdef bint for_tasks

    cdef object learn(self, name)
    cpdef object take(self)
    cpdef object give_back(self, connection)
    cpdef object callback_of(self, name)
    cpdef bint decodes(self, connection, dict options) except -1
    # Runs a command in a connection that was taken; its reply, or NOTHING.
    cdef object call(self, Session session, tuple args, dict options, callback, bint later)
    cdef object finish(self, reply, callback, dict options)
    cpdef object run(self, tuple args, dict options)
    cpdef object run_task(self, tuple args, dict options)
    cpdef object settle(self, connection, reply, name, dict options)
    cpdef bint breaks(self, connection, error) except -1
    cdef object reply_of(self, connection, bint decoding)
    cdef object result_of(self, reply, callback, dict options)
