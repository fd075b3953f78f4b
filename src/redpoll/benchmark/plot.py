"""`--plot`: latency by percentile, and throughput over time."""

from __future__ import annotations

import math
from pathlib import Path

from redpoll.benchmark import svg
from redpoll.benchmark.options import Stop
from redpoll.benchmark.report import levels
from redpoll.benchmark.runner import Result

_HEIGHT = 420
# A place for each nine: what is rare is what one wants to see.
_TICKS = ("0", "90", "99", "99.9", "99.99", "99.999", "99.9999")


def draw(results: list[Result]) -> str:
    """Return the SVG of some runs."""
    latency = {_name(results, number): _by_nines(result) for number, result in enumerate(results)}
    nines = max((x for points in latency.values() for x, _ in points), default=1.0)
    ticks = [(float(place), f"{text} %") for place, text in enumerate(_TICKS) if place <= nines]
    elements = svg.chart("Latency by percentile, milliseconds", latency, ticks, height=_HEIGHT, value=_figure)
    through = {
        _name(results, number): [(moment.seconds, moment.rate) for moment in result.moments]
        for number, result in enumerate(results)
    }
    longest = max((x for points in through.values() for x, _ in points), default=1.0)
    step = _step(longest)
    seconds = [(place * step, f"{place * step:g} s") for place in range(1, math.floor(longest / step) + 1)]
    elements += svg.chart("Requests a second, over time", through, seconds, height=_HEIGHT, top=_HEIGHT, value=_figure)
    return svg.page(elements, height=2 * _HEIGHT)


def write(path: str, results: list[Result]) -> None:
    """Write that into a file. Raises `Stop` if that cannot be done."""
    try:
        Path(path).write_text(draw(results), encoding="utf-8")
    except OSError as problem:
        raise Stop(f"Cannot write {path}: {problem.strerror}\n", 1) from None


def _name(results: list[Result], number: int) -> str:
    title = results[number].title
    title = title if len(title) <= 18 else title[:17] + "…"
    same = [other for other in results[:number] if other.title == results[number].title]
    return f"{title} ({len(same) + 1})" if same else title


def _by_nines(result: Result) -> list[tuple[float, float]]:
    points = []
    for level, value, _ in levels(result.histogram):
        if level < 100.0:
            points.append((-math.log10(1.0 - level / 100.0), value / 1e6))
    return points


def _step(longest: float) -> float:
    step = 10.0 ** math.floor(math.log10(max(longest, 1e-3)))
    for part in (0.2, 0.5, 1.0):
        if longest / (step * part) <= 6:
            return step * part
    return step * 2


def _figure(value: float) -> str:
    if value >= 100_000:
        return f"{value / 1e6:.2f}M" if value >= 1_000_000 else f"{value / 1000:.0f}k"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
