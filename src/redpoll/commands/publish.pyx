"""Messages sent: PUBLISH and SPUBLISH."""

from libc.stdint cimport int64_t

from redpoll.commands.call cimport Call, native
from redpoll.commands.services cimport Hub
from redpoll.engine.blob cimport Blob, blob_release
from redpoll.wire.reply cimport reply_integer

from redpoll.commands.declare import declare
from redpoll.commands.flags import FAST, LOADING, MAY_REPLICATE, PUBSUB, STALE


cdef int send(Call call, bint sharded) except -1:
    cdef Hub hub = call.server.pubsub
    cdef Blob* blob = NULL
    cdef int64_t receivers
    if call.long_count:
        blob = call.take_blob(2)
    try:
        receivers = hub.publish(call.argv[1].ptr, call.argv[1].len, call.argv[2].ptr, call.argv[2].len, blob, sharded)
    finally:
        if blob != NULL:
            blob_release(blob)
    reply_integer(call.out, receivers)
    return 0


cdef int publish(Call call) except -1:
    return send(call, False)

declare(
    "PUBLISH channel message", native(publish), summary="Send a message to a channel.", group="pubsub",
    since="2.0.0", flags=PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE,
    complexity="O(N+M) where N is the number of subscribers and M the number of patterns anybody is subscribed to",
    channels="first",
)


cdef int spublish(Call call) except -1:
    return send(call, True)

declare(
    "SPUBLISH shardchannel message", native(spublish), summary="Send a message to a sharded channel.",
    group="pubsub", since="7.0.0", flags=PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE,
    complexity="O(N) where N is the number of subscribers", keys="not_key index:1",
    channels="first",
)
