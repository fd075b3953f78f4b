"""The fixtures that tests of other programs get."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

redis = pytest.importorskip("redis")


@pytest.mark.parametrize("run", [1, 2])
def test_the_store_is_clean_each_time(redpoll: Any, run: int) -> None:
    assert isinstance(redpoll, redis.Redis)
    assert redpoll.dbsize() == 0
    redpoll.set("k", run)
    redpoll.select(3)
    redpoll.set("other", run)


@pytest.mark.parametrize("run", [1, 2])
def test_a_changed_configuration_does_not_stay(redpoll: Any, run: int) -> None:
    del run
    assert redpoll.config_get("maxmemory") == {"maxmemory": "0"}
    redpoll.config_set("maxmemory", "1gb")


def test_resetting_takes_microseconds(redpoll_store: Any) -> None:
    best = min(_timed(redpoll_store) for _ in range(20))
    assert best < 0.001


def _timed(store: Any) -> float:
    store.execute("SET", "k", "v")
    begin = time.perf_counter()
    store.reset()
    return time.perf_counter() - begin


def test_both_clients_have_one_store(redpoll: Any, redpoll_async: Any) -> None:
    redpoll.set("k", "v")
    assert asyncio.run(_get(redpoll_async)) == b"v"


async def _get(client: Any) -> Any:
    return await client.get("k")


@pytest.mark.parametrize("run", [1, 2])
def test_a_real_port(redpoll_server: Any, redpoll_url: str, run: int) -> None:
    assert redpoll_url == f"redis://127.0.0.1:{redpoll_server.port}"
    with redis.Redis.from_url(redpoll_url) as client:
        assert client.dbsize() == 0
        client.set("k", run)
        assert redpoll_server.store.execute("GET", "k") == b"%d" % run
    with redpoll_server.client() as other:
        assert other.get("k") == b"%d" % run


def test_moving_the_clock(redpoll: Any, redpoll_clock: Any) -> None:
    redpoll.set("k", "v", ex=60)
    before = redpoll_clock.now
    redpoll_clock.advance(59)
    assert redpoll.ttl("k") in (0, 1)
    redpoll_clock.advance(2)
    assert redpoll.get("k") is None
    assert 60 < redpoll_clock.now - before < 70
    assert abs(int(redpoll.time()[0]) - redpoll_clock.now) < 5


def test_the_clock_is_right_again(redpoll: Any) -> None:
    assert abs(redpoll.time()[0] - time.time()) < 5


def test_errors_on_the_nth_command(redpoll: Any, redpoll_faults: Any) -> None:
    redpoll_faults.fail("BUSY injected", nth=2, command="incrby")
    assert redpoll.incr("n") == 1
    assert redpoll.ping()
    with pytest.raises(redis.ResponseError, match="injected"):
        redpoll.incr("n")
    assert redpoll.incr("n") == 2
    assert redpoll_faults.struck == 1


def test_errors_in_a_pipeline(redpoll: Any, redpoll_faults: Any) -> None:
    redpoll_faults.fail("ERR injected", command="set")
    with redpoll.pipeline(transaction=False) as pipe:
        results = pipe.set("k", "v").get("k").execute(raise_on_error=False)
    assert isinstance(results[0], redis.ResponseError)
    assert results[1] is None


def test_dropped_connections(redpoll_store: Any, redpoll_faults: Any) -> None:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    client = redpoll_store.client(retry=Retry(NoBackoff(), 0))
    client.set("k", "v")
    redpoll_faults.drop(command="get")
    with pytest.raises(redis.ConnectionError):
        client.get("k")
    assert client.get("k") == b"v"
    patient = redpoll_store.client(retry=Retry(NoBackoff(), 1))
    patient.ping()
    redpoll_faults.drop(command="get")
    assert patient.get("k") == b"v"
    redpoll_faults.drop_connections()
    assert patient.get("k") == b"v"
    for transaction in (True, False):
        redpoll_faults.drop(command="get")
        assert patient.pipeline(transaction).get("k").execute() == [b"v"]
        redpoll_faults.drop(command="get")
        with pytest.raises(redis.ConnectionError):
            client.pipeline(transaction).get("k").execute()
    client.close()
    patient.close()


def test_slow_replies(redpoll: Any, redpoll_faults: Any) -> None:
    redpoll_faults.slow(0.05, command="get")
    begin = time.monotonic()
    redpoll.get("k")
    assert time.monotonic() - begin > 0.04


@pytest.mark.parametrize("run", [1, 2])
def test_failures_at_a_real_port(redpoll_server: Any, run: int) -> None:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    with redpoll_server.client(retry=Retry(NoBackoff(), 0)) as client:
        assert client.incr("n") == 1
        redpoll_server.faults.drop(command="get")
        with pytest.raises(redis.ConnectionError):
            client.get("n")
        redpoll_server.faults.fail("ERR injected", times=None)
        with pytest.raises(redis.ResponseError, match="injected"):
            client.set("k", run)
    # What is planned still is gone when the next test begins.


def test_tasks_at_a_real_port(redpoll_server: Any, redpoll_clock: Any) -> None:
    async def main() -> None:
        client = redpoll_server.async_client(decode_responses=True)
        await client.set("k", "v", ex=60)
        assert await client.get("k") == "v"
        redpoll_clock.advance(61)
        assert await client.get("k") is None
        await client.aclose()

    asyncio.run(main())


def test_time_and_failures_of_tasks(redpoll_async: Any, redpoll_clock: Any, redpoll_faults: Any) -> None:
    async def main() -> None:
        await redpoll_async.set("k", "v", ex=60)
        redpoll_faults.fail("ERR injected", nth=2, command="get")
        assert await redpoll_async.get("k") == b"v"
        with pytest.raises(redis.ResponseError, match="injected"):
            await redpoll_async.get("k")
        waiting = asyncio.create_task(redpoll_async.blpop("l", timeout=30))
        await asyncio.sleep(0)
        redpoll_clock.advance(61)
        # Nobody has waited for a minute.
        assert await waiting is None
        assert await redpoll_async.get("k") is None

    asyncio.run(main())


def test_faults_do_not_stay(redpoll: Any) -> None:
    assert redpoll.get("k") is None


def test_pytest_finds_the_fixtures(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(redpoll):\n    assert redpoll.incr('n') == 1\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0
