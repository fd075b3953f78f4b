"""Memory of a million keys of 16 bytes with values of 32, with and without expiry, by server; and of collections."""

import argparse
import subprocess
from collections.abc import Callable, Iterator

from benchmarks import servers
from benchmarks.large import growth, send
from benchmarks.readme import put

KEYS = 1_000_000


def measure(name: str, expiring: bool) -> tuple[float, float]:
    """Bytes a key: by the server's own count, and by resident memory."""
    with servers.running(name) as server:
        used, resident = server.used_memory(), server.resident_bytes()
        more = ("EX", "100000") if expiring else ()
        script = b"".join(
            servers.request("SET", f"key:{number:012}", f"{number:032}x"[1:], *more) for number in range(KEYS)
        )
        subprocess.run(["redis-cli", "-p", str(server.port), "--pipe"], input=script, capture_output=True, check=True)
        return (server.used_memory() - used) / KEYS, (server.resident_bytes() - resident) / KEYS


def _small_hashes() -> Iterator[bytes]:
    for number in range(KEYS):
        words = (word for field in range(5) for word in (f"field{field}", f"value-{number:010}"))
        yield servers.request("HSET", f"hash:{number:011}", *words)


def _items() -> Iterator[bytes]:
    for first in range(0, KEYS, 1000):
        yield servers.request("RPUSH", "list", *(f"item{number:06}" for number in range(first, first + 1000)))


#: A million of each, and what makes them.
COLLECTIONS: dict[str, Callable[[], Iterator[bytes]]] = {
    "hashes of 5 fields": _small_hashes,
    "fields of a hash": lambda: growth("hash", 0, KEYS),
    "members of a set": lambda: growth("set", 0, KEYS),
    "members of a sorted set": lambda: growth("zset", 0, KEYS),
    "10-byte items of a list": _items,
    "entries of a stream": lambda: growth("stream", 0, KEYS),
}


def measure_collection(name: str, requests: Iterator[bytes]) -> tuple[float, float]:
    """The same of what a million requests or items make."""
    with servers.running(name) as server, servers.connect(server.port) as sock:
        sock.settimeout(600)
        used, resident = server.used_memory(), server.resident_bytes()
        send(sock, requests)
        return (server.used_memory() - used) / KEYS, (server.resident_bytes() - resident) / KEYS


def strings_table(names: list[str]) -> str:
    """Strings, by server."""
    lines = ["| | used_memory, bytes a key | resident | with expiry: used_memory | resident |", "|---|---|---|---|---|"]
    for name in names:
        plain, expiring = measure(name, False), measure(name, True)
        lines.append(f"| {name} | {plain[0]:.1f} | {plain[1]:.1f} | {expiring[0]:.1f} | {expiring[1]:.1f} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def collections_table(names: list[str]) -> str:
    """Collections, by what is in them."""
    lines = ["| used_memory, bytes each (resident) | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for title, requests in COLLECTIONS.items():
        cells = []
        for name in names:
            used, resident = measure_collection(name, requests())
            cells.append(f"{used:.1f} ({resident:.1f})")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", nargs="+", default=list(servers.commands()))
    parser.add_argument("--only", choices=("strings", "collections"))
    parser.add_argument("--markdown", action="store_true", help="put the tables into benchmarks/README.md")
    chosen = parser.parse_args()
    for section, part, table in (
        ("memory", "strings", strings_table),
        ("memory of collections", "collections", collections_table),
    ):
        if chosen.only in (None, part):
            text = table(chosen.servers)
            if chosen.markdown:
                put(section, text)


if __name__ == "__main__":
    main()
