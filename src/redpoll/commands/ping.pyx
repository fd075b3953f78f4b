"""PING and ECHO."""

from redpoll.commands.call cimport Call, native
from redpoll.wire.reply cimport reply_bulk, reply_status

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import FAST, LOADING, STALE
from redpoll.errors import CommandError


cdef int ping(Call call) except -1:
    if call.argc > 2:
        raise CommandError(errors.wrong_arity("ping"))
    if call.argc == 1:
        reply_status(call.out, b"PONG", 4)
    else:
        reply_bulk(call.out, call.argv[1].ptr, call.argv[1].len)
    return 0

declare("PING [message]", native(ping), group="connection", since="1.0.0", flags=FAST, complexity="O(1)",
        tips="request_policy:all_shards response_policy:all_succeeded", summary="Answer PONG, or the message given.")


cdef int echo(Call call) except -1:
    reply_bulk(call.out, call.argv[1].ptr, call.argv[1].len)
    return 0

declare("ECHO message", native(echo), group="connection", since="1.0.0", flags=FAST | LOADING | STALE,
        complexity="O(1)", summary="Answer the message given.")
