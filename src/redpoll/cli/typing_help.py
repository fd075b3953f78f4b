"""While a line is being typed: completion, a hint of what may follow, several lines, history."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import is_searching
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout.processors import AfterInput

from redpoll.cli.colours import STYLE, LineLexer
from redpoll.cli.command_docs import KEY, CommandDocs
from redpoll.cli.hints import first_words, hint, pending
from redpoll.cli.interactive import is_secret
from redpoll.cli.preferences import preferences_of, settings
from redpoll.cli.quoting import UnbalancedQuotes, quote, split_words
from redpoll.cli.replies import ConnectionLost, ProtocolError

KEYS_SHOWN = 50
KEYS_LOOKED_AT = 2000

# Lines that are the session's own, and what they do.
_OWN = {
    "help": "about commands",
    "connect": "go to another server",
    "clear": "clear the screen",
    "quit": "leave",
    "exit": "leave",
    ":help": "about the session itself",
    ":set": "settings of the session",
}


def typed_words(text: str) -> list[str] | None:
    """The words of a line; None while a quote is open."""
    try:
        return [
            word.decode("utf-8", "surrogateescape") for word in split_words(text.encode("utf-8", "surrogateescape"))
        ]
    except UnbalancedQuotes:
        return None


class LineCompleter(Completer):
    """Names of commands and subcommands, tokens of options, keys of the server."""

    def __init__(self, docs: Callable[[], CommandDocs], find_keys: Callable[[str], list[bytes]]) -> None:
        self._docs, self._find_keys = docs, find_keys

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """What the word at the cursor may become."""
        text = document.text_before_cursor
        words = typed_words(text)
        if words is None:
            return
        current = "" if not words or text[-1:].isspace() else words.pop()
        for option, meta in self._choices(words, current):
            yield Completion(option, start_position=-len(current), display_meta=meta)

    def _choices(self, words: list[str], current: str) -> Iterator[tuple[str, str]]:
        docs = self._docs()
        words = without_count(words)
        if not words:
            yield from _beginning(self._names(), current)
            yield from _beginning([*_OWN.items()], current)
            return
        first = words[0].lower()
        if first == ":set":
            yield from _beginning(settings() if len(words) == 1 else [], current)
            return
        if first in ("help", "?") and len(words) == 1:
            groups = [(f"@{group}", "a group of commands") for group in docs.groups()]
            yield from _beginning(groups if current[:1] == "@" else [*self._names(), *groups], current)
            return
        if first in ("help", "?"):
            words = words[1:]
            yield from _beginning(self._parts(words[0]) if len(words) == 1 else [], current)
            return
        if len(words) == 1 and words[0].upper() in docs.containers:
            yield from _beginning(self._parts(words[0]), current)
            return
        command, count = docs.find(words)
        still = pending(command.arguments, words[count:]) if command else None
        if not still:
            return
        tokens, values = first_words(still)
        yield from _beginning([(token, "") for token in tokens], current)
        if any(value.kind == KEY for value in values):
            for key in self._find_keys(current):
                shown = quote(key).decode("ascii", "replace")
                yield (shown[1:-1] if shown[1:-1].encode() == key and " " not in shown else shown), "key"

    def _names(self) -> list[tuple[str, str]]:
        return sorted({command.words[0]: command.summary for command in self._docs().by_name.values()}.items())

    def _parts(self, name: str) -> list[tuple[str, str]]:
        """The subcommands of a container."""
        commands = self._docs().by_name.values()
        return [(one.words[1], one.summary) for one in commands if one.words[0] == name.upper() and len(one.words) > 1]


def without_count(words: list[str]) -> list[str]:
    """Return a line's words without the number that says how often to run it."""
    return words[1:] if words and words[0].isdigit() else words


def _beginning(options: list[tuple[str, str]], current: str) -> Iterator[tuple[str, str]]:
    lower = current.islower()
    for option, meta in options:
        if option.upper().startswith(current.upper()):
            yield (option.lower() if lower else option), meta


def key_finder(session) -> Callable[[str], list[bytes]]:
    """Finds some keys that begin with a text, without looking at more than some thousands."""

    def find(prefix: str) -> list[bytes]:
        if session.connection is None or session.in_transaction or session.subscriptions:
            return []
        escaped = b"".join(b"\\" + bytes([byte]) if byte in b"*?[]\\" else bytes([byte]) for byte in prefix.encode())
        found: list[bytes] = []
        cursor, looked_at = b"0", 0
        try:
            while len(found) < KEYS_SHOWN and looked_at < KEYS_LOOKED_AT:
                reply = session.ask(b"SCAN", cursor, b"MATCH", escaped + b"*", b"COUNT", b"500")
                if not isinstance(reply, list):
                    break
                cursor, keys = reply
                found += keys
                looked_at += 500
                if cursor == b"0":
                    break
        except (ConnectionLost, ProtocolError):
            session.disconnect()
        return sorted(found)[:KEYS_SHOWN]

    return find


def line_hint(docs: CommandDocs, text: str) -> str:
    """What may follow a line; empty where nothing is known of it."""
    words = without_count(typed_words(text) or [])
    if not words:
        return ""
    command, count = docs.find(words)
    if command is None or (count == 1 and command.name in docs.containers and len(words) == 1):
        return ""
    usage = hint(command.arguments, words[count:])
    return usage if not usage or text[-1:].isspace() else f" {usage}"


def make_prompt(session, history_file: str) -> Callable[[str], str]:
    """A function that reads a line after a prompt; raises `EOFError` and `KeyboardInterrupt`."""
    preferences = preferences_of(session)

    def docs() -> CommandDocs:
        return session.docs

    def after(prompt: PromptSession) -> StyleAndTextTuples:
        buffer = prompt.default_buffer
        document = buffer.document
        if (
            get_app().is_done
            or not preferences.hints
            or buffer.suggestion
            or document.cursor_position != len(document.text)
        ):
            return []
        return [("class:hint", line_hint(docs(), document.text))]

    bindings = KeyBindings()

    @bindings.add("escape", "enter")
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @bindings.add("enter", filter=~is_searching)
    def _enter(event: KeyPressEvent) -> None:
        # A script of several lines is done when its quote is closed.
        if typed_words(event.current_buffer.document.text) is None:
            event.current_buffer.insert_text("\n")
        else:
            event.current_buffer.validate_and_handle()

    prompt: PromptSession = PromptSession(
        history=_history(history_file),
        completer=LineCompleter(docs, key_finder(session)),
        complete_while_typing=False,
        auto_suggest=AutoSuggestFromHistory(),
        lexer=LineLexer(docs) if preferences.colour else None,
        style=STYLE if preferences.colour else None,
        include_default_pygments_style=False,
        key_bindings=bindings,
        enable_history_search=True,
    )
    prompt.input_processors = [AfterInput(lambda: after(prompt))]

    def read(text: str) -> str:
        return prompt.prompt(text, multiline=True)

    return read


def _history(path: str) -> History:
    """Lines of former sessions; those with secrets stay out of the file."""
    if not path:
        return InMemoryHistory()

    class _Discreet(FileHistory):
        def append_string(self, string: str) -> None:
            if not is_secret(typed_words(string) or []):
                super().append_string(string)

    return _Discreet(path)
