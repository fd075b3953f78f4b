"""Reading and writing through TLS, in the shape of `recv` and `send`.

An `ssl.SSLSocket` on the same non-blocking descriptor decrypts right into the place where plain bytes would be
read to, and encrypts from the output's chunks: a chunk is about what one TLS record holds. It may have to read in
order to write and the other way round only while shaking hands: renegotiation is off, and what TLS 1.3 says later
on is answered within a read.
"""

import ssl

from libc.errno cimport EAGAIN, EIO

from redpoll.wire.output cimport Chunk, Out

cdef extern from "Python.h":
    object PyMemoryView_FromMemory(char* memory, Py_ssize_t size, int flags)
    int PyBUF_READ, PyBUF_WRITE

cdef object WANTS_READ = ssl.SSLWantReadError
cdef object WANTS_WRITE = ssl.SSLWantWriteError


cdef ssize_t receive_secure(Connection connection, char* into, size_t room, int* error):
    error[0] = EAGAIN
    try:
        return connection.secure.read(room, PyMemoryView_FromMemory(into, room, PyBUF_WRITE))
    except (WANTS_READ, WANTS_WRITE):
        return -1
    except (OSError, ValueError):
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
    except (WANTS_READ, WANTS_WRITE):
        return -1
    except (OSError, ValueError):
        error[0] = EIO
        return -1
    if sent > 0:
        # The rest of the chunk is the next record: whether the socket is full shows when it is offered.
        offered[0] = sent
    return sent


cdef object go_on_shaking(Connection connection, bint* wants_write):
    try:
        connection.secure.do_handshake()
    except WANTS_READ:
        return None
    except WANTS_WRITE:
        wants_write[0] = True
        return None
    except (OSError, ValueError) as error:
        return error
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
