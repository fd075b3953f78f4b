"""Streams: the same requests to Redpoll and to real servers, and entries and pending lists against a model."""

import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.peers import Server
from tests.property.test_strings import flat, words
from tests.resp import NULL_ARRAY, Connection, ErrorReply

SETTINGS = settings(max_examples=80)
KEYS = st.sampled_from(["s", "s", "t"])
GROUPS = st.sampled_from(["g", "h"])
CONSUMERS = st.sampled_from(["ann", "bob", "cid"])
IDS = st.one_of(
    st.tuples(st.integers(0, 9), st.integers(0, 3)).map(lambda parts: f"{parts[0]}-{parts[1]}"),
    st.integers(0, 9).map(str),
    st.sampled_from(["0", "-", "+", "x", "5-*", "18446744073709551615-18446744073709551615"]),
)
BOUNDS = st.one_of(st.sampled_from(["-", "+"]), IDS, IDS.map("({}".format))
COUNTS = st.sampled_from([(), (), ("COUNT", "0"), ("COUNT", "1"), ("COUNT", "3"), ("COUNT", "-1")])
TEXTS = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.sampled_from(["", "a", "127", "128", "-4096", "4095", "007", "1.5"]),
    st.integers(60, 70).map(lambda size: "x" * size),
    st.integers(4090, 4100).map(lambda size: "y" * size),
)
PAIRS = st.one_of(
    TEXTS.map(lambda text: ("a", text)),
    st.tuples(TEXTS, TEXTS).map(lambda both: ("a", both[0], "b", both[1])),
    st.lists(TEXTS, min_size=2, max_size=8).map(lambda some: tuple(some[: len(some) // 2 * 2])),
)
TRIMS = st.one_of(
    words("MAXLEN", st.sampled_from([(), ("=",), ("~",)]), st.sampled_from(["0", "1", "3", "-1"])),
    words("MINID", st.sampled_from([(), ("=",), ("~",)]), IDS),
)
REQUESTS = st.one_of(
    words("XADD", KEYS, IDS, PAIRS),
    words("XADD", KEYS, st.integers(10, 99).map(lambda ms: f"{ms}-1"), PAIRS),
    words("XADD", KEYS, TRIMS, IDS, PAIRS),
    words("XDEL", KEYS, st.lists(IDS, min_size=1, max_size=3)),
    words("XTRIM", KEYS, TRIMS),
    words("XRANGE", KEYS, BOUNDS, BOUNDS, COUNTS),
    words("XREVRANGE", KEYS, BOUNDS, BOUNDS, COUNTS),
    words("XREAD", COUNTS, "STREAMS", KEYS, IDS.filter(lambda word: word != "+")),
    words("XGROUP", "CREATE", KEYS, GROUPS, st.sampled_from(["0", "$", "3-1"]), st.sampled_from([(), ("MKSTREAM",)])),
    words("XGROUP", "SETID", KEYS, GROUPS, st.sampled_from(["0", "$", "3-1"])),
    words("XGROUP", "DESTROY", KEYS, GROUPS),
    words("XGROUP", st.sampled_from(["CREATECONSUMER", "DELCONSUMER"]), KEYS, GROUPS, CONSUMERS),
    words("XREADGROUP", "GROUP", GROUPS, CONSUMERS, COUNTS, "STREAMS", KEYS, st.one_of(st.just(">"), IDS)),
    words("XREADGROUP", "GROUP", GROUPS, CONSUMERS, "NOACK", "STREAMS", KEYS, ">"),
    words("XACK", KEYS, GROUPS, st.lists(IDS, min_size=1, max_size=3)),
    words("XCLAIM", KEYS, GROUPS, CONSUMERS, "0", st.lists(IDS, min_size=1, max_size=3),
          st.sampled_from([(), ("FORCE",), ("JUSTID",), ("RETRYCOUNT", "7", "FORCE", "JUSTID")])),
    words("XAUTOCLAIM", KEYS, GROUPS, CONSUMERS, "0", BOUNDS, st.sampled_from([(), ("COUNT", "1"), ("JUSTID",)])),
    words("XPENDING", KEYS, GROUPS),
    words("XSETID", KEYS, IDS),
    words("XLEN", KEYS),
    words("COPY", "s", "t", "REPLACE"),
    words("DEL", KEYS),
).map(flat)  # fmt: skip
LIMITS = st.sampled_from([("100", "4096"), ("1", "4096"), ("3", "4096"), ("0", "60"), ("0", "0")])


def limit(connection: Connection, limits: tuple[str, str]) -> None:
    assert connection.call("CONFIG", "SET", "stream-node-max-entries", limits[0]) == "OK"
    assert connection.call("CONFIG", "SET", "stream-node-max-bytes", limits[1]) == "OK"


def tells_otherwise(request: tuple, answer: Any, peer: Server) -> bool:
    """Whether versions of real servers differ among themselves here."""
    if peer.target.name != "redis70":
        return False
    return request[0] == "XSETID" or (isinstance(answer, ErrorReply) and request[0] in ("XADD", "XGROUP"))


@SETTINGS
@given(limits=LIMITS, requests=st.lists(REQUESTS, min_size=1, max_size=40))
def test_they_answer_as_real_servers(
    server: Server, peer_server: Server, limits: tuple[str, str], requests: list[tuple]
) -> None:
    with server.connect() as ours, peer_server.connect() as theirs:
        for connection in (ours, theirs):
            connection.call("FLUSHALL")
            limit(connection, limits)
        try:
            for request in requests:
                answers = ours.call(*request), theirs.call(*request)
                if not tells_otherwise(request, answers[1], peer_server):
                    assert answers[0] == answers[1], request
            for key in ("s", "t"):
                assert ours.call("XRANGE", key, "-", "+") == theirs.call("XRANGE", key, "-", "+")
                for group in ("g", "h"):
                    pending = [each.call("XPENDING", key, group, "-", "+", "100") for each in (ours, theirs)]
                    assert shown(pending[0]) == shown(pending[1])
        finally:
            for connection in (ours, theirs):
                limit(connection, ("100", "4096"))


def shown(pending: Any) -> Any:
    """Pending entries without the time that they were idle."""
    return pending if isinstance(pending, ErrorReply) else [[each[0], each[1], each[3]] for each in pending]


@pytest.mark.parametrize("entries_a_node", [1, 7, 100])
def test_large_streams_and_pending_lists(server: Server, entries_a_node: int) -> None:
    draw = random.Random(entries_a_node)
    with server.connect() as client:
        limit(client, (str(entries_a_node), "4096"))
        try:
            check_large(client, draw)
        finally:
            limit(client, ("100", "4096"))


def check_large(client: Connection, draw: random.Random) -> None:
    entries = {number: str(draw.choice([number, "x" * (number % 90)])) for number in range(1, 4001)}
    for number, text in entries.items():
        client.call("XADD", "s", f"{number}-{number % 3}", "n", text)

    def id_of(number: int) -> bytes:
        return b"%d-%d" % (number, number % 3)

    def whole(numbers: list[int]) -> list:
        return [[id_of(number), [b"n", entries[number].encode()]] for number in numbers]

    # Into the first group in order, into the second in any.
    client.call("XGROUP", "CREATE", "s", "g", "0")
    client.call("XGROUP", "CREATE", "s", "h", "0")
    pending: dict[str, dict[int, bytes]] = {"g": {}, "h": {}}
    numbers = list(entries)
    while len(pending["g"]) < len(entries):
        consumer = draw.choice([b"ann", b"bob"])
        [[_, given]] = client.call("XREADGROUP", "GROUP", "g", consumer, "COUNT", "97", "STREAMS", "s", ">")
        pending["g"] |= {int(each[0].partition(b"-")[0]): consumer for each in given}
    draw.shuffle(numbers)
    for start in range(0, len(numbers), 50):
        some, consumer = numbers[start : start + 50], draw.choice([b"ann", b"bob"])
        client.call("XCLAIM", "s", "h", consumer, "0", *map(id_of, some), "FORCE", "JUSTID")
        pending["h"] |= dict.fromkeys(some, consumer)

    def check() -> None:
        left = sorted(entries)
        assert client.call("XLEN", "s") == len(left)
        assert client.call("XRANGE", "s", "-", "+") == whole(left)
        assert client.call("XREVRANGE", "s", "+", "-") == whole(left)[::-1]
        low, high = sorted(draw.sample(range(4001), 2))
        between = [number for number in left if low <= number <= high]
        assert client.call("XRANGE", "s", str(low), str(high)) == whole(between)
        assert client.call("XREVRANGE", "s", str(high), str(low), "COUNT", "5") == whole(between)[::-1][:5]
        for group, owned in pending.items():
            listed = client.call("XPENDING", "s", group, "-", "+", "5000")
            assert [(each[0], each[1]) for each in listed] == [
                (id_of(number), owned[number]) for number in sorted(owned)
            ]
            for consumer in (b"ann", b"bob"):
                mine = [id_of(number) for number in sorted(owned) if owned[number] == consumer and number >= low]
                listed = client.call("XPENDING", "s", group, str(low), "+", "5000", consumer)
                assert [each[0] for each in listed] == mine

    check()
    for turn in range(6):
        gone = draw.sample(sorted(entries), len(entries) // 3)
        assert client.call("XDEL", "s", *map(id_of, gone)) == len(gone)
        for number in gone:
            del entries[number]
        for group, owned in pending.items():
            done = draw.sample(sorted(owned), len(owned) // 2)
            assert client.call("XACK", "s", group, *map(id_of, done)) == len(done)
            for number in done:
                del owned[number]
            # Some go from hand to hand.
            handed = [number for number in draw.sample(sorted(owned), len(owned) // 5) if number in entries]
            if handed:
                client.call("XCLAIM", "s", group, "bob", "0", *map(id_of, handed), "IDLE", str(turn * 1000), "JUSTID")
                owned |= dict.fromkeys(handed, b"bob")
        check()
    keep = sorted(entries)[len(entries) // 2]
    trimmed = [number for number in entries if number < keep]
    assert client.call("XTRIM", "s", "MINID", str(keep)) == len(trimmed)
    for number in trimmed:
        del entries[number]
    check()
    assert client.call("XGROUP", "DESTROY", "s", "g") == 1
    assert client.call("XGROUP", "DESTROY", "s", "h") == 1
    pending.clear()
    check()


def test_the_log_has_the_same_effect(make_server: Callable[..., Server]) -> None:
    first, second = make_server(appendonly="yes", stream_node_max_entries="3"), make_server()
    draw = random.Random(7)
    consumers, groups = ("ann", "bob", "cid"), ("g", "h")
    with first.connect() as client:
        client.call("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
        client.call("XGROUP", "CREATE", "s", "h", "$")
        for number in range(300):
            group, consumer = draw.choice(groups), draw.choice(consumers)
            one = [each[0] for each in client.call("XRANGE", "s", "-", "+", "COUNT", "4")[-1:]] or ["1-1"]
            for request in (
                ("XADD", "s", "*", "number", str(number)),
                ("XADD", "s", "IDMP", "p", str(number // 2), "*", "number", str(number)),
                ("XADD", "s", "MAXLEN", "~", "20", draw.choice(["KEEPREF", "DELREF", "ACKED"]), "*", "a", "b"),
                ("XREADGROUP", "GROUP", group, consumer, "COUNT", "2", "STREAMS", "s", ">"),
                ("XREADGROUP", "GROUP", group, consumer, "NOACK", "COUNT", "1", "STREAMS", "s", ">"),
                ("XREADGROUP", "GROUP", group, consumer, "COUNT", "2", "CLAIM", "0", "STREAMS", "s", ">"),
                ("XCLAIM", "s", group, consumer, "0", *one, "FORCE"),
                ("XNACK", "s", group, draw.choice(["SILENT", "FAIL", "FATAL"]), "IDS", "1", *one),
                ("XAUTOCLAIM", "s", group, consumer, "0", "-", "COUNT", "2"),
                ("XACK", "s", group, *one),
                ("XDEL", "s", *one),
                ("XTRIM", "s", "MINID", "~", *one),
                ("XGROUP", "DELCONSUMER", "s", group, consumer),
            ):
                if draw.random() < (0.5 if request[0] == "XADD" else 0.2):
                    assert not isinstance(client.call(*request), ErrorReply), request
        assert client.call("XADD", "end", "1-1", "a", "b") == b"1-1"
        for _ in range(100):
            [log] = first.folder.rglob("*.incr.aof")
            if b"$3\r\nend" in log.read_bytes():
                break
            time.sleep(0.02)
        with second.connect() as feeder, second.connect() as other:
            feeder.send_raw(log.read_bytes())
            while not other.call("EXISTS", "end"):
                time.sleep(0.01)
            assert other.call("XRANGE", "s", "-", "+") == client.call("XRANGE", "s", "-", "+")
            assert other.call("XINFO", "GROUPS", "s") == client.call("XINFO", "GROUPS", "s")
            for group in groups:
                pending = [each.call("XPENDING", "s", group, "-", "+", "9999") for each in (client, other)]
                assert shown(pending[0]) == shown(pending[1])
            assert other.call("XADD", "s", "IDMP", "p", "147", "*", "a", "b") == client.call(
                "XADD", "s", "IDMP", "p", "147", "*", "a", "b"
            )


@pytest.mark.parametrize(
    ("trim", "kept"),
    [
        (("MAXLEN", "0"), 0),
        (("MAXLEN", "1"), 1),
        (("MAXLEN", "10"), 10),
        (("MAXLEN", "100"), 100),
        (("MAXLEN", "249"), 249),
        (("MAXLEN", "600"), 600),
        (("MAXLEN", "~", "10", "LIMIT", "0"), 10),
        (("MINID", "991"), 10),
        (("MINID", "990-1"), 10),
        (("MINID", "1000-1"), 0),
        (("MINID", "0"), 1000),
    ],
)
def test_most_of_a_long_stream_is_trimmed(server: Server, trim: tuple[str, ...], kept: int) -> None:
    with server.connect() as client:
        client.call("FLUSHALL")
        client.call("CONFIG", "SET", "stream-node-max-entries", "3")
        try:
            for number in range(1, 1001):
                client.call("XADD", "s", f"{number}-0", "f", str(number))
        finally:
            client.call("CONFIG", "SET", "stream-node-max-entries", "100")
        full = client.call("MEMORY", "USAGE", "s")
        removed = client.call("XTRIM", "s", *trim)
        left = 1000 - removed
        assert kept <= left <= kept + ("~" in trim) * 2
        assert client.call("XLEN", "s") == left
        found = client.call("XRANGE", "s", "-", "+")
        assert [entry[0] for entry in found] == [b"%d-0" % number for number in range(1001 - left, 1001)]
        assert client.call("XREVRANGE", "s", "+", "-") == found[::-1]
        assert client.call("MEMORY", "USAGE", "s") <= full
        assert client.call("XADD", "s", "2000-0", "f", "v") == b"2000-0"
        assert client.call("XLEN", "s") == left + 1
        client.call("COPY", "s", "copy")
        assert client.call("XRANGE", "copy", "-", "+") == [*found, [b"2000-0", [b"f", b"v"]]]


def test_a_consumer_with_all_that_is_pending_is_deleted(server: Server) -> None:
    with server.connect() as client:
        client.call("FLUSHALL")
        client.call("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
        for number in range(1, 1001):
            client.call("XADD", "s", f"{number}-0", "f", "v")
        client.call("XGROUP", "CREATECONSUMER", "s", "g", "other")
        client.call("XREADGROUP", "GROUP", "g", "c", "COUNT", "900", "STREAMS", "s", ">")
        before = client.call("MEMORY", "USAGE", "s")
        assert client.call("XGROUP", "DELCONSUMER", "s", "g", "c") == 900
        assert client.call("XPENDING", "s", "g") in ([0, None, None, None], [0, None, None, NULL_ARRAY])
        assert client.call("MEMORY", "USAGE", "s") < before
        client.call("XREADGROUP", "GROUP", "g", "other", "COUNT", "400", "STREAMS", "s", ">")
        assert client.call("XPENDING", "s", "g")[:3] == [100, b"901-0", b"1000-0"]
        assert client.call("XGROUP", "DELCONSUMER", "s", "g", "other") == 100
        assert client.call("XGROUP", "DESTROY", "s", "g") == 1


def test_what_a_deleted_consumer_had_is_gone_at_once(server: Server, peer_server: Server) -> None:
    # Its records are freed in slices between commands, and within a transaction not at all.
    requests = [
        ("XGROUP", "DELCONSUMER", "s", "g", "ann"),
        ("XPENDING", "s", "g"),
        ("XPENDING", "s", "g", "-", "+", "1000", "ann"),
        ("XPENDING", "s", "g", "100", "+", "3", "bob"),
        ("XACK", "s", "g", "1", "11", "399"),
        ("XCLAIM", "s", "g", "cid", "0", "2", "12", "JUSTID"),
        ("XCLAIM", "s", "g", "cid", "0", "3", "13", "FORCE", "JUSTID"),
        ("XPENDING", "s", "g"),
        ("XDEL", "s", "4", "14", "15"),
        ("XAUTOCLAIM", "s", "g", "cid", "0", "4", "COUNT", "4", "JUSTID"),
        ("XGROUP", "SETID", "s", "g", "7"),
        ("XREADGROUP", "GROUP", "g", "ann", "COUNT", "6", "STREAMS", "s", ">"),
        ("XREADGROUP", "GROUP", "g", "ann", "COUNT", "6", "STREAMS", "s", "0"),
        ("XPENDING", "s", "g"),
        ("COPY", "s", "t"),
        ("XPENDING", "t", "g"),
        ("XACK", "t", "g", "21", "31"),
        ("XGROUP", "DELCONSUMER", "s", "g", "ann"),
        ("XGROUP", "DELCONSUMER", "s", "g", "cid"),
        ("XGROUP", "DELCONSUMER", "s", "g", "bob"),
        ("XPENDING", "s", "g"),
        ("XGROUP", "DESTROY", "t", "g"),
        ("DEL", "t"),
    ]
    answers: list[Any] = []
    for each in (server, peer_server):
        with each.connect() as client:
            client.call("FLUSHALL")
            client.call("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
            for number in range(1, 421):
                client.call("XADD", "s", f"{number}-0", "f", "v")
            for number in range(42):
                consumer = "bob" if number % 5 == 4 else "ann"
                client.call("XREADGROUP", "GROUP", "g", consumer, "COUNT", "10", "STREAMS", "s", ">")
            client.call("MULTI")
            for request in requests:
                client.call(*request)
            told = client.call("EXEC")
            assert client.call("XPENDING", "s", "g")[0] == 0
            assert client.call("XGROUP", "DESTROY", "s", "g") == 1
            told[3] = shown(told[3])
            answers.append(told)
    for request, ours, theirs in zip(requests, *answers, strict=True):
        assert ours == theirs, request


def test_a_stream_without_what_is_still_to_be_freed(server: Server) -> None:
    with server.connect() as client:
        client.call("FLUSHALL")
        client.call("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
        for number in range(1, 301):
            client.call("XADD", "s", f"{number}-0", "f", "v")
        client.call("XREADGROUP", "GROUP", "g", "ann", "COUNT", "200", "STREAMS", "s", ">")
        client.call("XREADGROUP", "GROUP", "g", "bob", "COUNT", "100", "STREAMS", "s", ">")
        client.call("MULTI")
        client.call("XGROUP", "DELCONSUMER", "s", "g", "ann")
        client.call("DUMP", "s")
        client.call("XINFO", "STREAM", "s", "FULL", "COUNT", "1")
        client.call("XREADGROUP", "GROUP", "g", "cid", "COUNT", "2", "CLAIM", "0", "STREAMS", "s", ">")
        client.call("DEL", "s")
        _, payload, described, claimed, _ = client.call("EXEC")
        assert client.call("RESTORE", "t", "0", payload) == "OK"
        assert client.call("XPENDING", "t", "g") == [100, b"201-0", b"300-0", [[b"bob", b"100"]]]
        assert [each[0] for each in claimed[0][1]] == [b"201-0", b"202-0"]
        [group] = described[described.index(b"groups") + 1]
        assert group[group.index(b"pel-count") + 1] == 100
        assert [each[0] for each in group[group.index(b"pending") + 1]] == [b"201-0"]
