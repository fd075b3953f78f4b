"""The sections of `INFO` and their fields, in the order that Redis and Valkey show them.

Fields of Redis come first; those that only Valkey has stand where Valkey shows them. Importing
this module registers the sections.
"""

import os
import sys
from collections.abc import Iterator
from typing import Any

from redpoll.server.info import (
    CommandStatistics,
    Field,
    InfoSource,
    Table,
    bound,
    human,
    percentage,
    ratio,
    read,
    safe,
    section,
)
from redpoll.version import REDIS_VERSION, VERSION

LRU_CLOCK_MASK = (1 << 24) - 1
NO_REPLICATION_ID = "0" * 40
_UNAME = os.uname()

_SERVER_BEFORE: Table = (
    ("redis_version", REDIS_VERSION),
    ("server_name", "redpoll"),
    ("redpoll_version", VERSION),
    ("redis_git_sha1", "00000000"),
    ("redis_git_dirty", 0),
    ("redis_build_id", "0"),
    ("redis_mode", "standalone"),
    ("server_mode", "standalone"),
    ("os", f"{_UNAME.sysname} {_UNAME.release} {_UNAME.machine}"),
    ("arch_bits", 64 if sys.maxsize > 1 << 32 else 32),
    ("monotonic_clock", "POSIX clock_gettime"),
    ("multiplexing_api", "epoll"),
    ("atomicvar_api", "c11-builtin"),
    ("gcc_version", "0.0.0"),
    ("process_id", 0),
    ("process_supervised", "no"),
    ("run_id", NO_REPLICATION_ID),
    ("tcp_port", 0),
)

_CLIENTS: Table = (
    ("client_recent_max_input_buffer", 0),
    ("client_recent_max_output_buffer", 0),
    ("blocked_clients", 0),
    ("tracking_clients", 0),
    ("pubsub_clients", 0),
    ("watching_clients", 0),
    ("clients_in_timeout_table", 0),
    ("total_watched_keys", 0),
    ("total_blocking_keys", 0),
    ("total_blocking_keys_on_nokey", 0),
    ("paused_reason", "none"),
    ("paused_actions", "none"),
    ("paused_timeout_milliseconds", 0),
)

_MEMORY_AFTER: Table = (
    ("mem_not_counted_for_evict", 0),
    ("mem_replication_backlog", 0),
    ("mem_total_replication_buffers", 0),
    ("mem_replicas_repl_buffer", 0),
    ("mem_replica_full_sync_buffer", 0),
    ("mem_clients_slaves", 0),
    ("mem_clients_normal", 0),
    ("mem_cluster_links", 0),
    ("mem_cluster_slot_import", 0),
    ("mem_cluster_slot_export", 0),
    ("mem_cluster_slot_migration_output_buffer", 0),
    ("mem_cluster_slot_migration_input_buffer", 0),
    ("mem_cluster_slot_migration_input_buffer_peak", 0),
    ("mem_aof_buffer", 0),
    ("mem_allocator", "libc"),
    ("mem_overhead_db_hashtable_rehashing", 0),
    ("active_defrag_running", 0),
    ("lazyfree_pending_objects", 0),
    ("lazyfreed_objects", 0),
)

_PERSISTENCE: Table = (
    ("loading", 0),
    ("async_loading", 0),
    ("current_cow_peak", 0),
    ("current_cow_size", 0),
    ("current_cow_size_age", 0),
    ("current_fork_perc", 0.0),
    ("current_save_keys_processed", 0),
    ("current_save_keys_total", 0),
    ("rdb_changes_since_last_save", 0),
    ("rdb_bgsave_in_progress", 0),
    ("rdb_last_save_time", 0),
    ("rdb_last_bgsave_status", "ok"),
    ("rdb_last_bgsave_time_sec", -1),
    ("rdb_current_bgsave_time_sec", -1),
    ("rdb_saves", 0),
    ("rdb_last_cow_size", 0),
    ("rdb_last_load_keys_expired", 0),
    ("rdb_last_load_keys_loaded", 0),
    ("aof_enabled", 0),
    ("aof_rewrite_in_progress", 0),
    ("aof_rewrite_scheduled", 0),
    ("aof_last_rewrite_time_sec", -1),
    ("aof_current_rewrite_time_sec", -1),
    ("aof_last_bgrewrite_status", "ok"),
    ("aof_rewrites", 0),
    ("aof_rewrites_consecutive_failures", 0),
    ("aof_last_write_status", "ok"),
    ("aof_last_cow_size", 0),
    ("module_fork_in_progress", 0),
    ("module_fork_last_cow_size", 0),
    ("slot_migration_fork_in_progress", 0),
)

