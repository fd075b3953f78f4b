"""`--ldb`: a session with the server's Lua debugger, its replies in colours."""

from __future__ import annotations

import sys

from redpoll.cli import render
from redpoll.cli.eval_file import script_command
from redpoll.cli.quoting import UnbalancedQuotes, split_words
from redpoll.cli.replies import ConnectionLost, ErrorReply, ProtocolError
from redpoll.cli.session import Session

_COLOURS = {"<debug>": 33, "<redis>": 32, "<reply>": 36, "<error>": 31, "<hint>": 35, "<value>": 35, "<retval>": 35}
_END = "<endsession>"
_WHOLE_LINE = (b"eval", b"e")  # what follows these is Lua, not words


def colour_line(line: str, *, colours: bool) -> str:
    """Return a line of the debugger; its marks choose colours and stay readable without them."""
    if not colours:
        return line
    for mark, colour in _COLOURS.items():
        if line.startswith(mark):
            return f"\x1b[0;{colour}m{line}\x1b[0m"
    is_source = line.startswith("->") or line[:3] in ("-> ", " ->")
    return f"\x1b[1;37m{line}\x1b[0m" if is_source else line


def debug_script(session: Session, words: list[bytes]) -> int:
    """Run the script under the debugger until the user has enough of it; returns the exit code."""
    while _run_once(session, words):
        session.connect(force=True)
    return 0


def _run_once(session: Session, words: list[bytes]) -> bool:
    """Debug the script once; True when it is to be started again."""
    options = session.options
    connection = session.connection
    if connection is None:
        return False
    mode = b"sync" if options.debugging_blocks else b"yes"
    connection.call(b"SCRIPT", b"DEBUG", mode)
    try:
        command = script_command(options.script, words)
    except OSError as error:
        session.tell(f"Can't open file '{options.script}': {error.strerror}")
        raise SystemExit(1) from None
    session.write(
        b"Lua debugging session started, please use:\n"
        b"quit    -- End the session.\n"
        b"restart -- Restart the script in debug mode again.\n"
        b"help    -- Show Lua script debugging commands.\n\n"
    )
    connection.send(command)
    colours = session.out.isatty()
    try:
        ended = _show(session, connection.read(), colours)
        while not ended:
            line = _prompt()
            if line is None or line.strip() in (b"quit", b"exit"):
                return False
            if line.strip() == b"restart":
                return True
            request = _request(session, line)
            if request:
                connection.send(request)
                ended = _show(session, connection.read(), colours)
        changes = b"" if options.debugging_blocks else b" -- dataset changes rolled back"
        session.write(render.standard(connection.read()))
        session.write(b"\n(Lua debugging session ended%b)\n\n" % changes)
    except (ConnectionLost, ProtocolError):
        session.tell("Error: Server closed the connection")
    return False


def _request(session: Session, line: bytes) -> list[bytes]:
    name, _, rest = line.strip().partition(b" ")
    if name.lower() in _WHOLE_LINE and rest:
        return [name, rest]
    try:
        return split_words(line)
    except UnbalancedQuotes:
        session.write(b"Invalid argument(s)\n")
        return []


def _prompt() -> bytes | None:
    if sys.stdin.isatty():
        sys.stdout.write("lua debugger> ")
        sys.stdout.flush()
    line = sys.stdin.buffer.readline()
    return line.rstrip(b"\n") if line else None


def _show(session: Session, reply, colours: bool) -> bool:
    """Print what the debugger says; True when that was its last word."""
    if isinstance(reply, ErrorReply):
        session.write(b"Eval debugging session can't start:\n%b\n" % reply)
        raise SystemExit(1)
    ended = False
    for element in reply if isinstance(reply, list) else [reply]:
        line = render.raw(element).decode("utf-8", "replace")
        if line.startswith(_END):
            ended = True
        else:
            session.write((colour_line(line, colours=colours) + "\n").encode())
    return ended
