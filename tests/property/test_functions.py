"""Libraries loaded, replaced, restored and deleted in any order: every reply as a real server's."""

import random
import re
from collections.abc import Iterator

import pytest

from tests.peers import PeerMissing, Server, find, start
from tests.resp import Connection, ErrorReply

LIBRARIES = [f"lib{number}" for number in range(4)] + ["LIB1"]
FUNCTIONS = [f"f{number}" for number in range(6)]
BROKEN = ["return +", "redis.call('PING')", "redis.register_function('a b', function() end)", "x = 1", ""]


@pytest.fixture(scope="module")
def redpoll() -> Iterator[Connection]:
    server = start("redpoll")
    connection = server.connect(60)
    yield connection
    connection.close()
    server.stop()


@pytest.fixture(scope="module", params=["redis70", "redis82"])
def peer(request: pytest.FixtureRequest) -> Iterator[Connection]:
    try:
        server: Server = start(find(request.param))
    except PeerMissing as missing:
        pytest.skip(str(missing))
    connection = server.connect(60)
    yield connection
    connection.close()
    server.stop()


def code(chance: random.Random) -> str:
    """A library of some functions, which may be broken before, between or behind them."""
    lines = [f"#!lua name={chance.choice(LIBRARIES)}"]
    for name in chance.sample(FUNCTIONS, chance.choice([0, 1, 1, 2, 3])):
        if chance.random() < 0.5:
            lines.append(f"redis.register_function('{name}', function() return '{name}{chance.randrange(100)}' end)")
        else:
            flags = ", ".join(f"'{flag}'" for flag in chance.sample(["no-writes", "allow-oom", "no-cluster"], 2))
            lines.append(
                f"redis.register_function{{function_name='{name}', description='of {name}', flags={{{flags}}}, "
                f"callback=function(keys) return redis.call('GET', keys[1]) end}}"
            )
    if chance.random() < 0.15:
        lines.insert(chance.randrange(1, len(lines) + 1), chance.choice(BROKEN))
    return "\n".join(lines)


def sorted_replies(reply: object) -> object:
    """A reply without the order that no server promises, which is also that of what is refused first."""
    if isinstance(reply, ErrorReply):
        return re.sub("Function f[0-9] already", "Function f already", str(reply))
    if isinstance(reply, list):
        return sorted(map(sorted_replies, reply), key=repr)
    return reply


@pytest.mark.parametrize("seed", range(4))
def test_any_order(redpoll: Connection, peer: Connection, seed: int) -> None:
    chance = random.Random(seed)
    both = (redpoll, peer)
    dumps = []
    for connection in both:
        connection.call("FUNCTION", "FLUSH")
        connection.call("SET", "k", "value")
    for _ in range(300):
        kind = chance.choice(["LOAD"] * 4 + ["REPLACE"] * 3 + ["DELETE", "CALL", "CALL", "DUMP", "RESTORE", "FLUSH"])
        match kind:
            case "LOAD":
                words = ["FUNCTION", "LOAD", code(chance)]
            case "REPLACE":
                words = ["FUNCTION", "LOAD", "REPLACE", code(chance)]
            case "DELETE":
                words = ["FUNCTION", "DELETE", chance.choice(LIBRARIES)]
            case "CALL":
                words = [chance.choice(["FCALL", "FCALL_RO"]), chance.choice(FUNCTIONS), "1", "k"]
            case "FLUSH" if chance.random() < 0.2:
                words = ["FUNCTION", "FLUSH", chance.choice(["SYNC", "ASYNC"])]
            case "RESTORE" if dumps:
                policy = chance.choice(["APPEND", "REPLACE", "FLUSH"])
                words = ["FUNCTION", "RESTORE", chance.choice(dumps), policy]
            case _:
                words = ["FUNCTION", "LIST", "WITHCODE"]
        # A payload that holds several libraries may fail for any of them.
        replies = [connection.call(*words) for connection in both]
        if words[1] == "RESTORE" and all(isinstance(reply, ErrorReply) for reply in replies):
            replies = ["refused", "refused"]
        assert sorted_replies(replies[0]) == sorted_replies(replies[1]), words
        if kind == "DUMP":
            dumps.append(chance.choice(both).call("FUNCTION", "DUMP"))
    listed = [sorted_replies(connection.call("FUNCTION", "LIST", "WITHCODE")) for connection in both]
    assert listed[0] == listed[1]


def vm_bytes(connection: Connection) -> int:
    text = connection.call("INFO", "memory")
    assert isinstance(text, bytes)
    return int(text.partition(b"used_memory_vm_functions:")[2].split()[0])


def test_libraries_that_failed_and_replaced_ones_leave_nothing(redpoll: Connection) -> None:
    redpoll.call("FUNCTION", "FLUSH", "SYNC")
    good = "#!lua name=lib\n" + "\n".join(
        f"redis.register_function('f{number}', function() return {number} end)" for number in range(20)
    )
    sizes = []
    for _ in range(6):
        for _ in range(300):
            assert redpoll.call("FUNCTION", "LOAD", "REPLACE", good) == b"lib"
            assert isinstance(redpoll.call("FUNCTION", "LOAD", "REPLACE", good + "\nx = 1"), ErrorReply)
            # Lua collects as functions run.
            redpoll.call("FCALL", "f1", "0")
        sizes.append(vm_bytes(redpoll))
    assert max(sizes[2:]) < 3 * sizes[1]
    redpoll.call("FUNCTION", "FLUSH", "SYNC")
    assert vm_bytes(redpoll) == 0
