"""The loop that makes the load: one thread, one epoll, its share of the connections.

A connection has one batch under way. When the last of its replies has come, the next goes out: one `recv` and one
`send` a batch, no Python object, and the interpreter's lock is given up for the whole run.

**Closed loop** (the usual one): a batch follows the replies of the one before, so a server that stalls is asked less
meanwhile. **Open loop** (`rate`): each request is due at a time of its own, whatever the server does. What is
due and finds no free connection waits, and with `corrected` its latency counts from when it was due: else a stall would
be seen by the few requests that were under way, and not by all those that should have been (Gil Tene calls that
coordinated omission). Where it is this thread that stood still, because its processor was given to something else, the
server has nothing to do with it: what was to be sent meanwhile becomes due that much later, and the time is told.
"""

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset

from redpoll.benchmark.histogram cimport Counts, Histogram, record
from redpoll.benchmark.links cimport CLOSED, NO_RESP, NONE, SERVER_ERROR, SYSTEM, Link, Links
from redpoll.benchmark.requests cimport MIXED, Batch, Requests
from redpoll.benchmark.skipper cimport Skipper, skip_replies
from redpoll.benchmark.system cimport (
    CLOCK_MONOTONIC, EPOLL_CTL_ADD, EPOLLIN, EPOLLOUT, TFD_CLOEXEC, TFD_NONBLOCK, TFD_TIMER_ABSTIME, __ATOMIC_RELAXED,
    __atomic_fetch_add, close_descriptor, epoll_ctl, epoll_event, epoll_wait, itimerspec, now_ns, sched_yield,
    timerfd_create, timerfd_settime,
)

cdef enum:
    EVENTS = 256
    LOOK_UP_MS = 50          # how long a stop may go unseen
    SPIN_NS = 60_000         # a request that is due sooner is not worth going to sleep for
    ABSENT_NS = 1_000_000    # a pass that took longer, with less to do than
    ABSENT_WORK = 64         # so many batches to send or receive, did not have the processor
    TIMER = 0xFFFFFFFF


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


cdef class Worker(Links):
    """One thread's connections and figures."""

    cdef readonly Histogram histogram
    cdef readonly list parts             # of a mix: a histogram for each of its units
    cdef Requests requests
    cdef Batch batch
    cdef Plan plan
    cdef int timer, pipeline
    cdef int idle_count, open_links
    cdef bint keep_alive, follow_moves
    cdef Counts** part_counts
    cdef readonly int64_t errors
    cdef readonly int64_t begun, ended   # nanoseconds of the monotonic clock
    # Open loop
    cdef int64_t next_number, share
    cdef double interval, phase
    cdef int64_t armed, origin           # when the first request is due
    cdef readonly int64_t absences, absent_ns    # passes in which the thread stood still, and for how long in all

    def __cinit__(self, Requests requests, int pipeline, uint64_t seed, bint keep_alive=True, bint follow_moves=False,
                  bytes prefix=b"", int64_t prefix_replies=0, reconnect=None):  # fmt: skip
        self.timer = -1
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
        self.parts_room = pipeline * requests.most_commands if self.parts else 0

    def __dealloc__(self):
        free(self.part_counts)
        if self.timer >= 0:
            close_descriptor(self.timer)

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
        while self.idle_count and self.next_number < self.share and now >= self.origin:
            due = <int64_t>(<double>(now - self.origin) / self.interval) + 1 - self.next_number
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
            value = now - self.origin - <int64_t>(<double>(link.first + number // commands) * self.interval)
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

    def run(self, Plan plan, int number=0) -> None:
        """Make the load until the plan is fulfilled; figures begin anew. The interpreter's lock is free meanwhile.

        `number` is the thread's: of an open loop, the threads' requests are due by turns.
        """
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
            units = -(-<object>plan.wanted // self.requests.units[0].commands)
            self.share = units * (number + 1) // plan.threads - units * number // plan.threads
        self.phase = <double>number / plan.threads
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
            if self.failed:
                plan.stopping = True

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
        cdef int index, number, waited, busy
        cdef int ready = 0
        cdef int64_t before
        cdef int64_t now = now_ns()
        self.absences = self.absent_ns = 0
        self.idle_count = 0
        self.next_number = 0
        self.begun = now
        self.origin = now + <int64_t>(self.phase * self.interval)
        self.armed = 0
        for index in range(self.count):
            if self.interval == 0:
                if not self.links[index].ended and self.send_batch(index, self.pipeline, 0) < 0:
                    return
            else:
                self.idle[self.count - 1 - index] = index
                self.idle_count += 1
        while self.under_way():
            before = now
            waited = LOOK_UP_MS
            busy = ready + self.idle_count
            if self.interval:
                if self.send_due(now) < 0:
                    return
                waited = self.wait_for_due(now)
            # What this pass has received and sent.
            busy -= self.idle_count
            ready = epoll_wait(self.epoll, events, EVENTS, waited)
            # One look at the clock for all that came in meanwhile: it was there when the wait ended.
            now = now_ns()
            if waited:
                # Awake from when the timer was to wake it, if that was not sooner.
                before = self.armed if self.armed else now
            if self.plan.corrected and self.interval and busy <= ABSENT_WORK and now - before >= ABSENT_NS:
                self.origin += now - before
                self.absences += 1
                self.absent_ns += now - before
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
        if link.connecting:
            if self.connected(index) < 0:
                return -1
            link.sent_at = now_ns()
        if events & EPOLLOUT and link.watched and self.put_rest(index) < 0:
            return -1
        if events & ~<uint32_t>EPOLLOUT:
            self.full = False
            if self.take_replies(index, now) < 0:
                return -1
            while self.full:
                if self.take_replies(index, now_ns()) < 0:
                    return -1
        return 0

    cdef int wait_for_due(self, int64_t now) noexcept nogil:
        # Milliseconds for epoll: 0 where the next request is almost due. Further away, the timer ends the wait in time.
        cdef int64_t due
        cdef itimerspec when
        if self.next_number >= self.share or not self.idle_count:
            return LOOK_UP_MS
        due = self.origin + <int64_t>(<double>self.next_number * self.interval)
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
