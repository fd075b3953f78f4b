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
import hashlib
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import light, messages, servers
from benchmarks.readme import machine, put

KEYS = 1_000_000
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
    how: str = ""  # `user`: as one with rules; `tls`: encrypted
    keys: int = KEYS  # of the key space


def _collections(words: str, lines: int, share: float = 1.0) -> Case:
    return Case(words, lines, share, "collections")


def _whole(words: str) -> Case:
    return Case(words, 1, 0.0005, "whole")


def _access(words: str, lines: int, share: float = 1.0, how: str = "", keys: int = KEYS) -> Case:
    return Case(words, lines, share, "access", how, keys)


def _script(text: str, words: str, share: float, keys: int) -> Case:
    return _access(f"EVALSHA {hashlib.sha1(text.encode()).hexdigest()} {words}", 1, share, keys=keys)


SCRIPTS = {
    "get": "return redis.call('GET', KEYS[1])",
    # A sliding window: so many requests of one client in so many milliseconds.
    "limiter": """local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], now, time[1] .. time[2])
redis.call('PEXPIRE', KEYS[1], window)
return 1""",
    "loop": "for i = 1, 1000 do redis.call('INCR', KEYS[1]) end",
}
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
    "GET, default user": _access(f"GET {_KEY}", 2),
    "GET, user with rules": _access(f"GET {_KEY}", 2, how="user"),
    "SET, default user": _access(f"SET {_KEY} {_VALUE}", 1),
    "SET, user with rules": _access(f"SET {_KEY} {_VALUE}", 1, how="user"),
    "GET, TLS": _access(f"GET {_KEY}", 2, 0.5, "tls"),
    "SET, TLS": _access(f"SET {_KEY} {_VALUE}", 1, 0.5, "tls"),
    "EVALSHA, one GET": _script(SCRIPTS["get"], f"1 {_KEY}", 0.5, KEYS),
    "EVALSHA, rate limiter": _script(SCRIPTS["limiter"], "1 limit:__rand_int__ 100 60000", 0.2, 1000),
    "EVALSHA, 1,000 calls": _script(SCRIPTS["loop"], "1 loop:__rand_int__", 0.002, 1000),
}
GROUPS = ("strings", "collections", "whole", "access", "messages")
#: Who may read and write what the cases ask for, but is not free to do all.
USER = ("limited", "secret")
RULES = ("on", ">secret", "+@all", "-@admin", "-@dangerous", "~session:*", "~user:*", "%R~config:*", "~key:*")


def words_of(case: str, size: int) -> list[str]:
    """The command of a case, as redis-benchmark takes it."""
    return ["x" * size if word == _VALUE else word for word in CASES[case].words.split()]


def load(server: servers.Server, test: str, size: int, *, pipeline: int, requests: int, processor: int | None,
         program: str, unix: bool) -> Figure:  # fmt: skip
    """One run of the load; commands a second, latencies in milliseconds, and the server's processor time."""
    # The light load knows neither users nor TLS, and that of redpoll-benchmark goes through Python's.
    how = CASES[test].how
    drive = LOADS["redis-benchmark" if how == "tls" or (how and program == "light") else program]
    before = server.cpu_seconds()
    figure = drive(server, test, size, pipeline, requests, processor, unix)
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
    case = CASES[test]
    address = ["-s", server.socket_path] if unix else ["-p", str(server.port)]
    if case.how == "tls":
        address = ["-p", str(server.tls_port), "--tls", "--insecure"]
    elif case.how == "user":
        address += ["--user", USER[0], "-a", USER[1]]
    command = [*tool, *address, "-c", "50", "-n", str(requests), "-P", str(pipeline), "-r", str(case.keys), "--csv",
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
    if groups & {"strings", "access"}:
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
    if "access" in groups:
        parts.append(request("ACL", "SETUSER", USER[0], *RULES))
        parts += [request("SCRIPT", "LOAD", text) for text in SCRIPTS.values()]
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
            certificates = None
            if any(CASES[test].how == "tls" for test in chosen.tests):
                certificates = stack.enter_context(servers.certificates())
            running = [
                stack.enter_context(servers.running(name, server_processor, certificates=certificates))
                for name in chosen.servers
            ]
            for server in running:
                fill(server, size, {CASES[case].group for case in chosen.tests}, load_processor)
            for round_number in range(chosen.rounds):
                for pipeline in chosen.pipelines:
                    for test in chosen.tests:
                        requests = chosen.requests * (1 if pipeline == 1 else 10 if pipeline <= 16 else 20)
                        requests = max(1, round(requests * CASES[test].share))
                        for server in running[round_number % len(running) :] + running[: round_number % len(running)]:
                            if CASES[test].how == "tls" and not server.tls_port:
                                continue
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
    names = list(dict.fromkeys(name for by_server in results.values() for name in by_server if name != "redpoll"))
    lines = ["| | redpoll | " + " | ".join(f"× {name}" for name in names) + " | CPU µs | "
             + " | ".join(f"{name} µs" for name in names) + " | busy | p50 ms | p99 ms |"]  # fmt: skip
    lines.append("|---|" + "---|" * (2 * len(names) + 5))
    for case, by_server in results.items():
        own = by_server.get("redpoll")
        if own is None:
            continue
        row = [case, f"{own['rps']:,.0f}/s"]
        there = [by_server.get(name) for name in names]
        row += [f"**{own['rps'] / figure['rps']:.2f}**" if figure else "" for figure in there]
        row += [f"**{own['cpu_us']:.2f}**", *[f"{figure['cpu_us']:.2f}" if figure else "" for figure in there]]
        row += [f"{own['busy']:.0%}", f"{own['p50']:.2f}", f"{own['p99']:.2f}"]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def rules_table(results: dict[str, dict[str, Figure]]) -> str:
    """What rules cost: each server's rate and time for a user that has some, beside its own default user's."""
    lines: list[str] = []
    for case, limited in results.items():
        plain = results.get(case.replace("user with rules", "default user"))
        if "user with rules" in case and plain:
            row = [case]
            row += [f"{figure['rps'] / plain[name]['rps']:.2f} ({figure['cpu_us'] / plain[name]['cpu_us']:.2f})"
                    for name, figure in limited.items()]  # fmt: skip
            if not lines:
                lines = ["| commands a second (time) to its own default user's | " + " | ".join(limited) + " |"]
                lines.append("|---|" + "---|" * len(limited))
            lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure and tell."""
    there = list(servers.commands())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", nargs="+", default=there, choices=there)
    parser.add_argument("--group", choices=GROUPS, default="strings",
                        help="`messages`: PUBLISH to many, and transactions; see benchmarks/messages.py")  # fmt: skip
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
    if chosen.group == "messages" and not chosen.tests:
        messages.show(chosen.servers, 1 if chosen.quick else chosen.rounds, markdown=chosen.markdown, json=chosen.json)
        return
    if chosen.quick:
        chosen.rounds, chosen.tests, chosen.sizes = 1, chosen.tests or ["GET", "SET"], [32]
    if chosen.tests is None:
        chosen.tests = [name for name, case in CASES.items() if case.group == chosen.group]
    results = measure(chosen)
    text = "\n\n".join(filter(None, (table(results), rules_table(results))))
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


if __name__ == "__main__":
    main()
