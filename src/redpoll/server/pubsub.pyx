"""The hub of messages: who is subscribed to what, and messages sent to all of them.

A message is rendered once for all subscribers of a channel, as RESP2 and RESP3 differ in its first byte only, and
copied into each one's output; what is long is shared as a blob instead. What the sockets take is sent once a turn.

A message for the very client whose command is running goes out behind that command's reply (`Dispatcher.pushes`);
otherwise it could stand in the middle of one.
"""

from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, strlen
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Next
from cpython.ref cimport PyObject

from redpoll.engine.blob cimport Blob, blob_of, blob_release
from redpoll.engine.glob cimport glob_match
from redpoll.engine.numbers cimport format_uint64
from redpoll.server.connection cimport GATE_SUBSCRIBED, Connection
from redpoll.wire.output cimport Out, out_share, out_write
from redpoll.wire.reply cimport reply_bulk, reply_integer, reply_null, reply_push

cdef enum:
    SHARE_ABOVE = 16000      # longer messages are referred to, not copied
    LONGEST_PREFIX = 24      # of a pattern, that it is found by
    SUBSCRIPTION_BYTES = 128  # that a subscription occupies, about
    KIND_NORMAL = 0
    KIND_PUBSUB = 2


cdef class Subscriptions:
    def __init__(self):
        self.channels = {}
        self.patterns = {}
        self.shards = {}

    @property
    def bytes_held(self) -> int:
        """What the names occupy, about: this is asked often, so they are not looked at."""
        return (len(self.channels) + len(self.patterns) + len(self.shards)) * SUBSCRIPTION_BYTES


cdef bytes prefix_of(bytes pattern):
    """The part of a pattern that a channel has to begin with, or a first piece of it."""
    cdef Py_ssize_t end = 0
    while end < len(pattern) and end < LONGEST_PREFIX and pattern[end] not in b"*?[\\":
        end += 1
    return pattern[:end]


cdef class Patterns:
    def __init__(self):
        self.members = {}
        self.by_prefix = {}
        self.lengths = []

    cdef int add(self, bytes pattern, Connection connection) except -1:
        cdef bytes prefix
        members = self.members.get(pattern)
        if members is None:
            members = self.members[pattern] = {}
            prefix = prefix_of(pattern)
            self.by_prefix.setdefault(prefix, {})[pattern] = None
            if len(prefix) not in self.lengths:
                self.lengths.append(len(prefix))
        members[connection] = None
        return 0

    cdef int remove(self, bytes pattern, Connection connection) except -1:
        cdef bytes prefix
        members = self.members[pattern]
        del members[connection]
        if not members:
            del self.members[pattern]
            prefix = prefix_of(pattern)
            del self.by_prefix[prefix][pattern]
            if not self.by_prefix[prefix]:
                del self.by_prefix[prefix]
                self.lengths = [*{len(each): None for each in self.by_prefix}]
        return 0

    cdef list matching(self, bytes channel):
        cdef bytes pattern
        cdef Py_ssize_t length, channel_length = len(channel)
        cdef list found = []
        for length in self.lengths:
            if length > channel_length:
                continue
            patterns = self.by_prefix.get(channel[:length])
            if patterns is None:
                continue
            for pattern in patterns:
                if glob_match(PyBytes_AS_STRING(pattern), PyBytes_GET_SIZE(pattern),
                              PyBytes_AS_STRING(channel), channel_length, False):
                    found.append(pattern)
        return found


cdef char* bulk(char* to, const char* text, size_t length) noexcept:
    to[0] = c"$"
    to += 1
    to += format_uint64(to, length)
    to[0] = c"\r"
    to[1] = c"\n"
    to += 2
    memcpy(to, text, length)
    to += length
    to[0] = c"\r"
    to[1] = c"\n"
    return to + 2


