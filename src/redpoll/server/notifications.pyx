"""Events of keys as messages (`notify-keyspace-events`).

| letter | channel                                     | message                        |
|--------|---------------------------------------------|--------------------------------|
| K      | `__keyspace@<db>__:<key>`                   | the event                      |
| E      | `__keyevent@<db>__:<event>`                 | the key                        |
| S      | `__subkeyspace@<db>__:<key>`                | `<event>|<fields>`             |
| T      | `__subkeyevent@<db>__:<event>`              | `<length>:<key>|<fields>`      |
| I      | `__subkeyspaceitem@<db>__:<key>\n<field>`   | the event; one for each field  |
| V      | `__subkeyspaceevent@<db>__:<event>|<key>`   | `<fields>`                     |

`<fields>` is `<length>:<field>`, joined by commas. An event with `|` in it is not told on S and V, nor a key with a
line end on I, as nobody could take them apart.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, strlen
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from redpoll.commands.services cimport Hub
from redpoll.engine.numbers cimport format_uint64

cdef enum:
    CHANNEL_KEYSPACE = 1            # K
    CHANNEL_KEYEVENT = 2            # E
    CHANNEL_FIELDS_OF_KEY = 524288  # S
    CHANNEL_FIELDS_OF_EVENT = 1048576   # T
    CHANNEL_FIELD = 2097152         # I
    CHANNEL_FIELDS_OF_BOTH = 4194304    # V


cdef class Notifications:
    """Publishes events on a hub."""

    def __init__(self, Hub hub):
        self.hub = hub

    def __dealloc__(self):
        free(self.text)

    cdef void notify(self, const char* event, const char* key, size_t length, int database) noexcept:
        cdef size_t event_length
        if not self.hub.audible or not self.channels & (CHANNEL_KEYSPACE | CHANNEL_KEYEVENT):
            return
        event_length = strlen(event)
        if self.channels & CHANNEL_KEYSPACE:
            self.publish(b"__keyspace@", database, key, length, event, event_length)
        if self.channels & CHANNEL_KEYEVENT:
            self.publish(b"__keyevent@", database, event, event_length, key, length)

    cdef void publish(self, const char* kind, int database, const char* of, size_t of_length,
                      const char* message, size_t message_length) noexcept:
        cdef size_t length = strlen(kind)
        if self.room < length + of_length + 32:
            free(self.text)
            self.room = length + of_length + 256
            self.text = <char*>malloc(self.room)
            if self.text == NULL:
                self.room = 0
                return
        memcpy(self.text, kind, length)
        length += format_uint64(self.text + length, database)
        memcpy(self.text + length, b"__:", 3)
        length += 3
        memcpy(self.text + length, of, of_length)
        self.hub.publish(self.text, length + of_length, message, message_length, NULL, False)

    cdef void notify_fields(self, const char* event, bytes key, int database, list fields) noexcept:
        cdef bytes name = event
        cdef bytes joined
        cdef bint parts = b"|" not in name
        if not self.hub.audible:
            return
        joined = b",".join([b"%d:%s" % (len(field), field) for field in fields])
        if self.channels & CHANNEL_FIELDS_OF_KEY and parts:
            self.say(b"__subkeyspace@", database, key, b"%s|%s" % (name, joined))
        if self.channels & CHANNEL_FIELDS_OF_EVENT:
            self.say(b"__subkeyevent@", database, name, b"%d:%s|%s" % (len(key), key, joined))
        if self.channels & CHANNEL_FIELD and b"\n" not in key:
            for field in fields:
                self.say(b"__subkeyspaceitem@", database, b"%s\n%s" % (key, field), name)
        if self.channels & CHANNEL_FIELDS_OF_BOTH and parts:
            self.say(b"__subkeyspaceevent@", database, b"%s|%s" % (name, key), joined)

    def say(self, bytes kind, int database, bytes of, bytes message):
        """Publish one message on the channel that these name."""
        self.publish(kind, database, PyBytes_AS_STRING(of), PyBytes_GET_SIZE(of),
                     PyBytes_AS_STRING(message), PyBytes_GET_SIZE(message))
