"""Declarations: one a command, on its function, from which all that is known of the command derives.

`command` decorates plain handlers, `declare` takes compiled ones, `container` a word with subcommands
(which brings its `HELP`). Each makes a `Command` in `REGISTRY`. The import looks a declaration over, but derives
nothing: hundreds of commands would take longer than a program that asks for two or three wants to wait. What dispatch
needs is derived when a command is first called, the rest when somebody asks. Usage lines: `usage.py`.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from redpoll import errors
from redpoll.commands import flags as flag_table
from redpoll.commands import usage as grammar
from redpoll.errors import CommandError

KeyPlace = tuple[int, tuple[str, ...]]
#: Finds keys where the usage line cannot tell: takes all words, returns positions with key flags.
KeyFinder = Callable[[Sequence[bytes]], list[KeyPlace]]
_Handler = TypeVar("_Handler", bound=Callable[..., Any])


#: What a declaration may say of the words that are channels.
CHANNELS = ("", "first", "all", "patterns")
_NUMBERS = itertools.count()


class DeclarationError(Exception):
    """A declaration that cannot be right; stops the import."""


class Command:
    """What is known of one command; made by `command`, `declare` and `container` only.

    `name` is lower case, `container|sub` for a subcommand. `subcommands` maps lower-case second words. `number` is its
    own in this process, and small.
    """

    def __init__(
        self,
        name: str,
        usage: str,
        handler: Any,
        *,
        summary: str,
        group: str,
        since: str,
        flags: int = 0,
        complexity: str = "",
        keys: tuple[str, ...] = (),
        find_keys: KeyFinder | None = None,
        channels: str = "",
        categories: str = "",
        tips: str = "",
        added: Mapping[str, str] | None = None,
        dropped: Mapping[str, str] | None = None,
        history: Sequence[tuple[str, str]] = (),
        deprecated: str = "",
        replaced_by: str = "",
        syscmd: bool = False,
        module: str = "",
        arity: int | None = None,
        parent: "Command | None" = None,
    ) -> None:
        self.number = next(_NUMBERS)
        self.name = name
        self.usage = usage
        self.handler = handler
        self.summary = summary
        self.group = group
        self.since = since
        self.complexity = complexity
        self.keys = keys
        self.find_keys = find_keys
        self.channels = channels
        self.category_changes = categories
        self.tips = tuple(tips.split())
        self.added = added or {}
        self.dropped = dropped or {}
        self.own_history = tuple(history)
        self.deprecated = deprecated
        self.replaced_by = replaced_by
        self.syscmd = syscmd
        self.module = module
        self.parent = parent
        self.is_container = False
        self.subcommands: dict[str, Command] = {}
        self.words = 1 if parent is None else 2
        self.declared_flags = flags
        self.declared_arity = arity

    def __repr__(self) -> str:
        return f"<Command {self.name}>"

    @cached_property
    def _scanned(self) -> tuple[int, tuple[int, int, int], bool]:
        try:
            return _scan(self)
        except grammar.UsageError as error:
            raise DeclarationError(f"{self.full_name}: {error}") from None

    @property
    def arity(self) -> int:
        """How many words a request has; negative if more may follow."""
        return self._scanned[0] if self.declared_arity is None else self.declared_arity

    @property
    def first_key(self) -> int:
        """The word that is the first key; 0 without one at a fixed place."""
        return self._scanned[1][0]

    @property
    def last_key(self) -> int:
        """The word that is the last key, counted from the end if negative; 0 without one at a fixed place."""
        return self._scanned[1][1]

    @property
    def key_step(self) -> int:
        """How many words further the next key is."""
        return self._scanned[1][2]

    @property
    def movable_keys(self) -> bool:
        """Whether `get_keys` finds more keys than those at fixed places."""
        return self._scanned[2]

    @cached_property
    def flags(self) -> int:
        """All flags: those declared, and what the usage line says."""
        return self.declared_flags | (flag_table.MOVABLE_KEYS if self.movable_keys else 0)

    @property
    def full_name(self) -> str:
        """The name as it is typed, in capitals."""
        return self.name.replace("|", " ").upper()

    @property
    def syntax(self) -> str:
        """The usage line as it is shown."""
        return grammar.plain(self.usage)

    @cached_property
    def _tree(self) -> tuple[list[grammar.Argument], list[grammar.KeySpec]]:
        try:
            arguments = grammar.parse(" ".join(self.usage.split()[self.words :]))
        except grammar.UsageError as error:
            raise DeclarationError(f"{self.full_name}: {error}") from None
        specs = grammar.key_specs(arguments, self.words, self.keys)
        for spec in specs:
            if not spec.flags and self.declared_flags & flag_table.READONLY:
                spec.flags = ("RO", "access")
        for version, names in self.added.items():
            for argument in self._named(arguments, version, names):
                argument.since = version
        for version, names in self.dropped.items():
            for argument in self._named(arguments, version, names):
                argument.deprecated_since = version
        return arguments, specs

    def _named(self, arguments: list[grammar.Argument], version: str, names: str) -> list[grammar.Argument]:
        everything = [argument for top in arguments for argument in top.walk()]
        found = []
        for name in names.split():
            same = [argument for argument in everything if name in (argument.name, argument.token)]
            if not same:
                raise DeclarationError(f"{self.full_name}: version {version} names {name!r}, which the usage has not")
            found.append(same[0])
        return found

    @property
    def arguments(self) -> list[grammar.Argument]:
        """The argument tree, as in `COMMAND DOCS`."""
        return self._tree[0]

    @property
    def key_specs(self) -> list[grammar.KeySpec]:
        """Where its keys are, as in `COMMAND INFO`."""
        return self._tree[1]

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """ACL categories without `@`, in reply order."""
        changes, with_group = self.category_changes, not self.is_container or self.handler is not None
        if self.parent is not None:
            changes = f"{self.parent.category_changes} {changes}"
        return flag_table.categories(self.declared_flags, self.group, changes, with_group=with_group)

    @property
    def history(self) -> list[tuple[str, str]]:
        """Versions with what they changed: the arguments they added, and what else the declaration tells."""
        changes = [(version, f"Added {_enumerate(names)}.") for version, names in self.added.items()]
        changes += self.own_history
        return sorted(changes, key=lambda change: [int(part) for part in change[0].split(".")])

    def check(self) -> None:
        """Derive everything, so that whatever is wrong raises `DeclarationError`."""
        scanned, derived = _scan(self), _from_tree(self)
        if scanned != derived and not self.is_container:
            raise DeclarationError(f"{self.full_name}: its words give {scanned}, its tree {derived}")
        for spec in self.key_specs:
            if not spec.flags:
                raise DeclarationError(f"{self.full_name}: say what it does to its keys, as in keys='RW update'")
        if len(self.keys) > len(self.key_specs):
            raise DeclarationError(f"{self.full_name}: more entries in keys than key specs")
        assert self.categories is not None
        assert self.flags & self.declared_flags == self.declared_flags


REGISTRY: dict[str, Command] = {}


def command(usage: str, **details: Any) -> Callable[[_Handler], _Handler]:
    """Declare the decorated plain handler; `details` as for `declare`, `summary` from the docstring's first line."""

    def decorate(handler: _Handler) -> _Handler:
        summary = (handler.__doc__ or "").strip().partition("\n")[0]
        declare(usage, handler, summary=summary, **details)
        return handler

    return decorate


