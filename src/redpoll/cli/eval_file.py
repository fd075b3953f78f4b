"""`--eval`: a Lua script from a file, its keys before the first lone comma, its arguments behind."""

from __future__ import annotations

from redpoll.cli.session import Session


def script_command(path: str, words: list[bytes]) -> list[bytes]:
    """Return the EVAL command for a script. Raises `OSError`."""
    with open(path, "rb") as file:
        text = file.read()
    keys, arguments = words, []
    if b"," in words:
        comma = words.index(b",")
        keys, arguments = words[:comma], words[comma + 1 :]
    return [b"EVAL", text, b"%d" % len(keys), *keys, *arguments]


def run_script(session: Session, words: list[bytes]) -> int:
    """Run the script that the options name, under the debugger if they say so; returns the exit code."""
    options = session.options
    if not session.connect() and session.connection is None:
        return 1
    if options.debugging:
        from redpoll.cli.ldb import debug_script

        return debug_script(session, words)
    try:
        command = script_command(options.script, words)
    except OSError as error:
        session.tell(f"Can't open file '{options.script}': {error.strerror}")
        return 1
    return 0 if session.issue(command, options.repeat) else 1
