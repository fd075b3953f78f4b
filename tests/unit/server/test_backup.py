"""BACKUP, what becomes of it, and `preload-file`, which restores it."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.log_files import as_log, commands_of
from tests.peers import Server, start
from tests.resp import Connection, ErrorReply
from tests.unit.server.test_saving import in_progress, kill

Start = Callable[..., Server]


def status(client: Connection) -> dict[str, str]:
    words = [bytes(word).decode() for word in client.call("BACKUP", "STATUS")]
    return dict(zip(words[::2], words[1::2], strict=True))


def wait_until(client: Connection, state: str) -> None:
    deadline = time.monotonic() + 10
    while status(client)["state"] != state:
        assert time.monotonic() < deadline, status(client)
        time.sleep(0.002)


def listed(client: Connection) -> list[Path]:
    return [Path(bytes(path).decode()) for path in client.call("BACKUP", "LIST")]


def refused(reply: object) -> str:
    assert isinstance(reply, ErrorReply)
    return str(reply)


@pytest.mark.parametrize("log", ["yes", "no"])
@pytest.mark.parametrize("form", ["yes", "no"])
def test_a_backup_is_what_there_was_when_it_was_sealed(make_server: Start, tmp_path: Path, log: str, form: str) -> None:
    options = {"dir": str(tmp_path / "one"), "appendonly": log, "aof_use_rdb_preamble": form}
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    server = make_server(enable_debug_command="yes", **options)
    with server.connect() as client:
        for i in range(1000):
            client.call("SET", f"key{i}", i)
        assert status(client) == {"state": "idle", "error": "", "start_time": "0", "end_time": "0"}
        assert client.call("BACKUP", "START") == "OK"
        client.call("SET", "while", "it is taken")
        wait_until(client, "incrementing")
        (base,) = listed(client)
        assert base.parent == tmp_path / "one" / "backupdir"
        client.call("MULTI")
        client.call("INCR", "counter")
        client.call("LPUSH", "list", "a")
        client.call("EXEC")
        client.call("SELECT", 3)
        client.call("SET", "elsewhere", "value")
        # A rewrite has to wait: it would take the backup's increment away.
        if log == "yes":
            assert client.call("BGREWRITEAOF") == "Background append only file rewriting scheduled"
        digest = client.call("DEBUG", "DIGEST")
        assert client.call("BACKUP", "SEAL") == "OK"
        told = status(client)
        assert told["state"] == "sealed"
        assert 0 <= int(told["end_time"]) - int(told["start_time"]) < 10
        files = listed(client)
        assert [path.name.split(".", 2)[2].partition(".")[2] for path in files] == [
            "base.rdb" if form == "yes" else "base.aof", "incr.aof", "",
        ]  # fmt: skip
        assert sorted(files) == sorted((tmp_path / "one" / "backupdir").iterdir())
        # What follows is no part of it.
        client.call("SET", "later", 1)
        client.call("FLUSHALL")
        for path in files:
            shutil.copy(path, tmp_path / "two")
        refused(client.call("BACKUP", "START"))
        refused(client.call("BACKUP", "ABORT"))
        assert client.call("BACKUP", "CLEANUP") == "OK"
        assert not any((tmp_path / "one" / "backupdir").iterdir())
        assert status(client)["state"] == "idle"
        client.call("SET", "after", "all")
        if log == "yes":
            assert client.call("WAITAOF", 1, 0, 5000) == [1, 0]
    kill(server)
    again = make_server(**options)
    with again.connect() as client:
        client.call("SELECT", 3)
        assert client.call("GET", "after") == (b"all" if log == "yes" else None)
    restored = make_server(
        dir=str(tmp_path / "two"), preload_file="aof:appendonly.aof.manifest", enable_debug_command="yes"
    )
    with restored.connect() as client:
        assert client.call("DEBUG", "DIGEST") == digest


def test_states_and_refusals(make_server: Start, tmp_path: Path) -> None:
    server = make_server(dir=str(tmp_path))
    with server.connect() as client:
        assert refused(client.call("BACKUP", "SEAL")).startswith("ERR There is no backup to seal")
        assert refused(client.call("BACKUP", "ABORT")) == "ERR No backup is in progress"
        assert refused(client.call("BACKUP", "CLEANUP")) == "ERR There is no sealed or failed backup to clean up"
        assert client.call("BACKUP", "LIST") == []
        client.call("SET", "k", "v")
        client.call("BACKUP", "START")
        assert "already exists" in refused(client.call("BACKUP", "START"))
        wait_until(client, "incrementing")
        assert "already exists, it is incrementing" in refused(client.call("BACKUP", "START"))
        assert client.call("BACKUP", "ABORT") == "OK"
        assert status(client)["state"] == "failed"
        assert status(client)["error"] == "aborted"
        assert not any((tmp_path / "backupdir").iterdir())
        assert client.call("BACKUP", "START") == "OK"
        wait_until(client, "incrementing")
        client.call("MULTI")
        client.call("SET", "k", "w")
        client.call("BACKUP", "SEAL")
        assert client.call("EXEC") == ["OK", "OK"]
        assert client.call("BACKUP", "CLEANUP") == "OK"
        (tmp_path / "backupdir" / "something").touch()
        assert "is not empty" in refused(client.call("BACKUP", "START"))


def test_it_waits_for_a_snapshot_that_is_being_taken(make_server: Start, tmp_path: Path) -> None:
    server = make_server(dir=str(tmp_path), rdb_key_save_delay=2_000_000)
    with server.connect() as client:
        client.call("MSET", "a", 1, "b", 2)
        client.call("BGSAVE")
        assert client.call("BACKUP", "START") == "OK"
        assert status(client)["state"] == "pending"
        client.call("CONFIG", "SET", "rdb-key-save-delay", 0)
        client.call("BGSAVE", "CANCEL")
        wait_until(client, "incrementing")
        client.call("BACKUP", "SEAL")
        assert len(listed(client)) == 3


def test_switching_the_log_ends_it(make_server: Start, tmp_path: Path) -> None:
    server = make_server(dir=str(tmp_path), appendfsync="always")
    with server.connect() as client:
        for wanted in ("yes", "no"):
            client.call("SET", "k", wanted)
            client.call("BACKUP", "START")
            wait_until(client, "incrementing")
            client.call("SET", "l", wanted)
            assert client.call("CONFIG", "SET", "appendonly", wanted) == "OK"
            assert "switched" in status(client)["error"]
            while in_progress(client, b"aof_rewrite_in_progress"):
                time.sleep(0.002)
            assert client.call("SET", "m", wanted) == "OK"
            client.call("BACKUP", "CLEANUP")


def test_a_sealed_one_may_go_by_itself(make_server: Start, tmp_path: Path) -> None:
    server = make_server(dir=str(tmp_path), backup_sealed_ttl=1)
    with server.connect() as client:
        client.call("BACKUP", "START")
        wait_until(client, "incrementing")
        client.call("BACKUP", "SEAL")
        wait_until(client, "idle")
        assert not any((tmp_path / "backupdir").iterdir())


def test_preloading_takes_the_place_of_the_own_files(make_server: Start, tmp_path: Path) -> None:
    """An RDB file, a single file of commands and a directory; the log begins anew with what was loaded."""
    own = make_server(dir=str(tmp_path), appendonly="yes")
    with own.connect() as client:
        client.call("SET", "own", 1)
        client.call("SAVE")
    kill(own)
    other = tmp_path / "other"
    other.mkdir()
    (other / "single.aof").write_bytes(as_log(("SET", "single", 1)) + b"*2\r\n$")
    maker = make_server(dir=str(other))
    with maker.connect() as client:
        client.call("SET", "rdb", 1)
        client.call("SAVE")
    for what, key in ((f"rdb:{other}/dump.rdb", "rdb"), (f"aof:{other}/single.aof", "single")):
        server = make_server(dir=str(tmp_path), appendonly="yes", preload_file=what)
        with server.connect() as client:
            assert client.call("KEYS", "*") == [key.encode()]
            while in_progress(client, b"aof_rewrite_in_progress"):
                time.sleep(0.002)
            client.call("SET", "more", 1)
        server.process.terminate()
        server.process.wait()
        assert (other / "single.aof").read_bytes().endswith(b"*2\r\n$")
        again = make_server(dir=str(tmp_path), appendonly="yes")
        with again.connect() as client:
            assert sorted(client.call("KEYS", "*")) == sorted([key.encode(), b"more"])
        kill(again)


@pytest.mark.parametrize(
    ("what", "why"),
    [("zip:x", "preload-file must be"), ("rdb:", "preload-file must be"), ("rdb:none.rdb", "cannot be read"),
     ("aof:none.manifest", "cannot be read"), ("aof:.", "holds 0 manifests")],
)  # fmt: skip
def test_what_cannot_be_preloaded(tmp_path: Path, what: str, why: str) -> None:
    with pytest.raises(Exception, match=why):
        start("redpoll", dir=str(tmp_path), preload_file=what)


def test_two_servers_do_not_save_into_one_file(make_server: Start, tmp_path: Path) -> None:
    first = make_server(dir=str(tmp_path), save="3600 1", enable_protected_configs="yes")
    with first.connect() as client:
        client.call("SET", "k", "v")
        client.call("SAVE")
        with pytest.raises(Exception, match="Another server saves into"):
            start("redpoll", dir=str(tmp_path), save="3600 1")
        # Another name, or nothing to save by itself, is no quarrel.
        second = make_server(dir=str(tmp_path), save="3600 1", dbfilename="other.rdb")
        third = make_server(dir=str(tmp_path))
        with second.connect() as two, third.connect() as three:
            assert two.call("SAVE") == "OK"
            assert three.call("GET", "k") == b"v"
            assert refused(three.call("SAVE")) == "ERR"
            assert refused(three.call("BGSAVE")) == "ERR"
            assert "Another server saves into" in third.log()
            assert "Another server saves into" in refused(three.call("CONFIG", "SET", "save", "3600 1"))
            client.call("BGSAVE")
            while in_progress(client, b"rdb_bgsave_in_progress"):
                time.sleep(0.002)
            assert refused(three.call("SAVE")) == "ERR"
            client.call("CONFIG", "SET", "dbfilename", "elsewhere.rdb")
            assert three.call("SAVE") == "OK"


def test_delays(make_server: Start, tmp_path: Path) -> None:
    server = make_server(dir=str(tmp_path), rdb_key_save_delay=20_000)
    with server.connect() as client:
        client.call("MSET", *[word for i in range(20) for word in (f"key{i}", i)])
        begin = time.monotonic()
        client.call("BGSAVE")
        while in_progress(client, b"rdb_bgsave_in_progress"):
            assert client.call("SET", "k", "v") == "OK"
        assert time.monotonic() - begin > 0.2
        begin = time.monotonic()
        client.call("SAVE")
        assert time.monotonic() - begin > 0.4
    kill(server)
    slow = make_server(dir=str(tmp_path), key_load_delay=20_000)
    with slow.connect() as client:
        assert client.call("DBSIZE") in (20, 21)


def test_the_increment_holds_only_what_is_needed(make_server: Start, tmp_path: Path) -> None:
    server = make_server(dir=str(tmp_path))
    with server.connect() as client:
        client.call("SET", "before", 1)
        client.call("BACKUP", "START")
        wait_until(client, "incrementing")
        client.call("SET", "within", 1)
        client.call("BACKUP", "SEAL")
        client.call("SET", "after", 1)
        increment = listed(client)[1]
        names = [words[1] for words in commands_of(increment.read_bytes()) if words[0] == b"SET"]
        assert names == [b"within"]
        assert os.stat(increment).st_nlink == 1
