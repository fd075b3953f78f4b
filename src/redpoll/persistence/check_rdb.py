"""`redpoll-check-rdb`: look through whole RDB files of any version; tell what is in them or wrong with them."""

import argparse
import contextlib
import json
import os
import sys
import time
from collections import Counter
from typing import Any

from redpoll.engine.keyspace import Keyspace
from redpoll.persistence.rdb_reader import DamagedFile, KeyFacts, RdbReader

_LARGEST = 10


class Report:
    """What was found in a file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.keys = self.expires = self.expired = self.empty = 0
        self.databases: dict[int, Counter[str]] = {}
        self.types: dict[str, Counter[str]] = {}
        self.largest: list[KeyFacts] = []
        self.reader: Any = None
        self.error: DamagedFile | None = None

    def add(self, facts: KeyFacts, now_ms: int) -> None:
        """Count a key."""
        self.keys += 1
        database = self.databases.setdefault(facts.database, Counter())
        database["keys"] += 1
        if facts.type == "none":
            self.empty += 1
            return
        if facts.expiry >= 0:
            self.expires += 1
            database["expires"] += 1
            self.expired += facts.expiry < now_ms
        kind = self.types.setdefault(f"{facts.type} ({facts.encoding})", Counter())
        kind["keys"] += 1
        kind["elements"] += facts.elements
        kind["bytes"] += facts.bytes
        if len(self.largest) < _LARGEST or facts.bytes > self.largest[-1].bytes:
            self.largest = sorted([*self.largest, facts], key=lambda one: -one.bytes)[:_LARGEST]

    def as_json(self) -> dict[str, Any]:
        """All of it, in what JSON knows; names and keys that are no text have escapes."""
        reader, error = self.reader, self.error
        return {
            "file": self.path,
            "version": reader.version,
            "valkey": reader.valkey,
            "bytes": reader.position,
            "aux": {_text(name): _text(value) for name, value in reader.aux.items()},
            "functions": len(reader.functions),
            "keys": self.keys,
            "expires": self.expires,
            "expired": self.expired,
            "empty": self.empty,
            "databases": {str(index): dict(counts) for index, counts in sorted(self.databases.items())},
            "types": {name: dict(counts) for name, counts in sorted(self.types.items())},
            "largest": [facts._asdict() | {"key": _text(facts.key)} for facts in self.largest],
            "warnings": list(reader.warnings),
            "error": error
            and {
                "offset": error.offset,
                "reason": error.reason,
                "key": error.key if error.key is None else _text(error.key),
                "type": error.kind,
            },
        }


def check(path: str, now_ms: int, *, verifying: bool = True) -> Report:
    """Read a file whole. Raises `OSError`; what is wrong with it is in the report's `error`."""
    report = Report(path)
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        reader = RdbReader(Keyspace(1), file.fileno(), name=path, size=size, verifying=verifying, careful=True)
        report.reader = reader
        try:
            reader.open()
            while (facts := reader.step()) is not None:
                report.add(facts, now_ms)
        except DamagedFile as error:
            report.error = error
    return report


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _show(report: Report, statistics: bool) -> None:
    reader = report.reader
    maker = "VALKEY" if reader.valkey else "REDIS"
    print(f"[offset 0] Checking RDB file {report.path}")
    if reader.version:
        print(f"[info] {maker} RDB version {reader.version}")
    for name, value in reader.aux.items():
        print(f"[info] {_text(name)} = '{_text(value)}'")
    for warning in reader.warnings:
        print(f"[warning] {warning}")
    if report.error is not None:
        print(f"[offset {report.error.offset}] {report.error}")
        print(f"[info] {report.keys} whole keys were read before")
        print("RDB check failed. The file was not changed.")
    else:
        print(f"[offset {reader.position}] RDB looks OK")
        print(f"[info] {report.keys} keys read")
        print(f"[info] {report.expires} expires")
        print(f"[info] {report.expired} already expired")
    if not statistics:
        return
    for index, counts in sorted(report.databases.items()):
        print(f"[stats] db{index}: keys={counts['keys']},expires={counts['expires']}")
    for name, counts in sorted(report.types.items()):
        print(f"[stats] {name}: keys={counts['keys']},elements={counts['elements']},bytes={counts['bytes']}")
    for facts in report.largest:
        print(
            f"[stats] large: {facts.bytes} bytes, {facts.elements} elements, {facts.type}, "
            f"db{facts.database} {facts.key!r}"
        )


def main(arguments: list[str] | None = None) -> int:
    """Check files from command-line arguments; the exit code is 1 if one is damaged or cannot be read."""
    parser = argparse.ArgumentParser(
        prog="redpoll-check-rdb", description="Look through RDB files of Redis, Valkey and Redpoll, of any version."
    )
    parser.add_argument("files", metavar="FILE", nargs="+")
    parser.add_argument("--stats", action="store_true", help="tell of databases, types and the largest keys")
    parser.add_argument("--json", action="store_true", help="tell everything as JSON, one line a file")
    parser.add_argument("--no-checksum", action="store_true", help="do not compare the checksum at the end")
    options = parser.parse_args(arguments)
    failed = False
    with contextlib.suppress(BrokenPipeError):
        for path in options.files:
            try:
                report = check(path, int(time.time() * 1000), verifying=not options.no_checksum)
            except OSError as error:
                print(f"{path}: {error.strerror}", file=sys.stderr)
                failed = True
                continue
            failed |= report.error is not None
            if options.json:
                print(json.dumps(report.as_json()))
            else:
                _show(report, options.stats)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
