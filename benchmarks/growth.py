"""How long others wait while the table grows from nothing to ten million keys.

One connection fills as fast as it can in pipelines of 64, another sends PING after PING and
notes each round trip, before all else on its processor; once more with keys that live for a few
seconds, so that expiry runs all the time too. The pause that growth or expiry causes shows in the tail.
"""

import argparse
import contextlib
import multiprocessing
import os
import random
import socket
import time
from collections.abc import Iterator

from benchmarks import servers
from benchmarks.readme import put

PIPELINE = 64


def fill(port: int, keys: int, expiring: bool, processor: int | None) -> None:
    """Set so many keys."""
    if processor is not None:
        os.sched_setaffinity(0, {processor})
    random.seed(1)
    with socket.create_connection(("127.0.0.1", port)) as sock:
        waiting = 0
        for first in range(0, keys, PIPELINE):
            more = ("PX", str(random.randrange(1000, 8000))) if expiring else ()
            numbers = range(first, first + PIPELINE)
            sock.sendall(b"".join(servers.request("SET", f"key:{n:012}", "x" * 32, *more) for n in numbers))
            waiting += PIPELINE * 5
            while waiting > PIPELINE * 5 * 4:
                waiting -= len(sock.recv(65536))
        while waiting > 0:
            waiting -= len(sock.recv(65536))


@contextlib.contextmanager
def first_of_all() -> Iterator[None]:
    """Run before whatever shares the processor, where that is allowed: not to measure how long that takes."""
    policy = os.sched_getscheduler(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        pass
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, os.sched_param(0))


def measure(name: str, keys: int, expiring: bool) -> list[float]:
    """Round trips of PING in milliseconds while the other connection fills."""
    server_processor, load_processor = servers.processors()
    trips = []
    with servers.running(name, server_processor) as server:
        filler = multiprocessing.Process(target=fill, args=(server.port, keys, expiring, load_processor))
        filler.start()
        with first_of_all(), socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while filler.is_alive():
                begin = time.perf_counter()
                sock.sendall(b"PING\r\n")
                sock.recv(64)
                trips.append((time.perf_counter() - begin) * 1000)
                time.sleep(0.0002)
        filler.join()
    return sorted(trips)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", nargs="+", default=list(servers.commands()))
    parser.add_argument("--keys", type=int, default=10_000_000)
    parser.add_argument("--markdown", action="store_true", help="put the table into benchmarks/README.md")
    chosen = parser.parse_args()
    lines = ["| round trip of PING, ms | p50 | p99 | p99.9 | p99.99 | longest |", "|---|---|---|---|---|---|"]
    for expiring in (False, True):
        for name in chosen.servers:
            trips = measure(name, chosen.keys, expiring)
            figures = [trips[int(len(trips) * share)] for share in (0.5, 0.99, 0.999, 0.9999)] + [trips[-1]]
            label = f"{name}, {'expiring' if expiring else 'growing'}"
            lines.append(f"| {label} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |")
            print(lines[-1], flush=True)
    if chosen.markdown:
        put("growth", "\n".join(lines))


if __name__ == "__main__":
    main()
