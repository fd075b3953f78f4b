"""Libraries that build their own clients, over a store; skipped where they are missing (tests/peers.requirements)."""

from __future__ import annotations

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


def has_scripts(store: Any) -> bool:
    """Whether EVAL is there."""
    return bool(store.execute("COMMAND", "INFO", "eval")[0])


def add(one: int, other: int) -> int:
    """What jobs do."""
    return one + other


def test_rq() -> None:
    rq = pytest.importorskip("rq")
    with redpoll.connect() as client:
        if not has_scripts(client.store):
            pytest.skip("there are no scripts yet")
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

    if not has_scripts(memory):
        pytest.skip("there are no scripts yet")
    storage = RedisStorage("redis://unused", connection_pool=redpoll.ConnectionPool.from_url("redpoll://memory"))
    limiter = FixedWindowRateLimiter(storage)
    rate = limits.parse("2/minute")
    assert [limiter.hit(rate, "user") for _ in range(3)] == [True, True, False]
