r"""How replies are written down in transcripts.

| reply             | written                                                            |
|-------------------|--------------------------------------------------------------------|
| status            | `+OK`; inside brackets `+"OK"`                                     |
| error             | `-ERR whole text`; inside brackets `-"ERR whole text"`             |
| integer           | `5` (or `(integer) 5`)                                             |
| bulk string       | `"text"`, with `\r \n \t \a \b \\ \" \xff`; `"x"*1000` repeats     |
| null              | `null`                                                             |
| null array        | `null-array`                                                       |
| array             | `["a", 1, null, ["b"]]`, over several lines if you like            |
| map               | `{"field": "value", "other": 2}`                                   |
| set               | `~["a", "b"]`                                                      |
| push message      | `>["message", "channel", "text"]`                                  |
| double            | `(double) 1.5`, compared by its text                               |
| boolean           | `true`, `false`                                                    |
| big number        | `(big) 12345678901234567890123`                                    |
| verbatim string   | `(verbatim txt) "text"`                                            |

Order counts everywhere, except after `any-order`, which may stand before an array, a map or a set, and
`any-order-pairs`, for an array of names and values one after the other.

Looser, where a reply cannot be known:

| pattern           | matches                                                            |
|-------------------|--------------------------------------------------------------------|
| `90..100`         | an integer within both                                             |
| `<near 1.5 0.01>` | a double, or a bulk string that is one, this near                  |
| `<re:[0-9a-f]+>`  | a status, error, bulk or verbatim string that is this, whole       |
| `<integer>` `<string>` `<array>` `<map>` `<double>` `<error>` | any of that type       |
| `<any>`           | any reply                                                          |
| `<length 3>`      | an array, set, map or bulk string of that length                   |
| `...`             | as an array's or a map's last item: any further items              |
| `<save name>`     | any reply; a later word `$name` sends it, `<same name>` expects it |

What only RESP3 has is matched in RESP2 by what stands for it there: a map by a flat array, a set and
a push by an array, a double, big number and verbatim string by a bulk string, a boolean by 1 or 0. In
RESP3, `null-array` is `null`. So one text serves both versions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.resp import NULL_ARRAY, BigNumber, Double, ErrorReply, Push, SetReply, Status, Verbatim

WIDTH = 100
_ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "a": b"\a", "b": b"\b", "\\": b"\\", '"': b'"', "'": b"'"}
_LETTERS = {value[0]: key for key, value in _ESCAPES.items() if key != "'"}
_TYPES: dict[str, Callable[[Any], bool]] = {
    "any": lambda _: True,
    "integer": lambda reply: isinstance(reply, int) and not isinstance(reply, bool),
    "string": lambda reply: isinstance(reply, bytes),
    "array": lambda reply: isinstance(reply, list),
    "map": lambda reply: isinstance(reply, dict),
    "double": lambda reply: isinstance(reply, Double),
    "error": lambda reply: isinstance(reply, ErrorReply),
}


class NotationError(Exception):
    """A text that is not an expectation; `position` is where, counted from the text's start."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


class Mismatch(Exception):
    """A reply that is not as expected; the text says where and how."""


@dataclass
class Context:
    """What a match depends on: the connection's protocol version, and the replies saved so far."""

    protocol: int = 2
    saved: dict[str, Any] = field(default_factory=dict)


# -- what may be expected ------------------------------------------------------


class Expected:
    """Something that a reply can be held against."""

    def match(self, reply: Any, context: Context, path: str = "") -> None:
        """Raise `Mismatch` when the reply is something else."""
        raise NotImplementedError


def _differs(expected: str, reply: Any, path: str) -> Mismatch:
    where = f"at {path}: " if path else ""
    return Mismatch(f"{where}expected {expected}, received {format_reply(reply, inside=True)}")


