"""The grammar of usage lines, and what follows from one: argument tree, arity and key specs.

A usage line is written as people read it in the reference, with a few marks for what its words
do not tell. The marks vanish where the line is shown (`plain`).

    key                       a placeholder; its type follows from its name (`PLACEHOLDERS`)
    min:string                ... unless it is said
    NX  *  ""                 a token, sent as it stands (`""` is the empty string)
    COUNT count               a token with its value; LIMIT offset count: a token with a block
    [ a ]                     optional
    < a | b >   [ a | b ]     one of them; each side may be several words
    ( a b )                   a block that is shown without its parentheses; it also ends what a token takes
    a [a ...]                 once or more; a b [a b ...] is a repeated block
    [PREFIX a [PREFIX a ...]] ... with the token each time
    a ...                     the same, for what is too long to be said twice
    x=name                    the name in `COMMAND DOCS`, of a placeholder, token, choice or block
    x#1                       belongs to key spec 1 though it is no key (`SORT`'s patterns)

A token takes all values up to the next token, optional part or end. Names of choices and blocks that
recur stand in `GROUP_NAMES`; others are made of their parts unless named.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class UsageError(ValueError):
    """A usage line that cannot be read."""


#: Placeholder names by type; others go by how they begin and end (`placeholder_type`).
PLACEHOLDERS: dict[str, str] = {
    "key": "key newkey destination source destkey sourcekey dst src",
    "integer": (
        "bit bits client-id cluster-bus-port config-epoch count cursor db decrement destination-db end end-slot "
        "entries-added entries-read frequency idle increment index index1 index2 len limit maxage milliseconds "
        "min-match-len ms not-client-id not-db num-matches num-vertices offset port protover rank seconds slot start "
        "start-slot stop timeout ttl version weight"
    ),
    "double": "height latitude longitude max min radius score width",
}
_TYPE_OF = {name: kind for kind, names in PLACEHOLDERS.items() for name in names.split()}
TYPES = ("key", "string", "integer", "double", "pattern", "unix-time")

#: The usual name of a choice (its parts joined by `|`) or of a block (by a space).
GROUP_NAMES: dict[str, str] = {
    "NX|XX": "condition",
    "NX|XX|GT|LT": "condition",
    "FNX|FXX": "condition",
    "KEEPREF|DELREF|ACKED": "condition",
    "EX|PX|EXAT|PXAT|KEEPTTL": "expiration",
    "EX|PX|EXAT|PXAT|PERSIST": "expiration",
    "ASYNC|SYNC": "flush-type",
    "ASC|DESC": "order",
    "BYTE|BIT": "unit",
    "M|KM|FT|MI": "unit",
    "ON|OFF": "enabled",
    "LEFT|RIGHT": "where",
    "MIN|MAX": "where",
    "BEFORE|AFTER": "where",
    "BYSCORE|BYLEX": "sortby",
    "MAXLEN|MINID": "strategy",
    "=|~": "operator",
    "offset count": "limit",
    "field value": "data",
    "key value": "data",
    "parameter value": "data",
    "score member": "data",
    "longitude latitude member": "data",
}

#: Names of the tokens that are no words.
_SIGNS = {"": "empty-string", "=": "equal", "~": "approximately", "*": "auto-id", "$": "new-id"}

_LEXEME = re.compile(r'\.\.\.|[\[\]<>()|]|""|[^\s\[\]<>()|]+')
_TOKEN = re.compile(r"[A-Z][A-Z0-9_-]*|[=~*$]")
_WORD = re.compile(
    r"(?P<shown>[=~*$]|[A-Za-z][\w:-]*?)(?::(?P<type>"
    + "|".join(TYPES)
    + r"))?(?:=(?P<name>[a-z0-9-]+))?(?:#(?P<spec>\d+))?"
)
_GROUP_NAME = re.compile(r"=[a-z0-9-]+")
_MARKS = re.compile(
    r"(?<=[\]>)])=[a-z0-9-]+|(?<=[\w\"*$~-]):(?:" + "|".join(TYPES) + r")(?![\w-])|(?<=[\w\"*$~-])=[a-z0-9-]+|#\d+|[()]"
)
_CLOSERS = frozenset("]>)|")


def plain(usage: str) -> str:
    """The usage line as it is shown, without marks."""
    return _MARKS.sub("", usage)


def placeholder_type(name: str) -> str:
    """The type of a placeholder by its name."""
    if name in _TYPE_OF:
        return _TYPE_OF[name]
    if re.fullmatch(r"key\d", name):
        return "key"
    if name.startswith("unix-time"):
        return "unix-time"
    if name.startswith("num") and len(name) > 3:
        return "integer"
    if name.endswith("pattern"):
        return "pattern"
    return "string"


class Argument:
    """A node of the argument tree; `kind` is one of `TYPES`, `pure-token`, `oneof` or `block`."""

    __slots__ = (
        "arguments",
        "bare",
        "deprecated_since",
        "key_spec",
        "kind",
        "multiple",
        "multiple_token",
        "name",
        "named",
        "optional",
        "shown",
        "since",
        "token",
    )

    def __init__(
        self,
        name: str,
        kind: str,
        *,
        shown: str = "",
        token: str | None = None,
        key_spec: int | None = None,
        arguments: "list[Argument] | None" = None,
        bare: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.shown = shown
        self.token = token
        self.key_spec = key_spec
        self.arguments: list[Argument] = arguments or []
        self.optional = self.multiple = self.multiple_token = False
        self.since: str | None = None
        self.deprecated_since: str | None = None
        # Parsing only: a token that may take the values after it, and a group whose name was given.
        self.bare = bare
        self.named = False

    @property
    def label(self) -> str:
        """What it is called in the names of groups: its token, or its name."""
        return self.name if self.token is None else self.token

    @property
    def flags(self) -> list[str]:
        """Its flags as `COMMAND DOCS` lists them."""
        return [name for name in ("optional", "multiple", "multiple_token") if getattr(self, name)]

    def width(self) -> tuple[int, bool]:
        """How many words it takes at least, and whether it never takes more."""
        words, fixed = 0 if self.token is None else 1, True
        if self.kind == "oneof":
            widths = [argument.width() for argument in self.arguments]
            least = max(1, min(width for width, _ in widths))
            fixed = all(width == least and fixed for width, fixed in widths)
            words += least
        elif self.kind == "block":
            least, fixed = total_width(self.arguments)
            words += least
        elif self.kind != "pure-token":
            words += 1
        return (0, False) if self.optional else (words, fixed and not self.multiple)

    def walk(self) -> Iterator["Argument"]:
        """Itself and all below it."""
        yield self
        for argument in self.arguments:
            yield from argument.walk()


def total_width(arguments: Sequence[Argument]) -> tuple[int, bool]:
    """How many words they take at least, and whether never more."""
    widths = [argument.width() for argument in arguments]
    return sum(width for width, _ in widths), all(fixed for _, fixed in widths)


def parse(usage: str) -> list[Argument]:
    """The argument tree of a usage line without the command's name.

    Raises `UsageError` with the place of the mistake.
    """
    return _Parser(usage).whole()


class _Item(NamedTuple):
    argument: Argument
    words: list[str]


class _Parser:
    """Reads one usage line; `_at` is the next lexeme."""

    def __init__(self, usage: str) -> None:
        self._usage = usage
        self._lexemes = _LEXEME.findall(usage)
        self._at = 0

    def whole(self) -> list[Argument]:
        arguments = self._sequence()
        if self._at < len(self._lexemes):
            self._fail("has nothing to close here")
        return arguments

    def _fail(self, problem: str) -> None:
        place = " ".join(self._lexemes[self._at : self._at + 4]) or "its end"
        raise UsageError(f"usage {self._usage!r} {problem}: {place}")

    def _next(self) -> str:
        return self._lexemes[self._at] if self._at < len(self._lexemes) else ""

    def _sequence(self) -> list[Argument]:
        items: list[_Item] = []
        while (lexeme := self._next()) and lexeme not in _CLOSERS:
            start = self._at
            self._at += 1
            if lexeme == "...":
                if not items:
                    self._fail("repeats nothing")
                items[-1].argument.multiple = True
                continue
            if lexeme == "[":
                if self._repeats(items, start):
                    continue
                argument = self._group("]")
                argument.optional = True
            elif lexeme == "<":
                argument = self._group(">")
            elif lexeme == "(":
                argument = self._group(")")
            else:
                argument = self._word(lexeme)
            items.append(_Item(argument, self._plain_words(start, self._at)))
        return _take_values([item.argument for item in items])

    def _group(self, closer: str) -> Argument:
        alternatives = [self._sequence()]
        while self._next() == "|":
            self._at += 1
            alternatives.append(self._sequence())
        if self._next() != closer:
            self._fail(f"wants a {closer!r}")
        self._at += 1
        for alternative in alternatives:
            if not alternative:
                self._fail("has an empty part before")
        if len(alternatives) == 1:
            argument = _block(alternatives[0])
        else:
            choices = [_block(alternative) for alternative in alternatives]
            argument = Argument(_group_name(choices, "|"), "oneof", arguments=choices)
        if _GROUP_NAME.fullmatch(self._next()):
            argument.name = self._next()[1:]
            argument.named = True
            self._at += 1
        argument.bare = False
        return argument

    def _word(self, lexeme: str) -> Argument:
        if lexeme == '""':
            return Argument(_SIGNS[""], "pure-token", token="", bare=True)
        match = _WORD.fullmatch(lexeme)
        if match is None:
            self._at -= 1
            self._fail("has a word that is neither token nor placeholder")
            raise AssertionError
        shown, kind, name, spec = match.group("shown", "type", "name", "spec")
        if _TOKEN.fullmatch(shown):
            default = _SIGNS.get(shown, shown.lower())
            return Argument(name or default, "pure-token", token=shown, bare=name is None)
        return Argument(
            name or shown, kind or placeholder_type(shown), shown=shown, key_spec=None if spec is None else int(spec)
        )

    def _repeats(self, items: list[_Item], start: int) -> bool:
        """After `[`: take in `[a b ...]` if it repeats the last items, and mark them."""
        end = self._matching(start)
        if self._lexemes[end - 1] != "...":
            return False
        words = self._plain_words(start + 1, end - 1)
        for count in range(1, len(items) + 1):
            tail = items[-count:]
            if [word for item in tail for word in item.words] != words:
                continue
            token_repeats = tail[0].argument.bare
            argument = _block(_take_values([item.argument for item in tail]))
            argument.multiple = True
            argument.multiple_token = token_repeats and count > 1
            items[-count:] = [_Item(argument, words)]
            self._at = end + 1
            return True
        return False

    def _matching(self, start: int) -> int:
        depth = 0
        for at in range(start, len(self._lexemes)):
            depth += (self._lexemes[at] == "[") - (self._lexemes[at] == "]")
            if not depth:
                return at
        self._fail("wants a ']'")
        raise AssertionError

    def _plain_words(self, start: int, end: int) -> list[str]:
        return plain(" ".join(self._lexemes[start:end]).replace(" =", "=")).split()


def _take_values(arguments: list[Argument]) -> list[Argument]:
    """Give every token the values that follow it."""
    taken: list[Argument] = []
    at = 0
    while at < len(arguments):
        argument = arguments[at]
        at += 1
        if argument.bare:
            argument.bare = False
            values = []
            while at < len(arguments) and not arguments[at].optional and arguments[at].token is None:
                values.append(arguments[at])
                at += 1
            if values:
                value = _block(values)
                if value.arguments and not value.named:
                    value.name = argument.name
                value.token = argument.token
                argument = value
        taken.append(argument)
    return taken


def _block(arguments: list[Argument]) -> Argument:
    if len(arguments) == 1:
        return arguments[0]
    for argument in arguments:
        argument.bare = False
    return Argument(_group_name(arguments, " "), "block", arguments=arguments)


def _group_name(arguments: list[Argument], joint: str) -> str:
    labels = [argument.label for argument in arguments]
    return GROUP_NAMES.get(joint.join(labels)) or "-".join(label.lower() for label in labels if label)


# -- key specs -----------------------------------------------------------------------------------


class KeySpec:
    """Where a command's keys are, and what it does to them.

    `begin` is `("index", position)`, `("keyword", word, start)` or `("unknown",)`; `find` is
    `("range", last, step, limit)`, `("keynum", number_at, first, step)` or `("unknown",)`, as in `COMMAND INFO`.
    """

    __slots__ = ("begin", "find", "flags")

    def __init__(
        self,
        begin: tuple[str, ...] | tuple[str, int] | tuple[str, str, int],
        find: tuple[str, ...] | tuple[str, int, int, int],
    ) -> None:
        self.begin = begin
        self.find = find
        self.flags: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether it is a range from a fixed position."""
        return self.begin[0] == "index" and self.find[0] == "range"


