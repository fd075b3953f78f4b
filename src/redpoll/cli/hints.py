"""What may follow the words of a line that is being typed."""

from __future__ import annotations

from redpoll.cli.command_docs import TOKEN, Argument


def pending(arguments: list[Argument], words: list[str]) -> list[Argument] | None:
    """Return what may or must still come after the words; None where they do not fit.

    Optional arguments that stand together may be given in any order.
    """
    position, place, still = 0, 0, []
    while place < len(arguments):
        if not arguments[place].optional:
            if position >= len(words):
                still.append(arguments[place])
            else:
                count, rest = _take(arguments[place], words[position:])
                if not count:
                    return None
                position += count
                still += rest
            place += 1
            continue
        end = place
        while end < len(arguments) and arguments[end].optional:
            end += 1
        count, rest = _take_any(arguments[place:end], words[position:])
        position += count
        still += rest
        place = end
    return still if position >= len(words) else None


def _take_any(choices: list[Argument], words: list[str]) -> tuple[int, list[Argument]]:
    """Take optional arguments in any order; what names itself by a token goes before what takes any word."""
    left = sorted(choices, key=lambda argument: not _starts_with_token(argument))
    position = 0
    while position < len(words):
        for argument in left:
            count, rest = _take(argument, words[position:])
            if count:
                break
        else:
            break
        position += count
        left.remove(argument)
        if rest and position >= len(words):
            return position, rest + [one for one in choices if one in left]
    return position, [one for one in choices if one in left]


def _starts_with_token(argument: Argument) -> bool:
    if argument.token:
        return True
    if argument.kind == "oneof":
        return all(map(_starts_with_token, argument.parts))
    return argument.kind == "block" and _starts_with_token(argument.parts[0])


def _take(argument: Argument, words: list[str]) -> tuple[int, list[Argument]]:
    """Return how many words an argument takes, and what of it has still to come."""
    position, rest = _take_once(argument, words)
    if not position or not argument.multiple or (rest and not all(one.optional for one in rest)):
        return position, rest
    bare = argument if argument.repeats_token else argument.changed(token="")
    while position < len(words):
        count, rest = _take_once(bare, words[position:])
        if not count:
            break
        position += count
    if rest and not all(one.optional for one in rest):
        return position, rest
    return position, [*rest, argument.changed(optional=True, again=True)]


def _take_once(argument: Argument, words: list[str]) -> tuple[int, list[Argument]]:
    if argument.token and not _same(words[0], argument.token):
        return 0, []
    if argument.kind == TOKEN:
        return 1, []
    if not argument.token:
        return _take_value(argument, words)
    if len(words) == 1:
        return 1, [argument.changed(token="", optional=False)]
    count, rest = _take_value(argument, words[1:])
    return (1 + count, rest) if count else (0, [])


def _take_value(argument: Argument, words: list[str]) -> tuple[int, list[Argument]]:
    if argument.kind == "oneof":
        found = [_take(part, words) for part in argument.parts]
        return max(found, key=lambda one: one[0]) if found else (0, [])
    if argument.kind == "block":
        return _take_block(argument, words)
    if argument.kind in ("integer", "double", "unix-time") and not _may_be_number(words[0]):
        return 0, []
    return 1, []


def _take_block(argument: Argument, words: list[str]) -> tuple[int, list[Argument]]:
    position, still = 0, []
    for part in argument.parts:
        if position >= len(words):
            still.append(part)
            continue
        count, rest = _take(part, words[position:])
        if not count and not part.optional:
            return 0, []
        position += count
        still += rest if count else [part]
    return position, still


def _same(word: str, token: str) -> bool:
    return word.upper() == token.upper() or (token == '""' and not word)


def _may_be_number(word: str) -> bool:
    """Numbers may have marks about them: `(1.5`, `+inf`, `-`, `~10`, `$`, `>`."""
    return not word or word[0] in "0123456789+-(.~=$>*" or word.lower() in ("inf", "nan")


def first_words(still: list[Argument]) -> tuple[list[str], list[Argument]]:
    """Return the tokens and the values that may come next."""
    tokens: list[str] = []
    values: list[Argument] = []
    for argument in still:
        _starters(argument, tokens, values)
        if not argument.optional:
            break
    return tokens, values


def _starters(argument: Argument, tokens: list[str], values: list[Argument]) -> None:
    if argument.token and (not argument.again or argument.repeats_token or argument.kind == TOKEN):
        tokens.append(argument.token)
    elif argument.kind == "oneof":
        for part in argument.parts:
            _starters(part, tokens, values)
    elif argument.kind == "block":
        for part in argument.parts:
            _starters(part, tokens, values)
            if not part.optional:
                break
    else:
        values.append(argument)


def hint(arguments: list[Argument], words: list[str]) -> str:
    """Return the usage of what may follow; empty where nothing may or the words do not fit."""
    still = pending(arguments, words)
    return " ".join(map(str, still)) if still else ""
