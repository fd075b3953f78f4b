"""TIME. Rate limiters in scripts ask for it at every call."""

from libc.stdint cimport int64_t

from redpoll.commands.call cimport Call, native
from redpoll.wire.reply cimport reply_array, reply_integer_text

from redpoll.commands.declare import declare
from redpoll.commands.flags import FAST, LOADING, STALE

cdef enum:
    MICROSECONDS = 1000000


cdef int time(Call call) except -1:
    cdef int64_t now = call.unix_us()
    reply_array(call.out, 2)
    reply_integer_text(call.out, now // MICROSECONDS)
    reply_integer_text(call.out, now % MICROSECONDS)
    return 0

declare("TIME", native(time), summary="Return the time as Unix seconds and microseconds.", group="server",
        since="2.6.0", flags=LOADING | STALE | FAST, complexity="O(1)", tips="nondeterministic_output")
