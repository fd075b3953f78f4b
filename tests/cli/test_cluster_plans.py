"""What `--cluster` works out before it touches a node."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redpoll.cli.cluster import atomic, nodes
from redpoll.cli.cluster.create import allocate, assign_replicas, improve, penalty, spread
from redpoll.cli.cluster.importing import key_slot
from redpoll.cli.cluster.node import SLOTS, ClusterFailed, Node, parse_address, read_node, runs
from redpoll.cli.cluster.rebalance import Share, level
from redpoll.cli.cluster.rebalance import plan_moves as plan_rebalance
from redpoll.cli.cluster.reshard import plan_moves as plan_reshard
from redpoll.cli.options import Options


def make_node(number: int, count: int = 0, host: str = "h") -> Node:
    node = Node(Options(), host, 7000 + number)
    node.id = f"{number:040d}"
    node.slots = set(range(number * 1000, number * 1000 + count))
    return node


@given(st.integers(1, 1000))
def test_all_slots_are_allocated_and_evenly(count: int) -> None:
    shares = allocate(count)
    assert [slot for share in shares for slot in share] == list(range(SLOTS))
    sizes = {len(share) for share in shares}
    assert max(sizes) - min(sizes) <= 1


@given(st.lists(st.integers(0, 900), min_size=1, max_size=8), st.integers(0, 2000))
def test_as_many_slots_move_as_were_asked_for(sizes: list[int], count: int) -> None:
    nodes = [make_node(number, size) for number, size in enumerate(sizes)]
    plan = plan_reshard(nodes, count)
    assert len(plan) == min(count, sum(sizes))
    assert len({slot for _, slot in plan}) == len(plan)
    assert all(slot in node.slots for node, slot in plan)
    if count <= sum(sizes):
        for node in nodes:
            share = count * len(node.slots) / sum(sizes) if sum(sizes) else 0
            taken = sum(owner is node for owner, _ in plan)
            assert abs(taken - share) <= len(nodes)


@given(st.lists(st.tuples(st.integers(0, 900), st.floats(0, 5)), min_size=2, max_size=8))
def test_rebalancing_ends_in_balance(nodes: list[tuple[int, float]]) -> None:
    total = sum(weight for _, weight in nodes)
    shares = [Share(make_node(number, size), weight, total) for number, (size, weight) in enumerate(nodes)]
    # As if these were all slots that there are.
    slots = sum(size for size, _ in nodes)
    for share in shares:
        share.expected = int(share.weight / total * slots) if total else 0
        share.balance = len(share.node.slots) - share.expected
    level(shares)
    shares.sort(key=lambda share: share.balance)
    for source, target, moved in plan_rebalance(shares):
        assert source.slots.issuperset(moved)
        source.slots.difference_update(moved)
        target.slots.update(moved)
    assert sum(len(share.node.slots) for share in shares) == slots
    if any(share.weight > 0 and share.balance <= 0 for share in shares):
        assert all(len(share.node.slots) >= share.expected for share in shares)


def test_thresholds() -> None:
    share = Share(make_node(0, 100), 101 / SLOTS, 1.0)
    assert (share.expected, share.balance) == (101, -1)
    assert share.is_over(0.5)
    assert not share.is_over(1.5)
    assert not share.is_over(0)
    assert Share(make_node(0), 2 / SLOTS, 1.0).is_over(2)
    assert not Share(make_node(0), 1 / SLOTS, 1.0).is_over(2)
    assert Share(make_node(0, 5), 1.0, 0.0).expected == 0


@given(st.lists(st.sampled_from("abcde"), min_size=3, max_size=10), st.integers(0, 3), st.integers())
@settings(max_examples=40)
def test_every_primary_has_its_replicas(hosts: list[str], replicas: int, seed: int) -> None:
    nodes = [make_node(number, host=host) for number, host in enumerate(hosts)]
    count = max(1, len(nodes) // (replicas + 1))
    primaries, rest = spread(nodes, count)
    assert sorted(node.id for node in primaries + rest) == [node.id for node in nodes]
    assign_replicas(primaries, rest, replicas)
    assert all(not node.is_replica for node in primaries)
    followed = [node.primary_id for node in rest if node.is_replica]
    if replicas:
        assert len(followed) == len(rest)
        counts = [followed.count(primary.id) for primary in primaries]
        assert min(counts) >= min(replicas, len(rest) // count)
    before = penalty(nodes)
    improve(nodes, random.Random(seed))
    assert penalty(nodes) <= before
    assert sorted(node.primary_id for node in rest if node.is_replica) == sorted(followed)


def test_replicas_leave_their_primarys_host() -> None:
    nodes = [make_node(number, host="ab"[number // 2]) for number in range(4)]
    nodes[2].primary_id, nodes[3].primary_id = nodes[0].id, nodes[1].id
    assert penalty(nodes) == 0
    nodes[1].primary_id, nodes[2].primary_id, nodes[3].primary_id = nodes[0].id, nodes[0].id, ""
    nodes[3].primary_id = nodes[2].id
    assert penalty(nodes) == 20000


@given(st.sets(st.integers(0, SLOTS - 1), max_size=60))
def test_runs_are_of_all_slots(slots: set[int]) -> None:
    found = runs(slots)
    assert {slot for first, last in found for slot in range(first, last + 1)} == slots
    assert all(one[1] + 1 < other[0] for one, other in itertools.pairwise(found))


@pytest.mark.parametrize(
    ("key", "slot"),
    [
        (b"", 0),
        (b"123456789", 0x31C3),
        (b"{123456789}x", 0x31C3),
        (b"x{123456789}{y}", 0x31C3),
        (b"foo", 12182),
        (b"foo{}{bar}", 8363),
        (b"foo{{bar}}zap", 4015),
        (b"foo{bar}{zap}", 5061),
    ],
)
def test_slots_of_keys(key: bytes, slot: int) -> None:
    assert key_slot(key) == slot


def test_lines_of_nodes() -> None:
    line = f"{'a' * 40} ::1:7000@17001,name myself,master - 0 9 12 connected 0-2 5 [6->-{'b' * 40}] [7-<-{'c' * 40}]"
    node = read_node(Options(), line)
    assert (node.host, node.port, node.bus_port, node.own_bus_port) == ("::1", 7000, 17001, 17001)
    assert (node.flags, node.primary_id, node.epoch) == (["myself", "master"], "", 12)
    assert (node.slots, node.migrating, node.importing) == ({0, 1, 2, 5}, {6: "b" * 40}, {7: "c" * 40})
    assert node.describe(2) == f"  M: {'a' * 40} ::1:7000\n     slots:[0-2],[5] (4 slots) master\n"
    with pytest.raises(ClusterFailed, match="invalid CLUSTER NODES reply"):
        read_node(Options(), "a b c")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("h:1", ("h", 1, 0)),
        ("h:1@2", ("h", 1, 2)),
        ("::1:7000", ("::1", 7000, 0)),
        ("h", None),
        ("h:", None),
        ("h:x", None),
        (":1", None),
    ],
)
def test_addresses(text: str, place: tuple[str, int, int] | None) -> None:
    assert parse_address(text) == place


class Onlooker(Node):
    """A node that sees the others as it was told to, and one configuration after the other."""

    def __init__(self, number: int, lines: list[str], configurations: list[str]) -> None:
        super().__init__(Options(), "h", 7000 + number)
        self._lines, self._configurations = lines, configurations

    def seen(self) -> list[Node]:
        return [read_node(self.options, line) for line in self._lines]

    def configuration(self) -> str:
        return self._configurations.pop(0) if len(self._configurations) > 1 else self._configurations[0]


def test_who_is_not_reached_is_told(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    monkeypatch.setenv("TERM", "dumb")
    now = iter(range(0, 1000, 15))
    monkeypatch.setattr(nodes.time, "monotonic", lambda: float(next(now)))
    monkeypatch.setattr(nodes.time, "sleep", lambda _: None)
    far = f"{'a' * 40} far:7005@17005 handshake - 0 0 0 disconnected"
    away = f"{'b' * 40} away:7006 master - 0 0 0 disconnected"
    near = f"{'c' * 40} near:7007@17007 master - 0 0 0 connected"
    one = Onlooker(0, [far, near], ["x"] * 3 + ["y"])
    nodes.wait_for_agreement([one, Onlooker(1, [far, away, near], ["y"])])
    assert capfdbinary.readouterr().out.decode() == (
        "Waiting for the cluster to join\n..\n"
        "Warning: 2 node(s) may be unreachable\n"
        " - The port 17005 of node far:7005 may be unreachable from:\n   h:7000\n   h:7001\n"
        " - Node away:7006 may be unreachable from:\n   h:7001\n"
        "Cluster bus ports must be reachable by every node.\n"
        "Remember that cluster bus ports are different from standard instance ports.\n.\n"
    )


# -- Redis 8.4's own way of moving slots ---------------------------------------------


class Actor(Node):
    """A node that answers as it was told to, one reply a command."""

    def __init__(self, number: int, *replies: Any, version: str = "8.4.0") -> None:
        super().__init__(Options(), "h", 7000 + number)
        self.id, self.version = f"id{number}", version
        self.replies, self.asked = list(replies), []  # type: tuple[list, list]

    def info(self) -> dict[str, str]:
        return {"redis_version": self.version}

    def must(self, *words: Any) -> Any:
        self.asked.append(words)
        return self.replies.pop(0)


def status(state: bytes, reason: bytes = b"") -> list:
    return [[b"id", b"7", b"state", state, b"last_error", reason]]


def test_slots_move_at_one_stroke_where_servers_can(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    source = Actor(0, status(b"wait-trim"), status(b"completed"))
    target = Actor(1, b"7", status(b"connecting"), status(b"completed"), status(b"completed"))
    source.slots = {1, 2, 3, 5}
    atomic.move_ranges(Options(), source, target, [1, 2, 5])
    assert target.asked[0] == ("CLUSTER", "MIGRATION", "IMPORT", 1, 2, 5, 5)
    assert {words[1:] for words in target.asked[1:] + source.asked} == {("MIGRATION", "STATUS", "ID", "7")}
    assert (source.slots, target.slots) == ({3}, {1, 2, 5})
    assert capfdbinary.readouterr().out == b"Moving slots 1-2,5-5 from h:7000 to h:7001: \n"


def test_a_move_that_the_servers_give_up() -> None:
    target = Actor(1, b"7", status(b"failed", b"no memory"))
    with pytest.raises(ClusterFailed, match=r"^Atomic slot migration failed: no memory$"):
        atomic.move_ranges(Options(), Actor(0), target, [1])


def test_all_servers_have_to_be_able_to() -> None:
    class _Cluster:
        options = Options()
        nodes = [Actor(0), Actor(1, version="8.10.1")]  # noqa: RUF012

    assert atomic.is_wanted(_Cluster())  # type: ignore[arg-type]
    _Cluster.nodes.append(Actor(2, version="8.2.9"))
    assert not atomic.is_wanted(_Cluster())  # type: ignore[arg-type]
