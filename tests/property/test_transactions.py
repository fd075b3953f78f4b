"""Transactions: what is queued does what it does alone, and EXEC is refused exactly where a watched key changed."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.peers import Server
from tests.resp import NULL_ARRAY, Connection, ErrorReply

SETTINGS = settings(max_examples=80)
KEYS = st.sampled_from(["a", "b", "c"])
LONG = st.one_of(st.binary(max_size=20), st.integers(30_000, 90_000).map(lambda size: b"w" * size))
COMMANDS = st.one_of(
    st.tuples(st.just("SET"), KEYS, LONG),
    st.tuples(st.just("APPEND"), KEYS, LONG),
    st.tuples(st.just("MSET"), KEYS, LONG, KEYS, LONG),
    st.tuples(st.just("GETSET"), KEYS, LONG),
    st.tuples(st.just("GET"), KEYS),
    st.tuples(st.just("INCR"), KEYS),
    st.tuples(st.just("DEL"), KEYS, KEYS),
    st.tuples(st.just("RENAME"), KEYS, KEYS),
    st.tuples(st.just("SELECT"), st.sampled_from(["0", "1"])),
    st.tuples(st.just("ECHO"), LONG),
    st.tuples(st.just("SETRANGE"), KEYS, st.just("-1"), LONG),
)


def plain(reply: object) -> object:
    return str(reply) if isinstance(reply, ErrorReply) else reply


@SETTINGS
@given(commands=st.lists(COMMANDS, max_size=40))
def test_what_is_queued_does_what_it_does_alone(server: Server, commands: list[tuple]) -> None:
    with server.connect() as one:
        one.call("FLUSHALL")
        alone = [plain(one.call(*words)) for words in commands]
        one.call("SELECT", "0")
        left = [one.call("GET", key) for key in "abc"]
        one.call("FLUSHALL")
        # All at once, so that long words come in the middle of others' bytes.
        for words in [("MULTI",), *commands, ("EXEC",)]:
            one.send(*words)
        assert one.read() == "OK"
        assert [one.read() for _ in commands] == ["QUEUED"] * len(commands)
        assert [plain(reply) for reply in one.read()] == alone
        one.call("SELECT", "0")
        assert [one.call("GET", key) for key in "abc"] == left


@dataclass
class Client:
    """A model of one client: the keys that it watches, and whether one of them changed."""

    connection: Connection
    database: int = 0
    watched: set[tuple[int, str]] = field(default_factory=set)
    spoiled: bool = False


CHANGES = st.one_of(
    st.tuples(st.just("SET"), KEYS),
    st.tuples(st.just("DEL"), KEYS),
    st.tuples(st.just("MOVE"), KEYS),
    st.tuples(st.just("RENAME"), KEYS, KEYS),
    st.tuples(st.just("EXPIRE"), KEYS),
    st.just(("FLUSHDB",)),
    st.just(("FLUSHALL",)),
    st.just(("SWAPDB",)),
)
STEPS = st.one_of(
    st.tuples(st.just("watch"), KEYS),
    st.tuples(st.just("watch"), KEYS),
    st.just(("unwatch",)),
    st.just(("exec",)),
    st.just(("exec",)),
    st.just(("discard",)),
    st.just(("select",)),
    st.tuples(st.just("do"), CHANGES),
    st.tuples(st.just("do"), CHANGES),
)


def apply(keys: list[set[str]], database: int, words: tuple[str, ...]) -> tuple[tuple[str, ...], set[tuple[int, str]]]:
    """The request of a change, and the keys (with their databases) that it changes; the model is brought up to date."""
    here, there = keys[database], keys[1 - database]
    name, *rest = words
    changed: set[tuple[int, str]] = set()
    if name == "SET":
        here.add(rest[0])
        return ("SET", rest[0], "value"), {(database, rest[0])}
    if name == "EXPIRE":
        return ("EXPIRE", rest[0], "1000"), {(database, rest[0])} & {(database, key) for key in here}
    if name == "DEL":
        changed = {(database, rest[0])} if rest[0] in here else set()
        here.discard(rest[0])
        return ("DEL", rest[0]), changed
    if name == "MOVE":
        if rest[0] in here and rest[0] not in there:
            here.remove(rest[0])
            there.add(rest[0])
            changed = {(0, rest[0]), (1, rest[0])}
        return ("MOVE", rest[0], str(1 - database)), changed
    if name == "RENAME":
        if rest[0] in here and rest[0] != rest[1]:
            here.remove(rest[0])
            here.add(rest[1])
            changed = {(database, rest[0]), (database, rest[1])}
        return ("RENAME", *rest), changed
    if name == "FLUSHDB":
        changed = {(database, key) for key in here}
        here.clear()
        return ("FLUSHDB",), changed
    if name == "FLUSHALL":
        changed = {(index, key) for index in (0, 1) for key in keys[index]}
        for each in keys:
            each.clear()
        return ("FLUSHALL",), changed
    changed = {(index, key) for index in (0, 1) for key in keys[0] | keys[1]}
    keys[0], keys[1] = keys[1], keys[0]
    return ("SWAPDB", "0", "1"), changed


@SETTINGS
@given(steps=st.lists(st.tuples(st.integers(0, 2), STEPS), max_size=40))
def test_exec_is_refused_where_a_watched_key_changed(server: Server, steps: list[tuple[int, tuple]]) -> None:
    clients = [Client(server.connect()) for _ in range(3)]
    keys: list[set[str]] = [set(), set()]
    try:
        clients[0].connection.call("FLUSHALL")
        for number, (name, *rest) in steps:
            client = clients[number]
            call = client.connection.call
            if name == "watch":
                assert call("WATCH", rest[0]) == "OK"
                client.watched.add((client.database, rest[0]))
            elif name == "unwatch":
                assert call("UNWATCH") == "OK"
                client.watched, client.spoiled = set(), False
            elif name == "select":
                client.database = 1 - client.database
                assert call("SELECT", str(client.database)) == "OK"
            elif name == "discard":
                assert call("MULTI") == "OK"
                assert call("DISCARD") == "OK"
                client.watched, client.spoiled = set(), False
            elif name == "exec":
                assert call("MULTI") == "OK"
                assert call("PING") == "QUEUED"
                assert call("EXEC") == (NULL_ARRAY if client.spoiled else ["PONG"])
                client.watched, client.spoiled = set(), False
            else:
                request, changed = apply(keys, client.database, rest[0])
                call(*request)
                for other in clients:
                    other.spoiled = other.spoiled or bool(other.watched & changed)
    finally:
        for client in clients:
            client.connection.close()
