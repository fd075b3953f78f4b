"""Transactions and watched keys: see transactions.pyx."""

from redpoll.commands.services cimport Transactor
from redpoll.engine.keyspace cimport Keyspace
from redpoll.server.changes cimport Changes
from redpoll.server.connection cimport Connection
from redpoll.server.dispatch cimport Dispatcher, Request
from redpoll.server.transaction cimport Transaction

cdef class Transactions(Transactor):
    cdef object server
    cdef Keyspace keyspace
    cdef Changes changes
    cdef Dispatcher dispatcher
    cdef list spare                      # transactions to be used again
    # (database, key) -> {connection: whether the key was there but had expired when it was watched}
    cdef dict watchers
    cdef readonly size_t clients         # that watch keys

    # Drops a client's transaction, if there is one, and what it watches.
    cpdef int end(self, Connection connection) except -1
    cdef int run(self, Connection connection, Transaction transaction) except -1
    cdef bint is_forbidden(self, Connection connection, Request* request) except -1
    cdef int spoil(self, Connection connection) except -1
    cdef int forget_keys(self, Connection connection) except -1
    cdef int state_of(self, int database, bytes key) except -1