@dataclass
class Exact(Expected):
    """One reply without parts, compared by type and text."""

    value: Any

    def match(self, reply: Any, context: Context, path: str = "") -> None:
        """Compare with what the value is in the connection's protocol."""
        value = self.value
        if context.protocol == 3 and value is NULL_ARRAY:
            value = None
        if context.protocol == 2:
            value = _in_resp2(value)
        if _identity(value) != _identity(reply):
            raise _differs(format_reply(value, inside=True), reply, path)


def _in_resp2(value: Any) -> Any:
    match value:
        case Double():
            return value.text.encode()
        case bool():
            return int(value)
        case BigNumber():
            return str(int(value)).encode()
        case Verbatim():
            return bytes(value)
    return value


def _identity(value: Any) -> tuple:
    match value:
        case Double():
            return Double, value.text
        case Verbatim():
            return Verbatim, bytes(value), value.format
    return type(value), value


@dataclass
class Items(Expected):
    """An array, set or push, item by item; `kind` is list, SetReply or Push."""

    kind: type
    items: list[Expected]
    more: bool = False
    any_order: bool = False
    pairs: bool = False

    def match(self, reply: Any, context: Context, path: str = "") -> None:
        """Compare each item, or find a partner for each one."""
        kind = list if context.protocol == 2 else self.kind
        if type(reply) is not kind or not isinstance(reply, list):
            raise _differs(f"{_name_of(self.kind)} of {len(self.items)}", reply, path)
        short = len(reply) < len(self.items)
        if short or (len(reply) > len(self.items) and not self.more):
            where = f"at {path}: " if path else ""
            raise Mismatch(f"{where}expected {len(self.items)} items, received {len(reply)}")
        if self.pairs:
            expected = [Items(list, self.items[i : i + 2]) for i in range(0, len(self.items), 2)]
            _match_any_order(expected, [reply[i : i + 2] for i in range(0, len(reply), 2)], context, path)
        elif self.any_order:
            _match_any_order(self.items, reply, context, path)
        else:
            for index, (item, part) in enumerate(zip(self.items, reply, strict=False)):
                item.match(part, context, f"{path}[{index}]")


@dataclass
class Pairs(Expected):
    """A map, pair by pair."""

    pairs: list[tuple[Expected, Expected]]
    more: bool = False
    any_order: bool = False

    def match(self, reply: Any, context: Context, path: str = "") -> None:
        """Compare each pair; in RESP2 with the flat array."""
        if context.protocol == 2:
            flat = [part for pair in self.pairs for part in pair]
            Items(list, flat, self.more, pairs=self.any_order).match(reply, context, path)
            return
        if not isinstance(reply, dict):
            raise _differs(f"map of {len(self.pairs)}", reply, path)
        expected: list[Expected] = [Items(list, list(pair)) for pair in self.pairs]
        received = [[list(key) if isinstance(key, tuple) else key, value] for key, value in reply.items()]
        if len(received) < len(expected) or (len(received) > len(expected) and not self.more):
            where = f"at {path}: " if path else ""
            raise Mismatch(f"{where}expected a map of {len(expected)}, received one of {len(received)}")
        if self.any_order:
            _match_any_order(expected, received, context, path)
            return
        for (key, value), (found_key, found_value) in zip(self.pairs, received, strict=False):
            key.match(found_key, context, f"{path} key")
            value.match(found_value, context, f"{path}[{format_reply(found_key, inside=True)}]")


def _match_any_order(expected: list, received: list, context: Context, path: str) -> None:
    left = list(received)
    for item in expected:
        for index, part in enumerate(left):
            try:
                item.match(part, context)
            except Mismatch:
                continue
            del left[index]
            break
        else:
            where = f"at {path}: " if path else ""
            rest = ", ".join(format_reply(part, inside=True) for part in left[:10])
            raise Mismatch(f"{where}none of the received items is {describe(item)}; without partner: {rest}")


@dataclass
class Pattern(Expected):
    """A looser expectation: `text` is how it is written, `accepts` decides."""

    text: str
    accepts: Callable[[Any, Context], bool]

    def match(self, reply: Any, context: Context, path: str = "") -> None:
        """Ask `accepts`."""
        if not self.accepts(reply, context):
            raise _differs(self.text, reply, path)