def declare(
    usage: str,
    handler: Any,
    *,
    summary: str,
    since: str,
    group: str | None = None,
    flags: int = 0,
    complexity: str = "",
    keys: str | tuple[str, ...] = (),
    find_keys: KeyFinder | None = None,
    channels: str = "",
    categories: str = "",
    tips: str = "",
    added: Mapping[str, str] | None = None,
    dropped: Mapping[str, str] | None = None,
    history: Sequence[tuple[str, str]] = (),
    deprecated: str = "",
    replaced_by: str = "",
    syscmd: bool = False,
    module: str = "",
    arity: int | None = None,
    registry: dict[str, Command] | None = None,
) -> Command:
    """Register a command under the words its usage line begins with; two if the first is a container.

    `handler` is what dispatch runs. `summary` is one sentence. `since` is a version of Redis; `added` and
    `dropped` map versions to arguments (tokens or names, separated by spaces) that came or were deprecated
    with them, `history` tells other changes. `keys` says for each key spec what is done to the keys
    (`usage.key_specs`); commands that only read need not say it. `find_keys` finds keys where the line cannot
    tell. `channels` says which of its words users need the right to: the `first`, `all`, or all as `patterns`.
    `categories` adds ACL categories to those of flags and group, or takes `-some` away; subcommands inherit them.
    `tips` are command tips, `module` the module that brings it. `arity` is for commands that take more, or fewer, words
    than the line says. Raises `DeclarationError`.
    """
    registry = REGISTRY if registry is None else registry
    words = usage.split()
    if not words or not _NAME.fullmatch(words[0]):
        raise DeclarationError(f"a usage line begins with the command's name in capitals, not with {usage[:20]!r}")
    parent = registry.get(words[0].lower())
    name = words[0].lower()
    if parent is not None and parent.is_container and len(words) > 1 and _NAME.fullmatch(words[1]):
        name = f"{name}|{words[1].lower()}"
        group = parent.group if group is None else group
    elif name in registry:
        hint = " (subcommands? declare container() before them)" if len(words) > 1 and words[1].isupper() else ""
        raise DeclarationError(f"{words[0]} is declared twice{hint}")
    else:
        parent = None
    keys = (keys,) if isinstance(keys, str) else keys
    full = name.replace("|", " ").upper()
    if parent is not None and name.partition("|")[2] in parent.subcommands:
        raise DeclarationError(f"{full} is declared twice")
    if group not in flag_table.GROUPS:
        raise DeclarationError(f"{full}: unknown group {group!r}; known: {', '.join(flag_table.GROUPS)}")
    if not summary:
        raise DeclarationError(f"{full} has no summary: give its function a docstring, or declare() a summary")
    if flags & ~flag_table.KNOWN_FLAGS or flags & flag_table.MOVABLE_KEYS:
        raise DeclarationError(f"{full}: flags {flags:#x} are not made of those in flags.py")
    if flags & flag_table.WRITE and flags & flag_table.READONLY:
        raise DeclarationError(f"{full} cannot be both WRITE and READONLY")
    for category in categories.split():
        if category.lstrip("-") not in flag_table.CATEGORIES:
            raise DeclarationError(f"{full}: unknown category {category!r}")
    if channels not in CHANNELS:
        raise DeclarationError(f"{full}: channels are {', '.join(CHANNELS)}, not {channels!r}")
    for bracket, closer in ("[]", "<>", "()"):
        if usage.count(bracket) != usage.count(closer):
            raise DeclarationError(f"{full}: unbalanced {bracket}{closer} in its usage line")
    for entry in keys:
        try:
            grammar.check_access(entry)
        except grammar.UsageError as error:
            raise DeclarationError(f"{full}: {error}") from None
    if not keys and not flags & flag_table.READONLY and _KEYLIKE.search(f"{usage} "):
        raise DeclarationError(f"{full}: say what it does to its keys, as in keys='RW update'")
    made = Command(
        name,
        usage,
        handler,
        summary=summary,
        group=group,
        since=since,
        flags=flags,
        complexity=complexity,
        keys=keys,
        find_keys=find_keys,
        channels=channels,
        categories=categories,
        tips=tips,
        added=added,
        dropped=dropped,
        history=history,
        deprecated=deprecated,
        replaced_by=replaced_by,
        syscmd=syscmd,
        module=module,
        arity=arity,
        parent=parent,
    )
    if parent is None:
        registry[name] = made
    else:
        parent.subcommands[words[1].lower()] = made
    return made


