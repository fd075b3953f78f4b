"""`--cluster` where nodes speak TLS, with clients and with each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from redpoll.persistence import check_rdb
from tests import peers
from tests.cli.clusters import OURS, THREE, Nodes, Output, show, wait_until
from tests.conftest import missing
from tests.peers import PeerMissing
from tests.unit.server.test_tls import Files

COUNT = 4


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def nodes(files: Files) -> Iterator[Nodes]:
    """Redis 7.0's: the newer servers of packages were built without TLS."""
    try:
        some = Nodes(
            "redis70", COUNT, lambda: files.options(peers.free_port()), tls_cluster="yes", tls_replication="yes"
        )
    except PeerMissing as problem:
        missing(problem)
    yield some
    some.stop()


def secured(files: Files) -> tuple[str, ...]:
    folder = files.folder
    return ("--tls", "--cacert", f"{folder}/ca.crt", "--cert", f"{folder}/client.crt", "--key", f"{folder}/client.key")


def run(nodes: Nodes, files: Files, *words: str, client: list[str] = OURS) -> Output:
    return nodes.run(client, (*secured(files), "--cluster", *words), "", {"TERM": "dumb"})


def agreed(nodes: Nodes, *members: int) -> None:
    wait_until(lambda: nodes.agree(list(members)), "agreement")


def test_a_cluster_s_life(nodes: Nodes, files: Files, tmp_path: Path) -> None:
    nodes.reset()
    done = run(nodes, files, "create", "{0}", "{1}", "{2}", "--cluster-yes")
    assert done.code == 0, done
    agreed(nodes, 0, 1, 2)
    for key in range(9):
        nodes.call(0, "SET", f"{{b}}{key}", key)
    done = run(nodes, files, "add-node", "{3}", "{0}", "--cluster-slave", "--cluster-master-id", "{id0}")
    assert done.code == 0, done
    agreed(nodes, 0, 1, 2, 3)
    wait_until(lambda: nodes.keys(3) == 9, "replication")
    # {b} is in slot 3300: the first 3301 slots of the first node.
    words = ("--cluster-from", "{id0}", "--cluster-to", "{id1}", "--cluster-slots", "3301", "--cluster-yes")
    done = run(nodes, files, "reshard", "{2}", *words)
    assert done.code == 0, done
    agreed(nodes, 0, 1, 2, 3)
    assert [nodes.keys(number) for number in range(4)] == [0, 9, 0, 0]
    done = run(nodes, files, "backup", "{0}", str(tmp_path))
    assert done.code == 0, done
    assert len(json.loads((tmp_path / "nodes.json").read_text())) == 4
    assert sum(check_rdb.check(str(path), 0).keys for path in tmp_path.glob("*.rdb")) == 9
    assert run(nodes, files, "call", "{0}", "DBSIZE", "--cluster-only-masters").code == 0
    done = run(nodes, files, "del-node", "{0}", "{id3}")
    assert done.code == 0, done
    agreed(nodes, 0, 1, 2)


def test_what_is_said(nodes: Nodes, files: Files) -> None:
    nodes.form(THREE, {})
    try:
        theirs = [peers.find_tool("redis-cli")]
    except PeerMissing as problem:
        missing(problem)
    for words in (("check", "{0}"), ("info", "{1}"), ("call", "{0}", "PING"), ("fix", "{2}")):
        ours, other = run(nodes, files, *words), run(nodes, files, *words, client=theirs)
        assert show(ours) == show(other)
        assert ours.code == 0


def test_keys_of_a_server_outside(nodes: Nodes, files: Files) -> None:
    nodes.form(THREE, {})
    # It speaks TLS to those it sends keys to, as it does to nodes of its cluster, if it had one.
    with peers.running("redis70", **files.options(peers.free_port()), tls_cluster="yes") as source:
        with source.connect() as client:
            for key in range(20):
                client.call("SET", f"outside{key}", key)
        where = f"127.0.0.1:{source.options['tls-port']}"
        done = run(nodes, files, "import", "{0}", "--cluster-from", where, "--cluster-copy")
    assert done.code == 0, done
    assert sum(nodes.keys(number) for number in range(3)) == 20


def test_a_node_that_is_not_trusted(nodes: Nodes, files: Files, tmp_path: Path) -> None:
    other = Files(tmp_path)
    done = nodes.run(OURS, ("--tls", "--cacert", f"{other.folder}/ca.crt", "--cluster", "check", "{0}"), "", {})
    assert done.code == 1
    assert "Could not connect to Redis at node0" in done.text + done.errors
