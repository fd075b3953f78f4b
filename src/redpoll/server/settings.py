"""What directives do: each applied to the part that it concerns, at the start and whenever it changes.

A function here may refuse by raising `BadValue`; CONFIG SET then puts everything back.
"""

from collections.abc import Callable
from typing import Any

import redpoll.engine.memory as allocator
from redpoll.engine.sorting import use_collation
from redpoll.server.append_only import LogError
from redpoll.server.config import BadValue
from redpoll.server.listeners import ListenError
from redpoll.server.logs import Level
from redpoll.server.tls import DIRECTIVES, TlsError

_LFU = 1
_LRU = 0
_CLIENT_KINDS = {"normal": 0, "replica": 1, "slave": 1, "pubsub": 2}

Setting = Callable[[Any], None]
_SETTINGS: list[tuple[tuple[str, ...], Setting]] = []
_ON_CHANGE_ONLY: list[tuple[tuple[str, ...], Setting]] = []


def _setting(*names: str, at_start: bool = True) -> Callable[[Setting], Setting]:
    """Run the function for these directives: when one changes, and unless told otherwise at the start."""

    def register(function: Setting) -> Setting:
        (_SETTINGS if at_start else _ON_CHANGE_ONLY).append((names, function))
        return function

    return register


def apply(server: Any) -> None:
    """Put the configuration in force, and keep it so."""
    for names, function in _SETTINGS:
        function(server)
        _follow(server, names, function)
    for names, function in _ON_CHANGE_ONLY:
        _follow(server, names, function)


def _follow(server: Any, names: tuple[str, ...], function: Setting) -> None:
    def hook(_config: Any) -> None:
        function(server)

    for name in names:
        server.config.on_change(name, hook)


@_setting("loglevel", "log-format", "log-timestamp-format", "hide-user-data-from-log")
def _log(server: Any) -> None:
    config, log = server.config, server.log
    log.level = Level[config.loglevel.upper()]
    log.layout = config.log_format
    log.timestamps = config.log_timestamp_format
    log.hide_user_data = config.hide_user_data_from_log


