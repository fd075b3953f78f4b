"""The hub of messages: see pubsub.pyx."""

from libc.stdint cimport int64_t

from redpoll.commands.services cimport Hub
from redpoll.engine.blob cimport Blob
from redpoll.server.connection cimport Connection
from redpoll.server.dispatch cimport Dispatcher
from redpoll.server.loop cimport Loop

cdef class Subscriptions:
    """What one connection is subscribed to; names in the order in which they came, the values mean nothing."""
    cdef readonly dict channels
    cdef readonly dict patterns
    cdef readonly dict shards

cdef class Patterns:
    """Patterns that somebody is subscribed to, found by how a channel begins."""
    cdef readonly dict members           # pattern -> {connection: None}
    cdef dict by_prefix                  # what a pattern begins with -> its patterns
    cdef list lengths                    # of those beginnings, each once
    cdef int add(self, bytes pattern, Connection connection) except -1
    cdef int remove(self, bytes pattern, Connection connection) except -1
    cdef list matching(self, bytes channel)

cdef class Pubsub(Hub):
    cdef Dispatcher dispatcher
    cdef Loop loop
    cdef readonly dict channels          # name -> {connection: None}
    cdef readonly dict shards
    cdef readonly Patterns patterns
    cdef readonly size_t clients         # that are subscribed to anything
    # The message under way
    cdef char* text                      # all of it, or what comes before the blob
    cdef size_t length
    cdef size_t room
    cdef Blob* blob
    cdef void** crowded                  # connections that have much to be sent
    cdef size_t crowded_count
    cdef size_t crowded_room

    cdef int64_t send(self, dict members, const char* kind, bytes pattern, const char* channel, size_t channel_length,
                      const char* message, size_t length) except -1
    cdef int render(self, const char* kind, bytes pattern, const char* channel, size_t channel_length,
                    const char* message, size_t length) except -1
    cdef int deliver(self, Connection connection) except -1
    cdef int relieve(self) except -1
    cdef Subscriptions subscriptions_of(self, Connection connection)
    cdef int subscribed(self, Connection connection) except -1
    cdef int unsubscribed(self, Connection connection) except -1
    cdef int confirm(self, Connection connection, const char* kind, bytes name, size_t count) except -1
