"""Running the commands of an append-only file, as they stand there, without a client."""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memchr
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer

from redpoll.persistence.log_reader cimport ends_are_whole
from redpoll.server.connection cimport GATE_REPLAY, GATE_REPLY_OFF, Connection
from redpoll.server.dispatch cimport Dispatcher, Request
from redpoll.server.routine cimport Routine
from redpoll.wire.request cimport (
    REQUEST_BAD, REQUEST_EMPTY, REQUEST_MORE, REQUEST_READY, Arg, Outcome, parse, parser_reset,
)

cdef enum:
    WORDS = 4096


class BadLog(Exception):
    """Bytes that are no command; the text says what is wrong, `offset` where.

    `unknown`: a whole one, but not known; the text is its name.
    """

    def __init__(self, text: str, offset: int, *, unknown: bool = False) -> None:
        super().__init__(text)
        self.offset = offset
        self.unknown = unknown


cdef class Replay:
    """Runs what is in a buffer that holds an append-only file, from an offset on.

    `offset` is behind the last command that was run; `whole` is where to cut the file when its end is torn: behind the
    last command, or before the MULTI of a transaction whose EXEC is missing.
    """

    cdef Dispatcher dispatcher
    cdef Connection connection
    cdef Py_buffer view
    cdef bint has_view
    cdef Arg* words
    cdef readonly uint64_t offset
    cdef readonly uint64_t whole
    cdef readonly uint64_t commands
    cdef readonly int64_t timestamp          # of the last time annotation, Unix seconds; 0: none was met
    cdef public int64_t until                # stop before an annotation of a later time; 0: run all
    cdef bint in_transaction

    def __init__(self, dispatcher, data, uint64_t offset = 0):
        self.dispatcher = dispatcher
        self.words = <Arg*>malloc(WORDS * sizeof(Arg))
        if self.words == NULL:
            raise MemoryError
        PyObject_GetBuffer(data, &self.view, PyBUF_SIMPLE)
        self.has_view = True
        self.offset = self.whole = offset
        self.connection = Connection(-1, 0, self.dispatcher.keyspace.databases[0], self.dispatcher.keyspace.now)
        self.connection.server = self.dispatcher.server
        self.connection.gate |= GATE_REPLY_OFF | GATE_REPLAY
        self.connection.parser.trusted = True
        self.connection.parser.longest_word = <int64_t>1 << 62

    def __dealloc__(self):
        free(self.words)
        self.close()

    def close(self):
        """Let go of the buffer."""
        if self.has_view:
            self.has_view = False
            PyBuffer_Release(&self.view)

    def run(self, uint64_t most):
        """Run up to `most` commands; whether there may be more. Raises `BadLog`, or returns False at a torn end."""
        cdef const char* start = <const char*>self.view.buf
        cdef const char* end = start + self.view.len
        cdef const char* at = start + self.offset
        cdef const char* next = NULL
        cdef Request request
        cdef Outcome outcome
        cdef Routine routine
        cdef uint64_t ran = 0
        self.dispatcher.begin()
        while ran < most and at < end:
            if at[0] == c"#":
                next = <const char*>memchr(at, c"\n", end - at)
                if next == NULL:
                    return False
                if not self.note_time(at, next - at):
                    return False
                at = next + 1
                self.passed(at - start)
                continue
            if at[0] != c"*":
                raise BadLog("a command has to begin with '*'", at - start)
            outcome = parse(&self.connection.parser, at, end, self.words, WORDS, False,
                            &request.argv, &request.argc, &next)
            if outcome == REQUEST_MORE:
                parser_reset(&self.connection.parser)
                return False
            if outcome == REQUEST_BAD:
                raise BadLog((<bytes>self.connection.parser.error).decode("latin-1"), at - start)
            if outcome == REQUEST_READY and not ends_are_whole(request.argv, request.argc):
                raise BadLog("a word that does not end where its length says", at - start)
            if outcome == REQUEST_EMPTY:
                at = next
                self.passed(at - start)
                continue
            request.connection = <void*>self.connection
            request.start = at
            request.next = next
            request.hash = 0
            self.dispatcher.resolve(&request)
            if request.routine == NULL:
                name = request.argv[0].ptr[:request.argv[0].len]
                raise BadLog(name.decode("latin-1"), at - start, unknown=True)
            routine = <Routine>request.routine
            if routine.name == "multi":
                self.in_transaction = True
            elif routine.name == "exec":
                self.in_transaction = False
            self.dispatcher.run(self.connection, &request)
            if request.argv != self.words:
                parser_reset(&self.connection.parser)
            self.commands += 1
            ran += 1
            at = next
            self.passed(at - start)
        return at < end

    cdef int passed(self, uint64_t offset) except -1:
        self.offset = offset
        if not self.in_transaction:
            self.whole = offset
        return 0

    cdef bint note_time(self, const char* line, size_t length) except -1:
        """Look at an annotation; False: it is later than what is wanted."""
        cdef bytes text = line[:length]
        if text.startswith(b"#TS:"):
            try:
                self.timestamp = int(text[4:])
            except ValueError:
                return True
            if self.until and self.timestamp > self.until:
                return False
        return True
