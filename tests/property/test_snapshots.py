"""A file that is written while data change is of the moment when it was begun, whatever changes, in any encoding."""

import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redpoll.persistence.rdb_load import load
from redpoll.persistence.rdb_reader import RdbReader
from redpoll.persistence.saver import Saver

from redpoll.embedded import ReplyError, Store
from tests.log_files import commands_of

NOW = 2_000_000_000_000
FAR = 4_000_000_000_000
# Short and long ones, of which one is not worth compressing.
LONG_TEXTS = {20: b"t" * 20, 300: b"t" * 300, 1500: b"t" * 700_000, 4000: random.Random(1).randbytes(500_000)}
KEYS = ["hash", "timed", "words", "numbers", "scores", "list", "blobs", "packed", "stream", "array", "text"]

# What is done to a key of each kind, with two numbers drawn.
Change = Callable[[int, int], tuple[object, ...]]
CHANGES: dict[str, list[Change]] = {
    "hash": [
        lambda a, b: ("HSET", "hash", f"field{a}", f"new{b}"),
        lambda a, b: ("HSET", "hash", f"field{a}", f"{b % 10}{a}"),
        lambda a, b: ("HDEL", "hash", *[f"field{a + i}" for i in range(b % 40)], "none"),
        lambda a, b: ("HPEXPIREAT", "hash", FAR + b, "FIELDS", 1, f"field{a}"),
        lambda a, b: ("HSET", "hash", *[word for i in range(300) for word in (f"more{a}.{i}", b)]),
        lambda a, b: ("HINCRBY", "hash", f"count{a % 9}", b),
    ],
    "timed": [
        lambda a, b: ("HPEXPIREAT", "timed", FAR + b, "FIELDS", 1, f"field{a}"),
        lambda a, b: ("HPEXPIREAT", "timed", 1, "FIELDS", 1, f"field{a}"),
        lambda a, b: ("HPERSIST", "timed", "FIELDS", 2, f"field{a}", f"field{b}"),
        lambda a, b: ("HGETDEL", "timed", "FIELDS", 2, f"field{a}", f"field{b}"),
        lambda a, b: ("HSET", "timed", f"field{a}", f"new{b}"),
    ],
    "words": [
        lambda a, b: ("SADD", "words", *[f"a new word {a + i}" for i in range(b % 300)], "word"),
        lambda a, b: ("SREM", "words", f"a word {a}", f"a word {b}"),
        lambda a, b: ("SPOP", "words", b % 50),
        lambda a, b: ("SMOVE", "words", "numbers", f"a word {a}"),
        lambda a, b: ("SDIFFSTORE", "words", "words", "numbers"),
    ],
    "numbers": [
        lambda a, b: ("SADD", "numbers", *range(a * 3, a * 3 + b % 300), "x"),
        lambda a, b: ("SREM", "numbers", *range(a, a + b % 50), -1),
        lambda a, b: ("SPOP", "numbers"),
    ],
    "scores": [
        lambda a, b: ("ZADD", "scores", b, f"member{a}"),
        lambda a, b: ("ZINCRBY", "scores", b - a, f"member{a}"),
        lambda a, b: ("ZREM", "scores", f"member{a}", f"member{b}"),
        lambda a, b: ("ZADD", "scores", *[word for i in range(b % 300) for word in (a + i, f"new{a + i}")], 1, "one"),
        lambda a, b: ("ZPOPMIN", "scores", b % 30),
        lambda a, b: ("ZPOPMAX", "scores", b % 30),
        lambda a, b: ("ZREMRANGEBYRANK", "scores", a, a + b % 60),
    ],
    "list": [
        lambda a, b: ("RPUSH", "list", *[f"new{a}"] * (b % 400), "x"),
        lambda a, b: ("LPUSH", "list", *[f"new{a}"] * (b % 400), "x"),
        lambda a, b: ("LPOP", "list", b),
        lambda a, b: ("RPOP", "list", b),
        lambda a, b: ("LSET", "list", a, f"set{b}"),
        lambda a, b: ("LSET", "list", -a, "s" * (b * 20)),
        lambda a, b: ("LINSERT", "list", "BEFORE", f"element{a}", f"inserted{b}" * (b % 70)),
        lambda a, b: ("LREM", "list", 0, f"element{a}"),
        lambda a, b: ("LTRIM", "list", a, -b),
    ],
    "blobs": [
        lambda a, b: ("LSET", "blobs", a % 300, "b" * (b * 10)),
        lambda a, b: ("LPOP", "blobs", b % 7),
        lambda a, b: ("RPUSH", "blobs", "r" * (b * 20)),
        lambda a, b: ("LMOVE", "blobs", "list", "LEFT", "RIGHT"),
        lambda a, b: ("LREM", "blobs", 1, f"{a % 300:09000}"),
    ],
    "packed": [
        lambda a, b: ("LINSERT", "packed", "AFTER", f"element{a}", f"inserted{b}" * 20),
        lambda a, b: ("LSET", "packed", a, f"set{b}"),
        lambda a, b: ("RPOP", "packed", b),
        lambda a, b: ("LPUSH", "packed", *[f"new{a}"] * (b % 400), "x"),
    ],
    "stream": [
        lambda a, b: ("XADD", "stream", "*", "field", f"new{a}", "other", b),
        lambda a, b: ("XDEL", "stream", f"{a + 1}-1", f"{b + 1}-1"),
        lambda a, b: ("XTRIM", "stream", "MINID", f"{a}-1"),
        lambda a, b: ("XTRIM", "stream", "MAXLEN", a),
        lambda a, b: ("XREADGROUP", "GROUP", "group", f"reader{a % 3}", "COUNT", b % 50 + 1, "STREAMS", "stream", ">"),
        lambda a, b: ("XREADGROUP", "GROUP", "group", f"reader{a % 3}", "COUNT", b % 50 + 1, "STREAMS", "stream", b),
        lambda a, b: ("XACK", "stream", "group", f"{a % 300 + 1}-1", f"{b % 300 + 1}-1"),
        lambda a, b: ("XACK", "stream", "group", *[f"{a + i}-1" for i in range(b % 300 + 1)]),
        lambda a, b: ("XCLAIM", "stream", "group", f"reader{b % 4}", 0, *[f"{a + i}-1" for i in range(b % 200 + 1)]),
        lambda a, b: ("XCLAIM", "stream", "group", f"reader{b % 4}", 0, f"{a}-1", "TIME", b, "RETRYCOUNT", a, "FORCE"),
        lambda a, b: ("XAUTOCLAIM", "stream", "group", f"reader{b % 4}", 0, a, "COUNT", b % 200 + 1, "JUSTID"),
        lambda a, b: ("XNACK", "stream", "group", "FAIL", "IDS", 2, f"{a}-1", f"{b}-1"),
        lambda a, b: ("XDELEX", "stream", "DELREF", "IDS", 2, f"{a + 1}-1", f"{b + 1}-1"),
        lambda a, b: ("XSETID", "stream", f"{NOW * 2 + b}-1"),
        lambda a, b: ("XGROUP", "CREATE", "stream", f"group{a}", b),
        lambda a, b: ("XGROUP", "SETID", "stream", "group", b),
        lambda a, b: ("XGROUP", "CREATECONSUMER", "stream", "group", f"reader{a}"),
        lambda a, b: ("XGROUP", "DELCONSUMER", "stream", "group", f"reader{a % 3}"),
        lambda a, b: ("XGROUP", "DESTROY", "stream", "group" if b % 2 else "other"),
    ],
    "array": [
        lambda a, b: ("ARSET", "array", a, f"new{b}", b, "x" * (b % 90)),
        lambda a, b: ("ARSET", "array", a * 50_000, f"far{b}"),
        lambda a, b: ("ARDEL", "array", a),
        lambda a, b: ("ARDELRANGE", "array", a, a + b),
        lambda a, b: ("ARINSERT", "array", f"inserted{b}"),
        lambda a, b: ("ARSEEK", "array", a),
    ],
    "text": [
        lambda a, b: ("APPEND", "text", f"{a}"),
        lambda a, b: ("SETRANGE", "text", a * 10, f"{b}"),
        lambda a, b: ("SET", "text", b),
        lambda a, b: ("SETRANGE", "text", a * 300, f"{b}" * 9),
        lambda a, b: ("SETBIT", "text", a * 999, b % 2),
        lambda a, b: ("GETDEL", "text"),
    ],
}
WHOLE: list[Callable[[str, str], tuple[object, ...]]] = [
    lambda key, other: ("DEL", key),
    lambda key, other: ("UNLINK", key),
    lambda key, other: ("RENAME", key, other),
    lambda key, other: ("COPY", key, other, "REPLACE"),
    lambda key, other: ("MOVE", key, 1),
    lambda key, other: ("PEXPIREAT", key, FAR),
    lambda key, other: ("PEXPIREAT", key, 1),
    lambda key, other: ("PERSIST", key),
    lambda key, other: ("SET", key, "a text instead"),
    lambda key, other: ("SWAPDB", 0, 1),
    lambda key, other: ("FLUSHDB",),
    lambda key, other: ("FLUSHALL",),
    lambda key, other: ("SELECT", 1),
    lambda key, other: ("SELECT", 0),
]