def container(
    name: str,
    *,
    group: str,
    since: str,
    summary: str,
    handler: Any = None,
    flags: int = 0,
    categories: str = "",
    help_since: str | None = None,
    help_categories: str = "",
    has_help: bool = True,
    arity: int = -2,
    **details: Any,
) -> Command:
    """Declare a word whose second word is the command proper, before any of its subcommands.

    `handler` answers the word alone (`COMMAND`, whose `arity` is -1). `categories` are those of all its
    subcommands. Its `HELP` is made of their usage lines and summaries, unless Redis has none; `help_since` is that
    subcommand's version, `help_categories` changes its categories.
    """
    registry: dict[str, Command] | None = details.get("registry")
    made = declare(
        name,
        handler,
        summary=summary,
        since=since,
        group=group,
        flags=flags,
        categories=categories,
        arity=arity,
        **details,
    )
    made.is_container = True
    if not has_help:
        return made

    def help_handler(call: Any) -> list[str]:
        return help_lines(made, call.args[0].decode("latin-1").upper())

    declare(
        f"{name} HELP",
        help_handler,
        summary="Show the subcommands.",
        since=help_since or since,
        group=group,
        flags=flag_table.LOADING | flag_table.STALE,
        categories=help_categories,
        complexity="O(1)",
        registry=registry,
    )
    return made


