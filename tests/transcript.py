r"""Transcripts: commands and their exact replies, as readable text that tests run.

    # What counts is told in words.

    == SET with NX leaves an existing key alone ==
    > SET k v
    +OK
    > SET k w NX
    null
    > GET k
    "v"

Every section of `tests/commands/*.txt` is a test: it begins with empty databases and a fresh connection, and
runs against Redpoll and against every real server that is installed (`--peer redis82` chooses), in RESP2 and
in RESP3. `tests/notation.py` tells how replies are written. `#` begins a comment line.

Steps

| line               | means                                                                              |
|--------------------|------------------------------------------------------------------------------------|
| `> SET k v`        | send a command; its reply, or several, stand below                                 |
| `a> GET k`         | the same on a connection of that name, opened when first used                      |
| `>> "PING\r\n"`    | send these bytes as they are (`a>> …`)                                             |
| `< reply`          | read one more reply (`a< …`), for what comes later or unasked                      |
| `<nothing>`        | instead of a reply: nothing arrives (the command blocks, or is not answered)       |
| `<closed>`         | instead of a reply, or the last: the server closes the connection                  |
| `@wait 20 ms`      | wait; only where time itself is tested                                             |

Words are quoted as in redis-cli: `"a\r\n\xff"`, `'it''s'`. `"x"*1000` is a long word, `f{1..129}` stands for
129 words, `$name` is what `<save name>` saved. A backslash at the end continues the line.

Directives, below a section's title, or before the first one for the whole file

| line                        | means                                                                     |
|-----------------------------|---------------------------------------------------------------------------|
| `@only redpoll redis>=8.4`  | run only where one of these terms holds                                   |
| `@not valkey`               | run where none of these holds; `embedded` is Redpoll within the tests     |
| `@resp 2`                   | this protocol version only                                                |
| `@config name value`        | `CONFIG SET` before, and the old value again afterwards                   |
| `@server name value`        | a server of its own, started with this option (again for more options)    |
| `@todo reason`              | Redpoll is known to fail here yet; passing is then an error               |

A reply that differs somewhere follows the plain one: `@redis<8 -ERR old text`, `@valkey,redis<7.2 null`.

`python -m tests.transcript record FILE --peer redis82` fills in replies that are missing; with `--refresh` it
also replaces those that differ.
"""

from __future__ import annotations

import argparse
import operator
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.notation import Context, Expected, Mismatch, NotationError, format_reply, parse_quoted, parse_replies
from tests.peers import NAMES, PeerMissing, Pool, Server, ServerFailed, Target, find, start
from tests.resp import NULL_ARRAY, Connection, ConnectionClosed, ErrorReply, ProtocolError

SILENCE_SECONDS = 0.06
REPLY_SECONDS = 15.0
NOTHING, CLOSED = "<nothing>", "<closed>"

_TITLE = re.compile(r"== (.+) ==$")
_STEP = re.compile(r"([a-z]\w*)?(>>|>|<) (.*)$")
_TERM = re.compile(r"(redpoll|redis|valkey|embedded)(?:(>=|<=|<|>|=)(\d+(?:\.\d+)*))?$")
_ALTERNATIVE = re.compile(r"@((?:redpoll|redis|valkey)\S*) (.*)$")
_NUMBERED = re.compile(r"^(.*)\{(\d+)\.\.(\d+)\}(.*)$")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}


class TranscriptError(Exception):
    """A transcript that cannot be read; the text begins with file and line."""


class TranscriptFailure(Exception):
    """A reply that is not the expected one; the text is for people and begins with file and line."""


# -- a transcript's parts --------------------------------------------------------


@dataclass(frozen=True)
class Term:
    """A server, or some versions of it: `redis>=8.4`."""

    product: str
    comparison: str | None
    version: tuple[int, ...]

    def holds(self, target: Target) -> bool:
        """Tell whether the term describes a server."""
        if self.product not in (target.product, target.name):
            return False
        if self.comparison is None:
            return True
        return _COMPARE[self.comparison](target.version[: len(self.version)], self.version)


@dataclass
class Replies:
    """What is expected below a step: replies, `<nothing>` or `<closed>`; and the lines they stand on."""

    expected: list[Expected | str]
    terms: tuple[Term, ...] = ()
    first_line: int = 0
    end_line: int = 0


@dataclass
class Step:
    """One command (`>`), raw bytes (`>>`), read (`<`) or wait (`@wait`)."""

    line: int
    kind: str
    connection: str
    text: str
    words: list[bytes] = field(default_factory=list)
    replies: list[Replies] = field(default_factory=list)
    after_line: int = 0

    def replies_for(self, target: Target) -> Replies | None:
        """Return what a server is to answer, or None where nothing is written down."""
        for replies in self.replies:
            if any(term.holds(target) for term in replies.terms):
                return replies
        return next((replies for replies in self.replies if not replies.terms), None)


