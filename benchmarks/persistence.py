"""Saving, loading, logging and evicting, beside real servers.

- Five million mixed keys saved (SAVE and BGSAVE) and loaded: seconds, processor time of server and children, file size.
- Latency of GET and SET at half of the greatest load, without and while saving: an open load, whose requests are sent
  when they are due, so that waiting counts.
- Memory at the peak of a BGSAVE under heavy writes, beyond that before it: the proportional share (PSS) of the server
  and its children.
- Commands a second of 50 clients by `appendfsync`.
- Hit rates of LRU and LFU on one Zipf trace, with room for the same number of keys and the same samples.

    python -m benchmarks.persistence [--quick] [--markdown] [--parts save latency memory always hits]
"""

import argparse
import bisect
import contextlib
import csv
import io
import itertools
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import servers
from benchmarks.readme import machine, put
from benchmarks.servers import Server, request

PARTS = ("save", "latency", "memory", "always", "hits")
WORD = "x" * 32
_TICKS = os.sysconf("SC_CLK_TCK")


# -- filling -----------------------------------------------------------------------


def mixed(keys: int) -> Iterator[bytes]:
    """Requests that make so many keys: strings of 32 bytes for the most part, and some of each other type."""
    for number in range(keys):
        kind = number % 20
        if kind < 14:
            yield request("SET", f"key:{number:012}", WORD)
        elif kind < 16:
            yield request("HSET", f"hash:{number}", *(word for i in range(10) for word in (f"field{i}", f"value{i}")))
        elif kind < 18:
            yield request("RPUSH", f"list:{number}", *(f"element{i}" for i in range(20)))
        elif kind == 18:
            yield request("SADD", f"set:{number}", *(f"member{number + i}" for i in range(10)))
        else:
            yield request("ZADD", f"zset:{number}", *(w for i in range(10) for w in (str(i), f"member{number + i}")))


def fill(port: int, requests: Iterator[bytes]) -> None:
    """Send them all; none may fail."""
    with servers.connect(port) as sock:
        sock.settimeout(600)
        waiting = 0

        def read(most: int) -> None:
            nonlocal waiting
            while waiting > most:
                data = sock.recv(1 << 20)
                if b"-" in data:
                    raise RuntimeError(data[:200])
                waiting -= data.count(b"\n")

        while batch := list(itertools.islice(requests, 500)):
            sock.sendall(b"".join(batch))
            waiting += len(batch)
            read(2000)
        read(0)


# -- looking -----------------------------------------------------------------------


def children(pid: int) -> list[int]:
    """Processes that a process has started, and those of theirs."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            for child in (task / "children").read_text().split():
                found += [int(child), *children(int(child))]
    return found


def shares(pid: int) -> int:
    """The proportional share of memory of a process and its children, in bytes."""
    total = 0
    for one in [pid, *children(pid)]:
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
            total += sum(int(kb) << 10 for kb in re.findall(r"^Pss:\s+(\d+)", text, re.MULTILINE))
    return total


def processor_seconds(pid: int) -> float:
    """Processor time of a process, and of its children that have ended."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:15]) / _TICKS
    return 0.0


def info(server: Server, section: str, name: str) -> str:
    """One field of INFO."""
    found = re.search(rf"^{name}:(.*?)\r?$", server.ask("INFO", section).decode(errors="replace"), re.MULTILINE)
    return found[1] if found else ""


def wait_for_save(server: Server) -> None:
    """Until no snapshot is being taken."""
    while info(server, "persistence", "rdb_bgsave_in_progress") != "0":
        time.sleep(0.01)
    if info(server, "persistence", "rdb_last_bgsave_status") != "ok":
        raise RuntimeError(f"{server.name} could not save")


def wait_for_load(server: Server) -> None:
    """Until it is done loading."""
    while True:
        with contextlib.suppress(OSError), servers.connect(server.port) as sock:
            sock.sendall(b"PING\r\n")
            if sock.recv(100).startswith(b"+PONG"):
                return
        time.sleep(0.002)


@contextlib.contextmanager
def running(name: str, folder: str, *options: str) -> Iterator[Server]:
    """A server in a directory that stays, on the first processor."""
    with servers.running(name, servers.processors()[0], "--dir", folder, *options) as server:
        yield server


# -- saving and loading ------------------------------------------------------------


def measure_saving(name: str, keys: int) -> list[str]:
    """Cells: SAVE, BGSAVE, loading, size."""
    with tempfile.TemporaryDirectory() as folder:
        with running(name, folder) as server:
            fill(server.port, mixed(keys))
            cells = []
            for word in ("SAVE", "BGSAVE"):
                begin, spent = time.perf_counter(), processor_seconds(server.process.pid)
                server.ask(word)
                wait_for_save(server)
                seconds = time.perf_counter() - begin
                cells.append(f"{seconds:.2f} s ({processor_seconds(server.process.pid) - spent:.2f})")
        size = (Path(folder) / "dump.rdb").stat().st_size
        with loading(name, folder) as (process, port):
            begin = time.perf_counter()
            server = Server(name, process, port, "")
            wait_for_load(server)
            seconds = time.perf_counter() - begin
            cells.append(f"{seconds:.2f} s ({processor_seconds(process.pid):.2f})")
            found = info(server, "keyspace", "db0")
            if f"keys={keys}," not in found:
                raise RuntimeError(f"{name} loaded {found}")
    return [*cells, f"{size / 1e6:.0f} MB"]


