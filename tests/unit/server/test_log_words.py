"""What the log says of commands whose own words would mean something else later, or that only began."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from tests.peers import Server

Start = Callable[..., Server]


def test_who_waits_for_a_stream_takes_nothing_from_others(make_server: Start, tmp_path: Path) -> None:
    """The consumer that a waiting reader makes is told at once, not in the place of the next command."""
    options = {"dir": str(tmp_path), "appendonly": "yes"}
    server = make_server(**options)
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(server.connect())
        client.call("XGROUP", "CREATE", "stream", "group", "$", "MKSTREAM")
        for number in range(20):
            reader = stack.enter_context(server.connect())
            # Nothing is asked between the two: any command would hide it.
            reader.send("XREADGROUP", "GROUP", "group", f"reader{number}", "BLOCK", "0", "STREAMS", "stream", ">")
            client.call("SET", f"key{number}", "v")
        while b"blocked_clients:20" not in client.call("INFO", "clients"):
            pass
        consumers = [fields[1] for fields in client.call("XINFO", "CONSUMERS", "stream", "group")]
        assert len(consumers) == 20
    server.stop()
    again = make_server(**options)
    with again.connect() as client:
        assert client.call("EXISTS", *(f"key{number}" for number in range(20))) == 20
        assert [fields[1] for fields in client.call("XINFO", "CONSUMERS", "stream", "group")] == consumers


def test_a_restored_key_expires_when_it_did(make_server: Start, tmp_path: Path) -> None:
    options = {"dir": str(tmp_path), "appendonly": "yes"}
    server = make_server(**options)
    with server.connect() as client:
        client.call("SET", "k", "v")
        payload = client.call("DUMP", "k")
        client.call("RESTORE", "relative", "100000", payload)
        client.call("RESTORE", "k", "200000", payload, "REPLACE", "IDLETIME", "5")
        client.call("RESTORE", "never", "0", payload)
        client.call("RESTORE", "never", "1", payload, "REPLACE", "ABSTTL")
        times = [client.call("PEXPIRETIME", key) for key in ("relative", "k", "never")]
        assert times[2] == -2
    server.stop()
    log = next(tmp_path.glob("appendonlydir/*.incr.aof")).read_bytes()
    assert log.count(b"ABSTTL") == 2
    assert b"$6\r\n100000" not in log
    again = make_server(**options)
    with again.connect() as client:
        assert [client.call("PEXPIRETIME", key) for key in ("relative", "k", "never")] == times


def test_a_base_of_commands_of_no_keys(make_server: Start, tmp_path: Path) -> None:
    """A rewrite of nothing ends, too."""
    options = {"dir": str(tmp_path), "appendonly": "yes", "aof_use_rdb_preamble": "no"}
    server = make_server(**options)
    with server.connect() as client:
        assert client.call("BGREWRITEAOF") == "Background append only file rewriting started"
        while b"aof_rewrite_in_progress:1" in client.call("INFO", "persistence"):
            pass
        assert b"aof_rewrites:1\r\n" in client.call("INFO", "persistence")
        client.call("SET", "k", "v")
    server.stop()
    again = make_server(**options)
    with again.connect() as client:
        assert client.call("GET", "k") == b"v"
