"""Time from the start of the process to its first answer."""

import statistics
import time

from benchmarks import servers


def main() -> None:
    """Measure and tell."""
    for name in servers.commands():
        times = []
        for _ in range(7):
            begin = time.perf_counter()
            with servers.running(name):
                times.append(time.perf_counter() - begin)
        print(f"{name}: {statistics.median(times):.3f} s (median of {len(times)}, at most {max(times):.3f})")


if __name__ == "__main__":
    main()