def help_lines(command: Command, name: str) -> list[str]:
    """The reply of a container's `HELP`: usage lines in alphabetical order, each over its summary, in statuses.

    `name` is what the container is called here.
    """
    lines = [f"{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"]
    if command.handler is not None:
        lines += ["(no subcommand)", f"    {command.summary}"]
    for word, subcommand in sorted(command.subcommands.items()):
        if word != "help":
            lines += [subcommand.syntax.partition(" ")[2], f"    {subcommand.summary}"]
    return [*lines, "HELP", "    Print this help."]


def lookup(words: Sequence[bytes], registry: Mapping[str, Command] = REGISTRY) -> Command | None:
    """The command that a request of these words means: a container's subcommand where the second word names one."""
    found = registry.get(words[0].decode("latin-1").lower())
    if found is None or not found.is_container or len(words) < 2:
        return found
    return found.subcommands.get(words[1].decode("latin-1").lower())


def find(name: bytes, registry: Mapping[str, Command] = REGISTRY) -> Command | None:
    """The command of a full name such as `get` or `config|set`, in any case."""
    word, bar, second = name.decode("latin-1").lower().partition("|")
    found = registry.get(word)
    return found.subcommands.get(second) if found is not None and bar else found


def renamed(changes: Iterable[tuple[bytes, bytes]], registry: Mapping[str, Command] = REGISTRY) -> dict[str, Command]:
    """The registry under other names: `changes` are pairs of a name and the new one, empty to remove the command.

    Raises `ValueError` for a name that is not there, or one that is there already.
    """
    table = dict(registry)
    for old, new in changes:
        found = table.pop(old.decode("latin-1").lower(), None)
        if found is None:
            raise ValueError("No such command in rename-command")
        if not new:
            continue
        name = new.decode("latin-1").lower()
        if name in table:
            raise ValueError("Target command name already exists")
        table[name] = found
    return table


# -- keys ----------------------------------------------------------------------------------------


def get_keys(command: Command, args: Sequence[bytes]) -> list[KeyPlace]:
    """Positions in `args` (the name first) of the keys of a request, with what is done to each.

    Raises `CommandError` if the command takes no keys, its arity is wrong, or the words make no sense.
    """
    if all("not_key" in spec.flags for spec in command.key_specs):
        raise CommandError(errors.NO_KEY_ARGUMENTS)
    if not fits(command.arity, len(args)):
        raise CommandError(errors.INVALID_ARGUMENT_COUNT)
    places = command.find_keys(args) if command.find_keys else _by_specs(command.key_specs, args)
    if not places and not command.flags & flag_table.NO_MANDATORY_KEYS:
        raise CommandError(errors.INVALID_ARGUMENTS)
    return places or []


