"""When waiting a moment serves more: the loop's answer to many clients that each send one request at a time.

A loop that is faster than its clients wakes for a request or two, and pays a wait, a wake-up and
the clients' own wake-ups for each. Network cards coalesce interrupts for the same reason. So when the
last millisecond brought requests from many clients and this turn served but few of them, the others'
requests are on their way: some microseconds of sleep, and they are read in one turn.

Nobody waits who gains nothing: clients with pipelines make batches of their own, and a few clients in
lockstep with the server would only be slowed.
"""

from posix.unistd cimport usleep

cdef extern from "<sys/prctl.h>" nogil:
    int prctl(int option, unsigned long value, unsigned long, unsigned long, unsigned long)
    int PR_SET_TIMERSLACK

cdef enum:
    WAIT_US = 25
    CLIENTS_LEAST = 16           # in a millisecond
    READS_LEAST = 40             # in a millisecond: about a third of what one core serves one by one
    SHARE = 4                    # of the clients, one in so many served in a turn is few
    PIPELINED = 3                # requests a read from which on clients batch by themselves


cdef class Traffic:
    cpdef void tick(self, int64_t now_ms) noexcept:
        if now_ms == self.now_ms:
            return
        if now_ms == self.now_ms + 1:
            self.clients_before, self.reads_before = self.clients, self.reads
        else:
            self.clients_before = self.reads_before = 0
        self.clients = self.reads = 0
        self.now_ms = now_ms

    cpdef void read(self, bint first) noexcept:
        self.reads += 1
        self.clients += first

    cpdef bint worth_waiting(self, uint32_t read, uint32_t requests) noexcept:
        return (read != 0 and self.clients_before >= CLIENTS_LEAST
                and self.reads_before >= READS_LEAST and read * SHARE <= self.clients_before
                and requests < read * PIPELINED)

    cdef void wait(self) noexcept:
        with nogil:
            usleep(WAIT_US)

    cdef void prepare(self) noexcept:
        # The system may end a sleep 50 us late by default, to wake several sleepers at once.
        prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
