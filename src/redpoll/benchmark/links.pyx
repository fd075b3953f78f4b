"""The connections of a thread: how they come to be, again if they are not kept, and how bytes go through them.

What the kernel does not take at once waits in a buffer of the connection's own until it can be written. TLS connections
begin as Python's `SSLSocket`; then OpenSSL itself reads and writes. Where it cannot be found the socket does, and takes
the interpreter's lock for a moment each time.
"""

from cpython.buffer cimport PyBUF_WRITE
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc cimport errno as c_errno
from libc.errno cimport EAGAIN, EINPROGRESS, EINTR, EPIPE, errno
from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset, strerror

from redpoll.benchmark.skipper cimport Skipper, skipper_reset
from redpoll.benchmark.system cimport (
    AF_UNIX, EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLLIN, EPOLLOUT, IPPROTO_TCP, MSG_DONTWAIT, MSG_NOSIGNAL,
    SO_ERROR, SO_LINGER, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET, TCP_NODELAY, close_descriptor, connect,
    epoll_create1, epoll_ctl, epoll_event, getpeername, getsockopt, recv, send, setsockopt, sockaddr, sockaddr_storage,
    socket, socklen_t,
)
from redpoll.server.openssl cimport (
    SSL, SSL_ERROR_SYSCALL, SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE, connection_of, library,
)

import ssl

cdef enum:
    WRITE_MOST = 1 << 30

FAILURES = {SERVER_ERROR: "error", CLOSED: "closed", NO_RESP: "protocol", SYSTEM: "system"}


cdef SSL* opened(link) except? NULL:
    """Return what OpenSSL knows a TLS connection by, made ready to take as many records at once as have come."""
    cdef SSL* ssl_connection = connection_of(link)
    if ssl_connection != NULL:
        library.SSL_set_read_ahead(ssl_connection, 1)
    return ssl_connection