KEY_FLAGS = ("RO", "RW", "OW", "RM", "access", "update", "insert", "delete", "not_key", "incomplete", "variable_flags")
_SETTINGS = ("index", "last", "step", "startfrom")
_NUMBERED = re.compile(r"key\d")


class _Found(NamedTuple):
    argument: Argument
    spec: KeySpec


def key_specs(arguments: Sequence[Argument], first: int, access: Sequence[str]) -> list[KeySpec]:
    """Derive key specs, and number the arguments with theirs.

    `first` is how many words the name has. `access` holds what is done to the keys of each spec, such as
    `RW access update`; it may also say `unknown`, `index:N`, `last:N`, `step:N` or `startfrom:N` where
    the usage line cannot tell where the keys are. An `index:N` beyond the derived specs makes one.
    """
    found: list[_Found] = []
    taken = {argument.key_spec for top in arguments for argument in top.walk() if argument.key_spec is not None}
    specs: dict[int, KeySpec] = {number: KeySpec(("unknown",), ("unknown",)) for number in taken if number is not None}
    _find_keys(arguments, first, True, None, 0, found)
    previous: _Found | None = None
    for each in found:
        argument, spec = each.argument, each.spec
        if previous is not None and _joins(previous, each):
            last = previous.spec.find[1]
            assert isinstance(last, int)
            previous.spec.find = ("range", last + 1, 1, 0)
            argument.key_spec = previous.argument.key_spec
            continue
        argument.key_spec = next(number for number in range(len(specs) + 1) if number not in specs)
        specs[argument.key_spec] = spec
        previous = each
    for number, words in enumerate(access):
        spec = specs.setdefault(number, KeySpec(("unknown",), ("unknown",)))
        _apply(spec, words.split())
    return [specs[number] for number in sorted(specs)]