@_setting("hz")
def _hz(server: Any) -> None:
    server.loop.cron_interval_ms = max(1000 // max(server.config.hz, 1), 2)


@_setting("prefetch-batch-max-size")
def _prefetching(server: Any) -> None:
    server.loop.prefetching = server.config.prefetch_batch_max_size > 1


@_setting("oom-score-adj", "oom-score-adj-values", at_start=False)
def _oom_score(server: Any) -> None:
    if not use_oom_score(server):
        raise BadValue("Failed to apply new oom_score_adj configuration, check server logs.")


def use_oom_score(server: Any) -> bool:
    """Do as `oom-score-adj` says; whether the kernel lets us. A start goes on without."""
    config = server.config
    try:
        server.oom_score.use(config.oom_score_adj, config.oom_score_adj_values[0])
    except OSError as error:
        server.log.warning(f"Unable to write oom_score_adj: {error.strerror}")
        return False
    return True


@_setting("crash-log-enabled")
def _crash_log(server: Any) -> None:
    if server.crash_reports is not None:
        server.crash_reports.enable(server.config.crash_log_enabled)


@_setting("watchdog-period")
def _watchdog(server: Any) -> None:
    if server.crash_reports is not None:
        server.crash_reports.watch(server.config.watchdog_period, server.config.hz)


@_setting("locale-collate")
def _collation(server: Any) -> None:
    name = server.config.locale_collate
    # What the environment names may be unknown here; what somebody set may not.
    if not use_collation(name.encode()) and name:
        raise BadValue("Invalid locale name")


@_setting("active-expire-effort")
def _active_expire_effort(server: Any) -> None:
    server.loop.expire_effort = server.config.active_expire_effort


@_setting("client-query-buffer-limit")
def _query_limit(server: Any) -> None:
    server.loop.query_limit = server.config.client_query_buffer_limit


@_setting("client-output-buffer-limit")
def _output_limits(server: Any) -> None:
    for kind, (hard, soft, seconds) in server.config.client_output_buffer_limit.items():
        server.loop.set_output_limit(_CLIENT_KINDS[kind], hard, soft, seconds)


_ORDERS = {"lru": 1, "lrm": 1, "lfu": 2, "ttl": 3, "random": 4}
_LIMITED = 32  # SERVER_LIMITED in dispatch.pxd
_IMPORTING = 128  # SERVER_IMPORTING there


@_setting("maxmemory", "maxmemory-policy", "maxmemory-samples", "maxmemory-eviction-tenacity", "import-mode")
def _memory_limit(server: Any) -> None:
    config, dispatcher = server.config, server.dispatcher
    scope, _, order = config.maxmemory_policy.partition("-")
    # What is being imported has to stay whole.
    chosen = 0 if config.import_mode else _ORDERS.get(order, 0)
    dispatcher.eviction.use(chosen, scope == "volatile", config.maxmemory_samples)
    dispatcher.memory_limit = config.maxmemory
    dispatcher.eviction_us = eviction_microseconds(config.maxmemory_eviction_tenacity)
    dispatcher.gate = dispatcher.gate & ~_LIMITED | (_LIMITED if config.maxmemory else 0)


@_setting("import-mode")
def _importing(server: Any) -> None:
    importing, dispatcher = server.config.import_mode, server.dispatcher
    server.keyspace.expiring = not importing
    dispatcher.gate = dispatcher.gate & ~_IMPORTING | (_IMPORTING if importing else 0)


@_setting("maxmemory", "maxmemory-clients")
def _client_memory_limit(server: Any) -> None:
    server.loop.clients_limit = server.dispatcher.clients_limit = server.clients.memory_limit
    server.loop.clients_grew = True


def eviction_microseconds(tenacity: int) -> int:
    """How long one command may wait for evictions: 50 for each step up to 10, then 15 % more a step; 100: at will."""
    if tenacity <= 10:
        return 50 * tenacity
    return 1 << 62 if tenacity >= 100 else int(500 * 1.15 ** (tenacity - 10))


@_setting("maxmemory-policy", "lfu-log-factor", "lfu-decay-time")
def _access_clock(server: Any) -> None:
    config, keyspace = server.config, server.keyspace
    keyspace.lfu_log_factor = config.lfu_log_factor
    keyspace.lfu_decay_time = config.lfu_decay_time
    keyspace.writes_only = config.maxmemory_policy.endswith("-lrm")
    keyspace.use_clock(_LFU if config.maxmemory_policy.endswith("-lfu") else _LRU)


@_setting("proto-max-bulk-len")
def _longest_word(server: Any) -> None:
    server.loop.longest_word = server.config.proto_max_bulk_len
    server.keyspace.longest_string = server.config.proto_max_bulk_len


_ENCODING_LIMITS = (
    "hash-max-listpack-entries",
    "hash-max-listpack-value",
    "set-max-intset-entries",
    "set-max-listpack-entries",
    "set-max-listpack-value",
    "zset-max-listpack-entries",
    "zset-max-listpack-value",
    "list-max-listpack-size",
    "list-compress-depth",
    "stream-node-max-bytes",
    "stream-node-max-entries",
    "stream-idmp-duration",
    "stream-idmp-maxsize",
    "hll-sparse-max-bytes",
    "array-slice-size",
    "array-sparse-kmax",
    "array-sparse-kmin",
)


@_setting(*_ENCODING_LIMITS)
def _encoding_limits(server: Any) -> None:
    for directive in _ENCODING_LIMITS:
        name = directive.replace("-", "_")
        setattr(server.keyspace, name, getattr(server.config, name))


@_setting("array-slice-size")
def _array_slices(server: Any) -> None:
    if server.config.array_slice_size.bit_count() != 1:
        raise BadValue("array-slice-size must be a power of two")


@_setting("array-sparse-kmax")
def _array_sparse_most(server: Any) -> None:
    most = server.config.array_sparse_kmax
    if most and most <= server.config.array_sparse_kmin:
        raise BadValue("array-sparse-kmax must be greater than array-sparse-kmin when non-zero")


@_setting("array-sparse-kmin")
def _array_sparse_least(server: Any) -> None:
    most = server.config.array_sparse_kmax
    if most and server.config.array_sparse_kmin >= most:
        raise BadValue("array-sparse-kmin must be less than array-sparse-kmax")


@_setting("tracking-table-max-keys", at_start=False)
def _tracked_keys(server: Any) -> None:
    server.tracking.keep_within(server.config.tracking_table_max_keys)


@_setting("notify-keyspace-events")
def _notifications(server: Any) -> None:
    server.changes.notify(server.config.notify_keyspace_events)


@_setting("latency-tracking")
def _latency_tracking(server: Any) -> None:
    server.dispatcher.track_latency = server.config.latency_tracking


@_setting(
    "slowlog-log-slower-than",
    "slowlog-max-len",
    "slowlog-entry-max-argc",
    "slowlog-entry-max-string-len",
    "commandlog-request-larger-than",
    "commandlog-large-request-max-len",
    "commandlog-reply-larger-than",
    "commandlog-large-reply-max-len",
    "latency-monitor-threshold",
)
def _diagnostics(server: Any) -> None:
    config, logs = server.config, server.command_logs
    logs.slow.threshold = config.slowlog_log_slower_than
    logs.slow.max_len = config.slowlog_max_len
    logs.large_request.threshold = config.commandlog_request_larger_than
    logs.large_request.max_len = config.commandlog_large_request_max_len
    logs.large_reply.threshold = config.commandlog_reply_larger_than
    logs.large_reply.max_len = config.commandlog_large_reply_max_len
    for log in (logs.slow, logs.large_request, logs.large_reply):
        log.max_args = config.slowlog_entry_max_argc
        log.max_word_len = config.slowlog_entry_max_string_len
    server.latency.threshold_ms = config.latency_monitor_threshold
    # The dispatcher looks closer at whatever one of them may want, and at anything that moves the clock.
    slow = [1000]
    if config.slowlog_log_slower_than >= 0:
        slow.append(config.slowlog_log_slower_than)
    server.dispatcher.set_slow_threshold(min(slow))
    never = (1 << 64) - 1
    server.dispatcher.large_request = logs.large_request.threshold if logs.large_request.threshold >= 0 else never
    server.dispatcher.large_reply = logs.large_reply.threshold if logs.large_reply.threshold >= 0 else never


@_setting("appendfsync", "aof-timestamp-enabled", "no-appendfsync-on-rewrite", at_start=False)
def _log_settings(server: Any) -> None:
    server.persistence.log.apply_settings()


@_setting("appendonly", at_start=False)
def _append_only(server: Any) -> None:
    try:
        server.persistence.log.switch(server.config.appendonly)
    except LogError as error:
        server.log.warning(str(error))
        raise BadValue("Unable to turn on AOF. Check server logs.") from error


@_setting("dir", "dbfilename", "save", at_start=False)
def _snapshot_file(server: Any) -> None:
    try:
        server.persistence.take_lock()
    except LogError as error:
        raise BadValue(str(error)) from error


@_setting("stop-writes-on-bgsave-error", "save", at_start=False)
def _refusals(server: Any) -> None:
    server.check_refusals()


@_setting("busy-reply-threshold")
def _slow_scripts(server: Any) -> None:
    server.scripts.threshold_us = max(server.config.busy_reply_threshold, 0) * 1000


@_setting("disable-thp")
def _huge_pages(server: Any) -> None:
    allocator.use_huge_pages(not server.config.disable_thp)


@_setting("requirepass")
def _password(server: Any) -> None:
    server.access.use_password(server.config.requirepass)


@_setting("acllog-max-len", "acl-pubsub-default")
def _access(server: Any) -> None:
    server.access.apply_settings()


@_setting("proc-title-template", at_start=False)
def _title(server: Any) -> None:
    server.show_title()


@_setting("maxclients", at_start=False)
def _max_clients(server: Any) -> None:
    from redpoll.server import process

    wanted = server.config.maxclients
    room = process.raise_descriptor_limit(wanted)
    if room < wanted:
        raise BadValue(f"The operating system is not able to handle the specified number of clients, try with {room}")


@_setting("port", at_start=False)
def _port(server: Any) -> None:
    _listen_anew(server, "Unable to listen on this port. Check server logs.")


@_setting("tls-port", at_start=False)
def _tls_port(server: Any) -> None:
    if server.config.tls_port:
        _load_tls(server)
    _listen_anew(server, "Unable to listen on this port. Check server logs.")


@_setting(*DIRECTIVES, at_start=False)
def _tls(server: Any) -> None:
    if server.config.tls_port:
        _load_tls(server)


def _load_tls(server: Any) -> None:
    try:
        server.tls.load()
    except TlsError as error:
        server.log.warning(f"Failed to configure TLS: {error}")
        raise BadValue("Unable to update TLS configuration. Check server logs.") from error


@_setting("bind", at_start=False)
def _bind(server: Any) -> None:
    _listen_anew(server, "Failed to bind to specified addresses.")


def _listen_anew(server: Any, refusal: str) -> None:
    try:
        server.relisten()
    except ListenError as error:
        server.log.warning(str(error))
        raise BadValue(refusal) from error