_PERSISTENCE_AOF: Table = (
    ("aof_current_size", 0),
    ("aof_base_size", 0),
    ("aof_pending_rewrite", 0),
    ("aof_buffer_length", 0),
    ("aof_rewrite_buffer_length", 0),
    ("aof_pending_bio_fsync", 0),
    ("aof_delayed_fsync", 0),
)

_PERSISTENCE_LOADING: Table = (
    ("loading_start_time", 0),
    ("loading_total_bytes", 0),
    ("loading_rdb_used_mem", 0),
    ("loading_loaded_bytes", 0),
    ("loading_loaded_perc", 0.0),
    ("loading_eta_seconds", 0),
)

_STATS: Table = (
    ("total_connections_received", 0),
    ("total_commands_processed", 0),
    ("instantaneous_ops_per_sec", 0),
    ("total_net_input_bytes", 0),
    ("total_net_output_bytes", 0),
    ("total_net_repl_input_bytes", 0),
    ("total_net_repl_output_bytes", 0),
    ("total_net_cluster_slot_import_bytes", 0),
    ("total_net_cluster_slot_export_bytes", 0),
    ("instantaneous_input_kbps", 0.0),
    ("instantaneous_output_kbps", 0.0),
    ("instantaneous_input_repl_kbps", 0.0),
    ("instantaneous_output_repl_kbps", 0.0),
    ("rejected_connections", 0),
    ("sync_full", 0),
    ("sync_partial_ok", 0),
    ("sync_partial_err", 0),
    ("expired_subkeys", 0),
    ("expired_keys", 0),
    ("expired_fields", 0),
    ("expired_stale_perc", 0.0),
    ("expired_keys_with_volatile_items_stale_perc", 0.0),
    ("expired_time_cap_reached_count", 0),
    ("expire_cycle_cpu_milliseconds", 0),
    ("evicted_keys", 0),
    ("evicted_clients", 0),
    ("evicted_scripts", 0),
    ("total_eviction_exceeded_time", 0),
    ("current_eviction_exceeded_time", 0),
    ("keyspace_hits", 0),
    ("keyspace_misses", 0),
    ("hash_templates", 0),
    ("hash_template_keys", 0),
    ("pubsub_channels", 0),
    ("pubsub_patterns", 0),
    ("pubsubshard_channels", 0),
    ("latest_fork_usec", 0),
    ("total_forks", 0),
    ("migrate_cached_sockets", 0),
    ("slave_expires_tracked_keys", 0),
    ("active_defrag_hits", 0),
    ("active_defrag_misses", 0),
    ("active_defrag_key_hits", 0),
    ("active_defrag_key_misses", 0),
    ("total_active_defrag_time", 0),
    ("current_active_defrag_time", 0),
    ("tracking_total_keys", 0),
    ("tracking_total_items", 0),
    ("tracking_total_prefixes", 0),
    ("unexpected_error_replies", 0),
    ("total_error_replies", 0),
    ("internal_errors", 0),
    ("dump_payload_sanitizations", 0),
    ("total_reads_processed", 0),
    ("total_writes_processed", 0),
    ("io_threaded_reads_processed", 0),
    ("io_threaded_writes_processed", 0),
    ("io_threaded_freed_objects", 0),
    ("io_threaded_accept_processed", 0),
    ("io_threaded_poll_processed", 0),
    ("io_threaded_total_prefetch_batches", 0),
    ("io_threaded_total_prefetch_entries", 0),
    ("client_query_buffer_limit_disconnections", 0),
    ("client_output_buffer_limit_disconnections", 0),
    ("reply_buffer_shrinks", 0),
    ("reply_buffer_expands", 0),
    ("eventloop_cycles", 0),
    ("eventloop_duration_sum", 0),
    ("eventloop_duration_cmd_sum", 0),
    ("instantaneous_eventloop_cycles_per_sec", 0),
    ("instantaneous_eventloop_duration_usec", 0),
    ("acl_access_denied_auth", 0),
    ("acl_access_denied_cmd", 0),
    ("acl_access_denied_key", 0),
    ("acl_access_denied_channel", 0),
    ("acl_access_denied_tls_cert", 0),
    ("acl_access_denied_db", 0),
    ("cluster_incompatible_ops", 0),
    ("slowlog_commands_count", 0),
    ("slowlog_commands_time_ms_sum", 0.0),
    ("slowlog_commands_time_ms_max", 0.0),
    ("total_client_processing_events", 0),
    ("eventloop_cycles_with_clients_processing", 0),
    ("commands_per_parse_batch_sum", 0),
    ("commands_per_parse_batch_cnt", 0),
    ("commands_per_parse_batch_avg", 0.0),
)

