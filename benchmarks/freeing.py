"""How long the loop stops at most while a collection of ten million members is deleted, or expires.

The longest turn of the loop is what the server itself says (`eventloop_duration_max`), from the request until all is
freed. It counts whatever the processor did meanwhile, so the loop is put before all others, where that is allowed.
"""

import argparse
import contextlib
import os
import re
import time

from benchmarks import servers
from benchmarks.large import KEY, KINDS, finish, growth, send
from benchmarks.readme import put

WAYS = {
    "UNLINK": ("UNLINK", KEY),
    "DEL": ("DEL", KEY),
    "expiry": ("PEXPIRE", KEY, "1"),
    "FLUSHALL": ("FLUSHALL", "ASYNC"),
}

IDLE_SECONDS = 0.5
LOOK_SECONDS = 0.02
#: Bytes that may stay: what tables and connections keep.
ALLOWED = 16 << 20


def put_first(server: servers.Server) -> None:
    """Have nobody else take the processor from the server's loop, where that is allowed."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(server.process.pid, os.SCHED_FIFO, os.sched_param(1))


def wait_until_idle(server: servers.Server) -> float:
    """When the server last did anything to speak of; asking it would be work too, and a long turn."""
    busy = time.perf_counter()
    while time.perf_counter() - busy < IDLE_SECONDS:
        before = server.cpu_nanoseconds()
        time.sleep(LOOK_SECONDS)
        if server.cpu_nanoseconds() - before > LOOK_SECONDS * 1e9 / 10:
            busy = time.perf_counter()
    return busy


def longest_turn(server: servers.Server) -> int:
    """Microseconds, since the statistics were reset."""
    found = re.search(rb"eventloop_duration_max:(\d+)", server.ask("INFO", "debug"))
    assert found is not None
    return int(found[1])


def measure(kind: str, way: str, members: int) -> tuple[float, float]:
    """The longest turn in milliseconds, and seconds until all memory was given back."""
    server_processor, _ = servers.processors()
    with servers.running("redpoll", server_processor) as server, servers.connect(server.port) as sock:
        sock.settimeout(600)
        empty = server.used_memory()
        send(sock, growth(kind, 0, members))
        finish(sock, servers.request("CONFIG", "RESETSTAT"))
        put_first(server)
        begin = time.perf_counter()
        finish(sock, servers.request(*WAYS[way]))
        seconds = wait_until_idle(server) - begin
        turn = longest_turn(server)
        left = server.used_memory() - empty
        if left > ALLOWED:
            raise RuntimeError(f"{left} bytes of a {kind} are left after {way}")
        return turn / 1000, seconds


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=10_000_000)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--markdown", action="store_true", help="put the table into benchmarks/README.md")
    chosen = parser.parse_args()
    lines = [
        "| longest turn of the loop, ms (seconds until all was freed) | " + " | ".join(chosen.ways) + " |",
        "|---" * (len(chosen.ways) + 1) + "|",
    ]
    for kind in chosen.kinds:
        cells = []
        for way in chosen.ways:
            turn, seconds = measure(kind, way, chosen.members)
            cells.append(f"{turn:.2f} ({seconds:.1f})")
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    if chosen.markdown:
        put("freeing", "\n".join(lines))


if __name__ == "__main__":
    main()
