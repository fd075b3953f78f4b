"""A script that runs for long: other threads are told so, or kill it, as clients of a server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from redpoll.embedded import ReplyError, Store
from tests.embedded.test_store import until

redis = pytest.importorskip("redis")

FOREVER = "while true do end"
FUNCTIONS = """#!lua name=l
redis.register_function('forever', function() while true do end end)
"""


@pytest.fixture
def store() -> Iterator[Store]:
    with Store(busy_reply_threshold="5") as one:
        yield one


@contextmanager
def running(store: Store, *words: Any) -> Iterator[list[Any]]:
    """A thread that runs a command; what came of it, once it is done."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(store.execute(*words))
        except ReplyError as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield results
    thread.join(20)
    assert not thread.is_alive()


def is_busy(store: Store) -> bool:
    try:
        store.execute("GET", "k")
    except ReplyError as error:
        return str(error).startswith("BUSY ")
    return False


def test_others_are_told_and_may_kill(store: Store) -> None:
    with running(store, "EVAL", FOREVER, 0) as results:
        until(lambda: is_busy(store))
        with pytest.raises(ReplyError, match="You can only call SCRIPT KILL or SHUTDOWN NOSAVE"):
            store.execute("SET", "k", 1)
        with pytest.raises(ReplyError, match="BUSY"):
            store.execute("FUNCTION", "KILL")
        assert store.execute("SCRIPT", "KILL") == b"OK"
    assert "Script killed by user" in str(results[0])
    assert store.execute("SET", "k", 1) == b"OK"
    with pytest.raises(ReplyError, match=r"^NOTBUSY"):
        store.execute("SCRIPT", "KILL")


def test_functions_too(store: Store) -> None:
    store.execute("FUNCTION", "LOAD", FUNCTIONS)
    with running(store, "FCALL", "forever", 0) as results:
        until(lambda: is_busy(store))
        with pytest.raises(ReplyError, match="FUNCTION KILL"):
            store.execute("SCRIPT", "KILL")
        assert store.execute("FUNCTION", "KILL") == b"OK"
    assert "Function killed by user" in str(results[0]) or "killed" in str(results[0])


def test_a_script_that_wrote_is_not_killed(store: Store) -> None:
    ends = "redis.call('SET', 'done', 0) local i = 0 while i < 3e7 do i = i + 1 end return redis.call('INCR', 'done')"
    with running(store, "EVAL", ends, 0) as results:
        until(lambda: is_busy(store) or bool(results))
        if not results:
            with pytest.raises(ReplyError, match=r"^UNKILLABLE"):
                store.execute("SCRIPT", "KILL")
    assert results == [1]


def test_clients_of_the_library_are_told(store: Store) -> None:
    client = store.client()
    client.ping()
    with running(store, "EVAL", FOREVER, 0):
        until(lambda: is_busy(store))
        # One that begins only now, too.
        with pytest.raises(redis.exceptions.ResponseError, match="busy"):
            store.client().set("k", 1)
        with pytest.raises(redis.exceptions.ResponseError, match="busy"):
            client.get("k")
        with pytest.raises(redis.exceptions.ResponseError, match="busy"):
            client.pipeline(transaction=False).get("k").execute()
        assert client.script_kill()
    assert client.get("k") is None


def test_whoever_comes_while_it_is_quick_waits(store: Store) -> None:
    store.execute("CONFIG", "SET", "busy-reply-threshold", 60_000)
    quick = "local i = 0 while i < 3e7 do i = i + 1 end return redis.call('SET', 'k', 'script')"
    with running(store, "EVAL", quick, 0) as results:
        time.sleep(0.01)
        assert store.execute("GET", "k") in (b"script", None)
    assert results == [b"OK"]


def test_nothing_changes_amid_a_script(store: Store) -> None:
    """Time stands still, and keys do not expire under its hands."""
    store.execute("SET", "short", "x", "PX", 30)
    store.execute("SET", "k", 1)
    script = """
        local before, there = redis.call('PTTL', 'short'), redis.call('EXISTS', 'short')
        local i = 0
        while i < 3e7 do i = i + 1 end
        return {
            before - redis.call('PTTL', 'short'), there - redis.call('EXISTS', 'short'), redis.call('GET', 'k'),
        }
    """
    with running(store, "EVAL", script, 0) as results:
        for _ in range(20):
            for words in (("SET", "k", 2), ("EXISTS", "short"), ("FLUSHALL",)):
                if results:
                    break
                try:
                    store.execute(*words)
                except ReplyError as error:
                    assert str(error).startswith("BUSY")  # noqa: PT017
                else:
                    until(lambda: bool(results))
    assert results[0] == [0, 0, b"1"]


def test_sockets_are_served_meanwhile(store: Store) -> None:
    url = store.serve()
    other = redis.Redis.from_url(url)
    other.ping()
    with running(store, "EVAL", FOREVER, 0) as results:
        until(lambda: is_busy(store))
        with pytest.raises(redis.exceptions.ResponseError, match="busy"):
            other.get("k")
        assert other.script_kill()
    assert "killed" in str(results[0])
    assert other.set("k", 1)
    # The other way round: a socket's client runs it, and threads here are told.

    def run() -> None:
        with pytest.raises(redis.exceptions.ResponseError, match="killed"):
            other.eval(FOREVER, 0)

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: is_busy(store))
    third = redis.Redis.from_url(url)
    with pytest.raises(redis.exceptions.ResponseError, match="busy"):
        third.get("k")
    assert store.execute("SCRIPT", "KILL") == b"OK"
    thread.join(20)
    assert other.get("k") == b"1"
    third.close()
    other.close()


def test_many_threads_amid_a_script(store: Store) -> None:
    told: list[str] = []
    go_on = threading.Event()

    def knock() -> None:
        client = store.client()
        while not go_on.is_set():
            try:
                client.incr("n")
            except redis.exceptions.ResponseError as error:
                told.append(str(error))

    threads = [threading.Thread(target=knock) for _ in range(4)]
    with running(store, "EVAL", FOREVER, 0) as results:
        until(lambda: is_busy(store))
        for thread in threads:
            thread.start()
        until(lambda: len(told) > 100)
        assert store.execute("SCRIPT", "KILL") == b"OK"
        until(lambda: bool(results))
        go_on.set()
        for thread in threads:
            thread.join(20)
    assert all("busy" in text for text in told)


def test_closing_waits_for_the_end() -> None:
    store = Store(busy_reply_threshold="5")
    quick = "local i = 0 while i < 3e7 do i = i + 1 end return 1"
    with running(store, "EVAL", quick, 0) as results:
        until(lambda: is_busy(store) or bool(results))
        store.close()
        until(lambda: bool(results))
    assert results == [1]
    assert store.closed
