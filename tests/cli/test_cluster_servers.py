"""`--cluster` with newer servers than `redis-cli` of this machine is from; and with nodes that are gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.clusters import OURS, THREE, Nodes, Output, wait_until
from tests.conftest import missing
from tests.peers import PeerMissing

COUNT = 5
B_SLOT = 3300


def start(name: str, **options: str | int) -> Nodes:
    try:
        return Nodes(name, COUNT, **options)
    except PeerMissing as problem:
        missing(problem)
    raise AssertionError("unreachable")


@pytest.fixture(scope="module", params=["redis82", "valkey91"])
def nodes(request: pytest.FixtureRequest) -> Iterator[Nodes]:
    some = start(request.param)
    yield some
    some.stop()


@pytest.fixture
def valkeys() -> Iterator[Nodes]:
    some = start("valkey91", cluster_databases=4)
    yield some
    some.stop()


def run(nodes: Nodes, *words: str, typed: str = "") -> Output:
    return nodes.run(OURS, ("--cluster", *words), typed, {"TERM": "dumb"})


def agreed(nodes: Nodes, *members: int) -> None:
    wait_until(lambda: nodes.agree(list(members)), "agreement")


def test_from_nothing_to_nothing(nodes: Nodes) -> None:
    """A cluster is made, grows, moves slots, and shrinks again."""
    nodes.reset()
    done = run(nodes, "create", "{0}", "{1}", "{2}", "--cluster-yes")
    assert done.code == 0, done
    agreed(nodes, 0, 1, 2)
    for key in range(9):
        nodes.call(0, "SET", f"{{b}}{key}", key)
    assert run(nodes, "add-node", "{3}", "{0}").code == 0
    agreed(nodes, 0, 1, 2, 3)
    done = run(nodes, "add-node", "{4}", "{0}", "--cluster-slave", "--cluster-master-id", "{id3}")
    assert done.code == 0, done
    words = ("--cluster-from", "{id0}", "--cluster-to", "{id3}", "--cluster-slots", "2", "--cluster-yes")
    done = run(nodes, "reshard", "{1}", *words)
    assert done.code == 0, done
    assert nodes.slots(3) == "0-1"
    agreed(nodes, 0, 1, 2, 3, 4)
    words = ("--cluster-from", "{id3}", "--cluster-to", "{id0}", *words[4:])
    assert run(nodes, "reshard", "{1}", *words).code == 0
    agreed(nodes, 0, 1, 2, 3, 4)
    for number in (4, 3):
        done = run(nodes, "del-node", "{0}", f"{{id{number}}}")
        assert done.code == 0, done
    agreed(nodes, 0, 1, 2)
    assert run(nodes, "check", "{0}", "--cluster-search-multiple-owners").code == 0
    assert "[OK] 9 keys in 3 masters.\n" in run(nodes, "info", "{2}").text


def test_mending(nodes: Nodes) -> None:
    nodes.form(THREE, {})
    for key in range(5):
        nodes.call(0, "SET", f"{{b}}{key}", key)
    nodes.call(1, "CLUSTER", "SETSLOT", B_SLOT, "IMPORTING", nodes.id(0))
    nodes.call(0, "CLUSTER", "SETSLOT", B_SLOT, "MIGRATING", nodes.id(1))
    done = run(nodes, "fix", "{2}")
    assert done.code == 0, done
    assert "Moving slot 3300 from node0 to node1: .....\n" in done.text
    agreed(nodes, 0, 1, 2)
    assert [nodes.keys(number) for number in range(3)] == [0, 5, 0]
    for number in range(3):
        nodes.call(number, "CLUSTER", "DELSLOTS", B_SLOT)
    done = run(nodes, "fix", "{2}", typed="yes\n")
    assert done.code == 0, done
    assert ">>> Covering slot 3300 with node1\n" in done.text


def test_a_cluster_of_many_databases(valkeys: Nodes) -> None:
    valkeys.form(("3300-5460", "0-3299 5461-10922", "10923-16383"), {})
    for database in (0, 2):
        valkeys.call(0, "SELECT", database)
        for key in range(12):
            valkeys.call(0, "SET", f"{{b}}{key}", database)
    valkeys.call(0, "SELECT", 0)
    words = ("--cluster-from", "{id0}", "--cluster-to", "{id1}", "--cluster-slots", "1", "--cluster-yes")
    done = run(valkeys, "reshard", "{1}", *words)
    assert done.code == 0, done
    for database in (0, 2):
        valkeys.call(1, "SELECT", database)
        assert valkeys.call(1, "GET", "{b}1") == str(database).encode()
        assert valkeys.keys(1) == 12


def test_slots_move_at_one_stroke(valkeys: Nodes) -> None:
    valkeys.form(("3300-5460", "0-3299 5461-10922", "10923-16383"), {})
    for key in range(12):
        valkeys.call(0, "SET", f"{{b}}{key}", key)
    words = ("--cluster-to", "{id1}", "--cluster-yes", "--cluster-use-atomic-slot-migration")
    done = run(valkeys, "reshard", "{1}", "--cluster-from", "{id0}", "--cluster-slots", "3", *words)
    assert done.code == 0, done
    assert "Moving slots 3300-3302 from node0 to node1: \n" in done.text
    wait_until(lambda: valkeys.slots(1) == "0-3302 5461-10922", "the move")
    assert valkeys.keys(1) == 12
    agreed(valkeys, 0, 1, 2)
    weights = ("--cluster-weight", "{id0}=1", "{id1}=4", "{id2}=2.5316")
    done = run(
        valkeys, "rebalance", "{1}", *weights, "--cluster-use-atomic-slot-migration", "--cluster-threshold", "0.1"
    )
    assert done.code == 0, done
    assert len(valkeys.call(0, "CLUSTER", "GETSLOTMIGRATIONS")) >= 1
    agreed(valkeys, 0, 1, 2)


def test_a_primary_that_is_gone() -> None:
    some = start("redis70")
    try:
        some.form(THREE, {3: 0})
        for number in range(COUNT):
            some.call(number, "CONFIG", "SET", "cluster-node-timeout", 500)
        some.servers[2].process.kill()
        wait_until(lambda: any("fail" in line[2].split(",") for line in some.lines(0)), "the failure of a node")
        some.id = {number: f"{number}" * 40 for number in range(COUNT)}.get  # type: ignore[method-assign, assignment]
        done = run(some, "check", "{0}")
        assert done.code == 1
        assert "Could not connect to Redis at node2: Connection refused\n" in done.errors
        assert done.text.endswith("[ERR] Not all 16384 slots are covered by nodes.\n\n")
        done = run(some, "fix", "{0}", typed="yes\n")
        assert done.code == 1
        assert "*** Fixing slots coverage with 1 unreachable masters is dangerous: " in done.text
        assert run(some, "info", "{2}").code == 1
        done = run(some, "fix", "{0}", "--cluster-fix-with-unreachable-masters", typed="no\n")
        assert done.code == 1
        assert "The following uncovered slots have no keys across the cluster:\n[10923-16383]\n" in done.text
        assert "node2: Failed!" not in run(some, "call", "{0}", "PING").text
    finally:
        some.stop()
