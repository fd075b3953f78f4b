"""Pipelines and transactions of redis-py's clients, which go the short way; see embedded/fast.pyx."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

redis = pytest.importorskip("redis")
errors = redis.exceptions


def run(main: Any) -> None:
    asyncio.run(main)


def test_the_short_way_is_gone(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("the library's own way")

    plain, plain_async = redis.client.Pipeline, redis.asyncio.client.Pipeline
    client = store.client()
    client.ping()
    for one in (plain, plain_async):
        for method in ("_execute_pipeline", "_execute_transaction"):
            monkeypatch.setattr(one, method, never)
    assert client.pipeline(transaction=False).set("k", 1).get("k").execute() == [True, b"1"]
    assert client.pipeline().incr("k").get("k").execute() == [2, b"2"]

    async def main() -> None:
        other = store.async_client()
        await other.ping()
        assert await other.pipeline(transaction=False).incr("k").get("k").execute() == [3, b"3"]
        assert await other.pipeline().incr("k").get("k").execute() == [4, b"4"]

    run(main())


def test_errors_stand_in_their_places(client: Any) -> None:
    client.set("k", "text")
    results = client.pipeline(transaction=False).incr("k").get("k").lpush("k", 1).execute(raise_on_error=False)
    assert results[1] == b"text"
    assert [type(one) for one in results] == [errors.ResponseError, bytes, errors.ResponseError]
    with pytest.raises(errors.ResponseError, match=r"^Command # 1 \(INCRBY k 1\) of pipeline caused error: "):
        client.pipeline(transaction=False).incr("k").get("k").execute()
    results = client.pipeline().incr("k").set("done", 1).execute(raise_on_error=False)
    assert isinstance(results[0], errors.ResponseError)
    assert results[1] is True
    with pytest.raises(errors.ResponseError, match=r"Command # 2 \(LPUSH k 2\) of pipeline caused error: WRONGTYPE"):
        client.pipeline().set("k", 1).lpush("k", 2).execute()
    with pytest.raises(errors.ResponseError, match="unknown command"):
        client.pipeline().set("a", 1).execute_command("NOSUCH").execute()
    assert client.get("a") is None


def test_a_transaction_whose_key_changed(client: Any) -> None:
    client.set("k", 1)
    with client.pipeline() as pipe:
        pipe.watch("k")
        assert pipe.get("k") == b"1"
        client.set("k", 2)
        pipe.multi()
        pipe.set("k", 3)
        with pytest.raises(errors.WatchError):
            pipe.execute()
    assert client.get("k") == b"2"

    def add(pipe: Any) -> None:
        value = int(pipe.get("k"))
        pipe.multi()
        pipe.set("k", value + 1)

    assert client.transaction(add, "k") == [True]
    assert client.get("k") == b"3"


def test_a_transaction_waits_for_the_end_of_a_pause(client: Any) -> None:
    other = client.store.client()
    for _ in range(2):
        other.client_pause(30, all=False)
        assert client.pipeline().set("k", 1).get("k").execute() == [True, b"1"]
        other.client_pause(30)
        assert client.pipeline().incr("k").execute() == [2]
        other.client_pause(30)
        assert client.pipeline(transaction=False).incr("k").get("k").execute() == [3, b"3"]
        client.delete("k")


def test_whole_collections_within_transactions(client: Any) -> None:
    client.rpush("l", "a", 1)
    client.hset("h", mapping={"f": "v"})
    client.sadd("s", "x")
    client.zadd("z", {"m": 1.5})
    client.mset({"k": "v"})
    client.xadd("x", {"f": "v"}, "1-1")
    calls: list[Any] = [
        lambda one: one.lrange("l", 0, -1),
        lambda one: one.hgetall("h"),
        lambda one: one.zrange("z", 0, -1),
        lambda one: one.mget("k", "n"),
        lambda one: one.smembers("s"),
        lambda one: one.zrange("z", 0, -1, withscores=True),
        lambda one: one.xrange("x"),
        lambda one: one.xread({"x": "0"}),
    ]
    for transaction in (True, False):
        pipe = client.pipeline(transaction)
        for call in calls:
            call(pipe)
        results = pipe.execute()
        assert results[:4] == [[b"a", b"1"], {b"f": b"v"}, [b"m"], [b"v", None]]
        assert list(results[4]) == [b"x"]
        assert results[6] == [(b"1-1", {b"f": b"v"})]
        # The same values, of the same types, as outside of one.
        assert results == [call(client) for call in calls]


def test_transactions_fail_as_the_librarys_do(store: Any) -> None:
    store.serve()
    outcomes = []
    for one in (redis.Redis(port=store.ports[0]), store.client()):
        one.flushall()
        one.set("text", "x")
        seen: list[Any] = []
        for commands in (
            [("lpush", "text", 1), ("set", "k", 1)],
            [("execute_command", "NOSUCH"), ("set", "k", 2)],
            [("set", "k", 3), ("execute_command", "GET")],
            [("hset", "h", "f", "v"), ("hgetall", "h"), ("get", "k")],
            [("unwatch",), ("get", "k")],
        ):
            for raising in (True, False):
                pipe = one.pipeline()
                for name, *args in commands:
                    getattr(pipe, name)(*args)
                try:
                    results = pipe.execute(raise_on_error=raising)
                    seen.append([repr(result) for result in results])
                except Exception as error:
                    seen.append((type(error).__name__, str(error)))
        seen.append(one.get("k"))
        outcomes.append(seen)
        one.close()
    assert outcomes[0] == outcomes[1]


# asyncio


def test_tasks_have_the_same_pipelines(store: Any) -> None:
    async def main() -> None:
        client = store.async_client(decode_responses=True)
        assert await client.pipeline(transaction=False).set("k", "text").get("k").execute() == [True, "text"]
        results = await client.pipeline(transaction=False).incr("k").get("k").execute(raise_on_error=False)
        assert isinstance(results[0], errors.ResponseError)
        assert results[1] == "text"
        with pytest.raises(errors.ResponseError, match=r"^Command # 1 \(INCRBY k 1\) of pipeline caused error: "):
            await client.pipeline(transaction=False).incr("k").execute()
        assert await client.pipeline().hset("h", mapping={"a": 1}).hgetall("h").execute() == [1, {"a": "1"}]
        async with client.pipeline() as pipe:
            await pipe.watch("k")
            await client.set("k", "changed")
            pipe.multi()
            pipe.set("k", "lost")
            with pytest.raises(errors.WatchError):
                await pipe.execute()
        assert await client.get("k") == "changed"
        await client.aclose()

    run(main())


def test_pipelines_of_tasks_do_not_suspend(store: Any) -> None:
    async def main() -> None:
        client = store.async_client()
        await client.ping()
        ran: list[int] = []
        asyncio.get_running_loop().call_soon(ran.append, 1)
        assert await client.pipeline(transaction=False).set("k", 1).get("k").execute() == [True, b"1"]
        assert await client.pipeline().incr("k").execute() == [2]
        assert ran == []
        await asyncio.sleep(0)
        assert ran == [1]

    run(main())


def test_what_waits_in_a_pipeline_lets_others_run(store: Any) -> None:
    async def main() -> None:
        client = store.async_client()
        waiting = asyncio.create_task(
            client.pipeline(transaction=False).set("a", 1).blpop("l", timeout=10).incr("a").execute()
        )
        while store.server.blocking.waiting < 1:
            await asyncio.sleep(0)
        assert await client.get("a") == b"1"
        await client.rpush("l", "x")
        assert await waiting == [True, (b"l", b"x"), 2]

    run(main())


def test_a_pipeline_that_is_cancelled_takes_nothing(store: Any) -> None:
    async def main() -> None:
        client = store.async_client()
        waiting = asyncio.create_task(
            client.pipeline(transaction=False).set("a", 1).blpop("l", timeout=0).incr("a").execute()
        )
        while store.server.blocking.waiting < 1:
            await asyncio.sleep(0)
        # Told that there is something, and cancelled before it comes for it.
        store.execute("RPUSH", "l", "x")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert store.execute("LRANGE", "l", 0, -1) == [b"x"]
        assert store.server.blocking.waiting == 0
        # What stands behind is not run, and the connection serves on.
        assert await client.get("a") == b"1"
        assert await client.pipeline().incr("a").execute() == [2]
        assert len(store.server.loop.connections) <= 3

    run(main())


def test_a_transaction_of_a_task_is_cancelled_in_a_pause(store: Any) -> None:
    async def main() -> None:
        client = store.async_client()
        await client.ping()
        store.execute("CLIENT", "PAUSE", 60_000, "WRITE")
        waiting = asyncio.create_task(client.pipeline().set("a", 1).set("b", 2).execute())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        store.execute("CLIENT", "UNPAUSE")
        assert await client.mget("a", "b") == [None, None]
        store.execute("CLIENT", "PAUSE", 30, "WRITE")
        assert await client.pipeline().set("a", 1).get("a").execute() == [True, b"1"]

    run(main())


def test_callbacks_that_are_coroutines(store: Any) -> None:
    async def main() -> None:
        client = store.async_client()

        async def shout(reply: Any, **_: Any) -> str:
            await asyncio.sleep(0)
            return str(reply.decode()).upper()

        client.set_response_callback("GET", shout)
        await client.set("k", "v")
        assert await client.get("k") == "V"
        assert await client.pipeline(transaction=False).get("k").get("k").execute() == ["V", "V"]
        assert await client.pipeline().get("k").execute() == ["V"]

    run(main())


def test_a_store_that_closes_amid_a_pipeline(store: Any) -> None:
    async def main() -> None:
        client = store.async_client(retry=None)
        await client.ping()
        waiting = asyncio.create_task(client.pipeline(transaction=False).blpop("l", timeout=0).execute())
        while store.server.blocking.waiting < 1:
            await asyncio.sleep(0)
        store.close()
        with pytest.raises(errors.ConnectionError):
            await waiting

    run(main())
