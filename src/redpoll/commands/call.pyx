"""What a handler gets. One `Call` serves every command of a loop, one after the other."""

from libc.stdint cimport INT64_MAX, int64_t
from cpython.bytes cimport PyBytes_FromStringAndSize

from redpoll.engine.blob cimport Blob
from redpoll.engine.numbers cimport parse_int64, parse_long_double
from redpoll.wire.reply cimport reply_header, reply_value

from redpoll.engine.table cimport table_prefetch, table_prefetch_entry

from redpoll import errors
from redpoll.errors import CommandError
from redpoll.wire.values import NULL_ARRAY

cdef extern from "<math.h>" nogil:
    long double ceill(long double x)


cdef enum:
    PREFETCH_WORDS = 64      # with more the first would be gone again before it is used


cdef class Native:
    def __repr__(self):
        return "<compiled handler>"


cdef Native native(handler_t function):
    cdef Native made = Native()
    made.function = function
    return made


cdef int refuse_type() except -1:
    raise CommandError(errors.WRONG_TYPE)


cdef class Call:
    def __init__(self):
        self.may_block = True

    @property
    def args(self) -> list:
        """All words as sent, the command's name first."""
        cdef size_t i
        return [PyBytes_FromStringAndSize(self.argv[i].ptr, self.argv[i].len) for i in range(self.argc)]

    @property
    def resp(self) -> int:
        """The protocol version of this client: 2 or 3."""
        return self.out.resp

    @property
    def now_ms(self) -> int:
        """Unix time in milliseconds, the same for the whole command."""
        return self.keyspace.now

    @property
    def words_bytes(self) -> int:
        """Bytes of all words."""
        cdef size_t i, total = 0
        for i in range(self.argc):
            total += self.argv[i].len
        return total

    @staticmethod
    def parse_integer(bytes text):
        """The integer that a word is; raises Redis's error when it is none."""
        cdef long long number
        if not parse_int64(text, len(text), &number):
            raise CommandError(errors.NOT_AN_INTEGER)
        return number

    def reply(self, value):
        """Write a reply at once, for handlers that send several or more than they want to hold."""
        reply_value(self.out, value)

    def reply_attribute(self, dict pairs):
        """Facts beside the reply that follows, in RESP3 only."""
        if self.out.resp == 3:
            reply_header(self.out, c"|", len(pairs))
            for key, value in pairs.items():
                reply_value(self.out, key)
                reply_value(self.out, value)

    def mark(self, int kind, str event, bytes key, int db = -1):
        """Tell of a change of a key; `kind` is one of the event classes."""
        cdef bytes name = event.encode()
        self.changes += 1
        self.keyspace.dirty += 1
        if self.keyspace.watching_changes:
            self.tell_change(<Event>kind, name, key, len(key), self.db.index if db < 0 else db)

    def count_change(self):
        """The command changed something that is no key."""
        self.changes += 1
        self.keyspace.dirty += 1

    cdef void prefetch(self, size_t first, size_t step) noexcept:
        cdef size_t i
        if self.argc > PREFETCH_WORDS:
            return
        for i in range(first, self.argc, step):
            table_prefetch(&self.db.table, self.hash_of(i))
        for i in range(first, self.argc, step):
            table_prefetch_entry(&self.db.table, self.hash_of(i))

    cdef void tell_change(self, Event kind, const char* event, const char* key, size_t length, int db) noexcept:
        self.keyspace.watcher.tell(<int>kind, event, key, length, db)

    cdef void replaced(self, Database db, size_t word, int before, int type) noexcept:
        if self.keyspace.notices & EVENT_OVERWRITTEN:
            self.tell_change(EVENT_OVERWRITTEN, b"overwritten", self.argv[word].ptr, self.argv[word].len, db.index)
        if self.keyspace.notices & EVENT_TYPE_CHANGED and before != type:
            self.tell_change(EVENT_TYPE_CHANGED, b"type_changed", self.argv[word].ptr, self.argv[word].len, db.index)

    cdef Entry** peek(self, size_t word) noexcept:
        cdef bint touching = self.keyspace.touching
        cdef Entry** slot
        self.keyspace.touching = False
        slot = self.read(word)
        self.keyspace.touching = touching
        return slot

    cdef void note_field(self, const char* name, size_t length) noexcept:
        if self.noted_fields is None:
            self.noted_fields = []
        self.noted_fields.append(PyBytes_FromStringAndSize(name, length))

    cdef void tell_noted(self, const char* event, size_t word) noexcept:
        cdef list fields = self.noted_fields
        self.noted_fields = None
        self.keyspace.watcher.tell_fields(<int>EVENT_HASH, event, self.argv[word].ptr, self.argv[word].len,
                                          self.db.index, fields)

    cdef Blob* take_blob(self, size_t word) noexcept:
        cdef size_t i
        cdef Blob* blob
        for i in range(self.long_count):
            if self.long_words[i].index == word:
                blob = self.long_words[i].blob
                self.long_words[i].blob = NULL
                return blob
        return NULL

    cdef bint word_is(self, size_t word, const char* upper, size_t length) noexcept:
        cdef size_t i
        cdef char c
        if self.argv[word].len != length:
            return False
        for i in range(length):
            c = self.argv[word].ptr[i]
            if c"a" <= c <= c"z":
                c -= 32
            if c != upper[i]:
                return False
        return True

    cdef int integer(self, size_t word, int64_t* value) except -1:
        """The integer at a word; raises Redis's error when it is none."""
        cdef long long number
        if not parse_int64(self.argv[word].ptr, self.argv[word].len, &number):
            raise CommandError(errors.NOT_AN_INTEGER)
        value[0] = number
        return 0

    cdef int64_t timeout(self, size_t word) except -1:
        cdef long double seconds
        cdef int64_t milliseconds
        if not parse_long_double(self.argv[word].ptr, self.argv[word].len, &seconds):
            raise CommandError(errors.TIMEOUT_NOT_A_FLOAT)
        if seconds * 1000 > <long double>INT64_MAX:
            raise CommandError(errors.TIMEOUT_RANGE)
        milliseconds = <int64_t>ceill(seconds * 1000)
        if milliseconds < 0:
            raise CommandError(errors.NEGATIVE_TIMEOUT)
        if milliseconds > INT64_MAX - self.keyspace.now:
            raise CommandError(errors.TIMEOUT_RANGE)
        return milliseconds

    cdef int instead(self, list words) except -1:
        if self.effects is None:
            self.effects = []
        self.effects.append(words)
        return 0

    cdef int say_deleted(self, size_t word) except -1:
        if self.keyspace.propagating:
            self.instead([b"DEL", self.word(word)])
        return 0

    cdef int say_expiry(self, size_t word, int64_t unix_ms) except -1:
        if self.keyspace.propagating:
            self.instead([b"PEXPIREAT", self.word(word), b"%d" % unix_ms])
        return 0

    cdef object block(self, size_t first, size_t last, size_t step, int type, int64_t timeout_ms,
                      bint wake_when_gone=False, object timeout_reply=NULL_ARRAY):
        cdef size_t i
        cdef list keys = []
        if not self.may_block:
            reply_value(self.out, timeout_reply)
            return None
        for i in range(first, last + 1, step):
            keys.append(self.word(i))
        return self.server.blocking.block(self, keys, type, wake_when_gone, timeout_ms, timeout_reply)

    def milliseconds(self, size_t word):
        """A timeout in whole milliseconds; 0: forever."""
        cdef long long number
        if not parse_int64(self.argv[word].ptr, self.argv[word].len, &number):
            raise CommandError(errors.TIMEOUT_NOT_AN_INTEGER)
        if number < 0:
            raise CommandError(errors.NEGATIVE_TIMEOUT)
        if number > INT64_MAX - self.keyspace.now:
            raise CommandError(errors.TIMEOUT_RANGE)
        return number

    def wait_for_time(self, int64_t timeout_ms, reply, int64_t every_ms):
        """Have a plain handler run again every so often until it answers, or `reply()` is the answer at the timeout.

        False: the client must not wait.
        """
        if not self.may_block:
            return False
        waiter = self.server.blocking.block(self, [], -1, False, timeout_ms, reply)
        self.server.blocking.retry(waiter, self.keyspace.now + every_ms)
        return True

    cdef bytes word(self, size_t index):
        return PyBytes_FromStringAndSize(self.argv[index].ptr, self.argv[index].len)
