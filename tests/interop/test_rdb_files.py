"""RDB files: those of real servers load here, those written here load there, and their own tools find them whole."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.data import make_old_rdb, make_rdb
from tests.peers import PeerMissing, find
from tests.resp import Connection

FILES = ("redis70", "redis82", "valkey91")
FOLDER = make_rdb.FOLDER


def expected(name: str) -> dict[str, object]:
    return json.loads((FOLDER / f"{name}.json").read_text())


def held(connection: Connection, keys: list[str]) -> dict[str, object]:
    return {key: json.loads(json.dumps(make_rdb.contents(connection, key))) for key in keys}


def reload(connection: Connection, folder: Path, file: Path) -> None:
    shutil.copy(file, folder / "dump.rdb")
    assert connection.call("DEBUG", "RELOAD", "NOSAVE") == "OK"


@pytest.mark.parametrize("name", FILES)
def test_files_of_real_servers(make_server, name: str) -> None:
    server = make_server(enable_debug_command="yes")
    with server.connect() as connection:
        reload(connection, server.folder, FOLDER / f"{name}.rdb")
        keys = expected(name)
        assert connection.call("DBSIZE") == len(keys)
        assert held(connection, list(keys)) == keys
        assert connection.call("OBJECT", "IDLETIME", "string:short") < 1000
        digest = connection.call("DEBUG", "DIGEST")
        assert connection.call("DEBUG", "RELOAD") == "OK"
        assert connection.call("DEBUG", "DIGEST") == digest
        assert held(connection, list(keys)) == keys
        connection.call("SELECT", 9)
        assert connection.call("GET", "other") == b"database"
        assert connection.call("EXISTS", "gone") == 0


@pytest.mark.parametrize("name", make_old_rdb.NAMES)
def test_files_of_older_servers(make_server, name: str) -> None:
    """In the encodings of their time, from RDB 6 of Redis 2.8 on; what is saved of them again is the same."""
    told = json.loads((make_old_rdb.FOLDER / f"{name}.json").read_text())
    server = make_server(enable_debug_command="yes")
    with server.connect() as connection:
        call = make_old_rdb.strict(connection)
        reload(connection, server.folder, make_old_rdb.FOLDER / f"{name}.rdb")
        for _ in range(2):
            assert sorted(key.decode() for key in call("KEYS", "*")) == sorted(told["keys"])
            for key, expected_contents in told["keys"].items():
                assert make_old_rdb.told(call, key) == expected_contents, key
            assert str(call("DEBUG", "DIGEST")) == told["digest"]
            call("SELECT", 9)
            assert call("GET", "other") == b"database"
            call("SELECT", 0)
            call("DEBUG", "RELOAD")


@pytest.mark.parametrize("reader", ["redis82", "valkey91"])
@pytest.mark.parametrize("name", FILES)
def test_files_written_here(make_server, name: str, reader: str) -> None:
    server = make_server(enable_debug_command="yes")
    theirs = make_server(reader, enable_debug_command="yes")
    keys = expected(name)
    with server.connect() as connection, theirs.connect() as there:
        if reader == "valkey91":
            # It knows none of Redis's types of hashes with times, so those are left out.
            for key in [key for key in keys if "times" in key]:
                del keys[key]
            copy = make_server(enable_debug_command="yes")
            with copy.connect() as source:
                reload(source, copy.folder, FOLDER / f"{name}.rdb")
                for key in keys:
                    assert connection.call("RESTORE", key, 0, source.call("DUMP", key)) == "OK"
            if "string:expires" in keys:
                connection.call("PEXPIREAT", "string:expires", 4102444800000)
        else:
            reload(connection, server.folder, FOLDER / f"{name}.rdb")
        assert connection.call("SAVE") == "OK"
        reload(there, theirs.folder, server.folder / "dump.rdb")
        assert held(there, list(keys)) == keys


@pytest.mark.parametrize("checker", ["redis82", "valkey91"])
@pytest.mark.parametrize("name", FILES)
def test_their_tools_find_our_files_whole(make_server, tmp_path: Path, name: str, checker: str) -> None:
    try:
        binary = find(checker).command[0]
    except PeerMissing as problem:
        missing(problem)
        raise
    tool = tmp_path / f"{find(checker).product}-check-rdb"
    tool.symlink_to(binary)
    server = make_server(enable_debug_command="yes")
    with server.connect() as connection:
        reload(connection, server.folder, FOLDER / f"{name}.rdb")
        if name != "redis70" and checker == "valkey91":
            pytest.skip("hashes with times make a file that Valkey cannot read")
        assert connection.call("SAVE") == "OK"
    done = subprocess.run([tool, server.folder / "dump.rdb"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert "looks OK" in done.stdout
