"""What one operation costs on collections of a thousand to ten million members: the server's processor time, pipelined.

A collection that is what it should be costs the same whatever its size, or a little more for every tenfold.
"""

import argparse
import random
from collections.abc import Callable
from pathlib import Path

from benchmarks import servers
from benchmarks.large import KEY, KINDS, finish, growth, member, send
from benchmarks.readme import put
from redpoll.benchmark import svg

SIZES = (10**3, 10**4, 10**5, 10**6, 10**7)
PIPELINE = 100
Request = Callable[[random.Random, int], tuple[str, ...]]

OPERATIONS: dict[str, dict[str, Request]] = {
    "list": {
        "LINDEX": lambda r, n: ("LINDEX", KEY, str(r.randrange(n))),
        "LSET": lambda r, n: ("LSET", KEY, str(r.randrange(n)), member(r.randrange(n))),
        "LINDEX, middle": lambda _, n: ("LINDEX", KEY, str(n // 2)),
    },
    "hash": {
        "HGET": lambda r, n: ("HGET", KEY, member(r.randrange(n))),
        "HSET": lambda r, n: ("HSET", KEY, member(r.randrange(n)), str(r.randrange(n))),
    },
    "set": {
        "SISMEMBER": lambda r, n: ("SISMEMBER", KEY, member(r.randrange(n))),
        "SADD": lambda r, n: ("SADD", KEY, member(r.randrange(n))),
    },
    "zset": {
        "ZADD": lambda r, n: ("ZADD", KEY, str(r.randrange(10_000_019)), member(r.randrange(n))),
        "ZRANK": lambda r, n: ("ZRANK", KEY, member(r.randrange(n))),
        "ZRANGE, 1 of the middle": lambda _, n: ("ZRANGE", KEY, str(n // 2), str(n // 2)),
    },
    "stream": {
        "XADD": lambda _, n: ("XADD", KEY, "*", "f", member(n)),
        "XRANGE, 1": lambda r, n: ("XRANGE", KEY, str(r.randrange(1, n)), "+", "COUNT", "1"),
    },
    "array": {
        "ARGET": lambda r, n: ("ARGET", KEY, str(r.randrange(n))),
        "ARSET": lambda r, n: ("ARSET", KEY, str(r.randrange(n)), member(r.randrange(n))),
    },
}


def measure(kind: str, sizes: list[int], count: int, name: str) -> dict[str, list[float]]:
    """Microseconds an operation by name, for each size."""
    source = random.Random(kind)
    server_processor, _ = servers.processors()
    found: dict[str, list[float]] = {operation: [] for operation in OPERATIONS[kind]}
    with servers.running(name, server_processor) as server, servers.connect(server.port) as sock:
        sock.settimeout(600)
        size = 0
        for target in sizes:
            send(sock, growth(kind, size, target))
            size = target
            for operation, request in OPERATIONS[kind].items():
                batches = [
                    b"".join(servers.request(*request(source, size)) for _ in range(PIPELINE))
                    for _ in range(count // PIPELINE)
                ]
                finish(sock, batches[0])
                begin = server.cpu_nanoseconds()
                for batch in batches:
                    finish(sock, batch)
                found[operation].append((server.cpu_nanoseconds() - begin) / 1000 / count)
            if kind == "stream":
                # What XADD made would keep later entries out.
                finish(sock, servers.request("DEL", KEY))
                size = 0
    return found


def plot(sizes: list[int], rows: dict[str, list[float]]) -> str:
    """An SVG of all rows over the sizes, which stand a tenfold apart."""
    order = sorted(rows, key=lambda label: -rows[label][-1])
    lines = {label: [(float(index), value) for index, value in enumerate(rows[label])] for label in order}
    ticks = [(float(index), f"{size:,}") for index, size in enumerate(sizes)]
    return svg.page(svg.chart("Processor time of one operation, microseconds, by members", lines, ticks))


def main() -> None:
    """Measure, tell and plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="redpoll", choices=list(servers.commands()))
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--largest", type=int, default=SIZES[-1])
    parser.add_argument("--operations", type=int, default=50_000, help="of each kind at each size")
    parser.add_argument("--plot", type=Path, default=Path(__file__).parent / "cost.svg")
    parser.add_argument("--markdown", action="store_true", help="put the table into benchmarks/README.md")
    chosen = parser.parse_args()
    sizes = [size for size in SIZES if size <= chosen.largest]
    rows: dict[str, list[float]] = {}
    lines = ["| µs an operation | " + " | ".join(f"{size:,}" for size in sizes) + " |", "|---" * (len(sizes) + 1) + "|"]
    for kind in chosen.kinds:
        for operation, row in measure(kind, sizes, chosen.operations, chosen.server).items():
            rows[operation] = row
            lines.append(f"| {kind}: {operation} | " + " | ".join(f"{value:.2f}" for value in row) + " |")
            print(lines[-1], flush=True)
    chosen.plot.write_text(plot(sizes, rows), encoding="utf-8")
    if chosen.markdown:
        put("cost", "\n".join(lines))


if __name__ == "__main__":
    main()
