"""What comes in, cut into requests and run: see batches.pyx."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from redpoll.server.coalescing cimport Traffic
from redpoll.server.connection cimport Connection
from redpoll.server.connections cimport Connections, Listing, epoll_event
from redpoll.server.dispatch cimport Dispatcher, Request
from redpoll.server.io_threads cimport Cut, Job
from redpoll.wire.request cimport Arg

cdef class Batches(Connections):
    cdef readonly Dispatcher dispatcher
    cdef char* arena
    cdef size_t arena_used
    cdef Request* batch
    cdef size_t batched
    cdef size_t batch_at                  # the request of the batch that is next
    cdef Arg* words
    cdef size_t words_used
    cdef void* parsing                    # the Connection whose bytes are being cut into requests
    cdef char* spare_arena                # for turns amid a command; NULL until there is one
    cdef Request* spare_batch
    cdef Arg* spare_words
    cdef Listing touched                  # connections with requests in this turn's batches
    cdef Listing again                    # connections that nothing holds back any more
    cdef Listing spare
    cdef readonly Traffic traffic
    cdef uint32_t turn_reads              # what this turn has read, and run
    cdef uint32_t turn_requests
    cdef public uint64_t query_limit
    cdef public int64_t longest_word
    cdef public bint prefetching          # fetch the keys of a batch into the cache ahead
    cdef Arg* job_words
    cdef Cut* job_cuts
    cdef public uint64_t bytes_in
    cdef public uint64_t reads
    cdef public uint64_t threaded_reads
    cdef public uint64_t query_limit_closes
    cdef public uint64_t parse_batches
    cdef public uint64_t parse_batch_commands

    cdef int open_buffers(self) except -1
    cdef int swap_rooms(self) except -1
    cdef int receive(self, Connection connection) except -1
    cdef int receive_by_threads(self, epoll_event* events, int happened) except -1
    cdef int take_job(self, Job* job) except -1
    cdef bint received(self, Connection connection, char* into, ssize_t got, int error, bint own) except -1
    cdef int parse_input(self, Connection connection) except -1
    cdef int write_back(self, Connection connection, Request* request) except -1
    cdef int run_batch(self) except -1
    cdef int run_on(self) except -1
    cdef int answer_early(self) except -1
    cdef int settle(self) except -1
    cdef int run_waiting(self) except -1
    cdef int read_on(self) except -1
