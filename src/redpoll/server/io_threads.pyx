"""I/O threads.

The loop gathers what is to be read, or written, and calls `Pool.run`: helpers and the loop's own
thread take job after job from one counter until none is left. A read job receives into a
buffer that the loop chose, and cuts the bytes into requests; a write job sends. So system
calls and parsing run on all threads at once, while commands run on the loop's alone.

Helpers touch no Python object, no keyspace and no allocator but the C library's; they need no
interpreter lock. What they cannot finish (a request that has not come whole, a protocol
error, an inline request) they leave to the loop. Between two runs a helper spins for a little while, as the
next run is usually near, and then sleeps.
"""

from libc.errno cimport errno
from libc.string cimport memset

from redpoll.wire.output cimport Chunk
from redpoll.wire.request cimport REQUEST_EMPTY, REQUEST_READY, Outcome, parse, parser_reset

cdef extern from "<sys/socket.h>" nogil:
    ssize_t recv(int fd, void* buffer, size_t size, int flags)
    ssize_t send(int fd, const void* buffer, size_t size, int flags)
    cdef struct msghdr:
        void* msg_name
        unsigned int msg_namelen
        iovec* msg_iov
        size_t msg_iovlen
        void* msg_control
        size_t msg_controllen
        int msg_flags
    ssize_t sendmsg(int fd, const msghdr* message, int flags)
    int MSG_NOSIGNAL, MSG_DONTWAIT

cdef extern from "<sys/uio.h>" nogil:
    cdef struct iovec:
        void* iov_base
        size_t iov_len

cdef extern from *:
    """
    #include <pthread.h>
    #include <sched.h>
    #include <signal.h>
    #include <stdatomic.h>
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>

    typedef void (*redpoll_work)(void *job);

    typedef struct {
        pthread_mutex_t lock;
        pthread_cond_t wake;
        atomic_ulong generation;     /* counts runs; a change wakes spinning helpers */
        /* The next job to be taken: generation (32 bits), number of jobs (16), index (16). In one word, so
           that a helper that is late for one run can take nothing from the next. */
        _Atomic uint64_t next;
        atomic_ulong done;           /* jobs finished in this run */
        atomic_int sleeping;
        atomic_int stop;
        char *jobs;
        size_t job_size;
        redpoll_work work;
        int threads;
        pthread_t *ids;
        atomic_int kind;             /* of this run's jobs: 0 or 1 */
        /* Jobs done, by thread (the caller's first) and kind; a cache line each. */
        struct { _Alignas(64) atomic_ulong by_kind[2]; } *done_by;
    } redpoll_pool;

    typedef struct { redpoll_pool *pool; int number; } redpoll_helper;

    #if defined(__x86_64__)
    #define redpoll_relax() __builtin_ia32_pause()
    #else
    #define redpoll_relax() atomic_signal_fence(memory_order_seq_cst)
    #endif

    static void redpoll_pool_help(redpoll_pool *pool, unsigned long generation, int number) {
        uint64_t ticket = atomic_load(&pool->next);
        int kind = atomic_load_explicit(&pool->kind, memory_order_relaxed);
        while ((uint32_t)(ticket >> 32) == (uint32_t)generation && (ticket & 0xFFFF) < ((ticket >> 16) & 0xFFFF)) {
            if (atomic_compare_exchange_weak(&pool->next, &ticket, ticket + 1)) {
                pool->work(pool->jobs + (ticket & 0xFFFF) * pool->job_size);
                atomic_fetch_add_explicit(&pool->done_by[number].by_kind[kind], 1, memory_order_relaxed);
                atomic_fetch_add(&pool->done, 1);
                ticket = atomic_load(&pool->next);
            }
        }
    }

    static void *redpoll_pool_thread(void *argument) {
        redpoll_pool *pool = ((redpoll_helper *)argument)->pool;
        int number = ((redpoll_helper *)argument)->number;
        unsigned long seen = 0, now;
        int spins;
        free(argument);
        for (;;) {
            for (spins = 0; spins < 2000; spins++) {
                if (atomic_load_explicit(&pool->generation, memory_order_acquire) != seen) break;
                redpoll_relax();
            }
            now = atomic_load(&pool->generation);
            if (now == seen) {
                pthread_mutex_lock(&pool->lock);
                atomic_fetch_add(&pool->sleeping, 1);
                while ((now = atomic_load(&pool->generation)) == seen && !atomic_load(&pool->stop))
                    pthread_cond_wait(&pool->wake, &pool->lock);
                atomic_fetch_sub(&pool->sleeping, 1);
                pthread_mutex_unlock(&pool->lock);
            }
            if (atomic_load(&pool->stop)) return NULL;
            seen = now;
            redpoll_pool_help(pool, now, number);
        }
    }

    static void redpoll_pool_run(redpoll_pool *pool, void *jobs, size_t count, int kind) {
        unsigned long generation = atomic_load(&pool->generation) + 1;
        pool->jobs = jobs;
        atomic_store_explicit(&pool->kind, kind, memory_order_relaxed);
        atomic_store(&pool->done, 0);
        atomic_store(&pool->next, (uint64_t)(uint32_t)generation << 32 | (uint64_t)count << 16);
        atomic_store(&pool->generation, generation);
        if (atomic_load(&pool->sleeping)) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_broadcast(&pool->wake);
            pthread_mutex_unlock(&pool->lock);
        }
        redpoll_pool_help(pool, generation, 0);
        int spins = 0;
        while (atomic_load(&pool->done) < count) {
            /* With fewer processors than threads the one that is waited for needs ours. */
            if (++spins < 1000) redpoll_relax(); else sched_yield();
        }
    }

    static redpoll_pool *redpoll_pool_new(int threads, redpoll_work work, size_t job_size) {
        redpoll_pool *pool = calloc(1, sizeof(redpoll_pool));
        sigset_t all, before;
        int i;
        if (pool == NULL) return NULL;
        pool->done_by = aligned_alloc(64, (size_t)(threads + 1) * sizeof(*pool->done_by));
        if (pool->done_by == NULL) { free(pool); return NULL; }
        memset(pool->done_by, 0, (size_t)(threads + 1) * sizeof(*pool->done_by));
        pthread_mutex_init(&pool->lock, NULL);
        pthread_cond_init(&pool->wake, NULL);
        pool->work = work;
        pool->job_size = job_size;
        pool->ids = calloc((size_t)threads, sizeof(pthread_t));
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        for (i = 0; i < threads && pool->ids != NULL; i++) {
            redpoll_helper *helper = malloc(sizeof(redpoll_helper));
            if (helper == NULL) break;
            helper->pool = pool;
            helper->number = i + 1;
            if (pthread_create(&pool->ids[i], NULL, redpoll_pool_thread, helper)) { free(helper); break; }
            pool->threads++;
        }
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return pool;
    }

    static void redpoll_pool_free(redpoll_pool *pool) {
        int i;
        atomic_store(&pool->stop, 1);
        pthread_mutex_lock(&pool->lock);
        atomic_fetch_add(&pool->generation, 1);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->lock);
        for (i = 0; i < pool->threads; i++) pthread_join(pool->ids[i], NULL);
        free(pool->ids);
        free(pool->done_by);
        free(pool);
    }

    static int redpoll_pool_threads(redpoll_pool *pool) { return pool->threads; }

    static unsigned long redpoll_pool_done_by(redpoll_pool *pool, int number, int kind) {
        return atomic_load_explicit(&pool->done_by[number].by_kind[kind], memory_order_relaxed);
    }
    """
    ctypedef struct redpoll_pool:
        pass
    ctypedef void (*redpoll_work)(void* job) noexcept nogil
    redpoll_pool* redpoll_pool_new(int threads, redpoll_work work, size_t job_size) noexcept nogil
    void redpoll_pool_run(redpoll_pool* pool, void* jobs, size_t count, int kind) noexcept nogil
    unsigned long redpoll_pool_done_by(redpoll_pool* pool, int number, int kind) noexcept nogil
    void redpoll_pool_free(redpoll_pool* pool) noexcept nogil
    int redpoll_pool_threads(redpoll_pool* pool) noexcept nogil

