r"""Regular expressions as `ARGREP … RE` takes them, made programs for `engine/expression`.

They are POSIX's extended ones over bytes, with what the TRE library adds, as Redis takes it:

    .  ^  $  |  ( )           as everywhere; a line's end is a byte like any other, `)` alone is itself
    *  +  ?  {2}  {2,}  {,3}  repeated; a `?` behind means the shortest match, which changes nothing here; two others in
                              a row are refused; with nothing before it, nothing is repeated
    [a-z] [^…] [[:alpha:]]    sets; a backslash stands for itself in them
    \t \n \r \f \a \e         control bytes
    \w \W \s \S \d \D         letters, digits and the underscore; white space; digits; and the others
    \b \B \< \>               at an edge of a word, not at one, at its start, at its end
    \x41 \x{41}               a byte by its number
    (?i) (?n) (?-i) (?:…)     ignoring case, `.` no line's end, for the rest of the group; a group that only groups
    (?#…)                     a comment

References back to a group are refused: matching takes all ways at once and remembers none.
"""

from collections.abc import Callable
from typing import NamedTuple

from redpoll import errors
from redpoll.engine.expression import Expression
from redpoll.errors import CommandError

REPEATED_MOST = 255
STEPS_MOST = 20000
DEPTH_MOST = 100

_SET, _FORK, _GO, _FOUND, _AT_START, _AT_END, _EDGE, _NO_EDGE, _WORD_START, _WORD_END = range(10)
_ALL = (1 << 256) - 1
_CONTROLS = {b"t": 9, b"n": 10, b"r": 13, b"f": 12, b"a": 7, b"e": 27}
_TESTS = {b"b": _EDGE, b"B": _NO_EDGE, b"<": _WORD_START, b">": _WORD_END}


def _set_of(rule: Callable[[int], bool]) -> int:
    return sum(1 << byte for byte in range(256) if rule(byte))


def _range(low: int, high: int) -> int:
    return (1 << (high + 1)) - (1 << low)


_UPPER, _LOWER, _DIGIT = _range(65, 90), _range(97, 122), _range(48, 57)
_SPACE = _range(9, 13) | 1 << 32
_GRAPH = _range(33, 126)
_ALNUM = _UPPER | _LOWER | _DIGIT
_CLASSES = {
    b"alnum": _ALNUM,
    b"alpha": _UPPER | _LOWER,
    b"cntrl": _range(0, 31) | 1 << 127,
    b"digit": _DIGIT,
    b"graph": _GRAPH,
    b"lower": _LOWER,
    b"print": _GRAPH | 1 << 32,
    b"punct": _GRAPH & ~_ALNUM,
    b"space": _SPACE,
    b"upper": _UPPER,
    b"xdigit": _DIGIT | _range(65, 70) | _range(97, 102),
}
_SHORTHANDS = {
    b"w": _ALNUM | 1 << 95,
    b"W": _ALL & ~(_ALNUM | 1 << 95),
    b"s": _SPACE,
    b"S": _ALL & ~_SPACE,
    b"d": _DIGIT,
    b"D": _ALL & ~_DIGIT,
}


class _Node(NamedTuple):
    """`kind` is set, test, row, choice or repeat; `number` the set or the test; `bounds` may have None: no end."""

    kind: str
    number: int = 0
    parts: "tuple[_Node, ...]" = ()
    bounds: tuple[int, int | None] = (1, 1)


_NOTHING = _Node("row")


def compile_expression(pattern: bytes, nocase: bool) -> Expression:
    """The program of a pattern; raises the error reply of one that is none."""
    if not pattern:
        raise CommandError(errors.EXPRESSION_EMPTY)
    steps: list[tuple[int, int, int]] = []
    sets: dict[int, int] = {}
    _Writer(steps, sets).write(_Parser(pattern, nocase).whole())
    steps.append((_FOUND, 0, 0))
    return Expression(steps, list(sets))


def _fail(problem: str) -> CommandError:
    return CommandError(errors.bad_expression(problem))


def _folded(members: int) -> int:
    """With the other case of every letter."""
    return members | (members & _LOWER) >> 32 | (members & _UPPER) << 32


