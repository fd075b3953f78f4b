"""Hashes against a dictionary: through their encodings, with fields that expire by a clock of the test's own."""

import random
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from redpoll.engine.keyspace import Keyspace
from redpoll.engine.probes import HashAt, Listener, Times

import redpoll.engine.memory as allocator
from tests.memory import settled
from tests.peers import Server

NOW = 1_000_000
SETTINGS = settings(max_examples=200)
FIELDS = st.one_of(
    st.integers(0, 14).map(lambda number: b"f%d" % number),
    st.sampled_from([b"", b"7", b"-12", b"300", b"long" * 9, b"longer" * 60]),
)
VALUES = st.one_of(
    st.binary(max_size=12),
    st.integers(-(2**63), 2**63 - 1).map(lambda number: b"%d" % number),
    st.sampled_from([b"x" * 20, b"x" * 21, b"y" * 960, b"y" * 961, b"z" * 5000]),
)
DELAYS = st.one_of(st.none(), st.integers(0, 200), st.integers(0, 50_000))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), FIELDS, VALUES, DELAYS),
        st.tuples(st.just("keep"), FIELDS, VALUES),
        st.tuples(st.just("delete"), FIELDS),
        st.tuples(st.just("expire"), FIELDS, DELAYS),
        st.tuples(st.just("tick"), st.one_of(st.integers(0, 300), st.integers(0, 20_000))),
        st.tuples(st.just("turn")),
        st.tuples(st.just("rename")),
    ),
    max_size=80,
)

Model = dict[bytes, tuple[bytes, int]]


def new_keyspace(entries: int = 512, value: int = 64) -> Keyspace:
    keyspace = Keyspace(2, 0x5EED, NOW)
    keyspace.hash_max_listpack_entries = entries
    keyspace.hash_max_listpack_value = value
    return keyspace


def alive(model: Model, now: int) -> Model:
    return {field: held for field, held in model.items() if held[1] < 0 or held[1] >= now}


def run_out(keyspace: Keyspace) -> None:
    """What the loop does between turns, until nothing is left to do."""
    while keyspace.expire_some(64):
        pass


@SETTINGS
@given(STEPS, st.sampled_from([(512, 64), (6, 20), (0, 64), (512, 0), (3, 1000)]))
def test_it_holds_what_a_dictionary_holds(steps: list[tuple], limits: tuple[int, int]) -> None:
    keyspace = new_keyspace(*limits)
    db = keyspace.databases[0]
    names = iter(b"key%d" % number for number in range(1000))
    hash_ = HashAt(db, next(names))
    model: Model = {}
    for name, *words in steps:
        now = keyspace.now
        model = alive(model, now)
        if name == "set":
            expiry = -1 if words[2] is None else now + words[2]
            assert hash_.set(words[0], words[1], expiry) == (words[0] not in model)
            model[words[0]] = (words[1], expiry)
        elif name == "keep":
            before = model.get(words[0], (b"", -1))
            assert hash_.set(words[0], words[1], keep=True) == (words[0] not in model)
            model[words[0]] = (words[1], before[1])
        elif name == "delete":
            assert hash_.delete(words[0]) == (model.pop(words[0], None) is not None)
        elif name == "expire":
            expiry = -1 if words[1] is None else now + words[1]
            assert hash_.expire(words[0], expiry) == (words[0] in model)
            if words[0] in model:
                model[words[0]] = (model[words[0]][0], expiry)
        elif name == "tick":
            keyspace.tick(now + words[0])
            model = alive(model, keyspace.now)
            for field in (b"f0", b"f1", *model):
                assert hash_.get(field) == model.get(field)
        elif name == "turn":
            # The index works in ticks of 64 ms, rounded up: what is due for longer than that has gone.
            run_out(keyspace)
            stored = hash_.stored()
            if stored is not None and stored[2] is not None:
                assert stored[2] >= keyspace.now - 128
        else:
            # As RENAME does: the entry goes to another key, and its record in the index of hashes is of no use.
            hash_.rename(next(names))
        assert len(db) == bool(model) or hash_.stored() is not None
    found = {field: (value, expiry) for field, value, expiry in hash_.items()}
    assert found == alive(model, keyspace.now)
    assert len(found) == len(hash_.items())
    for field in found:
        assert hash_.get(field) == found[field]
    # When all times are over only the fields without one are left, though nobody asks for them.
    keyspace.tick(NOW + 10**9)
    run_out(keyspace)
    left = {field: held for field, held in model.items() if held[1] < 0}
    assert (hash_.stored() or ("", 0))[1] == len(left)
    assert len(db) == bool(left)


@SETTINGS
@given(st.lists(st.tuples(FIELDS, DELAYS), max_size=40))
def test_packed_fields_are_in_order_of_time(changes: list[tuple[bytes, int | None]]) -> None:
    keyspace = new_keyspace(value=1000)
    hash_ = HashAt(keyspace.databases[0], b"h")
    for field, delay in changes:
        hash_.set(field, b"v")
        hash_.expire(field, -1 if delay is None else NOW + delay)
    times = [expiry for _, _, expiry in hash_.items()]
    assert times == sorted(times, key=lambda time: (time < 0, time))


