"""Make tests/data/rdb: files by real servers, and what is in them.

    python -m tests.data.make_rdb [redis70 redis82 valkey91]

Beside each NAME.rdb stands NAME.json: for each key its digest by that server, or, for hashes with fields that expire,
their fields, values and times.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tests import peers
from tests.data import rdb_values
from tests.resp import Connection, ErrorReply

FOLDER = Path(__file__).parent / "rdb"
LIBRARY = "#!lua name=mylib\nredis.register_function('f', function() return 1 end)"


def contents(connection: Connection, key: str) -> Any:
    """What a key holds, in what JSON knows."""
    if "times" not in key:
        digest = connection.call("DEBUG", "DIGEST-VALUE", key)
        return digest[0].decode() if isinstance(digest[0], bytes) else str(digest[0])
    words = connection.call("HGETALL", key)
    times = connection.call("HPEXPIRETIME", key, "FIELDS", len(words) // 2, *words[::2])
    pairs = zip(words[::2], words[1::2], times, strict=True)
    return sorted([field.decode(), value.decode(), time] for field, value, time in pairs)


def fill(connection: Connection, fields_expire: bool) -> dict[str, Any]:
    """Make every value; what each key holds then."""
    for command in rdb_values.BEFORE:
        connection.call(*command)
    held = {}
    for key, commands in rdb_values.values(fields_expire):
        for command in commands:
            reply = connection.call(*command)
            if isinstance(reply, ErrorReply):
                raise SystemExit(f"{command}: {reply}")
        held[key] = contents(connection, key)
    return held


def make(name: str) -> None:
    """Make the file of one server."""
    with (
        peers.running(name, enable_debug_command="yes", maxmemory_policy="allkeys-lru", databases=16) as server,
        server.connect() as connection,
    ):
        held = fill(connection, name != "redis70")
        connection.call("FUNCTION", "LOAD", LIBRARY)
        connection.call("SELECT", 9)
        connection.call("SET", "other", "database")
        connection.call("SET", "gone", "soon", "PX", 1)
        if connection.call("SAVE") != "OK":
            raise SystemExit(server.log())
        (FOLDER / f"{name}.rdb").write_bytes((server.folder / "dump.rdb").read_bytes())
    (FOLDER / f"{name}.json").write_text(json.dumps(held, sort_keys=True, separators=(",", ":")) + "\n")
    print(f"{name}.rdb: {(FOLDER / f'{name}.rdb').stat().st_size} bytes, {len(held)} keys")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for one in sys.argv[1:] or ("redis70", "redis82", "valkey91"):
        make(one)
