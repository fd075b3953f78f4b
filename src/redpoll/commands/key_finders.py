"""Keys that no usage line can tell: where they are, or what is done to them, depends on other words."""

from collections.abc import Sequence

Places = list[tuple[int, tuple[str, ...]]]

_SORT_VALUES = {b"LIMIT": 2, b"GET": 1, b"BY": 1}


def set_keys(args: Sequence[bytes]) -> Places:
    """`SET` reads the key only with `GET` or a comparison."""
    reads = any(word.upper() in (b"GET", b"IFEQ", b"IFNE", b"IFDEQ", b"IFDNE") for word in args[3:])
    return [(1, ("RW", "access", "update") if reads else ("OW", "update"))]


def bitfield_keys(args: Sequence[bytes]) -> Places:
    """`BITFIELD` writes only with `SET` or `INCRBY`."""
    at, writes = 2, False
    while at < len(args):
        word, left = args[at].upper(), len(args) - at - 1
        if word == b"GET" and left >= 2:
            at += 3
        elif word in (b"SET", b"INCRBY") and left >= 3:
            writes = True
            at += 4
        elif word == b"OVERFLOW" and left >= 1:
            at += 2
        else:
            writes = True
            break
    return [(1, ("RW", "access", "update") if writes else ("RO", "access"))]


def sort_keys(args: Sequence[bytes]) -> Places:
    """`SORT` has the key it sorts, and the last of its `STORE` keys; patterns are not told."""
    stored, at = 0, 2
    while at < len(args):
        word = args[at].upper()
        if word in _SORT_VALUES:
            at += _SORT_VALUES[word]
        elif word == b"STORE" and at + 1 < len(args):
            stored = at + 1
            at += 1
        at += 1
    places: Places = [(1, ("RO", "access"))]
    return [*places, (stored, ("OW", "update"))] if stored else places


def migrate_keys(args: Sequence[bytes]) -> Places:
    """`MIGRATE` has one key, or those after `KEYS` if the one is empty; both make no sense."""
    flags = ("RW", "access", "delete")
    at = 6
    while at < len(args):
        word = args[at].upper()
        if word == b"KEYS" and at + 1 < len(args):
            if args[3]:
                return []
            return [(position, flags) for position in range(at + 1, len(args))]
        at += {b"AUTH": 2, b"AUTH2": 3}.get(word, 1)
    return [(3, flags)]
