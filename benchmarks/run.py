"""`make bench`: throughput, latency and processor time a command, beside real servers.

All servers run at the same time on one processor and take turns under the same load from the
other, round by round, so that a machine whose speed drifts is the same for all. Medians are
told, and ratios of medians. The load is Debian's `redis-benchmark`; where it is what limits
(its processor is full while the server's is not), the server's processor time a command is
the figure to look at, so both are told. `--load light` has `light.py` in its place, which
leaves more of that to be seen, `--load redpoll-benchmark` the project's own program, whose processor is
not full before the server's is, and `--unix` has all go through Unix sockets.
"""

import argparse
import csv
import io
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import light, servers

KEYS = 1_000_000
RESULTS = Path(__file__).with_name("README.md")
_KEY = "key:__rand_int__"  # redis-benchmark puts twelve digits: 16 bytes
WHOLE = 100_000  # members of the collections that are worked on as a whole
_VALUE = "VALUE"  # stands for a value of the size asked for

Figure = dict[str, float]


@dataclass(frozen=True)
class Case:
    """One command under load."""

    words: str
    lines: int  # of the reply in RESP2
    share: float = 1.0  # of the requests of a run
    group: str = "strings"


def _collections(words: str, lines: int, share: float = 1.0) -> Case:
    return Case(words, lines, share, "collections")


def _whole(words: str) -> Case:
    return Case(words, 1, 0.0005, "whole")


# In the order in which they run: what is taken out was put in before.
CASES = {
    "GET": Case(f"GET {_KEY}", 2),
    "SET": Case(f"SET {_KEY} {_VALUE}", 1),
    "INCR": Case("INCR cnt:__rand_int__", 1),
    "MGET": Case("MGET" + f" {_KEY}" * 10, 21, 0.25),
    "MSET": Case("MSET" + f" {_KEY} {_VALUE}" * 10, 1, 0.25),
    "LPUSH": _collections(f"LPUSH list {_VALUE}", 1),
    "LPOP": _collections("LPOP list", 2),
    "RPUSH": _collections(f"RPUSH queue {_VALUE}", 1),
    "RPOP": _collections("RPOP queue", 2),
    "LRANGE 100": _collections("LRANGE thousand 0 99", 201, 0.05),
    "LRANGE 300": _collections("LRANGE thousand 0 299", 601, 0.02),
    "LRANGE 600": _collections("LRANGE thousand 0 599", 1201, 0.01),
    "SADD": _collections("SADD set member:__rand_int__", 1),
    "SISMEMBER": _collections("SISMEMBER set member:__rand_int__", 1),
    "SRANDMEMBER": _collections("SRANDMEMBER set", 2),
    "SPOP": _collections("SPOP set", 2, 0.5),
    "ZADD": _collections("ZADD zset __rand_int__ member:__rand_int__", 1),
    "ZRANK": _collections("ZRANK zset member:__rand_int__", 1),
    "ZRANGE 100": _collections("ZRANGE zset 0 99", 201, 0.05),
    "ZPOPMIN": _collections("ZPOPMIN zset", 5, 0.5),
    "XADD": _collections(f"XADD stream MAXLEN ~ 100000 * field {_VALUE}", 2),
    "XRANGE 100": _collections("XRANGE stream - + COUNT 100", 801, 0.02),
    "HSET": _collections(f"HSET fields field:__rand_int__ {_VALUE}", 1),
    "HGET": _collections("HGET hundred field:50", 2),
    "HGETALL 10": _collections("HGETALL ten", 41, 0.2),
    "HGETALL 100": _collections("HGETALL hundred", 401, 0.05),
    "SINTERSTORE": _whole("SINTERSTORE result set:a set:b"),
    "SUNIONSTORE": _whole("SUNIONSTORE result set:a set:b"),
    "SDIFFSTORE": _whole("SDIFFSTORE result set:a set:b"),
    "ZUNIONSTORE": _whole("ZUNIONSTORE result 2 zset:a zset:b"),
    "ZINTERSTORE": _whole("ZINTERSTORE result 2 zset:a zset:b"),
    "SORT": _whole("SORT numbers STORE result"),
}
GROUPS = ("strings", "collections", "whole")


def words_of(case: str, size: int) -> list[str]:
    """The command of a case, as redis-benchmark takes it."""
    return ["x" * size if word == _VALUE else word for word in CASES[case].words.split()]