def _joins(before: _Found, after: _Found) -> bool:
    return bool(_NUMBERED.fullmatch(before.argument.shown) and _NUMBERED.fullmatch(after.argument.shown))


def _apply(spec: KeySpec, words: list[str]) -> None:
    settings = {name: int(value) for name, colon, value in (word.partition(":") for word in words) if colon}
    if "unknown" in words:
        spec.begin, spec.find = ("unknown",), ("unknown",)
    if "index" in settings:
        spec.begin, spec.find = ("index", settings["index"]), ("range", 0, 1, 0)
    if "startfrom" in settings:
        spec.begin = ("keyword", str(spec.begin[1]), settings["startfrom"])
    if "last" in settings or "step" in settings:
        _, last, step, limit = spec.find
        spec.find = ("range", settings.get("last", int(last)), settings.get("step", int(step)), int(limit))
    spec.flags = tuple(flag for flag in KEY_FLAGS if flag in words)


def check_access(words: str) -> None:
    """Raise `UsageError` unless `words` is a valid entry of `access`."""
    for word in words.split():
        name, colon, value = word.partition(":")
        if word in KEY_FLAGS or word == "unknown" or (colon and name in _SETTINGS and value.lstrip("-").isdigit()):
            continue
        raise UsageError(f"unknown word {word!r} in keys {words!r}; known: {' '.join(KEY_FLAGS)} unknown, or index:N …")


