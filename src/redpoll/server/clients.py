"""Who is connected: descriptions, filters, pauses, monitors, idle clients, and notes of notable commands.

Sockets and buffers are the loop's; this is what commands and operators see of connections.
"""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from redpoll.commands import flags as command_flags
from redpoll.server.listeners import is_local

UNAUTHENTICATED = 1
MONITOR = 2
REPLY_OFF = 4
REPLY_SKIP_NEXT = 8
REPLY_SKIP = 16
NO_TOUCH = 32
CLOSING = 64
BLOCKED = 128
MULTI = 512

PAUSED_WRITES = 1
PAUSED = 2
MONITORED = 4

_REDACTED = b"(redacted)"
_KINDS = ("normal", "replica", "pubsub")


class Clients:
    """The connections of one server, as commands see them."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.monitors: dict[int, Any] = {}
        self._postponed: list[Any] = []
        self.pause_end_ms = 0
        self.pause_all = False
        self._idle_checked_ms = 0
        self.evicted = 0

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._server.loop.connections.values()))

    def by_id(self, number: int) -> Any | None:
        """The connection of this number, or None."""
        return next((one for one in self._server.loop.connections.values() if one.id == number), None)

    # Coming and going

    def opened(self, connection: Any) -> None:
        """A connection was accepted."""
        if self._server.config.client_default_resp == 3:
            connection.resp = 3
        self._server.access.opened(connection)

    def client_closed(self, connection: Any) -> None:
        """A connection is gone."""
        self.stop_monitoring(connection)
        if connection in self._postponed:
            self._postponed.remove(connection)

    def reset(self, connection: Any) -> None:
        """Put a connection into the state that it began with."""
        self.stop_monitoring(connection)
        self._server.transactions.end(connection)
        self._server.pubsub.forget(connection)
        self._server.tracking.stop(connection)
        connection.gate &= CLOSING | BLOCKED
        connection.select(self._server.keyspace.databases[0])
        connection.resp = 2
        connection.name = b""
        connection.no_evict = False
        connection.import_source = False
        connection.capabilities = set()
        connection.fieldsets = None
        self._server.access.opened(connection)

    def is_local(self, connection: Any) -> bool:
        """Whether it comes from this host."""
        return bool(connection.unix_socket) or is_local(connection.address.rpartition(":")[0].strip("[]"))

    def kill(self, connection: Any, caller: Any) -> None:
        """Close a connection: at once, but the caller's own after its reply."""
        connection.closing_reason = "killed by CLIENT KILL"
        if connection is caller:
            self._server.loop.close_after_reply(connection)
        else:
            self._server.loop.close(connection)

    # Pauses

    def pause(self, milliseconds: int, everything: bool, now_ms: int) -> None:
        """Hold back writes, or everything. Overlapping pauses make the longer and the stricter one."""
        if not self.pause_end_ms:
            self.pause_all = everything
        self.pause_all = self.pause_all or everything
        self.pause_end_ms = max(self.pause_end_ms, now_ms + milliseconds)
        dispatcher = self._server.dispatcher
        dispatcher.gate = dispatcher.gate & ~(PAUSED | PAUSED_WRITES) | (PAUSED if self.pause_all else PAUSED_WRITES)
        self._server.loop.next_cron_ms = min(self._server.loop.next_cron_ms, self.pause_end_ms)

    def unpause(self) -> None:
        """Let everybody go on."""
        self.pause_end_ms = 0
        self.pause_all = False
        self._server.dispatcher.gate &= ~(PAUSED | PAUSED_WRITES)
        waiting, self._postponed = self._postponed, []
        for connection in waiting:
            self._server.loop.go_on(connection)

    def postpone(self, connection: Any) -> None:
        """A command has to wait for the end of the pause."""
        self._postponed.append(connection)

    # Monitors

    def start_monitoring(self, connection: Any) -> None:
        """Send it every command from now on."""
        connection.gate |= MONITOR
        self.monitors[connection.id] = connection
        self._server.dispatcher.gate |= MONITORED

    def stop_monitoring(self, connection: Any) -> None:
        """Undo `start_monitoring`."""
        connection.gate &= ~MONITOR
        if self.monitors.pop(connection.id, None) is not None and not self.monitors:
            self._server.dispatcher.gate &= ~MONITORED

    def tell_monitors(self, connection: Any, command: Any, words: list[bytes], *, runs_commands: bool = False) -> None:
        """A command is about to run; those for administrators are not shown.

        `runs_commands`: it is told before those that it runs, and so not by the dispatcher.
        """
        hidden = command_flags.ADMIN if runs_commands else command_flags.ADMIN | command_flags.SKIP_MONITOR
        if command.flags & hidden:
            return
        seconds, microseconds = divmod(self._server.unix_us(), 1_000_000)
        address = f"unix:{connection.address.rpartition(':')[0]}" if connection.unix_socket else connection.address
        text = f"{seconds}.{microseconds:06} [{connection.db_index} {address}] " + " ".join(
            quoted(word) for word in redacted(words, command.name, self._server.config.is_sensitive)
        )
        for monitor in list(self.monitors.values()):
            self._server.loop.send(monitor, text)

    # What happened

    def notable_command(
        self, connection: Any, command: Any, words: list[bytes], microseconds: int, request_bytes: int, reply_bytes: int
    ) -> bool:
        """A command was slow, or its request or reply large: note it where that is asked for; whether it was slow."""
        server = self._server
        logs = server.command_logs
        now_ms = server.unix_us() // 1000
        if not command.flags & command_flags.SKIP_SLOWLOG:
            for log, value in (
                (logs.slow, microseconds),
                (logs.large_request, request_bytes),
                (logs.large_reply, reply_bytes),
            ):
                if log.wants(value):
                    log.add(
                        value,
                        redacted(words, command.name, server.config.is_sensitive),
                        unix_time=now_ms // 1000,
                        address=connection.address.encode("latin-1"),
                        client_name=connection.name,
                    )
        event = "fast-command" if command.flags & command_flags.FAST else "command"
        server.latency.observe(event, microseconds // 1000, now_ms // 1000)
        return not command.flags & command_flags.SKIP_SLOWLOG and logs.slow.wants(microseconds)

    def cron(self, now_ms: int) -> None:
        """End a pause whose time is over, and close clients that are idle for longer than `timeout`."""
        if self.pause_end_ms:
            if now_ms >= self.pause_end_ms:
                self.unpause()
            else:
                loop = self._server.loop
                loop.next_cron_ms = min(loop.next_cron_ms, self.pause_end_ms)
        self.keep_within_memory()
        timeout_ms = self._server.config.timeout * 1000
        if timeout_ms and now_ms - self._idle_checked_ms >= 1000:
            self._idle_checked_ms = now_ms
            for connection in list(self._server.loop.connections.values()):
                waits = connection.kind != 0 or connection.gate & (MONITOR | BLOCKED)
                if not waits and now_ms - connection.active_ms > timeout_ms:
                    self._server.log.verbose(f"Closing idle client {self.describe(connection)}")
                    connection.closing_reason = "idle"
                    self._server.loop.close(connection)

    @property
    def memory_limit(self) -> int:
        """Bytes that all clients together may hold; 0: any number."""
        config = self._server.config
        limit: int = config.maxmemory_clients
        return limit if limit >= 0 else config.maxmemory * -limit // 100

    def keep_within_memory(self) -> None:
        """Close the clients that hold most, until all together are within `maxmemory-clients`."""
        limit = self.memory_limit
        if not limit:
            return
        held = [(one.memory, one) for one in self if one.kind != 1]
        total = sum(size for size, _ in held)
        if total <= limit:
            return
        # Those who are not to be closed count nevertheless.
        held = [(size, one) for size, one in held if not one.no_evict]
        held.sort(key=lambda each: each[0], reverse=True)
        for size, connection in held:
            if total <= limit:
                break
            total -= size
            self._server.log.notice(f"Evicting client: {self.describe(connection)}")
            connection.closing_reason = "evicted"
            self._server.loop.close(connection)
            self.evicted += 1

    # Descriptions

    def flags(self, connection: Any) -> str:
        """The letters of `flags=` in CLIENT LIST."""
        letters = "".join(
            letter
            for letter, given in (
                ("O", connection.gate & MONITOR),
                ("P", connection.kind == 2),
                ("x", connection.gate & MULTI),
                ("b", connection.gate & BLOCKED),
                ("d", connection.spoiled),
                ("c", connection.gate & CLOSING),
                ("t", connection.tracking),
                ("R", connection.tracking and connection.tracking.broken),
                ("B", connection.tracking and connection.tracking.broadcast),
                ("U", connection.unix_socket),
                ("e", connection.no_evict),
                ("T", connection.gate & NO_TOUCH),
                ("I", connection.import_source),
            )
            if given
        )
        return letters or "N"

    def describe(self, connection: Any) -> str:
        """The line of CLIENT LIST and CLIENT INFO, without its end."""
        now_ms = self._server.keyspace.now
        call = self._server.dispatcher.call
        last = connection.last
        running = call.connection is connection
        name = last.name if last is not None else "NULL"
        subscriptions, transaction = connection.subscriptions, connection.transaction
        fields = (
            ("id", connection.id),
            ("addr", connection.address),
            ("laddr", connection.local_address),
            ("fd", max(connection.fd, 0)),
            ("name", connection.name.decode("latin-1")),
            ("age", (now_ms - connection.created_ms) // 1000),
            ("idle", (now_ms - connection.active_ms) // 1000),
            ("flags", self.flags(connection)),
            ("db", connection.db_index),
            ("sub", len(subscriptions.channels) if subscriptions else 0),
            ("psub", len(subscriptions.patterns) if subscriptions else 0),
            ("ssub", len(subscriptions.shards) if subscriptions else 0),
            ("multi", transaction.count if transaction is not None else -1),
            ("watch", len(connection.watched or ())),
            ("qbuf", connection.query_bytes),
            ("qbuf-free", connection.query_room),
            ("argv-mem", call.words_bytes if running else 0),
            ("multi-mem", transaction.memory if transaction is not None else 0),
            ("rbs", 16384 if connection.output_chunks else 0),
            ("rbp", 0),
            ("obl", connection.pending_output if connection.output_chunks <= 1 and not running else 0),
            ("oll", connection.output_chunks - 1 if connection.output_chunks > 1 else 0),
            ("omem", connection.output_bytes if connection.output_chunks > 1 else 0),
            ("tot-mem", connection.memory),
            ("events", "rw" if connection.waits_to_write else "r"),
            ("cmd", name),
            ("user", connection.user if not connection.gate & UNAUTHENTICATED else "(superuser)"),
            ("redir", connection.tracking.redirect if connection.tracking is not None else -1),
            ("resp", connection.resp),
            ("lib-name", connection.library_name.decode("latin-1")),
            ("lib-ver", connection.library_version.decode("latin-1")),
            ("io-thread", 0),
            ("tot-net-in", connection.bytes_in),
            ("tot-net-out", connection.bytes_out),
            ("tot-cmds", connection.commands),
            ("capa", "".join(sorted(connection.capabilities))),
        )
        return " ".join(f"{field}={value}" for field, value in fields)

    def kind(self, connection: Any) -> str:
        """`normal`, `replica` or `pubsub`."""
        return _KINDS[connection.kind]

    def figures(self) -> Any:
        """What INFO clients shows."""
        connections = self._server.loop.connections.values()
        now_ms = self._server.keyspace.now
        return SimpleNamespace(
            connected_clients=len(connections),
            blocked_clients=self._server.blocking.waiting,
            clients_in_timeout_table=self._server.blocking.timed,
            total_blocking_keys=self._server.blocking.keys,
            total_blocking_keys_on_nokey=self._server.blocking.keys_wanted_gone,
            tracking_clients=len(self._server.tracking.clients),
            pubsub_clients=self._server.pubsub.clients,
            watching_clients=self._server.transactions.clients,
            total_watched_keys=self._server.transactions.keys,
            client_recent_max_input_buffer=max((one.recent_input for one in connections), default=0),
            client_recent_max_output_buffer=max((one.output_bytes for one in connections), default=0),
            paused_reason="client_pause" if self.pause_end_ms else "none",
            paused_actions="none" if not self.pause_end_ms else "all" if self.pause_all else "write",
            paused_timeout_milliseconds=max(self.pause_end_ms - now_ms, 0),
        )


def redacted(words: list[bytes], name: str, is_sensitive: Callable[[bytes], bool]) -> list[bytes]:
    """The words of a request for the command `name` with passwords and the like hidden."""
    if name == "auth":
        return [words[0], *[_REDACTED] * (len(words) - 1)]
    if name in ("hello", "migrate"):
        shown = list(words)
        for number, word in enumerate(words[1:], 1):
            upper = word.upper()
            secret = 2 if upper == b"AUTH2" or (upper == b"AUTH" and name == "hello") else 1 if upper == b"AUTH" else 0
            if secret:
                shown[number + 1 : number + 1 + secret] = [_REDACTED] * len(shown[number + 1 : number + 1 + secret])
        return shown
    if name == "config|set":
        shown = list(words)
        for number in range(2, len(words) - 1, 2):
            if is_sensitive(words[number]):
                shown[number + 1] = _REDACTED
        return shown
    if name in ("acl|setuser", "acl|getuser", "acl|deluser"):
        return [*words[:2], *[_REDACTED] * (len(words) - 2)]
    return words


_ESCAPES = {0x5C: "\\\\", 0x22: '\\"', 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x07: "\\a", 0x08: "\\b"}


def quoted(word: bytes) -> str:
    """A word between double quotes, with what cannot be printed escaped."""
    return (
        '"'
        + "".join(_ESCAPES.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}") for byte in word)
        + '"'
    )
