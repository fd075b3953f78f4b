"""Methods in one step say to the store what the library's own methods would."""

from __future__ import annotations

import asyncio
import inspect
from datetime import timedelta
from typing import Any

import pytest

import redpoll

redis = pytest.importorskip("redis")

CALLS: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
    ("get", ("k",), {}),
    ("get", (), {"name": "k"}),
    ("set", ("k", "v"), {}),
    ("set", ("k", "v", 10), {}),
    ("set", ("k", "v"), {"ex": 10}),
    ("set", ("k", "v"), {"px": 5, "nx": True}),
    ("set", (), {"name": "k", "value": "v"}),
    ("mget", (["a", "b"],), {}),
    ("mget", ("a", "b"), {}),
    ("mget", (("a", "b"),), {}),
    ("mget", ([],), {}),
    ("setex", ("k", 10, "v"), {}),
    ("setex", ("k", timedelta(minutes=1), "v"), {}),
    ("keys", (), {}),
    ("keys", ("a*",), {}),
    ("keys", (), {"pattern": "a*"}),
    ("expire", ("k", 10), {}),
    ("expire", ("k", timedelta(minutes=1)), {}),
    ("expire", ("k", 10), {"nx": True}),
    ("expire", ("k", 10, False, True), {}),
    ("hset", ("h", "f", "v"), {}),
    ("hset", ("h",), {"mapping": {"a": 1}}),
    ("hset", ("h", "f", "v", {"a": 1}), {}),
    ("hset", ("h",), {"key": "f", "value": 0}),
    ("hset", ("h",), {"items": ["a", 1]}),
    ("hset", ("h",), {}),
    ("hincrby", ("h", "f", 2), {}),
    ("hincrby", ("h", "f"), {}),
    ("lpop", ("l",), {}),
    ("lpop", ("l", 2), {}),
    ("rpop", ("l",), {"count": 2}),
    ("lmove", ("a", "b", "LEFT", "RIGHT"), {}),
    ("lmove", ("a", "b"), {}),
    ("lmove", ("a", "b"), {"src": "RIGHT"}),
    ("xadd", ("x", {"f": "v", "g": 1}), {}),
    ("xadd", ("x", {"f": "v"}, "1-1"), {}),
    ("xadd", ("x", {"f": "v"}), {"maxlen": 5}),
    ("xadd", ("x", {"f": "v"}, "*", 5, False), {}),
    ("xadd", ("x", {"f": "v"}), {"nomkstream": True, "minid": "1"}),
    ("xadd", ("x", {}), {}),
    ("xadd", ("x", {"f": "v"}), {"maxlen": -1}),
    ("delete", ("a", "b"), {}),
    ("exists", ("a",), {}),
    ("ttl", ("a",), {}),
    ("hget", ("h", "f"), {}),
    ("hget", ("h",), {"key": "f"}),
    ("hgetall", ("h",), {}),
    ("lrange", ("l", 0, -1), {}),
    ("lrange", ("l", 0), {"end": -1}),
    ("publish", ("c", "m"), {}),
    ("zadd", ("z", {"a": 1, "b": 2.5}), {}),
    ("zadd", ("z", {"a": 1}), {"nx": True}),
    ("zadd", ("z", {"a": 1}, False, True), {}),
    ("zadd", ("z",), {"mapping": {"a": 1}}),
    ("zadd", ("z", {"a": 1}), {"incr": True}),
    ("zadd", ("z", {}), {}),
    ("zrange", ("z", 0, -1), {}),
    ("zrange", ("z", 0, -1, True), {}),
    ("zrange", ("z", 0, -1, False, True), {}),
    ("zrange", ("z", 0, -1), {"withscores": True}),
    ("zrange", ("z", 0, -1, False, True, int), {}),
    ("zrange", ("z", "-", "+"), {"bylex": True}),
    ("zrange", ("z", 0, 9), {"byscore": True, "offset": 0, "num": 1}),
    ("zrange", ("z",), {"start": 0, "end": 9}),
    ("zrevrange", ("z", 0, -1), {}),
    ("zrevrange", ("z", 0, -1, True), {}),
    ("zrevrange", ("z", 0, -1), {"score_cast_func": int}),
    ("zrangebyscore", ("z", 0, 9), {}),
    ("zrangebyscore", ("z", 0, 9, 1, 2), {}),
    ("zrangebyscore", ("z", 0, 9), {"withscores": True}),
    ("zrangebyscore", ("z",), {"min": 0, "max": 9}),
    ("zrangebyscore", ("z", 0, 9, 1), {}),
    ("zrevrangebyscore", ("z", 9, 0), {}),
    ("zrevrangebyscore", ("z",), {"min": 0, "max": 9, "withscores": True}),
    ("zrevrangebyscore", ("z", 9, 0), {"start": 0, "num": 1}),
    ("xrange", ("x",), {}),
    ("xrange", ("x", "1", "2", 3), {}),
    ("xrange", ("x",), {"count": 3, "min": "(1-1"}),
    ("xrange", ("x",), {"count": 0}),
    ("xrevrange", ("x",), {}),
    ("xrevrange", ("x", "9", "1"), {"count": 2}),
    ("xread", ({"a": "0", "b": "$"},), {}),
    ("xread", ({"a": "0"}, 3, 5), {}),
    ("xread", ({"a": "0"},), {"block": 0}),
    ("xread", ({},), {}),
    ("xread", ({"a": "0"},), {"count": 0}),
    ("xread", ({"a": "0"},), {"block": -1}),
    ("xread", ([("a", "0")],), {}),
    ("xreadgroup", ("g", "c", {"a": ">"}), {}),
    ("xreadgroup", ("g", "c", {"a": ">"}, 2, 5), {}),
    ("xreadgroup", ("g", "c", {"a": ">"}), {"noack": True}),
    ("xreadgroup", ("g", "c", {}), {}),
    ("xreadgroup", ("g",), {"consumername": "c", "streams": {"a": 0}}),
)


