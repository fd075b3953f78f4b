"""`--lru-test`: a cache's load, to see how much a size of memory and a policy hit.

Keys are picked by a power law: four fifths of the requests go to a fifth of the keys, the lower numbers. Some are set,
then as many are got, again and again.
"""

from __future__ import annotations

import random
import string
import time

from redpoll.cli.replies import ConnectionLost, ErrorReply
from redpoll.cli.session import Session

_PIPELINE = 250
_VALUE_LETTERS = 5
_EXPONENT = 7.2  # 1 - (1 - 1/5) ** 7.2 is four fifths


def pick(keys: int, uniform: float) -> int:
    """Return the number of a key, from 1, for a random number from 0 to 1."""
    from_the_end = ((keys**_EXPONENT - 1) * uniform + 1) ** (1 / _EXPONENT)
    return max(1, int(keys + 1 - from_the_end))


def test_cache(session: Session) -> int:
    """Send load for ever (`-r` says for how many seconds) and print a line a second."""
    keys = max(1, session.options.lru_keys)
    limit = session.options.repeat if session.options.repeat > 1 else 0
    lines = 0
    while True:
        hits = misses = 0
        began = time.monotonic()
        while time.monotonic() - began < 1:
            try:
                hit, missed = _batch(session, keys)
            except ConnectionLost:
                session.tell("I/O error during LRU test")
                return 1
            hits, misses = hits + hit, misses + missed
        total = hits + misses
        session.write(
            f"{total} Gets/sec | Hits: {hits} ({100 * hits / total:.2f}%) | "
            f"Misses: {misses} ({100 * misses / total:.2f}%)\n".encode()
        )
        lines += 1
        if lines == limit:
            return 0


def _batch(session: Session, keys: int) -> tuple[int, int]:
    if session.connection is None:
        raise ConnectionLost
    connection = session.connection
    connection.call_many([[b"SET", _name(keys), _value()] for _ in range(_PIPELINE)])
    hits = 0
    for value in connection.call_many([[b"GET", _name(keys)] for _ in range(_PIPELINE)]):
        if isinstance(value, ErrorReply):
            session.tell(value.decode("utf-8", "replace"))
        elif value is not None:
            hits += 1
    return hits, _PIPELINE - hits


def _name(keys: int) -> bytes:
    return b"lru:%d" % pick(keys, random.random())


def _value() -> bytes:
    return "".join(random.choices(string.ascii_letters, k=_VALUE_LETTERS)).encode()
