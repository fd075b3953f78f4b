"""A session at the terminal: prompt, history, completion, hints, colours, messages until a key is pressed.

What is typed is edited by prompt_toolkit, which the extra `redpoll[cli]` brings; without it lines are read plainly.
"""

from __future__ import annotations

import os
import select
import sys
import termios
import tty

from redpoll.cli.caution import confirmed
from redpoll.cli.command_docs import CommandDocs, fetch_docs
from redpoll.cli.lines import Quit, run_own_command, run_words, take_repeat, words_of
from redpoll.cli.preferences import preferences_of, read_files
from redpoll.cli.session import Session
from redpoll.cli.tables import present

_HISTORIES = (("REDISCLI_HISTFILE", "~/.rediscli_history"), ("VALKEYCLI_HISTFILE", "~/.valkeycli_history"))


def run_interactive(session: Session) -> int:
    """Read lines and run them until the user leaves; returns the exit code. Raises `Restart`."""
    session.interactive = True
    session.wait_for_message = wait_for_message
    read_files(session, os.environ)
    session.present = lambda words, reply: present(words, reply) if preferences_of(session).tables else None
    session.connect()
    # A server that debugs answers nothing else.
    session.docs = fetch_docs(session) if session.connection and not session.debugging else CommandDocs([])
    read_line = _reader(session)
    while True:
        if session.connection is None and not session.debugging:
            session.connect(quiet=True)
        try:
            line = read_line(prompt_of(session))
        except EOFError:
            return 0
        except KeyboardInterrupt:
            continue
        try:
            run_typed(session, os.fsencode(line))
        except Quit:
            return 0
        except KeyboardInterrupt:
            # What was under way may have left half a reply.
            session.disconnect()
            session.write(b"\n")


def run_typed(session: Session, line: bytes) -> None:
    """Run a line that somebody typed, asking first where that is wise. Raises `Quit` and `Restart`."""
    words = words_of(session, line)
    if not words:
        return
    repeat, command = take_repeat(words)
    if repeat <= 0:
        session.write(b"Invalid redis-cli repeat command option value.\n")
    elif not run_own_command(session, words) and confirmed(session, command, _answer):
        run_words(session, command, repeat)
        if session.subscriptions and not command[0].lower().endswith(b"subscribe"):
            # Those wait by themselves; after any other command the messages go on.
            session.read_messages()


def prompt_of(session: Session) -> str:
    """Where the session is: `127.0.0.1:6379[1](TX)> `."""
    if session.debugging:
        return "lua debugger> "
    if session.connection is None:
        return "not connected> "
    options = session.options
    place = f"redis {options.socket}" if session.on_socket else f"{session.host}:{session.port}"
    if ":" in session.host and not session.on_socket:
        place = f"[{session.host}]:{session.port}"
    database = f"[{session.selected}]" if session.selected else ""
    transaction = "(TX)" if session.in_transaction else ""
    subscribed = "(subscribed mode)" if session.subscriptions else ""
    return f"{place}{database}{transaction}{subscribed}> "


def history_path(environment) -> str:
    """The file that keeps lines from one session to the next; empty: none is kept."""
    for variable, _ in _HISTORIES:
        if variable in environment:
            return "" if environment[variable] == "/dev/null" else environment[variable]
    return os.path.expanduser(_HISTORIES[0][1])


_SECRET_SETTINGS = {
    "REQUIREPASS", "MASTERAUTH", "MASTERUSER", "PRIMARYAUTH", "PRIMARYUSER", "TLS-KEY-FILE-PASS",
    "TLS-CLIENT-KEY-FILE-PASS",
}  # fmt: skip
_SECRET_OF_SENTINELS = {"AUTH-PASS", "AUTH-USER", "SENTINEL-PASS", "SENTINEL-USER"}


def is_secret(words: list[str]) -> bool:
    """Whether a line has a password in it, or who has one, and must not be remembered."""
    upper = [word.upper() for word in words]
    if upper and upper[0].isdigit():  # how often
        del upper[0]
    if not upper:
        return False
    name, second = upper[0], upper[1] if len(upper) > 1 else ""
    if name == "AUTH" or (name == "HELLO" and "AUTH" in upper):
        return True
    if name == "ACL":
        return second in ("SETUSER", "DELUSER", "GETUSER", "DRYRUN")
    if name == "CONFIG":
        return second == "SET" and not _SECRET_SETTINGS.isdisjoint(upper)
    if name == "SENTINEL":
        return second in ("SET", "CONFIG") and not _SECRET_OF_SENTINELS.isdisjoint(upper)
    return name == "MIGRATE" and ("AUTH" in upper or "AUTH2" in upper)


def wait_for_message(connection) -> bool:
    """Wait until the connection has a message; True when the user pressed a key instead."""
    if connection.waiting():
        return False
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    try:
        # What is typed meanwhile must not be lost, so nothing is flushed.
        tty.setcbreak(keyboard, termios.TCSANOW)
        ready = select.select([keyboard, connection.socket], [], [])[0]
        if keyboard not in ready:
            return False
        os.read(keyboard, 1024)
        return True
    except KeyboardInterrupt:
        return True
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _answer(question: str) -> str:
    try:
        return input(question)
    except (EOFError, KeyboardInterrupt):
        return ""


def _reader(session: Session):
    """What reads a line after a prompt."""
    try:
        from redpoll.cli.typing_help import make_prompt
    except ImportError:
        session.tell("Completion and colours need prompt_toolkit: pip install 'redpoll[cli]'")
        return input
    return make_prompt(session, history_path(os.environ))