cdef class Links:
    """Connections by number, watched by one epoll."""

    def __cinit__(self, *_, **__):
        self.epoll = epoll_create1(EPOLL_CLOEXEC)
        if self.epoll < 0:
            raise OSError(errno, "epoll_create1")
        self.buffer = <char*>malloc(READ_ROOM)
        if self.buffer == NULL:
            raise MemoryError
        self.sockets, self.tag_texts = [], []

    def __dealloc__(self):
        cdef int index
        for index in range(self.count):
            if not self.secured:
                close_descriptor(self.links[index].fd)
            free(self.links[index].rest)
            free(self.links[index].parts)
        free(self.links)
        free(self.idle)
        free(self.buffer)
        if self.epoll >= 0:
            close_descriptor(self.epoll)

    # -- connections ---------------------------------------------------------------

    def add(self, link, bytes tags=b"") -> None:
        """Take over a connected socket, plain or with TLS. `tags`, three bytes each, lead to its node of a cluster."""
        cdef Link* added
        if self.count == self.room:
            self.room = max(16, self.room * 2)
            self.links = <Link*>realloc(self.links, self.room * sizeof(Link))
            self.idle = <int*>realloc(self.idle, self.room * sizeof(int))
            if self.links == NULL or self.idle == NULL:
                raise MemoryError
        link.setblocking(False)
        added = &self.links[self.count]
        memset(added, 0, sizeof(Link))
        if isinstance(link, ssl.SSLSocket):
            self.secured = True
            self.sockets.append(link)
            added.fd = link.fileno()
            added.ssl = opened(link)
        else:
            self.sockets.append(None)
            added.fd = link.detach()
        if self.parts_room:
            added.parts = <uint16_t*>malloc(self.parts_room * sizeof(uint16_t))
            if added.parts == NULL:
                raise MemoryError
        self.tag_texts.append(None)
        self.count += 1
        self.set_tags(self.count - 1, tags)
        if self.watch(self.count - 1, EPOLL_CTL_ADD, EPOLLIN) < 0:
            raise OSError(errno, "epoll_ctl")

    def set_tags(self, int index, bytes tags) -> None:
        """Have a connection's keys carry other tags, as slots have moved."""
        old = self.tag_texts[index]
        self.tag_texts[index] = (tags, old and old[0])  # the thread may still be reading the one before
        self.links[index].tag_count = 0
        self.links[index].tags = tags
        self.links[index].tag_next = 0
        self.links[index].tag_count = len(tags) // 3
        self.moved = False

    cdef int watch(self, int index, int operation, uint32_t events) noexcept nogil:
        cdef epoll_event event
        event.events = events
        event.data.u64 = <uint64_t>index
        return epoll_ctl(self.epoll, operation, self.links[index].fd, &event)

    cdef int fail(self, int index, Failure failure) noexcept nogil:
        if self.failed == NONE:
            self.failed = failure
            self.failed_errno = errno
            self.failed_link = index
        return -1

    cdef int connect_again(self, int index) noexcept nogil:
        cdef Link* link = &self.links[index]
        cdef sockaddr_storage address
        cdef socklen_t size = sizeof(address)
        cdef int fd, family, yes = 1
        cdef int linger[2]
        if self.secured:
            return self.connect_secured(index)
        if getpeername(link.fd, <sockaddr*>&address, &size) < 0:
            return self.fail(index, SYSTEM)
        # Closed with a reset: thousands of connections a second would use up the ports in TIME_WAIT.
        linger[0], linger[1] = 1, 0
        setsockopt(link.fd, SOL_SOCKET, SO_LINGER, linger, sizeof(linger))
        close_descriptor(link.fd)
        family = (<sockaddr*>&address).sa_family
        # A Unix socket connects at once, or waits for room in the backlog.
        fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | (0 if family == AF_UNIX else SOCK_NONBLOCK), 0)
        link.fd = fd
        if fd < 0:
            return self.fail(index, SYSTEM)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes))
        skipper_reset(&link.skipper)
        link.greeting = self.prefix_replies
        if connect(fd, <sockaddr*>&address, size) < 0 and errno != EINPROGRESS:
            return self.fail(index, SYSTEM)
        link.connecting = True
        if self.watch(index, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT) < 0:
            return self.fail(index, SYSTEM)
        link.watched = True
        return 0

    cdef int connect_secured(self, int index) noexcept with gil:
        cdef Link* link = &self.links[index]
        link.ssl = NULL
        try:
            self.sockets[index].close()
            fresh = self.reconnect(index)
            fresh.setblocking(False)
            self.sockets[index] = fresh
            link.fd = fresh.fileno()
            link.ssl = opened(fresh)
        except Exception:
            return self.fail(index, CLOSED)
        skipper_reset(&link.skipper)
        link.connecting = link.watched = True
        link.greeting = 0  # has been said, and answered
        if self.watch(index, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT) < 0:
            return self.fail(index, SYSTEM)
        return 0

    cdef int connected(self, int index) noexcept nogil:
        # A connection that was under way is there, or failed.
        cdef Link* link = &self.links[index]
        cdef int problem = 0
        cdef socklen_t size = sizeof(problem)
        if getsockopt(link.fd, SOL_SOCKET, SO_ERROR, &problem, &size) < 0 or problem:
            c_errno.errno = problem
            return self.fail(index, SYSTEM)
        link.connecting = False
        return self.greet(index) if link.greeting else 0

    cdef int greet(self, int index) noexcept nogil:
        # What a new connection says first stands before the batch that waits already.
        cdef Link* link = &self.links[index]
        cdef size_t size = self.prefix_size
        cdef char* whole = <char*>malloc(size + link.rest_size)
        if whole == NULL:
            return self.fail(index, SYSTEM)
        memcpy(whole, self.prefix_text, size)
        memcpy(whole + size, link.rest, link.rest_size)
        free(link.rest)
        link.rest = whole
        link.rest_size += size
        link.rest_room = link.rest_size
        return 0

    # -- bytes ---------------------------------------------------------------------

    cdef ssize_t receive(self, int index) noexcept nogil:
        # As recv: bytes, 0 at the end, -1 with errno.
        cdef ssize_t size
        if self.secured:
            if self.links[index].ssl != NULL:
                size = self.receive_openly(self.links[index].ssl)
            else:
                size = self.receive_secured(index)
            self.full = size == READ_ROOM
            return size
        return recv(self.links[index].fd, self.buffer, READ_ROOM, MSG_DONTWAIT)

    cdef ssize_t transmit(self, int index, const char* data, size_t size) noexcept nogil:
        if self.links[index].ssl != NULL:
            return self.transmit_openly(self.links[index].ssl, data, size)
        if self.secured:
            return self.transmit_secured(index, data, size)
        return send(self.links[index].fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT)

    cdef ssize_t receive_openly(self, SSL* tls) noexcept nogil:
        cdef ssize_t taken = 0
        cdef int got, why, problem
        while taken < READ_ROOM:
            library.ERR_clear_error()
            got = library.SSL_read(tls, self.buffer + taken, <int>(READ_ROOM - taken))
            if got > 0:
                taken += got
                if not library.SSL_has_pending(tls):
                    return taken
                continue
            problem = errno
            why = library.SSL_get_error(tls, got)
            library.ERR_clear_error()
            if taken:  # an end shows again
                return taken
            if why == SSL_ERROR_WANT_READ or why == SSL_ERROR_WANT_WRITE:
                c_errno.errno = EAGAIN
                return -1
            c_errno.errno = problem
            return -1 if why == SSL_ERROR_SYSCALL and problem else 0
        return taken

    cdef ssize_t transmit_openly(self, SSL* tls, const char* data, size_t size) noexcept nogil:
        cdef int sent, why, problem
        library.ERR_clear_error()
        sent = library.SSL_write(tls, data, <int>min(size, WRITE_MOST))
        if sent > 0:
            return sent
        problem = errno
        why = library.SSL_get_error(tls, sent)
        library.ERR_clear_error()
        if why == SSL_ERROR_WANT_READ or why == SSL_ERROR_WANT_WRITE:
            c_errno.errno = EAGAIN
        else:
            c_errno.errno = problem if why == SSL_ERROR_SYSCALL and problem else EPIPE
        return -1

    cdef ssize_t receive_secured(self, int index) noexcept with gil:
        cdef ssize_t taken = 0
        cdef int some
        try:
            while taken < READ_ROOM:
                room = PyMemoryView_FromMemory(self.buffer + taken, READ_ROOM - taken, PyBUF_WRITE)
                some = self.sockets[index].recv_into(room)
                if not some:
                    return taken
                taken += some
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError as error:
            if not taken:
                c_errno.errno = error.errno or 0
                return 0 if isinstance(error, ssl.SSLError) else -1
        if not taken:
            c_errno.errno = EAGAIN
            return -1
        return taken

    cdef ssize_t transmit_secured(self, int index, const char* data, size_t size) noexcept with gil:
        try:
            return self.sockets[index].send(<bytes>data[:size])
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            c_errno.errno = EAGAIN
        except OSError as error:
            c_errno.errno = error.errno or 0
        return -1

    cdef int put(self, int index, const char* data, size_t size) noexcept nogil:
        # Sends, and keeps what cannot be sent yet.
        cdef Link* link = &self.links[index]
        cdef ssize_t sent = 0
        cdef char* rest
        if not link.connecting and not link.rest_size:
            sent = self.transmit(index, data, size)
            if sent < 0:
                if errno != EAGAIN and errno != EINTR:
                    return self.fail(index, SYSTEM)
                sent = 0
            if <size_t>sent == size:
                return 0
        size -= sent
        if link.rest_size + size > link.rest_room:
            rest = <char*>realloc(link.rest, link.rest_size + size)
            if rest == NULL:
                return self.fail(index, SYSTEM)
            link.rest, link.rest_room = rest, link.rest_size + size
        memcpy(link.rest + link.rest_size, data + sent, size)
        link.rest_size += size
        if not link.watched:
            link.watched = True
            if self.watch(index, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT) < 0:
                return self.fail(index, SYSTEM)
        return 0

    cdef int put_rest(self, int index) noexcept nogil:
        cdef Link* link = &self.links[index]
        cdef ssize_t sent
        if link.rest_done < link.rest_size:
            sent = self.transmit(index, link.rest + link.rest_done, link.rest_size - link.rest_done)
            if sent < 0:
                return 0 if errno == EAGAIN or errno == EINTR else self.fail(index, SYSTEM)
            link.rest_done += sent
        if link.rest_done == link.rest_size:
            link.rest_done = link.rest_size = 0
            link.watched = False
            if self.watch(index, EPOLL_CTL_MOD, EPOLLIN) < 0:
                return self.fail(index, SYSTEM)
        return 0

    # -- what came of it -----------------------------------------------------------

    def failure(self):
        """Return None, or why the run ended early: a kind (one of FAILURES' values) and the text that belongs to it."""
        cdef Skipper* skipper
        if self.failed == NONE:
            return None
        if self.failed == SERVER_ERROR:
            skipper = &self.links[self.failed_link].skipper
            return "error", skipper.error[: skipper.error_size].rstrip(b"\r\n").decode("utf-8", "backslashreplace")
        if self.failed == SYSTEM:
            return "system", strerror(self.failed_errno).decode("utf-8", "replace")
        return FAILURES[self.failed], ""
