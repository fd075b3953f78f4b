"""HELP: about the command line, a command, or a group."""

from __future__ import annotations

from redpoll.cli.command_docs import Command, fetch_docs
from redpoll.cli.options import version_line

_GENERAL = """\
"help <command>"  what a command does and how it is written
"help @<group>"   the same of all commands of a group
":help"           lines and keys of the session itself, and its settings
"quit"            leave
"""


def show_help(session, words: list[bytes]) -> None:
    """Print help about what the words name; nothing but an empty line where they name nothing."""
    topic = " ".join(word.decode("utf-8", "replace") for word in words)
    if not topic:
        session.write((version_line() + _GENERAL).encode())
        return
    docs = getattr(session, "docs", None) or fetch_docs(session)
    if topic.startswith("@"):
        found = [command for command in docs.by_name.values() if command.group == topic[1:].lower()]
        text = "".join(_describe(command, with_group=False) for command in found)
    else:
        wanted = topic.upper()
        names = (name for name in docs.by_name if name == wanted or name.startswith(wanted + " "))
        text = "".join(_describe(docs.by_name[name], with_group=True) for name in names)
    session.write((text + "\r\n").encode())


def _describe(command: Command, *, with_group: bool) -> str:
    lines = [
        f"\r\n  \x1b[1m{command.name}\x1b[0m \x1b[90m{command.usage}\x1b[0m\r\n",
        f"  \x1b[33msummary:\x1b[0m {command.summary}\r\n",
        f"  \x1b[33msince:\x1b[0m {command.since}\r\n",
    ]
    if with_group:
        lines.append(f"  \x1b[33mgroup:\x1b[0m {command.group}\r\n")
    return "".join(lines)