cdef class Pubsub(Hub):
    """The hub of one server."""

    def __init__(self, Dispatcher dispatcher, Loop loop):
        self.dispatcher = dispatcher
        self.loop = loop
        self.channels = {}
        self.shards = {}
        self.patterns = Patterns()

    def __dealloc__(self):
        free(self.text)
        free(self.crowded)

    # Sending

    cdef int64_t publish(self, const char* channel, size_t channel_length, const char* text, size_t length,
                         Blob* blob, bint sharded) except -1:
        cdef int64_t receivers = 0
        cdef bytes name
        cdef dict members
        if not self.audible:
            return 0
        name = PyBytes_FromStringAndSize(channel, channel_length)
        self.blob = blob
        if blob != NULL:
            blob.references += 1
        try:
            members = (self.shards if sharded else self.channels).get(name)
            if members is not None:
                receivers += self.send(members, b"smessage" if sharded else b"message", None,
                                       channel, channel_length, text, length)
            if not sharded and self.patterns.lengths:
                for pattern in self.patterns.matching(name):
                    receivers += self.send(self.patterns.members[pattern], b"pmessage", pattern,
                                           channel, channel_length, text, length)
        finally:
            if self.blob != NULL:
                blob_release(self.blob)
                self.blob = NULL
        if self.crowded_count:
            self.relieve()
        return receivers

    cdef int64_t send(self, dict members, const char* kind, bytes pattern, const char* channel, size_t channel_length,
                      const char* message, size_t length) except -1:
        """One message to all of these."""
        cdef Py_ssize_t at = 0
        cdef int64_t receivers = 0
        cdef PyObject* connection
        self.render(kind, pattern, channel, channel_length, message, length)
        # Nothing in here runs Python code, so nobody leaves meanwhile.
        while PyDict_Next(members, &at, &connection, NULL):
            self.deliver(<Connection>connection)
            receivers += 1
        return receivers

    cdef int render(self, const char* kind, bytes pattern, const char* channel, size_t channel_length,
                    const char* message, size_t length) except -1:
        cdef size_t kind_length = strlen(kind)
        cdef size_t pattern_length = 0 if pattern is None else len(pattern)
        cdef bint shared = length > SHARE_ABOVE
        cdef size_t most = kind_length + pattern_length + channel_length + (0 if shared else length) + 128
        cdef char* to
        if self.room < most:
            free(self.text)
            self.room = 0
            self.text = <char*>malloc(most + 1024)
            if self.text == NULL:
                raise MemoryError
            self.room = most + 1024
        to = self.text
        memcpy(to, b"*3\r\n" if pattern is None else b"*4\r\n", 4)
        to = bulk(to + 4, kind, kind_length)
        if pattern is not None:
            to = bulk(to, PyBytes_AS_STRING(pattern), pattern_length)
        to = bulk(to, channel, channel_length)
        if shared:
            if self.blob == NULL:
                self.blob = blob_of(message, length)
            to[0] = c"$"
            to += 1
            to += format_uint64(to, length)
            to[0] = c"\r"
            to[1] = c"\n"
            to += 2
        else:
            to = bulk(to, message, length)
        self.length = to - self.text
        # A text that is short enough to be copied goes without its blob.
        if not shared and self.blob != NULL:
            blob_release(self.blob)
            self.blob = NULL
        return 0

    cdef int deliver(self, Connection connection) except -1:
        cdef Out* out = &connection.out
        cdef void** bigger
        self.text[0] = c">" if out.resp == 3 else c"*"
        if <void*>connection == self.dispatcher.running:
            out = &self.dispatcher.pushes
        out_write(out, self.text, self.length)
        if self.blob != NULL:
            out_share(out, self.blob)
            out_write(out, b"\r\n", 2)
        if not connection.flushing:
            self.loop.want_flush(connection)
        if connection.out.chunks > 1:
            if self.crowded_count == self.crowded_room:
                bigger = <void**>realloc(self.crowded, (self.crowded_room * 2 + 64) * sizeof(void*))
                if bigger == NULL:
                    raise MemoryError
                self.crowded = bigger
                self.crowded_room = self.crowded_room * 2 + 64
            self.crowded[self.crowded_count] = <void*>connection
            self.crowded_count += 1
        return 0

    cdef int relieve(self) except -1:
        """Send what those with much to be sent can take; who then has too much left is closed."""
        cdef size_t i, count = self.crowded_count
        cdef Connection connection
        # Closed ones stay with the loop until the turn is over, so these are good.
        self.crowded_count = 0
        for i in range(count):
            connection = <Connection>self.crowded[i]
            if connection.closed:
                continue
            if not connection.wants_write and <void*>connection != self.dispatcher.running:
                self.loop.flush(connection)
            if not connection.closed and connection.out.chunks > 1:
                self.loop.over_limit(connection)
        return 0

    # Subscribing

    cdef Subscriptions subscriptions_of(self, Connection connection):
        if connection.subscriptions is None:
            connection.subscriptions = Subscriptions()
        return connection.subscriptions

    cdef int subscribed(self, Connection connection) except -1:
        if not connection.gate & GATE_SUBSCRIBED:
            connection.gate |= GATE_SUBSCRIBED
            self.clients += 1
            self.audible = True
            if connection.kind == KIND_NORMAL:
                connection.kind = KIND_PUBSUB
        return 0

    cdef int unsubscribed(self, Connection connection) except -1:
        """It may have left the last of its channels."""
        cdef Subscriptions own = connection.subscriptions
        if own is None or own.channels or own.patterns or own.shards:
            return 0
        connection.subscriptions = None
        connection.gate &= ~<uint32_t>GATE_SUBSCRIBED
        if connection.kind == KIND_PUBSUB:
            connection.kind = KIND_NORMAL
        self.clients -= 1
        self.audible = self.clients > 0
        return 0

    cdef int confirm(self, Connection connection, const char* kind, bytes name, size_t count) except -1:
        """One reply of a command that subscribes or leaves. They are messages, which muted replies do not hold back."""
        cdef Out* out = &connection.out
        reply_push(out, 3)
        reply_bulk(out, kind, strlen(kind))
        if name is None:
            reply_null(out)
        else:
            reply_bulk(out, PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name))
        reply_integer(out, count)
        return 0

    def subscribe(self, Connection connection, list names):
        """SUBSCRIBE."""
        cdef bytes name
        cdef Subscriptions own = self.subscriptions_of(connection)
        for name in names:
            if name not in own.channels:
                own.channels[name] = None
                self.channels.setdefault(name, {})[connection] = None
            self.confirm(connection, b"subscribe", name, len(own.channels) + len(own.patterns))
        self.subscribed(connection)

    def subscribe_patterns(self, Connection connection, list names):
        """PSUBSCRIBE."""
        cdef bytes name
        cdef Subscriptions own = self.subscriptions_of(connection)
        for name in names:
            if name not in own.patterns:
                own.patterns[name] = None
                self.patterns.add(name, connection)
            self.confirm(connection, b"psubscribe", name, len(own.channels) + len(own.patterns))
        self.subscribed(connection)

    def subscribe_shards(self, Connection connection, list names):
        """SSUBSCRIBE."""
        cdef bytes name
        cdef Subscriptions own = self.subscriptions_of(connection)
        for name in names:
            if name not in own.shards:
                own.shards[name] = None
                self.shards.setdefault(name, {})[connection] = None
            self.confirm(connection, b"ssubscribe", name, len(own.shards))
        self.subscribed(connection)

    def unsubscribe(self, Connection connection, list names):
        """UNSUBSCRIBE; without names, of all channels."""
        cdef Subscriptions own = connection.subscriptions
        channels = own.channels if own is not None else {}
        patterns = own.patterns if own is not None else {}
        for name in names or list(channels) or (None,):
            if name in channels:
                self.leave(channels, self.channels, connection, name)
            self.confirm(connection, b"unsubscribe", name, len(channels) + len(patterns))
        self.unsubscribed(connection)

    def unsubscribe_patterns(self, Connection connection, list names):
        """PUNSUBSCRIBE; without names, of all patterns."""
        cdef Subscriptions own = connection.subscriptions
        channels = own.channels if own is not None else {}
        patterns = own.patterns if own is not None else {}
        for name in names or list(patterns) or (None,):
            if name in patterns:
                del patterns[name]
                self.patterns.remove(name, connection)
            self.confirm(connection, b"punsubscribe", name, len(channels) + len(patterns))
        self.unsubscribed(connection)

    def unsubscribe_shards(self, Connection connection, list names):
        """SUNSUBSCRIBE; without names, of all sharded channels."""
        cdef Subscriptions own = connection.subscriptions
        shards = own.shards if own is not None else {}
        for name in names or list(shards) or (None,):
            if name in shards:
                self.leave(shards, self.shards, connection, name)
            self.confirm(connection, b"sunsubscribe", name, len(shards))
        self.unsubscribed(connection)

    def leave(self, dict own, dict channels, Connection connection, bytes name):
        """A connection leaves one channel."""
        del own[name]
        members = channels[name]
        del members[connection]
        if not members:
            del channels[name]

    def forget(self, Connection connection):
        """A connection leaves all that it is subscribed to, without a word."""
        cdef Subscriptions own = connection.subscriptions
        if own is None:
            return
        for name in list(own.channels):
            self.leave(own.channels, self.channels, connection, name)
        for name in own.patterns:
            self.patterns.remove(name, connection)
        own.patterns.clear()
        for name in list(own.shards):
            self.leave(own.shards, self.shards, connection, name)
        self.unsubscribed(connection)

    # Being asked

    def names(self, bytes pattern, bint sharded):
        """Channels that somebody is subscribed to, and that match a pattern if there is one."""
        cdef bytes name
        return [
            name for name in (self.shards if sharded else self.channels)
            if pattern is None or glob_match(PyBytes_AS_STRING(pattern), PyBytes_GET_SIZE(pattern),
                                             PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name), False)
        ]

    def count(self, bytes name, bint sharded):
        """How many are subscribed to a channel."""
        return len((self.shards if sharded else self.channels).get(name, ()))

    @property
    def pattern_count(self) -> int:
        """Patterns that somebody is subscribed to."""
        return len(self.patterns.members)
