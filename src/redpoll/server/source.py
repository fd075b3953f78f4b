"""What INFO reads, gathered from a server's parts at the moment that it is asked."""

import resource
from types import SimpleNamespace
from typing import Any

import redpoll.engine.memory as allocator
from redpoll.server import clock, process
from redpoll.server.surveys import distributions


class Keys:
    """Figures of one database; what takes a walk over its keys is found out when it is read."""

    def __init__(self, server: Any, db: Any) -> None:
        self._server = server
        self._db = db
        self.index, self.keys, self.expires, self.avg_ttl = db.index, len(db), db.expires, db.average_ttl

    @property
    def subexpiry(self) -> int:
        """Hashes with fields that expire."""
        if not self._db.has_field_times:
            return 0
        return int(self._server.surveys.of(self._db).hashes_with_times)

    @property
    def distributions(self) -> dict[str, dict[int, int]]:
        """How many keys have which size."""
        return distributions(self._server.surveys.of(self._db))


class Source:
    """An `InfoSource` (server/info.py) over a server; every group is made when it is read."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.replication = SimpleNamespace(master_replid=server.run_id)
        self.modules: list[Any] = []
        self.cluster_fields: list[Any] = []

    def render(self, sections: list[bytes]) -> str:
        """The text of these sections."""
        from redpoll.server import info, info_sections

        del info_sections  # imported for what it registers
        source: Any = self  # groups are properties here, which the protocol's plain attributes do not admit
        return info.render(source, sections)

    @property
    def engines(self) -> list[Any]:
        """What runs scripts."""
        server = self._server
        return [
            SimpleNamespace(
                name="LUA",
                module="built-in",
                abi_version=4,
                used_memory=server.scripts.cache.machine_bytes + server.functions.libraries.machine_bytes,
                memory_overhead=server.scripts.cache.held_bytes + server.functions.libraries.held_bytes,
            )
        ]

    @property
    def config(self) -> Any:
        """Directives as attributes."""
        return self._server.config

    @property
    def now_us(self) -> int:
        """Unix microseconds."""
        return clock.unix_us()

    @property
    def hotkeys(self) -> Any:
        """Figures of the search for hot keys, or None."""
        session = self._server.hot_keys.current()
        if session is None:
            return None
        return SimpleNamespace(
            tracking_active=int(session.active),
            used_memory=session.by_time.memory + session.by_bytes.memory,
            cpu_time=sum(session.processor_times()),
        )

    @property
    def persistence(self) -> Any:
        """Figures of what is on disk."""
        return self._server.persistence.figures()

    @property
    def identity(self) -> Any:
        """Who this server is."""
        server = self._server
        by_name: dict[str, Any] = {}
        for listener in server.listeners:
            known = by_name.setdefault(
                listener.name, SimpleNamespace(name=listener.name, addresses=[], port=listener.port)
            )
            known.addresses.append(listener.address)
        return SimpleNamespace(
            redis_version=server.redis_version,
            monotonic_clock=clock.counter_name(),
            process_id=server.log.pid,
            process_supervised=server.supervised,
            run_id=server.run_id,
            tcp_port=server.config.port or server.config.tls_port,
            started_at=server.started_ms // 1000,
            hz=server.config.hz,
            executable=process.python_command(),
            config_file=server.config.file or "",
            io_threads_active=int(server.loop.threads > 1),
            listeners=list(by_name.values()),
            **dict(server.tls.info(clock.unix_ms() / 1000)),
        )

    @property
    def clients(self) -> Any:
        """Figures of connections."""
        return self._server.clients.figures()

    @property
    def memory(self) -> Any:
        """Figures of memory."""
        server = self._server
        used = allocator.used()
        parts = allocator.statistics()
        resident = process.resident_bytes()
        peak = max(server.peak_memory, used)
        return SimpleNamespace(
            used_memory=used,
            used_memory_rss=resident,
            used_memory_peak=peak,
            used_memory_peak_time=server.peak_memory_ms // 1000,
            used_memory_overhead=server.startup_memory + parts["tables"] + parts["expiry"] + parts["clients"],
            used_memory_startup=server.startup_memory,
            total_system_memory=process.system_memory(),
            allocator_active=allocator.mapped(),
            mem_aof_buffer=server.persistence.log.buffer_bytes,
            mem_clients_normal=parts["clients"],
            mem_allocator="redpoll",
            lazyfree_pending_objects=server.keyspace.pending_free,
            lazyfreed_objects=server.keyspace.lazily_freed,
            used_memory_vm_eval=server.scripts.cache.machine_bytes,
            used_memory_scripts_eval=server.scripts.cache.held_bytes,
            number_of_cached_scripts=len(server.scripts.cache),
            used_memory_vm_functions=server.functions.libraries.machine_bytes,
            used_memory_functions=server.functions.libraries.held_bytes,
            number_of_functions=server.functions.libraries.function_count,
            number_of_libraries=len(server.functions.libraries),
        )

    @property
    def stats(self) -> Any:
        """Counters."""
        server = self._server
        loop, keyspace, dispatcher = server.loop, server.keyspace, server.dispatcher
        slow = server.command_logs.slow
        denied = server.access.denied
        return SimpleNamespace(
            total_connections_received=server.connections_received,
            total_commands_processed=dispatcher.commands,
            instantaneous_ops_per_sec=server.operations.average(),
            total_net_input_bytes=loop.bytes_in,
            total_net_output_bytes=loop.bytes_out,
            instantaneous_input_kbps=server.input_rate.average() / 1024,
            instantaneous_output_kbps=server.output_rate.average() / 1024,
            tracking_total_keys=len(server.tracking.keys),
            tracking_total_items=server.tracking.items,
            tracking_total_prefixes=server.tracking.prefix_count,
            pubsub_channels=len(server.pubsub.channels),
            pubsub_patterns=server.pubsub.pattern_count,
            pubsubshard_channels=len(server.pubsub.shards),
            rejected_connections=server.connections_rejected,
            expired_keys=keyspace.expired_keys,
            expired_subkeys=keyspace.expired_fields,
            expired_time_cap_reached_count=loop.expire_cap_reached,
            **server.defragmentation.figures(),
            expire_cycle_cpu_milliseconds=loop.expire_us // 1000,
            evicted_keys=dispatcher.eviction.evicted,
            evicted_clients=server.clients.evicted,
            evicted_scripts=server.scripts.cache.evicted,
            total_eviction_exceeded_time=dispatcher.eviction_exceeded_us // 1000,
            current_eviction_exceeded_time=dispatcher.short_for_us // 1000,
            keyspace_hits=keyspace.hits,
            keyspace_misses=keyspace.misses,
            total_error_replies=dispatcher.error_replies,
            internal_errors=server.internal_errors,
            total_reads_processed=loop.reads,
            total_writes_processed=loop.writes,
            io_threaded_reads_processed=loop.threaded_reads,
            io_threaded_writes_processed=loop.threaded_writes,
            client_query_buffer_limit_disconnections=loop.query_limit_closes,
            client_output_buffer_limit_disconnections=loop.output_limit_closes,
            total_client_processing_events=loop.reads,
            eventloop_cycles=loop.cycles,
            eventloop_cycles_with_clients_processing=loop.busy_cycles,
            eventloop_duration_sum=loop.cycle_us,
            eventloop_duration_cmd_sum=loop.command_us,
            instantaneous_eventloop_cycles_per_sec=server.cycle_rate.average(),
            instantaneous_eventloop_duration_usec=loop.cycle_us // max(loop.cycles, 1),
            acl_access_denied_auth=denied["auth"],
            acl_access_denied_cmd=denied["command"],
            acl_access_denied_key=denied["key"],
            acl_access_denied_channel=denied["channel"],
            acl_access_denied_db=denied["database"],
            acl_access_denied_tls_cert=server.tls.refused,
            slowlog_commands_count=slow.count,
            slowlog_commands_time_ms_sum=slow.value_sum / 1000,
            slowlog_commands_time_ms_max=slow.value_max / 1000,
            commands_per_parse_batch_sum=loop.parse_batch_commands,
            commands_per_parse_batch_cnt=loop.parse_batches,
            commands_per_parse_batch_avg=loop.parse_batch_commands / max(loop.parse_batches, 1),
        )

    @property
    def cpu(self) -> Any:
        """Processor time."""
        return SimpleNamespace(
            process=resource.getrusage(resource.RUSAGE_SELF),
            children=resource.getrusage(resource.RUSAGE_CHILDREN),
            main_thread=resource.getrusage(resource.RUSAGE_THREAD),
            active_seconds=self._server.loop.cycle_us / 1e6,
        )

    @property
    def debug(self) -> Any:
        """What only a developer of the server wants to know."""
        server = self._server
        loop = server.loop
        scripts = server.scripts.cache.machine_bytes + server.functions.libraries.machine_bytes
        return SimpleNamespace(
            eventloop_duration_aof_sum=loop.log_us,
            eventloop_duration_cron_sum=loop.cron_us,
            eventloop_duration_max=loop.longest_cycle_us,
            eventloop_cmd_per_cycle_max=loop.most_requests,
            allocator_allocated_lua=scripts,
            allocator_active_lua=scripts,
            allocator_resident_lua=scripts,
        )

    @property
    def commands(self) -> Any:
        """Routines by name."""
        return self._server.commands

    @property
    def error_counts(self) -> Any:
        """How often each error code was sent."""
        return self._server.errors.counts

    @property
    def databases(self) -> list[Any]:
        """Figures of those with keys."""
        return [Keys(self._server, db) for db in self._server.keyspace.databases if len(db)]

    @property
    def threads(self) -> list[Any]:
        """The loop's own thread, then I/O threads."""
        loop = self._server.loop
        # Connections are the loop's; whoever is free reads and writes for them.
        return [
            SimpleNamespace(clients=0 if number else len(loop.connections), reads=reads, writes=writes)
            for number, (reads, writes) in enumerate(loop.work_of_threads())
        ]
