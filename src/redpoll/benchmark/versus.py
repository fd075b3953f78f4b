"""`--vs`: the same load on two servers by turns.

A machine's speed drifts, so each round has both servers measured, the first of one round being the second of the
next, and what is told are medians over the rounds and their ratios.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from redpoll.benchmark.loads import loads
from redpoll.benchmark.options import Stop
from redpoll.benchmark.runner import Result, Run
from redpoll.benchmark.target import Target
from redpoll.cli.numbers import leading_integer


@dataclass(frozen=True)
class Figures:
    """Medians over the rounds."""

    rate: float
    p50: float
    p99: float
    longest: float

    @classmethod
    def of(cls, results: list[Result]) -> Figures:
        """Return those of a server's runs."""
        return cls(
            statistics.median(result.rate for result in results),
            statistics.median(result.ms(50) for result in results),
            statistics.median(result.ms(99) for result in results),
            statistics.median(result.histogram.max / 1e6 for result in results),
        )


def other_target(options) -> Target:
    """Return what `--vs` names: a host and a port, or a Unix socket's path."""
    place = options.versus
    if "/" in place:
        target = Target(options)
        target.options.socket = place
        return target
    host, _, port = place.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise Stop(f"--vs takes a host and a port, not {place}\n", 1)
    return Target(options, host=host.strip("[]") or options.host, port=leading_integer(port))


def compare(session) -> int:
    """Run all loads on both servers and print the ratios; returns the exit code. Raises `Refused` and `Stop`."""
    options = session.options
    pair = (session.target, other_target(options))
    if options.cluster:
        pair[1].find_nodes()
    kept: list[Result] = []
    if options.csv:
        print('"test","server","rps","p50_latency_ms","p99_latency_ms","max_latency_ms","rps_ratio"', flush=True)
    else:
        print(
            f"A: {pair[0].name}   B: {pair[1].name}   rounds: {options.rounds}, medians, latencies in msec\n",
            flush=True,
        )
    for load in loads(options):
        results: tuple[list[Result], list[Result]] = ([], [])
        for number in range(options.rounds):
            for side in (0, 1) if number % 2 == 0 else (1, 0):
                run = Run(pair[side], load, options.seed)
                results[side].append(run.run(None if options.csv else session.show))
        first, second = Figures.of(results[0]), Figures.of(results[1])
        text = rows(load.title, pair, first, second) if options.csv else table(load.title, first, second)
        if options.csv:
            print(text, flush=True)
        else:
            session.cover(text)
        kept += [results[0][-1], results[1][-1]]
    if options.plot:
        from redpoll.benchmark.plot import write

        write(options.plot, kept)
    return 0


def _ratio(first: float, second: float) -> str:
    return f"{first / second:.2f}" if second else "-"


def table(title: str, first: Figures, second: Figures) -> str:
    """Return a test's figures for people; ratios are of the first server's to the second's."""
    lines = [f"====== {title} ======", f"  {'':9} {'requests/s':>12} {'p50':>9} {'p99':>9} {'max':>9}"]
    for name, figures in (("A", first), ("B", second)):
        times = " ".join(f"{each:9.3f}" for each in (figures.p50, figures.p99, figures.longest))
        lines.append(f"  {name:9} {figures.rate:12.2f} {times}")
    ratios = (
        (first.rate, second.rate),
        (first.p50, second.p50),
        (first.p99, second.p99),
        (first.longest, second.longest),
    )
    words = [_ratio(*pair) for pair in ratios]
    lines.append(f"  {'A / B':9} {words[0]:>12} " + " ".join(f"{word:>9}" for word in words[1:]))
    return "\n".join(lines) + "\n"


def rows(title: str, pair: tuple[Target, Target], first: Figures, second: Figures) -> str:
    """Return the same as CSV: a row a server."""
    lines = []
    for target, own, other in ((pair[0], first, second), (pair[1], second, first)):
        figures = f"{own.rate:.2f}", *(f"{each:.3f}" for each in (own.p50, own.p99, own.longest))
        cells = (title, target.name, *figures, _ratio(own.rate, other.rate))
        lines.append(",".join(f'"{cell}"' for cell in cells))
    return "\n".join(lines)
