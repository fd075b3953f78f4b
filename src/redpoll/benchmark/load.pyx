"""The loop that makes the load: one thread, one epoll, its share of the connections.

A connection has one batch under way. When the last of its replies has come, the next goes out: one `recv` and one
`send` a batch, no Python object, and the interpreter's lock is given up for the whole run. What the kernel does
not take at once waits in a buffer of the connection's own until it can be written.

**Closed loop** (the usual one): a batch follows the replies of the one before, so a server that stalls is asked less
meanwhile. **Open loop** (`rate`): each request is due at a time of its own, whatever the server does. What is
due and finds no free connection waits, and with `corrected` its latency counts from when it was due: else a stall would
be seen by the few requests that were under way, and not by all those that should have been (Gil Tene calls that
coordinated omission).

TLS connections are Python's `SSLSocket`: each of their reads and writes takes the lock for a moment.
"""

from libc cimport errno as c_errno
from cpython.buffer cimport PyBUF_WRITE
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.errno cimport EAGAIN, EINPROGRESS, EINTR, errno
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset, strerror

from redpoll.benchmark.histogram cimport Counts, Histogram, record
from redpoll.benchmark.requests cimport MIXED, Batch, Requests
from redpoll.benchmark.skipper cimport Skipper, skip_replies, skipper_reset

import ssl

cdef extern from "<sys/epoll.h>" nogil:
    cdef union epoll_data_t:
        uint64_t u64
    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int operation, int fd, epoll_event* event)
    int epoll_wait(int epoll, epoll_event* events, int room, int timeout)
    int EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLLIN, EPOLLOUT

cdef extern from "<sys/socket.h>" nogil:
    cdef struct sockaddr:
        unsigned short sa_family
    ctypedef unsigned int socklen_t
    cdef struct sockaddr_storage:
        pass
    int socket(int family, int kind, int protocol)
    int connect(int fd, const sockaddr* address, socklen_t size)
    int getpeername(int fd, sockaddr* address, socklen_t* size)
    int getsockopt(int fd, int level, int name, void* value, socklen_t* size)
    int setsockopt(int fd, int level, int name, const void* value, socklen_t size)
    ssize_t recv(int fd, void* buffer, size_t size, int flags)
    ssize_t send(int fd, const void* buffer, size_t size, int flags)
    int MSG_NOSIGNAL, MSG_DONTWAIT, AF_UNIX, SOCK_STREAM, SOCK_NONBLOCK, SOCK_CLOEXEC, SOL_SOCKET, SO_ERROR, SO_LINGER

cdef extern from "<netinet/in.h>" nogil:
    int IPPROTO_TCP

cdef extern from "<netinet/tcp.h>" nogil:
    int TCP_NODELAY

cdef extern from "<sys/timerfd.h>" nogil:
    cdef struct timespec:
        long tv_sec, tv_nsec
    cdef struct itimerspec:
        timespec it_interval, it_value
    int timerfd_create(int clock, int flags)
    int timerfd_settime(int fd, int flags, const itimerspec* value, itimerspec* old)
    int TFD_NONBLOCK, TFD_CLOEXEC, TFD_TIMER_ABSTIME

cdef extern from "<time.h>" nogil:
    int clock_gettime(int clock, timespec* time)
    int CLOCK_MONOTONIC

cdef extern from "<sched.h>" nogil:
    int sched_yield()

cdef extern from "<unistd.h>" nogil:
    int close_descriptor "close"(int fd)

cdef extern from *:
    int64_t __atomic_fetch_add(int64_t* at, int64_t by, int order) noexcept nogil
    int __ATOMIC_RELAXED

cdef enum:
    READ_ROOM = 1 << 18
    EVENTS = 256
    LOOK_UP_MS = 50          # how long a stop may go unseen
    SPIN_NS = 60_000         # a request that is due sooner is not worth going to sleep for
    TIMER = 0xFFFFFFFF

