"""Sessions of the debugger from the server's side: its children, who leaves when. What is said is in a transcript."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.peers import Server
from tests.resp import Connection, ConnectionClosed

Start = Callable[..., Server]

WRITES = "redis.call('SET', KEYS[1], 'v')\nredis.call('SET', KEYS[1], 'w')\nreturn 1"
ENDLESS = "redis.call('SET', KEYS[1], 'v')\nwhile true do local a = 1 end"


def until(what: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def children(server: Server) -> list[int]:
    """Processes that the server has made, those that nobody has taken note of included."""
    return [int(word) for word in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()]


def begin(connection: Connection, mode: str, code: str = WRITES) -> None:
    """Debug a script up to its first line."""
    assert connection.call("SCRIPT", "DEBUG", mode) == "OK"
    stopped = connection.call("EVAL", code, "1", "k")
    assert stopped[0] == "* Stopped at 1, stop reason = step over"


def test_a_child_comes_and_goes(make_server: Start) -> None:
    server = make_server()
    with server.connect() as client, server.connect() as other:
        begin(client, "YES")
        assert len(children(server)) == 1
        # Others are served, and another one may debug meanwhile.
        assert other.call("SET", "k", "of another") == "OK"
        with server.connect() as second:
            begin(second, "YES")
            assert len(children(server)) == 2
            assert second.call("c") == ["<endsession>"]
            assert second.read() == 1
            assert second.is_closed_by_server()
        assert client.call("r", "EXISTS", "k")[-1] == "<reply> 0"
        assert client.call("c") == ["<endsession>"]
        assert client.read() == 1
        assert client.is_closed_by_server()
        until(lambda: not children(server))
        assert other.call("GET", "k") == b"of another"


def test_a_client_that_leaves_its_child(make_server: Start) -> None:
    server = make_server(busy_reply_threshold="20")
    for code in (WRITES, ENDLESS):
        with server.connect() as client:
            begin(client, "YES", code)
        until(lambda: not children(server))
    with server.connect() as client:
        begin(client, "YES", ENDLESS)
        client.send("c")
    until(lambda: not children(server))
    with server.connect() as client:
        begin(client, "YES")
        client.send("e", "while true do end")
    until(lambda: not children(server))
    with server.connect() as client:
        assert client.call("EXISTS", "k") == 0


@pytest.mark.parametrize("code", [WRITES, ENDLESS])
def test_a_client_that_leaves_the_server_alone(make_server: Start, code: str) -> None:
    server = make_server(busy_reply_threshold="20")
    with server.connect() as client:
        begin(client, "SYNC", code)
        with server.connect() as other:
            other.send("GET", "k")
            assert other.is_silent(0.06)
            client.send("e", "while true do end")
            assert other.is_silent(0.06)
            client.close()
            assert other.read() == (b"w" if code == WRITES else b"v")
            assert not children(server)


def test_the_end_of_the_server_is_the_end_of_its_sessions(make_server: Start) -> None:
    server = make_server()
    with server.connect() as client:
        begin(client, "YES")
        (child,) = children(server)
        with server.connect() as other:
            other.send("SHUTDOWN", "NOSAVE")
            assert other.is_closed_by_server()
        assert client.is_closed_by_server()
        assert not Path(f"/proc/{child}").exists()
    assert server.process.wait(20) == 0
    server = make_server()
    with server.connect() as client:
        begin(client, "SYNC", ENDLESS)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0


def test_a_child_has_nothing_but_its_client(make_server: Start, tmp_path: Path) -> None:
    server = make_server(logfile=str(tmp_path / "log"), unixsocket=str(tmp_path / "socket"), io_threads="2")
    with server.connect() as client, server.connect() as other, server.connect() as monitor:
        monitor.call("MONITOR")
        begin(client, "YES")
        (child,) = children(server)
        kept = [os.readlink(f"/proc/{child}/fd/{name}") for name in os.listdir(f"/proc/{child}/fd")]
        assert len([path for path in kept if path.startswith("socket:")]) == 1
        assert not [path for path in kept if "eventpoll" in path or "eventfd" in path]
        # Whom the parent lets go of is let go of.
        number = other.call("CLIENT", "ID")
        with server.connect() as killer:
            assert killer.call("CLIENT", "KILL", "ID", number) == 1
        assert other.is_closed_by_server()
        # What the child's script does is not what the server does.
        assert client.call("s")[0].startswith("<redis> SET k v")
        server.process.kill()
        server.process.wait(20)
        # The port is free though the child lives.
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", server.port))
            probe.listen()
        assert client.call("c")[-1] == "<endsession>"
        assert client.read() == 1
    assert f"{child}:C" in (tmp_path / "log").read_text()
    until(lambda: "exiting" in (tmp_path / "log").read_text())


def test_files_are_the_parents(make_server: Start, tmp_path: Path) -> None:
    options = {"dir": str(tmp_path), "appendonly": "yes", "save": "", "rdb_key_save_delay": "2000"}
    server = make_server(**options)
    with server.connect() as client, server.connect() as other:
        other.call("EVAL", "for i = 1, 1000 do redis.call('SET', 'key' .. i, i) end", "0")
        # Amid a snapshot, whose entries a write has saved first.
        other.call("BGSAVE")
        begin(
            client,
            "YES",
            "for i = 1, 1000 do redis.call('SET', 'key' .. i, 'child') end\nreturn redis.call('GET', 'key7')",
        )
        other.call("CONFIG", "SET", "rdb-key-save-delay", "0")
        other.call("SET", "key8", "parent")
        assert client.call("c")[-1] == "<endsession>"
        assert client.read() == b"child"
        assert other.call("GET", "key7") == b"7"
        until(lambda: b"rdb_bgsave_in_progress:0" in other.call("INFO", "persistence"))
        assert b"rdb_last_bgsave_status:ok" in other.call("INFO", "persistence")
    assert b"child" not in next(tmp_path.glob("appendonlydir/*.incr.aof")).read_bytes()
    server.stop()
    again = make_server(**options)
    with again.connect() as client:
        assert client.call("MGET", "key7", "key8") == [b"7", b"parent"]


def test_what_stays_is_in_the_log(make_server: Start, tmp_path: Path) -> None:
    options = {"dir": str(tmp_path), "appendonly": "yes", "appendfsync": "always"}
    server = make_server(**options)
    with server.connect() as client:
        begin(client, "SYNC")
        assert client.call("c") == ["<endsession>"]
        assert client.read() == 1
        assert client.is_closed_by_server()
    server.process.kill()
    server.process.wait(20)
    again = make_server(**options)
    with again.connect() as client:
        assert client.call("GET", "k") == b"w"


def test_not_in_a_transaction(make_server: Start) -> None:
    server = make_server()
    with server.connect() as client:
        client.call("SCRIPT", "DEBUG", "YES")
        client.call("MULTI")
        client.call("EVAL", "return 1", "0")
        client.call("PING")
        assert client.call("EXEC") == ["ERR Scripts cannot be debugged in a transaction", "PONG"]
        assert not children(server)


def test_not_in_a_store() -> None:
    from redpoll.embedded.store import ReplyError, Store

    store = Store()
    try:
        with pytest.raises(ReplyError, match="needs a server of its own"):
            store.execute("SCRIPT", "DEBUG", "YES")
        assert store.execute("SCRIPT", "DEBUG", "NO") in (True, "OK", b"OK")
    finally:
        store.close()


def test_requests_that_came_at_once(make_server: Start) -> None:
    server = make_server()
    with server.connect() as client:
        begin(client, "YES")
        client.send_raw(b"*1\r\n$1\r\ns\r\n" * 2 + b"*1\r\n$1\r\nc\r\n")
        assert client.read()[-1] == "-> 2   redis.call('SET', KEYS[1], 'w')"
        assert client.read()[-1] == "-> 3   return 1"
        assert client.read() == ["<endsession>"]
        assert client.read() == 1
        with pytest.raises(ConnectionClosed):
            client.read()
