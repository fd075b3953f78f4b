"""A file that is written, and synced to the disk, by a thread of its own.

The owner appends bytes to blocks in memory and hands them over, once a turn of its loop or whenever a block is full;
what is handed over while the thread is busy is put together. The thread writes them in order and calls fdatasync as the
policy says. So a slow disk never stops the owner, who looks at `synced` to know what is safe, and learns of progress by
an event descriptor.

A write that fails is tried again every second from where it stopped: nothing is dropped, and when the disk has room
again the file is whole. Meanwhile `error` is set. The thread touches no Python object.

A sync that failed is not made good by one that succeeds: the kernel may have forgotten what it could not write. So with
`keeping`, blocks stay in memory until they are on the disk, and all that was written since the last good sync is
written again, in its place, before the next one. Without, the writer is done for at the first failed sync.

With SYNC_ALWAYS many clients may wait for the disk together. Those who were just answered come again at once. Where a
sync takes longer than that, the thread waits for most of them before the next one, or they would go by halves, each
waiting while the disk works for the other. Where it is quick, halves keep both the disk and the loop busy.

Nobody waits for a snapshot. Where its thread shares a processor with the loop, the loop goes first after every block,
for as long as the thread keeps up; with more than `BEHIND` waiting it takes the share that the kernel gives it, since
what changes meanwhile has to be kept until it is written.

A stream may go on in another file: the new writer counts its bytes from where the one before ended, and tells none of
them as synced before all of that one's are (`follow`).
"""

import os

from libc.stdint cimport uint64_t
from libc.stdlib cimport abort, free, malloc, realloc
from libc.string cimport memcpy