@settings(max_examples=30)
@given(st.integers(1, 2000), st.lists(st.tuples(st.booleans(), st.integers(1, 300)), min_size=1, max_size=20))
def test_a_scan_meets_every_field_that_was_there_all_along(stable: int, changes: list[tuple[bool, int]]) -> None:
    hash_ = HashAt(new_keyspace(entries=0).databases[0], b"h")
    for number in range(stable):
        hash_.set(b"stable:%d" % number, b"")
    passing, cursor, turn = 0, 0, 0
    seen: set[bytes] = set()
    while True:
        cursor, found = hash_.scan(cursor)
        seen.update(field for field, _, _ in found)
        if not cursor:
            break
        grows, amount = changes[turn % len(changes)]
        turn += 1
        if grows and passing < 20_000:
            for number in range(passing, passing + amount):
                hash_.set(b"passing:%d" % number, b"")
            passing += amount
        else:
            for number in range(max(passing - 3 * amount, 0), passing):
                hash_.delete(b"passing:%d" % number)
            passing = max(passing - 3 * amount, 0)
    assert seen >= {b"stable:%d" % number for number in range(stable)}


def many_hashes(keyspace: Keyspace, hashes: int, fields: int) -> Iterator[HashAt]:
    for number in range(hashes):
        hash_ = HashAt(keyspace.databases[0], b"h%d" % number)
        for field in range(fields):
            hash_.set(b"f%d" % field, b"v" * (number % 70), NOW + 1000 * field if field % 2 else -1)
        yield hash_


def test_memory_is_back_where_it_was() -> None:
    before = settled()
    for entries in (512, 0):
        keyspace = new_keyspace(entries=entries)
        hashes = list(many_hashes(keyspace, 400, 20))
        assert allocator.used() > before + 400 * 20 * 10
        for hash_ in hashes[::3]:
            for field in range(20):
                assert hash_.delete(b"f%d" % field)
        keyspace.tick(NOW + 9000)
        run_out(keyspace)
        for hash_ in hashes[1::3]:
            assert [field for field, _, _ in hash_.items() if int(field[1:]) % 2] == [
                field for field, _, _ in hash_.items() if int(field[1:]) in (9, 11, 13, 15, 17, 19)
            ]
        keyspace.flush([0], lazily=True)
        while keyspace.free_some(10):
            pass
        del hashes, hash_, keyspace
        assert settled() == before


def test_a_large_hash_is_freed_in_slices() -> None:
    before = settled()
    keyspace = new_keyspace()
    hash_ = HashAt(keyspace.databases[0], b"h")
    for number in range(40_000):
        hash_.set(b"field:%d" % number, b"value", NOW + number if number % 4 == 0 else -1)
    held = allocator.used()
    assert keyspace.databases[0].delete(b"h")
    assert allocator.used() > held - 100_000
    steps = 0
    while keyspace.free_some(16):
        steps += 1
    assert steps > 200
    del hash_, keyspace
    assert settled() == before


def test_many_fields_due_at_once_go_in_slices_and_are_invisible_at_once() -> None:
    keyspace = new_keyspace()
    hash_ = HashAt(keyspace.databases[0], b"h")
    for number in range(10_000):
        hash_.set(b"f%d" % number, b"", NOW + 5)
    hash_.set(b"stays", b"")
    keyspace.tick(NOW + 1000)
    assert hash_.get(b"f9999") is None
    assert hash_.items() == [(b"stays", b"", -1)]
    assert hash_.stored()[1] > 5_000
    assert keyspace.expire_some(500)
    assert hash_.stored()[1] > 4_000
    run_out(keyspace)
    assert hash_.stored() == ("hashtable", 1, None)
    assert keyspace.expired_fields == 10_000


def test_where_keys_do_not_expire_fields_only_look_gone() -> None:
    keyspace = new_keyspace()
    keyspace.expiring = False
    hash_ = HashAt(keyspace.databases[0], b"h")
    hash_.set(b"a", b"1", NOW + 5)
    hash_.set(b"b", b"2")
    keyspace.tick(NOW + 5000)
    run_out(keyspace)
    assert hash_.get(b"a") is None
    assert hash_.items() == [(b"b", b"2", -1)]
    assert hash_.stored()[1] == 2
    keyspace.expiring = True
    keyspace.tick(NOW + 10_000)
    run_out(keyspace)
    assert hash_.stored()[1] == 1


def test_the_index_of_hashes_forgets_those_that_are_no_more() -> None:
    keyspace = new_keyspace()
    db = keyspace.databases[0]
    before = settled()
    for _ in range(40):
        for number in range(1000):
            HashAt(db, b"%d" % number).set(b"f", b"", NOW + 10_000_000)
        for number in range(1000):
            db.delete(b"%d" % number)
        keyspace.expire_some(256)
    for number in range(1000):
        HashAt(db, b"%d" % number).set(b"f", b"", NOW + 20_000_000)
    for _ in range(50):
        keyspace.expire_some(4096)
    # 40,000 records of 8 bytes would be kept otherwise, besides a thousand hashes and the index's slots.
    assert allocator.used() - before < 1000 * 120 + 30_000 + 8 * 12_000
    keyspace.tick(NOW + 20_000_100)
    keyspace.expire_some(10**6)
    run_out(keyspace)
    assert len(db) == 0