class _Parser:
    """Reads a pattern; `at` is the next byte."""

    def __init__(self, pattern: bytes, nocase: bool) -> None:
        self.pattern = pattern
        self.at = 0
        self.nocase = nocase
        self.lines = False
        self.depth = 0
        self.groups = 0
        self.referred = -1

    def whole(self) -> _Node:
        node = self.choice()
        # What refers to a group is only known to be wrong at the end, as the group may follow.
        if self.referred > self.groups:
            raise _fail("Invalid back reference")
        if self.referred >= 0:
            raise CommandError(errors.EXPRESSION_REFERENCE)
        return node

    def peek(self) -> bytes:
        return self.pattern[self.at : self.at + 1]

    def take(self, byte: bytes) -> bool:
        if self.peek() != byte:
            return False
        self.at += 1
        return True

    def choice(self) -> _Node:
        ways = [self.row()]
        while self.take(b"|"):
            ways.append(self.row())
        return ways[0] if len(ways) == 1 else _Node("choice", parts=tuple(ways))

    def row(self) -> _Node:
        parts = []
        while (byte := self.peek()) and byte != b"|" and not (byte == b")" and self.depth):
            parts.append(self.repeated(_NOTHING if byte in b"*+?{" else self.atom()))
        return _Node("row", parts=tuple(parts))

    def repeated(self, node: _Node) -> _Node:
        while (byte := self.peek()) and byte in b"*+?{":
            self.at += 1
            bounds = {b"*": (0, None), b"+": (1, None), b"?": (0, 1)}.get(byte) or self.bounds()
            if self.peek() in (b"*", b"+"):
                raise _fail("Invalid use of repetition operators")
            self.take(b"?")
            node = _Node("repeat", parts=(node,), bounds=bounds)
        return node

    def bounds(self) -> tuple[int, int | None]:
        start = self.at
        least = most = self.number()
        if self.take(b","):
            least = max(least, 0)
            most = self.number()
        if 0 <= most < least:
            raise _fail("Invalid contents of {}")
        if max(least, most) > REPEATED_MOST:
            raise _fail("Maximum repetition in {} larger than 255")
        while self.peek() in (b" ", b","):
            self.at += 1
        if not self.peek():
            raise _fail("Missing '}'")
        if self.at == start or not self.take(b"}"):
            raise _fail("Invalid contents of {}")
        return (1, 1) if least < 0 else (least, most if most >= 0 else None)

    def number(self) -> int:
        start = self.at
        while self.peek().isdigit():
            self.at += 1
        return int(self.pattern[start : self.at][:5] or b"-1")

    def atom(self) -> _Node:
        byte = self.peek()
        self.at += 1
        if byte == b"(":
            if self.take(b"?"):
                return self.extension()
            self.groups += 1
            return self.group()
        if byte == b".":
            return _Node("set", _ALL & ~(1 << 10) if self.lines else _ALL)
        if byte == b"^":
            return _Node("test", _AT_START)
        if byte == b"$":
            return _Node("test", _AT_END)
        if byte == b"[":
            return self.brackets()
        if byte == b"\\":
            return self.escaped()
        members = 1 << byte[0]
        return _Node("set", _folded(members) if self.nocase else members)

    def group(self) -> _Node:
        self.depth += 1
        if self.depth > DEPTH_MOST:
            raise _fail("Out of memory")
        node = self.choice()
        self.depth -= 1
        if not self.take(b")"):
            raise _fail("Missing ')'")
        return node

    def extension(self) -> _Node:
        """What follows `(?`: settings for the rest of the group around it, or up to the end of one of its own."""
        before = self.nocase, self.lines
        on = grouping = True
        while not self.take(b":"):
            letter = self.peek()
            self.at += 1
            if letter == b"i":
                self.nocase = on
            elif letter == b"n":
                self.lines = on
            elif letter == b"-":
                on = False
            elif letter == b"#":
                end = self.pattern.find(b")", self.at)
                if end < 0:
                    raise _fail("Invalid regexp")
                self.at = end + 1
                grouping = False
                break
            elif letter == b")":
                grouping = False
                break
            elif letter not in (b"r", b"U"):
                raise _fail("Invalid regexp")
        node = self.group() if grouping else self.choice()
        self.nocase, self.lines = before
        return node

    def escaped(self) -> _Node:
        byte = self.peek()
        if not byte:
            raise _fail("Trailing backslash")
        self.at += 1
        if byte in _CONTROLS:
            return _Node("set", 1 << _CONTROLS[byte])
        if byte in _SHORTHANDS:
            return _Node("set", _SHORTHANDS[byte])
        if byte in _TESTS:
            return _Node("test", _TESTS[byte])
        if byte == b"x":
            return _Node("set", self.numbered())
        if byte.isdigit():
            self.referred = max(self.referred, int(byte))
            return _NOTHING
        return _Node("set", 1 << byte[0])

    def numbered(self) -> int:
        """The byte behind `\\x`; a number that no byte has is a set of none."""
        if not self.take(b"{"):
            digits = self.hexadecimal(2)
            return 1 << int(digits or b"0", 16)
        digits = self.hexadecimal(len(self.pattern))[:8]
        if not self.take(b"}"):
            raise _fail("Missing '}'")
        number = int(digits or b"0", 16)
        return 1 << number if number < 256 else 0

    def hexadecimal(self, most: int) -> bytes:
        start = self.at
        while self.at - start < most and self.peek() and self.peek() in b"0123456789abcdefABCDEF":
            self.at += 1
        return self.pattern[start : self.at]

    def brackets(self) -> _Node:
        negated = self.take(b"^")
        first = self.at
        members = 0
        while not (self.peek() == b"]" and self.at > first):
            if not self.peek():
                raise _fail("Missing ']'")
            members |= self.bracketed(first)
        self.at += 1
        if self.nocase:
            members = _folded(members)
        return _Node("set", _ALL & ~members if negated else members)

    def bracketed(self, first: int) -> int:
        """A range, a class or a byte between brackets."""
        low, dash, high = (self.pattern[self.at + i : self.at + i + 1] for i in range(3))
        if dash == b"-" and high not in (b"", b"]"):
            if low > high:
                raise _fail("Invalid character range")
            self.at += 3
            return _range(low[0], high[0])
        if low == b"[" and dash in (b".", b"="):
            raise _fail("Unknown collating element")
        if low == b"[" and dash == b":":
            end = self.pattern.find(b":", self.at + 2)
            name = self.pattern[self.at + 2 : end] if end >= 0 else b""
            if self.pattern[end + 1 : end + 2] != b"]" or name not in _CLASSES:
                raise _fail("Unknown character class name")
            self.at = end + 2
            return _CLASSES[name]
        if low == b"-" and self.at != first and dash not in (b"", b"]"):
            # Two ranges cannot share an end.
            raise _fail("Invalid character range")
        self.at += 1
        return 1 << low[0]


