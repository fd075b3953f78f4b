"""Clusters: real ones of three nodes, and one that sends clients elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from redpoll.benchmark.cluster import ClusterFailed, chosen, nodes_of, tags
from tests import peers
from tests.benchmark.fake import OURS, FakeServer, PeerMissing, bulk, call, theirs
from tests.benchmark.test_same_as_redis_benchmark import masked
from tests.conftest import missing
from tests.peers import Server

NODES = 3


@pytest.fixture(scope="module", params=["redis70", "valkey91"])
def real_cluster(request: pytest.FixtureRequest) -> Iterator[list[Server]]:
    """A cluster of three primaries."""
    try:
        target = peers.find(request.param)
    except PeerMissing as problem:
        missing(problem)
        raise
    nodes = [peers.start(target, cluster_enabled="yes", cluster_node_timeout=2000) for _ in range(NODES)]
    try:
        for number, node in enumerate(nodes):
            with node.connect() as connection:
                first, last = number * 16384 // NODES, (number + 1) * 16384 // NODES - 1
                assert connection.call("CLUSTER", "ADDSLOTSRANGE", str(first), str(last)) == "OK"
                assert connection.call("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1)) == "OK"
                if number:
                    assert connection.call("CLUSTER", "MEET", "127.0.0.1", str(nodes[0].port)) == "OK"
        wait_until_whole(nodes)
        yield nodes
    finally:
        for node in nodes:
            node.stop()


def wait_until_whole(nodes: list[Server]) -> None:
    deadline = time.monotonic() + 60
    for node in nodes:
        with node.connect() as connection:
            while True:
                info = connection.call("CLUSTER", "INFO")
                if b"cluster_state:ok" in info and b"cluster_known_nodes:%d" % len(nodes) in info:
                    break
                assert time.monotonic() < deadline, info
                time.sleep(0.02)


def ask(node: Server, *words: str):
    with node.connect() as connection:
        return connection.call(*words)


def fresh(nodes: list[Server]) -> None:
    for node in nodes:
        ask(node, "FLUSHALL")
        ask(node, "CONFIG", "RESETSTAT")


def run(nodes: list[Server], *words: str, program: list[str] = OURS) -> bytes:
    done = call(program, ["--cluster", "-p", str(nodes[0].port), *words])
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_test_goes_to_every_node(real_cluster: list[Server]) -> None:
    fresh(real_cluster)
    run(real_cluster, "-q", "-n", "600", "-c", "12", "-r", "1000", "-P", "2")
    for node in real_cluster:
        assert b"MOVED" not in ask(node, "INFO", "errorstats")
        stats = ask(node, "INFO", "commandstats")
        for command in (b"set", b"get", b"mset", b"lpush", b"zadd", b"xadd", b"fcall"):
            assert b"cmdstat_%b:" % command in stats


def test_a_command_with_a_tag(real_cluster: list[Server]) -> None:
    fresh(real_cluster)
    run(real_cluster, "-q", "-n", "300", "-c", "6", "-r", "10000", "set", "a:{tag}:__rand_int__", "b")
    sizes = [ask(node, "DBSIZE") for node in real_cluster]
    assert all(sizes)
    assert 290 < sum(sizes) <= 300


def test_reports_are_those_of_redis_benchmark(real_cluster: list[Server]) -> None:
    try:
        program = theirs()
    except PeerMissing as problem:
        missing(problem)
        raise
    for words in (("-n", "300", "-t", "set"), ("-q", "-n", "300", "-t", "set"), ("--csv", "-n", "300", "-t", "set")):
        assert masked(run(real_cluster, *words)) == masked(run(real_cluster, *words, program=program))


def test_a_cluster_that_moves_a_slot_is_followed() -> None:
    with FakeServer() as fake:
        elsewhere = b"-MOVED 3 127.0.0.1:%d\r\n" % fake.port
        line = b"%040d 127.0.0.1:%d@1 myself,master - 0 0 1 connected 0-16383\n" % (7, fake.port)
        fake.answers[b"cluster"] = bulk(line)
        fake.answers[b"get"] = elsewhere

        def settle(number: int) -> None:
            if number > 60:
                fake.answers[b"get"] = b"$-1\r\n"

        fake.before_reply = settle
        done = call(OURS, ["--cluster", "-q", "-p", str(fake.port), "-n", "400", "-t", "get"])
        assert (done.returncode, done.stderr) == (0, b"")
        assert sum(words[0] == b"GET" for words in fake.asked) == 400


# -- without servers -----------------------------------------------------------------


class Told:
    """A connection that answers CLUSTER NODES by a text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def call(self, *words: bytes) -> bytes:
        assert words == (b"CLUSTER", b"NODES")
        return self.text.encode()


TEXT = """\
aa 10.0.0.1:7000@17000,host master - 0 0 1 connected 0-2 5 [7->-bb]
bb :7001@17001 myself,master - 0 0 2 connected 3-4
cc 10.0.0.3:7002@17002 slave aa 0 0 1 connected
dd 10.0.0.4:7003@17003 slave,fail aa 0 0 1 disconnected
ee :0@0 master,noaddr - 0 0 1 disconnected
ff 10.0.0.6:7005@17005 master - 0 0 3 connected
gg ::1:7006@17006 slave bb 0 0 2 connected
"""


def test_nodes_are_read() -> None:
    nodes = nodes_of(Told(TEXT), "fallback")
    assert [(node.name, node.host, node.port) for node in nodes] == [
        ("aa", "10.0.0.1", 7000), ("bb", "fallback", 7001), ("cc", "10.0.0.3", 7002),
        ("ff", "10.0.0.6", 7005), ("gg", "::1", 7006),
    ]  # fmt: skip
    assert [(node.name, node.slots) for node in chosen(nodes, "no")] == [("aa", [0, 1, 2, 5]), ("bb", [3, 4])]
    assert [(node.name, node.slots) for node in chosen(nodes, "yes")] == [("cc", [0, 1, 2, 5]), ("gg", [3, 4])]
    assert [node.name for node in chosen(nodes, "all")] == ["aa", "bb", "cc", "gg"]


def test_nobody_to_ask() -> None:
    with pytest.raises(ClusterFailed):
        chosen(nodes_of(Told("aa 1.1.1.1:1@1 master - 0 0 1 connected\n"), ""), "no")
    with pytest.raises(ClusterFailed):
        nodes_of(Told("what is this"), "")


def test_tags_lead_to_their_slots(make_server) -> None:
    table = tags()
    assert len(table) == 16384
    server = make_server("redis70", cluster_enabled="yes")
    with server.connect() as connection:
        for slot in range(0, 16384, 257):
            assert connection.call("CLUSTER", "KEYSLOT", f"key:{{{table[slot].decode()}}}:1") == slot