cdef enum Failure:
    NONE = 0
    SERVER_ERROR
    CLOSED
    NO_RESP
    SYSTEM

FAILURES = {SERVER_ERROR: "error", CLOSED: "closed", NO_RESP: "protocol", SYSTEM: "system"}


cdef inline int64_t now_ns() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_MONOTONIC, &t)
    return <int64_t>t.tv_sec * 1_000_000_000 + t.tv_nsec


cdef struct Link:
    int fd
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


cdef class Plan:
    """What the threads of one run share: how many requests there are to be, and whether to stop.

    `requests` counts commands, None is without end. `seconds` ends the run. `rate` is in
    commands a second, of all threads.
    """

    cdef int64_t issued, wanted, ready
    cdef bint stopping
    cdef int64_t seconds_ns
    cdef double rate
    cdef bint corrected
    cdef int threads

    def __init__(self, requests=None, double seconds=0.0, double rate=0.0, bint corrected=True, int threads=1):
        self.wanted = <int64_t>1 << 62 if requests is None else requests
        self.seconds_ns = <int64_t>(seconds * 1e9)
        self.rate = rate
        self.corrected = corrected
        self.threads = threads

    def stop(self) -> None:
        """Let what is under way be answered, and begin nothing more."""
        self.stopping = True

    def start(self) -> None:
        """Begin anew."""
        self.issued = self.ready = 0
        self.stopping = False


