"""What Python people put on a server: locks, queues, caches, sessions, rate limits. Each does its main job once.

What is not installed is skipped; `make peers` brings it.
"""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.peers import Server


def url(server: Server, database: int = 0) -> str:
    return f"redis://{server.host}:{server.port}/{database}"


# redis-py


def test_a_lock_of_redis_py(networked_server: Server) -> None:
    with redis.Redis(networked_server.host, networked_server.port) as client, client.lock("lock", timeout=10) as lock:
        other = client.lock("lock", timeout=10)
        assert other.acquire(blocking=False) is False
        assert lock.owned()
        assert lock.extend(20)
        assert 20_000 < client.pttl("lock") <= 30_000
        assert lock.reacquire()
        assert 0 < client.pttl("lock") <= 10_000
        lock.release()
        assert other.acquire(blocking=False) is True
        with pytest.raises(redis.exceptions.LockError):
            lock.extend(10)
        other.release()
        assert lock.acquire()


def test_scripts_of_redis_py(networked_server: Server) -> None:
    with redis.Redis(networked_server.host, networked_server.port) as client:
        script = client.register_script("return {redis.call('INCRBY', KEYS[1], ARGV[1]), #ARGV}")
        assert script(keys=["n"], args=[5]) == [5, 1]
        client.script_flush()
        # Loaded again by itself.
        assert script(keys=["n"], args=[7]) == [12, 1]
        with client.pipeline() as pipeline:
            pipeline.set("a", 1)
            script(keys=["n"], args=[1], client=pipeline)
            assert pipeline.execute() == [True, [13, 1]]
        client.function_load("#!lua name=lib\nredis.register_function('f', function(k, a) return a end)", replace=True)
        assert client.fcall("f", 0, "x") == [b"x"]
        client.function_flush()


# RQ


def work(number: int) -> int:
    """What the queue's job does."""
    if number < 0:
        raise ValueError("negative")
    return number * 2


def test_rq(networked_server: Server) -> None:
    rq = pytest.importorskip("rq")
    with redis.Redis(networked_server.host, networked_server.port) as client:
        queue = rq.Queue("jobs", connection=client)
        jobs = [queue.enqueue(work, number) for number in (1, 2, -1)]
        after = queue.enqueue(work, 10, depends_on=jobs[0])
        worker = rq.SimpleWorker([queue], connection=client)
        worker.work(burst=True, logging_level="CRITICAL")
        assert [job.return_value(refresh=True) for job in jobs] == [2, 4, None]
        assert after.return_value(refresh=True) == 20
        assert jobs[2].is_failed
        assert queue.failed_job_registry.count == 1
        assert queue.count == 0


# Celery


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_celery(networked_server: Server) -> None:
    celery = pytest.importorskip("celery")
    testing = pytest.importorskip("celery.contrib.testing.worker")
    app = celery.Celery("interop", broker=url(networked_server), backend=url(networked_server, 1))
    app.conf.update(broker_connection_retry_on_startup=False, worker_hijack_root_logger=False)

    # Celery knows tasks by their names in the whole process.
    @app.task(name=f"interop.add.{networked_server.port}")
    def add(one: int, other: int) -> int:
        return one + other

    @app.task(name=f"interop.total.{networked_server.port}")
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    with testing.start_worker(app, perform_ping_check=False, loglevel="CRITICAL", shutdown_timeout=60):
        assert add.delay(2, 3).get(timeout=60) == 5
        assert celery.chain(add.s(1, 2), add.s(4))().get(timeout=60) == 7
        assert celery.chord([add.s(n, n) for n in range(4)], total.s())().get(timeout=60) == 12
    app.close()


# Django


@pytest.fixture
def django_settings(networked_server: Server) -> Any:
    pytest.importorskip("django")
    from django.conf import settings
    from django.core.cache import caches

    cache = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": url(networked_server),
            "TIMEOUT": 60,
        }
    }
    if not settings.configured:
        settings.configure(SESSION_ENGINE="django.contrib.sessions.backends.cache", SECRET_KEY="interop", USE_TZ=True)
    settings.CACHES = cache
    caches.__dict__.pop("settings", None)
    caches._settings = caches.settings = caches.configure_settings(cache)
    for alias in cache:
        if hasattr(caches._connections, alias):
            delattr(caches._connections, alias)
    return settings


@pytest.mark.usefixtures("django_settings")
def test_djangos_cache() -> None:
    from django.core.cache import cache

    assert cache.get("nothing", "default") == "default"
    cache.set("key", {"a": [1, 2, 3]}, 30)
    assert cache.get("key") == {"a": [1, 2, 3]}
    assert cache.add("key", 1) is False
    cache.set("counter", 1)
    assert cache.incr("counter", 5) == 6
    cache.set_many({"x": 1, "y": 2})
    assert cache.get_many(["x", "y", "z"]) == {"x": 1, "y": 2}
    assert cache.touch("x", 100) is True
    assert cache.delete("x") is True
    assert cache.get_or_set("made", lambda: 7) == 7
    cache.clear()
    assert cache.get("key") is None


@pytest.mark.usefixtures("django_settings")
def test_djangos_sessions() -> None:
    from django.contrib.sessions.backends.cache import SessionStore

    session = SessionStore()
    session["user"] = 42
    session.save()
    again = SessionStore(session_key=session.session_key)
    assert again["user"] == 42
    again.cycle_key()
    assert not SessionStore().exists(session.session_key)
    again.flush()
    assert SessionStore(session_key=again.session_key).get("user") is None


# Flask


def test_flask_session(networked_server: Server) -> None:
    flask = pytest.importorskip("flask")
    flask_session = pytest.importorskip("flask_session")
    app = flask.Flask("interop")
    client = redis.Redis(networked_server.host, networked_server.port)
    app.config.update(SESSION_TYPE="redis", SESSION_REDIS=client, SECRET_KEY="interop")
    flask_session.Session(app)

    @app.get("/count")
    def count() -> str:
        flask.session["count"] = flask.session.get("count", 0) + 1
        return str(flask.session["count"])

    one, other = app.test_client(), app.test_client()
    assert [one.get("/count").text for _ in range(3)] == ["1", "2", "3"]
    assert other.get("/count").text == "1"
    assert len(client.keys("session:*")) == 2
    client.close()


# limits


@pytest.mark.parametrize(
    "strategy", ["FixedWindowRateLimiter", "MovingWindowRateLimiter", "SlidingWindowCounterRateLimiter"]
)
def test_limits(networked_server: Server, strategy: str) -> None:
    limits = pytest.importorskip("limits")
    strategies = pytest.importorskip("limits.strategies")
    storage = limits.storage.storage_from_string(url(networked_server))
    limiter = getattr(strategies, strategy)(storage)
    rule = limits.parse("3/hour")
    user = uuid.uuid4().hex
    assert [limiter.hit(rule, user) for _ in range(5)] == [True, True, True, False, False]
    assert limiter.test(rule, user) is False
    assert limiter.get_window_stats(rule, user).remaining == 0
    assert limiter.hit(rule, "other") is True


def test_this_file_is_what_workers_import() -> None:
    # RQ's jobs name their function by its module, which the worker has to find.
    assert Path(sys.modules[work.__module__].__file__ or "") == Path(__file__)