def test_swapped_and_flushed_databases_keep_their_index() -> None:
    keyspace = new_keyspace()
    first, second = keyspace.databases
    HashAt(first, b"h").set(b"f", b"", NOW + 100)
    HashAt(second, b"g").set(b"f", b"", NOW + 200)
    HashAt(second, b"g").set(b"stays", b"")
    keyspace.swap(0, 1)
    keyspace.tick(NOW + 1000)
    run_out(keyspace)
    assert (len(first), len(second)) == (1, 0)
    assert HashAt(first, b"g").stored() == ("listpackex", 1, None)
    HashAt(first, b"g").set(b"f", b"", keyspace.now + 100)
    keyspace.flush([0], lazily=False)
    HashAt(first, b"g").set(b"f", b"", keyspace.now + 100)
    keyspace.tick(keyspace.now + 1000)
    run_out(keyspace)
    assert len(first) == 0


def test_watchers_hear_of_fields_that_expired() -> None:
    keyspace = new_keyspace()
    listener = Listener()
    heard = listener.heard
    listener.listen_to(keyspace, to_fields=True)
    hash_ = HashAt(keyspace.databases[1], b"h")
    for number in range(3):
        hash_.set(b"f%d" % number, b"", NOW + number)
    keyspace.tick(NOW + 2)
    assert hash_.get(b"f0") is None
    assert heard == [(64, b"hexpired", b"h", 1), (64, b"hexpired", b"h", 1, [b"f0", b"f1"])]
    heard.clear()
    keyspace.tick(NOW + 1000)
    run_out(keyspace)
    assert heard == [
        (64, b"hexpired", b"h", 1),
        (64, b"hexpired", b"h", 1, [b"f2"]),
        (4, b"del", b"h", 1),
    ]


# The times of one hash


@SETTINGS
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.integers(0, 50), st.integers(0, 2**64 - 1)),
            st.tuples(st.just("later"), st.integers(1, 900)),
            st.tuples(st.just("remove"), st.integers(0, 10**6)),
            st.tuples(st.just("take"), st.integers(0, 60), st.integers(1, 64)),
        ),
        max_size=60,
    )
)
def test_times_are_a_sorted_list(steps: list[tuple]) -> None:
    times = Times()
    model: list[tuple[int, int]] = []
    for name, *words in steps:
        if name == "add":
            times.add(*words)
            model.append((words[0], words[1]))
        elif name == "later":
            last = max(model, default=(0, 0))[0]
            for number in range(words[0]):
                times.add(last + number, number * 7919)
                model.append((last + number, number * 7919))
        elif name == "remove" and model:
            gone = model.pop(words[0] % len(model))
            times.remove(*gone)
        elif name == "take":
            taken = times.take(words[0], words[1])
            model.sort()
            assert taken == [record for record in model if record[0] < words[0]][: len(taken)]
            assert taken or not model or model[0][0] >= words[0]
            del model[: len(taken)]
        model.sort()
        assert len(times) == len(model)
        assert times.first() == (model[0][0] if model else None)
    copy = times.copy()
    for each in (times, copy):
        drained = []
        while some := each.take(2**62, 64):
            drained += some
        assert drained == model


def test_times_in_any_order() -> None:
    before = settled()
    times = Times()
    records = [((number * 7919) % 30_011, number) for number in range(30_011)]
    for record in records:
        times.add(*record)
    assert times.memory() <= allocator.used() - before
    for record in records[::2]:
        times.remove(*record)
    left = sorted(records[1::2])
    copy = times.copy()
    drained = []
    while some := copy.take(2**62, 64):
        drained += some
    assert drained == left
    assert times.free_in_steps(10) > 5
    del times, copy
    assert settled() == before


def test_whole_packed_hashes_and_sets_end_chunks_anywhere(server: Server) -> None:
    draw = random.Random(7)
    with server.connect() as client:
        for count in (1, 2, 50, 128):
            words = {
                draw.randbytes(draw.choice((1, 9, 10, 31, 32, 33, 63, 64))): b"%d" % draw.randrange(-(10**12), 10**12)
                for _ in range(count)
            }
            client.call("DEL", "h", "s")
            client.call("HSET", "h", *(word for pair in words.items() for word in pair))
            client.call("SADD", "s", *words)
            pairs = [word for pair in words.items() for word in pair]
            assert client.call("OBJECT", "ENCODING", "h") == client.call("OBJECT", "ENCODING", "s") == b"listpack"
            for shift in range(0, 100, 9):
                for _ in range(20):
                    client.send("ECHO", "x" * shift)
                    client.send("HGETALL", "h")
                    client.send("SMEMBERS", "s")
                for _ in range(20):
                    assert client.read() == b"x" * shift
                    assert client.read() == pairs
                    assert sorted(client.read()) == sorted(words)
