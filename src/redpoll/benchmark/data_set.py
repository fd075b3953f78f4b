"""Records from a file, for `__field:name__`.

CSV and TSV have the columns' names in their first line; a `.tsv` is split at tabs. In XML each element of the name
that `--xml-root-element` gives is a record, and the elements in it, at any depth, are its columns (the
first of a name counts).
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path

from redpoll.benchmark.options import Options, Stop


def records(options: Options, wanted: list[str]) -> list[dict[str, bytes]]:
    """Return all records with the wanted columns, at most as many as the options say. Raises `Stop`."""
    path = Path(options.data_set)
    try:
        rows = _xml(path, options.data_set_root) if path.suffix.lower() == ".xml" else _table(path)
        found = [
            {name: _value(row, name, path) for name in wanted}
            for row in itertools.islice(rows, options.most_records or None)
        ]
    except OSError as problem:
        raise Stop(f"Cannot read {path}: {problem.strerror}\n", 1) from None
    if not found:
        raise Stop(f"{path} has no records.\n", 1)
    return found


def _value(row: dict[str, str], name: str, path: Path) -> bytes:
    if name not in row:
        there = ", ".join(row) or "none"
        raise Stop(f"{path} has no field {name}; there are: {there}\n", 1)
    return (row[name] or "").encode("utf-8", "surrogateescape")


def _table(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        if path.suffix.lower() == ".tsv":
            yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        else:
            yield from csv.DictReader(file)


def _xml(path: Path, root: str) -> Iterator[dict[str, str]]:
    from xml.etree import ElementTree

    if not root:
        raise Stop("A data set of XML needs --xml-root-element.\n", 1)
    try:
        for _, element in ElementTree.iterparse(path):
            if element.tag.rpartition("}")[2] != root:
                continue
            row: dict[str, str] = {}
            for inner in element.iter():
                row.setdefault(inner.tag.rpartition("}")[2], "".join(inner.itertext()))
            yield row
            element.clear()
    except ElementTree.ParseError as problem:
        raise Stop(f"{path} is no XML: {problem}\n", 1) from None
