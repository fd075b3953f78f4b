"""The files of an append-only log: one base, increments that follow it, and the manifest that names them.

    appendonlydir/
        appendonly.aof.manifest          file appendonly.aof.2.base.rdb seq 2 type b
                                         file appendonly.aof.4.incr.aof seq 4 type i
        appendonly.aof.2.base.rdb        everything at one moment, as RDB or as commands
        appendonly.aof.4.incr.aof        commands since then, in RESP

Types: `b` base, `i` increment, `h` history, which nobody reads any more and is to be deleted. The manifest is the one
place that counts: files that it does not name do not belong to the log. It is replaced whole, never edited.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

BASE, INCREMENT, HISTORY = "b", "i", "h"

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)")
_LINE_MOST = 1024
_BAD = "Invalid AOF manifest file format"
_WRITTEN = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\a": "\\a", "\b": "\\b"}
_PLAIN = re.compile(r"[A-Za-z0-9_.\-]+$")


class ManifestError(Exception):
    """A manifest that cannot be understood; the text says file, line and what is wrong."""


class LogFile(NamedTuple):
    """One file of the log."""

    name: str
    sequence: int
    kind: str


class Manifest:
    """What a log consists of: a base or none, increments in order, and history."""

    def __init__(
        self,
        base: LogFile | None = None,
        increments: list[LogFile] | None = None,
        history: list[LogFile] | None = None,
    ) -> None:
        self.base = base
        self.increments = increments or []
        self.history = history or []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Manifest) and vars(self) == vars(other)

    @property
    def files(self) -> list[LogFile]:
        """The files to load, in order."""
        return ([self.base] if self.base else []) + self.increments

    @property
    def base_sequence(self) -> int:
        """The number of the newest base that there is or was."""
        known = [one for one in [self.base, *self.history] if (one and ".base." in one.name) or one is self.base]
        return max((one.sequence for one in known if one), default=0)

    @property
    def increment_sequence(self) -> int:
        """The number of the newest increment that there is or was."""
        return max((one.sequence for one in [*self.increments, *self.history]), default=0)

    def text(self) -> str:
        """The manifest as it stands in its file."""
        lines = [*([self.base] if self.base else []), *self.history, *self.increments]
        return "".join(f"file {_quoted(one.name)} seq {one.sequence} type {one.kind}\n" for one in lines)

    def with_increment(self, name: str, sequence: int) -> Manifest:
        """The same with one more increment."""
        return Manifest(self.base, [*self.increments, LogFile(name, sequence, INCREMENT)], self.history)

    def rebased(self, base: LogFile, from_increment: int) -> Manifest:
        """A new base that holds everything up to, and not including, an increment; the rest becomes history."""
        old = [*([self.base] if self.base else []), *(i for i in self.increments if i.sequence < from_increment)]
        return Manifest(
            base,
            [one for one in self.increments if one.sequence >= from_increment],
            [*self.history, *(one._replace(kind=HISTORY) for one in old)],
        )


def parse(text: str, path: str = "manifest") -> Manifest:
    """Read a manifest. Raises `ManifestError`."""
    manifest = Manifest()
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{path}:{number}: "
        if len(line) > _LINE_MOST:
            raise ManifestError(f"{where}The AOF manifest file contains too long line")
        if line.startswith("#"):
            continue
        if not line.strip():
            raise ManifestError(f"{where}{_BAD}: an empty line")
        words = [
            _ESCAPE.sub(_unescape, found[1]) if found[1] is not None else found[2] for found in _WORD.finditer(line)
        ]
        if len(words) % 2:
            raise ManifestError(f"{where}{_BAD}: a name without a value: {line!r}")
        pairs = dict(zip(words[::2], words[1::2], strict=True))
        if not {"file", "seq", "type"} <= set(pairs):
            raise ManifestError(f"{where}{_BAD}: a line has to tell file, seq and type: {line!r}")
        if "/" in pairs["file"] or not pairs["file"]:
            raise ManifestError(f"{where}File can't be a path, just a filename: {pairs['file']!r}")
        if not pairs["seq"].isdigit() or int(pairs["seq"]) < 1:
            raise ManifestError(f"{where}{_BAD}: seq has to be a number from 1 on: {pairs['seq']!r}")
        one = LogFile(pairs["file"], int(pairs["seq"]), pairs["type"])
        if one.kind == BASE:
            if manifest.base:
                raise ManifestError(f"{where}Found duplicate base file information: {manifest.base.name} is one")
            manifest.base = one
        elif one.kind == INCREMENT:
            if manifest.increments and manifest.increments[-1].sequence >= one.sequence:
                raise ManifestError(f"{where}Found a non-monotonic sequence number: {one.sequence}")
            manifest.increments.append(one)
        elif one.kind == HISTORY:
            manifest.history.append(one)
        else:
            raise ManifestError(f"{where}Unknown AOF file type: {one.kind!r} is none of b, i and h")
    if not manifest.files and not manifest.history:
        raise ManifestError(f"{path}: Found an empty AOF manifest")
    return manifest


def _unescape(found: re.Match) -> str:
    code = found[1]
    if code[0] == "x" and len(code) == 3:
        return chr(int(code[1:], 16))
    return {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b"}.get(code, code)


def _quoted(name: str) -> str:
    if _PLAIN.match(name):
        return name
    return '"' + "".join(_WRITTEN.get(c) or (c if c.isprintable() else f"\\x{ord(c):02x}") for c in name) + '"'


class LogDirectory:
    """The directory of one log, with its manifest."""

    def __init__(self, directory: Path, name: str) -> None:
        self.directory = directory
        self.name = name
        self.manifest = Manifest()

    @property
    def manifest_path(self) -> Path:
        """Where the manifest is."""
        return self.directory / f"{self.name}.manifest"

    def path(self, one: LogFile) -> Path:
        """Where a file of the log is."""
        return self.directory / one.name

    def read(self) -> bool:
        """Read the manifest; whether there is one. Raises `ManifestError`, `OSError`."""
        try:
            text = self.manifest_path.read_text(encoding="utf-8", errors="surrogateescape")
        except FileNotFoundError:
            return False
        self.manifest = parse(text, str(self.manifest_path))
        return True

    def adopt(self, old: Path) -> bool:
        """Take over the single file of a Redis before 7, if there is one. Raises `ManifestError`, `OSError`."""
        if not old.is_file():
            return False
        if self.manifest_path.exists():
            # A crash may have come between the two steps below.
            base = self.read() and self.manifest.base
            if not base or base.name != self.name or self.path(base).exists():
                return False
        else:
            self.directory.mkdir(exist_ok=True)
            # The manifest first: a crash in between leaves a manifest whose file is still where it was.
            self.write(Manifest(LogFile(self.name, 1, BASE)))
        os.replace(old, self.directory / self.name)
        sync_directory(self.directory)
        sync_directory(old.parent)
        return True

    def write(self, manifest: Manifest) -> None:
        """Put another manifest in force: written beside, synced, renamed, the directory synced. Raises `OSError`."""
        self.directory.mkdir(exist_ok=True)
        beside = self.directory / f"temp-{self.name}.manifest"
        try:
            with open(beside, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(manifest.text())
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self.manifest_path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        sync_directory(self.directory)
        self.manifest = manifest

    def next_increment(self) -> LogFile:
        """The increment after the newest one."""
        sequence = self.manifest.increment_sequence + 1
        return LogFile(f"{self.name}.{sequence}.incr.aof", sequence, INCREMENT)

    def next_base(self, *, rdb: bool) -> LogFile:
        """The base after the newest one."""
        sequence = self.manifest.base_sequence + 1
        return LogFile(f"{self.name}.{sequence}.base.{'rdb' if rdb else 'aof'}", sequence, BASE)

    def delete_history(self) -> None:
        """Delete what nobody reads any more, and then its mention."""
        if not self.manifest.history:
            return
        for one in self.manifest.history:
            self.path(one).unlink(missing_ok=True)
        self.write(Manifest(self.manifest.base, self.manifest.increments))

    def sizes(self) -> tuple[int, int]:
        """Bytes of the base, and of all files."""
        base = self._size(self.manifest.base) if self.manifest.base else 0
        return base, base + sum(self._size(one) for one in self.manifest.increments)

    def _size(self, one: LogFile) -> int:
        try:
            return self.path(one).stat().st_size
        except FileNotFoundError:
            return 0


def sync_directory(path: Path) -> None:
    """Make names that were changed in a directory safe."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
