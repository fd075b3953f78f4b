"""What scripts change, kept in the log as one, and the figures that are told of them."""

from collections.abc import Callable
from pathlib import Path

from tests.peers import Server
from tests.resp import Connection, ErrorReply

Start = Callable[..., Server]

WRITES = """
for i = 1, 50 do
    redis.call('SADD', KEYS[1], i)
    redis.call('ZADD', KEYS[2], math.random(), 'm' .. i)
end
for i = 1, 10 do redis.call('SPOP', KEYS[1]) end
redis.call('SET', KEYS[3], redis.call('TIME')[1], 'EX', 1000)
redis.call('HSET', KEYS[4], 'f', cjson.encode({1, 2}))
redis.call('XADD', KEYS[5], '*', 'f', 'v')
return redis.call('SCARD', KEYS[1])
"""
KEYS = ["set", "zset", "string", "hash", "stream"]


def digest(client: Connection) -> object:
    return client.call("DEBUG", "DIGEST")


def test_the_log_holds_what_scripts_did(make_server: Start, tmp_path: Path) -> None:
    options = {"dir": str(tmp_path), "appendonly": "yes", "enable_debug_command": "yes"}
    server = make_server(**options)
    with server.connect() as client:
        assert client.call("EVAL", WRITES, "5", *KEYS) == 40
        client.call("FUNCTION", "LOAD", f"#!lua name=l\nredis.register_function('f', function(KEYS) {WRITES} end)")
        assert client.call("FCALL", "f", "5", *(key + "2" for key in KEYS)) == 40
        # What came before an error stays, in the log too.
        failed = client.call("EVAL", "redis.call('SET', KEYS[1], 'v') redis.call('INCR', KEYS[1])", "1", "half")
        assert isinstance(failed, ErrorReply)
        # Nothing of these is to be told on.
        client.call("EVAL", "return redis.call('GET', KEYS[1])", "1", "half")
        client.call("EVAL", "redis.set_repl(redis.REPL_NONE) redis.call('SET', KEYS[1], 'v')", "1", "unlogged")
        client.call("DEL", "unlogged")
        before = digest(client)
    server.stop()
    log = next(tmp_path.glob("appendonlydir/*.incr.aof")).read_bytes()
    assert b"EVAL" not in log
    assert b"FCALL" not in log
    assert b"$4\r\nTIME" not in log
    assert b"unlogged" in log
    assert log.count(b"MULTI") == log.count(b"EXEC") == 3
    again = make_server(**options)
    with again.connect() as client:
        assert digest(client) == before


def fields(client: Connection, section: str) -> dict[bytes, bytes]:
    text = client.call("INFO", section)
    assert isinstance(text, bytes)
    return dict(line.split(b":", 1) for line in text.split(b"\r\n") if b":" in line)


def test_figures(make_server: Start) -> None:
    server = make_server()
    with server.connect() as client:
        client.call("SCRIPT", "LOAD", "return 1")
        for number in range(600):
            assert client.call("EVAL", f"return {number}", "0") == number
        memory, stats = fields(client, "memory"), fields(client, "stats")
        # The 500 latest of EVAL are kept, and those of SCRIPT LOAD, of which one is the same.
        assert memory[b"number_of_cached_scripts"] == b"501"
        assert stats[b"evicted_scripts"] == b"99"
        assert int(memory[b"used_memory_vm_eval"]) > 30_000
        assert int(memory[b"used_memory_scripts_eval"]) > 501 * 10
        client.call("CONFIG", "RESETSTAT")
        for words in (
            ["EVAL", "return redis.call('nosuch')", "0"],
            ["EVAL", "return redis.call('INCR', KEYS[1])", "1", "k"],
            ["EVAL", "return redis.pcall('nosuch')", "0"],
            ["EVAL", "error('oh')", "0"],
            ["EVALSHA", "0" * 40, "0"],
        ):
            client.call(*words)
        told = fields(client, "commandstats")
        assert b"calls=4" in told[b"cmdstat_eval"]
        assert told[b"cmdstat_eval"].endswith(b"rejected_calls=0,failed_calls=3")
        assert told[b"cmdstat_incr"].startswith(b"calls=1")
        assert told[b"cmdstat_evalsha"].endswith(b"rejected_calls=0,failed_calls=1")
        errors = fields(client, "errorstats")
        assert errors == {b"errorstat_ERR": b"count=3", b"errorstat_NOSCRIPT": b"count=1"}


def test_blocked_clients_are_served_when_the_script_is_done(make_server: Start) -> None:
    server = make_server()
    with server.connect() as client, server.connect() as waiting:
        waiting.send("BLPOP", "list", "0")
        while fields(client, "clients")[b"blocked_clients"] != b"1":
            pass
        code = "redis.call('RPUSH', KEYS[1], 'a', 'b') redis.call('LPOP', KEYS[1]) return redis.call('LLEN', KEYS[1])"
        assert client.call("EVAL", code, "1", "list") == 1
        assert waiting.read() == [b"list", b"b"]
