"""Sets: the same requests to Redpoll and to real servers, and large ones against Python's, through every encoding."""

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.peers import Server
from tests.property.test_strings import changes, flat, words
from tests.resp import Connection

SETTINGS = settings(max_examples=100)
KEYS = st.sampled_from(["a", "b", "c", "d"])
SOURCES = st.lists(st.sampled_from(["a", "b", "c", "d", "missing"]), min_size=1, max_size=5)
INTEGERS = st.one_of(
    st.integers(-4, 12),
    st.integers(-40_000, 40_000),
    st.sampled_from([-(2**63), 2**63 - 1, 2**62, 2**62 - 1, -(2**62), -(2**62) - 1, 2**31, 2**63]),
).map(str)
TEXTS = st.one_of(
    st.sampled_from(["", "x", "y", "seven77", "eight888", "01", "-0", "1.0", "\0", "seven7\0"]),
    st.text("ab", max_size=9),
    st.integers(250, 260).map(lambda size: "z" * size),
)
MEMBERS = st.one_of(INTEGERS, TEXTS)
# Few limits, so that few members cross them.
LIMITS = {"set-max-intset-entries": 6, "set-max-listpack-entries": 5, "set-max-listpack-value": 8}
REQUESTS = st.one_of(
    words("SADD", KEYS, st.lists(INTEGERS, min_size=1, max_size=9)),
    words("SADD", KEYS, st.lists(MEMBERS, min_size=1, max_size=9)),
    words("SADD", KEYS, MEMBERS),
    words("SREM", KEYS, st.lists(MEMBERS, min_size=1, max_size=9)),
    words("SISMEMBER", KEYS, MEMBERS),
    words("SMISMEMBER", KEYS, st.lists(MEMBERS, min_size=1, max_size=9)),
    words("SCARD", KEYS),
    words("SMEMBERS", KEYS),
    words("SMOVE", KEYS, KEYS, MEMBERS),
    words(st.sampled_from(["SINTER", "SUNION", "SDIFF"]), SOURCES),
    words(st.sampled_from(["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]), KEYS, SOURCES),
    words("SINTERCARD", "2", KEYS, KEYS, st.sampled_from([(), ("LIMIT", "1"), ("LIMIT", "0"), ("LIMIT", "100")])),
    words("SPOP", KEYS, st.sampled_from(["0", "1000"])),
    words("SRANDMEMBER", KEYS, st.sampled_from(["0", "1000"])),
    words("OBJECT", "ENCODING", KEYS),
    words("COPY", KEYS, KEYS, st.sampled_from([(), ("REPLACE",)])),
    words("SET", KEYS, "text"),
    words("DEL", KEYS),
).map(flat)
UNORDERED = {"SMEMBERS", "SINTER", "SUNION", "SDIFF", "SPOP", "SRANDMEMBER"}


def configure(connection: Connection, limits: dict[str, int]) -> None:
    for name, value in limits.items():
        assert connection.call("CONFIG", "SET", name, str(value)) is not None


@pytest.fixture
def few(server: Server, peer_server: Server):
    """Both servers with limits that few members cross."""
    if peer_server.target.name == "redis70":
        pytest.skip("has no listpacks for sets")
    before = {"set-max-intset-entries": 512, "set-max-listpack-entries": 128, "set-max-listpack-value": 64}
    with server.connect() as ours, peer_server.connect() as theirs:
        configure(ours, LIMITS)
        configure(theirs, LIMITS)
        yield
        configure(ours, before)
        configure(theirs, before)


@SETTINGS
@given(requests=st.lists(REQUESTS, min_size=1, max_size=30))
def test_they_answer_as_real_servers(few: None, server: Server, peer_server: Server, requests: list[tuple]) -> None:
    with server.connect() as ours, peer_server.connect() as theirs:
        ours.call("FLUSHALL")
        theirs.call("FLUSHALL")
        before = changes(ours), changes(theirs)
        for request in requests:
            answers = ours.call(*request), theirs.call(*request)
            if request[0] in UNORDERED and all(isinstance(answer, list) for answer in answers):
                assert Counter(answers[0]) == Counter(answers[1]), request
            else:
                assert answers[0] == answers[1], request
        assert changes(ours) - before[0] == changes(theirs) - before[1]


@pytest.mark.parametrize("size", [3, 6, 11, 30])
@pytest.mark.parametrize("others", [[], ["text"], ["a longer text"]])
def test_encodings_after_pops(few: None, server: Server, peer_server: Server, size: int, others: list[str]) -> None:
    members = [str(number) for number in range(size)]
    with server.connect() as ours, peer_server.connect() as theirs:
        for count in range(1, size):
            replies = []
            for connection in (ours, theirs):
                connection.call("DEL", "s")
                connection.call("SADD", "s", *members, *others)
                # Which of the others is popped is chance; integers alone are left.
                if others:
                    connection.call("SREM", "s", *others)
                before = connection.call("OBJECT", "ENCODING", "s")
                connection.call("SPOP", "s", count)
                replies.append((before, connection.call("SCARD", "s"), connection.call("OBJECT", "ENCODING", "s")))
            assert replies[0] == replies[1]


def numbered(number: int) -> bytes:
    """A member: an integer, a short text, a text in a block of its own, or a long one."""
    kind = number % 5
    if kind < 2:
        return b"%d" % (number * 7 - 5_000)
    if kind == 2:
        return b"s%d" % number
    return b"member:%012d" % number if kind == 3 else b"%d" % number * 60


def fill(client: Connection, key: str, members: Sequence[bytes]) -> None:
    for at in range(0, len(members), 500):
        client.call("SADD", key, *members[at : at + 500])


def walked(client: Connection, key: str, count: int, between=lambda: None) -> Counter:
    """All members that SSCAN tells."""
    seen: Counter = Counter()
    cursor = b"0"
    while True:
        cursor, members = client.call("SSCAN", key, cursor, "COUNT", str(count))
        seen.update(members)
        if cursor == b"0":
            return seen
        between()


def test_large_sets_are_what_pythons_are(client: Connection) -> None:
    first = {numbered(number) for number in range(9_000)}
    second = {numbered(number) for number in range(6_000, 12_000)}
    third = {numbered(number) for number in range(0, 12_000, 3)}
    small = {b"7", b"s7", b"s6007", numbered(8), b"none"}
    sets = {"first": first, "second": second, "third": third, "small": small}
    for key, members in sets.items():
        fill(client, key, list(members))
        assert client.call("SCARD", key) == len(members)
        assert set(client.call("SMEMBERS", key)) == members
    choices = [["first", "second"], ["second", "first"], ["third", "first", "second"], ["small", "first"]]
    choices += [["first", "small"], ["first"], ["small", "third", "second", "first", "small", "third"]]
    for keys in choices:
        chosen = [sets[key] for key in keys]
        results = {"SINTER": set.intersection(*chosen), "SUNION": set.union(*chosen), "SDIFF": set.difference(*chosen)}
        for name, members in results.items():
            reply = client.call(name, *keys)
            assert len(reply) == len(members)
            assert set(reply) == members
            assert client.call(f"{name}CARD", len(keys), *keys) == len(members)
            assert client.call(f"{name}CARD", len(keys), *keys, "LIMIT", 100) == min(100, len(members))
            assert client.call(f"{name}STORE", "to", *keys) == len(members)
            assert set(client.call("SMEMBERS", "to")) == members
    assert client.call("SUNIONSTORE", "first", "first", "second") == len(first | second)
    assert client.call("SDIFFSTORE", "second", "first", "second") == len(first - second)
    assert set(client.call("SMEMBERS", "second")) == first - second


def test_a_set_holds_what_it_was_given(client: Connection) -> None:
    chance = random.Random(1)
    model: set[bytes] = set()
    for _ in range(300):
        members = [numbered(chance.randrange(4_000)) for _ in range(40)]
        if chance.random() < 0.6:
            assert client.call("SADD", "s", *members) == len(set(members) - model)
            model |= set(members)
        else:
            assert client.call("SREM", "s", *members) == len(set(members) & model)
            model -= set(members)
        assert client.call("SCARD", "s") == len(model)
        asked = [numbered(chance.randrange(4_000)) for _ in range(20)]
        assert client.call("SMISMEMBER", "s", *asked) == [member in model for member in asked]
    assert set(client.call("SMEMBERS", "s")) == model
    client.call("COPY", "s", "copy")
    for member in model:
        assert client.call("SREM", "s", member) == 1
    assert client.call("EXISTS", "s") == 0
    assert set(client.call("SMEMBERS", "copy")) == model


@pytest.mark.parametrize("count", [1, 7, 100, 100_000])
def test_sscan_tells_all_that_stay(client: Connection, count: int) -> None:
    staying = [numbered(number) for number in range(2_000)]
    going = [b"going:%d" % number for number in range(3_000)]
    coming = [b"coming:%d" % number for number in range(6_000)]
    fill(client, "s", staying + going)

    def change() -> None:
        gone = [going.pop() for _ in range(min(len(going), 2 * count))]
        come = [coming.pop() for _ in range(min(len(coming), 3 * count))]
        if gone:
            client.call("SREM", "s", *gone)
        if come:
            client.call("SADD", "s", *come)

    seen = walked(client, "s", count, change)
    assert set(staying) <= seen.keys()
    assert set(walked(client, "s", count)) == set(client.call("SMEMBERS", "s"))
    assert client.call("SSCAN", "s", 0, "COUNT", 100_000, "MATCH", "s1?2")[1] != []
    assert all(member.startswith(b"s1") for member in client.call("SSCAN", "s", 0, "COUNT", 100_000, "MATCH", "s1*")[1])


SIZES = [3, 100, 129, 600, 3_000]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("make", [numbered, lambda number: b"%d" % number, lambda number: b"m%d" % number])
def test_any_member_comes_as_often(client: Connection, size: int, make) -> None:
    members = [make(number) for number in range(size)]
    fill(client, "s", members)
    draws = 40 * size
    counts = Counter(client.call("SRANDMEMBER", "s", -draws))
    assert counts.keys() == set(members)
    # Chi-squared: its mean is size - 1, its deviation the root of twice that.
    chi_squared = sum((count - 40) ** 2 / 40 for count in counts.values())
    assert abs(chi_squared - (size - 1)) < 6 * (2 * size) ** 0.5
    for wanted in (1, size // 9, size // 2, size - 1):
        drawn = client.call("SRANDMEMBER", "s", wanted)
        assert len(drawn) == len(set(drawn)) == wanted
        assert set(drawn) <= set(members)


@pytest.mark.parametrize("way", ["SRANDMEMBER", "SPOP"])
@pytest.mark.parametrize(("size", "part"), [(10, 3), (10, 9), (150, 20), (150, 100), (150, 149), (700, 30)])
def test_selections_are_fair(client: Connection, way: str, size: int, part: int) -> None:
    members = [numbered(number) for number in range(size)]
    counts: Counter = Counter()
    times = 6_000 // part
    for _ in range(times):
        if way == "SPOP" or not counts:
            client.call("SADD", "s", *members)
        drawn = client.call(way, "s", part)
        assert len(set(drawn)) == part
        counts.update(drawn)
        if way == "SPOP":
            assert client.call("SCARD", "s") == size - part
    expected = times * part / size
    chi_squared = sum((counts[member] - expected) ** 2 / expected for member in members)
    # Draws without replacement vary less than with it, by what is left.
    assert chi_squared < (size - 1) * (1 - part / size) + 6 * (2 * size) ** 0.5


def test_members_popped_one_by_one(client: Connection) -> None:
    members = {numbered(number) for number in range(5_000)}
    fill(client, "s", list(members))
    popped = [client.call("SPOP", "s") for _ in range(2_000)]
    popped += client.call("SPOP", "s", 500)
    popped += client.call("SPOP", "s", 1_500)
    assert set(client.call("SMEMBERS", "s")) == members - set(popped)
    popped += client.call("SPOP", "s", 990)
    popped += client.call("SPOP", "s", 10_000)
    assert len(popped) == len(members)
    assert set(popped) == members
    assert client.call("EXISTS", "s") == 0