@contextlib.contextmanager
def loading(name: str, folder: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A server that has just been started on what was saved."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [*servers.commands()[name], "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""],
        env={**os.environ, "PYTHONPATH": str(servers.ROOT / "src")}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process, port
    finally:
        process.kill()
        process.wait()


# -- latency while saving ----------------------------------------------------------


def greatest_load(server: Server, requests: int) -> float:
    """Commands a second of 50 clients, half GET, half SET."""
    rates = [
        benchmark(server, requests, words) for words in (["GET", "key:__rand_int__"], ["SET", "key:__rand_int__", WORD])
    ]
    return sum(rates) / 2


def benchmark(server: Server, requests: int, words: list[str], *options: str, keys: int = 1_000_000) -> float:
    """redis-benchmark's commands a second."""
    tool = shutil.which("redis-benchmark")
    if tool is None:
        sys.exit("redis-benchmark is not installed; on Debian it is in the package redis-tools")
    settings = ("-p", str(server.port), "-c", "50", "-n", str(requests), "-r", str(keys), "--csv")
    command = [tool, *settings, *options, *words]
    if (processor := servers.processors()[1]) is not None:
        command = ["taskset", "-c", str(processor), *command]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(list(csv.DictReader(io.StringIO(output)))[-1]["rps"])


def open_load(port: int, rate: float, seconds: float, keys: int) -> subprocess.Popen[str]:
    """GET and SET by halves at that rate, each due at a time of its own, and so many connections that one is free."""
    options = {"-p": port, "-c": 100, "--mix": "get:50,set:50", "--rate": round(rate), "--warmup": 1,
               "--duration": seconds, "-r": keys, "-d": len(WORD)}  # fmt: skip
    words = [str(word) for pair in options.items() for word in pair]
    command = [sys.executable, "-m", "redpoll.benchmark", *words]
    if (processor := servers.processors()[1]) is not None:
        command = ["taskset", "-c", str(processor), *command]
    environment = {**os.environ, "PYTHONPATH": str(servers.ROOT / "src")}
    load = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    # Before whatever shares its processor, where that is allowed: how long that takes is not to be measured.
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, load.pid, -20)
    return load


def latencies(load: subprocess.Popen[str]) -> list[float]:
    """Of a load that is done, in milliseconds: the median and p99.9, of GET or SET, the worse; the longest of all."""
    assert load.stdout is not None
    with load:
        text = load.stdout.read()
    found = [
        max(float(word) for word in re.findall(rf"^  (?:GET|SET) .*\b{name}=([\d.]+)", text, re.MULTILINE))
        for name in ("p50", "p99.9")
    ]
    longest = re.search(r"^ +avg +min .*\n.* ([\d.]+)$", text, re.MULTILINE)
    assert longest is not None
    return [*found, float(longest[1])]


def measure_latency(name: str, keys: int, requests: int, seconds: float) -> list[str]:
    """Cells: the load, percentiles without saving and with one save after the other."""
    with tempfile.TemporaryDirectory() as folder, running(name, folder) as server:
        fill(server.port, (request("SET", f"key:{number:012}", WORD) for number in range(keys)))
        rate = greatest_load(server, requests) / 2
        cells = [f"{rate:,.0f}/s"]
        for saving in (False, True):
            load = open_load(server.port, rate, seconds, keys)
            # Nobody asks how far the save is: that would be seen in the latencies.
            while saving and load.poll() is None:
                server.ask("BGSAVE")
                time.sleep(seconds / 8)
            times = latencies(load)
            cells += [f"{times[0]:.2f}", f"{times[1]:.2f}", f"{times[2]:.1f}"]
        if not (Path(folder) / "dump.rdb").exists():
            raise RuntimeError(f"{name} saved nothing")
    return cells


# -- memory while saving -----------------------------------------------------------


def measure_memory(name: str, keys: int) -> list[str]:
    """Cells: share before, beyond it at the peak, how long the save took."""
    with tempfile.TemporaryDirectory() as folder, running(name, folder) as server:
        fill(server.port, (request("SET", f"key:{number:012}", WORD * 4) for number in range(keys)))
        before = peak = shares(server.process.pid)
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                benchmark(server, 200_000, ["SET", "key:__rand_int__", WORD * 4], "-P", "16", keys=keys)

        writer = threading.Thread(target=write)
        writer.start()
        time.sleep(0.2)
        begin = time.perf_counter()
        server.ask("BGSAVE")
        while info(server, "persistence", "rdb_bgsave_in_progress") != "0":
            peak = max(peak, shares(server.process.pid))
            time.sleep(0.02)
        seconds = time.perf_counter() - begin
        stop.set()
        writer.join()
    return [
        f"{before / 1e6:.0f} MB",
        f"+{(peak - before) / 1e6:.0f} MB",
        f"{(peak - before) / before:.0%}",
        f"{seconds:.2f} s",
    ]


