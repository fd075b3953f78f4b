"""Memory from the system in pieces of 2 MiB, which a background thread makes ready.

The first touch of a huge page has the kernel zero all of it: a fraction of a millisecond at best, and
several where a hypervisor has to find the memory too. A table that grows does that dozens of
times a second, so once a process has taken a few pieces, a thread keeps the next ones mapped and
touched. Whoever asks faster than it can prepare maps for himself.

The thread touches no Python object. A child of a fork has no such thread, so it starts its own.
"""

cdef extern from *:
    """
    #include <pthread.h>
    #include <sched.h>
    #include <signal.h>
    #include <stdint.h>
    #include <sys/mman.h>
    #include <unistd.h>

    #define REDPOLL_PIECE ((size_t)2097152)
    #define REDPOLL_PREPARED 4      /* pieces that wait, at most; and one for so many taken, */
    #define REDPOLL_SHARE 4         /* so that a small server does not hold much more than it uses */

    static int redpoll_huge_pages = 1;
    static pthread_mutex_t redpoll_prepared_lock = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t redpoll_prepared_wake = PTHREAD_COND_INITIALIZER;
    static char *redpoll_prepared[REDPOLL_PREPARED];
    static int redpoll_prepared_count = 0;
    static int redpoll_preparing = 0;
    static int redpoll_taken = 0;
    static pid_t redpoll_preparing_process = 0;

    static char *redpoll_map(size_t size) {
        char *raw = mmap(NULL, size + REDPOLL_PIECE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (raw == MAP_FAILED) return NULL;
        char *start = (char *)(((uintptr_t)raw + REDPOLL_PIECE - 1) & ~(uintptr_t)(REDPOLL_PIECE - 1));
        size_t before = (size_t)(start - raw);
        if (before) munmap(raw, before);
        if (REDPOLL_PIECE - before) munmap(start + size, REDPOLL_PIECE - before);
        if (redpoll_huge_pages) madvise(start, size, MADV_HUGEPAGE);
        return start;
    }

    static void *redpoll_prepare_run(void *unused) {
        (void)unused;
        /* Where it shares a processor with the loop, it has what the loop leaves, and gives way in the middle of a
           page: to be late costs no more than to have none. */
        struct sched_param none = {0};
        sched_setscheduler(0, SCHED_IDLE, &none);
        pthread_mutex_lock(&redpoll_prepared_lock);
        for (;;) {
            while (!redpoll_preparing || redpoll_prepared_count >= redpoll_taken / REDPOLL_SHARE) {
                redpoll_preparing = 0;
                pthread_cond_wait(&redpoll_prepared_wake, &redpoll_prepared_lock);
            }
            pthread_mutex_unlock(&redpoll_prepared_lock);
            char *piece = redpoll_map(REDPOLL_PIECE);
            if (piece != NULL)
                for (size_t at = 0; at < REDPOLL_PIECE; at += 4096) ((volatile char *)piece)[at] = 0;
            pthread_mutex_lock(&redpoll_prepared_lock);
            if (piece != NULL) redpoll_prepared[redpoll_prepared_count++] = piece;
            else redpoll_preparing = 0;
        }
        return NULL;
    }

    /* Has the thread run; 0 when there can be none. The lock is held. */
    static int redpoll_prepare_more(void) {
        if (redpoll_preparing_process != getpid()) {
            pthread_t thread;
            sigset_t all, before;
            int failed;
            sigfillset(&all);
            pthread_sigmask(SIG_SETMASK, &all, &before);
            failed = pthread_create(&thread, NULL, redpoll_prepare_run, NULL);
            pthread_sigmask(SIG_SETMASK, &before, NULL);
            if (failed) return 0;
            pthread_detach(thread);
            redpoll_preparing_process = getpid();
        }
        redpoll_preparing = 1;
        pthread_cond_signal(&redpoll_prepared_wake);
        return 1;
    }

    /* A piece that is ready, or NULL; the next ones are on their way. */
    static char *redpoll_take_prepared(void) {
        char *piece = NULL;
        pthread_mutex_lock(&redpoll_prepared_lock);
        if (redpoll_prepared_count) piece = redpoll_prepared[--redpoll_prepared_count];
        if (redpoll_taken < REDPOLL_PREPARED * REDPOLL_SHARE) redpoll_taken++;
        if (redpoll_taken >= REDPOLL_SHARE) redpoll_prepare_more();
        pthread_mutex_unlock(&redpoll_prepared_lock);
        return piece;
    }

    static void redpoll_drop_prepared(void) {
        pthread_mutex_lock(&redpoll_prepared_lock);
        while (redpoll_prepared_count) munmap(redpoll_prepared[--redpoll_prepared_count], REDPOLL_PIECE);
        redpoll_preparing = 0;
        pthread_mutex_unlock(&redpoll_prepared_lock);
    }

    static size_t redpoll_prepared_bytes(void) {
        pthread_mutex_lock(&redpoll_prepared_lock);
        size_t bytes = (size_t)redpoll_prepared_count * REDPOLL_PIECE;
        pthread_mutex_unlock(&redpoll_prepared_lock);
        return bytes;
    }

    static void redpoll_before_fork(void) { pthread_mutex_lock(&redpoll_prepared_lock); }
    static void redpoll_after_fork(void) { pthread_mutex_unlock(&redpoll_prepared_lock); }

    static void redpoll_after_fork_in_child(void) {
        /* The thread that waited here is not in the child, but the condition would count on it. */
        pthread_cond_t fresh = PTHREAD_COND_INITIALIZER;
        redpoll_prepared_wake = fresh;
        redpoll_preparing = 0;
        pthread_mutex_unlock(&redpoll_prepared_lock);
    }

    __attribute__((constructor)) static void redpoll_mapping_loaded(void) {
        /* The lock is whole in a child, and nobody waits. */
        pthread_atfork(redpoll_before_fork, redpoll_after_fork, redpoll_after_fork_in_child);
    }
    """
    int redpoll_huge_pages
    char* redpoll_map(size_t size) noexcept nogil
    char* redpoll_take_prepared() noexcept nogil
    void redpoll_drop_prepared() noexcept nogil
    size_t redpoll_prepared_bytes() noexcept nogil

cdef extern from "<sys/mman.h>" nogil:
    int munmap(void* address, size_t length)


cdef void* map_memory(size_t size) noexcept nogil:
    cdef char* piece
    if size == PIECE_BYTES:
        piece = redpoll_take_prepared()
        if piece != NULL:
            return piece
    return redpoll_map(size)


cdef void unmap_memory(void* start, size_t size) noexcept nogil:
    munmap(start, size)


cdef size_t prepared_bytes() noexcept nogil:
    return redpoll_prepared_bytes()


cdef void drop_prepared() noexcept nogil:
    redpoll_drop_prepared()


cdef void want_huge_pages(bint wanted) noexcept nogil:
    global redpoll_huge_pages
    redpoll_huge_pages = wanted