def _name_of(kind: type) -> str:
    names: dict[type, str] = {list: "array", SetReply: "set", Push: "push"}
    return names[kind]


def describe(expected: Expected) -> str:
    """Return an expectation in a few words, for messages."""
    match expected:
        case Exact():
            return format_reply(expected.value, inside=True)
        case Pattern():
            return expected.text
        case Items():
            return "[" + ", ".join(describe(item) for item in expected.items) + "]"
        case Pairs():
            return "{" + ", ".join(f"{describe(key)}: {describe(value)}" for key, value in expected.pairs) + "}"
    return repr(expected)


# -- reading -------------------------------------------------------------------


def parse_quoted(text: str, position: int) -> tuple[bytes, int]:
    r"""Read a quoted string as redis-cli does, and `*N` after it; return it and the position behind.

    Double quotes know escapes, single quotes only `\'`.
    """
    quote, start = text[position], position
    position += 1
    out = bytearray()
    while position < len(text) and text[position] != quote:
        character = text[position]
        if character != "\\" or position + 1 == len(text):
            out += character.encode()
            position += 1
            continue
        escape = text[position + 1]
        if quote == "'":
            out += b"'" if escape == "'" else b"\\" + escape.encode()
            position += 2
        elif found := re.compile(r"x[0-9a-fA-F]{2}").match(text, position + 1):
            out.append(int(found[0][1:], 16))
            position += 4
        else:
            out += _ESCAPES.get(escape, escape.encode())
            position += 2
    if position >= len(text):
        raise NotationError("the quote is never closed", start)
    position += 1
    if times := re.compile(r"\*(\d+)").match(text, position):
        return bytes(out) * int(times[1]), times.end()
    return bytes(out), position