cdef enum:
    PIECES = 64
    WRITE_MOST = 1048576


cdef ssize_t send_output(int fd, const Out* out, size_t most, size_t* offered) noexcept nogil:
    cdef iovec pieces[PIECES]
    cdef msghdr message
    cdef Chunk* chunk = out.first
    cdef size_t used = 0, total = 0, length
    while chunk != NULL and used < PIECES and total < most:
        length = <size_t>(out.cursor - chunk.data) if chunk == out.last else chunk.length
        if length > chunk.sent:
            pieces[used].iov_base = (&chunk.blob.data[0] if chunk.blob != NULL else &chunk.data[0]) + chunk.sent
            pieces[used].iov_len = length - chunk.sent
            total += length - chunk.sent
            used += 1
        chunk = chunk.next
    offered[0] = total
    if used == 0:
        return 0
    if used == 1:
        return send(fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT)
    memset(&message, 0, sizeof(message))
    message.msg_iov = pieces
    message.msg_iovlen = used
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT)


cdef void read_and_cut(Job* job) noexcept nogil:
    cdef const char* end
    cdef const char* next = NULL
    cdef Outcome outcome
    cdef Cut* cut
    cdef Arg* words = job.words
    cdef size_t words_left = job.words_room
    job.cut_count = 0
    job.result = recv(job.fd, job.into, job.room, MSG_DONTWAIT)
    job.error = errno
    job.rest = job.start
    if job.result <= 0:
        return
    end = job.into + job.result
    while job.rest < end and job.cut_count < job.cuts_room and words_left >= 64:
        if job.rest[0] != c"*":
            break
        cut = &job.cuts[job.cut_count]
        outcome = parse(job.parser, job.rest, end, words, words_left, False, &cut.argv, &cut.argc, &next)
        if outcome == REQUEST_READY and cut.argv == words:
            cut.start = job.rest
            cut.next = next
            words += cut.argc
            words_left -= cut.argc
            job.cut_count += 1
            job.rest = next
        elif outcome == REQUEST_EMPTY:
            job.rest = next
        else:
            parser_reset(job.parser)
            break


cdef void do_job(void* pointer) noexcept nogil:
    cdef Job* job = <Job*>pointer
    if job.kind == JOB_READ:
        read_and_cut(job)
    else:
        job.result = send_output(job.fd, job.out, WRITE_MOST, &job.offered)
        job.error = errno


cdef class Pool:
    """So many helper threads beside the caller's."""

    def __init__(self, int threads):
        self.state = redpoll_pool_new(threads, do_job, sizeof(Job))
        if self.state == NULL:
            raise MemoryError
        self.threads = redpoll_pool_threads(<redpoll_pool*>self.state)

    def __dealloc__(self):
        if self.state != NULL:
            redpoll_pool_free(<redpoll_pool*>self.state)

    cdef void run(self, Job* jobs, size_t count) noexcept nogil:
        if count:
            redpoll_pool_run(<redpoll_pool*>self.state, jobs, count, 0 if jobs[0].kind == JOB_READ else 1)

    def done_by(self, int number):
        """Reads and writes that a thread has done; 0 is the caller's own."""
        return (redpoll_pool_done_by(<redpoll_pool*>self.state, number, 0),
                redpoll_pool_done_by(<redpoll_pool*>self.state, number, 1))
