"""The keyspace against a dictionary, through growth, shrinking, expiry and every shape of an entry."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from redpoll.engine.keyspace import Keyspace

import redpoll.engine.memory as allocator
from tests.memory import settled

NOW = 1_000_000
KEYS = st.sampled_from([b"k%d" % number for number in range(40)] + [b"", b"long" * 80, b"longer" * 12_000])
VALUES = st.one_of(
    st.binary(max_size=70),
    st.integers(-(2**63), 2**63 - 1).map(lambda number: b"%d" % number),
    st.integers(900, 1100).map(lambda size: b"x" * size),
)
EXPIRIES = st.one_of(st.just(-1), st.integers(NOW, NOW + 100_000))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, VALUES, EXPIRIES),
        st.tuples(st.just("delete"), KEYS),
        st.tuples(st.just("expire"), KEYS, EXPIRIES),
        st.tuples(st.just("edit"), KEYS, st.integers(0, 2000)),
        st.tuples(st.just("tick"), st.integers(0, 30_000)),
    ),
    max_size=120,
)


def new_keyspace(databases: int = 1) -> Keyspace:
    return Keyspace(databases, 0x5EED, NOW)


@settings(max_examples=150)
@given(STEPS)
def test_it_holds_what_a_dictionary_holds(steps: list[tuple]) -> None:
    keyspace = new_keyspace()
    db = keyspace.databases[0]
    model: dict[bytes, tuple[bytes, int]] = {}
    for step in steps:
        name, *words = step
        if name == "tick":
            keyspace.tick(keyspace.now + words[0])
            while keyspace.expire_some(64):
                pass
            model = {key: value for key, value in model.items() if value[1] < 0 or value[1] >= keyspace.now}
            assert len(db) == len(model)
            continue
        key = words[0]
        if name == "put":
            expiry = words[2] if words[2] < 0 else max(words[2], keyspace.now)
            db.put(key, words[1], expiry)
            model[key] = (words[1], expiry)
        elif name == "delete":
            assert db.delete(key) == (model.pop(key, None) is not None)
        elif name == "expire":
            expiry = words[1] if words[1] < 0 else max(words[1], keyspace.now)
            assert db.expire_at(key, expiry) == (key in model)
            if key in model:
                model[key] = (model[key][0], expiry)
        elif key in model:
            length = max(words[1], len(model[key][0]))
            text = db.edit(key, length)
            assert text == model[key][0].ljust(length, b"\0")
            model[key] = (text, model[key][1])
        assert db.get(key) == (model[key][0] if key in model else None)
    assert {key: (db.get(key), db.expiry(key)) for key in model} == model
    assert len(db) == len(model)
    assert db.expires == sum(1 for _, expiry in model.values() if expiry >= 0)


def test_memory_is_back_where_it_was() -> None:
    before = settled()
    keyspace = new_keyspace()
    db = keyspace.databases[0]
    for number in range(30_000):
        db.put(b"key:%d" % number, b"v" * (number % 1500), NOW + number if number % 3 == 0 else -1)
    assert allocator.used() > before + 30_000 * 700
    for number in range(0, 30_000, 2):
        assert db.delete(b"key:%d" % number)
    keyspace.flush([0], lazily=True)
    while keyspace.free_some(100):
        pass
    del db, keyspace
    assert settled() == before


@settings(max_examples=40)
@given(st.integers(0, 3000), st.lists(st.tuples(st.booleans(), st.integers(1, 400)), min_size=1, max_size=30))
def test_a_scan_meets_every_key_that_was_there_all_along(stable: int, changes: list[tuple[bool, int]]) -> None:
    db = new_keyspace().databases[0]
    for number in range(stable):
        db.put(b"stable:%d" % number, b"")
    passing = 0
    seen: set[bytes] = set()
    cursor, turn = 0, 0
    while True:
        cursor, found = db.scan(cursor)
        seen.update(found)
        if not cursor:
            break
        grows, amount = changes[turn % len(changes)]
        turn += 1
        if grows and passing < 20_000:
            for number in range(passing, passing + amount):
                db.put(b"passing:%d" % number, b"")
            passing += amount
        else:
            for number in range(max(passing - 3 * amount, 0), passing):
                db.delete(b"passing:%d" % number)
            passing = max(passing - 3 * amount, 0)
    assert seen >= {b"stable:%d" % number for number in range(stable)}


def test_random_keys_are_equally_likely() -> None:
    db = new_keyspace().databases[0]
    for number in range(60):
        db.put(b"%d" % number, b"")
    counts = Counter(db.random_key() for _ in range(60_000))
    # Chi-squared with 59 degrees of freedom is below 98.3 in 99.9 % of all fair draws.
    assert sum((counts[b"%d" % number] - 1000) ** 2 / 1000 for number in range(60)) < 98.3


def test_the_index_of_expiry_forgets_deleted_keys() -> None:
    keyspace = new_keyspace()
    db = keyspace.databases[0]
    for _ in range(60):
        for number in range(1000):
            db.put(b"%d" % number, b"", NOW + 10_000_000)
            db.delete(b"%d" % number)
        for number in range(1000):
            db.put(b"%d" % number, b"", NOW + 10_000_000)
        keyspace.expire_some(256)
    for _ in range(50):
        keyspace.expire_some(4096)
    assert db.expires == 1000
    assert db.shape()["expiry_records"] < 2 * 1000 + 4096 + 2000


def test_no_key_expires_early_and_none_stays() -> None:
    keyspace = new_keyspace()
    db = keyspace.databases[0]
    times = [1, 127, 300, 4095, 4200, 5000, 262_143, 262_300, 300_000, 20_000_000, 10**9, 10**12]
    for time in times:
        db.put(b"%d" % time, b"", NOW + time)
    for time in times:
        keyspace.tick(NOW + time)
        keyspace.expire_some(1000)
        assert db.get(b"%d" % time) == b""
        keyspace.tick(NOW + time + 65)
        keyspace.expire_some(1000)
        # A slot of the index is 64 ms: that much later a key is gone without being asked for.
        left = {int(key) for key in db.live_keys()}
        assert len(db) <= sum(1 for other in times if NOW + other + 65 > keyspace.now)
        assert left == {other for other in times if NOW + other >= keyspace.now}
    keyspace.tick(NOW + 2 * 10**12)
    keyspace.expire_some(1000)
    assert len(db) == 0
    assert keyspace.expired_keys == len(times)


def test_swapped_databases_keep_their_times() -> None:
    keyspace = new_keyspace(2)
    first, second = keyspace.databases
    first.put(b"a", b"1", NOW + 100)
    second.put(b"b", b"2")
    keyspace.swap(0, 1)
    assert (first.get(b"b"), second.get(b"a")) == (b"2", b"1")
    assert (first.expires, second.expires) == (0, 1)
    keyspace.tick(NOW + 200)
    keyspace.expire_some(10)
    assert (len(first), len(second)) == (1, 0)


def test_what_a_lookup_removes_moves_no_other_key() -> None:
    # Whoever looks up several keys holds places in the table while further ones turn out to have expired.
    keyspace = Keyspace(1, 5, 0)
    db = keyspace.databases[0]
    for number in range(5000):
        db.put(b"gone%d" % number, b"x", 10)
    for number in range(50):
        db.put(b"stays%d" % number, b"y%d" % number)
    places = db.shape()["buckets"], db.shape()["chained"]
    keyspace.tick(100)
    for number in range(5000):
        assert db.get(b"gone%d" % number) is None
    assert len(db) == 50
    assert (db.shape()["buckets"], db.shape()["chained"]) == places
    # The table follows its size afterwards, and has lost nothing.
    for _ in range(100):
        keyspace.expire_some(64)
    assert db.shape()["buckets"] < 100
    assert all(db.get(b"stays%d" % number) == b"y%d" % number for number in range(50))
    for number in range(50):
        assert db.delete(b"stays%d" % number)
    assert len(db) == 0
