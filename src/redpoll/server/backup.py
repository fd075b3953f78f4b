"""BACKUP: a copy of the data as a log of its own, taken while the server goes on.

    backupdir/
        appendonly.aof.3.base.rdb      everything at the moment of the snapshot
        appendonly.aof.3.incr.aof      changes from then until BACKUP SEAL
        appendonly.aof.manifest        names the two

States, and what leads from one to the next:

    idle          START: a snapshot begins, or waits for another one that is being taken
    pending       that one has ended
    snapshotting  the base is written, and linked into the directory
    incrementing  SEAL: the increment ends here; once it is on the disk it is linked, and the manifest written
    sealed        CLEANUP, or `backup-sealed-ttl` seconds
    failed        START again, or CLEANUP; ABORT leads here from all before sealed

With the append-only log switched on, a backup is one rewrite of it, which no other may follow before the end. Without,
changes are written into the backup's own increment from the snapshot on, and into nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from redpoll import errors
from redpoll.errors import CommandError
from redpoll.persistence.append_only import LogDirectory, LogFile, Manifest, sync_directory
from redpoll.persistence.file_writer import FileWriter

if TYPE_CHECKING:
    from pathlib import Path

_DRAIN_SECONDS = 10.0
_SECONDLY = 1


class Increment:
    """Changes of a server without a log, in a file of the backup's own, from when it is made."""

    def __init__(self, server: Any, path: Path, on_news: Callable[[], None]) -> None:
        self._server = server
        log = server.persistence.log
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        self.writer = FileWriter(self._descriptor, _SECONDLY, first=log.stream_offset, keeping=True)
        server.loop.watch(self.writer.event, on_news)
        server.loop.use_log(self.writer)
        server.dispatcher.feed.use_log(self.writer)
        self._fed = True

    def end(self) -> None:
        """No further changes."""
        if self._fed:
            self._fed = False
            server = self._server
            server.dispatcher.feed.use_log(None)
            self.writer.sync_soon()
            server.persistence.log.stream_offset = self.writer.appended
            server.loop.use_log(None)

    def close(self) -> None:
        """Let go of the file; what is not written is lost."""
        self.end()
        self._server.loop.unwatch(self.writer.event)
        self.writer.stop()
        os.close(self._descriptor)

    def abandon(self) -> None:
        """In the child of a fork."""
        self._server.dispatcher.feed.use_log(None)
        self._server.loop.use_log(None)
        self.writer.abandon()
        os.close(self._descriptor)

    @property
    def is_safe(self) -> bool:
        """Whether all is on the disk."""
        return bool(self.writer.synced == self.writer.appended)


