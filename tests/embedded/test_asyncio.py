"""redis-py's asyncio client over a store."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import Any

import pytest

import redpoll.asyncio
from redpoll.embedded import Store

redis = pytest.importorskip("redis.asyncio")


def test_it_is_an_asyncio_client(store: Any) -> None:
    async def main() -> None:
        client = store.async_client(decode_responses=True)
        assert isinstance(client, redis.Redis)
        assert await client.set("k", "v") is True
        assert await client.get("k") == "v"
        assert await client.hset("h", mapping={"a": 1}) == 1
        assert await client.hgetall("h") == {"a": "1"}
        async with client.pipeline() as pipe:
            assert await pipe.incr("n").incr("n").execute() == [1, 2]
        with pytest.raises(redis.ResponseError):
            await client.lpush("k", 1)
        async with client.client() as single:
            assert await single.ping()
        await client.aclose()

    asyncio.run(main())


def test_commands_do_not_suspend(store: Any) -> None:
    async def main() -> None:
        client = store.async_client()
        await client.ping()
        ran: list[int] = []
        asyncio.get_running_loop().call_soon(ran.append, 1)
        await client.set("k", "v")
        assert await client.get("k") == b"v"
        assert ran == []
        await asyncio.sleep(0)
        assert ran == [1]

    asyncio.run(main())


def test_blocking_commands_let_other_tasks_run(store: Any) -> None:
    async def main() -> None:
        client = store.async_client()
        waiting = [asyncio.create_task(client.blpop("l", timeout=10)) for _ in range(3)]
        await asyncio.sleep(0.01)
        used = time.thread_time()
        await asyncio.sleep(0.05)
        assert time.thread_time() - used < 0.03
        await client.rpush("l", 1, 2, 3)
        assert await asyncio.gather(*waiting) == [(b"l", b"1"), (b"l", b"2"), (b"l", b"3")]

    asyncio.run(main())


def test_a_wait_ends_at_its_time(store: Any) -> None:
    async def main() -> None:
        begin = time.monotonic()
        assert await store.async_client().blpop("l", timeout=0.05) is None
        assert 0.04 < time.monotonic() - begin < 5

    asyncio.run(main())


def test_who_is_cancelled_takes_nothing(store: Any) -> None:
    async def main() -> None:
        client = store.async_client()
        task = asyncio.create_task(client.blpop("l", timeout=0))
        await asyncio.sleep(0.01)
        # Told that there is something, and cancelled before it comes for it.
        store.execute("RPUSH", "l", "x")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert store.execute("LRANGE", "l", 0, -1) == [b"x"]
        assert await client.blpop("l", timeout=1) == (b"l", b"x")

    asyncio.run(main())


def test_what_one_gives_up_is_the_next_ones(store: Any) -> None:
    async def main() -> None:
        client = store.async_client()
        first = asyncio.create_task(client.blpop("l", timeout=0))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(client.blpop("l", timeout=10))
        await asyncio.sleep(0.01)
        store.execute("RPUSH", "l", "x")
        first.cancel()
        assert await second == (b"l", b"x")

    asyncio.run(main())


def test_first_come_first_served_among_threads_and_tasks(store: Any) -> None:
    async def main() -> None:
        client = store.async_client()
        task = asyncio.create_task(client.blpop("l", timeout=10))
        await asyncio.sleep(0.01)
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(store.execute("BLPOP", "l", 10)))
        thread.start()
        while b"cmd=blpop" not in store.execute("CLIENT", "LIST") or store.server.blocking.waiting < 2:
            await asyncio.sleep(0.001)
        store.execute("RPUSH", "l", "one", "two")
        assert await task == (b"l", b"one")
        await asyncio.to_thread(thread.join)
        assert found == [[b"l", b"two"]]

    asyncio.run(main())


def test_timeouts_of_asyncio(store: Any) -> None:
    async def main() -> None:
        client = store.async_client()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.blpop("l", timeout=0), 0.02)
        assert store.server.blocking.waiting == 0
        assert await client.ping()

    asyncio.run(main())


def test_another_thread_wakes_a_task(store: Any) -> None:
    async def main() -> None:
        client = store.async_client()
        task = asyncio.create_task(client.blpop("l", timeout=10))
        await asyncio.sleep(0.01)
        thread = threading.Thread(target=store.execute, args=("RPUSH", "l", "x"))
        thread.start()
        assert await task == (b"l", b"x")
        thread.join()

    asyncio.run(main())


def test_publish_and_subscribe(store: Any) -> None:
    async def main() -> None:
        client = store.async_client()
        async with client.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe("c")
            await pubsub.get_message(timeout=1)
            heard = asyncio.create_task(pubsub.get_message(timeout=10))
            await asyncio.sleep(0.01)
            assert await client.publish("c", "x") == 1
            assert (await heard)["data"] == b"x"
            assert await pubsub.get_message(timeout=0.01) is None

    asyncio.run(main())


def test_one_client_in_many_event_loops(store: Any) -> None:
    client = store.async_client()

    async def work(number: int) -> Any:
        await client.incr("n")
        waiting = asyncio.create_task(client.blpop(f"l{number}", timeout=10))
        await asyncio.sleep(0.001)
        await client.rpush(f"l{number}", number)
        return await waiting

    results: dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda number=number: results.update({number: asyncio.run(work(number))}))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: (b"l%d" % number, b"%d" % number) for number in range(4)}
    assert store.execute("GET", "n") == b"4"


def test_a_loop_that_ends_leaves_nobody_waiting(store: Any) -> None:
    async def main() -> None:
        task = asyncio.create_task(store.async_client().blpop("l", timeout=0))
        await asyncio.sleep(0.01)
        assert store.server.blocking.waiting == 1
        del task

    asyncio.run(main())
    gc.collect()
    assert store.server.blocking.waiting == 0
    assert store.execute("RPUSH", "l", "x") == 1
    assert store.execute("LLEN", "l") == 1


def test_connect_closes_what_it_opened() -> None:
    async def main() -> Store:
        async with redpoll.asyncio.connect() as client:
            await client.set("k", "v")
            store: Store = client.store
        return store

    assert asyncio.run(main()).closed
