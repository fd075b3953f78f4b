"""`--keystats`: sizes in bytes and in elements at once, the largest keys, and how sizes are distributed."""

from __future__ import annotations

import bisect
from collections.abc import Iterable

from redpoll.cli.big_keys import SIZES, sizes_of, types_of
from redpoll.cli.numbers import human_bytes
from redpoll.cli.progress import Progress
from redpoll.cli.quoting import quote
from redpoll.cli.scan_modes import Sampler, ScanFailed, name_of
from redpoll.cli.session import Session

_BAR = "|" * 60
# Lengths of names are told by ranges up to these.
_NAME_RANGES = (32, 256, 64 << 10, 1 << 20, 16 << 20, 128 << 20, 512 << 20)


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
        b"\n# Scanning the entire keyspace to find the biggest keys and distribution information.\n"
        b"# Use -i 0.1 to sleep 0.1 sec per 100 SCAN commands (not usually needed).\n"
        b"# Use --cursor <n> to start the scan at the cursor <n> (usually after a Ctrl-C).\n"
        b"# Use --top <n> to display <n> top key sizes (default is 10).\n"
        b"# Ctrl-C to stop the scan.\n\n"
    )
    statistics = _Statistics(session.options.top)
    try:
        sampler = Sampler(session)
        progress = Progress(session.out)
        for keys in sampler.pages():
            types = types_of(session, keys)
            sizes = sizes_of(session, keys, types, by_memory=True)
            elements = sizes_of(session, keys, types, by_memory=False)
            for key, kind, size, count in zip(keys, types, sizes, elements, strict=True):
                if kind != b"none":
                    sampler.count(key)
                    statistics.add(key, bytes(kind), size, count)
            progress.show(sampler.percent, sampler.told())
        progress.close()
    except ScanFailed as failure:
        session.tell(str(failure))
        return 1
    session.write("\n".join(_report(session, sampler, statistics)).encode())
    return 0


def _report(session: Session, sampler: Sampler, statistics: _Statistics) -> list[str]:
    lines = [f"{sampler.percent:6.2f}% {_BAR[: round(min(sampler.percent, 100) / 100 * len(_BAR))]}"]
    lines += [f"Keys sampled: {sampler.sampled}", f"Keys size:    {human_bytes(statistics.bytes)}", ""]
    if sampler.cancelled:
        lines += [f"Stopped; --cursor {sampler.cursor} goes on from here.", ""]
    if not sampler.sampled:
        return lines
    if statistics.top > 0:
        lines.append(f"--- Top {statistics.top} key sizes ---")
    for place, (size, key, kind) in enumerate(reversed(statistics.largest), 1):
        lines.append(f"{place:3} {human_bytes(size):>8} {kind:<10} {name_of(session, key).decode()}")
    types = statistics.types.values()
    lines += ["", "--- Top size per type ---"]
    lines += [f"{one.name:<10} {_bare(one.most_bytes[1])} is {human_bytes(one.most_bytes[0])}" for one in types]
    lines += ["", "--- Top length and cardinality per type ---"]
    for one in types:
        if one.unit:
            count, key = one.most_elements
            lines.append(f"{one.name:<10} {_bare(key)} has {_length(one, count)}")
    lines += ["", *_sizes_table(statistics), "", *_names_table(sampler, statistics), "", *_types_table(sampler, types)]
    return [*lines, ""]


def _bare(key: bytes) -> str:
    """Return a name with escapes for what is no plain ASCII, but without quotes."""
    return quote(key)[1:-1].decode()


def _length(of_type: _OfType, count: int) -> str:
    return human_bytes(count) if of_type.unit == "bytes" else f"{count} {of_type.unit}"


def _sizes_table(statistics: _Statistics) -> list[str]:
    sizes = statistics.sizes
    rows = [f"{human_bytes(size):>8} {level:9.4f}% {count:>11}" for size, level, count in percentiles(sizes)]
    spread = f"Mean: {human_bytes(round(mean(sizes)))}, StdDeviation: {human_bytes(round(deviation(sizes)))}"
    return ["Key size Percentile Total keys", "-------- ---------- -----------", *rows,
            f"Note: 0.01% size precision, {spread}"]  # fmt: skip


def _names_table(sampler: Sampler, statistics: _Statistics) -> list[str]:
    lines = ["Key name length Percentile Total keys", "--------------- ---------- -----------"]
    for length, share, count in ranges(statistics.name_lengths):
        lines.append(f"{human_bytes(length):>15} {share:9.4f}% {count:>11}")
    total = sampler.bytes_of_names
    average = total // sampler.sampled if sampler.sampled else 0
    return [*lines, f"Total key length is {human_bytes(total)} ({human_bytes(average)} avg)"]


def _types_table(sampler: Sampler, types: Iterable[_OfType]) -> list[str]:
    lines = ["Type        Total keys  Keys % Tot size Avg size  Total length/card Avg ln/card",
             "--------- ------------ ------- -------- -------- ------------------ -----------"]  # fmt: skip
    for one in types:
        share = 100 * one.count / sampler.sampled
        whole, average = "- ", "- "
        if one.unit:
            whole = _length(one, one.elements)
            average = (
                human_bytes(one.elements // one.count) if one.unit == "bytes" else f"{one.elements / one.count:.2f}"
            )
        lines.append(
            f"{one.name:<10}{one.count:>12} {share:6.2f}% {human_bytes(one.bytes):>8} "
            f"{human_bytes(one.bytes // one.count):>8} {whole:>18} {average:>11}"
        )
    return lines


def percentiles(counts: dict[int, int]) -> list[tuple[int, float, int]]:
    """Return values at percentiles that halve the way to all each time, and how many are no larger."""
    total, rows = sum(counts.values()), []
    seen, level, distance = 0, 0.0, 2.0
    for value in sorted(counts):
        seen += counts[value]
        if seen == total:
            rows.append((value, 100.0, total))
            break
        while 100 * seen / total >= level:
            rows.append((value, level, seen))
            level += 100 / distance
            distance *= 2
    return rows


def ranges(lengths: dict[int, int]) -> list[tuple[int, float, int]]:
    """Return the largest length of each range in use, with the share and the number that are no larger."""
    total, seen, rows = sum(lengths.values()), 0, []
    least = -1
    for most in (*_NAME_RANGES, max(lengths, default=0)):
        within = [length for length in lengths if least < length <= most]
        if within:
            seen += sum(lengths[length] for length in within)
            rows.append((max(within), 100 * seen / total, seen))
        least = max(least, most)
    return rows


def mean(counts: dict[int, int]) -> float:
    """Return the mean of counted values."""
    total = sum(counts.values())
    return sum(value * count for value, count in counts.items()) / total if total else 0.0


def deviation(counts: dict[int, int]) -> float:
    """Return the standard deviation of counted values."""
    total, middle = sum(counts.values()), mean(counts)
    return (sum(count * (value - middle) ** 2 for value, count in counts.items()) / total) ** 0.5 if total else 0.0
