"""redis-py over a store: all that it does with connections."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from typing import Any
from unittest import mock

import pytest

import redpoll
import redpoll.asyncio
from redpoll.embedded import Store
from tests.embedded.test_store import until

redis = pytest.importorskip("redis")


def test_it_is_a_redis_client(client: Any) -> None:
    assert isinstance(client, redis.Redis)
    assert client.set("k", "v") is True
    assert client.get("k") == b"v"
    assert client.hset("h", mapping={"a": 1, "b": 2}) == 2
    assert client.hgetall("h") == {b"a": b"1", b"b": b"2"}
    assert client.zadd("z", {"a": 1.5, "b": 2}) == 2
    assert [tuple(pair) for pair in client.zrange("z", 0, -1, withscores=True)] == [(b"a", 1.5), (b"b", 2.0)]
    assert client.sadd("s", "x", "y") == 2
    assert set(client.smembers("s")) == {b"x", b"y"}
    assert client.info("server")["redis_version"] == client.info()["redis_version"]
    assert client.config_get("maxmemory") == {"maxmemory": "0"}
    assert client.type("h") == b"hash"
    assert list(client.scan_iter(match="[hz]")) in ([b"h", b"z"], [b"z", b"h"])
    assert client.expire("k", 100) is True
    assert 90 < client.ttl("k") <= 100


def test_replies_are_those_of_the_library_over_a_socket() -> None:
    """The same calls on the same store by both ways."""
    with Store(enable_debug_command="local") as store:
        store.serve()
        compare_both_ways(store)


def compare_both_ways(store: Store) -> None:
    """Call by call, in all protocols and decodings."""
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
        ("set", ("k", "v"), {}),
        ("get", ("k",), {}),
        ("mset", ({"a": 1, "b": 2.5},), {}),
        ("mget", (["a", "b", "c"],), {}),
        ("incrbyfloat", ("b", 1.5), {}),
        ("getrange", ("k", 0, -1), {}),
        ("zadd", ("z", {"m": 1, "n": 2}), {}),
        ("zscore", ("z", "m"), {}),
        ("zrange", ("z", 0, -1), {"withscores": True}),
        ("zrange", ("z", 0, -1), {"withscores": True, "score_cast_func": int}),
        ("zrange", ("z", 0, -1), {"withscores": True, "score_cast_func": lambda score: [score]}),
        ("zrange", ("z", 0, -1, True, True), {}),
        ("zrange", ("z", 0, -1), {}),
        ("zrange", ("nothing", 0, -1), {"withscores": True}),
        ("zrevrange", ("z", 0, -1, True), {}),
        ("zrangebyscore", ("z", 0, "inf"), {"withscores": True}),
        ("zrangebyscore", ("z", 0, "inf", 1, 1), {}),
        ("zrevrangebyscore", ("z", "inf", 0, None, None, True), {}),
        ("zunion", (["z", "z"],), {"withscores": True}),
        ("zpopmin", ("z",), {}),
        ("xadd", ("x", {"f": "v"}, "1-1"), {}),
        ("xadd", ("x", {"f": 1, "g": "a longer text than that", "h": ""}, "2-1"), {}),
        ("xadd", ("y", {"f": "v"}, "3-1"), {}),
        ("xrange", ("x",), {}),
        ("xrange", ("x", "2", "+", 5), {}),
        ("xrange", ("nothing",), {}),
        ("xrevrange", ("x",), {"count": 1}),
        ("xread", ({"x": "0"},), {}),
        ("xread", ({"x": "0", "y": "0", "nothing": "0"}, 1), {}),
        ("xread", ({"x": "99"},), {"block": 1}),
        ("xgroup_create", ("x", "group", "0"), {}),
        ("xreadgroup", ("group", "me", {"x": ">"}, 1), {}),
        ("xreadgroup", ("group", "me", {"x": ">"}), {"noack": True}),
        ("xreadgroup", ("group", "me", {"x": ">"}), {}),
        ("xreadgroup", ("group", "me", {"x": "0"}), {}),
        ("xdel", ("x", "1-1"), {}),
        ("xreadgroup", ("group", "me", {"x": "0"}), {}),
        ("xinfo_stream", ("x",), {}),
        ("geoadd", ("g", (13.361389, 38.115556, "Palermo")), {}),
        ("geopos", ("g", "Palermo"), {}),
        ("config_get", ("save",), {}),
        ("client_getname", (), {}),
        ("object", ("encoding", "k"), {}),
        ("command_count", (), {}),
        ("memory_usage", ("k",), {}),
        ("hset", ("h", "f", "v"), {}),
        ("hgetall", ("h",), {}),
        ("hrandfield", ("h", 1), {"withvalues": True}),
        ("hscan", ("h",), {}),
        ("sscan", ("nothing",), {}),
        ("blpop", ("nothing",), {"timeout": 0.01}),
        ("bzpopmin", ("z",), {"timeout": 0.01}),
        ("lpos", ("nothing", "x"), {}),
        ("exists", ("k", "a"), {}),
        ("dbsize", (), {}),
        ("lastsave", (), {}),
        ("time", (), {}),
        ("slowlog_get", (), {}),
        ("pubsub_numsub", ("c",), {}),
        ("bitfield", ("bits",), {}),
        ("execute_command", ("DEBUG", "PROTOCOL", "DOUBLE"), {}),
        ("execute_command", ("DEBUG", "PROTOCOL", "VERBATIM"), {}),
        ("execute_command", ("DEBUG", "PROTOCOL", "MAP"), {}),
        ("execute_command", ("DEBUG", "PROTOCOL", "SET"), {}),
        ("execute_command", ("DEBUG", "PROTOCOL", "TRUE"), {}),
        ("execute_command", ("DEBUG", "PROTOCOL", "NULL"), {}),
    ]
    for protocol in (None, 2, 3):
        for decoding in (False, True):
            options: dict[str, Any] = {"decode_responses": decoding}
            if protocol:
                options["protocol"] = protocol
            results: list[list[Any]] = []
            for one in (redis.Redis(port=store.ports[0], **options), store.client(**options)):
                store.execute("FLUSHALL")
                got = []
                for name, args, kwargs in calls:
                    if name == "client_getname":
                        one.execute_command("CLIENT SETNAME", "me")
                    reply = getattr(one, name)(*args, **kwargs)
                    if inspect.ismethod(getattr(reply, "execute", None)):
                        reply = reply.set("u8", 0, 5).get("u8", 0).execute()
                    if name in ("time", "slowlog_get"):
                        reply = type(reply)
                    got.append(reply)
                one.close()
                results.append(got)
            for call, over_socket, embedded in zip(calls, *results, strict=True):
                assert embedded == over_socket, (call, protocol, decoding)
                assert type(embedded) is type(over_socket), (call, protocol, decoding)


def test_errors_have_the_librarys_classes(client: Any) -> None:
    client.set("k", "v")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        client.lpush("k", 1)
    with pytest.raises(redis.exceptions.NoScriptError if "NOSCRIPT" else redis.ResponseError):
        raise redis.exceptions.NoScriptError
    with pytest.raises(redis.DataError):
        client.set("k", None)
    with pytest.raises(redis.DataError):
        client.set("k", True)
    assert client.get("k") == b"v"


def test_decoding(store: Any) -> None:
    client = store.client(decode_responses=True)
    client.set("k", "grün")
    assert client.get("k") == "grün"
    assert client.execute_command("GET", "k", NEVER_DECODE=True) == "grün".encode()
    client.set("bad", b"\xff")
    with pytest.raises(UnicodeDecodeError):
        client.get("bad")
    assert client.get("k") == "grün"
    latin = store.client(decode_responses=True, encoding="latin-1")
    latin.set("k", "grün")
    assert latin.get("k") == "grün"
    assert store.execute("GET", "k") == "grün".encode("latin-1")
    client.close()
    latin.close()


def test_publish_and_subscribe(client: Any) -> None:
    pubsub = client.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe("news")
    pubsub.psubscribe(**{"log.*": None})
    assert pubsub.get_message(timeout=1) is None
    assert pubsub.get_message(timeout=1) is None
    assert client.publish("news", "one") == 1
    assert client.publish("log.x", "two") == 1
    first, second = pubsub.get_message(timeout=1), pubsub.get_message(timeout=1)
    assert (first["type"], first["data"]) == ("message", b"one")
    assert (second["type"], second["pattern"], second["data"]) == ("pmessage", b"log.*", b"two")
    begin = time.monotonic()
    assert pubsub.get_message(timeout=0.02) is None
    assert time.monotonic() - begin > 0.015
    pubsub.close()
    assert client.publish("news", "three") == 0


def test_listening_in_a_thread(client: Any) -> None:
    heard: list[Any] = []
    pubsub = client.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(news=lambda message: heard.append(message["data"]))
    thread = pubsub.run_in_thread(sleep_time=5)
    client.publish("news", "x")
    until(lambda: heard == [b"x"])
    thread.stop()
    client.publish("news", "y")
    thread.join(10)
    assert not thread.is_alive()


def test_monitor(client: Any) -> None:
    client.ping()
    with client.monitor() as monitor:
        client.set("k", "v")
        # The client had but one connection, so it made another.
        until(lambda: monitor.next_command()["command"] == "SET k v")


def test_many_threads_wait_with_one_client(client: Any) -> None:
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(client.blpop("l", timeout=10))) for _ in range(8)]
    for thread in threads:
        thread.start()
    until(lambda: client.info("clients")["blocked_clients"] == 8)
    assert client.get("k") is None
    client.rpush("l", *range(8))
    for thread in threads:
        thread.join()
    assert sorted(map(tuple, found)) == [(b"l", b"%d" % number) for number in range(8)]
    assert client.info("clients")["blocked_clients"] == 0


def test_a_wait_longer_than_the_librarys_timeouts(client: Any) -> None:
    assert client.connection_pool.connection_kwargs.get("socket_timeout") is None
    begin = time.monotonic()
    assert client.blpop("nothing", timeout=0.05) is None
    assert time.monotonic() - begin > 0.04


def test_a_socket_timeout_that_is_asked_for_holds(store: Any) -> None:
    client = store.client(socket_timeout=0.05, retry=None)
    with pytest.raises(redis.TimeoutError):
        client.blpop("nothing", timeout=10)
    assert client.ping()
    assert store.execute("CLIENT", "LIST").count(b"cmd=blpop") == 0
    client.close()


def test_selecting_a_database(store: Any) -> None:
    one, other = store.client(db=1), store.client()
    one.set("k", "v")
    assert other.get("k") is None
    assert store.client(db=1).get("k") == b"v"
    other.select(1)
    assert other.get("k") == b"v"
    one.close()
    other.close()


def test_names_and_libraries_are_told(store: Any) -> None:
    client = store.client(client_name="worker")
    client.ping()
    names = [one["name"] for one in store.client().client_list()]
    assert "worker" in names
    client.close()


def test_a_password_is_asked_for() -> None:
    with Store(requirepass="secret") as store:
        with pytest.raises(redis.AuthenticationError):
            store.client().get("k")
        assert store.client(password="secret").get("k") is None


def test_one_connection_clients(store: Any) -> None:
    client = store.client(single_connection_client=True)
    client.execute_command("CLIENT SETNAME", "only")
    assert client.client_getname() in ("only", b"only")
    with client.client() as other:
        assert other.client_getname() is None
    client.close()


def test_reconnects_after_it_was_killed(client: Any) -> None:
    client.set("k", "v")
    for one in client.client_list():
        client.client_kill_filter(_id=one["id"])
    until(lambda: client.get("k") == b"v")


def test_pools_and_urls() -> None:
    pool = redpoll.ConnectionPool.from_url("redpoll://memory/pools?db=3&decode_responses=yes")
    client = redis.Redis(connection_pool=pool)
    client.set("k", "v")
    assert client.get("k") == "v"
    assert redpoll.from_url("redpoll://memory/pools?db=3").get("k") == b"v"
    assert redpoll.Redis.from_url("redpoll://memory/pools").get("k") is None
    assert redpoll.connect("redpoll://memory/pools", db=3).get("k") == b"v"
    blocking = redpoll.embedded.BlockingConnectionPool.from_url(
        "redpoll://memory/pools", max_connections=1, timeout=0.01
    )
    other = redpoll.Redis(connection_pool=blocking)
    assert other.ping()
    held = asked(blocking.get_connection)
    with pytest.raises(redis.ConnectionError):
        other.ping()
    blocking.release(held)
    redpoll.open_store("redpoll://memory/pools").close()


def test_a_plain_pool_with_our_connections(store: Any) -> None:
    pool = redis.ConnectionPool(connection_class=redpoll.Connection, store=store, host="ignored", port=1)
    client = redis.Redis(connection_pool=pool)
    assert client.set("k", "v")
    assert store.execute("GET", "k") == b"v"
    assert client.pipeline().get("k").execute() == [b"v"]
    client.close()
    pool.disconnect()


def asked(get_connection: Any) -> Any:
    """A connection, from pools that want to know for what and from those that do not."""
    try:
        return get_connection()
    except TypeError:
        return get_connection("_")


@pytest.mark.parametrize("url", ["redpoll://elsewhere/x", "redis-poll://x", "redpoll://memory?db=two"])
def test_bad_urls_are_told(url: str) -> None:
    from redpoll.embedded.options import parse_url

    with pytest.raises(ValueError, match=r"redpoll|Invalid value for 'db'"):
        parse_url(url)


def test_callbacks_can_be_changed(client: Any) -> None:
    client.set("k", "v")
    assert client.get("k") == b"v"
    client.set_response_callback("GET", lambda reply, **_: (reply, "mine"))
    assert client.get("k") == (b"v", "mine")
    del client.response_callbacks["GET"]
    assert client.get("k") == b"v"


def test_a_class_of_ones_own_is_obeyed(store: Any) -> None:
    class Mine(redpoll.Redis):  # type: ignore[misc, name-defined]
        def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:
            return [super().parse_response(connection, command_name, **options)]

    client = Mine(store)
    assert client.echo("x") == [b"x"]
    client.close()


def test_instrumentation_is_obeyed(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, seen = redis.Redis.execute_command, []

    class Wrapped:
        def __get__(self, instance: Any, owner: Any) -> Any:
            def call(*args: Any, **kwargs: Any) -> Any:
                seen.append(args[0])
                return plain(instance, *args, **kwargs)

            return call

    monkeypatch.setattr(redis.Redis, "execute_command", Wrapped())
    client = store.client()
    client.get("k")
    assert seen == ["GET"]
    client.close()


def test_errors_that_mean_a_broken_connection() -> None:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    loading = ("DEBUG", "ERROR", "LOADING not yet")
    with Store(enable_debug_command="local") as other:
        for retries in (0, 2):
            client = other.client(retry=Retry(NoBackoff(), retries))
            client.ping()
            with pytest.raises(redis.BusyLoadingError):
                client.execute_command(*loading)
            for transaction in (True, False):
                client.ping()
                with pytest.raises(redis.BusyLoadingError):
                    client.pipeline(transaction).execute_command(*loading).execute()
                assert not client.connection_pool._available_connections[-1]._sock
            assert client.ping()
            client.close()

        async def tasks() -> None:
            tasks = other.async_client(retry=redis.asyncio.retry.Retry(NoBackoff(), 1))
            await tasks.ping()
            with pytest.raises(redis.BusyLoadingError):
                await tasks.execute_command(*loading)
            with pytest.raises(redis.BusyLoadingError):
                await tasks.pipeline().execute_command(*loading).execute()
            assert await tasks.ping()
            await tasks.aclose()

        asyncio.run(tasks())


def test_clients_are_told_apart_by_their_addresses(store: Any) -> None:
    one, other = store.client(client_name="one"), store.client(client_name="other")
    assert one.ping()
    assert other.ping()
    addresses = {entry["name"]: entry["addr"] for entry in one.client_list()}
    assert one.client_kill(addresses["other"]) is True
    assert {entry["name"] for entry in one.client_list()} == {"one"}
    one.close()
    other.close()


def test_a_parse_response_of_one_client_is_obeyed(client: Any) -> None:
    client.set("k", "v")
    with mock.patch.object(client, "parse_response", return_value="mine"):
        assert client.get("k") == "mine"


def test_an_execute_command_of_ones_own_is_obeyed(store: Any) -> None:
    class Noting(redpoll.Redis):  # type: ignore[misc, name-defined]
        def execute_command(self, *args: Any, **options: Any) -> Any:
            seen.append(args)
            return super().execute_command(*args, **options)

    class NotingTasks(redpoll.asyncio.Redis):
        async def execute_command(self, *args: Any, **options: Any) -> Any:
            seen.append(args)
            return await super().execute_command(*args, **options)

    async def tasks() -> None:
        async with NotingTasks(store) as client:
            await client.set("k", "w")
            assert await client.get("k") == b"w"

    seen: list[Any] = []
    with Noting(store) as client:
        client.set("k", "v")
        assert client.get("k") == b"v"
        client.zadd("z", {"a": 1})
        assert client.zrange("z", 0, -1) == [b"a"]
    asyncio.run(tasks())
    assert [words[0] for words in seen] == ["SET", "GET", "ZADD", "ZRANGE", "SET", "GET"]
    client = store.client()
    client.get("k")
    with mock.patch.object(client, "execute_command", return_value="mine"):
        assert client.get("k") == "mine"
        assert client.lrange("l", 0, -1) == "mine"
    assert client.get("k") == b"w"
    given = mock.Mock(**{"retry.call_with_retry.side_effect": lambda do, *_args, **_kwargs: do()})
    given.read_response.return_value = b"from it"
    with mock.patch.object(client, "connection", given):
        assert client.echo("k") == b"from it"
    assert client.echo("k") == b"k"
    client.close()


def test_client_side_caching(store: Any) -> None:
    cache = pytest.importorskip("redis.cache")
    if int(redis.__version__.split(".")[0]) < 6 and redis.connection.HIREDIS_AVAILABLE:
        pytest.skip("redis-py 5 caches with its own parser only")
    client = store.client(protocol=3, cache_config=cache.CacheConfig())
    client.set("k", "v")
    assert client.get("k") == b"v"
    assert client.get("k") == b"v"
    assert client.get_cache().size == 1
    store.execute("SET", "k", "w")
    assert client.get("k") == b"w"
    client.close()


def test_locks(client: Any) -> None:
    try:
        client.execute_command("EVAL", "return 1", 0)
    except redis.ResponseError:
        pytest.skip("there are no scripts yet")
    with client.lock("name", timeout=5):
        assert not client.lock("name", blocking=False).acquire()
    assert client.lock("name", blocking=False).acquire()


def test_closing_the_client_closes_what_it_opened() -> None:
    client = redpoll.connect()
    client.set("k", "v")
    store = client.store
    client.close()
    assert store.closed
    with pytest.raises(redis.ConnectionError):
        client.get("k")


def test_a_store_that_is_shared_stays(store: Any) -> None:
    client = store.client()
    client.set("k", "v")
    client.close()
    assert not store.closed
    assert client.get("k") == b"v"


def test_valkey_py(store: Any) -> None:
    pytest.importorskip("valkey")
    from redpoll.embedded import valkey as embedded_valkey

    client = embedded_valkey.Valkey(store)
    import valkey

    assert isinstance(client, valkey.Valkey)
    client.set("k", "v")
    assert client.get("k") == b"v"
    assert client.pipeline().incr("n").get("k").execute() == [1, b"v"]
    pubsub = client.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe("c")
    client.publish("c", "x")
    until(lambda: (pubsub.get_message(timeout=1) or {}).get("data") == b"x")
    with pytest.raises(valkey.ResponseError):
        client.lpush("k", 1)
    client.close()
