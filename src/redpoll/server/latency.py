"""The latency monitor: when the server stood still, for how long, and what helps.

Whatever may block the loop reports its duration under an event's name (`command`,
`fast-command`, `expire-cycle`, `eviction-del`, `aof-fsync-always` …). An event keeps the worst
duration of each second it had a spike in, for the last 160 such seconds.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

HISTORY_LENGTH = 160
GRAPH_COLUMNS = 80
GRAPH_ROWS = 4
GRAPH_LEVELS = "_o#"

MINUTE, HOUR, DAY = 60, 3600, 86400


class Sample(NamedTuple):
    """The worst latency of one second."""

    unix_time: int
    milliseconds: int


class Latest(NamedTuple):
    """What `LATENCY LATEST` tells of an event; times in seconds, latencies in milliseconds."""

    event: str
    unix_time: int
    latest: int
    maximum: int
    total: int
    """Sum of all spikes."""
    spikes: int
    """Number of all spikes, those that share a second with a worse one too."""


class Analysis(NamedTuple):
    """Figures over an event's samples, in milliseconds; `period` is seconds a spike."""

    samples: int
    average: int
    mean_deviation: int
    low: int
    high: int
    period: float


class Event:
    """The samples of one event and its all-time figures."""

    __slots__ = ("count", "maximum", "samples", "total")

    def __init__(self) -> None:
        self.samples: deque[Sample] = deque(maxlen=HISTORY_LENGTH)  # oldest first
        self.maximum = 0
        self.total = 0
        self.count = 0

    def add(self, milliseconds: int, unix_time: int) -> None:
        """Record a spike; within one second the worst stands for all."""
        self.maximum = max(self.maximum, milliseconds)
        self.total += milliseconds
        self.count += 1
        if self.samples and self.samples[-1].unix_time == unix_time:
            if milliseconds > self.samples[-1].milliseconds:
                self.samples[-1] = Sample(unix_time, milliseconds)
            return
        self.samples.append(Sample(unix_time, milliseconds))

    def analyse(self, unix_time: int) -> Analysis:
        """Figures over the samples; an event has at least one."""
        latencies = [sample.milliseconds for sample in self.samples]
        count = len(latencies)
        average = sum(latencies) // count
        deviation = sum(abs(average - latency) for latency in latencies) // count
        period = (unix_time - self.samples[0].unix_time) / count
        return Analysis(count, average, deviation, min(latencies), max(latencies), period)


class LatencyMonitor:
    """All events that ever spiked. `threshold_ms` is the least latency of interest; zero turns the monitor off."""

    __slots__ = ("_events", "threshold_ms")

    def __init__(self, threshold_ms: int = 0) -> None:
        self.threshold_ms = threshold_ms
        self._events: dict[str, Event] = {}

    def observe(self, event: str, milliseconds: int, unix_time: int) -> None:
        """Record a latency if it reaches the threshold."""
        if milliseconds >= self.threshold_ms > 0:
            self.add(event, milliseconds, unix_time)

    def add(self, event: str, milliseconds: int, unix_time: int) -> None:
        """Record a spike whatever the threshold."""
        found = self._events.get(event)
        if found is None:
            found = self._events[event] = Event()
        found.add(milliseconds, unix_time)

    def latest(self) -> list[Latest]:
        """The last spike of every event."""
        return [
            Latest(name, *event.samples[-1], event.maximum, event.total, event.count)
            for name, event in self._events.items()
        ]

    def history(self, event: str) -> list[Sample]:
        """An event's samples, the oldest first; empty for an unknown one."""
        found = self._events.get(event)
        return list(found.samples) if found else []

    def reset(self, events: Iterable[str] | None = None) -> int:
        """Forget these events, or all; how many there were."""
        if events is None:
            count = len(self._events)
            self._events.clear()
            return count
        return sum(self._events.pop(event, None) is not None for event in events)

    def graph(self, event: str, unix_time: int) -> str | None:
        """An event's samples as columns of characters above their ages; None for an unknown event."""
        found = self._events.get(event)
        if found is None:
            return None
        samples = list(found.samples)
        latencies = [sample.milliseconds for sample in samples]
        low, high = min(latencies), max(latencies)
        blocks = [f"{event} - high {high} ms, low {low} ms (all time high {found.maximum} ms)\n{'-' * GRAPH_COLUMNS}\n"]
        for start in range(0, len(samples), GRAPH_COLUMNS):
            shown = samples[start : start + GRAPH_COLUMNS]
            lines = _columns([sample.milliseconds for sample in shown], low, high)
            lines.append(" " * len(shown))
            lines.extend(_labels([age(unix_time - sample.unix_time) for sample in shown]))
            blocks.append("".join(line + "\n" for line in lines))
        return blocks[0] + "\n".join(blocks[1:])

    def events(self) -> Iterator[tuple[str, Event]]:
        """Every event that has samples."""
        return iter(self._events.items())


def age(seconds: int) -> str:
    """A span of time in its largest unit: `7s`, `12m`, `3h`, `2d`."""
    if seconds < MINUTE:
        return f"{seconds}s"
    if seconds < HOUR:
        return f"{seconds // MINUTE}m"
    if seconds < DAY:
        return f"{seconds // HOUR}h"
    return f"{seconds // DAY}d"


def _columns(latencies: list[int], low: int, high: int) -> list[str]:
    """Bars of `GRAPH_ROWS` rows, each row showing three heights."""
    levels = len(GRAPH_LEVELS)
    steps = GRAPH_ROWS * levels
    span = (high - low) or 1
    heights = [min((latency - low) * steps // span, steps - 1) for latency in latencies]
    rows = []
    for row in range(GRAPH_ROWS - 1, -1, -1):
        above = [height - row * levels for height in heights]
        rows.append("".join(" " if at < 0 else GRAPH_LEVELS[at] if at < levels else "|" for at in above))
    return rows


def _labels(labels: list[str]) -> list[str]:
    """Labels written downwards, one a column."""
    depth = max(map(len, labels))
    return ["".join(label[row] if row < len(label) else " " for label in labels) for row in range(depth)]