_REPLICA: Table = (
    ("master_host", ""),
    ("master_port", 0),
    ("master_link_status", "down"),
    ("master_last_io_seconds_ago", -1),
    ("master_sync_in_progress", 0),
    ("slave_read_repl_offset", 0),
    ("slave_repl_offset", 0),
    ("replica_full_sync_buffer_size", 0),
    ("replica_full_sync_buffer_peak", 0),
)

_REPLICA_SYNCING: Table = (
    ("master_sync_total_bytes", 0),
    ("master_sync_read_bytes", 0),
    ("master_sync_left_bytes", 0),
    ("master_sync_perc", 0.0),
    ("master_sync_last_io_seconds_ago", 0),
)

_REPLICA_ATTEMPTS: Table = (("master_current_sync_attempts", 0), ("master_total_sync_attempts", 0))

_REPLICA_SETTINGS: Table = (
    ("total_disconnect_time_sec", 0),
    ("slave_priority", 100),
    ("slave_read_only", 1),
    ("replica_announced", 1),
)

_REPLICATION_AFTER: Table = (
    ("master_failover_state", "no-failover"),
    ("master_replid", NO_REPLICATION_ID),
    ("master_replid2", NO_REPLICATION_ID),
    ("master_repl_offset", 0),
    ("second_repl_offset", -1),
    ("repl_backlog_active", 0),
    ("repl_backlog_size", 1 << 20),
    ("repl_backlog_first_byte_offset", 0),
    ("repl_backlog_histlen", 0),
)

_TLS: Table = tuple(
    field
    for side in ("server", "client", "ca")
    for field in ((f"tls_{side}_cert_serial", "none"), (f"tls_{side}_cert_expires_in_seconds", 0))
)

_DEBUG: Table = (
    ("eventloop_duration_aof_sum", 0),
    ("eventloop_duration_cron_sum", 0),
    ("eventloop_duration_max", 0),
    ("eventloop_cmd_per_cycle_max", 0),
    ("io_threaded_reads_pending", 0),
    ("io_threaded_writes_pending", 0),
    ("allocator_allocated_lua", 0),
    ("allocator_active_lua", 0),
    ("allocator_resident_lua", 0),
    ("allocator_frag_bytes_lua", 0),
)


