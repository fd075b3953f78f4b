"""Events of keys as messages: see notifications.pyx."""

from libc.stdint cimport uint32_t

from redpoll.commands.services cimport Hub

cdef class Notifications:
    cdef readonly Hub hub
    cdef uint32_t channels               # which kinds of channels are published on
    cdef char* text                      # of the channel under way
    cdef size_t room

    cdef void notify(self, const char* event, const char* key, size_t length, int database) noexcept
    cdef void publish(self, const char* kind, int database, const char* of, size_t of_length,
                      const char* message, size_t message_length) noexcept
    cdef void notify_fields(self, const char* event, bytes key, int database, list fields) noexcept
