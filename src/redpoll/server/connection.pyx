"""One client's connection: what has come and was not run yet, what is to go out, and who it is.

Bytes arrive in the loop's arena and are run from there; only a rest that is no whole request is
kept, in a buffer that the connection owns. So a connection that waits holds next to nothing.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memmove

from redpoll.engine.keyspace cimport Database
from redpoll.engine.memory cimport KIND_CLIENT, count
from redpoll.wire.output cimport out_clear, out_init, out_pending
from redpoll.wire.reply cimport reply_value
from redpoll.wire.request cimport parser_free, parser_init, parser_memory

cdef enum:
    OBJECT_BYTES = 640       # about what a connection itself occupies
    WATCHED_BYTES = 160      # and what a watched key does


cdef class Taker:
    cdef void arrived(self, bint something) noexcept:
        pass


cdef class Connection:
    """Made by the loop, one an accepted socket."""

    def __cinit__(self, int fd, uint64_t id, Database db, int64_t now_ms):
        self.fd = fd
        self.id = id
        self.db = db
        self.created_ms = now_ms
        self.active_ms = now_ms
        self.name = b""
        self.library_name = b""
        self.library_version = b""
        self.address = ""
        self.local_address = ""
        self.capabilities = set()
        self.settled = True
        out_init(&self.out)
        parser_init(&self.parser)
        count(OBJECT_BYTES, KIND_CLIENT)

    def __dealloc__(self):
        out_clear(&self.out)
        parser_free(&self.parser)
        count(-<ptrdiff_t>(OBJECT_BYTES + self.buffer_room), KIND_CLIENT)
        free(self.buffer)

    cdef int make_room(self, size_t size) except -1:
        """Room for `size` more bytes in the own buffer."""
        cdef size_t wanted = self.buffer_length + size
        cdef char* bigger
        if wanted <= self.buffer_room:
            return 0
        if wanted < 2 * self.buffer_room and self.buffer_room < 1048576:
            wanted = 2 * self.buffer_room
        bigger = <char*>realloc(self.buffer, wanted)
        if bigger == NULL:
            raise MemoryError
        count(<ptrdiff_t>wanted - <ptrdiff_t>self.buffer_room, KIND_CLIENT)
        self.buffer = bigger
        self.buffer_room = wanted
        return 0

    cdef int store_rest(self) except -1:
        """What was not run moves to the start of the own buffer."""
        cdef size_t rest = self.end - self.at
        self.arrived = 0
        if rest == 0:
            self.buffer_length = 0
            if self.buffer_room:
                self.free_buffer()
        elif self.buffer_length:
            if self.at != self.buffer:
                memmove(self.buffer, self.at, rest)
            self.buffer_length = rest
        else:
            self.make_room(rest if rest > 1024 else 1024)
            memcpy(self.buffer, self.at, rest)
            self.buffer_length = rest
        self.at = self.buffer
        self.end = self.buffer + self.buffer_length
        return 0

    def free_buffer(self):
        """Give the own buffer back; only when nothing is in it."""
        count(-<ptrdiff_t>self.buffer_room, KIND_CLIENT)
        free(self.buffer)
        self.buffer = NULL
        self.buffer_room = 0
        self.buffer_length = 0
        self.at = NULL
        self.end = NULL

    @property
    def resp(self) -> int:
        """The protocol version: 2 or 3."""
        return self.out.resp

    @resp.setter
    def resp(self, int version):
        self.out.resp = version

    @property
    def user(self) -> str:
        """The name of its user."""
        return "default" if self.account is None else self.account.name.decode("latin-1")

    @property
    def db_index(self) -> int:
        return self.db.index

    def select(self, Database db):
        """Work on another database from now on."""
        self.db = db

    def send(self, value):
        """Queue a reply or message; the caller tells the loop that there is something to send."""
        reply_value(&self.out, value)

    @property
    def query_bytes(self) -> int:
        """Bytes that came and are not done with."""
        # The words before a long one that is coming are done with, as far as others tell.
        return self.parser.filled if self.parser.filling != NULL else self.buffer_length + self.arrived

    @property
    def query_room(self) -> int:
        """Unused bytes of the query buffer."""
        return self.buffer_room - self.buffer_length

    @property
    def pending_output(self) -> int:
        """Bytes waiting to be sent."""
        return out_pending(&self.out)

    @property
    def output_chunks(self) -> int:
        return self.out.chunks

    @property
    def output_bytes(self) -> int:
        """What the output buffer occupies."""
        return self.out.memory

    @property
    def memory(self) -> int:
        """What the connection occupies in all."""
        return (OBJECT_BYTES + self.buffer_room + parser_memory(&self.parser) + self.out.memory
                + (0 if self.transaction is None else self.transaction.memory)
                + (0 if self.watched is None else len(self.watched) * WATCHED_BYTES)
                + (0 if self.subscriptions is None else self.subscriptions.bytes_held)
                + (0 if self.tracking is None else self.tracking.bytes_held))

    @property
    def recent_input(self) -> int:
        """The most bytes that were read at once."""
        return self.buffer_peak

    @property
    def waits_to_write(self) -> bool:
        """Whether its socket did not take all of its output yet."""
        return self.wants_write

    @property
    def trusted(self) -> bool:
        """Whether it authenticated; strangers' requests are kept short."""
        return self.parser.trusted

    @trusted.setter
    def trusted(self, bint value):
        self.parser.trusted = value
