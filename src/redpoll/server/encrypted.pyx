"""Reading and writing through TLS, in the shape of `recv` and `send`.

An `ssl.SSLSocket` on the same non-blocking descriptor decrypts right into the place where plain bytes would be
read to, and encrypts from the output's chunks: a chunk is about what one TLS record holds. It may have to read in
order to write and the other way round only while shaking hands: renegotiation is off, and what TLS 1.3 says later
on is answered within a read.
"""

from libc.errno cimport EAGAIN, EIO

from redpoll.wire.output cimport Chunk, Out

cdef extern from "Python.h":
    object PyMemoryView_FromMemory(char* memory, Py_ssize_t size, int flags)
    int PyBUF_READ, PyBUF_WRITE

cdef enum:
    WANTS_NOTHING, WANTS_READ, WANTS_WRITE


cdef int wants(error) except -1:
    """What an exception says that it waits for. The module is there already: it made the connection."""
    import ssl
    if isinstance(error, ssl.SSLWantReadError):
        return WANTS_READ
    return WANTS_WRITE if isinstance(error, ssl.SSLWantWriteError) else WANTS_NOTHING


cdef ssize_t receive_secure(Connection connection, char* into, size_t room, int* error):
    error[0] = EAGAIN
    try:
        return connection.secure.read(room, PyMemoryView_FromMemory(into, room, PyBUF_WRITE))
    except (OSError, ValueError) as problem:
        if not wants(problem):
            error[0] = EIO
        return -1


cdef ssize_t send_secure(Connection connection, size_t* offered, int* error):
    cdef Out* out = &connection.out
    cdef Chunk* chunk = out.first
    cdef size_t length
    cdef ssize_t sent
    cdef char* start
    while True:
        length = <size_t>(out.cursor - chunk.data) if chunk == out.last else chunk.length
        if length > chunk.sent or chunk == out.last:
            break
        chunk = chunk.next
    start = (&chunk.blob.data[0] if chunk.blob != NULL else &chunk.data[0]) + chunk.sent
    offered[0] = length - chunk.sent
    error[0] = EAGAIN
    try:
        sent = connection.secure.send(PyMemoryView_FromMemory(start, length - chunk.sent, PyBUF_READ))
    except (OSError, ValueError) as problem:
        if not wants(problem):
            error[0] = EIO
        return -1
    if sent > 0:
        # The rest of the chunk is the next record: whether the socket is full shows when it is offered.
        offered[0] = sent
    return sent


cdef object go_on_shaking(Connection connection, bint* wants_write):
    try:
        connection.secure.do_handshake()
    except (OSError, ValueError) as error:
        waited_for = wants(error)
        wants_write[0] = waited_for == WANTS_WRITE
        return None if waited_for else error
    connection.shaking_hands = False
    return None


cdef void close_secure(Connection connection) noexcept:
    secure = connection.secure
    try:
        if not connection.shaking_hands:
            # Tells the peer that this is the end; its answer is not waited for.
            secure.unwrap()
    except (OSError, ValueError):
        pass
    try:
        secure.close()
    except OSError:
        pass
