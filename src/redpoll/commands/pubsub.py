"""Subscriptions to channels, patterns and sharded channels, and what there is of them."""

from typing import Any

from redpoll import errors
from redpoll.commands.declare import command, container
from redpoll.commands.flags import DENYOOM, FOR_SUBSCRIBERS, LOADING, NOSCRIPT, PUBSUB, STALE
from redpoll.errors import CommandError
from redpoll.wire.values import NO_REPLY

_FLAGS = PUBSUB | NOSCRIPT | LOADING | STALE | FOR_SUBSCRIBERS


@command(
    "SUBSCRIBE channel [channel ...]",
    group="pubsub",
    since="2.0.0",
    flags=_FLAGS | DENYOOM,
    complexity="O(N) where N is the number of channels",
    channels="all",
)
def subscribe(call: Any) -> Any:
    """Receive the messages of channels."""
    call.server.pubsub.subscribe(call.connection, call.args[1:])
    return NO_REPLY


@command(
    "UNSUBSCRIBE [channel [channel ...]]",
    group="pubsub",
    since="2.0.0",
    flags=_FLAGS,
    complexity="O(N) where N is the number of channels",
)
def unsubscribe(call: Any) -> Any:
    """Receive the messages of these channels, or of all, no more."""
    call.server.pubsub.unsubscribe(call.connection, call.args[1:])
    return NO_REPLY


@command(
    "PSUBSCRIBE pattern [pattern ...]",
    group="pubsub",
    since="2.0.0",
    flags=_FLAGS | DENYOOM,
    complexity="O(N) where N is the number of patterns",
    channels="patterns",
)
def psubscribe(call: Any) -> Any:
    """Receive the messages of channels that match patterns."""
    call.server.pubsub.subscribe_patterns(call.connection, call.args[1:])
    return NO_REPLY


@command(
    "PUNSUBSCRIBE [pattern [pattern ...]]",
    group="pubsub",
    since="2.0.0",
    flags=_FLAGS,
    complexity="O(N) where N is the number of patterns",
)
def punsubscribe(call: Any) -> Any:
    """Receive the messages of these patterns, or of all, no more."""
    call.server.pubsub.unsubscribe_patterns(call.connection, call.args[1:])
    return NO_REPLY


@command(
    "SSUBSCRIBE shardchannel [shardchannel ...]",
    group="pubsub",
    since="7.0.0",
    flags=_FLAGS | DENYOOM,
    complexity="O(N) where N is the number of channels",
    keys="not_key index:1 last:-1",
    channels="all",
)
def ssubscribe(call: Any) -> Any:
    """Receive the messages of sharded channels."""
    if not call.may_block:
        raise CommandError(errors.no_blocking_client("SSUBSCRIBE"))
    call.server.pubsub.subscribe_shards(call.connection, call.args[1:])
    return NO_REPLY


@command(
    "SUNSUBSCRIBE [shardchannel [shardchannel ...]]",
    group="pubsub",
    since="7.0.0",
    flags=_FLAGS,
    complexity="O(N) where N is the number of channels",
    keys="not_key index:1 last:-1",
)
def sunsubscribe(call: Any) -> Any:
    """Receive the messages of these sharded channels, or of all, no more."""
    call.server.pubsub.unsubscribe_shards(call.connection, call.args[1:])
    return NO_REPLY


container(
    "PUBSUB",
    summary="Look at channels and who is subscribed to them.",
    group="pubsub",
    since="2.8.0",
    complexity="Depends on the subcommand",
    help_since="6.2.0",
    help_categories="-pubsub",
)


@command(
    "PUBSUB CHANNELS [pattern]",
    since="2.8.0",
    flags=PUBSUB | LOADING | STALE,
    complexity="O(N) where N is the number of channels",
)
def pubsub_channels(call: Any) -> list[bytes]:
    """Return the channels that somebody is subscribed to."""
    return _names(call, sharded=False)


@command("PUBSUB NUMPAT", since="2.8.0", flags=PUBSUB | LOADING | STALE, complexity="O(1)")
def pubsub_numpat(call: Any) -> int:
    """Count the patterns that somebody is subscribed to."""
    count: int = call.server.pubsub.pattern_count
    return count


@command(
    "PUBSUB NUMSUB [channel [channel ...]]",
    since="2.8.0",
    flags=PUBSUB | LOADING | STALE,
    complexity="O(N) where N is the number of channels asked for",
)
def pubsub_numsub(call: Any) -> list[Any]:
    """Count the subscribers of channels, patterns left aside."""
    return _counts(call, sharded=False)


@command(
    "PUBSUB SHARDCHANNELS [pattern]",
    since="7.0.0",
    flags=PUBSUB | LOADING | STALE,
    complexity="O(N) where N is the number of sharded channels",
)
def pubsub_shardchannels(call: Any) -> list[bytes]:
    """Return the sharded channels that somebody is subscribed to."""
    return _names(call, sharded=True)


@command(
    "PUBSUB SHARDNUMSUB [shardchannel [shardchannel ...]]",
    since="7.0.0",
    flags=PUBSUB | LOADING | STALE,
    complexity="O(N) where N is the number of channels asked for",
)
def pubsub_shardnumsub(call: Any) -> list[Any]:
    """Count the subscribers of sharded channels."""
    return _counts(call, sharded=True)


def _names(call: Any, *, sharded: bool) -> list[bytes]:
    words = call.args
    if len(words) > 3:
        raise CommandError(errors.subcommand_arity("PUBSUB", words[1].decode("latin-1")))
    names: list[bytes] = call.server.pubsub.names(words[2] if len(words) == 3 else None, sharded)
    return names


def _counts(call: Any, *, sharded: bool) -> list[Any]:
    reply: list[Any] = []
    for name in call.args[2:]:
        reply += [name, call.server.pubsub.count(name, sharded)]
    return reply