class _Reader:
    """Recursive descent over one text."""

    _SPACE = re.compile(r"\s*")
    _TOKEN = re.compile(r"[^\s,\]\}:]+")
    _RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)")
    _INTEGER = re.compile(r"(?:\(integer\) *)?([+-]?\d+)(?![\w.])")

    def __init__(self, text: str, position: int = 0) -> None:
        self.text = text
        self.position = position

    def skip_space(self) -> None:
        self.position = self._SPACE.match(self.text, self.position).end()  # type: ignore[union-attr]

    def take(self, literal: str) -> bool:
        if self.text.startswith(literal, self.position):
            self.position += len(literal)
            return True
        return False

    def take_re(self, pattern: re.Pattern) -> re.Match | None:
        if found := pattern.match(self.text, self.position):
            self.position = found.end()
        return found

    def fail(self, message: str) -> NotationError:
        return NotationError(message, self.position)

    def top(self) -> Expected:
        """One expectation that begins a line: statuses and errors reach to its end."""
        self.skip_space()
        for sign, kind in (("+", Status), ("-", ErrorReply)):
            after = self.text[self.position + 1 : self.position + 2]
            if self.text.startswith(sign, self.position) and after not in ('"', "<") and not after.isdigit():
                end = self.text.find("\n", self.position)
                end = len(self.text) if end < 0 else end
                line = self.text[self.position + 1 : end].rstrip(" ")
                self.position = end
                return Exact(kind(line))
        result = self.value()
        if found := re.compile(r"[ \t]*(.*)").match(self.text, self.position):
            if found[1]:
                raise self.fail(f"not understood: {found[1]!r}")
            self.position = found.end()
        return result

    def value(self) -> Expected:
        """One expectation, anywhere."""
        self.skip_space()
        if found := self.take_re(self._RANGE):
            low, high = int(found[1]), int(found[2])
            return Pattern(found[0], lambda reply, _: _TYPES["integer"](reply) and low <= reply <= high)
        if found := self.take_re(self._INTEGER):
            return Exact(int(found[1]))
        if self.text.startswith('"', self.position):
            return Exact(self.quoted())
        if self.take("any-order-pairs"):
            self.skip_space()
            items = self.items(list)
            items.pairs = True
            return items
        if self.take("any-order"):
            loose = self.value()
            if not isinstance(loose, Items | Pairs):
                raise self.fail("any-order stands before an array, a map or a set")
            loose.any_order = True
            return loose
        for prefix, kind in (("[", list), ("~[", SetReply), (">[", Push)):
            if self.text.startswith(prefix, self.position):
                self.position += len(prefix) - 1
                return self.items(kind)
        if self.take("{"):
            return self.pairs()
        if self.take("+"):
            return self.text_or_pattern(Status)
        if self.take("-"):
            return self.text_or_pattern(ErrorReply)
        if self.take("(double)"):
            return Exact(Double(self.token()))
        if self.take("(big)"):
            return Exact(BigNumber(self.token()))
        if found := self.take_re(re.compile(r"\(verbatim (...)\)\s*")):
            return Exact(Verbatim(self.quoted(), found[1]))
        if self.text.startswith("<", self.position):
            return self.pattern()
        words = {"null-array": NULL_ARRAY, "null": None, "true": True, "false": False}
        start, word = self.position, self.token()
        if word in words:
            return Exact(words[word])
        self.position = start
        raise self.fail(f"not a reply: {word!r}")

    def token(self) -> str:
        self.skip_space()
        if found := self.take_re(self._TOKEN):
            return found[0]
        raise self.fail("a reply is missing")

    def quoted(self) -> bytes:
        if not self.text.startswith('"', self.position):
            raise self.fail("a quoted string is missing")
        value, self.position = parse_quoted(self.text, self.position)
        return value

    def text_or_pattern(self, kind: type) -> Expected:
        if self.text.startswith("<", self.position):
            inner = self.pattern()
            sign = "+" if kind is Status else "-"
            return Pattern(
                sign + inner.text, lambda reply, context: isinstance(reply, kind) and inner.accepts(reply, context)
            )
        return Exact(kind(self.quoted().decode("utf-8", "surrogateescape")))

    def pattern(self) -> Pattern:
        start = self.position
        if self.take("<re:"):
            end = re.compile(r">(?=\s*($|[,\]}:\n]))").search(self.text, self.position)
            if not end:
                raise self.fail("the pattern is never closed")
            expression = self.text[self.position : end.start()]
            self.position = end.end()
            return Pattern(self.text[start : self.position], _expression(expression))
        found = self.take_re(re.compile(r"<([a-z]+)((?: [^\s>]+)*)>"))
        if not found:
            raise self.fail("not a pattern")
        name, words, text = found[1], found[2].split(), found[0]
        if name in _TYPES and not words:
            accepts = _TYPES[name]
            return Pattern(text, lambda reply, _: accepts(reply))
        if name == "near" and len(words) == 2:
            middle, width = float(words[0]), float(words[1])
            return Pattern(text, lambda reply, _: _is_near(reply, middle, width))
        if name == "length" and len(words) == 1:
            size = int(words[0])
            return Pattern(text, lambda reply, _: isinstance(reply, bytes | list | dict) and len(reply) == size)
        if name == "save" and len(words) == 1:
            return Pattern(text, lambda reply, context: context.saved.update({words[0]: reply}) is None)
        if name == "same" and len(words) == 1:
            return Pattern(text, lambda reply, context: _identity(context.saved.get(words[0])) == _identity(reply))
        raise self.fail(f"there is no pattern {text}")

    def items(self, kind: type) -> Items:
        if not self.take("["):
            raise self.fail("an array is missing")
        result = Items(kind, [])
        self.separated("]", result, lambda: result.items.append(self.value()))
        return result

    def pairs(self) -> Pairs:
        result = Pairs([])

        def pair() -> None:
            key = self.value()
            self.skip_space()
            if not self.take(":"):
                raise self.fail("`:` is missing between a map's key and value")
            result.pairs.append((key, self.value()))

        self.separated("}", result, pair)
        return result

    def separated(self, close: str, result: Items | Pairs, one: Callable[[], None]) -> None:
        self.skip_space()
        if self.take(close):
            return
        while True:
            self.skip_space()
            if self.take("..."):
                result.more = True
            else:
                one()
            self.skip_space()
            if self.take(","):
                self.skip_space()
                if result.more:
                    raise self.fail("`...` is the last item")
                if not self.take(close):
                    continue
                return
            if self.take(close):
                return
            raise self.fail(f"`,` or `{close}` is missing")


