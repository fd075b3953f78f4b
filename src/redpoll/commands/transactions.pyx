"""Transactions: MULTI, EXEC, DISCARD, WATCH and UNWATCH."""

from redpoll.commands.call cimport Call, native
from redpoll.commands.services cimport Transactor

from redpoll.commands.declare import declare
from redpoll.commands.flags import (
    ALLOW_BUSY, FAST, LOADING, NOSCRIPT, RUNS_IN_MULTI, RUNS_QUEUED, SKIP_SLOWLOG, STALE,
)


cdef int multi(Call call) except -1:
    return (<Transactor?>call.server.transactions).begin(call)

declare(
    "MULTI", native(multi), summary="Begin a transaction: queue the commands that follow.", group="transactions",
    since="1.2.0", flags=NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | RUNS_IN_MULTI, complexity="O(1)",
)


cdef int execute(Call call) except -1:
    return (<Transactor?>call.server.transactions).execute(call)

declare(
    "EXEC", native(execute), summary="Run the queued commands, one right after the other.", group="transactions",
    since="1.2.0", flags=NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG | RUNS_IN_MULTI | RUNS_QUEUED,
    complexity="Depends on the commands queued",
)


cdef int discard(Call call) except -1:
    return (<Transactor?>call.server.transactions).discard(call)

declare(
    "DISCARD", native(discard), summary="Drop the queued commands.", group="transactions", since="2.0.0",
    flags=NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | RUNS_IN_MULTI,
    complexity="O(N) where N is the number of queued commands",
)


cdef int watch(Call call) except -1:
    return (<Transactor?>call.server.transactions).watch(call)

declare(
    "WATCH key [key ...]", native(watch), summary="Have the next EXEC do nothing if one of the keys changes before it.",
    group="transactions", since="2.2.0", flags=NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | RUNS_IN_MULTI,
    complexity="O(1) for each key", keys="RO",
)


cdef int unwatch(Call call) except -1:
    return (<Transactor?>call.server.transactions).unwatch(call)

declare(
    "UNWATCH", native(unwatch), summary="Forget all keys that are watched.", group="transactions", since="2.2.0",
    flags=NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY, complexity="O(1) for each key",
)
