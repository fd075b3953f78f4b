"""Requests out of bytes, for Python: as a connection sees them, without a connection.

For tools and tests. The loop has no part in it, but goes about the parser in the same way: what is no
whole request yet stays in a buffer, which here has exactly its size, so that a sanitizer sees any step beyond.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from redpoll.wire.request cimport (
    REQUEST_BAD, REQUEST_MORE, REQUEST_READY, Arg, Outcome, Parser, parse, parser_free, parser_init,
    parser_memory, parser_reset,
)


cdef class RequestReader:
    """Takes bytes as they come. `error` is the protocol error that ended it, or None.

    `room` is how many words at most are cut without memory of their own; strangers (not `trusted`) may send only
    little; words longer than `longest_word` are refused.
    """

    cdef Parser parser
    cdef char* bytes
    cdef size_t length
    cdef Arg* words
    cdef size_t room
    cdef readonly object error

    def __cinit__(self, *, bint trusted=True, int64_t longest_word=512 * 1024 * 1024, size_t room=64):
        parser_init(&self.parser)
        self.parser.trusted = trusted
        self.parser.longest_word = longest_word
        self.room = room
        self.words = <Arg*>malloc(max(room, <size_t>1) * sizeof(Arg))
        if self.words == NULL:
            raise MemoryError

    def __dealloc__(self):
        parser_free(&self.parser)
        free(self.bytes)
        free(self.words)

    def feed(self, bytes data) -> list:
        """The requests, each a list of words, that these bytes complete. After an error there are no more."""
        cdef const char* at = data
        cdef size_t left = len(data)
        cdef size_t part
        cdef list found = []
        while left and self.error is None:
            if self.parser.filling != NULL:
                # A long word goes straight to where it stays.
                part = min(self.parser.filling.length + 2 - self.parser.filled, left)
                memcpy(self.parser.filling.data + self.parser.filled, at, part)
                self.parser.filled += part
                at += part
                left -= part
                if self.parser.filled == self.parser.filling.length + 2:
                    self.take(NULL, 0, found)
            else:
                self.take(at, left, found)
                left = 0
        return found

    cdef int take(self, const char* more, size_t size, list found) except -1:
        cdef char* held = <char*>malloc(self.length + size + (self.length + size == 0))
        if held == NULL:
            raise MemoryError
        if self.length:
            memcpy(held, self.bytes, self.length)
        if size:
            memcpy(held + self.length, more, size)
        free(self.bytes)
        self.bytes = held
        self.length += size
        return self.cut(found)

    cdef int cut(self, list found) except -1:
        cdef const char* at = self.bytes
        cdef const char* end = self.bytes + self.length
        cdef const char* next = NULL
        cdef Arg* argv
        cdef size_t argc, i
        cdef Outcome outcome
        cdef char* rest
        while at < end or self.parser.filling != NULL:
            outcome = parse(&self.parser, at, end, self.words, self.room, len(found) == 0, &argv, &argc, &next)
            if outcome == REQUEST_READY:
                found.append([argv[i].ptr[:argv[i].len] for i in range(argc)])
                if argv != self.words:
                    parser_reset(&self.parser)
            elif outcome == REQUEST_BAD:
                self.error = (<bytes>self.parser.error).decode("latin-1")
                break
            elif outcome == REQUEST_MORE:
                if self.parser.filling != NULL:
                    end = next
                break
            at = next
        rest = <char*>malloc(end - at + (end == at))
        if rest == NULL:
            raise MemoryError
        memcpy(rest, at, end - at)
        self.length = end - at
        free(self.bytes)
        self.bytes = rest
        return 0

    @property
    def pending(self) -> int:
        """Bytes that came and are no whole request yet, and what the parser holds besides."""
        return self.length + parser_memory(&self.parser)
