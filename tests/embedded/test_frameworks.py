"""Libraries that build their own clients, over a store; skipped where they are missing (tests/peers.requirements)."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

import pytest

import redpoll

pytest.importorskip("redis")


@pytest.fixture
def memory() -> Iterator[Any]:
    """The process's store in memory, closed afterwards."""
    store = redpoll.open_store("redpoll://memory")
    yield store
    store.close()


def add(one: int, other: int) -> int:
    """What jobs do."""
    return one + other


def test_rq() -> None:
    rq = pytest.importorskip("rq")
    with redpoll.connect() as client:
        queue = rq.Queue(connection=client)
        job = queue.enqueue(add, 2, 3)
        rq.SimpleWorker([queue], connection=client).work(burst=True)
        assert job.latest_result().return_value == 5


@pytest.mark.filterwarnings("default")  # redis-py's, about what Celery calls
def test_celery(memory: Any) -> None:
    celery = pytest.importorskip("celery")
    worker = pytest.importorskip("celery.contrib.testing.worker")
    pytest.importorskip("redpoll.embedded.kombu")
    app = celery.Celery("test", broker="redpoll://memory", backend="redpoll://memory/1")
    task = app.task(add, name="add")
    with worker.start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        assert [task.delay(number, 1).get(timeout=30) for number in range(5)] == [1, 2, 3, 4, 5]
    assert memory.execute("SELECT", 1) == b"OK"


def test_kombu(memory: Any) -> None:
    kombu = pytest.importorskip("kombu")
    pytest.importorskip("redpoll.embedded.kombu")
    with kombu.Connection("redpoll://memory") as connection:
        queue = connection.SimpleQueue("jobs")
        queue.put({"n": 1})
        message = queue.get(timeout=5)
        assert message.payload == {"n": 1}
        message.ack()
        queue.close()
    assert memory.execute("LLEN", "jobs") == 0


def test_django(memory: Any) -> None:
    pytest.importorskip("django")
    from django.conf import settings

    if not settings.configured:
        settings.configure()
    from django.core.cache.backends.redis import RedisCache

    cache = RedisCache("redpoll://memory", {"OPTIONS": {"pool_class": "redpoll.ConnectionPool"}})
    cache.set("k", {"a": 1}, timeout=60)
    assert cache.get("k") == {"a": 1}
    assert cache.add("k", 2) is False
    cache.set("n", 1)
    assert cache.incr("n", 4) == 5
    assert cache.get_many(["k", "n"]) == {"k": {"a": 1}, "n": 5}
    cache.clear()
    assert cache.get("k") is None
    assert memory.execute("DBSIZE") == 0


def test_limits(memory: Any) -> None:
    limits = pytest.importorskip("limits")
    from limits.storage import RedisStorage
    from limits.strategies import FixedWindowRateLimiter

    storage = RedisStorage("redis://unused", connection_pool=redpoll.ConnectionPool.from_url("redpoll://memory"))
    limiter = FixedWindowRateLimiter(storage)
    rate = limits.parse("2/minute")
    assert [limiter.hit(rate, "user") for _ in range(3)] == [True, True, False]


# FastAPI


@pytest.mark.filterwarnings("default")
def test_fastapi_with_a_client_as_a_dependency() -> None:
    fastapi = pytest.importorskip("fastapi")
    testclient = pytest.importorskip("fastapi.testclient")
    import redpoll.asyncio

    made: list[Any] = []

    @contextlib.asynccontextmanager
    async def life(_app: Any) -> Any:
        made.append(redpoll.asyncio.connect(decode_responses=True))
        yield
        await made[0].aclose()

    def client() -> Any:
        return made[0]

    app = fastapi.FastAPI(lifespan=life)

    @app.get("/count/{name}")
    async def count(name: str, store: Any = fastapi.Depends(client)) -> dict[str, Any]:  # noqa: B008  (as FastAPI has it)
        async with store.pipeline() as pipe:
            number, _ = await pipe.incr(name).expire(name, 60).execute()
        return {"count": number, "left": await store.ttl(name)}

    @app.get("/blocking")  # in a thread of FastAPI's own, and the store is the same
    def blocking() -> dict[str, Any]:
        with made[0].store.client() as other:
            return {"keys": sorted(other.keys("*"))}

    with testclient.TestClient(app) as browser:
        assert [browser.get("/count/a").json()["count"] for _ in range(3)] == [1, 2, 3]
        assert browser.get("/count/b").json() == {"count": 1, "left": 60}
        assert browser.get("/blocking").json() == {"keys": ["a", "b"]}
    assert made[0].store.closed


