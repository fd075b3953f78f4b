"""The lock of a server whose data several threads work on: an embedded store's.

The interpreter's lock is nearly enough. Compiled handlers keep it from their first line to their last, and nothing in
them can be seen half done. But a plain Python handler may be switched out in its middle, a script gives the lock up,
and so may whatever Python code runs within a command: a log line, a listener, a finalizer that garbage collection
calls. This flag covers those.

It is only ever looked at and changed with the interpreter's lock held and without any call that could let go of it
between, so a plain flag does: taking and leaving it costs a few instructions. A thread that finds it taken sleeps
on a condition variable, having given the interpreter's lock up; the turn's number, read before that and changed by
whoever leaves, sees to it that no wake-up is missed. Builds of Python without the interpreter's lock switch it on again
when these modules are imported, as they do not say that they can do without.

The thread that has it already is refused, not let in: the data may be in the middle of a change.

A script that runs for long steps aside again and again, so that commands of other threads are told that it is busy, or
kill it. Whoever enters by `with` (to close, save or fork) waits until it is done.
"""

cdef extern from *:
    """
    #include <pthread.h>
    #include <stdlib.h>

    typedef struct {
        pthread_mutex_t lock;
        pthread_cond_t left;
        unsigned long turn;
    } redpoll_gate;

    static redpoll_gate *redpoll_gate_new(void) {
        redpoll_gate *gate = calloc(1, sizeof(*gate));
        if (gate != NULL) {
            pthread_mutex_init(&gate->lock, NULL);
            pthread_cond_init(&gate->left, NULL);
        }
        return gate;
    }

    static unsigned long redpoll_gate_turn(redpoll_gate *gate) {
        pthread_mutex_lock(&gate->lock);
        unsigned long turn = gate->turn;
        pthread_mutex_unlock(&gate->lock);
        return turn;
    }

    static void redpoll_gate_wait(redpoll_gate *gate, unsigned long turn) {
        pthread_mutex_lock(&gate->lock);
        while (gate->turn == turn) pthread_cond_wait(&gate->left, &gate->lock);
        pthread_mutex_unlock(&gate->lock);
    }

    static void redpoll_gate_leave(redpoll_gate *gate) {
        pthread_mutex_lock(&gate->lock);
        gate->turn++;
        pthread_cond_broadcast(&gate->left);
        pthread_mutex_unlock(&gate->lock);
    }
    """
    ctypedef struct Gate "redpoll_gate":
        pass
    Gate* redpoll_gate_new() noexcept nogil
    unsigned long redpoll_gate_turn(Gate* gate) noexcept nogil
    void redpoll_gate_wait(Gate* gate, unsigned long turn) noexcept nogil
    void redpoll_gate_leave(Gate* gate) noexcept nogil

cdef extern from "<stdlib.h>" nogil:
    void free(void* block)

cdef extern from "<unistd.h>" nogil:
    int usleep(unsigned int microseconds)

cdef enum:
    ASIDE_US = 50        # about what a thread takes to wake up
    ASIDE_TIMES = 20


cdef class Guard:
    """Held by one thread at a time."""

    def __cinit__(self):
        self.gate = redpoll_gate_new()
        if self.gate == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.gate)

    cdef int acquire_slowly(self) except -1:
        if self.owner == PyThread_get_thread_ident():
            raise RuntimeError(
                "This thread is in the middle of a command of this store already: a signal handler, a finalizer or a "
                "handler of a command cannot run another one.")
        self.waiting += 1
        while self.held:
            self.sleep()
        self.waiting -= 1
        self.held = True
        self.owner = PyThread_get_thread_ident()
        return 0

    cdef void sleep(self) noexcept:
        cdef unsigned long turn = redpoll_gate_turn(<Gate*>self.gate)
        with nogil:
            redpoll_gate_wait(<Gate*>self.gate, turn)

    cdef int step_aside(self) except -1:
        cdef int times = 0
        self.aside = True
        # Those who come while others are in have to wake up, too; but what is under way goes on by and by.
        while self.waiting > self.patient and times < ASIDE_TIMES:
            self.release()
            with nogil:
                usleep(ASIDE_US)
            self.acquire()
            times += 1
        self.aside = False
        return 0

    cdef void wake(self) noexcept:
        redpoll_gate_leave(<Gate*>self.gate)

    def __enter__(self):
        if self.held or self.aside:
            if self.held and self.owner == PyThread_get_thread_ident():
                self.acquire_slowly()   # refuses
            self.waiting += 1
            self.patient += 1
            while self.held or self.aside:
                self.sleep()
            self.waiting -= 1
            self.patient -= 1
        self.held = True
        self.owner = PyThread_get_thread_ident()
        return self

    def __exit__(self, *_):
        self.release()

    @property
    def mine(self) -> bool:
        """Whether this thread holds it."""
        return self.is_mine()

    def after_fork(self):
        """In the child of a fork, whose only thread is the one that forked: nobody waits any more."""
        free(self.gate)
        self.gate = redpoll_gate_new()
        self.waiting = self.patient = 0
