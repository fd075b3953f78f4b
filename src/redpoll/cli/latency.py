"""`--latency`, `--latency-history`, `--latency-dist`, `--intrinsic-latency`: how long answers take."""

from __future__ import annotations

import time
from collections import Counter

from redpoll.cli import render
from redpoll.cli.replies import ConnectionLost, ProtocolError
from redpoll.cli.session import Session

_BETWEEN_SAMPLES = 0.01
_HISTORY_SECONDS = 15.0
_CLEAR_LINE = b"\x1b[0G\x1b[2K"

# A row of the spectrum has one character a class of latency: up to so many microseconds.
_CLASSES = (
    (10, "."), (125, "-"), (250, "*"), (500, "#"),
    *((number * 1000, str(number)) for number in range(1, 10)),
    *(((index + 1) * 10_000, letter) for index, letter in enumerate("ABCDE")),
    *(((index + 1) * 100_000, letter) for index, letter in enumerate("FGHIJ")),
    (1_000_000, "K"), (2_000_000, "L"), (4_000_000, "M"), (8_000_000, "N"), (16_000_000, "O"), (30_000_000, "P"),
    (60_000_000, "Q"), (float("inf"), "?"),
)  # fmt: skip
_DARK = (0, 233, 234, 235, 237, 239, 241, 243, 245, 247)
_COLOURS = (*_DARK, 144, 143, 142, 184, 226, 214, 208, 202, 196)
_GREYS = (*_DARK, 249, 251, 253)


