"""Colours of what is typed: commands, their options, texts, and Lua where a script is due."""

from __future__ import annotations

import re
from collections.abc import Callable

from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.styles import Style

from redpoll.cli.command_docs import CommandDocs

STYLE = Style.from_dict(
    {
        "command": "bold #5fafff",
        "unknown": "#d75f5f",
        "token": "#af87ff",
        "text": "#87af5f",
        "number": "#d7af5f",
        "hint": "#808080",
        "lua-keyword": "bold #d787af",
        "lua-server": "#5fafff",
        "lua-comment": "italic #808080",
    }
)
_LUA = re.compile(
    r"(?P<comment>--\[\[.*?(?:\]\]|\Z)|--[^\n]*)"
    r"|(?P<text>'(?:\\.|[^'\\\n])*'?|\"(?:\\.|[^\"\\\n])*\"?|\[\[.*?(?:\]\]|\Z))"
    r"|(?P<number>\b\d+(?:\.\d+)?\b)"
    r"|(?P<server>\b(?:redis|server)\.\w+|\b(?:KEYS|ARGV)\b)"
    r"|(?P<keyword>\b(?:and|break|do|else|elseif|end|false|for|function|if|in|local|nil|not|or|repeat|return|then|true"
    r"|until|while)\b)",
    re.DOTALL,
)
_LUA_STYLES = {"comment": "class:lua-comment", "text": "class:text", "number": "class:number",
               "server": "class:lua-server", "keyword": "class:lua-keyword"}  # fmt: skip
# Commands whose first quoted word is a script.
_SCRIPTED = {("EVAL",), ("EVAL_RO",), ("SCRIPT", "LOAD"), ("FUNCTION", "LOAD")}


class LineLexer(Lexer):
    """Colours by what a word is; a word may go on over several lines."""

    def __init__(self, docs: Callable[[], CommandDocs]) -> None:
        self._docs = docs

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """Styles of each line."""
        lines: list[StyleAndTextTuples] = [[]]
        for style, text in colour(document.text, self._docs()):
            first, *rest = text.split("\n")
            lines[-1].append((style, first))
            lines += [[(style, one)] for one in rest]
        return lambda number: lines[number] if number < len(lines) else []


def colour(text: str, docs: CommandDocs) -> list[tuple[str, str]]:
    """Return pieces of what was typed, each with its style."""
    pieces: list[tuple[str, str]] = []
    words: list[str] = []
    position = 0
    for found in re.finditer(r"\s+|\"(?:\\.|[^\"\\])*\"?\S*|'(?:\\'|[^'])*'?\S*|[^\s\"']\S*", text, re.DOTALL):
        position, word = found.end(), found[0]
        if word.isspace():
            pieces.append(("", word))
            continue
        if word[0] in "\"'" and _is_script(words):
            pieces.append(("class:text", word[0]))
            pieces += colour_lua(word[1:])
        else:
            pieces.append((_style(docs, word, len(words)), word))
        if words or not word.isdigit():
            words.append(word)
    return [*pieces, ("", text[position:])]


def _is_script(words: list[str]) -> bool:
    upper = [word.upper() for word in words]
    if len(upper) > 2 and upper[:3] == ["FUNCTION", "LOAD", "REPLACE"]:
        del upper[2]
    return tuple(upper) in _SCRIPTED


def colour_lua(text: str) -> list[tuple[str, str]]:
    """Return pieces of a script, each with its style."""
    pieces, position = [], 0
    for found in _LUA.finditer(text):
        pieces.append(("", text[position : found.start()]))
        pieces.append((_LUA_STYLES[found.lastgroup or ""], found[0]))
        position = found.end()
    return [*pieces, ("", text[position:])]


def _style(docs: CommandDocs, word: str, place: int) -> str:
    if place == 0 and not word.isdigit():
        known = word.upper() in docs.by_name or word.upper() in docs.containers or not docs.by_name
        return "class:command" if known or word[0] == ":" else "class:unknown"
    if word[0] in "\"'":
        return "class:text"
    if word.lstrip("+-").replace(".", "", 1).isdigit():
        return "class:number"
    return "class:token" if word.isupper() else ""
