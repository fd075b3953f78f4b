"""One command from the command line."""

from __future__ import annotations

import sys

from redpoll.cli.quoting import UnbalancedQuotes, unquote
from redpoll.cli.session import Session


def run_one(session: Session, words: list[bytes]) -> int:
    """Run a command as often as the options say and return the exit code."""
    options = session.options
    if options.quoted_input:
        try:
            words = [unquote(word) if word else word for word in words]
        except UnbalancedQuotes:
            session.write(b"Invalid quoted string\n")
            return 1
    if options.last_from_input:
        words = words + [sys.stdin.buffer.read()]
    elif options.tag_from_input is not None:
        if options.tag_from_input not in words:
            session.tell("Using -X option but stdin tag not match.")
            return 1
        place = words.index(options.tag_from_input)
        words = words[:place] + [sys.stdin.buffer.read()] + words[place + 1 :]
    return 0 if session.issue(words, options.repeat) else 1
