"""What comes in: reading, cutting into requests, running them batch by batch.

Every connection that has something is read into one arena, and its bytes are cut into requests, up to a batch of some
hundred over all connections; the processor is asked for the buckets and then the entries of all their keys, so that a
batch waits for memory once and not once a command; then the requests are run in order. Nothing on this way makes a
Python object for a compiled command.
"""

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from redpoll.engine.table cimport table_prefetch, table_prefetch_entry
from redpoll.server.coalescing cimport Traffic
from redpoll.server.connection cimport GATE_BLOCKED, GATE_CLOSING
from redpoll.server.connections cimport EPOLLIN, JOBS, listing_add
from redpoll.server.encrypted cimport read_already, receive_secure
from redpoll.server.io_threads cimport JOB_READ, Cut, Job, Pool
from redpoll.wire.output cimport out_pending
from redpoll.wire.reply cimport reply_error
from redpoll.wire.request cimport (
    REQUEST_EMPTY, REQUEST_MORE, REQUEST_READY, Outcome, parse, parser_memory, parser_reset,
)

cdef extern from "<sys/socket.h>" nogil:
    ssize_t recv(int fd, void* buffer, size_t size, int flags)
    int MSG_DONTWAIT

cdef enum:
    ARENA_BYTES = 1048576
    READ_BYTES = 65536
    READ_LEAST = 16384
    BATCH_REQUESTS = 256
    BATCH_WORDS = 8192
    JOB_WORDS = 1024
    JOB_REQUESTS = 128
    ANSWER_EARLY = 262144        # bytes of replies, a fraction of what the processor's own cache holds


