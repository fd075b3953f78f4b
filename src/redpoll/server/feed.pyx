"""The stream of changes, as commands that have the same effect whenever and wherever they are run.

Every command that changed something is told here once it is done: as its own words, or where these would mean something
else at another time or by another chance (EXPIRE, SPOP, XADD with `*`), as the words that its handler gave instead
(`Call.instead`). Keys that expire or are evicted are told as DEL. The append-only file is this stream.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from redpoll.engine.numbers cimport format_uint64
from redpoll.persistence.file_writer cimport FileWriter


cdef class Feed(Watcher):
    """One keyspace's stream; nothing is told before `use_log`."""

    def __init__(self, keyspace):
        self.keyspace = keyspace
        keyspace.feed = self
        self.database = -1

    def use_log(self, FileWriter log):
        """Write to this file from now on; None: to none."""
        if self.told and self.log is not None:
            # The unit is cut in two, each of them whole in its file.
            self.log.append(b"*1\r\n$4\r\nEXEC\r\n", 14)
        self.told = False
        self.log = log
        self.database = -1
        self.told_second = 0
        self.keyspace.propagating = log is not None

    cdef void put_header(self, char kind, uint64_t number) noexcept:
        cdef char* p = self.log.reserve(24)
        cdef size_t size
        p[0] = kind
        size = 1 + format_uint64(p + 1, number)
        p[size] = c"\r"
        p[size + 1] = c"\n"
        self.log.advance(size + 2)

    cdef void put_word(self, const char* text, size_t length) noexcept:
        cdef char* p
        self.put_header(c"$", length)
        p = self.log.reserve(length + 2)
        memcpy(p, text, length)
        memcpy(p + length, b"\r\n", 2)
        self.log.advance(length + 2)

    cdef void prepare(self, int database) noexcept:
        """Whatever has to stand before the next command."""
        cdef int64_t second
        cdef char text[24]
        if self.timestamps and not self.told:
            second = self.keyspace.now // 1000
            if second > self.told_second:
                self.told_second = second
                self.log.append(b"#TS:", 4)
                self.log.append(text, format_uint64(text, second))
                self.log.append(b"\r\n", 2)
        if self.database != database:
            # Before a unit, not within: a reader that skips the unit still works on the right database.
            self.database = database
            self.put_header(c"*", 2)
            self.put_word(b"SELECT", 6)
            self.put_word(text, format_uint64(text, database))
        if self.depth and not self.told:
            self.told = True
            self.log.append(b"*1\r\n$5\r\nMULTI\r\n", 15)

    cdef void command(self, Arg* argv, size_t argc, int database, const char* raw, size_t raw_size) noexcept:
        cdef size_t i
        self.prepare(database)
        if raw != NULL:
            self.log.append(raw, raw_size)
            return
        self.put_header(c"*", argc)
        for i in range(argc):
            self.put_word(argv[i].ptr, argv[i].len)

    cdef void words(self, list words, int database):
        cdef bytes word
        self.prepare(database)
        self.put_header(c"*", len(words))
        for word in words:
            self.put_word(PyBytes_AS_STRING(word), PyBytes_GET_SIZE(word))

    cdef void tell(self, int kind, const char* event, const char* key, size_t length, int database) noexcept:
        """A key expired or was evicted."""
        self.prepare(database)
        self.put_header(c"*", 2)
        self.put_word(b"DEL", 3)
        self.put_word(key, length)

    cdef void begin_unit(self) noexcept:
        self.depth += 1

    cdef void end_unit(self) noexcept:
        self.depth -= 1
        if self.depth == 0 and self.told:
            self.told = False
            if self.log is not None:
                self.log.append(b"*1\r\n$4\r\nEXEC\r\n", 14)

    cdef void tell_fields(self, int kind, const char* event, const char* key, size_t length, int database,
                          list fields) noexcept:
        """Fields of a hash expired."""
        cdef bytes field
        self.prepare(database)
        self.put_header(c"*", 2 + len(fields))
        self.put_word(b"HDEL", 4)
        self.put_word(key, length)
        for field in fields:
            self.put_word(PyBytes_AS_STRING(field), PyBytes_GET_SIZE(field))
