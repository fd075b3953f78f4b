"""Threads that read, parse and write for the loop: see io_threads.pyx."""

from redpoll.wire.output cimport Out
from redpoll.wire.request cimport Arg, Parser

cdef enum JobKind:
    JOB_READ
    JOB_WRITE

cdef struct Cut:                 # a request found in what was read
    Arg* argv
    size_t argc
    const char* start
    const char* next

cdef struct Job:
    JobKind kind
    void* connection             # for the loop; threads do not touch it
    int fd
    int error                    # errno of a failed read or write
    ssize_t result               # bytes read or written; as recv and send tell
    # Reading
    char* into
    size_t room
    const char* start            # unparsed bytes begin here, at `into` or before
    bint own                     # `into` is in the connection's own buffer
    Parser* parser
    Arg* words
    size_t words_room
    Cut* cuts
    size_t cuts_room
    size_t cut_count
    const char* rest             # what was not cut begins here
    # Writing
    Out* out
    size_t offered

# Sends the first chunks of an output, at most `most` bytes; as send(2), with what was offered in `offered`.
cdef ssize_t send_output(int fd, const Out* out, size_t most, size_t* offered) noexcept nogil

cdef class Pool:
    cdef readonly int threads
    cdef void* state
    # Does all jobs (fewer than 65536, all of one kind), with the calling thread's help; returns when all are done.
    cdef void run(self, Job* jobs, size_t count) noexcept nogil
