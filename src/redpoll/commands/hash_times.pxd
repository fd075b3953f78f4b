"""Times of hash fields in commands: read from words, and given to fields."""

from libc.stdint cimport int64_t

from redpoll.commands.call cimport Call
from redpoll.engine.entry cimport Entry
from redpoll.engine.fields cimport Hash

cdef enum TimeUnit:
    SECONDS = 1
    MILLISECONDS = 2
    SINCE_EPOCH = 4          # else from now on

# The time at a word, in unix milliseconds; raises for what is no time. `name` is the command's, lower case.
cdef int field_time(Call call, size_t word, int unit, int64_t* when, str name) except -1
# What EX, PX, EXAT and PXAT tell of the time in the next word; 0: the word is none of these.
cdef int time_unit_at(Call call, size_t word) noexcept
# `FIELDS numfields field …` from a word to the end; returns the first field's. The texts for a wrong number differ.
cdef size_t named_fields(Call call, size_t word, str refusal) except 0

# What becomes of fields that get a time.
cdef struct Retiming:
    int64_t when             # unix milliseconds, or NO_TIME
    size_t set
    size_t deleted           # because the time is past
    size_t persisted
    void* fields             # a list for the names of those that changed, the handler's; NULL: nobody wants to know

# Nothing done yet; `fields` is a list for the log, or None.
cdef void begin_retiming(Retiming* retiming, list fields) noexcept

# Give a field, which is there and expires at `before`, a time (or NO_TIME); one that is past deletes it.
cdef void retime(Call call, Hash* h, size_t word, int64_t before, Retiming* retiming) noexcept
# Put the hash back and tell what happened to its fields.
cdef int retimed(Call call, Entry** slot, Hash* h, const Retiming* retiming) except -1
# Say for the log that the fields at every `step`th word from one on expire at a time, or are deleted.
cdef int say_times(Call call, size_t first, size_t step, int64_t when) except -1
cdef int say_fields_deleted(Call call, size_t first, size_t step) except -1
