"""A base of commands (`aof-use-rdb-preamble no`): what it says, that it is one moment, who else can read it."""

import json
import random
import shutil
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.data import make_rdb
from tests.data.rdb_values import BEFORE, FAR, values
from tests.log_files import as_log, commands_of, put_log
from tests.peers import Server
from tests.resp import Connection
from tests.unit.server.test_saving import change, digest, in_progress, kill

Start = Callable[..., Server]
OPTIONS = {"appendonly": "yes", "aof_use_rdb_preamble": "no", "enable_debug_command": "yes"}


def rewrite(client: Connection) -> None:
    assert str(client.call("BGREWRITEAOF")).startswith("Background")
    while in_progress(client, b"aof_rewrite_in_progress") or in_progress(client, b"aof_rewrite_scheduled"):
        time.sleep(0.005)
    assert b"aof_last_bgrewrite_status:ok" in bytes(client.call("INFO", "persistence"))


def fill(client: Connection, *, fields_expire: bool) -> list[str]:
    keys = []
    for command in BEFORE:
        client.call(*command)
    for key, commands in values(fields_expire):
        keys.append(key)
        for command in commands:
            client.call(*command)
    return keys


def base_of(server: Server) -> Path:
    return next(server.folder.glob("appendonlydir/*.base.*"))


def by_key(commands: list[tuple[bytes, ...]]) -> dict[bytes, dict[bytes, list[bytes]]]:
    """What the commands of each key say, by their names; in one order for all servers."""
    told: dict[bytes, dict[bytes, list[bytes]]] = defaultdict(lambda: defaultdict(list))
    for name, *words in commands:
        if name in (b"SELECT", b"FUNCTION"):
            continue
        key = words.pop(1 if name == b"XGROUP" else 0)
        if name == b"XCLAIM":
            # When they were delivered is each server's own time.
            words = [word for word in words if len(word) < 12]
        if name == b"ZADD":
            words = [b"%r %s" % (float(s), m) for s, m in zip(words[::2], words[1::2], strict=True)]
        elif name == b"HMSET":
            words = [b"%s %s" % pair for pair in zip(words[::2], words[1::2], strict=True)]
        elif name not in (b"RPUSH", b"SADD"):
            words = [b" ".join(words)]
        assert len(words) <= 64
        told[key][name] += words
    for found in told.values():
        for name, words in found.items():
            if name not in (b"RPUSH", b"XADD"):
                words.sort()
    return told


def test_everything_comes_back(make_server: Start, tmp_path: Path) -> None:
    server = make_server(dir=str(tmp_path), **OPTIONS)
    with server.connect() as client:
        fill(client, fields_expire=True)
        for i in range(500):
            client.call("ARSET", "array", i * i, f"value{i}", i)
        client.call("ARINSERT", "ring", *range(100))
        client.call("ARSEEK", "ring", 17)
        client.call("SELECT", 5)
        client.call("SET", "elsewhere", "value", "PXAT", FAR)
        rewrite(client)
        client.call("SET", "after", 1)
        before = digest(client)
    kill(server)
    files = sorted(path.name for path in (tmp_path / "appendonlydir").iterdir())
    assert [name.split(".", 2)[2] for name in files] == ["2.base.aof", "2.incr.aof", "manifest"]
    again = make_server(dir=str(tmp_path), **OPTIONS)
    with again.connect() as client:
        assert digest(client) == before


@pytest.mark.parametrize("name", ["redis70", "redis82"])
def test_the_commands_are_those_of_real_servers(make_server: Start, name: str) -> None:
    told = []
    for target in ("redpoll", name):
        server = make_server(target, **OPTIONS)
        with server.connect() as client:
            fill(client, fields_expire=name != "redis70")
            rewrite(client)
            path = base_of(server) if target == "redpoll" else max(server.folder.glob("appendonlydir/*.base.aof"))
            told.append(by_key(commands_of(path.read_bytes())))
    ours, theirs = told
    # Some versions of others write these later, or leave out what changes nothing.
    assert ours.keys() == theirs.keys()
    for key in ours:
        assert ours[key] == theirs[key], key


