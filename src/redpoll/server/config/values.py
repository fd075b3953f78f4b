"""The types of directives' values: reading words, showing for CONFIG GET, writing for CONFIG REWRITE.

A type's `parse` raises `BadValue` with the reason alone; clients and operators see it with the
directive's name around it. The reasons' wording is part of the protocol.
"""

from __future__ import annotations

import os

from redpoll.server.config.grammar import format_memory, parse_memory
from redpoll.wire.quoting import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

INT_MAX = 2**31 - 1
INT_MIN = -(2**31)
UINT_MAX = 2**32 - 1
LONG_MAX = 2**63 - 1
LONG_MIN = -(2**63)

WRONG_WORD_COUNT = "wrong number of arguments"
_NOT_AN_INTEGER = "argument couldn't be parsed into an integer"
_NOT_OCTAL = "argument couldn't be parsed as an octal number"
_NOT_MEMORY = "argument must be a memory value"
_NOT_MEMORY_OR_PERCENT = "argument must be a memory or percent value"
_PERCENT_TOO_LARGE = "percentage argument must be less or equal to 100"
_NEGATIVE = "argument must be greater or equal to 0"
_MAX_BIND_ADDRESSES = 16


class BadValue(Exception):
    """A value that is refused; the argument says why. Change hooks raise it too."""


def to_text(word: bytes) -> str:
    """Decode bytes so that `to_bytes` gives them back, whatever they are."""
    return word.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """The inverse of `to_text`."""
    return text.encode("utf-8", "surrogateescape")


def parse_integer(word: bytes) -> int | None:
    """Read a signed 64-bit integer in its one canonical form; None when it is none."""
    digits = word[1:] if word[:1] == b"-" else word
    if not digits.isdigit() or len(digits) > 19 or (digits[:1] == b"0" and len(word) > 1):
        return None
    number = int(word)
    return number if LONG_MIN <= number <= LONG_MAX else None


class Type:
    """One word, and what is common to all types."""

    multiple = False  # takes any number of words; one word alone is cut at its spaces

    def parse(self, words: list[bytes]) -> Any:
        """Return the value that the words say, or raise BadValue."""
        raise NotImplementedError

    def merge(self, old: Any, new: Any, again: bool) -> Any:
        """Return what holds after `new` is set over `old`; `again` for a later line of the same load."""
        return new

    def show(self, value: Any) -> bytes:
        """Return the value as CONFIG GET answers it."""
        raise NotImplementedError

    def lines(self, value: Any, default: Any, present: bool) -> list[tuple[bytes, bool]]:
        """Return what follows the name on each line of a rewritten file, and whether it must be there.

        A line that need not be there only takes the place of one that is; `present` tells of any.
        """
        return [(self.show(value), value != default)]


class Bool(Type):
    """`yes` or `no`; a bool."""

    def parse(self, words: list[bytes]) -> bool:
        word = words[0].lower()
        if word not in (b"yes", b"no"):
            raise BadValue("argument must be 'yes' or 'no'")
        return word == b"yes"

    def show(self, value: bool) -> bytes:
        return b"yes" if value else b"no"


class Int(Type):
    """A decimal integer within a range; `clamp` narrows it silently; `unsigned` has its own refusal."""

    def __init__(self, low: int, high: int, *, unsigned: bool = False, clamp: tuple[int, int] | None = None) -> None:
        self.low = low
        self.high = high
        self.unsigned = unsigned
        self.clamp = clamp

    def parse(self, words: list[bytes]) -> int:
        number = parse_integer(words[0])
        if number is None:
            raise BadValue(_NOT_AN_INTEGER)
        return self.bound(number)

    def bound(self, number: int) -> int:
        """Return the number as it is kept, or raise BadValue when it is out of range."""
        if self.unsigned and not 0 <= number <= LONG_MAX:
            raise BadValue(_NEGATIVE)
        if not self.low <= number <= self.high:
            raise BadValue(f"argument must be between {self.low} and {self.high} inclusive")
        if self.clamp:
            number = min(max(number, self.clamp[0]), self.clamp[1])
        return number

    def show(self, value: int) -> bytes:
        return b"%d" % value


