"""A server on a disk that remembers what it was told, and what of it is left when the power goes at any moment.

`disk.c` writes the journal that is read here. What was synced survives. Of what was not, anything may: `left` makes a
directory as it may be found afterwards.

- Of a file: some of what was written since its last sync, in order, the last write perhaps in part.
- Of names (created, renamed, linked, removed): some of those since their directory's last sync, in order.
"""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).with_name("disk.c")
WRITE, SYNC_BEGIN, SYNC_DONE, RENAME, UNLINK, CREATE, TRUNCATE, LINK, DIRECTORY_BEGIN = range(1, 10)
_HEAD = struct.Struct("<BQQI")
_built: list[Path] = []


def library() -> Path:
    """The compiled `disk.c`; without a C compiler the test is skipped."""
    if not _built:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("no C compiler is installed")
        folder = Path(tempfile.mkdtemp(prefix="redpoll-disk-"))
        target = folder / "disk.so"
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", target, SOURCE, "-ldl", "-pthread"], check=True)
        _built.append(target)
    return _built[0]


class Record(NamedTuple):
    """One record; `end` is the journal's size with it."""

    kind: int
    number: int
    offset: int
    data: bytes
    end: int


@dataclass
class File:
    """An inode: bytes that are safe, and changes that are not, as (offset, bytes) or (size, None) for a truncation."""

    safe: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def apply(self, count: int) -> None:
        """Make the first changes safe."""
        for change in self.pending[:count]:
            _change(self.safe, change)
        del self.pending[:count]


def _change(content: bytearray, change: tuple[int, bytes | None]) -> None:
    offset, data = change
    if data is None:
        del content[offset:]
        content.extend(bytes(max(0, offset - len(content))))
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


class Disk:
    """The environment that has a server watched, and what it did to its files."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "disk"
        self.root.mkdir()
        self.journal = folder / "journal"
        self.faults = folder / "faults"

    @property
    def environment(self) -> dict[str, str]:
        """For the server's process."""
        return {
            "LD_PRELOAD": str(library()),
            "REDPOLL_DISK_ROOT": str(self.root.resolve()),
            "REDPOLL_DISK_JOURNAL": str(self.journal),
            "REDPOLL_DISK_FAULTS": str(self.faults),
        }

    def now(self) -> int:
        """How much of the journal there is: a moment."""
        return self.journal.stat().st_size if self.journal.exists() else 0

    def fail(self, what: str, number: int) -> None:
        """Have "sync" or "write" fail with an errno from now on."""
        beside = self.faults.with_suffix(".new")
        beside.write_text(f"{what} {number}")
        beside.replace(self.faults)

    def heal(self) -> None:
        """No failures any more."""
        self.faults.unlink(missing_ok=True)

    def records(self) -> Iterator[Record]:
        """The journal."""
        raw, at = self.journal.read_bytes(), 0
        while at + _HEAD.size <= len(raw):
            kind, number, offset, length = _HEAD.unpack_from(raw, at)
            at += _HEAD.size
            yield Record(kind, number, offset, raw[at : at + length], at + length)
            at += length

    def left(self, moment: int, target: Path, chance: random.Random | None) -> None:
        """Make the directory as it may be found when the power goes at a moment; no chance: only what is safe."""
        files: list[File] = []
        current: dict[int, int] = {}  # inodes, which are used again, to places in `files`
        safe: dict[str, int] = {}
        now: dict[str, int] = {}
        names: list[tuple[int, str, str, int]] = []
        syncs: dict[int, tuple[int | None, str, int]] = {}
        for record in self.records():
            if record.end > moment:
                break
            kind, number = record.kind, record.number
            if kind in (WRITE, TRUNCATE):
                files[current[number]].pending.append((record.offset, record.data if kind == WRITE else None))
                continue
            one, _, other = record.data.decode(errors="replace").partition("\n")
            if kind == SYNC_BEGIN:
                place = current[record.offset]
                syncs[number] = (place, "", len(files[place].pending))
            elif kind == DIRECTORY_BEGIN:
                syncs[number] = (None, one, len(names))
            elif kind == SYNC_DONE:
                file, folder, count = syncs.pop(number)
                if file is not None:
                    gone = min(count, len(files[file].pending))
                    files[file].apply(gone)
                else:
                    kept = [name for name in names[:count] if _folder(name[1]) != folder]
                    for name in names[:count]:
                        if _folder(name[1]) == folder:
                            _rename(safe, name)
                    gone = count - len(kept)
                    names = kept + names[count:]
                # Other syncs under way have less to do now.
                for key, (what, path, had) in list(syncs.items()):
                    if what == file:
                        syncs[key] = (what, path, max(0, had - gone))
            else:
                if kind == CREATE:
                    if now.get(one) is not None and now[one] == current.get(number):
                        continue
                    if current.get(number) not in now.values():
                        current[number] = len(files)
                        files.append(File())
                    change = (kind, one, other, current[number])
                else:
                    change = (kind, one, other, now.get(one, -1))
                _rename(now, change)
                names.append(change)
        if chance is not None:
            for name in names[: chance.randint(0, len(names))]:
                _rename(safe, name)
        for path, inode in safe.items():
            file = files[inode]
            content = bytearray(file.safe)
            if chance is not None and file.pending:
                count = chance.randint(0, len(file.pending))
                for change in file.pending[:count]:
                    _change(content, change)
                if count < len(file.pending) and (data := file.pending[count][1]):
                    _change(content, (file.pending[count][0], data[: chance.randint(0, len(data))]))
            place = target / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _rename(names: dict[str, int], change: tuple[int, str, str, int]) -> None:
    kind, one, other, inode = change
    if kind == UNLINK:
        names.pop(one, None)
    elif kind == CREATE:
        names[one] = inode
    else:
        if kind == RENAME:
            names.pop(one, None)
        names[other] = inode
