"""`make crash`: kill servers under load at random moments, and cut their power, and look whether they keep their word.

    python -m tests.faults.crash --rounds 300 [--seed 1] [--cuts 5]

Each round starts a server with options drawn by chance, has clients write, and rewrites, saves and restarts go on,
until it is killed with SIGKILL. What was acknowledged must be there at the next start (of `everysec`, all that is
older than two seconds), transactions whole, nothing twice. Every third round runs on a disk that remembers
(`disk.py`): then the power is cut at several moments too, and each of the directories left is started from.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.faults.disk import Disk
from tests.faults.workload import Writer, check, kill, launch
from tests.peers import Server

LOST_SECONDS = 2.0


def draw_options(chance: random.Random) -> dict[str, str | int]:
    """Options of a server with a log."""
    return {
        "appendonly": "yes",
        "appendfsync": chance.choice(["always", "always", "everysec"]),
        "aof_use_rdb_preamble": chance.choice(["yes", "no"]),
        "aof_timestamp_enabled": chance.choice(["yes", "no"]),
        "auto_aof_rewrite_min_size": chance.choice([20_000, 200_000, 64 << 20]),
        "io_threads": chance.choice([1, 1, 2]),
        "no_appendfsync_on_rewrite": chance.choice(["yes", "no"]),
    }


def disturb(server: Server, chance: random.Random, seconds: float) -> None:
    """Rewrite and save for so long."""
    deadline = time.monotonic() + seconds
    with server.connect() as client:
        while (left := deadline - time.monotonic()) > 0:
            client.call(chance.choice(["BGREWRITEAOF", "BGSAVE", "PING", "PING"]))
            time.sleep(min(left, chance.random() * 0.1))


def wanted_of(writer: Writer, policy: str, ended: Any) -> set[int]:
    """Steps that must be there."""
    if policy == "always":
        return {step for step, _ in writer.acknowledged}
    return {step for step, moment in writer.acknowledged if moment < ended - LOST_SECONDS}


def run_round(seed: int, seconds: float, folder: Path) -> str:
    """Kill a server twice; what it did. Raises AssertionError."""
    chance = random.Random(seed)
    options: dict[str, str | int] = {**draw_options(chance), "dir": str(folder)}
    policy = str(options["appendfsync"])
    wanted: dict[str, set[int]] = {}
    most: dict[str, int] = {}
    for life in range(2):
        server = launch(**options)
        writers = [Writer(server, f"c{number}", first=most.get(f"c{number}", 0)) for number in range(3)]
        for writer in writers:
            writer.start()
        # Of a shorter life with `everysec` nothing would have to be left.
        disturb(server, chance, seconds * chance.random() + (LOST_SECONDS if policy == "everysec" else 0))
        ended = time.monotonic()
        kill(server)
        if life == 0 and chance.random() < 0.3:
            # Once more, while it loads.
            dying = launch_only(options)
            time.sleep(chance.random() * 0.3)
            kill(dying)
        for writer in writers:
            writer.join(30)
            wanted[writer.label] = wanted.get(writer.label, set()) | wanted_of(writer, policy, ended)
            most[writer.label] = writer.step
        again = launch(**options)
        try:
            with again.connect() as client:
                for label, steps in wanted.items():
                    check(client, label, steps, most[label])
        finally:
            kill(again)
    total = sum(map(len, wanted.values()))
    return f"{total} steps kept, {options}"


def launch_only(options: dict[str, str | int]) -> Server:
    """Start a server and do not wait for it."""
    from tests import peers

    words = {"save": ""} | {key.replace("_", "-"): str(value) for key, value in options.items()}
    return peers._launch(peers.find("redpoll"), words)


def run_on_disk(seed: int, seconds: float, folder: Path, cuts: int) -> str:
    """Have a server write on a disk that remembers, then cut the power at several moments."""
    chance = random.Random(seed)
    disk = Disk(folder)
    options: dict[str, str | int] = {**draw_options(chance), "io_threads": 1}
    secondly = options["appendfsync"] == "everysec"
    server = launch(disk.environment, dir=str(disk.root), **options)
    writers = [Writer(server, f"c{number}", clock=lambda: (disk.now(), time.monotonic())) for number in range(2)]
    for writer in writers:
        writer.start()
    disturb(server, chance, seconds + (LOST_SECONDS if secondly else 0))
    ended = time.monotonic()
    moment = disk.now()
    kill(server)
    for writer in writers:
        writer.join(30)
        kept = [(step, when) for step, (when, at) in writer.acknowledged if not secondly or at < ended - LOST_SECONDS]
        writer.acknowledged = kept
    # When in between a sync was wanted, only the server knows; at the end it is known what is old enough.
    return check_cuts(disk, writers, options, chance, 2 if secondly else cuts, folder, moment if secondly else None)


def check_cuts(
    disk: Disk,
    writers: list[Writer],
    options: dict[str, Any],
    chance: random.Random,
    cuts: int,
    folder: Path,
    only: int | None = None,
) -> str:
    """Start from what is left at moments drawn by chance, or at one moment `only`. Raises AssertionError."""
    ends = [record.end for record in disk.records()]
    first = next((moment for writer in writers for _, moment in writer.acknowledged), 0)
    ends = [end for end in ends if end >= first] or ends
    for number in range(cuts):
        moment = only or (ends[-1] if number == 0 else chance.choice(ends))
        place = folder / f"cut{number}"
        place.mkdir()
        disk.left(moment, place, None if number % 2 else chance)
        again = launch(dir=str(place), **options)
        try:
            with again.connect() as client:
                for writer in writers:
                    wanted = {step for step, when in writer.acknowledged if when <= moment}
                    check(client, writer.label, wanted, writer.step)
        except AssertionError as problem:
            raise AssertionError(f"cut {number} at {moment}: {problem}; left in {place}") from problem
        finally:
            kill(again)
    return f"{cuts} cuts, {sum(len(writer.acknowledged) for writer in writers)} steps, {options}"


def main() -> int:
    """Run the rounds; the exit code is 1 if one failed, and its directory stays."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=1.5, help="that a server lives, at the most")
    parser.add_argument("--cuts", type=int, default=5, help="moments at which the power goes, of each such round")
    chosen = parser.parse_args()
    failed = 0
    for seed in range(chosen.seed, chosen.seed + chosen.rounds):
        folder = Path(tempfile.mkdtemp(prefix="redpoll-crash-"))
        try:
            if seed % 3 == 2:
                done = run_on_disk(seed, chosen.seconds, folder, chosen.cuts)
            else:
                done = run_round(seed, chosen.seconds, folder)
            print(f"round {seed}: {done}", flush=True)
            shutil.rmtree(folder)
        except Exception as problem:
            failed += 1
            print(f"round {seed} FAILED: {type(problem).__name__}: {problem}; see {folder}", flush=True)
    print(f"{chosen.rounds} rounds, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
