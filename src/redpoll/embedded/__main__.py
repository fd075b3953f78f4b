"""What an embedded store can do, shown: `python -m redpoll.embedded`."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

import redpoll
import redpoll.asyncio


def _show(title: str, code: str, result: object) -> None:
    print(f"\n{title}\n    {code}\n    -> {result!r}")


def _rate(function: Callable[[], Any], count: int = 100_000) -> str:
    begin = time.perf_counter()
    for _ in range(count):
        function()
    return f"{(time.perf_counter() - begin) / count * 1e6:.2f} µs"


def _blocking(r: Any) -> object:
    found: list[object] = []
    waiter = threading.Thread(target=lambda: found.append(r.blpop("queue", timeout=5)))
    waiter.start()
    r.rpush("queue", "job")
    waiter.join()
    return found[0]


async def _tasks() -> object:
    r: Any = redpoll.asyncio.connect(decode_responses=True)
    waiting = asyncio.create_task(r.blpop("queue", timeout=5))
    await asyncio.sleep(0)
    await r.rpush("queue", "job")
    result = await waiting
    await r.aclose()
    return result


def main() -> int:
    """Show it."""
    began = time.perf_counter()
    r: Any = redpoll.connect(decode_responses=True)
    r.set("greeting", "hello")
    first = (time.perf_counter() - began) * 1e3
    print(f"Redpoll {redpoll.__version__} in this process; the first command took {first:.0f} ms.")
    _show("A redis.Redis, whole", 'r.get("greeting")', r.get("greeting"))
    r.zadd("scores", {"ada": 3, "ben": 1})
    _show("Every type", 'r.zrange("scores", 0, -1, withscores=True)', r.zrange("scores", 0, -1, withscores=True))
    with r.pipeline() as pipe:
        _show("Pipelines and transactions", 'pipe.incr("n").incr("n").execute()', pipe.incr("n").incr("n").execute())
    _show("Blocking pops, asleep until something comes", 'r.blpop("queue", timeout=5)', _blocking(r))
    _show("asyncio", 'await r.blpop("queue", timeout=5)', asyncio.run(_tasks()))
    _show("The shortest way in", 'r.store.execute("GET", "greeting")', r.store.execute("GET", "greeting"))
    _show("Other processes and languages", "r.store.serve()", r.store.serve())
    execute = r.store.execute
    print(
        f"\nA GET takes {_rate(lambda: r.get('greeting'))}, store.execute {_rate(lambda: execute('GET', 'greeting'))}."
    )
    r.close()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "app.rdb")
        with redpoll.connect(path) as saved:
            saved.set("kept", "yes")
        with redpoll.connect(path, decode_responses=True) as again:
            _show("A file, saved when it is closed", 'redpoll.connect("app.rdb").get("kept")', again.get("kept"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
