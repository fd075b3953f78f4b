"""Processes with one file, killed at random moments while they write: what was acknowledged must be there.

    python -m tests.embedded.handover --rounds 100 [--seed 1]

Several processes open the same store. One has it, the others are served by it, all write: keys of their own, a counter
whose answers have to grow, and transactions of two keys that have to be equal. Again and again one of them is killed
with SIGKILL, mostly the one that has the store, sometimes the next one too while it takes over, and another is started.
Each process notes what was answered in a file of its own, which the kernel keeps.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROCESSES = 3
SECONDS = 30.0

# Notes: `k 7` the key 7 is written, `c 9` the counter was 9, `t 7` both keys of
# the transaction are, `h` it has the store.
WRITER = """
import os, sys, time
import redpoll

path, name, library = sys.argv[1:]
notes = os.open(f"{path}.{name}.notes", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
store = redpoll.Store(path, appendonly=True)
if library:
    import redis
    client = store.client()
    execute, failures = client.execute_command, (redis.ConnectionError, redis.TimeoutError, redpoll.StoreError)
else:
    execute, failures = store.execute, (ConnectionError, redpoll.StoreError)
number, hosting = 0, False
while True:
    number += 1
    if store.is_host and not hosting:
        hosting = True
        os.write(notes, b"h 0\\n")
    try:
        execute("SET", f"k:{name}:{number}", number)
        os.write(notes, b"k %d\\n" % number)
        value = execute("INCR", f"c:{name}")
        os.write(notes, b"c %d\\n" % value)
        if library:
            client.pipeline().set(f"t:{name}:a", number).set(f"t:{name}:b", number).execute()
            os.write(notes, b"t %d\\n" % number)
    except failures:
        # Whether it was done is not known; it was not answered.
        continue
"""


class Writer:
    """A process that writes."""

    def __init__(self, path: Path, name: str, library: bool) -> None:
        self.name = name
        self.notes_path = Path(f"{path}.{name}.notes")
        self.process = subprocess.Popen([sys.executable, "-c", WRITER, str(path), name, "redis" if library else ""])

    def notes(self) -> list[tuple[str, int]]:
        """What was answered, in order; a last line that is torn is none."""
        if not self.notes_path.exists():
            return []
        lines = self.notes_path.read_text().split("\n")[:-1]
        return [(word, int(number)) for word, number in map(str.split, lines)]

    def has_store(self) -> bool:
        """Whether it is the one that has the store, as far as its notes tell."""
        return ("h", 0) in self.notes()

    def kill(self) -> None:
        """End it without a word."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)


def run_round(seed: int, kills: int = 8) -> str:
    """Kill so many processes; what was looked at. Raises AssertionError."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="redpoll-handover-") as folder:
        path = Path(folder) / "app.rdb"
        living = [Writer(path, f"p{number}", number % 2 == 1) for number in range(PROCESSES)]
        all_of_them = list(living)
        try:
            for _ in range(kills):
                _await_progress(living, chance)
                victims = [one for one in living if one.has_store()] or living
                victim = chance.choice(victims if chance.random() < 0.8 else living)
                victim.kill()
                living.remove(victim)
                if chance.random() < 0.3:
                    # Whoever takes over now, perhaps in the middle of that.
                    time.sleep(chance.random() * 0.05)
                    other = living.pop(chance.randrange(len(living)))
                    other.kill()
                while len(living) < PROCESSES:
                    living.append(Writer(path, f"p{len(all_of_them)}", chance.random() < 0.5))
                    all_of_them.append(living[-1])
            _await_progress(living, chance)
        finally:
            for one in living:
                one.kill()
        return _look(path, all_of_them)


def _await_progress(living: list[Writer], chance: random.Random) -> None:
    """Until somebody has written more, and a while longer. Raises AssertionError when nobody goes on."""
    before = sum(len(one.notes()) for one in living)
    deadline = time.monotonic() + SECONDS
    while sum(len(one.notes()) for one in living) < before + 20:
        assert time.monotonic() < deadline, "nobody writes any more"
        time.sleep(0.002)
    time.sleep(chance.random() * 0.05)


def _look(path: Path, writers: list[Writer]) -> str:
    import redpoll

    acknowledged = 0
    with redpoll.Store(path) as store:
        for writer in writers:
            counted = 0
            units = 0
            for word, number in writer.notes():
                acknowledged += 1
                if word == "k":
                    found = store.execute("GET", f"k:{writer.name}:{number}")
                    assert found == b"%d" % number, f"{writer.name} was told that {number} is written"
                elif word == "c":
                    assert number > counted, f"{writer.name} was told {counted} and then {number}"
                    counted = number
                elif word == "t":
                    units = number
            assert int(store.execute("GET", f"c:{writer.name}") or 0) >= counted
            one, other = store.execute("MGET", f"t:{writer.name}:a", f"t:{writer.name}:b")
            assert one == other, f"half a transaction of {writer.name}"
            assert int(one or 0) >= units
    left = sorted(one.name for one in path.parent.iterdir() if not one.name.endswith(".notes"))
    assert left == ["app.aof", "app.rdb"] or left == ["app.aof"], left
    return f"{acknowledged} answers of {len(writers)} processes"


def main() -> int:
    """Run rounds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    options = parser.parse_args()
    for number in range(options.rounds):
        seed = options.seed + number
        print(f"seed {seed}: {run_round(seed)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
