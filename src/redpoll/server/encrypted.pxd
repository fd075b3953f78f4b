"""Reading and writing through TLS: see encrypted.pyx."""

from redpoll.server.connection cimport Connection
from redpoll.server.openssl cimport SSL

cdef class Secure:
    cdef readonly object sock    # ssl.SSLSocket
    cdef SSL* ssl                # what it works with, or NULL
    cdef bint given_away         # another process goes on with it

# As `recv` and `send`: the number of bytes, 0 at the end, -1 with an error of errno's.
cdef ssize_t receive_secure(Connection connection, char* into, size_t room, int* error)
cdef ssize_t send_secure(Connection connection, size_t* offered, int* error)
# Whether there may be something to read that is not in the socket any more.
cdef bint read_already(Connection connection) except -1
# Goes on with the handshake and clears `shaking_hands` when it is done. Returns what it failed for, or None.
cdef object go_on_shaking(Connection connection, bint* wants_write)
cdef void close_secure(Connection connection) noexcept
