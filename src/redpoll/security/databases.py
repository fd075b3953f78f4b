"""Which databases a command reaches, for users who may not use all of them."""

from collections.abc import Iterator, Sequence

from redpoll.commands.declare import Command

#: Instead of a number: every database.
EVERY = -1

_NEEDED = frozenset(("keyspace", "read", "write"))


def reached(command: Command, words: Sequence[bytes], current: int, count: int) -> Iterator[tuple[int, int]]:
    """Numbers of databases, each with the position of the word that tells it: 0, the name, where none does.

    Words that are no numbers of one of the `count` databases are left to the command itself.
    """
    name = command.name
    if name in _EVERYWHERE:
        yield EVERY, 0
        return
    told = _TOLD.get(name)
    if told is not None:
        places = told(words)
        if all(words[at].isdigit() and len(words[at]) < 10 and int(words[at]) < count for at in places):
            for at in places:
                yield int(words[at]), at
    if name != "select" and name != "swapdb" and touches_keys(command):
        yield current, 0


def chosen(command: Command, words: Sequence[bytes]) -> int | None:
    """The database that a connection works on after this command; None: the same as before."""
    return int(words[1]) if command.name == "select" and words[1].isdigit() and len(words[1]) < 10 else None


def touches_keys(command: Command) -> bool:
    """Whether a command looks at keys or changes them, or what there is of them."""
    return bool(command.key_specs) or not _NEEDED.isdisjoint(command.categories)


def _copy(words: Sequence[bytes]) -> list[int]:
    return [at + 1 for at in range(3, len(words) - 1) if words[at].upper() == b"DB"][:1]


_EVERYWHERE = frozenset(("flushall", "cluster|cancelslotmigrations", "cluster|migrateslots"))
_TOLD = {
    "select": lambda words: [1] if len(words) > 1 else [],
    "swapdb": lambda words: [1, 2] if len(words) > 2 else [],
    "move": lambda words: [2] if len(words) > 2 else [],
    "copy": _copy,
}
