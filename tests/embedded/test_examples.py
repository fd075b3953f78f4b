"""What redis-py's documentation shows, topic by topic, with clients of a store in this process."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

import redpoll
import redpoll.asyncio

redis = pytest.importorskip("redis")


@pytest.fixture
def r(store: Any) -> Any:
    """A client that decodes, as most examples have it."""
    client = store.client(decode_responses=True)
    yield client
    client.close()


# Connections


def test_connecting() -> None:
    with redpoll.connect() as client:
        assert client.ping() is True
        assert client.set("city", "Lima") is True
        assert client.get("city") == b"Lima"
    with redpoll.connect(decode_responses=True, client_name="examples") as client:
        client.set("city", "Lima")
        assert client.get("city") == "Lima"
        assert client.client_getname() == "examples"
        assert client.client_info()["lib-name"].startswith("redis-py")


def test_connecting_by_url() -> None:
    client = redpoll.from_url("redpoll://memory/examples?db=2&decode_responses=yes&health_check_interval=2")
    client.set("k", "v")
    assert client.get("k") == "v"
    assert str(client.client_info()["db"]) == "2"
    redpoll.open_store("redpoll://memory/examples").close()


def test_users_and_providers_of_credentials(store: Any) -> None:
    store.execute("ACL", "SETUSER", "ann", "on", ">secret", "~*", "&*", "+@all")

    class Provider(redis.CredentialProvider):  # type: ignore[misc, name-defined]
        asked = 0

        def get_credentials(self) -> tuple[str, str]:
            self.asked += 1
            return "ann", "secret"

    provider = Provider()
    client = store.client(credential_provider=provider, decode_responses=True)
    assert client.acl_whoami() == "ann"
    assert provider.asked == 1
    given = redis.UsernamePasswordCredentialProvider("ann", "secret")
    assert store.client(credential_provider=given, decode_responses=True).acl_whoami() == "ann"
    with pytest.raises(redis.AuthenticationError):
        store.client(username="ann", password="wrong").ping()


def test_one_pool_for_two_clients(store: Any) -> None:
    pool = redpoll.ConnectionPool(store=store, decode_responses=True, max_connections=5)
    one, other = redpoll.Redis(connection_pool=pool), redpoll.Redis(connection_pool=pool)
    one.set("k", "v")
    assert other.get("k") == "v"
    if hasattr(redpoll.Redis, "from_pool"):
        third = redpoll.Redis.from_pool(pool)
        assert third.get("k") == "v"
        third.close()
    pool.disconnect()
    assert one.get("k") == "v"


def test_retries(store: Any) -> None:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    client = store.client(retry=Retry(NoBackoff(), 3), retry_on_error=[redis.exceptions.BusyLoadingError])
    store.server.faults.drop(command="get", times=2)
    assert client.get("k") is None
    store.server.faults.drop(command="get", times=9)
    with pytest.raises(redis.ConnectionError):
        client.get("k")
    store.server.faults.clear()


# Strings and keys


def test_setting_and_getting(r: Any) -> None:
    assert r.set("car:1", "red") is True
    assert r.set("car:1", "blue", nx=True) is None
    assert r.set("car:1", "blue", xx=True, get=True) == "red"
    assert r.mset({"car:2": "green", "car:3": "white"}) is True
    assert r.mget("car:1", "car:2", "nothing") == ["blue", "green", None]
    assert r.mget(["car:2"], "car:3") == ["green", "white"]
    assert r.msetnx({"car:3": "x", "car:4": "y"}) is False
    assert r.get("nothing") is None
    assert r["car:1"] == "blue"
    r["car:9"] = "grey"
    assert "car:9" in r
    del r["car:9"]
    with pytest.raises(KeyError):
        r["car:9"]
    assert r.append("car:1", "ish") == 7
    assert r.getrange("car:1", 0, 3) == "blue"
    assert r.setrange("car:1", 0, "BLUE") == 7
    assert r.strlen("car:1") == 7
    assert r.getdel("car:1") == "BLUEish"
    assert r.exists("car:1", "car:2") == 1
    assert sorted(r.scan_iter("car:*")) == ["car:2", "car:3"]
    assert r.rename("car:2", "car:1") is True
    assert r.type("car:1") == "string"
    assert r.copy("car:1", "car:5") is True
    assert r.unlink("car:1", "car:5") == 2


def test_counting(r: Any) -> None:
    assert r.incr("visits") == 1
    assert r.incr("visits", 9) == 10
    assert r.decr("visits", 3) == 7
    assert r.incrbyfloat("visits", 0.5) == 7.5
    with pytest.raises(redis.ResponseError):
        r.incr("visits")


def test_expiry(r: Any) -> None:
    from datetime import datetime, timedelta

    r.set("k", "v", ex=timedelta(minutes=1))
    assert r.ttl("k") == 60
    r.set("k", "w", keepttl=True)
    assert 0 < r.pttl("k") <= 60_000
    assert r.persist("k") is True
    assert r.ttl("k") == -1
    assert r.expireat("k", datetime.now() + timedelta(hours=1)) is True
    assert r.expire("k", 10, gt=True) is False
    assert r.getex("k", px=5) == "w"
    while r.exists("k"):
        time.sleep(0.001)
    assert r.ttl("k") == -2


# Pipelines and transactions


def test_pipelines(r: Any) -> None:
    pipe = r.pipeline(transaction=False)
    assert len(pipe) == 0
    for number in range(10):
        pipe.set(f"seat:{number}", f"#{number}")
    pipe.get("seat:0").get("seat:9")
    assert len(pipe) == 12
    assert pipe.execute() == [True] * 10 + ["#0", "#9"]
    # It may be used again.
    assert pipe.exists("seat:1").execute() == [1]
    pipe.get("seat:1")
    pipe.reset()
    assert pipe.execute() == []


def test_a_transaction_that_tries_again(r: Any) -> None:
    r.set("stock", 5)
    tries = 0
    with r.pipeline() as pipe:
        while True:
            try:
                pipe.watch("stock")
                left = int(pipe.get("stock"))
                tries += 1
                if tries == 1:
                    r.decr("stock")
                pipe.multi()
                pipe.set("stock", left - 1)
                pipe.execute()
                break
            except redis.WatchError:
                continue
    assert (tries, r.get("stock")) == (2, "3")
    assert r.transaction(lambda pipe: pipe.multi() or pipe.incr("stock").get("stock"), "stock") == [4, "4"]
    assert r.transaction(lambda pipe: pipe.set("other", 1), value_from_callable=False) == [True]


def test_a_sliding_window(r: Any) -> None:
    def allowed(user: str, now: float) -> bool:
        key = f"window:{user}"
        with r.pipeline() as pipe:
            pipe.zremrangebyscore(key, 0, now - 60)
            pipe.zcard(key)
            pipe.zadd(key, {str(now): now})
            pipe.expire(key, 60)
            return bool(pipe.execute()[1] < 2)

    assert [allowed("ann", at) for at in (1.0, 2.0, 3.0, 70.0)] == [True, True, False, True]


# Publish and subscribe


def test_messages(r: Any) -> None:
    pubsub = r.pubsub()
    pubsub.subscribe("first", "second")
    pubsub.psubscribe("fir*")
    kinds = [pubsub.get_message(timeout=1)["type"] for _ in range(3)]
    assert kinds == ["subscribe", "subscribe", "psubscribe"]
    assert r.publish("first", "hello") == 2
    assert pubsub.get_message(timeout=1) == {
        "type": "message", "pattern": None, "channel": "first", "data": "hello",
    }  # fmt: skip
    assert pubsub.get_message(timeout=1)["pattern"] == "fir*"
    assert r.pubsub_channels() == ["first", "second"]
    assert r.pubsub_numsub("first") == [("first", 1)]
    assert r.pubsub_numpat() == 1
    pubsub.unsubscribe()
    pubsub.punsubscribe()
    assert [pubsub.get_message(timeout=1)["type"] for _ in range(3)][-1] == "punsubscribe"
    assert not pubsub.subscribed
    pubsub.close()


def test_listening(r: Any) -> None:
    heard: list[Any] = []
    pubsub = r.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe("plain", handled=lambda message: heard.append(message["data"]))

    def listen() -> None:
        for message in pubsub.listen():
            if message["data"] == "stop":
                break
            heard.append(message["data"])

    thread = threading.Thread(target=listen)
    thread.start()
    while r.pubsub_numsub("plain", "handled") != [("plain", 1), ("handled", 1)]:
        time.sleep(0.001)
    for channel, data in (("plain", "1"), ("handled", "2"), ("plain", "3"), ("plain", "stop")):
        assert r.publish(channel, data) == 1
    thread.join(10)
    assert heard == ["1", "2", "3"]
    pubsub.close()


def test_channels_of_shards(r: Any) -> None:
    pubsub = r.pubsub(ignore_subscribe_messages=True)
    pubsub.ssubscribe("shard")
    assert pubsub.get_message(timeout=1) is None
    assert r.spublish("shard", "x") == 1
    assert pubsub.get_message(timeout=1)["data"] == "x"
    pubsub.close()


def test_events_of_keys(r: Any) -> None:
    r.config_set("notify-keyspace-events", "KEA")
    pubsub = r.pubsub(ignore_subscribe_messages=True)
    pubsub.psubscribe("__keyspace@0__:*")
    assert pubsub.get_message(timeout=1) is None
    r.lpush("queue", "x")
    assert pubsub.get_message(timeout=1)["data"] == "lpush"
    pubsub.close()


# Collections


def test_lists_as_queues(r: Any) -> None:
    assert r.rpush("queue", "a", "b", "c", "d") == 4
    assert r.lpop("queue") == "a"
    assert r.lpop("queue", 2) == ["b", "c"]
    assert r.lmove("queue", "done", "LEFT", "RIGHT") == "d"
    assert r.blpop(["queue", "done"], timeout=1) in (("done", "d"), ["done", "d"])
    assert r.blpop("queue", timeout=0.01) is None
    r.rpush("queue", *"edcba")
    assert r.sort("queue", alpha=True) == list("abcde")
    assert r.ltrim("queue", 0, 1) is True
    assert r.lpos("queue", "d") == 1
    assert r.linsert("queue", "before", "d", "x") == 3
    assert r.lrange("queue", 0, -1) == ["e", "x", "d"]


def test_hashes(r: Any) -> None:
    assert r.hset("bike", mapping={"brand": "Ergonom", "price": 1972}) == 2
    assert r.hset("bike", "colour", "red") == 1
    assert r.hget("bike", "price") == "1972"
    assert r.hmget("bike", ["brand", "nothing"]) == ["Ergonom", None]
    assert r.hincrby("bike", "price", 100) == 2072
    assert r.hgetall("bike") == {"brand": "Ergonom", "price": "2072", "colour": "red"}
    assert dict(r.hscan_iter("bike", match="b*")) == {"brand": "Ergonom"}
    assert r.hexists("bike", "colour") is True
    assert r.hdel("bike", "colour") == 1
    assert sorted(r.hkeys("bike")) == ["brand", "price"]
    if hasattr(r, "hexpire"):
        assert r.hexpire("bike", 60, "price") == [1]
        assert r.httl("bike", "price", "brand") == [60, -1]


def test_sets(r: Any) -> None:
    r.sadd("races:usa", "b:1", "b:4")
    r.sadd("races:france", "b:1", "b:2", "b:3")
    assert set(r.sinter("races:usa", "races:france")) == {"b:1"}
    assert set(r.sdiff("races:france", "races:usa")) == {"b:2", "b:3"}
    assert r.sunionstore("races", "races:usa", "races:france") == 4
    assert list(map(bool, r.smismember("races", ["b:1", "b:9"]))) == [True, False]
    assert r.sintercard(2, ["races:usa", "races:france"]) == 1
    assert r.spop("races") not in r.smembers("races")


def test_sorted_sets(r: Any) -> None:
    assert r.zadd("board", {"ann": 10, "ben": 8, "eve": 15}) == 3
    assert r.zadd("board", {"ben": 12}, gt=True, ch=True) == 1
    assert r.zrange("board", 0, -1) == ["ann", "ben", "eve"]
    assert [tuple(pair) for pair in r.zrange("board", 0, 0, desc=True, withscores=True)] == [("eve", 15.0)]
    assert r.zrangebyscore("board", "(10", "+inf") == ["ben", "eve"]
    assert r.zrevrange("board", 0, 0) == ["eve"]
    assert r.zrank("board", "ann") == 0
    assert r.zincrby("board", 10, "ann") == 20.0
    assert r.zscore("board", "ann") == 20.0
    assert [tuple(pair) for pair in r.zpopmax("board")] == [("ann", 20.0)]
    assert r.zcount("board", "-inf", "inf") == 2
    assert r.zunionstore("both", {"board": 2}) == 2
    assert r.zmscore("both", ["ben", "x"]) == [24.0, None]
    assert dict(r.zscan_iter("board")) == {"ben": 12.0, "eve": 15.0}


def test_streams(r: Any) -> None:
    first = r.xadd("readings", {"temperature": 21.5})
    for number in range(4):
        r.xadd("readings", {"temperature": number})
    assert r.xlen("readings") == 5
    ((name, entries),) = dict(r.xread({"readings": first}, count=2)).items()
    entries = entries[0] if len(entries) == 1 else entries
    assert (name, [fields for _, fields in entries]) == ("readings", [{"temperature": "0"}, {"temperature": "1"}])
    assert r.xrange("readings", count=1) == [(first, {"temperature": "21.5"})]
    assert r.xgroup_create("readings", "group", id="0") is True
    with pytest.raises(redis.ResponseError, match="BUSYGROUP"):
        r.xgroup_create("readings", "group")
    r.xreadgroup("group", "ann", {"readings": ">"}, count=3)
    assert r.xpending("readings", "group")["pending"] == 3
    assert [one["consumer"] for one in r.xpending_range("readings", "group", "-", "+", 10)] == ["ann"] * 3
    assert r.xack("readings", "group", first) == 1
    claimed = r.xautoclaim("readings", "group", "ben", 0)
    assert len(claimed[1]) == 2
    assert r.xinfo_groups("readings")[0]["consumers"] == 2
    assert r.xinfo_consumers("readings", "group")[0]["name"] in ("ann", "ben")
    assert r.xtrim("readings", maxlen=1, approximate=False) == 4
    assert r.xdel("readings", r.xrevrange("readings")[0][0]) == 1
    assert r.xgroup_destroy("readings", "group") == 1


def test_bits_places_and_estimates(r: Any) -> None:
    assert r.setbit("pings", 123, 1) == 0
    assert (r.getbit("pings", 123), r.bitcount("pings"), r.bitpos("pings", 1)) == (1, 1, 123)
    assert r.bitfield("bike").set("u32", "#0", 1000).incrby("u32", "#0", -50).execute() == [0, 950]
    assert r.geoadd("places", (-122.27652, 37.805186, "one")) == 1
    assert r.geosearch("places", longitude=-122.2612767, latitude=37.7936847, radius=5, unit="km") == ["one"]
    assert r.geodist("places", "one", "one") == 0.0
    assert r.pfadd("bikes", "a", "b", "c") == 1
    assert r.pfcount("bikes") == 3


# Scripts and locks


def test_scripts(r: Any) -> None:
    multiply = r.register_script("return redis.call('GET', KEYS[1]) * ARGV[1]")
    r.set("n", 6)
    assert multiply(keys=["n"], args=[7]) == 42
    assert r.script_exists(multiply.sha) == [True]
    r.script_flush()
    pipe = r.pipeline()
    multiply(keys=["n"], args=[2], client=pipe)
    assert pipe.set("done", 1).execute() == [12, True]


def test_locks(r: Any) -> None:
    lock = r.lock("job", timeout=10)
    with lock:
        assert lock.owned()
        assert r.lock("job", blocking_timeout=0.01).acquire() is False
        assert lock.extend(5) is True
        assert lock.reacquire() is True
    assert not lock.locked()
    with pytest.raises(redis.exceptions.LockError):
        lock.release()


# asyncio


def test_tasks_connect() -> None:
    async def main() -> None:
        async with redpoll.asyncio.connect(decode_responses=True) as client:
            assert await client.ping() is True
            assert await client.set("k", "v") is True
            assert await asyncio.gather(*(client.incr("n") for _ in range(5))) == [1, 2, 3, 4, 5]
            tasks = [asyncio.create_task(client.get("k")) for _ in range(3)]
            assert await asyncio.gather(*tasks) == ["v"] * 3
            assert [key async for key in client.scan_iter("k*")] == ["k"]
            await client.xadd("x", {"f": "v"}, "1-1")
            assert await client.xrange("x") == [("1-1", {"f": "v"})]

    asyncio.run(main())


def test_tasks_have_pipelines_and_pools(store: Any) -> None:
    async def main() -> None:
        pool = redpoll.asyncio.ConnectionPool(store=store, decode_responses=True)
        client = redpoll.asyncio.Redis(connection_pool=pool)
        async with client.pipeline(transaction=True) as pipe:
            assert await pipe.set("a", 1).set("b", 2).get("a").execute() == [True, True, "1"]

        async def double(pipe: Any) -> None:
            value = int(await pipe.get("a"))
            pipe.multi()
            pipe.set("a", value * 2)

        assert await client.transaction(double, "a") == [True]
        assert await client.get("a") == "2"
        await client.aclose()
        await pool.disconnect()

    asyncio.run(main())


def test_tasks_read_messages(store: Any) -> None:
    async def main() -> None:
        client = store.async_client(decode_responses=True)
        heard: list[Any] = []
        async with client.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe("one")
            await pubsub.psubscribe("tw*")

            async def read() -> None:
                async for message in pubsub.listen():
                    heard.append((message["channel"], message["data"]))
                    if message["data"] == "stop":
                        break

            reader = asyncio.create_task(read())
            while await client.publish("one", "1") + await client.publish("two", "2") < 2:
                heard.clear()
                await asyncio.sleep(0)
            await client.publish("one", "stop")
            await asyncio.wait_for(reader, 10)
        assert heard[-3:] == [("one", "1"), ("two", "2"), ("one", "stop")]
        await client.aclose()

    asyncio.run(main())


def test_tasks_have_locks_and_scripts(store: Any) -> None:
    async def main() -> None:
        client = store.async_client(decode_responses=True)
        script = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
        assert await script(keys=["n"], args=[5]) == 5
        async with client.lock("job", timeout=5) as lock:
            assert await lock.owned()
            assert not await client.lock("job", blocking=False).acquire()

            async def other() -> bool:
                async with client.lock("job", timeout=5, sleep=0.001):
                    return True

            waiting = asyncio.create_task(other())
            await asyncio.sleep(0.005)
            assert not waiting.done()
        assert await asyncio.wait_for(waiting, 10)
        await client.aclose()

    asyncio.run(main())


# valkey-py


def test_valkey_by_tasks_and_urls(store: Any) -> None:
    valkey = pytest.importorskip("valkey")
    import redpoll.embedded.valkey as own

    pool = own.ConnectionPool.from_url("redpoll://memory/valkey?decode_responses=yes")
    assert valkey.Valkey(connection_pool=pool).set("k", "v") is True
    assert own.connect("redpoll://memory/valkey").get("k") == b"v"

    async def main() -> None:
        client = own.connect_async(store, decode_responses=True)
        assert isinstance(client, valkey.asyncio.Valkey)
        await client.set("k", "v")
        assert await client.get("k") == "v"
        assert await client.pipeline().incr("n").get("k").execute() == [1, "v"]
        waiting = asyncio.create_task(client.blpop("l", timeout=10))
        while store.server.blocking.waiting < 1:
            await asyncio.sleep(0)
        await client.rpush("l", "x")
        assert await waiting in (("l", "x"), ["l", "x"])
        with pytest.raises(valkey.ResponseError):
            await client.lpush("k", 1)
        await client.aclose()

    asyncio.run(main())
    redpoll.open_store("redpoll://memory/valkey").close()