@dataclass
class Section:
    """One test."""

    path: Path
    line: int
    title: str
    steps: list[Step] = field(default_factory=list)
    only: list[tuple[Term, ...]] = field(default_factory=list)
    excluded: list[Term] = field(default_factory=list)
    protocols: tuple[int, ...] = (2, 3)
    config: list[tuple[str, str]] = field(default_factory=list)
    server: dict[str, str] = field(default_factory=dict)
    todo: str = ""

    def runs_on(self, target: Target) -> bool:
        """Tell whether the section's marks admit a server."""
        if any(term.holds(target) for term in self.excluded):
            return False
        return all(any(term.holds(target) for term in terms) for terms in self.only)


# -- reading ---------------------------------------------------------------------


def split_words(text: str, saved: dict[str, Any] | None = None) -> list[bytes]:
    """Cut a command line into words; `$name` is replaced from `saved` when that is given."""
    words: list[bytes] = []
    position = 0
    while position < len(text):
        if text[position] == " ":
            position += 1
        elif text[position] in "\"'":
            word, position = parse_quoted(text, position)
            if text[position : position + 1].strip():
                raise NotationError("a space is missing behind the quote", position)
            words.append(word)
        else:
            end = text.find(" ", position)
            end = len(text) if end < 0 else end
            words += _bare(text[position:end], saved)
            position = end
    return words


def _bare(word: str, saved: dict[str, Any] | None) -> Iterator[bytes]:
    if found := _NUMBERED.match(word):
        for number in range(int(found[2]), int(found[3]) + 1):
            yield f"{found[1]}{number}{found[4]}".encode()
    elif saved is not None and word.startswith("$") and word[1:] in saved:
        value = saved[word[1:]]
        yield value if isinstance(value, bytes) else str(value).encode()
    else:
        yield word.encode()


def _terms(text: str) -> tuple[Term, ...]:
    terms = []
    for part in re.split(r"[ ,]+", text.strip()):
        found = _TERM.match(part)
        if not found:
            raise NotationError(f"not a server: {part!r} (write redpoll, redis>=8.4, valkey …)", 0)
        version = tuple(int(number) for number in (found[3] or "").split(".") if number)
        terms.append(Term(found[1], found[2], version))
    return tuple(terms)


