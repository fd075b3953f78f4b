"""What is to be sent, as the options say: tests, a command, a mix, a data set."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from redpoll.benchmark import suite, templates
from redpoll.benchmark.options import Options, Stop
from redpoll.benchmark.runner import Load


def loads(options: Options) -> Iterator[Load]:
    """Yield what is to be sent, one after the other. Raises `Stop` for what makes no sense."""
    value = templates.data(options.data_size)
    if options.mix:
        yield _mix(options, value)
    elif options.words:
        yield _command(options, value)
    else:
        for test in suite.chosen(options.tests):
            yield _test(test, options, value)


def _test(test: suite.Test, options: Options, value: bytes) -> Load:
    before = test.before(options) if test.before is not None else []
    return Load(test.title, [suite.unit_of(test, options, value)], before=before)


def _command(options: Options, value: bytes) -> Load:
    title = b" ".join(options.words).decode("utf-8", "backslashreplace")
    words = options.words if options.last_word is None else [*options.words, options.last_word]
    try:
        commands = templates.split_sequence(words)
    except ValueError as problem:
        raise Stop(f"Invalid command: {problem}\n", 1) from None
    wanted = templates.fields_in(commands)
    if not wanted:
        if options.data_set:
            raise Stop("--dataset needs __field:name__ in the command.\n", 1)
        made = templates.unit(commands, value)
        with_values = any(b"__data__" in word for words in commands for word in words)
        return Load(title, [made], payload=None if with_values else len(made.text))
    if not options.data_set:
        raise Stop(f"__field:{wanted[0]}__ needs --dataset.\n", 1)
    from redpoll.benchmark.data_set import records

    units = [templates.unit(templates.with_fields(commands, record), value) for record in records(options, wanted)]
    return Load(title, units, order="in turn")


def _mix(options: Options, value: bytes) -> Load:
    titles, units, weights, before = [], [], [], []
    for part in options.mix.split(","):
        text, _, weight = part.rpartition(":")
        if not re.fullmatch(r"\d+(\.\d+)?", weight) or not text.strip() or float(weight) <= 0:
            raise Stop(f'Invalid part "{part}" of --mix: it is a test or a command, a colon and a weight\n', 1)
        weights.append(float(weight))
        text = text.strip()
        tests = suite.chosen(text) if " " not in text else []
        if tests:
            test = tests[-1]
            titles.append(test.title)
            units.append(suite.unit_of(test, options, value))
            before += test.before(options) if test.before is not None else []
            continue
        try:
            words = [word.encode("utf-8", "surrogateescape") for word in shlex.split(text)]
        except ValueError as problem:
            raise Stop(f'Invalid part "{part}" of --mix: {problem}\n', 1) from None
        if len(words) == 1 and words[0].lower() not in _WORDS_ALONE:
            raise Stop(f'Invalid part "{part}" of --mix: there is no test of that name\n', 1)
        titles.append(text)
        units.append(templates.unit([words], value))
    return Load(f"mix of {options.mix}", units, "mixed", weights, titles, before)


# Commands that make sense without an argument, so that a misspelt test is no command.
_WORDS_ALONE = {b"ping", b"time", b"dbsize", b"randomkey", b"info", b"lastsave", b"role", b"command"}