class Octal(Type):
    """File permissions, written in octal; an int."""

    def parse(self, words: list[bytes]) -> int:
        try:
            mode = int(words[0] or b"0", 8) if b"_" not in words[0] and b"o" not in words[0].lower() else None
        except ValueError:
            mode = None
        if mode is None:
            raise BadValue(_NOT_OCTAL)
        if mode < 0:
            raise BadValue(_NEGATIVE)
        if mode > 0o777:
            raise BadValue("argument must be between 0 and 777 inclusive")
        return mode

    def show(self, value: int) -> bytes:
        return b"%o" % value


class Memory(Int):
    """A size in bytes, with or without a unit; an int. A range from below zero takes plain negative numbers too."""

    def parse(self, words: list[bytes]) -> int:
        size = parse_memory(words[0])
        if size is None and self.low < 0:
            size = parse_integer(words[0])
        if size is None:
            raise BadValue(_NOT_MEMORY)
        return self.bound(size)

    def lines(self, value: int, default: int, present: bool) -> list[tuple[bytes, bool]]:
        return [(format_memory(value), value != default)]


class MemoryOrPercent(Type):
    """A size in bytes as an int, or a percentage of another size as a negative int."""

    def parse(self, words: list[bytes]) -> int:
        word = words[0]
        if word.endswith(b"%"):
            percent = parse_integer(word[:-1])
            if percent is None or percent < 0:
                raise BadValue(_NOT_MEMORY_OR_PERCENT)
            if percent > 100:
                raise BadValue(_PERCENT_TOO_LARGE)
            return -percent
        size = parse_memory(word)
        if size is None:
            raise BadValue(_NOT_MEMORY_OR_PERCENT)
        if size > LONG_MAX:
            raise BadValue(_PERCENT_TOO_LARGE)
        return size

    def show(self, value: int) -> bytes:
        return b"%d%%" % -value if value < 0 else b"%d" % value

    def lines(self, value: int, default: int, present: bool) -> list[tuple[bytes, bool]]:
        return [(self.show(value) if value < 0 else format_memory(value), value != default)]


class Enum(Type):
    """One name of several; a str. Those of `also` are taken too, but not offered."""

    def __init__(self, *names: str, also: tuple[str, ...] = ()) -> None:
        self.names = names
        self.accepted = names + also

    def parse(self, words: list[bytes]) -> Any:
        return self.one(words[0])

    def one(self, word: bytes) -> str:
        """Return the name that a word says, or raise BadValue."""
        name = to_text(word).lower()
        for accepted in self.accepted:
            if accepted.lower() == name:
                return accepted
        raise self.refusal()

    def refusal(self) -> BadValue:
        """Return the error that lists what may be said."""
        return BadValue("argument(s) must be one of the following: " + ", ".join(self.names))

    def show(self, value: Any) -> bytes:
        return to_bytes(value)


class Flags(Enum):
    """Several names at once; a tuple of str in declared order. The first name stands for none."""

    multiple = True

    def __init__(self, *names: str, also: tuple[str, ...] = (), check: Callable[[tuple[str, ...]], str | None]) -> None:
        super().__init__(*names, also=also)
        self.check = check

    def parse(self, words: list[bytes]) -> tuple[str, ...]:
        if not words:
            raise self.refusal()
        given = {self.one(word) for word in words}
        value = tuple(name for name in self.accepted[1:] if name in given)
        reason = self.check(value)
        if reason:
            raise BadValue(reason)
        return value

    def show(self, value: tuple[str, ...]) -> bytes:
        return to_bytes(" ".join(value or self.names[:1]))