class Told(redpoll.Redis):  # type: ignore[misc, name-defined]
    """A client that keeps what it is to tell the store."""

    words: Any = None

    def execute_command(self, *args: Any, **options: Any) -> Any:
        encoder = self.get_encoder()
        options.pop("keys", None)
        self.words = sorted(self.parts([encoder.encode(word) for word in args])), options
        return []

    @staticmethod
    def parts(words: list[bytes]) -> list[list[bytes]]:
        """The words, options apart, whose order does not matter."""
        head = words.index(b"STREAMS") if b"STREAMS" in words else len(words)
        options = [words[at : at + 2] for at in range(head) if words[at] in (b"COUNT", b"BLOCK")]
        taken = [word for pair in options for word in pair]
        return [[word for word in words if word not in taken], *options]


def outcome(call: Any, told: Any) -> Any:
    told.words = None
    try:
        call()
    except redis.RedisError as error:
        return type(error), str(error)
    return told.words


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("number", range(len(CALLS)), ids=[f"{name}-{n}" for n, (name, _, _) in enumerate(CALLS)])
def test_they_say_the_same_words(store: Any, number: int) -> None:
    name, args, kwargs = CALLS[number]
    told = Told(store)
    told._was_warned = True
    assert getattr(redpoll.Redis, name) is not getattr(redis.Redis, name)
    ours = outcome(lambda: getattr(told, name)(*args, **kwargs), told)
    theirs = outcome(lambda: getattr(redis.Redis, name)(told, *args, **kwargs), told)
    assert ours == theirs
    told.close()


def test_tasks_name_parameters_as_the_library_does(store: Any) -> None:
    async def main() -> None:
        client = store.async_client()
        await client.ping()
        coroutine = client.get(name="k")
        assert inspect.iscoroutine(coroutine)
        assert await coroutine is None
        assert await client.hset("h", "f", "v") == 1
        assert await client.hget(name="h", key="f") == b"v"
        assert await client.zcount("z", min=0, max=1) == 0
        with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'key'"):
            await client.hget("h")
        assert await asyncio.create_task(client.hget("h", "f")) == b"v"

    asyncio.run(main())


def test_what_is_deprecated_is_told_once_a_client(store: Any) -> None:
    for _ in range(2):
        client = store.client()
        if int(redis.__version__.split(".")[0]) >= 8:
            with pytest.warns(DeprecationWarning, match="setex"):
                client.setex("k", 10, "v")
        else:
            client.setex("k", 10, "v")
        assert client.setex("k", 20, "v") is True
        assert client.ttl("k") == 20
        client.close()


def test_callbacks_of_ones_own_get_the_usual_options(client: Any) -> None:
    seen: list[Any] = []

    def note(reply: Any, **options: Any) -> Any:
        seen.append(options)
        return "mine"

    client.zadd("z", {"a": 1})
    client.xadd("x", {"f": "v"}, "1-1")
    for name in ("ZRANGE", "XRANGE", "XREAD"):
        client.set_response_callback(name, note)
    assert client.zrange("z", 0, -1, withscores=True) == "mine"
    assert client.xrange("x") == "mine"
    assert client.xread({"x": 0}) == "mine"
    assert seen == [{"withscores": True, "score_cast_func": float}, {}, {}]
    del client.response_callbacks["ZRANGE"]
    assert client.zrange("z", 0, -1) == [b"a"]


def test_what_waits_is_made_the_same(store: Any) -> None:
    client = store.client()

    async def main() -> list[Any]:
        tasks = store.async_client()
        waiting = asyncio.create_task(tasks.xread({"x": "$"}, block=10_000))
        while store.server.blocking.waiting < 1:
            await asyncio.sleep(0)
        client.xadd("x", {"f": "v"}, "1-1")
        return [await waiting, await tasks.xread({"x": "0"})]

    one, other = asyncio.run(main())
    assert one == other == client.xread({"x": "0"})


@pytest.mark.skipif(int(redis.__version__.split(".")[0]) < 8, reason="redis-py measures since 8")
def test_the_librarys_own_metrics(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they are switched on, its own way is gone, on which they are taken."""
    from redis import client as module
    from redis.observability import providers

    instance = providers.get_observability_instance()
    monkeypatch.setattr(type(instance), "is_enabled", lambda _self: True)
    seen: list[str] = []
    monkeypatch.setattr(module, "record_operation_duration", lambda **facts: seen.append(facts["command_name"]))
    client = store.client()
    client.set("k", "v")
    assert client.get("k") == b"v"
    assert client.pipeline().get("k").execute() == [b"v"]
    assert seen[:2] == ["SET", "GET"]
    client.close()
