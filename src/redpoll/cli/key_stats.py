"""`--keystats`: sizes in bytes and in elements at once, the largest keys, and how sizes are distributed."""

from __future__ import annotations

import bisect

from redpoll.cli.big_keys import SIZES, sizes_of, types_of
from redpoll.cli.numbers import human_bytes
from redpoll.cli.progress import Progress
from redpoll.cli.scan_modes import Sampler, ScanFailed, name_of
from redpoll.cli.session import Session

_PERCENTILES = (0.0, 50.0, 75.0, 87.5, 93.75, 96.875, 98.4375, 99.21875, 99.609375, 99.8046875, 100.0)


class _OfType:
    def __init__(self, name: bytes) -> None:
        self.name = name.decode("utf-8", "replace")
        self.unit = SIZES[name][1] if name in SIZES else ""
        self.count = self.bytes = self.elements = 0
        self.most_bytes: tuple[int, bytes] = (-1, b"")
        self.most_elements: tuple[int, bytes] = (-1, b"")


class _Statistics:
    """What has been seen; sizes are kept as counts, so that memory follows the number of different sizes."""

    def __init__(self, top: int) -> None:
        self.top = top
        self.largest: list[tuple[int, bytes, str]] = []
        self.types: dict[bytes, _OfType] = {}
        self.sizes: dict[int, int] = {}
        self.name_lengths: dict[int, int] = {}
        self.bytes = 0

    def add(self, key: bytes, kind: bytes, size: int, elements: int) -> None:
        of_type = self.types.setdefault(kind, _OfType(kind))
        of_type.count += 1
        of_type.bytes += size
        of_type.elements += elements
        of_type.most_bytes = max(of_type.most_bytes, (size, key))
        of_type.most_elements = max(of_type.most_elements, (elements, key))
        self.bytes += size
        self.sizes[size] = self.sizes.get(size, 0) + 1
        self.name_lengths[len(key)] = self.name_lengths.get(len(key), 0) + 1
        if self.top > 0 and (len(self.largest) < self.top or size > self.largest[0][0]):
            bisect.insort(self.largest, (size, key, of_type.name))
            del self.largest[: -self.top]


def show_key_statistics(session: Session) -> int:
    """Look at every key and tell of sizes; returns the exit code."""
    session.write(
        b"\n# Looking at every key: the largest ones, and how sizes are distributed.\n"
        b"# -i 0.1 rests 0.1 sec per 100 SCAN commands; --top <n> shows that many keys; Ctrl-C stops early,\n"
        b"# and --cursor <n> goes on from there.\n\n"
    )
    statistics = _Statistics(session.options.top)
    try:
        sampler = Sampler(session)
        progress = Progress(session, sampler)
        for keys in sampler.pages():
            types = types_of(session, keys)
            sizes = sizes_of(session, keys, types, by_memory=True)
            elements = sizes_of(session, keys, types, by_memory=False)
            for key, kind, size, count in zip(keys, types, sizes, elements, strict=True):
                if kind != b"none":
                    sampler.count(key)
                    statistics.add(key, bytes(kind), size, count)
            progress.show()
        progress.close()
    except ScanFailed as failure:
        session.tell(str(failure))
        return 1
    session.write("\n".join(_report(session, sampler, statistics)).encode())
    return 0


def _report(session: Session, sampler: Sampler, statistics: _Statistics) -> list[str]:
    lines = [
        f"Keys sampled: {sampler.sampled} ({sampler.percent:.2f}%)",
        f"Keys size:    {human_bytes(statistics.bytes)}",
        "",
    ]
    lines.append(f"--- Top {statistics.top} key sizes ---")
    for place, (size, key, kind) in enumerate(reversed(statistics.largest), 1):
        lines.append(f"{place:3} {human_bytes(size):>8} {kind:<10} {name_of(session, key).decode()}")
    lines += ["", "--- Top size per type ---"]
    for of_type in statistics.types.values():
        size, key = of_type.most_bytes
        lines.append(f"{of_type.name:<10} {name_of(session, key).decode()} is {human_bytes(size)}")
    lines += ["", "--- Top length and cardinality per type ---"]
    for of_type in statistics.types.values():
        count, key = of_type.most_elements
        if of_type.unit:
            lines.append(f"{of_type.name:<10} {name_of(session, key).decode()} has {count} {of_type.unit}")
    lines += ["", "Key size Percentile Total keys", "-------- ---------- -----------"]
    lines += [
        f"{human_bytes(size):>8} {share:9.4f}% {count:>11}" for size, share, count in percentiles(statistics.sizes)
    ]
    lines.append(
        f"Mean: {human_bytes(round(mean(statistics.sizes)))}, "
        f"deviation: {human_bytes(round(deviation(statistics.sizes)))}"
    )
    lines += ["", "Name length Percentile Total keys", "----------- ---------- -----------"]
    lines += [
        f"{length:>10}B {share:9.4f}% {count:>11}" for length, share, count in percentiles(statistics.name_lengths)
    ]
    lines += ["", "Type        Total keys  Keys % Tot size Avg size  Total length/card Avg ln/card"]
    lines.append("--------- ------------ ------- -------- -------- ------------------ -----------")
    for of_type in statistics.types.values():
        share = 100 * of_type.count / sampler.sampled
        lines.append(
            f"{of_type.name:<10}{of_type.count:>12} {share:6.2f}% {human_bytes(of_type.bytes):>8} "
            f"{human_bytes(of_type.bytes // of_type.count):>8} {of_type.elements:>11} {of_type.unit:<6} "
            f"{of_type.elements / of_type.count:>11.2f}"
        )
    if sampler.cancelled:
        lines += ["", f"Stopped; --cursor {sampler.cursor} goes on from here."]
    return [*lines, ""]


def percentiles(counts: dict[int, int]) -> list[tuple[int, float, int]]:
    """Return values with the share and the number that are no larger, at halving distances from all."""
    total, rows = sum(counts.values()), []
    wanted = list(_PERCENTILES)
    seen = 0
    for value in sorted(counts):
        seen += counts[value]
        share = 100 * seen / total
        reached = [percent for percent in wanted if percent <= share]
        if reached:
            wanted = wanted[len(reached) :]
            rows.append((value, share, seen))
    return rows


def mean(counts: dict[int, int]) -> float:
    """Return the mean of counted values."""
    total = sum(counts.values())
    return sum(value * count for value, count in counts.items()) / total if total else 0.0


def deviation(counts: dict[int, int]) -> float:
    """Return the standard deviation of counted values."""
    total, middle = sum(counts.values()), mean(counts)
    return (sum(count * (value - middle) ** 2 for value, count in counts.items()) / total) ** 0.5 if total else 0.0
