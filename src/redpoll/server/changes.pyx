"""Every change of a key, told to those who want to hear of it: blocked clients, watchers, notifications.

Commands and the keyspace tell this watcher, and only while somebody listens. Whoever waits for certain keys says so by
`want`, so that changes of other keys cost a hash and a look at a small table of counts. Whoever listens to all hears of
each change; nobody but notifications hears of keys that were missed, made or replaced.
"""

from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from redpoll.engine.keyspace cimport Database
from redpoll.engine.table cimport table_hash
from redpoll.engine.watcher cimport EVENT_FIELDS, EVENT_NOTICES
from redpoll.server.notifications cimport Notifications

cdef enum:
    PLACES = 65536


cdef class KeyListener:
    cdef void changed(self, const char* key, size_t length) noexcept:
        pass


cdef class Changes(Watcher):
    """The listeners of one keyspace. A listener is called with the event's class, its name, the key and the database's
    index, right after the change; an event that has no class of its own is 0, its name None."""

    def __init__(self, Keyspace keyspace, Notifications notifications):
        self.keyspace = keyspace
        self.notifications = notifications
        self.listeners = []
        self.key_listeners = []
        self.database_listeners = []
        self.tracking = KeyListener()
        keyspace.watcher = self

    def __dealloc__(self):
        free(self.wanted)

    # Listening

    def listen(self, listener):
        """Call `listener` for every change from now on."""
        self.listeners.append(listener)
        self.follow()

    def stop(self, listener):
        """Undo `listen`."""
        self.listeners.remove(listener)
        self.follow()

    def listen_to_wanted(self, listener):
        """Call `listener` for changes of keys that somebody wants, and of some others."""
        self.key_listeners.append(listener)

    def listen_to_databases(self, listener):
        """Call `listener.flushing(index)` before a database is emptied, `.swapping(one, other)` before two are
        exchanged, and `.database_changed(index)` after either."""
        self.database_listeners.append(listener)

    def notify(self, uint32_t classes):
        """Publish events of these classes."""
        self.notifications.channels = classes
        # Without a kind of channel to publish on there is nothing to do.
        self.classes = classes if classes & (3 | EVENT_FIELDS) else 0
        self.keyspace.notices = classes & EVENT_NOTICES if classes & 3 else 0
        self.keyspace.notices |= classes & EVENT_FIELDS
        self.follow()

    cpdef void follow(self) noexcept:
        """Have the keyspace tell what somebody wants to hear, and nothing else."""
        self.keyspace.watching_changes = (
            bool(self.listeners) or self.wanted_keys > 0 or self.classes != 0 or self.tracking.listening)

    def listen_to_keys(self, KeyListener listener):
        """The one that hears of every changed key."""
        self.tracking = listener

    cdef uint32_t* place_of(self, const char* key, size_t length) noexcept:
        cdef Database db = self.keyspace.databases[0]
        return &self.wanted[table_hash(&db.table, key, length) % PLACES]

    cdef int want(self, bytes key) except -1:
        """Somebody wants to hear of this key, in any database; to be undone by `unwant`."""
        if self.wanted == NULL:
            self.wanted = <uint32_t*>calloc(PLACES, sizeof(uint32_t))
            if self.wanted == NULL:
                raise MemoryError
        self.place_of(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key))[0] += 1
        self.wanted_keys += 1
        if self.wanted_keys == 1:
            self.follow()
        return 0

    cdef int unwant(self, bytes key) except -1:
        self.place_of(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key))[0] -= 1
        self.wanted_keys -= 1
        if not self.wanted_keys:
            self.follow()
        return 0

    # Telling

    cdef void tell(self, int kind, const char* event, const char* key, size_t length, int database) noexcept:
        if not kind & EVENT_NOTICES:
            if kind and self.tracking.listening:
                self.tracking.changed(key, length)
            if self.wanted_keys and self.place_of(key, length)[0]:
                self.tell_listeners(self.key_listeners, kind, event, key, length, database)
        if self.listeners and not kind & EVENT_NOTICES:
            self.tell_listeners(self.listeners, kind, event, key, length, database)
        if kind & self.classes:
            self.notifications.notify(event, key, length, database)

    cdef void tell_listeners(self, list listeners, int kind, const char* event, const char* key, size_t length,
                             int database) noexcept:
        cdef bytes name = event
        cdef bytes word = PyBytes_FromStringAndSize(key, length)
        for listener in tuple(listeners):
            listener(kind, name, word, database)

    cdef void tell_fields(self, int kind, const char* event, const char* key, size_t length, int database,
                          list fields) noexcept:
        if kind & self.classes:
            self.notifications.notify_fields(event, PyBytes_FromStringAndSize(key, length), database, fields)

    def flushing(self, indices):
        """These databases are about to be emptied."""
        for listener in self.database_listeners:
            for index in indices:
                listener.flushing(index)

    def swapping(self, int one, int other):
        """Two databases are about to be exchanged."""
        for listener in self.database_listeners:
            listener.swapping(one, other)

    def flushed(self, indices):
        """All keys of these databases may be others now."""
        for listener in self.database_listeners:
            for index in indices:
                listener.database_changed(index)
