"""The files of an append-only log run through dispatch, and what becomes of one that does not end whole."""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING, Any

from redpoll.persistence.append_only import ManifestError, parse
from redpoll.persistence.log_reader import goes_on_behind
from redpoll.server.replay import BadLog, Replay

if TYPE_CHECKING:
    from pathlib import Path

_COMMANDS_A_SLICE = 2000
_MAGICS = (b"REDIS", b"VALKE")


class LogError(Exception):
    """The log cannot be loaded or opened; the text says where, why and what to do."""


def load_file(server: Any, path: Path, *, last: bool, cutting: bool = True) -> None:
    """Run one file, RDB first if it begins so. Raises `LogError`.

    Only the `last` one may end torn, and is cut then, unless it is not ours to change (`cutting`).
    """
    try:
        file = open(path, "rb")  # noqa: SIM115 closed below
    except OSError as error:
        raise LogError(f"The AOF file {path} cannot be opened: {error.strerror}") from error
    with file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            return
        offset = 0
        if file.read(5) in _MAGICS:
            offset = server.persistence.load_rdb(path, may_go_on=True)
            if offset >= size:
                return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            _replay(server, path, data, offset, size, last, cutting)


def load_elsewhere(server: Any, path: Path) -> None:
    """Load a log that is not this server's own: its directory, its manifest, or a single file. Raises `LogError`."""
    try:
        if path.is_dir():
            manifests = sorted(path.glob("*.manifest"))
            if len(manifests) != 1:
                raise LogError(f"{path} holds {len(manifests)} manifests; name the one that is meant")
            path = manifests[0]
        if path.suffix != ".manifest":
            load_file(server, path, last=True, cutting=False)
            return
        manifest = parse(path.read_text(encoding="utf-8", errors="surrogateescape"), str(path))
    except (ManifestError, OSError) as error:
        raise LogError(f"The append-only log {path} cannot be read: {error}") from error
    files = manifest.files
    for number, one in enumerate(files):
        load_file(server, path.parent / one.name, last=number == len(files) - 1, cutting=False)


def _replay(server: Any, path: Path, data: mmap.mmap, offset: int, size: int, last: bool, cutting: bool) -> None:
    replay = Replay(server.dispatcher, data, offset)
    problem = ""
    try:
        delayed = server.config.key_load_delay > 0
        while replay.run(1 if delayed else _COMMANDS_A_SLICE):
            server.persistence.progress(replay.offset)
            if delayed:
                server.persistence.pause_loading()
    except BadLog as error:
        problem = str(error)
        if error.unknown:
            raise LogError(
                f"Unknown command '{problem}' reading the append only file {path}, at offset {error.offset}. It was "
                "written by a server that knows more. Nothing was changed."
            ) from error
    finally:
        whole, reached = replay.whole, replay.offset
        replay.close()
    server.log.notice(f"{path.name}: {replay.commands} commands")
    if whole == size:
        return
    config = server.config
    if not problem and reached < size and goes_on_behind(data, reached):
        problem = "a length there reaches over whole commands that follow"
    if problem:
        small_enough = last and 0 < size - reached <= config.aof_load_corrupt_tail_max_size
        if not small_enough:
            raise LogError(
                f"Bad file format reading the append only file {path}: damaged at offset {reached}: {problem}. "
                "Nothing was changed. Make a copy, then "
                f"`redpoll-check-aof --fix {path}` cuts the file there; everything behind is lost then."
            )
    elif not last or not config.aof_load_truncated:
        raise LogError(
            f"Unexpected end of file reading the append only file {path}: it ends in the middle of a command, its last "
            f"whole one ends at offset {whole} of {size}. "
            + (
                "Only the last file of a log may end so: "
                if not last
                else "With `aof-load-truncated yes` the rest is cut off; or "
            )
            + f"make a copy, then `redpoll-check-aof --fix {path}`."
        )
    if not cutting:
        server.log.warning(f"{path}: the last {size - whole} bytes are no whole command; they are left out.")
        return
    server.log.warning(f"{path}: the last {size - whole} bytes are no whole command; the file is cut at {whole}.")
    with open(path, "r+b") as file:
        file.truncate(whole)
        os.fsync(file.fileno())
