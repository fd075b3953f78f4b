"""While a line is being typed: completion, a hint of what may follow, colours, several lines, history."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import is_searching
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout.processors import AfterInput
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.styles import Style

from redpoll.cli.command_docs import KEY, CommandDocs
from redpoll.cli.hints import first_words, hint, pending
from redpoll.cli.interactive import is_secret
from redpoll.cli.preferences import preferences_of
from redpoll.cli.quoting import UnbalancedQuotes, quote, split_words
from redpoll.cli.replies import ConnectionLost, ProtocolError

KEYS_SHOWN = 50
KEYS_LOOKED_AT = 2000

_STYLE = Style.from_dict(
    {
        "command": "bold #5fafff",
        "unknown": "#d75f5f",
        "token": "#af87ff",
        "text": "#87af5f",
        "number": "#d7af5f",
        "hint": "#808080",
    }
)


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
        if not words:
            names = sorted({command.words[0]: command.summary for command in docs.by_name.values()}.items())
            yield from _beginning(names, current)
            return
        if len(words) == 1 and words[0].upper() in docs.containers:
            first = words[0].upper()
            parts = [
                (one.words[1], one.summary)
                for one in docs.by_name.values()
                if one.words[0] == first and len(one.words) > 1
            ]
            yield from _beginning(parts, current)
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
    words = typed_words(text)
    if not words:
        return ""
    command, count = docs.find(words)
    if command is None or (count == 1 and command.name in docs.containers and len(words) == 1):
        return ""
    usage = hint(command.arguments, words[count:])
    return usage if not usage or text[-1:].isspace() else f" {usage}"


class LineLexer(Lexer):
    """Colours by what a word is."""

    def __init__(self, docs: Callable[[], CommandDocs]) -> None:
        self._docs = docs

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """Styles of each line."""

        def line(number: int) -> StyleAndTextTuples:
            return self._colour(document.lines[number], first=number == 0)

        return line

    def _colour(self, text: str, *, first: bool) -> StyleAndTextTuples:
        docs = self._docs()
        parts: StyleAndTextTuples = []
        position = words = 0
        while position < len(text):
            if text[position].isspace():
                parts.append(("", text[position]))
                position += 1
                continue
            end = position
            if text[position] in "\"'":
                end = text.find(text[position], position + 1) + 1 or len(text)
            while end < len(text) and not text[end].isspace():
                end += 1
            parts.append((self._style(docs, text[position:end], words if first else 9), text[position:end]))
            position, words = end, words + 1
        return parts

    @staticmethod
    def _style(docs: CommandDocs, word: str, place: int) -> str:
        if place == 0:
            known = word.upper() in docs.by_name or word.upper() in docs.containers or not docs.by_name
            return "class:command" if known or word[0] == ":" else "class:unknown"
        if word[0] in "\"'":
            return "class:text"
        if word.lstrip("+-").replace(".", "", 1).isdigit():
            return "class:number"
        return "class:token" if word.isupper() else ""


def make_prompt(session, history_file: str) -> Callable[[str], str]:
    """A function that reads a line after a prompt; raises `EOFError` and `KeyboardInterrupt`."""
    preferences = preferences_of(session)

    def docs() -> CommandDocs:
        return session.docs

    def after(prompt: PromptSession) -> StyleAndTextTuples:
        buffer = prompt.default_buffer
        document = buffer.document
        if not preferences.hints or buffer.suggestion or document.cursor_position != len(document.text):
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
        style=_STYLE if preferences.colour else None,
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
