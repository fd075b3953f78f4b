"""Reading and writing through TLS, in the shape of `recv` and `send`.

An `ssl.SSLSocket` on the same non-blocking descriptor shakes hands, and tells of the client's certificate. Then bytes
go between the loop's buffers and OpenSSL directly (`openssl.pyx`), without a Python object, or where that cannot be,
through the same `SSLSocket`. Reading is ahead: one system call brings as many records as have come, where otherwise
each takes two, so what is decrypted or waits to be is nothing that epoll would tell of (`read_already`).

A write is one record: a chunk of output, or a piece of one; small chunks in a row, as around a long string, are put
together first. A record that the socket does not take is offered again with at least the same bytes: what is pending
only grows. It may have to read in order to write and the other way round only while shaking hands: renegotiation is
off, and what TLS 1.3 says later on is answered within a read.
"""

from libc.errno cimport EAGAIN, EIO, errno
from libc.string cimport memcpy

from redpoll.server.openssl cimport (
    SSL_ERROR_SYSCALL, SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE, SSL_ERROR_ZERO_RETURN, connection_of, library,
)
from redpoll.wire.output cimport Chunk, Out

cdef extern from "Python.h":
    object PyMemoryView_FromMemory(char* memory, Py_ssize_t size, int flags)
    int PyBUF_READ, PyBUF_WRITE

cdef enum:
    RECORD_BYTES = 16384
    READ_MOST = 1 << 30
    SSL_CTRL_MODE = 33
    SSL_MODE_RELEASE_BUFFERS = 16

cdef enum:
    WANTS_NOTHING = 0
    WANTS_READ
    WANTS_WRITE

# Where small chunks are put together; used up within a call.
cdef char gathered[RECORD_BYTES]


cdef int wants(error) except -1:
    """What an exception says that it waits for. The module is there already: it made the connection."""
    import ssl
    if isinstance(error, ssl.SSLWantReadError):
        return WANTS_READ
    return WANTS_WRITE if isinstance(error, ssl.SSLWantWriteError) else WANTS_NOTHING


cdef class Secure:
    """A connection's TLS, around an `ssl.SSLSocket` that has not shaken hands yet."""

    def __init__(self, sock):
        self.sock = sock
        self.ssl = connection_of(sock)
        if self.ssl != NULL:
            library.SSL_set_read_ahead(self.ssl, 1)
            # Idle clients hold no buffers.
            library.SSL_ctrl(self.ssl, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, NULL)

    def getpeercert(self):
        """As that of `ssl.SSLSocket`, and so are `read` and `send`."""
        return self.sock.getpeercert()

    def read(self, size):
        return self.sock.read(size)

    def send(self, data):
        return self.sock.send(data)

    def give_away(self):
        """Another process goes on with it: here it is closed without being ended."""
        self.given_away = True


cdef ssize_t receive_secure(Connection connection, char* into, size_t room, int* error):
    cdef Secure secure = <Secure>connection.secure
    cdef int got, why
    if secure.ssl == NULL:
        return receive_by_socket(secure, into, room, error)
    if room > READ_MOST:
        room = READ_MOST
    library.ERR_clear_error()
    got = library.SSL_read(secure.ssl, into, <int>room)
    if got > 0:
        return got
    error[0] = errno
    why = library.SSL_get_error(secure.ssl, got)
    if why == SSL_ERROR_WANT_READ or why == SSL_ERROR_WANT_WRITE:
        error[0] = EAGAIN
        return -1
    library.ERR_clear_error()
    if why == SSL_ERROR_ZERO_RETURN or (why == SSL_ERROR_SYSCALL and error[0] == 0):
        return 0
    error[0] = EIO
    return -1


cdef ssize_t receive_by_socket(Secure secure, char* into, size_t room, int* error):
    error[0] = EAGAIN
    try:
        return secure.sock.read(room, PyMemoryView_FromMemory(into, room, PyBUF_WRITE))
    except (OSError, ValueError) as problem:
        if not wants(problem):
            error[0] = EIO
        return -1


cdef bint read_already(Connection connection) except -1:
    cdef Secure secure = <Secure>connection.secure
    if secure.ssl == NULL:
        return secure.sock.pending() > 0
    return library.SSL_has_pending(secure.ssl)


cdef size_t next_record(Out* out, const char** start) noexcept nogil:
    """What the next record holds: where it starts, and its size."""
    cdef Chunk* chunk = out.first
    cdef const char* data
    cdef size_t length, size = 0
    start[0] = &gathered[0]
    while chunk != NULL and size < RECORD_BYTES:
        length = <size_t>(out.cursor - chunk.data) if chunk == out.last else chunk.length
        length -= chunk.sent
        if length:
            data = (&chunk.blob.data[0] if chunk.blob != NULL else &chunk.data[0]) + chunk.sent
            if not size and (length >= RECORD_BYTES or chunk == out.last):
                # No need for a copy.
                start[0] = data
                return length if length < RECORD_BYTES else <size_t>RECORD_BYTES
            if length > RECORD_BYTES - size:
                length = RECORD_BYTES - size
            memcpy(&gathered[size], data, length)
            size += length
        chunk = chunk.next
    return size


cdef ssize_t send_secure(Connection connection, size_t* offered, int* error):
    cdef Secure secure = <Secure>connection.secure
    cdef const char* start = NULL
    cdef int sent, why
    # The rest is the next record: whether the socket is full shows when it is offered.
    offered[0] = next_record(&connection.out, &start)
    if secure.ssl == NULL:
        return send_by_socket(secure, start, offered, error)
    library.ERR_clear_error()
    sent = library.SSL_write(secure.ssl, start, <int>offered[0])
    if sent > 0:
        offered[0] = sent
        return sent
    why = library.SSL_get_error(secure.ssl, sent)
    library.ERR_clear_error()
    error[0] = EAGAIN if why == SSL_ERROR_WANT_READ or why == SSL_ERROR_WANT_WRITE else EIO
    return -1


cdef ssize_t send_by_socket(Secure secure, const char* start, size_t* offered, int* error):
    cdef ssize_t sent
    error[0] = EAGAIN
    try:
        sent = secure.sock.send(PyMemoryView_FromMemory(<char*>start, offered[0], PyBUF_READ))
    except (OSError, ValueError) as problem:
        if not wants(problem):
            error[0] = EIO
        return -1
    if sent > 0:
        offered[0] = sent
    return sent


cdef object go_on_shaking(Connection connection, bint* wants_write):
    cdef Secure secure = <Secure>connection.secure
    try:
        secure.sock.do_handshake()
    except (OSError, ValueError) as error:
        waited_for = wants(error)
        wants_write[0] = waited_for == WANTS_WRITE
        return None if waited_for else error
    connection.shaking_hands = False
    return None


cdef void close_secure(Connection connection) noexcept:
    cdef Secure secure = <Secure>connection.secure
    secure.ssl = NULL
    try:
        if not connection.shaking_hands and not secure.given_away:
            # Tells the peer that this is the end; its answer is not waited for.
            secure.sock.unwrap()
    except (OSError, ValueError):
        pass
    try:
        secure.sock.close()
    except OSError:
        pass