cdef class Worker:
    """One thread's connections and figures."""

    cdef readonly Histogram histogram
    cdef readonly list parts             # of a mix: a histogram for each of its units
    cdef Requests requests
    cdef Batch batch
    cdef Plan plan
    cdef int epoll, timer, pipeline
    cdef Link* links
    cdef int count, room
    cdef char* buffer
    cdef int* idle
    cdef int idle_count, open_links
    cdef bint keep_alive, follow_moves, secured
    cdef list sockets, tag_texts
    cdef bytes prefix
    cdef const char* prefix_text
    cdef size_t prefix_size
    cdef int64_t prefix_replies
    cdef object reconnect
    cdef Counts** part_counts
    cdef Failure failed
    cdef int failed_errno, failed_link
    cdef readonly bint moved             # the server sent us elsewhere
    cdef readonly int64_t errors
    cdef readonly int64_t begun, ended   # nanoseconds of the monotonic clock
    # Open loop
    cdef int64_t next_number, share
    cdef double interval
    cdef int64_t armed

    def __cinit__(self, Requests requests, int pipeline, uint64_t seed, bint keep_alive=True, bint follow_moves=False,
                  bytes prefix=b"", int64_t prefix_replies=0, reconnect=None):  # fmt: skip
        self.epoll = self.timer = -1
        self.buffer = <char*>malloc(READ_ROOM)
        if self.buffer == NULL:
            raise MemoryError
        self.requests = requests
        self.pipeline = pipeline
        self.batch = Batch(requests, pipeline, seed)
        self.histogram = Histogram()
        self.parts = [Histogram() for _ in range(requests.count)] if requests.order == MIXED else []
        self.part_counts = <Counts**>malloc(max(1, len(self.parts)) * sizeof(Counts*))
        if self.part_counts == NULL:
            raise MemoryError
        for index, part in enumerate(self.parts):
            self.part_counts[index] = &(<Histogram>part).counts
        self.keep_alive = keep_alive
        self.follow_moves = follow_moves
        self.prefix, self.prefix_text, self.prefix_size = prefix, prefix, len(prefix)
        self.prefix_replies = prefix_replies
        self.reconnect = reconnect
        self.sockets, self.tag_texts = [], []
        self.epoll = epoll_create1(EPOLL_CLOEXEC)
        if self.epoll < 0:
            raise OSError(errno, "epoll_create1")

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
        free(self.part_counts)
        if self.epoll >= 0:
            close_descriptor(self.epoll)
        if self.timer >= 0:
            close_descriptor(self.timer)

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
        else:
            self.sockets.append(None)
            added.fd = link.detach()
        if self.requests.order == MIXED:
            added.parts = <uint16_t*>malloc(<size_t>self.pipeline * self.requests.most_commands * sizeof(uint16_t))
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
        self.plan.stopping = True
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
        try:
            self.sockets[index].close()
            fresh = self.reconnect(index)
            fresh.setblocking(False)
            self.sockets[index] = fresh
            link.fd = fresh.fileno()
        except Exception:
            return self.fail(index, CLOSED)
        skipper_reset(&link.skipper)
        link.connecting = link.watched = True
        link.greeting = 0  # has been said, and answered
        if self.watch(index, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT) < 0:
            return self.fail(index, SYSTEM)
        return 0

    # -- bytes ---------------------------------------------------------------------

    cdef ssize_t receive(self, int index) noexcept nogil:
        # As recv: bytes, 0 at the end, -1 with errno.
        if self.secured:
            return self.receive_secured(index)
        return recv(self.links[index].fd, self.buffer, READ_ROOM, MSG_DONTWAIT)

    cdef ssize_t transmit(self, int index, const char* data, size_t size) noexcept nogil:
        if self.secured:
            return self.transmit_secured(index, data, size)
        return send(self.links[index].fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT)

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

    # -- batches -------------------------------------------------------------------

    cdef int send_batch(self, int index, int units, int64_t first) noexcept nogil:
        cdef Link* link = &self.links[index]
        cdef const char* tag = NULL
        if link.tag_count:
            if link.tag_next >= link.tag_count:
                link.tag_next = 0
            tag = link.tags + 3 * link.tag_next
            link.tag_next += 1
        self.batch.compose(units, tag)
        if self.batch.parts != NULL:
            memcpy(link.parts, self.batch.parts, self.batch.commands * sizeof(uint16_t))
        link.awaited = self.batch.commands
        link.answered = 0
        link.first = first
        link.busy = True
        link.sent_at = now_ns()
        return self.put(index, self.batch.text, self.batch.size)

    cdef bint over(self, int64_t now) noexcept nogil:
        if self.plan.seconds_ns and now - self.begun >= self.plan.seconds_ns:
            self.plan.stopping = True
        return self.plan.stopping

    cdef int next_batch(self, int index) noexcept nogil:
        # Closed loop: the next batch, if there is to be one; else the connection is done.
        cdef int64_t commands = <int64_t>self.pipeline * self.requests.units[0].commands
        if self.links[index].ended:
            return 0
        if self.plan.stopping or __atomic_fetch_add(&self.plan.issued, commands, __ATOMIC_RELAXED) >= self.plan.wanted:
            self.links[index].ended = True
            self.open_links -= 1
            return 0
        return self.send_batch(index, self.pipeline, 0)

    cdef void begin(self) noexcept nogil:
        cdef int64_t commands = <int64_t>self.pipeline * self.requests.units[0].commands
        cdef int index
        if self.interval:
            return
        for index in range(self.count):
            if __atomic_fetch_add(&self.plan.issued, commands, __ATOMIC_RELAXED) >= self.plan.wanted:
                self.links[index].ended = True
                self.open_links -= 1

    cdef int send_due(self, int64_t now) noexcept nogil:
        # Open loop: what is due goes out while there are connections for it.
        cdef int64_t due
        cdef int index, units
        while self.idle_count and self.next_number < self.share:
            due = <int64_t>(<double>(now - self.begun) / self.interval) + 1 - self.next_number
            if due <= 0 or self.plan.stopping:
                break
            if due > self.share - self.next_number:
                due = self.share - self.next_number
            units = self.pipeline if due > self.pipeline else <int>due
            self.idle_count -= 1
            index = self.idle[self.idle_count]
            if self.send_batch(index, units, self.next_number) < 0:
                return -1
            self.next_number += units
        return 0

    cdef int batch_ended(self, int index) noexcept nogil:
        cdef Link* link = &self.links[index]
        link.busy = False
        if not self.keep_alive and not link.ended and not self.plan.stopping:
            if self.connect_again(index) < 0:
                return -1
        if self.interval == 0:
            return self.next_batch(index)
        self.idle[self.idle_count] = index
        self.idle_count += 1
        return 0

    cdef int take_replies(self, int index, int64_t now) noexcept nogil:
        cdef Link* link = &self.links[index]
        cdef ssize_t size = self.receive(index)
        cdef int64_t found, number, value
        if size <= 0:
            if size < 0 and (errno == EAGAIN or errno == EINTR):
                return 0
            if size < 0:
                return self.fail(index, SYSTEM)
            return self.fail(index, CLOSED)
        found = skip_replies(&link.skipper, self.buffer, size)
        if found < 0:
            return self.fail(index, NO_RESP)
        if link.skipper.errors and self.note_error(index) < 0:
            return -1
        if link.greeting and found:
            number = found if found < link.greeting else link.greeting
            link.greeting -= number
            found -= number
        if not found:
            return 0
        if found > link.awaited:
            return self.fail(index, NO_RESP)
        if self.interval == 0 or not self.plan.corrected:
            value = now - link.sent_at
            if value < 0:
                value = 0  # answered within the very turn in which it was sent
            record(&self.histogram.counts, value, found)
            if link.parts != NULL:
                for number in range(link.answered, link.answered + found):
                    record(self.part_counts[link.parts[number]], value, 1)
        else:
            self.record_due(link, found, now)
        link.awaited -= found
        link.answered += found
        if link.awaited:
            return 0
        return self.batch_ended(index)

    cdef void record_due(self, Link* link, int64_t found, int64_t now) noexcept nogil:
        cdef int64_t number, value
        cdef int64_t commands = self.requests.units[0].commands
        for number in range(link.answered, link.answered + found):
            value = now - self.begun - <int64_t>(<double>(link.first + number // commands) * self.interval)
            if value < 0:
                value = 0
            record(&self.histogram.counts, value, 1)
            if link.parts != NULL:
                record(self.part_counts[link.parts[number]], value, 1)

    cdef int note_error(self, int index) noexcept nogil:
        # Errors end the run: figures of a server that refuses mean nothing. Only a cluster may say that slots moved.
        cdef Skipper* skipper = &self.links[index].skipper
        cdef const char* text = skipper.error
        if self.follow_moves and skipper.error_size >= 4 and (
            not memcmp(text, b"MOVE", 4) or not memcmp(text, b"ASK ", 4)
        ):
            self.moved = True
            self.errors += skipper.errors
            skipper.errors = 0
            skipper.error_size = 0
            return 0
        if not skipper.error_size:
            return 0
        return self.fail(index, SERVER_ERROR)

    # -- the loop ------------------------------------------------------------------

    def run(self, Plan plan) -> None:
        """Make the load until the plan is fulfilled; figures begin anew. The interpreter's lock is free meanwhile."""
        cdef Histogram part
        cdef int index
        self.plan = plan
        self.failed = NONE
        self.histogram.clear()
        for part in self.parts:
            part.clear()
        self.interval = 1e9 * plan.threads / plan.rate * self.requests.units[0].commands if plan.rate else 0.0
        if plan.rate:
            if self.timer < 0:
                self.open_timer()
            self.share = -(-plan.wanted // (<int64_t>plan.threads * self.requests.units[0].commands))
        self.open_links = self.count
        for index in range(self.count):
            self.links[index].ended = False
            self.links[index].skipper.errors = 0
        with nogil:
            # All threads begin together, and each connection has its first batch: else the first thread would have
            # taken all there is to do before the last is there.
            self.begin()
            __atomic_fetch_add(&self.plan.ready, 1, __ATOMIC_RELAXED)
            while not self.plan.stopping:
                if __atomic_fetch_add(&self.plan.ready, 0, __ATOMIC_RELAXED) >= self.plan.threads:
                    break
                sched_yield()
            self.work()
            self.ended = now_ns()

    def open_timer(self):
        cdef epoll_event event
        self.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)
        if self.timer < 0:
            raise OSError(errno, "timerfd_create")
        event.events = EPOLLIN
        event.data.u64 = TIMER
        if epoll_ctl(self.epoll, EPOLL_CTL_ADD, self.timer, &event) < 0:
            raise OSError(errno, "epoll_ctl")

    cdef void work(self) noexcept nogil:
        cdef epoll_event events[EVENTS]
        cdef int index, number, ready
        cdef int64_t now = now_ns()
        self.idle_count = 0
        self.next_number = 0
        self.begun = now
        self.armed = 0
        for index in range(self.count):
            if self.interval == 0:
                if not self.links[index].ended and self.send_batch(index, self.pipeline, 0) < 0:
                    return
            else:
                self.idle[self.count - 1 - index] = index
                self.idle_count += 1
        while self.under_way():
            if self.interval:
                if self.send_due(now) < 0:
                    return
                ready = epoll_wait(self.epoll, events, EVENTS, self.wait_for_due(now))
            else:
                ready = epoll_wait(self.epoll, events, EVENTS, LOOK_UP_MS)
            # One look at the clock for all that came in meanwhile: it was there when the wait ended.
            now = now_ns()
            self.over(now)
            if ready < 0:
                if errno != EINTR:
                    self.fail(0, SYSTEM)
                    return
                continue
            for number in range(ready):
                if events[number].data.u64 == TIMER:
                    self.armed = 0
                    self.disarm()
                    continue
                if self.attend(<int>events[number].data.u64, events[number].events, now) < 0:
                    return

    cdef bint under_way(self) noexcept nogil:
        if self.failed:
            return False
        if self.interval == 0:
            return self.open_links > 0
        # What was sent is waited for, also after a stop.
        return self.idle_count < self.count or (self.next_number < self.share and not self.plan.stopping)

    cdef int attend(self, int index, uint32_t events, int64_t now) noexcept nogil:
        cdef Link* link = &self.links[index]
        cdef int problem = 0
        cdef socklen_t size = sizeof(problem)
        if link.connecting:
            if getsockopt(link.fd, SOL_SOCKET, SO_ERROR, &problem, &size) < 0 or problem:
                self.set_errno(problem)
                return self.fail(index, SYSTEM)
            if not events & EPOLLOUT:
                return 0
            link.connecting = False
            if link.greeting and self.greet(index) < 0:
                return -1
            link.sent_at = now_ns()
        if events & EPOLLOUT and link.watched and self.put_rest(index) < 0:
            return -1
        if events & ~<uint32_t>EPOLLOUT:
            return self.take_replies(index, now)
        return 0

    cdef void set_errno(self, int problem) noexcept nogil:
        c_errno.errno = problem

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

    cdef int wait_for_due(self, int64_t now) noexcept nogil:
        # Milliseconds for epoll: 0 where the next request is almost due. Further away, the timer ends the wait in time.
        cdef int64_t due
        cdef itimerspec when
        if self.next_number >= self.share or not self.idle_count:
            return LOOK_UP_MS
        due = self.begun + <int64_t>(<double>self.next_number * self.interval)
        if due - now < SPIN_NS:
            return 0
        due -= SPIN_NS // 2
        if self.armed != due:
            self.armed = due
            memset(&when, 0, sizeof(when))
            when.it_value.tv_sec = due // 1_000_000_000
            when.it_value.tv_nsec = due % 1_000_000_000
            timerfd_settime(self.timer, TFD_TIMER_ABSTIME, &when, NULL)
        return LOOK_UP_MS

    cdef void disarm(self) noexcept nogil:
        cdef itimerspec never
        memset(&never, 0, sizeof(never))
        timerfd_settime(self.timer, 0, &never, NULL)

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
