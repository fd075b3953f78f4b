"""How results are printed: `redis-benchmark`'s three forms, byte for byte but for the figures."""

from __future__ import annotations

from collections.abc import Iterator

from redpoll.benchmark.histogram import Histogram
from redpoll.benchmark.runner import Result
from redpoll.benchmark.target import Refused, Target

CSV_HEADER = (
    '"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"'
)
_MS = 1e6  # nanoseconds
_STEP = 100_000  # of the cumulative distribution up to two milliseconds, and then
_WIDE = 1_000_000


class Settings:
    """What a report says of the servers: asked once, as each answer takes a connection."""

    def __init__(self, target: Target) -> None:
        self.nodes: list[dict[str, str] | None] = []
        self.host: dict[str, str] | None = None
        self.problem = ""
        try:
            if target.nodes:
                self.nodes = [target.settings(node) for node in target.nodes]
            else:
                self.host = target.settings()
        except Refused as refused:
            self.problem = str(refused)


def quiet(result: Result) -> str:
    """Return the line of `-q`."""
    p50 = result.ms(50)
    return f"{result.title}: {result.rate:.2f} requests per second, p50={p50:.3f} msec"


def row(result: Result) -> str:
    """Return the line of `--csv`; those of a mix's parts follow the line of the whole."""
    lines = [_row(result.title, result.rate, result.histogram)]
    for title, histogram in result.parts:
        lines.append(_row(title, histogram.count / result.seconds if result.seconds else 0.0, histogram))
    return "\n".join(lines)


def _row(title: str, rate: float, histogram: Histogram) -> str:
    figures = [histogram.mean, histogram.min, *(histogram.at(each) for each in (50, 95, 99)), histogram.max]
    cells = [title.replace('"', '""'), f"{rate:.2f}", *(f"{figure / _MS:.3f}" for figure in figures)]
    return ",".join(f'"{cell}"' for cell in cells)


def whole(result: Result, options, settings: Settings | None) -> str:
    """Return the long form."""
    lines = [f"====== {result.title} ======", *_head(result, options, settings), ""]
    lines += ["Latency by percentile distribution:", *_percentiles(result.histogram), ""]
    lines += ["Cumulative distribution of latencies:", *_cumulative(result.histogram), ""]
    lines += ["Summary:", f"  throughput summary: {result.rate:.2f} requests per second", "  latency summary (msec):"]
    lines += _summary(result.histogram)
    return "\n".join(lines)


def parts(result: Result) -> str:
    """Return a line for each part of a mix."""
    lines = []
    width = max(len(title) for title, _ in result.parts)
    for title, histogram in result.parts:
        share = histogram.count / max(1, result.requests)
        figures = " ".join(
            f"{name}={histogram.at(percentile) / _MS:.3f}"
            for name, percentile in (("p50", 50), ("p95", 95), ("p99", 99), ("p99.9", 99.9))
        )
        rate = histogram.count / result.seconds if result.seconds else 0.0
        lines.append(f"  {title:{width}}  {share:6.1%}  {rate:12.2f} requests per second  {figures} msec")
    return "\n".join(lines)


def progress(title: str, rate: float, overall: float, mean: float, overall_mean: float) -> str:
    """Return the line that stands there while a test runs."""
    return f"{title}: rps={rate:.1f} (overall: {overall:.1f}) avg_msec={mean:.3f} (overall: {overall_mean:.3f})"


def _head(result: Result, options, settings: Settings | None) -> Iterator[str]:
    yield f"  {result.requests} requests completed in {result.seconds:.2f} seconds"
    yield f"  {options.clients} parallel clients"
    yield f"  {options.data_size if result.payload is None else result.payload} bytes payload"
    yield f"  keep alive: {int(options.keep_alive)}"
    if options.rate:
        begin = "was due" if options.corrected else "was sent"
        yield f"  rate: {options.rate:g} requests per second, latencies from when each {begin}"
        if result.absences:
            times = "once" if result.absences == 1 else f"{result.absences} times"
            yield f"  the load itself stood still {times}, {result.absent * 1e3:.1f} ms in all, which no latency counts"
    if settings is not None and settings.nodes:
        yield f"  cluster mode: yes ({len(settings.nodes)} masters)"
        for number, found in enumerate(settings.nodes):
            if found is not None:
                yield f"  node [{number}] configuration:"
                yield f"    save: {found['save'] or 'NONE'}"
                yield f"    appendonly: {found['appendonly'] or 'NONE'}"
    elif settings is not None and settings.host is not None:
        yield f'  host configuration "save": {settings.host["save"]}'
        yield f'  host configuration "appendonly": {settings.host["appendonly"]}'
    yield f"  multi-thread: {'yes' if options.threads else 'no'}"
    if options.threads:
        yield f"  threads: {options.threads}"


def levels(histogram: Histogram) -> Iterator[tuple[float, int, int]]:
    """Yield percentiles that halve the way to all each time: the percentile, its value, and how many are not above."""
    seen, level, distance = 0, 0.0, 2
    for value, count in histogram.buckets():
        seen += count
        while 100.0 * seen / histogram.count >= level:
            yield level, min(value, histogram.max), seen
            level += 100.0 / distance
            distance *= 2
            if seen == histogram.count:
                break
    if histogram.count:
        yield 100.0, histogram.max, histogram.count


def _percentiles(histogram: Histogram) -> Iterator[str]:
    for level, value, seen in levels(histogram):
        yield f"{level:.3f}% <= {value / _MS:.3f} milliseconds (cumulative count {seen})"


def steps(histogram: Histogram) -> Iterator[tuple[int, int]]:
    """Yield how many values are not above each step; steps at which none is added are left out, but for the first."""
    at, seen, told = _STEP, 0, -1
    buckets = histogram.buckets()
    position = 0
    while True:
        while position < len(buckets) and buckets[position][0] <= at:
            seen += buckets[position][1]
            position += 1
        if seen != told:
            yield at, seen
            told = seen
        if position == len(buckets):
            return
        at += _STEP if at < 2 * _WIDE else _WIDE


def _cumulative(histogram: Histogram) -> Iterator[str]:
    for value, seen in steps(histogram):
        share = 100.0 * seen / max(1, histogram.count)
        yield f"{share:.3f}% <= {value / _MS:.3f} milliseconds (cumulative count {seen})"


def _summary(histogram: Histogram) -> Iterator[str]:
    names = ("avg", "min", "p50", "p95", "p99", "max")
    figures = [histogram.mean, histogram.min, *(histogram.at(each) for each in (50, 95, 99)), histogram.max]
    yield "    " + " ".join(f"{name:>9}" for name in names)
    yield "    " + " ".join(f"{figure / _MS:9.3f}" for figure in figures)