@pytest.mark.parametrize("reader", ["redis70", "redis82", "valkey91"])
def test_real_servers_read_it(make_server: Start, tmp_path: Path, reader: str) -> None:
    fields_expire = reader != "redis70"
    server = make_server(**OPTIONS)
    with server.connect() as client:
        keys = fill(client, fields_expire=fields_expire)
        rewrite(client)
        contents = {key: make_rdb.contents(client, key) for key in keys}
    kill(server)
    shutil.copytree(server.folder / "appendonlydir", tmp_path / "appendonlydir")
    theirs = make_server(reader, dir=str(tmp_path), **OPTIONS)
    with theirs.connect() as client:
        for key in keys:
            assert json.dumps(make_rdb.contents(client, key)) == json.dumps(contents[key]), key


@pytest.mark.parametrize("writer", ["redis70", "redis82", "valkey91"])
def test_those_of_real_servers_are_read(make_server: Start, tmp_path: Path, writer: str) -> None:
    theirs = make_server(writer, **OPTIONS)
    with theirs.connect() as client:
        keys = fill(client, fields_expire=writer != "redis70")
        rewrite(client)
        client.call("SET", "string:short", "changed")
        contents = {key: make_rdb.contents(client, key) for key in keys}
    theirs.process.terminate()
    theirs.process.wait()
    shutil.copytree(theirs.folder / "appendonlydir", tmp_path / "appendonlydir")
    server = make_server(dir=str(tmp_path), **OPTIONS)
    with server.connect() as client:
        for key in keys:
            assert json.dumps(make_rdb.contents(client, key)) == json.dumps(contents[key]), key


@pytest.mark.parametrize("seed", range(2))
def test_it_is_of_one_moment(make_server: Start, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    server = make_server(dir=str(tmp_path), **OPTIONS)
    with server.connect() as client, server.connect() as other:
        for _ in range(2000):
            change(client, chance)
        client.call("HSET", "large", *[word for i in range(20_000) for word in (f"field{i}", i)])
        client.call("ZADD", "sorted", *[word for i in range(20_000) for word in (i, f"member{i}")])
        client.call("SADD", "many", *[f"member{i}" for i in range(20_000)])
        client.call("RPUSH", "long", *range(20_000))
        for i in range(3000):
            client.call("XADD", "stream", f"{i}-1", "field", i)
        client.call("XGROUP", "CREATE", "stream", "group", 0)
        client.call("XREADGROUP", "GROUP", "group", "one", "COUNT", 2000, "STREAMS", "stream", ">")
        before = digest(client)
        other.call("BGREWRITEAOF")
        while in_progress(other, b"aof_rewrite_in_progress"):
            for _ in range(10):
                change(client, chance)
            client.call("HSET", "large", f"field{chance.randrange(30_000)}", "new")
            client.call("LPUSH", "long", "new")
            client.call("ZADD", "sorted", chance.randrange(100), f"member{chance.randrange(30_000)}")
            client.call("SREM", "many", f"member{chance.randrange(30_000)}")
            client.call("XACK", "stream", "group", f"{chance.randrange(3000)}-1")
            client.call("XADD", "stream", "*", "field", "new")
        after = digest(client)
    kill(server)
    again = make_server(dir=str(tmp_path), **OPTIONS)
    with again.connect() as client:
        assert digest(client) == after
    kill(again)
    # The base alone is the moment of the beginning.
    directory = tmp_path / "appendonlydir"
    manifest = directory / "appendonly.aof.manifest"
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(line for line in lines if line.rstrip().endswith("type b")))
    third = make_server(dir=str(tmp_path), **OPTIONS)
    with third.connect() as client:
        assert digest(client) == before


