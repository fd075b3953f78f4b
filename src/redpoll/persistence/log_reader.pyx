"""The commands of an append-only file, looked at one after another, none of them run.

    *3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n      a command
    #TS:1628217473\r\n                                  a time, Unix seconds, that holds from here on; # else: remarks

A file may end anywhere, as the power may: what is whole is told by `whole`. The line of a byte counts from 1; a command
takes one for its count and two for each word.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memchr
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize

from redpoll.wire.request cimport (
    REQUEST_BAD, REQUEST_EMPTY, REQUEST_MORE, REQUEST_READY, Arg, Outcome, Parser, parse, parser_free, parser_init,
    parser_reset,
)

cdef enum:
    WORDS = 4096
    CANDIDATES = 64              # places that are tried for the beginning of a command
    NAME_MOST = 64


cdef bint ends_are_whole(const Arg* argv, size_t argc) noexcept nogil:
    cdef size_t i
    for i in range(argc):
        if argv[i].ptr[argv[i].len] != c"\r" or argv[i].ptr[argv[i].len + 1] != c"\n":
            return False
    return True


cdef class LogReader:
    """Looks through a buffer that holds an append-only file, from an offset on.

    `whole` and `whole_line` are behind the last command that is whole, or before the MULTI of a transaction whose EXEC
    is missing. `problem` says why it went no further, "" if it is whole; `torn` whether just its end is missing.
    `names` counts commands by their name in lower case.
    """

    cdef Parser parser
    cdef Py_buffer view
    cdef bint has_view
    cdef Arg* words
    cdef readonly uint64_t offset
    cdef readonly uint64_t line
    cdef readonly uint64_t whole
    cdef readonly uint64_t whole_line
    cdef readonly uint64_t commands
    cdef readonly int64_t timestamp          # of the last time, 0: none was met
    cdef readonly int64_t first_timestamp
    cdef public int64_t until                # stop before a time later than this; 0: there is none
    cdef readonly bint stopped               # it was met
    cdef readonly bint torn
    cdef readonly str problem
    cdef readonly dict names
    cdef bint in_transaction

    def __cinit__(self, data, uint64_t offset=0):
        parser_init(&self.parser)
        self.parser.trusted = True
        self.parser.longest_word = <int64_t>1 << 62
        self.words = <Arg*>malloc(WORDS * sizeof(Arg))
        if self.words == NULL:
            raise MemoryError
        PyObject_GetBuffer(data, &self.view, PyBUF_SIMPLE)
        self.has_view = True
        self.offset = self.whole = offset
        self.line = self.whole_line = 1
        self.problem = ""
        self.names = {}

    def __dealloc__(self):
        self.close()
        parser_free(&self.parser)
        free(self.words)

    def close(self):
        """Let go of the buffer."""
        if self.has_view:
            self.has_view = False
            PyBuffer_Release(&self.view)

    def run(self):
        """Look at everything, or until something is wrong."""
        cdef const char* start = <const char*>self.view.buf
        cdef const char* end = start + self.view.len
        cdef const char* at = start + self.offset
        cdef const char* next = NULL
        cdef Arg* argv
        cdef size_t argc
        cdef Outcome outcome
        while at < end:
            if at[0] == c"#":
                next = <const char*>memchr(at, c"\n", end - at)
                if next == NULL:
                    return self.end("it ends in the middle of a remark", True)
                if self.note_time(at, next - at):
                    self.stopped = True
                    return None
                at = next + 1
                self.line += 1
                self.passed(at - start)
                continue
            if at[0] != c"*":
                return self.end(f"a command has to begin with '*', and this is {chr(<unsigned char>at[0])!r}", False)
            outcome = parse(&self.parser, at, end, self.words, WORDS, False, &argv, &argc, &next)
            if outcome == REQUEST_MORE:
                parser_reset(&self.parser)
                return self.end("it ends in the middle of a command", True)
            if outcome == REQUEST_BAD:
                return self.end((<bytes>self.parser.error).decode("latin-1").removeprefix("Protocol error: "), False)
            if outcome == REQUEST_EMPTY:
                return self.end("a command without words", False)
            if not ends_are_whole(argv, argc):
                return self.end("a word that does not end where its length says", False)
            self.commands += 1
            if not self.look_at(argv, argc):
                return None
            if argv != self.words:
                parser_reset(&self.parser)
            at = next
            self.line += 1 + 2 * argc
            self.passed(at - start)
        if self.in_transaction:
            self.end("it ends before the EXEC of a MULTI", True)
        return None

    cdef int passed(self, uint64_t offset) except -1:
        self.offset = offset
        if not self.in_transaction:
            self.whole = offset
            self.whole_line = self.line
        return 0

    cdef object end(self, str problem, bint torn):
        self.problem = problem
        self.torn = torn
        return None

    cdef bint look_at(self, const Arg* argv, size_t argc) except -1:
        """Count the command; False: it cannot stand here."""
        cdef bytes name = PyBytes_FromStringAndSize(argv[0].ptr, min(argv[0].len, <size_t>NAME_MOST)).lower()
        self.names[name] = self.names.get(name, 0) + 1
        if name == b"multi":
            if self.in_transaction:
                self.end("a MULTI within a MULTI", False)
                return False
            self.in_transaction = True
        elif name == b"exec":
            if not self.in_transaction:
                self.end("an EXEC without a MULTI", False)
                return False
            self.in_transaction = False
        return True

    cdef bint note_time(self, const char* line, size_t length) except -1:
        """Look at a remark; whether it is a time later than wanted."""
        cdef bytes text = line[:length]
        if not text.startswith(b"#TS:"):
            return False
        try:
            self.timestamp = int(text[4:])
        except ValueError:
            return False
        if not self.first_timestamp:
            self.first_timestamp = self.timestamp
        return self.until and self.timestamp > self.until


def goes_on_behind(data, uint64_t offset) -> bool:
    """Whether what looks like the torn end of a file holds whole commands further on: then it is damage, not an end.

    A length that was changed reaches over what follows it. `offset` is where the torn command begins.
    """
    cdef const unsigned char[:] view = data
    cdef const char* start = <const char*>&view[0]
    cdef const char* end = start + view.shape[0]
    cdef const char* at = start + offset + 1
    cdef const char* next = NULL
    cdef Parser parser
    cdef Arg words[64]
    cdef Arg* argv
    cdef size_t argc
    cdef int tried = 0
    cdef bint found = False
    parser_init(&parser)
    parser.trusted = True
    parser.longest_word = <int64_t>1 << 62
    while tried < CANDIDATES and not found:
        at = <const char*>memchr(at, c"*", end - at)
        if at == NULL or end - at < 4:
            break
        if at - start >= 2 and at[-1] == c"\n" and at[-2] == c"\r":
            tried += 1
            found = (parse(&parser, at, end, words, 64, False, &argv, &argc, &next) == REQUEST_READY
                     and ends_are_whole(argv, argc) and (next == end or next[0] == c"*" or next[0] == c"#"))
            parser_reset(&parser)
        at += 1
    parser_free(&parser)
    return found
