"""What declarations derive, against tables of all commands and against real servers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.connection import Connection
from redis.exceptions import ResponseError

from redpoll import commands
from redpoll.commands import introspection
from redpoll.commands.declare import REGISTRY, Command, declare, get_keys, lookup
from redpoll.commands.flags import FLAG_NAMES, MOVABLE_KEYS, READONLY, flag_names
from redpoll.errors import CommandError
from tests.unit.commands import real_servers, usage_lines

DATA = Path(__file__).parents[2] / "data"
GROUPS = (
    *("string", "bitmap", "generic", "connection", "server", "list", "hash", "set", "sorted-set", "stream", "geo"),
    *("hyperloglog", "pubsub", "transactions", "array", "scripting"),
)

commands.load()

# What handlers really declare replaces the stand-ins of `usage_lines`.
TOP = usage_lines.REGISTRY | REGISTRY
DECLARED = {each.name: each for top in TOP.values() for each in (top, *top.subcommands.values())}


def _table(server: str) -> dict[str, list[str]]:
    rows = [line.split("\t") for line in (DATA / f"commands-{server}.tsv").read_text().splitlines()]
    return {row[0].lower().replace(" ", "|"): row for row in rows if not row[0].startswith("#")}


TABLES = {server: _table(server) for server in ("redis", "valkey")}
#: Where the two servers differ, a declaration follows Redis.
ROWS = TABLES["valkey"] | TABLES["redis"]
OURS = [name for name, row in ROWS.items() if row[3] in GROUPS]


def _lines() -> dict[str, Command]:
    """The usage lines of all other groups, declared."""
    made: dict[str, Command] = {}
    for line in (DATA / "usage-lines.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        usage, _, keys = line.partition("\t")
        name = next(name for name in _names(usage) if name in ROWS)
        made[name] = Command(
            name,
            usage,
            None,
            summary="A test.",
            group=ROWS[name][3],
            since=ROWS[name][1],
            flags=_flags(ROWS[name][5]),
            keys=tuple(keys.split("; ")) if keys else (),
            parent=DECLARED["config"] if "|" in name else None,
        )
    return made


def _flags(words: str) -> int:
    return sum(bit for bit, name in FLAG_NAMES if name in words.split() and bit != MOVABLE_KEYS)


def _names(usage: str) -> list[str]:
    words = usage.lower().split()
    return ["|".join(words[:2]), words[0]]


OTHERS = _lines()

# Real declarations whose argument trees are wider than either server's: both servers' words, and newer ones.
WIDER = {"set", "bitcount", "bgsave", "shutdown", "client|kill", "client|list", "debug", "replconf", "restore-asking"}
WIDER |= {"xadd", "xread", "xreadgroup"}
WIDER |= {"zinter", "zinterstore", "zunion", "zunionstore", "zscan", "geosearch", "geosearchstore"}
# Newer than the Redis that is at hand; Valkey's command of the same name is another.
NEWER = {"msetex"}
# Newer flags than those of the Redis that is at hand: they are held against the tables alone.
NEWER_FLAGS = {"subscribe", "psubscribe", "ssubscribe"}
NEWER_FLAGS |= {"eval", "eval_ro", "evalsha", "evalsha_ro", "fcall", "fcall_ro"}


# -- tables -----------------------------------------------------------------------------------------


def test_every_command_is_declared() -> None:
    assert sorted(DECLARED) == sorted(OURS)


@pytest.mark.parametrize("name", OURS)
def test_table(name: str) -> None:
    row, command = ROWS[name], DECLARED[name]
    _, since, arity, group, categories, flags = row
    assert command.since == since
    assert command.arity == int(arity)
    assert command.group == group
    assert sorted(f"@{category}" for category in command.categories) == _words(categories)
    assert sorted(flag_names(command.flags)) == _words(flags)


@pytest.mark.parametrize("name", [*DECLARED, *OTHERS])
def test_everything_derives(name: str) -> None:
    (DECLARED | OTHERS)[name].check()


@pytest.mark.parametrize("name", OTHERS)
def test_arity_of_other_groups(name: str) -> None:
    # These take fewer words than they say, so that a missing one is their own error.
    lenient = {"cluster|migrateslots": -4, "cluster|syncslots": -3}
    assert lenient.get(name, OTHERS[name].arity) == int(ROWS[name][2])


def _words(text: str) -> list[str]:
    return sorted(word for word in text.split() if word != "-")


# -- real servers -------------------------------------------------------------------------------------


class Peer:
    """A real server's answers about its commands, by full name."""

    def __init__(self, kind: str, connection: Connection) -> None:
        self.kind = kind
        self.connection = connection
        self.info: dict[str, Any] = {}
        self.docs: dict[str, Any] = {}
        for top in real_servers.ask(connection, "COMMAND"):
            self.info |= {each[0]: each for each in (top, *top[9])}
        for name, top in real_servers.ask(connection, "COMMAND", "DOCS").items():
            self.docs |= {name: top, **top.get("subcommands", {})}

    def shared(self, commands: dict[str, Command]) -> list[str]:
        """The commands that both have; Valkey's own, for Valkey."""
        return [
            name for name in commands if name in self.info and not (self.kind == "valkey" and name in TABLES["redis"])
        ]


