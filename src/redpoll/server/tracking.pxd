"""Keys that clients cache: see tracking.pyx."""

from redpoll.server.changes cimport Changes, KeyListener
from redpoll.server.connection cimport Connection
from redpoll.server.dispatch cimport Dispatcher, Request, Tracker
from redpoll.server.loop cimport Loop

cdef class Tracked:
    """How one client tracks."""
    cdef readonly bint broadcast
    cdef readonly bint opt_in
    cdef readonly bint opt_out
    cdef readonly bint no_loop
    cdef public bint caching             # CLIENT CACHING was sent, and the command that it is about was not
    cdef readonly unsigned long long redirect    # the client that hears instead; 0: itself
    cdef public bint broken              # it was told that that one is gone
    cdef readonly dict prefixes

cdef class Tracking(KeyListener):
    cdef object server
    cdef Changes changes
    cdef Dispatcher dispatcher
    cdef Loop loop
    cdef Reads reads
    cdef readonly dict clients           # number -> connection that tracks
    cdef readonly dict keys              # key -> {number of a client that may hold it: None}
    cdef readonly size_t items           # of all keys together
    cdef readonly dict prefixes          # prefix -> {connection: None}
    cdef bint flush_wanted               # databases are being emptied
    cdef dict altered                    # prefix -> {key: number of the client that changed it last}

    cdef int remember(self, Connection connection, Request* request) except -1
    cdef int forget_key(self, bytes key, void* changer) except -1
    cdef int note(self, bytes key) except -1
    cdef int send(self, Connection connection, keys) except -1
    cdef int write(self, Connection connection, value) except -1

cdef class Reads(Tracker):
    """Hands the dispatcher's news on; a class has one base."""
    cdef Tracking tracking
