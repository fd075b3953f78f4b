"""`python -m benchmarks.generators`: how fast `redpoll-benchmark` itself is, beside `redis-benchmark`.

Both make the same load, by the same options, on the same server, by turns: the server on one processor, the load on the
other. Rates are the programs' own figures; where the server's processor is full, it and not the program is what they
measure, so the program's processor time a request, starting included, is told too. Medians over the rounds.
"""

import argparse
import csv
import io
import json
import resource
import shutil
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from benchmarks import servers
from benchmarks.run import machine, put

TESTS = {"get": 1.0, "set": 1.0, "mset": 0.25, "lrange_100": 0.1}  # and their share of the requests

Figure = dict[str, float]


def programs() -> dict[str, list[str]]:
    """The command lines of the two, ours first."""
    theirs = shutil.which("redis-benchmark")
    if theirs is None:
        sys.exit("redis-benchmark is not installed; on Debian it is in the package redis-tools")
    return {"redpoll-benchmark": [sys.executable, "-m", "redpoll.benchmark"], "redis-benchmark": [theirs]}


def run(program: list[str], server: servers.Server, test: str, requests: int, pipeline: int, *, unix: bool,
        more: list[str], processor: int | None) -> Figure:  # fmt: skip
    """One load; commands a second, milliseconds, and processor times a request in microseconds."""
    place = ["-s", server.socket_path] if unix else ["-p", str(server.port)]
    command = [*program, *place, "--csv", "-n", str(requests), "-P", str(pipeline), "-t", test, *more]
    if processor is not None:
        command = ["taskset", "-c", str(processor), *command]
    served, spent = server.cpu_seconds(), _children()
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    served, spent = server.cpu_seconds() - served, _children() - spent
    rows = list(csv.DictReader(io.StringIO(output)))
    sent = requests * len(rows)  # LRANGE fills its list first
    rate = float(rows[-1]["rps"])
    return {"rps": rate, "p50": float(rows[-1]["p50_latency_ms"]), "p99": float(rows[-1]["p99_latency_ms"]),
            "load_us": spent / sent * 1e6, "server_us": served / sent * 1e6}  # fmt: skip


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(chosen: argparse.Namespace) -> dict[str, dict[str, Figure]]:
    """Figures by case and program, medians over the rounds."""
    server_processor, load_processor = servers.processors()
    samples: dict[str, dict[str, list[Figure]]] = defaultdict(lambda: defaultdict(list))
    both = list(programs().items())
    for name in chosen.servers:
        with servers.running(name, server_processor) as server:
            for number in range(chosen.rounds):
                for pipeline in chosen.pipelines:
                    for test in chosen.tests:
                        requests = round(
                            chosen.requests * TESTS[test] * (1 if pipeline == 1 else 10 if pipeline <= 16 else 20)
                        )
                        server.ask("FLUSHALL")
                        for title, program in both[number % 2 :] + both[: number % 2]:
                            figure = run(program, server, test, requests, pipeline, unix=chosen.unix,
                                         more=chosen.more, processor=load_processor)  # fmt: skip
                            samples[f"{name}: {test.upper()}, pipeline {pipeline}"][title].append(figure)
                print(f"{name}: round {number + 1} of {chosen.rounds}", file=sys.stderr, flush=True)
    return {
        case: {
            title: {key: statistics.median(figure[key] for figure in figures) for key in figures[0]}
            for title, figures in by_program.items()
        }
        for case, by_program in samples.items()
    }


def table(results: dict[str, dict[str, Figure]]) -> str:
    """A Markdown table of ratios: ours to the other's."""
    heads = (
        "server, test",
        "redpoll-benchmark",
        "redis-benchmark",
        "ratio",
        "CPU µs",
        "other's",
        "server µs",
        "other's",
    )
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for case, figures in results.items():
        ours, others = figures["redpoll-benchmark"], figures["redis-benchmark"]
        lines.append(
            f"| {case} | {ours['rps']:,.0f}/s | {others['rps']:,.0f}/s | **{ours['rps'] / others['rps']:.2f}** "
            f"| {ours['load_us']:.2f} | {others['load_us']:.2f} | {ours['server_us']:.2f} | {others['server_us']:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and tell."""
    there = list(servers.commands())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", nargs="+", default=[name for name in there if name in ("redpoll", "redis-7.0")],
                        choices=there)  # fmt: skip
    parser.add_argument("--tests", nargs="+", choices=list(TESTS), default=list(TESTS))
    parser.add_argument("--pipelines", nargs="+", type=int, default=[1, 16, 64])
    parser.add_argument("--requests", type=int, default=200_000, help="unpipelined; more with pipelines")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--unix", action="store_true", help="through Unix sockets")
    parser.add_argument("--json", help="write all medians to this file")
    parser.add_argument("--markdown", action="store_true", help="put the table into benchmarks/README.md")
    parser.add_argument("more", nargs="*", help="options for both, behind --: `-- -c 10 --threads 2 -r 100000`")
    chosen = parser.parse_args()
    results = measure(chosen)
    text = table(results)
    print(text)
    if chosen.json:
        Path(chosen.json).write_text(json.dumps(results, indent=1), encoding="utf-8")
    if chosen.markdown:
        versions = [f"- {name}: {servers.version(name)}" for name in chosen.servers]
        put("results generators", "\n".join([f"Measured on: {machine()}.", *versions, "", text]))


if __name__ == "__main__":
    main()
