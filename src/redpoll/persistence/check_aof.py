"""`redpoll-check-aof`: look through an append-only log, its parts or a single file; cut off what is not whole.

What the lines say that scripts look for (`ok_up_to=`, `is valid`, `Successfully truncated AOF`) is as `redis-check-aof`
says it, and so are the command line and the exit codes.
"""

from __future__ import annotations

import argparse
import mmap
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from redpoll.commands import declare
from redpoll.persistence import check_rdb
from redpoll.persistence.append_only import ManifestError, parse, sync_directory
from redpoll.persistence.log_reader import LogReader, goes_on_behind

_MAGICS = (b"REDIS", b"VALKE")
_NAMES_TOLD = 5


class CheckError(Exception):
    """What ends the check: the text is the last line."""


@dataclass
class Findings:
    """What was found in one file: how far it is whole, and what is wrong behind that."""

    path: Path
    size: int
    whole: int
    line: int
    problem: str = ""
    torn: bool = False
    stopped: bool = False
    first_timestamp: int = 0
    names: dict[bytes, int] | None = None


def is_manifest(path: Path) -> bool:
    """Whether a file is a manifest: its first line that is no remark names a file."""
    with open(path, "rb") as file:
        for line in file:
            if line.startswith(b"#") and not line.startswith(b"#TS:"):
                continue
            return line.startswith(b"file ")
    return False


def has_preamble(path: Path) -> bool:
    """Whether a file begins with RDB."""
    with open(path, "rb") as file:
        return file.read(5) in _MAGICS


def examine(path: Path, until: int = 0) -> Findings:
    """Look through one file; `until` is a time to stop at. Raises `OSError`, `CheckError`."""
    size = path.stat().st_size
    offset = 0
    if size and has_preamble(path):
        report = check_rdb.check(str(path), int(time.time() * 1000))
        if report.error is not None:
            print(f"[offset {report.error.offset}] {report.error}")
            raise CheckError(f"RDB preamble of AOF file {path} is not sane, aborting. The file was not changed.")
        offset = report.reader.position
        if offset < size:
            print("RDB preamble is OK, proceeding with AOF tail...")
    if offset >= size:
        return Findings(path, size, size, 1)
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        reader = LogReader(data, offset)
        reader.until = until
        try:
            reader.run()
            found = Findings(
                path, size, reader.whole, reader.whole_line, reader.problem, reader.torn, reader.stopped,
                reader.first_timestamp, dict(reader.names),
            )  # fmt: skip
            if reader.problem:
                print(f"[offset {reader.offset}] line {reader.line}: {reader.problem}")
            if reader.torn and reader.offset < size and goes_on_behind(data, reader.offset):
                print("[warning] whole commands follow: a length there is damaged, more than an end is missing")
        finally:
            reader.close()
    return found


def _known_names() -> frozenset[bytes]:
    from redpoll import commands

    commands.load()
    return frozenset(name.encode() if isinstance(name, str) else name for name in declare.renamed(()))


def _tell(found: Findings) -> None:
    print(
        f"AOF analyzed: filename={found.path}, size={found.size}, ok_up_to={found.whole}, "
        f"ok_up_to_line={found.line}, diff={found.size - found.whole}"
    )
    unknown = sorted(set(found.names or ()) - _known_names())
    for name in unknown[:_NAMES_TOLD]:
        print(f"[warning] this version of Redpoll knows no command {name.decode('utf-8', 'backslashreplace')!r}")