def _may_be_empty(node: _Node) -> bool:
    if node.kind == "set":
        return False
    if node.kind == "choice":
        return any(map(_may_be_empty, node.parts))
    if node.kind == "repeat":
        return node.bounds[0] == 0 or _may_be_empty(node.parts[0])
    return all(map(_may_be_empty, node.parts))


class _Writer:
    """Lays nodes out as steps."""

    def __init__(self, steps: list[tuple[int, int, int]], sets: dict[int, int]) -> None:
        self.steps = steps
        self.sets = sets

    def step(self, operation: int, one: int = 0, two: int = 0) -> int:
        if len(self.steps) >= STEPS_MOST:
            raise _fail("Out of memory")
        self.steps.append((operation, one, two))
        return len(self.steps) - 1

    def write(self, node: _Node) -> None:
        if node.kind == "set":
            self.step(_SET, self.sets.setdefault(node.number, len(self.sets)))
        elif node.kind == "test":
            self.step(node.number)
        elif node.kind == "row":
            for part in node.parts:
                self.write(part)
        elif node.kind == "choice":
            self.choice(node.parts)
        else:
            self.repeat(node.parts[0], *node.bounds)

    def choice(self, ways: tuple[_Node, ...]) -> None:
        ends = []
        for way in ways[:-1]:
            fork = self.step(_FORK)
            self.write(way)
            ends.append(self.step(_GO))
            self.steps[fork] = (_FORK, fork + 1, len(self.steps))
        self.write(ways[-1])
        for end in ends:
            self.steps[end] = (_GO, len(self.steps), 0)

    def repeat(self, node: _Node, least: int, most: int | None) -> None:
        # What may match nothing is gone through once: tests in it have to hold, however often it is asked for.
        if least == 0 and most != 0 and _may_be_empty(node):
            least = 1
        for _ in range(least):
            self.write(node)
        if most is None:
            fork = self.step(_FORK)
            self.write(node)
            self.step(_GO, fork)
            self.steps[fork] = (_FORK, fork + 1, len(self.steps))
            return
        forks = []
        for _ in range(most - least):
            forks.append(self.step(_FORK))
            self.write(node)
        for fork in forks:
            self.steps[fork] = (_FORK, fork + 1, len(self.steps))
