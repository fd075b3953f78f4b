"""The append-only log of a server: opened, written, synced, rewritten.

States: `off`; `on`; `starting`, after it was switched on at run time: changes are written already, but the log
counts only once its first base, a snapshot taken at the moment of switching on, is there.

Where the log goes on in another file, the writer of the one before lives on until all of it is on the disk, and what
has to wait for the disk besides (the manifest, deleting) is an errand (`errands.py`): nobody waits for any of it. A
file that the manifest does not name yet holds nothing that counts as safe.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from redpoll.persistence.append_only import (
    HISTORY,
    LogDirectory,
    LogFile,
    Manifest,
    ManifestError,
    sync_directory,
)
from redpoll.persistence.file_writer import FileWriter
from redpoll.server.log_loading import LogError, load_file

if TYPE_CHECKING:
    from pathlib import Path

_POLICIES = {"no": 0, "everysec": 1, "always": 2}
_DRAIN_SECONDS = 10.0
_RETRY_MANIFEST_MS = 1000


class AppendOnly:
    """One server's log. `directory` is None until it was on for the first time."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.state = "off"
        self.directory: LogDirectory | None = None
        self.writer: FileWriter | None = None
        self._descriptor = -1
        # Of the file before the current one, until all of it is on the disk.
        self._retiring: FileWriter | None = None
        self._retiring_descriptor = -1
        self._lock = -1
        self._failing_since_ms = 0
        self._manifest_error = ""
        self._manifest_due_ms = 0
        self.stream_offset = 0  # where the stream of changes ended that was written last
        self.base_bytes = 0
        self.increments_bytes = 0
        self._current: LogFile | None = None
        # Of rewrites.
        self.rewriting = False
        self.rewrite_scheduled = False
        self.rewrite_started_ms = 0
        self.last_rewrite_seconds = -1
        self.last_rewrite_ok = True
        self.rewrites = 0
        self.failures = 0
        self._rewrite_from: LogFile | None = None
        self._retry_after_ms = 0
        self.held_for_backup = False
        self.on_rewritten: Callable[[str], None] | None = None

    # Start and stop

    @property
    def is_there(self) -> bool:
        """Whether there is a log on the disk, switched on or not."""
        config = self._server.config
        return os.path.exists(os.path.join(config.dir, config.appenddirname, f"{config.appendfilename}.manifest"))

    def load(self, *, always: bool = False) -> bool:
        """Load the log, if it is switched on, or always; whether it held something. Raises `LogError`."""
        if not self._server.config.appendonly and not always:
            return False
        directory = self._open_directory()
        try:
            from pathlib import Path

            directory.adopt(Path(self._server.config.dir) / self._server.config.appendfilename)
            directory.read()
        except (ManifestError, OSError) as error:
            raise LogError(f"The append-only log's manifest cannot be read: {error}") from error
        files = directory.manifest.files
        for number, one in enumerate(files):
            load_file(self._server, directory.path(one), last=number == len(files) - 1)
        return bool(files)

    def open(self) -> None:
        """Begin to write, where the configuration wants it. Raises `LogError`."""
        if not self._server.config.appendonly:
            return
        directory = self._open_directory()
        try:
            manifest = directory.manifest
            if not manifest.files:
                # Whatever is read later is read in full then: a log has a base, if an empty one.
                base = directory.next_base(rdb=bool(self._server.config.aof_use_rdb_preamble))
                self._server.persistence.write_empty_base(directory.path(base))
                manifest = Manifest(base, [], manifest.history)
            if not manifest.increments:
                one = directory.next_increment()
                manifest = manifest.with_increment(one.name, one.sequence)
            self._write_to(manifest.increments[-1], fresh=False)
            if manifest is not directory.manifest:
                # What a manifest names is there.
                sync_directory(directory.directory)
                directory.write(manifest)
            directory.delete_history()
        except OSError as error:
            raise LogError(f"The append-only log cannot be opened in {directory.directory}: {error}") from error
        self.state = "on"
        self.apply_settings()
        self._measure()

    def write_out(self) -> None:
        """Wait until everything is on the disk. Raises `LogError`."""
        self._server.errands.finish()
        self.retire_now()
        if self.writer is not None:
            try:
                self.writer.drain(_DRAIN_SECONDS)
            except OSError as error:
                raise LogError(f"The append-only log cannot be written: {error.strerror}") from error

    def slow_down(self, microseconds: int) -> None:
        """Have every write take so much longer, for tests."""
        if self.writer is not None:
            self.writer.slow_down(max(microseconds, 0))

    def begin_anew(self) -> None:
        """Begin to write behind data that are in no log, such as preloaded ones: with a base. Raises `LogError`."""
        if self._server.config.appendonly:
            self.switch(True)

    def close(self) -> None:
        """Write and sync what there is, and let go of the files."""
        self._server.errands.finish()
        self.retire_now()
        if self.writer is not None:
            try:
                self.writer.drain(_DRAIN_SECONDS)
            except OSError as error:
                self._server.log.warning(f"The append-only log could not be written to its end: {error}")
        self._stop_writing()
        self.state = "off"
        self._failing_since_ms = 0
        self._manifest_error = ""
        self._server.check_refusals()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def after_fork(self) -> None:
        """In the child of a fork: the log is the parent's."""
        if self.writer is not None:
            self._server.dispatcher.feed.use_log(None)
            self._server.loop.use_log(None)
            self.writer.abandon()
            os.close(self._descriptor)
            self._descriptor, self.writer = -1, None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
        self.state = "off"
        self.rewriting = False

    def _open_directory(self) -> LogDirectory:
        """The log's directory, made and locked. Raises `LogError`."""
        if self.directory is not None and self._lock >= 0:
            return self.directory
        config = self._server.config
        from pathlib import Path

        path = Path(config.dir) / config.appenddirname
        try:
            if not path.is_dir():
                path.mkdir()
                sync_directory(path.parent)
            self._lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = -1
            raise LogError(
                f"Another server writes to {path.absolute()}. Two on one log would destroy it: give this one another "
                "dir or appenddirname."
            ) from None
        except OSError as error:
            raise LogError(f"The append-only log's directory {path} cannot be used: {error}") from error
        # Made to be absolute: CONFIG SET dir may follow.
        self.directory = LogDirectory(path.absolute(), config.appendfilename)
        return self.directory

    # Writing

    def _write_to(self, one: LogFile, *, fresh: bool, named_later: bool = False) -> None:
        """Send the feed to a file from now on, from a command's end on. Raises `OSError`.

        `fresh`: whatever has its name is no part of the log, and goes. `named_later`: the manifest is still to name it;
        until `_release` nothing in it is safe.
        """
        assert self.directory is not None
        server, before, path = self._server, self.writer, self.directory.path(one)
        if fresh:
            path.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_EXCL if fresh else 0)
        descriptor = os.open(path, flags, 0o644)
        if before is not None and server.loop.guard is not None:
            # Threads that wait for a store's log know one writer.
            before.drain(_DRAIN_SECONDS)
        if before is not None:
            # Ends a unit that is under way, in its file.
            server.dispatcher.feed.use_log(None)
            before.sync_soon()
            self.stream_offset = before.appended
            self.increments_bytes += before.appended - before.first
        writer = FileWriter(descriptor, _POLICIES[server.config.appendfsync], first=self.stream_offset, keeping=True)
        writer.follow(before, named_later)
        if before is not None:
            server.loop.unwatch(before.event)
            server.loop.watch(before.event, self._retiring_progress)
            self._retiring, self._retiring_descriptor = before, self._descriptor
        self._descriptor, self.writer, self._current = descriptor, writer, one
        server.loop.watch(writer.event, self._progress)
        server.dispatcher.feed.use_log(writer)
        server.loop.use_log(writer)
        self.apply_settings()
        # A file with nothing left to sync has no news to tell.
        self._retiring_progress()

    def _release(self) -> None:
        if self.writer is not None:
            self.writer.release()
        self._server.loop.release_replies()

    def _retiring_progress(self) -> None:
        """The writer of the file before has news."""
        writer = self._retiring
        if writer is None:
            return
        writer.acknowledge()
        if writer.synced == writer.appended:
            self._let_go_of(writer)
        self._server.loop.release_replies()
        self._note_error()

    def _let_go_of(self, writer: FileWriter) -> None:
        if self.writer is not None:
            self.writer.stand_alone()
        self._server.loop.unwatch(writer.event)
        self._retiring = None
        writer.stop()
        os.close(self._retiring_descriptor)
        self._retiring_descriptor = -1
        if self._on_retired is not None:
            then, self._on_retired = self._on_retired, None
            then()

    def retire_now(self) -> None:
        """Wait until all of the file before is on the disk."""
        writer = self._retiring
        if writer is None:
            return
        try:
            writer.drain(_DRAIN_SECONDS)
        except OSError as error:
            self._server.log.warning(f"The append-only log could not be written to its end: {error}")
        self._let_go_of(writer)

    def _stop_writing(self) -> None:
        server, writer = self._server, self.writer
        if writer is None:
            return
        server.dispatcher.feed.use_log(None)
        writer.submit()
        self.stream_offset = writer.appended
        server.loop.unwatch(writer.event)
        server.loop.use_log(None)
        writer.stop()
        os.close(self._descriptor)
        self._descriptor, self.writer = -1, None

    def apply_settings(self) -> None:
        """Put `appendfsync` and `aof-timestamp-enabled` in force."""
        config = self._server.config
        always = config.appendfsync == "always" and self.state != "off"
        self._server.loop.commit_first = always
        self._server.dispatcher.feed.timestamps = config.aof_timestamp_enabled
        if self.writer is not None:
            lazily = config.no_appendfsync_on_rewrite and self._server.persistence.saving
            self.writer.use_policy(0 if lazily and not always else _POLICIES[config.appendfsync])
            if not always:
                self._server.loop.release_replies()

    def look(self) -> None:
        """Take note of what the writer's thread did, for whoever does not wait for its event."""
        if self.writer is not None:
            self._progress()

    def _progress(self) -> None:
        """The writer's thread has news."""
        assert self.writer is not None
        self.writer.acknowledge()
        self._server.loop.release_replies()
        self._note_error()

    def _note_error(self) -> None:
        number = self.writer.error if self.writer is not None else 0
        why = self._why = os.strerror(number) if number else self._manifest_error
        if why and not self._failing_since_ms:
            self._failing_since_ms = self._server.keyspace.now
            self._server.log.warning(
                f"The append-only log cannot be written: {why}. Writes are refused, and it is tried again every "
                "second, until this is put right."
            )
            self._server.check_refusals()
        elif self._failing_since_ms and not why:
            self._failing_since_ms = 0
            self._server.log.warning("The append-only log can be written again.")
            self._server.check_refusals()

    _why = ""

    @property
    def error(self) -> str:
        """Why the log cannot be written now, or the empty text."""
        return self._why if self._failing_since_ms else ""

    def has_synced(self, connection: Any) -> bool:
        """Whether all that a connection changed is on the disk."""
        if self.writer is None:
            return False
        if self.writer.synced < connection.logged_until:
            self.writer.sync_soon()
        return bool(self.writer.synced >= connection.logged_until)

    def _name_current(self) -> None:
        """Have the manifest name the file that is written already."""
        directory, one = self.directory, self._current
        assert directory is not None
        assert one is not None

        def work() -> None:
            sync_directory(directory.directory)
            if one not in directory.manifest.increments:
                directory.write(directory.manifest.with_increment(one.name, one.sequence))

        def then(error: OSError | None) -> None:
            if error is None:
                self._manifest_error = ""
                self._release()
            else:
                self._manifest_error = error.strerror or str(error)
                self._manifest_due_ms = self._server.keyspace.now + _RETRY_MANIFEST_MS
            self._note_error()

        self._manifest_due_ms = 0
        self._server.errands.run(work, then)

    def rotate(self, then: Callable[[LogFile], None]) -> None:
        """Go on in a new increment, and tell of the one that ended once all of it is on the disk. Raises `OSError`."""
        ended = self._current
        assert ended is not None
        self.retire_now()
        self._on_retired = lambda: then(ended)
        try:
            self._begin_increment()
        except OSError:
            self._on_retired = None
            raise

    _on_retired: Callable[[], None] | None = None

    # Rewriting

    @property
    def is_busy(self) -> bool:
        """Whether a rewrite has to wait for something of the log's own."""
        return bool(self.held_for_backup or self._retiring is not None or self._manifest_error)

    @property
    def may_rewrite(self) -> bool:
        """Whether nothing stands in the way of a rewrite now."""
        return not (self.rewriting or self._server.persistence.saving or self.is_busy)

    def rewrite(self) -> bool:
        """Begin to write a new base; whether it could be begun. The rest is told by `_rewritten`."""
        server = self._server
        if not self.may_rewrite:
            return False
        directory = self._open_directory()
        rdb = bool(server.config.aof_use_rdb_preamble)
        base = directory.next_base(rdb=rdb)
        temporary = directory.directory / f"temp-{base.name}"
        self._rewrite_from = None
        try:
            if self.state != "off":
                self._begin_increment()
                self._rewrite_from = self._current
            server.persistence.save_base(temporary, lambda error: self._rewritten(base, temporary, error), rdb=rdb)
        except OSError as error:
            self._failed(f"cannot begin: {error}")
            return False
        self.rewriting = True
        self.rewrite_scheduled = False
        self.rewrite_started_ms = server.keyspace.now
        server.log.notice("Background append only file rewriting started")
        return True

    def _begin_increment(self) -> LogFile:
        """Go on in a new increment; the one before is left to its writer. Raises `OSError`."""
        assert self.directory is not None
        increment = self.directory.next_increment()
        named_later = self.state == "on"
        self._write_to(increment, fresh=True, named_later=named_later)
        if named_later:
            self._name_current()
        return increment

    def _failed(self, why: str) -> None:
        self.last_rewrite_ok = False
        self.failures += 1
        self._retry_after_ms = self._server.keyspace.now + min(60_000 * 2 ** min(self.failures - 1, 6), 3_600_000)
        self._server.log.warning(f"Rewriting the append-only log failed: {why}")
        if self.on_rewritten is not None:
            self.on_rewritten(why)

    def _rewritten(self, base: LogFile, temporary: Path, error: str) -> None:
        """The base is written and safe, or was given up; it takes its place by an errand."""
        server, directory = self._server, self.directory
        assert directory is not None
        since = self._rewrite_from
        keeping_history = server.config.aof_disable_auto_gc
        if error:
            self._rewrite_done(error, temporary)
            return

        def work() -> None:
            os.replace(temporary, directory.path(base))
            sync_directory(directory.directory)
            manifest = directory.manifest
            if since is None:
                directory.write(manifest.rebased(base, manifest.increment_sequence + 1))
            else:
                if since not in manifest.increments:
                    manifest = manifest.with_increment(since.name, since.sequence)
                directory.write(manifest.rebased(base, since.sequence))
            if not keeping_history:
                try:
                    directory.delete_history()
                except OSError:
                    # It is in nobody's way, and is deleted with what the next rewrite leaves.
                    pass

        server.errands.run(work, lambda problem: self._rewrite_done(str(problem) if problem else "", temporary))

    def _rewrite_done(self, error: str, temporary: Path) -> None:
        server, directory = self._server, self.directory
        assert directory is not None
        self.rewriting = False
        self._rewrite_from = None
        self.last_rewrite_seconds = (server.keyspace.now - self.rewrite_started_ms) // 1000
        if error:
            temporary.unlink(missing_ok=True)
            self._failed(error)
            return
        if self.state == "starting":
            self.state = "on"
        self._manifest_error, self._manifest_due_ms = "", 0
        self._release()
        self._note_error()
        self.last_rewrite_ok = True
        self.failures = 0
        self.rewrites += 1
        self._measure()
        server.log.notice("Background AOF rewrite finished successfully")
        if self.on_rewritten is not None:
            self.on_rewritten("")

    def _measure(self) -> None:
        """Remember sizes, from which automatic rewrites are told."""
        assert self.directory is not None
        self.base_bytes, total = self.directory.sizes()
        self.increments_bytes = total - self.base_bytes - (self.writer.file_bytes if self.writer is not None else 0)
        self._size_at_rewrite = total

    @property
    def buffer_bytes(self) -> int:
        """Bytes that wait to be written."""
        return int(self.writer.waiting) if self.writer is not None else 0

    @property
    def current_bytes(self) -> int:
        """Bytes of all files of the log."""
        return self.base_bytes + self.increments_bytes + (self.writer.file_bytes if self.writer is not None else 0)

    _size_at_rewrite = 0

    def cron(self, now_ms: int) -> None:
        """Begin a rewrite that is due."""
        self._tell_latencies()
        if self._manifest_due_ms and now_ms >= self._manifest_due_ms:
            self._name_current()
        if (self.state == "off" and not self.rewrite_scheduled) or not self.may_rewrite:
            return
        config = self._server.config
        if self.rewrite_scheduled or (self.state == "starting" and now_ms >= self._retry_after_ms):
            self.rewrite()
        elif (
            config.auto_aof_rewrite_percentage
            and now_ms >= self._retry_after_ms
            and self.current_bytes > config.auto_aof_rewrite_min_size
        ):
            base = self._size_at_rewrite or 1
            if (self.current_bytes - base) * 100 // base >= config.auto_aof_rewrite_percentage:
                self._server.log.notice("Starting automatic rewriting of AOF")
                self.rewrite()

    def _tell_latencies(self) -> None:
        """The disk's slowness is the loop's only where replies wait for it, but whoever looks for it looks here."""
        if self.writer is None or not self._server.latency.threshold_ms:
            return
        sync_us, write_us = self.writer.take_slowest()
        if sync_us and self._server.config.appendfsync == "always":
            self._server.took_long("aof-fsync-always", sync_us)
        if write_us:
            busy = self._server.persistence.saving
            self._server.took_long("aof-write-active-child" if busy else "aof-write-alone", write_us)
            self._server.took_long("aof-write", write_us)

    # At run time

    def switch(self, wanted: bool) -> None:
        """CONFIG SET appendonly. Raises `LogError`."""
        if wanted != (self.state != "off"):
            self._server.persistence.backup.interrupt("appendonly was switched meanwhile")
        if wanted and self.state == "off":
            self._open_directory()
            assert self.directory is not None
            try:
                self.directory.read()
            except ManifestError as error:
                raise LogError(str(error)) from error
            self.state = "starting"
            self.apply_settings()
            if self._server.persistence.saving:
                # Changes from now on are in no log yet; the rewrite that follows begins with a snapshot of its own.
                self.rewrite_scheduled = True
            elif not self.rewrite():
                self.state = "off"
                raise LogError("The append-only log cannot be begun; see the server's log.")
        elif not wanted and self.state != "off":
            if self.rewriting:
                self._server.persistence.stop_saving()
            self.close()


__all__ = ["HISTORY", "AppendOnly", "LogError"]
