"""One Redpoll server: its parts put together, started, kept in order, stopped.

    config      directives and what changing one does
    keyspace    the data
    dispatcher  requests to replies
    loop        sockets
    clients     who is connected, pauses, monitors
    access      users and what they may do
    log, latency, command_logs, rates    what happened

The loop and the dispatcher call the methods under "Told by" below; handlers of commands find the
rest as `call.server`.
"""

import contextlib
import os
import signal
import sys
from typing import Any

import redpoll.engine.memory as allocator
from redpoll import commands, errors
from redpoll.commands import declare
from redpoll.commands import flags as command_flags
from redpoll.engine.keyspace import Keyspace
from redpoll.errors import CommandError
from redpoll.server import clock, listeners, memory_report, process, settings
from redpoll.server.access import Access, AccessError
from redpoll.server.affinity import Affinity
from redpoll.server.append_only import LogError
from redpoll.server.blocking import Blocking
from redpoll.server.changes import Changes
from redpoll.server.clients import Clients
from redpoll.server.commandlog import CommandLogs
from redpoll.server.config import Config
from redpoll.server.defragmentation import Defragmentation
from redpoll.server.dispatch import Dispatcher
from redpoll.server.errands import Errands
from redpoll.server.functions import Functions
from redpoll.server.hot_keys import HotKeys
from redpoll.server.latency import LatencyMonitor
from redpoll.server.logs import Log
from redpoll.server.loop import Loop
from redpoll.server.notifications import Notifications
from redpoll.server.persistence import LoadingStopped, Persistence
from redpoll.server.pubsub import Pubsub
from redpoll.server.scripts import Scripts
from redpoll.server.source import Source
from redpoll.server.stats import ErrorStatistics, Rate
from redpoll.server.surveys import Surveys
from redpoll.server.tls import Tls, TlsError, user_of
from redpoll.server.tracking import Tracking
from redpoll.server.transactions import Transactions
from redpoll.version import REDIS_VERSION, VERSION

CHECKS_COMMANDS = 16  # SERVERCHECKS_COMMANDS in dispatch.pxd
ERRORS_TOLD = 10  # of internal errors, in one second


def _hash_seed(text: str) -> int:
    if not text:
        return int.from_bytes(os.urandom(8), "little")
    from hashlib import blake2b

    return int.from_bytes(blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "little")


class StartError(Exception):
    """The server cannot start; the text says why and what to do."""


