"""PING and ECHO."""

from redpoll.commands.call cimport Call, native
from redpoll.wire.reply cimport reply_array, reply_bulk, reply_status

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import FAST, FOR_SUBSCRIBERS, LOADING, STALE
from redpoll.errors import CommandError

cdef enum:
    GATE_SUBSCRIBED = 256        # as in server/connection


cdef int ping(Call call) except -1:
    if call.argc > 2:
        raise CommandError(errors.wrong_arity("ping"))
    if call.gate & GATE_SUBSCRIBED and call.out.resp == 2:
        # As a message, which is all that such a client reads.
        reply_array(call.out, 2)
        reply_bulk(call.out, b"pong", 4)
        if call.argc == 1:
            reply_bulk(call.out, b"", 0)
        else:
            reply_bulk(call.out, call.argv[1].ptr, call.argv[1].len)
    elif call.argc == 1:
        reply_status(call.out, b"PONG", 4)
    else:
        reply_bulk(call.out, call.argv[1].ptr, call.argv[1].len)
    return 0

declare("PING [message]", native(ping), group="connection", since="1.0.0", flags=FAST | FOR_SUBSCRIBERS,
        complexity="O(1)", tips="request_policy:all_shards response_policy:all_succeeded",
        summary="Answer PONG, or the message given.")


cdef int echo(Call call) except -1:
    reply_bulk(call.out, call.argv[1].ptr, call.argv[1].len)
    return 0

declare("ECHO message", native(echo), group="connection", since="1.0.0", flags=FAST | LOADING | STALE,
        complexity="O(1)", summary="Answer the message given.")
