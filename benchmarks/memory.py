"""Memory of a million keys of 16 bytes with values of 32, with and without expiry, by server."""

import argparse
import subprocess

from benchmarks import servers
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


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", nargs="+", default=list(servers.commands()))
    parser.add_argument("--markdown", action="store_true", help="put the table into benchmarks/README.md")
    chosen = parser.parse_args()
    lines = ["| | used_memory, bytes a key | resident | with expiry: used_memory | resident |", "|---|---|---|---|---|"]
    for name in chosen.servers:
        plain, expiring = measure(name, False), measure(name, True)
        lines.append(f"| {name} | {plain[0]:.1f} | {plain[1]:.1f} | {expiring[0]:.1f} | {expiring[1]:.1f} |")
        print(lines[-1], flush=True)
    if chosen.markdown:
        put("memory", "\n".join(lines))


if __name__ == "__main__":
    main()