def _expression(expression: str) -> Callable[[Any, Context], bool]:
    compiled = re.compile(expression.encode(), re.DOTALL)

    def accepts(reply: Any, _: Context) -> bool:
        if isinstance(reply, str):
            reply = reply.encode("utf-8", "surrogateescape")
        return isinstance(reply, bytes) and compiled.fullmatch(reply) is not None

    return accepts


def _is_near(reply: Any, middle: float, width: float) -> bool:
    try:
        return isinstance(reply, Double | bytes) and abs(float(reply) - middle) <= width
    except ValueError:
        return False


def parse_replies(text: str) -> list[Expected]:
    """Read the expectations that stand one below the other in a text."""
    reader = _Reader(text)
    found = []
    reader.skip_space()
    while reader.position < len(text):
        found.append(reader.top())
        reader.skip_space()
    return found


# -- writing -------------------------------------------------------------------


def quote(data: bytes) -> str:
    """Return a string in double quotes, with escapes; UTF-8 letters stay as they are."""
    if len(data) > 64 and len(set(data)) == 1:
        return f"{quote(data[:1])}*{len(data)}"
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
        binary = True
    else:
        binary = False
    out = []
    for character in text:
        code = ord(character)
        if code in _LETTERS:
            out.append("\\" + _LETTERS[code])
        elif character.isprintable() and (character.isascii() or not binary):
            out.append(character)
        else:
            encoded = bytes([code]) if binary else character.encode()
            out += [f"\\x{byte:02x}" for byte in encoded]
    return '"' + "".join(out) + '"'


def format_reply(reply: Any, *, inside: bool = False, indent: int = 0) -> str:
    """Return a reply as it would be written in a transcript; `inside` brackets, statuses are quoted."""
    match reply:
        case Status() | ErrorReply():
            sign = "+" if isinstance(reply, Status) else "-"
            plain = not inside and reply.isprintable() and reply == reply.strip() and reply[:1] not in ('"', "<")
            return sign + (reply if plain else quote(reply.encode("utf-8", "surrogateescape")))
        case None:
            return "null"
        case bool():
            return "true" if reply else "false"
        case BigNumber():
            return f"(big) {int(reply)}"
        case Double():
            return f"(double) {reply.text}"
        case int():
            return str(reply)
        case Verbatim():
            return f"(verbatim {reply.format}) {quote(bytes(reply))}"
        case bytes():
            return quote(reply)
        case dict():
            pairs = [
                f"{format_reply(list(key) if isinstance(key, tuple) else key, inside=True, indent=indent + 2)}: "
                f"{format_reply(value, inside=True, indent=indent + 2)}"
                for key, value in reply.items()
            ]
            return _bracketed("{", pairs, "}", indent)
        case list():
            prefix = {SetReply: "~", Push: ">"}.get(type(reply), "")
            parts = [format_reply(item, inside=True, indent=indent + 2) for item in reply]
            return _bracketed(prefix + "[", parts, "]", indent)
    return "null-array" if reply is NULL_ARRAY else repr(reply)


def _bracketed(opening: str, parts: list[str], closing: str, indent: int) -> str:
    line = opening + ", ".join(parts) + closing
    if "\n" not in line and len(line) + indent <= WIDTH:
        return line
    space = " " * (indent + 2)
    return opening + "".join(f"\n{space}{part}," for part in parts) + "\n" + " " * indent + closing