@pytest.fixture(scope="module", params=["redis", "valkey"])
def peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    path = real_servers.program(request.param)
    if path is None:
        pytest.skip(f"no {request.param} installed")
    with real_servers.running(path, tmp_path_factory.mktemp(request.param)) as connection:
        made = Peer(request.param, connection)
        if request.param == "redis" and "lcs" not in made.info:
            pytest.skip("too old a Redis to compare with")
        yield made


def test_info(peer: Peer) -> None:
    differences = {}
    for name in peer.shared(DECLARED):
        ours, theirs = real_servers.text(introspection.info(DECLARED[name]))[:9], peer.info[name][:9]
        if name in NEWER_FLAGS:
            theirs[2] = ours[2]
        theirs[8] = [{key: value for key, value in spec.items() if key != "notes"} for spec in theirs[8]]
        if ours != theirs:
            differences[name] = (ours, theirs)
    assert differences == {}


def test_docs(peer: Peer) -> None:
    differences = {}
    for name in peer.shared(DECLARED):
        ours, theirs = real_servers.text(introspection.docs(DECLARED[name])), peer.docs[name]
        for reply in (ours, theirs):
            for prose in ("summary", "complexity", "history", "replaced_by", "subcommands"):
                reply.pop(prose, None)
            if name in WIDER:
                reply.pop("arguments", None)
        if ours != theirs:
            differences[name] = (ours, theirs)
    assert differences == {}


def test_wider_arguments_hold_the_servers(peer: Peer) -> None:
    missing = {}
    for name in sorted(WIDER & peer.docs.keys()):
        ours = {_label(argument) for argument in _nodes(introspection.docs(DECLARED[name]).get(b"arguments", []))}
        theirs = {_label(argument) for argument in _nodes(peer.docs[name].get("arguments", []))}
        if theirs - ours:
            missing[name] = theirs - ours
    assert missing == ({"set": {("comparison-value", "IFEQ")}} if peer.kind == "valkey" else {})


def _nodes(arguments: list[Any]) -> Iterator[dict[str, Any]]:
    for argument in real_servers.text(arguments):
        yield argument
        yield from _nodes(argument.get("arguments", []))


def _label(argument: dict[str, Any]) -> tuple[Any, ...]:
    return argument["name"], argument.get("token")


def test_other_groups(peer: Peer) -> None:
    differences = {}
    for name in peer.shared(OTHERS):
        command = OTHERS[name]
        docs = peer.docs[name].get("arguments", [])
        ours = real_servers.text(introspection.docs(command)).get("arguments", [])
        info, specs = peer.info[name], real_servers.text(introspection.info(command))[8]
        for argument in _all(docs):
            argument.pop("since", None)
            argument.pop("summary", None)
        theirs = [{key: value for key, value in spec.items() if key != "notes"} for spec in info[8]]
        first = [command.first_key, command.last_key, command.key_step]
        movable = "movablekeys" in info[2]
        if (ours, specs, first, command.movable_keys) != (docs, theirs, info[3:6], movable):
            differences[name] = (ours, docs, specs, theirs, first)
    assert differences == {}


def _all(arguments: list[Any]) -> Iterator[dict[str, Any]]:
    for argument in arguments:
        yield argument
        yield from _all(argument.get("arguments", []))