class _Parser:
    """Reads one file, line by line; block texts are parsed when their end is known."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = path.read_text().split("\n")
        self.number = 0
        self.common = Section(path, 0, "")
        self.sections: list[Section] = []
        self.block: list[str] = []
        self.block_terms: tuple[Term, ...] = ()
        self.block_line = 0

    def parse(self) -> list[Section]:
        while self.number < len(self.lines):
            line = self.lines[self.number].rstrip()
            self.number += 1
            try:
                self.one(line)
            except NotationError as error:
                raise TranscriptError(f"{self.path}:{self.number}: {error}") from error
        self.end_block()
        titles: set[str] = set()
        for section in self.sections:
            if section.title in titles:
                raise TranscriptError(f"{self.path}:{section.line}: a second section with this title")
            titles.add(section.title)
        return self.sections

    def one(self, line: str) -> None:
        if line.startswith("#"):
            return
        if not line:
            self.end_block()
        elif title := _TITLE.match(line):
            self.end_block()
            base = self.common
            self.sections.append(
                Section(
                    self.path,
                    self.number,
                    title[1],
                    only=list(base.only),
                    excluded=list(base.excluded),
                    protocols=base.protocols,
                    config=list(base.config),
                    server=dict(base.server),
                    todo=base.todo,
                )
            )
        elif found := _STEP.match(line):
            self.end_block()
            self.step(found)
        elif found := _ALTERNATIVE.match(line):
            self.end_block()
            self.block_terms = _terms(found[1])
            self.add_to_block(found[2])
        elif line.startswith("@wait "):
            self.end_block()
            self.directive(line)
        elif line.startswith("@") and not self.block:
            self.directive(line)
        else:
            self.add_to_block(line)

    def step(self, found: re.Match) -> None:
        if not self.sections:
            raise NotationError("a section begins with its title: == ... ==", 0)
        name, kind, text = found[1] or "", found[2], found[3]
        line = self.number
        while kind != "<" and text.endswith("\\"):
            text = text[:-1].rstrip() + " " + self.lines[self.number].strip()
            self.number += 1
        step = Step(line, kind, name, text, after_line=self.number)
        self.sections[-1].steps.append(step)
        if kind == "<":
            self.add_to_block(text)
        else:
            step.words = split_words(text)
            if not step.words:
                raise NotationError("the command is missing", 0)

    def add_to_block(self, line: str) -> None:
        if not self.block:
            self.block_line = self.number
            if not self.sections or not self.sections[-1].steps:
                raise NotationError(f"not understood: {line!r}", 0)
        self.block.append(line)

    def end_block(self) -> None:
        if not self.block:
            return
        text, first, terms = "\n".join(self.block), self.block_line, self.block_terms
        end = first + len(self.block)
        self.block, self.block_terms = [], ()
        step = self.sections[-1].steps[-1]
        special = [line for line in text.split("\n") if line in (NOTHING, CLOSED)]
        text = "\n".join("" if line in (NOTHING, CLOSED) else line for line in text.split("\n"))
        try:
            expected: list[Expected | str] = [*parse_replies(text)]
        except NotationError as error:
            line = first + text.count("\n", 0, error.position)
            raise TranscriptError(f"{self.path}:{line}: {error}") from error
        if terms or not step.replies:
            step.replies.append(Replies([*expected, *special], terms, first, end))
        else:
            step.replies[0].expected += [*expected, *special]
            step.replies[0].end_line = end

    def directive(self, line: str) -> None:
        name, _, rest = line[1:].partition(" ")
        rest = rest.strip()
        section = self.sections[-1] if self.sections else self.common
        if name == "wait":
            found = re.match(r"(\d+) ms$", rest)
            if not found or not section.steps:
                raise NotationError("write @wait 20 ms, between commands", 0)
            section.steps.append(Step(self.number, "@wait", "", found[1]))
            return
        if section.steps:
            raise NotationError(f"@{name} stands before a section's first command", 0)
        if not rest:
            raise NotationError(f"@{name} says nothing", 0)
        match name:
            case "only":
                section.only.append(_terms(rest))
            case "not":
                section.excluded += _terms(rest)
            case "resp" if rest in ("2", "3", "both"):
                section.protocols = (2, 3) if rest == "both" else (int(rest),)
            case "config" | "server":
                key, _, value = rest.partition(" ")
                value = "".join(word.decode() for word in split_words(value)) if value[:1] == '"' else value
                if name == "config":
                    section.config.append((key, value))
                else:
                    section.server[key] = value
            case "todo":
                section.todo = rest
            case _:
                raise NotationError(f"there is no directive {line!r}", 0)


def parse_file(path: Path) -> list[Section]:
    """Read a transcript; `TranscriptError` tells the line that is wrong."""
    return _Parser(path).parse()


# -- running ---------------------------------------------------------------------


class Session:
    """A section's connections to one server, in one protocol version."""

    def __init__(self, server: Server, protocol: int) -> None:
        self.server = server
        self.protocol = protocol
        self.saved: dict[str, Any] = {}
        self.connections: dict[str, Connection] = {}

    def close(self) -> None:
        """Close all connections."""
        for connection in self.connections.values():
            connection.close()

    def connection(self, name: str) -> Connection:
        """Return the connection of that name, opened when it is new."""
        if name not in self.connections:
            connection = self.connections[name] = self.server.connect(REPLY_SECONDS)
            if self.protocol == 3:
                reply = connection.call("HELLO", "3")
                if isinstance(reply, ErrorReply):
                    raise Mismatch(f"HELLO 3 is answered with {reply!r}")
        return self.connections[name]

    def check_nothing_is_left(self) -> None:
        """Refuse replies that nobody read."""
        for name, connection in self.connections.items():
            if connection.has_data():
                raise Mismatch(f"left over on connection {name or '>'!r}: {format_reply(connection.read())}")

    def send(self, step: Step) -> None:
        """Do what a step says, short of reading."""
        if step.kind == "@wait":
            time.sleep(int(step.text) / 1000)
            return
        connection = self.connection(step.connection)
        if step.kind == ">":
            connection.send(*split_words(step.text, self.saved))
        elif step.kind == ">>":
            connection.send_raw(b"".join(split_words(step.text, self.saved)))

    def check(self, step: Step, expected: Expected | str, *, first: bool) -> None:
        """Read one reply and hold it against what is expected."""
        connection = self.connection(step.connection)
        if expected == NOTHING:
            if not connection.is_silent(SILENCE_SECONDS):
                raise Mismatch(f"expected nothing, received {format_reply(connection.read())}")
        elif expected == CLOSED:
            if not connection.is_closed_by_server():
                raise Mismatch("expected the server to close the connection; it sent more")
        else:
            assert isinstance(expected, Expected)
            reply = self.read(step, first=first)
            try:
                expected.match(reply, Context(connection.protocol, self.saved))
            except Mismatch as error:
                raise Mismatch(f"{error}\n  received\n{_indented(format_reply(reply))}") from None

    def read(self, step: Step, *, first: bool) -> Any:
        """Read one reply; a command's first one may change the protocol."""
        connection = self.connection(step.connection)
        words = step.words if first and step.kind == ">" else [b""]
        return connection.read_reply_to(words)


