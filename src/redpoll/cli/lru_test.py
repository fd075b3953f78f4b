"""`--lru-test`: a cache's load, to see how much a size of memory and a policy hit.

Keys are picked by a power law: four fifths of the requests go to a fifth of the keys. Each is read, and set
if it is not there, as an application would.
"""

from __future__ import annotations

import math
import random
import time

from redpoll.cli.replies import ConnectionLost, ErrorReply
from redpoll.cli.session import Session

_PIPELINE = 250
_VALUE = b"x" * 10
_ALPHA = math.log(0.8, 0.2)  # P(first fifth of the keys) = 0.2 ** alpha = 0.8


def pick(keys: int, uniform: float) -> int:
    """Return the number of a key, from 0, for a random number from 0 to 1."""
    return min(keys - 1, int(keys * uniform ** (1 / _ALPHA)))


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
    names = [b"lru:%d" % pick(keys, random.random()) for _ in range(_PIPELINE)]
    if session.connection is None:
        raise ConnectionLost
    values = session.connection.call_many([[b"GET", name] for name in names])
    missing = []
    for name, value in zip(names, values, strict=True):
        if isinstance(value, ErrorReply):
            session.tell(value.decode("utf-8", "replace"))
        elif value is None:
            missing.append(name)
    if missing:
        session.connection.call_many([[b"SET", name, _VALUE] for name in missing])
    return len(names) - len(missing), len(missing)
