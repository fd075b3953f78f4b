"""Commands as people write them, made the bytes that go out, and the places in them that change.

| in a word          | becomes                                                                        |
|--------------------|--------------------------------------------------------------------------------|
| `__rand_int__`     | twelve digits, others each time (with `-r`; else it stays as it is)            |
| `__rand_1st__` …   | twelve digits that are the same wherever the word stands in one sequence       |
| `__data__`         | a value of the size that `-d` gives                                            |
| `__field:name__`   | a column of the data set                                                       |
| `{tag}`            | in a cluster: what sends the key to the connection's node                      |
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from redpoll.cli.replies import encode

ORDINALS = ("1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th")
_SLOTS = {b"__rand_int__": 0} | {f"__rand_{name}__".encode(): number for number, name in enumerate(ORDINALS, 1)}
_PLACE = re.compile(rb"__rand_(?:int|%b)__" % "|".join(ORDINALS).encode())
_FIELD = re.compile(rb"__field:([^_]+(?:_[^_]+)*)__")


@dataclass(frozen=True)
class Unit:
    """Commands that are always sent together."""

    text: bytes
    commands: int
    places: list[tuple[int, int]] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)


def data(size: int) -> bytes:
    """Return the value of that size that `redis-benchmark` sends (ANSI C's example of a generator, from 1234)."""
    state, made = 1234, bytearray(size)
    for index in range(size):
        state = (state * 1103515245 + 12345) & 0xFFFFFFFF
        made[index] = 0x30 + ((state >> 16) & 63)
    return bytes(made)


def unit(commands: Sequence[Sequence[bytes]], value: bytes, *, inline: bytes | None = None) -> Unit:
    """Return commands, each a list of words, as one unit; `inline` is a request that is sent as it stands."""
    if inline is not None:
        return Unit(inline, 1)
    text = b"".join(encode([word.replace(b"__data__", value) for word in words]) for words in commands)
    places = [(found.start(), _SLOTS[found.group()]) for found in _PLACE.finditer(text)]
    tags = [found.start() for found in re.finditer(rb"\{tag\}", text)]
    return Unit(text, len(commands), places, tags)


def split_sequence(words: Sequence[bytes]) -> list[list[bytes]]:
    """Return the commands of a sequence: `;` stands between them, a number before one says how often it is sent.

    Raises `ValueError` for a command without words or a number that is none.
    """
    commands: list[list[bytes]] = []
    for command in _split(words):
        times = 1
        if command and re.fullmatch(rb"\d+", command[0]):
            times, command = int(command[0]), command[1:]
        if not command or not times:
            raise ValueError("a command of the sequence is empty")
        commands += [command] * times
    return commands


def _split(words: Sequence[bytes]) -> list[list[bytes]]:
    parts: list[list[bytes]] = [[]]
    for word in words:
        if word == b";":
            parts.append([])
        else:
            parts[-1].append(word)
    if len(parts) > 1 and not parts[-1]:
        del parts[-1]
    return parts


def fields_in(commands: Sequence[Sequence[bytes]]) -> list[str]:
    """Return the names of the data set's columns that commands ask for."""
    found = (name for words in commands for word in words for name in _FIELD.findall(word))
    return list(dict.fromkeys(name.decode("utf-8", "surrogateescape") for name in found))


def with_fields(commands: Sequence[Sequence[bytes]], record: dict[str, bytes]) -> list[list[bytes]]:
    """Return commands with the columns of one record in their places."""

    def value(found: re.Match[bytes]) -> bytes:
        return record[found[1].decode("utf-8", "surrogateescape")]

    return [[_FIELD.sub(value, word) for word in words] for words in commands]