@section("Server")
def server(source: InfoSource) -> Iterator[Field]:
    """Versions, addresses and clocks."""
    identity, config = source.identity, source.config
    uptime = source.now_us // 1_000_000 - getattr(identity, "started_at", source.now_us // 1_000_000)
    hz = getattr(config, "hz", 10)
    yield from read(identity, _SERVER_BEFORE)
    yield "server_time_usec", source.now_us
    yield "uptime_in_seconds", uptime
    yield "uptime_in_days", uptime // 86400
    yield "hz", getattr(identity, "hz", hz)
    yield "configured_hz", hz
    yield "clients_hz", getattr(identity, "hz", hz)
    yield "lru_clock", source.now_us // 1_000_000 & LRU_CLOCK_MASK
    yield from read(identity, (("executable", ""), ("config_file", ""), ("io_threads_active", 0)))
    yield "availability_zone", getattr(config, "availability_zone", "")
    for index, listener in enumerate(getattr(identity, "listeners", ())):
        binds = ",".join(f"bind={address}" for address in listener.addresses)
        port = f",port={listener.port}" if listener.port else ""
        yield f"listener{index}", f"name={listener.name},{binds}{port}"
    if (shutdown := getattr(identity, "shutdown_in_milliseconds", None)) is not None:
        yield "shutdown_in_milliseconds", shutdown


@section("TLS", default=False)
def tls(source: InfoSource) -> Iterator[Field]:
    """Certificates in use."""
    return read(source.identity, _TLS)


@section("Clients")
def clients(source: InfoSource) -> Iterator[Field]:
    """Connections and what they wait for."""
    yield from read(source.clients, (("connected_clients", 0), ("cluster_connections", 0)))
    yield "maxclients", getattr(source.config, "maxclients", 10_000)
    yield from read(source.clients, _CLIENTS)


@section("Memory")
def memory(source: InfoSource) -> Iterator[Field]:
    """Where the memory is."""

    def value(name: str, idle: int = 0) -> int:
        return getattr(source.memory, name, idle)

    used, resident = value("used_memory"), value("used_memory_rss")
    peak = max(value("used_memory_peak"), used)
    overhead, startup = value("used_memory_overhead"), value("used_memory_startup")
    dataset = max(used - overhead, 0)
    yield from _sized("used_memory", used)
    yield from _sized("used_memory_rss", resident)
    yield from _sized("used_memory_peak", peak)
    yield "used_memory_peak_time", value("used_memory_peak_time")
    yield "used_memory_peak_perc", percentage(used, peak)
    yield "used_memory_overhead", overhead
    yield "used_memory_startup", startup
    yield "used_memory_dataset", dataset
    yield "used_memory_dataset_perc", percentage(dataset, used - startup)

    allocated = value("allocator_allocated", used)
    active = value("allocator_active", allocated)
    mapped = value("allocator_resident", active)
    yield "allocator_allocated", allocated
    yield "allocator_active", active
    yield "allocator_resident", mapped
    yield "allocator_muzzy", value("allocator_muzzy")
    yield from _sized("total_system_memory", value("total_system_memory"))

    vm_eval, vm_functions = value("used_memory_vm_eval"), value("used_memory_vm_functions")
    scripts_eval, functions = value("used_memory_scripts_eval"), value("used_memory_functions")
    yield "used_memory_lua", vm_eval
    yield "used_memory_vm_eval", vm_eval
    yield "used_memory_lua_human", human(vm_eval)
    yield "used_memory_scripts_eval", scripts_eval
    yield "number_of_cached_scripts", value("number_of_cached_scripts")
    yield "number_of_functions", value("number_of_functions")
    yield "number_of_libraries", value("number_of_libraries")
    yield "used_memory_vm_functions", vm_functions
    yield from _sized("used_memory_vm_total", vm_eval + vm_functions)
    yield "used_memory_functions", functions
    yield from _sized("used_memory_scripts", scripts_eval + functions)
    yield "used_memory_hash_templates", value("used_memory_hash_templates")
    yield from _sized("maxmemory", getattr(source.config, "maxmemory", 0))
    yield "maxmemory_policy", getattr(source.config, "maxmemory_policy", "noeviction")

    yield "allocator_frag_ratio", ratio(active, allocated)
    yield "allocator_frag_bytes", active - allocated
    yield "allocator_rss_ratio", ratio(mapped, active)
    yield "allocator_rss_bytes", mapped - active
    yield "rss_overhead_ratio", ratio(resident, mapped)
    yield "rss_overhead_bytes", resident - mapped
    yield "mem_fragmentation_ratio", ratio(resident, used)
    yield "mem_fragmentation_bytes", resident - used
    yield from read(source.memory, _MEMORY_AFTER)