REQUESTS = """
GET a|GET|PING|NOPE|CONFIG|CONFIG NOPE|CONFIG GET x|OBJECT ENCODING z|MEMORY USAGE z SAMPLES 5
SET a b|SET a b GET|SET a b EX 5|BITFIELD a|BITFIELD a GET u8 0|BITFIELD a GET u8 0 SET u8 0 1
BITFIELD a OVERFLOW SAT GET u8 0
BITFIELD a OVERFLOW|BITFIELD a GET u8|BITFIELD a WHAT
MSET a 1 b 2|MSET a 1 b|MGET a b c|DEL a b|LCS a b|COPY a b|RENAME a b|BITOP AND d a b|BITOP AND d
SORT a|SORT a STORE b|SORT a STORE|SORT a BY x GET STORE STORE z|SORT a LIMIT 1 2 STORE c STORE d|SORT_RO a BY b
SORT a BY STORE STORE|SORT a LIMIT STORE b STORE c
MIGRATE h 1 k 0 1|MIGRATE h 1 @ 0 1 KEYS a b|MIGRATE h 1 k 0 1 KEYS a|MIGRATE h 1 k 0 1 AUTH KEYS
MIGRATE h 1 @ 0 1 AUTH2 u KEYS KEYS q
MIGRATE h 1 @ 0 1 COPY REPLACE KEYS|MIGRATE h 1 k 0 1 COPY
XREAD STREAMS a b 0 0|XREAD STREAMS a b 0|XREAD COUNT 5 STREAMS a 0|XREAD COUNT 5 a 0|XREADGROUP GROUP g c STREAMS a >
XREADGROUP GROUP STREAMS c STREAMS a >|XREAD BLOCK STREAMS STREAMS a 0
GEORADIUS a 0 0 1 m STORE x|GEORADIUS a 0 0 1 m|GEORADIUS a 0 0 1 m STOREDIST x
ZUNIONSTORE d 2 a b|ZUNIONSTORE d 0 a|ZUNIONSTORE d x a|ZUNIONSTORE d 3 a b|ZUNION 1 a WEIGHTS 5
ZMPOP 2 a b MIN|ZMPOP -1 a MIN
EVAL x 0|EVAL x 2 a b c|EVAL x 2 a|EVAL x -1|EVAL x foo|BLPOP a b 0|BLPOP a 0|BZMPOP 0 1 a MIN
PFMERGE d|PFMERGE d a|SDIFFSTORE d a b|SSUBSCRIBE a|SPUBLISH a b|PUBLISH a b|WATCH a b|ZADD a 1 b|LMOVE a b LEFT RIGHT
RESTORE-ASKING a 0 b|MOVE a 1|TOUCH a b|EXISTS a|FLUSHALL|XGROUP CREATE a g 0|XINFO STREAM s|CLUSTER KEYSLOT k
"""


@pytest.mark.parametrize("request_line", [line for lines in REQUESTS.split("\n") for line in lines.split("|") if line])
def test_get_keys(peer: Peer, request_line: str) -> None:
    words = [b"" if word == "@" else word.encode() for word in request_line.split()]
    name = words[0].decode().lower()
    registry = TOP | {key: value for key, value in OTHERS.items() if "|" not in key}
    command = OTHERS.get("|".join(_names(request_line)[:1])) or lookup(words, registry)
    if command is None and name in ("xgroup", "xinfo", "cluster"):
        pytest.skip("its container is not declared here")
    try:
        theirs = real_servers.ask(peer.connection, "COMMAND", "GETKEYSANDFLAGS", *words)
    except ResponseError as error:
        theirs = f"ERR {error}"
    assert _keys(command, words) == theirs


def _keys(command: Command | None, words: list[bytes]) -> Any:
    if command is None:
        return "ERR Invalid command specified"
    try:
        return [[words[at].decode(), list(flags)] for at, flags in get_keys(command, words)]
    except CommandError as error:
        return str(error)


def test_read_only_commands_access_their_keys() -> None:
    command = declare("PEEK key", None, summary="Look.", group="string", since="1.0.0", flags=READONLY, registry={})
    assert [spec.flags for spec in command.key_specs] == [("RO", "access")]