cdef extern from *:
    """
    #include <errno.h>
    #include <fcntl.h>
    #include <pthread.h>
    #include <sched.h>
    #include <signal.h>
    #include <stdatomic.h>
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/eventfd.h>
    #include <time.h>
    #include <unistd.h>

    #define REDPOLL_KEPT_MOST (32u << 20)
    #define REDPOLL_BEHIND (16u << 20)
    #define REDPOLL_JOIN_MOST 16384
    #define REDPOLL_GATHER_FROM 0.4e-3   /* seconds that a sync takes; clients are waited for as long at most, */
    #define REDPOLL_GATHER_MOST 3e-3     /* and so many seconds */
    #define REDPOLL_GATHER_STEP_US 50
    #define REDPOLL_TEXT_MOST (1u << 20)
    #define REDPOLL_TEXT_SYNC (32u << 20)

    typedef struct redpoll_block {
        struct redpoll_block *next;
        size_t length, capacity, marks, mark_room;
        uint64_t *marked;
        const char *text;
        size_t text_length;
        char data[8];
    } redpoll_block;

    typedef redpoll_block *(*redpoll_block_filter)(void *context, redpoll_block *block);

    typedef struct {
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t wake;          /* of the thread: there is something to do */
        pthread_cond_t progress;      /* of whoever waits for it */
        redpoll_block *first, *last;
        redpoll_block *kept, *kept_last;      /* written and not synced */
        size_t kept_bytes;
        double sync_took;             /* seconds, of late */
        atomic_uint clients;          /* whose replies wait for a sync */
        atomic_uint crowd;            /* as many waited for the last one */
        off_t safe;                   /* where in the file the kept blocks begin */
        unsigned long safe_bytes;     /* what `file_bytes` was there */
        int keeping, sync_failed;
        unsigned int slowness;        /* microseconds before each write, for tests */
        int fd, event, policy, stop, sync_wanted, ended;
        int waiters;                  /* threads in redpoll_writer_wait_until */
        size_t waiting;               /* bytes handed over and not written */
        uint64_t sync_every;          /* sync after so many bytes besides; 0: do not */
        redpoll_block_filter filter;
        void *context;
        atomic_ulong handed_over;     /* bytes, before any filter */
        atomic_ulong done;            /* of those: written */
        atomic_ulong synced;          /* of those: on the disk */
        atomic_ulong file_bytes;      /* written to the file */
        atomic_ulong delayed;         /* syncs that took longer than a second */
        atomic_ulong slowest_sync;    /* microseconds, since somebody asked last */
        atomic_ulong slowest_write;
        atomic_int error;
    } redpoll_writer;

    static double redpoll_writer_now(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec + t.tv_nsec * 1e-9;
    }

    /* Only the writer's thread raises it, so that nothing is lost but what is asked for just then. */
    static void redpoll_writer_note(atomic_ulong *slowest, double begun) {
        unsigned long took = (unsigned long)((redpoll_writer_now() - begun) * 1e6);
        if (took > atomic_load(slowest)) atomic_store(slowest, took);
    }

    static void redpoll_writer_tell(redpoll_writer *w) {
        uint64_t one = 1;
        ssize_t ignored = write(w->event, &one, sizeof(one));
        (void)ignored;
    }

    /* A long text goes out by and by, so that others have their turn at the disk, and the processor. */
    static ssize_t redpoll_writer_text(redpoll_writer *w, const redpoll_block *block, size_t at) {
        size_t left = block->text_length - at;
        if (at) sched_yield();
        /* Only begun here, so that the sync at the end has little left to wait for. */
        if (w->sync_every && at && at % REDPOLL_TEXT_SYNC == 0) sync_file_range(w->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
        return write(w->fd, block->text + at, left < REDPOLL_TEXT_MOST ? left : REDPOLL_TEXT_MOST);
    }

    static void redpoll_writer_hear(redpoll_writer *w) {
        uint64_t count;
        ssize_t ignored = read(w->event, &count, sizeof(count));
        (void)ignored;
    }

    static int redpoll_writer_write(redpoll_writer *w, redpoll_block *block, size_t *offset) {
        while (*offset < block->length + block->text_length) {
            ssize_t n = *offset < block->length
                ? write(w->fd, block->data + *offset, block->length - *offset)
                : redpoll_writer_text(w, block, *offset - block->length);
            if (n < 0) {
                if (errno == EINTR) continue;
                return errno;
            }
            *offset += (size_t)n;
            atomic_fetch_add(&w->file_bytes, (unsigned long)n);
        }
        return 0;
    }

    static void redpoll_writer_free(redpoll_block *block) {
        while (block) {
            redpoll_block *next = block->next;
            free(block->marked);
            free(block);
            block = next;
        }
    }

    static void redpoll_writer_safe(redpoll_writer *w) {
        w->safe += (off_t)w->kept_bytes;
        w->safe_bytes += w->kept_bytes;
        w->kept_bytes = 0;
        redpoll_writer_free(w->kept);
        w->kept = w->kept_last = NULL;
    }

    /* Put everything that is not known to be on the disk back in line; `block` is one that was begun, or NULL. */
    static void redpoll_writer_redo(redpoll_writer *w, redpoll_block *block) {
        if (block) {
            block->next = w->first;
            w->first = block;
            if (w->last == NULL) w->last = block;
        }
        if (w->kept) {
            w->kept_last->next = w->first;
            w->first = w->kept;
            if (w->last == NULL) w->last = w->kept_last;
            w->waiting += w->kept_bytes;
            atomic_fetch_sub(&w->done, (unsigned long)w->kept_bytes);
            w->kept = w->kept_last = NULL;
            w->kept_bytes = 0;
        }
        atomic_store(&w->file_bytes, w->safe_bytes);
        lseek(w->fd, w->safe, SEEK_SET);
    }

    static void *redpoll_writer_run(void *argument) {
        redpoll_writer *w = argument;
        redpoll_block *block = NULL;      /* what is being written, after the filter */
        size_t offset = 0, raw = 0;
        double last_sync = redpoll_writer_now();
        uint64_t unsynced_file = 0;
        pthread_mutex_lock(&w->lock);
        for (;;) {
            int idle = block == NULL && w->first == NULL;
            int unsynced = atomic_load(&w->synced) != atomic_load(&w->done);
            double now = redpoll_writer_now();
            int sync_due = unsynced && idle && (w->sync_wanted || w->policy == 2 ||
                                                (w->policy == 1 && now - last_sync >= 1.0));
            if (w->policy == 1 && unsynced && now - last_sync >= 1.0) sync_due = 1;
            if (w->sync_every && unsynced_file >= w->sync_every) sync_due = 1;
            if (unsynced && (w->kept_bytes >= REDPOLL_KEPT_MOST || (w->sync_failed && idle))) sync_due = 1;
            if (sync_due && w->policy == 2 && w->sync_took > REDPOLL_GATHER_FROM && !w->sync_wanted && !w->stop &&
                !w->sync_failed && now - last_sync < w->sync_took &&
                now - last_sync < REDPOLL_GATHER_MOST &&
                atomic_load(&w->clients) * 10 < atomic_load(&w->crowd) * 9) {
                pthread_mutex_unlock(&w->lock);
                usleep(REDPOLL_GATHER_STEP_US);
                pthread_mutex_lock(&w->lock);
                continue;
            }
            if (sync_due) {
                unsigned long upto = atomic_load(&w->done);
                pthread_mutex_unlock(&w->lock);
                int failed = fdatasync(w->fd) < 0 && errno != EINVAL && errno != EROFS ? errno : 0;
                double after = redpoll_writer_now();
                redpoll_writer_note(&w->slowest_sync, now);
                pthread_mutex_lock(&w->lock);
                if (after - now > 1.0) atomic_fetch_add(&w->delayed, 1);
                last_sync = after;
                w->sync_took += (after - now - w->sync_took) / 8;
                atomic_store(&w->clients, 0);      /* until the loop tells who is left */
                unsynced_file = 0;
                if (failed) {
                    atomic_store(&w->error, failed);
                    w->sync_failed = 1;
                    if (w->keeping) {
                        redpoll_writer_redo(w, block);
                        block = NULL;
                    }
                } else {
                    w->sync_failed = 0;
                    if (block == NULL) atomic_store(&w->error, 0);
                    redpoll_writer_safe(w);
                    atomic_store(&w->synced, upto);
                    if (upto == atomic_load(&w->handed_over)) w->sync_wanted = 0;
                }
                redpoll_writer_tell(w);
                pthread_cond_broadcast(&w->progress);
                if (failed && !w->keeping) {
                    while (!w->stop) pthread_cond_wait(&w->wake, &w->lock);
                    break;
                }
                if (failed && w->stop) break;
                if (failed) goto pause;
                continue;
            }
            if (idle) {
                if (w->stop) break;
                if (!unsynced) w->sync_wanted = 0;
                if (w->policy == 1 && unsynced) goto pause_until_sync;
                pthread_cond_wait(&w->wake, &w->lock);
                continue;
            }
            if (block == NULL) {
                block = w->first;
                w->first = block->next;
                if (w->first == NULL) w->last = NULL;
                raw = block->length + block->text_length;
                offset = 0;
                if (w->filter) {
                    pthread_mutex_unlock(&w->lock);
                    block = w->filter(w->context, block);
                    pthread_mutex_lock(&w->lock);
                }
            }
            pthread_mutex_unlock(&w->lock);
            if (!w->keeping && w->waiting < REDPOLL_BEHIND) sched_yield();
            double begun = redpoll_writer_now();
            if (w->slowness) usleep(w->slowness);
            size_t before = offset;
            int failed = redpoll_writer_write(w, block, &offset);
            redpoll_writer_note(&w->slowest_write, begun);
            pthread_mutex_lock(&w->lock);
            unsynced_file += offset - before;
            if (failed) {
                int first = atomic_load(&w->error) == 0;
                atomic_store(&w->error, failed);
                if (first) redpoll_writer_tell(w);
                pthread_cond_broadcast(&w->progress);
                if (w->stop) break;
                goto pause;
            }
            if (atomic_load(&w->error) && !w->sync_failed) {
                atomic_store(&w->error, 0);
                redpoll_writer_tell(w);
            }
            block->next = NULL;
            if (w->keeping) {
                if (w->kept_last) w->kept_last->next = block; else w->kept = block;
                w->kept_last = block;
                w->kept_bytes += raw;
            } else {
                redpoll_writer_free(block);
            }
            block = NULL;
            w->waiting -= raw;
            atomic_fetch_add(&w->done, (unsigned long)raw);
            if (w->policy != 2) redpoll_writer_tell(w);
            pthread_cond_broadcast(&w->progress);
            continue;
        pause_until_sync:
        pause: {
                struct timespec until;
                double wait = 1.0 - (redpoll_writer_now() - last_sync);
                if (atomic_load(&w->error) || wait <= 0) wait = atomic_load(&w->error) ? 0.2 : 0.001;
                clock_gettime(CLOCK_REALTIME, &until);
                until.tv_nsec += (long)(wait * 1e9) % 1000000000;
                until.tv_sec += (time_t)wait + until.tv_nsec / 1000000000;
                until.tv_nsec %= 1000000000;
                pthread_cond_timedwait(&w->wake, &w->lock, &until);
            }
        }
        if (block) block->next = NULL;
        redpoll_writer_free(block);
        redpoll_writer_free(w->first);
        redpoll_writer_free(w->kept);
        w->first = w->last = w->kept = w->kept_last = NULL;
        pthread_cond_broadcast(&w->progress);
        pthread_mutex_unlock(&w->lock);
        return NULL;
    }

    static redpoll_writer *redpoll_writer_new(int fd, int policy, uint64_t sync_every, uint64_t first,
                                              int keeping, redpoll_block_filter filter, void *context) {
        sigset_t all, before;
        redpoll_writer *w = calloc(1, sizeof(*w));
        if (w == NULL) return NULL;
        w->fd = fd;
        w->policy = policy;
        w->sync_every = sync_every;
        w->keeping = keeping;
        if (keeping) w->safe = lseek(fd, 0, SEEK_END);
        w->filter = filter;
        w->context = context;
        atomic_init(&w->handed_over, first);
        atomic_init(&w->done, first);
        atomic_init(&w->synced, first);
        w->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        pthread_mutex_init(&w->lock, NULL);
        pthread_cond_init(&w->wake, NULL);
        pthread_cond_init(&w->progress, NULL);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int failed = w->event < 0 || pthread_create(&w->thread, NULL, redpoll_writer_run, w);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (failed) {
            if (w->event >= 0) close(w->event);
            free(w);
            return NULL;
        }
        return w;
    }

    /* 0: the bytes went into the block before, which is not begun yet, and the block stays the caller's. */
    static int redpoll_writer_submit(redpoll_writer *w, void *submitted) {
        redpoll_block *block = submitted;
        block->next = NULL;
        atomic_fetch_add(&w->handed_over, (unsigned long)(block->length + block->text_length));
        pthread_mutex_lock(&w->lock);
        redpoll_block *last = w->last;
        int joined = last && !w->filter && !last->text && !block->text && block->length <= REDPOLL_JOIN_MOST
            && last->capacity - last->length >= block->length;
        w->waiting += block->length + block->text_length;
        if (joined) {
            memcpy(last->data + last->length, block->data, block->length);
            last->length += block->length;
        } else {
            if (last) last->next = block; else w->first = block;
            w->last = block;
        }
        pthread_mutex_unlock(&w->lock);
        /* Not before, or the thread would wake only to wait for the lock. */
        if (!joined) pthread_cond_signal(&w->wake);
        return !joined;
    }

    /* 0: everything handed over is written and on the disk; else why it is not, after so many seconds. */
    static int redpoll_writer_drain(redpoll_writer *w, double seconds) {
        int result = 0;
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += (time_t)seconds + 1;
        pthread_mutex_lock(&w->lock);
        w->sync_wanted = 1;
        pthread_cond_signal(&w->wake);
        while (atomic_load(&w->synced) != atomic_load(&w->handed_over)) {
            if (atomic_load(&w->error) && seconds <= 0) { result = atomic_load(&w->error); break; }
            if (pthread_cond_timedwait(&w->progress, &w->lock, &until) == ETIMEDOUT) {
                result = atomic_load(&w->error);
                if (result == 0) result = ETIMEDOUT;
                break;
            }
        }
        pthread_mutex_unlock(&w->lock);
        return result;
    }

    static void redpoll_writer_wait(redpoll_writer *w, size_t most) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 1;
        pthread_mutex_lock(&w->lock);
        while (w->waiting > most)
            if (pthread_cond_timedwait(&w->progress, &w->lock, &until) == ETIMEDOUT) break;
        pthread_mutex_unlock(&w->lock);
    }

    /* 0: so many bytes are written, or on the disk; else why they are not. */
    static int redpoll_writer_wait_until(redpoll_writer *w, unsigned long bytes, int synced) {
        int failed = 0;
        pthread_mutex_lock(&w->lock);
        w->waiters++;
        while (!w->ended && atomic_load(synced ? &w->synced : &w->done) < bytes) {
            if ((failed = atomic_load(&w->error))) break;
            pthread_cond_wait(&w->progress, &w->lock);
        }
        w->waiters--;
        pthread_cond_broadcast(&w->progress);
        pthread_mutex_unlock(&w->lock);
        return failed;
    }

    static void redpoll_writer_ask(redpoll_writer *w, int policy, int sync) {
        pthread_mutex_lock(&w->lock);
        if (policy >= 0) w->policy = policy;
        if (sync) w->sync_wanted = 1;
        pthread_cond_signal(&w->wake);
        pthread_mutex_unlock(&w->lock);
    }

    static void redpoll_writer_stop(redpoll_writer *w) {
        pthread_mutex_lock(&w->lock);
        w->stop = 1;
        pthread_cond_signal(&w->wake);
        pthread_mutex_unlock(&w->lock);
        pthread_join(w->thread, NULL);
        pthread_mutex_lock(&w->lock);
        w->ended = 1;
        pthread_cond_broadcast(&w->progress);
        while (w->waiters) pthread_cond_wait(&w->progress, &w->lock);
        pthread_mutex_unlock(&w->lock);
        close(w->event);
        pthread_mutex_destroy(&w->lock);
        pthread_cond_destroy(&w->wake);
        pthread_cond_destroy(&w->progress);
        free(w);
    }

    #define redpoll_writer_tell_clients(w, count) atomic_store_explicit(&(w)->clients, count, memory_order_relaxed)
    #define redpoll_writer_tell_crowd(w, count) atomic_store_explicit(&(w)->crowd, count, memory_order_relaxed)
    #define redpoll_writer_load(field) atomic_load(&(field))
    #define redpoll_writer_take(field) atomic_exchange(&(field), 0)
    #define redpoll_writer_error(writer) atomic_load(&(writer)->error)
    """
    ctypedef unsigned long atomic_ulong
    ctypedef struct Writer "redpoll_writer":
        int event
        size_t waiting
        unsigned int slowness
        atomic_ulong handed_over
        atomic_ulong done
        atomic_ulong synced
        atomic_ulong file_bytes
        atomic_ulong delayed
        atomic_ulong slowest_sync
        atomic_ulong slowest_write
    Writer* redpoll_writer_new(int fd, int policy, uint64_t sync_every, uint64_t first, int keeping,
                               void* filter, void* context) noexcept nogil
    int redpoll_writer_submit(Writer* w, void* block) noexcept nogil
    void redpoll_writer_hear(Writer* w) noexcept nogil
    int redpoll_writer_drain(Writer* w, double seconds) noexcept nogil
    void redpoll_writer_wait(Writer* w, size_t most) noexcept nogil
    int redpoll_writer_wait_until(Writer* w, unsigned long bytes, int synced) noexcept nogil
    void redpoll_writer_ask(Writer* w, int policy, int sync) noexcept nogil
    void redpoll_writer_stop(Writer* w) noexcept nogil
    void redpoll_writer_tell_clients(Writer* w, unsigned int count) noexcept nogil
    void redpoll_writer_tell_crowd(Writer* w, unsigned int count) noexcept nogil
    unsigned long redpoll_writer_load(unsigned long field) noexcept nogil
    unsigned long redpoll_writer_take(unsigned long field) noexcept nogil
    int redpoll_writer_error(Writer* w) noexcept nogil