def _sized(name: str, size: int) -> Iterator[Field]:
    yield name, size
    yield f"{name}_human", human(size)


@section("Persistence")
def persistence(source: InfoSource) -> Iterator[Field]:
    """Snapshots, the append-only file, and loading them."""
    yield from read(source.persistence, _PERSISTENCE)
    if getattr(source.persistence, "aof_enabled", 0):
        yield from read(source.persistence, _PERSISTENCE_AOF)
    if getattr(source.persistence, "loading", 0):
        yield from read(source.persistence, _PERSISTENCE_LOADING)


@section("Threads")
def threads(source: InfoSource) -> Iterator[Field]:
    """Clients and traffic of each I/O thread."""
    for index, thread in enumerate(source.threads):
        yield f"io_thread_{index}", f"clients={thread.clients},reads={thread.reads},writes={thread.writes}"


@section("Stats")
def stats(source: InfoSource) -> Iterator[Field]:
    """Counters since the start or `CONFIG RESETSTAT`."""
    return read(source.stats, _STATS)


@section("Replication")
def replication(source: InfoSource) -> Iterator[Field]:
    """The role, the link to the master, and the replicas."""
    state = source.replication
    role = getattr(state, "role", "master")
    replicas = getattr(state, "replicas", ())
    yield "role", role
    if role == "slave":
        yield from _link_to_master(state)
    yield "connected_slaves", len(replicas)
    wanted_lag = getattr(source.config, "min_replicas_max_lag", 10)
    if getattr(source.config, "min_replicas_to_write", 0) and wanted_lag:
        yield "min_slaves_good_slaves", getattr(state, "min_slaves_good_slaves", 0)
    for index, replica in enumerate(replicas):
        yield (
            f"slave{index}",
            f"ip={replica.ip},port={replica.port},state={replica.state},offset={replica.offset},lag={replica.lag}",
        )
    yield "replicas_waiting_psync", getattr(state, "replicas_waiting_psync", 0)
    yield from read(state, _REPLICATION_AFTER)


def _link_to_master(state: Any) -> Iterator[Field]:
    yield from read(state, _REPLICA)
    if getattr(state, "master_sync_in_progress", 0):
        yield from read(state, _REPLICA_SYNCING)
    yield from read(state, _REPLICA_ATTEMPTS)
    link = "up" if getattr(state, "master_link_status", "down") == "up" else "down"
    yield from read(state, ((f"master_link_{link}_since_seconds", -1),))
    yield from read(state, _REPLICA_SETTINGS)


@section("CPU")
def cpu(source: InfoSource) -> Iterator[Field]:
    """Processor time in seconds."""
    for suffix, usage in (
        ("", source.cpu.process),
        ("_children", source.cpu.children),
        ("_main_thread", source.cpu.main_thread),
    ):
        yield f"used_cpu_sys{suffix}", f"{usage.ru_stime:.6f}"
        yield f"used_cpu_user{suffix}", f"{usage.ru_utime:.6f}"
    yield "used_active_time_main_thread", f"{getattr(source.cpu, 'active_seconds', 0.0):.6f}"


@section("Modules")
def modules(source: InfoSource) -> Iterator[Field]:
    """Loaded modules, one a line."""
    for module in source.modules:
        described = (
            f"name={module.name},ver={module.version},api={module.api},filters={module.filters},"
            f"usedby=[{'|'.join(module.used_by)}],using=[{'|'.join(module.using)}],"
            f"options=[{'|'.join(module.options)}]"
        )
        yield "module", described


def _commands(source: InfoSource) -> Iterator[CommandStatistics]:
    for command in source.commands.values():
        yield command
        yield from command.subcommands.values()


