"""`activedefrag`: entries that are moved stay what they are, and the memory between them goes back."""

import random
import time
from collections.abc import Callable

import pytest

from tests.faults.workload import pipeline
from tests.peers import Server
from tests.resp import Connection

KEYS = 60_000


def figure(client: Connection, section: str, name: str) -> int:
    text = bytes(client.call("INFO", section)).decode()
    return int(text.split(f"{name}:")[1].split("\r\n")[0])


def fill(client: Connection, chance: random.Random) -> None:
    for first in range(0, KEYS, 500):
        requests: list[tuple[object, ...]] = []
        for number in range(first, first + 500):
            kind = number % 10
            text = "x" * chance.choice((0, 9, 30, 100, 300, 700, 1500))
            if kind < 6:
                requests.append(("SET", f"k{number}", text, *(("PX", 10_000_000 + number) if kind < 2 else ())))
            elif kind == 6:
                requests.append(("HSET", f"k{number}", "field", text[:60], "other", number))
            elif kind == 7:
                requests.append(("RPUSH", f"k{number}", number, text))
            elif kind == 8:
                requests.append(("ZADD", f"k{number}", number, text[:60] or "m"))
            else:
                requests.append(("SADD", f"k{number}", number, text[:60]))
        pipeline(client, requests)


@pytest.mark.parametrize("busy", [False, True])
def test_what_is_moved_stays_what_it_is(make_server: Callable[..., Server], busy: bool) -> None:
    chance = random.Random(1)
    server = make_server(enable_debug_command="yes", active_defrag_ignore_bytes="100kb", active_defrag_cycle_min=50)
    with server.connect() as client:
        fill(client, chance)
        order = list(range(KEYS))
        chance.shuffle(order)
        for first in range(0, KEYS * 9 // 10, 500):
            client.call("DEL", *(f"k{number}" for number in order[first : first + 500]))
        kept = order[KEYS * 9 // 10 :]
        before = client.call("DEBUG", "DIGEST")
        times = pipeline(client, [("PEXPIRETIME", f"k{number}") for number in kept[:500]])
        resident = figure(client, "memory", "used_memory_rss")
        used = figure(client, "memory", "used_memory")
        assert client.call("CONFIG", "SET", "activedefrag", "yes") == "OK"
        deadline = time.monotonic() + 20
        last = -1
        while (hits := figure(client, "stats", "active_defrag_key_hits")) != last or hits == 0:
            assert time.monotonic() < deadline
            last = hits
            if busy:
                # What comes and goes meanwhile, and a snapshot, which makes it wait.
                client.call("BGSAVE")
                for number in range(300):
                    pipeline(client, [("SET", f"n{number}", "y" * (number % 300)), ("DEL", f"n{number}")])
                    client.call("APPEND", f"a{number}", "z" * 10)
                pipeline(client, [("DEL", f"a{number}") for number in range(300)])
            else:
                time.sleep(0.3)
        assert figure(client, "stats", "active_defrag_hits") > KEYS // 20
        assert client.call("DEBUG", "DIGEST") == before
        assert pipeline(client, [("PEXPIRETIME", f"k{number}") for number in kept[:500]]) == times
        assert abs(figure(client, "memory", "used_memory") - used) < 2_000_000
        if not busy:
            # Of some fifteen megabytes.
            assert resident - figure(client, "memory", "used_memory_rss") > 5_000_000
        # Everything can still be changed and removed.
        fill(client, chance)
        assert client.call("DEBUG", "RELOAD") == "OK"
        client.call("FLUSHALL")
        assert client.call("DBSIZE") == 0