cdef enum:
    BLOCK_BYTES = 262144


cdef Block* block_new(size_t capacity) noexcept nogil:
    cdef Block* block = <Block*>malloc(sizeof(Block) + capacity)
    if block == NULL:
        abort()
    block.next = NULL
    block.length = block.marks = block.mark_room = 0
    block.marked = NULL
    block.text = NULL
    block.text_length = 0
    block.capacity = capacity
    return block


cdef void block_free(Block* block) noexcept nogil:
    if block != NULL:
        free(block.marked)
        free(block)


cdef class FileWriter:
    """Writes to an open descriptor, which stays the caller's; close this before it.

    `first` is the number of the first byte, for a stream that began in another file. `keeping`: see above; the file is
    written at its end then, and must not be open for appending.
    """

    def __init__(self, int fd, int policy = SYNC_NEVER, uint64_t sync_every = 0, uint64_t first = 0,
                 bint keeping = False):
        self.first = self.appended = first
        self.keeping = keeping
        self.start(fd, policy, sync_every, NULL, NULL)

    cdef int start(self, int fd, int policy, uint64_t sync_every, block_filter filter, void* context) except -1:
        if self.writer != NULL:
            redpoll_writer_stop(<Writer*>self.writer)
        self.writer = redpoll_writer_new(fd, policy, sync_every, self.first, self.keeping, <void*>filter, context)
        if self.writer == NULL:
            raise OSError("no thread could be started to write a file in the background")
        return 0

    def __dealloc__(self):
        if self.writer != NULL:
            redpoll_writer_stop(<Writer*>self.writer)
        block_free(self.open_block)

    cdef char* reserve(self, size_t size) noexcept nogil:
        cdef Block* block = self.open_block
        if block == NULL or block.capacity - block.length < size:
            self.hand_over()
            block = self.open_block = block_new(size if size > BLOCK_BYTES else BLOCK_BYTES)
        return block.data + block.length

    cdef void advance(self, size_t size) noexcept nogil:
        self.open_block.length += size
        self.appended += size

    cdef void append(self, const char* bytes, size_t size) noexcept nogil:
        memcpy(self.reserve(size), bytes, size)
        self.advance(size)

    cdef void append_text(self, const char* text, size_t length) noexcept nogil:
        cdef Block* block
        self.hand_over()
        block = block_new(0)
        block.text = text
        block.text_length = length
        self.appended += length
        redpoll_writer_submit(<Writer*>self.writer, block)

    cdef void mark(self, uint64_t value) noexcept nogil:
        cdef Block* block = self.open_block
        if block.marks == block.mark_room:
            block.mark_room = block.mark_room * 2 + 64
            block.marked = <uint64_t*>realloc(block.marked, block.mark_room * sizeof(uint64_t))
            if block.marked == NULL:
                abort()
        block.marked[block.marks] = value
        block.marks += 1

    cdef void hand_over(self) noexcept nogil:
        cdef Block* block = self.open_block
        if block != NULL and block.length:
            if redpoll_writer_submit(<Writer*>self.writer, block):
                self.open_block = NULL
            else:
                block.length = 0

    cdef void clients_wait(self, size_t count) noexcept nogil:
        redpoll_writer_tell_clients(<Writer*>self.writer, <unsigned int>count)

    cdef void clients_waited(self, size_t count) noexcept nogil:
        redpoll_writer_tell_crowd(<Writer*>self.writer, <unsigned int>count)

    cdef uint64_t synced_bytes(self) noexcept nogil:
        cdef uint64_t synced
        if self.before != NULL:
            synced = redpoll_writer_load((<Writer*>self.before).synced)
            if synced < self.first:
                return synced
        if self.kept_back:
            return self.first
        return redpoll_writer_load((<Writer*>self.writer).synced)

    cdef uint64_t written_bytes(self) noexcept nogil:
        return redpoll_writer_load((<Writer*>self.writer).done)

    cdef size_t waiting_bytes(self) noexcept nogil:
        return self.appended - redpoll_writer_load((<Writer*>self.writer).done)

    def follow(self, FileWriter before, bint kept_back):
        """Go on where `before` ended: it has to live until `stand_alone`, once all of it is synced; None: nothing was.

        `kept_back`: besides, nothing is told as synced until `release`.
        """
        self.before = before.writer if before is not None else NULL
        self.kept_back = kept_back

    def stand_alone(self):
        """The writer that this one follows is done."""
        self.before = NULL

    def release(self):
        """What is synced may be told as synced."""
        self.kept_back = False

    def write(self, bytes data):
        """Append bytes, and let the thread write them."""
        self.append(data, len(data))
        self.hand_over()

    def submit(self):
        """Let the thread write what was appended."""
        self.hand_over()

    def use_policy(self, int policy):
        """When to sync from now on: SYNC_NEVER, SYNC_SECONDLY, SYNC_ALWAYS."""
        redpoll_writer_ask(<Writer*>self.writer, policy, 0)

    def sync_soon(self):
        """Have the thread sync as soon as everything is written."""
        self.hand_over()
        redpoll_writer_ask(<Writer*>self.writer, -1, 1)

    def drain(self, double seconds):
        """Wait until everything is written and synced. Raises OSError when that fails or takes longer."""
        cdef int failed
        self.hand_over()
        with nogil:
            failed = redpoll_writer_drain(<Writer*>self.writer, seconds)
        if failed:
            raise OSError(failed, os.strerror(failed))

    def wait_for_room(self, size_t most):
        """Wait until no more than so many bytes wait to be written, or for a second."""
        with nogil:
            redpoll_writer_wait(<Writer*>self.writer, most)

    cdef int wait_until(self, uint64_t bytes, bint synced) except -1:
        cdef int failed
        cdef FileWriter kept = self
        with nogil:
            failed = redpoll_writer_wait_until(<Writer*>kept.writer, bytes, synced)
        return failed

    def slow_down(self, unsigned int microseconds):
        """Wait so long before each write."""
        (<Writer*>self.writer).slowness = microseconds

    def abandon(self):
        """In the child of a fork: the thread and the file are the parent's."""
        self.writer = NULL

    def stop(self):
        """End the thread; what is not written by now is lost."""
        cdef void* writer = self.writer
        self.writer = NULL
        if writer != NULL:
            with nogil:
                redpoll_writer_stop(<Writer*>writer)

    def acknowledge(self):
        """Take note of the event descriptor's news."""
        redpoll_writer_hear(<Writer*>self.writer)

    @property
    def event(self) -> int:
        """A descriptor that can be read when something was written or synced, or failed."""
        return (<Writer*>self.writer).event

    @property
    def written(self) -> int:
        """Of the bytes appended: how many the file has."""
        return self.written_bytes()

    @property
    def synced(self) -> int:
        """Of the bytes appended: how many are safe on the disk."""
        return self.synced_bytes()

    @property
    def waiting(self) -> int:
        """Bytes appended and not yet written."""
        return self.waiting_bytes()

    @property
    def file_bytes(self) -> int:
        """Bytes written to the file, which a filter may have made fewer."""
        return redpoll_writer_load((<Writer*>self.writer).file_bytes)

    @property
    def delayed_syncs(self) -> int:
        """Syncs that took longer than a second."""
        return redpoll_writer_load((<Writer*>self.writer).delayed)

    def take_slowest(self):
        """Microseconds that the slowest sync and the slowest write took since this was asked last."""
        return (redpoll_writer_take((<Writer*>self.writer).slowest_sync),
                redpoll_writer_take((<Writer*>self.writer).slowest_write))

    @property
    def error(self) -> int:
        """Why the last write or sync failed, here or in the file before; as an errno, 0: it did not."""
        cdef int number = redpoll_writer_error(<Writer*>self.writer)
        if number == 0 and self.before != NULL:
            number = redpoll_writer_error(<Writer*>self.before)
        return number