def _indented(text: str) -> str:
    return "\n".join("    " + line for line in text.split("\n"))


def run_section(section: Section, target: Target, protocol: int, pool: Pool) -> None:
    """Run one section against a server from the pool, or against one of its own; raise `TranscriptFailure`."""
    server = start(target, **section.server) if section.server else pool.get(target.name)
    clean = False
    try:
        _run(section, server, protocol)
        clean = True
    finally:
        if section.server:
            server.stop()
        elif not clean:
            pool.discard(target.name)


def _run(section: Section, server: Server, protocol: int) -> None:
    session = Session(server, protocol)
    old = _configure(section, server)
    step = None
    try:
        for step in section.steps:
            session.send(step)
            if step.kind == "@wait":
                continue
            replies = step.replies_for(server.target)
            if replies is None:
                raise Mismatch("no reply is written down (`python -m tests.transcript record` fills it in)")
            for index, expected in enumerate(replies.expected):
                session.check(step, expected, first=index == 0)
        session.check_nothing_is_left()
    except (Mismatch, ProtocolError, ConnectionClosed, OSError) as error:
        raise TranscriptFailure(_explain(section, step, server, protocol, error)) from error
    finally:
        session.close()
        if server.is_alive():
            _restore(old, server)


def _explain(section: Section, step: Step | None, server: Server, protocol: int, error: Exception) -> str:
    line = step.line if step else section.line
    what = str(error) or type(error).__name__
    if isinstance(error, TimeoutError):
        what = f"no reply within {REPLY_SECONDS:g} seconds"
    lines = [f"{section.path}:{line}: {section.title}  ({server.target}, RESP{protocol})"]
    if step:
        lines.append(f"  {step.connection}{step.kind} {step.text}")
    lines += ["  " + part for part in what.split("\n")]
    if isinstance(error, ConnectionClosed | OSError):
        time.sleep(0.1)
        lines += ["  --- the server's log ---", server.log()[-4000:]]
    return "\n".join(lines)


def _configure(section: Section, server: Server) -> list[tuple[str, bytes]]:
    old: list[tuple[str, bytes]] = []
    if not section.config:
        return old
    with server.connect() as connection:
        for name, value in section.config:
            was = connection.call("CONFIG", "GET", name)
            reply = connection.call("CONFIG", "SET", name, value)
            if reply != "OK" or len(was) != 2:
                raise TranscriptFailure(
                    f"{section.path}:{section.line}: @config {name} {value}: {reply!r}, was {was!r}"
                )
            old.append((name, was[1]))
    return old


def _restore(old: list[tuple[str, bytes]], server: Server) -> None:
    if old:
        with server.connect() as connection:
            for name, value in reversed(old):
                connection.call("CONFIG", "SET", name, value)


# -- recording -------------------------------------------------------------------


@dataclass
class Change:
    """Lines of a file to replace."""

    first_line: int
    end_line: int
    text: str


@dataclass
class Received:
    """What came back for one step in one protocol version, and how it differs from what is written down."""

    replies: list[Any]
    protocols: list[int]
    problem: str = ""


def record(path: Path, target: Target, *, refresh: bool) -> int:
    """Fill in missing replies from a server, `refresh` also others; return how many still differ."""
    changes: list[Change] = []
    differing = 0
    pool = Pool()
    try:
        for section in parse_file(path):
            if section.runs_on(target):
                differing += _record_section(section, target, pool, changes, refresh)
    finally:
        pool.close()
    lines = path.read_text().split("\n")
    for change in sorted(changes, key=lambda change: -change.first_line):
        lines[change.first_line - 1 : change.end_line - 1] = change.text.split("\n")
    path.write_text("\n".join(lines))
    print(f"{path}: {len(changes)} replies written, {differing} differ")
    return differing


