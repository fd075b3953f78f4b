"""The grammar of configuration files and of the command line.

    line    = blank | '#' comment | name { word }
    word    = bytes that may be quoted, see wire/quoting.py
    number  = digits [ b | k | kb | m | mb | g | gb ]      k, m, g count in 1000s, kb, mb, gb in 1024s

`include pattern` reads other files at that place.

On the command line, `--name word ...` is a line of its own, read after the file (the first
argument, when it does not begin with `-`) and after standard input (`-`, first or last).
"""

from __future__ import annotations

import os

from redpoll.wire.quoting import quote, split_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

_UNITS = {
    b"": 1,
    b"b": 1,
    b"k": 1000,
    b"kb": 1 << 10,
    b"m": 1000**2,
    b"mb": 1 << 20,
    b"g": 1000**3,
    b"gb": 1 << 30,
}
_INCLUDE_DEPTH = 32

COMMAND_LINE = "the command line"
STANDARD_INPUT = "standard input"


class ConfigError(Exception):
    """A configuration that cannot be loaded.

    `source` is a path, `COMMAND_LINE` or `STANDARD_INPUT`; `number` counts its lines from 1 and is 0,
    with an empty `line`, when the error lies in no line. `str()` is the whole text to print.
    """

    def __init__(self, reason: str, source: str = "", number: int = 0, line: bytes = b"") -> None:
        super().__init__(reason, source, number, line)
        self.reason = reason
        self.source = source
        self.number = number
        self.line = line

    def __str__(self) -> str:
        from redpoll.version import VERSION

        text = f"\n*** FATAL CONFIG FILE ERROR (Redpoll {VERSION}) ***\n"
        if self.number:
            text += f"In {self.source}, at line {self.number}\n>>> '{self.line.decode('utf-8', 'replace')}'\n"
        elif self.source:
            text += f"In {self.source}\n"
        return text + self.reason + "\n"


class Line:
    """One line that sets something: where it stands, its text without outer blanks, its words."""

    __slots__ = ("number", "source", "text", "words")

    def __init__(self, source: str, number: int, text: bytes, words: list[bytes]) -> None:
        self.source = source
        self.number = number
        self.text = text
        self.words = words

    def error(self, reason: str) -> ConfigError:
        """Return the error that points at this line."""
        return ConfigError(reason, self.source, self.number, self.text)


class CommandLine:
    """What the arguments ask for: a file or None, whether to read standard input, option lines."""

    __slots__ = ("file", "lines", "stdin")

    def __init__(self, file: str | None, stdin: bool, lines: list[bytes]) -> None:
        self.file = file
        self.stdin = stdin
        self.lines = lines


def parse_memory(text: bytes) -> int | None:
    """Read a size such as `512`, `64mb` or `1g` in bytes; None when it is none. No digits mean zero."""
    digits = text.rstrip(b"bkmgBKMG")
    unit = _UNITS.get(text[len(digits) :].lower())
    if unit is None or len(digits) > 127 or (digits and not digits.isdigit()):
        return None
    return int(digits or b"0") * unit


def format_memory(size: int) -> bytes:
    """Write a size with the largest unit that keeps it exact."""
    for unit, name in ((1 << 30, b"gb"), (1 << 20, b"mb"), (1 << 10, b"kb")):
        if size and size % unit == 0:
            return b"%d%s" % (size // unit, name)
    return b"%d" % size


def parse_command_line(arguments: list[str]) -> CommandLine:
    """Sort the arguments (without the program's name) into file, standard input and option lines.

    An argument that begins with `--` is an option's name, unless it follows a bare name, whose value it
    then is; only `--save` may go without a value, which says "never".
    """
    file = None
    rest = [os.fsencode(argument) for argument in arguments]
    if rest and not rest[0].startswith(b"-"):
        file = os.path.abspath(arguments[0])
    stdin = False
    lines: list[bytes] = []
    value_next = False
    last = len(rest) - 1
    for at, word in enumerate(rest):
        if at == 0 and file is not None:
            continue
        if word == b"-" and at in (0, last):
            stdin = True
        elif word.startswith(b"--") and not value_next:
            line = word[2:] + b" "
            words = split_words(word)
            value_next = words is not None and len(words) == 1
            if word.lower() == b"--save" and (at == last or rest[at + 1].startswith(b"--")):
                line += b'""'
                value_next = False
            lines.append(line)
        else:
            if not lines:
                lines.append(b"")
            lines[-1] += quote(word) + b" "
            value_next = False
    return CommandLine(file, stdin, lines)


def read_lines(source: str, text: Iterable[bytes], depth: int = 0) -> Iterator[Line]:
    """Yield the lines of a text that set something, those of included files in their place."""
    for number, raw in enumerate(text, 1):
        stripped = raw.strip(b" \t\r\n")
        if not stripped or stripped.startswith(b"#"):
            continue
        words = split_words(stripped)
        if words is None:
            raise ConfigError("Unbalanced quotes in configuration line", source, number, stripped)
        if not words:
            continue
        line = Line(source, number, stripped, words)
        if words[0].lower() == b"include" and len(words) == 2:
            if depth == _INCLUDE_DEPTH:
                raise line.error("Files include each other without end")
            for path in _included(os.fsdecode(words[1])):
                yield from read_lines(path, read_file(path), depth + 1)
        else:
            yield line


def _included(pattern: str) -> list[str]:
    if not any(sign in pattern for sign in "*?["):
        return [pattern]
    from glob import glob  # heavy, and rarely needed

    return sorted(glob(pattern))


def read_file(path: str) -> list[bytes]:
    """Return a configuration file's lines; raise ConfigError when it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read().split(b"\n")
    except OSError as error:
        raise ConfigError(f"can't open config file '{path}': {error.strerror}") from None


def read_all(command_line: CommandLine, stdin: BinaryIO | None) -> Iterator[Line]:
    """Yield every line the command line asks for: its file's, standard input's, then its options."""
    if command_line.file is not None:
        yield from read_lines(command_line.file, read_file(command_line.file))
    if command_line.stdin and stdin is not None:
        yield from read_lines(STANDARD_INPUT, stdin.read().split(b"\n"))
    yield from read_lines(COMMAND_LINE, command_line.lines)