class Window:
    """Samples since a moment, in whole milliseconds; with thousandths where percentiles are wanted of them."""

    def __init__(self, percentiles: list[str]) -> None:
        self.least = self.most = self.sum = self.count = 0
        self.began = time.monotonic()
        self._percentiles = percentiles
        self._microseconds: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Take a sample."""
        taken = int(seconds * 1_000_000 if self._percentiles else seconds * 1000)
        self.least = taken if not self.count else min(self.least, taken)
        self.most = max(self.most, taken)
        self.sum += taken
        self.count += 1
        if self._percentiles:
            self._microseconds[taken] += 1

    def percentile(self, percent: float) -> float:
        """Return the milliseconds that so many percent of the samples took at most."""
        wanted, seen = percent / 100 * self.count, 0
        for taken in sorted(self._microseconds):
            seen += self._microseconds[taken]
            if seen >= wanted:
                return taken / 1000
        return 0.0

    def line(self, form: str) -> bytes:
        """Return the figures, in the form of replies."""
        average = self.sum / self.count if self.count else 0.0
        figures = [str(self.least), str(self.most), f"{average:.2f}"]
        if self._percentiles:
            figures = [f"{taken / 1000:.3f}" for taken in (self.least, self.most, average)]
        shares = {label: f"{self.percentile(float(label)):.3f}" for label in self._percentiles}
        if form == render.STANDARD:
            more = "".join(f", p{label}: {value}" for label, value in shares.items())
            return "min: {}, max: {}, avg: {} ({} samples){}".format(*figures, self.count, more).encode()
        if form in (render.JSON, render.QUOTED_JSON):
            inner = ", ".join(f'"{label}": {value}' for label, value in shares.items())
            more = f', "percentiles": {{{inner}}}' if shares else ""
            pairs = zip(("min", "max", "avg", "count"), (*figures, str(self.count)), strict=True)
            return ("{" + ", ".join(f'"{name}": {value}' for name, value in pairs) + more + "}\n").encode()
        separator = "," if form == render.CSV else " "
        return (separator.join([*figures, str(self.count), *shares.values()]) + "\n").encode()


def _ping(session: Session) -> float:
    """Return the seconds that an answer took."""
    started = time.perf_counter()
    for _ in range(2):
        try:
            session.ask(b"PING")
        except (ConnectionLost, ProtocolError):
            session.disconnect()
            continue
        return time.perf_counter() - started
    session.tell("\nI/O error")
    raise SystemExit(1)


def sample_latency(session: Session) -> int:
    """Sample until Ctrl-C on a terminal, and for a history; elsewhere for the interval, then print one line."""
    options = session.options
    whole = options.interval or (_HISTORY_SECONDS if options.history_of_latency else 1.0)
    on_terminal = session.form == render.STANDARD
    window = Window(options.percentiles)
    while True:
        window.add(_ping(session))
        if on_terminal or options.history_of_latency:
            session.write((_CLEAR_LINE if on_terminal else b"") + window.line(session.form))
        ended = time.monotonic() - window.began > whole
        if ended and options.history_of_latency:
            session.write(b" -- %.2f seconds range\n" % (time.monotonic() - window.began))
            window = Window(options.percentiles)
        elif ended and not on_terminal:
            session.write(window.line(session.form))
            return 0
        time.sleep(_BETWEEN_SAMPLES)


def show_spectrum(session: Session) -> int:
    """Print a coloured row an interval: the brighter a class, the more samples fell into it."""
    interval = session.options.interval or 1.0
    colours = _GREYS if session.options.monochrome else _COLOURS
    counts = [0] * len(_CLASSES)
    began, rows = time.monotonic(), 0
    while True:
        microseconds = _ping(session) * 1e6
        counts[next(index for index, (most, _) in enumerate(_CLASSES) if microseconds <= most)] += 1
        if time.monotonic() - began > interval:
            if rows % 20 == 0:
                session.write(_legend(colours))
            session.write(spectrum_row(counts, colours))
            rows += 1
            counts = [0] * len(_CLASSES)
            began = time.monotonic()
        time.sleep(_BETWEEN_SAMPLES)


def spectrum_row(counts: list[int], colours: tuple[int, ...]) -> bytes:
    """Return a row of the spectrum."""
    total = sum(counts) or 1
    row = []
    for count, (_, character) in zip(counts, _CLASSES, strict=True):
        colour = colours[-(-count * (len(colours) - 1) // total)]
        row.append(f"\x1b[48;5;{colour}m{character}")
    return ("\x1b[38;5;0m" + "".join(row) + "\x1b[0m\n").encode()


def _legend(colours: tuple[int, ...]) -> bytes:
    shades = "".join(f"\x1b[48;5;{colour}m " for colour in colours)
    return (
        "---------------------------------------------\n"
        ". - * #          .01 .125 .25 .5 milliseconds\n"
        "1,2,3,...,9      from 1 to 9     milliseconds\n"
        "A,B,C,D,E        10,20,30,40,50  milliseconds\n"
        "F,G,H,I,J        .1,.2,.3,.4,.5       seconds\n"
        "K,L,M,N,O,P,Q,?  1,2,4,8,16,30,60,>60 seconds\n"
        f"From 0 to 100%: {shades}\x1b[0m\n"
        "---------------------------------------------\n"
    ).encode()


def measure_machine(session: Session) -> int:
    """Run a busy loop for the seconds of the options, and tell of the longest gaps in it: no server is involved."""
    import signal

    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True

    signal.signal(signal.SIGINT, end)
    now = time.perf_counter_ns
    began = now()
    finish = began + session.options.seconds * 1_000_000_000
    runs, longest, told = 0, 0, 0
    while True:
        start = now()
        _busy_work()
        stop = now()
        runs += 1
        if stop - start > longest:
            longest = stop - start
            if longest // 1000 > told:
                told = longest // 1000
                session.write(b"Max latency so far: %d microseconds.\n" % told)
        if stop > finish or ended:
            break
    average = (now() - began) / runs
    session.write(
        f"\n{runs} total runs (avg latency: {average / 1000:.4f} microseconds / {average:.2f} nanoseconds per run).\n"
        f"Worst run took {longest / average:.0f}x longer than the average latency.\n".encode()
    )
    return 0


def _busy_work() -> None:
    value = 1
    for step in range(16):
        value = (value * 2862933555777941757 + step) & 0xFFFFFFFFFFFFFFFF
