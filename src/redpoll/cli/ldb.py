"""`--ldb`: a session with the server's debugger of Lua scripts, its lines in colours."""

from __future__ import annotations

import os
import sys

from redpoll.cli import render
from redpoll.cli.eval_file import script_command
from redpoll.cli.lines import Restart
from redpoll.cli.replies import Status
from redpoll.cli.session import Session

_END = b"<endsession>"
_WHITE, _RED, _GREEN, _YELLOW, _MAGENTA, _CYAN = "0;37", "0;31", "0;32", "0;33", "0;35", "0;36"
_BOLD = "1;37"
# The last mark that is found in a line chooses its colour.
_COLOURS = (
    (b"<debug>", _BOLD),
    (b"<redis>", _GREEN),
    (b"<reply>", _CYAN),
    (b"<error>", _RED),
    (b"<hint>", _BOLD),
    (b"<value>", _MAGENTA),
    (b"<retval>", _MAGENTA),
)
_BANNER = b"""\
Lua debugging session started, please use:
quit    -- End the session.
restart -- Restart the script in debug mode again.
help    -- Show Lua script debugging commands.

"""


def colour_of(line: bytes) -> str:
    """Return the colour of one of the debugger's lines, as its numbers in an escape sequence."""
    if len(line) > 4 and line[3:4].isdigit():
        if line[1:2] == b">":
            return _YELLOW
        if line[2:3] == b"#":
            return _BOLD
    colour = _WHITE
    for mark, named in _COLOURS:
        if mark in line:
            colour = named
    return colour


def show_lines(reply) -> tuple[bytes, bool]:
    """Return what the debugger says, and whether that was its last word."""
    in_colours = "xterm" in os.environ.get("TERM", "")
    ended = False
    shown = []
    for element in reply if isinstance(reply, list) else [reply]:
        if not isinstance(element, Status):
            shown.append(render.raw(element))
        elif element.startswith(_END):
            ended = True
            shown.append(b"")
        elif in_colours:
            shown.append(b"\x1b[%b;49m%b\x1b[0m" % (colour_of(element).encode(), element))
        else:
            shown.append(bytes(element))
    return b"\n".join(shown), ended


def debug_script(session: Session, words: list[bytes]) -> int:
    """Run the script under the debugger until the user has enough of it; returns the exit code."""
    options = session.options
    while True:
        session.write(_BANNER)
        try:
            command = script_command(options.script, words)
        except OSError as error:
            session.tell(f"Can't open file '{options.script}': {error.strerror}")
            return 1
        session.ask(b"SCRIPT", b"DEBUG", b"sync" if options.debugging_blocks else b"yes")
        session.begin_debugging()
        well = session.issue(command)
        if session.debugger_ended:
            session.write(b"Eval debugging session can't start:\n")
            if session.connection is not None:
                session.write(render.standard(session.connection.read()))
            return 0 if well else 1
        try:
            return _run_commands(session)
        except Restart:
            session.connect(force=True)
            session.write(b"\n")


def _run_commands(session: Session) -> int:
    if sys.stdin.isatty():
        from redpoll.cli.interactive import run_interactive

        return run_interactive(session)
    from redpoll.cli.lines import run_lines

    return run_lines(session, sys.stdin.buffer)
