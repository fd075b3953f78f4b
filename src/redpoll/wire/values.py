"""Reply values that no Python type stands for; only the reply writer tells RESP2 from RESP3.

A plain `str` is a status, `None` a null, and a `CommandError` inside a reply an error in its place.
"""

from typing import Any


class Verbatim(bytes):
    """A text for people: a verbatim string in RESP3 (`format` is `txt` or `mkd`), a bulk string in RESP2."""

    format: str

    def __new__(cls, text: bytes, format: str = "txt") -> "Verbatim":  # noqa: A002 - the protocol's own word
        """Mark `text` as verbatim."""
        value = super().__new__(cls, text)
        value.format = format
        return value


class ReplySet(tuple[Any, ...]):
    """A set in RESP3 and an array in RESP2, in this order; of distinct values, which need not be hashable."""

    __slots__ = ()


class Map(tuple[tuple[Any, Any], ...]):
    """A map of pairs in this order whose keys may repeat or be unhashable; elsewhere a `dict` does."""

    __slots__ = ()


class Push(tuple[Any, ...]):
    """A message out of turn: a push in RESP3, an array in RESP2. The first value names its kind."""

    __slots__ = ()

    @classmethod
    def of(cls, *values: Any) -> "Push":
        """Make the message of `values`."""
        return cls(values)


class BigNumber(int):
    """An integer of any size: a big number in RESP3, a bulk string in RESP2."""

    __slots__ = ()


class Sentinel:
    """A value that is told by its identity."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


#: A null where RESP2 has an array: `*-1` in RESP2, the common null in RESP3.
NULL_ARRAY = Sentinel("NULL_ARRAY")

#: Nothing is sent: the reply comes later, by another way, or never.
NO_REPLY = Sentinel("NO_REPLY")
