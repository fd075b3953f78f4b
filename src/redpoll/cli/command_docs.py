"""Commands as the server describes them: what HELP shows, and what hints and completion know.

`COMMAND DOCS` answers a map of names to maps; a container's holds its subcommands, named `config|get`, in the
same form.
"""

from __future__ import annotations

from redpoll.cli.numbers import leading_integer
from redpoll.cli.replies import ConnectionLost, Fields, ProtocolError

KEY = "key"
TOKEN = "pure-token"


class Argument:
    """One argument, or a group of them."""

    def __init__(
        self, text: str, kind: str, token: str = "", *, optional: bool = False, multiple: bool = False,
        repeats_token: bool = False, parts: list[Argument] | None = None,
    ) -> None:  # fmt: skip
        self.text, self.kind, self.token = text, kind, token
        self.optional, self.multiple, self.repeats_token = optional, multiple, repeats_token
        self.parts = parts or []
        self.again = False  # a further one of those that were given

    def changed(self, **changes) -> Argument:
        """Return a copy with other attributes."""
        other = Argument(self.text, self.kind, self.token, parts=self.parts)
        other.__dict__.update(self.__dict__)
        other.__dict__.update(changes)
        return other

    def __str__(self) -> str:
        if self.kind == TOKEN:
            text = self.token
        elif self.kind == "oneof":
            text = " | ".join(map(str, self.parts))
            text = text if self.optional and not self.token else f"<{text}>"
        elif self.kind == "block":
            text = " ".join(map(str, self.parts))
        else:
            text = self.text
        whole = f"{self.token} {text}" if self.token and self.kind != TOKEN else text
        if self.multiple:
            more = whole if self.repeats_token else text
            whole = f"{more} ..." if self.again else f"{whole} [{more} ...]"
        return f"[{whole}]" if self.optional else whole


class Command:
    """One command: its words, what it takes, and what is said of it."""

    def __init__(
        self, name: str, arguments: list[Argument], summary: str = "", since: str = "", group: str = ""
    ) -> None:
        self.name, self.arguments = name, arguments
        self.summary, self.since, self.group = summary, since, group
        self.words = name.split(" ")

    @property
    def usage(self) -> str:
        """What follows the name."""
        return " ".join(map(str, self.arguments))


class CommandDocs:
    """All commands of a server by their names in capitals."""

    def __init__(self, commands: list[Command]) -> None:
        self.by_name = {command.name: command for command in commands}
        self.containers = {command.words[0] for command in commands if len(command.words) > 1}

    def find(self, words: list[str]) -> tuple[Command | None, int]:
        """Return the command that a line begins with and how many words name it."""
        upper = [word.upper() for word in words[:2]]
        if len(upper) > 1 and (command := self.by_name.get(" ".join(upper))):
            return command, 2
        if upper and (command := self.by_name.get(upper[0])):
            return command, 1
        return None, 0

    def groups(self) -> list[str]:
        """Return the names of groups."""
        return sorted({command.group for command in self.by_name.values() if command.group})


def fetch_docs(session) -> CommandDocs:
    """Ask the server; one that does not know COMMAND DOCS is asked for its commands' names at least."""
    try:
        reply = session.ask(b"COMMAND", b"DOCS")
        if isinstance(reply, list):
            return CommandDocs(sorted(_read_docs(reply), key=lambda command: command.name))
        reply = session.ask(b"COMMAND")
        if isinstance(reply, list):
            return CommandDocs(sorted(_read_names(reply), key=lambda command: command.name))
    except (ConnectionLost, ProtocolError):
        session.disconnect()
    return CommandDocs([])


def _read_docs(reply: list) -> list[Command]:
    commands = []
    for name, facts in Fields(reply).items():
        about = Fields(facts)
        commands.append(
            Command(
                name.upper().replace("|", " "),
                [_read_argument(Fields(one)) for one in about.elements(b"arguments")],
                about.text(b"summary"),
                about.text(b"since"),
                about.text(b"group"),
            )
        )
        commands += _read_docs(about.elements(b"subcommands"))
    return commands


def _read_argument(about: Fields) -> Argument:
    flags = about.elements(b"flags")
    return Argument(
        about.text(b"display_text") or about.text(b"name"),
        about.text(b"type"),
        about.text(b"token"),
        optional=b"optional" in flags,
        multiple=b"multiple" in flags,
        repeats_token=b"multiple_token" in flags,
        parts=[_read_argument(Fields(part)) for part in about.elements(b"arguments")],
    )


def _read_names(reply: list) -> list[Command]:
    commands = []
    for facts in reply:
        if not isinstance(facts, list) or len(facts) < 6 or not isinstance(facts[0], bytes):
            continue
        name, arity, _, first_key = facts[:4]
        arguments = []
        for place in range(1, abs(leading_integer(str(arity)))):
            is_key = place == first_key
            arguments.append(Argument("key" if is_key else "arg", KEY if is_key else "string"))
        if isinstance(arity, int) and arity < 0:
            arguments.append(Argument("arg", "string", optional=True, multiple=True).changed(again=True))
        commands.append(Command(name.decode("utf-8", "replace").upper(), arguments, group="generic"))
    return commands
