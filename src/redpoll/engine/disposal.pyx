"""A background thread that frees what takes the kernel long to take back.

The queue is a linked list through the blocks themselves. The thread starts with the first
block, touches no Python object and holds no lock but the queue's. A child of a fork has no
such thread, so it starts its own.
"""

cdef extern from *:
    """
    #include <pthread.h>
    #include <signal.h>
    #include <stdlib.h>
    #include <unistd.h>

    typedef struct redpoll_node { struct redpoll_node *next; } redpoll_node;

    static pthread_mutex_t redpoll_disposal_lock = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t redpoll_disposal_wake = PTHREAD_COND_INITIALIZER;
    static redpoll_node *redpoll_disposal_queue = NULL;
    static size_t redpoll_disposal_count = 0;
    static pid_t redpoll_disposal_process = 0;

    static void *redpoll_disposal_run(void *unused) {
        (void)unused;
        for (;;) {
            pthread_mutex_lock(&redpoll_disposal_lock);
            while (redpoll_disposal_queue == NULL)
                pthread_cond_wait(&redpoll_disposal_wake, &redpoll_disposal_lock);
            redpoll_node *node = redpoll_disposal_queue;
            redpoll_disposal_queue = node->next;
            pthread_mutex_unlock(&redpoll_disposal_lock);
            free(node);
            __atomic_fetch_sub(&redpoll_disposal_count, 1, __ATOMIC_RELAXED);
        }
        return NULL;
    }

    static int redpoll_disposal_start(void) {
        pthread_t thread;
        sigset_t all, before;
        int failed;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        failed = pthread_create(&thread, NULL, redpoll_disposal_run, NULL);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (!failed) pthread_detach(thread);
        return failed;
    }

    static void redpoll_dispose(void *block) {
        redpoll_node *node = block;
        if (redpoll_disposal_process != getpid()) {
            if (redpoll_disposal_process != 0) {
                pthread_mutex_init(&redpoll_disposal_lock, NULL);
                pthread_cond_init(&redpoll_disposal_wake, NULL);
                redpoll_disposal_queue = NULL;
                redpoll_disposal_count = 0;
            }
            if (redpoll_disposal_start()) { free(block); return; }
            redpoll_disposal_process = getpid();
        }
        __atomic_fetch_add(&redpoll_disposal_count, 1, __ATOMIC_RELAXED);
        pthread_mutex_lock(&redpoll_disposal_lock);
        node->next = redpoll_disposal_queue;
        redpoll_disposal_queue = node;
        pthread_mutex_unlock(&redpoll_disposal_lock);
        pthread_cond_signal(&redpoll_disposal_wake);
    }

    static size_t redpoll_disposal_pending(void) {
        return __atomic_load_n(&redpoll_disposal_count, __ATOMIC_RELAXED);
    }
    """
    void redpoll_dispose(void* block) noexcept nogil
    size_t redpoll_disposal_pending() noexcept nogil


cdef void free_later(void* block) noexcept nogil:
    redpoll_dispose(block)


cdef size_t pending() noexcept nogil:
    """Blocks not yet freed."""
    return redpoll_disposal_pending()