class Server:
    """A server that has not begun to listen until `listen`. `config` is loaded already."""

    def __init__(self, config: Config, *, log: Log | None = None) -> None:
        commands.load()
        process.calibrate_clock()
        self.config = config
        self.log = log or Log(clock.unix_us)
        self.run_id = os.urandom(20).hex()
        self.started_ms = clock.unix_ms()
        self.keyspace = Keyspace(config.databases, _hash_seed(config.hash_seed), self.started_ms)
        self.command_table = declare.renamed(config.rename_command)
        self.dispatcher = Dispatcher(self, self.command_table, self.keyspace)
        self.loop = Loop(self, self.dispatcher)
        self.commands = self.dispatcher.routines.families()
        self.latency = LatencyMonitor()
        self.command_logs = CommandLogs()
        self.errors = ErrorStatistics()
        self.hot_keys = HotKeys(self)
        self.clients = Clients(self)
        self.access = Access(self)
        self.pubsub = Pubsub(self.dispatcher, self.loop)
        self.changes = Changes(self.keyspace, Notifications(self.pubsub))
        self.transactions = Transactions(self, self.changes)
        self.tracking = Tracking(self, self.changes)
        self.blocking = Blocking(self)
        self.errands = Errands(self.loop)
        self.defragmentation = Defragmentation(self)
        self.surveys = Surveys(self)
        # A script that fills a table without end is stopped before the system is out of memory.
        self.script_memory = config.script_memory_limit or process.system_memory() // 2
        self.scripts = Scripts(self)
        self.functions = Functions(self.scripts, memory_limit=self.script_memory)
        self.persistence = Persistence(self)
        self.tls = Tls(config)
        self.listeners: list[listeners.Listener] = []
        self.supervised = "no"
        self.in_cluster = False
        self.connections_received = 0
        self.connections_rejected = 0
        self.operations = Rate()
        self.input_rate = Rate()
        self.output_rate = Rate()
        self.cycle_rate = Rate()
        self.internal_errors = 0
        self._failing_second = self._told_in_second = 0
        self.cron_runs = 0
        self.cron_paused = False
        self.peak_memory = 0
        self.peak_memory_ms = self.started_ms
        self.startup_memory = allocator.used()
        self.exit_code = 0
        self.source = Source(self)
        self.stopping = False
        self._signal: signal.Signals | None = None
        self.oom_score = process.OomScore()
        self.crash_reports: Any = None  # only where the process is the server's alone
        self.affinity = Affinity(config.server_cpulist, config.bio_cpulist)
        settings.apply(self)
        settings.use_oom_score(self)
        self.affinity.begin()
        self.loop.use_threads(config.io_threads)
        self.affinity.started()
        for problem in self.affinity.problems:
            self.log.warning(problem)

    # Start and stop

    def listen(self) -> None:
        """Listen where the configuration says; clients are answered once it is loaded. Raises `StartError`."""
        self._listen()
        if not self.listeners:
            raise StartError("Nothing to listen on: set port, tls-port or unixsocket.")

    def load(self) -> None:
        """Load what was saved. Raises `StartError`."""
        try:
            self.persistence.load()
        except LoadingStopped:
            self.log.notice("Stopped while loading; what is on the disk stays as it is.")
        except LogError as error:
            raise StartError(str(error)) from error

    def _listen(self) -> None:
        config = self.config
        try:
            self.access.load_at_start()
        except AccessError as error:
            raise StartError(str(error)) from error
        room = process.raise_descriptor_limit(config.maxclients)
        if room < config.maxclients:
            self.log.warning(
                f"maxclients is {config.maxclients}, but the system lets this process open files for {room} clients "
                f"only; going on with {room}. Raise the limit (ulimit -n) for more."
            )
            config.__dict__["maxclients"] = room
        try:
            if config.port:
                self.listen_tcp(config.bind, config.port)
            if config.tls_port:
                self.tls.load()
                self.listen_tcp(config.bind, config.tls_port, tls=True)
            if config.unixsocket:
                self.listen_unix(config.unixsocket, config.unixsocketperm, config.unixsocketgroup)
        except TlsError as error:
            raise StartError(f"Failed to configure TLS: {error}") from error
        except listeners.ListenError as error:
            raise StartError(
                f"{error}\nFailed listening on port {config.port} (tcp), aborting. Is another server running there?"
            ) from error

    def listen_unix(self, path: str, permissions: int = 0, group: str = "") -> None:
        """Listen on a Unix socket besides what is listened on. Raises `ListenError`."""
        self._add_listener(listeners.open_unix(path, permissions, group, self.config.tcp_backlog))

    def listen_tcp(self, addresses: list[str], port: int, *, tls: bool = False) -> None:
        """Listen on these addresses and this port besides what is listened on. Raises `ListenError`."""
        config = self.config
        for listener in listeners.open_tcp(list(addresses), port, config.tcp_backlog, config.mptcp, tls=tls):
            self._add_listener(listener)

    def _add_listener(self, listener: listeners.Listener) -> None:
        self.listeners.append(listener)
        self.loop.watch(listener.sock.fileno(), listeners.Acceptor(self, listener))

    def relisten(self) -> None:
        """Listen where the configuration says now. Raises `ListenError`, and then listens where it did before."""
        config = self.config
        former = [listener for listener in self.listeners if listener.name != "unix"]
        self.listeners = [listener for listener in self.listeners if listener.name == "unix"]
        self._stop_listening(former)
        try:
            if config.port:
                self.listen_tcp(config.bind, config.port)
            if config.tls_port:
                self.listen_tcp(config.bind, config.tls_port, tls=True)
        except listeners.ListenError:
            opened = [listener for listener in self.listeners if listener.name != "unix"]
            self.listeners = [listener for listener in self.listeners if listener.name == "unix"]
            self._stop_listening(opened)
            for listener in former:
                self.listen_tcp([f"-{listener.address}"], listener.port, tls=listener.name == "tls")
            raise

    def _stop_listening(self, closed: list[listeners.Listener]) -> None:
        for listener in closed:
            self.loop.unwatch(listener.sock.fileno())
            listener.sock.close()

    def run(self) -> int:
        """Serve until told to stop; returns the process's exit code."""
        try:
            self.loop.run()
        finally:
            self.close()
        return self.exit_code

    def close(self) -> None:
        """Close every listener and connection, in this order: who was let go of finds nobody there any more."""
        self.scripts.debugging.end_all()
        for listener in self.listeners:
            self.loop.unwatch(listener.sock.fileno())
        listeners.close_all(self.listeners)
        for connection in list(self.loop.connections.values()):
            with contextlib.suppress(Exception):
                self.loop.flush_now(connection)
            self.loop.close(connection)
        self.persistence.close()
        self.errands.close()

    def stop(self, reason: str, *, code: int = 0) -> None:
        """End the loop after this turn."""
        self.stopping = True
        self.exit_code = code
        # What would be done after this would be in no snapshot.
        self.loop.stand_still()
        self.log.warning(reason)
        if self.supervised == "systemd":
            process.notify_systemd("STOPPING=1\n")
        self.loop.stop()

    def shut_down(self, *, save: bool | None, now: bool, force: bool) -> None:
        """SHUTDOWN: `save` says whether to save, None leaves it to the save points. Raises when it cannot be done."""
        del now  # there are no replicas yet to wait for
        if not self._save_at_end(save) and not force:
            raise CommandError(errors.SHUTDOWN_FAILED)
        self.stop("User requested shutdown...")

    def _save_at_end(self, save: bool | None) -> bool:
        """Save if that is asked for, or, when nothing is said, if there are save points; whether it could be done."""
        if not save and (save is not None or not self.config.save):
            return True
        if self.persistence.is_loading:
            # The files have more than what is there so far.
            return True
        # One that is under way would not have what came since.
        self.persistence.stop_saving()
        self.log.notice("Saving the final RDB snapshot before exiting.")
        try:
            self.persistence.save()
        except CommandError:
            return False
        return True

    def signalled(self, number: signal.Signals) -> None:
        """A signal asks to stop, which is for the loop to do: this is called in the middle of anything."""
        word = "SIGINT" if number == signal.SIGINT else "SIGTERM"
        if self._signal is not None:
            self.log.warning(f"Received {word} again, exiting at once.")
            os._exit(1)
        self.log.warning(f"Received {word} scheduling shutdown...")
        self._signal = number
        self.loop.next_cron_ms = 0

    @property
    def ending(self) -> bool:
        """Whether it stops, or is to: whatever keeps the loop busy has to give up."""
        return self.stopping or self._signal is not None

    def _stop_by_signal(self, number: signal.Signals) -> None:
        config = self.config
        how = config.shutdown_on_sigint if number == signal.SIGINT else config.shutdown_on_sigterm
        if not self._save_at_end(True if "save" in how else False if "nosave" in how else None) and "force" not in how:
            self.log.warning("Errors trying to save. Can't exit; SHUTDOWN NOSAVE ends the server without saving.")
            self._signal = None
            return
        self.stop("User requested shutdown...")

    def show_title(self) -> None:
        """Show in `ps` what this process is, if `set-proc-title` says so."""
        config = self.config
        if not config.set_proc_title:
            return
        first = next((listener for listener in self.listeners if listener.name == "tcp"), None)
        process.set_title(
            process.title(
                config.proc_title_template,
                address=f"{first.address}:{first.port}" if first else config.unixsocket,
                config_file=config.file or "",
                port=config.port,
                tls_port=config.tls_port,
                unix_socket=config.unixsocket,
            )
        )

    # Told by the loop

    def cron(self) -> None:
        """What is due every `1000 / hz` milliseconds."""
        self.cron_runs += 1
        if self._signal is not None and not self.stopping:
            self._stop_by_signal(self._signal)
        if self.cron_paused:
            return
        now_ms = self.keyspace.now
        for task in (
            self._sample,
            self.clients.cron,
            self.persistence.cron,
            self.defragmentation.cron,
            self.surveys.cron,
            self.scripts.debugging.cron,
            self._renew_certificates,
        ):
            self.loop.guarded("The cron", task, now_ms)
        used = allocator.used()
        if used > self.peak_memory:
            self.peak_memory = used
            self.peak_memory_ms = now_ms
        if self.cron_runs % max(self.config.hz, 1) == 0:
            self.loop.check_output_limits()
            self.affinity.look()
        if self.crash_reports is not None:
            self.crash_reports.watch(self.config.watchdog_period, self.config.hz)

    def _renew_certificates(self, now_ms: int) -> None:
        try:
            if self.tls.reload_if_changed(now_ms / 1000):
                self.log.notice("TLS certificates changed on the disk and were loaded; new connections use them.")
        except TlsError as error:
            self.log.warning(f"TLS files changed, but those before stay in use: {error}")

    def upkeep_at(self) -> int:
        """When `cron` has something to do though no command comes, Unix milliseconds; 0: not at all."""
        loop = self.loop
        if loop.sockets:
            return int(loop.next_cron_ms)
        times = [self.clients.pause_end_ms, self.persistence.upkeep_at(self.keyspace.now)]
        return min((time for time in times if time), default=0)

    def _sample(self, now_ms: int) -> None:
        loop = self.loop
        self.operations.sample(self.dispatcher.commands, now_ms)
        self.input_rate.sample(loop.bytes_in, now_ms)
        self.output_rate.sample(loop.bytes_out, now_ms)
        self.cycle_rate.sample(loop.cycles, now_ms)

    def check_signals(self) -> None:
        """A wait was interrupted: entering the interpreter has run the handlers already."""

    def welcome(self, connection: Any) -> None:
        """A connection was accepted."""
        self.clients.opened(connection)

    def deadline(self, now_ms: int) -> int:
        """The earliest time that something asked to be woken at has come; the next such time, 0: none."""
        return self.blocking.expire(now_ms)

    def turn_ended(self) -> None:
        """The commands of a turn are done, and somebody asked to be told."""
        self.tracking.turn_ended()

    def handshake_done(self, connection: Any) -> None:
        """A client speaks TLS now, and may be known by its certificate."""
        field = self.config.tls_auth_clients_user
        name = user_of(connection.secure.getpeercert(), field) if field != "off" else None
        if name is not None and not self.access.log_in_by_certificate(connection, name):
            self.tls.refused += 1

    def handshake_failed(self, connection: Any, error: Exception) -> None:
        """A client could not begin to speak TLS."""
        reason = getattr(error, "reason", None) or str(error)
        self.log.verbose(f"Error accepting a client connection: {reason} (addr={connection.address})")

    def client_closed(self, connection: Any) -> None:
        """A connection is gone."""
        for forget in (
            self.blocking.forget,
            self.pubsub.forget,
            self.transactions.end,
            self.tracking.stop,
            self.scripts.debugging.forget,
            self.clients.client_closed,
        ):
            self.loop.guarded("Farewell to a client", forget, connection)

    def log_client(self, connection: Any, text: str) -> None:
        """Something about a client that an operator wants to know."""
        self.log.warning(f"Client {self.clients.describe(connection)} closed: {text}")

    def protocol_error(self, connection: Any, text: bytes) -> None:
        """A client broke the protocol."""
        self.count_error(text)
        self.log.verbose(f"{text.decode('latin-1')} from client {self.clients.describe(connection)}")

    # Told by the dispatcher

    def evicted(self, microseconds: int) -> None:
        """Room was made by evicting keys, which took so long."""
        self.took_long("eviction-cycle", microseconds)

    def took_long(self, event: str, microseconds: int) -> None:
        """Something took so long while nobody was served."""
        self.latency.observe(event, microseconds // 1000, self.keyspace.now // 1000)

    def serve_waiting(self) -> None:
        """A command is done that changed keys for which clients wait."""
        if not self.latency.threshold_ms:
            self.blocking.serve()
            return
        begun = clock.unix_us()
        self.blocking.serve()
        self.took_long("command-unblocking", clock.unix_us() - begun)

    def count_error(self, text: bytes) -> None:
        """An error reply was sent."""
        if not self.errors.add(text.decode("utf-8", "replace")):
            self.log.warning(
                "There were too many different error codes, so errorstats stop counting them. "
                "CONFIG RESETSTAT starts anew."
            )

    def internal_error(self, what: str, error: BaseException) -> None:
        """Something raised that should not; of many in one second, the first are told."""
        self.internal_errors += 1
        second = clock.unix_ms() // 1000
        if second != self._failing_second:
            self._failing_second, self._told_in_second = second, 0
        self._told_in_second += 1
        if self._told_in_second > ERRORS_TOLD:
            return
        import traceback

        trace = "".join(traceback.format_exception(error))
        self.log.warning(f"{what} failed; this is a bug in Redpoll, please report it:\n{trace}")

    def own_process(self) -> None:
        """The process is the server's alone: what the interpreter would tell standard error, the log is told."""
        import threading

        def unraisable(found: Any) -> None:
            if found.exc_value is not None:
                self.internal_error(found.err_msg or f"Something ({found.object!r})", found.exc_value)

        def in_thread(found: Any) -> None:
            if found.exc_value is not None:
                self.internal_error(f"The thread {found.thread.name if found.thread else ''}", found.exc_value)

        sys.unraisablehook = unraisable
        threading.excepthook = in_thread
        from redpoll.server.crash_reports import CrashReports

        self.crash_reports = CrashReports(self.log)
        self.crash_reports.enable(self.config.crash_log_enabled)
        self.crash_reports.watch(self.config.watchdog_period, self.config.hz)

    def interrupted(self, error: BaseException) -> None:
        """A handler was interrupted from the keyboard, or ended the process."""
        self.stop(f"Interrupted: {type(error).__name__}")

    def notable_command(
        self, connection: Any, command: Any, words: list[bytes], microseconds: int, request_bytes: int, reply_bytes: int
    ) -> bool:
        """A command was slow, or its request or reply large; whether the slow log has it now."""
        return self.clients.notable_command(connection, command, words, microseconds, request_bytes, reply_bytes)

    def postpone(self, connection: Any) -> None:
        """A command has to wait for the end of a pause."""
        self.clients.postpone(connection)

    def tell_monitors(self, connection: Any, command: Any, words: list[bytes]) -> None:
        """A command is about to run while somebody monitors."""
        self.clients.tell_monitors(connection, command, words)

    def refusal(self, _connection: Any, routine: Any, _words: list[bytes]) -> str | None:
        """Why a command may not run now; None: it may."""
        return self.persistence.refusal(bool(routine.flags & command_flags.WRITE) or routine.name == "ping")

    def check_refusals(self) -> None:
        """What commands are refused for may have changed."""
        gate = self.dispatcher.gate & ~CHECKS_COMMANDS
        self.dispatcher.gate = gate | (CHECKS_COMMANDS if self.persistence.refuses else 0)

    # For handlers

    @property
    def protected(self) -> bool:
        """Whether only clients of this host may connect."""
        return bool(self.config.protected_mode and self.access.users.default.user.no_password)

    @property
    def redis_version(self) -> str:
        """The version of Redis that clients are told."""
        return self.config.redis_version or REDIS_VERSION

    @property
    def version(self) -> str:
        """Redpoll's own version."""
        return VERSION

    def info(self, sections: list[bytes]) -> str:
        """The text of INFO."""
        return self.source.render(sections)

    def latency_report(self, unix_time: int) -> str:
        """The text of LATENCY DOCTOR."""
        from redpoll.server.latency_doctor import Conditions, diagnose

        config = self.config
        return diagnose(
            self.latency,
            Conditions(
                slowlog_slower_than=config.slowlog_log_slower_than,
                slowlog_max_len=config.slowlog_max_len,
                hz=config.hz,
                appendfsync=config.appendfsync,
                no_appendfsync_on_rewrite=config.no_appendfsync_on_rewrite,
            ),
            unix_time,
        )

    def reset_statistics(self) -> None:
        """CONFIG RESETSTAT."""
        for routine in self.dispatcher.routines:
            routine.reset()
        keyspace, loop, dispatcher = self.keyspace, self.loop, self.dispatcher
        keyspace.hits = keyspace.misses = keyspace.expired_keys = keyspace.expired_fields = keyspace.lazily_freed = 0
        dispatcher.commands = dispatcher.error_replies = dispatcher.eviction.evicted = 0
        loop.reset_statistics()
        self.connections_received = self.connections_rejected = self.internal_errors = 0
        self.errors.reset()
        for log in (self.command_logs.slow, self.command_logs.large_request, self.command_logs.large_reply):
            log.reset_statistics()
        self.access.log.reset_counts()
        for rate in (self.operations, self.input_rate, self.output_rate, self.cycle_rate):
            rate.reset()
        self.peak_memory = allocator.used()
        self.peak_memory_ms = self.keyspace.now

    def memory_figures(self) -> dict[bytes, Any]:
        """The fields of MEMORY STATS."""
        return memory_report.figures(self)

    def memory_report(self) -> str:
        """The text of MEMORY DOCTOR."""
        return memory_report.diagnose(self)

    def allocator_report(self) -> str:
        """The text of MEMORY MALLOC-STATS."""
        return memory_report.allocator_report()

    def purge_memory(self) -> None:
        """MEMORY PURGE."""
        allocator.trim()

    @staticmethod
    def unix_us() -> int:
        """The time now, Unix microseconds."""
        return clock.unix_us()
