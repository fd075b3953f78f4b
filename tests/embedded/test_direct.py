"""Whole collections become Python values straight from the structures: the same values as by way of a reply."""

from __future__ import annotations

from typing import Any

import pytest

from redpoll.embedded import Store
from redpoll.embedded.replies import Decoding

SIZES = (1, 3, 130, 700)
TEXTS = ("7", "-12345678901", "short", "a text of more than twenty-four bytes", "x" * 70, "ä€", "")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("LRANGE", "l", "0", "-1"),
    ("LRANGE", "l", "1", "-2"),
    ("LRANGE", "l", "5", "2"),
    ("HGETALL", "h"),
    ("HKEYS", "h"),
    ("HVALS", "h"),
    ("HMGET", "h", "field:0", "nothing", "field:2"),
    ("SMEMBERS", "s"),
    ("SMEMBERS", "integers"),
    ("ZRANGE", "z", "0", "-1"),
    ("ZRANGE", "z", "0", "-1", "WITHSCORES"),
    ("ZRANGE", "z", "0", "-1", "REV", "WITHSCORES"),
    ("ZRANGEBYSCORE", "z", "-inf", "10", "WITHSCORES"),
    ("ZREVRANGEBYLEX", "z", "+", "-"),
    ("MGET", "k:0", "nothing", "l", "k:1", "k:2", "long"),
    ("XRANGE", "x", "-", "+"),
    ("XRANGE", "x", "-", "+", "COUNT", "2"),
    ("XRANGE", "x", "(1-1", "90"),
    ("XRANGE", "x", "-", "+", "COUNT", "0"),
    ("XREVRANGE", "x", "+", "-", "COUNT", "3"),
    ("XREAD", "COUNT", "2", "STREAMS", "x", "nothing", "y", "0", "0", "0"),
    ("XREAD", "STREAMS", "x", "$"),
    ("XREAD", "STREAMS", "x", "+"),
    ("XREAD", "MAXCOUNT", "2", "STREAMS", "y", "x", "0", "0"),
    ("XREAD", "MAXSIZE", "30", "STREAMS", "y", "x", "0", "0"),
    ("XREAD", "STREAMS", "h", "0"),
    ("XRANGE", "nothing", "-", "+"),
    *((name, "nothing") for name in ("HGETALL", "SMEMBERS")),
    ("LRANGE", "nothing", "0", "-1"),
    ("HMGET", "nothing", "f"),
    ("ZRANGE", "nothing", "0", "-1"),
    ("LRANGE", "h", "0", "-1"),
    ("LRANGE", "l", "x", "y"),
)


def fill(store: Store, size: int) -> None:
    for number in range(size):
        text = TEXTS[number % len(TEXTS)]
        store.execute("RPUSH", "l", text)
        store.execute("HSET", "h", f"field:{number}", text)
        store.execute("SADD", "s", f"{text}:{number}")
        store.execute("SADD", "integers", number)
        store.execute("ZADD", "z", number / 4, f"{text}:{number}")
        store.execute("XADD", "x", f"{number + 1}-1", "f", text, "n", number, *(("more", text) if number % 3 else ()))
    store.execute("XADD", "y", "1-1", "f", "v")
    store.execute("MSET", "k:0", 1, "k:1", "text", "k:2", "y" * 100, "long", "z" * 100_000)
    if size > 3:
        store.execute("RPUSH", "l", "b" * 50_000)
        store.execute("HSET", "h", "big", "b" * 50_000)


def outcome(function: Any) -> Any:
    try:
        return function()
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize("sets", [False, True])
@pytest.mark.parametrize("decoding", [False, True])
@pytest.mark.parametrize("protocol", [2, 3])
def test_they_are_the_same(store: Store, protocol: int, decoding: bool, sets: bool) -> None:
    how = Decoding(decoding, "utf-8", "strict", None, sets)
    direct, written = store.session(protocol, how), store.session(protocol, how)

    def by_reply(words: tuple[str, ...]) -> Any:
        written.send(words)
        reply = written.receive(decoding)
        if isinstance(reply, Exception):
            raise reply
        return reply

    for size in SIZES:
        store.execute("FLUSHALL")
        fill(store, size)
        for words in COMMANDS:
            one = outcome(lambda words=words: direct.execute(*words))
            other = outcome(lambda words=words: by_reply(words))
            assert one == other, (size, words)
            assert type(one) is type(other), (size, words)
    direct.close()
    written.close()