def _cut(path: Path, size: int) -> None:
    with open(path, "r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())
    sync_directory(path.parent)


class Check:
    """One run. `fix`: cut what is not whole; `until`: cut what is later than a time; `sure`: without asking."""

    def __init__(self, *, fix: bool, until: int, sure: bool) -> None:
        self.fix, self.until, self.sure = fix, until, sure

    def file(self, path: Path, kind: str, *, last: bool) -> None:
        """Look through one file, and cut it if that is wanted. Raises `CheckError`, `OSError`."""
        found = examine(path, self.until)
        _tell(found)
        if self.until:
            if found.problem and not found.stopped:
                raise CheckError(
                    f"AOF {path} is not valid before that time. Use the --fix option to try fixing it first."
                )
            self._cut_at_time(found, last)
            return
        if found.whole == found.size and not found.problem:
            print(f"{kind} {path} is valid")
            return
        if not self.fix:
            raise CheckError(f"{kind} {path} is not valid. Use the --fix option to try fixing it.")
        if not last:
            raise CheckError(f"Failed to truncate AOF {path} because it is not the last file")
        lost = found.size - found.whole
        print(f"This will shrink the AOF {path} from {found.size} bytes, with {lost} bytes, to {found.whole} bytes")
        self._ask()
        _cut(path, found.whole)
        print(f"Successfully truncated AOF {path}")

    def _cut_at_time(self, found: Findings, last: bool) -> None:
        path = found.path
        if not found.stopped:
            print(f"Truncate nothing in AOF {path} to timestamp {self.until}")
            return
        if found.whole == 0:
            raise CheckError(f"AOF {path} has nothing before timestamp {self.until}, aborting...")
        if not last:
            raise CheckError(
                f"Failed to truncate AOF {path} to timestamp {self.until} to offset {found.whole} because it is not "
                "the last file. If you insist, please delete all files after this file according to the manifest and "
                "delete the corresponding records in the manifest manually. Then re-run redpoll-check-aof."
            )
        _cut(path, found.whole)
        print(f"Successfully truncated AOF {path} to timestamp {self.until}")

    def _ask(self) -> None:
        if self.sure:
            return
        print("Continue? [y/N]: ", end="", flush=True)
        if not sys.stdin.readline().lower().startswith("y"):
            raise CheckError("Aborting...")

    def single(self, path: Path) -> None:
        """A file of its own, as servers before 7.0 wrote them."""
        print("Start checking Old-Style AOF")
        self.file(path, "AOF", last=True)

    def parts(self, path: Path) -> None:
        """All files that a manifest names."""
        print("Start checking Multi Part AOF")
        try:
            manifest = parse(path.read_text(encoding="utf-8", errors="surrogateescape"), str(path))
        except ManifestError as error:
            raise CheckError(str(error)) from error
        files = manifest.files
        if not files:
            raise CheckError("Invalid AOF manifest file format: it names neither a base nor an increment")
        for number, one in enumerate(files):
            part = path.parent / one.name
            if one is manifest.base:
                print(f"Start to check BASE AOF ({'RDB' if has_preamble(part) else 'RESP'} format).")
            elif number == (1 if manifest.base else 0):
                print("Start to check INCR files.")
            self.file(part, "BASE AOF" if one is manifest.base else "INCR AOF", last=number == len(files) - 1)
        print("All AOF files and manifest are valid")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"{self.format_usage()}{message}")
        sys.exit(1)


def main(arguments: list[str] | None = None) -> int:
    """Check what the command-line arguments name; the exit code is 1 if it is damaged and stays so."""
    parser = _Parser(
        prog="redpoll-check-aof",
        description="Look through an append-only log of Redis, Valkey or Redpoll: give its manifest, or one file.",
    )
    parser.add_argument("file", metavar="FILE.manifest|FILE.aof", type=Path)
    how: Any = parser.add_mutually_exclusive_group()
    how.add_argument("--fix", action="store_true", help="cut off what is not whole at the end; asks before")
    how.add_argument("--truncate-to-timestamp", metavar="SECONDS", type=int, default=0,
                     help="cut off what was written after that Unix time (aof-timestamp-enabled)")  # fmt: skip
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(arguments)
    if options.truncate_to_timestamp < 0:
        parser.error("a time that is negative")
    check = Check(fix=options.fix, until=options.truncate_to_timestamp, sure=options.yes)
    try:
        if is_manifest(options.file):
            check.parts(options.file)
        else:
            check.single(options.file)
    except CheckError as error:
        print(error)
        return 1
    except OSError as error:
        print(f"Cannot open file {error.filename or options.file}: {error.strerror}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
