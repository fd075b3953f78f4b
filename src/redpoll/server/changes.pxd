"""Who hears of changes of keys: see changes.pyx."""

from libc.stdint cimport uint32_t

from redpoll.engine.keyspace cimport Keyspace
from redpoll.engine.watcher cimport Watcher
from redpoll.server.notifications cimport Notifications

cdef class KeyListener:
    """Hears of every changed key without Python between."""
    cdef bint listening
    cdef void changed(self, const char* key, size_t length) noexcept

cdef class Changes(Watcher):
    cdef readonly KeyListener tracking
    cdef Keyspace keyspace
    cdef list listeners                  # of every change
    cdef list key_listeners              # of changes of wanted keys
    cdef list database_listeners
    cdef readonly Notifications notifications
    cdef uint32_t classes                # of events that are published
    cdef uint32_t* wanted                # how many wanted keys have a hash that ends like the place's number
    cdef readonly size_t wanted_keys

    cdef int want(self, bytes key) except -1
    cdef int unwant(self, bytes key) except -1
    cdef uint32_t* place_of(self, const char* key, size_t length) noexcept
    cpdef void follow(self) noexcept
    cdef void tell_listeners(self, list listeners, int kind, const char* event, const char* key, size_t length,
                             int database) noexcept