def test_pending_entries_that_were_deleted(make_server: Start, tmp_path: Path) -> None:
    server = make_server(dir=str(tmp_path), **OPTIONS)
    asked = [
        ("XPENDING", "s", "one", "-", "+", 100),
        ("XPENDING", "s", "two", "-", "+", 100),
        ("XINFO", "STREAM", "s"),
        ("XINFO", "GROUPS", "s"),
        ("XRANGE", "s", "-", "+"),
        ("XPENDING", "gone", "g", "-", "+", 100),
        ("XINFO", "STREAM", "gone"),
    ]

    def tell(client: Connection) -> str:
        # How long ago they were delivered is told too; the fields that only say how it is stored are left out.
        told = []
        for words in asked:
            reply = client.call(*words)
            if words[0] == "XPENDING":
                reply = [[*entry[:2], entry[3]] for entry in reply]
            elif words[1] == "STREAM":
                reply = [part for part in zip(reply[::2], reply[1::2], strict=True) if b"radix" not in part[0]]
            told.append(repr(reply))
        return "\n".join(told)

    with server.connect() as client:
        for i in range(1, 40):
            client.call("XADD", "s", f"{i}-1", "f", i)
        client.call("XGROUP", "CREATE", "s", "one", 0)
        client.call("XGROUP", "CREATE", "s", "two", 0)
        client.call("XREADGROUP", "GROUP", "one", "alice", "COUNT", 20, "STREAMS", "s", ">")
        client.call("XREADGROUP", "GROUP", "one", "bob", "COUNT", 5, "STREAMS", "s", ">")
        client.call("XREADGROUP", "GROUP", "two", "carol", "COUNT", 9, "STREAMS", "s", ">")
        client.call("XDEL", "s", "3-1", "7-1", "22-1", "39-1")
        client.call("XTRIM", "s", "MINID", "2-1")
        client.call("XADD", "gone", "5-5", "f", "v")
        client.call("XGROUP", "CREATE", "gone", "g", 0)
        client.call("XREADGROUP", "GROUP", "g", "dora", "STREAMS", "gone", ">")
        client.call("XDEL", "gone", "5-5")
        before = tell(client)
        assert "3-1" in before
        rewrite(client)
    kill(server)
    again = make_server(dir=str(tmp_path), **OPTIONS)
    with again.connect() as client:
        assert tell(client) == before


def test_times_that_have_passed_wait_for_the_log(make_server: Start, tmp_path: Path) -> None:
    """What expired after the base was written is the increments' to tell, and they may have it live longer."""
    put_log(
        tmp_path,
        base=as_log(
            ("SELECT", 0), ("SET", "k", "v"), ("PEXPIREAT", "k", 1000), ("HMSET", "h", "a", 1, "b", 2),
            ("HPEXPIREAT", "h", 1000, "FIELDS", 1, "a"), ("SET", "gone", "v"), ("PEXPIREAT", "gone", 1000),
        ),
        increments=(as_log(("SELECT", 0), ("PEXPIREAT", "k", FAR), ("HPEXPIREAT", "h", FAR, "FIELDS", 1, "a")),),
    )  # fmt: skip
    server = make_server(dir=str(tmp_path), **OPTIONS)
    with server.connect() as client:
        assert client.call("PEXPIRETIME", "k") == FAR
        assert client.call("HPEXPIRETIME", "h", "FIELDS", 2, "a", "b") == [FAR, -1]
        assert client.call("EXISTS", "gone") == 0


def test_the_form_can_be_changed(make_server: Start, tmp_path: Path) -> None:
    server = make_server(dir=str(tmp_path), appendonly="yes", aof_timestamp_enabled="yes")
    with server.connect() as client:
        client.call("SET", "k", "v")
        for form, wanted in (("no", "aof"), ("yes", "rdb"), ("no", "aof")):
            client.call("CONFIG", "SET", "aof-use-rdb-preamble", form)
            rewrite(client)
            (base,) = (tmp_path / "appendonlydir").glob("*.base.*")
            assert base.suffix == f".{wanted}"
            assert base.read_bytes().startswith(b"#TS:" if wanted == "aof" else b"REDIS")
    kill(server)
    again = make_server(dir=str(tmp_path), appendonly="yes")
    with again.connect() as client:
        assert client.call("GET", "k") == b"v"


def test_libraries_of_functions_are_kept(make_server: Start, tmp_path: Path) -> None:
    library = "#!lua name=library\nredis.register_function('f', function() return 1 end)"
    put_log(tmp_path, base=as_log(("FUNCTION", "LOAD", library), ("SELECT", 0), ("SET", "k", "v")))
    server = make_server(dir=str(tmp_path), **OPTIONS)
    with server.connect() as client:
        rewrite(client)
        assert client.call("GET", "k") == b"v"
    assert commands_of(next(tmp_path.glob("appendonlydir/*.base.aof")).read_bytes())[0] == (
        b"FUNCTION", b"LOAD", library.encode()
    )  # fmt: skip
