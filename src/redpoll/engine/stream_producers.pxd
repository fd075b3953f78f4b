"""What producers sent to a stream lately, so that what they send again is not added again (IDMP).

A producer is known by a name; what it sends by an idempotent ID, which leads to the ID of the entry it made. Of each
producer the newest `producer_most` IDs are remembered, for `producer_seconds` seconds.
"""

from libc.stdint cimport int64_t

from redpoll.engine.entry cimport Entry
from redpoll.engine.stream cimport Producer, Stream, StreamId

# The value of an idempotent ID's entry.
cdef struct Sent:
    StreamId id
    int64_t at                   # unix milliseconds
    Entry* newer

cdef Sent* sent_of(const Entry* e) noexcept nogil
cdef Producer* producer_of(const Entry* e) noexcept nogil

# What was sent under a name and ID and is still remembered, or NULL.
cdef Sent* producers_find(Stream* s, const char* name, size_t name_length, const char* id, size_t id_length,
                          int64_t now) noexcept nogil
# Remember a new one; the oldest of its producer may have to go.
cdef void producers_add(Stream* s, const char* name, size_t name_length, const char* id, size_t id_length,
                        StreamId entry, int64_t at) noexcept nogil
# Forgets what is too old; of all producers.
cdef void producers_expire(Stream* s, int64_t now) noexcept nogil
cdef void producers_clear(Stream* s) noexcept nogil
cdef void producers_copy(Stream* to, const Stream* source) noexcept nogil
cdef size_t producers_memory(const Stream* s) noexcept nogil
cdef size_t producers_count(const Stream* s) noexcept nogil
