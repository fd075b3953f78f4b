"""Lines as commands: those of a session, and those that come from a file or a pipe."""

from __future__ import annotations

import time

from redpoll.cli import render
from redpoll.cli.numbers import leading_integer
from redpoll.cli.quoting import UnbalancedQuotes, split_words
from redpoll.cli.session import Session

_LONG_SECONDS = 0.5


class Quit(Exception):
    """The session is to end."""


class Restart(Exception):
    """The script that is debugged is to begin again."""


def run_lines(session: Session, source) -> int:
    """Run every line of a binary file; returns the exit code. Raises `Restart`."""
    session.interactive = True
    session.connect()
    for line in source:
        try:
            run_line(session, line.rstrip(b"\r\n") if line.endswith(b"\n") else line)
        except Quit:
            break
    return 0


def run_line(session: Session, line: bytes) -> list[bytes] | None:
    """Run a line; returns the command that was sent, without a count before it. Raises `Quit` and `Restart`."""
    words = words_of(session, line)
    if not words:
        return None
    repeat, command = take_repeat(words)
    if repeat <= 0:
        session.write(b"Invalid redis-cli repeat command option value.\n")
        return None
    if run_own_command(session, words):
        return None
    run_words(session, command, repeat)
    return command


def words_of(session: Session, line: bytes) -> list[bytes]:
    """Split a line, and say so if it cannot be split; none: there is nothing to run."""
    if session.debugging and line.startswith((b"eval ", b"e ")):
        # What follows is Lua.
        name, _, code = line.partition(b" ")
        return [name, code]
    try:
        return split_words(line)
    except UnbalancedQuotes:
        session.write(b"Invalid argument(s)\n")
        return []


def take_repeat(words: list[bytes]) -> tuple[int, list[bytes]]:
    """Return how often a command is to be run, and the command; a wrong count is 0."""
    if len(words) < 2 or not words[0].lstrip(b"+-").isdigit():
        return 1, words
    count = leading_integer(words[0].decode("ascii"))
    return (count if 0 < count < 1 << 63 else 0), words[1:]


def run_own_command(session: Session, words: list[bytes]) -> bool:
    """Run a line that is for the command line itself; tell whether it was one. Raises `Quit` and `Restart`."""
    name = words[0].lower()
    if name in (b"quit", b"exit"):
        raise Quit
    if name.startswith(b":"):
        from redpoll.cli.preferences import set_preference

        set_preference(session, words)
    elif name == b"restart":
        if session.options.debugging:
            raise Restart
        session.write(b"Use 'restart' only in Lua debugging mode.\n")
    elif name == b"connect" and len(words) == 3:
        session.host, session.port = _text(words[1]), leading_integer(_text(words[2]))
        session.on_socket = False
        session.connect(force=True)
    elif name == b"clear" and len(words) == 1:
        session.write(b"\x1b[H\x1b[2J")
    else:
        return False
    return True


def run_words(session: Session, words: list[bytes], repeat: int = 1) -> bool:
    """Send a command, print its reply and how long it took, if that was long."""
    started = time.monotonic()
    well = session.issue(words, repeat)
    session.end_debugging()
    seconds = time.monotonic() - started
    if seconds >= _LONG_SECONDS and session.form == render.STANDARD:
        session.write(b"(%.2fs)\n" % seconds)
    return well


def _text(word: bytes) -> str:
    return word.decode("utf-8", "replace")