element = st.integers(0, 4500)
changes = st.one_of(
    *[st.tuples(st.just(key), st.integers(0, len(kinds) - 1), element, element) for key, kinds in CHANGES.items()],
    st.tuples(st.just(""), st.integers(0, len(WHOLE) - 1), element, element),
)
# Between two changes, the walk goes on by so many steps: mostly none.
steps = st.one_of(st.just(0), st.integers(0, 4), st.integers(0, 60))
sizes = st.fixed_dictionaries({key: st.sampled_from([0, 20, 300, 1500, 4000]) for key in KEYS})


def fill(store: Store, sizes: dict[str, int]) -> None:
    """Collections of these sizes."""
    runs = {key: range(size) for key, size in sizes.items() if size}
    for start in range(0, 4000, 500):
        for key, run in runs.items():
            some = run[start : start + 500]
            if not some:
                continue
            if key == "hash":
                store.execute("HSET", "hash", *[word for i in some for word in (f"field{i}", f"value{i}" * (i % 30))])
            elif key == "timed":
                store.execute("HSET", "timed", *[word for i in some for word in (f"field{i}", i)])
                store.execute("HPEXPIREAT", "timed", FAR, "FIELDS", len(some[::3]), *[f"field{i}" for i in some[::3]])
            elif key == "words":
                store.execute("SADD", "words", *[f"a word {i}" for i in some])
            elif key == "numbers":
                store.execute("SADD", "numbers", *some)
            elif key == "scores":
                store.execute("ZADD", "scores", *[word for i in some for word in (i // 3, f"member{i}")])
            elif key in ("list", "packed"):
                store.execute("RPUSH", key, *[f"element{i}" * (i % 50 + 1) for i in some])
            elif key == "blobs":
                store.execute("RPUSH", "blobs", *[f"{i:09000}" for i in some[:40]], *some)
            elif key == "array":
                store.execute("ARSET", "array", start, *[f"value{i}" if i % 2 else i for i in some])
            elif key == "stream":
                for i in some:
                    store.execute("XADD", "stream", f"{i + 1}-1", "field", f"value{i}")
            else:
                store.execute("SET", "text", LONG_TEXTS[sizes[key]])
    if sizes["stream"]:
        store.execute("XGROUP", "CREATE", "stream", "group", 0)
        store.execute("XGROUP", "CREATE", "stream", "other", 0)
        for number in range(4):
            count = sizes["stream"] // 5
            reading = ("COUNT", count, "STREAMS", "stream", ">")
            store.execute("XREADGROUP", "GROUP", "group", f"reader{number}", *reading)
            store.execute("XREADGROUP", "GROUP", "other", "reader", *reading)


def everything(store: Store) -> dict[tuple[int, bytes], Any]:
    """All that a file has to bring back."""
    found: dict[tuple[int, bytes], Any] = {}
    session = store.session()
    for number in range(2):
        session.execute("SELECT", number)
        db = store.server.keyspace.databases[number]
        for key in db.live_keys():
            kind, contents = db.contents(key)
            more: Any = None
            if kind == "hash":
                fields = contents[::2]
                more = dict(
                    zip(fields, session.execute("HPEXPIRETIME", key, "FIELDS", len(fields), *fields), strict=True)
                )
                contents = dict(zip(fields, contents[1::2], strict=True))
            elif kind == "set":
                contents = set(contents)
            elif kind == "stream":
                more = session.execute("XINFO", "STREAM", key, "FULL", "COUNT", 0)
                # How its nodes are filed is nobody's business, and a log cannot tell when a consumer was seen.
                more = [item for item in _plain(more) if item not in (b"radix-tree-keys", b"radix-tree-nodes")]
            found[number, key] = kind, contents, more, db.expiry(key)
    return found


def _plain(value: Any) -> list[Any]:
    if not isinstance(value, list):
        return [value]
    plain: list[Any] = []
    skipping = False
    for item in value:
        if skipping:
            skipping = False
            continue
        skipping = item in (
            (b"radix-tree-keys", b"radix-tree-nodes", b"seen-time", b"active-time", b"iids-tracked", b"entries")
        )
        if not skipping:
            plain.append(_plain(item))
    return plain


@pytest.fixture(scope="module")
def stores() -> Iterator[tuple[Store, Store]]:
    with Store(databases=2, enable_debug_command="yes") as one, Store(databases=2) as other:
        yield one, other


def restored(other: Store, descriptor: int, *, as_commands: bool) -> dict[tuple[int, bytes], Any]:
    """What a store has that reads a file."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    os.lseek(descriptor, 0, os.SEEK_SET)
    other.reset()
    if as_commands:
        session = other.session()
        for words in commands_of(os.read(descriptor, size)):
            session.execute(*words)
    else:
        keyspace = other.server.keyspace
        load(keyspace, RdbReader(keyspace, descriptor, size=size, verifying=True, careful=True), keep_expired=True)
    return everything(other)


@settings(max_examples=60)
@given(
    sizes=sizes,
    run=st.lists(st.tuples(steps, changes), max_size=60),
    as_commands=st.booleans(),
    depth=st.sampled_from([0, 1]),
    giving_up=st.booleans(),
)
def test_a_file_is_of_the_moment_it_was_begun(
    stores: tuple[Store, Store],
    sizes: dict[str, int],
    run: list[tuple[int, tuple[str, int, int, int]]],
    as_commands: bool,
    depth: int,
    giving_up: bool,
) -> None:
    store, other = stores
    store.reset()
    store.execute("CONFIG", "SET", "list-compress-depth", depth)
    fill(store, sizes)
    before = everything(store)
    descriptor = os.memfd_create("snapshot")
    saver = Saver(store.server.keyspace, descriptor, version=14, aux={}, as_commands=as_commands)
    session = store.session()
    for wait, (key, kind, a, b) in run:
        for _ in range(wait):
            saver.advance(50)
        words = CHANGES[key][kind](a, b) if key else WHOLE[kind](KEYS[a % len(KEYS)], KEYS[b % len(KEYS)])
        try:
            session.execute(*words)
        except ReplyError as error:
            if any(mistake in str(error) for mistake in ("syntax", "wrong number")):
                raise
    if giving_up:
        saver.stop()
        store.reset()
    else:
        saver.run()
        saver.writer.drain(10)
        assert saver.done
        saver.stop()
        assert restored(other, descriptor, as_commands=as_commands) == before
    os.close(descriptor)


@pytest.mark.parametrize("as_commands", [False, True])
@pytest.mark.parametrize("compressing", [False, True])
def test_a_long_string_is_lent_not_copied(stores: tuple[Store, Store], as_commands: bool, compressing: bool) -> None:
    """Whoever changes it meanwhile has a copy, and when it is written nobody shares it any more."""
    store, other = stores
    store.reset()
    keyspace = store.server.keyspace
    for name, text in zip(("even", "odd"), (LONG_TEXTS[1500], LONG_TEXTS[4000]), strict=True):
        store.execute("SET", name, text)
        store.execute("SET", f"{name}2", text, "PXAT", FAR)
    before = everything(store)
    references = lambda key: keyspace.databases[0].describe(key)["references"]  # noqa: E731
    descriptor = os.memfd_create("snapshot")
    saver = Saver(keyspace, descriptor, version=11, aux={}, as_commands=as_commands, compressing=compressing)
    store.execute("APPEND", "even", "more")
    store.execute("SETRANGE", "odd2", 5, "other")
    store.execute("DEL", "odd")
    saver.run()
    saver.writer.drain(10)
    assert saver.done
    saver.stop()
    assert references(b"even") == references(b"even2") == references(b"odd2") == 1
    assert restored(other, descriptor, as_commands=as_commands) == before
    os.close(descriptor)


def test_pending_entries_are_kept_while_their_group_is_freed(stores: tuple[Store, Store]) -> None:
    """Of one that goes when it is half written, by and by, and of a consumer that had everything."""
    store, other = stores
    store.reset()
    fill(store, dict.fromkeys(KEYS, 0) | {"stream": 4000})
    store.execute("XGROUP", "CREATE", "stream", "single", 0)
    store.execute("XREADGROUP", "GROUP", "single", "reader", "STREAMS", "stream", ">")
    before = everything(store)
    for steps in range(0, 30, 3):
        descriptor = os.memfd_create("snapshot")
        saver = Saver(store.server.keyspace, descriptor, version=14, aux={})
        copied = store.execute("COPY", "stream", "copy")
        assert copied == 1
        for _ in range(steps):
            saver.advance(50)
        store.execute("XGROUP", "DELCONSUMER", "stream", "single", "reader")
        store.execute("XGROUP", "DESTROY", "stream", "group")
        for _ in range(steps):
            store.execute("PING")
        store.execute("UNLINK", "stream")
        saver.run()
        saver.writer.drain(10)
        saver.stop()
        assert restored(other, descriptor, as_commands=False) == before
        os.close(descriptor)
        store.execute("RENAME", "copy", "stream")


@pytest.mark.parametrize("as_commands", [False, True])
def test_what_waits_to_be_written_stays_small(stores: tuple[Store, Store], as_commands: bool) -> None:
    """However large collections are, and however large a string is."""
    store, _ = stores
    store.reset()
    store.execute("RPUSH", "list", *[f"{number:0500}" for number in range(6000)])
    store.execute("SADD", "set", *[f"{number:0200}" for number in range(9000)])
    store.execute("SET", "string", b"x" * 3_000_000)
    descriptor = os.memfd_create("snapshot")
    saver = Saver(store.server.keyspace, descriptor, version=11, aux={}, as_commands=as_commands, compressing=False)
    most = 0
    while saver.advance(100):
        most = max(most, saver.buffered)
        if saver.is_behind:
            saver.writer.wait_for_room(1_000_000)
    saver.writer.drain(10)
    saver.stop()
    assert os.fstat(descriptor).st_size > 7_500_000
    assert most < 1_000_000
    os.close(descriptor)