def fits(arity: int, words: int) -> bool:
    """Whether a request of so many words has this arity."""
    return words == arity if arity > 0 else words >= -arity


def _by_specs(specs: Sequence[grammar.KeySpec], args: Sequence[bytes]) -> list[KeyPlace] | None:
    """Keys by position specs; `None` if the words do not allow them."""
    places: list[KeyPlace] = []
    for spec in specs:
        if "not_key" in spec.flags:
            continue
        positions = _positions(spec, args)
        if positions is None:
            if "incomplete" not in spec.flags:
                return None
            continue
        places += [(position, spec.flags) for position in positions]
    return places


def _positions(spec: grammar.KeySpec, args: Sequence[bytes]) -> range | None:
    """Where the keys of one spec are; `None` if the words do not allow it."""
    count = len(args)
    if spec.begin[0] == "unknown":
        return range(0)
    if spec.begin[0] == "index":
        begin = int(spec.begin[1])
    else:
        _, word, start = spec.begin  # type: ignore[misc]
        found = _keyword(args, str(word).encode(), int(start))
        if found is None:
            return range(0)
        begin = found + 1
    first = begin
    if spec.find[0] == "range":
        reach, step, limit = (int(part) for part in spec.find[1:])
        if reach >= 0:
            last = first + reach
        elif limit > 1:
            last = first + (count - first) // limit + reach
        else:
            last = count + reach
    else:
        number_at, offset, step = (int(part) for part in spec.find[1:])
        number = _number(args[begin + number_at]) if begin + number_at < count else None
        if number is None or number < 1:
            return None
        first = begin + offset
        last = first + (number - 1) * step
    if not first <= last < count:
        return None
    return range(first, last + 1, step)


def _keyword(args: Sequence[bytes], word: bytes, start: int) -> int | None:
    positions = range(start, len(args) - 1) if start > 0 else range(len(args) + start, 0, -1)
    return next((position for position in positions if args[position].upper() == word), None)


def _number(word: bytes) -> int | None:
    return int(word) if re.fullmatch(rb"-?(0|[1-9][0-9]{0,17})", word) else None


# -- what dispatch asks for ----------------------------------------------------------------------

_NAME = re.compile(r"[A-Z][A-Z0-9_-]*")
_KEYLIKE = re.compile(r"(?<![\w:=-])(?:key\d|" + "|".join(grammar.PLACEHOLDERS["key"].split()) + r")(?![\w:-])")

_MARKS = ("<", "(", "#", ":", " ... ")


def _scan(command: Command) -> tuple[int, tuple[int, int, int], bool]:
    """Arity, key places and whether keys may be elsewhere; from the words of simple lines, else from the tree."""
    usage = f"{command.usage} "
    keylike = _KEYLIKE.findall(usage)
    if any(mark in usage for mark in _MARKS) or len(keylike) > 1 or any(":" in entry for entry in command.keys):
        return _from_tree(command)
    arity = depth = 0
    for word in usage.split():
        arity += not depth and word[0] != "["
        depth += word.count("[") - word.count("]")
    if "[" in usage:
        arity = -arity
    if not keylike:
        return arity, (0, 0, 0), False
    sure = usage.partition("[")[0].split()
    if keylike[0] not in sure:
        return _from_tree(command)
    position = sure.index(keylike[0])
    return arity, (position, position, 1), False


def _from_tree(command: Command) -> tuple[int, tuple[int, int, int], bool]:
    width, fixed = grammar.total_width(command.arguments)
    arity = width + command.words
    movable = any(not spec.plain for spec in command.key_specs)
    return (arity if fixed else -arity), grammar.legacy_range(command.key_specs), movable


def _enumerate(names: str) -> str:
    words = [f"`{name}`" for name in names.split()]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