@pytest.mark.filterwarnings("default")
def test_fastapi_cache() -> None:
    fastapi = pytest.importorskip("fastapi")
    testclient = pytest.importorskip("fastapi.testclient")
    fastapi_cache = pytest.importorskip("fastapi_cache")
    backends = pytest.importorskip("fastapi_cache.backends.redis")
    from fastapi_cache.decorator import cache

    import redpoll.asyncio

    calls: list[int] = []
    client = redpoll.asyncio.connect()

    @contextlib.asynccontextmanager
    async def life(_app: Any) -> Any:
        fastapi_cache.FastAPICache.init(backends.RedisBackend(client), prefix="pages")
        yield
        await fastapi_cache.FastAPICache.clear()
        fastapi_cache.FastAPICache.reset()

    app = fastapi.FastAPI(lifespan=life)

    @app.get("/square/{number}")
    @cache(expire=60)
    async def square(number: int) -> int:
        calls.append(number)
        return number * number

    with testclient.TestClient(app) as browser:
        assert [browser.get("/square/7").json() for _ in range(3)] == [49, 49, 49]
        assert browser.get("/square/8").json() == 64
        assert calls == [7, 8]
        keys = client.store.execute("KEYS", "pages:*")
        assert len(keys) == 2
        assert 0 < client.store.execute("TTL", keys[0]) <= 60
    client.store.close()


# pydocket


async def greet(name: str, done: Any = None) -> str:
    """What docket's task does."""
    del done
    return f"hello {name}"


async def _run_docket(url: str) -> list[Any]:
    from datetime import UTC, datetime, timedelta

    docket_module = importlib.import_module("docket")
    async with docket_module.Docket(name="test", url=url) as docket:
        docket.register(greet)
        now = datetime.now(UTC)
        executions = [
            await docket.add(greet)("ann"),
            await docket.add(greet, when=now + timedelta(milliseconds=20))("ben"),
        ]
        with contextlib.suppress(Exception):
            # The same key again: no second one.
            await docket.add(greet, key=executions[1].key)("ben")
        async with docket_module.Worker(docket, minimum_check_interval=timedelta(milliseconds=5)) as worker:
            await worker.run_until_finished()
        return [await execution.get_result() for execution in executions]


@pytest.mark.filterwarnings("default")
def test_docket_in_the_same_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store in the place of the one that pydocket takes for `memory://`."""
    memory_backend = pytest.importorskip("docket._redis_memory")
    import redpoll.asyncio

    clients: list[Any] = []

    def make() -> Any:
        clients.append(redpoll.asyncio.connect())
        return clients[-1]

    monkeypatch.setattr(memory_backend, "_memory_client_factory", lambda: make)

    async def main() -> list[Any]:
        results = await _run_docket("memory://redpoll")
        await memory_backend.clear_memory_servers()
        return results

    assert asyncio.run(main()) == ["hello ann", "hello ben"]
    assert len(clients) == 1
    assert clients[0].store.closed


@pytest.mark.filterwarnings("default")
def test_docket_over_a_socket(tmp_path: Any) -> None:
    pytest.importorskip("docket")
    with redpoll.Store() as store:
        assert asyncio.run(_run_docket(store.serve())) == ["hello ann", "hello ben"]
        assert asyncio.run(_run_docket(store.serve(unixsocket=str(tmp_path / "s")))) == ["hello ann", "hello ben"]
