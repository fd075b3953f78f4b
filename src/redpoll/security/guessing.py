"""Guessing passwords, made slow: who failed often from one address has to wait for the next try to be looked at.

Failures of an address are forgotten one each second. Up to `FREE` of them cost nothing; from then on tries of that
address, right or wrong and on whatever connection, are looked at one after the other, `FIRST_WAIT_MS` apart at first,
and the more failures the longer, up to `LONGEST_WAIT_MS`. So guessing goes on at the pace of a few a second, while one
who mistypes never notices. The waiting itself is the server's: it holds the reply.
"""

FREE = 256
FIRST_WAIT_MS = 20
LONGEST_WAIT_MS = 1000
FORGOTTEN_EACH_MS = 1000
LONGEST_QUEUE_MS = 10_000
_MOST_ADDRESSES = 10_000


class _Record:
    __slots__ = ("failures", "next_ms", "since_ms")

    def __init__(self, now_ms: int) -> None:
        self.failures = 0
        self.since_ms = now_ms
        self.next_ms = 0

    def forget(self, now_ms: int) -> None:
        passed = (now_ms - self.since_ms) // FORGOTTEN_EACH_MS
        if passed > 0:
            self.failures = max(self.failures - passed, 0)
            self.since_ms += passed * FORGOTTEN_EACH_MS


class Guesses:
    """Failures by address. Times are handed in, in milliseconds."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}

    def __len__(self) -> int:
        return len(self._records)

    def wait_ms(self, address: str, now_ms: int) -> int:
        """How long the next try from an address has to wait, and with it those after it; 0: not at all.

        Below zero: so many wait already that it is not looked at.
        """
        record = self._records.get(address)
        if record is None:
            return 0
        record.forget(now_ms)
        over = record.failures - FREE
        if over < 0:
            return 0
        start = max(record.next_ms, now_ms)
        if start - now_ms > LONGEST_QUEUE_MS:
            return -1
        record.next_ms = start + min(FIRST_WAIT_MS * (1 + over // 16), LONGEST_WAIT_MS)
        return record.next_ms - now_ms

    def failed(self, address: str, now_ms: int) -> None:
        """A try was wrong."""
        record = self._records.get(address)
        if record is None:
            if len(self._records) >= _MOST_ADDRESSES:
                self._make_room(now_ms)
            record = self._records[address] = _Record(now_ms)
        record.forget(now_ms)
        record.failures += 1

    def _make_room(self, now_ms: int) -> None:
        for address, record in list(self._records.items()):
            record.forget(now_ms)
            if not record.failures:
                del self._records[address]
        # So many at once that this is not done again soon.
        while len(self._records) > _MOST_ADDRESSES * 3 // 4:
            del self._records[next(iter(self._records))]