cdef class Batches(Connections):
    """Connections whose requests are run. `server` is told of protocol errors."""

    def __init__(self, server, Dispatcher dispatcher):
        Connections.__init__(self, server, dispatcher.keyspace)
        self.dispatcher = dispatcher
        self.query_limit = 1 << 30
        self.longest_word = 512 << 20
        self.prefetching = True
        self.traffic = Traffic()

    def __dealloc__(self):
        free(self.arena)
        free(self.batch)
        free(self.words)
        free(self.spare_arena)
        free(self.spare_batch)
        free(self.spare_words)
        free(self.touched.items)
        free(self.again.items)
        free(self.spare.items)
        free(self.jobs)
        free(self.job_words)
        free(self.job_cuts)

    cdef int open(self) except -1:
        self.open_buffers()
        return Connections.open(self)

    cdef int open_buffers(self) except -1:
        """Have what cutting requests out of bytes takes."""
        if self.arena == NULL:
            self.arena = <char*>malloc(ARENA_BYTES)
            self.batch = <Request*>malloc(BATCH_REQUESTS * sizeof(Request))
            self.words = <Arg*>malloc(BATCH_WORDS * sizeof(Arg))
            if self.arena == NULL or self.batch == NULL or self.words == NULL:
                raise MemoryError
        return 0

    cdef int swap_rooms(self) except -1:
        """Other buffers, as those of the turn are in use; and back. Nothing is left in those that are given up."""
        cdef char* arena
        cdef Request* batch
        cdef Arg* words
        if self.spare_arena == NULL:
            arena = <char*>malloc(ARENA_BYTES)
            batch = <Request*>malloc(BATCH_REQUESTS * sizeof(Request))
            words = <Arg*>malloc(BATCH_WORDS * sizeof(Arg))
            if arena == NULL or batch == NULL or words == NULL:
                free(arena)
                free(batch)
                free(words)
                raise MemoryError
            self.spare_arena, self.spare_batch, self.spare_words = arena, batch, words
        self.arena, self.spare_arena = self.spare_arena, self.arena
        self.batch, self.spare_batch = self.spare_batch, self.batch
        self.words, self.spare_words = self.spare_words, self.words
        return 0

    def use_threads(self, int threads):
        """Have so many threads, the loop's own included, read, parse and write."""
        if threads < 2 or self.pool is not None:
            return
        self.jobs = <Job*>calloc(JOBS, sizeof(Job))
        self.job_words = <Arg*>malloc(JOBS * JOB_WORDS * sizeof(Arg))
        self.job_cuts = <Cut*>malloc(JOBS * JOB_REQUESTS * sizeof(Cut))
        if self.jobs == NULL or self.job_words == NULL or self.job_cuts == NULL:
            raise MemoryError
        self.pool = Pool(threads - 1)

    @property
    def threads(self) -> int:
        """Threads that do input and output, the loop's own included."""
        return 1 if self.pool is None else self.pool.threads + 1

    def work_of_threads(self):
        """Reads and writes of each thread, the loop's own first."""
        cdef list found
        if self.pool is None:
            return [(self.reads, self.writes)]
        found = [self.pool.done_by(each) for each in range(self.pool.threads + 1)]
        # What the loop did without the others.
        found[0] = (found[0][0] + self.reads - min(self.threaded_reads, self.reads),
                    found[0][1] + self.writes - min(self.threaded_writes, self.writes))
        return found

    def reset_statistics(self):
        """CONFIG RESETSTAT."""
        Connections.reset_statistics(self)
        self.bytes_in = self.reads = self.threaded_reads = self.query_limit_closes = 0
        self.parse_batches = self.parse_batch_commands = 0

    # Reading

    cdef int receive(self, Connection connection) except -1:
        cdef char* into
        cdef size_t room
        cdef ssize_t got
        cdef size_t total = 0
        cdef int error
        cdef bint own
        if connection.shaking_hands and not self.shake_hands(connection):
            return 0
        while True:
            own = False
            if connection.parser.filling != NULL:
                into = connection.parser.filling.data + connection.parser.filled
                room = connection.parser.filling.length + 2 - connection.parser.filled
            elif connection.buffer_length or connection.stalled:
                connection.make_room(READ_LEAST)
                into = connection.buffer + connection.buffer_length
                room = connection.buffer_room - connection.buffer_length
                own = True
            else:
                if ARENA_BYTES - self.arena_used < READ_LEAST:
                    self.run_batch()
                    self.settle()
                    self.arena_used = 0
                into = self.arena + self.arena_used
                room = ARENA_BYTES - self.arena_used
                if room > READ_BYTES:
                    room = READ_BYTES
            if connection.secure is None:
                got = recv(connection.fd, into, room, MSG_DONTWAIT)
                error = errno
            else:
                got = receive_secure(connection, into, room, &error)
            if self.received(connection, into, got, error, own) and not connection.stalled:
                self.parse_input(connection)
            # What has been taken from the socket already is nothing that epoll would tell of.
            if connection.secure is None or connection.closed or got <= 0 or not read_already(connection):
                return 0
            total += got
            if total >= READ_BYTES:
                # Others have their turn first.
                self.unread.append(connection)
                return 0
            if connection.buffer_length or connection.at < connection.end:
                # What is read next would move what the batch points to, or take its place.
                self.run_batch()
                self.settle()
                if connection.closed:
                    return 0

    cdef int receive_by_threads(self, epoll_event* events, int happened) except -1:
        """Read what the threads can; those events are marked as dealt with."""
        cdef int i, at = 0
        cdef size_t count
        cdef void* found
        cdef Connection connection
        cdef Job* job
        while at < happened:
            count = 0
            while at < happened and count < JOBS:
                i = at
                at += 1
                found = self.by_descriptor[events[i].data.fd] if <size_t>events[i].data.fd < self.descriptors else NULL
                if found == NULL or events[i].events != EPOLLIN:
                    continue
                connection = <Connection>found
                if (connection.stalled or connection.queued or connection.parser.filling != NULL
                        or connection.parser.words_wanted or connection.secure is not None):
                    continue
                job = &self.jobs[count]
                job.own = connection.buffer_length != 0
                if job.own:
                    try:
                        connection.make_room(READ_LEAST)
                    except MemoryError as error:
                        self.give_up(connection, error)
                        events[i].data.fd = -1
                        continue
                    job.into = connection.buffer + connection.buffer_length
                    job.room = connection.buffer_room - connection.buffer_length
                    job.start = connection.buffer
                else:
                    job.into = self.arena + count * READ_LEAST
                    job.room = READ_LEAST
                    job.start = job.into
                job.kind = JOB_READ
                job.connection = found
                job.fd = connection.fd
                connection.parser.longest_word = self.longest_word
                job.parser = &connection.parser
                job.words = self.job_words + count * JOB_WORDS
                job.words_room = JOB_WORDS
                job.cuts = self.job_cuts + count * JOB_REQUESTS
                job.cuts_room = JOB_REQUESTS
                events[i].data.fd = -1
                connection.in_job = True
                count += 1
            if not count:
                break
            self.arena_used = count * READ_LEAST
            self.pool.run(self.jobs, count)
            self.threaded_reads += count
            i = 0
            while i < <int>count:
                try:
                    while i < <int>count:
                        i += 1
                        self.take_job(&self.jobs[i - 1])
                except Exception as error:
                    self.parsing = NULL
                    self.give_up(<Connection>self.jobs[i - 1].connection, error)
            # The arena and the jobs' words are about to be used again.
            self.run_batch()
            self.settle()
            self.arena_used = 0
        return 0

    cdef int take_job(self, Job* job) except -1:
        """Put into the batch what a thread has read and cut."""
        cdef Connection connection = <Connection>job.connection
        cdef Request* request
        cdef Cut* cut
        cdef size_t j
        connection.in_job = False
        if not self.received(connection, job.into, job.result, job.error, job.own):
            return 0
        connection.settled = False
        listing_add(&self.touched, <void*>connection)
        for j in range(job.cut_count):
            if self.batched == BATCH_REQUESTS:
                self.run_batch()
            if connection.stalled or connection.closed:
                break
            cut = &job.cuts[j]
            request = &self.batch[self.batched]
            request.connection = job.connection
            request.argv = cut.argv
            request.argc = cut.argc
            request.start = cut.start
            request.next = cut.next
            request.hash = 0
            self.dispatcher.resolve(request)
            self.batched += 1
            connection.queued += 1
            connection.at = cut.next
        if not connection.stalled and not connection.closed:
            connection.at = job.rest
            self.parse_input(connection)
        return 0

    cdef bint received(self, Connection connection, char* into, ssize_t got, int error, bint own) except -1:
        """Account for what `recv` told; whether there are bytes to be parsed."""
        if got <= 0:
            if got < 0 and (error == EAGAIN or error == EINTR):
                return False
            if connection.queued:
                # Its commands came before the end, so they run first.
                self.run_batch()
                self.settle()
            if not connection.closed:
                connection.closing_reason = "closed by client" if got == 0 else "read error"
                self.close(connection)
            return False
        self.reads += 1
        self.bytes_in += got
        connection.bytes_in += got
        self.turn_reads += 1
        self.traffic.read(connection.active_ms != self.keyspace.now)
        connection.active_ms = self.keyspace.now
        if connection.gate & GATE_CLOSING:
            return False
        if connection.parser.filling != NULL:
            connection.parser.filled += got
            if connection.parser.filled < connection.parser.filling.length + 2:
                return False
        elif own:
            connection.buffer_length += got
            connection.at = connection.buffer
            connection.end = connection.buffer + connection.buffer_length
            if connection.buffer_length > connection.buffer_peak:
                connection.buffer_peak = connection.buffer_length
        else:
            self.arena_used += got
            connection.arrived = got
            connection.at = into
            connection.end = into + got
            if <size_t>got > connection.buffer_peak:
                connection.buffer_peak = got
        if connection.buffer_length + parser_memory(&connection.parser) > self.query_limit:
            self.query_limit_closes += 1
            connection.closing_reason = "query buffer over its limit"
            self.server.log_client(connection, "its query buffer went over client-query-buffer-limit")
            self.close(connection)
            return False
        return True

    cdef int parse_input(self, Connection connection) except -1:
        """Put a connection's requests into the batch, running it whenever it is full."""
        cdef Request* request
        cdef Outcome outcome
        cdef const char* next = NULL
        cdef void* outer = self.parsing
        self.parsing = <void*>connection
        connection.parser.longest_word = self.longest_word
        if connection.settled:
            connection.settled = False
            listing_add(&self.touched, <void*>connection)
        while not connection.stalled and (connection.at < connection.end or connection.parser.filling != NULL):
            if self.batched == BATCH_REQUESTS or BATCH_WORDS - self.words_used < 64:
                self.run_batch()
                continue
            request = &self.batch[self.batched]
            outcome = parse(&connection.parser, connection.at, connection.end,
                            self.words + self.words_used, BATCH_WORDS - self.words_used, connection.queued == 0,
                            &request.argv, &request.argc, &next)
            if outcome == REQUEST_READY:
                request.connection = <void*>connection
                request.start = connection.at
                request.next = next
                request.hash = 0
                self.dispatcher.resolve(request)
                self.batched += 1
                connection.queued += 1
                connection.at = next
                if request.argv == self.words + self.words_used:
                    self.words_used += request.argc
                else:
                    # The words are the parser's own, good until its next call.
                    self.run_batch()
                    if connection.stalled and connection.at == request.start and connection.parser.long_count:
                        self.write_back(connection, request)
                    parser_reset(&connection.parser)
            elif outcome == REQUEST_EMPTY:
                connection.at = next
            elif outcome == REQUEST_MORE:
                if connection.parser.filling != NULL:
                    connection.end = next
                break
            else:
                self.run_batch()
                if not connection.closed and not connection.stalled:
                    self.protocol_error(connection)
                break
        self.parsing = outer
        return 0

    cdef int write_back(self, Connection connection, Request* request) except -1:
        """A request with words that left the buffer has to wait: put it there again, before what follows it."""
        cdef size_t i
        cdef list parts = [b"*%d\r\n" % request.argc]
        cdef bytes text
        for i in range(request.argc):
            parts.append(b"$%d\r\n" % request.argv[i].len)
            parts.append(request.argv[i].ptr[:request.argv[i].len])
            parts.append(b"\r\n")
        parts.append(request.next[:connection.end - request.next])
        text = b"".join(parts)
        connection.buffer_length = 0
        connection.make_room(len(text))
        memcpy(connection.buffer, <const char*>text, len(text))
        connection.buffer_length = len(text)
        connection.at = connection.buffer
        connection.end = connection.buffer + connection.buffer_length
        return 0

    def protocol_error(self, Connection connection):
        cdef bytes text = b"ERR " + <bytes>connection.parser.error
        reply_error(&connection.out, text, len(text))
        self.server.protocol_error(connection, text)
        self.dispatcher.error_replies += 1
        connection.at = connection.end
        connection.closing_reason = "protocol error"
        self.close_after_reply(connection)

    # Running

    cdef int run_batch(self) except -1:
        cdef size_t i, total = self.batched
        cdef Request* request
        if not total:
            return 0
        if total > 1 and self.prefetching:
            for i in range(total):
                request = &self.batch[i]
                if request.hash:
                    table_prefetch(&(<Connection>request.connection).db.table, request.hash)
            for i in range(total):
                request = &self.batch[i]
                if request.hash:
                    table_prefetch_entry(&(<Connection>request.connection).db.table, request.hash)
        self.parse_batches += 1
        self.parse_batch_commands += total
        self.turn_requests += total
        self.dispatcher.begin()
        self.batch_at = 0
        self.run_on()
        self.batched = 0
        self.words_used = 0
        return 0

    cdef int run_on(self) except -1:
        """Run the batch from where it stands; amid one of its commands it may be run on to its end."""
        cdef Request* request
        cdef Connection connection
        cdef Dispatcher dispatcher = self.dispatcher
        while self.batch_at < self.batched:
            request = &self.batch[self.batch_at]
            self.batch_at += 1
            connection = <Connection>request.connection
            connection.queued -= 1
            if connection.stalled:
                # A command before this one has to wait, or closed the connection.
                continue
            if not dispatcher.run(connection, request):
                connection.stalled = True
                connection.at = request.start
            elif connection.stalled:
                connection.at = request.next
            if not connection.flushing and connection.out.last != NULL:
                self.want_flush(connection)
            if connection.out.chunks > 1:
                self.over_limit(connection)
            # In the middle of a pipeline only if it alone is that much: one `send` for all of it is cheaper.
            if dispatcher.reply_bytes >= ANSWER_EARLY and (
                    connection.queued == 0 or out_pending(&connection.out) >= ANSWER_EARLY):
                dispatcher.reply_bytes = 0
                self.answer_early()
        return 0

    cdef int answer_early(self) except -1:
        """The turn goes on, but its replies are many bytes: send them while they lie in the processor's cache."""
        return self.flush_all()

    cdef int settle(self) except -1:
        """After the turn's batches: keep what is left of each connection's bytes."""
        cdef size_t i = 0, kept = 0
        cdef Connection connection = None
        while i < self.touched.count:
            try:
                while i < self.touched.count:
                    connection = <Connection>self.touched.items[i]
                    i += 1
                    if (self.engaged != NULL
                            and (<void*>connection == self.engaged or <void*>connection == self.parsing)):
                        # Its bytes are in use.
                        self.touched.items[kept] = <void*>connection
                        kept += 1
                        continue
                    connection.settled = True
                    if connection.closed:
                        continue
                    if connection.gate & GATE_CLOSING:
                        connection.at = connection.end
                    connection.store_rest()
            except MemoryError as error:
                self.give_up(connection, error)
        self.touched.count = kept
        return 0

    def go_on(self, Connection connection):
        """Run what a connection has waiting, from the next turn on, now that nothing holds it back any more."""
        if not connection.again and not connection.closed:
            connection.again = True
            listing_add(&self.again, <void*>connection)

    cdef int run_waiting(self) except -1:
        """Run what connections have waiting that nothing holds back any more."""
        cdef Listing listing = self.again
        cdef Connection connection = None
        cdef size_t i = 0
        self.again = self.spare
        self.again.count = 0
        while i < listing.count:
            try:
                while i < listing.count:
                    connection = <Connection>listing.items[i]
                    i += 1
                    connection.again = False
                    if not connection.closed and not connection.gate & (GATE_CLOSING | GATE_BLOCKED):
                        connection.stalled = False
                        self.parse_input(connection)
            except Exception as error:
                self.parsing = NULL
                self.give_up(connection, error)
        listing.count = 0
        self.spare = listing
        # Reading more of the same connection moves the bytes that these requests point to.
        self.run_batch()
        self.settle()
        return 0

    cdef int read_on(self) except -1:
        """Read what epoll does not tell of, as TLS has taken it from the socket in a turn before."""
        cdef Connection connection
        cdef list unread = self.unread
        self.unread = []
        for connection in unread:
            if not connection.closed:
                try:
                    self.receive(connection)
                except Exception as error:
                    self.parsing = NULL
                    self.give_up(connection, error)
        # Threads may be given the arena next.
        self.run_batch()
        self.settle()
        self.arena_used = 0
        return 0