@section("Commandstats", default=False)
def commandstats(source: InfoSource) -> Iterator[Field]:
    """How often each command came, and the time it took."""
    for command in _commands(source):
        if not (command.calls or command.rejected_calls or command.failed_calls):
            continue
        text = (
            f"calls={command.calls},usec={command.usec},"
            f"usec_per_call={command.usec / command.calls if command.calls else 0:.2f},"
            f"rejected_calls={command.rejected_calls},failed_calls={command.failed_calls}"
        )
        if slow := getattr(command, "slowlog_count", 0):
            text += (
                f",slowlog_count={slow},slowlog_time_ms_sum={getattr(command, 'slowlog_time_ms_sum', 0):.2f},"
                f"slowlog_time_ms_max={getattr(command, 'slowlog_time_ms_max', 0):.2f}"
            )
        yield f"cmdstat_{safe(command.name)}", text


@section("Errorstats")
def errorstats(source: InfoSource) -> Iterator[Field]:
    """How often each error code was sent."""
    for code, count in sorted(source.error_counts.items()):
        yield f"errorstat_{safe(code)}", f"count={count}"


@section("Latencystats", default=False)
def latencystats(source: InfoSource) -> Iterator[Field]:
    """Percentiles of each command's duration in microseconds."""
    wanted = getattr(source.config, "latency_tracking_info_percentiles", (50.0, 99.0, 99.9))
    if not getattr(source.config, "latency_tracking", True):
        return
    for command in _commands(source):
        if command.calls:
            figures = zip(wanted, command.percentiles(wanted), strict=True)
            yield (
                f"latency_percentiles_usec_{safe(command.name)}",
                ",".join(f"p{percent:g}={value:.3f}" for percent, value in figures),
            )


@section("Cluster")
def cluster(source: InfoSource) -> Iterator[Field]:
    """Whether this server is a node."""
    yield "cluster_enabled", int(getattr(source.config, "cluster_enabled", False))


@section("Cluster Info", name="cluster_info", default=False)
def cluster_info(source: InfoSource) -> Iterator[Field]:
    """What `CLUSTER INFO` tells, on a node."""
    return iter(source.cluster_fields)


@section("Scripting Engines", name="scriptingengines", default=False)
def scripting_engines(source: InfoSource) -> Iterator[Field]:
    """What runs scripts, and its memory."""
    engines = source.engines
    yield "engines_count", len(engines)
    yield "engines_total_used_memory", sum(engine.used_memory for engine in engines)
    yield "engines_total_memory_overhead", sum(engine.memory_overhead for engine in engines)
    for index, engine in enumerate(engines):
        described = (
            f"name={engine.name},module={engine.module},abi_version={engine.abi_version},"
            f"used_memory={engine.used_memory},memory_overhead={engine.memory_overhead}"
        )
        yield f"engine_{index}", described


@section("Keyspace")
def keyspace(source: InfoSource) -> Iterator[Field]:
    """Keys of each database that has any."""
    for database in source.databases:
        if database.keys:
            counted = (
                f"keys={database.keys},expires={database.expires},avg_ttl={database.avg_ttl},"
                f"subexpiry={database.subexpiry}"
            )
            yield f"db{database.index}", counted


@section("Keysizes")
def keysizes(source: InfoSource) -> Iterator[Field]:
    """How many keys have which size, by powers of two."""
    for database in source.databases:
        for kind, sizes in database.distributions.items():
            counted = ",".join(f"{bound(size)}={count}" for size, count in sorted(sizes.items()) if count)
            if counted:
                yield f"db{database.index}_distrib_{kind}", counted


@section("Hotkeys", default=False)
def hotkeys(source: InfoSource) -> Iterator[Field]:
    """Hot key tracking, while there is any."""
    if source.hotkeys is not None:
        yield from read(source.hotkeys, (("tracking_active", 0), ("used_memory", 0), ("cpu_time", 0)))


@section("Debug", default=False, everything=False)
def debug(source: InfoSource) -> Iterator[Field]:
    """Figures for those who work on the server."""
    return read(source.debug, _DEBUG)
