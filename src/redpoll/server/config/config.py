"""The configuration of one server: typed values, CONFIG GET, CONFIG SET and CONFIG REWRITE.

A value is read as an attribute: `config.maxclients`, `config.latency_tracking`. It is what the
directive's type in `values.py` says. Values are immutable or replaced whole, never changed in place.
"""

from __future__ import annotations

import os

from redpoll.engine.glob import matches
from redpoll.errors import LOADING, SYNTAX, CommandError
from redpoll.server.config import grammar, rewriting
from redpoll.server.config.directives import (
    BY_NAME,
    DENY_LOADING,
    DIRECTIVES,
    FILE_ONLY,
    HIDDEN,
    IGNORED,
    IMMUTABLE,
    PROTECTED,
    SENSITIVE,
    Directive,
)
from redpoll.server.config.values import WRONG_WORD_COUNT, BadValue, Words, to_bytes, to_text, words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, BinaryIO

    Hook = Callable[["Config"], None]

UNKNOWN_DIRECTIVE = "Bad directive or wrong number of arguments"
NO_CONFIG_FILE = "ERR The server is running without a config file"


class Config:
    """All directives with their values, the file they came from, and hooks that act on changes.

    `file` is the absolute path of the main configuration file, or None.
    """

    def __init__(self) -> None:
        self.file: str | None = None
        self._hooks: dict[str, list[Hook]] = {}
        self._given: dict[str, Directive] = {}
        self._defaults: dict[str, Any] = {directive.attribute: directive.default for directive in DIRECTIVES}
        self._defaults["dir"] = os.getcwd()
        self.__dict__.update(self._defaults)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    # Loading

    def load(self, arguments: list[str], stdin: BinaryIO | None = None) -> None:
        """Take the command line's arguments, without the program's name, and the files they name.

        Raises `grammar.ConfigError`; values read before the error stay.
        """
        command_line = grammar.parse_command_line(arguments)
        self.file = command_line.file
        self.load_lines(grammar.read_all(command_line, stdin))

    def load_lines(self, lines: Iterable[grammar.Line]) -> None:
        """Take lines that were read; raise `grammar.ConfigError` at the first bad one."""
        seen: set[str] = set()
        for line in lines:
            name = line.words[0].lower()
            directive = BY_NAME.get(name)
            if directive is None:
                if name in IGNORED and len(line.words) == 2:
                    continue
                raise line.error(UNKNOWN_DIRECTIVE)
            try:
                self._load_line(directive, line.words[1:], directive.name in seen)
            except BadValue as error:
                raise line.error(str(error)) from None
            seen.add(directive.name)
            self._given[directive.name] = directive
        if self.cluster_enabled and self.replicaof:
            raise grammar.ConfigError("replicaof directive not allowed in cluster mode")

    def _load_line(self, directive: Directive, words: list[bytes], again: bool) -> None:
        kind = directive.type
        if isinstance(kind, Words):
            if not kind.least <= len(words) <= kind.most:
                raise BadValue(UNKNOWN_DIRECTIVE)
        elif not kind.multiple:
            if len(words) != 1:
                raise BadValue(WRONG_WORD_COUNT)
        elif len(words) == 1:
            words = words_of(words[0])
        self._store(directive, self._parse(directive, words, again))

    def _parse(self, directive: Directive, words: list[bytes], again: bool) -> Any:
        kind = directive.type
        return kind.merge(getattr(self, directive.attribute), kind.parse(words), again)

    def _store(self, directive: Directive, value: Any) -> None:
        self.__dict__[directive.attribute] = value

    def not_in_force(self) -> list[str]:
        """Return the directives that a file, the command line or CONFIG SET set, but nothing acts on yet."""
        return [name for name, directive in self._given.items() if not directive.in_force]

    def waits_for(self, name: str) -> str:
        """Return what a directive that is not in force waits for, as far as that is said."""
        return self._given[name].waits_for

    def moot(self, name: str) -> str:
        """Return why a directive has nothing here that it could change, or an empty text."""
        return self._given[name].moot

    # CONFIG GET

    def get(self, patterns: list[bytes]) -> dict[bytes, bytes]:
        """Answer CONFIG GET: names and values of what fits any of the patterns.

        A whole name finds hidden directives too and is answered as it was written.
        """
        result: dict[bytes, bytes] = {}
        answered: set[bytes] = set()
        for pattern in patterns:
            if not any(sign in pattern for sign in b"*?["):
                name = pattern.lower()
                directive = BY_NAME.get(name)
                if directive and not directive.flags & FILE_ONLY and name not in answered:
                    answered.add(name)
                    result[pattern] = self._show(directive)
                continue
            for name, directive in BY_NAME.items():
                if directive.flags & (HIDDEN | FILE_ONLY) or name in answered:
                    continue
                if matches(pattern, name, True):
                    answered.add(name)
                    result[name] = self._show(directive)
        return result

    def _show(self, directive: Directive) -> bytes:
        return directive.type.show(getattr(self, directive.attribute))

    # CONFIG SET

    def on_change(self, name: str, hook: Hook) -> None:
        """Have `hook(config)` called after CONFIG SET changed the directive; it may raise BadValue to refuse.

        A hook of several directives is called once a set. When any hook refuses, all values of the set
        go back to what they were, and hooks that had run are called again.
        """
        self._hooks.setdefault(BY_NAME[name.encode()].name, []).append(hook)

    def is_sensitive(self, name: bytes) -> bool:
        """Tell whether the value of this directive must be kept out of logs."""
        directive = BY_NAME.get(name.lower())
        return directive is not None and bool(directive.flags & SENSITIVE)

    def set(self, pairs: list[bytes], *, local: bool = False, loading: bool = False) -> None:
        """Carry out CONFIG SET with names and values in turn: all of them, or none and a CommandError.

        `local` tells that the client is on this machine, `loading` that data are being loaded.
        """
        if len(pairs) % 2:
            raise CommandError(SYNTAX)
        changes = self._checked_names(pairs, local, loading)
        before = {directive.attribute: getattr(self, directive.attribute) for _, directive, _ in changes}
        for name, directive, value in changes:
            try:
                words = words_of(value) if directive.type.multiple else [value]
                self._store(directive, self._parse(directive, words, False))
            except BadValue as error:
                self.__dict__.update(before)
                raise _set_failed(name.lower(), str(error)) from None
        self._call_hooks(changes, before)
        for _, directive, _ in changes:
            self._given[directive.name] = directive

    def _checked_names(self, pairs: list[bytes], local: bool, loading: bool) -> list[tuple[bytes, Directive, bytes]]:
        changes: list[tuple[bytes, Directive, bytes]] = []
        allowed = self.enable_protected_configs
        seen: set[bytes] = set()
        for name, value in zip(pairs[::2], pairs[1::2], strict=True):
            directive = BY_NAME.get(name.lower())
            if directive is None or directive.flags & FILE_ONLY:
                raise CommandError(f"ERR Unknown option or number of arguments for CONFIG SET - '{_one_line(name)}'")
            if directive.flags & IMMUTABLE:
                raise _set_failed(name, "can't set immutable config")
            if directive.flags & PROTECTED and not (allowed == "yes" or (allowed == "local" and local)):
                raise _set_failed(name, "can't set protected config")
            if loading and directive.flags & DENY_LOADING:
                raise CommandError(LOADING)
            if name.lower() in seen:
                raise _set_failed(name, "duplicate parameter")
            seen.add(name.lower())
            changes.append((name, directive, value))
        return changes

    def _call_hooks(self, changes: list[tuple[bytes, Directive, bytes]], before: dict[str, Any]) -> None:
        called: list[Hook] = []
        for name, directive, _ in changes:
            if getattr(self, directive.attribute) == before[directive.attribute]:
                continue
            for hook in self._hooks.get(directive.name, ()):
                if hook in called:
                    continue
                called.append(hook)
                try:
                    hook(self)
                except BadValue as error:
                    self.__dict__.update(before)
                    self._undo(called[:-1])
                    raise _set_failed(name.lower(), str(error)) from None

    def _undo(self, called: list[Hook]) -> None:
        for hook in called:
            try:
                hook(self)
            except BadValue:
                pass  # it refuses what it had accepted before; there is nothing left to try

    # CONFIG REWRITE

    def rewrite(self, owned: Mapping[str, list[bytes]] | None = None) -> None:
        """Carry out CONFIG REWRITE: bring the file up to date with the values, or raise CommandError.

        `owned` holds, for directives such as `user` that other rooms keep, what follows the name on
        each of their lines; those that it does not hold keep their lines as they are.
        """
        if self.file is None:
            raise CommandError(NO_CONFIG_FILE)
        wanted: dict[str, rewriting.Wanted] = {}
        for directive in DIRECTIVES:
            if directive.flags & FILE_ONLY:
                if owned is not None and directive.name in owned:
                    wanted[directive.name] = _always(owned[directive.name])
                continue
            wanted[directive.name] = self._wanted(directive)
        try:
            rewriting.rewrite(self.file, wanted)
        except OSError as error:
            raise CommandError(f"ERR Rewriting config file: {error.strerror}") from None

    def _wanted(self, directive: Directive) -> rewriting.Wanted:
        value = getattr(self, directive.attribute)
        default = self._defaults[directive.attribute]
        return lambda present: directive.type.lines(value, default, present)


def _always(texts: list[bytes]) -> rewriting.Wanted:
    return lambda present: [(text, True) for text in texts]


def _one_line(name: bytes) -> str:
    return to_text(name.replace(b"\r", b" ").replace(b"\n", b" "))


def _set_failed(name: bytes, reason: str) -> CommandError:
    return CommandError(f"ERR CONFIG SET failed (possibly related to argument '{_one_line(name)}') - {reason}")


__all__ = ["BadValue", "Config", "to_bytes", "to_text"]
