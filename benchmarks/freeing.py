"""How long the loop stops at most while a collection of ten million members is deleted, or expires.

The longest turn of the loop is what the server itself says (`eventloop_duration_max`), from the request until the last
byte is given back; it counts whatever the processor did meanwhile.
"""

import argparse
import re
import time

from benchmarks import servers
from benchmarks.large import KEY, KINDS, finish, growth, send
from benchmarks.run import put

WAYS = {
    "UNLINK": ("UNLINK", KEY),
    "DEL": ("DEL", KEY),
    "expiry": ("PEXPIRE", KEY, "1"),
    "FLUSHALL": ("FLUSHALL", "ASYNC"),
}


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
        # A hundredth is for what stays: tables keep some room, and so do connections.
        allowed = empty + (server.used_memory() - empty) // 100 + (4 << 20)
        begin = time.perf_counter()
        finish(sock, servers.request(*WAYS[way]))
        while server.used_memory() > allowed:
            time.sleep(0.02)
        return longest_turn(server) / 1000, time.perf_counter() - begin


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