class Backup:
    """One server's backup; there is one at a time."""

    def __init__(self, server: Any, persistence: Any) -> None:
        self._server = server
        self._persistence = persistence
        self._state = "idle"
        self._sealing = False
        self.error = ""
        self.started_s = 0
        self.ended_s = 0
        self.files: list[Path] = []
        self._base: LogFile | None = None
        self._directory: Path | None = None
        self._increment: Increment | None = None
        self._live = False  # whether it is made of the server's own log
        self._number = 0  # of the backup, so that what an earlier one asked for is told apart
        self.sealers: set[int] = set()  # clients whose SEAL waits, by their IDs

    @property
    def state(self) -> str:
        """The state as BACKUP STATUS tells it."""
        return self._state

    @property
    def pinned(self) -> list[Path]:
        """Files that will not change any more."""
        return {"incrementing": self.files[:1], "sealed": self.files}.get(self._state, [])

    @property
    def sealing(self) -> bool:
        """Whether SEAL was asked for and is not done."""
        return self._sealing

    # Commands

    def start(self) -> None:
        """BACKUP START. Raises `CommandError`."""
        if self._state not in ("idle", "failed"):
            raise CommandError(errors.backup_in_progress(self._state))
        if self._persistence.log.state == "starting":
            raise CommandError(errors.BACKUP_LOG_NOT_READY)
        config = self._server.config
        from pathlib import Path

        directory = (Path(config.dir) / config.backupdirname).absolute()
        try:
            directory.mkdir(exist_ok=True)
            if any(directory.iterdir()):
                raise CommandError(errors.backup_directory(str(directory), "it is not empty"))
        except OSError as error:
            raise CommandError(errors.backup_directory(str(directory), error.strerror or str(error))) from error
        self._directory = directory
        self._state, self.error = "pending", ""
        self.started_s, self.ended_s = self._server.keyspace.now // 1000, 0
        self.files = []
        self._number += 1
        self.sealers.clear()
        self._go_on()

    def seal(self) -> None:
        """BACKUP SEAL: begin to; `sealing` until it is done. Raises `CommandError`."""
        if self._sealing:
            return
        if self._state != "incrementing":
            raise CommandError(errors.BACKUP_NOT_INCREMENTING)
        self._sealing = True
        if not self._live:
            assert self._increment is not None
            self._increment.end()
            self._news()
            return
        number = self._number
        try:
            self._persistence.log.rotate(lambda one: self._rotated(number, one))
        except OSError as error:
            self._fail(str(error))

    def seal_now(self) -> None:
        """Wait until it is sealed, for who cannot come back."""
        if self._increment is not None:
            try:
                self._increment.writer.drain(_DRAIN_SECONDS)
            except OSError as error:
                self._fail(str(error))
            self._news()
        elif self._live:
            self._persistence.log.retire_now()
        self._server.errands.finish()

    def abort(self) -> None:
        """BACKUP ABORT. Raises `CommandError`."""
        if self._state not in ("pending", "snapshotting", "incrementing"):
            raise CommandError(errors.BACKUP_NOTHING_TO_ABORT)
        self._fail("aborted")

    def clean_up(self) -> None:
        """BACKUP CLEANUP. Raises `CommandError`."""
        if self._state not in ("sealed", "failed"):
            raise CommandError(errors.BACKUP_NOTHING_TO_CLEAN)
        self._remove_files()
        self._state, self.error = "idle", ""
        self.started_s = self.ended_s = 0

    # On the way

    def cron(self, now_ms: int) -> None:
        """Begin what has waited; clean up what has stood its time."""
        if self._state == "pending":
            self._go_on()
        elif self._state == "sealed":
            seconds = self._server.config.backup_sealed_ttl
            if seconds and now_ms // 1000 - self.ended_s >= seconds:
                self._server.log.notice("The sealed backup was cleaned up, as backup-sealed-ttl says")
                self.clean_up()

    def interrupt(self, why: str) -> None:
        """What the backup is made of goes."""
        if self._state in ("pending", "snapshotting", "incrementing"):
            self._fail(why)

    def close(self) -> None:
        """The server stops: a backup that is not sealed is none."""
        self.interrupt("the server stopped")

    def after_fork(self) -> None:
        """In the child of a fork: files and threads are the parent's."""
        increment, self._increment = self._increment, None
        if increment is not None:
            increment.abandon()
        self._state, self.files, self._sealing = "idle", [], False

    def _go_on(self) -> None:
        """Begin the snapshot, if nothing stands in the way."""
        log, number = self._persistence.log, self._number
        if log.state == "off":
            if not self._persistence.saving:
                self._begin_own()
            return
        if not log.rewriting and not log.may_rewrite:
            return
        self._live = True
        self._state = "snapshotting"
        log.on_rewritten = lambda error: self._rewritten(number, error)
        if not log.rewriting and not log.rewrite() and self._state == "snapshotting":
            self._fail("the rewrite could not be begun")

    def _begin_own(self) -> None:
        assert self._directory is not None
        self._live = False
        self._state = "snapshotting"
        name, number = self._server.config.appendfilename, self._number
        rdb = bool(self._server.config.aof_use_rdb_preamble)
        own = LogDirectory(self._directory, name)
        self._base = own.next_base(rdb=rdb)
        increment = own.next_increment()
        temporary = self._directory / f"temp-{self._base.name}"
        try:
            self._increment = Increment(self._server, own.path(increment), self._news)
            self.files = [temporary, own.path(increment)]
            self._persistence.save_base(temporary, lambda error: self._saved(number, temporary, error), rdb=rdb)
        except OSError as error:
            self._fail(str(error))

    def _saved(self, number: int, temporary: Path, error: str) -> None:
        """The base of a server without a log is written and safe, or was given up."""
        if number != self._number or self._state != "snapshotting":
            return
        assert self._directory is not None
        assert self._base is not None
        path = self._directory / self._base.name
        if error:
            self._fail(error)
            return
        try:
            os.replace(temporary, path)
        except OSError as problem:
            self._fail(str(problem))
            return
        self.files[0] = path
        self._state = "incrementing"

    def _rewritten(self, number: int, error: str) -> None:
        """The rewrite of the log that serves as snapshot has ended."""
        log = self._persistence.log
        log.on_rewritten = None
        if number != self._number or self._state != "snapshotting":
            return
        if error:
            self._fail(error)
            return
        assert self._directory is not None
        assert log.directory is not None
        base = log.directory.manifest.base
        try:
            os.link(log.directory.path(base), self._directory / base.name)
        except OSError as problem:
            self._fail(str(problem))
            return
        self._base = base
        self.files = [self._directory / base.name]
        self._state = "incrementing"
        log.held_for_backup = True

    def _news(self) -> None:
        """The own increment's writer has news."""
        increment = self._increment
        if increment is None:
            return
        increment.writer.acknowledge()
        if increment.writer.error:
            self._fail(os.strerror(increment.writer.error))
        elif self._sealing and increment.is_safe:
            increment.close()
            self._increment = None
            path = self.files[1]
            self._finish(LogFile(path.name, 1, "i"), None)

    def _rotated(self, number: int, one: LogFile) -> None:
        """The log's increment that belongs to the backup has ended, and is safe."""
        if number == self._number and self._sealing:
            log = self._persistence.log
            assert log.directory is not None
            self._finish(one, log.directory.path(one))

    def _finish(self, increment: LogFile, source: Path | None) -> None:
        """Link the increment, and write the manifest."""
        directory, number, base = self._directory, self._number, self._base
        assert directory is not None
        own = LogDirectory(directory, self._server.config.appendfilename)
        path = directory / increment.name

        def work() -> None:
            if source is not None:
                os.link(source, path)
            sync_directory(directory)
            own.write(Manifest(base, [increment]))

        def then(error: OSError | None) -> None:
            if number != self._number or not self._sealing:
                return
            if error is not None:
                self._fail(str(error))
                return
            self._sealing = False
            self.files = [self.files[0], path, own.manifest_path]
            self._state = "sealed"
            self.ended_s = self._server.keyspace.now // 1000
            self._persistence.log.held_for_backup = False
            self._server.log.notice(f"Backup sealed in {directory}")

        self._server.errands.run(work, then)

    def _fail(self, why: str) -> None:
        log = self._persistence.log
        taking_own = self._state == "snapshotting" and not self._live
        # First, as giving up the snapshot tells of its end.
        self._state, self.error, self._sealing = "failed", why, False
        self.ended_s = 0
        if self._increment is not None:
            increment, self._increment = self._increment, None
            increment.close()
        if taking_own:
            self._persistence.stop_saving()
        if self._live:
            log.on_rewritten = None
            log.held_for_backup = False
        self._server.log.warning(f"The backup failed: {why}")
        self._remove_files()

    def _remove_files(self) -> None:
        for path in self.files:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                self._server.log.warning(f"{path} could not be removed: {error.strerror}")
        self.files = []
