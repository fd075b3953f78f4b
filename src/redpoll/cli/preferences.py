"""`:set` and its like, in a session and in `~/.redisclirc`."""

from __future__ import annotations

import os

from redpoll.cli.quoting import UnbalancedQuotes, split_words

FILES = (("REDISCLI_RCFILE", "~/.redisclirc"), ("VALKEYCLI_RCFILE", "~/.valkeyclirc"))


class Preferences:
    """What a user has chosen for sessions."""

    def __init__(self) -> None:
        self.hints = True
        self.tables = True
        self.confirm = True
        self.confirm_everywhere = False
        self.colour = True


_SWITCHES = {
    "hints": ("hints", True, "show what may follow while typing"),
    "nohints": ("hints", False, "don't"),
    "tables": ("tables", True, "show hashes, streams and INFO as tables"),
    "notables": ("tables", False, "show all replies as they are"),
    "confirm": ("confirm", True, "ask before dangerous commands on servers that look like production"),
    "confirmall": ("confirm_everywhere", True, "ask before dangerous commands on every server"),
    "noconfirm": ("confirm", False, "never ask"),
    "colour": ("colour", True, "colour what is typed"),
    "nocolour": ("colour", False, "don't"),
}
_SPELLINGS = {"color": "colour", "nocolor": "nocolour"}


def settings() -> list[tuple[str, str]]:
    """Return the names that `:set` takes, and what each does."""
    return [(name, text) for name, (_, _, text) in _SWITCHES.items()]


def set_preference(session, words: list[bytes], prefix: str = "") -> None:
    """Run a line that begins with a colon; what is wrong with it is printed after `prefix`."""
    name = words[0].decode("utf-8", "replace")
    if name.lower() == ":help":
        session.write(_help().encode())
        return
    if name.lower() != ":set" or len(words) < 2:
        session.write(f"{prefix}unknown redis-cli internal command '{name}'\n".encode())
        return
    choice = words[1].decode("utf-8", "replace")
    choice = _SPELLINGS.get(choice.lower(), choice)
    if choice.lower() not in _SWITCHES:
        session.write(f"{prefix}unknown redis-cli preference '{choice}'\n".encode())
        return
    attribute, value, _ = _SWITCHES[choice.lower()]
    preferences = preferences_of(session)
    setattr(preferences, attribute, value)
    if choice.lower() == "noconfirm":
        preferences.confirm_everywhere = False


def preferences_of(session) -> Preferences:
    """Return the session's preferences; a new session has the standard ones."""
    if getattr(session, "preferences", None) is None:
        session.preferences = Preferences()
    return session.preferences


def read_files(session, environment) -> None:
    """Run the lines of the user's file, if there is one."""
    for variable, place in FILES:
        path = environment.get(variable) or os.path.expanduser(place)
        if path == "/dev/null":
            continue
        try:
            with open(path, "rb") as file:
                lines = file.readlines()
        except OSError:
            continue
        for line in lines:
            try:
                words = split_words(line.strip())
            except UnbalancedQuotes:
                continue
            if words and not words[0].startswith(b"#"):
                set_preference(session, words, f"{os.path.basename(path)}: ")


def _help() -> str:
    lines = ["Lines for redpoll-cli itself:", ""]
    for name, text in (
        ("help <command>, help @<group>", "how a command is written and what it does"),
        ("<number> <command>", "run it that often"),
        ("connect <host> <port>", "go to another server"),
        ("clear", "clear the screen"),
        ("quit, exit, Ctrl-D", "leave"),
        (":help", "this text"),
    ):
        lines.append(f"  {name:30} {text}")
    lines += ["", "Keys: Tab completes commands, options and keys; Ctrl-R searches the history; right arrow takes a"]
    lines += ["suggestion; Alt-Enter starts a new line within quotes; Ctrl-C drops the line.", ""]
    lines += ["Settings, here or in ~/.redisclirc:", ""]
    lines += [f"  :set {name:25} {text}" for name, text in settings()]
    return "\n".join(lines) + "\n"