class Text(Type):
    """One word; a str (`to_bytes` gives its bytes). `check` returns the reason to refuse it, or None.

    An empty value has no line in a rewritten file, unless `keep_empty`.
    """

    def __init__(self, check: Callable[[str], str | None] | None = None, *, keep_empty: bool = False) -> None:
        self.check = check
        self.keep_empty = keep_empty

    def parse(self, words: list[bytes]) -> Any:
        text = to_text(words[0].partition(b"\0")[0])
        reason = self.check(text) if self.check else None
        if reason:
            raise BadValue(reason)
        return text

    def show(self, value: Any) -> bytes:
        return to_bytes(value)

    def lines(self, value: Any, default: Any, present: bool) -> list[tuple[bytes, bool]]:
        if not value and not self.keep_empty:
            return []
        return [(quote(self.show(value)), value != default)]


class Secret(Text):
    """A password; bytes."""

    def parse(self, words: list[bytes]) -> bytes:
        return words[0]

    def show(self, value: bytes) -> bytes:
        return value


class Directory(Text):
    """A directory that exists; a str, made absolute."""

    def parse(self, words: list[bytes]) -> str:
        path = to_text(words[0].partition(b"\0")[0])
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_DIRECTORY))
        except OSError as error:
            raise BadValue(error.strerror or str(error)) from None
        return os.path.realpath(path)

    def lines(self, value: str, default: str, present: bool) -> list[tuple[bytes, bool]]:
        return [(quote(to_bytes(value)), True)]


class Addresses(Type):
    """Addresses to listen on, `-` before one whose absence is fine; a tuple of str."""

    multiple = True

    def parse(self, words: list[bytes]) -> tuple[str, ...]:
        if len(words) > _MAX_BIND_ADDRESSES:
            raise BadValue("Too many bind addresses specified.")
        return tuple(map(to_text, words))

    def show(self, value: tuple[str, ...]) -> bytes:
        return to_bytes(" ".join(value))

    def lines(self, value: tuple[str, ...], default: tuple[str, ...], present: bool) -> list[tuple[bytes, bool]]:
        return [(self.show(value) or b'""', value != default)]


class SavePoints(Type):
    """Pairs of seconds and changes; a tuple of pairs. Lines of one file add up, an empty one clears."""

    multiple = True

    def parse(self, words: list[bytes]) -> tuple[tuple[int, int], ...]:
        numbers = []
        for at, word in enumerate(words):
            number = int(word) if word.isdigit() else -1
            if number < (1 if at % 2 == 0 else 0) or number > (LONG_MAX if at % 2 == 0 else INT_MAX):
                raise BadValue("Invalid save parameters")
            numbers.append(number)
        if len(numbers) % 2:
            raise BadValue("Invalid save parameters")
        return tuple(zip(numbers[::2], numbers[1::2], strict=True))

    def merge(self, old: Any, new: Any, again: bool) -> Any:
        return old + new if again and new else new

    def show(self, value: tuple[tuple[int, int], ...]) -> bytes:
        return b" ".join(b"%d %d" % point for point in value)

    def lines(self, value: Any, default: Any, present: bool) -> list[tuple[bytes, bool]]:
        needed = present or value != default
        return [(b"%d %d" % point, needed) for point in value] or [(b'""', needed)]


