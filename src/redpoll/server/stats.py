"""Counters that need a little arithmetic: rates over the last samples, error codes, duration buckets."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate

RATE_SAMPLES = 16
MAX_ERROR_CODES = 128
ERRORS_DISABLED = "ERRORSTATS_DISABLED"

MAX_NANOSECONDS = 1_000_000_000
"""Longer durations count as this much in histograms."""


class Rate:
    """How fast a counter grows: its growth for each `per` of a base, averaged over the last 16 samples.

    The base is milliseconds, and `per` 1000, for what `INFO` calls a figure a second; or another
    counter, and `per` 1, for the likes of microseconds a loop cycle. Sampled about ten times a
    second. A first sample only sets where to count from.
    """

    __slots__ = ("_at", "_last_base", "_last_count", "_samples", "per")

    def __init__(self, per: int = 1000) -> None:
        self.per = per
        self._samples = [0] * RATE_SAMPLES
        self._at = 0
        self._last_base: int | None = None
        self._last_count = 0

    def sample(self, count: int, base: int) -> None:
        """Note the counter's value at this value of the base; nothing happens while the base stands still."""
        if self._last_base is not None:
            growth = base - self._last_base
            if growth <= 0:
                return
            self._samples[self._at] = (count - self._last_count) * self.per // growth
            self._at = (self._at + 1) % RATE_SAMPLES
        self._last_base = base
        self._last_count = count

    def average(self) -> int:
        """The average rate; samples not taken yet count as zero."""
        return sum(self._samples) // RATE_SAMPLES

    def reset(self) -> None:
        """Forget all samples."""
        self._samples = [0] * RATE_SAMPLES
        self._at = 0
        self._last_base = None
        self._last_count = 0


class ErrorStatistics:
    """How often each error code was sent.

    Codes may come from clients' scripts, so their number is limited: with one too many the table
    is dropped and a single entry, `ERRORSTATS_DISABLED`, stands for it until a reset.
    """

    __slots__ = ("counts", "enabled", "total")

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.enabled = True
        self.total = 0

    def add(self, text: str) -> bool:
        """Count an error reply by its text; False when just this one closed the table, which is worth a log line."""
        self.total += 1
        if not self.enabled:
            return True
        code = text.split(" ", 1)[0]
        known = self.counts.get(code)
        if known is None and len(self.counts) >= MAX_ERROR_CODES:
            self.counts = {ERRORS_DISABLED: 1}
            self.enabled = False
            return False
        self.counts[code] = (known or 0) + 1
        return True

    def reset(self) -> None:
        """Start anew, as `CONFIG RESETSTAT` does."""
        self.counts = {}
        self.enabled = True
        self.total = 0


# Durations are counted in buckets whose width is at most 1/128 of their values: every power of
# two from 256 on is cut into 128 buckets, values below have one each. These bounds decide which
# numbers `LATENCY HISTOGRAM` and `INFO latencystats` show.


def bucket_ceiling(nanoseconds: int) -> int:
    """The largest duration that falls into the same bucket."""
    shift = max(nanoseconds.bit_length() - 8, 0)
    return ((nanoseconds >> shift) + 1 << shift) - 1


def percentiles(buckets: Iterable[tuple[int, int]], wanted: Iterable[float]) -> list[float]:
    """Microseconds below which each wanted percentage of durations lies.

    `buckets` are ascending pairs of nanoseconds (any within the bucket) and their number.
    """
    counted = [(bucket_ceiling(min(value, MAX_NANOSECONDS)), count) for value, count in buckets if count]
    if not counted:
        return [0.0 for _ in wanted]
    cumulative = list(accumulate(count for _, count in counted))
    ranks = (max(int(min(percentage, 100.0) / 100 * cumulative[-1] + 0.5), 1) for percentage in wanted)
    return [counted[bisect_left(cumulative, rank)][0] / 1000 for rank in ranks]


def cumulative_by_power(buckets: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Pairs of upper bound in microseconds and number of durations up to it, one for each doubling that has any.

    Bounds are the tops of the buckets at 1024 ns, 2048 ns and so on, rounded down: 1, 2, 4, 8, 16, 33, 66, 132 …
    """
    power = 10
    seen = shown = 0
    for value, count in buckets:
        while min(value, MAX_NANOSECONDS) > bucket_ceiling(1 << power):
            if seen > shown:
                yield bound_microseconds(power), seen
                shown = seen
            power += 1
        seen += count
    if seen > shown:
        yield bound_microseconds(power), seen


def bound_microseconds(power: int) -> int:
    """The upper bound that stands for 2**power nanoseconds; the last bucket ends right below 2**30."""
    return min(bucket_ceiling(1 << power), (1 << 30) - 1) // 1000
