"""The append-only log of a server: opened, written, synced, rewritten, loaded.

States: `off`; `on`; `starting`, after it was switched on at run time: changes are written already, but the log
counts only once its first base, a snapshot taken at the moment of switching on, is there.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from pathlib import Path
from typing import Any

from redpoll.persistence.append_only import HISTORY, LogDirectory, LogFile, ManifestError
from redpoll.persistence.file_writer import FileWriter
from redpoll.server.replay import BadLog, Replay

_POLICIES = {"no": 0, "everysec": 1, "always": 2}
_COMMANDS_A_SLICE = 2000
_SYNC_BYTES = 4 << 20
_DRAIN_SECONDS = 10.0


class LogError(Exception):
    """The log cannot be loaded or opened; the text says where, why and what to do."""


class AppendOnly:
    """One server's log. `directory` is None until it was on for the first time."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.state = "off"
        self.directory: LogDirectory | None = None
        self.writer: FileWriter | None = None
        self._descriptor = -1
        self._lock = -1
        self._failing_since_ms = 0
        self.fsync_offset = 0
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

    # Start and stop

    def load(self) -> bool:
        """Load the log, if it is switched on; whether it held something. Raises `LogError`."""
        if not self._server.config.appendonly:
            return False
        directory = self._open_directory()
        try:
            directory.adopt(Path(self._server.config.dir) / self._server.config.appendfilename)
            directory.read()
        except (ManifestError, OSError) as error:
            raise LogError(f"The append-only log's manifest cannot be read: {error}") from error
        files = directory.manifest.files
        for number, one in enumerate(files):
            self._load_file(directory.path(one), last=number == len(files) - 1)
        return bool(files)

    def open(self) -> None:
        """Begin to write, where the configuration wants it. Raises `LogError`."""
        if not self._server.config.appendonly:
            return
        directory = self._open_directory()
        try:
            if directory.manifest.increments:
                current = directory.manifest.increments[-1]
            else:
                current = directory.next_increment()
                directory.write(directory.manifest.with_increment(current.name, current.sequence))
            self._write_to(current)
            directory.delete_history()
        except OSError as error:
            raise LogError(f"The append-only log cannot be opened in {directory.directory}: {error}") from error
        self.state = "on"
        self._measure()

    def close(self) -> None:
        """Write and sync what there is, and let go of the files."""
        if self.writer is not None:
            try:
                self.writer.drain(_DRAIN_SECONDS)
            except OSError as error:
                self._server.log.warning(f"The append-only log could not be written to its end: {error}")
        self._stop_writing()
        self.state = "off"
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
        path = Path(config.dir) / config.appenddirname
        try:
            path.mkdir(exist_ok=True)
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
        self.directory = LogDirectory(path, config.appendfilename)
        return self.directory

    # Writing

    def _write_to(self, one: LogFile) -> None:
        """Send the feed to a file from now on, from a command's end on. Raises `OSError`."""
        assert self.directory is not None
        descriptor = os.open(self.directory.path(one), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        policy = _POLICIES[self._server.config.appendfsync]
        writer = FileWriter(descriptor, policy)
        self._stop_writing(drain=True)
        self._descriptor, self.writer, self._current = descriptor, writer, one
        server = self._server
        server.loop.watch(writer.event, self._progress)
        server.dispatcher.feed.use_log(writer)
        server.loop.use_log(writer)
        self.apply_settings()

    def _stop_writing(self, *, drain: bool = False) -> None:
        server, writer = self._server, self.writer
        if writer is None:
            return
        writer.submit()
        server.dispatcher.feed.use_log(None)
        if drain:
            writer.drain(_DRAIN_SECONDS)
        self.fsync_offset += writer.synced
        server.loop.unwatch(writer.event)
        server.loop.use_log(None)
        writer.stop()
        os.close(self._descriptor)
        self._descriptor, self.writer = -1, None

    def apply_settings(self) -> None:
        """Put `appendfsync` and `aof-timestamp-enabled` in force."""
        config = self._server.config
        always = config.appendfsync == "always"
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
        if self.writer.error and not self._failing_since_ms:
            self._failing_since_ms = self._server.keyspace.now
            self._server.log.warning(
                f"The append-only log cannot be written: {os.strerror(self.writer.error)}. Writes are refused, and it "
                "is tried again every second, until this is put right."
            )
            self._server.check_refusals()
        elif self._failing_since_ms and not self.writer.error:
            self._failing_since_ms = 0
            self._server.log.warning("The append-only log can be written again.")
            self._server.check_refusals()

    @property
    def error(self) -> str:
        """Why the log cannot be written now, or the empty text."""
        return os.strerror(self.writer.error) if self._failing_since_ms and self.writer is not None else ""

    def has_synced(self, connection: Any) -> bool:
        """Whether all that a connection changed is on the disk."""
        if self.writer is None:
            return False
        # An offset beyond this file's end is one of the file before, all of which was synced when it was left.
        wanted = min(connection.logged_until, self.writer.appended)
        if self.writer.synced < wanted:
            self.writer.sync_soon()
        return bool(self.writer.synced >= wanted)

    # Loading

    def _load_file(self, path: Path, *, last: bool) -> None:
        server = self._server
        try:
            file = open(path, "rb")  # noqa: SIM115 closed below
        except OSError as error:
            raise LogError(f"The append-only log's file {path} cannot be opened: {error.strerror}") from error
        with file:
            size = os.fstat(file.fileno()).st_size
            if not size:
                return
            offset = 0
            if file.read(5) in (b"REDIS", b"VALKE"):
                offset = server.persistence.load_rdb(path, may_go_on=True)
                if offset >= size:
                    return
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                self._replay(path, data, offset, size, last)

    def _replay(self, path: Path, data: mmap.mmap, offset: int, size: int, last: bool) -> None:
        server = self._server
        replay = Replay(server.dispatcher, data, offset)
        problem = ""
        try:
            while replay.run(_COMMANDS_A_SLICE):
                server.persistence.progress(replay.offset)
        except BadLog as error:
            problem = str(error)
        finally:
            whole, reached = replay.whole, replay.offset
            replay.close()
        server.log.notice(f"{path.name}: {replay.commands} commands")
        if whole == size:
            return
        config = server.config
        if problem:
            small_enough = last and 0 < size - reached <= config.aof_load_corrupt_tail_max_size
            if not small_enough:
                raise LogError(
                    f"{path}: damaged at offset {reached}: {problem}. Nothing was changed. Make a copy, then "
                    f"`redpoll-check-aof --fix {path}` cuts the file there; everything behind is lost then."
                )
        elif not last or not config.aof_load_truncated:
            raise LogError(
                f"{path}: ends in the middle of a command, its last whole one ends at offset {whole} of {size}. "
                + (
                    "Only the last file of a log may end so: "
                    if not last
                    else "With `aof-load-truncated yes` the rest is cut off; or "
                )
                + f"make a copy, then `redpoll-check-aof --fix {path}`."
            )
        server.log.warning(f"{path}: the last {size - whole} bytes are no whole command; the file is cut at {whole}.")
        with open(path, "r+b") as file:
            file.truncate(whole)
            os.fsync(file.fileno())

    # Rewriting

    def rewrite(self) -> bool:
        """Begin to write a new base; whether it could be begun. The rest is told by `_rewritten`."""
        server = self._server
        if self.rewriting or server.persistence.saving:
            return False
        directory = self._open_directory()
        base = directory.next_base(rdb=True)
        try:
            if self.state != "off":
                increment = directory.next_increment()
                if self.state == "on":
                    directory.write(directory.manifest.with_increment(increment.name, increment.sequence))
                self._write_to(increment)
                self._rewrite_from = increment
            temporary = directory.directory / f"temp-{base.name}"
            server.persistence.save_base(temporary, lambda error: self._rewritten(base, temporary, error))
        except OSError as error:
            self._failed(f"cannot begin: {error}")
            return False
        self.rewriting = True
        self.rewrite_scheduled = False
        self.rewrite_started_ms = server.keyspace.now
        server.log.notice("Background append only file rewriting started")
        return True

    def _failed(self, why: str) -> None:
        self.last_rewrite_ok = False
        self.failures += 1
        self._retry_after_ms = self._server.keyspace.now + min(60_000 * 2 ** min(self.failures - 1, 6), 3_600_000)
        self._server.log.warning(f"Rewriting the append-only log failed: {why}")

    def _rewritten(self, base: LogFile, temporary: Path, error: str) -> None:
        server, directory = self._server, self.directory
        assert directory is not None
        self.rewriting = False
        self.last_rewrite_seconds = (server.keyspace.now - self.rewrite_started_ms) // 1000
        if not error:
            try:
                os.replace(temporary, directory.path(base))
                since = self._rewrite_from
                if since is not None:
                    manifest = directory.manifest
                    if self.state == "starting":
                        manifest = manifest.with_increment(since.name, since.sequence)
                    directory.write(manifest.rebased(base, since.sequence))
                else:
                    directory.write(directory.manifest.rebased(base, directory.manifest.increment_sequence + 1))
                if not server.config.aof_disable_auto_gc:
                    directory.delete_history()
            except OSError as problem:
                error = str(problem)
        self._rewrite_from = None
        if error:
            temporary.unlink(missing_ok=True)
            self._failed(error)
            return
        if self.state == "starting":
            self.state = "on"
        self.last_rewrite_ok = True
        self.failures = 0
        self.rewrites += 1
        self._measure()
        server.log.notice("Background AOF rewrite finished successfully")

    def _measure(self) -> None:
        """Remember sizes, from which automatic rewrites are told."""
        assert self.directory is not None
        self.base_bytes, total = self.directory.sizes()
        self.increments_bytes = total - self.base_bytes - (self.writer.file_bytes if self.writer is not None else 0)
        self._size_at_rewrite = total

    @property
    def current_bytes(self) -> int:
        """Bytes of all files of the log."""
        return self.base_bytes + self.increments_bytes + (self.writer.file_bytes if self.writer is not None else 0)

    _size_at_rewrite = 0

    def cron(self, now_ms: int) -> None:
        """Begin a rewrite that is due."""
        if self.state == "off" and not self.rewrite_scheduled:
            return
        if self.rewriting or self._server.persistence.saving:
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

    # At run time

    def switch(self, wanted: bool) -> None:
        """CONFIG SET appendonly. Raises `LogError`."""
        if wanted and self.state == "off":
            self._open_directory()
            assert self.directory is not None
            try:
                self.directory.read()
            except ManifestError as error:
                raise LogError(str(error)) from error
            self.state = "starting"
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