class BufferLimits(Type):
    """Output buffer limits of client classes; a dict of class to (hard, soft, seconds), sizes in bytes."""

    multiple = True
    classes = ("normal", "slave", "pubsub")

    def parse(self, words: list[bytes]) -> dict[str, tuple[int, int, int]]:
        if len(words) % 4:
            raise BadValue("Wrong number of arguments in buffer limit configuration.")
        limits = {}
        for at in range(0, len(words), 4):
            name = to_text(words[at]).lower()
            name = "slave" if name == "replica" else name
            if name not in self.classes:
                raise BadValue("Invalid client class specified in buffer limit configuration.")
            hard, soft = parse_memory(words[at + 1]), parse_memory(words[at + 2])
            seconds = int(words[at + 3]) if words[at + 3].isdigit() else -1
            if hard is None or soft is None or not 0 <= seconds <= INT_MAX:
                raise BadValue("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
            limits[name] = (hard, soft, seconds)
        return limits

    def merge(self, old: Any, new: Any, again: bool) -> Any:
        return {**old, **new}

    def show(self, value: dict[str, tuple[int, int, int]]) -> bytes:
        return b" ".join(b"%s %d %d %d" % (name.encode(), *value[name]) for name in self.classes)

    def lines(self, value: Any, default: Any, present: bool) -> list[tuple[bytes, bool]]:
        result = []
        for name in self.classes:
            hard, soft, seconds = value[name]
            shown = b"replica" if name == "slave" else name.encode()
            line = b"%s %s %s %d" % (shown, format_memory(hard), format_memory(soft), seconds)
            result.append((line, present or value[name] != default[name]))
        return result


class OomScores(Type):
    """Three scores, for master, replica and child; a tuple of int."""

    multiple = True

    def parse(self, words: list[bytes]) -> tuple[int, ...]:
        if len(words) != 3:
            raise BadValue(WRONG_WORD_COUNT)
        scores = tuple(parse_integer(word) for word in words)
        result = tuple(score for score in scores if score is not None and -2000 <= score <= 2000)
        if len(result) != 3:
            raise BadValue("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
        return result

    def show(self, value: tuple[int, ...]) -> bytes:
        return b"%d %d %d" % value


class Percentiles(Type):
    """Percentiles from 0 to 100; a tuple of float."""

    multiple = True

    def parse(self, words: list[bytes]) -> tuple[float, ...]:
        return tuple(map(self.one, words))

    def one(self, word: bytes) -> float:
        """Read one percentile."""
        number = None
        if not set(word) & set(b"_ \t\n\r\v\f"):
            try:
                number = float(word)
            except ValueError:
                pass
        if number is None or number != number:
            raise BadValue("Invalid latency-tracking-info-percentiles parameters")
        if not 0 <= number <= 100:
            raise BadValue("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
        return number

    def show(self, value: tuple[float, ...]) -> bytes:
        return b" ".join((b"%f" % number).rstrip(b"0").rstrip(b".") for number in value)

    def lines(self, value: tuple[float, ...], default: tuple[float, ...], present: bool) -> list[tuple[bytes, bool]]:
        return [(self.show(value) or b'""', value != default)]


# Keyspace event classes and their bits; `A` is every class of _EVENT_ALL.
EVENT_CLASSES = {
    "K": 1 << 0,
    "E": 1 << 1,
    "g": 1 << 2,
    "$": 1 << 3,
    "l": 1 << 4,
    "s": 1 << 5,
    "h": 1 << 6,
    "z": 1 << 7,
    "x": 1 << 8,
    "e": 1 << 9,
    "t": 1 << 10,
    "m": 1 << 11,
    "d": 1 << 13,
    "n": 1 << 14,
    "o": 1 << 15,
    "c": 1 << 16,
    "S": 1 << 19,
    "T": 1 << 20,
    "I": 1 << 21,
    "V": 1 << 22,
    "a": 1 << 23,
}
_EVENT_ALL = sum(EVENT_CLASSES[letter] for letter in "g$lshzxetda")


class Events(Type):
    """Classes of keyspace events, a letter each; an int of the bits of EVENT_CLASSES."""

    def parse(self, words: list[bytes]) -> int:
        bits = 0
        for letter in to_text(words[0]):
            bit = _EVENT_ALL if letter == "A" else EVENT_CLASSES.get(letter)
            if bit is None:
                raise BadValue("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
            bits |= bit
        return bits

    def show(self, value: int) -> bytes:
        letters = "A" if value & _EVENT_ALL == _EVENT_ALL else self.letters(value, "g$lshzxetdanoc")
        return (letters + self.letters(value, "KESTIVm")).encode()

    @staticmethod
    def letters(value: int, among: str) -> str:
        """Return those of the letters whose bit is set."""
        return "".join(letter for letter in among if value & EVENT_CLASSES[letter])

    def lines(self, value: int, default: int, present: bool) -> list[tuple[bytes, bool]]:
        return [(quote(self.show(value)), value != default)]


class Primary(Type):
    """The server to replicate; a pair of host and port, or None."""

    multiple = True

    def parse(self, words: list[bytes]) -> tuple[str, int] | None:
        if len(words) != 2:
            raise BadValue(WRONG_WORD_COUNT)
        if [word.lower() for word in words] == [b"no", b"one"]:
            return None
        port = parse_integer(words[1])
        if port is None or not 0 <= port <= 65535:
            raise BadValue("Invalid master port")
        return to_text(words[0]), port

    def show(self, value: tuple[str, int] | None) -> bytes:
        return b"%s %d" % (to_bytes(value[0]), value[1]) if value else b""

    def lines(self, value: Any, default: Any, present: bool) -> list[tuple[bytes, bool]]:
        return [(self.show(value), True)] if value else []


class Words(Type):
    """Words that another room reads; a tuple of tuples of bytes, one a line. Only files hold them."""

    multiple = True

    def __init__(self, least: int, most: int) -> None:
        self.least = least
        self.most = most

    def parse(self, words: list[bytes]) -> tuple[tuple[bytes, ...], ...]:
        return (tuple(words),)

    def merge(self, old: Any, new: Any, again: bool) -> Any:
        return old + new

    def show(self, value: Any) -> bytes:
        raise BadValue("not a value to show")


class CommandNames(Words):
    """Names of commands with the new ones that they get; a tuple of pairs of bytes."""

    def __init__(self) -> None:
        super().__init__(2, 2)

    def merge(self, old: Any, new: Any, again: bool) -> Any:
        # Each must fit what those before have left, as it will when a server takes them.
        from redpoll import commands
        from redpoll.commands import declare

        commands.load()
        try:
            declare.renamed(old + new)
        except ValueError as error:
            raise BadValue(str(error)) from None
        return old + new


def file_name(directive: str, what: str = "filename", *, may_be_empty: bool = False) -> Callable[[str], str | None]:
    """Return the check that a value names something in the working directory, without a path."""

    def check(text: str) -> str | None:
        if not text and not may_be_empty:
            return f"{directive} can't be empty"
        return f"{directive} can't be a path, just a {what}" if "/" in text else None

    return check


def preload_file(text: str) -> str | None:
    """Refuse what does not name a file with its kind."""
    kind, colon, path = text.partition(":")
    if text and not (colon and path and kind in ("rdb", "aof")):
        return "preload-file must be rdb:<path> or aof:<path>"
    return None


def host_name(text: str) -> str | None:
    """Refuse what cannot be a host's name."""
    if len(text) > 255:
        return "Hostnames must be less than 256 characters"
    if any(not (sign.isascii() and sign.isalnum()) and sign not in "-." for sign in text):
        return "Hostnames may only contain alphanumeric characters, hyphens or dots"
    return None


def ip_address(version: int) -> Callable[[str], str | None]:
    """Return the check for an address of IP version 4 or 6, or nothing."""

    def check(text: str) -> str | None:
        from socket import AF_INET, AF_INET6, inet_pton

        try:
            if text:
                inet_pton(AF_INET if version == 4 else AF_INET6, text)
        except (OSError, ValueError):
            return f"Invalid IPv{version} address"
        return None

    return check


def no_save_conflict(value: tuple[str, ...]) -> str | None:
    """Refuse a shutdown that is to save and not to save."""
    if "save" in value and "nosave" in value:
        return "shutdown options SAVE and NOSAVE can't be used simultaneously"
    return None


TITLE_VARIABLES = ("title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file")
# These are never empty; a title that could turn out empty is refused.
_TITLE_SURE = ("listen-addr", "port", "tls-port")


def title_template(text: str) -> str | None:
    """Refuse a process title with unknown variables or with nothing in it. `{{` is a brace."""
    left = ""
    while text:
        before, brace, text = text.partition("{")
        left += before
        if not brace:
            break
        if text.startswith("{"):
            left += "{"
            text = text[1:]
            continue
        name, closed, text = text.partition("}")
        if not closed or name not in TITLE_VARIABLES:
            return "template format is invalid or contains unknown variables"
        left += name if name in _TITLE_SURE else ""
    return None if left.strip() else "template format is invalid or contains unknown variables"


def words_of(value: bytes) -> list[bytes]:
    """Cut the one value of a multi-word directive at each space; nothing is no word."""
    return value.split(b" ") if value else []