def _record_section(section: Section, target: Target, pool: Pool, changes: list[Change], refresh: bool) -> int:
    steps: dict[int, list[Received]] = {}
    for protocol in section.protocols:
        server = start(target, **section.server) if section.server else pool.get(target.name)
        session = Session(server, protocol)
        _configure(section, server)
        try:
            for index, step in enumerate(section.steps):
                session.send(step)
                if step.kind != "@wait":
                    steps.setdefault(index, []).append(_receive(session, step, step.replies_for(target)))
        finally:
            session.close()
            if section.server:
                server.stop()
            else:
                pool.discard(target.name)
    differing = 0
    for index, versions in steps.items():
        step = section.steps[index]
        replies = step.replies_for(target)
        problem = next((received.problem for received in versions if received.problem), "")
        if not problem:
            continue
        text = _written(versions)
        if not replies:
            changes.append(Change(step.after_line + 1, step.after_line + 1, text))
        elif refresh and step.kind != "<" and not replies.terms:
            changes.append(Change(replies.first_line, replies.end_line, text))
        else:
            differing += 1
            print(f"{section.path}:{step.line}: {problem}")
            continue
        if problem := _reread(text, versions):
            print(f"{section.path}:{step.line}: RESP2 and RESP3 differ, choose one with @resp: {problem}")
    return differing


def _receive(session: Session, step: Step, replies: Replies | None) -> Received:
    connection = session.connection(step.connection)
    received = Received([], [])

    def add(reply: Any) -> None:
        received.replies.append(reply)
        received.protocols.append(connection.protocol)

    try:
        if replies is None:
            received.problem = "no reply is written down"
            if connection.is_silent(SILENCE_SECONDS * 2):
                add(NOTHING)
                return received
            add(session.read(step, first=True))
            while not connection.is_silent(0.01):
                add(connection.read())
            return received
        for index, expected in enumerate(replies.expected):
            if isinstance(expected, str):
                add(expected)
                continue
            add(session.read(step, first=index == 0))
            try:
                expected.match(received.replies[-1], Context(connection.protocol, session.saved))
            except Mismatch as error:
                received.problem = received.problem or f"RESP{connection.protocol}: {error}"
    except ConnectionClosed:
        add(CLOSED)
        received.problem = received.problem or "the server closed the connection"
    return received


def _merge(old: Any, new: Any) -> Any:
    """Join a RESP2 reply with its RESP3 form: RESP3's types, and RESP2's null arrays."""
    if new is None and old is NULL_ARRAY:
        return NULL_ARRAY
    if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        return type(new)(_merge(*parts) for parts in zip(old, new, strict=True))
    return new


def _written(versions: list[Received]) -> str:
    replies = versions[-1].replies
    if len(versions) == 2:
        replies = [_merge(*parts) for parts in zip(versions[0].replies, replies, strict=False)]
    return "\n".join(part if _is_special(part) else format_reply(part) for part in replies)


def _is_special(reply: Any) -> bool:
    return type(reply) is str and reply in (NOTHING, CLOSED)


def _reread(text: str, versions: list[Received]) -> str:
    """Return how a text that was just written differs from what came in one of the versions."""
    written = parse_replies("\n".join(line for line in text.split("\n") if line not in (NOTHING, CLOSED)))
    for received in versions:
        pairs = zip(received.replies, received.protocols, strict=True)
        plain = [pair for pair in pairs if not _is_special(pair[0])]
        if len(plain) != len(written):
            return f"{len(plain)} replies, {len(written)} written"
        for expected, (reply, protocol) in zip(written, plain, strict=True):
            try:
                expected.match(reply, Context(protocol))
            except Mismatch as error:
                return f"RESP{protocol}: {error}"
    return ""


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.transcript", description="Check or fill in transcripts.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("record", "fill in replies from a real server"), ("check", "run against one server")):
        command = commands.add_parser(name, help=text)
        command.add_argument("files", nargs="+", type=Path)
        command.add_argument("--peer", choices=NAMES, default="redis82" if name == "record" else "redpoll")
        if name == "record":
            command.add_argument("--refresh", action="store_true", help="replace replies that differ")
    words = parser.parse_args()
    try:
        target = find(words.peer)
        if words.command == "record":
            return 1 if sum(record(path, target, refresh=words.refresh) for path in words.files) else 0
        return _check(words.files, target)
    except (PeerMissing, ServerFailed, TranscriptError) as error:
        print(error, file=sys.stderr)
        return 2


def _check(paths: list[Path], target: Target) -> int:
    pool, ran, failed = Pool(), 0, 0
    try:
        for section in (section for path in paths for section in parse_file(path) if section.runs_on(target)):
            for protocol in section.protocols:
                ran += 1
                try:
                    run_section(section, target, protocol, pool)
                except TranscriptFailure as failure:
                    failed += 1
                    print(failure)
    finally:
        pool.close()
    print(f"{ran - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
