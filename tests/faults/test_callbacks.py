"""Python that the loop calls may raise: that is logged and counted, and the server goes on."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from tests import peers
from tests.faults.broken import text
from tests.peers import Server, Target
from tests.resp import NULL_ARRAY, Connection, ConnectionClosed, ErrorReply

Broken = Callable[..., Server]


@pytest.fixture
def broken() -> Iterator[Broken]:
    """Start a server parts of which raise."""
    started: list[Server] = []

    def start(names: str, **options: str | int) -> Server:
        command = (sys.executable, "-m", "tests.faults.broken", names)
        started.append(peers.start(Target("redpoll", "redpoll", (), command), **options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def failures(client: Connection) -> int:
    """How often something raised that should not have."""
    stats = client.call("INFO", "stats").decode()
    return int(stats.partition("internal_errors:")[2].partition("\r\n")[0])


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it does not come"


def check(server: Server, name: str, client: Connection | None = None) -> None:
    """The part has raised, which the log tells and INFO counts, and everything else works."""
    with contextlib.nullcontext(client) if client is not None else server.connect() as connection:
        until(lambda: failures(connection) > 0)
        assert connection.call("SET", "k", "v") == "OK"
        assert connection.call("GET", "k") == b"v"
    log = server.log()
    assert text(name) in log
    assert "Traceback (most recent call last)" in log


@pytest.mark.parametrize("name", ["cron", "accepting"])
def test_what_comes_by_itself(broken: Broken, name: str) -> None:
    check(broken(name), name)


def test_a_part_of_the_cron_is_not_all_of_it(broken: Broken) -> None:
    server = broken("cron")
    with server.connect() as client:
        client.call("SET", "k", "v")
        before = int(client.call("INFO", "stats").decode().partition("eventloop_cycles:")[2].partition("\r\n")[0])
        until(lambda: b"used_memory_peak_time" in client.call("INFO", "memory") and failures(client) > 1)
        assert before >= 0
        assert client.call("BGSAVE", "SCHEDULE") in ("Background saving started", "Background saving scheduled")
        until(lambda: b"rdb_saves:1" in client.call("INFO", "persistence"))


def test_of_many_errors_in_a_second_few_are_told(broken: Broken) -> None:
    server = broken("figures")
    with server.connect() as client:
        for _ in range(300):
            assert isinstance(client.call("INFO", "clients"), ErrorReply)
        assert failures(client) == 300
    assert 0 < server.log().count(text("figures")) < 100


def test_a_handler_s_property(broken: Broken) -> None:
    server = broken("figures")
    with server.connect() as client:
        reply = client.call("INFO", "clients")
        assert isinstance(reply, ErrorReply)
        assert reply == "ERR internal error: " + text("figures")
        check(server, "figures", client)


def test_deadlines_are_looked_at_again(broken: Broken) -> None:
    server = broken("deadline")
    with server.connect() as client, server.connect() as other:
        assert client.call("BLPOP", "nothing", "0.05") == NULL_ARRAY
        check(server, "deadline", other)


def test_who_could_not_be_welcomed_is_nobody(broken: Broken) -> None:
    """A connection that no rules were set for has all rights."""
    server = broken("accepting")
    server.stop()
    command = (sys.executable, "-m", "tests.faults.broken", "welcome")
    server = peers._launch(Target("redpoll", "redpoll", (), command), {"save": "", "requirepass": "secret"})
    try:
        until(lambda: "Ready to accept connections" in server.log())
        for _ in range(3):
            with server.connect() as client, pytest.raises((ConnectionClosed, OSError)):
                client.call("GET", "k")
        assert server.is_alive()
        assert text("welcome") in server.log()
    finally:
        server.stop()


def test_farewells(broken: Broken) -> None:
    server = broken("farewell")
    with server.connect() as monitor, server.connect() as subscriber:
        assert monitor.call("MONITOR") == "OK"
        subscriber.call("SUBSCRIBE", "c")
    with server.connect() as client:
        until(lambda: client.call("PUBSUB", "NUMSUB", "c") == [b"c", 0])
        check(server, "farewell", client)


def test_errands(broken: Broken) -> None:
    server = broken("errand", save="3600 1")
    with server.connect() as client:
        assert client.call("SET", "k", "v") == "OK"
        assert client.call("BGSAVE") == "Background saving started"
        check(server, "errand", client)
        until(lambda: b"rdb_saves:1" in client.call("INFO", "persistence"))
        assert client.call("SAVE") == "OK"


def test_the_end_of_a_turn(broken: Broken) -> None:
    server = broken("turn's end")
    with server.connect() as client, server.connect() as other:
        client.call("HELLO", "3")
        assert client.call("CLIENT", "TRACKING", "ON", "BCAST") == "OK"
        assert other.call("SET", "a", "1") == "OK"
        check(server, "turn's end", other)


def test_protocol_errors(broken: Broken) -> None:
    server = broken("protocol error")
    with server.connect() as client, server.connect() as other:
        client.send_raw(b"*1\r\n$x\r\n")
        assert client.is_closed_by_server()
        check(server, "protocol error", other)


def test_a_query_over_its_limit(broken: Broken) -> None:
    server = broken("query limit", client_query_buffer_limit="1mb")
    with server.connect() as client, server.connect() as other:
        client.send_raw(b"*2000000\r\n" + b"$1\r\nx\r\n" * 400_000)
        assert client.is_closed_by_server()
        check(server, "query limit", other)


def test_the_limit_on_clients(broken: Broken) -> None:
    check(broken("limit on clients", maxmemory_clients="100kb"), "limit on clients")


def test_where_nothing_can_be_raised_to(broken: Broken) -> None:
    """Compiled code that cannot fail calls Python: the interpreter would tell standard error."""
    server = broken("monitors")
    with server.connect() as monitor, server.connect() as client:
        assert monitor.call("MONITOR") == "OK"
        assert client.call("PING") == "PONG"
        check(server, "monitors", client)


def test_a_snapshot_that_breaks_is_given_up(broken: Broken) -> None:
    server = broken("snapshot")
    with server.connect() as client:
        client.call("SET", "k", "v")
        assert client.call("BGSAVE") == "Background saving started"
        check(server, "snapshot", client)
        until(lambda: b"rdb_last_bgsave_status:err" in client.call("INFO", "persistence"))
        assert b"rdb_bgsave_in_progress:0" in client.call("INFO", "persistence")
        assert client.call("SAVE") == "OK"
    assert list(server.folder.glob("temp-*")) == []


def test_a_signal_whose_work_fails(broken: Broken) -> None:
    server = broken("signal")
    with server.connect() as client:
        os.kill(server.pid, signal.SIGTERM)
        with contextlib.suppress(ConnectionClosed, OSError):
            until(lambda: failures(client) > 0)
    # It raised the first time; the cron tries again.
    assert server.process.wait(20) == 0
    assert text("signal") in server.log()


def test_half_a_reply_ends_the_connection(broken: Broken) -> None:
    """What follows it could not be told from its rest."""
    server = broken("half a reply")
    with server.connect() as client, server.connect() as other:
        client.send_raw(b"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nTIME\r\n*1\r\n$4\r\nPING\r\n")
        assert client.read() == "PONG"
        with contextlib.suppress(ConnectionClosed, OSError):
            while True:
                client.read()
        until(lambda: failures(other) == 1)
        assert "no reply for a value of type object" in server.log()
        assert other.call("MULTI") == "OK"
        assert other.call("SET", "k", "v") == "QUEUED"
        assert other.call("EXEC") == ["OK"]
