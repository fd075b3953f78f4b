"""redis-py, in both protocol versions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import redis.asyncio

from tests.peers import Server


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def client(request: pytest.FixtureRequest, networked_server: Server) -> Iterator[Any]:
    """Return a client of redis-py."""
    with redis.Redis(networked_server.host, networked_server.port, protocol=request.param) as connection:
        yield connection


def test_set_and_get(client: Any) -> None:
    assert client.set("key", "value") is True
    assert client.get("key") == b"value"
    assert client.get("missing") is None
    assert client.set("key", b"\x00\xff\r\n", nx=True) is None
    assert client.set("key", b"\x00\xff\r\n", get=True) == b"value"
    assert client.get("key") == b"\x00\xff\r\n"


def test_expiry(client: Any) -> None:
    client.set("key", "value", ex=100)
    assert 98 <= client.ttl("key") <= 100
    assert client.persist("key") is True
    assert client.ttl("key") == -1
    assert client.expire("key", 0) is True
    assert client.exists("key") == 0


def test_errors_are_raised(client: Any) -> None:
    client.set("key", "text")
    with pytest.raises(redis.ResponseError, match="value is not an integer or out of range"):
        client.incr("key")
    with pytest.raises(redis.ResponseError, match="wrong number of arguments for 'get' command"):
        client.execute_command("GET")


def test_a_pipeline(client: Any) -> None:
    pipeline = client.pipeline(transaction=False)
    for number in range(2000):
        pipeline.set(f"key:{number}", number)
    pipeline.mget("key:0", "key:1999", "none").incr("key:5")
    replies = pipeline.execute()
    assert replies[:2000] == [True] * 2000
    assert replies[2000:] == [[b"0", b"1999", None], 6]
    assert client.dbsize() == 2000


def test_a_transaction_that_watches(networked_server: Server) -> None:
    host, port = networked_server.host, networked_server.port
    with redis.Redis(host, port) as client, redis.Redis(host, port) as other:
        client.set("stock", 10)
        tries = 0

        def take(pipe: Any) -> int:
            nonlocal tries
            tries += 1
            left = int(pipe.get("stock"))
            if tries < 3:
                # Another buyer is faster, twice.
                other.decr("stock")
            pipe.multi()
            pipe.set("stock", left - 1)
            pipe.incr("sold")
            return left

        assert client.transaction(take, "stock", value_from_callable=True) == 8
        assert tries == 3
        assert client.mget("stock", "sold") == [b"7", b"1"]
        with client.pipeline() as pipe:
            pipe.watch("stock")
            other.set("stock", 100)
            pipe.multi()
            pipe.set("stock", 0)
            with pytest.raises(redis.WatchError):
                pipe.execute()
        assert client.get("stock") == b"100"


def test_scanning_sees_every_key(client: Any) -> None:
    client.mset({f"key:{number}": number for number in range(1000)})
    assert set(client.scan_iter(match="key:*", count=37)) == {b"key:%d" % number for number in range(1000)}


def test_info_is_understood(client: Any) -> None:
    info = client.info()
    assert info["redis_version"]
    assert info["connected_clients"] >= 1
    assert client.info("keyspace") == {}
    client.set("key", "value", ex=1000)
    assert client.info("keyspace")["db0"]["keys"] == 1


def test_connection_commands(client: Any) -> None:
    assert client.ping() is True
    assert client.echo("text") == b"text"
    assert client.client_setname("tester") is True
    assert client.client_getname() in ("tester", b"tester")
    assert any(one["name"] == "tester" for one in client.client_list())
    assert client.config_set("maxmemory-samples", 7) is True
    assert client.config_get("maxmemory-samples") == {"maxmemory-samples": "7"}
    client.config_set("maxmemory-samples", 5)


def test_a_long_value(client: Any) -> None:
    value = bytes(range(256)) * 40_000
    client.set("key", value)
    assert client.get("key") == value
    assert client.getrange("key", 256, 511) == bytes(range(256))


def test_many_asynchronous_requests(networked_server: Server) -> None:
    async def work() -> Any:
        async with redis.asyncio.Redis(host=networked_server.host, port=networked_server.port) as connection:
            await asyncio.gather(*(connection.incr("count") for _ in range(50)))
            return await asyncio.gather(connection.get("count"), connection.ping())

    assert asyncio.run(work()) == [b"50", True]
