"""What `--cluster` prints, in the colour of its kind where the terminal is one with colours; what it asks.

Reports and errors both go to the standard output, as they are one account of what was done; what is wrong with the
command line itself goes to the error output.
"""

from __future__ import annotations

import os
import sys

_COLOURS = {"bold": "29;1", "error": "31;1", "warning": "33;1", "good": "32;1"}


def say(text: str, kind: str = "") -> None:
    """Print a text on the standard output."""
    if kind and "xterm" in os.environ.get("TERM", ""):
        text = f"\x1b[{_COLOURS[kind]}m{text}\x1b[0m"
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()


def info(text: str) -> None:
    """Say what is being done."""
    say(text, "bold")


def good(text: str) -> None:
    """Say that something is as it should be."""
    say(text, "good")


def warning(text: str) -> None:
    """Say what may be wrong."""
    say(text, "warning")


def error(text: str) -> None:
    """Say what is wrong."""
    say(text, "error")


def complain(line: str) -> None:
    """Print a line on the error output."""
    print(line, file=sys.stderr, flush=True)


def ask(question: str) -> str | None:
    """Ask for a line; None at the input's end."""
    say(question)
    line = sys.stdin.readline()
    return line.strip() if line else None


def confirmed(question: str, options, *, by_hand: bool = False) -> bool:
    """Ask for a yes; `--cluster-yes` has said it already, but where it must come `by_hand`."""
    if options.cluster_yes and not by_hand:
        return True
    return ask(f"{question} (type 'yes' to accept): ") == "yes"
