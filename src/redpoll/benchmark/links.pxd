# A thread's connections: bytes in and out, none of them lost, whatever the kernel takes at once.

from libc.stdint cimport int64_t, uint16_t, uint32_t

from redpoll.benchmark.skipper cimport Skipper
from redpoll.server.openssl cimport SSL

cdef enum:
    READ_ROOM = 1 << 18

cdef enum Failure:
    NONE = 0
    SERVER_ERROR
    CLOSED
    NO_RESP
    SYSTEM


cdef struct Link:
    int fd
    SSL* ssl                 # of a TLS connection, if OpenSSL can be found; else Python's socket does
    bint busy, connecting, watched, ended
    int64_t awaited          # replies of the batch still to come
    int64_t answered         # that have come
    int64_t greeting         # replies to what goes before the first batch of a new connection, still to come
    int64_t sent_at
    int64_t first            # of an open loop: the number of the batch's first request
    const char* tags         # three bytes each: what sends a key to the connection's node
    uint32_t tag_count, tag_next
    uint16_t* parts
    char* rest               # what the kernel did not take yet
    size_t rest_size, rest_done, rest_room
    Skipper skipper


cdef class Links:
    cdef int epoll
    cdef Link* links
    cdef int count, room
    cdef char* buffer                    # of READ_ROOM bytes, what was received last
    cdef int* idle                       # room for the number of each connection
    cdef int parts_room                  # commands of a batch, if each has its part of a mix noted
    cdef bint secured
    cdef bint full                       # TLS may hold more than what was received last; epoll would not tell of it
    cdef list sockets, tag_texts
    cdef bytes prefix                    # what a new connection says first, and how many replies that has
    cdef const char* prefix_text
    cdef size_t prefix_size
    cdef int64_t prefix_replies
    cdef object reconnect                # called with a number: another TLS connection in the place of that one
    cdef Failure failed
    cdef int failed_errno, failed_link
    cdef readonly bint moved             # the server sent us elsewhere
    # All that return an int: 0, or -1 after `fail`.
    cdef int watch(self, int index, int operation, uint32_t events) noexcept nogil
    cdef int fail(self, int index, Failure failure) noexcept nogil
    cdef int connect_again(self, int index) noexcept nogil
    cdef int connect_secured(self, int index) noexcept with gil
    cdef int connected(self, int index) noexcept nogil
    cdef ssize_t receive(self, int index) noexcept nogil
    cdef ssize_t transmit(self, int index, const char* data, size_t size) noexcept nogil
    cdef ssize_t receive_openly(self, SSL* tls) noexcept nogil
    cdef ssize_t transmit_openly(self, SSL* tls, const char* data, size_t size) noexcept nogil
    cdef ssize_t receive_secured(self, int index) noexcept with gil
    cdef ssize_t transmit_secured(self, int index, const char* data, size_t size) noexcept with gil
    cdef int put(self, int index, const char* data, size_t size) noexcept nogil
    cdef int put_rest(self, int index) noexcept nogil
    cdef int greet(self, int index) noexcept nogil