def _find_keys(
    arguments: Sequence[Argument], position: int, fixed: bool, keyword: str | None, after: int, found: list[_Found]
) -> bool:
    """Collect the keys among `arguments`, the first of which stands at `position` (at least, unless `fixed`).

    `after` is how many words follow them all. Returns whether what follows still stands at a fixed position.
    """
    for at, argument in enumerate(arguments):
        rest = after + total_width(arguments[at + 1 :])[0]
        start = position + (argument.token is not None)
        token = keyword if at == 0 else None
        if argument.token is not None:
            token = argument.token
        begin: tuple[str, int] | tuple[str, str, int]
        begin = ("keyword", token, position) if token else ("index", start)
        counted = at > 0 and arguments[at - 1].shown == "numkeys"
        if argument.kind == "key":
            if argument.key_spec is None:
                found.append(_Found(argument, _spec(begin, argument, arguments[at:], counted, 1, rest)))
        elif argument.kind == "oneof":
            for choice in argument.arguments:
                _find_keys([choice], start, fixed, token, rest, found)
        elif argument.kind == "block":
            if argument.multiple and argument.arguments[0].kind == "key":
                step = total_width(argument.arguments)[0]
                inner = argument.arguments[0]
                found.append(_Found(inner, _spec(begin, argument, [], counted, step, rest)))
            else:
                if token and argument.token:
                    start = position
                _find_keys(argument.arguments, start, fixed, argument.token, rest, found)
        width, same = argument.width()
        position += width
        fixed = fixed and same
    return fixed


def _spec(
    begin: tuple[str, int] | tuple[str, str, int],
    argument: Argument,
    siblings: Sequence[Argument],
    counted: bool,
    step: int,
    rest: int,
) -> KeySpec:
    if counted:
        position = begin[1]
        assert isinstance(position, int)
        return KeySpec(("index", position - 1), ("keynum", 0, 1, step))
    if not argument.multiple:
        return KeySpec(begin, ("range", 0, 1, 0))
    parallel = sum(1 for sibling in siblings if sibling.multiple)
    if parallel > 1 and begin[0] == "keyword":
        return KeySpec(begin, ("range", -1, step, parallel))
    return KeySpec(begin, ("range", -1 - rest, step, 0))


def legacy_range(specs: Sequence[KeySpec]) -> tuple[int, int, int]:
    """First key, last key and step, of the specs at fixed positions that adjoin; zeros if there are none."""
    first = last = step = 0
    for spec in specs:
        if not spec.plain:
            continue
        begin = int(spec.begin[1])
        reach, stride = int(spec.find[1]), int(spec.find[2])
        end = reach if reach < 0 else begin + reach
        if not first:
            first, last, step = begin, end, stride
        elif last >= 0 and begin == last + 1 and stride == step == 1:
            last = end
    return first, last, step