@pytest.mark.parametrize("protocol", [2, 3])
def test_groups_read_the_same(store: Store, protocol: int) -> None:
    direct, written = store.session(protocol), store.session(protocol)

    def by_reply(*words: Any) -> Any:
        written.send(words)
        return written.receive()

    for number in range(5):
        store.execute("XADD", "x", f"{number + 1}-1", "f", number)
    for group in ("one", "other"):
        store.execute("XGROUP", "CREATE", "x", group, "0")
    reads: tuple[tuple[Any, ...], ...] = (
        ("COUNT", 2, "STREAMS", "x", ">"),
        ("NOACK", "COUNT", 1, "STREAMS", "x", ">"),
        ("STREAMS", "x", ">"),
        ("STREAMS", "x", ">"),
        ("STREAMS", "x", 0),
        ("COUNT", 1, "STREAMS", "x", "1-1"),
    )
    for words in reads:
        one = direct.execute("XREADGROUP", "GROUP", "one", "me", *words)
        assert one == by_reply("XREADGROUP", "GROUP", "other", "me", *words), words
    store.execute("XDEL", "x", "1-1")
    one = direct.execute("XREADGROUP", "GROUP", "one", "me", "STREAMS", "x", 0)
    assert one == by_reply("XREADGROUP", "GROUP", "other", "me", "STREAMS", "x", 0)
    assert (one[b"x"] if protocol == 3 else one[0][1])[0] == [b"1-1", None]
    pending = [store.execute("XPENDING", "x", group) for group in ("one", "other")]
    assert pending[0] == pending[1]
    direct.close()
    written.close()


def test_fields_that_are_due_are_not_shown(store: Store) -> None:
    store.execute("HSET", "h", "a", 1, "b", 2)
    store.execute("HPEXPIRE", "h", 1, "FIELDS", 1, "a")
    while store.execute("HLEN", "h") == 2:
        pass
    assert store.execute("HGETALL", "h") == [b"b", b"2"]


def test_strings_that_cannot_be_decoded(store: Store) -> None:
    pytest.importorskip("redis")
    client = store.client(decode_responses=True)
    store.execute("RPUSH", "l", b"\xff", "fine")
    store.execute("HSET", "h", b"\xff", "x")
    for call in (lambda: client.lrange("l", 0, -1), lambda: client.hgetall("h"), lambda: client.lindex("l", 0)):
        with pytest.raises(UnicodeDecodeError):
            call()
        # The connection serves on.
        assert client.lrange("l", 1, 1) == ["fine"]
    with pytest.raises(UnicodeDecodeError):
        client.pipeline(transaction=False).lrange("l", 0, -1).execute()
    assert client.pipeline(transaction=False).lrange("l", 1, 1).execute() == [["fine"]]


def test_scripts_transactions_and_muted_clients_get_replies(store: Store) -> None:
    store.execute("RPUSH", "l", "a", "b")
    assert store.execute("EVAL", "return redis.call('LRANGE', 'l', 0, -1)", 0) == [b"a", b"b"]
    assert store.execute("EVAL", "return #redis.call('LRANGE', 'l', 0, -1)", 0) == 2
    session = store.session()
    session.execute("MULTI")
    assert session.execute("LRANGE", "l", 0, -1) == b"QUEUED"
    assert session.execute("EXEC") == [[b"a", b"b"]]
    session.send(("CLIENT", "REPLY", "SKIP"))
    session.send(("LRANGE", "l", 0, -1))
    assert session.execute("LRANGE", "l", 0, 0) == [b"a"]
    session.close()


def test_with_a_log_they_wait_for_it(tmp_path: Any) -> None:
    with Store(tmp_path / "app.rdb", appendonly=True) as store:
        store.execute("RPUSH", "l", "a", "b")
        assert store.execute("LRANGE", "l", 0, -1) == [b"a", b"b"]
        assert store.execute("SMEMBERS", "s") == []