def load(server: servers.Server, test: str, size: int, *, pipeline: int, requests: int, processor: int | None,
         program: str, unix: bool) -> Figure:  # fmt: skip
    """One run of the load; commands a second, latencies in milliseconds, and the server's processor time."""
    before = server.cpu_seconds()
    figure = LOADS[program](server, test, size, pipeline, requests, processor, unix)
    spent = server.cpu_seconds() - before
    return {**figure, "cpu_us": spent / requests * 1e6, "busy": spent * figure["rps"] / requests}


def _light(server: servers.Server, test: str, size: int, pipeline: int, requests: int, processor: int | None,
           unix: bool) -> Figure:  # fmt: skip
    if processor is not None:
        os.sched_setaffinity(0, {processor})
    rate, times = light.drive(
        server.socket_path if unix else ("127.0.0.1", server.port), words_of(test, size), lines=CASES[test].lines,
        keys=KEYS, pipeline=pipeline, requests=requests,
    )  # fmt: skip
    return {"rps": rate, "p50": times[len(times) // 2], "p99": times[len(times) * 99 // 100]}


def _redis_benchmark(server: servers.Server, test: str, size: int, pipeline: int, requests: int,
                     processor: int | None, unix: bool) -> Figure:  # fmt: skip
    tool = shutil.which("redis-benchmark")
    if tool is None:
        sys.exit("redis-benchmark is not installed; on Debian it is in the package redis-tools")
    return _program([tool], server, test, size, pipeline, requests, processor, unix)


def _redpoll_benchmark(server: servers.Server, test: str, size: int, pipeline: int, requests: int,
                       processor: int | None, unix: bool) -> Figure:  # fmt: skip
    tool = [sys.executable, "-m", "redpoll.benchmark"]
    return _program(tool, server, test, size, pipeline, requests, processor, unix)


def _program(tool: list[str], server: servers.Server, test: str, size: int, pipeline: int, requests: int,
             processor: int | None, unix: bool) -> Figure:  # fmt: skip
    address = ["-s", server.socket_path] if unix else ["-p", str(server.port)]
    command = [*tool, *address, "-c", "50", "-n", str(requests), "-P", str(pipeline), "-r", str(KEYS), "--csv",
               *words_of(test, size)]  # fmt: skip
    if processor is not None:
        command = ["taskset", "-c", str(processor), *command]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    row = list(csv.DictReader(io.StringIO(output)))[-1]
    return {"rps": float(row["rps"]), "p50": float(row["p50_latency_ms"]), "p99": float(row["p99_latency_ms"])}


LOADS = {"redis-benchmark": _redis_benchmark, "redpoll-benchmark": _redpoll_benchmark, "light": _light}


def fill(server: servers.Server, size: int, groups: set[str], processor: int | None) -> None:
    """What reads are to find: every key of the key space, and collections."""
    value = "x" * size
    request = servers.request
    parts: list[bytes] = []
    if "strings" in groups:
        parts += [request("SET", f"key:{number:012}", value) for number in range(KEYS)]
    if "collections" in groups:
        parts += [request("RPUSH", "thousand", value) for _ in range(1000)]
        for name, count in (("ten", 10), ("hundred", 100)):
            fields = [word for number in range(count) for word in (f"field:{number}", value)]
            parts.append(request("HSET", name, *fields))
    if "whole" in groups:
        for name, first in (("a", 0), ("b", WHOLE // 2)):
            for number in range(first, first + WHOLE):
                parts.append(request("SADD", f"set:{name}", f"member:{number}"))
                parts.append(request("ZADD", f"zset:{name}", str(number * 7919 % WHOLE), f"member:{number}"))
        parts += [request("RPUSH", "numbers", str(number * 7919 % WHOLE)) for number in range(WHOLE)]
    command = [shutil.which("redis-cli") or "redis-cli", "-p", str(server.port), "--pipe"]
    if processor is not None:
        command = ["taskset", "-c", str(processor), *command]
    subprocess.run(command, input=b"".join(parts), capture_output=True, check=True)


def measure(chosen: argparse.Namespace) -> dict[str, dict[str, Figure]]:
    """Figures by case and server, medians over the rounds."""
    server_processor, load_processor = servers.processors()
    samples: dict[str, dict[str, list[Figure]]] = defaultdict(lambda: defaultdict(list))
    for size in chosen.sizes:
        with ExitStack() as stack:
            running = [stack.enter_context(servers.running(name, server_processor)) for name in chosen.servers]
            for server in running:
                fill(server, size, {CASES[case].group for case in chosen.tests}, load_processor)
            for round_number in range(chosen.rounds):
                for pipeline in chosen.pipelines:
                    for test in chosen.tests:
                        requests = chosen.requests * (1 if pipeline == 1 else 10 if pipeline <= 16 else 20)
                        requests = max(1, round(requests * CASES[test].share))
                        for server in running[round_number % len(running) :] + running[: round_number % len(running)]:
                            figure = load(server, test, size, pipeline=pipeline, requests=requests,
                                          processor=load_processor, program=chosen.load,
                                          unix=chosen.unix)  # fmt: skip
                            samples[f"{test} {size} B, pipeline {pipeline}"][server.name].append(figure)
                print(
                    f"values of {size} bytes: round {round_number + 1} of {chosen.rounds}", file=sys.stderr, flush=True
                )
    return {
        case: {
            name: {key: statistics.median(figure[key] for figure in figures) for key in figures[0]}
            for name, figures in by_server.items()
        }
        for case, by_server in samples.items()
    }


def table(results: dict[str, dict[str, Figure]]) -> str:
    """A Markdown table: Redpoll's figures, and ratios to each other server."""
    names = [name for name in next(iter(results.values())) if name != "redpoll"]
    lines = ["| | redpoll | " + " | ".join(f"× {name}" for name in names) + " | CPU µs | "
             + " | ".join(f"{name} µs" for name in names) + " | busy | p50 ms | p99 ms |"]  # fmt: skip
    lines.append("|---|" + "---|" * (2 * len(names) + 5))
    for case, by_server in results.items():
        own = by_server.get("redpoll")
        if own is None:
            continue
        row = [case, f"{own['rps']:,.0f}/s"]
        row += [f"**{own['rps'] / by_server[name]['rps']:.2f}**" for name in names]
        row += [f"**{own['cpu_us']:.2f}**", *[f"{by_server[name]['cpu_us']:.2f}" for name in names]]
        row += [f"{own['busy']:.0%}", f"{own['p50']:.2f}", f"{own['p99']:.2f}"]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def machine() -> str:
    """What this ran on."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{model}, {os.cpu_count()} processors, {system}"


def main() -> None:
    """Measure and tell."""
    there = list(servers.commands())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", nargs="+", default=there, choices=there)
    parser.add_argument("--group", choices=GROUPS, default="strings")
    parser.add_argument("--tests", nargs="+", choices=list(CASES), help="in the place of a group")
    parser.add_argument("--pipelines", nargs="+", type=int, default=[1, 16, 64])
    parser.add_argument("--sizes", nargs="+", type=int, default=[32, 512])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=100_000, help="unpipelined; more with pipelines")
    parser.add_argument("--load", "--load-program", choices=list(LOADS), default="redis-benchmark")
    parser.add_argument("--unix", action="store_true", help="through Unix sockets")
    parser.add_argument("--quick", action="store_true", help="one round, 32 bytes, GET and SET unless told")
    parser.add_argument("--json", help="write all medians to this file")
    parser.add_argument("--markdown", action="store_true", help="put the table into benchmarks/README.md")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.tests, chosen.sizes = 1, chosen.tests or ["GET", "SET"], [32]
    if chosen.tests is None:
        chosen.tests = [name for name, case in CASES.items() if case.group == chosen.group]
    results = measure(chosen)
    text = table(results)
    print(text)
    if chosen.json:
        Path(chosen.json).write_text(json.dumps(results, indent=1), encoding="utf-8")
    if chosen.markdown:
        facts = [
            f"Measured on: {machine()}.",
            *[f"- {name}: {servers.version(name)}" for name in chosen.servers],
            "",
            text,
        ]
        section = ["results"] + ([] if chosen.group == "strings" else [chosen.group])
        section += ([] if chosen.load == "redis-benchmark" else [chosen.load]) + (["unix"] if chosen.unix else [])
        put(" ".join(section), "\n".join(facts))


def put(section: str, text: str) -> None:
    """Replace a section of the README here, between its marks."""
    begin, end = f"<!-- {section} -->", f"<!-- end of {section} -->"
    old = RESULTS.read_text(encoding="utf-8")
    head, _, rest = old.partition(begin)
    _, _, tail = rest.partition(end)
    RESULTS.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