# -- the log -----------------------------------------------------------------------


def measure_log(name: str, requests: int) -> list[str]:
    """Cells: commands a second with each policy; with `always` in pipelines too."""
    cells = []
    for policy, pipeline in (("always", 1), ("always", 16), ("always", 64), ("everysec", 1), ("no", 1)):
        with (
            tempfile.TemporaryDirectory(
                dir=os.environ.get("REDPOLL_BENCH_DISK", str(servers.ROOT / "build"))
            ) as folder,
            running(name, folder, "--appendonly", "yes", "--appendfsync", policy) as server,
        ):
            count = requests * min(pipeline, 10)
            rate = benchmark(server, count, ["SET", "key:__rand_int__", WORD], "-P", str(pipeline))
            cells.append(f"{rate:,.0f}/s")
    return cells


# -- hit rates ---------------------------------------------------------------------


def zipf(count: int, keys: int, exponent: float = 0.9) -> list[int]:
    """A trace of keys, drawn by Zipf's law."""
    chance = random.Random(7)
    totals = list(itertools.accumulate(1 / (rank + 1) ** exponent for rank in range(keys)))
    names = list(range(keys))
    chance.shuffle(names)
    return [names[bisect.bisect(totals, chance.random() * totals[-1])] for _ in range(count)]


def measure_hits(name: str, policy: str, trace: list[int], room: int) -> float:
    """The share of reads that found their key, in the second half of the trace."""
    value = "x" * 100
    with tempfile.TemporaryDirectory() as folder, running(name, folder, "--maxmemory-samples", "5") as server:
        fill(server.port, (request("SET", f"key:{number:012}", value) for number in range(room)))
        limit = server.used_memory()
        server.ask("FLUSHALL")
        server.ask("CONFIG", "SET", "maxmemory-policy", policy)
        server.ask("CONFIG", "SET", "maxmemory", str(limit))
        hits = asked = 0
        with servers.connect(server.port) as sock:
            stream = sock.makefile("rb")
            for first in range(0, len(trace), 100):
                some = trace[first : first + 100]
                sock.sendall(b"".join(request("GET", f"key:{number:012}") for number in some))
                missing = []
                for number in some:
                    if stream.readline().startswith(b"$-1"):
                        missing.append(number)
                    else:
                        stream.readline()
                if missing:
                    sock.sendall(b"".join(request("SET", f"key:{number:012}", value) for number in missing))
                    for _ in missing:
                        stream.readline()
                if first >= len(trace) // 2:
                    asked += len(some)
                    hits += len(some) - len(missing)
    return hits / asked


# -- telling -----------------------------------------------------------------------


def table(head: str, rows: list[tuple[str, list[str]]]) -> str:
    """A table in Markdown."""
    lines = [f"| {head} |", "|" + "---|" * (head.count("|") + 1)]
    lines += [f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows]
    text = "\n".join(lines)
    print(text, flush=True)
    return text


def main() -> None:
    """Measure and tell."""
    there = [name for name in servers.commands() if name != "redis-8.2"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", nargs="+", default=there, choices=list(servers.commands()))
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    parser.add_argument("--keys", type=int, default=5_000_000)
    parser.add_argument("--quick", action="store_true", help="a fiftieth of everything")
    parser.add_argument("--markdown", action="store_true", help="put the tables into benchmarks/README.md")
    chosen = parser.parse_args()
    scale = 50 if chosen.quick else 1
    keys = chosen.keys // scale
    texts = [f"Measured on: {machine()}; {keys:,} keys."]
    if "save" in chosen.parts:
        rows = [(name, measure_saving(name, keys)) for name in chosen.servers]
        texts.append(table("mixed keys: time (processor time) | SAVE | BGSAVE | load | file", rows))
    if "latency" in chosen.parts:
        rows = [
            (name, measure_latency(name, keys, 200_000 // min(scale, 4), 10 / min(scale, 5))) for name in chosen.servers
        ]
        texts.append(table("ms at half load | load | p50 | p99.9 | longest | saving: p50 | p99.9 | longest", rows))
    if "memory" in chosen.parts:
        rows = [(name, measure_memory(name, keys)) for name in chosen.servers]
        texts.append(table("BGSAVE under writes | before | at the peak | | took", rows))
    if "always" in chosen.parts:
        rows = [(name, measure_log(name, 200_000 // min(scale, 20))) for name in chosen.servers]
        texts.append(table("50 clients, SET, appendfsync | always | in pipelines of 16 | of 64 | everysec | no", rows))
    if "hits" in chosen.parts:
        population, count = 100_000 // min(scale, 5), 2_000_000 // scale
        trace = zipf(count, population)
        policies = ("allkeys-lru", "allkeys-lfu", "allkeys-random")
        rows = [
            (name, [f"{measure_hits(name, policy, trace, population // 10):.2%}" for policy in policies])
            for name in chosen.servers
        ]
        texts.append(table("hits of a Zipf trace, room for a tenth of the keys | LRU | LFU | random", rows))
    if chosen.markdown:
        put("persistence", "\n\n".join(texts))


if __name__ == "__main__":
    main()
