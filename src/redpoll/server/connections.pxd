"""Who is connected, and what goes out to them: see connections.pyx."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport realloc

from redpoll.engine.keyspace cimport Keyspace
from redpoll.persistence.file_writer cimport FileWriter
from redpoll.server.connection cimport Connection
from redpoll.server.io_threads cimport Job, Pool

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        int fd
    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int operation, int fd, epoll_event* event)
    int epoll_wait(int epoll, epoll_event* events, int room, int timeout)
    int EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL, EPOLL_CLOEXEC
    uint32_t EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP

cdef enum:
    JOBS = 64                    # reads or writes for the threads at a time
    CLIENTS_STEP = 16            # a limit's part by which clients have to hold more to be looked at again

cdef struct Listing:          # an array of connections that the `connections` dictionary keeps alive
    void** items
    size_t count
    size_t room

cdef inline int listing_add(Listing* listing, void* item) except -1:
    cdef void** bigger
    if listing.count == listing.room:
        bigger = <void**>realloc(listing.items, (listing.room * 2 + 64) * sizeof(void*))
        if bigger == NULL:
            raise MemoryError
        listing.items = bigger
        listing.room = listing.room * 2 + 64
    listing.items[listing.count] = item
    listing.count += 1
    return 0

cdef struct OutputLimit:
    uint64_t hard
    uint64_t soft
    int64_t soft_ms

cdef class Connections:
    cdef readonly Keyspace keyspace
    cdef readonly object server
    cdef readonly dict connections        # descriptor -> Connection
    cdef dict watched                     # descriptor -> function to call when it can be read
    cdef int epoll
    cdef void** by_descriptor
    cdef size_t descriptors
    cdef uint64_t next_id
    cdef list graves                      # connections closed in this turn
    cdef list older_graves                # and in the one before
    cdef void* engaged                    # the Connection whose command runs on and on, while others are served
    cdef Listing flushing
    cdef list unread                      # connections with bytes that TLS has taken from the socket already
    cdef Listing held                     # connections whose output waits until the log is on the disk
    cdef uint64_t released_at             # how much of the log was there when some were last let go
    cdef Listing spare                    # in place of `flushing` while they are
    cdef FileWriter log                   # of the append-only file; None: there is none
    cdef OutputLimit output_limits[3]
    cdef public size_t clients_limit      # bytes that clients may hold; 0: any number
    cdef public bint clients_grew         # somebody may hold too much: it is looked at, at the end of the turn
    cdef size_t output_looked_at          # with an output of so many, nobody was to be closed a moment ago
    cdef Pool pool                        # None: the loop's thread does all input and output
    cdef Job* jobs
    cdef public uint64_t bytes_out
    cdef public uint64_t writes
    cdef public uint64_t threaded_writes
    cdef public uint64_t output_limit_closes

    # Something that was called raised: that is told and counted, and whoever called goes on.
    cdef void survived(self, str what, object error) noexcept
    # The same of one connection's work, which is given up with the connection.
    cdef void give_up(self, Connection connection, object error) noexcept
    cdef int open(self) except -1
    cdef bint shake_hands(self, Connection connection) except -1
    cdef void want_flush(self, Connection connection) noexcept
    cdef int flush_all(self) except -1
    cdef int flush_by_threads(self) except -1
    cdef int hand_out(self, Connection connection) except -1
    cdef int flush(self, Connection connection) except -1
    cdef bint sent(self, Connection connection, ssize_t sent, size_t offered, int error) except -1
    cdef int flushed(self, Connection connection) except -1
    cdef int watch_writing(self, Connection connection, bint wanted) except -1
    cdef void over_limit(self, Connection connection) noexcept
    cdef int hold_replies(self) except -1
    cdef int release_early(self) except -1
