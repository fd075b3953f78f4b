"""What of a server's data is on disk: loading at the start, snapshots, the append-only log, and what fails about them.

A snapshot is taken by `persistence/saver`, in slices that the loop grants it; the log writes itself (`append_only.py`).
This decides when, and keeps the figures.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import redpoll.engine.memory as allocator
from redpoll import errors
from redpoll.engine.keyspace import Keyspace
from redpoll.errors import CommandError
from redpoll.persistence.append_only import sync_directory
from redpoll.persistence.rdb_load import load
from redpoll.persistence.rdb_reader import DamagedFile, RdbReader
from redpoll.persistence.rdb_save import file_version, save_file
from redpoll.persistence.saver import Saver
from redpoll.server import clock
from redpoll.server.append_only import AppendOnly, LogError
from redpoll.server.backup import Backup
from redpoll.server.log_loading import load_elsewhere
from redpoll.server.snapshot_lock import SavedElsewhere, SnapshotLock

if TYPE_CHECKING:
    from pathlib import Path

_RETRY_MS = 5000
"""A snapshot that failed is tried again by a save point only after this."""


class LoadingStopped(Exception):
    """The server is to stop, so the rest of what is on the disk is not loaded."""


class Persistence:
    """The files of one server."""

    LoadError = LogError

    def __init__(self, server: Any) -> None:
        self._server = server
        self.log = AppendOnly(server)
        self.backup = Backup(server, self)
        self.lock = SnapshotLock()
        self.loading: SimpleNamespace | None = None
        # Of snapshots into `dbfilename`.
        self.saver: Any = None
        self._job: Any = None
        self._answering = True  # clients, while something is loaded
        self._naming = False  # it is written, and the disk is to learn its name
        self.scheduled = False
        self.last_save_ms = server.started_ms
        self.last_attempt_ms = 0
        self.last_ok = True
        self.last_seconds = -1
        self.saves = 0
        self.started_ms = 0
        self.saved_dirty = 0
        self._dirty_at_start = 0
        self.last_cow_bytes = 0
        self.last_load: Any = None

    # Start and stop

    def load(self) -> None:
        """Load what there is. Raises `LogError`."""
        self.take_lock()
        self._server.dispatcher.gate |= _LOADING
        preloading = self._server.config.preload_file
        try:
            # Whatever expires in a log's past is told there, and until then it may have been given more time.
            self._server.keyspace.replaying = preloading.startswith("aof:") or self._server.config.appendonly
            if preloading:
                self._preload(preloading)
            elif not self.log.load():
                self._load_snapshot()
        finally:
            self._server.keyspace.replaying = False
            self.loading = None
            self._server.dispatcher.gate &= ~_LOADING
        self.saved_dirty = self._server.keyspace.dirty
        if preloading:
            self.log.begin_anew()
        else:
            self.log.open()

    def _preload(self, what: str) -> None:
        """Load what `preload-file` names instead of the server's own files."""
        kind, _, name = what.partition(":")
        from pathlib import Path

        path = Path(self._server.config.dir) / name
        if kind == "rdb":
            self.load_rdb(path)
        else:
            load_elsewhere(self._server, path)
        self._server.log.notice(f"Preloaded {what}: what this server has saved itself was not read")

    def take_lock(self) -> None:
        """Hold the snapshot file, if this server is to save into it by itself. Raises `LogError`."""
        if not self._server.config.save:
            self.lock.release()
            return
        try:
            self.lock.take(self.path)
        except SavedElsewhere as error:
            raise LogError(str(error)) from None

    @property
    def path(self) -> Path:
        """Where snapshots go."""
        from pathlib import Path

        return Path(self._server.config.dir) / self._server.config.dbfilename

    def _load_snapshot(self) -> None:
        if not self._server.config.appendonly and self.path.is_file():
            self.load_rdb(self.path)

    def load_rdb(self, path: Path, *, may_go_on: bool = False, replacing: bool = False, answering: bool = True) -> int:
        """Load an RDB file; the offset behind it. Raises `LogError`.

        `may_go_on`: a log follows in the file, which decides what has expired. `replacing`: of keys that are there.
        `answering`: clients meanwhile, which nobody may who was called by one.
        """
        server, config = self._server, self._server.config
        started_us = clock.unix_us()
        try:
            with open(path, "rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                self.loading = SimpleNamespace(started_ms=started_us // 1000, total_bytes=size, loaded_bytes=0)
                reader = RdbReader(
                    server.keyspace,
                    file.fileno(),
                    name=str(path),
                    size=size,
                    verifying=config.rdbchecksum,
                    careful=config.sanitize_dump_payload == "yes",
                    any_version=config.rdb_version_check == "relaxed",
                )
                loaded = load(
                    server.keyspace,
                    reader,
                    keep_expired=may_go_on,
                    replacing=replacing,
                    progress=self.progress if answering else None,
                    progress_bytes=config.loading_process_events_interval_bytes,
                    pause=self.pause_loading if config.key_load_delay > 0 else None,
                )
        except DamagedFile as error:
            raise LogError(
                f"{error}. Nothing was changed on disk. `redpoll-check-rdb {path}` tells more; start from a copy of "
                "the file that is whole, or move it away to start empty."
            ) from error
        except OSError as error:
            raise LogError(f"{path} cannot be read: {error.strerror}") from error
        self.last_load = loaded
        try:
            server.functions.libraries.restore(loaded.functions, "REPLACE" if replacing else "APPEND")
        except CommandError as error:
            raise LogError(
                f"{path}: a library of functions cannot be loaded: {error}. Nothing was changed on disk. Load the file "
                "with a server that knows the library, and delete it there (FUNCTION DELETE)."
            ) from error
        for warning in loaded.warnings:
            server.log.warning(f"{path}: {warning}")
        server.log.notice(
            f"DB loaded from disk: {(clock.unix_us() - started_us) / 1e6:.3f} seconds. {path.name}: "
            f"RDB version {loaded.version}, keys loaded: {loaded.keys}, keys expired: {loaded.expired}, "
            f"empty keys skipped: {loaded.empty}"
        )
        return int(loaded.bytes)

    def progress(self, offset: int) -> None:
        """Loading has come so far: answer those who ask meanwhile."""
        if self.loading is not None:
            self.loading.loaded_bytes = offset
        if self._answering:
            self._server.loop.poll()
            if self._server.stopping:
                raise LoadingStopped

    def pause_loading(self, answering: bool = True) -> None:
        """`key-load-delay` after a key or command: clients are answered meanwhile."""
        until = time.monotonic() + self._server.config.key_load_delay / 1e6
        while (left := until - time.monotonic()) > 0 and not self._server.stopping:
            time.sleep(min(left, 0.001))
            if answering:
                self._server.loop.poll()

    def close(self) -> None:
        """The server stops."""
        self.backup.close()
        self.stop_saving()
        self.log.close()
        self.lock.release()

    def after_fork(self) -> None:
        """In the child of a fork: files, threads and locks are the parent's."""
        saver = self.saver
        if saver is not None:
            saver.abandon()
            os.close(self._job[1])
            self.saver = None
            self._server.loop.saver = None
        self.backup.after_fork()
        self.log.after_fork()
        self.lock.release()

    @property
    def is_loading(self) -> bool:
        """Whether what is in memory is less than what is in the files, which must not be written over then."""
        return bool(self._server.dispatcher.gate & _LOADING)

    # The way of a change

    @property
    def changes_since_save(self) -> int:
        """Changes that no snapshot has yet."""
        return int(self._server.keyspace.dirty) - self.saved_dirty

    def refusal(self, writes: bool) -> str | None:
        """Why a command may not run: writes, while what they write cannot be kept."""
        if not writes:
            return None
        if self._save_fails():
            return errors.CANNOT_SAVE
        if self.log.error:
            return errors.cannot_log(self.log.error)
        return None

    def _save_fails(self) -> bool:
        config = self._server.config
        return bool(config.stop_writes_on_bgsave_error and config.save and not self.last_ok)

    @property
    def refuses(self) -> bool:
        """Whether there is anything that writes are refused for."""
        return self._save_fails() or bool(self.log.error)

    # Snapshots

    @property
    def saving(self) -> bool:
        """Whether a snapshot is being taken."""
        return self.saver is not None or self._naming

    def cron(self, now_ms: int) -> None:
        """Begin what is due."""
        self.backup.cron(now_ms)
        self.log.cron(now_ms)
        if self.saving or self.loading is not None:
            return
        if self.scheduled:
            self._try_to_save()
            return
        changes = self.changes_since_save
        if not changes or (not self.last_ok and now_ms - self.last_attempt_ms < _RETRY_MS):
            return
        for seconds, wanted in self._server.config.save:
            if changes >= wanted and now_ms - self.last_save_ms > seconds * 1000:
                self._server.log.notice(f"{wanted} changes in {seconds} seconds. Saving...")
                self._try_to_save()
                break

    def upkeep_at(self, now_ms: int) -> int:
        """When `cron` may have to begin something though nothing changes, Unix milliseconds; 0: it need not."""
        if self.saving or self.loading is not None:
            return 0
        if self.scheduled or self.log.rewrite_scheduled or self.log.state == "starting":
            return now_ms + 100
        if not self.changes_since_save:
            return 0
        times = [self.last_save_ms + seconds * 1000 + 1 for seconds, _ in self._server.config.save]
        if not self.last_ok:
            times = [max(time, self.last_attempt_ms + _RETRY_MS) for time in times]
        return min((time for time in times if time > now_ms), default=0)

    def _try_to_save(self) -> None:
        self.scheduled = False
        try:
            self.save_in_background()
        except CommandError as error:
            self._server.log.warning(f"Saving could not be begun: {error}")

    def save(self) -> None:
        """SAVE. Raises CommandError when it cannot be done."""
        server, config = self._server, self._server.config
        if self.saving:
            raise CommandError(errors.SAVE_IN_PROGRESS)
        started_us = clock.unix_us()
        try:
            self.lock.take(self.path)
            keys, size = save_file(
                server.keyspace, config.dir, config.dbfilename, delay=config.rdb_key_save_delay, **self.file_options()
            )
            self.lock.take(self.path)
        except (OSError, SavedElsewhere) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            server.log.warning(f"Saving {self.path} failed: {why}")
            raise CommandError(errors.SAVE_FAILED) from error
        self.saved_dirty = int(server.keyspace.dirty)
        self.last_save_ms = clock.unix_us() // 1000
        self.last_ok = True
        self.saves += 1
        server.log.notice(
            f"DB saved on disk: {keys} keys, {size} bytes, {(clock.unix_us() - started_us) / 1e6:.3f} seconds"
        )

    def flushed(self) -> None:
        """FLUSHALL: a snapshot of what was before is not wanted any more, and the file is to be empty too."""
        if self.saver is not None and not self.log.rewriting and self.backup.state != "snapshotting":
            self.stop_saving()
        if self._server.config.save and not self.saving:
            try:
                self.save()
            except CommandError:
                self._server.log.warning("The data was flushed, and the snapshot file still holds what there was")

    def file_options(self) -> dict[str, Any]:
        """What `write_file` of persistence/rdb_save has to know of this server."""
        server, config = self._server, self._server.config
        policy = config.maxmemory_policy
        return {
            "aux": {
                b"redis-ver": server.redis_version.encode(),
                b"redpoll-ver": server.version.encode(),
                b"redis-bits": b"64",
                b"ctime": b"%d" % (clock.unix_us() // 1_000_000),
                b"used-mem": b"%d" % allocator.used(),
                b"aof-base": b"0",
            },
            "functions": server.functions.libraries.codes(),
            "compressing": config.rdbcompression,
            "counting": config.rdbchecksum,
            "syncing": config.rdb_save_incremental_fsync,
            "access": "idle" if policy.endswith("-lru") else "frequency" if policy.endswith("-lfu") else "",
        }

    def reload(self, *, saving: bool, flushing: bool, replacing: bool) -> None:
        """DEBUG RELOAD. Raises `CommandError` or `LogError`."""
        server = self._server
        if saving:
            self.save()
        if flushing:
            server.keyspace.flush(range(len(server.keyspace.databases)), False)
            server.functions.libraries.flush(True)
        gate = server.dispatcher.gate
        server.dispatcher.gate |= _LOADING
        try:
            self.load_rdb(self.path, replacing=replacing, answering=False)
        finally:
            self.loading = None
            server.dispatcher.gate = gate

    def reload_log(self) -> SimpleNamespace:
        """DEBUG LOADAOF, as soon as no command is running; `done` and `error` tell of it."""
        job = SimpleNamespace(done=False, error="")

        def then(_error: OSError | None) -> None:
            try:
                self._reload_log()
            except LogError as problem:
                job.error = str(problem)
            job.done = True

        self._server.errands.run(lambda: None, then)
        return job

    def _reload_log(self) -> None:
        server = self._server
        if self.log.state == "off" and not self.log.is_there:
            raise LogError("There is no append-only log")
        self.log.write_out()
        server.keyspace.flush(range(len(server.keyspace.databases)), False)
        server.functions.libraries.flush(True)
        gate, feed = server.dispatcher.gate, server.dispatcher.feed
        server.dispatcher.gate |= _LOADING
        server.keyspace.replaying = True
        # What is in the log already is not to be told to it again.
        feed.use_log(None)
        self._answering = False
        try:
            self.log.load(always=True)
        finally:
            self._answering = True
            self.loading = None
            server.dispatcher.gate = gate
            server.keyspace.replaying = False
            feed.use_log(self.log.writer)

    def save_in_background(self) -> None:
        """BGSAVE. Raises CommandError when it cannot be begun."""
        if self.saving:
            raise CommandError(errors.OTHER_SAVE_ACTIVE if self.log.rewriting else errors.SAVE_IN_PROGRESS)
        server = self._server
        self.last_attempt_ms = self.started_ms = server.keyspace.now
        self._dirty_at_start = int(server.keyspace.dirty)
        temporary = self.path.parent / f"temp-{os.getpid()}-background.rdb"
        try:
            self.lock.take(self.path)
            self._begin(temporary, self._saved)
        except (OSError, SavedElsewhere) as error:
            self._failed(f"cannot begin: {error.strerror if isinstance(error, OSError) else error}")
            raise CommandError(errors.SAVE_FAILED) from error
        self.scheduled = False
        server.log.notice("Background saving started")

    def write_empty_base(self, path: Path) -> None:
        """Write the base of a log that begins without data. Raises `OSError`."""
        config = self._server.config
        if not config.aof_use_rdb_preamble:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
            os.fsync(descriptor)
            os.close(descriptor)
            return
        options = self.file_options()
        options["aux"][b"aof-base"] = b"1"
        save_file(Keyspace(1), str(path.parent), path.name, **options)

    def save_base(self, temporary: Path, on_done: Callable[[str], None], *, rdb: bool) -> None:
        """Write a snapshot taken now to a path, as the base of a log.

        `on_done` gets the empty text, or why it failed. Not `rdb`: as commands. Raises `OSError`.
        """
        config = self._server.config
        options: dict[str, Any] = {"syncing": config.aof_rewrite_incremental_fsync}
        if not rdb:
            options["as_commands"] = True
            options["annotated"] = self._server.keyspace.now // 1000 if config.aof_timestamp_enabled else 0
        self._begin(temporary, lambda _temporary, error: on_done(error), aof_base=True, **options)

    def _begin(
        self, temporary: Path, on_done: Callable[[Path, str], None], *, aof_base: bool = False, **others: Any
    ) -> None:
        server = self._server
        options = self.file_options() | others
        if aof_base:
            options["aux"][b"aof-base"] = b"1"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        saver = Saver(
            server.keyspace,
            descriptor,
            version=file_version(server.keyspace),
            delay=server.config.rdb_key_save_delay,
            **options,
        )
        self.saver = saver
        self._job = (temporary, descriptor, on_done)
        server.loop.watch(saver.writer.event, self._save_progress)
        server.loop.saver = saver
        self.log.apply_settings()

    def _save_progress(self) -> None:
        """The thread that writes the snapshot has news."""
        saver = self.saver
        saver.writer.acknowledge()
        if saver.writer.error:
            self._end_save(os.strerror(saver.writer.error))
        elif saver.done:
            self._end_save("")

    def _end_save(self, error: str) -> None:
        server, saver = self._server, self.saver
        temporary, descriptor, on_done = self._job
        server.loop.unwatch(saver.writer.event)
        server.loop.saver = None
        saver.stop()
        os.close(descriptor)
        self.saver = None
        if error:
            temporary.unlink(missing_ok=True)
        on_done(temporary, error)
        self.log.apply_settings()

    def stop_saving(self) -> bool:
        """Give up the snapshot that is being taken; whether there was one."""
        if self.saver is None:
            return False
        self._end_save("stopped")
        return True

    def give_up(self) -> None:
        """The snapshot cannot go on."""
        if self.saver is not None:
            self._end_save("an internal error")

    def _saved(self, temporary: Path, error: str) -> None:
        server = self._server
        self.last_seconds = (server.keyspace.now - self.started_ms) // 1000
        if error:
            self._failed(error)
            return
        path = self.path
        self._naming = True
        server.errands.run(lambda: self._name(temporary, path), self._named)

    def _name(self, temporary: Path, path: Path) -> None:
        """By an errand: the file before goes with its name, and a file system takes its time over a large one."""
        try:
            self.lock.take(path)
            self.lock.replace(temporary, path)
        except SavedElsewhere as problem:
            temporary.unlink(missing_ok=True)
            raise OSError(0, str(problem)) from problem
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        sync_directory(path.parent)

    def _named(self, error: OSError | None) -> None:
        """The snapshot has its name, for good; or nobody knows."""
        server = self._server
        self._naming = False
        if error is not None:
            self._failed(str(error.strerror))
            return
        self.saved_dirty = self._dirty_at_start
        self.last_save_ms = server.keyspace.now
        self.saves += 1
        self.last_ok = True
        server.check_refusals()
        server.log.notice("Background saving terminated with success")

    def _failed(self, why: str) -> None:
        if why != "stopped":
            self.last_ok = False
        self._server.check_refusals()
        self._server.log.warning(f"Background saving into {self.path} failed: {why}")

    # For INFO

    def figures(self) -> SimpleNamespace:
        """What INFO persistence shows."""
        server, log = self._server, self.log
        now_ms = server.keyspace.now
        writer = log.writer
        figures = SimpleNamespace(
            loading=int(self.loading is not None),
            rdb_changes_since_last_save=self.changes_since_save,
            rdb_bgsave_in_progress=int(self.saving and not log.rewriting),
            rdb_last_save_time=self.last_save_ms // 1000,
            rdb_last_bgsave_status="ok" if self.last_ok else "err",
            rdb_last_bgsave_time_sec=self.last_seconds,
            rdb_current_bgsave_time_sec=(now_ms - self.started_ms) // 1000 if self.saving and not log.rewriting else -1,
            rdb_saves=self.saves,
            rdb_last_load_keys_expired=self.last_load.expired if self.last_load else 0,
            rdb_last_load_keys_loaded=self.last_load.keys if self.last_load else 0,
            rdb_last_cow_size=self.last_cow_bytes,
            aof_enabled=int(log.state != "off"),
            aof_rewrite_in_progress=int(log.rewriting),
            aof_rewrite_scheduled=int(log.rewrite_scheduled),
            aof_last_rewrite_time_sec=log.last_rewrite_seconds,
            aof_current_rewrite_time_sec=(now_ms - log.rewrite_started_ms) // 1000 if log.rewriting else -1,
            aof_last_bgrewrite_status="ok" if log.last_rewrite_ok else "err",
            aof_rewrites=log.rewrites,
            aof_rewrites_consecutive_failures=log.failures,
            aof_last_write_status="err" if log.error else "ok",
        )
        if self.saver is not None:
            figures.current_save_keys_processed = self.saver.saved
            figures.current_save_keys_total = self.saver.total
        if log.state != "off" and writer is not None:
            figures.aof_current_size = log.current_bytes
            figures.aof_base_size = log.base_bytes
            figures.aof_pending_rewrite = 0
            figures.aof_buffer_length = writer.waiting
            figures.aof_pending_bio_fsync = int(writer.synced != writer.appended)
            figures.aof_delayed_fsync = writer.delayed_syncs
        if self.loading is not None:
            vars(figures).update(self._loading_figures())
        return figures

    def _loading_figures(self) -> dict[str, Any]:
        loading = self.loading
        assert loading is not None
        share = loading.loaded_bytes / loading.total_bytes if loading.total_bytes else 0.0
        elapsed = (self._server.unix_us() // 1000 - loading.started_ms) / 1000
        return {
            "loading_start_time": loading.started_ms // 1000,
            "loading_total_bytes": loading.total_bytes,
            "loading_loaded_bytes": loading.loaded_bytes,
            "loading_loaded_perc": share * 100,
            "loading_eta_seconds": int(elapsed / share - elapsed) if share else 1,
        }


_LOADING = 8  # SERVER_LOADING in dispatch.pxd
