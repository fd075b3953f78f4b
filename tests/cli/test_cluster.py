"""`--cluster` does to a cluster what `redis-cli --cluster` does, and prints the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from redpoll.persistence import check_rdb
from tests import peers
from tests.cli.clusters import THREE, Nodes, Pair, wait_until
from tests.conftest import missing
from tests.peers import PeerMissing

# Tags and their slots, one on each node of `THREE`.
B_SLOT, C_SLOT, A_SLOT = 3300, 7365, 15495
TAGS = {"b": (0, 12), "c": (1, 3), "a": (2, 5)}
OPEN = ("3300-5460", "0-3299 5461-10922", "10923-16383")  # node 0's first slot is {b}'s
COUNT = 7


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    try:
        both = Pair("redis70", COUNT)
    except PeerMissing as problem:
        missing(problem)
    yield both
    both.stop()


def fill(nodes: Nodes) -> None:
    """Set keys on every node of `THREE`, and on its replicas."""
    for tag, (number, count) in TAGS.items():
        for key in range(count):
            nodes.call(number, "SET", f"{{{tag}}}{key}", f"value {key}")
    for number in {number for number, _ in TAGS.values()}:
        nodes.wait_for_replicas(number)


def sneak(nodes: Nodes, number: int, owner: int, slot: int, *pairs: tuple[str, str]) -> None:
    """Set keys on a node that does not own their slot, as a broken move leaves them."""
    nodes.call(number, "CLUSTER", "SETSLOT", slot, "IMPORTING", nodes.id(owner))
    for key, value in pairs:
        nodes.call(number, "ASKING")
        nodes.call(number, "SET", key, value)
    nodes.call(number, "CLUSTER", "SETSLOT", slot, "STABLE")


def open_slot(nodes: Nodes, slot: int, migrating: dict[int, int], importing: dict[int, int]) -> None:
    """Say on nodes to whom a slot is going, and whom it comes from."""
    for number, other in importing.items():
        nodes.call(number, "CLUSTER", "SETSLOT", slot, "IMPORTING", nodes.id(other))
    for number, other in migrating.items():
        nodes.call(number, "CLUSTER", "SETSLOT", slot, "MIGRATING", nodes.id(other))


def settle(pair: Pair, *members: int) -> None:
    """Wait until nodes agree."""
    pair.each(lambda nodes: wait_until(lambda: nodes.agree(list(members)), "agreement"))


# -- the command line --------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense", "{0}"),
        ("info",),
        ("create",),
        ("info", "nowhere"),
        ("info", "127.0.0.1", "abc"),
        ("info", "127.0.0.1:1"),
        ("check", "127.0.0.1", "1"),
        ("call", "{0}"),
        ("call", "nowhere", "PING"),
        ("del-node", "{0}"),
        ("del-node", "nowhere", "123"),
        ("add-node", "{0}"),
        ("add-node", "{0}", "nowhere"),
        ("add-node", "nowhere", "{0}"),
        ("set-timeout", "{0}"),
        ("set-timeout", "{0}", "50"),
        ("set-timeout", "nowhere", "50"),
        ("set-timeout", "nowhere", "5000"),
        ("import", "{0}"),
        ("import", "{0}", "--cluster-from", "nowhere"),
        ("backup", "{0}"),
        ("create", "{0}", "nowhere"),
        ("create", "{0}", "127.0.0.1:1"),
        ("create", "{0}", "{1}"),
        ("create", "{0}", "{1}", "{2}", "--cluster-replicas", "1"),
    ],
    ids=" ".join,
)
def test_what_goes_wrong_at_once(pair: Pair, words: tuple[str, ...]) -> None:
    if words[0] == "create":
        pair.each(Nodes.reset)
    assert pair.same(*words).code == 1


def test_help(pair: Pair) -> None:
    ours = pair.run("help")
    theirs = pair.theirs.run(pair.their_client, ("--cluster", "help"), "", {})
    assert ours.code == theirs.code == 1
    new = re.compile(r" +--cluster-use-atomic-slot-migration\n")
    assert new.sub("", ours.text) == theirs.text
    assert len(new.findall(ours.text)) == 2


# -- looking -----------------------------------------------------------------------


def test_check_and_info(pair: Pair) -> None:
    pair.form(*THREE, replicas={3: 0, 4: 1})
    pair.each(fill)
    pair.same("info", "{1}")
    assert pair.same("check", "{0}").code == 0
    pair.same("check", "127.0.0.1", "{port4}")
    pair.same("check", "{0}", TERM="xterm-256color")
    pair.same("info", "{6}")


def test_calls(pair: Pair) -> None:
    pair.form(*THREE, replicas={3: 0, 4: 1})
    pair.each(fill)
    pair.same("call", "{0}", "DBSIZE")
    pair.same("call", "{0}", "GET", "{b}1")
    pair.same("call", "{0}", "GET", "{b}1", "--cluster-only-masters")
    pair.same("call", "{0}", "LRANGE", "{b}1", "0", "1", "--cluster-only-replicas")


def test_what_is_wrong_is_told(pair: Pair) -> None:
    pair.form("0-5460", "5461-10922", "10923-16382", replicas={3: 0})
    pair.each(lambda nodes: open_slot(nodes, B_SLOT, {0: 1}, {1: 0}))
    assert pair.same("check", "{0}").code == 1
    for words in (("rebalance", "{0}"), ("reshard", "{0}"), ("add-node", "{4}", "{0}")):
        assert pair.same(*words).code == 1
    assert pair.same("import", "{0}", "--cluster-from", "{4}").code == 1


def test_the_timeout_of_all_nodes(pair: Pair, tmp_path: Path) -> None:
    pair.form()
    # Started without a file, they have none to write it into.
    assert pair.same("set-timeout", "{0}", "3000").code == 0


# -- making ------------------------------------------------------------------------


def test_creating_a_cluster(pair: Pair) -> None:
    pair.each(Nodes.reset)
    here = [f"127.0.0.1:{{port{number}}}" for number in range(3)]
    there = [f"localhost:{{port{number}}}" for number in range(3, 6)]
    assert pair.same("create", *here, *there, "--cluster-replicas", "1", typed="yes\n").code == 0
    settle(pair, *range(6))
    assert pair.same("check", "{0}").code == 0
    assert pair.same("create", "{0}", "{1}", "{2}").code == 1


def test_primaries_without_replicas(pair: Pair) -> None:
    pair.each(Nodes.reset)
    assert pair.same("create", "{0}", "{1}", "{2}", "{3}", "{4}", typed="no\n").code == 0
    assert pair.ours.slots(0) == ""
    assert pair.same("create", "{0}", "{1}", "{2}", "{3}", "{4}", REDISCLI_CLUSTER_YES="1").code == 0


def test_a_replica_that_is_over(pair: Pair) -> None:
    pair.each(Nodes.reset)
    addresses = [f"{{{number}}}" for number in range(COUNT)]
    done = pair.run("create", *addresses, "--cluster-replicas", "1", typed="yes\n")
    assert done.code == 0, done
    assert "Adding extra replicas...\nAdding replica node3 to node0\n" in done.text
    assert "[WARNING] Some slaves are in the same host as their master\n" in done.text
    assert done.text.endswith("[OK] All 16384 slots covered.\n")


# -- joining and leaving -----------------------------------------------------------


def test_nodes_join_and_leave(pair: Pair) -> None:
    pair.form()
    pair.each(
        lambda nodes: nodes.call(0, "FUNCTION", "LOAD", "#!lua name=one\nredis.register_function('f', function() end)")
    )
    pair.each(
        lambda nodes: nodes.call(4, "FUNCTION", "LOAD", "#!lua name=two\nredis.register_function('g', function() end)")
    )
    assert pair.same("add-node", "{3}", "{0}").code == 0
    settle(pair, 0, 1, 2, 3)
    assert pair.ours.call(3, "FUNCTION", "DUMP") == pair.ours.call(0, "FUNCTION", "DUMP")
    assert pair.same("add-node", "{4}", "{0}").code == 1  # it has functions
    assert pair.same("add-node", "{0}", "{1}").code == 1  # it has others
    assert pair.same("add-node", "127.0.0.1:1", "{1}").code == 1
    assert pair.same("add-node", "{5}", "{1}", "--cluster-slave", "--cluster-master-id", "nobody").code == 1
    assert pair.same("add-node", "{5}", "{1}", "--cluster-slave", "--cluster-master-id", "{id3}").code == 0
    settle(pair, 0, 1, 2, 3, 5)
    assert pair.ours.lines(5)
    assert pair.same("del-node", "{0}", "{id1}").code == 1  # it has slots
    assert pair.same("del-node", "{0}", "1234").code == 1
    assert pair.same("del-node", "{0}", "{id5}").code == 0
    assert pair.same("del-node", "{0}", "{id3}").code == 0
    settle(pair, 0, 1, 2)


def test_replicas_of_who_leaves_follow_others(pair: Pair) -> None:
    pair.form("0-5460", "5461-10922", "10923-16383", "", replicas={4: 0, 5: 1, 6: 3})
    done = pair.same("del-node", "{0}", "{id3}")
    assert done.code == 0
    assert ">>> node6 as replica of node2\n" in done.text


def test_a_replica_for_whom_has_fewest(pair: Pair) -> None:
    pair.form(*THREE, replicas={3: 0, 4: 1})
    assert "Automatically selected master node2\n" in pair.same("add-node", "{5}", "{0}", "--cluster-slave").text


# -- moving slots ------------------------------------------------------------------


def test_resharding(pair: Pair) -> None:
    pair.form(*OPEN)
    pair.each(fill)
    words = ("reshard", "{0}", "--cluster-from", "{id0}", "--cluster-to", "{id1}", "--cluster-slots", "2")
    assert pair.same(*words, typed="no\n").code == 1
    assert pair.same(*words, "--cluster-pipeline", "5", typed="yes\n").code == 0
    assert pair.each(lambda nodes: (nodes.slots(1), nodes.keys(1))) == ("0-3301 5461-10922", 15)
    assert pair.same(*words[:3], "{id1},{id2}", *words[4:5], "{id0}", *words[6:7], "4", "--cluster-yes").code == 0
    assert pair.same(*words[:3], "{id1},{id0}", *words[4:5], "{id0}", *words[6:7], "1", "--cluster-yes").code == 0
    assert pair.same(*words[:3], "{id1},all", *words[4:5], "{id0}", *words[6:7], "3", "--cluster-yes").code == 0
    settle(pair, 0, 1, 2)
    assert pair.same("check", "{0}").code == 0


@pytest.mark.parametrize(
    ("sources", "target", "count", "typed"),
    [
        ("abc", "{id0}", "4", ""),
        ("{id1},abc", "{id0}", "4", ""),
        ("{id0}", "{id0}", "4", ""),
        ("{id1}", "abc", "4", ""),
        ("{id1}", "{id3}", "4", ""),
        ("{id1}", "{id0}", "20000", "no\n"),
        ("{id1}", "{id0}", "-3", "no\n"),
        ("", "{id0}", "4", "done\n"),
        ("", "{id0}", "4", "abc\n"),
    ],
)
def test_resharding_in_vain(pair: Pair, sources: str, target: str, count: str, typed: str) -> None:
    pair.form(*THREE, replicas={3: 0, 4: 1})
    words = ["reshard", "{0}", "--cluster-to", target, "--cluster-slots", count]
    assert pair.same(*words, *(["--cluster-from", sources] if sources else []), typed=typed).code == 1


def test_resharding_by_answers(pair: Pair) -> None:
    pair.form(*OPEN)
    answers = "lots\n3\n{id1}\n{id0}\nall\nyes\n"
    done = pair.run("reshard", "{0}", typed=answers)
    assert done.code == 0, done
    question = "How many slots do you want to move (from 1 to 16384)? "
    assert f"{question * 2}What is the receiving node ID? Please enter all the source node IDs.\n" in done.text
    assert "Source node #1: Source node #2: \nReady to move 3 slots.\n" in done.text
    assert pair.ours.slots(1) == "0-3299 5461-10925"
    # The other client asks for ever where nobody answers.
    assert pair.run("reshard", "{0}").code == 1


def test_keys_that_are_there_already(pair: Pair) -> None:
    words = ("--cluster-from", "{id0}", "--cluster-to", "{id1}", "--cluster-slots", "1", "--cluster-yes")
    pair.form(*OPEN)
    pair.each(fill)
    pair.each(lambda nodes: sneak(nodes, 1, 0, B_SLOT, ("{b}1", "another value")))
    done = pair.same("reshard", "{0}", *words)
    assert done.code == 1
    assert "    - {b}1\nPlease fix the above key(s) manually" in done.text
    assert pair.same("reshard", "{0}", *words, "--cluster-replace").code == 1  # the slot is open now
    pair.form(*OPEN)
    pair.each(fill)
    pair.each(lambda nodes: sneak(nodes, 1, 0, B_SLOT, ("{b}1", "another value")))
    assert pair.same("reshard", "{0}", *words, "--cluster-replace").code == 0
    assert pair.each(lambda nodes: nodes.call(1, "GET", "{b}1")) == b"value 1"
    pair.form(*OPEN)
    pair.each(fill)
    pair.each(lambda nodes: sneak(nodes, 1, 0, B_SLOT, ("{b}1", "value 1")))  # the same value: no need to ask
    assert pair.same("reshard", "{0}", *words).code == 0


def test_resharding_under_a_password(pair: Pair) -> None:
    pair.form(*OPEN)
    pair.each(fill)

    def protect(nodes: Nodes, password: str) -> None:
        for number in range(COUNT):
            nodes.call(number, "CONFIG", "SET", "requirepass", password)

    words = ("reshard", "{0}", "--cluster-from", "{id0}", "--cluster-to", "{id1}", "--cluster-slots", "1")
    pair.each(lambda nodes: protect(nodes, "pw"))
    try:
        assert pair.same("info", "{0}").code == 1
        assert pair.same("info", "{0}", before=("-a", "wrong")).code == 1
        assert pair.same(*words, "--cluster-yes", before=("-a", "pw", "--no-auth-warning")).code == 0
        assert pair.same("check", "{0}", before=("--user", "default"), REDISCLI_AUTH="pw").code == 0
    finally:
        pair.each(lambda nodes: protect(nodes, ""))


def test_rebalancing(pair: Pair) -> None:
    pair.form("0-5463", "5464-10923", "10924-16381", "16382-16383")
    pair.each(fill)
    assert pair.same("rebalance", "{0}", "--cluster-simulate", before=("--verbose",)).code == 0
    weights = ("--cluster-weight", "{id3}=0.002")
    assert pair.same("rebalance", "{0}", *weights, "--cluster-pipeline", "3", before=("--verbose",)).code == 0
    settle(pair, 0, 1, 2, 3)
    assert pair.same("rebalance", "{0}", *weights, "--cluster-threshold", "99").code == 0
    assert pair.same("rebalance", "{0}", *weights, "--cluster-threshold", "0").code == 0
    assert pair.same("rebalance", "{0}", "--cluster-weight", "abc=3").code == 1
    assert pair.same("check", "{0}").code == 0


def test_nodes_without_slots(pair: Pair) -> None:
    pair.form("0-5464", "5465-10925", "10926-16383", "")
    weights = ("--cluster-weight", "{id3}=0.002")
    done = pair.same("rebalance", "{0}", *weights)
    assert "*** No rebalancing needed! All nodes are within the 2.00% threshold.\n" in done.text
    assert pair.same("rebalance", "{0}", *weights, "--cluster-use-empty-masters", "--cluster-threshold", "50").code == 0
    assert pair.each(lambda nodes: nodes.slots(3)) == "0-7 5465-5468 10926"


# -- mending -----------------------------------------------------------------------


def test_a_move_that_broke_off_is_finished(pair: Pair) -> None:
    pair.form(*THREE)
    pair.each(fill)
    pair.each(lambda nodes: open_slot(nodes, B_SLOT, {0: 1}, {1: 0}))
    assert ">>> Case 1: Moving slot 3300 from node0 to node1\n" in pair.same("fix", "{0}").text
    settle(pair, 0, 1, 2)
    assert pair.each(lambda nodes: nodes.keys(1)) == 15
    pair.each(lambda nodes: open_slot(nodes, B_SLOT, {1: 0}, {}))
    assert ">>> Case 4: Closing slot 3300 on node1\n" in pair.same("fix", "{0}").text
    pair.each(lambda nodes: open_slot(nodes, B_SLOT, {}, {2: 1}))
    assert ">>> Case 2: Moving all the 3300 slot keys to its owner node1\n" in pair.same("fix", "{0}").text
    assert pair.same("check", "{0}").code == 0


def test_more_than_one_imports(pair: Pair) -> None:
    pair.form(*THREE)
    pair.each(fill)
    pair.each(lambda nodes: open_slot(nodes, B_SLOT, {0: 2}, {1: 0, 2: 0}))
    assert ">>> Case 3: Moving slot 3300 from node0 to node2 and closing it" in pair.same("fix", "{1}").text
    settle(pair, 0, 1, 2)
    pair.form(*THREE, "", replicas={})
    pair.each(lambda nodes: open_slot(nodes, B_SLOT, {0: 3}, {1: 0, 2: 0}))
    assert ">>> Case 3: Closing slot 3300 on both migrating and importing nodes.\n" in pair.same("fix", "{1}").text
    assert pair.same("check", "{0}").code == 0


def test_keys_on_the_wrong_node_go_home(pair: Pair) -> None:
    pair.form(*THREE)
    pair.each(fill)
    pair.each(lambda nodes: sneak(nodes, 2, 0, B_SLOT, ("{b}1", "value 1"), ("{b}new", "1")))
    pair.each(lambda nodes: open_slot(nodes, B_SLOT, {}, {1: 0}))
    assert pair.same("fix", "{1}").code == 0
    settle(pair, 0, 1, 2)
    assert pair.each(lambda nodes: [nodes.keys(number) for number in range(3)]) == [13, 3, 5]
    # Values that differ are the user's to judge.
    pair.each(lambda nodes: sneak(nodes, 1, 0, B_SLOT, ("{b}1", "another value")))
    pair.each(lambda nodes: open_slot(nodes, B_SLOT, {0: 1}, {1: 0}))
    assert pair.same("fix", "{0}").code == 1
    assert pair.same("fix", "{0}", "--cluster-replace").code == 0
    assert pair.same("check", "{0}").code == 0


def test_slots_that_nobody_has(pair: Pair) -> None:
    pair.form("0-3299 3301-5460", "5461-10922", "10923-15494 15496-16381")
    assert pair.same("check", "{0}").code == 1
    assert pair.same("fix", "{0}", typed="no\n").code == 1
    assert pair.same("fix", "{0}", "--cluster-yes").code == 1  # this must be asked
    pair.form(*THREE)
    pair.each(fill)

    def forget(nodes: Nodes) -> None:
        for number in range(3):
            nodes.call(number, "CLUSTER", "DELSLOTS", B_SLOT, A_SLOT)

    pair.each(forget)
    assert pair.same("fix", "{0}", typed="yes\n").code == 0
    settle(pair, 0, 1, 2)
    assert pair.each(lambda nodes: [nodes.slots(number) for number in range(3)]) == list(THREE)


def test_slots_that_nobody_has_any_keys_of(pair: Pair) -> None:
    pair.form("0-5460", "5461-10922", "10923-16382")
    done = pair.run("fix", "{0}", typed="yes\n")
    assert done.code == 0
    assert re.search(r"accept\): >>> Covering slot 16383 with node[0-2]\n", done.text)


def test_slots_that_several_have(pair: Pair) -> None:
    pair.form(*THREE)
    pair.each(fill)
    pair.each(lambda nodes: sneak(nodes, 2, 0, B_SLOT, ("{b}new", "1")))
    words = ("{1}", "--cluster-search-multiple-owners")
    assert pair.same("check", *words).code == 1
    # The other client asks for the keys in a state in which they are not handed out.
    done = pair.run("fix", *words)
    assert done.code == 0, done
    assert "[WARNING] Slot 3300 has 2 owners:\n    node0\n    node2\n>>> Fixing multiple owners" in done.text
    settle(pair, 0, 1, 2)
    assert [pair.ours.keys(number) for number in range(3)] == [13, 3, 5]


# -- keys in, keys out -------------------------------------------------------------


def test_importing(pair: Pair) -> None:
    pair.form()
    with peers.running("redis70", requirepass="pw") as other, other.connect() as source:
        source.call("AUTH", "pw")
        for number in range(20):
            source.call("SET", f"key {number}", number)
        words = ("import", "{0}", "--cluster-from", f"127.0.0.1:{other.port}")
        assert pair.same("import", "{0}", "--cluster-from", "{5}").code == 1
        assert pair.same("import", "{0}", "--cluster-from", "127.0.0.1:1").code == 1
        assert pair.same(*words).code == 1
        assert pair.same(*words, "--cluster-from-pass", "wrong").code == 1
        assert pair.same(*words, "--cluster-from-user", "joe", "--cluster-from-pass", "wrong").code == 1
        password = ("--cluster-from-pass", "pw")
        assert pair.same(*words, *password, "--cluster-copy").code == 0
        assert source.call("DBSIZE") == 20
        assert pair.each(lambda nodes: sum(map(nodes.keys, range(3)))) == 20
        assert pair.run(*words, *password).code == 1
        askpass = ("--cluster-from-askpass", "--cluster-replace")
        assert pair.run(*words, *askpass, typed="pw\n").code == 0
        assert source.call("DBSIZE") == 0


def test_a_backup_can_be_read(pair: Pair, tmp_path: Path) -> None:
    pair.form(*THREE, replicas={3: 0})
    pair.each(fill)
    folders = {nodes: tmp_path / name for nodes, name in ((pair.ours, "ours"), (pair.theirs, "theirs"))}
    for nodes, folder in folders.items():
        folder.mkdir()
        nodes.names["{folder}"] = str(folder)
    assert pair.same("backup", "{0}", "{folder}").code == 0
    for nodes, folder in folders.items():
        keys = {}
        for number in range(3):
            path = folder / f"redis-node-127.0.0.1-{nodes.servers[number].port}-{nodes.id(number)}.rdb"
            report = check_rdb.check(str(path), 0)
            assert report.error is None
            keys[number] = report.keys
        assert keys == dict(TAGS.values())
    assert pair.same("backup", "{0}", "{folder}/nowhere").code == 1
    pair.each(lambda nodes: open_slot(nodes, B_SLOT, {0: 1}, {1: 0, 2: 0}))
    assert pair.same("backup", "{0}", "{folder}/").code == 0
    written = [read_backup(nodes, folder) for nodes, folder in folders.items()]
    assert written[0] == written[1]


def read_backup(nodes: Nodes, folder: Path) -> list[str]:
    """Return what a backup says of each node."""
    ids = [nodes.id(number) for number in range(COUNT)]
    text = (folder / "nodes.json").read_text()
    assert text.startswith("[\n  {\n")
    assert text.endswith("\n  }\n]")
    json.loads(text)
    return sorted(nodes.name(text[2:-6], ids).split("\n  },\n"))
