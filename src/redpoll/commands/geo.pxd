"""What the commands of places share."""

from redpoll.commands.call cimport Call
from redpoll.engine.geohash cimport Place

# Degrees at two words, which must be a place.
cdef int read_place(Call call, size_t word, Place* place) except -1
# How many metres a unit has; raises for a word that is none.
cdef double read_unit(Call call, size_t word) except -1
cdef void reply_place(Call call, Place place) noexcept
cdef void reply_distance(Call call, double distance) noexcept
